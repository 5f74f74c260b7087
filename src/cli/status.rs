//! `crawlite status`: how far a crawl has come.
//!
//! Only reads, so it works while the crawl is running.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::Exit;
use super::output::sanitize;
use super::summary::{answers, bytes, count, span};
use crate::store::{Reader, Status};

/// Show how far a crawl has come, also while it runs
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// File to look into
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How to print it
    #[arg(long, value_name = "FORMAT", value_parser = ["text", "json"], default_value = "text")]
    pub format: String,
}

/// Runs the subcommand.
///
/// # Errors
/// If the file cannot be read or `out` not be written.
pub(super) fn run(args: &StatusArgs, out: &mut impl Write) -> anyhow::Result<Exit> {
    let status = Reader::open(&args.file)?.status()?;
    let is_running = crate::store::is_owned(&args.file);
    if args.format == "json" {
        let mut value = serde_json::to_value(&status)?;
        value["running"] = is_running.into();
        writeln!(out, "{value}")?;
    } else {
        print(&status, &args.file, is_running, out)?;
    }
    Ok(Exit::Finished)
}

fn print(
    status: &Status,
    file: &Path,
    is_running: bool,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let name = file.display();
    let state = match (&status.finish, is_running) {
        (_, true) => "running".to_owned(),
        (Some(finish), false) if finish == "finished" => "finished".to_owned(),
        (Some(finish), false) if finish == "stopped" => {
            format!("stopped; `crawlite resume {name}` goes on")
        }
        (Some(finish), false) => format!("stopped ({finish}); `crawlite resume {name}` goes on"),
        (None, false) => format!(
            "ended without warning; `crawlite resume {name}` goes on, nothing committed is lost"
        ),
    };
    let seeds: Vec<String> = serde_json::from_str(&status.seeds).unwrap_or_default();
    let seeds = seeds.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    let took = span(Duration::from_millis(u64::try_from(status.elapsed_ms).unwrap_or_default()));
    writeln!(out, "{}", sanitize(&format!("Crawl {} of {seeds}: {state}", status.crawl_id)))?;
    let runs = if status.runs == 1 { "1 run".into() } else { format!("{} runs", status.runs) };
    writeln!(out, "  began    {} UTC, {took} in {runs}", status.started_at)?;
    writeln!(out, "  pages    {} ({})", count(status.done), answers(status))?;
    writeln!(out, "  to go    {}", count(status.pending))?;
    writeln!(out, "  skipped  {} of {} URLs met", count(status.skipped), count(status.urls))?;
    writeln!(out, "  file     {}", bytes(status.file_bytes))
}
