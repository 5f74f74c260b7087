//! Is every row of the real file as the model says?

use std::collections::BTreeMap;
use std::path::Path;

use tokio_rusqlite::rusqlite::types::Value;
use tokio_rusqlite::rusqlite::{Connection, OpenFlags, Row, params_from_iter};

use crate::file::File;
use crawlite::engine::record::UrlId;
use crawlite::refusal::Reason;

/// A row as text, for people to compare.
fn texts(db: &Connection, sql: &str, crawl_id: i64) -> Vec<String> {
    let mut statement = db.prepare(sql).expect("a query");
    let columns = statement.column_count();
    let text = |row: &Row<'_>| {
        let column = |at: usize| match row.get(at).expect("a column") {
            Value::Null => "-".to_owned(),
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => text,
            other => format!("{other:?}"),
        };
        Ok((0..columns).map(column).collect::<Vec<_>>().join("|"))
    };
    let has_crawl = sql.contains("?1");
    let parameters: Vec<i64> = has_crawl.then_some(crawl_id).into_iter().collect();
    let rows = statement.query_map(params_from_iter(parameters), text);
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

fn or_dash<T: ToString>(value: Option<T>) -> String {
    value.map_or("-".to_owned(), |value| value.to_string())
}

/// Compares every row of the crawl.
pub(super) fn compare(path: &Path, crawl_id: i64, model: &File) {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a file");
    states(&db, crawl_id, model);
    origins(&db, crawl_id, model);
    fetches(&db, crawl_id, model);
    links(&db, crawl_id, model);
    traps(&db, crawl_id, model);
    let broken = texts(&db, "SELECT * FROM pragma_foreign_key_check", crawl_id);
    assert!(broken.is_empty(), "rows that refer to none: {broken:?}");
}

fn same(what: &str, real: &[String], model: &[String]) {
    for (real, model) in real.iter().zip(model) {
        assert_eq!(real, model, "{what}: real file and model");
    }
    assert_eq!(real.len(), model.len(), "{what}: rows of real file and model");
}

fn states(db: &Connection, crawl_id: i64, model: &File) {
    let sql = "SELECT u.id, u.url, s.state, s.reason,
                   CASE WHEN s.reason = 'crashed' THEN NULL ELSE s.detail END, s.kind, s.depth, s.found_on,
                   s.hops, s.origin_id, s.attempts, s.not_before, s.crashes, s.owes, f.status, f.error
               FROM url u LEFT JOIN state s ON s.crawl_id = ?1 AND s.url_id = u.id
                   LEFT JOIN fetch f ON f.id = s.fetch_id ORDER BY u.id";
    let rows = model.urls.iter().map(|(id, (url, _))| {
        let Some(state) = model.states.get(id) else {
            return format!("{}|{url}|-|-|-|-|-|-|-|-|-|-|-|-|-|-", id.0);
        };
        let fetch = state.fetch.map(|at| &model.fetches[at]);
        let shown = state.refusal.as_ref().filter(|refusal| refusal.reason != Reason::Crashed);
        let name = match state.reason() {
            Some(reason) if reason.is_aside() => "aside",
            Some(_) => "refused",
            None => state.name(),
        };
        let columns = [
            name.to_owned(),
            or_dash(state.reason()),
            or_dash(shown.map(|refusal| &*refusal.detail)),
            state.kind.as_str().to_owned(),
            state.depth.rank().to_string(),
            or_dash(state.found_on.map(|id| id.0)),
            state.hops.to_string(),
            or_dash(state.origin.map(|id| id.0)),
            state.attempts.to_string(),
            or_dash(state.not_before),
            state.crashes.to_string(),
            u8::from(state.owes).to_string(),
            or_dash(fetch.and_then(|fetch| fetch.status)),
            or_dash(fetch.and_then(|fetch| fetch.error)),
        ];
        format!("{}|{url}|{}", id.0, columns.join("|"))
    });
    same("states", &texts(db, sql, crawl_id), &rows.collect::<Vec<_>>());
}

fn origins(db: &Connection, crawl_id: i64, model: &File) {
    let sql =
        "SELECT id, origin, robots_at, robots_status, robots_body, hold_until, parked, mirror_of
               FROM origin ORDER BY id";
    let rows = model.origins.iter().map(|(id, origin)| {
        let body = origin.body.as_deref().map(String::from_utf8_lossy);
        let columns = [
            origin.name.to_string(),
            or_dash(origin.asked_at),
            or_dash(origin.status),
            or_dash(body),
            or_dash(origin.hold_until),
            or_dash(origin.parked.as_deref()),
            or_dash(origin.mirror_of.map(|id| id.0)),
        ];
        format!("{}|{}", id.0, columns.join("|"))
    });
    same("origins", &texts(db, sql, crawl_id), &rows.collect::<Vec<_>>());
}

fn fetches(db: &Connection, crawl_id: i64, model: &File) {
    let sql =
        "SELECT url_id, started_at, status, error, wire_bytes, redirect_to, page_id IS NOT NULL
               FROM fetch WHERE crawl_id = ?1 ORDER BY id";
    let rows = model.fetches.iter().map(|fetch| {
        format!(
            "{}|{}|{}|{}|{}|{}|{}",
            fetch.url.0,
            fetch.started_at,
            or_dash(fetch.status),
            or_dash(fetch.error),
            fetch.wire_bytes,
            or_dash(fetch.redirect_to.map(|id| id.0)),
            u8::from(fetch.page.is_some()),
        )
    });
    same("fetches", &texts(db, sql, crawl_id), &rows.collect::<Vec<_>>());
    let sql = "SELECT sitemap_id, url_id FROM sitemap_entry WHERE crawl_id = ?1 ORDER BY 1, 2";
    let rows = model.sitemap_entries().map(|(map, url)| format!("{}|{}", map.0, url.0));
    same("entries of sitemaps", &texts(db, sql, crawl_id), &rows.collect::<Vec<_>>());
}

/// The links of the page version that each URL shows.
fn links(db: &Connection, crawl_id: i64, model: &File) {
    let sql = "SELECT s.url_id, l.id & 131071, l.target_id, h.kind, l.rel, h.is_follow, l.times
               FROM state s JOIN fetch f ON f.id = s.fetch_id
               JOIN link l ON l.id BETWEEN f.page_id << 17 AND f.page_id << 17 | 131071
               JOIN link_shape h ON h.id = l.shape_id
               WHERE s.crawl_id = ?1 AND s.state = 'done' ORDER BY s.url_id, l.id";
    let mut rows = Vec::new();
    for id in model.states.keys() {
        let by_position: BTreeMap<_, _> =
            model.shown(*id).0.iter().map(|link| (link.position, link)).collect();
        for (position, link) in by_position {
            let UrlId(target) = link.target;
            let rel = Some(&*link.rel).filter(|rel| !rel.is_empty());
            let (kind, follow) = (link.kind.as_str(), u8::from(link.follow));
            let (rel, times) = (or_dash(rel), link.times);
            rows.push(format!("{}|{position}|{target}|{kind}|{rel}|{follow}|{times}", id.0));
        }
    }
    same("links", &texts(db, sql, crawl_id), &rows);
}

fn traps(db: &Connection, crawl_id: i64, model: &File) {
    let sql = "SELECT host, pattern, kind, evidence, parked_at, released_at IS NOT NULL FROM trap
               ORDER BY host, pattern";
    let mut rows: Vec<_> = model
        .traps
        .iter()
        .map(|(host, trap, at, released)| {
            let released = u8::from(*released);
            format!("{host}|{}|{}|{}|{at}|{released}", trap.pattern, trap.kind, trap.evidence)
        })
        .collect();
    rows.sort();
    let mut real = texts(db, sql, crawl_id);
    real.sort();
    same("traps", &real, &rows);
}
