//! Which questions have an answer ready?
//!
//! Each report is one file of SQL beside this one: its leading comment says what
//! it shows, the first line in one sentence, and it runs as it stands in any
//! SQLite from 3.40 on. It names the crawl as `FROM shown_crawl`, which
//! [`Report::sql`] puts another crawl in place of. Gates are reports with a
//! condition: see [`gates`]. PageRank alone is computed here and not by SQL.

mod by_id;
mod count;
mod gates;
mod overview;
mod pagerank;
mod parts;
mod sample;
mod sections;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::migrate::{VIEWS_OF_FILE, are_current};
use super::{Query, QueryError, Value};

pub use count::Tally;
pub use gates::{GATES, Gate, Judgement, Severity, gate};
pub use overview::{Answers, Overview, Started};
pub use sample::Sample;

/// What a report is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Each row is something to mend.
    Problems,
    /// How things are.
    Facts,
}

impl Group {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Problems => "problems",
            Self::Facts => "facts",
        }
    }
}

/// A question with its answer in SQL.
#[derive(Debug)]
pub struct Report {
    /// As people type it.
    pub name: &'static str,
    /// What stands above it, in a word or two.
    pub title: &'static str,
    /// What it is for.
    pub group: Group,
    /// The file.
    text: &'static str,
}

const fn problem(name: &'static str, title: &'static str, text: &'static str) -> Report {
    Report { name, title, group: Group::Problems, text }
}

const fn fact(name: &'static str, title: &'static str, text: &'static str) -> Report {
    Report { name, title, group: Group::Facts, text }
}

/// Every report, in the order in which they are listed.
pub static REPORTS: [Report; 38] = [
    problem("broken", "Broken links", include_str!("broken.sql")),
    problem("broken-fragments", "Links to missing places", include_str!("broken-fragments.sql")),
    problem("errors", "No answer", include_str!("errors.sql")),
    problem("chains", "Redirect chains", include_str!("chains.sql")),
    problem("duplicates", "Duplicate pages", include_str!("duplicates.sql")),
    problem("near-duplicates", "Near-duplicate pages", include_str!("near-duplicates.sql")),
    problem("titles", "Titles", include_str!("titles.sql")),
    problem("descriptions", "Descriptions", include_str!("descriptions.sql")),
    problem("h1", "First headings", include_str!("h1.sql")),
    problem("images", "Image texts", include_str!("images.sql")),
    problem("canonicals", "Canonicals", include_str!("canonicals.sql")),
    problem("hreflang", "Hreflang", include_str!("hreflang.sql")),
    problem("pagination", "Series of pages", include_str!("pagination.sql")),
    problem("url-style", "URL style", include_str!("url-style.sql")),
    problem("mixed-content", "Mixed content", include_str!("mixed-content.sql")),
    problem("security-headers", "Security headers", include_str!("security-headers.sql")),
    problem("sitemaps", "Sitemap entries", include_str!("sitemaps.sql")),
    problem("orphans", "Orphans", include_str!("orphans.sql")),
    problem("slow", "Slow pages", include_str!("slow.sql")),
    problem("large", "Large documents", include_str!("large.sql")),
    problem("needs-javascript", "Pages that need scripts", include_str!("needs-javascript.sql")),
    problem("traps", "Traps", include_str!("traps.sql")),
    problem(
        "structured-data-errors",
        "Broken structured data",
        include_str!("structured-data-errors.sql"),
    ),
    fact("summary", "Summary", include_str!("summary.sql")),
    fact("changes", "Changes", include_str!("changes.sql")),
    fact("redirects", "Redirects", include_str!("redirects.sql")),
    fact("non-indexable", "Pages not to be indexed", include_str!("non-indexable.sql")),
    fact("inlinks", "Most linked pages", include_str!("inlinks.sql")),
    fact("pagerank", "PageRank", include_str!("pagerank.sql")),
    fact("depth", "Depth", include_str!("depth.sql")),
    fact("structured-data", "Structured data", include_str!("structured-data.sql")),
    fact("content-types", "Content types", include_str!("content-types.sql")),
    fact("external", "Links to other sites", include_str!("external.sql")),
    fact("skipped", "What was left out", include_str!("skipped.sql")),
    fact("hosts", "Hosts", include_str!("hosts.sql")),
    fact("robots", "robots.txt", include_str!("robots.sql")),
    fact("politeness", "Politeness", include_str!("politeness.sql")),
    fact("timeline", "Timeline", include_str!("timeline.sql")),
];

/// The report of that name.
pub fn report(name: &str) -> Option<&'static Report> {
    REPORTS.iter().find(|report| report.name == name)
}

impl Report {
    /// What it shows, in one sentence.
    pub fn sentence(&self) -> &'static str {
        let first = self.text.lines().next().unwrap_or_default();
        first.trim_start_matches('-').trim()
    }

    /// What else there is to know of it, as one paragraph; empty if nothing.
    pub fn explanation(&self) -> String {
        let comment = self.text.lines().skip(1).take_while(|line| line.starts_with("--"));
        let words = comment.flat_map(|line| line.trim_start_matches('-').split_whitespace());
        words.collect::<Vec<_>>().join(" ")
    }

    /// Its SQL with the comment that explains it; of `crawl_id`, or of the crawl
    /// that the views show.
    pub fn sql(&self, crawl_id: Option<i64>) -> String {
        match crawl_id {
            None => self.text.to_owned(),
            Some(id) => {
                self.text.replace("FROM shown_crawl", &format!("FROM (SELECT {id} AS crawl_id)"))
            }
        }
    }

    /// The same as the inner part of another statement.
    pub(super) fn part(&self, crawl_id: Option<i64>) -> String {
        self.sql(crawl_id).trim_end().trim_end_matches(';').to_owned()
    }
}

/// The crawl that reports speak of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownCrawl {
    /// Its id.
    pub id: i64,
    /// Its seeds, as JSON.
    pub seeds: String,
    /// Readable UTC time.
    pub started_at: String,
    /// Whether nothing is left of it.
    pub is_finished: bool,
    /// Whether there is a finished one before it.
    pub has_earlier: bool,
}

/// A file that reports can be asked of.
#[derive(Debug)]
pub struct Reports {
    query: Query,
    path: PathBuf,
}

/// A report on a large file takes seconds; this ends what has gone wrong.
const MAX_TIME: Duration = Duration::from_mins(10);

impl Reports {
    /// Opens an existing file for reading.
    ///
    /// # Errors
    /// [`QueryError::Open`] if there is no such file, or it is not `SQLite`'s.
    pub fn open(path: &Path) -> Result<Self, QueryError> {
        Ok(Self { query: Query::open(path, parts::limits())?, path: path.to_owned() })
    }

    /// The crawl of that id, or the one that the views show; `None` if there is none.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn shown(&self, crawl_id: Option<i64>) -> Result<Option<ShownCrawl>, QueryError> {
        let id =
            crawl_id.map_or("(SELECT crawl_id FROM shown_crawl)".to_owned(), |id| id.to_string());
        let rows = self.rows(&format!(
            "SELECT id, seeds, strftime('%Y-%m-%d %H:%M', started_at / 1000, 'unixepoch'), finished_at IS NOT NULL,
                    EXISTS (SELECT 1 FROM crawl b WHERE b.finished_at IS NOT NULL AND b.id < crawl.id)
             FROM crawl WHERE id = {id}"
        ))?;
        Ok(rows.into_iter().next().map(|row| ShownCrawl {
            id: number(&row[0]),
            seeds: text(&row[1]),
            started_at: text(&row[2]),
            is_finished: number(&row[3]) == 1,
            has_earlier: number(&row[4]) == 1,
        }))
    }

    /// Whether the file's views are those of this program; an owner brings them up
    /// to date.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn is_current(&self) -> Result<bool, QueryError> {
        let rows = self.rows(VIEWS_OF_FILE)?;
        Ok(are_current(&rows.iter().map(|row| (text(&row[0]), text(&row[1]))).collect()))
    }

    /// Whether one of these reports wants the index on link targets and there is none, or
    /// inlinks and those of that crawl are not counted though it has links. A run that
    /// was stopped counts none, and a crawl of few links makes no index;
    /// [`Store::index_links`](super::Store::index_links) makes both.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn lacks_links(&self, crawl_id: i64, wanted: &[&Report]) -> Result<bool, QueryError> {
        let wants = |what| wanted.iter().any(|report| report.text.contains(what));
        let rows = self.rows(&format!(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'link_target'),
                    EXISTS (SELECT 1 FROM inlink WHERE crawl_id = {crawl_id}),
                    EXISTS (SELECT 1 FROM state s JOIN fetch f ON f.id = s.fetch_id JOIN page p ON p.id = f.page_id
                            WHERE s.crawl_id = {crawl_id} AND p.links > 0)"
        ))?;
        Ok(rows.first().is_some_and(|row| {
            let [is_indexed, is_counted, has_links] = [0, 1, 2].map(|at| number(&row[at]) == 1);
            has_links && (!is_indexed && wants("'link_target'") || !is_counted && wants("inlink"))
        }))
    }

    /// Runs a report: its column names go to `on_columns` once, and each row to
    /// `on_row`, at most `limit` of them. Gives the number of rows.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn run(
        &self,
        report: &Report,
        crawl_id: Option<i64>,
        limit: Option<u64>,
        on_columns: impl FnMut(&[String]) -> io::Result<()>,
        on_row: impl FnMut(&[Value]) -> io::Result<()>,
    ) -> Result<u64, QueryError> {
        if report.name == "pagerank" {
            return pagerank::run(self, report, crawl_id, limit, on_columns, on_row);
        }
        let limit = limit.map_or(String::new(), |limit| format!("\nLIMIT {limit}"));
        self.query.run(&format!("{}{limit}", report.part(crawl_id)), on_columns, on_row)
    }

    fn rows(&self, sql: &str) -> Result<Vec<Vec<Value>>, QueryError> {
        let mut rows = Vec::new();
        let keep = |row: &[Value]| {
            rows.push(row.to_vec());
            Ok(())
        };
        self.query.run(sql, |_| Ok(()), keep)?;
        Ok(rows)
    }
}

fn number(value: &Value) -> i64 {
    if let Value::Integer(number) = value { *number } else { 0 }
}

fn text(value: &Value) -> String {
    if let Value::Text(text) = value { text.clone() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::super::migrate;
    use super::*;
    use tokio_rusqlite::rusqlite::Connection;

    #[test]
    fn every_report_explains_itself_and_runs_with_built_in_functions_alone() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate::create(&mut db, [0; 16], 0).unwrap();
        migrate::renew_views(&mut db).unwrap();
        for report in &REPORTS {
            let sentence = report.sentence();
            assert!(sentence.len() > 20 && sentence.ends_with('.'), "{}: {sentence}", report.name);
            assert!(sentence.len() <= 110, "{}: {} characters", report.name, sentence.len());
            assert!(report.title.len() <= 25, "{}: {}", report.name, report.title);
            let explanation = report.explanation();
            assert!(
                explanation.is_empty() || explanation.ends_with('.'),
                "{}: {explanation}",
                report.name
            );
            for crawl_id in [None, Some(7)] {
                let sql = report.sql(crawl_id);
                assert!(sql.trim_end().ends_with(';'), "{}", report.name);
                db.prepare(&sql).unwrap_or_else(|error| panic!("{}: {error}", report.name));
            }
            assert!(!report.sql(Some(7)).contains("shown_crawl"), "{}", report.name);
        }
    }

    #[test]
    fn every_file_of_the_folder_is_a_report() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/reports");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "sql") {
                let name = path.file_stem().unwrap().to_str().unwrap();
                assert!(report(name).is_some(), "{name}.sql is in no list");
            }
        }
    }
}
