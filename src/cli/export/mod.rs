//! `crawlite export`: what the file holds, for other programs.

mod bodies;
mod folder;
mod formats;
mod sitemap;

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::anyhow;
use clap::{Args, ValueEnum};

use super::interrupt::Interrupt;
use super::summary::{bytes, count, span};
use super::target::{Stream, check_free, check_is_not};
use super::{Exit, Usage, say};
use crate::store::{Export, ExportError};

/// Write what the file holds for other programs
///
/// It is the crawl that the views show. Nothing is held in memory but the page or row at hand, and
/// a file appears once it is whole.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  crawlite export example.org.db csv                       pages as example.org-pages.csv
  crawlite export example.org.db csv --view links -o -     to stdout
  crawlite export example.org.db jsonl --with markdown     one page a line, with its main text
  crawlite export example.org.db parquet --query \"SELECT url, title FROM html_pages\"
  crawlite export example.org.db markdown -o pages         a folder, for search and language models
  crawlite export example.org.db warc --gz                 example.org.warc.gz
  crawlite export example.org.db sitemap --since 3         what is new or changed since crawl 3
  crawlite export example.org.db dot -o - | sfdp -Tsvg -o graph.svg")]
pub(super) struct ExportArgs {
    /// File to export from
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What to write
    #[arg(value_enum)]
    format: Kind,
    /// File or folder to write; - is stdout; named after FILE if not given
    #[arg(short, long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// View whose rows are written: csv, jsonl, parquet [default: pages]
    #[arg(long, value_name = "VIEW", conflicts_with = "query")]
    view: Option<String>,
    /// One SELECT whose rows are written: csv, jsonl, parquet
    #[arg(long, value_name = "SQL")]
    query: Option<String>,
    /// Add what is stored of each page: jsonl of pages
    #[arg(long, value_name = "BODIES", value_delimiter = ',')]
    with: Vec<bodies::With>,
    /// Only pages that are new or changed since that crawl of the file
    #[arg(long, value_name = "CRAWL")]
    since: Option<i64>,
    /// Compress with gzip: csv, jsonl, sitemap, warc, dot, gexf
    #[arg(long)]
    gz: bool,
    /// Pages of a graph at most, those with most inlinks; 0 is all: dot, gexf [default: 500]
    #[arg(long, value_name = "N")]
    limit: Option<u32>,
    /// Scheme and host whose pages are listed; that with most if not given: sitemap
    #[arg(long, value_name = "ORIGIN")]
    origin: Option<String>,
    /// Replace what is there
    #[arg(long)]
    force: bool,
}

/// What can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Rows of a view or query, safe to open in a spreadsheet
    Csv,
    /// Rows as one JSON object a line, with what is stored of each page if asked for
    Jsonl,
    /// Rows for column databases and data frames
    Parquet,
    /// sitemap.xml of the pages that search engines may show, split where it must be
    Sitemap,
    /// A folder with a file for each HTML page: its main text, with URL and title on top
    Markdown,
    /// A web archive (WARC 1.1) of every answer that is stored with its body
    Warc,
    /// The site's graph for Graphviz
    Dot,
    /// The site's graph for Gephi
    Gexf,
}

/// What was written, in words for the person.
struct Written {
    what: String,
    bytes: u64,
    /// Further lines.
    notes: Vec<String>,
}

impl Written {
    fn new(number: u64, one: &str, many: &str, bytes: u64) -> Self {
        let word = if number == 1 { one } else { many };
        Self { what: format!("{} {word}", count(number)), bytes, notes: Vec::new() }
    }
}

/// What an export works with.
struct Job<'a> {
    args: &'a ExportArgs,
    quiet: bool,
    interrupt: Interrupt,
    export: Export,
    /// `None` is stdout.
    target: Option<PathBuf>,
}

/// Runs the subcommand.
///
/// # Errors
/// If the arguments do not go together, the file cannot be read, or the target not be written.
pub(super) fn run(
    args: &ExportArgs,
    quiet: bool,
    out: &mut (dyn Write + Send),
) -> anyhow::Result<Exit> {
    args.check().map_err(Usage)?;
    let began = Instant::now();
    let export = Export::open(&args.file, args.since).map_err(in_words)?;
    let job = Job { args, quiet, interrupt: Interrupt::watch(), export, target: args.target() };
    job.target.as_deref().map_or(Ok(()), |path| check_is_not(path, &args.file))?;
    let written = match args.format {
        Kind::Csv | Kind::Jsonl | Kind::Parquet => formats::rows(&job, out)?,
        Kind::Sitemap => sitemap::write(&job, out)?,
        Kind::Warc => formats::warc(&job, out)?,
        Kind::Dot | Kind::Gexf => formats::graph(&job, out)?,
        Kind::Markdown => folder::write(&job)?,
    };
    if !quiet {
        let name = job.target.as_ref().map_or("stdout".into(), |path| path.display().to_string());
        let took = span(began.elapsed());
        say(&format!("Wrote {name}: {}, {} in {took}", written.what, bytes(written.bytes)));
        written.notes.iter().for_each(|note| say(note));
    }
    Ok(Exit::Finished)
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
            Self::Parquet => "parquet",
            Self::Sitemap => "sitemap",
            Self::Markdown => "markdown",
            Self::Warc => "warc",
            Self::Dot => "dot",
            Self::Gexf => "gexf",
        }
    }

    fn is_of_rows(self) -> bool {
        matches!(self, Self::Csv | Self::Jsonl | Self::Parquet)
    }

    /// Whether a terminal could not show it.
    fn is_binary(self) -> bool {
        matches!(self, Self::Parquet | Self::Warc)
    }
}

impl ExportArgs {
    /// Whether the arguments go together.
    fn check(&self) -> anyhow::Result<()> {
        let is_graph = matches!(self.format, Kind::Dot | Kind::Gexf);
        let is_stdout = self.output.as_ref().is_some_and(|out| out.as_os_str() == "-");
        let name = self.format.name();
        let misplaced = [
            ("--view", self.view.is_some() && !self.format.is_of_rows()),
            ("--query", self.query.is_some() && !self.format.is_of_rows()),
            ("--with", !self.with.is_empty() && self.format != Kind::Jsonl),
            ("--limit", self.limit.is_some() && !is_graph),
            ("--origin", self.origin.is_some() && self.format != Kind::Sitemap),
            ("--gz", self.gz && matches!(self.format, Kind::Parquet | Kind::Markdown)),
        ];
        if let Some((flag, _)) = misplaced.iter().find(|(_, is_misplaced)| *is_misplaced) {
            return Err(anyhow!("`{flag}` means nothing for {name}; see crawlite export --help"));
        }
        if self.query.is_some() && (self.since.is_some() || !self.with.is_empty()) {
            return Err(anyhow!("`--since` and `--with` go with --view, not with --query"));
        }
        if self.format == Kind::Markdown && is_stdout {
            return Err(anyhow!(
                "markdown is a folder; for a stream: crawlite export {} jsonl --with markdown -o -",
                self.file.display()
            ));
        }
        if is_stdout && (self.format.is_binary() || self.gz) && std::io::stdout().is_terminal() {
            return Err(anyhow!("{name} is not for a terminal; give -o FILE, or a pipe"));
        }
        Ok(())
    }

    /// Where it goes; `None` is stdout.
    fn target(&self) -> Option<PathBuf> {
        match &self.output {
            Some(path) if path.as_os_str() == "-" => None,
            Some(path) => Some(path.clone()),
            None => Some(self.default_target().into()),
        }
    }

    fn default_target(&self) -> String {
        let stem = self.file.file_stem().unwrap_or_default().to_string_lossy();
        let rows = match (&self.query, &self.view) {
            (Some(_), _) => "query",
            (None, Some(view)) => view,
            (None, None) => "pages",
        };
        let name = self.format.name();
        let gz = if self.gz { ".gz" } else { "" };
        match self.format {
            Kind::Csv | Kind::Jsonl | Kind::Parquet => format!("{stem}-{rows}.{name}{gz}"),
            Kind::Sitemap => format!("sitemap.xml{gz}"),
            Kind::Markdown => format!("{stem}-markdown"),
            Kind::Warc | Kind::Dot | Kind::Gexf => format!("{stem}.{name}{gz}"),
        }
    }
}

impl Job<'_> {
    /// The one stream that the export is.
    fn stream<'o>(
        &self,
        out: &'o mut (dyn Write + Send),
        gzip: bool,
    ) -> anyhow::Result<Stream<'o>> {
        if let Some(path) = &self.target {
            check_free(path, self.args.force)?;
            Stream::file(path, self.args.force, gzip, &self.interrupt)
        } else {
            let is_terminal = std::io::stdout().is_terminal();
            Ok(Stream::stdout(out, is_terminal, gzip, &self.interrupt))
        }
    }

    /// The name of the target, without folders.
    fn file_name(&self) -> String {
        let name = self.target.as_deref().and_then(Path::file_name).unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// What is wrong, with the name that was probably meant.
fn in_words(error: ExportError) -> anyhow::Error {
    match error {
        ExportError::Store(error) => error.into(),
        ExportError::Query(error) => error.into(),
        ExportError::NoView(name, views) => {
            let near = views.iter().min_by_key(|view| strsim::damerau_levenshtein(view, &name));
            let near = near.filter(|view| strsim::damerau_levenshtein(view, &name) <= 3);
            let meant = near.map_or(".".into(), |view| format!("; did you mean `{view}`?"));
            Usage(anyhow!("there is no view `{name}`{meant} `crawlite schema FILE` lists them"))
                .into()
        }
        error => Usage(error.into()).into(),
    }
}
