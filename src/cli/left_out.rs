//! What did rules leave out, and which command fetches it?

use super::output::sanitize;
use super::say;
use super::summary::{Ended, count};
use crate::config::{Config, Preset};
use crate::store::Summary;

/// Says what was left out: a line for each rule that people can change, with the
/// command that does.
pub(super) fn print(summary: &Summary, ended: &Ended<'_>) {
    let file = word(&ended.path.display().to_string());
    let mut is_first = true;
    for (reason, what, flags) in rules(ended.config) {
        let urls = of(summary, reason);
        if urls == 0 {
            continue;
        }
        let said = match reason {
            "excluded" | "not-included" => format!("{} {what}", match_of(urls)),
            _ => format!("{} {what}", are(urls)),
        };
        let line = format!("  {said}: crawlite resume {file} {flags}");
        say(&if is_first { format!("\n{line}") } else { line });
        is_first = false;
    }
    for (domain, urls) in elsewhere(summary, ended) {
        let said = format!("{} on other hosts of {}", are(*urls), sanitize(domain));
        say(&format!("\n  {said}: crawlite resume {file} --scope domain"));
    }
    let spared = match of(summary, "session") {
        0 => None,
        1 => Some("1 URL".to_owned()),
        urls => Some(format!("{} URLs", count(urls))),
    };
    if let Some(urls) = spared {
        let what = "could end the login or delete something, and were left alone";
        say(&format!("\n  {urls} {what}: crawlite report {file} skipped"));
    }
    let trapped = of(summary, "trap");
    if trapped > 0 {
        say(&format!(
            "\n  {} set aside as traps, which would never end: crawlite traps {file}",
            are(trapped)
        ));
    }
    print_not_checked(summary, ended);
}

/// Reasons that people can change: what URLs then are, and the flags that let them in.
fn rules(config: &Config) -> [(&'static str, String, String); 7] {
    let (scope, limits) = (&config.scope, &config.limits);
    let depth = limits.depth.unwrap_or_default();
    let links = if depth == 1 { "link" } else { "links" };
    let exclude = [("scope.exclude", &scope.exclude), ("scope.exclude_glob", &scope.exclude_glob)];
    let include = [("scope.include", &scope.include), ("scope.include_glob", &scope.include_glob)];
    let robots = "disallowed by robots.txt; only if the site is yours";
    let wider = format!("--scope {}", wider(scope.preset));
    let deeper = format!("--depth {}", depth.saturating_mul(2).max(1));
    [
        ("out-of-scope", "out of the scope".to_owned(), wider),
        ("excluded", "--exclude".to_owned(), emptied(&exclude)),
        ("not-included", "no --include".to_owned(), emptied(&include)),
        ("depth", format!("deeper than {depth} {links}"), deeper),
        ("budget", "beyond a budget".to_owned(), larger_budgets(config)),
        ("nofollow", "behind nofollow".to_owned(), "--follow-nofollow".to_owned()),
        ("robots", robots.to_owned(), "--ignore-robots".to_owned()),
    ]
}

/// Hosts beside those of the seeds that a wider scope has, and does not yet.
fn elsewhere<'a>(summary: &'a Summary, ended: &Ended<'_>) -> &'a [(String, i64)] {
    match ended.config.scope.preset {
        Preset::Domain | Preset::Any => &[],
        _ => &summary.left_out.other_hosts,
    }
}

/// The flags that make those lists empty that are not.
fn emptied(lists: &[(&str, &Vec<String>)]) -> String {
    let filled = lists.iter().filter(|(_, list)| !list.is_empty());
    filled.map(|(key, _)| format!("--set '{key}=[]'")).collect::<Vec<_>>().join(" ")
}

/// The flags that let go on with what budgets set aside.
fn larger_budgets(config: &Config) -> String {
    let per_host = config.limits.per_host.map(|pages| pages.saturating_mul(10));
    let per_host = per_host.map(|pages| format!("--max-per-host {pages}"));
    let budgets = emptied(&[("limits.budgets", &config.limits.budgets)]);
    let flags = [Some(budgets).filter(|flags| !flags.is_empty()), per_host];
    flags.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// A word of a command as a shell takes it: in quotes if it needs them.
pub(super) fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "._-/:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { in_quotes(text) }
}

/// The same, always in quotes.
pub(super) fn in_quotes(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// How many URLs were left out for a reason.
fn of(summary: &Summary, reason: &str) -> i64 {
    let found = summary.skipped_by_reason.iter().find(|(name, _)| name == reason);
    found.map_or(0, |(_, urls)| *urls)
}

/// What goes further than a scope.
fn wider(preset: Preset) -> &'static str {
    match preset {
        Preset::Path => "host",
        Preset::Host | Preset::Subdomains => "domain",
        Preset::Domain | Preset::Any => "any",
    }
}

/// `1 URL is`, `2 URLs are`.
pub(super) fn are(urls: i64) -> String {
    if urls == 1 { "1 URL is".to_owned() } else { format!("{} URLs are", count(urls)) }
}

fn match_of(urls: i64) -> String {
    if urls == 1 { "1 URL matches".to_owned() } else { format!("{} URLs match", count(urls)) }
}

/// What was met and not asked for, and the command that does.
fn print_not_checked(summary: &Summary, ended: &Ended<'_>) {
    let scope = &ended.config.scope;
    let named = |number: i64, one: &str| match number {
        1 => format!("1 {one}"),
        _ => format!("{} {one}s", count(number)),
    };
    let kinds = [
        (of(summary, "external"), "external link", "--check-external", scope.check_external),
        (of(summary, "asset"), "asset", "--assets", scope.assets),
    ];
    let left: Vec<_> = kinds.into_iter().filter(|(n, .., asked)| *n > 0 && !asked).collect();
    if left.is_empty() {
        return;
    }
    let parts: Vec<_> = left.iter().map(|(n, name, ..)| named(*n, name)).collect();
    let flags: Vec<_> = left.iter().map(|(_, _, flag, _)| *flag).collect();
    say(&format!(
        "\n  Not checked: {}; crawlite resume {} {}",
        parts.join(", "),
        word(&ended.path.display().to_string()),
        flags.join(" ")
    ));
}
