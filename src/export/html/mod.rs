//! What does a crawl look like on one page of HTML?
//!
//! The page holds everything it needs: style, script and pictures. It loads nothing
//! and runs nothing but its own script, which sorts tables (`policy`); everything
//! that is not its own is escaped (`escape`). What comes first is of a bounded
//! size and handed over whole ([`Page`]); the tables of the reports follow row by
//! row, so memory does not grow with the crawl.

mod about;
mod course;
mod escape;
mod figures;
mod findings;
mod map;
mod plots;
mod policy;
mod sections;
mod table;
mod tiles;

use std::io::{self, Write};

use crate::canonical::CanonicalUrl;
use crate::config::Config;
use crate::export::numbers::{bytes, count};
use crate::store::{Group, Overview, Report, Severity, Tally};
use escape::{Command, Lines, Text};
pub use map::Map;
pub use sections::{Section, Sections, Tree};
use table::Place;
pub use table::Table;

/// A small mark in the colours of the page, for the tab of a browser.
const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E\
    %3Crect width='16' height='16' rx='4' fill='%231d6a5b'/%3E\
    %3Cpath d='M4 4.5h5M4 8h8M4 11.5h3' stroke='%23fff' stroke-width='1.8' stroke-linecap='round'/%3E%3C/svg%3E";

/// Rows of a table on paper; the style has the same.
const PRINTED_ROWS: u64 = 30;

/// What is known of a crawl before its reports are read.
#[derive(Debug)]
pub struct Page<'a> {
    /// The crawl's file, as the person named it.
    pub file: &'a str,
    /// Its size.
    pub file_bytes: u64,
    /// The crawl as a whole.
    pub overview: &'a Overview,
    /// Its settings; `None` if this program cannot read them.
    pub config: Option<&'a Config>,
    /// Whether it is under way.
    pub is_running: bool,
    /// Whether the crawl was named, and is not the one that reports show by themselves.
    pub is_named: bool,
    /// Milliseconds since 1970 UTC.
    pub written_at: i64,
    /// Every report, with its rows and findings.
    pub tallies: &'a [Tally],
    /// The site by sections.
    pub map: Map<'a>,
}

impl Page<'_> {
    /// The reports that have rows, or could not be made, in the order in which they stand
    /// on the page.
    pub fn reports(&self) -> impl Iterator<Item = &Tally> {
        [Group::Problems, Group::Facts].into_iter().flat_map(|group| self.of_group(group))
    }

    fn of_group(&self, group: Group) -> impl Iterator<Item = &Tally> {
        let has_section = |tally: &&Tally| tally.rows > 0 || tally.failure.is_some();
        self.tallies.iter().filter(has_section).filter(move |tally| tally.report.group == group)
    }

    /// Whether a report has a section.
    fn has_section(&self, name: &str) -> bool {
        self.reports().any(|tally| tally.report.name == name)
    }

    /// Findings of that severity in a report.
    fn findings(&self, severity: Severity, report: &str) -> u64 {
        let of_report = self.tallies.iter().filter(|tally| tally.report.name == report);
        let all = of_report.flat_map(|tally| &tally.findings);
        all.filter(|(gate, _)| gate.severity == Some(severity)).map(|(_, count)| count).sum()
    }

    /// The hosts of the seeds, three at most.
    fn site(&self) -> String {
        let seeds: Vec<_> =
            self.overview.seeds.iter().filter_map(|seed| CanonicalUrl::parse(seed).ok()).collect();
        let mut hosts: Vec<&str> = seeds.iter().map(CanonicalUrl::host).collect();
        hosts.dedup();
        let more = hosts.len().saturating_sub(3);
        let names = hosts[..hosts.len() - more].join(", ");
        if more > 0 { format!("{names} and {} more", count(more as u64)) } else { names }
    }

    fn place(&self) -> Place {
        let seed = self.overview.seeds.first().and_then(|seed| CanonicalUrl::parse(seed).ok());
        Place {
            origin: seed.map_or("-".into(), |seed| seed.origin().to_owned()),
            file: about::shell_word(self.file),
        }
    }

    /// The command that gives a report whole.
    fn command(&self, report: &Report) -> String {
        let crawl = if self.is_named {
            format!(" --crawl {}", self.overview.crawl_id)
        } else {
            String::new()
        };
        format!(
            "crawlite report {} {}{crawl} --format csv",
            about::shell_word(self.file),
            report.name
        )
    }
}

/// A page on its way.
pub struct Html<'a, W: Write> {
    out: W,
    page: &'a Page<'a>,
    group: Option<Group>,
}

impl<'a, W: Write> Html<'a, W> {
    /// Begins the page with everything but the reports.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn begin(mut out: W, page: &'a Page<'a>) -> io::Result<Self> {
        write_head(&mut out, page)?;
        write_contents(&mut out, page)?;
        out.write_all(b"<main id=\"main\">\n")?;
        tiles::write(&mut out, page)?;
        findings::write(&mut out, page)?;
        about::write(&mut out, page)?;
        figures::write(&mut out, page)?;
        page.map.write(&mut out)?;
        Ok(Self { out, page, group: None })
    }

    /// Begins a report: what stands above its table.
    ///
    /// # Errors
    /// If the page cannot be written.
    pub fn begin_report(&mut self, tally: &Tally) -> io::Result<()> {
        let report = tally.report;
        if self.group.replace(report.group) != Some(report.group) {
            let (id, title) = title_of(report.group);
            writeln!(self.out, "<h2 id=\"{id}\">{title}</h2>")?;
        }
        writeln!(
            self.out,
            "<section class=\"report\" id=\"{}\"><h3>{} <span>{}</span></h3>\n<p class=\"lead\">{}</p>",
            report.name,
            Text(report.title),
            rows_of(tally),
            Text(report.sentence())
        )?;
        findings::write_of(&mut self.out, tally)
    }

    /// The table of a report, which the caller fills and ends; of its rows, so many are
    /// `shown`.
    pub fn table(&mut self, tally: &Tally, shown: Option<u64>) -> Table<'_, W> {
        let title = tally.report.title;
        let caption = match shown {
            Some(shown) if shown < tally.rows => {
                format!("{title}: {} of {} rows", count(shown), count(tally.rows))
            }
            _ => title.to_owned(),
        };
        Table::new(&mut self.out, caption, self.page.place())
    }

    /// Says why the rows of a report are not there, or not all.
    ///
    /// # Errors
    /// If the page cannot be written.
    pub fn failed(&mut self, why: &str) -> io::Result<()> {
        writeln!(
            self.out,
            "<p class=\"failed\">This report could not be made whole: {}</p>",
            Text(why)
        )
    }

    /// Ends a report whose table has so many rows.
    ///
    /// # Errors
    /// If the page cannot be written.
    pub fn end_report(&mut self, tally: &Tally, rows: u64) -> io::Result<()> {
        let command = self.page.command(tally.report);
        let more = tally.rows.saturating_sub(rows);
        if more > 0 {
            writeln!(
                self.out,
                "<p class=\"after\"><b>{} more rows</b>; all of them: {}</p>",
                count(more),
                Command(&command)
            )?;
        }
        if rows > PRINTED_ROWS {
            writeln!(self.out, "<p class=\"printed\">Only {PRINTED_ROWS} rows are printed.</p>")?;
        }
        let sql = tally.report.sql(self.page.is_named.then_some(self.page.overview.crawl_id));
        writeln!(
            self.out,
            "<details><summary>How it is found</summary><p>{}</p><pre tabindex=\"0\"><code>{}</code></pre></details>\n</section>",
            Text(&tally.report.explanation()),
            Lines(without_comment(&sql))
        )
    }

    /// Ends the page.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        write!(
            self.out,
            "</main></div>\n<footer><p>Written {} by crawlite {} from {} ({}). This page loads nothing.</p></footer>\n\
             <script>{}</script>\n</body>\n</html>\n",
            about::time(self.page.written_at),
            env!("CARGO_PKG_VERSION"),
            Text(self.page.file),
            bytes(self.page.file_bytes),
            policy::script()
        )?;
        Ok(self.out)
    }
}

/// SQL without the comment on top, which stands above it as text.
fn without_comment(sql: &str) -> &str {
    let mut rest = sql.trim();
    while let Some((_, next)) = rest.split_once('\n').filter(|_| rest.starts_with("--")) {
        rest = next;
    }
    rest
}

/// How many rows a report has, if that is known.
fn rows_of(tally: &Tally) -> String {
    if tally.failure.is_some() { "?".into() } else { count(tally.rows) }
}

/// The heading of a group: id and title.
fn title_of(group: Group) -> (&'static str, &'static str) {
    match group {
        Group::Problems => ("problems", "Problems"),
        Group::Facts => ("facts", "Facts"),
    }
}

fn write_head(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    let site = page.site();
    let (class, state) = about::state(page);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"robots\" content=\"noindex, nofollow\">\n<title>{} – crawl report</title>\n\
         <link rel=\"icon\" href=\"{ICON}\">\n<style>{}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#main\">Skip to the report</a>\n\
         <header><p class=\"brand\">crawlite <span>crawl report</span></p>\n<h1>{}</h1>\n\
         <p class=\"when\">{} · {} · <span class=\"state {class}\">{}</span></p></header>\n",
        policy::policy(),
        Text(&site),
        policy::style(),
        Text(&site),
        about::time(page.overview.started_at),
        about::length(page.overview.elapsed_ms),
        Text(state)
    )
}

fn write_contents(out: &mut impl Write, page: &Page<'_>) -> io::Result<()> {
    out.write_all(b"<div class=\"body\"><nav aria-label=\"Contents\"><details><summary>Contents</summary>\n<ul>")?;
    let has_answers = !page.overview.answers.is_empty();
    for (id, title, is_there) in [
        ("findings", "Findings", true),
        ("crawl", "The crawl", true),
        ("pictures", "In pictures", has_answers),
        ("sections", "The site by sections", page.map.sections.len() > 1),
    ] {
        if is_there {
            write!(out, "<li><a href=\"#{id}\">{title}</a></li>")?;
        }
    }
    for group in [Group::Problems, Group::Facts] {
        let mut tallies = page.of_group(group).peekable();
        if tallies.peek().is_none() {
            continue;
        }
        let (id, title) = title_of(group);
        write!(out, "</ul>\n<p><a href=\"#{id}\">{title}</a></p>\n<ul>")?;
        for tally in tallies {
            let class = findings::worst(tally).map_or("", |severity| findings::names(severity).0);
            let (name, title, rows) = (tally.report.name, Text(tally.report.title), rows_of(tally));
            write!(
                out,
                "<li class=\"{class}\"><a href=\"#{name}\">{title} <span>{rows}</span></a></li>"
            )?;
        }
    }
    out.write_all(b"</ul></details></nav>\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::report;

    #[test]
    fn a_report_that_could_not_be_made_says_why() {
        let failure = Some("needs <much>".to_owned());
        let report = report("hosts").expect("it is in the list");
        let tallies = [Tally { report, rows: 0, findings: Vec::new(), failure }];
        let page = Page {
            file: "x.db",
            file_bytes: 0,
            overview: &Overview::default(),
            config: None,
            is_running: true,
            is_named: false,
            written_at: 0,
            tallies: &tallies,
            map: Map::default(),
        };
        let mut html = Html::begin(Vec::new(), &page).unwrap();
        for tally in page.reports() {
            html.begin_report(tally).unwrap();
            html.failed(tally.failure.as_deref().unwrap()).unwrap();
            html.end_report(tally, 0).unwrap();
        }
        let html = String::from_utf8(html.finish().unwrap()).unwrap();
        for expected in [
            "<a href=\"#hosts\">Hosts <span>?</span></a>",
            "whole: needs &lt;much&gt;</p>",
            "Running: ",
        ] {
            assert!(html.contains(expected), "{expected} is not in {html}");
        }
    }
}
