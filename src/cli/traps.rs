//! `crawlite traps`: which patterns hold URLs back, and how they are let go.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Subcommand};

use super::left_out::{in_quotes, word};
use super::output::{Format, sanitize};
use super::query::{self, QueryArgs};
use super::{Exit, Usage, left_out, say};
use crate::crawler::secret;
use crate::store::{Reader, Store, check_header};
use crate::visit::unix_ms;

/// Show the patterns of URLs that would never end, or let one go
#[derive(Debug, Args)]
pub(super) struct TrapsArgs {
    /// File to look into
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How to print the rows
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    #[command(subcommand)]
    pub action: Option<Action>,
}

/// What to do about them.
#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Fetch what a pattern holds back at the next resume, and never take it for a trap again
    Release {
        /// The pattern as it is listed
        #[arg(value_name = "PATTERN")]
        pattern: String,
    },
}

/// Runs the subcommand.
///
/// # Errors
/// If the file cannot be used, or holds no such pattern.
pub(super) async fn run(args: TrapsArgs, out: &mut impl Write) -> anyhow::Result<Exit> {
    let Some(Action::Release { pattern }) = &args.action else {
        if args.format == Format::Table {
            return print(&args.file, out);
        }
        let sql = "SELECT pattern, kind, urls, evidence, example, released_at FROM traps ORDER BY urls DESC, pattern";
        let query = QueryArgs {
            file: args.file.clone(),
            sql: Some(sql.to_owned()),
            format: args.format,
            max_time: crate::config::Span(std::time::Duration::from_mins(1)),
        };
        return query::run(&query, out);
    };
    check_header(&args.file)?;
    let store = Store::open(&args.file, secret(), unix_ms()).await?;
    let released = store.release_trap(pattern.clone(), unix_ms()).await;
    store.close().await?;
    let name = word(&args.file.display().to_string());
    let Some(urls) = released? else {
        let error = anyhow!("{name} has no trap `{pattern}`; crawlite traps {name} lists them");
        return Err(Usage(error).into());
    };
    let are = left_out::are(i64::try_from(urls).unwrap_or(i64::MAX));
    say(&format!("Released {pattern}: {are} pending; to fetch them: crawlite resume {name}"));
    Ok(Exit::Finished)
}

/// Each trap in full, because its pattern is to be copied, with what shows it and the
/// command that releases it.
fn print(file: &Path, out: &mut impl Write) -> anyhow::Result<Exit> {
    let traps = Reader::open(file)?.traps()?;
    if traps.is_empty() {
        writeln!(out, "no pattern was taken for a trap")?;
    }
    for trap in traps {
        writeln!(out, "{}", sanitize(&trap.pattern))?;
        writeln!(out, "    {}: {}", sanitize(&trap.kind), sanitize(&trap.evidence))?;
        if let Some(released_at) = trap.released_at {
            writeln!(out, "    was released {released_at} UTC\n")?;
            continue;
        }
        let example = trap.example.map(|url| format!(", such as {url}")).unwrap_or_default();
        writeln!(out, "    {} set aside{}", left_out::are(trap.urls), sanitize(&example))?;
        let pattern = in_quotes(&trap.pattern);
        let file = word(&file.display().to_string());
        let command = format!("crawlite traps {file} release {pattern}");
        writeln!(out, "    to fetch them: {}\n", sanitize(&command))?;
    }
    Ok(Exit::Finished)
}
