//! What is written when a run of a crawl begins, and when it ends?

use tokio_rusqlite::rusqlite::{Connection, TransactionBehavior, params};

use super::inlinks::count_inlinks;
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
