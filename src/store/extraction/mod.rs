//! Which rules fill tables of this file, and what do these look like?
//!
//! A rule has a private table `extracted_NAME`, and a view of its name, which shows
//! the rows of the crawl that the other views show. Rows belong to a page version. A
//! rule whose text has changed begins anew: its rows are what the text of now makes
//! of the pages, or nothing.

mod again;
mod save;

use tokio_rusqlite::rusqlite::{
    self, Connection, OptionalExtension, Transaction, TransactionBehavior, params,
};

use super::migrate::{View, own_names};
use super::{Error, Query, QueryError};
use crate::extract::{Column, Rule, Rules};

pub use again::{Reread, Rereading, Unread};
pub(super) use again::{batch, begin as begin_again, finish, save};
pub(super) use save::{save_items, save_missing_items, save_rows};

/// A rule that is new in a file, or another than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleChange {
    /// Its name.
    pub name: String,
    /// Rows of before that are gone; `None` if it is new.
    pub rows_gone: Option<i64>,
    /// Page versions that are there already and can be read with it.
    pub unread: i64,
    /// Page versions that are there already without their bodies.
    pub bodiless: i64,
}

/// Whether a table or view of every file is called so; `name` in lower case.
pub fn is_own_name(name: &str) -> bool {
    own_names().any(|own| own.eq_ignore_ascii_case(name))
}

/// Makes these rules those that fill tables, and says what that changes. Other rules
/// of the file keep their rows.
pub(super) fn set_rules(
    db: &mut Connection,
    file: &str,
    rules: &Rules,
) -> Result<Vec<RuleChange>, Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut changes = Vec::new();
    for rule in rules.iter() {
        let sql = "SELECT id, text FROM extract_rule WHERE name = ?1";
        let known = tx.query_row(sql, [rule.name()], |row| Ok((row.get(0)?, row.get(1)?)));
        let known: Option<(i64, String)> = known.optional()?;
        match known {
            // Whoever dropped the table wants it filled anew.
            Some((_, text)) if text == rule.text() && has(&tx, "table", &table(rule.name()))? => {}
            Some((id, _)) => {
                let rows_gone = Some(forget(&tx, file, id, rule.name())?);
                changes.push(begin(&tx, rule, rows_gone)?);
            }
            None => {
                let is_taken = has(&tx, "table", rule.name())? || has(&tx, "view", rule.name())?;
                if is_taken || has(&tx, "table", &table(rule.name()))? {
                    return Err(Error::NameTaken(file.to_owned(), rule.name().to_owned()));
                }
                changes.push(begin(&tx, rule, None)?);
            }
        }
    }
    renew_views(&tx)?;
    tx.commit()?;
    Ok(changes)
}

/// Forgets the rows of a rule, unless they could not be read again; how many there were.
fn forget(tx: &Transaction<'_>, file: &str, id: i64, name: &str) -> Result<i64, Error> {
    let sql = "SELECT count(*) FROM extract_page e JOIN page p ON p.id = e.page_id
               WHERE e.rule_id = ?1 AND e.rows > 0 AND p.body_id IS NULL";
    let lost: i64 = tx.query_row(sql, [id], |row| row.get(0))?;
    if lost > 0 && has(tx, "table", &table(name))? {
        return Err(Error::RowsLost { file: file.to_owned(), name: name.to_owned(), pages: lost });
    }
    let sql = "SELECT coalesce(sum(rows), 0) FROM extract_page WHERE rule_id = ?1";
    let rows = tx.query_row(sql, [id], |row| row.get(0))?;
    tx.execute_batch(&format!(
        "DROP VIEW IF EXISTS \"{name}\"; DROP TABLE IF EXISTS \"{}\";",
        table(name)
    ))?;
    tx.execute("DELETE FROM extract_page WHERE rule_id = ?1", [id])?;
    tx.execute("DELETE FROM extract_rule WHERE id = ?1", [id])?;
    Ok(rows)
}

/// Makes the table of a rule.
fn begin(
    tx: &Transaction<'_>,
    rule: &Rule,
    rows_gone: Option<i64>,
) -> rusqlite::Result<RuleChange> {
    let columns: Vec<_> = rule.columns().map(|(name, kind)| (name, type_of(kind))).collect();
    let sql = "INSERT INTO extract_rule (name, text, columns, unread_to)
               VALUES (?1, ?2, ?3, (SELECT coalesce(max(id), 0) FROM page))";
    let json = serde_json::to_string(&columns).expect("strings are JSON");
    tx.execute(sql, params![rule.name(), rule.text(), json])?;
    let columns: String =
        columns.iter().map(|(name, kind)| format!(",\n    \"{name}\" {kind}")).collect();
    let table = table(rule.name());
    tx.execute_batch(&format!(
        "CREATE TABLE \"{table}\" (
    page_id INTEGER NOT NULL REFERENCES page (id),
    position INTEGER NOT NULL{columns}
) STRICT;
CREATE INDEX \"{table}_page\" ON \"{table}\" (page_id);"
    ))?;
    let sql = "SELECT count(body_id), count(*) - count(body_id) FROM page";
    let (unread, bodiless) = tx.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(RuleChange { name: rule.name().to_owned(), rows_gone, unread, bodiless })
}

fn type_of(column: Column) -> &'static str {
    match column {
        Column::Text => "TEXT",
        Column::Real => "REAL",
        Column::Integer => "INTEGER",
    }
}

fn table(name: &str) -> String {
    format!("extracted_{name}")
}

fn has(db: &Connection, kind: &str, name: &str) -> rusqlite::Result<bool> {
    let sql =
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = ?1 AND name = ?2 COLLATE NOCASE)";
    db.query_row(sql, [kind, name], |row| row.get(0))
}

/// The views of the rules of a file; none in one from before there were rules.
pub(super) fn views(db: &Connection) -> rusqlite::Result<Vec<View>> {
    if !has(db, "table", "extract_rule")? {
        return Ok(Vec::new());
    }
    let mut statement = db.prepare("SELECT name, columns FROM extract_rule ORDER BY id")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.map(|row| row.map(|(name, columns)| view(name, columns))).collect()
}

impl Query {
    /// The views of the extraction rules of the file.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn rule_views(&self) -> Result<Vec<View>, QueryError> {
        views(self.connection()).map_err(|error| QueryError::Sql(error.to_string()))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "what a row gives")]
fn view(name: String, columns: String) -> View {
    let columns: Vec<(String, String)> = serde_json::from_str(&columns).unwrap_or_default();
    let columns: String = columns.iter().map(|(column, _)| format!(" x.\"{column}\",")).collect();
    let sql = format!(
        "CREATE VIEW \"{name}\" AS
SELECT u.url, x.position,{columns} x.page_id
FROM \"{}\" x
CROSS JOIN page p
CROSS JOIN url u
CROSS JOIN state s
CROSS JOIN fetch f
WHERE p.id = x.page_id AND u.id = p.url_id
    AND s.crawl_id = (SELECT crawl_id FROM shown_crawl) AND s.url_id = p.url_id AND s.state = 'done'
    AND f.id = s.fetch_id AND f.page_id = p.id;",
        table(&name)
    );
    let meaning = format!("Rows of your extraction rule {name}.");
    View { name, meaning, sql }
}

/// Makes the view of every rule what this program says it is.
pub(super) fn renew_views(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    for view in views(tx)? {
        let sql = "SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ?1";
        let current: Option<String> =
            tx.query_row(sql, [&view.name], |row| row.get(0)).optional()?;
        if current.as_deref() != Some(view.sql.trim_end_matches(';')) {
            tx.execute_batch(&format!("DROP VIEW IF EXISTS \"{}\"", view.name))?;
            tx.execute_batch(&view.sql)?;
        }
    }
    Ok(())
}
