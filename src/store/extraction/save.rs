//! How do the rows and items of a page version become rows of tables?

use tokio_rusqlite::rusqlite::types::{Null, ToSqlOutput, ValueRef};
use tokio_rusqlite::rusqlite::{Result, ToSql, Transaction, params, params_from_iter};

use super::table;
use crate::extract::{Cell, Cut, Item, RuleRows};

/// Keeps what rules made of a page version, but for those that were read on it before.
pub(in crate::store) fn save_rows(
    tx: &Transaction<'_>,
    page_id: i64,
    rules: &[RuleRows],
) -> Result<()> {
    for RuleRows { rule, rows, cut } in rules {
        let mut statement = tx.prepare_cached(
            "INSERT OR IGNORE INTO extract_page (rule_id, page_id, rows, cut)
             VALUES ((SELECT id FROM extract_rule WHERE name = ?1), ?2, ?3, ?4)",
        )?;
        let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        let is_new = statement.execute(params![&**rule, page_id, count, cut.map(Cut::as_str)])?;
        let Some(first) = rows.first().filter(|_| is_new > 0) else { continue };
        let places: String = (3..first.len() + 3).map(|at| format!(", ?{at}")).collect();
        let sql = format!("INSERT INTO \"{}\" VALUES (?1, ?2{places})", table(rule));
        let mut statement = tx.prepare_cached(&sql)?;
        for (position, row) in (0_i64..).zip(rows) {
            let numbers = [page_id, position];
            let cells = row.iter().map(|cell| cell as &dyn ToSql);
            let values = numbers.iter().map(|number| number as &dyn ToSql).chain(cells);
            statement.execute(params_from_iter(values))?;
        }
    }
    Ok(())
}

impl ToSql for Cell {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Empty => Null.into(),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Real(number) => (*number).into(),
            Self::Integer(number) => (*number).into(),
        })
    }
}

/// Keeps the items of a page version, whose row has their number.
pub(in crate::store) fn save_items(
    tx: &Transaction<'_>,
    page_id: i64,
    items: &[Item],
) -> Result<()> {
    if items.is_empty() {
        return Ok(());
    }
    let mut statement = tx.prepare_cached(
        "INSERT INTO item (page_id, position, format, type, json, error) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (position, item) in (0_i64..).zip(items) {
        let Item { format, kind, json, error } = item;
        statement.execute(params![page_id, position, format.as_str(), kind, json, error])?;
    }
    Ok(())
}

/// Keeps the items of a page version in which none were looked for before.
pub(in crate::store) fn save_missing_items(
    tx: &Transaction<'_>,
    page_id: i64,
    items: &[Item],
) -> Result<()> {
    let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let sql = "UPDATE page SET items = ?2 WHERE id = ?1 AND items IS NULL";
    if tx.prepare_cached(sql)?.execute([page_id, count])? > 0 {
        save_items(tx, page_id, items)?;
    }
    Ok(())
}
