//! Which rules does the newest crawl of a file have, and how far are its limits used?

use super::reader::{integer, text};
use super::{Error, Reader};
use crate::canonical::CanonicalUrl;
use crate::engine::Budgets;

/// Rows that count towards the limits of a crawl.
const COUNTS: &str = "s.kind = 'page' AND (s.state = 'done' OR s.attempts > 0)";

/// The rules of a crawl, as far as its file has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RulesOfCrawl {
    /// Its seeds.
    pub seeds: Vec<String>,
    /// Its settings as TOML, without secrets.
    pub config: String,
    /// Of the origin's robots.txt.
    pub robots_status: Option<u16>,
    /// The same.
    pub robots_body: Option<String>,
    /// Patterns that are parked, and those that were released.
    pub traps: (Vec<String>, Vec<String>),
    /// Pages that count towards its limits.
    pub pages: u64,
}

impl Reader {
    /// The seeds of the newest crawl.
    ///
    /// # Errors
    /// If the file holds no crawl or cannot be read.
    pub fn seeds(&self) -> Result<Vec<String>, Error> {
        let rows = self.rows("SELECT seeds FROM crawl ORDER BY id DESC LIMIT 1")?;
        let row = rows.first().ok_or_else(|| Error::Empty(self.name()))?;
        Ok(serde_json::from_str(&text(&row[0])).unwrap_or_default())
    }

    /// The rules of the newest crawl, and the robots.txt of an origin.
    ///
    /// # Errors
    /// If the file holds no crawl or cannot be read.
    pub fn rules(&self, origin: &str) -> Result<RulesOfCrawl, Error> {
        let quoted = origin.replace('\'', "''");
        let rows = self.rows(&format!(
            "SELECT c.seeds, c.config, o.robots_status, o.robots_body,
                 (SELECT count(*) FROM state s WHERE s.crawl_id = c.id AND {COUNTS})
             FROM crawl c LEFT JOIN origin o ON o.origin = '{quoted}' ORDER BY c.id DESC LIMIT 1"
        ))?;
        let row = rows.first().ok_or_else(|| Error::Empty(self.name()))?;
        let traps = |released: &str| -> Result<Vec<String>, Error> {
            let sql = format!(
                "SELECT pattern FROM trap WHERE released_at IS {released} ORDER BY 1 LIMIT 10000"
            );
            Ok(self.rows(&sql)?.iter().map(|row| text(&row[0])).collect())
        };
        Ok(RulesOfCrawl {
            seeds: serde_json::from_str(&text(&row[0])).unwrap_or_default(),
            config: text(&row[1]),
            robots_status: u16::try_from(integer(&row[2])).ok().filter(|status| *status > 0),
            robots_body: Some(text(&row[3])),
            traps: (traps("NULL")?, traps("NOT NULL")?),
            pages: u64::try_from(integer(&row[4])).unwrap_or_default(),
        })
    }

    /// The same budgets with what the newest crawl has used of them.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn used(&self, mut budgets: Budgets) -> Result<Budgets, Error> {
        if budgets.is_empty() {
            return Ok(budgets);
        }
        let sql = format!(
            "SELECT u.url FROM state s JOIN url u ON u.id = s.url_id
             WHERE s.crawl_id = (SELECT max(id) FROM crawl) AND {COUNTS}"
        );
        self.each(&sql, |row| {
            if let Ok(url) = CanonicalUrl::parse(&text(&row[0])) {
                budgets.count(&url);
            }
        })?;
        Ok(budgets)
    }
}
