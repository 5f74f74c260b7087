//! Where does a crawl stand, and what did it come to?

use serde::Serialize;

use super::reader::{integer, text};
use super::reports::report;
use super::{Error, LeftOut, Reader, Value};

/// Where the newest crawl of a file stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its id.
    pub crawl_id: i64,
    /// Its seeds, as JSON.
    pub seeds: String,
    /// Readable UTC time.
    pub started_at: String,
    /// Why its last run ended; `None` while it runs and after a crash.
    pub finish: Option<String>,
    /// Of all its runs.
    pub elapsed_ms: i64,
    /// Runs so far.
    pub runs: i64,
    /// Pages fetched or tried.
    pub done: i64,
    /// URLs still to fetch.
    pub pending: i64,
    /// URLs set aside or refused.
    pub skipped: i64,
    /// Every URL ever met.
    pub urls: i64,
    /// Pages that answered 2xx.
    pub ok: i64,
    /// Of them those of which the server said that they did not change since an
    /// earlier crawl of the file.
    pub unchanged: i64,
    /// Pages that answered 3xx.
    pub redirects: i64,
    /// Pages that answered 4xx.
    pub client_errors: i64,
    /// Pages that answered 5xx.
    pub server_errors: i64,
    /// Pages without an answer.
    pub no_answer: i64,
    /// Bytes received in bodies.
    pub wire_bytes: i64,
    /// Size of the file.
    pub file_bytes: u64,
}

/// What a rule gave in a crawl.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleSum {
    /// Its name.
    pub rule: String,
    /// Pages it is for.
    pub pages: i64,
    /// Those that gave a row.
    pub matched: i64,
    /// Rows.
    pub rows: i64,
    /// Pages that were not looked through whole.
    pub cut: i64,
    /// Columns that are empty in some rows, and in how many.
    pub empty: Vec<(String, i64)>,
    /// Whether there may be pages from before the rule that were not read with it.
    pub unread: bool,
}

/// A trap, as the view `traps` has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrapRow {
    /// As it is released.
    pub pattern: String,
    /// What it is.
    pub kind: String,
    /// What shows it.
    pub evidence: String,
    /// URLs that are set aside under it.
    pub urls: i64,
    /// One of them.
    pub example: Option<String>,
    /// Readable UTC time; `None` while it is parked.
    pub released_at: Option<String>,
}

/// What a run ends with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Where the crawl stands.
    #[serde(flatten)]
    pub status: Status,
    /// Skipped URLs by reason, most first.
    pub skipped_by_reason: Vec<(String, i64)>,
    /// Links on all pages.
    pub links: i64,
    /// Targets that are broken: URL, status or error, pages that link to it (0 if
    /// they were not counted); worst first. As the report `broken` has them.
    pub broken: Vec<(String, String, i64)>,
    /// How many targets are broken in all.
    pub broken_targets: i64,
    /// Targets that would be broken or blocked, but for `--accept`.
    pub accepted_targets: i64,
    /// Links that were too many on their page to keep.
    pub links_cut: i64,
    /// HTML pages that answered 200.
    pub html_pages: i64,
    /// Of them, those that show their content only to those who run scripts.
    pub javascript_pages: i64,
    /// Bytes of the stored bodies, compressed.
    pub stored_body_bytes: i64,
    /// Sitemaps that were read.
    pub sitemaps: i64,
    /// URLs that they list.
    pub sitemap_urls: i64,
    /// What is wrong with them, as the view `sitemap_problems` has it.
    pub sitemap_problems: i64,
    /// What each extraction rule gave, in the order of the rules.
    pub extracted: Vec<RuleSum>,
    /// Origins that are parked, and why.
    pub parked: Vec<(String, String)>,
    /// Why the last request got no answer, if it got none.
    pub last_error: Option<String>,
    /// What its person may have meant to be in it.
    pub left_out: LeftOut,
}

impl Reader {
    /// Where the newest crawl stands.
    ///
    /// # Errors
    /// If the file holds no crawl or cannot be read.
    pub fn status(&self) -> Result<Status, Error> {
        let crawl = self.rows(
            "SELECT id, seeds, datetime(started_at / 1000, 'unixepoch'), finish, elapsed_ms, runs
             FROM crawl ORDER BY id DESC LIMIT 1",
        )?;
        let Some(crawl) = crawl.into_iter().next() else {
            return Err(Error::Empty(self.name()));
        };
        let crawl_id = integer(&crawl[0]);
        let mut status = Status {
            crawl_id,
            seeds: text(&crawl[1]),
            started_at: text(&crawl[2]),
            finish: Some(text(&crawl[3])).filter(|finish| !finish.is_empty()),
            elapsed_ms: integer(&crawl[4]),
            runs: integer(&crawl[5]),
            file_bytes: std::fs::metadata(&self.path).map(|file| file.len()).unwrap_or_default(),
            ..Status::default()
        };
        // Sums in one pass: GROUP BY would sort every URL.
        for row in self.rows(&format!(
            "SELECT count(*), sum(state = 'done' AND kind = 'page'), sum(state = 'pending' AND kind = 'page'),
                 sum(state = 'aside' OR state = 'refused') FROM state WHERE crawl_id = {crawl_id}"
        ))? {
            status.urls = integer(&row[0]);
            status.done = integer(&row[1]);
            status.pending = integer(&row[2]);
            status.skipped = integer(&row[3]);
        }
        for row in self.rows(&format!(
            "SELECT sum(f.status / 100 = 2), sum(f.status / 100 = 3), sum(f.status / 100 = 4), sum(f.status < 200 OR f.status >= 500),
                 sum(f.status IS NULL), sum(f.is_unchanged)
             FROM state s JOIN fetch f ON f.id = s.fetch_id
             WHERE s.crawl_id = {crawl_id} AND s.kind = 'page' AND s.state = 'done'"
        ))? {
            status.ok = integer(&row[0]);
            status.redirects = integer(&row[1]);
            status.client_errors = integer(&row[2]);
            status.server_errors = integer(&row[3]);
            status.no_answer = integer(&row[4]);
            status.unchanged = integer(&row[5]);
        }
        let bytes =
            format!("SELECT coalesce(sum(wire_bytes), 0) FROM fetch WHERE crawl_id = {crawl_id}");
        status.wire_bytes = self.number(&bytes)?;
        Ok(status)
    }

    /// What the newest crawl came to, which stands at `status`.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn summary(&self, status: Status) -> Result<Summary, Error> {
        let id = status.crawl_id;
        let pairs = |sql: String| -> Result<Vec<(String, i64)>, Error> {
            Ok(self.rows(&sql)?.iter().map(|row| (text(&row[0]), integer(&row[1]))).collect())
        };
        let html = |count: &str| {
            format!(
            "SELECT {count} FROM state s JOIN fetch f ON f.id = s.fetch_id JOIN page p ON p.id = f.page_id
             WHERE s.crawl_id = {id} AND s.kind = 'page' AND s.state = 'done' AND f.status = 200"
        )
        };
        let broken = report("broken").expect("it is in the list").part(Some(id));
        let worst = format!(
            "SELECT target, coalesce(status, error), unique_inlinks FROM (\n{broken}\n) LIMIT 5"
        );
        Ok(Summary {
            skipped_by_reason: pairs(format!(
                "SELECT reason, count(*) FROM state WHERE crawl_id = {id} AND reason IS NOT NULL GROUP BY 1 ORDER BY 2 DESC"
            ))?,
            links: self.number(&format!(
                "SELECT coalesce(sum(p.links), 0) FROM state s JOIN fetch f ON f.id = s.fetch_id JOIN page p ON p.id = f.page_id
                 WHERE s.crawl_id = {id}"
            ))?,
            broken: self.rows(&worst)?.iter().map(|row| (text(&row[0]), text(&row[1]), integer(&row[2]))).collect(),
            broken_targets: self.number(&format!("SELECT count(*) FROM (\n{broken}\n)"))?,
            sitemaps: self.number(&format!(
                "SELECT count(*) FROM state s JOIN fetch f ON f.id = s.fetch_id
                 WHERE s.crawl_id = {id} AND s.kind = 'sitemap' AND f.status = 200"
            ))?,
            sitemap_urls: self.number(&format!(
                "SELECT count(DISTINCT e.url_id) FROM sitemap_entry e JOIN state s USING (crawl_id, url_id)
                 WHERE e.crawl_id = {id} AND s.kind <> 'sitemap'"
            ))?,
            sitemap_problems: self.number(&format!(
                "SELECT count(*) FROM all_sitemap_problems WHERE crawl_id = {id}"
            ))?,
            accepted_targets: self.number(&format!(
                "SELECT count(*) FROM state s JOIN fetch f ON f.id = s.fetch_id
                 JOIN accepted a ON a.crawl_id = s.crawl_id AND f.status BETWEEN a.first AND a.last
                 WHERE s.crawl_id = {id} AND s.state = 'done' AND f.status >= 400 AND s.kind <> 'sitemap'"
            ))?,
            html_pages: self.number(&html("count(*)"))?,
            javascript_pages: self.number(&html("count(p.needs_javascript)"))?,
            links_cut: self.number("SELECT coalesce(sum(links_cut), 0) FROM page")?,
            stored_body_bytes: self.number("SELECT coalesce(sum(length(bytes)), 0) FROM body")?,
            last_error: self
                .rows(&format!(
                    "SELECT error_detail FROM fetch WHERE crawl_id = {id} ORDER BY id DESC LIMIT 1"
                ))?
                .first()
                .map(|row| text(&row[0]))
                .filter(|error| !error.is_empty()),
            extracted: self.extracted(id)?,
            left_out: self.left_out(id, &status.seeds, status.done, status.redirects)?,
            parked: self
                .rows("SELECT origin, parked FROM origin WHERE parked IS NOT NULL ORDER BY id LIMIT 10")?
                .iter()
                .map(|row| (text(&row[0]), text(&row[1])))
                .collect(),
            status,
        })
    }

    /// What each extraction rule gave in a crawl.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn extracted(&self, crawl_id: i64) -> Result<Vec<RuleSum>, Error> {
        let sql = format!(
            "SELECT r.name, count(f.id), count(f.id) FILTER (WHERE e.rows > 0), coalesce(sum(e.rows) FILTER (WHERE f.id), 0),
                 count(f.id) FILTER (WHERE e.cut IS NOT NULL), r.unread_to > 0, r.columns
             FROM extract_rule r
             LEFT JOIN extract_page e ON e.rule_id = r.id
             LEFT JOIN page p ON p.id = e.page_id
             LEFT JOIN state s ON s.crawl_id = {crawl_id} AND s.url_id = p.url_id AND s.state = 'done'
             LEFT JOIN fetch f ON f.id = s.fetch_id AND f.page_id = p.id
             GROUP BY r.id ORDER BY r.id"
        );
        let mut sums = Vec::new();
        for row in self.rows(&sql)? {
            sums.push(RuleSum {
                rule: text(&row[0]),
                pages: integer(&row[1]),
                matched: integer(&row[2]),
                rows: integer(&row[3]),
                cut: integer(&row[4]),
                unread: integer(&row[5]) > 0,
                empty: self.empty(&text(&row[0]), &text(&row[6]), crawl_id)?,
            });
        }
        Ok(sums)
    }

    /// The columns of a rule that are empty in rows of a crawl, and in how many.
    fn empty(&self, rule: &str, columns: &str, crawl_id: i64) -> Result<Vec<(String, i64)>, Error> {
        let columns: Vec<(String, String)> = serde_json::from_str(columns).unwrap_or_default();
        let counts: String =
            columns.iter().map(|(name, _)| format!(", count(*) - count(x.\"{name}\")")).collect();
        let sql = format!(
            "SELECT 0{counts} FROM \"extracted_{rule}\" x
             CROSS JOIN page p
             CROSS JOIN state s
             CROSS JOIN fetch f
             WHERE p.id = x.page_id AND s.crawl_id = {crawl_id} AND s.url_id = p.url_id AND s.state = 'done'
                 AND f.id = s.fetch_id AND f.page_id = p.id"
        );
        let rows = self.rows(&sql)?;
        let counts = rows.first().into_iter().flat_map(|row| &row[1..]).map(integer);
        let names = columns.into_iter().map(|(name, _)| name);
        Ok(names.zip(counts).filter(|(_, count)| *count > 0).collect())
    }

    /// The traps of the file, what holds most back first; at most 1000.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn traps(&self) -> Result<Vec<TrapRow>, Error> {
        let rows = self.rows(
            "SELECT pattern, kind, evidence, urls, example, released_at FROM traps
             ORDER BY released_at IS NOT NULL, urls DESC, pattern LIMIT 1000",
        )?;
        let some = |value: &Value| Some(text(value)).filter(|text| !text.is_empty());
        let trap = |row: &Vec<Value>| TrapRow {
            pattern: text(&row[0]),
            kind: text(&row[1]),
            evidence: text(&row[2]),
            urls: integer(&row[3]),
            example: some(&row[4]),
            released_at: some(&row[5]),
        };
        Ok(rows.iter().map(trap).collect())
    }
}
