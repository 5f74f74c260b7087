//! What does a crawl look like as a whole?
//!
//! The numbers behind the first page of a printed report: sums and distributions,
//! none of them longer than the answers differ.

use super::{Reports, number, text};
use crate::store::{QueryError, Value};

/// Times into which the course of a crawl is divided at most, roughly.
const TIMES: i64 = 20_000;

/// A crawl as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// Its id.
    pub crawl_id: i64,
    /// Its seeds.
    pub seeds: Vec<String>,
    /// Its settings as TOML, without secrets.
    pub config: String,
    /// Of the program that began it.
    pub version: String,
    /// Milliseconds since 1970 UTC.
    pub started_at: i64,
    /// The same; `None` if something is left of it.
    pub finished_at: Option<i64>,
    /// Why its last run ended; `None` while it runs and after a crash.
    pub finish: Option<String>,
    /// Milliseconds, of all its runs.
    pub elapsed_ms: i64,
    /// Runs so far.
    pub runs: i64,
    /// Whether there is a finished crawl before it.
    pub has_earlier: bool,
    /// How many URLs of a kind (`page`, `asset`, `external`) gave which status.
    pub answers: Vec<Answers>,
    /// Depth (`None`: only a sitemap leads there), hundreds of the status (`None`: no
    /// answer), pages.
    pub depths: Vec<(Option<u16>, Option<u16>, u64)>,
    /// Milliseconds to the first byte, and pages that took them; rising.
    pub first_bytes: Vec<(u64, u64)>,
    /// When requests for pages began; rising.
    pub course: Vec<Started>,
    /// Milliseconds between two times of `course` at least.
    pub course_unit: i64,
    /// URLs met.
    pub urls: u64,
    /// URLs still to fetch.
    pub pending: u64,
    /// URLs set aside or refused, by reason, most first.
    pub skipped: Vec<(String, u64)>,
    /// HTML pages that answered 200.
    pub html_pages: u64,
    /// Of these, those that search engines may show.
    pub indexable: u64,
    /// Of these, those that show little without scripts.
    pub needs_javascript: u64,
    /// Links on all pages.
    pub links: u64,
    /// Links that were too many on their page to keep.
    pub links_cut: u64,
    /// Requests, robots.txt, sitemaps and retries included.
    pub requests: u64,
    /// Bytes received in bodies.
    pub wire_bytes: u64,
    /// Origins that are parked, and why; ten of them.
    pub parked: Vec<(String, String)>,
}

/// How many URLs of a kind gave a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answers {
    /// `page`, `asset` or `external`.
    pub kind: String,
    /// `None` if no answer came.
    pub status: Option<u16>,
    /// How many.
    pub urls: u64,
}

/// Requests for pages that began at about the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Started {
    /// Milliseconds since 1970 UTC.
    pub at: i64,
    /// How many.
    pub pages: u64,
    /// Of these, those with status 4xx, 5xx or no answer.
    pub broken: u64,
}

impl Reports {
    /// A crawl as a whole; `None` if there is no such crawl.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn overview(&self, crawl_id: i64) -> Result<Option<Overview>, QueryError> {
        let Some(mut overview) = self.crawl(crawl_id)? else { return Ok(None) };
        self.add_standings(&mut overview)?;
        self.add_answers(&mut overview)?;
        self.add_course(&mut overview)?;
        self.add_sums(&mut overview)?;
        Ok(Some(overview))
    }

    fn crawl(&self, crawl_id: i64) -> Result<Option<Overview>, QueryError> {
        let rows = self.rows(&format!(
            "SELECT seeds, config, version, started_at, finished_at, finish, elapsed_ms, runs,
                    EXISTS (SELECT 1 FROM crawl b WHERE b.finished_at IS NOT NULL AND b.id < crawl.id)
             FROM crawl WHERE id = {crawl_id}"
        ))?;
        let known = |value: &Value| (*value != Value::Null).then_some(());
        Ok(rows.into_iter().next().map(|row| Overview {
            crawl_id,
            seeds: serde_json::from_str(&text(&row[0])).unwrap_or_default(),
            config: text(&row[1]),
            version: text(&row[2]),
            started_at: number(&row[3]),
            finished_at: known(&row[4]).map(|()| number(&row[4])),
            finish: known(&row[5]).map(|()| text(&row[5])),
            elapsed_ms: number(&row[6]),
            runs: number(&row[7]),
            has_earlier: number(&row[8]) == 1,
            ..Overview::default()
        }))
    }

    /// What became of the URLs.
    fn add_standings(&self, overview: &mut Overview) -> Result<(), QueryError> {
        for row in self.rows(&format!(
            "SELECT state, reason, count(*) FROM state WHERE crawl_id = {} GROUP BY 1, 2 ORDER BY 3 DESC, 2",
            overview.crawl_id
        ))? {
            let urls = number(&row[2]).unsigned_abs();
            overview.urls += urls;
            match &*text(&row[0]) {
                "pending" => overview.pending += urls,
                "aside" | "refused" => overview.skipped.push((text(&row[1]), urls)),
                _ => {}
            }
        }
        let parked =
            "SELECT origin, parked FROM origin WHERE parked IS NOT NULL ORDER BY id LIMIT 10";
        let rows = self.rows(parked)?;
        overview.parked = rows.iter().map(|row| (text(&row[0]), text(&row[1]))).collect();
        Ok(())
    }

    /// What was answered, where and how fast.
    fn add_answers(&self, overview: &mut Overview) -> Result<(), QueryError> {
        let count_by = |columns: &str, kinds: &str| {
            self.rows(&format!(
                "SELECT {columns}, count(*) FROM state s CROSS JOIN fetch f ON f.id = s.fetch_id
                 WHERE s.crawl_id = {} AND s.state = 'done' AND s.kind IN ({kinds})
                 GROUP BY {columns} ORDER BY {columns}",
                overview.crawl_id
            ))
        };
        let answers = count_by("s.kind, f.status", "'page', 'asset', 'external'")?;
        let depths = count_by("nullif(s.depth, 65535), f.status / 100", "'page'")?;
        let first_bytes = count_by("f.first_byte_ms", "'page'")?;
        let small = |value: &Value| match value {
            Value::Integer(number) => u16::try_from(*number).ok(),
            _ => None,
        };
        let many = |value: &Value| number(value).unsigned_abs();
        overview.answers = answers
            .iter()
            .map(|row| Answers { kind: text(&row[0]), status: small(&row[1]), urls: many(&row[2]) })
            .collect();
        overview.depths =
            depths.iter().map(|row| (small(&row[0]), small(&row[1]), many(&row[2]))).collect();
        let timed = first_bytes.iter().filter(|row| row[0] != Value::Null);
        overview.first_bytes = timed.map(|row| (many(&row[0]), many(&row[1]))).collect();
        Ok(())
    }

    /// When pages were asked for.
    fn add_course(&self, overview: &mut Overview) -> Result<(), QueryError> {
        let unit = (overview.elapsed_ms / TIMES).max(1);
        let rows = self.rows(&format!(
            "SELECT f.started_at / {unit} * {unit}, count(*), count(*) FILTER (WHERE f.status >= 400 OR f.status IS NULL)
             FROM state s CROSS JOIN fetch f ON f.id = s.fetch_id
             WHERE s.crawl_id = {} AND s.state = 'done' AND s.kind = 'page' GROUP BY 1 ORDER BY 1",
            overview.crawl_id
        ))?;
        let many = |value: &Value| number(value).unsigned_abs();
        overview.course_unit = unit;
        overview.course = rows
            .iter()
            .map(|row| Started { at: number(&row[0]), pages: many(&row[1]), broken: many(&row[2]) })
            .collect();
        Ok(())
    }

    fn add_sums(&self, overview: &mut Overview) -> Result<(), QueryError> {
        let id = overview.crawl_id;
        let pages = self.rows(&format!(
            "SELECT count(*) FILTER (WHERE is_html = 1 AND status = 200), count(*) FILTER (WHERE indexable = 1),
                    count(*) FILTER (WHERE is_html = 1 AND status = 200 AND needs_javascript IS NOT NULL),
                    sum(outlinks), sum(links_cut)
             FROM all_pages WHERE crawl_id = {id}"
        ))?;
        let requests = self
            .rows(&format!("SELECT count(*), sum(wire_bytes) FROM fetch WHERE crawl_id = {id}"))?;
        let mut sums =
            pages.iter().chain(&requests).flatten().map(|sum| number(sum).unsigned_abs());
        for sum in [
            &mut overview.html_pages,
            &mut overview.indexable,
            &mut overview.needs_javascript,
            &mut overview.links,
            &mut overview.links_cut,
            &mut overview.requests,
            &mut overview.wire_bytes,
        ] {
            *sum = sums.next().unwrap_or_default();
        }
        Ok(())
    }
}
