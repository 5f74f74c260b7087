//! `crawlite report`: questions that everybody has, answered.
//!
//! Reads only, so it works while the crawl runs; what the file lacks for it is made
//! first, if nobody else has the file.

mod html;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::Args;

use super::gates::GateArgs;
use super::output::{Format, Printer, sanitize, stream, terminal_width};
use super::ready::make_ready;
use super::summary::count;
use super::{Exit, Usage, say};
use crate::store::{
    Error, Group, QueryError, REPORTS, Report, Reports, ShownCrawl, Value, check_header, report,
};

/// Rows that a table on a terminal has unless asked for more.
const TERMINAL_ROWS: u64 = 50;

/// Answer the usual questions: broken links, titles, duplicates, redirects, and many more
#[derive(Debug, Args)]
#[command(
    after_help = "Without a name every report is listed with its number of rows. They speak of the newest
finished crawl of the file, or of the newest if none is finished.

  crawlite report FILE                           what is there, and how much of it
  crawlite report FILE broken                    broken link targets, and who links to them
  crawlite report FILE titles --format csv       for a spreadsheet
  crawlite report FILE broken --sql              SQL, to change it and ask with query or sqlite3
  crawlite report FILE --html report.html        one page with everything, to read, print or send
  crawlite report FILE --fail-on broken,orphans  as a gate: exit code 2 if there are any"
)]
pub(super) struct ReportArgs {
    /// File to look into
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Which report; all are listed if not given
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// How to print the rows [default: table]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Print at most so many rows, 0 for all; a table on a terminal has 50 if not given, one of
    /// --html 200
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Write one page with the whole crawl: numbers, findings, pictures and every report that has
    /// rows. It needs no other file and no network; - is stdout
    #[arg(long, value_name = "OUT")]
    pub html: Option<PathBuf>,
    /// Let --html replace what is there
    #[arg(long)]
    pub force: bool,
    /// Print the report's SQL, which runs as it stands in any SQLite from 3.40 on
    #[arg(long)]
    pub sql: bool,
    /// Report on this crawl of the file, as the view crawls numbers them
    #[arg(long, value_name = "ID")]
    pub crawl: Option<i64>,
    #[command(flatten)]
    pub gates: GateArgs,
}

/// Runs the subcommand.
///
/// # Errors
/// If the name is unknown, the file cannot be read, or `out` not be written.
pub(super) async fn run(
    args: &ReportArgs,
    quiet: bool,
    out: &mut (impl Write + Send),
) -> anyhow::Result<Exit> {
    let asked = args.name.as_deref().map(named).transpose()?;
    let gates = args.gates.checked()?;
    let target = html::Target::of(args)?;
    if let (Some(report), true) = (asked, args.sql) {
        // As an argument of another program, the comment must not look like a flag.
        writeln!(out, "\n{}", report.sql(args.crawl).trim_end())?;
        return Ok(Exit::Finished);
    }
    if args.sql {
        return Err(Usage(anyhow!("--sql needs the name of a report: {}", names())).into());
    }
    check_header(&args.file)?;
    let shown = crawl_of(&args.file, args.crawl)?;
    let mut wanted = asked.map_or_else(|| REPORTS.iter().collect(), |report| vec![report]);
    wanted.extend(gates.reports());
    make_ready(&args.file, shown.id, &wanted, quiet).await?;
    let reports = Reports::open(&args.file)?;
    match (asked, target) {
        (_, Some(target)) => {
            html::Job { reports: &reports, shown: &shown, args, quiet }.run(&target, out)?;
        }
        (Some(report), None) => print(&reports, report, args, &shown, out)?,
        (None, None) => list(&reports, args, &shown, out)?,
    }
    let judged = gates.judge(&args.file, shown.id)?;
    judged.say(&args.file, quiet, true);
    judged.write_junit()?;
    Ok(judged.exit(Exit::Finished))
}

/// The report of that name.
fn named(name: &str) -> Result<&'static Report, Usage> {
    report(name).ok_or_else(|| {
        let nearest =
            REPORTS.iter().min_by_key(|report| strsim::damerau_levenshtein(report.name, name));
        let nearest = nearest.filter(|report| strsim::damerau_levenshtein(report.name, name) <= 3);
        let hint =
            nearest.map_or(".".into(), |report| format!("; did you mean `{}`?", report.name));
        Usage(anyhow!("there is no report `{}`{hint} There are: {}", sanitize(name), names()))
    })
}

fn names() -> String {
    REPORTS.iter().map(|report| report.name).collect::<Vec<_>>().join(", ")
}

/// The crawl to speak of.
fn crawl_of(path: &Path, crawl_id: Option<i64>) -> anyhow::Result<ShownCrawl> {
    let shown = Reports::open(path)?.shown(crawl_id)?;
    let name = path.display();
    Ok(match (shown, crawl_id) {
        (Some(shown), _) => shown,
        (None, None) => return Err(Error::Empty(name.to_string()).into()),
        (None, Some(id)) => {
            let hint = format!(
                "`crawlite query {name} \"SELECT crawl_id, started_at FROM crawls\"` lists them"
            );
            return Err(Usage(anyhow!("{name} holds no crawl {id}; {hint}")).into());
        }
    })
}

/// Prints one report.
fn print(
    reports: &Reports,
    report: &Report,
    args: &ReportArgs,
    shown: &ShownCrawl,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let format = args.format.unwrap_or_default();
    let is_terminal = format == Format::Table && std::io::stdout().is_terminal();
    let limit = match args.limit {
        Some(0) => None,
        None => is_terminal.then_some(TERMINAL_ROWS),
        limit => limit,
    };
    let printer = Printer::new(format, out, terminal_width()).without_nulls();
    let rows = stream(printer, |on_columns, on_row| {
        reports.run(report, Some(shown.id), limit, on_columns, on_row)
    })?;
    if report.name == "changes" && !shown.has_earlier {
        say("note: there is no finished crawl before this one to compare with");
    }
    if format == Format::Table && rows == 0 {
        say("nothing found");
    }
    if is_terminal && limit == Some(rows) {
        let all = reports.count(report, Some(shown.id))?;
        if all > rows {
            say(&format!(
                "{rows} of {} rows; --limit 0 prints all, --format csv suits a spreadsheet",
                count(all)
            ));
        }
    }
    Ok(())
}

/// Prints the list of reports with their numbers of rows, as they are counted.
fn list(
    reports: &Reports,
    args: &ReportArgs,
    shown: &ShownCrawl,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let format = args.format.unwrap_or_default();
    if format == Format::Table {
        return list_for_people(reports, args, shown, out);
    }
    let printer = Printer::new(format, out, terminal_width());
    stream(printer, |on_columns, on_row| {
        let columns = ["report", "group", "rows", "shows"].map(str::to_owned);
        on_columns(&columns).map_err(QueryError::Output)?;
        reports.count_all(Some(shown.id), |report, count| {
            on_row(&[
                Value::Text(report.name.to_owned()),
                Value::Text(report.group.as_str().to_owned()),
                Value::Integer(i64::try_from(count).unwrap_or(i64::MAX)),
                Value::Text(report.sentence().to_owned()),
            ])
        })?;
        Ok(REPORTS.len() as u64)
    })?;
    Ok(())
}

fn list_for_people(
    reports: &Reports,
    args: &ReportArgs,
    shown: &ShownCrawl,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let name = args.file.display();
    let seeds: Vec<String> = serde_json::from_str(&shown.seeds).unwrap_or_default();
    let more = match seeds.len() {
        ..=3 => String::new(),
        all => format!(" and {} more", all - 3),
    };
    let seeds = seeds.into_iter().take(3).collect::<Vec<_>>().join(", ") + &more;
    let state = if shown.is_finished { "" } else { ", not finished" };
    let (id, begun) = (shown.id, &shown.started_at);
    writeln!(
        out,
        "{}",
        sanitize(&format!("{name}: crawl {id} of {seeds}, begun {begun} UTC{state}"))
    )?;
    let widest = REPORTS.iter().map(|report| report.name.len()).max().unwrap_or_default();
    let room = terminal_width().unwrap_or(usize::MAX);
    let mut group = None;
    reports.count_all(Some(shown.id), |report, rows| {
        if group.replace(report.group) != Some(report.group) {
            let title = if report.group == Group::Problems { "Problems" } else { "Facts" };
            writeln!(out, "\n{title}")?;
        }
        let line = format!("  {:widest$}  {:>9}  {}", report.name, count(rows), report.sentence());
        writeln!(out, "{}", line.chars().take(room).collect::<String>())?;
        out.flush()
    })?;
    writeln!(
        out,
        "\ncrawlite report {name} NAME prints one; --format csv for a spreadsheet, --sql for its SQL"
    )?;
    Ok(())
}
