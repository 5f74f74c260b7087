//! What came of the crawl, and what to do next?

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::gates::Judged;
use super::output::sanitize;
use super::{left_out, rules, say};
use crate::canonical::CanonicalUrl;
use crate::config::Config;
use crate::engine::Finish;
pub(super) use crate::export::numbers::{bytes, count, span};
use crate::store::{Status, Summary};

/// A run that ended.
pub(super) struct Ended<'a> {
    pub(super) path: &'a Path,
    pub(super) finish: &'a Finish,
    pub(super) config: &'a Config,
    pub(super) seeds: &'a [CanonicalUrl],
    /// Whether the command itself lists what is broken, below.
    pub(super) lists_broken: bool,
}

/// Prints the summary for people.
pub(super) fn print(summary: &Summary, ended: &Ended<'_>) {
    let file = left_out::word(&ended.path.display().to_string());
    let status = &summary.status;
    say(&headline(summary, ended));
    if *ended.finish == Finish::NoAnswer {
        return say(&format!("\nNext:\n  crawlite resume {file}"));
    }
    say("");
    say(&format!("  Pages    {:>9}   {}", count(status.done), answers(status)));
    say(&format!("  Links    {:>9}", count(summary.links)));
    print_sitemaps(summary, &file);
    if status.pending > 0 {
        say(&format!("  To go    {:>9}", count(status.pending)));
    }
    if status.skipped > 0 {
        let reasons: Vec<_> = summary
            .skipped_by_reason
            .iter()
            .map(|(reason, n)| format!("{} {reason}", count(*n)))
            .collect();
        say(&format!("  Skipped  {:>9}   {}", count(status.skipped), reasons.join(", ")));
    }
    if summary.links_cut > 0 {
        say(&format!(
            "  Cut      {:>9}   links beyond what is kept of one page",
            count(summary.links_cut),
        ));
    }
    for line in rules::lines(&summary.extracted, ended.path) {
        say(&format!("  Rule     {line}"));
    }
    let bodies = u64::try_from(summary.stored_body_bytes).unwrap_or_default();
    say(&format!(
        "  File     {:>9}   {} of it page bodies; {} came over the wire",
        bytes(status.file_bytes),
        bytes(bodies),
        bytes(u64::try_from(status.wire_bytes).unwrap_or_default()),
    ));
    if !ended.lists_broken {
        print_broken(summary);
    }
    print_scripted(summary, &file);
    if summary.accepted_targets > 0 {
        let are = if summary.accepted_targets == 1 { "target has" } else { "targets have" };
        say(&format!(
            "\n  {} link {are} a status that --accept lets pass",
            count(summary.accepted_targets)
        ));
    }
    for (origin, why) in &summary.parked {
        say(&format!("\n  {origin} is parked: {why}; its pages wait for a resume"));
    }
    left_out::print(summary, ended);
    say("\nNext:");
    if let Some(url) = &summary.left_out.redirects_to {
        say(&format!("  crawlite {}", sanitize(&left_out::word(url))));
    }
    if !ended.finish.is_complete() {
        say(&format!("  crawlite resume {file}{}", raise(ended)));
    }
    if summary.broken_targets > 0 && !ended.lists_broken {
        say(&format!("  crawlite report {file} broken"));
    }
    if status.skipped > 0 {
        say(&format!("  crawlite report {file} skipped"));
    }
    say(&format!("  crawlite report {file}"));
}

/// Why it ended, in one line.
pub(super) fn headline(summary: &Summary, ended: &Ended<'_>) -> String {
    let status = &summary.status;
    let took = span(Duration::from_millis(u64::try_from(status.elapsed_ms).unwrap_or_default()));
    let pages = if status.done == 1 {
        "1 page".to_owned()
    } else {
        format!("{} pages", count(status.done))
    };
    let seed = ended.seeds.first().map(ToString::to_string).unwrap_or_default();
    match ended.finish {
        Finish::Finished => finished(summary, &pages, &took, &seed),
        Finish::Parked => {
            format!("Stopped after {pages} in {took}: what is left is on hosts that are parked.")
        }
        Finish::NoAnswer => {
            let why = summary.last_error.as_deref().unwrap_or("its robots.txt cannot be read");
            format!("No answer from {seed}: {why}. Check the name and the network.")
        }
        Finish::Pages => format!("Stopped by the page limit after {pages} in {took}."),
        Finish::Time => format!("Stopped by the time limit after {pages} in {took}."),
        Finish::Bytes => format!("Stopped by the byte limit after {pages} in {took}."),
        Finish::Waiting { server, wait } => {
            format!(
                "Stopped after {pages} in {took}: {server} asks for {} of patience.",
                span(*wait)
            )
        }
        Finish::Stopped => format!("Stopped after {pages} in {took}; nothing is lost."),
    }
}

/// That everything was fetched; if that is not what its person will have meant, why.
fn finished(summary: &Summary, pages: &str, took: &str, seed: &str) -> String {
    let status = &summary.status;
    let few = if status.done == 1 { "a single page" } else { pages };
    if status.done == 0 {
        format!("Finished without a page: {}", why_nothing(summary, seed))
    } else if status.done == status.no_answer {
        format!("Finished, but nobody answered: {seed}; see the report errors")
    } else if let Some(there) = &summary.left_out.redirects_to {
        let there = sanitize(there);
        format!("Finished with {few} in {took}: it redirects to {there}, which is out of the scope")
    } else if status.done == 1 {
        format!("Finished with {few} in {took}: {}", why_one(summary))
    } else {
        format!("Finished: {pages} in {took}.")
    }
}

fn why_nothing(summary: &Summary, seed: &str) -> String {
    match &summary.left_out.seed {
        Some((reason, detail)) if reason == "robots" => {
            format!("robots.txt disallows {seed} ({})", sanitize(detail))
        }
        Some((reason, detail)) => {
            format!("{seed} was skipped: {reason} ({}); see the report skipped", sanitize(detail))
        }
        None => format!("nothing is left to fetch of {seed}"),
    }
}

fn why_one(summary: &Summary) -> String {
    let status = &summary.status;
    if status.redirects == 1 {
        return "it redirects; see the report redirects".to_owned();
    }
    if let Some((_, status, _)) = summary.broken.first() {
        let is_shut = ["401", "403"].contains(&&**status);
        let login = if is_shut { "; if it wants a login: -u, -H or --cookie-jar" } else { "." };
        return format!("it answered {status}{login}");
    }
    if summary.javascript_pages == 1 {
        return "it shows its content only to those who run scripts".to_owned();
    }
    if summary.links == 0 {
        return "it has no links. Pages built by scripts show theirs only in a browser".to_owned();
    }
    let Some((reason, n)) = summary.skipped_by_reason.first() else {
        return "it links to nothing else".to_owned();
    };
    let why = match &**reason {
        "not-included" => "what it links to matches no --include",
        "excluded" => "what it links to matches --exclude",
        "depth" => "what it links to is deeper than --depth",
        "robots" => "what it links to is disallowed by robots.txt",
        "nofollow" => "its links say nofollow",
        _ => "its links lead elsewhere",
    };
    format!("{why} ({} {reason}); see the report skipped", count(*n))
}

/// Says so if most pages show little to a program that runs no scripts, as this one does.
fn print_scripted(summary: &Summary, file: &str) {
    let (pages, of) = (summary.javascript_pages, summary.html_pages);
    if of > 1 && pages * 2 > of {
        say(&format!(
            "\n  {} of {} pages show their content only to those who run scripts, which crawlite does not:\
             \n    crawlite report {file} needs-javascript",
            count(pages),
            count(of)
        ));
    }
}

fn print_sitemaps(summary: &Summary, file: &str) {
    let problems = match summary.sitemap_problems {
        0 => String::new(),
        1 => format!("; 1 problem: crawlite report {file} sitemaps"),
        problems => format!("; {} problems: crawlite report {file} sitemaps", count(problems)),
    };
    if summary.sitemap_urls > 0 || summary.sitemap_problems > 0 {
        let (maps, urls) = (count(summary.sitemaps), count(summary.sitemap_urls));
        say(&format!("  Sitemaps {maps:>9}   {urls} URLs in them{problems}"));
    }
}

fn print_broken(summary: &Summary) {
    if summary.broken_targets == 0 {
        return;
    }
    let are = if summary.broken_targets == 1 { "target is" } else { "targets are" };
    say(&format!("\n  {} link {are} broken; linked most:", count(summary.broken_targets)));
    for (url, status, pages) in &summary.broken {
        let from = match pages {
            0 => String::new(),
            1 => "  (from 1 page)".to_owned(),
            pages => format!("  (from {} pages)", count(*pages)),
        };
        say(&format!("    {status:<8} {url}{from}"));
    }
}

/// The flag that lets a resume go beyond the limit that was reached.
fn raise(ended: &Ended<'_>) -> String {
    let limits = &ended.config.limits;
    match ended.finish {
        Finish::Pages => {
            limits.pages.map(|pages| format!(" --max-pages {}", pages.saturating_mul(10)))
        }
        Finish::Time => limits
            .time
            .map(|time| format!(" --max-time {}", crate::config::Span(time.0.saturating_mul(2)))),
        Finish::Bytes => limits
            .bytes
            .map(|size| format!(" --max-bytes {}", crate::config::Size(size.0.saturating_mul(2)))),
        _ => None,
    }
    .unwrap_or_default()
}

/// Prints the summary as one JSON object.
pub(super) fn print_json(
    summary: &Summary,
    ended: &Ended<'_>,
    judged: &Judged,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let mut value = serde_json::to_value(summary)?;
    value["gates"] = judged.to_json();
    value["finish"] = ended.finish.as_str().into();
    value["file"] = ended.path.display().to_string().into();
    writeln!(out, "{value}")?;
    Ok(())
}

/// How many pages gave which kind of answer, in words.
pub(super) fn answers(status: &Status) -> String {
    let unchanged = match status.unchanged {
        0 => String::new(),
        pages => format!(" ({} unchanged)", count(pages)),
    };
    let kinds = [
        (status.ok, &*format!("ok{unchanged}")),
        (status.redirects, if status.redirects == 1 { "redirect" } else { "redirects" }),
        (status.client_errors, "4xx"),
        (status.server_errors, "5xx"),
        (status.no_answer, "no answer"),
    ];
    let counted = kinds.iter().filter(|(n, _)| *n > 0);
    counted.map(|(n, name)| format!("{} {name}", count(*n))).collect::<Vec<_>>().join(", ")
}
