//! From a query to the printed rows, and how wide they may be.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};

use anyhow::Context;

use super::Printer;
use crate::cli::is_broken_pipe;
use crate::store::{QueryError, Value};

/// What takes the column names of a result.
type OnColumns<'a> = &'a mut dyn FnMut(&[String]) -> io::Result<()>;
/// What takes a row of a result.
type OnRow<'a> = &'a mut dyn FnMut(&[Value]) -> io::Result<()>;

/// Prints what `ask` gives, and says how many rows that was; a closed pipe is no
/// failure.
///
/// # Errors
/// If the query fails, or the output cannot be written.
pub fn stream<W: Write>(
    printer: Printer<'_, W>,
    ask: impl FnOnce(OnColumns<'_>, OnRow<'_>) -> Result<u64, QueryError>,
) -> anyhow::Result<u64> {
    let printer = RefCell::new(printer);
    let outcome = ask(&mut |columns| printer.borrow_mut().columns(columns), &mut |row| {
        printer.borrow_mut().row(row)
    });
    // The rows before an error are shown, too.
    let finished = printer.into_inner().finish();
    match (outcome, finished) {
        (Err(QueryError::Output(error)), _) | (_, Err(error)) if is_broken_pipe(&error) => Ok(0),
        (Err(error), _) => Err(error.into()),
        (Ok(count), finished) => finished.map(|()| count).context("cannot write the result"),
    }
}

/// Columns of the terminal; `None` if stdout is none.
pub fn terminal_width() -> Option<usize> {
    let size = terminal_size::terminal_size().filter(|_| io::stdout().is_terminal());
    size.map(|(width, _)| usize::from(width.0))
}
