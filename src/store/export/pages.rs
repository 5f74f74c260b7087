//! Which bodies are stored, and what came with them?

use std::io;

use super::{Body, Export, body_in};
use crate::extract::is_xhtml;
use crate::store::QueryError;

/// A page with its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredPage {
    /// Of the page version.
    pub page_id: i64,
    /// Its URL.
    pub url: String,
    /// Its title.
    pub title: Option<String>,
    /// Its description.
    pub description: Option<String>,
    /// When it was fetched, in RFC 3339.
    pub fetched_at: String,
    /// The page.
    pub body: Body,
}

/// A request whose answer is stored whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFetch {
    /// Its id.
    pub id: i64,
    /// The URL asked for.
    pub url: String,
    /// When it began, in RFC 3339 with milliseconds.
    pub started_at: String,
    /// HTTP status code.
    pub status: u16,
    /// As recorded: `HTTP/1.1` or `HTTP/2`.
    pub http_version: String,
    /// Who answered, if that is known.
    pub ip: Option<String>,
    /// A JSON object of arrays.
    pub headers: String,
    /// Whether a limit ended the body.
    pub is_cut: bool,
    /// After the content encoding was undone.
    pub body: Vec<u8>,
}

impl Export {
    /// Each HTML page that answered 200 and whose body is stored; gives their number.
    ///
    /// # Errors
    /// See [`QueryError`]; that of `on_page` is [`QueryError::Output`].
    pub fn pages(
        &self,
        mut on_page: impl FnMut(StoredPage) -> io::Result<()>,
    ) -> Result<u64, QueryError> {
        let sql = format!(
            "SELECT p.charset, b.codec, b.bytes, p.id, u.url, p.title, p.description,
                 strftime('%Y-%m-%dT%H:%M:%SZ', f.started_at / 1000, 'unixepoch'), coalesce(f.content_type, '')
             FROM state s JOIN fetch f ON f.id = s.fetch_id JOIN page p ON p.id = f.page_id
             JOIN body b ON b.id = p.body_id JOIN url u ON u.id = s.url_id
             WHERE s.crawl_id = ?1 AND s.kind = 'page' AND s.state = 'done' AND f.status = 200{}",
            self.and_changed("s.url_id")
        );
        self.query.each(&sql, &[&self.crawl_id], |row| {
            let url: String = row.get(4)?;
            let bytes = match body_in(row, 1)? {
                Ok(bytes) => bytes,
                Err(why) => return Ok(Err(QueryError::Damaged(url, why))),
            };
            let page = StoredPage {
                page_id: row.get(3)?,
                url,
                title: row.get(5)?,
                description: row.get(6)?,
                fetched_at: row.get(7)?,
                body: Body {
                    charset: row.get(0)?,
                    is_xhtml: is_xhtml(&row.get::<_, String>(8)?),
                    bytes,
                },
            };
            Ok(on_page(page).map_err(QueryError::Output))
        })
    }

    /// Each request whose answer is stored with its body, in the order in which
    /// they were made; gives their number.
    ///
    /// # Errors
    /// As [`Self::pages`].
    pub fn fetches(
        &self,
        mut on_fetch: impl FnMut(StoredFetch) -> io::Result<()>,
    ) -> Result<u64, QueryError> {
        let sql = format!(
            "SELECT f.id, b.codec, b.bytes, u.url, f.status, coalesce(f.http_version, 'HTTP/1.1'), f.ip,
                 coalesce(f.headers, '{{}}'), f.is_cut,
                 strftime('%Y-%m-%dT%H:%M:%fZ', f.started_at / 1000.0, 'unixepoch')
             FROM fetch f JOIN page p ON p.id = f.page_id JOIN body b ON b.id = p.body_id
             JOIN url u ON u.id = f.url_id
             WHERE f.crawl_id = ?1 AND f.status BETWEEN 200 AND 299{} ORDER BY f.id",
            self.and_changed("f.url_id")
        );
        self.query.each(&sql, &[&self.crawl_id], |row| {
            let url: String = row.get(3)?;
            let body = match body_in(row, 1)? {
                Ok(body) => body,
                Err(why) => return Ok(Err(QueryError::Damaged(url, why))),
            };
            let fetch = StoredFetch {
                id: row.get(0)?,
                url,
                status: row.get(4)?,
                http_version: row.get(5)?,
                ip: row.get(6)?,
                headers: row.get(7)?,
                is_cut: row.get(8)?,
                started_at: row.get(9)?,
                body,
            };
            Ok(on_fetch(fetch).map_err(QueryError::Output))
        })
    }

    /// How many answers of pages have no stored body, of those that are exported.
    ///
    /// # Errors
    /// If they cannot be counted.
    pub fn fetches_without_body(&self) -> Result<i64, QueryError> {
        let sql = format!(
            "SELECT count(*) FROM fetch f LEFT JOIN page p ON p.id = f.page_id
             JOIN state s ON s.crawl_id = f.crawl_id AND s.url_id = f.url_id AND s.kind = 'page'
             WHERE f.crawl_id = ?1 AND f.status IS NOT NULL AND p.body_id IS NULL{}",
            self.and_changed("f.url_id")
        );
        let count = self.query.all(&sql, &[&self.crawl_id], |row| row.get(0))?;
        Ok(count.first().copied().unwrap_or_default())
    }
}
