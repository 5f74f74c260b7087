//! `crawlite extract`: rules over the pages that are stored.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use toml::Table;

use super::counting::Counting;
use super::interrupt::Interrupt;
use super::output::{Format, Printer, stream, terminal_width};
use super::summary::count;
use super::{Exit, Usage, rules, say};
use crate::config::{Config, ExtractConfig};
use crate::crawler::secret;
use crate::extract::Rules;
use crate::pool::Pool;
use crate::reread::reread;
use crate::store::{
    Error, Query, QueryLimits, Reader, Rereading, Store, check_header, is_own_name,
};
use crate::visit::unix_ms;

/// Fill tables from the pages that are stored, by the rules of a settings file
#[derive(Debug, Args)]
#[command(after_help = "\
Each [[extract]] of the settings file is a rule, and fills a table of its name; crawlite init writes
an example. Pages that were read with a rule as it is now are not read again, so a command that was
stopped goes on from where it was. A rule that has changed begins anew.
  crawlite explain URL --config crawl.toml --extract   what the rules find on one page, live
  crawlite extract FILE --config crawl.toml -n 5       all stored pages, and the first five rows
  crawlite query FILE \"SELECT * FROM product\"          the rows")]
pub(super) struct ExtractArgs {
    /// File whose pages are read
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Settings file with the rules; those of the newest crawl if not given
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Only the rule of this name; can be repeated
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// Read pages again that were read with the same rule
    #[arg(long)]
    again: bool,
    /// Look for structured data on pages that were crawled without (`store.items = false`, older versions)
    #[arg(long)]
    items: bool,
    /// Print the first rows of each table
    #[arg(short = 'n', long, value_name = "N")]
    rows: Option<u32>,
    /// How to print them
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Runs the subcommand.
///
/// # Errors
/// If the rules are wrong or the file cannot be used.
pub(super) async fn run(
    args: ExtractArgs,
    quiet: bool,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let given = args.config.as_deref().map(|path| Config::load(Some(path), &[], Table::new()));
    let given = given.transpose().map_err(Usage)?.map(|config| config.extract);
    // Looked at first, so that a file that is missing or foreign is not touched.
    check_header(&args.file)?;
    let store = Store::open(&args.file, secret(), unix_ms()).await?;
    let prepared = prepare(&args, given, &store).await;
    let (extraction, settings) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            store.close().await?;
            return Err(error);
        }
    };
    let (store, changes) = rules::set(store, &extraction).await?;
    if !quiet {
        for change in changes.iter().filter_map(|change| Some((change, change.rows_gone?))) {
            let (change, rows) = change;
            say(&format!("{} has changed: its {} rows are replaced", change.name, count(rows)));
        }
    }
    let rereading = Rereading { rules: extraction.clone(), all: args.again, items: args.items };
    let read = read(&store, &rereading, settings, quiet).await;
    store.close().await?;
    let (pages, damaged) = read?;
    if !quiet {
        say_what_came(&args.file, &extraction, pages, damaged)?;
    }
    if let Some(rows) = args.rows {
        print_rows(&args, &extraction, rows, quiet, out)?;
    }
    Ok(Exit::Finished)
}

/// The rules to read with, and the settings of the newest crawl if they change by that.
async fn prepare(
    args: &ExtractArgs,
    given: Option<Vec<ExtractConfig>>,
    store: &Store,
) -> anyhow::Result<(Rules, Option<String>)> {
    let name = args.file.display();
    let crawl = store.newest_crawl().await?;
    let crawl = crawl.ok_or_else(|| Error::Empty(name.to_string()))?;
    let mut stored: Table = crawl.config.parse().context("the settings in the file")?;
    let of_crawl = Table::from_iter(stored.get("extract").map(|it| ("extract".into(), it.clone())));
    let of_crawl = Config::layered(of_crawl, &[], Table::new())?.extract;
    let has_given = given.is_some();
    let wanted = chosen(args, given.unwrap_or_else(|| of_crawl.clone()))?;
    if wanted.is_empty() && !args.items {
        let where_from =
            if has_given { "the settings file has" } else { "the crawl was made with" };
        let error =
            anyhow!("{where_from} no rules: --config FILE names a file with [[extract]] in it");
        return Err(Usage(error).into());
    }
    let rules = Rules::new(&wanted, &is_own_name).map_err(|error| Usage(error.into()))?;
    // Those that were not named stay with the crawl.
    let is_wanted = |rule: &ExtractConfig| wanted.iter().any(|wanted| wanted.name == rule.name);
    let others = of_crawl.iter().filter(|rule| !is_wanted(rule)).cloned();
    let all: Vec<_> = others.chain(wanted.clone()).collect();
    let is_same = all.len() == of_crawl.len() && of_crawl.iter().all(|rule| all.contains(rule));
    let settings = (!is_same).then(|| {
        let rules = Config { extract: all, ..Config::default() }.without_secrets();
        stored.extend(rules.into_iter().filter(|(key, _)| key == "extract"));
        stored.to_string()
    });
    Ok((rules, settings))
}

/// The rules that `--name` names; all if it names none.
fn chosen(args: &ExtractArgs, rules: Vec<ExtractConfig>) -> Result<Vec<ExtractConfig>, Usage> {
    for name in &args.name {
        if !rules.iter().any(|rule| rule.name == *name) {
            let names: Vec<_> = rules.iter().map(|rule| rule.name.as_str()).collect();
            let there_are = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            return Err(Usage(anyhow!("there is no rule `{name}`; there are: {there_are}")));
        }
    }
    let is_named = |rule: &ExtractConfig| args.name.is_empty() || args.name.contains(&rule.name);
    Ok(rules.into_iter().filter(is_named).collect())
}

/// Reads what is still to be read; how many pages that were, and how many of them
/// could not be read.
async fn read(
    store: &Store,
    rereading: &Rereading,
    settings: Option<String>,
    quiet: bool,
) -> anyhow::Result<(u64, u64)> {
    let interrupt = Interrupt::watch();
    let ids = store.unread(rereading.clone()).await?;
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let (pool, threads) = Pool::start(cores).context("cannot start threads")?;
    let mut counting = Counting::start("pages read", Some(ids.len() as u64), quiet);
    let read = reread(store, &pool, rereading, &ids, || {
        counting.add();
        interrupt.check()
    });
    let read = read.await;
    counting.finish();
    drop(pool);
    tokio::task::block_in_place(|| threads.into_iter().for_each(|thread| drop(thread.join())));
    let damaged = read?;
    store.finish_rereading(rereading.rules.clone(), settings).await?;
    Ok((ids.len() as u64, damaged))
}

fn say_what_came(file: &Path, extraction: &Rules, pages: u64, damaged: u64) -> anyhow::Result<()> {
    match pages {
        0 => say("Nothing to read: every stored page was read with these rules."),
        1 => say("Read 1 page."),
        _ => say(&format!("Read {} pages.", count(pages))),
    }
    if damaged > 0 {
        say(&format!("The bodies of {} of them are damaged.", count(damaged)));
    }
    let reader = Reader::open(file)?;
    let sums = reader.extracted(reader.status()?.crawl_id)?;
    let is_ours = |name: &str| extraction.iter().any(|rule| rule.name() == name);
    let sums: Vec<_> = sums.into_iter().filter(|sum| is_ours(&sum.rule)).collect();
    rules::lines(&sums, file).iter().for_each(|line| say(&format!("  {line}")));
    Ok(())
}

/// The first rows of each table.
fn print_rows(
    args: &ExtractArgs,
    extraction: &Rules,
    rows: u32,
    quiet: bool,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let query = Query::open(&args.file, QueryLimits::default())?;
    for rule in extraction.iter() {
        if !quiet && extraction.iter().count() > 1 {
            say(&format!("\n{}:", rule.name()));
        }
        let sql = format!("SELECT * FROM \"{}\" LIMIT {rows}", rule.name());
        let printer = Printer::new(args.format, out, terminal_width());
        stream(printer, |on_columns, on_row| query.run(&sql, on_columns, on_row))?;
    }
    Ok(())
}
