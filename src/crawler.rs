//! What must come together for a crawl, and what remains when it ends?
//!
//! The program wired in one place: scope, fetcher and extraction rules from the
//! settings; engine, visitor, work pool and writer around a [`Store`]. The command
//! line and whoever embeds crawlite run their crawls through here; see the
//! example at the top of the crate.
//!
//! [`Crawler::new`] (nothing is touched yet) → [`Crawler::begin`] or `resume` (the file
//! is read) → [`Loaded::run`] (until the end, all tasks awaited, the file closed)

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use futures_util::FutureExt;

use crate::canonical::CanonicalUrl;
use crate::config::Config;
use crate::crawl::{self, Broken, Controls};
use crate::engine::record::Moment;
use crate::engine::{self, Budget, Budgets, Engine, Finish, Settings};
use crate::extract::{BadRule, Rules};
use crate::fault::panic_text;
use crate::fetch::{self, Fetcher};
use crate::hash::UrlHasher;
use crate::pool::Pool;
use crate::scope::{BadPattern, Scope};
use crate::store::{self, Earlier, Store, Writer, is_own_name};
use crate::traps::Traps;
use crate::visit::{Visitor, unix_ms};

/// A crawl that its settings and seeds describe, and no file yet.
pub struct Crawler {
    /// The settings.
    pub config: Config,
    /// Where it starts, each once.
    pub seeds: Vec<CanonicalUrl>,
    /// What belongs to it.
    pub scope: Arc<Scope>,
    /// What is extracted into tables.
    pub rules: Rules,
    /// Makes its requests.
    pub fetcher: Fetcher,
    budgets: Vec<Budget>,
}

/// Which setting makes no sense.
#[derive(Debug, thiserror::Error)]
pub enum BadSettings {
    /// A pattern of the scope.
    #[error(transparent)]
    Pattern(#[from] BadPattern),
    /// Something of `[fetch]`.
    #[error(transparent)]
    Fetch(#[from] fetch::SetupError),
    /// A rule of `[[extract]]`.
    #[error(transparent)]
    Rule(#[from] BadRule),
    /// A budget of a path.
    #[error("{0}")]
    Budget(String),
}

/// Why a crawl ended before its time. What was committed is in the file, and a
/// resume goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The file cannot be read or written any more.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The threads or the lock file could not be had.
    #[error("{0}")]
    System(#[from] std::io::Error),
    /// A fault in crawlite itself; what it said.
    #[error("a fault in crawlite: {0}")]
    Fault(String),
}

impl Crawler {
    /// Checks the settings. `typed` are the seeds that a person typed: their hosts may
    /// be private addresses if `config` allows them.
    ///
    /// # Errors
    /// See [`BadSettings`].
    pub fn new(
        config: Config,
        seeds: Vec<CanonicalUrl>,
        typed: &[CanonicalUrl],
    ) -> Result<Self, BadSettings> {
        let scope = Scope::new(&config.scope, &seeds)?;
        let scope = Arc::new(scope.sparing_session(config.fetch.is_logged_in()));
        let fetcher = Fetcher::new(&config.fetch, typed, &seeds)?;
        let budgets = config.limits.budgets.iter().map(|text| text.parse());
        let budgets = budgets.collect::<Result<_, String>>().map_err(BadSettings::Budget)?;
        let rules = Rules::new(&config.extract, &is_own_name)?;
        Ok(Self { config, seeds, scope, rules, fetcher, budgets })
    }

    /// The seeds as a file keeps them.
    pub fn seed_texts(&self) -> Vec<String> {
        self.seeds.iter().map(ToString::to_string).collect()
    }

    /// Begins a crawl in `file`, which is made if it is not there: a further one if it
    /// holds crawls already.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub async fn begin(self, file: &Path) -> Result<Box<Loaded>, Failure> {
        let mut store = self.open(file).await?;
        let settings = self.config.without_secrets().to_string();
        let crawl_id = store.begin(&self.seed_texts(), settings, unix_ms()).await?;
        self.load(store, crawl_id).await
    }

    /// Goes on with the newest crawl of `file`, by the settings of this one; what was
    /// set aside stays so. `None` if it is finished, or there is none.
    ///
    /// # Errors
    /// If the file cannot be used.
    pub async fn resume(self, file: &Path) -> Result<Option<Box<Loaded>>, Failure> {
        let store = self.open(file).await?;
        let newest = store.newest_crawl().await?;
        let Some(crawl) = newest.filter(|crawl| !crawl.is_finished) else {
            store.close().await?;
            return Ok(None);
        };
        store.resume(crawl.id, self.config.without_secrets().to_string()).await?;
        self.load(store, crawl.id).await.map(Some)
    }

    async fn open(&self, file: &Path) -> Result<Store, Failure> {
        let store = Store::open(file, secret(), unix_ms()).await?;
        store.set_rules(self.rules.clone()).await?;
        Ok(store)
    }

    /// Reads what `store` knows of the crawl `crawl_id`, which was begun or resumed there.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub async fn load(self, mut store: Store, crawl_id: i64) -> Result<Box<Loaded>, Failure> {
        let now = Moment { at: Instant::now(), unix_ms: unix_ms() };
        let hasher = UrlHasher::new(store.secret());
        let started_at = store.started_at(crawl_id).await?;
        let blank = engine::Loaded {
            traps: self.config.scope.traps.then(|| Traps::new(hasher, year_of(started_at))),
            budgets: Budgets::new(self.config.limits.per_host, self.budgets.clone()),
            ..engine::Loaded::default()
        };
        let product_token = self.config.fetch.product_token();
        let known = store.load(crawl_id, product_token, blank, now.unix_ms).await?;
        Ok(Box::new(Loaded { crawler: self, store, crawl_id, hasher, now, known }))
    }
}

/// A crawl and its file, ready to run.
pub struct Loaded {
    crawler: Crawler,
    store: Store,
    crawl_id: i64,
    hasher: UrlHasher,
    now: Moment,
    known: engine::Loaded,
}

impl Loaded {
    /// Visits that were open when the last run ended without warning. They are tried
    /// first, one at a time, as one of them may have been the cause.
    pub fn suspects(&self) -> usize {
        self.known.suspects.len()
    }

    /// Runs the crawl until it ends or `controls` stop it, and closes the file.
    /// Dropping the future gives up what is in flight; the file stays resumable.
    ///
    /// # Errors
    /// See [`Failure`]. The file is closed then, too.
    pub async fn run(self: Box<Self>, controls: &Controls) -> Result<Finish, Failure> {
        let Self { crawler, store, crawl_id, hasher, now, known } = *self;
        let Crawler { config, seeds, scope, rules, fetcher, .. } = crawler;
        let elapsed_before = i64::try_from(known.elapsed.as_millis()).unwrap_or(i64::MAX);
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        let (pool, threads) = Pool::start(cores)?;
        store.accept(crawl_id, config.check.accept.clone()).await?;
        let earlier = store.earlier(crawl_id, &config.fetch).await?;
        let visitor = Visitor::new(fetcher, pool, Arc::clone(&scope), hasher, rules, &config);
        let visitor = visitor.knowing(earlier.clone());
        let engine = Engine::new(settings(&config), scope, hasher, known, now);
        let (writer, writing) = Writer::start(&store, crawl_id, now.at, elapsed_before);
        let crawl = crawl::run(engine, seeds, visitor, writer, store.lock(), controls);
        let outcome = AssertUnwindSafe(Box::pin(crawl)).catch_unwind().await;
        let written = writing.await;
        let written =
            written.unwrap_or_else(|error| Err(store::Error::Panicked(error.to_string())));
        wind_up(earlier, threads).await;
        match finish_of(outcome, written) {
            Ok(finish) => {
                let check_fragments = config.scope.check_fragments;
                store.finish(crawl_id, &finish, check_fragments, unix_ms()).await?;
                Ok(finish)
            }
            Err(failure) => {
                store.close().await.ok();
                Err(failure)
            }
        }
    }
}

/// The part of the settings that the engine needs.
fn settings(config: &Config) -> Settings {
    Settings {
        concurrency: config.fetch.concurrency,
        retries: config.fetch.retries,
        sitemaps: config.scope.sitemaps,
        mirrors: config.scope.mirrors,
        politeness: config.politeness.clone(),
        limits: config.limits.clone(),
    }
}

/// Waits for what the visits used. Nothing of theirs runs any more.
async fn wind_up(earlier: Option<Earlier>, threads: Vec<JoinHandle<()>>) {
    if let Some(earlier) = earlier {
        earlier.close().await.ok();
    }
    tokio::task::block_in_place(|| threads.into_iter().for_each(|thread| drop(thread.join())));
}

/// What came of a crawl; what went wrong in the file says more than that the crawl
/// could not go on.
fn finish_of(
    outcome: Result<Result<Finish, Broken>, Box<dyn Any + Send>>,
    written: Result<(), store::Error>,
) -> Result<Finish, Failure> {
    written?;
    match outcome {
        Ok(Ok(finish)) => Ok(finish),
        Ok(Err(Broken::Lock(error))) => Err(Failure::System(error)),
        Ok(Err(Broken::Writer)) => Err(Failure::Fault(Broken::Writer.to_string())),
        Err(panic) => Err(Failure::Fault(panic_text(&*panic))),
    }
}

/// The year of a time in milliseconds since 1970 UTC, near enough to tell whether a
/// calendar runs away.
fn year_of(unix_ms: i64) -> u16 {
    const MEAN_YEAR_MS: i64 = 31_556_952_000;
    u16::try_from(1970 + unix_ms / MEAN_YEAR_MS).unwrap_or(u16::MAX)
}

/// The secret of a new file: 16 bytes that nobody can guess, from the keys that the standard library takes
/// from the system for its hash maps.
pub fn secret() -> [u8; 16] {
    use std::hash::{BuildHasher, Hasher, RandomState};
    let random = || RandomState::new().build_hasher().finish().to_le_bytes();
    let (mut secret, (low, high)) = ([0; 16], (random(), random()));
    secret[..8].copy_from_slice(&low);
    secret[8..].copy_from_slice(&high);
    secret
}
