//! What do earlier crawls of the file have of a URL?
//!
//! Visits of a further crawl ask for it one URL at a time, so that nothing of it
//! is kept in memory. A reading connection of its own answers: earlier crawls do
//! not change any more, and nobody waits for the writer.

use std::path::Path;

use tokio_rusqlite::Connection;
use tokio_rusqlite::rusqlite::{self, OpenFlags, OptionalExtension, params};

use super::{Error, body, on};
use crate::config::{Config, FetchConfig};
use crate::engine::record::UrlId;
use crate::hash::ContentHash;

/// Crawls that are looked through for a URL, newest first.
const MAX_CRAWLS: u32 = 8;

/// The answer that an earlier crawl has of a URL: 200, an HTML page, stored whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAnswer {
    /// The response headers as a JSON object of arrays.
    pub headers: String,
    /// Of the body.
    pub content_hash: ContentHash,
    /// Bytes of the body before it was packed.
    pub size_bytes: u64,
    /// Whether it was given to the user agent that asks now.
    pub same_agent: bool,
    body_id: i64,
}

/// Reads what earlier crawls have. Clones share the connection.
#[derive(Clone, Debug)]
pub struct Earlier {
    db: Connection,
    /// Their ids, newest first, and whether they used the same user agent.
    crawls: Vec<(i64, bool)>,
}

impl Earlier {
    /// Opens the file at `path` to look into what came before `crawl_id`; `None` if
    /// there is nothing that a crawl with these settings may rely on.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) async fn open(
        path: &Path,
        crawl_id: i64,
        settings: &FetchConfig,
    ) -> Result<Option<Self>, Error> {
        // Who is logged in may see what others do not, by the same URL and at the same time.
        if crawl_id <= 1 || !settings.conditional || settings.is_logged_in() {
            return Ok(None);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags)
            .await
            .map_err(|error| Error::open(path, &error))?;
        let agent = settings.user_agent();
        let crawls = on(&db, move |db| {
            db.busy_timeout(std::time::Duration::from_secs(5))?;
            crawls(db, crawl_id, &agent)
        });
        match crawls.await {
            Ok(crawls) if crawls.is_empty() => db.close().await.map(|()| None).map_err(closed),
            Ok(crawls) => Ok(Some(Self { db, crawls })),
            Err(error) => {
                db.close().await.ok();
                Err(error.at(path))
            }
        }
    }

    /// The newest answer that an earlier crawl has of a URL.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn answer(&self, url: UrlId) -> Result<Option<StoredAnswer>, Error> {
        let crawls = self.crawls.clone();
        on(&self.db, move |db| {
            for (crawl_id, same_agent) in crawls {
                let found = answer(db, crawl_id, url, same_agent).optional()?;
                if found.is_some() {
                    return Ok(found);
                }
            }
            Ok(None)
        })
        .await
    }

    /// The body of an answer; `None` if it is damaged, or larger than `cap`.
    ///
    /// # Errors
    /// If it cannot be read.
    pub async fn body(&self, answer: &StoredAnswer, cap: usize) -> Result<Option<Packed>, Error> {
        let (body_id, size) = (answer.body_id, answer.size_bytes);
        on(&self.db, move |db| {
            let mut statement = db.prepare_cached("SELECT codec, bytes FROM body WHERE id = ?1")?;
            let packed = statement.query_row([body_id], |row| {
                Ok(Packed { codec: row.get(0)?, bytes: row.get(1)?, size_bytes: size })
            });
            Ok(packed.optional()?.filter(|_| size <= cap as u64))
        })
        .await
    }

    /// Ends the reading, of every clone. What was not closed would keep the file's
    /// write-ahead log beside it.
    ///
    /// # Errors
    /// If the connection does not let itself be closed.
    pub async fn close(self) -> Result<(), Error> {
        self.db.close().await.map_err(closed)
    }
}

/// A stored body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    codec: String,
    bytes: Vec<u8>,
    size_bytes: u64,
}

impl Packed {
    /// The bytes as they were; `None` if they are damaged.
    pub fn unpack(&self) -> Option<Vec<u8>> {
        body::unpack(&self.codec, &self.bytes, self.size_bytes).ok().flatten()
    }
}

fn closed(error: tokio_rusqlite::Error) -> Error {
    match error {
        tokio_rusqlite::Error::Error(error) | tokio_rusqlite::Error::Close((_, error)) => {
            error.into()
        }
        _ => Error::Panicked("the connection was closed before".into()),
    }
}

/// The crawls before `crawl_id` whose answers everybody would get.
fn crawls(
    db: &rusqlite::Connection,
    crawl_id: i64,
    agent: &str,
) -> Result<Vec<(i64, bool)>, Error> {
    let mut statement = db
        .prepare("SELECT id, config, version FROM crawl WHERE id < ?1 ORDER BY id DESC LIMIT ?2")?;
    let rows = statement.query_map(params![crawl_id, MAX_CRAWLS], |row| {
        Ok((row.get(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
    })?;
    let mut crawls = Vec::new();
    for row in rows {
        let (id, config, version) = row?;
        // Settings of a program that knew others tell nothing.
        let Ok(config) = toml::from_str::<Config>(&config) else { continue };
        if !config.fetch.is_logged_in() {
            let is_ours = config.fetch.user_agent.is_some() || version == env!("CARGO_PKG_VERSION");
            crawls.push((id, is_ours && config.fetch.user_agent() == agent));
        }
    }
    Ok(crawls)
}

fn answer(
    db: &rusqlite::Connection,
    crawl_id: i64,
    url: UrlId,
    same_agent: bool,
) -> rusqlite::Result<StoredAnswer> {
    let mut statement = db.prepare_cached(
        "SELECT f.headers, p.content_hash, b.size_bytes, b.id
         FROM state s
         JOIN fetch f ON f.id = s.fetch_id
         JOIN page p ON p.id = f.page_id
         JOIN body b ON b.id = p.body_id
         WHERE s.crawl_id = ?1 AND s.url_id = ?2 AND s.state = 'done' AND s.kind = 'page'
           AND f.status = 200 AND f.is_cut = 0 AND f.error IS NULL AND f.headers IS NOT NULL",
    )?;
    statement.query_row(params![crawl_id, url.0], |row| {
        Ok(StoredAnswer {
            headers: row.get(0)?,
            content_hash: ContentHash(row.get(1)?),
            size_bytes: row.get::<_, i64>(2)?.unsigned_abs(),
            body_id: row.get(3)?,
            same_agent,
        })
    })
}
