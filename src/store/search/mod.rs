//! Which pages hold these words?
//!
//! A full-text index (FTS5) over title, headings and main text of the pages that
//! the views show. It lies in the file itself, in tables of its own, is made when
//! it is first needed and brought up to date whenever pages have come. Any SQLite
//! from 3.40 on can read it.
//! Where the file cannot be written, because a crawl is running or it is
//! read-only, an index for this one search is made in a temporary database that
//! `SQLite` deletes by itself: a search always knows every page that is committed.

mod build;
mod words;

use std::io;
use std::path::Path;
use std::time::Duration;

use tokio_rusqlite::rusqlite;

use rusqlite::{Connection, OptionalExtension};

use super::{Error, Query, QueryError, QueryLimits, check_header, is_owned};
use build::{Indexed, Owned, SHOWN, Source, Work};

pub use words::{BadWords, Words};

/// Before and after a word that was looked for, in a [`Hit::snippet`].
pub const BEGIN: char = '\u{2}';
/// See [`BEGIN`].
pub const END: char = '\u{3}';

/// How much more a word counts in title and headings than in the text.
const WEIGHTS: &str = "10.0, 5.0, 1.0";
/// Words of a snippet.
const SNIPPET_WORDS: u32 = 24;

/// The pages of a file, to be searched.
#[derive(Debug)]
pub struct Search {
    query: Query,
    /// An index that does not lie in the file.
    temporary: Option<Connection>,
    /// Whether the index holds pages that are not shown, which are not to be found.
    has_others: bool,
}

/// Why a search finds nothing, not even nothing.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The file.
    #[error(transparent)]
    Store(#[from] Error),
    /// Reading it.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// No page has a body.
    #[error("no bodies of pages are stored in {0}, so there is no text to search")]
    NoBodies(String),
    /// The expression is none.
    #[error("no full-text query: {0}")]
    Syntax(String),
    /// The caller stopped it, or cannot write.
    #[error("stopped")]
    Stopped(#[source] io::Error),
    /// The index.
    #[error("the index failed: {0}")]
    Index(#[from] rusqlite::Error),
}

/// What the index needs before it can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preparation {
    /// Pages that are to be read.
    pub pages: u64,
    /// Why the result is not kept in the file; `None` if it is.
    pub temporary: Option<&'static str>,
}

/// A page that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Its URL.
    pub url: String,
    /// Its title.
    pub title: String,
    /// A part of its text, with [`BEGIN`] and [`END`] around the words.
    pub snippet: String,
    /// How well it fits; more is better.
    pub score: f64,
}

impl Search {
    /// Opens the file at `path` and brings its index up to date. `on_start` hears
    /// what there is to do, if anything; `on_page` is called after each page, and
    /// stops the work with an error: what was done is kept.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub fn open(
        path: &Path,
        on_start: impl FnOnce(Preparation),
        on_page: impl FnMut() -> io::Result<()>,
    ) -> Result<Self, SearchError> {
        check_header(path)?;
        let query = open_query(path)?;
        let shown = query.all(
            "SELECT crawl_id FROM shown_crawl WHERE crawl_id IS NOT NULL",
            &[],
            |_| Ok(()),
        )?;
        if shown.is_empty() {
            return Err(Error::Empty(path.display().to_string()).into());
        }
        let work = Work::of(query.connection())?;
        if work.is_none() {
            let any = query.all(&format!("{SHOWN} LIMIT 1"), &[], |_| Ok(()))?;
            let no_bodies = || SearchError::NoBodies(path.display().to_string());
            return if any.is_empty() {
                Err(no_bodies())
            } else {
                Ok(Self { query, temporary: None, has_others: work.has_others })
            };
        }
        let is_running = is_owned(path);
        // Somebody who reads the file as it lies would be misled by what we write.
        drop(query);
        let Some(mut owned) = Owned::open(path) else {
            let why = if is_running {
                "a crawl is writing to the file"
            } else {
                "the file cannot be written to"
            };
            return Self::temporary(path, why, on_start, on_page);
        };
        on_start(Preparation { pages: work.pages(), temporary: None });
        let outcome = build::update(&mut owned.db, Source::Same, &work, on_page);
        owned.close()?;
        outcome?;
        Ok(Self { query: open_query(path)?, temporary: None, has_others: work.has_others })
    }

    fn temporary(
        path: &Path,
        why: &'static str,
        on_start: impl FnOnce(Preparation),
        on_page: impl FnMut() -> io::Result<()>,
    ) -> Result<Self, SearchError> {
        let query = open_query(path)?;
        let work = Work::all(query.connection())?;
        on_start(Preparation { pages: work.pages(), temporary: Some(why) });
        // A database without a name is a temporary file that is deleted when it is closed.
        let mut index = Connection::open("")?;
        index.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
        build::update(&mut index, Source::Other(&query), &work, on_page)?;
        Ok(Self { query, temporary: Some(index), has_others: false })
    }

    fn index(&self) -> &Connection {
        self.temporary.as_ref().unwrap_or_else(|| self.query.connection())
    }

    /// A condition on page versions, if there are some that must not be found. The plus
    /// keeps FTS5 from searching once for each of them.
    fn shown(&self, page_id: &str) -> String {
        if self.has_others { format!("AND +{page_id} IN ({SHOWN})") } else { String::new() }
    }

    /// How many pages can be searched.
    ///
    /// # Errors
    /// If they cannot be counted.
    pub fn pages(&self) -> Result<i64, SearchError> {
        let shown = self.shown("page_id");
        let sql = format!("SELECT count(*) FROM page_indexed WHERE 1 {shown}");
        Ok(self.index().query_row(&sql, [], |row| row.get(0))?)
    }

    /// How many pages hold the words, and the `most` that fit best, best first.
    ///
    /// # Errors
    /// If the words make no query, or the file cannot be read.
    pub fn find(&self, words: &Words, most: u32) -> Result<(i64, Vec<Hit>), SearchError> {
        let shown = self.shown("rowid");
        let count = format!("SELECT count(*) FROM page_search WHERE page_search MATCH ?1 {shown}");
        let total = self.index().query_row(&count, [&words.expression], |row| row.get(0));
        let total = total.map_err(syntax)?;
        let sql = format!(
            "SELECT rowid, rank FROM page_search WHERE page_search MATCH ?1 AND rank MATCH 'bm25({WEIGHTS})' {shown}
             ORDER BY rank LIMIT ?2"
        );
        let mut statement = self.index().prepare(&sql)?;
        let best =
            statement.query_map((&words.expression, most), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let best: Vec<(i64, f64)> = best.collect::<Result<_, _>>()?;
        let snippets = Snippets::new()?;
        let mut hits = Vec::with_capacity(best.len());
        for (page_id, rank) in best {
            let Some(page) = build::read(self.query.connection(), page_id)? else { continue };
            let snippet = snippets.of(&page, words)?;
            hits.push(Hit { url: page.url, title: page.title, snippet, score: -rank });
        }
        Ok((total, hits))
    }

    /// Each page that does not hold the words: its URL and title; gives their number.
    ///
    /// # Errors
    /// As [`Self::find`]; an error of `on_page` is [`SearchError::Stopped`].
    pub fn without(
        &self,
        words: &Words,
        mut on_page: impl FnMut(&str, &str) -> io::Result<()>,
    ) -> Result<u64, SearchError> {
        let sql = "SELECT rowid FROM page_search WHERE page_search MATCH ?1";
        let mut statement = self.index().prepare(sql)?;
        let with = statement.query_map([&words.expression], |row| row.get(0)).map_err(syntax)?;
        let with: std::collections::HashSet<i64> =
            with.collect::<Result<_, _>>().map_err(syntax)?;
        let sql = format!(
            "SELECT p.id, u.url, coalesce(p.title, '') FROM page p JOIN url u ON u.id = p.url_id
             WHERE p.id IN ({SHOWN}) ORDER BY p.id"
        );
        let mut count = 0;
        let mut stopped = Ok(());
        self.query.each(&sql, &[], |row| {
            if stopped.is_ok() && !with.contains(&row.get(0)?) {
                count += 1;
                stopped = on_page(&row.get::<_, String>(1)?, &row.get::<_, String>(2)?);
            }
            Ok(Ok(()))
        })?;
        stopped.map_err(SearchError::Stopped)?;
        Ok(count)
    }
}

fn open_query(path: &Path) -> Result<Query, QueryError> {
    Query::open(path, QueryLimits { time: Duration::from_hours(24), ..QueryLimits::default() })
}

/// What FTS5 says of an expression, without its name.
fn syntax(error: rusqlite::Error) -> SearchError {
    let words = match &error {
        rusqlite::Error::SqliteFailure(_, Some(words)) => words,
        rusqlite::Error::SqlInputError { msg, .. } => msg,
        _ => return error.into(),
    };
    let is_of_expression = words.starts_with("fts5: ")
        || ["no such column", "unterminated string", "unknown special query"]
            .iter()
            .any(|start| words.starts_with(start));
    if is_of_expression {
        SearchError::Syntax(words.trim_start_matches("fts5: ").to_owned())
    } else {
        error.into()
    }
}

/// Finds the part of a text that shows the words best, by the same rules as the
/// index: with an index in memory of that one page.
struct Snippets(Connection);

impl Snippets {
    fn new() -> rusqlite::Result<Self> {
        let db = Connection::open_in_memory()?;
        db.execute_batch(
            "CREATE VIRTUAL TABLE page_search USING fts5(title, headings, text, tokenize = 'unicode61 remove_diacritics 2')",
        )?;
        Ok(Self(db))
    }

    fn of(&self, page: &Indexed, words: &Words) -> rusqlite::Result<String> {
        let db = &self.0;
        db.execute("DELETE FROM page_search", [])?;
        let [title, headings, text] =
            [&page.title, &page.headings, &page.text].map(|text| words::spread(text));
        db.execute("INSERT INTO page_search VALUES (?1, ?2, ?3)", (title, headings, text))?;
        // Of the text, or of whatever holds the words if the text does not.
        let marks = format!("'{BEGIN}', '{END}', '…', {SNIPPET_WORDS}");
        let sql = format!(
            "SELECT snippet(page_search, 2, {marks}), snippet(page_search, -1, {marks})
             FROM page_search WHERE page_search MATCH ?1"
        );
        let found = db
            .prepare_cached(&sql)?
            .query_row([&words.expression], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
            })
            .optional()?;
        let Some((of_text, of_any)) = found else { return Ok(String::new()) };
        let snippet = if of_text.contains(BEGIN) || of_any.is_empty() { of_text } else { of_any };
        Ok(words::gathered(&snippet.split_whitespace().collect::<Vec<_>>().join(" ")))
    }
}
