//! How does each record become rows?

use tokio_rusqlite::rusqlite::{
    Connection, OptionalExtension, Result, Transaction, TransactionBehavior, params,
};

use super::load::{self, PENDING_COLUMNS};
use super::{Error, fragments};
use crate::canonical::CanonicalUrl;
use crate::engine::Finish;
use crate::engine::record::{
    BodyRecord, Discovery, Ending, FetchRecord, FoundBy, Met, NearerRow, OriginRecord, PageRecord,
    Record, Reply, UrlId, VisitRecord,
};
use crate::refusal::{Reason, Refusal};

/// Begins a crawl.
pub(super) fn begin(
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
pub(super) fn resume(db: &mut Connection, crawl_id: i64, config: &str) -> Result<(), Error> {
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

/// Makes the index on link targets and the inlinks of a crawl whose last run was stopped.
pub(super) fn index_links(db: &mut Connection, crawl_id: i64) -> Result<(), Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    index_targets(&tx, crawl_id)?;
    tx.commit()?;
    Ok(())
}

fn index_targets(tx: &Transaction<'_>, crawl_id: i64) -> Result<()> {
    tx.execute_batch("CREATE INDEX IF NOT EXISTS link_target ON link (target_id)")?;
    count_inlinks(tx, crawl_id)
}

/// A run of a crawl ends.
pub(super) fn finish(
    db: &mut Connection,
    crawl_id: i64,
    finish: &Finish,
    check_fragments: bool,
    now: i64,
) -> Result<(), Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Somebody who stops a crawl does not want to wait for what comes after it.
    if *finish != Finish::Stopped {
        index_targets(&tx, crawl_id)?;
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
    tx.execute_batch("CREATE TEMP TABLE shown_page (page_id INTEGER PRIMARY KEY)")?;
    tx.execute(
        "INSERT OR IGNORE INTO shown_page
         SELECT f.page_id FROM state s JOIN fetch f ON f.id = s.fetch_id
         WHERE s.crawl_id = ?1 AND s.state = 'done' AND f.page_id IS NOT NULL",
        [crawl_id],
    )?;
    let mut insert =
        tx.prepare("INSERT INTO inlink (crawl_id, url_id, links, pages) VALUES (?1, ?2, ?3, ?4)")?;
    let mut links = tx.prepare(
        "SELECT l.target_id, l.page_id FROM link l INDEXED BY link_target
         WHERE EXISTS (SELECT 1 FROM shown_page p WHERE p.page_id = l.page_id) ORDER BY l.target_id, l.page_id",
    )?;
    let mut rows = links.query([])?;
    let (mut target, mut last_page, mut counts) = (0_i64, 0_i64, (0_i64, 0_i64));
    while let Some(row) = rows.next()? {
        let (next, page): (i64, i64) = (row.get(0)?, row.get(1)?);
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
    tx.execute_batch("DROP TABLE shown_page")
}

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
        match record {
            Record::Met(met) => save_met(&tx, crawl_id, met)?,
            Record::Visit(visit) => save_visit(&tx, crawl_id, visit)?,
            Record::Origin(origin) => save_origin(&tx, origin)?,
            Record::Hold(origin, until) => {
                let mut statement =
                    tx.prepare_cached("UPDATE origin SET hold_until = ?2 WHERE id = ?1")?;
                statement.execute(params![origin.0, until])?;
            }
            Record::Trap { host, trap, at } => {
                let mut statement = tx.prepare_cached(
                    "INSERT OR IGNORE INTO trap (host, pattern, kind, evidence, parked_at) VALUES (?1, ?2, ?3, ?4, ?5)",
                )?;
                let kind = trap.kind.as_str();
                statement.execute(params![&**host, &*trap.pattern, kind, &*trap.evidence, at])?;
            }
            Record::Mirror(mirror, original) => {
                let mut statement =
                    tx.prepare_cached("UPDATE origin SET mirror_of = ?2 WHERE id = ?1")?;
                statement.execute(params![mirror.0, original.0])?;
            }
            Record::Parked(origin, why) => {
                let mut statement =
                    tx.prepare_cached("UPDATE origin SET parked = ?2 WHERE id = ?1")?;
                statement.execute(params![origin.0, &**why])?;
            }
            Record::Reopened(ids) => {
                let sql = "UPDATE state SET state = 'pending', attempts = 0, not_before = NULL
                           WHERE crawl_id = ?1 AND url_id = ?2";
                let mut statement = tx.prepare_cached(sql)?;
                for id in ids {
                    statement.execute(params![crawl_id, id.0])?;
                }
            }
            Record::Refused(id, refusal) => save_refused(&tx, crawl_id, *id, refusal)?,
            Record::Nearer(nearer) => {
                let mut rows = Vec::with_capacity(nearer.len());
                for (id, depth, found_on) in nearer {
                    rows.push(save_nearer(&tx, crawl_id, *id, depth.rank(), *found_on)?);
                }
                replies.push(Reply::Nearer(rows));
            }
            Record::Offered(ids) => {
                let sql = "UPDATE state SET owes = 0 WHERE crawl_id = ?1 AND url_id = ?2";
                let mut statement = tx.prepare_cached(sql)?;
                for id in ids {
                    statement.execute(params![crawl_id, id.0])?;
                }
            }
            Record::Barrier => replies.push(Reply::Passed),
            Record::Refill { origin, from, limit } => {
                let rows = load::refill(&tx, crawl_id, *origin, *from, *limit)?;
                let more = rows.len() == *limit as usize;
                replies.push(Reply::Refilled { origin: *origin, rows, more });
            }
        }
    }
    let mut statement = tx.prepare_cached("UPDATE crawl SET elapsed_ms = ?2 WHERE id = ?1")?;
    statement.execute(params![crawl_id, elapsed_ms])?;
    drop(statement);
    tx.commit()?;
    Ok(replies)
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
    if !sitemap.is_empty() {
        let mut statement = tx.prepare_cached(
            "INSERT OR REPLACE INTO sitemap_entry (crawl_id, sitemap_id, url_id, lastmod, changefreq, priority)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for entry in sitemap {
            let target = ids[entry.target as usize].0;
            statement.execute(params![
                crawl_id,
                id.0,
                target,
                entry.lastmod,
                entry.changefreq,
                entry.priority
            ])?;
        }
    }
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

fn save_fetch(
    tx: &Transaction<'_>,
    crawl_id: i64,
    id: UrlId,
    fetch: &FetchRecord,
    (redirect_to, page_id, body_id): (Option<UrlId>, Option<i64>, Option<i64>),
) -> Result<i64> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO fetch (crawl_id, url_id, started_at, elapsed_ms, first_byte_ms, status, error, error_detail,
             http_version, ip, wire_bytes, body_bytes, content_type, redirect_to, headers, is_cut, page_id, body_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
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
    ])
}

/// The row of a page version: that of an earlier crawl if the content is the same.
fn save_page(
    tx: &Transaction<'_>,
    id: UrlId,
    revisit: bool,
    page: &PageRecord,
    ids: &[UrlId],
) -> Result<i64> {
    let hash = page.content_hash.0.as_slice();
    if revisit {
        let mut same =
            tx.prepare_cached("SELECT id FROM page WHERE url_id = ?1 AND content_hash = ?2")?;
        if let Some(known) = same.query_row(params![id.0, hash], |row| row.get(0)).optional()? {
            return Ok(known);
        }
    }
    let body_id = match &page.body {
        Some(body) => Some(save_body(tx, hash, body)?),
        None => None,
    };
    let mut statement = tx.prepare_cached(
        "INSERT INTO page (url_id, content_hash, body_id, charset, title, description, h1, lang, claimed_canonical,
             robots_directives, is_index, is_follow, words, links, links_cut, main_words, simhash, headings, og,
             jsonld_types, hreflang, rel_next, rel_prev, needs_javascript, anchors)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
             ?22, ?23, ?24, ?25)",
    )?;
    let page_id = statement.insert(params![
        id.0,
        hash,
        body_id,
        page.charset,
        page.title,
        page.description,
        page.h1,
        page.lang,
        page.claimed_canonical,
        page.robots_directives,
        page.index,
        page.follow,
        page.words,
        i64::try_from(page.links.len()).expect("links are capped"),
        page.links_cut,
        page.main_words,
        page.simhash.map(u64::cast_signed),
        page.headings,
        page.og,
        page.jsonld_types,
        page.hreflang,
        page.rel_next,
        page.rel_prev,
        page.needs_javascript,
        page.anchors,
    ])?;
    let mut statement = tx.prepare_cached(
        "INSERT INTO link (page_id, position, target_id, kind, anchor, rel, fragment, region, is_follow, times)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for link in &page.links {
        statement.execute(params![
            page_id,
            link.position,
            ids[link.target as usize].0,
            link.kind.as_str(),
            &*link.anchor,
            Some(&*link.rel).filter(|rel| !rel.is_empty()),
            link.fragment.as_deref(),
            Some(link.region.as_str()).filter(|region| *region != "body"),
            link.follow,
            link.times,
        ])?;
    }
    Ok(page_id)
}

fn save_body(tx: &Transaction<'_>, hash: &[u8], body: &BodyRecord) -> Result<i64> {
    let mut same = tx.prepare_cached("SELECT id FROM body WHERE content_hash = ?1")?;
    if let Some(known) = same.query_row([hash], |row| row.get(0)).optional()? {
        return Ok(known);
    }
    let mut statement = tx.prepare_cached(
        "INSERT INTO body (content_hash, codec, size_bytes, bytes) VALUES (?1, ?2, ?3, ?4)",
    )?;
    statement.insert(params![
        hash,
        body.codec,
        i64::try_from(body.size_bytes).unwrap_or(i64::MAX),
        body.bytes
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

/// Brings a URL nearer to the seeds, and says what the engine must know to go on.
fn save_nearer(
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
    let mirror = if pending.is_some() { None } else { mirror(tx, crawl_id, id)? };
    let row = NearerRow { id, pending, leads_to, mirror };
    if row.owes_an_offer() {
        let sql = "UPDATE state SET owes = 1 WHERE crawl_id = ?1 AND url_id = ?2";
        tx.prepare_cached(sql)?.execute(params![crawl_id, id.0])?;
    }
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
) -> Result<Vec<(UrlId, FoundBy, Option<std::sync::Arc<str>>)>> {
    let mut statement = tx.prepare_cached(
        "SELECT t.target_id, t.is_redirect, CASE WHEN x.reason = 'depth' THEN u.url END
         FROM (
             SELECT l.target_id, 0 AS is_redirect
             FROM state s JOIN fetch f ON f.id = s.fetch_id JOIN link l ON l.page_id = f.page_id
             WHERE s.crawl_id = ?1 AND s.url_id = ?2 AND s.state = 'done' AND l.is_follow = 1
             UNION
             SELECT f.redirect_to, 1 FROM state s JOIN fetch f ON f.id = s.fetch_id
             WHERE s.crawl_id = ?1 AND s.url_id = ?2 AND s.state = 'done' AND f.redirect_to IS NOT NULL
         ) t
         JOIN state x ON x.crawl_id = ?1 AND x.url_id = t.target_id AND x.kind IN ('page', 'asset', 'external')
         JOIN url u ON u.id = t.target_id",
    )?;
    let rows = statement.query_map(params![crawl_id, id.0], |row| {
        let by = if row.get(1)? { FoundBy::Redirect } else { FoundBy::Link };
        Ok((UrlId(row.get(0)?), by, row.get::<_, Option<String>>(2)?.map(Into::into)))
    })?;
    rows.collect()
}
