//! `crawlite explain FILE URL`: what does each rule of a stored crawl say of a URL,
//! and what happened to it?
//!
//! Asks nobody on the network: the settings, the robots.txt and the traps are those
//! of the file. A URL that was never met is told what would become of it.

use std::io::Write;
use std::path::Path;

use super::output::sanitize;
use super::{Exit, Usage, page};
use crate::canonical::CanonicalUrl;
use crate::config::Config;
use crate::engine::{Budget, Budgets};
use crate::robots::{Rules, Verdict};
use crate::scope::Scope;
use crate::store::{Reader, RulesOfCrawl};
use crate::traps;
use anyhow::{Context, anyhow};

/// Runs it.
///
/// # Errors
/// If the file cannot be read, the URL is none, or `out` cannot be written.
pub(super) fn run(file: &Path, text: &str, out: &mut impl Write) -> anyhow::Result<Exit> {
    let reader = Reader::open(file)?;
    let url = match CanonicalUrl::parse(&completed(text, &reader.seeds()?)) {
        Ok(url) => url,
        // A page may have had a link to it all the same.
        Err(_) if page::print_known(file, text, out)? => return Ok(Exit::Finished),
        Err(error) => {
            return Err(Usage(anyhow!("`{}` is no URL: {error}", sanitize(text))).into());
        }
    };
    let rules = reader.rules(url.origin())?;
    let config = Config::stored(&rules.config).context("the settings in the file")?;
    let seeds: Vec<_> =
        rules.seeds.iter().filter_map(|seed| CanonicalUrl::parse(seed).ok()).collect();
    let scope = Scope::new(&config.scope, &seeds).map_err(|error| Usage(error.into()))?;
    let scope = scope.sparing_session(config.fetch.is_logged_in());
    let url = scope.stripped(url);
    writeln!(out, "canonical   {}", sanitize(url.as_str()))?;
    // The first rule that says no decides what would become of it.
    let mut refusal = None;
    let scoped = match scope.judge(&url) {
        Ok(()) => format!("in: {}", scope.extent()),
        Err(found) => {
            let found = format!("{} ({})", found.reason, found.detail);
            refusal = Some(found.clone());
            format!("out: {found}")
        }
    };
    writeln!(out, "scope       {}", sanitize(&scoped))?;
    let (is_allowed, robots) = robots(&rules, &config, &url);
    writeln!(out, "robots.txt  {}", sanitize(&robots))?;
    refusal = refusal.or((!is_allowed).then(|| format!("robots ({robots})")));
    let (is_parked, trap) = trap(&rules, &url);
    writeln!(out, "trap        {}", sanitize(&trap))?;
    refusal = refusal.or(is_parked.then(|| format!("trap ({trap})")));
    let limits = &config.limits;
    let depth = limits.depth.map_or("no limit".to_owned(), |depth| format!("at most {depth}"));
    writeln!(out, "depth       {depth}")?;
    if let Some(pages) = limits.pages {
        writeln!(out, "pages       {} of {pages} pages", rules.pages)?;
        let is_used = rules.pages >= pages;
        refusal = refusal.or(is_used.then(|| format!("page limit ({pages})")));
    }
    let budgets: Result<Vec<Budget>, String> = limits.budgets.iter().map(|it| it.parse()).collect();
    let budgets = Budgets::new(limits.per_host, budgets.map_err(|error| anyhow!(error))?);
    let budgets = reader.used(budgets)?;
    for budget in budgets.in_words(&url) {
        writeln!(out, "budget      {}", sanitize(&budget))?;
    }
    let over = budgets.judge(&url).err().map(|it| format!("{} ({})", it.reason, it.detail));
    print_history(file, &url, refusal.or(over), out)?;
    Ok(Exit::Finished)
}

/// A path, or a URL without its scheme, as one on the host or with the scheme of a seed.
fn completed(text: &str, seeds: &[String]) -> String {
    let seed = seeds.iter().find_map(|seed| CanonicalUrl::parse(seed).ok());
    let looks_like_host = || !text.contains(char::is_whitespace) && text.contains('.');
    let has_scheme = || text.contains("://") || CanonicalUrl::parse(text).is_ok();
    match seed {
        Some(seed) if text.starts_with('/') => format!("{}{text}", seed.origin()),
        Some(seed) if !has_scheme() && !text.contains('@') && looks_like_host() => {
            let scheme = seed.origin().split("://").next().unwrap_or("https");
            format!("{scheme}://{text}")
        }
        _ => text.to_owned(),
    }
}

/// What happened to it; of a URL that was never met, what would.
fn print_history(
    file: &Path,
    url: &CanonicalUrl,
    refusal: Option<String>,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    writeln!(out)?;
    if page::print_known(file, url.as_str(), out)? {
        return Ok(());
    }
    let history = "no crawl of this file has met it: no page that was read links to it";
    writeln!(out, "history     {history}")?;
    let verdict = match refusal {
        None => "it would be fetched once a page that is read links to it".to_owned(),
        Some(why) => format!("it would not be fetched: {why}"),
    };
    writeln!(out, "verdict     {}", sanitize(&verdict))?;
    Ok(())
}

/// Whether it is of a pattern that is parked, and which.
fn trap(rules: &RulesOfCrawl, url: &CanonicalUrl) -> (bool, String) {
    let (parked, released) = &rules.traps;
    let of = |patterns: &[String]| patterns.iter().find(|it| traps::matches(it, url)).cloned();
    if let Some(pattern) = of(released) {
        return (false, format!("of {pattern}, which was released"));
    }
    of(parked).map_or((false, "none".to_owned()), |pattern| (true, format!("of {pattern}")))
}

/// Whether robots.txt lets it be fetched, and what it says.
fn robots(rules: &RulesOfCrawl, config: &Config, url: &CanonicalUrl) -> (bool, String) {
    if !config.politeness.robots {
        return (true, "ignored, as the settings say".to_owned());
    }
    match (rules.robots_status, &rules.robots_body) {
        (Some(200..=299), Some(body)) => {
            let token = config.fetch.product_token();
            match Rules::parse(body.as_bytes(), &token).verdict(url.path_and_query()) {
                Verdict::Allowed => (true, format!("allowed for {token}")),
                Verdict::Disallowed { line, rule } => {
                    (false, format!("disallowed by line {line}: {rule}"))
                }
            }
        }
        (Some(status @ (429 | 500..)), _) => {
            (false, format!("answered {status}: nothing is fetched until it says more"))
        }
        (Some(status), _) => (true, format!("answered {status}: everything is allowed")),
        (None, _) => (true, "not known: it was not asked for, or gave no answer".to_owned()),
    }
}
