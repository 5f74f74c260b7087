//! Which links name a place that their target does not have?
//!
//! Each page version keeps the hashes of the places it has; at the end of a crawl
//! every link with a fragment is compared with those of its target, if asked for.

use tokio_rusqlite::rusqlite::{Result, Transaction, params};

use crate::extract::{anchor_hash, fragment_names};

/// Finds the links of a crawl whose fragment their target does not have.
pub(super) fn find(tx: &Transaction<'_>, crawl_id: i64) -> Result<()> {
    tx.execute("DELETE FROM broken_fragment WHERE crawl_id = ?1", [crawl_id])?;
    let mut links = tx.prepare(
        "SELECT f.page_id, l.id & 131071, l.fragment, p.id, p.anchors
         FROM state s
         JOIN fetch f ON f.id = s.fetch_id
         JOIN link l ON l.id BETWEEN f.page_id << 17 AND f.page_id << 17 | 131071
         JOIN state t ON t.crawl_id = s.crawl_id AND t.url_id = l.target_id
         JOIN fetch g ON g.id = t.fetch_id
         JOIN page p ON p.id = g.page_id
         WHERE s.crawl_id = ?1 AND s.state = 'done' AND t.state = 'done' AND l.fragment IS NOT NULL
           AND p.anchors IS NOT NULL AND p.needs_javascript IS NULL",
    )?;
    let mut insert = tx.prepare(
        "INSERT OR IGNORE INTO broken_fragment (crawl_id, page_id, position) VALUES (?1, ?2, ?3)",
    )?;
    let mut rows = links.query([crawl_id])?;
    while let Some(row) = rows.next()? {
        let fragment: String = row.get(2)?;
        let anchors = row.get_ref(4)?.as_blob()?;
        if !has(anchors, &fragment) {
            insert.execute(params![crawl_id, row.get::<_, i64>(0)?, row.get::<_, i64>(1)?])?;
        }
    }
    Ok(())
}

/// Whether a page with these anchors, sorted hashes of four bytes each, has the
/// place that a fragment names.
fn has(anchors: &[u8], fragment: &str) -> bool {
    let (hashes, _) = anchors.as_chunks::<4>();
    fragment_names(fragment).into_iter().any(|name| {
        let wanted = anchor_hash(&name);
        name.is_empty()
            || name.eq_ignore_ascii_case(b"top")
            || hashes.binary_search_by_key(&wanted, |bytes| u32::from_le_bytes(*bytes)).is_ok()
    })
}
