//! Which URLs that were set aside may be fetched now that settings have changed?
//!
//! Runs between two runs, before anything is loaded. Nothing that was fetched is
//! touched. What only images, scripts or nofollow links lead to stays aside, unless
//! those are wanted now.

use std::collections::HashMap;

use tokio_rusqlite::rusqlite::{Connection, Result, Transaction, TransactionBehavior, params};

use super::{Error, save};
use crate::canonical::CanonicalUrl;
use crate::engine::record::{Depth, Kind};
use crate::refusal::{Reason, Refusal};

/// What becomes of a URL that was set aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Again {
    /// It may be fetched, as this.
    Fetch(Kind),
    /// This is against it now.
    Aside(Refusal),
}

/// A URL that was set aside, as it is judged again.
#[derive(Clone, Debug)]
pub struct Aside {
    /// Which.
    pub url: CanonicalUrl,
    /// How far from the seeds.
    pub depth: Depth,
    /// What was against it.
    pub refusal: Refusal,
}

/// The reasons that a changed setting may lift.
const LIFTED: [Reason; 13] = [
    Reason::External,
    Reason::OutOfScope,
    Reason::Excluded,
    Reason::NotIncluded,
    Reason::Robots,
    Reason::Depth,
    Reason::Private,
    Reason::Mirror,
    Reason::Asset,
    Reason::Nofollow,
    Reason::Session,
    Reason::Trap,
    Reason::Budget,
];

/// Judges every URL again that was set aside for one of those reasons; how many are pending now.
pub(super) fn rejudge(
    db: &mut Connection,
    crawl_id: i64,
    judge: impl Fn(&Aside) -> Again,
) -> Result<u64, Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    save::index_targets(&tx)?;
    let mut origins = Origins::load(&tx)?;
    let mut released = 0;
    for (id, aside) in set_aside(&tx, crawl_id)? {
        match judge(&aside) {
            Again::Fetch(Kind::Page) if !has_way(&tx, crawl_id, id, aside.refusal.reason)? => {
                let refusal = Refusal::new(Reason::Asset, "no followed link leads to it");
                set_refusal(&tx, crawl_id, id, &refusal)?;
            }
            Again::Fetch(kind) => {
                let origin = origins.id(&tx, aside.url.origin())?;
                let sql = "UPDATE state SET state = 'pending', reason = NULL, detail = NULL, origin_id = ?3, kind = ?4,
                               attempts = 0, crashes = 0 WHERE crawl_id = ?1 AND url_id = ?2";
                tx.prepare_cached(sql)?.execute(params![crawl_id, id, origin, kind.as_str()])?;
                released += 1;
            }
            Again::Aside(refusal) => set_refusal(&tx, crawl_id, id, &refusal)?,
        }
    }
    tx.commit()?;
    Ok(released)
}

fn set_refusal(tx: &Transaction<'_>, crawl_id: i64, id: i64, refusal: &Refusal) -> Result<()> {
    let sql = "UPDATE state SET reason = ?3, detail = ?4 WHERE crawl_id = ?1 AND url_id = ?2";
    let row = params![crawl_id, id, refusal.reason.as_str(), &*refusal.detail];
    tx.prepare_cached(sql)?.execute(row).map(drop)
}

/// Pages that are set aside for such a reason, by row.
fn set_aside(tx: &Transaction<'_>, crawl_id: i64) -> Result<Vec<(i64, Aside)>> {
    let reasons = LIFTED.map(|reason| format!("'{reason}'")).join(", ");
    let mut statement = tx.prepare(&format!(
        "SELECT s.url_id, u.url, s.depth, s.reason, s.detail
         FROM state s JOIN url u ON u.id = s.url_id
         WHERE s.crawl_id = ?1 AND s.state = 'aside' AND s.kind <> 'sitemap' AND s.reason IN ({reasons})"
    ))?;
    let rows = statement.query_map([crawl_id], |row| {
        let name: String = row.get(3)?;
        let reason = LIFTED.into_iter().find(|reason| reason.as_str() == name);
        let reason = reason.expect("only those were asked for");
        let aside = Aside {
            url: CanonicalUrl::from_stored(row.get::<_, String>(1)?),
            depth: Depth::from_rank(row.get(2)?),
            refusal: Refusal::new(reason, row.get::<_, String>(4)?),
        };
        Ok((row.get(0)?, aside))
    })?;
    rows.collect()
}

/// Whether there is a way from a seed to a URL: some reasons show it, since only
/// what a followed link leads to comes as far.
fn has_way(tx: &Transaction<'_>, crawl_id: i64, id: i64, reason: Reason) -> Result<bool> {
    let shows = matches!(
        reason,
        Reason::Robots
            | Reason::Depth
            | Reason::Private
            | Reason::Mirror
            | Reason::Nofollow
            | Reason::Trap
            | Reason::Budget
    );
    if shows { Ok(true) } else { is_led_to(tx, crawl_id, id) }
}

/// Whether a followed link, a redirect or a sitemap leads to a URL, or it is a seed.
fn is_led_to(tx: &Transaction<'_>, crawl_id: i64, id: i64) -> Result<bool> {
    let mut statement = tx.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM link WHERE target_id = ?2 AND shape_id & 1 = 1)
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
