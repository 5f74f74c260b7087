//! `crawlite crawl`: a site into one file, or on with it.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;

use super::open::{ResultArgs, prepare, run as run_crawl};
use super::resume::{differ, judge_again};
use super::seeds::{Seeds, default_file};
use super::settings::Settings;
use super::{Exit, Usage, rules, say};
use crate::crawler::{Crawler, secret};
use crate::store::{CrawlRow, Error, OwnerLock, Store};
use crate::visit::unix_ms;

/// Crawl a site into one SQLite file, or go on with it
#[derive(Debug, Args)]
pub(super) struct CrawlArgs {
    /// Where to start; without a scheme https is tried, then http
    #[arg(value_name = "URL")]
    pub urls: Vec<String>,
    /// File to write to; named after the first host if not given
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Read further URLs from this file, one a line; - is stdin
    #[arg(short, long, value_name = "FILE")]
    pub input_file: Option<PathBuf>,
    /// Begin a new file; an existing one is kept as FILE.bak
    #[arg(long)]
    pub fresh: bool,
    #[command(flatten)]
    pub result: ResultArgs,
    #[command(flatten)]
    pub settings: Settings,
}

/// Runs the subcommand.
///
/// # Errors
/// If the settings are wrong or the store cannot be used.
pub(super) async fn run(
    args: CrawlArgs,
    quiet: bool,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    Ok(crawl(args, quiet, out).await?.0)
}

/// Crawls, and says into which file.
///
/// # Errors
/// As [`run`].
pub(super) async fn crawl(
    args: CrawlArgs,
    quiet: bool,
    out: &mut impl Write,
) -> anyhow::Result<(Exit, PathBuf)> {
    let config = args.settings.load().map_err(Usage)?;
    let manner = args.result.manner(quiet)?;
    let file = args.input_file.as_deref();
    let seeds = Seeds::read(&args.urls, file, &config.seeds, &config.fetch).await?;
    let path = args.output.clone().unwrap_or_else(|| default_file(&seeds.urls[0]));
    let completed = seeds.completed(&args.urls);
    let crawler = prepare(config, seeds)?;
    if args.fresh {
        set_aside(&path)?;
    }
    let store = Store::open(&path, secret(), unix_ms()).await?;
    let settings = crawler.config.without_secrets();
    let stored = settings.to_string();
    let texts = crawler.seed_texts();
    let newest = store.newest_crawl().await?;
    if let Some(crawl) = newest.as_ref().filter(|crawl| !same_seeds(crawl, &texts)) {
        let error = Usage(other_seeds(&path, crawl));
        store.close().await?;
        return Err(error.into());
    }
    let (mut store, changes) = rules::set(store, &crawler.rules).await?;
    let (crawl_id, how) = match newest {
        None => (store.begin(&texts, stored, unix_ms()).await?, "new file"),
        Some(crawl) if crawl.is_finished => {
            (store.begin(&texts, stored, unix_ms()).await?, "a further crawl in this file")
        }
        Some(crawl) => {
            let before = crawl.config.parse().unwrap_or_default();
            if differ(&before, &settings) {
                judge_again(&store, crawl.id, &crawler).await?;
            }
            store.resume(crawl.id, stored).await?;
            (crawl.id, "going on with the crawl in this file")
        }
    };
    if !quiet {
        introduce(&path, how, &crawler);
        for url in completed {
            say(&format!("Seed:   {url}"));
        }
        rules::say_changes(&changes, &path);
    }
    let exit = run_crawl(store, crawl_id, &path, crawler, &manner, out).await?;
    Ok((exit, path))
}

/// The first lines: file, scope and robots in words, and what is easily missed.
pub(super) fn introduce(path: &Path, how: &str, crawler: &Crawler) {
    let config = &crawler.config;
    say(&format!("File:   {} ({how})", path.display()));
    say(&format!("Scope:  {}", crawler.scope.in_words()));
    let robots =
        if config.politeness.robots { "robots.txt is obeyed" } else { "robots.txt is IGNORED" };
    let host = crawler.seeds[0].host_name();
    let delay = config.politeness.delay(host);
    let pace = if delay.is_zero() {
        "no delay".to_owned()
    } else {
        format!("{} between requests", crate::config::Span(delay))
    };
    say(&format!("Manner: {robots}; {pace}, {} at once per host", config.politeness.per_host));
    let is_public = crawler.seeds.iter().any(|seed| {
        crate::config::PolitenessConfig::default().delay(seed.host_name())
            > std::time::Duration::ZERO
    });
    if is_public && config.fetch.contact.is_none() && config.fetch.user_agent.is_none() {
        say("Note:   --contact MAIL-OR-URL tells site owners whom to ask");
    }
    if config.fetch.proxy.is_some() {
        say("Note:   the proxy looks host names up, so private addresses are not held off by name");
    } else if ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
    {
        say("Note:   the proxy in the environment is not used; -x URL sets one");
    }
    if args_have_no_effect(crawler) {
        say(&format!(
            "Note:   {} requests at once have no effect on one host: --per-host is {}",
            config.fetch.concurrency, config.politeness.per_host
        ));
    }
}

/// More concurrency than the default was asked for, and one host takes only so many.
fn args_have_no_effect(crawler: &Crawler) -> bool {
    let config = &crawler.config;
    let is_one_host =
        matches!(config.scope.preset, crate::config::Preset::Host | crate::config::Preset::Path)
            && crawler.seeds.iter().all(|seed| seed.server() == crawler.seeds[0].server());
    let default = crate::config::FetchConfig::default().concurrency;
    is_one_host
        && config.fetch.concurrency > default
        && config.politeness.per_host < config.fetch.concurrency
}

fn same_seeds(crawl: &CrawlRow, seeds: &[String]) -> bool {
    let sorted = |seeds: &[String]| {
        let mut seeds = seeds.to_vec();
        seeds.sort();
        seeds
    };
    sorted(&crawl.seeds) == sorted(seeds)
}

fn other_seeds(path: &Path, crawl: &CrawlRow) -> anyhow::Error {
    let name = path.display();
    let shown = crawl.seeds.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    anyhow!(
        "{name} holds a crawl of {shown}; choose another file with -o, or go on with it: crawlite resume {name}"
    )
}

/// Keeps an existing file under another name, with the log that a killed crawl
/// left beside it: a new file must not take that for its own.
fn set_aside(path: &Path) -> anyhow::Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let name = path.display();
    // Taking the lock shows that nobody writes to it.
    let lock = OwnerLock::take(path).with_context(|| format!("cannot lock {name}"))?;
    let lock = lock.ok_or_else(|| Error::InUse(name.to_string()))?;
    for suffix in ["-wal", "-shm", ""] {
        let (from, to) = (with_suffix(path, suffix), with_suffix(path, &format!(".bak{suffix}")));
        if to.exists() {
            std::fs::remove_file(&to)
                .with_context(|| format!("cannot replace {}", to.display()))?;
        }
        if from.exists() {
            std::fs::rename(&from, &to)
                .with_context(|| format!("cannot keep {name} as a backup"))?;
        }
    }
    lock.release();
    Ok(())
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
