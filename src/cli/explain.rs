//! `crawlite explain`: one URL through every step, live.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;

use super::open::prepare;
use super::output::sanitize;
use super::seeds::Seeds;
use super::settings::Settings;
use super::summary::bytes;
use super::{Exit, Usage, rules, verdict};
use crate::canonical::CanonicalUrl;
use crate::crawler::Crawler;
use crate::engine::record::{Candidate, Depth, Kind, OriginId, Outcome, ServerId, UrlId, Visited};
use crate::extract::is_xhtml;
use crate::hash::UrlHasher;
use crate::pool::Pool;
use crate::robots::Verdict;
use crate::store::{Body, unpack};
use crate::visit::Visitor;

/// Links and matches that are printed.
const SHOWN: usize = 20;

/// Show what would happen to one URL: spelling, scope, robots.txt, answer, content
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The URL to explain, live; or a file, to explain the URL that follows by what it holds
    #[arg(value_name = "URL|FILE")]
    pub url: String,
    /// The URL to explain by what the file holds: each rule's verdict, and what happened to it
    #[arg(value_name = "URL", conflicts_with_all = ["seed", "select", "extract"])]
    pub url_in_file: Option<String>,
    /// The seed whose crawl is meant; the URL itself if not given
    #[arg(long, value_name = "URL")]
    pub seed: Option<String>,
    /// Show what this CSS selector finds on the page
    #[arg(long, value_name = "CSS")]
    pub select: Option<String>,
    /// Show what the extraction rules of --config find on the page
    #[arg(long)]
    pub extract: bool,
    #[command(flatten)]
    pub settings: Settings,
}

/// Runs the subcommand. At most two requests are made, and robots.txt is obeyed.
///
/// # Errors
/// If the settings are wrong or `out` cannot be written.
pub(super) async fn run(args: ExplainArgs, out: &mut impl Write) -> anyhow::Result<Exit> {
    if let Some(url) = &args.url_in_file {
        return verdict::run(Path::new(&args.url), url, out);
    }
    let config = args.settings.load().map_err(Usage)?;
    let selector = args.select.as_deref().map(|css| {
        crate::extract::Selector::parse(css).map_err(|error| Usage(anyhow::anyhow!(error)))
    });
    let selector = selector.transpose()?;
    let urls = [vec![args.url.clone()], args.seed.iter().cloned().collect()].concat();
    let mut seeds = Seeds::read(&urls, None, &[], &config.fetch).await?;
    let url = seeds.urls[0].clone();
    if args.seed.is_some() {
        seeds.urls.remove(0);
    }
    let Crawler { config, scope, fetcher, rules: all_rules, .. } = prepare(config, seeds)?;
    if args.extract && all_rules.is_empty() {
        let error = anyhow::anyhow!(
            "no rules to show: --extract goes with --config FILE, where [[extract]] says what to look for"
        );
        return Err(Usage(error).into());
    }
    writeln!(out, "canonical   {url}")?;
    writeln!(
        out,
        "scope       {}",
        match scope.judge(&url) {
            Ok(()) => format!("in: {}", scope.in_words()),
            Err(refusal) => format!("out: {} ({})", refusal.reason, refusal.detail),
        }
    )?;
    let (pool, _threads) = Pool::start(1).context("cannot start a thread")?;
    let product_token = config.fetch.product_token();
    let hasher = UrlHasher::new([0; 16]);
    let extraction = all_rules.clone();
    let visitor = Visitor::new(fetcher, pool, Arc::clone(&scope), hasher, extraction, &config);
    let robots = CanonicalUrl::from_stored(format!("{}/robots.txt", url.origin()));
    let (answer, _) = visitor.visit(candidate(robots, Kind::Robots)).await;
    let allowed = print_robots(&answer, &url, &product_token, out)?;
    if !allowed && config.politeness.robots {
        writeln!(
            out,
            "fetch       not done: robots.txt is obeyed (--ignore-robots, only if the site is yours)"
        )?;
        return Ok(Exit::Finished);
    }
    let (visited, _) = visitor.visit(candidate(url, Kind::Page)).await;
    print_answer(&visited, out)?;
    if let Some(page) = &visited.page {
        // Who works on rules or selectors wants to see what they find.
        let shown = if args.extract || args.select.is_some() { 0 } else { SHOWN };
        print_page(&visited, page, shown, out)?;
        if args.extract {
            rules::print_rows(&all_rules, &visited.candidate.url, &page.rows, out)?;
        }
        if let (Some(selector), Some(body)) = (selector, &page.body) {
            let html = unpack(body.codec, &body.bytes, body.size_bytes)?;
            let html = html.context("a body that was just packed")?;
            let charset = page.charset.to_owned();
            let is_xhtml = is_xhtml(visited.fetch.content_type.as_deref().unwrap_or_default());
            print_matches(&selector, &Body { charset, is_xhtml, bytes: html }.html(), out)?;
        }
    }
    let is_answered = visited.fetch.status.is_some();
    Ok(if is_answered { Exit::Finished } else { Exit::Failed })
}

fn candidate(url: CanonicalUrl, kind: Kind) -> Candidate {
    Candidate {
        id: UrlId(1),
        url,
        origin: OriginId(1),
        server: ServerId(0),
        kind,
        depth: Depth::new(0),
        hops: 0,
        attempts: 0,
        revisit: false,
    }
}

/// What robots.txt says; whether the URL may be fetched.
fn print_robots(
    answer: &Visited,
    url: &CanonicalUrl,
    product_token: &str,
    out: &mut impl Write,
) -> std::io::Result<bool> {
    let (allowed, words) = match (&answer.outcome, &answer.robots) {
        (_, Some(robots)) => match robots.rules.verdict(url.path_and_query()) {
            Verdict::Allowed => (true, format!("allowed for {product_token}")),
            Verdict::Disallowed { line, rule } => {
                (false, format!("disallowed by line {line}: {rule}"))
            }
        },
        (Outcome::Answer { status: status @ (429 | 500..), .. }, _) => {
            (false, format!("answers {status}: nothing is fetched until it says more"))
        }
        (Outcome::Answer { status, .. }, _) if (300..400).contains(status) => {
            (true, format!("answers {status}; a crawl follows the redirect"))
        }
        (Outcome::Answer { status, .. }, _) => {
            (true, format!("answers {status}: everything is allowed"))
        }
        (Outcome::Failed { code, .. }, _) => {
            (false, format!("gives no answer ({code}): nothing is fetched until it does"))
        }
    };
    writeln!(out, "robots.txt  {}", sanitize(&words))?;
    if let Some(delay) = answer.robots.as_ref().and_then(|robots| robots.rules.crawl_delay()) {
        writeln!(out, "            asks for {} between requests", crate::config::Span(delay))?;
    }
    Ok(allowed)
}

fn print_answer(visited: &Visited, out: &mut impl Write) -> std::io::Result<()> {
    let fetch = &visited.fetch;
    let Some(status) = fetch.status else {
        let why = fetch.error_detail.as_deref().unwrap_or_default();
        return writeln!(out, "fetch       no answer: {}", sanitize(why));
    };
    let version = fetch.http_version.unwrap_or_default();
    let ip = fetch.ip.map(|ip| format!(" from {ip}")).unwrap_or_default();
    writeln!(
        out,
        "fetch       {status} {version}{ip}, {} in {} ms",
        bytes(fetch.wire_bytes),
        fetch.elapsed_ms
    )?;
    if let Some(media_type) = &fetch.content_type {
        writeln!(out, "            {}", sanitize(media_type))?;
    }
    if let Some(target) = visited.redirect {
        writeln!(out, "redirect    {}", sanitize(&visited.found[target as usize].text))?;
    }
    Ok(())
}

fn print_page(
    visited: &Visited,
    page: &crate::engine::record::PageRecord,
    shown: usize,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let fields = [
        ("title", &page.title),
        ("description", &page.description),
        ("h1", &page.h1),
        ("lang", &page.lang),
        ("canonical", &page.claimed_canonical),
        ("robots", &page.robots_directives),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            writeln!(out, "{name:<11} {}", sanitize(value))?;
        }
    }
    writeln!(out, "charset     {}, {} words", page.charset, page.words)?;
    writeln!(out, "links       {}", page.links.len())?;
    for link in page.links.iter().take(shown) {
        let target = &visited.found[link.target as usize];
        let verdict = target
            .refusal
            .as_ref()
            .map_or_else(|| "followed".to_owned(), |refusal| refusal.reason.to_string());
        writeln!(out, "  {:<12} {verdict:<12} {}", link.kind.as_str(), sanitize(&target.text))?;
    }
    if page.links.len() > shown && shown > 0 {
        writeln!(out, "  and {} more", page.links.len() - shown)?;
    }
    Ok(())
}

fn print_matches(
    selector: &crate::extract::Selector,
    html: &str,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let matches = selector.texts(html, SHOWN);
    writeln!(
        out,
        "selector    {} matches{}",
        matches.texts.len(),
        if matches.is_cut { " (the page is too large or deep to be searched whole)" } else { "" }
    )?;
    for text in matches.texts {
        writeln!(out, "  {}", sanitize(&text))?;
    }
    Ok(())
}
