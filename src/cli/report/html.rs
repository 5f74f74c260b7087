//! How is a whole crawl written as one page of HTML?

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::anyhow;

use super::ReportArgs;
use crate::cli::counting::Counting;
use crate::cli::interrupt::Interrupt;
use crate::cli::summary::{bytes, span};
use crate::cli::target::{Stream, check_free, check_is_not};
use crate::cli::{Usage, say};
use crate::config::Config;
use crate::export::html::{Html, Map, Page, Tree};
use crate::store::{QueryError, REPORTS, Reports, Sample, ShownCrawl, Tally, Value, is_owned};
use crate::visit::unix_ms;

/// Rows of a table unless asked for more.
const ROWS: u64 = 200;

/// The page that is to be written.
pub(super) struct Target {
    /// `None` is stdout.
    path: Option<PathBuf>,
    force: bool,
}

impl Target {
    /// Where the page goes, if one is asked for.
    ///
    /// # Errors
    /// If the arguments do not go together, or the file may not be replaced.
    pub(super) fn of(args: &ReportArgs) -> anyhow::Result<Option<Self>> {
        let Some(path) = &args.html else {
            let force = Usage(anyhow!("--force goes with --html FILE"));
            return if args.force { Err(force.into()) } else { Ok(None) };
        };
        let refused = |why: String| Err(Usage(anyhow!(why)).into());
        if let Some(name) = &args.name {
            let file = args.file.display();
            return refused(format!(
                "--html writes all reports into one page; leave `{name}` out, or take crawlite report {file} {name} --format csv"
            ));
        }
        for (flag, is_given) in [("--format", args.format.is_some()), ("--sql", args.sql)] {
            if is_given {
                return refused(format!("--html and {flag} do not go together; leave one out"));
            }
        }
        if path.as_os_str() == "-" {
            if std::io::stdout().is_terminal() {
                return refused(
                    "a page of HTML is not for a terminal; give --html FILE, or a pipe".into(),
                );
            }
            return Ok(Some(Self { path: None, force: args.force }));
        }
        check_is_not(path, &args.file)?;
        check_free(path, args.force)?;
        Ok(Some(Self { path: Some(path.clone()), force: args.force }))
    }
}

/// What the page is made from.
pub(super) struct Job<'a> {
    pub(super) reports: &'a Reports,
    pub(super) shown: &'a ShownCrawl,
    pub(super) args: &'a ReportArgs,
    pub(super) quiet: bool,
}

impl Job<'_> {
    /// Writes the page.
    ///
    /// # Errors
    /// If the file cannot be read, or the target not be written.
    pub(super) fn run(&self, target: &Target, out: &mut (dyn Write + Send)) -> anyhow::Result<()> {
        let began = Instant::now();
        let interrupt = Interrupt::watch();
        let stream = match &target.path {
            Some(path) => Stream::file(path, target.force, false, &interrupt)?,
            None => Stream::stdout(out, false, false, &interrupt),
        };
        let (tables, written) = self.page(stream, &interrupt)?;
        if !self.quiet {
            let name =
                target.path.as_deref().map_or("stdout".into(), |path| path.display().to_string());
            let size = bytes(written);
            say(&format!("Wrote {name}: {tables} tables, {size} in {}", span(began.elapsed())));
        }
        Ok(())
    }

    /// Writes the page to `stream`: the number of its tables, and of its bytes.
    fn page(&self, stream: Stream<'_>, interrupt: &Interrupt) -> anyhow::Result<(usize, u64)> {
        let (id, args) = (self.shown.id, self.args);
        let overview = self.reports.overview(id)?.ok_or_else(|| anyhow!("the crawl is gone"))?;
        let (tallies, samples) = self.tallies(interrupt)?;
        let mut tree = Tree::default();
        self.reports.each_page(id, |url, status| tree.add(url, status))?;
        let sections = tree.sections();
        let parts = u16::try_from(sections.list().len()).expect("few sections");
        let links = self.reports.links_between(id, parts, |url| sections.of(url))?;
        // Those of another version may have keys that are not known here.
        let config = Config::stored(&overview.config).ok();
        let page = Page {
            file: &args.file.display().to_string(),
            file_bytes: std::fs::metadata(&args.file).map(|file| file.len()).unwrap_or_default(),
            config: config.as_ref(),
            overview: &overview,
            is_running: !self.shown.is_finished && is_owned(&args.file),
            is_named: args.crawl.is_some(),
            written_at: unix_ms(),
            tallies: &tallies,
            map: Map { sections: sections.list(), links },
        };
        let mut html = Html::begin(stream, &page).map_err(QueryError::Output)?;
        let tables = self.tables(&mut html, &page, &samples)?;
        let stream = html.finish().map_err(QueryError::Output)?;
        Ok((tables, stream.finish().map_err(QueryError::Output)?))
    }

    /// Rows of a table; `None` for all of them.
    fn most(&self) -> Option<usize> {
        let most = self.args.limit.unwrap_or(ROWS);
        (most > 0).then(|| usize::try_from(most).unwrap_or(usize::MAX))
    }

    /// Every report with its numbers of rows and findings, and its table, unless that is to
    /// have all rows.
    fn tallies(&self, interrupt: &Interrupt) -> anyhow::Result<(Vec<Tally>, Samples)> {
        let (mut tallies, mut samples) = (Vec::new(), HashMap::new());
        let all = Some(REPORTS.len() as u64);
        let mut counting = Counting::start("reports made", all, self.quiet);
        self.reports.tally_all(
            self.shown.id,
            self.most().unwrap_or_default(),
            |tally, sample| {
                samples.insert(tally.report.name, sample);
                tallies.push(tally);
                counting.add_long();
                interrupt.check()
            },
        )?;
        counting.finish();
        Ok((tallies, samples))
    }

    /// Writes the reports that have rows; their number.
    fn tables(
        &self,
        html: &mut Html<'_, Stream<'_>>,
        page: &Page<'_>,
        samples: &Samples,
    ) -> anyhow::Result<usize> {
        let tables = page.reports().count();
        let mut counting = Counting::start("tables written", Some(tables as u64), self.quiet);
        for tally in page.reports() {
            html.begin_report(tally).map_err(QueryError::Output)?;
            let rows = match (&tally.failure, self.most()) {
                (Some(failure), _) => html.failed(failure).map(|()| 0).map_err(QueryError::Output),
                (None, Some(_)) => write_sample(html, tally, &samples[tally.report.name])
                    .map_err(QueryError::Output),
                (None, None) => self.all_rows(html, tally),
            }?;
            html.end_report(tally, rows).map_err(QueryError::Output)?;
            counting.add_long();
        }
        counting.finish();
        Ok(tables)
    }

    /// Writes every row of a report as it comes, as far as they can be had; their number.
    fn all_rows(&self, html: &mut Html<'_, Stream<'_>>, tally: &Tally) -> Result<u64, QueryError> {
        let table = RefCell::new(html.table(tally, None));
        let columns = |names: &[String]| {
            table.borrow_mut().columns(names);
            Ok(())
        };
        let row = |row: &[Value]| table.borrow_mut().row(row);
        let outcome = self.reports.run(tally.report, Some(self.shown.id), None, columns, row);
        let rows = table.into_inner().finish().map_err(QueryError::Output)?;
        match outcome {
            Err(error) if error.is_too_much() => {
                html.failed(&error.to_string()).map_err(QueryError::Output)?;
            }
            outcome => drop(outcome?),
        }
        Ok(rows)
    }
}

/// Rows of reports, by their names.
type Samples = HashMap<&'static str, Sample>;

/// Writes the rows that stand for a report; their number.
fn write_sample(
    html: &mut Html<'_, Stream<'_>>,
    tally: &Tally,
    sample: &Sample,
) -> std::io::Result<u64> {
    let mut table = html.table(tally, Some(sample.rows.len() as u64));
    table.columns(&sample.columns);
    for row in &sample.rows {
        table.row(row)?;
    }
    table.finish()
}
