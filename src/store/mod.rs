//! Where is everything kept? One SQLite file.
//!
//! [`Store`] is the owner's face: it opens or makes the file, begins and ends
//! crawls, and starts the [`Writer`]. [`Reader`] and [`Query`] only read, also
//! while a crawl runs. No type of the driver leaves this folder.

mod body;
mod earlier;
mod error;
mod export;
mod extraction;
mod fragments;
mod left_out;
mod load;
mod lock;
mod migrate;
mod one_page;
mod place;
mod query;
mod reader;
mod rejudge;
mod reopen;
mod reports;
mod rules_of_crawl;
mod save;
mod search;
mod status;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio_rusqlite::Connection;
use tokio_rusqlite::rusqlite;
use tokio_rusqlite::rusqlite::config::DbConfig;

use crate::config::{FetchConfig, Statuses};
use crate::engine::{Finish, Loaded};
use crate::extract::Rules;
use crate::fault::panic_text;

pub use body::unpack;
pub use earlier::{Earlier, Packed, StoredAnswer};
pub use error::Error;
pub use export::{Body, Edge, Export, ExportError, Indexable, Node, Rows, StoredFetch, StoredPage};
pub use extraction::{Reread, Rereading, RuleChange, Unread, is_own_name};
pub use left_out::LeftOut;
pub use lock::{OwnerLock, is_owned};
pub use migrate::{View, views};
pub use one_page::{MAX_STEPS, OnePage, OnePageError, PageLink, PageLinks, Standing, Step};
pub use place::network_file_system;
pub use query::{Query, QueryError, QueryLimits, Value};
pub use reader::{Reader, check_header};
pub use rejudge::{Belonging, Rejudged};
pub use reopen::Failure;
pub use reports::{
    Answers, GATES, Gate, Group, Judgement, Overview, REPORTS, Report, Reports, Sample, Severity,
    ShownCrawl, Started, Tally, gate, report,
};
pub use rules_of_crawl::RulesOfCrawl;
pub use search::{BEGIN, BadWords, END, Hit, Preparation, Search, SearchError, Words};
pub use status::{RuleSum, Status, Summary};
pub use writer::{Committed, Writer};

/// The oldest SQLite whose write-ahead log is safe.
const MIN_SQLITE: i32 = 3_051_003;

/// The newest crawl of a file, as far as a command must know it to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrawlRow {
    /// Its id.
    pub id: i64,
    /// Its seeds.
    pub seeds: Vec<String>,
    /// Its settings as TOML, without secrets.
    pub config: String,
    /// Whether nothing is left of it.
    pub is_finished: bool,
    /// Why its last run ended; `None` after a crash.
    pub finish: Option<String>,
}

/// The file, opened by its one owner.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    lock: OwnerLock,
    path: PathBuf,
    secret: [u8; 16],
}

impl Store {
    /// Opens the file at `path`, or makes it. `fresh_secret` and `now` (ms since
    /// 1970 UTC) are for a new file.
    ///
    /// # Errors
    /// See [`Error`]. A file that is not ours is left as it is.
    pub async fn open(path: &Path, fresh_secret: [u8; 16], now: i64) -> Result<Self, Error> {
        if rusqlite::version_number() < MIN_SQLITE {
            return Err(Error::OldSqlite(rusqlite::version()));
        }
        let name = path.display().to_string();
        reader::check_kind(path)?;
        let existed = path.exists();
        let lock = OwnerLock::take(path).map_err(|error| Error::Lock(name.clone(), error))?;
        let lock = lock.ok_or_else(|| Error::InUse(name.clone()))?;
        let owned = path.to_owned();
        match open_file(&owned, fresh_secret, now).await {
            Ok((db, secret)) => Ok(Self { db, lock, path: owned, secret }),
            Err(error) => {
                let error = error.at(path);
                // Suspects that an earlier owner left stay; a lock file made just now does not.
                if lock.suspects().is_empty() && (!existed || !matches!(error, Error::Full(_))) {
                    lock.release();
                }
                Err(error)
            }
        }
    }

    /// The key under which the URLs of this file are hashed.
    pub fn secret(&self) -> [u8; 16] {
        self.secret
    }

    /// The newest crawl, if there is one.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn newest_crawl(&self) -> Result<Option<CrawlRow>, Error> {
        self.with(|db| load::newest_crawl(db)).await
    }

    /// When a crawl began (ms since 1970 UTC).
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn started_at(&self, crawl_id: i64) -> Result<i64, Error> {
        let sql = "SELECT started_at FROM crawl WHERE id = ?1";
        self.with(move |db| Ok(db.query_row(sql, [crawl_id], |row| row.get(0))?)).await
    }

    /// Begins a crawl; its seeds are in the file before anything is fetched.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn begin(
        &mut self,
        seeds: &[String],
        config: String,
        now: i64,
    ) -> Result<i64, Error> {
        self.lock.clear().map_err(|error| Error::Lock(self.path.display().to_string(), error))?;
        let seeds = serde_json::to_string(seeds).expect("strings are JSON");
        self.with(move |db| save::begin(db, &seeds, &config, now)).await
    }

    /// Makes these rules those that fill tables while pages are crawled, and says which
    /// are new or other than before.
    ///
    /// # Errors
    /// If a name is taken, rows would be lost, or it cannot be written.
    pub async fn set_rules(&self, rules: Rules) -> Result<Vec<RuleChange>, Error> {
        let name = self.path.display().to_string();
        self.with(move |db| extraction::set_rules(db, &name, &rules)).await
    }

    /// The page versions that are still to be read, after what is to be read again was
    /// forgotten. Their rules are [set](Self::set_rules) before.
    ///
    /// # Errors
    /// If they cannot be listed.
    pub async fn unread(&self, rereading: Rereading) -> Result<Vec<i64>, Error> {
        self.with(move |db| extraction::begin_again(db, &rereading)).await
    }

    /// The first of these page versions, as many as fit into memory.
    ///
    /// # Errors
    /// If they cannot be read.
    pub async fn read_batch(&self, ids: Vec<i64>) -> Result<Vec<Unread>, Error> {
        self.with(move |db| extraction::batch(db, &ids)).await
    }

    /// Keeps what page versions gave, in one transaction.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn save_reread(&self, pages: Vec<Reread>) -> Result<(), Error> {
        self.with(move |db| extraction::save(db, &pages)).await
    }

    /// Notes that all stored pages were read with these rules. The newest crawl has
    /// `settings` from now on, if they are given.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn finish_rereading(
        &self,
        rules: Rules,
        settings: Option<String>,
    ) -> Result<(), Error> {
        self.with(move |db| extraction::finish(db, &rules, settings.as_deref())).await
    }

    /// Notes that a further run of `crawl_id` begins, with these settings.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn resume(&self, crawl_id: i64, config: String) -> Result<(), Error> {
        self.with(move |db| save::resume(db, crawl_id, &config)).await
    }

    /// Says which statuses do not count as broken in a crawl.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn accept(&self, crawl_id: i64, statuses: Vec<Statuses>) -> Result<(), Error> {
        self.with(move |db| save::accept(db, crawl_id, &statuses)).await
    }

    /// Judges every URL of a crawl again that waits or was set aside by a rule which
    /// settings can change, and says how many stand otherwise now.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn rejudge(&self, crawl_id: i64, belonging: Belonging) -> Result<Rejudged, Error> {
        self.with(move |db| rejudge::rejudge(db, crawl_id, &belonging)).await
    }

    /// Lets a trap go, by its pattern: what it held back in the newest crawl is
    /// pending again, how many URLs that are; `None` if there is no such pattern.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn release_trap(&self, pattern: String, now: i64) -> Result<Option<u64>, Error> {
        self.with(move |db| reopen::release_trap(db, &pattern, now)).await
    }

    /// Makes the URLs of a crawl pending again whose last request failed in one of
    /// these ways, and says how many.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn reopen(&self, crawl_id: i64, failures: Vec<Failure>) -> Result<u64, Error> {
        self.with(move |db| reopen::reopen(db, crawl_id, &failures)).await
    }

    /// What the file knows, for an engine to go on from; `blank` says whether traps
    /// are looked for, and which budgets there are. Suspects of a crash are
    /// counted, and set aside at the third.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn load(
        &mut self,
        crawl_id: i64,
        product_token: String,
        blank: Loaded,
        now: i64,
    ) -> Result<Loaded, Error> {
        let (suspects, culprits) = (self.lock.suspects().to_vec(), self.lock.culprits().to_vec());
        self.with(move |db| load::count_crashes(db, crawl_id, &culprits)).await?;
        // Forgotten before what takes long on a large file: who ends us there adds
        // no crash to those that are counted.
        self.lock.clear().map_err(|error| Error::Lock(self.path.display().to_string(), error))?;
        self.with(move |db| load::load(db, crawl_id, &suspects, &product_token, blank, now)).await
    }

    /// What the crawls before `crawl_id` have, for one with these settings; `None` if
    /// there is nothing that it may rely on. To be closed before the store is.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn earlier(
        &self,
        crawl_id: i64,
        settings: &FetchConfig,
    ) -> Result<Option<Earlier>, Error> {
        Earlier::open(&self.path, crawl_id, settings).await
    }

    /// The lock, whose slots name what is being visited.
    pub fn lock(&self) -> &OwnerLock {
        &self.lock
    }

    /// The connection, for the writer, and the file's name.
    pub(crate) fn connection(&self) -> (Connection, PathBuf) {
        (self.db.clone(), self.path.clone())
    }

    /// Ends the run: says why, counts inlinks, builds the index on link targets,
    /// finds links to places that are not there if asked to, and leaves one file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn finish(
        self,
        crawl_id: i64,
        finish: &Finish,
        check_fragments: bool,
        now: i64,
    ) -> Result<(), Error> {
        let finish = finish.clone();
        self.with(move |db| save::finish(db, crawl_id, &finish, check_fragments, now)).await?;
        self.close().await
    }

    /// Makes the index on link targets and counts the inlinks of `crawl_id`, where the
    /// end of a run has not: it was stopped, or had few links.
    ///
    /// # Errors
    /// If it cannot be written.
    pub async fn index_links(&self, crawl_id: i64) -> Result<(), Error> {
        self.with(move |db| save::index_links(db, crawl_id)).await
    }

    /// Closes the file without a word on any crawl.
    ///
    /// # Errors
    /// If the write-ahead log cannot be brought home.
    pub async fn close(self) -> Result<(), Error> {
        // While the file is closed nobody else may open it, so what the log holds goes home
        // before. Where that fails, the close fails too, and says why.
        let checkpoint = "PRAGMA wal_checkpoint(PASSIVE)";
        self.with(move |db| Ok(db.execute_batch(checkpoint)?)).await.ok();
        let Self { db, lock, path, .. } = self;
        db.close().await.map_err(|error| match error {
            tokio_rusqlite::Error::Error(error) | tokio_rusqlite::Error::Close((_, error)) => {
                Error::from(error).at(&path)
            }
            _ => Error::Panicked("the connection was closed before".into()),
        })?;
        lock.release();
        Ok(())
    }

    async fn with<T, F>(&self, work: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: FnOnce(&mut rusqlite::Connection) -> Result<T, Error> + Send + 'static,
    {
        on(&self.db, work).await.map_err(|error| error.at(&self.path))
    }
}

/// Runs `work` on the connection's own thread; a panic in it is an error.
async fn on<T, F>(db: &Connection, work: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce(&mut rusqlite::Connection) -> Result<T, Error> + Send + 'static,
{
    let caught = db.call(move |db| {
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(db)));
        Ok::<_, rusqlite::Error>(
            outcome.unwrap_or_else(|panic| Err(Error::Panicked(panic_text(&*panic)))),
        )
    });
    match caught.await {
        Ok(outcome) => outcome,
        Err(tokio_rusqlite::Error::Error(error)) => Err(error.into()),
        Err(error) => Err(Error::Panicked(error.to_string())),
    }
}

async fn open_file(
    path: &Path,
    fresh_secret: [u8; 16],
    now: i64,
) -> Result<(Connection, [u8; 16]), Error> {
    let name = path.display().to_string();
    lock::private_file(path).map_err(|error| Error::Open(name, error.to_string()))?;
    let db = Connection::open(path).await.map_err(|error| Error::open(path, &error))?;
    let path = path.to_owned();
    let made_ready = on(&db, move |db| {
        db.busy_timeout(Duration::from_secs(5))?;
        db.set_prepared_statement_cache_capacity(64);
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        if let Some(version) = migrate::check_header(db, &path)? {
            load::check_tables(db, &path)?;
            migrate::upgrade(db, &path, version)?;
        } else {
            migrate::create(db, fresh_secret, now)?;
        }
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF;
             PRAGMA journal_size_limit = 16777216; PRAGMA wal_autocheckpoint = 2000; PRAGMA cache_size = -16384;",
        )
        .map_err(|error| Error::open(&path, &error))?;
        migrate::renew_views(db)?;
        Ok(db.query_row("SELECT secret FROM file", [], |row| row.get(0))?)
    })
    .await;
    match made_ready {
        Ok(secret) => Ok((db, secret)),
        Err(error) => {
            // Dropping alone would leave the -wal beside a file that is not to be touched.
            db.close().await.ok();
            Err(error)
        }
    }
}
