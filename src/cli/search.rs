//! `crawlite search`: which pages hold these words, and which do not?

use std::cell::RefCell;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, ValueEnum};

use super::counting::Counting;
use super::interrupt::Interrupt;
use super::output::{Format, Printer, has_colours, sanitize, terminal_width};
use super::summary::count;
use super::{Exit, Usage, say};
use crate::store::{BEGIN, END, Hit, Search, SearchError, Value, Words};

/// Bold, and its end, for terminals.
const BOLD: [&str; 2] = ["\u{1b}[1m", "\u{1b}[0m"];

/// Find pages by the words in them
#[derive(Debug, Args)]
#[command(after_help = "\
All words must occur, in title, headings or main text; case and accents do not matter.
  crawlite search example.org.db \"cache header\"         both words
  crawlite search example.org.db '\"cache header\"'       side by side
  crawlite search example.org.db \"cach* -redis\"         words that begin so, without redis
  crawlite search example.org.db --missing \"imprint\"    pages without the word
  crawlite search example.org.db --fts \"title: cache NEAR(header proxy, 5)\"

The index is kept in the file and brought up to date when it is needed. While a crawl writes to the
file, each search makes one of its own in a temporary database.")]
pub(super) struct SearchArgs {
    /// File to search
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What to look for
    #[arg(value_name = "WORDS")]
    words: String,
    /// List the pages that do not hold the words instead
    #[arg(long)]
    missing: bool,
    /// Take WORDS as a query of SQLite's FTS5: AND, OR, NOT, NEAR, title:, headings:, text:
    #[arg(long)]
    fts: bool,
    /// Pages that are shown at most; with --missing all, if it is not given
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    format: Layout,
}

/// How hits are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// Title, URL and a snippet each, for people
    #[default]
    Text,
    /// Aligned columns
    Table,
    /// Comma-separated values with a header
    Csv,
    /// One array of objects
    Json,
    /// One object a line
    Jsonl,
}

/// Pages that are shown if nothing else is said.
const LIMIT: u32 = 10;

/// Runs the subcommand.
///
/// # Errors
/// If the words make no query, or the file cannot be read.
pub(super) fn run(args: &SearchArgs, quiet: bool, out: &mut impl Write) -> anyhow::Result<Exit> {
    let words = if args.fts {
        Words::of_expression(&*args.words)
    } else {
        Words::parse(&args.words).map_err(|error| Usage(error.into()))?
    };
    let search = open(args, quiet).map_err(in_words)?;
    if args.missing {
        missing(args, quiet, &search, &words, out)?;
    } else {
        let (total, hits) = search.find(&words, args.limit.unwrap_or(LIMIT)).map_err(in_words)?;
        print(args, quiet, &hits, out)?;
        if !quiet {
            let pages = count(search.pages().map_err(in_words)?);
            let shown = hits.len();
            say(&match total {
                0 => format!("None of {pages} pages holds this."),
                1 => format!("1 of {pages} pages"),
                _ if i64::try_from(shown).is_ok_and(|shown| shown < total) => {
                    format!(
                        "{} of {pages} pages, the best {shown} shown; --limit shows more",
                        count(total)
                    )
                }
                _ => format!("{} of {pages} pages", count(total)),
            });
        }
    }
    Ok(Exit::Finished)
}

/// Opens the file, and says what its index needs.
fn open(args: &SearchArgs, quiet: bool) -> Result<Search, SearchError> {
    let interrupt = Interrupt::watch();
    let counting: RefCell<Option<Counting>> = RefCell::new(None);
    let search = Search::open(
        &args.file,
        |preparation| {
            if let Some(why) = preparation.temporary.filter(|_| !quiet) {
                say(&format!("{}: making an index for this search alone", capital(why)));
            }
            *counting.borrow_mut() =
                Some(Counting::start("pages indexed", Some(preparation.pages), quiet));
        },
        || {
            if let Some(counting) = &mut *counting.borrow_mut() {
                counting.add();
            }
            interrupt.check()
        },
    );
    if let Some(counting) = counting.into_inner() {
        counting.finish();
    }
    search
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn in_words(error: SearchError) -> anyhow::Error {
    match error {
        SearchError::Store(error) => error.into(),
        error @ SearchError::Syntax(_) => {
            let advice = "without --fts, words are taken as they are";
            Usage(anyhow!("{}; {advice}", sanitize(&error.to_string()))).into()
        }
        error @ SearchError::NoBodies(_) => Usage(error.into()).into(),
        error => error.into(),
    }
}

fn print(args: &SearchArgs, quiet: bool, hits: &[Hit], out: &mut impl Write) -> anyhow::Result<()> {
    if args.format == Layout::Text {
        let colours = has_colours(std::io::stdout().is_terminal());
        for hit in hits {
            print_hit(hit, colours, out)?;
        }
        if !quiet {
            out.flush()?;
        }
        return Ok(());
    }
    let mut printer = Printer::new(args.format.rows(), out, terminal_width());
    printer.columns(&["url", "title", "snippet", "score"].map(str::to_owned))?;
    for hit in hits {
        let snippet = hit.snippet.replace([BEGIN, END], "");
        let texts = [hit.url.clone(), hit.title.clone(), snippet].map(Value::Text);
        printer.row(&[&texts[..], &[Value::Real(hit.score)]].concat())?;
    }
    Ok(printer.finish()?)
}

impl Layout {
    fn rows(self) -> Format {
        match self {
            Self::Text | Self::Table => Format::Table,
            Self::Csv => Format::Csv,
            Self::Json => Format::Json,
            Self::Jsonl => Format::Jsonl,
        }
    }
}

/// Title, URL and snippet; the words stand out if the terminal can show it.
fn print_hit(hit: &Hit, colours: bool, out: &mut impl Write) -> std::io::Result<()> {
    let [bold, plain] = if colours { BOLD } else { [""; 2] };
    let title = if hit.title.is_empty() { "(no title)" } else { &hit.title };
    writeln!(out, "{bold}{}{plain}\n  {}", sanitize(title), sanitize(&hit.url))?;
    let mut line = String::from("  ");
    for (at, piece) in hit.snippet.split(BEGIN).enumerate() {
        let (word, rest) =
            if at == 0 { ("", piece) } else { piece.split_once(END).unwrap_or((piece, "")) };
        if !word.is_empty() {
            line.extend([bold, &sanitize(word), plain]);
        }
        line.push_str(&sanitize(rest));
    }
    writeln!(out, "{line}\n")
}

fn missing(
    args: &SearchArgs,
    quiet: bool,
    search: &Search,
    words: &Words,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let most = args.limit.map_or(u64::MAX, u64::from);
    let mut shown = 0_u64;
    let number = if args.format == Layout::Text {
        search.without(words, |url, _| {
            shown += 1;
            if shown <= most { writeln!(out, "{}", sanitize(url)) } else { Ok(()) }
        })
    } else {
        let mut printer = Printer::new(args.format.rows(), out, terminal_width());
        printer.columns(&["url", "title"].map(str::to_owned))?;
        let number = search.without(words, |url, title| {
            shown += 1;
            let row = [url, title].map(|text| Value::Text(text.to_owned()));
            if shown <= most { printer.row(&row) } else { Ok(()) }
        });
        printer.finish()?;
        number
    };
    let number = number.map_err(in_words)?;
    if !quiet {
        let pages = count(search.pages().map_err(in_words)?);
        say(&format!("{} of {pages} pages do not hold this", count(number)));
    }
    Ok(())
}
