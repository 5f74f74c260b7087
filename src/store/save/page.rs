//! How do a page version, its links and its body become rows?

use std::sync::LazyLock;

use tokio_rusqlite::rusqlite::{OptionalExtension, Result, Statement, Transaction, params};

use crate::engine::record::{BodyRecord, LinkRecord, PageRecord, UrlId};
use crate::extract::{LinkKind, MAX_LINKS, Region, Texts};
use crate::store::extraction::{save_items, save_missing_items, save_rows};

/// The row of a page version: that of an earlier crawl if the content is the same, and
/// was read as it is now.
pub(super) fn save_page(
    tx: &Transaction<'_>,
    id: UrlId,
    revisit: bool,
    page: &PageRecord,
    ids: &[UrlId],
) -> Result<i64> {
    let hash = page.content_hash.0.as_slice();
    let mut body_id = match &page.body {
        Some(body) => Some(save_body(tx, hash, body)?),
        None => None,
    };
    if revisit && let Some(same) = same_content(tx, id, page)? {
        if same.is_read_alike {
            if same.body_id.is_none() && body_id.is_some() {
                let sql = "UPDATE page SET body_id = ?2 WHERE id = ?1";
                tx.prepare_cached(sql)?.execute(params![same.page_id, body_id])?;
            }
            save_rows(tx, same.page_id, &page.rows)?;
            if let Some(items) = &page.items {
                save_missing_items(tx, same.page_id, items)?;
            }
            return Ok(same.page_id);
        }
        body_id = body_id.or(same.body_id);
    }
    let mut statement = tx.prepare_cached(
        "INSERT INTO page (url_id, content_hash, body_id, charset, title, description, h1, lang, claimed_canonical,
             robots_directives, is_index, is_follow, words, links, links_cut, main_words, simhash, headings, og,
             jsonld_types, hreflang, rel_next, rel_prev, needs_javascript, anchors, reading, items)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21,
             ?22, ?23, ?24, ?25, ?26, ?27)",
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
        page.reading.cast_signed(),
        page.items.as_ref().map(|items| i64::try_from(items.len()).expect("items are capped")),
    ])?;
    save_links(tx, page_id, page, ids)?;
    save_rows(tx, page_id, &page.rows)?;
    if let Some(items) = &page.items {
        save_items(tx, page_id, items)?;
    }
    Ok(page_id)
}

/// A version with the same content.
struct Same {
    page_id: i64,
    body_id: Option<i64>,
    is_read_alike: bool,
}

/// The newest version of a URL with the content of `page`.
fn same_content(tx: &Transaction<'_>, id: UrlId, page: &PageRecord) -> Result<Option<Same>> {
    let mut statement = tx.prepare_cached(
        "SELECT id, body_id, reading IS ?3 FROM page WHERE url_id = ?1 AND content_hash = ?2
         ORDER BY id DESC LIMIT 1",
    )?;
    let content = params![id.0, page.content_hash.0.as_slice(), page.reading.cast_signed()];
    let same = statement.query_row(content, |row| {
        Ok(Same { page_id: row.get(0)?, body_id: row.get(1)?, is_read_alike: row.get(2)? })
    });
    same.optional()
}

/// Bits of the place of a link on its page.
pub(super) const POSITION_BITS: u32 = 17;
const _: () = assert!(MAX_LINKS < 1 << POSITION_BITS);

/// Links that one statement inserts.
const LINKS_AT_ONCE: usize = 16;
/// Columns of a link besides its id.
const LINK_COLUMNS: usize = 6;

/// Inserts links without an id. A failure undoes the whole transaction, so SQLite need
/// not note how to undo this statement alone.
fn insert_links(count: usize) -> String {
    let rows = vec!["(?, ?, ?, ?, ?, ?)"; count].join(", ");
    format!(
        "INSERT OR ROLLBACK INTO link (target_id, shape_id, anchor, rel, fragment, times) VALUES {rows}"
    )
}

static INSERT_LINK: LazyLock<String> = LazyLock::new(|| insert_links(1));
static INSERT_LINKS: LazyLock<String> = LazyLock::new(|| insert_links(LINKS_AT_ONCE));

/// Only the first link says where those of this page begin. SQLite counts the others on
/// from there, which spares it to look up the place of each in its largest table: no
/// page is younger, and nobody else writes.
fn save_links(tx: &Transaction<'_>, page_id: i64, page: &PageRecord, ids: &[UrlId]) -> Result<()> {
    let Some((first, others)) = page.links.split_first() else { return Ok(()) };
    let texts = &page.texts;
    let mut statement = tx.prepare_cached(
        "INSERT INTO link (target_id, shape_id, anchor, rel, fragment, times, id)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    bind_link(&mut statement, 0, (first, texts), ids)?;
    statement.raw_bind_parameter(LINK_COLUMNS + 1, page_id << POSITION_BITS)?;
    statement.raw_execute()?;
    let (groups, rest) = others.as_chunks::<LINKS_AT_ONCE>();
    let mut statement = tx.prepare_cached(&INSERT_LINKS)?;
    for group in groups {
        for (row, link) in group.iter().enumerate() {
            bind_link(&mut statement, row, (link, texts), ids)?;
        }
        statement.raw_execute()?;
    }
    let mut statement = tx.prepare_cached(&INSERT_LINK)?;
    for link in rest {
        bind_link(&mut statement, 0, (link, texts), ids)?;
        statement.raw_execute()?;
    }
    let last = i64::try_from(others.len()).expect("links are capped");
    assert_eq!(tx.last_insert_rowid(), page_id << POSITION_BITS | last, "the newest page is last");
    Ok(())
}

/// Gives the parameters of the `row`th row of a statement, from 0, what a link says.
fn bind_link(
    statement: &mut Statement<'_>,
    row: usize,
    (link, texts): (&LinkRecord, &Texts),
    ids: &[UrlId],
) -> Result<()> {
    let at = row * LINK_COLUMNS;
    statement.raw_bind_parameter(at + 1, ids[link.target as usize].0)?;
    statement.raw_bind_parameter(at + 2, shape_id(link.kind, link.region, link.follow))?;
    statement.raw_bind_parameter(at + 3, texts.get(link.anchor))?;
    let rel = Some(texts.get(link.rel)).filter(|rel| !rel.is_empty());
    statement.raw_bind_parameter(at + 4, rel)?;
    let fragment = link.fragment.map(|fragment| texts.get(fragment));
    statement.raw_bind_parameter(at + 5, fragment)?;
    statement.raw_bind_parameter(at + 6, link.times)
}

/// The row of `link_shape` that every file has for these.
fn shape_id(kind: LinkKind, region: Region, is_follow: bool) -> i64 {
    (kind as i64) << 4 | (region as i64) << 1 | i64::from(is_follow)
}

pub(super) fn save_body(tx: &Transaction<'_>, hash: &[u8], body: &BodyRecord) -> Result<i64> {
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

#[cfg(test)]
mod tests {
    use tokio_rusqlite::rusqlite::Connection;

    use super::*;

    #[test]
    fn the_schema_has_the_shape_of_every_link() {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(include_str!("../schema.sql")).unwrap();
        let mut known = 0;
        for kind in LinkKind::ALL {
            for region in Region::ALL {
                for is_follow in [false, true] {
                    let id = shape_id(kind, region, is_follow);
                    let sql = "SELECT kind, region, is_follow FROM link_shape WHERE id = ?1";
                    let row: (String, String, bool) = db
                        .query_row(sql, [id], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
                        .unwrap();
                    assert_eq!((row.0.as_str(), row.1.as_str()), (kind.as_str(), region.as_str()));
                    assert_eq!(row.2, is_follow);
                    known += 1;
                }
            }
        }
        let rows: i64 =
            db.query_row("SELECT count(*) FROM link_shape", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, known);
    }
}
