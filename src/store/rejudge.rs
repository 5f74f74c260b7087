//! Which URLs that were set aside may be fetched now that settings have changed?
//!
//! Runs between two runs, before anything is loaded. Nothing that was fetched is
//! touched. What only images, scripts or nofollow links lead to stays aside.

use std::collections::HashMap;

use tokio_rusqlite::rusqlite::{Connection, Result, Transaction, TransactionBehavior, params};

use super::Error;
use crate::canonical::CanonicalUrl;
use crate::engine::record::Depth;
use crate::refusal::{Reason, Refusal};

/// The reasons that a changed scope, depth, robots setting or allowance may lift.
const LIFTED: [Reason; 8] = [
    Reason::External,
    Reason::OutOfScope,
    Reason::Excluded,
    Reason::NotIncluded,
    Reason::Robots,
    Reason::Depth,
    Reason::Private,
    Reason::Mirror,
];

/// Judges every URL again that was set aside for one of those reasons; how many are pending now.
pub(super) fn rejudge(
    db: &mut Connection,
    crawl_id: i64,
    judge: impl Fn(&CanonicalUrl, Depth) -> Option<Refusal>,
) -> Result<u64, Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch("CREATE INDEX IF NOT EXISTS link_target ON link (target_id)")?;
    let mut origins = Origins::load(&tx)?;
    let mut released = 0;
    for (id, url, depth, had_way) in set_aside(&tx, crawl_id)? {
        let refusal = judge(&url, depth).or_else(|| {
            let is_led_to = had_way || is_led_to(&tx, crawl_id, id).unwrap_or(true);
            (!is_led_to).then(|| Refusal::new(Reason::Asset, "no followed link leads to it"))
        });
        if let Some(Refusal { reason, detail }) = refusal {
            let sql =
                "UPDATE state SET reason = ?3, detail = ?4 WHERE crawl_id = ?1 AND url_id = ?2";
            tx.prepare_cached(sql)?.execute(params![crawl_id, id, reason.as_str(), &*detail])?;
        } else {
            let origin = origins.id(&tx, url.origin())?;
            let sql =
                "UPDATE state SET state = 'pending', reason = NULL, detail = NULL, origin_id = ?3,
                           attempts = 0, crashes = 0 WHERE crawl_id = ?1 AND url_id = ?2";
            tx.prepare_cached(sql)?.execute(params![crawl_id, id, origin])?;
            released += 1;
        }
    }
    tx.commit()?;
    Ok(released)
}

/// Pages that are set aside for such a reason: row, URL, depth, and whether the
/// reason shows that a followed link leads to it.
fn set_aside(tx: &Transaction<'_>, crawl_id: i64) -> Result<Vec<(i64, CanonicalUrl, Depth, bool)>> {
    let reasons = LIFTED.map(|reason| format!("'{reason}'")).join(", ");
    let mut statement = tx.prepare(&format!(
        "SELECT s.url_id, u.url, s.depth, s.reason IN ('robots', 'depth', 'private-address', 'mirror')
         FROM state s JOIN url u ON u.id = s.url_id
         WHERE s.crawl_id = ?1 AND s.state = 'aside' AND s.kind = 'page' AND s.reason IN ({reasons})"
    ))?;
    let rows = statement.query_map([crawl_id], |row| {
        let url = CanonicalUrl::from_stored(row.get::<_, String>(1)?);
        Ok((row.get(0)?, url, Depth::from_rank(row.get(2)?), row.get(3)?))
    })?;
    rows.collect()
}

/// Whether a followed link, a redirect or a sitemap leads to a URL, or it is a seed.
fn is_led_to(tx: &Transaction<'_>, crawl_id: i64, id: i64) -> Result<bool> {
    let mut statement = tx.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM link WHERE target_id = ?2 AND is_follow = 1)
             OR EXISTS (SELECT 1 FROM sitemap_entry WHERE crawl_id = ?1 AND url_id = ?2)
             OR EXISTS (SELECT 1 FROM state s LEFT JOIN fetch f ON f.crawl_id = ?1 AND f.url_id = s.found_on
                        WHERE s.crawl_id = ?1 AND s.url_id = ?2 AND (s.found_on IS NULL OR f.redirect_to = ?2))",
    )?;
    statement.query_row(params![crawl_id, id], |row| row.get(0))
}

/// The rows of origins, to which new candidates may add.
struct Origins(HashMap<String, i64>);

impl Origins {
    fn load(tx: &Transaction<'_>) -> Result<Self> {
        let mut statement = tx.prepare("SELECT origin, id FROM origin")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect::<Result<_>>().map(Self)
    }

    fn id(&mut self, tx: &Transaction<'_>, origin: &str) -> Result<i64> {
        if let Some(id) = self.0.get(origin) {
            return Ok(*id);
        }
        let id = i64::try_from(self.0.len()).expect("fewer origins than rows") + 1;
        tx.execute("INSERT INTO origin (id, origin) VALUES (?1, ?2)", params![id, origin])?;
        self.0.insert(origin.to_owned(), id);
        Ok(id)
    }
}
