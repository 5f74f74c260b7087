//! `crawlite traps`: which patterns hold URLs back, and how they are let go.

use std::io::Write;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand};

use super::output::Format;
use super::query::{self, QueryArgs};
use super::{Exit, Usage, say};
use crate::crawler::secret;
use crate::store::{Store, check_header};
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
    let name = args.file.display();
    let Some(urls) = released? else {
        let error = anyhow!("{name} has no trap `{pattern}`; crawlite traps {name} lists them");
        return Err(Usage(error).into());
    };
    say(&format!(
        "Released {pattern}: {urls} URLs are pending; crawlite resume {name} fetches them"
    ));
    Ok(Exit::Finished)
}
