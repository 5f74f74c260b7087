//! `crawlite query`: any question, as SQL, read-only.

use std::io::{IsTerminal, Read, Write};
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::output::{Format, Printer};
use super::{Exit, is_broken_pipe};
use crate::store::{Query, QueryError, QueryLimits, check_header};

/// SQL that is read from stdin at most, in bytes.
const MAX_SQL_BYTES: u64 = 256 * 1024;

/// Ask the file anything with SQL, read-only
#[derive(Debug, Args)]
pub(super) struct QueryArgs {
    /// File to ask
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// One SELECT; read from stdin if not given
    #[arg(value_name = "SQL")]
    pub sql: Option<String>,
    /// How to print the rows
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Give the query up after this time
    #[arg(long, value_name = "TIME", default_value = "30s")]
    pub max_time: crate::config::Span,
}

/// Runs the subcommand.
///
/// # Errors
/// If the file cannot be read, the SQL is refused or wrong, or `out` cannot be written.
pub(super) fn run(args: &QueryArgs, out: &mut impl Write) -> anyhow::Result<Exit> {
    check_header(&args.file)?;
    let sql = if let Some(sql) = &args.sql {
        sql.clone()
    } else {
        let mut sql = String::new();
        std::io::stdin()
            .lock()
            .take(MAX_SQL_BYTES)
            .read_to_string(&mut sql)
            .context("cannot read SQL from stdin")?;
        sql
    };
    let limits = QueryLimits { time: args.max_time.0, ..QueryLimits::default() };
    let query = Query::open(&args.file, limits)?;
    let printer = std::cell::RefCell::new(Printer::new(args.format, out, terminal_width()));
    let outcome = query.run(
        &sql,
        |columns| printer.borrow_mut().columns(columns),
        |row| printer.borrow_mut().row(row),
    );
    let finished = printer.into_inner().finish();
    match (outcome, finished) {
        (Err(QueryError::Output(error)), _) | (_, Err(error)) if is_broken_pipe(&error) => {
            Ok(Exit::Finished)
        }
        (Err(error), _) => Err(error.into()),
        (Ok(_), finished) => finished.map(|()| Exit::Finished).context("cannot write the result"),
    }
}

/// Columns of the terminal; `None` if stdout is none.
pub(super) fn terminal_width() -> Option<usize> {
    let size = terminal_size::terminal_size().filter(|_| std::io::stdout().is_terminal());
    size.map(|(width, _)| usize::from(width.0))
}
