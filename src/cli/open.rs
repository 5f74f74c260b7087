//! From a file and settings to a running crawl, and to its end.
//!
//! Shared by `crawl` and `resume`: wires scope, fetcher, pool, engine, writer
//! and the person's signals, waits for all of them, and prints what came of it.

use std::io::{IsTerminal, Write};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use anyhow::Context;
use clap::Args;
use futures_util::FutureExt;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::gates::{GateArgs, Gates};
use super::seeds::Seeds;
use super::summary::{self, Ended};
use super::{Exit, Usage, progress, say};
use crate::config::Config;
use crate::crawl::{self, Controls, Numbers};
use crate::engine::{Budget, Budgets, Engine, Finish, Loaded, Settings, record::Moment};
use crate::extract::Rules;
use crate::fault::panic_text;
use crate::fetch::Fetcher;
use crate::hash::UrlHasher;
use crate::pool::Pool;
use crate::scope::Scope;
use crate::store::{Reader, Store, Writer, is_own_name, network_file_system};
use crate::traps::Traps;
use crate::visit::{Visitor, unix_ms};

/// File descriptors besides those of requests.
const OTHER_FILES: u64 = 64;

/// What is checked before a file is touched.
pub(super) struct Prepared {
    pub(super) config: Config,
    pub(super) seeds: Seeds,
    pub(super) scope: Arc<Scope>,
    pub(super) fetcher: Fetcher,
    pub(super) budgets: Vec<Budget>,
    pub(super) rules: Rules,
}

/// How a run ends, shared by crawl and resume
#[derive(Debug, Args)]
pub(super) struct ResultArgs {
    /// Print one JSON object at the end instead of the summary
    #[arg(long, value_name = "FORMAT", value_parser = ["json", "text"], default_value = "text")]
    pub format: String,
    /// End with 0 also when a limit stopped the crawl
    #[arg(long)]
    pub limit_ok: bool,
    #[command(flatten)]
    pub gates: GateArgs,
}

impl ResultArgs {
    /// # Errors
    /// If the gates do not fit together.
    pub(super) fn manner(&self, quiet: bool) -> Result<Manner, Usage> {
        let gates = self.gates.checked()?;
        Ok(Manner { quiet, json: self.format == "json", limit_ok: self.limit_ok, gates })
    }
}

/// How the result is printed.
pub(super) struct Manner {
    pub(super) quiet: bool,
    pub(super) json: bool,
    pub(super) limit_ok: bool,
    pub(super) gates: Gates,
}

impl Prepared {
    pub(super) fn new(mut config: Config, seeds: Seeds) -> Result<Self, Usage> {
        seeds.allow_typed(&mut config.fetch);
        config.fetch.concurrency = affordable(config.fetch.concurrency);
        let scope = Scope::new(&config.scope, &seeds.urls).map_err(|error| Usage(error.into()))?;
        let scope = scope.sparing_session(config.fetch.is_logged_in());
        let fetcher = Fetcher::new(&config.fetch, &seeds.typed, &seeds.urls)
            .map_err(|error| Usage(error.into()))?;
        let budgets = config.limits.budgets.iter().map(|text| text.parse());
        let budgets: Result<_, String> = budgets.collect();
        let budgets = budgets.map_err(|error| Usage(anyhow::anyhow!(error)))?;
        let rules = Rules::new(&config.extract, &is_own_name);
        let rules = rules.map_err(|error| Usage(error.into()))?;
        Ok(Self { config, seeds, scope: Arc::new(scope), fetcher, budgets, rules })
    }
}

/// The year of a time in milliseconds since 1970 UTC, near enough to tell whether a
/// calendar runs away.
fn year_of(unix_ms: i64) -> u16 {
    const MEAN_YEAR_MS: i64 = 31_556_952_000;
    u16::try_from(1970 + unix_ms / MEAN_YEAR_MS).unwrap_or(u16::MAX)
}

/// The settings that the engine's decisions depend on.
fn engine_settings(config: &Config) -> Settings {
    Settings {
        concurrency: config.fetch.concurrency,
        retries: config.fetch.retries,
        sitemaps: config.scope.sitemaps,
        mirrors: config.scope.mirrors,
        politeness: config.politeness.clone(),
        limits: config.limits.clone(),
    }
}

/// Runs a crawl of `store` until it ends or is stopped.
pub(super) async fn run(
    mut store: Store,
    crawl_id: i64,
    path: &Path,
    prepared: Prepared,
    manner: &Manner,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let Prepared { config, seeds, scope, fetcher, budgets, rules } = prepared;
    if let Some(name) = network_file_system(path) {
        say(&format!(
            "note: {} is on a network file system ({name}); let nobody read it from another machine, or keep it on a local disk",
            path.display()
        ));
    }
    let now = Moment { at: std::time::Instant::now(), unix_ms: unix_ms() };
    let hasher = UrlHasher::new(store.secret());
    let started_at = store.started_at(crawl_id).await?;
    let blank = Loaded {
        traps: config.scope.traps.then(|| Traps::new(hasher, year_of(started_at))),
        budgets: Budgets::new(config.limits.per_host, budgets),
        ..Loaded::default()
    };
    let loaded = store.load(crawl_id, config.fetch.product_token(), blank, now.unix_ms).await?;
    let suspects = loaded.suspects.len();
    if suspects > 0 && !manner.quiet {
        say(&format!(
            "The last run ended without warning; its {suspects} open visits are tried first, one at a time."
        ));
    }
    let elapsed_before = i64::try_from(loaded.elapsed.as_millis()).unwrap_or(i64::MAX);
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let (pool, threads) = Pool::start(cores).context("cannot start threads")?;
    store.accept(crawl_id, config.check.accept.clone()).await?;
    let earlier = store.earlier(crawl_id, &config.fetch).await?;
    let visitor = Visitor::new(fetcher, pool, Arc::clone(&scope), hasher, rules, &config);
    let visitor = visitor.knowing(earlier.clone());
    let engine = Engine::new(engine_settings(&config), scope, hasher, loaded, now);
    let (writer, writing) = Writer::start(&store, crawl_id, now.at, elapsed_before);
    let (numbers, watched) = watch::channel(Numbers::default());
    let controls =
        Controls { stop: CancellationToken::new(), abort: CancellationToken::new(), numbers };

    let signal = Arc::new(AtomicI32::new(0));
    let signals = tokio::spawn(watch_signals(controls.clone(), Arc::clone(&signal)));
    let shown = (!manner.quiet)
        .then(|| tokio::spawn(progress::show(watched, config.clone(), controls.stop.clone())));
    let crawl = crawl::run(engine, seeds.urls.clone(), visitor, writer, store.lock(), &controls);
    let outcome = AssertUnwindSafe(crawl).catch_unwind().await;
    // The numbers end with their sender, and with them the progress.
    drop(controls);
    signals.abort();
    signals.await.ok();
    if let Some(shown) = shown {
        shown.await.ok();
    }
    let written = writing.await.context("the writer's task")?;
    if let Some(earlier) = earlier {
        earlier.close().await.ok();
    }
    tokio::task::block_in_place(|| threads.into_iter().for_each(|thread| drop(thread.join())));

    let finish = match (outcome, written) {
        (_, Err(error @ crate::store::Error::Corrupt(..))) => {
            store.close().await.ok();
            return Err(error.into());
        }
        (_, Err(error)) => {
            store.close().await.ok();
            return Err(anyhow::Error::from(error).context(resumable(path)));
        }
        (Err(panic), _) => {
            store.close().await?;
            anyhow::bail!("a fault in crawlite: {}; {}", panic_text(&*panic), resumable(path));
        }
        (Ok(Err(broken)), _) => {
            store.close().await?;
            return Err(anyhow::Error::from(broken).context(resumable(path)));
        }
        (Ok(Ok(finish)), Ok(())) => finish,
    };
    store.finish(crawl_id, &finish, config.scope.check_fragments, unix_ms()).await?;
    let summary = Reader::open(path)?.summary()?;
    let ended = Ended { path, finish: &finish, config: &config, seeds: &seeds.urls };
    let exit = exit_code(
        &finish,
        summary.status.done > summary.status.no_answer,
        signal.load(Ordering::Relaxed),
        manner.limit_ok,
    );
    let judged = manner.gates.judge_run(path, crawl_id, exit)?;
    if manner.json {
        summary::print_json(&summary, &ended, &judged, out)?;
    } else if !manner.quiet {
        summary::print(&summary, &ended);
    }
    if exit == Exit::Failed && manner.quiet {
        say(&format!("error: {}", summary::headline(&summary, &ended)));
    }
    judged.say(path, manner.quiet);
    judged.write_junit()?;
    Ok(judged.exit(exit))
}

fn resumable(path: &Path) -> String {
    format!("the crawl stopped; `crawlite resume {}` goes on", path.display())
}

fn exit_code(finish: &Finish, any_answer: bool, signal: i32, limit_ok: bool) -> Exit {
    match finish {
        Finish::Stopped if signal == SIGTERM => Exit::Terminated,
        Finish::Stopped => Exit::Interrupted,
        Finish::NoAnswer => Exit::Failed,
        Finish::Finished if any_answer => Exit::Finished,
        Finish::Finished => Exit::Failed,
        Finish::Pages | Finish::Time | Finish::Bytes if limit_ok => Exit::Finished,
        _ => Exit::Unfinished,
    }
}

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;

/// The first signal lets visits end, the second gives them up, the third ends the
/// process at once; nothing committed is lost by any of them. Visits get 30 s.
async fn watch_signals(controls: Controls, signal: Arc<AtomicI32>) {
    let mut listener = Listener::new();
    signal.store(listener.next().await, Ordering::Relaxed);
    if !std::io::stderr().is_terminal() {
        say(
            "Stopping: waiting for the requests in flight, at most 30 s; a second signal gives them up",
        );
    }
    controls.stop.cancel();
    tokio::select! {
        _ = listener.next() => {}
        () = tokio::time::sleep(std::time::Duration::from_secs(30)) => {}
    }
    controls.abort.cancel();
    listener.next().await;
    #[expect(clippy::exit, reason = "the person asked three times")]
    std::process::exit(130);
}

#[cfg(unix)]
struct Listener {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Listener {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    async fn next(&mut self) -> i32 {
        async fn of(signal: &mut Option<tokio::signal::unix::Signal>) {
            match signal {
                Some(signal) => drop(signal.recv().await),
                None => std::future::pending().await,
            }
        }
        tokio::select! {
            () = of(&mut self.interrupt) => SIGINT,
            () = of(&mut self.terminate) => SIGTERM,
        }
    }
}

#[cfg(not(unix))]
struct Listener;

#[cfg(not(unix))]
impl Listener {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) -> i32 {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        SIGINT
    }
}

/// Raises the limit of open files as far as allowed, and lowers the concurrency
/// to what it then bears.
fn affordable(concurrency: usize) -> usize {
    let Some(files) = raise_file_limit() else { return concurrency };
    let bearable =
        usize::try_from(files.saturating_sub(OTHER_FILES) / 2).unwrap_or(usize::MAX).max(1);
    if bearable < concurrency {
        say(&format!(
            "note: {files} open files allow {bearable} requests at once, not {concurrency}; `ulimit -n` raises it"
        ));
    }
    concurrency.min(bearable)
}

#[cfg(unix)]
fn raise_file_limit() -> Option<u64> {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(65_536).min(65_536);
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        setrlimit(Resource::Nofile, limit).ok();
    }
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
fn raise_file_limit() -> Option<u64> {
    None
}
