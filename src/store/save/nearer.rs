//! What does it change that a URL was met again nearer to a seed?

use tokio_rusqlite::rusqlite::{OptionalExtension, Result, Transaction, params};

use crate::engine::record::{FoundBy, Kind, NearerRow, UrlId};
use crate::store::load::{self, PENDING_COLUMNS};

/// Brings a URL nearer to the seeds, and says what the engine must know to go on.
pub(super) fn save_nearer(
    tx: &Transaction<'_>,
    crawl_id: i64,
    id: UrlId,
    depth: u16,
    found_on: Option<UrlId>,
) -> Result<NearerRow> {
    let mut statement = tx.prepare_cached(
        "UPDATE state SET depth = ?3, found_on = ?4 WHERE crawl_id = ?1 AND url_id = ?2 AND depth > ?3",
    )?;
    statement.execute(params![crawl_id, id.0, depth, found_on.map(|id| id.0)])?;
    let sql = format!(
        "SELECT {PENDING_COLUMNS} FROM state s JOIN url u ON u.id = s.url_id
         WHERE s.crawl_id = ?1 AND s.url_id = ?2 AND s.state = 'pending'"
    );
    let mut statement = tx.prepare_cached(&sql)?;
    let pending = statement.query_row(params![crawl_id, id.0], load::pending_row).optional()?;
    let leads_to = if pending.is_some() { Vec::new() } else { leads_to(tx, crawl_id, id)? };
    if !leads_to.is_empty() {
        let sql = "UPDATE state SET owes = 1 WHERE crawl_id = ?1 AND url_id = ?2";
        tx.prepare_cached(sql)?.execute(params![crawl_id, id.0])?;
    }
    Ok(NearerRow { id, pending, leads_to })
}

/// What a fetched URL leads to: by followed links and by its redirect.
fn leads_to(
    tx: &Transaction<'_>,
    crawl_id: i64,
    id: UrlId,
) -> Result<Vec<(UrlId, FoundBy, Option<std::sync::Arc<str>>)>> {
    let mut statement = tx.prepare_cached(
        "SELECT t.target_id, t.is_redirect, CASE WHEN x.reason = 'depth' THEN u.url END
         FROM (
             SELECT l.target_id, 0 AS is_redirect
             FROM state s JOIN fetch f ON f.id = s.fetch_id
             JOIN link l ON l.id BETWEEN f.page_id << 17 AND f.page_id << 17 | 131071
             JOIN link_shape h ON h.id = l.shape_id AND h.is_follow = 1
             WHERE s.crawl_id = ?1 AND s.url_id = ?2 AND s.state = 'done'
             UNION
             SELECT f.redirect_to, 1 FROM state s JOIN fetch f ON f.id = s.fetch_id
             WHERE s.crawl_id = ?1 AND s.url_id = ?2 AND s.state = 'done' AND f.redirect_to IS NOT NULL
         ) t
         JOIN state x ON x.crawl_id = ?1 AND x.url_id = t.target_id AND x.kind = ?3
         JOIN url u ON u.id = t.target_id",
    )?;
    let rows = statement.query_map(params![crawl_id, id.0, Kind::Page.as_str()], |row| {
        let by = if row.get(1)? { FoundBy::Redirect } else { FoundBy::Link };
        Ok((UrlId(row.get(0)?), by, row.get::<_, Option<String>>(2)?.map(Into::into)))
    })?;
    rows.collect()
}
