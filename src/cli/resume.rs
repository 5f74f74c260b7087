//! `crawlite resume`: on with a crawl that was stopped in whatever way.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use toml::Table;

use super::crawl::{introduce, secret};
use super::open::{Prepared, ResultArgs, run as run_crawl};
use super::seeds::Seeds;
use super::settings::{Settings, differences};
use super::{Exit, Usage, say};
use crate::canonical::CanonicalUrl;
use crate::store::{Error, Reader, Store};
use crate::visit::unix_ms;

/// Go on with a crawl that was stopped in whatever way
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// File to go on with
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub result: ResultArgs,
    #[command(flatten)]
    pub settings: Settings,
}

/// Runs the subcommand.
///
/// # Errors
/// If the file holds no crawl, the settings are wrong, or the store cannot be used.
pub(super) async fn run(
    args: ResumeArgs,
    quiet: bool,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let path = &args.file;
    let name = path.display();
    // Looked at first, so that a file that is missing or foreign is not touched.
    drop(Reader::open(path)?);
    let store = Store::open(path, secret(), unix_ms()).await?;
    let Some(crawl) = store.newest_crawl().await? else {
        store.close().await?;
        return Err(Error::Empty(name.to_string()).into());
    };
    let before: Table = crawl.config.parse().with_context(|| format!("the settings in {name}"))?;
    let prepared = prepare(&args.settings, before.clone(), &crawl.seeds);
    let (prepared, after) = match prepared {
        Ok(prepared) => prepared,
        Err(usage) => {
            store.close().await?;
            return Err(usage.into());
        }
    };
    store.resume(crawl.id, after.to_string()).await?;
    if !quiet {
        introduce(
            path,
            if crawl.is_finished { "finished before; looking again" } else { "going on" },
            &prepared,
        );
        for line in differences(&before, &after) {
            say(&format!("Changed: {line}"));
        }
    }
    let manner = args.result.manner(quiet);
    run_crawl(store, crawl.id, path, prepared, &manner, out).await
}

/// The stored settings under the flags given now, and what the file will keep.
fn prepare(
    settings: &Settings,
    before: Table,
    seeds: &[String],
) -> Result<(Prepared, Table), Usage> {
    let config = settings.over(before).map_err(Usage)?;
    let urls: Vec<_> = seeds.iter().filter_map(|seed| CanonicalUrl::parse(seed).ok()).collect();
    // Whoever began the crawl typed or listed these; the file is theirs.
    let seeds = Seeds { typed: urls.clone(), urls };
    let after = config.without_secrets();
    Ok((Prepared::new(config, seeds)?, after))
}
