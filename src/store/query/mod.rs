//! Arbitrary SQL of a person over the file, read-only for real.
//!
//! Opening read-only is not enough: `SQLite` would still write elsewhere
//! (`VACUUM INTO`, `ATTACH`), and a SELECT alone can run for ever or fill the
//! machine. So what a statement may name is an allow-list ([`guard`]), its
//! working time is counted, and its memory is capped. Sorting stays in that
//! memory: it ends in an error, never on the user's disk.
//!
//! Knows nothing of crawls, formats or threads: [`Query::run`] blocks, and the
//! caller decides where.
//!
//! Beside the file nothing is left behind. Where neither a `-wal` nor a
//! `-journal` lies there, nobody writes, and the file is read as it lies, even
//! on a read-only disk; that it did not change meanwhile is checked at the end.
//! Where there is a `-wal`, a crawl is running or was killed: then the ordinary
//! WAL reader is used, which may add the `-shm` that belongs to that `-wal`.
//!
//! What is not bounded: the clock is looked at where a statement loops. One plain
//! `count(*)` of a table finishes first, and so do the calls for one row; each of
//! them takes seconds at most ([`functions`] and the limits see to that), but a
//! statement may hold hundreds. Who must be sure ends the process. The memory cap
//! counts all of `SQLite` in this process and can, as `SQLite` wants it, only
//! ever be lowered.

mod functions;
mod guard;
mod open;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio_rusqlite::rusqlite;

use rusqlite::fallible_iterator::FallibleIterator;
use rusqlite::types::ValueRef;
use rusqlite::{Batch, Connection, ErrorCode, Row, Statement, ToSql};

use guard::Guard;
use open::Resting;

/// Bytes of one text or blob at most; what `unpack` may give, too.
pub(super) const MAX_VALUE_BYTES: i32 = 16 << 20;

/// Between two looks at the clock, in instructions of `SQLite`'s machine.
const STEPS_PER_LOOK: i32 = 100;
/// The same of a statement of ours whose instructions are all short.
const SHORT_STEPS_PER_LOOK: i32 = 10_000;

/// One cell of a result, in `SQLite`'s five storage classes.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// NULL: not known.
    Null,
    /// A whole number.
    Integer(i64),
    /// A floating-point number, perhaps infinite.
    Real(f64),
    /// Text; bytes that are not UTF-8 arrive as U+FFFD.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

impl Value {
    pub(super) fn of(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(number) => Self::Integer(number),
            ValueRef::Real(number) => Self::Real(number),
            ValueRef::Text(bytes) => Self::Text(String::from_utf8_lossy(bytes).into_owned()),
            ValueRef::Blob(bytes) => Self::Blob(bytes.to_vec()),
        }
    }
}

/// What one query may cost.
#[derive(Clone, Copy, Debug)]
pub struct QueryLimits {
    /// Working time of `SQLite`; waiting for the output is not counted.
    pub time: Duration,
    /// Memory for the query, the row in hand included. Five eighths are for
    /// `SQLite` (all of it in this process), one for the row, the rest is what
    /// the allocator loses.
    pub memory_bytes: u64,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self { time: Duration::from_secs(30), memory_bytes: 256 << 20 }
    }
}

/// Why a query gave no result, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The file cannot be read as a `SQLite` file.
    #[error("cannot read {}: {reason}", path.display())]
    Open {
        /// As the caller gave it.
        path: PathBuf,
        /// In words.
        reason: String,
    },
    /// What `SQLite` says about the statement, or about a damaged file.
    #[error("SQL error: {0}")]
    Sql(String),
    /// Not allowed, in words.
    #[error("{0}")]
    Refused(String),
    /// Nothing but blanks and comments.
    #[error("no SQL given: write one SELECT, such as SELECT url, status FROM pages LIMIT 10")]
    Empty,
    /// More than one statement.
    #[error("only one statement at a time: remove what follows the first semicolon")]
    Several,
    /// The working time is over. Rows already handed out are part of the result.
    #[error("stopped after {0:?} of work: narrow it with WHERE, or add LIMIT")]
    TooLong(Duration),
    /// It, or one of its rows, would need more memory than allowed.
    #[error("needs more than {} MiB of memory: sort or group fewer rows, or add LIMIT", .0 >> 20)]
    TooMuchMemory(u64),
    /// A text or blob would be too long.
    #[error("a value would exceed {} MiB: cut it with substr(), or ask for its length()", .0 >> 20)]
    TooLarge(u64),
    /// A stored body cannot be unpacked.
    #[error("the stored body of {0} is damaged: {1}")]
    Damaged(String, String),
    /// The file was written to while it was read as it lies; the rows may be wrong.
    #[error("a crawl began to write to the file meanwhile: run the query again")]
    Changed,
    /// `on_columns` or `on_row` failed. A closed pipe ([`io::ErrorKind::BrokenPipe`],
    /// as of `| head`) arrives here as well; for the caller that is success.
    #[error("cannot write the result")]
    Output(#[source] io::Error),
}

/// A file that can be asked.
#[derive(Debug)]
pub struct Query {
    db: Connection,
    limits: QueryLimits,
    /// The file as it lay at the start, if it is read without locks.
    unlocked: Option<Resting>,
}

impl Query {
    /// Opens an existing file for reading.
    ///
    /// # Errors
    /// [`QueryError::Open`] if there is no such file, or it is not `SQLite`'s.
    pub fn open(path: &Path, limits: QueryLimits) -> Result<Self, QueryError> {
        let (db, unlocked) = open::open(path, limits.memory_bytes)
            .map_err(|reason| QueryError::Open { path: path.to_owned(), reason })?;
        Ok(Self { db, limits, unlocked })
    }

    /// Runs one SELECT: its column names go to `on_columns` once, before the
    /// first row, and each row to `on_row`. Gives the number of rows.
    ///
    /// A failing callback ends the query; nothing is left running.
    ///
    /// # Errors
    /// See [`QueryError`]. Rows handed out before stay handed out.
    pub fn run(
        &self,
        sql: &str,
        on_columns: impl FnMut(&[String]) -> io::Result<()>,
        on_row: impl FnMut(&[Value]) -> io::Result<()>,
    ) -> Result<u64, QueryError> {
        let guard = Guard::default();
        let clock = Arc::new(Clock::start(self.limits.time));
        let ticking = Arc::clone(&clock);
        self.db
            .authorizer(Some(guard.hook()))
            .and_then(|()| {
                self.db.progress_handler(STEPS_PER_LOOK, Some(move || ticking.is_over()))
            })
            .map_err(|error| QueryError::Sql(error.to_string()))?;

        let outcome = self.steps(sql, &clock, on_columns, on_row);
        self.check_unchanged()?;
        outcome.map_err(|stop| match stop {
            Stop::Said(error) => error,
            Stop::Sqlite(error) => self.explain(&error, guard),
        })
    }

    /// Calls `on_row` for each row of a statement of ours, which needs neither
    /// guard nor limits; gives their number.
    ///
    /// # Errors
    /// See [`QueryError`]; also what `on_row` says.
    pub(super) fn each(
        &self,
        sql: &str,
        parameters: &[&dyn ToSql],
        mut on_row: impl FnMut(&Row<'_>) -> rusqlite::Result<Result<(), QueryError>>,
    ) -> Result<u64, QueryError> {
        let said = |error: rusqlite::Error| QueryError::Sql(error.to_string());
        let mut statement = self.db.prepare_cached(sql).map_err(said)?;
        let mut rows = statement.query(parameters).map_err(said)?;
        let mut count = 0;
        while let Some(row) = rows.next().map_err(said)? {
            on_row(row).map_err(said)??;
            count += 1;
        }
        drop(rows);
        self.check_unchanged()?;
        Ok(count)
    }

    /// The rows of a statement of ours, each made into something.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub(super) fn all<T>(
        &self,
        sql: &str,
        parameters: &[&dyn ToSql],
        mut of_row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, QueryError> {
        let mut all = Vec::new();
        self.each(sql, parameters, |row| {
            all.push(of_row(row)?);
            Ok(Ok(()))
        })?;
        Ok(all)
    }

    /// Hands the rows of a statement of our own, two whole numbers each, to
    /// `on_pair`, as fast as they can be read: for sums over millions of rows.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub(super) fn pairs(
        &self,
        sql: &str,
        mut on_pair: impl FnMut(i64, i64),
    ) -> Result<(), QueryError> {
        let clock = Clock::start(self.limits.time);
        let read = || {
            self.db.progress_handler(SHORT_STEPS_PER_LOOK, Some(move || clock.is_over()))?;
            let mut statement = self.db.prepare(sql)?;
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                on_pair(row.get(0)?, row.get(1)?);
            }
            Ok(())
        };
        let outcome: rusqlite::Result<()> = read();
        self.check_unchanged()?;
        outcome.map_err(|error| self.explain(&error, Guard::default()))
    }

    /// The connection, for statements of ours: they need neither guard nor limits.
    pub(super) fn connection(&self) -> &Connection {
        &self.db
    }

    /// Whether what was read through [`Self::connection`] is true.
    ///
    /// # Errors
    /// [`QueryError::Changed`] if the file was written to meanwhile, unnoticed by locks.
    pub(super) fn check_unchanged(&self) -> Result<(), QueryError> {
        let has_changed = self.unlocked.as_ref().is_some_and(Resting::changed);
        if has_changed { Err(QueryError::Changed) } else { Ok(()) }
    }

    fn steps(
        &self,
        sql: &str,
        clock: &Clock,
        mut on_columns: impl FnMut(&[String]) -> io::Result<()>,
        mut on_row: impl FnMut(&[Value]) -> io::Result<()>,
    ) -> Result<u64, Stop> {
        let mut statement = self.prepare(sql)?;
        let columns: Vec<String> =
            statement.column_names().into_iter().map(ToOwned::to_owned).collect();
        clock.pause(|| on_columns(&columns))?;

        let mut rows = statement.raw_query();
        let mut values = Vec::with_capacity(columns.len());
        let mut count = 0;
        while let Some(row) = rows.next()? {
            self.read(row, columns.len(), &mut values)?;
            clock.pause(|| on_row(&values))?;
            count += 1;
        }
        Ok(count)
    }

    /// The one statement in `sql`, if it only reads.
    fn prepare(&self, sql: &str) -> Result<Statement<'_>, Stop> {
        if sql.contains('\0') {
            return Err(QueryError::Sql("there is a NUL character in it".into()).into());
        }
        let mut statements = Batch::new(&self.db, sql);
        let statement = statements.next()?.ok_or(QueryError::Empty)?;
        // A second one that cannot even be prepared is a second one, too.
        if !matches!(statements.next(), Ok(None)) {
            return Err(QueryError::Several.into());
        }
        if !statement.readonly() {
            return Err(QueryError::Refused(guard::WRITES.into()).into());
        }
        if statement.parameter_count() > 0 {
            let advice = "parameters such as ? or :name have no value here: write the value itself";
            return Err(QueryError::Refused(advice.into()).into());
        }
        Ok(statement)
    }

    /// Copies a row into `values`.
    fn read(&self, row: &Row<'_>, columns: usize, values: &mut Vec<Value>) -> Result<(), Stop> {
        let too_much = QueryError::TooMuchMemory(self.limits.memory_bytes);
        let mut room = self.limits.memory_bytes / 8;
        values.clear();
        for column in 0..columns {
            // The driver panics where SQLite has no memory left to convert or terminate a text.
            let value = catch_unwind(AssertUnwindSafe(|| row.get_ref(column)));
            let Ok(value) = value else { return Err(too_much.into()) };
            let value = value?;
            let length = match value {
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => bytes.len(),
                _ => 0,
            };
            let Some(left) = room.checked_sub(length as u64) else { return Err(too_much.into()) };
            room = left;
            values.push(Value::of(value));
        }
        Ok(())
    }

    fn explain(&self, error: &rusqlite::Error, guard: Guard) -> QueryError {
        if let Some(refusal) = guard.refusal() {
            return QueryError::Refused(refusal);
        }
        match (error.sqlite_error_code(), error) {
            (Some(ErrorCode::OperationInterrupted), _) => QueryError::TooLong(self.limits.time),
            (Some(ErrorCode::OutOfMemory), _) => {
                QueryError::TooMuchMemory(self.limits.memory_bytes)
            }
            (Some(ErrorCode::TooBig), _) => {
                QueryError::TooLarge(u64::from(MAX_VALUE_BYTES.unsigned_abs()))
            }
            (_, rusqlite::Error::SqlInputError { msg, .. }) => QueryError::Sql(msg.clone()),
            _ => QueryError::Sql(error.to_string()),
        }
    }
}

/// Counts working time: [`Clock::pause`] stops it.
struct Clock {
    started: Instant,
    /// Nanoseconds since `started`.
    ends: AtomicU64,
}

impl Clock {
    fn start(time: Duration) -> Self {
        Self { started: Instant::now(), ends: AtomicU64::new(nanoseconds(time)) }
    }

    fn is_over(&self) -> bool {
        nanoseconds(self.started.elapsed()) >= self.ends.load(Ordering::Relaxed)
    }

    fn pause(&self, output: impl FnOnce() -> io::Result<()>) -> Result<(), QueryError> {
        let paused = Instant::now();
        let written = output();
        self.ends.fetch_add(nanoseconds(paused.elapsed()), Ordering::Relaxed);
        written.map_err(QueryError::Output)
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 2)
}

/// The end of a statement: already in our words, or still in `SQLite`'s.
enum Stop {
    Said(QueryError),
    Sqlite(rusqlite::Error),
}

impl From<QueryError> for Stop {
    fn from(error: QueryError) -> Self {
        Self::Said(error)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}
