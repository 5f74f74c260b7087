//! Is this file ours, and does it have the shape that this program knows?

use std::path::Path;

use tokio_rusqlite::rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use super::Error;

/// `crlt`, in the header of every file of ours.
pub(super) const APPLICATION_ID: i32 = 0x6372_6c74;
/// The shape of the tables; counted up by every migration.
pub(super) const SCHEMA_VERSION: i32 = 1;

const SCHEMA: &str = include_str!("schema.sql");
const VIEWS: &str = include_str!("views.sql");

/// A view and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Its name.
    pub name: String,
    /// The sentence before it in the schema.
    pub meaning: String,
    /// The whole statement.
    pub sql: String,
}

/// The views of the public face, in the order in which they are explained.
pub fn views() -> Vec<View> {
    let mut views = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    let mut sql: Vec<&str> = Vec::new();
    for line in VIEWS.lines() {
        if sql.is_empty() && line.starts_with("--") {
            comment.push(line.trim_start_matches("--").trim());
        } else if sql.is_empty() && line.is_empty() {
            comment.clear();
        } else {
            sql.push(line);
            if line.ends_with(';') {
                let name = sql[0].split_whitespace().nth(2).expect("CREATE VIEW name");
                let meaning = comment.join(" ");
                views.push(View { name: name.to_owned(), meaning, sql: sql.join("\n") });
                (comment, sql) = (Vec::new(), Vec::new());
            }
        }
    }
    views
}

/// Checks the header of an existing file; `false` if it is empty and to be made.
pub(super) fn check_header(db: &Connection, path: &Path) -> Result<bool, Error> {
    let name = || path.display().to_string();
    let pragma =
        |name: &str| db.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i32>(0));
    let application = pragma("application_id").map_err(|error| Error::open(path, &error))?;
    let version = pragma("user_version")?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, version) {
        (0, 0) if tables == 0 => Ok(false),
        (APPLICATION_ID, SCHEMA_VERSION) => Ok(true),
        (APPLICATION_ID, newer) if newer > SCHEMA_VERSION => Err(Error::Newer(name(), newer)),
        _ => Err(Error::Foreign(name())),
    }
}

/// Makes the tables of a new file.
pub(super) fn create(db: &mut Connection, secret: [u8; 16], now: i64) -> Result<(), Error> {
    db.execute_batch("PRAGMA page_size = 8192; PRAGMA auto_vacuum = NONE;")?;
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(SCHEMA)?;
    tx.execute(
        "INSERT INTO file (id, secret, created_at, version) VALUES (1, ?1, ?2, ?3)",
        (secret, now, env!("CARGO_PKG_VERSION")),
    )?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    tx.commit()?;
    Ok(())
}

/// Makes every view what this program says it is; others are left alone.
pub(super) fn renew_views(db: &mut Connection) -> Result<(), Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let views = views();
    let sql_of = |name: &str| -> Result<Option<String>, Error> {
        let sql = "SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ?1";
        Ok(tx.query_row(sql, [name], |row| row.get(0)).optional()?)
    };
    let mut is_current = true;
    for view in &views {
        let expected = view.sql.trim_end_matches(';');
        is_current &= sql_of(&view.name)?.as_deref() == Some(expected);
    }
    if !is_current {
        for view in &views {
            tx.execute_batch(&format!("DROP VIEW IF EXISTS {}", view.name))?;
        }
        tx.execute_batch(VIEWS)?;
    }
    tx.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_has_a_sentence_and_works() {
        let mut db = Connection::open_in_memory().unwrap();
        create(&mut db, [0; 16], 0).unwrap();
        renew_views(&mut db).unwrap();
        renew_views(&mut db).unwrap();
        let views = views();
        assert!(views.len() >= 20);
        for view in views {
            assert!(view.meaning.len() > 20, "{} is not explained", view.name);
            db.execute_batch(&format!("SELECT * FROM {}", view.name)).unwrap();
        }
    }

    #[test]
    fn tables_are_strict_and_named_in_the_singular() {
        let mut db = Connection::open_in_memory().unwrap();
        create(&mut db, [0; 16], 0).unwrap();
        let sql = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' \
                   AND strict = 0 AND name NOT LIKE 'sqlite%'";
        let loose: Vec<String> = db
            .prepare(sql)
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(loose, Vec::<String>::new());
    }
}
