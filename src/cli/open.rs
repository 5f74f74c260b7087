//! How is a crawl run for a person, from its file to its last line?
//!
//! Shared by `crawl` and `resume`: runs the crawl under the person's signals, shows
//! how it goes, and prints what came of it.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use anyhow::anyhow;
use clap::Args;

use super::gates::{GateArgs, Gates};
use super::ready::make_ready;
use super::seeds::Seeds;
use super::summary::{self, Ended};
use super::{Exit, Usage, progress, say};
use crate::config::Config;
use crate::crawl::Controls;
use crate::crawler::{Crawler, Failure};
use crate::engine::Finish;
use crate::store::{Error, Reader, Store, network_file_system, report};

/// File descriptors besides those of requests.
const OTHER_FILES: u64 = 64;

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
    /// Whether the command itself lists what is broken, after the summary
    #[arg(skip)]
    pub lists_broken: bool,
}

impl ResultArgs {
    /// # Errors
    /// If the gates do not fit together.
    pub(super) fn manner(&self, quiet: bool) -> Result<Manner, Usage> {
        let gates = self.gates.checked()?;
        let (json, limit_ok) = (self.format == "json", self.limit_ok);
        Ok(Manner { quiet, json, limit_ok, gates, lists_broken: self.lists_broken && !json })
    }
}

/// How the result is printed.
pub(super) struct Manner {
    pub(super) quiet: bool,
    pub(super) json: bool,
    pub(super) limit_ok: bool,
    pub(super) gates: Gates,
    pub(super) lists_broken: bool,
}

/// Checks the settings before a file is touched.
pub(super) fn prepare(mut config: Config, seeds: Seeds) -> Result<Crawler, Usage> {
    seeds.allow_typed(&mut config.fetch);
    config.fetch.concurrency = affordable(config.fetch.concurrency);
    Crawler::new(config, seeds.urls, &seeds.typed).map_err(|error| Usage(error.into()))
}

/// Runs a crawl of `store` until it ends or is stopped, and says what came of it.
pub(super) async fn run(
    store: Store,
    crawl_id: i64,
    path: &Path,
    crawler: Crawler,
    manner: &Manner,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let (config, seeds) = (crawler.config.clone(), crawler.seeds.clone());
    if let Some(name) = network_file_system(path) {
        say(&format!(
            "note: {} is on a network file system ({name}); let nobody read it from another machine, or keep it on a local disk",
            path.display()
        ));
    }
    let signal = Arc::new(AtomicI32::new(0));
    let finish = Box::pin(carry_out(crawler, store, crawl_id, manner.quiet, &signal)).await;
    let finish = finish.map_err(|failure| told(failure, path))?;
    let ended = Ended {
        path,
        finish: &finish,
        config: &config,
        seeds: &seeds,
        lists_broken: manner.lists_broken,
    };
    if finish != Finish::Stopped {
        let listed = report("broken").filter(|_| manner.lists_broken);
        let wanted: Vec<_> = manner.gates.reports().chain(listed).collect();
        make_ready(path, crawl_id, &wanted, manner.quiet).await?;
    }
    say_result(&ended, crawl_id, signal.load(Ordering::Relaxed), manner, out)
}

/// The crawl itself, with progress, under the person's signals.
async fn carry_out(
    crawler: Crawler,
    store: Store,
    crawl_id: i64,
    quiet: bool,
    signal: &Arc<AtomicI32>,
) -> Result<Finish, Failure> {
    let config = crawler.config.clone();
    let loaded = crawler.load(store, crawl_id).await?;
    let suspects = loaded.suspects();
    if suspects > 0 && !quiet {
        say(&format!(
            "The last run ended without warning; its {suspects} open visits are tried first, one at a time."
        ));
    }
    let (controls, watched) = Controls::new();
    let signals = tokio::spawn(watch_signals(controls.clone(), Arc::clone(signal)));
    let shown =
        (!quiet).then(|| tokio::spawn(progress::show(watched, config, controls.stop.clone())));
    let finish = loaded.run(&controls).await;
    // The numbers end with their sender, and with them the progress.
    drop(controls);
    signals.abort();
    signals.await.ok();
    if let Some(shown) = shown {
        shown.await.ok();
    }
    finish
}

/// A failure in the person's words. A damaged file cannot be resumed.
fn told(failure: Failure, path: &Path) -> anyhow::Error {
    match failure {
        Failure::Store(error @ Error::Corrupt(..)) => error.into(),
        Failure::Store(error) => anyhow::Error::from(error).context(resumable(path)),
        Failure::System(error) => anyhow::Error::from(error).context(resumable(path)),
        Failure::Fault(_) => anyhow!("{failure}; {}", resumable(path)),
    }
}

/// Prints what came of a crawl, as a person or a program wants it.
fn say_result(
    ended: &Ended<'_>,
    crawl_id: i64,
    signal: i32,
    manner: &Manner,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let reader = Reader::open(ended.path)?;
    let status = reader.status()?;
    let any_answer = status.done > status.no_answer;
    let exit = exit_code(ended.finish, any_answer, signal, manner.limit_ok);
    let judged = manner.gates.judge_run(ended.path, crawl_id, exit)?;
    if manner.json || !manner.quiet || exit == Exit::Failed {
        let summary = reader.summary(status)?;
        if manner.json {
            summary::print_json(&summary, ended, &judged, out)?;
        } else if !manner.quiet {
            summary::print(&summary, ended);
        }
        if exit == Exit::Failed && manner.quiet {
            say(&format!("error: {}", summary::headline(&summary, ended)));
        }
    }
    judged.say(ended.path, manner.quiet, !manner.lists_broken);
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
