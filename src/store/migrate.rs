//! Is this file ours, and does it have the shape that this program knows?

use std::collections::HashMap;
use std::path::Path;

use tokio_rusqlite::rusqlite::{Connection, TransactionBehavior};

use super::{Error, extraction, save};

/// `crlt`, in the header of every file of ours.
pub(super) const APPLICATION_ID: i32 = 0x6372_6c74;
/// The shape of the tables; counted up by every migration.
pub(super) const SCHEMA_VERSION: i32 = 3;

const SCHEMA: &str = include_str!("schema.sql");
/// What brings a file from each version to the next, version 1 first.
const STEPS: [&str; 2] = [include_str!("migrate_2.sql"), include_str!("migrate_3.sql")];
const VIEWS: &str = concat!(include_str!("views.sql"), "\n", include_str!("views_of_copies.sql"));

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

/// The names of the tables and views that every file has.
pub(super) fn own_names() -> impl Iterator<Item = &'static str> {
    let created = SCHEMA.lines().chain(VIEWS.lines()).filter_map(|line| {
        line.strip_prefix("CREATE TABLE ").or_else(|| line.strip_prefix("CREATE VIEW "))
    });
    created.filter_map(|line| line.split_whitespace().next())
}

/// Checks the header of an existing file: the version of its tables, `None` if it
/// is empty and to be made.
pub(super) fn check_header(db: &Connection, path: &Path) -> Result<Option<i32>, Error> {
    let name = || path.display().to_string();
    let pragma =
        |name: &str| db.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i32>(0));
    let application = pragma("application_id").map_err(|error| Error::open(path, &error))?;
    let version = pragma("user_version")?;
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, version) {
        (0, 0) if tables == 0 => Ok(None),
        (APPLICATION_ID, known @ 1..=SCHEMA_VERSION) => Ok(Some(known)),
        (APPLICATION_ID, newer) if newer > SCHEMA_VERSION => Err(Error::Newer(name(), newer)),
        _ => Err(Error::Foreign(name())),
    }
}

/// Makes the tables and views of a new file.
pub(super) fn create(db: &mut Connection, secret: [u8; 16], now: i64) -> Result<(), Error> {
    db.execute_batch("PRAGMA page_size = 8192; PRAGMA auto_vacuum = NONE;")?;
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(SCHEMA)?;
    tx.execute_batch(VIEWS)?;
    tx.execute(
        "INSERT INTO file (id, secret, created_at, version) VALUES (1, ?1, ?2, ?3)",
        (secret, now, env!("CARGO_PKG_VERSION")),
    )?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    tx.commit()?;
    Ok(())
}

/// Brings an older file up to date, in one transaction: whoever reads it finds all
/// of its views, whenever the process dies. The file as it was is kept beside it,
/// as `FILE.v1.bak` for version 1.
pub(super) fn upgrade(db: &mut Connection, path: &Path, version: i32) -> Result<(), Error> {
    let Some(steps) = usize::try_from(version - 1).ok().and_then(|done| STEPS.get(done..)) else {
        return Ok(());
    };
    if steps.is_empty() {
        return Ok(());
    }
    let mut backup = path.as_os_str().to_owned();
    backup.push(format!(".v{version}.bak"));
    // What lies there is what an upgrade that did not end has copied.
    if Path::new(&backup).exists() {
        std::fs::remove_file(&backup)
            .map_err(|error| Error::Open(path_text(&backup), error.to_string()))?;
    }
    db.execute("VACUUM INTO ?1", [path_text(&backup)])?;
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let had_targets = save::has_target_index(&tx)?;
    // Views name the tables that are made anew.
    for view in views().into_iter().chain(extraction::views(&tx)?) {
        tx.execute_batch(&format!("DROP VIEW IF EXISTS \"{}\"", view.name))?;
    }
    for step in steps {
        tx.execute_batch(step)?;
    }
    if had_targets && !save::has_target_index(&tx)? {
        save::index_targets(&tx)?;
    }
    tx.execute_batch(VIEWS)?;
    tx.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    tx.commit()?;
    Ok(())
}

fn path_text(path: &std::ffi::OsStr) -> String {
    path.to_string_lossy().into_owned()
}

/// Name and SQL of every view of a file.
pub(super) const VIEWS_OF_FILE: &str = "SELECT name, sql FROM sqlite_schema WHERE type = 'view'";

/// Whether every view is among those of a file as this program says it is.
pub(super) fn are_current(present: &HashMap<String, String>) -> bool {
    views().iter().all(|view| {
        let sql = present.get(&view.name);
        sql.is_some_and(|sql| sql == view.sql.trim_end_matches(';'))
    })
}

/// Makes every view what this program says it is; others are left alone.
pub(super) fn renew_views(db: &mut Connection) -> Result<(), Error> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut statement = tx.prepare(VIEWS_OF_FILE)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let present = rows.collect::<Result<HashMap<String, String>, _>>()?;
    drop(statement);
    if !are_current(&present) {
        for view in views() {
            tx.execute_batch(&format!("DROP VIEW IF EXISTS {}", view.name))?;
        }
        tx.execute_batch(VIEWS)?;
    }
    extraction::renew_views(&tx)?;
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
        let views = views();
        assert!(views.len() >= 20);
        // Made along with the tables: a process that dies then leaves nothing that cannot be read.
        for _ in 0..2 {
            for view in &views {
                assert!(view.meaning.len() > 20, "{} is not explained", view.name);
                db.execute_batch(&format!("SELECT * FROM {}", view.name)).unwrap();
            }
            db.execute_batch("DROP VIEW urls").unwrap();
            renew_views(&mut db).unwrap();
        }
    }

    /// The tables as a file of the first version has them.
    const FIRST: &str = include_str!("../../fixtures/schema-1.sql");

    /// Tables, columns and indexes, without the spelling of their statements.
    fn shape(db: &Connection) -> Vec<String> {
        let sql = "SELECT t.name || '.' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || c.pk
                   FROM pragma_table_list t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'
                   UNION SELECT 'index ' || sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
        let mut statement = db.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    #[test]
    fn an_older_file_is_brought_up_to_date_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("old.db");
        let mut db = Connection::open(&path).unwrap();
        db.execute_batch(FIRST).unwrap();
        db.execute_batch(
            "INSERT INTO crawl VALUES (1, '[]', '', '0', 0, NULL, NULL, 0, 1);
             INSERT INTO url VALUES (1, x'00', 'http://a/');
             INSERT INTO state (crawl_id, url_id, state, kind, depth, hops) VALUES (1, 1, 'done', 'page', 0, 0);
             INSERT INTO page (id, url_id, content_hash, charset, is_index, is_follow, words, links, links_cut)
             VALUES (7, 1, x'00', 'UTF-8', 1, 1, 0, 1, 0);
             INSERT INTO fetch (id, crawl_id, url_id, started_at, elapsed_ms, wire_bytes, is_cut, page_id)
             VALUES (3, 1, 1, 0, 0, 0, 0, 7);
             UPDATE state SET fetch_id = 3;
             INSERT INTO link VALUES (7, 5, 1, 'img', 'text', NULL, 'f', 'nav', 0, 2);
             CREATE INDEX link_target ON link (target_id);
             PRAGMA application_id = 0x63726c74; PRAGMA user_version = 1;",
        )
        .unwrap();
        let version = check_header(&db, &path).unwrap().unwrap();
        upgrade(&mut db, &path, version).unwrap();
        assert_eq!(check_header(&db, &path).unwrap(), Some(SCHEMA_VERSION));
        let mut new = Connection::open_in_memory().unwrap();
        create(&mut new, [0; 16], 0).unwrap();
        new.execute_batch("CREATE INDEX link_target ON link (target_id)").unwrap();
        assert_eq!(shape(&db), shape(&new));
        let url: String = db.query_row("SELECT url FROM urls", [], |row| row.get(0)).unwrap();
        assert_eq!(url, "http://a/");
        let sql = "SELECT source || target || position || kind || anchor || fragment || region || follow || times
                   FROM links WHERE rel IS NULL";
        let link: String = db.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(link, "http://a/http://a/5imgtextfnav02");
        let backup = Connection::open(folder.path().join("old.db.v1.bak")).unwrap();
        assert_eq!(check_header(&backup, &path).unwrap(), Some(1));
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
