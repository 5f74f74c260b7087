//! Which pages may a search engine show, and when did they change?

use std::io;

use super::Export;
use crate::store::QueryError;

/// A page that a search engine may show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indexable {
    /// Its URL.
    pub url: String,
    /// The `Last-Modified` of its answer.
    pub last_modified: Option<String>,
    /// What a sitemap of the site itself says.
    pub lastmod: Option<String>,
}

impl Export {
    /// The origins of pages that a search engine may show, with the number of
    /// such pages, most first.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn indexable_origins(&self) -> Result<Vec<(String, i64)>, QueryError> {
        let sql = format!(
            "SELECT o.origin, count(*) FROM all_pages a
             JOIN state s ON s.crawl_id = a.crawl_id AND s.url_id = a.url_id JOIN origin o ON o.id = s.origin_id
             WHERE a.crawl_id = ?1 AND a.indexable = 1{} GROUP BY o.id ORDER BY 2 DESC, 1",
            self.and_changed("a.url_id")
        );
        self.query.all(&sql, &[&self.crawl_id], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Each page of an origin that a search engine may show.
    ///
    /// # Errors
    /// As [`Self::pages`].
    pub fn indexable(
        &self,
        origin: &str,
        mut on_page: impl FnMut(Indexable) -> io::Result<()>,
    ) -> Result<u64, QueryError> {
        // There are few sitemaps and many pages: each page looks itself up in each sitemap.
        let sql = format!(
            "WITH sitemap AS MATERIALIZED (SELECT DISTINCT sitemap_id FROM sitemap_entry WHERE crawl_id = ?1)
             SELECT a.url, a.headers ->> '$.last-modified[0]',
                 (SELECT max(e.lastmod) FROM sitemap m CROSS JOIN sitemap_entry e
                  WHERE e.crawl_id = ?1 AND e.sitemap_id = m.sitemap_id AND e.url_id = a.url_id)
             FROM all_pages a JOIN state s ON s.crawl_id = a.crawl_id AND s.url_id = a.url_id
             WHERE a.crawl_id = ?1 AND a.indexable = 1
                 AND s.origin_id IN (SELECT id FROM origin WHERE origin = ?2){}",
            self.and_changed("a.url_id")
        );
        self.query.each(&sql, &[&self.crawl_id, &origin], |row| {
            let page =
                Indexable { url: row.get(0)?, last_modified: row.get(1)?, lastmod: row.get(2)? };
            Ok(on_page(page).map_err(QueryError::Output))
        })
    }
}
