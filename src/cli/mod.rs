//! What can a person ask for, and what do they read?
//!
//! The first embedder of the library: it has no private way in. One file per
//! subcommand. Results go to stdout, everything else to stderr; only here is
//! anything printed.

mod check;
mod counting;
mod crawl;
mod documents;
mod explain;
mod export;
mod extract;
mod gates;
mod init;
mod interrupt;
mod left_out;
mod open;
pub mod output;
mod page;
mod progress;
mod query;
mod ready;
mod report;
mod resume;
mod rules;
mod schema;
mod search;
mod seeds;
mod settings;
mod status;
mod summary;
mod target;
mod traps;
mod verdict;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};

use clap::{CommandFactory, Parser, Subcommand};

use output::sanitize;

/// How a command ended, as the shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0
    Finished,
    /// 1: a run-time failure, or no seed gave an answer.
    Failed,
    /// 2: findings that `--fail-on` or `--max-broken` do not allow.
    Findings,
    /// 3: wrong arguments or configuration.
    Usage,
    /// 4: stopped by a limit or with parked hosts; resumable.
    Unfinished,
    /// 5: the file is in use by another crawl.
    InUse,
    /// 130: interrupted after a clean stop.
    Interrupted,
    /// 143: terminated after a clean stop.
    Terminated,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Finished => 0,
            Exit::Failed => 1,
            Exit::Findings => 2,
            Exit::Usage => 3,
            Exit::Unfinished => 4,
            Exit::InUse => 5,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        })
    }
}

/// A failure that the person caused and can mend: exit code 3.
#[derive(Debug, thiserror::Error)]
#[error("{0:#}")]
pub struct Usage(pub anyhow::Error);

#[derive(Debug, Parser)]
#[command(name = "crawlite", version, about, max_term_width = 100, disable_help_subcommand = true)]
#[command(after_help = "crawlite URL is short for crawlite crawl URL.

Exit codes: 0 finished; 1 failed, or no seed gave an answer; 2 findings that --fail-on or
--max-broken do not allow; 3 wrong arguments or settings; 4 stopped by a limit or with hosts that
did not let us in, resumable; 5 the file is in use; 130 and 143 interrupted after a clean stop,
resumable.")]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// Say less: only errors
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Say more: one line per page on stderr; twice for every detail
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Crawl a site into one SQLite file, or go on with it
    Crawl(Box<crawl::CrawlArgs>),
    /// Go on with a crawl that was stopped in whatever way
    Resume(Box<resume::ResumeArgs>),
    /// Find broken links: pages, images, scripts, stylesheets, other sites, and places on pages
    Check(Box<check::CheckArgs>),
    /// Show how far a crawl has come, also while it runs
    Status(status::StatusArgs),
    /// Answer the usual questions: broken links, titles, duplicates, redirects, and many more
    Report(report::ReportArgs),
    /// Ask the file anything with SQL, read-only
    Query(query::QueryArgs),
    /// Show every view of the file with a sentence and example questions
    Schema(schema::SchemaArgs),
    /// Fill tables from the pages that are stored, by the rules of a settings file
    Extract(extract::ExtractArgs),
    /// Write what the file holds for other programs: csv, jsonl, parquet, sitemap, markdown, warc, graphs
    Export(Box<export::ExportArgs>),
    /// Find pages by the words in them
    Search(search::SearchArgs),
    /// Show everything about one page: answer, content, the way to it, links, versions
    Page(page::PageArgs),
    /// Show what would happen to one URL, live; or what a file says of it, and why
    Explain(Box<explain::ExplainArgs>),
    /// Show the patterns of URLs that would never end, or let one go
    Traps(traps::TrapsArgs),
    /// Write a commented crawl.toml with every setting at its default
    Init(init::InitArgs),
    /// Print the completions of a shell
    Completions(documents::CompletionsArgs),
    /// Write the man pages
    Man(documents::ManArgs),
}

/// Runs the command line; what it returns is the exit code.
pub fn main() -> Exit {
    let cli = match Cli::try_parse_from(with_default_command(std::env::args_os())) {
        Ok(cli) => cli,
        Err(error) => {
            // clap's own exit code for wrong arguments is 2, which means findings here.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Finished };
            error.print().ok();
            return exit;
        }
    };
    start_log(cli.verbose);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(dispatch(cli));
            runtime.shutdown_background();
            outcome
        }
        Err(error) => Err(error.into()),
    };
    outcome.unwrap_or_else(|error| fail(&error))
}

async fn dispatch(cli: Cli) -> anyhow::Result<Exit> {
    // A write beyond `ulimit -f` is an error like a full disk, and not our end.
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        // Once heard, the signal is never again what the system does by itself.
        signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).ok();
    }
    let mut out = std::io::stdout().lock();
    match cli.command {
        Command::Crawl(args) => crawl::run(*args, cli.quiet, &mut out).await,
        Command::Resume(args) => resume::run(*args, cli.quiet, &mut out).await,
        Command::Check(args) => check::run(*args, cli.quiet, &mut out).await,
        Command::Status(args) => status::run(&args, &mut out),
        Command::Report(args) => report::run(&args, cli.quiet, &mut std::io::stdout()).await,
        Command::Query(args) => query::run(&args, &mut out),
        Command::Schema(args) => schema::run(&args, &mut out),
        Command::Search(args) => search::run(&args, cli.quiet, &mut out),
        Command::Page(args) => page::run(&args, &mut out),
        Command::Extract(args) => extract::run(args, cli.quiet, &mut out).await,
        Command::Export(args) => export::run(&args, cli.quiet, &mut std::io::stdout()),
        Command::Explain(args) => explain::run(*args, &mut out).await,
        Command::Traps(args) => traps::run(args, &mut out).await,
        Command::Init(args) => init::run(&args, &mut out),
        Command::Completions(args) => documents::completions(&args, &mut out),
        Command::Man(args) => documents::man(&args, &mut out),
    }
}

/// The command line as it is defined.
fn command() -> clap::Command {
    Cli::command()
}

/// Puts `crawl` before arguments that name no command: `crawlite URL` crawls.
fn with_default_command(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    let command = command();
    let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    let given = |arg: &OsString| arg.to_str().map(str::to_owned).unwrap_or_default();
    let has_command = args.iter().skip(1).map(given).any(|arg| names.contains(&&*arg));
    let first = args.get(1).map(given);
    let is_general =
        first.as_deref().is_none_or(|first| matches!(first, "-h" | "--help" | "-V" | "--version"));
    let is_misspelt = first.as_deref().is_some_and(|first| {
        let is_word = first.chars().all(|c| c.is_ascii_lowercase());
        is_word && names.iter().any(|name| strsim::damerau_levenshtein(name, first) <= 2)
    });
    if !has_command && !is_general && !is_misspelt {
        args.insert(1, "crawl".into());
    }
    args
}

fn start_log(verbose: u8) {
    let level = match verbose {
        // hyper warns of every header that HTTP/2 does without.
        0 => "warn,hyper=error",
        1 => "warn,crawlite=debug",
        _ => "debug,crawlite=trace",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("CRAWLITE_LOG")
        .unwrap_or_else(|_| level.into());
    let has_colours = output::has_colours(std::io::stderr().is_terminal());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(has_colours)
        .with_target(false)
        .init();
}

/// Prints an error as one line and says with which code to end.
fn fail(error: &anyhow::Error) -> Exit {
    if error.chain().any(|cause| cause.downcast_ref::<std::io::Error>().is_some_and(is_broken_pipe))
    {
        return Exit::Finished;
    }
    if error.chain().any(interrupt::is_interrupted) {
        say("Stopped; nothing half done is left.");
        return Exit::Interrupted;
    }
    say(&format!("error: {error:#}"));
    match error.downcast_ref() {
        Some(crate::store::Error::InUse(_)) => Exit::InUse,
        Some(
            crate::store::Error::Foreign(_)
            | crate::store::Error::Missing(_)
            | crate::store::Error::Newer(..)
            | crate::store::Error::NameTaken(..)
            | crate::store::Error::RowsLost { .. }
            | crate::store::Error::Empty(_),
        ) => Exit::Usage,
        _ if error.is::<Usage>() => Exit::Usage,
        _ => Exit::Failed,
    }
}

fn is_broken_pipe(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::BrokenPipe
}

/// Lines for the person, on stderr; anything from the network in it is made harmless.
fn say(line: &str) {
    let mut err = std::io::stderr().lock();
    for line in line.split('\n') {
        writeln!(err, "{}", sanitize(line)).ok();
    }
}
