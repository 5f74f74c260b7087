//! What does the file know when a crawl begins or goes on?

mod urls;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio_rusqlite::rusqlite::{
    self, Connection, OptionalExtension, Result, Row, Transaction, TransactionBehavior, params,
};

use super::{CrawlRow, Error};
use crate::canonical::CanonicalUrl;
use crate::engine::record::{Depth, Kind, OriginId, PendingRow, UrlId};
use crate::engine::{Loaded, LoadedOrigin};
use crate::hash::ContentHash;
use crate::refusal::Reason;
use crate::robots::Rules;
use crate::traps::{self, Trap, Traps};
use urls::Urls;

/// Unclean ends during visits of a URL after which it is set aside.
const MAX_CRASHES: i64 = 3;
/// How long a stored robots.txt is believed (RFC 9309 section 2.4).
const RULES_LAST_MS: i64 = 24 * 60 * 60 * 1000;

/// The newest pages whose contents are looked at again: a row of the same content is
/// long before it is 1000 pages old, unless hundreds of patterns take turns.
const CONTENTS: u32 = 50_000;
/// Rows among which the newest request is: they are written in the order in which visits end.
const NEWEST_FETCHES: i64 = 1000;

/// The largest file that is looked through before it is written to: half a second.
const CHECKED_WHOLE_BYTES: i64 = 256 << 20;

/// The columns that [`pending_row`] reads, of `state s` and `url u`.
pub(super) const PENDING_COLUMNS: &str =
    "u.id, u.url, s.kind, s.depth, s.hops, s.attempts, s.not_before, s.crawl_id > 1";

pub(super) fn pending_row(row: &Row<'_>) -> Result<PendingRow> {
    let kind: String = row.get(2)?;
    Ok(PendingRow {
        id: UrlId(row.get(0)?),
        url: url_of(row, 1)?,
        kind: Kind::from_stored(&kind),
        depth: Depth::from_rank(row.get(3)?),
        hops: row.get(4)?,
        attempts: row.get(5)?,
        not_before: row.get(6)?,
        revisit: row.get(7)?,
    })
}

/// The URL of a column. What everybody relies on in it is looked for once more.
pub(super) fn url_of(row: &Row<'_>, column: usize) -> Result<CanonicalUrl> {
    let text: String = row.get(column)?;
    canonical(&text).ok_or_else(|| wrong(column, "not a canonical URL"))
}

fn canonical(text: &str) -> Option<CanonicalUrl> {
    CanonicalUrl::parse(text).ok().filter(|url| url.as_str() == text)
}

/// The text of a column.
fn text<'row>(row: &'row Row<'_>, column: usize) -> Result<&'row str> {
    Ok(row.get_ref(column)?.as_str()?)
}

/// A value that no crawl writes.
fn wrong(column: usize, why: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Null, why.into())
}

/// The pending rows of an origin from a key on.
pub(super) fn refill(
    tx: &Transaction<'_>,
    crawl_id: i64,
    origin: OriginId,
    from: (Depth, UrlId),
    limit: u32,
) -> Result<Vec<PendingRow>> {
    let sql = format!(
        "SELECT {PENDING_COLUMNS} FROM state s INDEXED BY state_pending JOIN url u ON u.id = s.url_id
         WHERE s.state = 'pending' AND s.crawl_id = ?1 AND s.origin_id = ?2 AND (s.depth, s.url_id) >= (?3, ?4)
         ORDER BY s.depth, s.url_id LIMIT ?5"
    );
    let mut statement = tx.prepare_cached(&sql)?;
    let key = params![crawl_id, origin.0, from.0.rank(), from.1.0, limit];
    statement.query_map(key, pending_row)?.collect()
}

/// Looks for damage before anything is written: in the whole file if that takes
/// less than about a second, else in the tables that a crawl relies on.
pub(super) fn check_tables(db: &Connection, path: &Path) -> Result<(), Error> {
    let pragma = |sql: &str| db.query_row(sql, [], |row| row.get::<_, i64>(0));
    let pages = pragma("PRAGMA page_count").map_err(|error| Error::open(path, &error))?;
    let page_bytes = pragma("PRAGMA page_size").map_err(|error| Error::open(path, &error))?;
    let parts: &[&str] = if pages.saturating_mul(page_bytes) <= CHECKED_WHOLE_BYTES {
        &["1"]
    } else {
        &["'file'", "'crawl'", "'origin'", "'url'", "'state'"]
    };
    // A load looks at the values itself, and CHECKs of ten million rows take seconds.
    let ignore_checks = |ignore: bool| {
        let set = db.pragma_update(None, "ignore_check_constraints", ignore);
        set.map_err(|error| Error::open(path, &error))
    };
    ignore_checks(parts.len() > 1)?;
    for part in parts {
        let verdict = db
            .query_row(&format!("PRAGMA quick_check({part})"), [], |row| row.get::<_, String>(0))
            .map_err(|error| Error::open(path, &error))?;
        if verdict != "ok" {
            return Err(Error::Corrupt(
                path.display().to_string(),
                format!("{}; nothing was changed", verdict.lines().next().unwrap_or_default()),
            ));
        }
    }
    ignore_checks(false)
}

pub(super) fn newest_crawl(db: &Connection) -> Result<Option<CrawlRow>, Error> {
    let sql = "SELECT id, seeds, config, finished_at IS NOT NULL, finish FROM crawl ORDER BY id DESC LIMIT 1";
    let row = db.query_row(sql, [], |row| {
        let seeds: String = row.get(1)?;
        Ok(CrawlRow {
            id: row.get(0)?,
            seeds: serde_json::from_str(&seeds).unwrap_or_default(),
            config: row.get(2)?,
            is_finished: row.get(3)?,
            finish: row.get(4)?,
        })
    });
    Ok(row.optional()?)
}

/// Everything an engine needs to go on with a crawl.
pub(super) fn load(
    db: &Connection,
    crawl_id: i64,
    suspects: &[UrlId],
    product_token: &str,
    mut blank: Loaded,
    now: i64,
) -> Result<Loaded, Error> {
    if let Some(traps) = &mut blank.traps {
        blank.trap_patterns = load_traps(db, traps)?;
    }
    let mut origins = load_origins(db, product_token, now)?;
    let urls = Urls::load(db, crawl_id, origins.len(), blank.traps.as_mut(), &mut blank.budgets)?;
    if let Some(traps) = &mut blank.traps {
        load_contents(db, crawl_id, traps)?;
    }
    let suspects = load_suspects(db, crawl_id, suspects)?;
    for (origin, waiting) in origins.iter_mut().zip(urls.waiting) {
        let suspects = suspects.iter().filter(|row| *row.url.origin() == *origin.name).count();
        origin.pending = waiting.pending.saturating_sub(suspects as u64);
        origin.is_external = waiting.is_external;
    }
    let bytes: i64 = db.query_row(
        "SELECT coalesce(sum(wire_bytes), 0) FROM fetch WHERE crawl_id = ?1",
        [crawl_id],
        |row| row.get(0),
    )?;
    let elapsed: i64 =
        db.query_row("SELECT elapsed_ms FROM crawl WHERE id = ?1", [crawl_id], |row| row.get(0))?;
    let mut owing = db.prepare("SELECT url_id FROM state WHERE crawl_id = ?1 AND owes = 1")?;
    let owing = owing.query_map([crawl_id], |row| row.get(0).map(UrlId))?.collect::<Result<_>>()?;
    Ok(Loaded {
        owing,
        known: urls.known,
        origins,
        suspects,
        pages: urls.pages,
        bytes: u64::try_from(bytes).unwrap_or_default(),
        elapsed: Duration::from_millis(u64::try_from(elapsed).unwrap_or_default()),
        ..blank
    })
}

/// The traps of the file; gives all their patterns, also of those that were released.
fn load_traps(db: &Connection, traps: &mut Traps) -> Result<Vec<Box<str>>, Error> {
    let mut statement = db.prepare(
        "SELECT pattern, kind, evidence, released_at IS NOT NULL FROM trap ORDER BY parked_at, host, pattern",
    )?;
    let rows = statement.query_map([], |row| {
        let kind: String = row.get(1)?;
        let trap = Trap {
            pattern: row.get::<_, String>(0)?.into(),
            kind: traps::Kind::named(&kind).unwrap_or(traps::Kind::Repeated),
            evidence: row.get::<_, String>(2)?.into(),
        };
        Ok((trap, row.get::<_, bool>(3)?))
    })?;
    let (released, parked): (Vec<_>, Vec<_>) =
        rows.collect::<Result<Vec<_>>>()?.into_iter().partition(|(_, is_released)| *is_released);
    let patterns = parked.iter().chain(&released).map(|(trap, _)| trap.pattern.clone()).collect();
    traps.load(
        parked.into_iter().map(|(trap, _)| trap),
        released.iter().map(|(trap, _)| &*trap.pattern),
    );
    Ok(patterns)
}

/// What the newest pages count towards further traps.
fn load_contents(db: &Connection, crawl_id: i64, traps: &mut Traps) -> Result<(), Error> {
    let mut statement = db.prepare(
        "SELECT u.url, p.content_hash
         FROM (SELECT id, url_id, page_id FROM fetch WHERE crawl_id = ?1 AND status = 200 AND page_id IS NOT NULL
               ORDER BY id DESC LIMIT ?2) f
         JOIN page p ON p.id = f.page_id JOIN url u ON u.id = f.url_id ORDER BY f.id DESC",
    )?;
    let mut rows = statement.query(params![crawl_id, CONTENTS])?;
    let mut contents = Vec::new();
    while let Some(row) = rows.next()? {
        let url = CanonicalUrl::from_file(text(row, 0)?);
        contents.extend(url.zip(row.get(1).ok().map(ContentHash)));
    }
    for (url, hash) in contents.iter().rev() {
        traps.content(url, hash);
    }
    Ok(())
}

/// Counts an unclean end against each URL that may have caused it; the third sets it aside.
pub(super) fn count_crashes(
    db: &mut Connection,
    crawl_id: i64,
    culprits: &[UrlId],
) -> Result<(), Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for id in culprits {
        tx.execute(
            "UPDATE state SET crashes = crashes + 1 WHERE crawl_id = ?1 AND url_id = ?2 AND state = 'pending'",
            params![crawl_id, id.0],
        )?;
    }
    tx.execute(
        "UPDATE state SET state = 'aside', reason = ?2, detail = 'the process ended ' || crashes || ' times while it was visited'
         WHERE crawl_id = ?1 AND state = 'pending' AND crashes >= ?3",
        params![crawl_id, Reason::Crashed.as_str(), MAX_CRASHES],
    )?;
    tx.commit()?;
    Ok(())
}

fn load_suspects(
    db: &Connection,
    crawl_id: i64,
    suspects: &[UrlId],
) -> Result<Vec<PendingRow>, Error> {
    let sql = format!(
        "SELECT {PENDING_COLUMNS} FROM state s JOIN url u ON u.id = s.url_id
         WHERE s.crawl_id = ?1 AND s.url_id = ?2 AND s.state = 'pending'"
    );
    let mut statement = db.prepare(&sql)?;
    let mut rows: Vec<PendingRow> = Vec::new();
    for id in suspects {
        let row = statement.query_row(params![crawl_id, id.0], pending_row).optional()?;
        rows.extend(row.filter(|row| rows.iter().all(|other| other.id != row.id)));
    }
    Ok(rows)
}

/// By how much the clock was at least set back since the newest request, in ms: a hold
/// would otherwise last that much longer than it was asked for.
fn clock_set_back(db: &Connection, now: i64) -> Result<i64> {
    let sql = "SELECT max(started_at) FROM fetch WHERE id > (SELECT max(id) FROM fetch) - ?1";
    let newest: Option<i64> = db.query_row(sql, [NEWEST_FETCHES], |row| row.get(0))?;
    Ok(newest.map_or(0, |newest| newest.saturating_sub(now).max(0)))
}

/// The origins of the file. What waits there is not counted yet.
fn load_origins(
    db: &Connection,
    product_token: &str,
    now: i64,
) -> Result<Vec<LoadedOrigin>, Error> {
    let mut statement = db.prepare(
        "SELECT origin, robots_at, robots_status, robots_body, hold_until, mirror_of, id FROM origin ORDER BY id",
    )?;
    let mut last = 0;
    let set_back = clock_set_back(db, now)?;
    let rows = statement.query_map([], |row| {
        let name: Box<str> = row.get::<_, String>(0)?.into();
        last += 1;
        if row.get::<_, u32>(6)? != last
            || canonical(&format!("{name}/")).is_none_or(|url| url.origin() != &*name)
        {
            return Err(wrong(0, "not an origin, or one before it is missing"));
        }
        let status: Option<u16> = row.get(2)?;
        let body: Option<String> = row.get(3)?;
        let age = row.get::<_, Option<i64>>(1)?.map(|at| now.saturating_sub(at));
        let rules = match (status, body) {
            (Some(200..=299), Some(body)) => {
                Some(Arc::new(Rules::parse(body.as_bytes(), product_token)))
            }
            (Some(429 | 500..) | None, _) => None,
            _ => Some(Rules::allow_all()),
        };
        let age = age.filter(|age| (0..RULES_LAST_MS).contains(age));
        let age = age.and_then(|age| u64::try_from(age).ok()).map(Duration::from_millis);
        Ok(LoadedOrigin {
            pending: 0,
            name,
            rules: rules.zip(age),
            hold_until: row.get::<_, Option<i64>>(4)?.map(|until| until.saturating_sub(set_back)),
            is_external: false,
            mirror_of: row.get::<_, Option<u32>>(5)?.map(OriginId),
        })
    })?;
    let origins: Vec<LoadedOrigin> = rows.collect::<Result<_>>()?;
    let is_origin = |id: OriginId| (1..=origins.len()).contains(&(id.0 as usize));
    if origins.iter().filter_map(|origin| origin.mirror_of).any(|id| !is_origin(id)) {
        return Err(wrong(5, "an origin mirrors one that is not there").into());
    }
    Ok(origins)
}
