//! `crawlite check`: are there broken links, and who has them?
//!
//! The crawl of `crawl` with everything a link can lead to, and what is broken in
//! groups: each target once, with the pages that link to it.

use std::io::Write;

use clap::Args;

use super::crawl::{CrawlArgs, crawl};
use super::output::sanitize;
use super::summary::count;
use super::{Exit, say};
use crate::store::{QueryError, Reports, Value, report};

/// Find broken links: pages, images, scripts, stylesheets, other sites, and places on pages
#[derive(Debug, Args)]
#[command(
    after_help = "The same as crawl --assets --check-external --check-fragments --fail-on broken,broken-fragments,
and then what is broken, each target once. Ends with exit code 2 if anything is."
)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    pub crawl: CrawlArgs,
}

/// Runs the subcommand.
///
/// # Errors
/// As `crawl`.
pub(super) async fn run(
    mut args: CheckArgs,
    quiet: bool,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let settings = &mut args.crawl.settings;
    (settings.assets, settings.check_external, settings.check_fragments) = (true, true, true);
    let gates = &mut args.crawl.result.gates;
    if gates.fail_on.is_empty() && gates.max_broken.is_none() {
        gates.fail_on = ["broken", "broken-fragments"].map(str::to_owned).to_vec();
    }
    args.crawl.result.lists_broken = true;
    let is_json = args.crawl.result.format == "json";
    let (exit, path) = crawl(args.crawl, quiet, out).await?;
    if !is_json && matches!(exit, Exit::Finished | Exit::Findings | Exit::Unfinished) {
        let reports = Reports::open(&path)?;
        print_groups(&reports, "broken", out)?;
        print_groups(&reports, "broken-fragments", out)?;
        if !quiet {
            say(&format!("Everything: crawlite report {} broken --limit 0", path.display()));
        }
    }
    Ok(exit)
}

/// Prints the rows of a report in groups: what is broken, and below who links to it.
fn print_groups(reports: &Reports, name: &str, out: &mut impl Write) -> anyhow::Result<()> {
    let report = report(name).expect("it is one of ours");
    let mut columns = Vec::new();
    let on_columns = |names: &[String]| {
        columns = names.to_vec();
        Ok(())
    };
    let mut rows = Vec::new();
    let on_row = |row: &[Value]| {
        rows.push(row.to_vec());
        Ok(())
    };
    let outcome: Result<u64, QueryError> = reports.run(report, None, Some(200), on_columns, on_row);
    outcome?;
    for row in &rows {
        let cell = |name: &str| {
            let at = columns.iter().position(|column| column == name)?;
            match &row[at] {
                Value::Text(text) => Some(text.clone()),
                Value::Integer(number) => Some(number.to_string()),
                _ => None,
            }
        };
        let what = cell("status").or_else(|| cell("error"));
        let place = cell("fragment").map(|fragment| format!("#{fragment}"));
        let target = cell("target").unwrap_or_default();
        let line = format!(
            "{} {target}{}",
            what.unwrap_or_else(|| "no place".to_owned()),
            place.unwrap_or_default()
        );
        writeln!(out, "{}", sanitize(&line))?;
        let pages: u64 = cell("unique_inlinks").and_then(|it| it.parse().ok()).unwrap_or_default();
        let linked_from = cell("linked_from").unwrap_or_default();
        let shown: Vec<_> = linked_from.split(' ').filter(|url| !url.is_empty()).collect();
        for url in &shown {
            writeln!(out, "    on {}", sanitize(url))?;
        }
        let more = pages.saturating_sub(shown.len() as u64);
        if more > 0 {
            writeln!(out, "    and {} more", count(more))?;
        }
    }
    Ok(())
}
