//! A query reads, and nothing else: whatever SQL it is given.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crawlite::store::{Query, QueryError, QueryLimits, Value};
use tokio_rusqlite::rusqlite::Connection;

/// A crawl in small, as it lies after a clean end.
fn file(folder: &Path) -> PathBuf {
    let path = folder.join("a?b%20c.db"); // would be a parameter, were it not encoded
    let db = writer(&path);
    db.execute_batch(
        "CREATE TABLE page (id INTEGER PRIMARY KEY, url TEXT, body BLOB);
         WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 5000)
         INSERT INTO page SELECT n, 'http://example.com/' || n, CAST('body ' || n AS BLOB) FROM i;
         CREATE VIEW pages AS SELECT * FROM page;
         CREATE VIRTUAL TABLE words USING fts5(text);
         INSERT INTO words VALUES ('the quick brown fox')",
    )
    .expect("a schema");
    db.close().expect("a clean end");
    path
}

fn writer(path: &Path) -> Connection {
    let db = Connection::open(path).expect("a file");
    db.execute_batch("PRAGMA journal_mode = WAL").expect("WAL");
    db
}

/// Every file of the folder, with its bytes.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .map(|path| (path.clone(), fs::read(path).expect("a file")))
        .collect()
}

fn limits(time: Duration) -> QueryLimits {
    QueryLimits { time, ..QueryLimits::default() }
}

fn ask(path: &Path, sql: &str) -> Result<Vec<Vec<Value>>, QueryError> {
    ask_within(Duration::from_secs(30), path, sql)
}

fn ask_within(time: Duration, path: &Path, sql: &str) -> Result<Vec<Vec<Value>>, QueryError> {
    let query = Query::open(path, limits(time))?;
    let mut rows = Vec::new();
    let count = query.run(
        sql,
        |_| Ok(()),
        |row| {
            rows.truncate(9); // an endless one is not collected
            rows.push(row.to_vec());
            Ok(())
        },
    )?;
    assert!(count >= rows.len() as u64);
    Ok(rows)
}

/// The kind of an outcome, in a word.
fn outcome(result: &Result<Vec<Vec<Value>>, QueryError>) -> &'static str {
    match result {
        Ok(_) => "rows",
        Err(QueryError::Open { .. }) => "open",
        Err(QueryError::Sql(_)) => "sql",
        Err(QueryError::Refused(_)) => "refused",
        Err(QueryError::Empty) => "empty",
        Err(QueryError::Several) => "several",
        Err(QueryError::TooLong(_)) => "time",
        Err(QueryError::TooMuchMemory(_)) => "memory",
        Err(QueryError::TooLarge(_)) => "large",
        Err(QueryError::Damaged(..)) => "damaged",
        Err(QueryError::Changed) => "changed",
        Err(QueryError::Output(_)) => "output",
    }
}

/// Largest resident size of this process so far, in MiB; 0 where it is not known.
fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

/// That many zero bytes, packed, in hex.
fn zstd_of_zeros(bytes: usize) -> String {
    let packed = zstd::bulk::compress(&vec![0; bytes], 1).expect("memory");
    packed.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Common table expressions, each of which reads the one before twice.
fn doublings(times: usize) -> String {
    let one = |n| format!(", a{} AS (SELECT p.x FROM a{n} p, a{n} q)", n + 1);
    (0..times).map(one).collect::<Vec<_>>().concat()
}

const ENDLESS: &str = "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c)";
const MANY_A: &str = "printf('%.*c', 16000000, 'a')";

#[test]
fn every_attack_is_refused_or_bounded_and_leaves_no_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let aside = tempfile::tempdir().expect("another folder");
    let path = file(folder.path());
    let out = aside.path().join("out.db");
    let out = out.display();
    let before = contents(folder.path());

    #[rustfmt::skip]
    let cases = [
        // writing, here or elsewhere
        ("refused", format!("VACUUM INTO '{out}'")),
        ("refused", "VACUUM".into()),
        ("refused", format!("ATTACH '{out}' AS x")),
        ("refused", format!("ATTACH 'file:{out}?mode=rwc' AS x")),
        ("refused", format!("ATTACH '{out}' || 'x' AS x")),
        ("refused", "DETACH main".into()),
        ("refused", "CREATE TABLE x (a)".into()),
        ("refused", "CREATE TEMP TABLE x (a)".into()),
        ("refused", "CREATE TEMP VIEW x AS SELECT 1".into()),
        ("refused", "CREATE INDEX x ON page (url)".into()),
        ("refused", "CREATE VIRTUAL TABLE x USING fts5(a)".into()),
        ("refused", "DROP TABLE page".into()),
        ("refused", "ALTER TABLE page RENAME TO x".into()),
        ("refused", "INSERT INTO page DEFAULT VALUES".into()),
        ("refused", "UPDATE page SET url = 1 RETURNING *".into()),
        ("refused", "WITH x AS (SELECT 1) DELETE FROM page".into()),
        ("refused", "INSERT INTO words (words) VALUES ('rebuild')".into()),
        ("refused", "EXPLAIN DELETE FROM page".into()),
        ("refused", "ANALYZE".into()),
        ("refused", "REINDEX".into()),
        ("refused", "BEGIN IMMEDIATE".into()),
        ("refused", "SAVEPOINT x".into()),
        ("refused", "PRAGMA journal_mode = DELETE".into()),
        ("refused", "PRAGMA writable_schema = ON".into()),
        ("refused", "PRAGMA query_only = OFF".into()),
        ("refused", "PRAGMA hard_heap_limit = 0".into()),
        ("refused", "PRAGMA temp_store_directory = '/'".into()),
        ("refused", "PRAGMA wal_checkpoint".into()),
        ("refused", "SELECT * FROM pragma_journal_mode".into()),
        // functions that reach out
        ("refused", "SELECT load_extension('x')".into()),
        ("refused", "SELECT fts3_tokenizer('simple')".into()),
        ("refused", "SELECT * FROM page WHERE load_extension(url)".into()),
        ("sql",     "SELECT writefile('x', 'y')".into()),
        ("sql",     "SELECT readfile('/etc/hostname')".into()),
        // not one statement
        ("several", "SELECT 1; SELECT 2".into()),
        ("several", "SELECT 1; DROP TABLE page".into()),
        ("several", "SELECT 1; nonsense".into()),
        ("rows",    "SELECT 1; ; -- end".into()),
        ("empty",   String::new()),
        ("empty",   " ; ".into()),
        ("empty",   "-- nothing".into()),
        ("sql",     "SELECT 1\0; SELECT 2".into()),
        ("sql",     "SELEC 1".into()),
        ("refused", "SELECT :name".into()),
        // without end
        ("time",    format!("{ENDLESS} SELECT count(*) FROM c")),
        ("time",    format!("{ENDLESS} SELECT i FROM c")),
        ("time",    format!("{ENDLESS} SELECT count(randomblob(1000000)) FROM c")),
        ("time",    "SELECT count(*) FROM page a, page b, page c".into()),
        // one value too large
        ("refused", "SELECT zeroblob(400000000)".into()),
        ("refused", "SELECT hex(zeroblob(400000000))".into()),
        ("large",   "SELECT hex(randomblob(400000000))".into()),
        ("large",   "SELECT printf('%.*c', 1000000000, 'x')".into()),
        ("large",   "SELECT printf('%1000000000d', 1)".into()),
        ("large",   format!("SELECT replace({MANY_A}, 'a', 'aa')")),
        ("large",   "SELECT group_concat(hex(randomblob(10000))) FROM page".into()),
        ("large",   format!("SELECT unpack('zstd', x'{}')", zstd_of_zeros(100 << 20))),
        // one call too slow
        ("rows",    format!("SELECT instr({MANY_A}, printf('%.*c', 8000000, 'a') || 'b')")),
        ("rows",    format!("SELECT replace({MANY_A}, printf('%.*c', 8000000, 'a') || 'b', '')")),
        ("sql",     format!("SELECT trim({MANY_A}, printf('%.*c', 8000000, 'b'))")),
        ("sql",     format!("SELECT instr(CAST({MANY_A} AS BLOB), randomblob(8000000))")),
        ("sql",     format!("SELECT {MANY_A} LIKE '%' || {MANY_A}")),
        ("sql",     format!("SELECT {MANY_A} GLOB replace('{}', 'a', 'a*')", "a".repeat(500))),
        // too much memory
        ("memory",  "SELECT a.url FROM page a, page b ORDER BY a.url || b.url".into()),
        ("memory",  "SELECT DISTINCT randomblob(100000) FROM page".into()),
        ("memory",  "SELECT json_group_array(hex(randomblob(100))) OVER () FROM page a, page b".into()),
        ("memory",  format!("SELECT {}", ["randomblob(16000000)"; 20].join(","))),
        ("memory",  format!("SELECT {}", ["CAST(randomblob(16000000) AS TEXT)"; 9].join(","))),
        ("memory",  format!("WITH a0 AS (SELECT 1 x){} SELECT 1 FROM a30", doublings(30))),
        // too deep, too long
        ("sql",     format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000))),
        ("sql",     format!("SELECT {}1", "1 + ".repeat(5000))),
        ("large",   format!("SELECT '{}'", "a".repeat(1_000_000))),
    ];
    for (expected, sql) in cases {
        let shown: String = sql.chars().take(80).collect();
        let started = Instant::now();
        let time = Duration::from_secs(if expected == "time" { 1 } else { 30 });
        let result = ask_within(time, &path, &sql);
        let message = result.as_ref().err().map(ToString::to_string).unwrap_or_default();
        assert_eq!(outcome(&result), expected, "{shown}: {message}");
        assert!(!message.contains('\n') && message.len() < 200, "one clear line: {message}");
        let slowest = Duration::from_secs(20); // on a busy machine, without optimisation
        assert!(started.elapsed() < slowest, "{shown} took {:?}", started.elapsed());
    }

    assert!(contents(folder.path()) == before, "the file has changed, or a new one lies beside it");
    assert_eq!(contents(aside.path()).len(), 0);
    assert!(peak_mib() < 320, "{} MiB were in use", peak_mib());
}

#[test]
fn people_can_look_around() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path());
    #[rustfmt::skip]
    let cases = [
        ("SELECT count(*) FROM pages",                                       "5000"),
        ("SELECT group_concat(name) FROM pragma_table_info('page')",         "id,url,body"),
        ("SELECT count(*) FROM pragma_table_list WHERE name = 'pages'",      "1"),
        ("SELECT type FROM pragma_table_xinfo('page') WHERE name = 'url'",   "TEXT"),
        ("SELECT name FROM sqlite_schema WHERE type = 'view'",               "pages"),
        ("SELECT highlight(words, 0, '[', ']') FROM words('fox')",           "the quick brown [fox]"),
        ("SELECT url FROM page ORDER BY id DESC LIMIT 1",                    "http://example.com/5000"),
        ("SELECT '{\"a\": [1, 2]}' ->> '$.a[1]'",                            "2"),
        ("SELECT date(1700000000, 'unixepoch')",                             "2023-11-14"),
        ("SELECT sum(id) OVER (ORDER BY id) FROM page LIMIT 1 OFFSET 2",     "6"),
        ("SELECT replace(1.5, '.', ',') || instr('äb', 'b') || trim('xax', 'x')", "1,52a"),
        ("SELECT unpack('identity', 'as it is')",                            "as it is"),
        ("SELECT typeof(unpack('zstd', NULL)) || typeof(unpack(NULL, x'00'))", "nullnull"),
        ("SELECT CAST(unpack('zstd', x'28b52ffd20052900006162636465') AS TEXT)", "abcde"),
    ];
    for (sql, expected) in cases {
        let rows = ask(&path, sql).expect(sql);
        let shown = match &rows[0][0] {
            Value::Integer(number) => number.to_string(),
            Value::Text(text) => text.clone(),
            other => format!("{other:?}"),
        };
        assert_eq!(shown, expected, "{sql}");
    }
    assert!(ask(&path, "EXPLAIN QUERY PLAN SELECT * FROM page").is_ok());
    assert_eq!(outcome(&ask(&path, "SELECT unpack('zstd', x'00')")), "sql");
}

#[test]
fn a_running_crawl_is_read_up_to_its_last_commit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path());
    let db = writer(&path);
    db.execute("INSERT INTO page (url) VALUES ('late')", []).expect("a commit");

    let rows = ask(&path, "SELECT count(*) FROM page").expect("a WAL reader");

    assert_eq!(rows, [[Value::Integer(5001)]]);
    db.execute("INSERT INTO page (url) VALUES ('later')", []).expect("the writer goes on");
}

#[test]
fn a_file_that_changes_while_it_lies_unlocked_is_no_silent_surprise() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path());
    let query = Query::open(&path, QueryLimits::default()).expect("a file at rest");
    let mut db = None;

    let outcome = query.run(
        "SELECT id FROM page",
        |_| Ok(()),
        |_| {
            db.get_or_insert_with(|| {
                let db = writer(&path);
                db.execute_batch("UPDATE page SET url = ''; PRAGMA wal_checkpoint")
                    .expect("a crawl");
                db
            });
            Ok(())
        },
    );

    assert!(matches!(outcome, Err(QueryError::Changed)), "{outcome:?}");
}

#[test]
fn waiting_for_the_reader_does_not_use_up_the_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path());
    let limit = Duration::from_millis(300);
    let query = Query::open(&path, limits(limit)).expect("a file");
    let started = Instant::now();

    let rows = query.run(
        "SELECT id FROM page",
        |_| Ok(()),
        |row| {
            while row == [Value::Integer(1)] && started.elapsed() < limit * 2 {
                std::thread::yield_now();
            }
            Ok(())
        },
    );

    assert!(matches!(rows, Ok(5000)), "{rows:?}");
}

#[test]
fn a_closed_pipe_is_told_apart() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = file(folder.path());
    let query = Query::open(&path, QueryLimits::default()).expect("a file");
    let closed = || Err(std::io::ErrorKind::BrokenPipe.into());

    let outcome = query.run("SELECT * FROM page", |_| Ok(()), |_| closed());

    let Err(QueryError::Output(error)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    let again = query.run("SELECT * FROM page", |_| Ok(()), |_| Ok(()));
    assert!(matches!(again, Ok(5000)), "the next query is not affected: {again:?}");
}

#[test]
fn what_is_no_sqlite_file_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.html");
    fs::write(&page, "<!doctype html>".repeat(100)).expect("a file");
    #[rustfmt::skip]
    let cases = [
        (page,                           "it is not a SQLite file"),
        (folder.path().join("none.db"),  "there is no such file"),
        (folder.path().to_owned(),       "it is not a file"),
    ];
    for (path, reason) in cases {
        let error = ask(&path, "SELECT 1").expect_err(reason);
        assert_eq!(error.to_string(), format!("cannot read {}: {reason}", path.display()));
    }
    assert_eq!(contents(folder.path()).len(), 1, "nothing was created");
}
