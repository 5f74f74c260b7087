//! How a file is opened so that nothing can be written, and nothing is left beside it.
//!
//! Where neither a `-wal` nor a `-journal` lies beside it, nobody writes: the
//! file is opened as unchanging, without locks, and [`Resting`] tells later
//! whether that held. Otherwise it is read as any WAL file is, with locks.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tokio_rusqlite::rusqlite;

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::MAX_VALUE_BYTES;

/// How long to wait for a lock of somebody else.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The connection and, if it reads without locks, what the file was like. An
/// error is in words.
pub(super) fn open(
    path: &Path,
    memory_bytes: u64,
) -> Result<(Connection, Option<Resting>), String> {
    // `SQLite` looks for the -wal beside the file a link points to
    let real = fs::canonicalize(path).map_err(|error| in_words(&error))?;
    let resting = Resting::of(&real).map_err(|error| in_words(&error))?;
    let Some(resting) = resting else { return Err("it is not a file".into()) };

    let empty = |suffix| fs::metadata(beside(&real, suffix)).is_ok_and(|file| file.len() == 0);
    let unlocked = !beside(&real, "-wal").exists() && !beside(&real, "-journal").exists();
    let first = connect(&real, unlocked, memory_bytes);
    let code = first.as_ref().err().and_then(rusqlite::Error::sqlite_error_code);
    match (first, code) {
        (Ok(db), _) => Ok((db, unlocked.then_some(resting))),
        (_, Some(ErrorCode::NotADatabase)) => Err("it is not a SQLite file".into()),
        // A -wal cannot be read without its -shm, and that not be made: the folder is read-only.
        (_, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)) if empty("-wal") => {
            let db = connect(&real, true, memory_bytes).map_err(|error| error.to_string())?;
            Ok((db, Some(resting)))
        }
        (_, Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly)) if !unlocked => {
            Err("its -wal needs a folder that can be written to: copy both files to one".into())
        }
        (Err(error), _) => Err(error.to_string()),
    }
}

/// A read-only connection with everything shut that `SQLite` can shut.
fn connect(path: &Path, unlocked: bool, memory_bytes: u64) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(uri(path, unlocked), flags)?;
    db.busy_timeout(BUSY_TIMEOUT)?;
    for (setting, on) in [
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_CREATE, false),
        (DbConfig::SQLITE_DBCONFIG_ENABLE_ATTACH_WRITE, false),
    ] {
        db.set_db_config(setting, on)?;
    }
    for (limit, most) in [
        (Limit::SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES),
        (Limit::SQLITE_LIMIT_SQL_LENGTH, 256 << 10),
        (Limit::SQLITE_LIMIT_COLUMN, 1000),
        (Limit::SQLITE_LIMIT_EXPR_DEPTH, 500),
        (Limit::SQLITE_LIMIT_COMPOUND_SELECT, 100),
        (Limit::SQLITE_LIMIT_VDBE_OP, 250_000),
        (Limit::SQLITE_LIMIT_FUNCTION_ARG, 100),
        (Limit::SQLITE_LIMIT_ATTACHED, 0),
        (Limit::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 300),
        (Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 1),
        (Limit::SQLITE_LIMIT_WORKER_THREADS, 0),
    ] {
        db.set_limit(limit, most)?;
    }
    let heap_bytes = memory_bytes / 8 * 5;
    db.execute_batch(&format!(
        "PRAGMA hard_heap_limit = {heap_bytes};
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -16000;
         PRAGMA mmap_size = 0;
         PRAGMA cell_size_check = ON;
         PRAGMA query_only = ON;
         SELECT count(*) FROM sqlite_schema"
    ))?;
    super::functions::register(&db)?;
    Ok(db)
}

/// How `SQLite` is told to open a file without creating or, if `unlocked`,
/// touching anything. Encoded, so that no name can smuggle in a parameter.
fn uri(path: &Path, unlocked: bool) -> String {
    let mut uri = String::from("file:");
    if path.is_absolute() && cfg!(unix) {
        uri.push_str("//");
    }
    for &byte in path.as_os_str().as_encoded_bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~:".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            write!(uri, "%{byte:02X}").expect("memory takes all");
        }
    }
    uri.push_str(if unlocked { "?mode=ro&immutable=1" } else { "?mode=ro" });
    uri
}

/// The file `SQLite` keeps beside `path` under this suffix.
fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

/// Size and time of a file that nobody should write to. By `stat` alone:
/// opening and closing it here would drop `SQLite`'s locks of this process.
#[derive(Debug)]
pub(super) struct Resting {
    path: PathBuf,
    length: u64,
    modified: Option<SystemTime>,
}

impl Resting {
    /// `None` for anything but a plain file (a pipe would block for ever).
    fn of(path: &Path) -> io::Result<Option<Self>> {
        let metadata = fs::metadata(path)?;
        Ok(metadata.is_file().then(|| Self {
            path: path.to_owned(),
            length: metadata.len(),
            modified: metadata.modified().ok(),
        }))
    }

    /// Whether somebody wrote to it since, as far as size and time tell.
    pub(super) fn changed(&self) -> bool {
        !matches!(Self::of(&self.path), Ok(Some(now))
            if now.length == self.length && now.modified == self.modified)
    }
}
