//! Which pages are the site's graph, and how are they linked?

use std::io;

use super::Export;
use crate::store::QueryError;

/// A page of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The id of its URL.
    pub id: i64,
    /// Its URL.
    pub url: String,
    /// Its title.
    pub title: Option<String>,
    /// Links from the nearest seed; `None` if only a sitemap leads there.
    pub depth: Option<u16>,
    /// HTTP status code; `None` if no answer came.
    pub status: Option<u16>,
    /// Pages that link to it; `None` while the crawl runs.
    pub inlinks: Option<i64>,
}

/// A link between two pages of the graph, or a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The id of the page that has it.
    pub source: i64,
    /// The id of the page to which it leads.
    pub target: i64,
    /// How often the page has it.
    pub times: i64,
    /// Whether it is a redirect.
    pub is_redirect: bool,
}

impl Export {
    /// The pages to which most pages link, at most `limit`; without a limit every
    /// page, in no order. Gives their number.
    ///
    /// # Errors
    /// If they cannot be read; what `on_node` says is [`QueryError::Output`].
    pub fn nodes(
        &self,
        limit: Option<u32>,
        mut on_node: impl FnMut(Node) -> io::Result<()>,
    ) -> Result<u64, QueryError> {
        let most = limit.map_or(String::new(), |limit| {
            format!("ORDER BY coalesce(i.pages, 0) DESC, s.depth, s.url_id LIMIT {limit}")
        });
        let sql = format!(
            "WITH chosen (id, depth, fetch_id, inlinks) AS (
                 SELECT s.url_id, nullif(s.depth, 65535), s.fetch_id, i.pages FROM state s
                 LEFT JOIN inlink i ON i.crawl_id = s.crawl_id AND i.url_id = s.url_id
                 WHERE s.crawl_id = ?1 AND s.kind = 'page' AND s.state = 'done'{} {most})
             SELECT c.id, u.url, p.title, c.depth, f.status, c.inlinks
             FROM chosen c JOIN url u ON u.id = c.id JOIN fetch f ON f.id = c.fetch_id
             LEFT JOIN page p ON p.id = f.page_id",
            self.and_changed("s.url_id")
        );
        self.query.each(&sql, &[&self.crawl_id], |row| {
            let node = Node {
                id: row.get(0)?,
                url: row.get(1)?,
                title: row.get(2)?,
                depth: row.get(3)?,
                status: row.get(4)?,
                inlinks: row.get(5)?,
            };
            Ok(on_node(node).map_err(QueryError::Output))
        })
    }

    /// The edges that begin at a page, those to itself left out.
    ///
    /// # Errors
    /// As [`Self::nodes`].
    pub fn edges(
        &self,
        source: i64,
        mut on_edge: impl FnMut(Edge) -> io::Result<()>,
    ) -> Result<u64, QueryError> {
        let sql =
            "SELECT l.target_id, sum(l.times), 0 FROM state s JOIN fetch f ON f.id = s.fetch_id
                 JOIN link l ON l.id BETWEEN f.page_id << 17 AND f.page_id << 17 | 131071
                 WHERE s.crawl_id = ?1 AND s.url_id = ?2 AND l.target_id <> ?2 GROUP BY l.target_id
             UNION ALL
             SELECT f.redirect_to, 1, 1 FROM state s JOIN fetch f ON f.id = s.fetch_id
                 WHERE s.crawl_id = ?1 AND s.url_id = ?2 AND f.redirect_to <> ?2";
        self.query.each(sql, &[&self.crawl_id, &source], |row| {
            let edge =
                Edge { source, target: row.get(0)?, times: row.get(1)?, is_redirect: row.get(2)? };
            Ok(on_edge(edge).map_err(QueryError::Output))
        })
    }
}
