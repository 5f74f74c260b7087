//! What is written when a run of a crawl begins, and when it ends?

use tokio_rusqlite::rusqlite::{Connection, Result, Transaction, TransactionBehavior, params};

use super::page::POSITION_BITS;
use crate::config::Statuses;
use crate::engine::Finish;
use crate::store::{Error, fragments};

/// Begins a crawl.
pub(in crate::store) fn begin(
    db: &mut Connection,
    seeds: &str,
    config: &str,
    now: i64,
) -> Result<i64, Error> {
    db.execute(
        "INSERT INTO crawl (seeds, config, version, started_at, elapsed_ms, runs) VALUES (?1, ?2, ?3, ?4, 0, 1)",
        params![seeds, config, env!("CARGO_PKG_VERSION"), now],
    )?;
    Ok(db.last_insert_rowid())
}

/// A further run of a crawl begins.
pub(in crate::store) fn resume(
    db: &mut Connection,
    crawl_id: i64,
    config: &str,
) -> Result<(), Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute(
        "UPDATE crawl SET config = ?2, runs = runs + 1, finish = NULL, finished_at = NULL WHERE id = ?1",
        params![crawl_id, config],
    )?;
    tx.execute("UPDATE origin SET parked = NULL", [])?;
    // Counted anew when this run ends.
    tx.execute("DELETE FROM inlink WHERE crawl_id = ?1", [crawl_id])?;
    tx.commit()?;
    Ok(())
}

/// Says which statuses do not count as broken in a crawl.
pub(in crate::store) fn accept(
    db: &mut Connection,
    crawl_id: i64,
    accepted: &[Statuses],
) -> Result<(), Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute("DELETE FROM accepted WHERE crawl_id = ?1", [crawl_id])?;
    for Statuses { first, last } in accepted {
        let sql = "INSERT OR IGNORE INTO accepted (crawl_id, first, last) VALUES (?1, ?2, ?3)";
        tx.execute(sql, params![crawl_id, first, last])?;
    }
    tx.commit()?;
    Ok(())
}

/// Makes the index on link targets and the inlinks of a crawl whose last run was stopped.
pub(in crate::store) fn index_links(db: &mut Connection, crawl_id: i64) -> Result<(), Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    index_targets(&tx)?;
    count_inlinks(&tx, crawl_id)?;
    tx.commit()?;
    Ok(())
}

/// Makes the index on link targets, unless it is there.
pub(in crate::store) fn index_targets(tx: &Transaction<'_>) -> Result<()> {
    tx.execute_batch("CREATE INDEX IF NOT EXISTS link_target ON link (target_id)")
}

/// A run of a crawl ends.
pub(in crate::store) fn finish(
    db: &mut Connection,
    crawl_id: i64,
    finish: &Finish,
    check_fragments: bool,
    now: i64,
) -> Result<(), Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Somebody who stops a crawl does not want to wait for what comes after it.
    if *finish != Finish::Stopped {
        index_targets(&tx)?;
        count_inlinks(&tx, crawl_id)?;
        if check_fragments {
            fragments::find(&tx, crawl_id)?;
        }
    }
    tx.execute(
        "UPDATE crawl SET finish = ?2, finished_at = CASE WHEN ?3 THEN ?4 END WHERE id = ?1",
        params![crawl_id, finish.as_str(), finish.is_complete(), now],
    )?;
    tx.commit()?;
    Ok(())
}

/// Counts the links to each URL, in one pass over the index on targets, which
/// holds the pages of each target in order.
fn count_inlinks(tx: &Transaction<'_>, crawl_id: i64) -> Result<()> {
    tx.execute("DELETE FROM inlink WHERE crawl_id = ?1", [crawl_id])?;
    let shown = ShownPages::of(tx, crawl_id)?;
    let mut insert =
        tx.prepare("INSERT INTO inlink (crawl_id, url_id, links, pages) VALUES (?1, ?2, ?3, ?4)")?;
    let mut links =
        tx.prepare("SELECT target_id, id FROM link INDEXED BY link_target ORDER BY target_id, id")?;
    let mut rows = links.query([])?;
    let (mut target, mut last_page, mut counts) = (0_i64, 0_i64, (0_i64, 0_i64));
    while let Some(row) = rows.next()? {
        let (next, page) = (row.get_ref(0)?.as_i64()?, row.get_ref(1)?.as_i64()? >> POSITION_BITS);
        if !shown.has(page) {
            continue;
        }
        if next != target {
            if counts.0 > 0 {
                insert.execute(params![crawl_id, target, counts.0, counts.1])?;
            }
            (target, last_page, counts) = (next, 0, (0, 0));
        }
        counts = (counts.0 + 1, counts.1 + i64::from(page != last_page));
        last_page = page;
    }
    if counts.0 > 0 {
        insert.execute(params![crawl_id, target, counts.0, counts.1])?;
    }
    Ok(())
}

/// The page versions that a crawl shows: a bit for each.
struct ShownPages(Vec<u64>);

impl ShownPages {
    fn of(tx: &Transaction<'_>, crawl_id: i64) -> Result<Self> {
        let newest: Option<i64> = tx.query_row("SELECT max(id) FROM page", [], |row| row.get(0))?;
        let mut bits = vec![0; place(newest.unwrap_or_default()).0 + 1];
        let mut statement = tx.prepare(
            "SELECT f.page_id FROM state s JOIN fetch f ON f.id = s.fetch_id
             WHERE s.crawl_id = ?1 AND s.state = 'done' AND f.page_id IS NOT NULL",
        )?;
        let mut rows = statement.query([crawl_id])?;
        while let Some(row) = rows.next()? {
            let (word, bit) = place(row.get(0)?);
            bits[word] |= bit;
        }
        Ok(Self(bits))
    }

    fn has(&self, page_id: i64) -> bool {
        let (word, bit) = place(page_id);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }
}

/// The word and the bit in it that stand for a page version.
fn place(page_id: i64) -> (usize, u64) {
    let id = usize::try_from(page_id).expect("rows are counted from 1");
    (id / 64, 1 << (id % 64))
}
