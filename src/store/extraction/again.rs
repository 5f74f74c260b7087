//! Which stored pages are still to be read, and how does what they give come to be kept?

use std::collections::BTreeSet;

use tokio_rusqlite::rusqlite::{self, Connection, TransactionBehavior, params};

use super::{save_missing_items, save_rows, table};
use crate::extract::{Item, RuleRows, Rules};
use crate::store::body::IS_XHTML;
use crate::store::{Body, Error, body};

/// Bytes of bodies, packed, that are read at once; one page at least.
const BATCH_BYTES: usize = 4 << 20;
/// Bytes of one body at most: what `fetch.max_body` allows.
const MAX_BODY_BYTES: u64 = 1 << 30;

/// What is to be done with stored pages.
#[derive(Clone, Debug)]
pub struct Rereading {
    /// The rules to read them with.
    pub rules: Rules,
    /// Whether pages that were read are read once more.
    pub all: bool,
    /// Whether to look for structured data where that was not done.
    pub items: bool,
}

/// A page version that is still to be read.
#[derive(Clone, Debug)]
pub struct Unread {
    /// Its id.
    pub page_id: i64,
    /// Its URL.
    pub url: String,
    charset: String,
    is_xhtml: bool,
    codec: String,
    bytes: Vec<u8>,
}

/// What a page version gave.
#[derive(Clone, Debug)]
pub struct Reread {
    /// Its id.
    pub page_id: i64,
    /// Of the rules that are for it.
    pub rows: Vec<RuleRows>,
    /// Its structured data, if that was looked for.
    pub items: Option<Vec<Item>>,
}

impl Unread {
    /// The page as HTML; `None` if its body is damaged.
    pub fn html(self) -> Option<String> {
        let bytes = body::unpack(&self.codec, &self.bytes, MAX_BODY_BYTES).ok()??;
        let Self { charset, is_xhtml, .. } = self;
        Some(Body { charset, is_xhtml, bytes }.html().into_owned())
    }
}

/// The page versions that are to be read, after what is to be read again was forgotten.
pub(in crate::store) fn begin(db: &mut Connection, again: &Rereading) -> Result<Vec<i64>, Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut wanted = BTreeSet::new();
    for rule in again.rules.iter() {
        let sql = "SELECT id FROM extract_rule WHERE name = ?1";
        let id: i64 = tx.query_row(sql, [rule.name()], |row| row.get(0))?;
        // How long a page takes depends on the machine; it gave no rows.
        let mut forgotten = "cut = 'time'";
        if again.all {
            forgotten = "page_id IN (SELECT id FROM page WHERE body_id IS NOT NULL)";
            let sql = format!("DELETE FROM \"{}\" WHERE {forgotten}", table(rule.name()));
            tx.execute(&sql, [])?;
        }
        let sql = format!("DELETE FROM extract_page WHERE rule_id = ?1 AND {forgotten}");
        tx.execute(&sql, [id])?;
        let mut statement = tx.prepare(
            "SELECT p.id, u.url FROM page p JOIN url u ON u.id = p.url_id
             WHERE p.body_id IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM extract_page e WHERE e.rule_id = ?1 AND e.page_id = p.id)",
        )?;
        let mut rows = statement.query([id])?;
        while let Some(row) = rows.next()? {
            if rule.is_for(row.get_ref(1)?.as_str().unwrap_or_default()) {
                wanted.insert(row.get(0)?);
            }
        }
    }
    if again.items {
        let sql = "SELECT id FROM page WHERE items IS NULL AND body_id IS NOT NULL";
        let ids: rusqlite::Result<Vec<i64>> =
            tx.prepare(sql)?.query_map([], |row| row.get(0))?.collect();
        wanted.extend(ids?);
    }
    tx.commit()?;
    Ok(wanted.into_iter().collect())
}

/// The first of these page versions, as many as fit.
pub(in crate::store) fn batch(db: &Connection, ids: &[i64]) -> Result<Vec<Unread>, Error> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT p.id, u.url, p.charset, b.codec, b.bytes, {IS_XHTML} FROM page p
         JOIN url u ON u.id = p.url_id JOIN body b ON b.id = p.body_id WHERE p.id = ?1",
    ))?;
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for id in ids {
        let unread = statement.query_row([id], |row| {
            Ok(Unread {
                page_id: row.get(0)?,
                url: row.get(1)?,
                charset: row.get(2)?,
                codec: row.get(3)?,
                bytes: row.get(4)?,
                is_xhtml: row.get(5)?,
            })
        })?;
        bytes += unread.bytes.len();
        batch.push(unread);
        if bytes >= BATCH_BYTES {
            break;
        }
    }
    Ok(batch)
}

/// Keeps what page versions gave, in one transaction.
pub(in crate::store) fn save(db: &mut Connection, pages: &[Reread]) -> Result<(), Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for page in pages {
        save_rows(&tx, page.page_id, &page.rows)?;
        if let Some(items) = &page.items {
            save_missing_items(&tx, page.page_id, items)?;
        }
    }
    tx.commit()?;
    Ok(())
}

/// All stored pages were read with these rules, which the newest crawl keeps from now
/// on if its settings, as they then are, are given.
pub(in crate::store) fn finish(
    db: &mut Connection,
    rules: &Rules,
    settings: Option<&str>,
) -> Result<(), Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for rule in rules.iter() {
        tx.execute("UPDATE extract_rule SET unread_to = 0 WHERE name = ?1", [rule.name()])?;
    }
    if let Some(settings) = settings {
        let sql = "UPDATE crawl SET config = ?1 WHERE id = (SELECT max(id) FROM crawl)";
        tx.execute(sql, params![settings])?;
    }
    tx.commit()?;
    Ok(())
}
