//! `crawlite explain FILE URL`: what does each rule of a stored crawl say of a URL,
//! and what happened to it?
//!
//! Asks nobody on the network: the settings, the robots.txt and the traps are those
//! of the file. A URL that was never met is told what would become of it.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, anyhow};
use toml::Table;

use super::output::sanitize;
use super::{Exit, Usage, page};
use crate::canonical::CanonicalUrl;
use crate::config::Config;
use crate::robots::{Rules, Verdict};
use crate::scope::Scope;
use crate::store::{Reader, RulesOfCrawl};
use crate::traps;

/// Runs it.
///
/// # Errors
/// If the file cannot be read, the URL is none, or `out` cannot be written.
pub(super) fn run(file: &Path, text: &str, out: &mut impl Write) -> anyhow::Result<Exit> {
    let url = CanonicalUrl::parse(text)
        .map_err(|error| Usage(anyhow!("`{}` is no URL: {error}", sanitize(text))))?;
    let rules = Reader::open(file)?.rules(url.origin())?;
    let stored: Table = rules.config.parse().context("the settings in the file")?;
    let config = Config::layered(stored, &[], Table::new())?;
    let seeds: Vec<_> =
        rules.seeds.iter().filter_map(|seed| CanonicalUrl::parse(seed).ok()).collect();
    let scope = Scope::new(&config.scope, &seeds).map_err(|error| Usage(error.into()))?;
    let scope = scope.sparing_session(config.fetch.is_logged_in());
    let url = scope.stripped(url);
    writeln!(out, "canonical   {}", sanitize(url.as_str()))?;
    let verdict = match scope.judge(&url) {
        Ok(()) => format!("in: {}", scope.in_words()),
        Err(refusal) => format!("out: {} ({})", refusal.reason, refusal.detail),
    };
    writeln!(out, "scope       {}", sanitize(&verdict))?;
    writeln!(out, "robots.txt  {}", sanitize(&robots(&rules, &config, &url)))?;
    let mut parked = rules.traps.iter().filter(|pattern| traps::matches(pattern, &url));
    let trap = parked.next().map_or("none".to_owned(), |pattern| format!("of {pattern}"));
    writeln!(out, "trap        {}", sanitize(&trap))?;
    let limits = &config.limits;
    let depth = limits.depth.map_or("no limit".to_owned(), |depth| format!("at most {depth}"));
    writeln!(out, "depth       {depth}")?;
    if let Some(pages) = limits.pages {
        writeln!(out, "pages       at most {pages}")?;
    }
    for budget in &limits.budgets {
        writeln!(out, "budget      {}", sanitize(budget))?;
    }
    writeln!(out)?;
    if !page::print_known(file, url.as_str(), out)? {
        writeln!(
            out,
            "history     no crawl of this file has met it: no page that was read links to it"
        )?;
    }
    Ok(Exit::Finished)
}

fn robots(rules: &RulesOfCrawl, config: &Config, url: &CanonicalUrl) -> String {
    if !config.politeness.robots {
        return "ignored, as the settings say".to_owned();
    }
    match (rules.robots_status, &rules.robots_body) {
        (Some(200..=299), Some(body)) => {
            let parsed = Rules::parse(body.as_bytes(), &config.fetch.product_token());
            match parsed.verdict(url.path_and_query()) {
                Verdict::Allowed => format!("allowed for {}", config.fetch.product_token()),
                Verdict::Disallowed { line, rule } => format!("disallowed by line {line}: {rule}"),
            }
        }
        (Some(status @ (429 | 500..)), _) => {
            format!("answered {status}: nothing is fetched until it says more")
        }
        (Some(status), _) => format!("answered {status}: everything is allowed"),
        (None, _) => "not known: it was not asked for, or gave no answer".to_owned(),
    }
}
