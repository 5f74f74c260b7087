//! How is a large file read on all cores?
//!
//! Each thread has a connection and a cache of its own, so there are only a few.

use std::path::Path;
use std::thread;

use super::{MAX_TIME, Reports, number};
use crate::store::{Query, QueryError, QueryLimits};

/// Each has its own connection and cache.
const MAX_THREADS: usize = 4;

/// How many threads may read the file at once.
pub(super) fn threads() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get).min(MAX_THREADS)
}

/// What a reader of its own may cost.
pub(super) fn limits() -> QueryLimits {
    QueryLimits { time: MAX_TIME, ..QueryLimits::default() }
}

/// Cuts page versions into as many parts as there are threads, lets `read` read each
/// (from, to) on its own connection, and gives what they gave, in order. Equal numbers of
/// versions are a part, not of ids: those of earlier crawls lie between them.
///
/// # Errors
/// The first that one of them gave.
pub(super) fn in_parts<T: Send>(
    path: &Path,
    versions: &[usize],
    read: impl Fn(&Query, usize, usize) -> Result<T, QueryError> + Sync,
) -> Result<Vec<T>, QueryError> {
    let share = versions.len().div_ceil(threads()).max(1);
    let read = &read;
    thread::scope(|scope| {
        let parts: Vec<_> = versions
            .chunks(share)
            .map(|part| {
                scope.spawn(move || {
                    read(&Query::open(path, limits())?, part[0], part[part.len() - 1] + 1)
                })
            })
            .collect();
        parts.into_iter().map(|part| part.join().expect("a reader does not panic")).collect()
    })
}

/// A condition on rows of `link`, for statements that read millions of them: whether their
/// shape is one for which `condition` holds. A mask of bits is asked in half the time of a
/// list. Only for kinds with the lowest numbers, such as `a` and `area`.
///
/// # Errors
/// See [`QueryError`].
pub(super) fn has_shape(reports: &Reports, condition: &str) -> Result<String, QueryError> {
    let sql = format!("SELECT sum(1 << id) FROM link_shape WHERE id < 63 AND {condition}");
    let rows = reports.rows(&sql)?;
    let mask = rows.first().map(|row| number(&row[0])).unwrap_or_default();
    Ok(format!("shape_id < 63 AND {mask} >> shape_id & 1"))
}
