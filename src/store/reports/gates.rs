//! Which findings can make a crawl fail, and are there any?
//!
//! A gate is a report with a condition on its rows. Rows are targets or pages, so
//! a link in the footer of every page is one finding.

use super::{Reports, number, report, text};
use crate::store::QueryError;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Visitors or search engines do not get what they came for.
    Error,
    /// It works, but worse than it could, or not as it was meant.
    Warning,
    /// Worth knowing; often as it was meant.
    Notice,
}

/// A kind of finding that people may not want.
#[derive(Debug)]
pub struct Gate {
    /// As people type it.
    pub name: &'static str,
    /// How much it matters; `None` if other gates count the same in parts.
    pub severity: Option<Severity>,
    /// What it counts, in the plural.
    pub counts: &'static str,
    /// The same of one.
    pub counts_one: &'static str,
    /// The report that has the rows.
    pub report: &'static str,
    /// Which of them: a condition in SQL.
    pub(super) condition: &'static str,
    /// A row in words: an expression in SQL.
    example: &'static str,
}

/// How often a gate's finding is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Targets or pages.
    pub count: u64,
    /// The first of them, in words.
    pub examples: Vec<String>,
}

const BROKEN: &str = "coalesce(status, error) || ' ' || target
    || coalesce(' (linked from ' || unique_inlinks || CASE unique_inlinks WHEN 1 THEN ' page: ' ELSE ' pages: ' END
                || substr(linked_from, 1, instr(linked_from || ' ', ' ') - 1) || ')', '')";
const FRAGMENT: &str = "target || '#' || fragment || ' (linked from ' || linked_from || ')'";
const REDIRECT: &str = "url || ' -> ' || coalesce(final_url, 'itself')";
const TITLE: &str = "url || coalesce(': ' || title, '')";
const DESCRIPTION: &str = "url || coalesce(': ' || description, '')";
const HEADING: &str = "url || coalesce(': ' || h1, '')";

const IMAGE: &str = "url || ' (' || pages || CASE pages WHEN 1 THEN ' page: ' ELSE ' pages: ' END || example || ')'";
const MIXED: &str = "target || ' (' || kind || ' on ' || pages || CASE pages WHEN 1 THEN ' page: ' ELSE ' pages: ' END
    || example || ')'";

const ERROR: Option<Severity> = Some(Severity::Error);
const WARNING: Option<Severity> = Some(Severity::Warning);
const NOTICE: Option<Severity> = Some(Severity::Notice);

const fn gate_on(
    name: &'static str,
    severity: Option<Severity>,
    counts: &'static str,
    counts_one: &'static str,
    report: &'static str,
    condition: &'static str,
    example: &'static str,
) -> Gate {
    Gate { name, severity, counts, counts_one, report, condition, example }
}

/// Every gate, in the order in which they are named to people.
#[rustfmt::skip]
pub static GATES: [Gate; 39] = [
    gate_on("broken",                 None,    "broken link targets", "broken link target",                        "broken",           "1",                         BROKEN),
    gate_on("broken-fragments",       WARNING, "places that links name and pages lack", "place that links name and pages lack",      "broken-fragments", "1",                         FRAGMENT),
    gate_on("new-broken",             None,    "link targets broken since the crawl before", "link target broken since the crawl before", "broken",           "is_new = 1",                BROKEN),
    gate_on("4xx",                    ERROR,   "link targets with status 4xx", "link target with status 4xx",               "broken",           "status BETWEEN 400 AND 499", BROKEN),
    gate_on("5xx",                    ERROR,   "link targets with status 5xx", "link target with status 5xx",               "broken",           "status >= 500",             BROKEN),
    gate_on("no-answer",              ERROR,   "link targets without an answer", "link target without an answer",             "broken",           "status IS NULL",            BROKEN),
    gate_on("redirects",              NOTICE,  "linked URLs that redirect", "linked URL that redirects",                  "redirects",        "unique_inlinks > 0",        REDIRECT),
    gate_on("redirect-chains",        WARNING, "redirect chains", "redirect chain",                            "chains",           "1",                         REDIRECT),
    gate_on("redirect-loops",         ERROR,   "redirect loops", "redirect loop",                             "chains",           "loops = 1",                 REDIRECT),
    gate_on("duplicates",             WARNING, "indexable pages with the same content", "indexable page with the same content",      "duplicates",       "1",                         "url"),
    gate_on("near-duplicates",        NOTICE,  "indexable pages with nearly the same text", "indexable page with nearly the same text",  "near-duplicates",  "1",                         "url || ' ~ ' || closest_match"),
    gate_on("orphans",                WARNING, "pages that only a sitemap names", "page that only a sitemap names",            "orphans",          "1",                         "url"),
    gate_on("missing-titles",         WARNING, "indexable pages without title", "indexable page without title",              "titles",           "issue = 'missing'",         TITLE),
    gate_on("duplicate-titles",       WARNING, "indexable pages with the title of another", "indexable page with the title of another",  "titles",           "issue = 'duplicate'",       TITLE),
    gate_on("long-titles",            NOTICE,  "titles longer than 60 characters", "title longer than 60 characters",           "titles",           "issue = 'too long'",        TITLE),
    gate_on("short-titles",           NOTICE,  "titles shorter than 30 characters", "title shorter than 30 characters", "titles", "issue = 'too short'", TITLE),
    gate_on("missing-descriptions",   NOTICE,  "indexable pages without description", "indexable page without description",        "descriptions",     "issue = 'missing'",         DESCRIPTION),
    gate_on("duplicate-descriptions", NOTICE,  "indexable pages with a description of another", "indexable page with a description of another", "descriptions",  "issue = 'duplicate'",       DESCRIPTION),
    gate_on("long-descriptions",      NOTICE,  "descriptions longer than 155 characters", "description longer than 155 characters",    "descriptions",     "issue = 'too long'",        DESCRIPTION),
    gate_on("short-descriptions",     NOTICE,  "descriptions shorter than 70 characters", "description shorter than 70 characters", "descriptions", "issue = 'too short'", DESCRIPTION),
    gate_on("missing-h1",             NOTICE,  "indexable pages without h1", "indexable page without h1",                 "h1",               "issue = 'missing'",         HEADING),
    gate_on("several-h1",             NOTICE,  "indexable pages with several h1", "indexable page with several h1",            "h1",               "issue = 'several'",         HEADING),
    gate_on("missing-alt",            NOTICE,  "images without an alt attribute", "image without an alt attribute", "images", "issue = 'no alt attribute'", IMAGE),
    gate_on("empty-alt",              NOTICE,  "images with an empty alt, right only for mere decoration", "image with an empty alt, right only for mere decoration", "images", "issue = 'empty alt'", IMAGE),
    gate_on("long-alt",               NOTICE,  "alternative texts longer than 100 characters", "alternative text longer than 100 characters", "images", "issue = 'too long'", IMAGE),
    gate_on("canonicals",             ERROR,   "canonicals that lead nowhere good", "canonical that leads nowhere good",          "canonicals",       "1",                         "url || ' -> ' || claimed_canonical || ' (' || issue || ')'"),
    gate_on("hreflang",               WARNING, "hreflang links that do not work", "hreflang link that does not work",            "hreflang",         "1",                         "url || ' -> ' || alternate || ' (' || issue || ')'"),
    gate_on("pagination",             WARNING, "neighbours of series of pages that do not work", "neighbour of a series of pages that does not work", "pagination", "1", "url || ' -> ' || neighbour || ' (' || issue || ')'"),
    gate_on("long-urls",              NOTICE,  "URLs longer than 115 characters", "URL longer than 115 characters", "url-style", "issue = 'too long'", "url"),
    gate_on("url-style",              NOTICE,  "URLs with what is hard to type or share", "URL with what is hard to type or share", "url-style", "issue <> 'too long' AND issue <> 'parameters'", "url || ' (' || issue || ')'"),
    gate_on("insecure-forms",         ERROR,   "targets of forms that send without encryption", "target of forms that sends without encryption", "mixed-content", "issue = 'form'", MIXED),
    gate_on("mixed-content",          WARNING, "resources that pages with https fetch by http", "resource that pages with https fetch by http", "mixed-content", "issue <> 'form'", MIXED),
    gate_on("security-headers",       NOTICE,  "security headers that pages lack", "security header that pages lack", "security-headers", "1", "header || ' ' || host || ' (' || pages || CASE pages WHEN 1 THEN ' page: ' ELSE ' pages: ' END || example || ')'"),
    gate_on("sitemaps",               WARNING, "problems of sitemaps and of their entries", "problem of sitemaps and of their entries",  "sitemaps",         "1",                         "url || ' (' || issue || ')'"),
    gate_on("noindex",                NOTICE,  "pages that ask not to be indexed", "page that asks not to be indexed",           "non-indexable",    "indexability_reason = 'noindex'", "url"),
    gate_on("slow",                   WARNING, "pages with more than 800 ms to the first byte", "page with more than 800 ms to the first byte", "slow",          "1",                         "url || ' (' || first_byte_ms || ' ms)'"),
    gate_on("large",                  NOTICE,  "documents of more than 1 MiB", "document of more than 1 MiB",               "large",            "1",                         "url || ' (' || bytes || ' bytes)'"),
    gate_on("needs-javascript",       WARNING, "pages that show nothing without scripts", "page that shows nothing without scripts",    "needs-javascript", "1",                         "url || ': ' || evidence"),
    gate_on("traps",                  WARNING, "patterns of URLs that would never end", "pattern of URLs that would never end",      "traps",            "status = 'parked'",         "pattern || coalesce(' (' || kind || ')', '')"),
];

impl Gate {
    /// What it counts, in the words for so many.
    pub fn counted(&self, number: u64) -> &'static str {
        if number == 1 { self.counts_one } else { self.counts }
    }
}

/// The gate of that name.
pub fn gate(name: &str) -> Option<&'static Gate> {
    GATES.iter().find(|gate| gate.name == name)
}

impl Reports {
    /// Counts the findings of a gate in a crawl, and names `examples` of them.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn judge(
        &self,
        gate: &Gate,
        crawl_id: i64,
        examples: u32,
    ) -> Result<Judgement, QueryError> {
        let part = report(gate.report).expect("a gate names a report").part(Some(crawl_id));
        let (condition, example) = (gate.condition, gate.example);
        let rows = self.rows(&format!(
            "SELECT count(*) OVER (), {example} FROM (\n{part}\n) WHERE {condition} LIMIT {examples}"
        ))?;
        let count = rows.first().map(|row| number(&row[0]).unsigned_abs()).unwrap_or_default();
        Ok(Judgement { count, examples: rows.iter().map(|row| text(&row[1])).collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::migrate;
    use super::*;
    use tokio_rusqlite::rusqlite::Connection;

    #[test]
    fn every_gate_asks_a_report_for_columns_that_it_has() {
        let mut db = Connection::open_in_memory().unwrap();
        migrate::create(&mut db, [0; 16], 0).unwrap();
        migrate::renew_views(&mut db).unwrap();
        for gate in &GATES {
            let report = report(gate.report).unwrap_or_else(|| panic!("{}", gate.name));
            let (part, condition, example) = (report.part(Some(1)), gate.condition, gate.example);
            db.prepare(&format!("SELECT {example} FROM (\n{part}\n) WHERE {condition}"))
                .unwrap_or_else(|error| panic!("{}: {error}", gate.name));
        }
    }
}
