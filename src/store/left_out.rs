//! What was left out of a crawl that its person may well have meant?
//!
//! Only what cannot be seen from the number of URLs by reason: where the seeds lead,
//! why a seed was not fetched, and what is on hosts beside those of the seeds.

use serde::Serialize;

use super::reader::{integer, text};
use super::{Error, Reader};
use crate::canonical::CanonicalUrl;
use crate::scope::registrable;

/// Domains of seeds that are looked for.
const MAX_DOMAINS: usize = 3;

/// What a person may have meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Where all answers redirect to, if that is out of the scope.
    pub redirects_to: Option<String>,
    /// Why a seed was not fetched, if nothing was: reason and detail.
    pub seed: Option<(String, String)>,
    /// Domains of the seeds, and how many URLs on other hosts of them are out of scope.
    pub other_hosts: Vec<(String, i64)>,
}

impl Reader {
    /// What was left out of a crawl in which `pages` were answered, `redirects` of them
    /// with a redirect.
    pub(super) fn left_out(
        &self,
        crawl_id: i64,
        seeds: &str,
        pages: i64,
        redirects: i64,
    ) -> Result<LeftOut, Error> {
        Ok(LeftOut {
            redirects_to: if pages == redirects { self.redirects_to(crawl_id)? } else { None },
            seed: if pages == 0 { self.refused_seed(crawl_id)? } else { None },
            other_hosts: self.other_hosts(crawl_id, seeds)?,
        })
    }

    fn redirects_to(&self, crawl_id: i64) -> Result<Option<String>, Error> {
        let rows = self.rows(&format!(
            "SELECT u.url FROM state s JOIN fetch f ON f.id = s.fetch_id
             JOIN state t ON t.crawl_id = s.crawl_id AND t.url_id = f.redirect_to
             JOIN url u ON u.id = t.url_id
             WHERE s.crawl_id = {crawl_id} AND s.kind = 'page' AND t.reason IN ('external', 'out-of-scope')
             ORDER BY s.url_id LIMIT 1"
        ))?;
        Ok(rows.first().map(|row| text(&row[0])))
    }

    fn refused_seed(&self, crawl_id: i64) -> Result<Option<(String, String)>, Error> {
        let rows = self.rows(&format!(
            "SELECT reason, detail FROM state
             WHERE crawl_id = {crawl_id} AND kind = 'page' AND depth = 0 AND reason IS NOT NULL
             ORDER BY url_id LIMIT 1"
        ))?;
        Ok(rows.first().map(|row| (text(&row[0]), text(&row[1]))))
    }

    fn other_hosts(&self, crawl_id: i64, seeds: &str) -> Result<Vec<(String, i64)>, Error> {
        let seeds: Vec<String> = serde_json::from_str(seeds).unwrap_or_default();
        let seeds = seeds.iter().filter_map(|seed| CanonicalUrl::parse(seed).ok());
        let mut domains: Vec<_> =
            seeds.map(|seed| registrable(seed.host_name()).to_owned()).collect();
        domains.sort();
        domains.dedup();
        let mut found = Vec::new();
        for domain in domains.into_iter().take(MAX_DOMAINS) {
            let name = domain.replace('\'', "''");
            let rows = self.rows(&format!(
                "SELECT count(*) FROM state WHERE crawl_id = {crawl_id} AND reason = 'external'
                 AND (detail = '{name}' OR detail LIKE '{name}:%' OR detail LIKE '%.{name}' OR detail LIKE '%.{name}:%')"
            ))?;
            let urls = rows.first().map(|row| integer(&row[0])).unwrap_or_default();
            if urls > 0 {
                found.push((domain, urls));
            }
        }
        Ok(found)
    }
}
