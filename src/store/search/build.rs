//! How does the index come to hold all pages that are shown?
//!
//! Batch by batch, each in a transaction of its own, so that work that is stopped
//! is not lost and the next search goes on from there. Page versions that are no
//! longer shown stay in it: to take one out, FTS5 would need its text again, or an
//! option that SQLite knows only from 3.43 on and older tools cannot open.

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio_rusqlite::rusqlite;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};
use url::Url;

use super::SearchError;
use super::words::spread;
use crate::extract::{Markup, main_text};
use crate::store::body::IS_XHTML;
use crate::store::export::body_in;
use crate::store::lock::OwnerLock;
use crate::store::{Body, Query};

/// Counted up when the same page gives another text, or the table is made otherwise:
/// then the index is made anew.
const VERSION: i64 = 2;
/// Pages of a transaction.
const BATCH: usize = 200;

/// Words of page versions by which they are found, and which versions these are.
/// Texts are not kept: they are read from the bodies when they are shown.
const TABLES: &str = "
    CREATE VIRTUAL TABLE IF NOT EXISTS page_search USING fts5(
        title, headings, text, content = '', tokenize = 'unicode61 remove_diacritics 2');
    CREATE TABLE IF NOT EXISTS page_indexed (page_id INTEGER PRIMARY KEY, version INTEGER NOT NULL) STRICT;";

/// The page versions that are shown and whose bodies are stored.
pub(super) const SHOWN: &str = "SELECT f.page_id FROM state s JOIN fetch f ON f.id = s.fetch_id
     JOIN page p ON p.id = f.page_id
     WHERE s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.kind = 'page' AND s.state = 'done'
         AND f.status = 200 AND p.body_id IS NOT NULL";

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    add: Vec<i64>,
    /// What is there was made by another version.
    anew: bool,
    /// Whether there are pages in the index that are not shown.
    pub(super) has_others: bool,
}

impl Work {
    pub(super) fn is_none(&self) -> bool {
        self.add.is_empty() && !self.anew
    }

    pub(super) fn pages(&self) -> u64 {
        self.add.len() as u64
    }

    /// What the index in the file lacks.
    pub(super) fn of(db: &Connection) -> rusqlite::Result<Self> {
        let is_there = |sql: &str| {
            let row = db.query_row(sql, [], |_| Ok(())).optional();
            row.map(|row| row.is_some())
        };
        if !is_there("SELECT 1 FROM sqlite_schema WHERE name = 'page_indexed'")? {
            return Self::all(db);
        }
        if is_there(&format!("SELECT 1 FROM page_indexed WHERE version <> {VERSION}"))? {
            return Ok(Self { anew: true, ..Self::all(db)? });
        }
        Ok(Self {
            add: ids(db, &format!("{SHOWN} EXCEPT SELECT page_id FROM page_indexed"))?,
            anew: false,
            has_others: is_there(&format!("SELECT page_id FROM page_indexed EXCEPT {SHOWN}"))?,
        })
    }

    /// Every page that is shown, for an index of its own.
    pub(super) fn all(db: &Connection) -> rusqlite::Result<Self> {
        Ok(Self { add: ids(db, &format!("{SHOWN} ORDER BY 1"))?, ..Self::default() })
    }
}

fn ids(db: &Connection, sql: &str) -> rusqlite::Result<Vec<i64>> {
    db.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

/// The file, to be written by us alone; `None` if somebody else writes to it, or
/// it cannot be written to at all.
pub(super) struct Owned {
    pub(super) db: Connection,
    lock: OwnerLock,
}

impl Owned {
    pub(super) fn open(path: &Path) -> Option<Self> {
        let lock = OwnerLock::take(path).ok()??;
        let owned = Self::connect(path).ok();
        let Some(db) = owned else {
            Self::give_back(lock);
            return None;
        };
        Some(Self { db, lock })
    }

    fn connect(path: &Path) -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags)?;
        db.busy_timeout(Duration::from_secs(5))?;
        db.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        db.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -16384;",
        )?;
        // An immediate transaction fails here, and not later, where nothing can be written.
        db.execute_batch("BEGIN IMMEDIATE; COMMIT")?;
        Ok(db)
    }

    /// Leaves exactly one file behind.
    pub(super) fn close(self) -> rusqlite::Result<()> {
        let closed = self.db.close().map_err(|(_, error)| error);
        Self::give_back(self.lock);
        closed
    }

    /// Suspects that a crash has left stay for the next crawl.
    fn give_back(lock: OwnerLock) {
        if lock.suspects().is_empty() {
            lock.release();
        }
    }
}

/// Does `work` in `index` with the pages of `source`; both may be the same file.
pub(super) fn update(
    index: &mut Connection,
    source: Source<'_>,
    work: &Work,
    mut on_page: impl FnMut() -> io::Result<()>,
) -> Result<(), SearchError> {
    if work.anew {
        let tx = index.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch("DROP TABLE page_search; DROP TABLE page_indexed;")?;
        tx.commit()?;
    }
    index.execute_batch(TABLES)?;
    for batch in work.add.chunks(BATCH) {
        let tx = index.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut stopped = Ok(());
        for page_id in batch {
            let page = match source {
                Source::Same => read(&tx, *page_id)?,
                Source::Other(query) => read(query.connection(), *page_id)?,
            };
            if let Some(page) = page {
                add(&tx, *page_id, &page)?;
            }
            stopped = on_page();
            if stopped.is_err() {
                break;
            }
        }
        tx.commit()?;
        stopped.map_err(SearchError::Stopped)?;
    }
    Ok(())
}

/// Where the pages are.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// In the file of the index.
    Same,
    Other(&'a Query),
}

/// A page as it is found.
pub(super) struct Indexed {
    pub(super) url: String,
    pub(super) title: String,
    pub(super) headings: String,
    pub(super) text: String,
}

/// The page of a version, with its main text; nothing if it cannot be unpacked.
pub(super) fn read(db: &Connection, page_id: i64) -> rusqlite::Result<Option<Indexed>> {
    let sql = format!(
        "SELECT p.charset, b.codec, b.bytes, u.url, coalesce(p.title, ''), {IS_XHTML} FROM page p
         JOIN body b ON b.id = p.body_id JOIN url u ON u.id = p.url_id WHERE p.id = ?1"
    );
    let found = db.prepare_cached(&sql)?.query_row([page_id], |row| {
        let (charset, is_xhtml) = (row.get(0)?, row.get(5)?);
        let body = body_in(row, 1)?.ok().map(|bytes| Body { charset, is_xhtml, bytes });
        Ok((body, row.get::<_, String>(3)?, row.get(4)?))
    });
    let Some((Some(body), url, title)) = found.optional()? else { return Ok(None) };
    let Ok(base) = Url::parse(&url) else { return Ok(None) };
    let main = main_text(&body.html(), &base, Markup::Plain);
    Ok(Some(Indexed { url, title, headings: main.headings, text: main.text }))
}

pub(super) fn add(index: &Connection, page_id: i64, page: &Indexed) -> rusqlite::Result<()> {
    let sql = "INSERT INTO page_search (rowid, title, headings, text) VALUES (?1, ?2, ?3, ?4)";
    let [title, headings, text] =
        [&page.title, &page.headings, &page.text].map(|text| spread(text));
    index.prepare_cached(sql)?.execute((page_id, title, headings, text))?;
    let sql = "INSERT INTO page_indexed (page_id, version) VALUES (?1, ?2)";
    index.prepare_cached(sql)?.execute((page_id, VERSION))?;
    Ok(())
}
