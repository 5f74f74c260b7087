//! What did rules leave out, and which command fetches it?

use super::say;
use super::summary::{Ended, count};
use crate::config::Preset;
use crate::store::Summary;

/// Says what was left out: a line for each rule that people can change, with the
/// command that does.
pub(super) fn print(summary: &Summary, ended: &Ended<'_>) {
    let file = ended.path.display();
    let limits = &ended.config.limits;
    let deeper = limits.depth.unwrap_or_default().saturating_mul(2).max(1);
    let all_budgets = "--set limits.budgets=[] --set limits.per_host=1000000";
    let lines = [
        (
            "out-of-scope",
            "out of the scope".to_owned(),
            format!("--scope {}", wider(ended.config.scope.preset)),
        ),
        (
            "excluded",
            String::new(),
            "--set scope.exclude=[] --set scope.exclude_glob=[]".to_owned(),
        ),
        (
            "not-included",
            String::new(),
            "--set scope.include=[] --set scope.include_glob=[]".to_owned(),
        ),
        (
            "depth",
            format!("deeper than {} links", limits.depth.unwrap_or_default()),
            format!("--depth {deeper}"),
        ),
        ("budget", "beyond a budget".to_owned(), all_budgets.to_owned()),
        ("nofollow", "behind nofollow".to_owned(), "--follow-nofollow".to_owned()),
        (
            "robots",
            "disallowed by robots.txt; only if the site is yours".to_owned(),
            "--ignore-robots".to_owned(),
        ),
    ];
    let mut is_first = true;
    for (reason, what, flags) in lines {
        let urls = of(summary, reason);
        if urls == 0 {
            continue;
        }
        let said = match reason {
            "excluded" => format!("{} --exclude", match_of(urls)),
            "not-included" => format!("{} no --include", match_of(urls)),
            _ => format!("{} {what}", are(urls)),
        };
        let line = format!("  {said}: crawlite resume {file} {flags}");
        say(&if is_first { format!("\n{line}") } else { line });
        is_first = false;
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
        ended.path.display(),
        flags.join(" ")
    ));
}
