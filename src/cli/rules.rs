//! What is a person told of the rules that fill tables?

use std::io::Write;
use std::path::Path;

use super::output::sanitize;
use super::say;
use super::summary::count;
use crate::canonical::CanonicalUrl;
use crate::extract::{Cell, Cut, Rule, RuleRows, Rules};
use crate::store::{RuleChange, RuleSum, Store};

/// Makes these rules those of the file; it is closed if they cannot be.
pub(super) async fn set(store: Store, rules: &Rules) -> anyhow::Result<(Store, Vec<RuleChange>)> {
    match store.set_rules(rules.clone()).await {
        Ok(changes) => Ok((store, changes)),
        Err(error) => {
            store.close().await?;
            Err(error.into())
        }
    }
}

/// Says which rules are new or other than before, where there is something to know.
pub(super) fn say_changes(changes: &[RuleChange], file: &Path) {
    for RuleChange { name, rows_gone, unread, bodiless } in changes {
        let mut line = match rows_gone {
            Some(rows) => {
                format!(
                    "Rule:   {name} is another than before, and its {} rows are gone",
                    count(*rows)
                )
            }
            None if *unread + *bodiless > 0 => format!("Rule:   {name} is new"),
            None => continue,
        };
        if *unread > 0 {
            let (file, pages) = (file.display(), count(*unread));
            line += &format!("; crawlite extract {file} reads the {pages} pages that are stored");
        }
        if *bodiless > 0 {
            let pages = count(*bodiless);
            line += &format!(
                "; {pages} pages are stored without bodies: --no-conditional fetches them again"
            );
        }
        say(&line);
    }
}

/// The lines of the summary: what each rule gave, and what is wrong.
pub(super) fn lines(sums: &[RuleSum], file: &Path) -> Vec<String> {
    sums.iter().map(|sum| line(sum, file)).collect()
}

fn line(sum: &RuleSum, file: &Path) -> String {
    let rule = &sum.rule;
    let pages = count(sum.pages);
    let mut line = match (sum.pages, sum.matched) {
        (0, _) => format!("{rule}: no page has a URL that it is for"),
        (_, 0) => {
            format!("{rule}: found nothing on any of {pages} pages; are its selectors right?")
        }
        (_, matched) => {
            format!("{rule}: {} rows from {} of {pages} pages", count(sum.rows), count(matched))
        }
    };
    if !sum.empty.is_empty() {
        let empty = sum.empty.iter().map(|(name, rows)| {
            let how_often = if *rows == sum.rows { "always".to_owned() } else { count(*rows) };
            format!("{name} {how_often}")
        });
        line += &format!("; empty: {}", empty.collect::<Vec<_>>().join(", "));
    }
    if sum.cut > 0 {
        line += &format!("; {} pages were not read whole (view extractions)", count(sum.cut));
    }
    if sum.unread {
        line += &format!("; crawlite extract {} reads the pages from before it", file.display());
    }
    line
}

/// Rows of a page that are printed of each rule.
const SHOWN: usize = 10;
/// Characters of a value that are printed.
const SHOWN_CHARS: usize = 200;

/// Prints what each rule makes of one page.
pub(super) fn print_rows(
    rules: &Rules,
    url: &CanonicalUrl,
    found: &[RuleRows],
    out: &mut impl Write,
) -> std::io::Result<()> {
    for rule in rules.iter() {
        let name = rule.name();
        let Some(found) = found.iter().find(|found| &*found.rule == name) else {
            let pattern = rule.pattern().unwrap_or_default();
            writeln!(out, "rule        {name} is not for {url}: it does not match `{pattern}`")?;
            continue;
        };
        let cut = found.cut.map(|cut| format!(" ({})", in_words(cut))).unwrap_or_default();
        let rows = match found.rows.len() {
            1 => "1 row".to_owned(),
            rows => format!("{} rows", count(rows as u64)),
        };
        writeln!(out, "rule        {name}: {rows}{cut}")?;
        for row in found.rows.iter().take(SHOWN) {
            print_row(rule, row, out)?;
        }
        if found.rows.len() > SHOWN {
            writeln!(out, "  and {} more", found.rows.len() - SHOWN)?;
        }
    }
    Ok(())
}

/// A line for each field; what was not found is said.
fn print_row(rule: &Rule, row: &[Cell], out: &mut impl Write) -> std::io::Result<()> {
    let width = rule.columns().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (at, ((name, _), cell)) in rule.columns().zip(row).enumerate() {
        let mark = if at == 0 { '-' } else { ' ' };
        let value = match cell {
            Cell::Empty => "(nothing)".to_owned(),
            Cell::Text(text) => shortened(text),
            Cell::Real(number) => number.to_string(),
            Cell::Integer(number) => number.to_string(),
        };
        writeln!(out, "  {mark} {name:<width$}  {}", sanitize(&value))?;
    }
    Ok(())
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn in_words(cut: Cut) -> &'static str {
    match cut {
        Cut::Size => "the page is too large to be looked through whole",
        Cut::Depth => {
            "the elements of the page stand too deep within each other to be looked through"
        }
        Cut::Time => "given up: it takes too long on this page",
        Cut::Rows => "there is more: rows, or what is in them, are cut",
    }
}
