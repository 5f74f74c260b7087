//! Pages that are copies of others, or nearly so, are found among many, soon.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use site::{Answer, Desk, Site};
use tokio_rusqlite::rusqlite::{Connection, Result, params};

/// Pages in the file besides the one that was crawled.
const PAGES: usize = 10_000;
/// Many times what it takes in a debug build. Where every fingerprint was compared with every
/// other it took longer than that.
const MAX_TIME: &str = "15s";

/// Numbers that look random and are the same every time (xorshift).
fn numbers() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(0x9e37_79b9_7f4a_7c15_u64), |last| {
        let mut next = *last;
        next ^= next << 13;
        next ^= next >> 7;
        next ^= next << 17;
        Some(next)
    })
}

/// A fingerprint for each page; each twentieth is a neighbour's with a few other bits, from
/// none to five, in every block and at both ends.
fn prints() -> Vec<u64> {
    let mut prints: Vec<u64> = numbers().take(PAGES).collect();
    for (turn, page) in (1..PAGES).step_by(20).enumerate() {
        let flips = [turn % 64, (turn * 7 + 63) % 64, (turn * 13 + 31) % 64, 1, 62];
        let bits = flips.iter().take(turn % 6).fold(0, |bits, flip| bits | 1 << flip);
        prints[page] = prints[page - 1] ^ bits;
    }
    prints
}

/// The bytes of two pages are the same if this is.
fn content(page: usize) -> usize {
    if page % 140 == 1 { page - 1 } else { page }
}

fn url(page: usize) -> String {
    format!("http://made.up/{page}")
}

/// A finished crawl of one page, beside which as many are written as a real one would leave.
fn filled(prints: &[u64]) -> Desk {
    let (site, desk) = (Site::of(&[("/", Answer::html("<p>few words"))]), Desk::new());
    assert_eq!(desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q"]).code, Some(0));
    let mut db = Connection::open(desk.path("x.db")).unwrap();
    let tx = db.transaction().unwrap();
    for (page, print) in prints.iter().enumerate() {
        write(&tx, page, *print).unwrap();
    }
    tx.commit().unwrap();
    db.close().unwrap();
    desk
}

/// Writes a page that answered, and of some the version that an earlier crawl saw, with the
/// same text.
fn write(db: &Connection, page: usize, print: u64) -> Result<()> {
    let id = 1000 + i64::try_from(page).unwrap();
    let mut put_url = db.prepare_cached("INSERT INTO url (id, hash, url) VALUES (?1, x'', ?2)")?;
    put_url.execute(params![id, url(page)])?;
    let mut put_page = db.prepare_cached(
        "INSERT INTO page (id, url_id, content_hash, charset, is_index, is_follow, words, links, links_cut, simhash)
         VALUES (?1, ?2, CAST(?3 AS BLOB), '', 1, 1, 99, 0, 0, ?4)",
    )?;
    let old = page.is_multiple_of(50).then_some(id + 1_000_000);
    for version in std::iter::once(id).chain(old) {
        let content = content(page).to_string();
        put_page.execute(params![version, id, content, print.cast_signed()])?;
    }
    let mut put_fetch = db.prepare_cached(
        "INSERT INTO fetch (id, crawl_id, url_id, started_at, elapsed_ms, status, wire_bytes, is_cut, page_id)
         VALUES (?1, 1, ?1, 0, 0, 200, 0, 0, ?1)",
    )?;
    put_fetch.execute([id])?;
    let mut put_state = db.prepare_cached(
        "INSERT INTO state (crawl_id, url_id, state, kind, depth, hops, fetch_id)
         VALUES (1, ?1, 'done', 'page', 1, 0, ?1)",
    )?;
    put_state.execute([id])?;
    Ok(())
}

/// What a person gets, a line a row, in order.
fn asked(desk: &Desk, sql: &str) -> Vec<String> {
    let ran = desk.run(&["query", "x.db", sql, "--max-time", MAX_TIME, "--format", "csv"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{sql}");
    let mut lines: Vec<_> = ran.out.lines().skip(1).map(ToOwned::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn every_pair_of_near_duplicates_is_found_once_among_ten_thousand_pages() {
    let prints = prints();
    let desk = filled(&prints);
    let mut expected = Vec::new();
    for (page, print) in prints.iter().enumerate() {
        for (before, other) in prints[..page].iter().enumerate() {
            let bits = (print ^ other).count_ones();
            if bits <= 3 && content(page) != content(before) {
                expected.push(format!("{},{},{bits}", url(before), url(page)));
            }
        }
    }
    expected.sort();
    assert!(expected.len() > 200, "{}", expected.len());
    assert_eq!(asked(&desk, "SELECT * FROM near_duplicates"), expected);
    let some = asked(&desk, "SELECT * FROM near_duplicates LIMIT 50");
    assert_eq!(some.len(), 50);
    assert!(some.iter().all(|row| expected.contains(row)), "{some:?}");
}

#[test]
fn every_copy_is_found_and_old_versions_are_none() {
    let desk = filled(&prints());
    let mut expected: Vec<String> = (0..PAGES)
        .filter(|page| page % 140 == 0 && page + 1 < PAGES || page % 140 == 1)
        .map(|page| format!("{},2", url(page)))
        .collect();
    expected.sort();
    assert_eq!(asked(&desk, "SELECT url, copies FROM duplicates"), expected);
}
