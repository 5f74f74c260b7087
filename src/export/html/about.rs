//! What was crawled, how, and what was left out, in words?

use std::fmt::Display;
use std::io::{self, Write};
use std::time::Duration;

use super::Page;
use super::escape::{Command, Lines, Text};
use super::table::write_url;
use crate::canonical::CanonicalUrl;
use crate::config::{Config, Span};
use crate::export::numbers::{bytes, count, span};
use crate::export::utc;
use crate::scope::Scope;

/// Seeds, patterns and the like that are named.
const MAX_NAMED: usize = 10;

/// Milliseconds since 1970 as readable UTC time.
pub(super) fn time(ms: i64) -> String {
    let text = utc(u64::try_from(ms / 1000).unwrap_or_default());
    format!("{} {} UTC", &text[..10], &text[11..16])
}

/// Milliseconds as a length of time.
pub(super) fn length(ms: i64) -> String {
    span(Duration::from_millis(u64::try_from(ms).unwrap_or_default()))
}

/// A name that a shell takes for one word.
pub(super) fn shell_word(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-/+@%,:=".contains(c);
    if !name.is_empty() && !name.starts_with('-') && name.chars().all(is_plain) {
        return name.to_owned();
    }
    let name = if name.starts_with('-') { format!("./{name}") } else { name.to_owned() };
    format!("'{}'", name.replace('\'', r"'\''"))
}

/// How it ended: class of the style, and in words.
pub(super) fn state(page: &Page<'_>) -> (&'static str, &'static str) {
    if page.is_running {
        return ("open", "Running: this is what was there when the page was written");
    }
    match page.overview.finish.as_deref() {
        Some("finished") => ("done", "Finished"),
        Some("parked") => ("open", "Not finished: what is left is on hosts that are parked"),
        Some("no-answer") => ("open", "No seed gave an answer"),
        Some("page-limit") => ("open", "Not finished: stopped by the page limit"),
        Some("time-limit") => ("open", "Not finished: stopped by the time limit"),
        Some("byte-limit") => ("open", "Not finished: stopped by the byte limit"),
        Some("waiting") => ("open", "Not finished: a host asks for more patience than allowed"),
        Some(_) => ("open", "Not finished: stopped by hand"),
        None => ("open", "Not finished: ended without warning"),
    }
}

/// Writes the section of the page that describes the crawl.
pub(super) fn write(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    out.write_all(b"<section id=\"crawl\"><h2>The crawl</h2>\n<dl class=\"facts\">\n")?;
    write_seeds(out, page)?;
    let overview = page.overview;
    let mut when =
        format!("begun {}, took {}", time(overview.started_at), length(overview.elapsed_ms));
    if overview.runs > 1 {
        when += &format!(" in {} runs", overview.runs);
    }
    fact(out, "When", &when)?;
    fact(out, "End", &state(page).1)?;
    for (name, words) in
        page.config.map(|config| settings(config, &overview.seeds)).unwrap_or_default()
    {
        fact(out, name, &words)?;
    }
    let received =
        format!("{} requests, {} received", count(overview.requests), bytes(overview.wire_bytes));
    fact(out, "Traffic", &received)?;
    let scripts = match overview.needs_javascript {
        0 => "not run; no page shows little without it".to_owned(),
        pages => format!("not run; pages that show little without it: {}", count(pages)),
    };
    fact(out, "JavaScript", &scripts)?;
    out.write_all(b"</dl>\n")?;
    write_left_out(out, page)?;
    writeln!(
        out,
        "<details><summary>All settings</summary><pre tabindex=\"0\"><code>{}</code></pre></details>\n</section>",
        Lines(overview.config.trim_end())
    )
}

fn fact(out: &mut impl Write, name: &str, words: &impl Display) -> io::Result<()> {
    writeln!(out, "<dt>{}</dt><dd>{}</dd>", Text(name), Text(&words.to_string()))
}

fn write_seeds(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    let seeds = &page.overview.seeds;
    out.write_all(b"<dt>Start</dt><dd>")?;
    for (place, seed) in seeds.iter().take(MAX_NAMED).enumerate() {
        out.write_all(if place > 0 { b", " } else { b"" })?;
        write_url(out, seed, "-")?;
    }
    if seeds.len() > MAX_NAMED {
        write!(out, " and {} more", count((seeds.len() - MAX_NAMED) as u64))?;
    }
    out.write_all(b"</dd>\n")
}

/// The settings that matter to a reader.
fn settings(config: &Config, seeds: &[String]) -> Vec<(&'static str, String)> {
    let seeds: Vec<_> = seeds.iter().filter_map(|seed| CanonicalUrl::parse(seed).ok()).collect();
    let mut words = Vec::new();
    if let Ok(scope) = Scope::new(&config.scope, &seeds) {
        words.push(("Scope", scope.extent()));
    }
    for (name, patterns) in [
        ("Only what matches", [&config.scope.include, &config.scope.include_glob]),
        ("But not", [&config.scope.exclude, &config.scope.exclude_glob]),
    ] {
        let all: Vec<&str> = patterns.into_iter().flatten().map(String::as_str).collect();
        if !all.is_empty() {
            words.push((name, named(&all)));
        }
    }
    words.push(("Manner", manner(config, &seeds)));
    words.push(("Limits", limits(config)));
    words.push(("Also checked", checks(config)));
    words.push(("User agent", config.fetch.user_agent()));
    words
}

/// A list that does not grow without end.
fn named(all: &[&str]) -> String {
    let more = all.len().saturating_sub(MAX_NAMED);
    let list = all[..all.len() - more].join(", ");
    if more > 0 { format!("{list} and {more} more") } else { list }
}

fn manner(config: &Config, seeds: &[CanonicalUrl]) -> String {
    let manner = &config.politeness;
    let robots = if manner.robots { "robots.txt is obeyed" } else { "robots.txt is not obeyed" };
    let delay = manner.delay(seeds.first().map_or("", CanonicalUrl::host_name));
    let pace = if delay.is_zero() {
        "no delay".to_owned()
    } else {
        format!("{} between requests", Span(delay))
    };
    let rate = manner.rate.map(|rate| format!(", {rate} a second at most")).unwrap_or_default();
    let nofollow = if config.scope.nofollow { "" } else { "; nofollow is not obeyed" };
    let sitemaps = if config.scope.sitemaps { "" } else { "; sitemaps are not read" };
    let traps = if config.scope.traps { "" } else { "; nothing is taken for a trap" };
    let per_host = manner.per_host;
    format!("{robots}{nofollow}; {pace}, {per_host} at once per host{rate}{sitemaps}{traps}")
}

fn limits(config: &Config) -> String {
    let limits = &config.limits;
    let mut all = Vec::new();
    all.extend(limits.depth.map(|depth| format!("{depth} links from a seed")));
    all.extend(limits.pages.map(|pages| format!("{} pages", count(pages))));
    all.extend(limits.per_host.map(|pages| format!("{} pages of a host", count(pages))));
    all.extend(limits.budgets.iter().map(|budget| format!("pages below {budget}")));
    all.extend(limits.time.map(|time| time.to_string()));
    all.extend(limits.bytes.map(|size| bytes(size.0)));
    if all.is_empty() {
        return "none".into();
    }
    named(&all.iter().map(String::as_str).collect::<Vec<_>>())
}

fn checks(config: &Config) -> String {
    let scope = &config.scope;
    let checks = [
        (scope.assets, "images, scripts and stylesheets"),
        (scope.check_external, "links to other sites"),
        (scope.check_fragments, "places on pages that links name (#…)"),
    ];
    let asked: Vec<_> = checks.iter().filter(|(is_on, _)| *is_on).map(|(_, what)| *what).collect();
    if asked.is_empty() { "nothing besides pages".into() } else { asked.join(", ") }
}

/// Writes what nobody looked at.
fn write_left_out(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    let (overview, left) = (page.overview, left_out(page));
    if left.is_empty() && overview.parked.is_empty() && overview.links_cut == 0 {
        return Ok(());
    }
    out.write_all(b"<h3>Not checked</h3>\n<ul class=\"left\">\n")?;
    for (what, command) in left {
        writeln!(out, "<li>{} {}</li>", Text(&what), Command(&command))?;
    }
    for (origin, why) in &overview.parked {
        writeln!(out, "<li>{} is parked: {}</li>", Text(origin), Text(why))?;
    }
    if overview.links_cut > 0 {
        let cut = count(overview.links_cut);
        writeln!(out, "<li>{cut} links beyond what is kept of one page</li>")?;
    }
    out.write_all(b"</ul>\n")
}

/// What nobody looked at, each with the command that does.
fn left_out(page: &Page<'_>) -> Vec<(String, String)> {
    let overview = page.overview;
    let skipped = |name: &str| {
        overview.skipped.iter().find(|(reason, _)| reason == name).map_or(0, |(_, urls)| *urls)
    };
    let of = |number: u64, one: &str, many: &str| {
        format!("{} {}", count(number), if number == 1 { one } else { many })
    };
    let scope = page.config.map(|config| &config.scope);
    let resume = format!("crawlite resume {}", shell_word(page.file));
    let mut left = Vec::new();
    if overview.pending > 0 {
        let what = of(overview.pending, "URL is still to fetch", "URLs are still to fetch");
        left.push((what, resume.clone()));
    }
    if skipped("external") > 0 && !scope.is_some_and(|scope| scope.check_external) {
        let what = of(skipped("external"), "link to another site", "links to other sites");
        left.push((what, format!("{resume} --check-external")));
    }
    if skipped("asset") > 0 && !scope.is_some_and(|scope| scope.assets) {
        let (one, many) = ("image, script or stylesheet", "images, scripts and stylesheets");
        left.push((of(skipped("asset"), one, many), format!("{resume} --assets")));
    }
    if overview.html_pages > 0 && !scope.is_some_and(|scope| scope.check_fragments) {
        let what = "Whether places on pages that links name (#…) are there".to_owned();
        left.push((what, format!("{resume} --check-fragments")));
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_readable() {
        assert_eq!(time(1_795_000_000_000), "2026-11-18 11:06 UTC");
        assert_eq!(time(-5), "1970-01-01 00:00 UTC");
        assert_eq!(length(3_700_000), "1 h 1 min");
    }

    #[test]
    fn a_file_name_is_one_word_of_a_command() {
        #[rustfmt::skip]
        let cases = [
            ("a.db", "a.db"), ("/x/a-b.db", "/x/a-b.db"), ("my site.db", "'my site.db'"), ("it's", r"'it'\''s'"),
            ("-x.db", "'./-x.db'"), ("$(x).db", "'$(x).db'"), ("", "''"),
        ];
        for (name, expected) in cases {
            assert_eq!(shell_word(name), expected);
        }
    }

    #[test]
    fn settings_are_said_in_words() {
        let toml = "[limits]\npages = 3000\ndepth = 4\n[politeness]\nrobots = false\n[scope]\nassets = true\nexclude = ['x']";
        let config = Config::stored(toml).unwrap();
        let words = settings(&config, &["https://a.org/3/".to_owned()]);
        let expected = [
            ("Scope", "all of a.org, but what matches exclude"),
            ("But not", "x"),
            ("Manner", "robots.txt is not obeyed; 250ms between requests, 2 at once per host"),
            ("Limits", "4 links from a seed, 3 000 pages"),
            ("Also checked", "images, scripts and stylesheets"),
            ("User agent", "crawlite/0.1.0"),
        ];
        let words: Vec<_> = words.iter().map(|(name, words)| (*name, &**words)).collect();
        assert_eq!(words, expected);
    }
}
