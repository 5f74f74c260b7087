//! What must hold of a query, whatever is asked? Case: SQL.

use std::cell::Cell;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use crawlite::store::{Query, QueryLimits, Store};
use tempfile::TempDir;
use tokio_rusqlite::rusqlite::Connection;

use super::within;

/// A file that a crawl began, with tables of every kind beside: made once.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.db");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let mut store = Store::open(&path, [7; 16], 1_700_000_000_000).await.expect("a new file");
        let seeds = ["http://example.com/".to_owned()];
        store.begin(&seeds, String::new(), 1_700_000_000_000).await.expect("a crawl");
        store.close().await.expect("a clean end");
    });
    let db = Connection::open(&path).expect("a file");
    db.execute_batch(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b BLOB, c REAL);
         INSERT INTO t VALUES (1, 'one', x'00ff', 1.5), (2, 'two', NULL, -1e300), (3, '', x'', 0);
         CREATE VIEW v AS SELECT a, c FROM t;
         CREATE VIRTUAL TABLE words USING fts5(text);
         INSERT INTO words VALUES ('the quick brown fox'), ('lorem ipsum');
         PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE",
    )
    .expect("a schema");
    db.close().expect("a clean end");
    folder
});

/// Panics where a law is broken.
pub fn check(data: &[u8]) {
    let sql = String::from_utf8_lossy(data);
    let folder = FOLDER.path();
    let before = contents(folder);
    let limits = QueryLimits { time: Duration::from_millis(200), memory_bytes: 64 << 20 };
    within(Duration::from_secs(4), || ask(&folder.join("x.db"), &sql, limits));
    assert_eq!(contents(folder), before, "a query writes nothing");
}

fn ask(path: &Path, sql: &str, limits: QueryLimits) {
    let query = Query::open(path, limits).expect("the file is there");
    let (columns, mut rows) = (Cell::new(0), 0);
    let outcome = query.run(
        sql,
        |names| {
            columns.set(names.len());
            Ok(())
        },
        |row| {
            rows += 1;
            assert_eq!(row.len(), columns.get());
            Ok(())
        },
    );
    match outcome {
        Ok(count) => assert_eq!(count, rows),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Names, lengths and times of all that lies there.
fn contents(folder: &Path) -> Vec<(std::ffi::OsString, u64, SystemTime)> {
    let entries =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    let mut found: Vec<_> = entries
        .map(|entry| {
            let of = entry.metadata().expect("what is there");
            (entry.file_name(), of.len(), of.modified().expect("a time"))
        })
        .collect();
    found.sort();
    found
}
