//! What does an export read of a crawl?
//!
//! Row by row, so that memory does not grow with the file, and in one read
//! transaction, so that what is read belongs together also while a crawl runs.
//! It is the crawl that the views show.

mod graph;
mod pages;
mod sitemap;

use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::time::Duration;

use tokio_rusqlite::rusqlite;

use rusqlite::Row;
use rusqlite::limits::Limit;

use super::body::IS_XHTML;
use super::query::MAX_VALUE_BYTES;
use super::{Error, Query, QueryError, QueryLimits, Value, body, check_header};
use crate::extract;

pub use graph::{Edge, Node};
pub use pages::{StoredFetch, StoredPage};
pub use sitemap::Indexable;

/// Bytes of one stored body, packed or not, at most: what `fetch.max_body` allows.
const MAX_BODY_BYTES: i32 = 1 << 30;
/// Memory for what is read at once: a body, and what `SQLite` keeps.
const MEMORY_BYTES: u64 = 512 << 20;

/// The pages of `html_pages`, in terms of `all_pages`.
const IS_HTML_PAGE: &str = "a.is_html = 1 AND a.status = 200";

/// One crawl of a file, to be read whole.
#[derive(Debug)]
pub struct Export {
    query: Query,
    crawl_id: i64,
    since: Option<i64>,
}

/// Why an export cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The file.
    #[error(transparent)]
    Store(#[from] Error),
    /// Reading it.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// `--since` names no earlier crawl; what there is.
    #[error("crawl {0} is no earlier crawl of this file; {1}")]
    Since(i64, String),
    /// There is no such view; what there is.
    #[error("there is no view {0}")]
    NoView(String, Vec<String>),
    /// The view cannot be read in part.
    #[error("`{0}` cannot be told apart by crawl: only pages, html_pages and links can")]
    NotSince(String),
    /// The view has no bodies.
    #[error("`{0}` has no bodies: only pages and html_pages have")]
    NoBodies(String),
}

/// The body of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// How its bytes spell characters.
    pub charset: String,
    /// Whether it is XML, and not HTML.
    pub is_xhtml: bool,
    /// As they were after the content encoding was undone.
    pub bytes: Vec<u8>,
}

impl Body {
    /// The body as text, as it is written.
    pub fn text(&self) -> Cow<'_, str> {
        extract::decode(&self.bytes, Some(&self.charset)).0
    }

    /// The body as HTML that means the same.
    pub fn html(&self) -> Cow<'_, str> {
        let text = self.text();
        if self.is_xhtml { extract::xhtml_as_html(&text).into_owned().into() } else { text }
    }
}

/// What gives rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    sql: String,
    /// Whether the last column is the id of a page version, for [`Export::body`].
    pub has_page_id: bool,
    /// The largest text or blob.
    value_bytes: i32,
}

impl Rows {
    /// One SELECT of a person, with the limits that hold for such.
    pub fn of_query(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), has_page_id: false, value_bytes: MAX_VALUE_BYTES }
    }
}

impl Export {
    /// Opens the crawl that the views of the file at `path` show; of its pages,
    /// only those that are new or changed since the crawl `since`, if one is named.
    ///
    /// # Errors
    /// If the file cannot be read, holds no crawl, or `since` is no earlier one.
    pub fn open(path: &Path, since: Option<i64>) -> Result<Self, ExportError> {
        check_header(path)?;
        let time = Duration::from_secs(u64::from(u32::MAX));
        let query = Query::open(path, QueryLimits { time, memory_bytes: MEMORY_BYTES })?;
        let db = query.connection();
        db.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_BODY_BYTES).map_err(said)?;
        db.execute_batch("BEGIN").map_err(said)?;
        let shown = "SELECT crawl_id FROM shown_crawl WHERE crawl_id IS NOT NULL";
        let shown = db.query_row(shown, [], |row| row.get(0));
        let crawl_id = shown.map_err(|_| Error::Empty(path.display().to_string()))?;
        let export = Self { query, crawl_id, since };
        export.check_since()?;
        Ok(export)
    }

    fn check_since(&self) -> Result<(), ExportError> {
        let Some(since) = self.since else { return Ok(()) };
        let sql = "SELECT CAST(id AS TEXT) FROM crawl WHERE id < ?1 ORDER BY id";
        let crawls = self.query.all(sql, &[&self.crawl_id], |row| row.get::<_, String>(0))?;
        if crawls.contains(&since.to_string()) {
            return Ok(());
        }
        let there_is = match &*crawls {
            [] => format!("it shows crawl {}, its first", self.crawl_id),
            _ => format!("it shows crawl {}; before it: {}", self.crawl_id, crawls.join(", ")),
        };
        Err(ExportError::Since(since, there_is))
    }

    /// The crawl that is read.
    pub fn crawl_id(&self) -> i64 {
        self.crawl_id
    }

    /// The settings of the crawl as TOML, its seeds as JSON, and the version of
    /// the program that made it.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn settings(&self) -> Result<(String, String, String), QueryError> {
        let sql = "SELECT config, seeds, version FROM crawl WHERE id = ?1";
        let row = self
            .query
            .connection()
            .query_row(sql, [self.crawl_id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        row.map_err(said)
    }

    /// What gives the rows of `view`; `bodies` asks for the ids of page versions.
    ///
    /// # Errors
    /// If there is no such view, or it cannot give what is asked for.
    pub fn rows(&self, view: &str, bodies: bool) -> Result<Rows, ExportError> {
        let views =
            self.names("SELECT name FROM sqlite_schema WHERE type = 'view' ORDER BY name")?;
        if !views.iter().any(|name| name == view) {
            return Err(ExportError::NoView(view.to_owned(), views));
        }
        let (table, url_id, condition) = match view {
            "pages" => ("all_pages", "a.url_id", "1"),
            "html_pages" => ("all_pages", "a.url_id", IS_HTML_PAGE),
            "links" if !bodies => ("all_links", "a.source_id", "1"),
            _ if bodies => return Err(ExportError::NoBodies(view.to_owned())),
            _ if self.since.is_some() => return Err(ExportError::NotSince(view.to_owned())),
            _ => return Ok(Rows::of_query(format!("SELECT * FROM \"{view}\""))),
        };
        let columns =
            self.names(&format!("SELECT name FROM pragma_table_info('{view}') ORDER BY cid"))?;
        let columns: Vec<_> = columns.iter().map(|name| format!("a.\"{name}\"")).collect();
        let page_id = if bodies { ", a.page_id" } else { "" };
        let sql = format!(
            "SELECT {}{page_id} FROM {table} a WHERE a.crawl_id = {} AND {condition}{}",
            columns.join(", "),
            self.crawl_id,
            self.and_changed(url_id)
        );
        Ok(Rows { sql, has_page_id: bodies, value_bytes: MAX_BODY_BYTES })
    }

    /// Gives rows; see [`Query::run`].
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn run(
        &self,
        rows: &Rows,
        on_columns: impl FnMut(&[String]) -> io::Result<()>,
        on_row: impl FnMut(&[Value]) -> io::Result<()>,
    ) -> Result<u64, QueryError> {
        let db = self.query.connection();
        db.set_limit(Limit::SQLITE_LIMIT_LENGTH, rows.value_bytes).map_err(said)?;
        let outcome = self.query.run(&rows.sql, on_columns, on_row);
        db.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_BODY_BYTES).map_err(said)?;
        outcome
    }

    /// The body of a page version, if it is stored.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn body(&self, page_id: i64) -> Result<Option<Body>, QueryError> {
        body_of(&self.query, page_id)
    }

    /// The condition that leaves only what is new or changed since the earlier
    /// crawl, if one is named: another content, another target or another status.
    fn and_changed(&self, url_id: &str) -> String {
        let Some(since) = self.since else { return String::new() };
        format!(
            " AND NOT EXISTS (SELECT 1 FROM state new JOIN fetch after ON after.id = new.fetch_id
                 JOIN state old ON old.crawl_id = {since} AND old.url_id = new.url_id AND old.state = 'done'
                 JOIN fetch before ON before.id = old.fetch_id
                 WHERE new.crawl_id = {} AND new.url_id = {url_id}
                     AND before.page_id IS after.page_id AND before.redirect_to IS after.redirect_to
                     AND (after.page_id IS NOT NULL OR before.status IS after.status))",
            self.crawl_id
        )
    }

    fn names(&self, sql: &str) -> Result<Vec<String>, QueryError> {
        self.query.all(sql, &[], |row| row.get(0))
    }
}

/// The body of a page version, if it is stored.
pub(super) fn body_of(query: &Query, page_id: i64) -> Result<Option<Body>, QueryError> {
    let sql = format!(
        "SELECT p.charset, b.codec, b.bytes, {IS_XHTML} FROM page p JOIN body b ON b.id = p.body_id WHERE p.id = ?1"
    );
    let read = |row: &Row<'_>| Ok((row.get(0)?, body_in(row, 1)?, row.get(3)?));
    let found = query.all(&sql, &[&page_id], read)?;
    let Some((charset, bytes, is_xhtml)) = found.into_iter().next() else { return Ok(None) };
    let bytes = bytes.map_err(|why| QueryError::Damaged(format!("page version {page_id}"), why))?;
    Ok(Some(Body { charset, is_xhtml, bytes }))
}

/// The body in the columns codec and bytes from `first` on, or why there is none.
pub(super) fn body_in(row: &Row<'_>, first: usize) -> rusqlite::Result<Result<Vec<u8>, String>> {
    let codec: String = row.get(first)?;
    let bytes = row.get_ref(first + 1)?.as_blob()?;
    Ok(match body::unpack(&codec, bytes, u64::from(MAX_BODY_BYTES.unsigned_abs())) {
        Ok(Some(body)) => Ok(body),
        Ok(None) => Err("it is larger than anything that is stored".into()),
        Err(error) => Err(error.to_string()),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "what `map_err` hands over")]
fn said(error: rusqlite::Error) -> QueryError {
    QueryError::Sql(error.to_string())
}
