//! `crawlite schema`: what the file can be asked.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use super::Exit;
use crate::store::{Query, QueryLimits, Value, check_header, views};

/// Questions that the views answer, with their SQL.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "Which pages are broken, and who links to them?",
        "SELECT target, status, source, anchor FROM broken_links",
    ),
    ("Which pages have no title?", "SELECT url FROM html_pages WHERE coalesce(title, '') = ''"),
    (
        "Which titles are used more than once?",
        "SELECT title, count(*) FROM html_pages GROUP BY title HAVING count(*) > 1 ORDER BY 2 DESC",
    ),
    ("What is slow?", "SELECT url, first_byte_ms FROM pages ORDER BY first_byte_ms DESC LIMIT 20"),
    (
        "What was left out, and why?",
        "SELECT reason, detail, count(*) FROM skipped GROUP BY 1, 2 ORDER BY 3 DESC",
    ),
    (
        "Where do redirects end?",
        "SELECT url, hops, final_url, final_status FROM redirect_chains ORDER BY hops DESC",
    ),
    (
        "What links to a page?",
        "SELECT source, anchor FROM links WHERE target = 'https://example.org/'",
    ),
    (
        "Which products say no price in their structured data?",
        "SELECT url FROM items WHERE type = 'Product' AND json->>'$.offers.price' IS NULL",
    ),
    (
        "Which sites do we link to most?",
        "SELECT host, count(*) FROM external_links GROUP BY 1 ORDER BY 2 DESC",
    ),
];

/// Show every view of the file with a sentence and example questions
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// File to look into
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Print the SQL of the views as well
    #[arg(long)]
    pub sql: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// If the file cannot be read or `out` not be written.
pub(super) fn run(args: &SchemaArgs, out: &mut impl Write) -> anyhow::Result<Exit> {
    check_header(&args.file)?;
    let query = Query::open(&args.file, QueryLimits::default())?;
    let name = args.file.display();
    writeln!(out, "Views of {name}. Tables are private; views only ever gain columns.\n")?;
    for view in views().into_iter().chain(query.rule_views()?) {
        let mut columns = Vec::new();
        let keep = |row: &[Value]| {
            if let Value::Text(column) = &row[0] {
                columns.push(column.clone());
            }
            Ok(())
        };
        query.run(
            &format!("SELECT name FROM pragma_table_info('{}')", view.name),
            |_| Ok(()),
            keep,
        )?;
        writeln!(out, "{}\n    {}\n    {}\n", view.name, view.meaning, columns.join(", "))?;
        if args.sql {
            writeln!(out, "{}\n", view.sql)?;
        }
    }
    writeln!(out, "Examples, each as crawlite query {name} \"...\":\n")?;
    for (question, sql) in EXAMPLES {
        writeln!(out, "  {question}\n    {sql}")?;
    }
    Ok(Exit::Finished)
}
