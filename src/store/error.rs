//! Why can a file not be used, in words that name it and say what to do?

use std::path::Path;

use tokio_rusqlite::rusqlite::{self, ErrorCode};

/// Why the store cannot be used. A failure of the store ends the crawl.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process writes to it.
    #[error("{0} is in use by another crawl; `crawlite status` and `query` work meanwhile")]
    InUse(String),
    /// Not a file of ours.
    #[error("{0} is no crawlite file; choose another name with -o")]
    Foreign(String),
    /// Made by a newer program.
    #[error("{0} has schema version {1}, which is newer than this program; use the newer crawlite")]
    Newer(String, i32),
    /// There is none.
    #[error("{0} does not exist; `crawlite crawl URL -o {0}` makes it")]
    Missing(String),
    /// It holds no crawl.
    #[error("{0} holds no crawl yet; `crawlite crawl URL -o {0}` begins one")]
    Empty(String),
    /// Damaged.
    #[error("{0} is damaged: {1}. Salvage what is readable with `sqlite3 {0} .recover`")]
    Corrupt(String, String),
    /// It cannot be opened.
    #[error("cannot open {0}: {1}")]
    Open(String, String),
    /// A rule is called like something that is not its own.
    #[error("{0} has a table or view `{1}` that is of no rule; choose another name for the rule")]
    NameTaken(String, String),
    /// The rows of a rule that has changed could not be read again.
    #[error(
        "the rule `{name}` is another than before, and {pages} pages that gave rows of {file} are stored without bodies, so they could not be read again; choose another name for the changed rule"
    )]
    RowsLost {
        /// The file.
        file: String,
        /// Of the rule.
        name: String,
        /// How many.
        pages: i64,
    },
    /// No room.
    #[error(
        "{0}: the disk is full; everything committed is safe, and the crawl can go on once there is room"
    )]
    Full(String),
    /// The system lets nothing be read or written.
    #[error(
        "{0}: {1}; everything committed is safe, and the crawl can go on once that is mended (is the disk full, or `ulimit -f` too low?)"
    )]
    Disk(String, String),
    /// The bundled SQLite is too old.
    #[error(
        "this program is built with SQLite {0}, which may damage files; 3.51.3 or newer is needed"
    )]
    OldSqlite(&'static str),
    /// The code that writes failed.
    #[error("the writer failed: {0}")]
    Panicked(String),
    /// Anything else the database says.
    #[error("the store failed")]
    Database(#[source] rusqlite::Error),
    /// The same, of a file that is named.
    #[error("{0}: the store failed")]
    Failed(String, #[source] rusqlite::Error),
    /// The lock file.
    #[error("cannot use {0}: {1}")]
    Lock(String, std::io::Error),
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl Error {
    /// The same with the name of the file, where that helps.
    pub(super) fn at(self, path: &Path) -> Self {
        use rusqlite::Error as Sql;
        let Self::Database(error) = self else { return self };
        let name = path.display().to_string();
        match &error {
            // Values that only damage, or a stranger, puts there.
            Sql::FromSqlConversionFailure(_, _, why) => {
                return Self::Corrupt(name, why.to_string());
            }
            Sql::IntegralValueOutOfRange(..)
            | Sql::InvalidColumnType(..)
            | Sql::QueryReturnedNoRows => return Self::Corrupt(name, error.to_string()),
            _ => {}
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full(name),
            Some(ErrorCode::SystemIoFailure) => Self::Disk(name, "disk I/O error".into()),
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt(name, error.to_string()),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::Open(name, error.to_string())
            }
            _ => Self::Failed(name, error),
        }
    }

    pub(super) fn open(path: &Path, error: &rusqlite::Error) -> Self {
        let name = path.display().to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::Foreign(name),
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt(name, error.to_string()),
            Some(ErrorCode::DiskFull) => Self::Full(name),
            Some(ErrorCode::SystemIoFailure) => Self::Disk(name, "disk I/O error".into()),
            _ => Self::Open(name, error.to_string()),
        }
    }
}
