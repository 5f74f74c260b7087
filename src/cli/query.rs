//! `crawlite query`: any question, as SQL, read-only.

use std::io::{Read, Write};
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;

use super::Exit;
use super::output::{Format, Printer, stream, terminal_width};
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
    let printer = Printer::new(args.format, out, terminal_width());
    stream(printer, |on_columns, on_row| query.run(&sql, on_columns, on_row)).map_err(|error| {
        let name = args.file.display();
        match error.downcast_ref() {
            Some(QueryError::Sql(words)) if words.starts_with("no such") => {
                anyhow!("{error}; `crawlite schema {name}` lists the views and their columns")
            }
            _ => error,
        }
    })?;
    Ok(Exit::Finished)
}
