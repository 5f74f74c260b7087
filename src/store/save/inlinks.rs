//! How many links lead to each URL, and are they indexed by their target?

use tokio_rusqlite::rusqlite::{
    Connection, Result, Row, Statement, Transaction, TransactionBehavior, params,
};

use super::page::POSITION_BITS;
use crate::store::Error;

/// Links from which on a crawl makes the index on their targets when it ends. Of fewer
/// a view that needs it gives its rows in 0.15 s without, and who makes it waits 0.1 s.
const INDEXED_FROM: usize = 200_000;

/// Makes the index on link targets, and the inlinks of a crawl whose last run was stopped.
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

/// Whether links are indexed by their target.
pub(in crate::store) fn has_target_index(db: &Connection) -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'link_target')";
    db.query_row(sql, [], |row| row.get(0))
}

/// Counts the links to each URL, in one pass over the links by target: as the index has
/// them, or sorted where they are few.
pub(super) fn count_inlinks(tx: &Transaction<'_>, crawl_id: i64) -> Result<()> {
    tx.execute("DELETE FROM inlink WHERE crawl_id = ?1", [crawl_id])?;
    let shown = ShownPages::of(tx, crawl_id)?;
    let mut inlinks = Inlinks::new(tx, crawl_id)?;
    if let Some(links) = few_links(tx)? {
        for (target, page) in links {
            inlinks.count(&shown, target, page)?;
        }
    } else {
        index_targets(tx)?;
        let sql = "SELECT target_id, id FROM link INDEXED BY link_target ORDER BY target_id, id";
        let mut links = tx.prepare(sql)?;
        let mut rows = links.query([])?;
        while let Some(row) = rows.next()? {
            let (target, page) = target_and_page(row)?;
            inlinks.count(&shown, target, page)?;
        }
    }
    inlinks.end_target()
}

/// The target and the page version of each link, in this order; `None` if there are many
/// links, or an index has that order.
fn few_links(tx: &Transaction<'_>) -> Result<Option<Vec<(i64, i64)>>> {
    if has_target_index(tx)? {
        return Ok(None);
    }
    let mut few = Vec::new();
    let mut links = tx.prepare("SELECT target_id, id FROM link")?;
    let mut rows = links.query([])?;
    while let Some(row) = rows.next()? {
        if few.len() == INDEXED_FROM {
            return Ok(None);
        }
        few.push(target_and_page(row)?);
    }
    few.sort_unstable();
    Ok(Some(few))
}

fn target_and_page(row: &Row<'_>) -> Result<(i64, i64)> {
    Ok((row.get_ref(0)?.as_i64()?, row.get_ref(1)?.as_i64()? >> POSITION_BITS))
}

/// The inlinks of a crawl, as its links come by target and page.
struct Inlinks<'a> {
    insert: Statement<'a>,
    crawl_id: i64,
    target: i64,
    last_page: i64,
    links: i64,
    pages: i64,
}

impl<'a> Inlinks<'a> {
    fn new(tx: &'a Transaction<'_>, crawl_id: i64) -> Result<Self> {
        let sql = "INSERT INTO inlink (crawl_id, url_id, links, pages) VALUES (?1, ?2, ?3, ?4)";
        let insert = tx.prepare(sql)?;
        Ok(Self { insert, crawl_id, target: 0, last_page: 0, links: 0, pages: 0 })
    }

    fn count(&mut self, shown: &ShownPages, target: i64, page: i64) -> Result<()> {
        if !shown.has(page) {
            return Ok(());
        }
        if target != self.target {
            self.end_target()?;
            (self.target, self.last_page, self.links, self.pages) = (target, 0, 0, 0);
        }
        self.links += 1;
        self.pages += i64::from(page != self.last_page);
        self.last_page = page;
        Ok(())
    }

    fn end_target(&mut self) -> Result<()> {
        if self.links > 0 {
            self.insert.execute(params![self.crawl_id, self.target, self.links, self.pages])?;
        }
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A crawl whose pages link to each other, so many pages with so many links each,
    /// and one page version that it does not show.
    fn crawled(pages: usize, links: usize) -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(include_str!("../schema.sql")).unwrap();
        db.execute_batch(&format!(
            "PRAGMA foreign_keys = OFF;
             WITH RECURSIVE n (id) AS (VALUES (1) UNION ALL SELECT id + 1 FROM n WHERE id <= {pages})
             INSERT INTO page (id, url_id, content_hash, charset, is_index, is_follow, words, links, links_cut)
             SELECT id, id, x'', '', 1, 1, 0, {links}, 0 FROM n;
             INSERT INTO fetch (id, crawl_id, url_id, started_at, elapsed_ms, wire_bytes, is_cut, page_id)
             SELECT id, 1, id, 0, 0, 0, 0, id FROM page;
             INSERT INTO state (crawl_id, url_id, state, kind, depth, hops, fetch_id)
             SELECT 1, id, 'done', 'page', 0, 0, id FROM fetch WHERE id <= {pages};
             WITH RECURSIVE n (at) AS (VALUES (0) UNION ALL SELECT at + 1 FROM n WHERE at + 1 < {links})
             INSERT INTO link (id, target_id, shape_id, anchor, times)
             SELECT p.id << {POSITION_BITS} | n.at, (p.id * 7 + n.at * n.at) % {pages} + 1, 0, '', 1 FROM page p, n;"
        ))
        .unwrap();
        db
    }

    /// Counts the inlinks of [`crawled`]: a row each, and whether the links have an index then.
    fn counted(db: &mut Connection) -> (Vec<[i64; 3]>, bool) {
        let tx = db.transaction().unwrap();
        count_inlinks(&tx, 1).unwrap();
        let mut rows =
            tx.prepare("SELECT url_id, links, pages FROM inlink ORDER BY url_id").unwrap();
        let rows = rows.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]));
        let rows = rows.unwrap().collect::<Result<_>>().unwrap();
        (rows, has_target_index(&tx).unwrap())
    }

    #[test]
    fn inlinks_are_those_of_the_shown_pages_with_and_without_an_index() {
        let mut db = crawled(9, 40);
        let expected: Vec<[i64; 3]> = {
            let mut rows = db
                .prepare(&format!(
                    "SELECT target_id, count(*), count(DISTINCT id >> {POSITION_BITS}) FROM link
                     WHERE id >> {POSITION_BITS} <= 9 GROUP BY target_id"
                ))
                .unwrap();
            let rows = rows.query_map([], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]));
            rows.unwrap().collect::<Result<_>>().unwrap()
        };
        assert_eq!(counted(&mut db), (expected.clone(), false));
        index_links(&mut db, 1).unwrap();
        assert_eq!(counted(&mut db), (expected, true));
    }

    #[test]
    fn an_index_is_made_where_links_are_many() {
        let links = INDEXED_FROM / 5;
        assert!(
            !counted(&mut crawled(4, links)).1,
            "with the page that is not shown: as many as are few"
        );
        let (inlinks, is_indexed) = counted(&mut crawled(4, links + 1));
        assert!(is_indexed);
        let all: i64 = inlinks.iter().map(|[_, links, _]| links).sum();
        assert_eq!(usize::try_from(all).unwrap(), 4 * (links + 1));
    }
}
