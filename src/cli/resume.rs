//! `crawlite resume`: on with a crawl that was stopped in whatever way.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use toml::Table;

use super::crawl::introduce;
use super::open::{ResultArgs, prepare as prepare_crawl, run as run_crawl};
use super::seeds::Seeds;
use super::settings::{Settings, differences};
use super::{Exit, Usage, rules, say};
use crate::canonical::CanonicalUrl;
use crate::config::Config;
use crate::crawler::{Crawler, secret};
use crate::engine::record::Kind;
use crate::engine::too_deep;
use crate::extract::LinkKind;
use crate::refusal::Reason;
use crate::scope::Scope;
use crate::store::{Again, Aside, Error, Failure, Store, check_header};
use crate::visit::unix_ms;

/// Go on with a crawl that was stopped in whatever way
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// File to go on with
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Try again what failed: all, 4xx, 5xx, a status such as 403, an error such as
    /// timeout, or crashed; several separated by commas
    #[arg(long, value_name = "WHAT", num_args = 0..=1, default_missing_value = "all", value_delimiter = ',')]
    pub retry_failed: Vec<Failure>,
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
    let manner = args.result.manner(quiet)?;
    // Looked at first, so that a file that is missing or foreign is not touched.
    check_header(path)?;
    let store = Store::open(path, secret(), unix_ms()).await?;
    let Some(crawl) = store.newest_crawl().await? else {
        store.close().await?;
        return Err(Error::Empty(name.to_string()).into());
    };
    let before: Table = crawl.config.parse().map_err(|error: toml::de::Error| {
        Error::Corrupt(name.to_string(), format!("its settings: {}", error.message()))
    })?;
    let are_seeds = crawl.seeds.iter().all(|seed| CanonicalUrl::parse(seed).is_ok());
    if crawl.seeds.is_empty() || !are_seeds {
        store.close().await?;
        return Err(Error::Corrupt(name.to_string(), "its seeds cannot be read".into()).into());
    }
    let crawler = prepare(&args.settings, before.clone(), &crawl.seeds);
    let (crawler, after) = match crawler {
        Ok(crawler) => crawler,
        Err(usage) => {
            store.close().await?;
            return Err(usage.into());
        }
    };
    let (store, changes) = rules::set(store, &crawler.rules).await?;
    // Judged before the settings are kept: whatever ends us between, the next
    // resume still sees the difference and judges again.
    let released = judge_again(&store, crawl.id, &crawler, &before, &after).await?;
    let reopened = store.reopen(crawl.id, args.retry_failed.clone()).await?;
    store.resume(crawl.id, after.to_string()).await?;
    if !quiet {
        introduce(
            path,
            if crawl.is_finished { "finished before; looking again" } else { "going on" },
            &crawler,
        );
        rules::say_changes(&changes, path);
        for line in differences(&before, &after) {
            say(&format!("Changed: {line}"));
        }
        if !args.retry_failed.is_empty() {
            let urls = if reopened == 1 { "URL" } else { "URLs" };
            say(&format!("Trying again what failed: {reopened} {urls}"));
        }
        if let Some(released) = released {
            let urls = if released == 1 { "URL" } else { "URLs" };
            say(&format!("Judged again what was set aside: {released} {urls} more to fetch"));
        }
    }
    run_crawl(store, crawl.id, path, crawler, &manner, out).await
}

/// The stored settings under the flags given now, and what the file will keep.
fn prepare(
    settings: &Settings,
    before: Table,
    seeds: &[String],
) -> Result<(Crawler, Table), Usage> {
    let allowed = before.get("fetch").and_then(|fetch| fetch.get("allow_private")?.as_array());
    let allowed = allowed.into_iter().flatten().filter_map(|host| host.as_str());
    let seeds = Seeds::of_crawl(seeds, &allowed.collect::<Vec<_>>());
    let mut config = settings.over(before).map_err(Usage)?;
    seeds.allow_typed(&mut config.fetch);
    let after = config.without_secrets();
    Ok((prepare_crawl(config, seeds)?, after))
}

/// Judges again what was set aside, if a setting that it depends on has changed;
/// how many URLs that releases.
pub(super) async fn judge_again(
    store: &Store,
    crawl_id: i64,
    crawler: &Crawler,
    before: &Table,
    after: &Table,
) -> Result<Option<u64>, Error> {
    let depends_on = [
        "scope.",
        "limits.",
        "politeness.robots",
        "fetch.allow_private",
        "fetch.user:",
        "fetch.cookie_jar",
        "fetch.headers",
    ];
    let lines = differences(before, after);
    if !lines.iter().any(|line| depends_on.iter().any(|setting| line.starts_with(setting))) {
        return Ok(None);
    }
    let (scope, config) = (Arc::clone(&crawler.scope), crawler.config.clone());
    let judge = move |aside: &Aside| judge_aside(aside, &scope, &config);
    store.rejudge(crawl_id, judge).await.map(Some)
}

/// What becomes of a URL that was set aside, by the settings as they are now.
fn judge_aside(aside: &Aside, scope: &Scope, config: &Config) -> Again {
    match scope.judge(&aside.url) {
        Err(refusal) if refusal.reason == Reason::External && config.scope.check_external => {
            return Again::Fetch(Kind::External);
        }
        Err(refusal) => return Again::Aside(refusal),
        Ok(()) => {}
    }
    match aside.refusal.reason {
        Reason::Asset if config.scope.assets => {
            let may_be_fetched =
                LinkKind::from_stored(&aside.refusal.detail).is_some_and(LinkKind::may_be_fetched);
            if may_be_fetched {
                return Again::Fetch(Kind::Asset);
            }
            Again::Aside(aside.refusal.clone())
        }
        Reason::Asset => Again::Aside(aside.refusal.clone()),
        Reason::Trap if config.scope.traps => Again::Aside(aside.refusal.clone()),
        Reason::Nofollow if config.scope.nofollow => Again::Aside(aside.refusal.clone()),
        _ => {
            let too_deep = config.limits.depth.and_then(|limit| too_deep(aside.depth, limit));
            too_deep.map_or(Again::Fetch(Kind::Page), Again::Aside)
        }
    }
}
