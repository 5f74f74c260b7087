//! Is this a file of ours, and how is it read?
//!
//! Only reads, through [`Query`], so it works while the crawl runs and leaves
//! nothing behind.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::migrate::{APPLICATION_ID, SCHEMA_VERSION};
use super::{Error, Query, QueryError, QueryLimits, Value};

/// A read-only face of a file.
#[derive(Debug)]
pub struct Reader {
    query: Query,
    pub(super) path: PathBuf,
}

impl Reader {
    /// Opens an existing file of ours.
    ///
    /// # Errors
    /// If there is none, or it is not ours.
    pub fn open(path: &Path) -> Result<Self, Error> {
        check_header(path)?;
        let limits = QueryLimits { time: Duration::from_mins(10), ..QueryLimits::default() };
        let query = Query::open(path, limits).map_err(|error| failed(path, &error))?;
        Ok(Self { query, path: path.to_owned() })
    }

    pub(super) fn number(&self, sql: &str) -> Result<i64, Error> {
        Ok(self.rows(sql)?.first().map(|row| integer(&row[0])).unwrap_or_default())
    }

    pub(super) fn rows(&self, sql: &str) -> Result<Vec<Vec<Value>>, Error> {
        let mut rows = Vec::new();
        self.each(sql, |row| rows.push(row.to_vec()))?;
        Ok(rows)
    }

    pub(super) fn each(&self, sql: &str, mut on_row: impl FnMut(&[Value])) -> Result<(), Error> {
        let on_row = |row: &[Value]| {
            on_row(row);
            Ok(())
        };
        let ran = self.query.run(sql, |_| Ok(()), on_row);
        ran.map(|_| ()).map_err(|error| failed(&self.path, &error))
    }

    /// What the file is called in messages.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }
}

/// Looks into the header (SQLite file format, section 1.3), so that a foreign
/// file is named as such before anything is asked of it.
///
/// # Errors
/// If there is no such file, or it is not ours.
pub fn check_header(path: &Path) -> Result<(), Error> {
    let name = path.display().to_string();
    check_kind(path)?;
    let mut header = [0; 100];
    match File::open(path).and_then(|mut file| file.read_exact(&mut header)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::Missing(name));
        }
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            return Err(Error::Foreign(name));
        }
        Err(error) => return Err(Error::Open(name, error.to_string())),
        Ok(()) => {}
    }
    let number =
        |at: usize| i32::from_be_bytes(*header[at..].first_chunk().expect("within the header"));
    match (number(68), number(60)) {
        (APPLICATION_ID, version) if version > SCHEMA_VERSION => Err(Error::Newer(name, version)),
        (APPLICATION_ID, _) => Ok(()),
        // A crawl that has just begun has its header only in the write-ahead log.
        (0, 0) if has_wal(path) => Ok(()),
        _ => Err(Error::Foreign(name)),
    }
}

/// That what lies at `path`, if anything, is a file: to open a pipe waits for somebody
/// at its other end.
pub(super) fn check_kind(path: &Path) -> Result<(), Error> {
    match std::fs::metadata(path) {
        Ok(found) if !found.is_file() => {
            Err(Error::Open(path.display().to_string(), "it is not a file".into()))
        }
        _ => Ok(()),
    }
}

fn has_wal(path: &Path) -> bool {
    let mut wal = path.as_os_str().to_owned();
    wal.push("-wal");
    Path::new(&wal).exists()
}

fn failed(path: &Path, error: &QueryError) -> Error {
    let (name, words) = (path.display().to_string(), error.to_string());
    // SQLITE_CORRUPT, as SQLite words it.
    let is_damaged = words.contains("malformed");
    if is_damaged {
        Error::Corrupt(name, "its pages do not fit together".into())
    } else {
        Error::Open(name, words)
    }
}

pub(super) fn integer(value: &Value) -> i64 {
    match value {
        Value::Integer(number) => *number,
        _ => 0,
    }
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        _ => String::new(),
    }
}
