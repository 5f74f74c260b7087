//! Which links may be followed, whether nofollow is honoured or not any more?
//!
//! Links keep what was said of them when their page was read. Where that changes,
//! pages owe an offer of what they lead to: it may be nearer to the seeds now.

use tokio_rusqlite::rusqlite::{Result, Transaction, params};

use crate::extract::{LinkKind, leads_to_document, says_nofollow};

/// Rows that are looked at together.
const BATCH: i64 = 4096;

/// A link that may be followed if it could not, or the other way round.
struct Turned {
    link: i64,
    page: i64,
    /// Where the page is, if what it leads to is to be offered.
    owes: Option<i64>,
}

/// Says of the links of a crawl's pages anew whether they may be followed; whether any may
/// not that could.
pub(super) fn renew(tx: &Transaction<'_>, crawl_id: i64, nofollow: bool) -> Result<bool> {
    let (mut after, mut is_any_shunned) = (0, false);
    while let Some((turned, last)) = next(tx, crawl_id, nofollow, after)? {
        after = last;
        for Turned { link, page, owes } in turned {
            is_any_shunned |= owes.is_none();
            // The lowest bit of a shape says whether the link may be followed.
            let sql = "UPDATE link SET shape_id = shape_id + 1 - 2 * (shape_id & 1) WHERE id = ?1";
            tx.prepare_cached(sql)?.execute([link])?;
            // It is not read any more as it was.
            tx.prepare_cached("UPDATE page SET reading = NULL WHERE id = ?1")?.execute([page])?;
            let sql = "UPDATE state SET owes = 1 WHERE crawl_id = ?1 AND url_id = ?2";
            tx.prepare_cached(sql)?.execute(params![crawl_id, owes])?;
        }
    }
    Ok(is_any_shunned)
}

/// The next links that ask not to be followed, those that turn; and the last that was
/// looked at.
fn next(
    tx: &Transaction<'_>,
    crawl_id: i64,
    nofollow: bool,
    after: i64,
) -> Result<Option<(Vec<Turned>, i64)>> {
    let mut statement = tx.prepare_cached(
        "SELECT l.id, p.id, h.kind, coalesce(l.rel, ''), h.is_follow, p.is_follow, p.url_id
         FROM link l JOIN page p ON p.id = l.id >> 17 JOIN link_shape h ON h.id = l.shape_id
         WHERE l.id > ?2 AND (p.is_follow = 0 OR l.rel LIKE '%nofollow%')
           AND EXISTS (SELECT 1 FROM state s JOIN fetch f ON f.id = s.fetch_id
                       WHERE s.crawl_id = ?1 AND s.url_id = p.url_id AND s.state = 'done' AND f.page_id = p.id)
         ORDER BY l.id LIMIT ?3",
    )?;
    let mut rows = statement.query(params![crawl_id, after, BATCH])?;
    let (mut turned, mut last) = (Vec::new(), None);
    while let Some(row) = rows.next()? {
        let link: i64 = row.get(0)?;
        last = Some(link);
        let kind = LinkKind::from_stored(row.get_ref(2)?.as_str()?);
        let rel = row.get_ref(3)?.as_str()?;
        let was_followed: bool = row.get(4)?;
        let is_document = was_followed || kind.is_some_and(|kind| leads_to_document(kind, rel, ""));
        let asks_not_to = !row.get::<_, bool>(5)? || says_nofollow(rel);
        let is_followed = is_document && !(nofollow && asks_not_to);
        if is_followed != was_followed {
            let owes = if is_followed { row.get(6)? } else { None };
            turned.push(Turned { link, page: row.get(1)?, owes });
        }
    }
    Ok(last.map(|last| (turned, last)))
}
