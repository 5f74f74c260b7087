//! What does it change that a URL was met again nearer to a seed?

use tokio_rusqlite::rusqlite::{OptionalExtension, Result, Transaction, params};

use crate::canonical::CanonicalUrl;
use crate::engine::record::{Depth, FoundBy, NearerRow, UrlId};
use crate::refusal::Reason;
use crate::store::load::{self, PENDING_COLUMNS};

/// What a URL leads to, of a crawl, with the texts of what is too far if ?3 says so. Nothing
/// else of the targets is read: each would be a page of the file.
const LEADS_TO: &str = "SELECT t.target_id, t.is_redirect, CASE WHEN ?3 THEN
         (SELECT u.url FROM state x CROSS JOIN url u ON u.id = x.url_id
          WHERE x.crawl_id = ?1 AND x.url_id = t.target_id AND x.reason = 'depth') END
     FROM (
         SELECT l.target_id, 0 AS is_redirect
         FROM state s JOIN fetch f ON f.id = s.fetch_id
         JOIN link l ON l.id BETWEEN f.page_id << 17 AND f.page_id << 17 | 131071
         JOIN link_shape h ON h.id = l.shape_id AND h.is_follow = 1
         WHERE s.crawl_id = ?1 AND s.url_id = ?2 AND s.state = 'done'
         UNION
         SELECT f.redirect_to, 1 FROM state s JOIN fetch f ON f.id = s.fetch_id
         WHERE s.crawl_id = ?1 AND s.url_id = ?2 AND s.state = 'done' AND f.redirect_to IS NOT NULL
     ) t";

/// Brings a URL nearer to the seeds, and says what the engine must know to go on.
pub(super) fn save_nearer(
    tx: &Transaction<'_>,
    crawl_id: i64,
    id: UrlId,
    (depth, found_on): (Depth, Option<UrlId>),
    with_far: bool,
) -> Result<NearerRow> {
    let mut statement = tx.prepare_cached(
        "UPDATE state SET depth = ?3, found_on = ?4 WHERE crawl_id = ?1 AND url_id = ?2 AND depth > ?3",
    )?;
    statement.execute(params![crawl_id, id.0, depth.rank(), found_on.map(|id| id.0)])?;
    let sql = format!(
        "SELECT {PENDING_COLUMNS} FROM state s JOIN url u ON u.id = s.url_id
         WHERE s.crawl_id = ?1 AND s.url_id = ?2 AND s.state = 'pending'"
    );
    let mut statement = tx.prepare_cached(&sql)?;
    let pending = statement.query_row(params![crawl_id, id.0], load::pending_row).optional()?;
    let leads_to =
        if pending.is_some() { Vec::new() } else { leads_to(tx, crawl_id, id, with_far)? };
    let mirror = if pending.is_some() { None } else { mirror(tx, crawl_id, id)? };
    let row = NearerRow { id, pending, leads_to, mirror };
    // One that owed an offer and is to be visited again makes it by its visit.
    let sql = "UPDATE state SET owes = ?3 WHERE crawl_id = ?1 AND url_id = ?2 AND owes <> ?3";
    tx.prepare_cached(sql)?.execute(params![crawl_id, id.0, row.owes_an_offer()])?;
    Ok(row)
}

/// A URL if it is set aside because its origin mirrors another.
fn mirror(tx: &Transaction<'_>, crawl_id: i64, id: UrlId) -> Result<Option<CanonicalUrl>> {
    let mut statement = tx.prepare_cached(
        "SELECT u.url FROM state s JOIN url u ON u.id = s.url_id
         WHERE s.crawl_id = ?1 AND s.url_id = ?2 AND s.reason = ?3",
    )?;
    let key = params![crawl_id, id.0, Reason::Mirror.as_str()];
    let url = statement.query_row(key, |row| row.get::<_, String>(0)).optional()?;
    Ok(url.map(CanonicalUrl::from_stored))
}

/// What a fetched URL leads to: by followed links and by its redirect.
fn leads_to(
    tx: &Transaction<'_>,
    crawl_id: i64,
    id: UrlId,
    with_far: bool,
) -> Result<Vec<(UrlId, FoundBy, Option<std::sync::Arc<str>>)>> {
    let mut statement = tx.prepare_cached(LEADS_TO)?;
    let rows = statement.query_map(params![crawl_id, id.0, with_far], |row| {
        let by = if row.get(1)? { FoundBy::Redirect } else { FoundBy::Link };
        Ok((UrlId(row.get(0)?), by, row.get::<_, Option<String>>(2)?.map(Into::into)))
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_rusqlite::rusqlite::Connection;

    #[test]
    fn what_a_url_leads_to_is_looked_up_row_by_row() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(include_str!("../schema.sql")).unwrap();
        let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {LEADS_TO}")).unwrap();
        let steps = plan.query_map([1, 2, 1], |row| row.get::<_, String>(3)).unwrap();
        for step in steps.map(Result::unwrap) {
            let is_whole = step.starts_with("SCAN") && !step.starts_with("SCAN t");
            assert!(!is_whole && !step.contains("AUTOMATIC"), "{step}");
            assert!(!step.contains("(crawl_id=?)"), "{step}");
        }
    }
}
