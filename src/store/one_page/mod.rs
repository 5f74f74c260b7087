//! What does the file know of one URL?
//!
//! Everything that any crawl in it has recorded: where it stands, what it
//! answered and said, how it was found, and who links to it.

mod find;

use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use tokio_rusqlite::rusqlite;

use rusqlite::types::ValueRef;
use rusqlite::{Row, ToSql};

use super::export::body_of;
use super::{Body, Error, Query, QueryError, QueryLimits, Value, check_header};

/// Steps of a way from the seed at most.
pub const MAX_STEPS: u32 = 100;

/// One URL of a file.
#[derive(Debug)]
pub struct OnePage {
    query: Query,
    crawl_id: i64,
    url_id: i64,
    /// In canonical form.
    pub url: String,
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub enum OnePageError {
    /// The file.
    #[error(transparent)]
    Store(#[from] Error),
    /// Reading it.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// What was given is no URL.
    #[error("`{0}` is no URL: {1}")]
    NoUrl(String, String),
    /// No crawl has met it; those it has met that are written nearly so.
    #[error("{0} is not in the file")]
    NotFound(String, Vec<String>),
    /// It has no such crawl.
    #[error("there is no crawl {0} in the file")]
    NoCrawl(i64),
}

/// Where a URL stands in one crawl.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// The crawl.
    pub crawl_id: i64,
    /// `pending`, `done`, `aside` or `refused`.
    pub state: String,
    /// Why it is aside or refused.
    pub reason: Option<String>,
    /// The evidence.
    pub detail: Option<String>,
    /// Links from the nearest seed; `None` if only a sitemap leads there.
    pub depth: Option<u16>,
    /// Requests for it.
    pub attempts: i64,
    /// HTTP status code of the last answer.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
    /// When it was last asked for.
    pub fetched_at: Option<String>,
    /// The page version that it gave or confirmed.
    pub page_id: Option<i64>,
    /// The beginning of the content hash of that version.
    pub content: Option<String>,
}

/// A page on the way from the seed, and the link on it that leads on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The page.
    pub url: String,
    /// What led here from the page before: the text of the link; `None` for the seed.
    pub anchor: Option<String>,
    /// By what: a kind of link, `redirect`, or `sitemap`.
    pub by: Option<String>,
}

/// A link, seen from one of its ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PageLink {
    /// The page at the other end.
    pub url: String,
    /// Its text; of an image without one `""`, of one whose text is empty
    /// [`EMPTY_ALT`](crate::extract::EMPTY_ALT).
    pub anchor: String,
    /// By which element.
    pub kind: String,
    /// In which part of the page.
    pub region: String,
    /// The `rel` attribute.
    pub rel: Option<String>,
    /// How often the page has it.
    pub times: i64,
    /// For outlinks: what came of the target, such as `200`, `external` or `pending`.
    pub outcome: Option<String>,
}

/// Links of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PageLinks {
    /// By which element; empty for inlinks, which are of all kinds.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// How many there are.
    pub total: i64,
    /// The first of them.
    pub links: Vec<PageLink>,
}

impl OnePage {
    /// Finds `raw` in the file at `path`, which may be a URL in any spelling, a
    /// path on the host of the seed, or a URL without a scheme. It is looked at
    /// in `crawl`, or in the crawl that the views show.
    ///
    /// # Errors
    /// See [`OnePageError`].
    pub fn open(path: &Path, raw: &str, crawl: Option<i64>) -> Result<Self, OnePageError> {
        check_header(path)?;
        let limits = QueryLimits { time: Duration::from_mins(10), ..QueryLimits::default() };
        let query = Query::open(path, limits)?;
        let shown = "SELECT crawl_id FROM shown_crawl WHERE crawl_id IS NOT NULL";
        let shown: Vec<i64> = query.all(shown, &[], |row| row.get(0))?;
        let shown = *shown.first().ok_or_else(|| Error::Empty(path.display().to_string()))?;
        let crawl_id = crawl.unwrap_or(shown);
        let seeds = query.all("SELECT seeds FROM crawl WHERE id = ?1", &[&crawl_id], |row| {
            row.get::<_, String>(0)
        })?;
        let seeds = seeds.first().ok_or(OnePageError::NoCrawl(crawl_id))?;
        let seeds: Vec<String> = serde_json::from_str(seeds).unwrap_or_default();
        let (url_id, url) = find::find(&query, raw, seeds.first().map(String::as_str))?;
        Ok(Self { query, crawl_id, url_id, url })
    }

    /// The crawl in which it is looked at.
    pub fn crawl_id(&self) -> i64 {
        self.crawl_id
    }

    /// Its row in the view of all pages, column by column; none if it was not fetched.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn fields(&self) -> Result<Vec<(String, Value)>, QueryError> {
        let sql = "SELECT * FROM all_pages WHERE crawl_id = ?1 AND url_id = ?2";
        let mut rows = self.query.all(sql, &[&self.crawl_id, &self.url_id], |row| {
            let names = row.as_ref().column_names();
            let names = names.into_iter().map(ToOwned::to_owned).enumerate();
            let fields = names.map(|(at, name)| Ok((name, Value::of(row.get_ref(at)?))));
            fields.collect::<Result<Vec<_>, _>>()
        })?;
        Ok(rows.pop().unwrap_or_default())
    }

    /// Where it stands in each crawl of the file, newest first.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn standings(&self) -> Result<Vec<Standing>, QueryError> {
        let sql = "SELECT c.id, s.state, s.reason, s.detail, nullif(s.depth, 65535), s.attempts, f.status, f.error,
                 strftime('%Y-%m-%d %H:%M:%S', f.started_at / 1000, 'unixepoch'), f.page_id,
                 lower(hex(substr(p.content_hash, 1, 6)))
             FROM crawl c JOIN state s ON s.crawl_id = c.id AND s.url_id = ?1
             LEFT JOIN fetch f ON f.id = s.fetch_id LEFT JOIN page p ON p.id = f.page_id
             ORDER BY c.id DESC";
        self.query.all(sql, &[&self.url_id], |row| {
            Ok(Standing {
                crawl_id: row.get(0)?,
                state: row.get(1)?,
                reason: row.get(2)?,
                detail: row.get(3)?,
                depth: row.get(4)?,
                attempts: row.get(5)?,
                status: row.get(6)?,
                error: row.get(7)?,
                fetched_at: row.get(8)?,
                page_id: row.get(9)?,
                content: row.get::<_, Option<String>>(10)?.filter(|hash| !hash.is_empty()),
            })
        })
    }

    /// How it is fetched after all, if a rule or limit left it out: a command about FILE.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn release(&self) -> Result<Option<String>, QueryError> {
        let sql = "SELECT release FROM all_skipped WHERE crawl_id = ?1 AND url_id = ?2";
        let found = self.query.all(sql, &[&self.crawl_id, &self.url_id], |row| row.get(0))?;
        Ok(found.into_iter().next().flatten())
    }

    /// The way on which it was found, from the seed on.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn way(&self) -> Result<Vec<Step>, QueryError> {
        let sql = "WITH RECURSIVE way (url_id, found_on, step) AS (
                 SELECT url_id, found_on, 0 FROM state WHERE crawl_id = ?1 AND url_id = ?2
                 UNION ALL
                 SELECT s.url_id, s.found_on, w.step + 1 FROM way w
                 JOIN state s ON s.crawl_id = ?1 AND s.url_id = w.found_on WHERE w.step < ?3)
             SELECT u.url, (SELECT l.anchor FROM link l WHERE l.id BETWEEN f.page_id << 17 AND f.page_id << 17 | 131071 AND l.target_id = w.url_id
                            ORDER BY trim(l.anchor) = '', l.id LIMIT 1),
                 CASE WHEN f.redirect_to = w.url_id THEN 'redirect' WHEN s.kind = 'sitemap' THEN 'sitemap'
                      ELSE (SELECT h.kind FROM link l JOIN link_shape h ON h.id = l.shape_id
                            WHERE l.id BETWEEN f.page_id << 17 AND f.page_id << 17 | 131071 AND l.target_id = w.url_id
                            ORDER BY trim(l.anchor) = '', l.id LIMIT 1) END
             FROM way w JOIN url u ON u.id = w.url_id
             LEFT JOIN state s ON s.crawl_id = ?1 AND s.url_id = w.found_on
             LEFT JOIN fetch f ON f.id = s.fetch_id
             ORDER BY w.step DESC";
        self.query.all(sql, &[&self.crawl_id, &self.url_id, &MAX_STEPS], |row| {
            Ok(Step { url: row.get(0)?, anchor: row.get(1)?, by: row.get(2)? })
        })
    }

    /// The pages that link to it, `most` of them.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn inlinks(&self, most: usize) -> Result<PageLinks, QueryError> {
        let from =
            "FROM link l JOIN link_shape h ON h.id = l.shape_id JOIN page p ON p.id = l.id >> 17
             JOIN state s ON s.crawl_id = ?1 AND s.url_id = p.url_id
             JOIN fetch f ON f.id = s.fetch_id AND f.page_id = p.id JOIN url u ON u.id = p.url_id
             WHERE l.target_id = ?2";
        let ids: [&dyn ToSql; 2] = [&self.crawl_id, &self.url_id];
        let counted = "SELECT links FROM inlink WHERE crawl_id = ?1 AND url_id = ?2";
        let counted = self.query.all(counted, &ids, |row| row.get(0))?;
        let total = if let Some(total) = counted.first() {
            *total
        } else {
            // Not counted yet: the crawl is running, or was stopped.
            let sql = format!("SELECT count(*) {from}");
            self.query.all(&sql, &ids, |row| row.get(0))?.first().copied().unwrap_or_default()
        };
        let sql = format!(
            "SELECT u.url, l.anchor, h.kind, h.region, l.rel, l.times, NULL {from} LIMIT {most}"
        );
        let links = if total == 0 { Vec::new() } else { self.query.all(&sql, &ids, page_link)? };
        Ok(PageLinks { kind: String::new(), total, links })
    }

    /// The links on it by their kind, `most` of each.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn outlinks(&self, most: usize) -> Result<Vec<PageLinks>, QueryError> {
        let sql = "SELECT u.url, l.anchor, h.kind, h.region, l.rel, l.times,
                 coalesce(tf.status, tf.error, t.reason, t.state)
             FROM state s JOIN fetch f ON f.id = s.fetch_id
             JOIN link l ON l.id BETWEEN f.page_id << 17 AND f.page_id << 17 | 131071
             JOIN link_shape h ON h.id = l.shape_id
             JOIN url u ON u.id = l.target_id
             LEFT JOIN state t ON t.crawl_id = ?1 AND t.url_id = l.target_id
             LEFT JOIN fetch tf ON tf.id = t.fetch_id
             WHERE s.crawl_id = ?1 AND s.url_id = ?2 ORDER BY l.id";
        let mut kinds: Vec<PageLinks> = Vec::new();
        self.query.each(sql, &[&self.crawl_id, &self.url_id], |row| {
            let link = page_link(row)?;
            let at = kinds.iter().position(|known| known.kind == link.kind).unwrap_or_else(|| {
                kinds.push(PageLinks { kind: link.kind.clone(), ..PageLinks::default() });
                kinds.len() - 1
            });
            kinds[at].total += 1;
            if kinds[at].links.len() < most {
                kinds[at].links.push(link);
            }
            Ok(Ok(()))
        })?;
        Ok(kinds)
    }

    /// Its body in this crawl, if it is stored.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn body(&self) -> Result<Option<Body>, QueryError> {
        let sql = "SELECT f.page_id FROM state s JOIN fetch f ON f.id = s.fetch_id
             WHERE s.crawl_id = ?1 AND s.url_id = ?2 AND f.page_id IS NOT NULL";
        let page = self.query.all(sql, &[&self.crawl_id, &self.url_id], |row| row.get(0))?;
        page.first().map_or(Ok(None), |page_id| body_of(&self.query, *page_id))
    }
}

fn page_link(row: &Row<'_>) -> rusqlite::Result<PageLink> {
    let outcome = match row.get_ref(6)? {
        ValueRef::Integer(status) => Some(status.to_string()),
        ValueRef::Text(word) => Some(String::from_utf8_lossy(word).into_owned()),
        _ => None,
    };
    Ok(PageLink {
        url: row.get(0)?,
        anchor: row.get(1)?,
        kind: row.get(2)?,
        region: row.get(3)?,
        rel: row.get(4)?,
        times: row.get(5)?,
        outcome,
    })
}
