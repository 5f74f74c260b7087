//! How does each record become rows?

mod inlinks;
mod nearer;
mod page;
mod run;

use tokio_rusqlite::rusqlite::{
    Connection, Result, ToSql, Transaction, TransactionBehavior, params,
};

use super::{Error, load};
use crate::engine::record::{
    Discovery, Ending, FetchRecord, Met, OriginId, OriginRecord, Record, Reply, SitemapRecord,
    UrlId, VisitRecord,
};
use crate::refusal::Refusal;
use crate::traps::Trap;
use nearer::save_nearer;
use page::{save_body, save_page};

pub(super) use inlinks::{has_target_index, index_links, index_targets};
pub(super) use run::{accept, begin, finish, resume};

/// Writes the records of one batch in one transaction, and gives the answers to
/// the questions among them.
pub(super) fn commit(
    db: &mut Connection,
    crawl_id: i64,
    batch: &[Record],
    elapsed_ms: i64,
) -> Result<Vec<Reply>, Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut replies = Vec::new();
    for record in batch {
        replies.extend(save(&tx, crawl_id, record)?);
    }
    let mut statement = tx.prepare_cached("UPDATE crawl SET elapsed_ms = ?2 WHERE id = ?1")?;
    statement.execute(params![crawl_id, elapsed_ms])?;
    drop(statement);
    tx.commit()?;
    Ok(replies)
}

/// Writes a record, or answers it.
fn save(tx: &Transaction<'_>, crawl_id: i64, record: &Record) -> Result<Option<Reply>, Error> {
    match record {
        Record::Met(met) => save_met(tx, crawl_id, met)?,
        Record::Visit(visit) => save_visit(tx, crawl_id, visit)?,
        Record::Origin(origin) => save_origin(tx, origin)?,
        Record::Hold(origin, until) => set_of_origin(tx, *origin, "hold_until", until)?,
        Record::Mirror(mirror, original) => set_of_origin(tx, *mirror, "mirror_of", &original.0)?,
        Record::Parked(origin, why) => set_of_origin(tx, *origin, "parked", &**why)?,
        Record::Trap { host, trap, at } => save_trap(tx, host, trap, *at)?,
        Record::Reopened(ids) => {
            set_of_states(tx, crawl_id, ids, "state = 'pending', attempts = 0, not_before = NULL")?;
        }
        Record::Offered(ids) => set_of_states(tx, crawl_id, ids, "owes = 0")?,
        Record::Refused(id, refusal) => save_refused(tx, crawl_id, *id, refusal)?,
        Record::Nearer { urls, with_far } => {
            let rows = urls.iter().map(|(id, depth, found_on)| {
                save_nearer(tx, crawl_id, *id, (*depth, *found_on), *with_far)
            });
            return Ok(Some(Reply::Nearer(rows.collect::<Result<_>>()?)));
        }
        Record::Barrier => return Ok(Some(Reply::Passed)),
        Record::Refill { origin, from, limit } => {
            let rows = load::refill(tx, crawl_id, *origin, *from, *limit)?;
            let more = rows.len() == *limit as usize;
            return Ok(Some(Reply::Refilled { origin: *origin, rows, more }));
        }
    }
    Ok(None)
}

/// Sets a column of an origin.
fn set_of_origin(
    tx: &Transaction<'_>,
    id: OriginId,
    column: &'static str,
    value: &(impl ToSql + ?Sized),
) -> Result<()> {
    let sql = format!("UPDATE origin SET {column} = ?2 WHERE id = ?1");
    tx.prepare_cached(&sql)?.execute(params![id.0, value])?;
    Ok(())
}

/// Sets columns of where URLs stand.
fn set_of_states(
    tx: &Transaction<'_>,
    crawl_id: i64,
    ids: &[UrlId],
    what: &'static str,
) -> Result<()> {
    let sql = format!("UPDATE state SET {what} WHERE crawl_id = ?1 AND url_id = ?2");
    let mut statement = tx.prepare_cached(&sql)?;
    for id in ids {
        statement.execute(params![crawl_id, id.0])?;
    }
    Ok(())
}

fn save_trap(tx: &Transaction<'_>, host: &str, trap: &Trap, at: i64) -> Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT OR IGNORE INTO trap (host, pattern, kind, evidence, parked_at) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    statement.execute(params![host, &*trap.pattern, trap.kind.as_str(), &*trap.evidence, at])?;
    Ok(())
}

fn save_met(tx: &Transaction<'_>, crawl_id: i64, met: &Met) -> Result<()> {
    if !met.origins.is_empty() {
        let mut statement = tx.prepare_cached("INSERT INTO origin (id, origin) VALUES (?1, ?2)")?;
        for (id, origin) in &met.origins {
            statement.execute(params![id.0, &**origin])?;
        }
    }
    if met.urls.is_empty() {
        return Ok(());
    }
    let mut url = tx.prepare_cached("INSERT INTO url (id, hash, url) VALUES (?1, ?2, ?3)")?;
    let mut state = tx.prepare_cached(
        "INSERT INTO state (crawl_id, url_id, state, reason, detail, kind, depth, found_on, hops, origin_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT DO UPDATE SET state = excluded.state, reason = excluded.reason, detail = excluded.detail,
             kind = excluded.kind, depth = excluded.depth, found_on = excluded.found_on, hops = excluded.hops,
             origin_id = excluded.origin_id, attempts = 0, not_before = NULL",
    )?;
    for Discovery { id, new, standing } in &met.urls {
        if let Some((text, hash)) = new {
            url.execute(params![id.0, hash.0.as_slice(), &**text])?;
        }
        if let Some(standing) = standing {
            let (name, reason, detail) = state_of(standing.refusal.as_ref());
            state.execute(params![
                crawl_id,
                id.0,
                name,
                reason,
                detail,
                standing.kind.as_str(),
                standing.depth.rank(),
                standing.found_on.map(|id| id.0),
                standing.hops,
                standing.origin.map(|id| id.0),
            ])?;
        }
    }
    Ok(())
}

/// The state, reason and detail of a URL with or without something against it.
fn state_of(refusal: Option<&Refusal>) -> (&'static str, Option<&'static str>, Option<&str>) {
    match refusal {
        None => ("pending", None, None),
        Some(refusal) => {
            let name = if refusal.reason.is_aside() { "aside" } else { "refused" };
            (name, Some(refusal.reason.as_str()), Some(&refusal.detail))
        }
    }
}

fn save_refused(tx: &Transaction<'_>, crawl_id: i64, id: UrlId, refusal: &Refusal) -> Result<()> {
    let (name, reason, detail) = state_of(Some(refusal));
    let mut statement = tx.prepare_cached(
        "UPDATE state SET state = ?3, reason = ?4, detail = ?5 WHERE crawl_id = ?1 AND url_id = ?2",
    )?;
    statement.execute(params![crawl_id, id.0, name, reason, detail])?;
    Ok(())
}

fn save_visit(tx: &Transaction<'_>, crawl_id: i64, visit: &VisitRecord) -> Result<()> {
    let VisitRecord { candidate, fetch, redirect_to, met, ids, page, sitemap, ending } = visit;
    save_met(tx, crawl_id, met)?;
    let id = candidate.id;
    let page_id = match page {
        Some(page) => Some(save_page(tx, id, candidate.revisit, page, ids)?),
        None => None,
    };
    let body_id = match &fetch.body {
        Some((hash, body)) => Some(save_body(tx, &hash.0, body)?),
        None => None,
    };
    let fetch_id = save_fetch(tx, crawl_id, id, fetch, (*redirect_to, page_id, body_id))?;
    save_sitemap(tx, crawl_id, id, sitemap, ids)?;
    match ending {
        Ending::Done => {
            let mut statement = tx.prepare_cached(
                "UPDATE state SET state = 'done', reason = NULL, detail = NULL, fetch_id = ?3, attempts = attempts + 1,
                 not_before = NULL, crashes = 0, kind = ?4 WHERE crawl_id = ?1 AND url_id = ?2",
            )?;
            statement.execute(params![crawl_id, id.0, fetch_id, candidate.kind.as_str()])?;
        }
        Ending::Retry { attempts, not_before } => {
            let mut statement = tx.prepare_cached(
                "UPDATE state SET fetch_id = ?3, attempts = ?4, not_before = ?5, crashes = 0
                 WHERE crawl_id = ?1 AND url_id = ?2",
            )?;
            statement.execute(params![crawl_id, id.0, fetch_id, attempts, not_before])?;
        }
        Ending::Refused(refusal) => {
            // It was asked for, which limits count.
            let sql =
                "UPDATE state SET attempts = attempts + 1 WHERE crawl_id = ?1 AND url_id = ?2";
            tx.prepare_cached(sql)?.execute(params![crawl_id, id.0])?;
            save_refused(tx, crawl_id, id, refusal)?;
        }
        Ending::Untouched => {}
    }
    Ok(())
}

fn save_sitemap(
    tx: &Transaction<'_>,
    crawl_id: i64,
    id: UrlId,
    sitemap: &SitemapRecord,
    ids: &[UrlId],
) -> Result<()> {
    let SitemapRecord { entries, problems } = sitemap;
    if !entries.is_empty() {
        let mut statement = tx.prepare_cached(
            "INSERT OR REPLACE INTO sitemap_entry (crawl_id, sitemap_id, url_id, lastmod, changefreq, priority)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for entry in entries {
            let target = ids[entry.target as usize].0;
            let (lastmod, changefreq) = (&entry.lastmod, &entry.changefreq);
            statement.execute(params![
                crawl_id,
                id.0,
                target,
                lastmod,
                changefreq,
                entry.priority
            ])?;
        }
    }
    for (problem, position) in problems.iter().zip(0_i64..) {
        let mut statement = tx.prepare_cached(
            "INSERT OR REPLACE INTO sitemap_problem (crawl_id, sitemap_id, position, problem, detail, line, byte)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let byte = problem.byte.map(|byte| i64::try_from(byte).unwrap_or(i64::MAX));
        let (kind, what) = (problem.flaw.as_str(), &problem.what);
        statement.execute(params![crawl_id, id.0, position, kind, what, problem.line, byte])?;
    }
    Ok(())
}

fn save_fetch(
    tx: &Transaction<'_>,
    crawl_id: i64,
    id: UrlId,
    fetch: &FetchRecord,
    (redirect_to, page_id, body_id): (Option<UrlId>, Option<i64>, Option<i64>),
) -> Result<i64> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO fetch (crawl_id, url_id, started_at, elapsed_ms, first_byte_ms, status, error, error_detail,
             http_version, ip, wire_bytes, body_bytes, content_type, redirect_to, headers, is_cut, page_id, body_id,
             is_unchanged)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
    )?;
    statement.insert(params![
        crawl_id,
        id.0,
        fetch.started_at,
        fetch.elapsed_ms,
        fetch.first_byte_ms,
        fetch.status,
        fetch.error,
        fetch.error_detail,
        fetch.http_version,
        fetch.ip.map(|ip| ip.to_string()),
        i64::try_from(fetch.wire_bytes).unwrap_or(i64::MAX),
        fetch.body_bytes.map(|bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
        fetch.content_type,
        redirect_to.map(|id| id.0),
        fetch.headers,
        fetch.is_cut,
        page_id,
        body_id,
        fetch.is_unchanged,
    ])
}

fn save_origin(tx: &Transaction<'_>, origin: &OriginRecord) -> Result<()> {
    let text = origin.robots_body.as_deref().map(String::from_utf8_lossy);
    let mut statement = tx.prepare_cached(
        "UPDATE origin SET robots_at = ?2, robots_status = ?3, robots_body = ?4, crawl_delay_ms = ?5, parked = ?6
         WHERE id = ?1",
    )?;
    let crawl_delay_ms = origin.crawl_delay_ms.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
    statement.execute(params![
        origin.id.0,
        origin.robots_at,
        origin.robots_status,
        text,
        crawl_delay_ms,
        origin.parked
    ])?;
    Ok(())
}
