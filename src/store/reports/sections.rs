//! Where on the site does each page lie, and how do the parts of the site link?
//!
//! What a part is, the caller says: this file only counts. Two bytes are held for
//! each URL and page version of the file.

use super::Reports;
use super::by_id::ById;
use super::parts::{has_shape, in_parts};
use crate::store::QueryError;

/// Of no part.
const NONE: u16 = u16::MAX;

/// The pages of a crawl in the order in which they were met.
const PAGES: &str = "
    SELECT s.url_id, f.page_id, f.status, u.url
    FROM state s
    CROSS JOIN fetch f ON f.id = s.fetch_id
    CROSS JOIN url u ON u.id = s.url_id
    WHERE s.crawl_id = ?1 AND s.kind = 'page' AND s.state = 'done'";

impl Reports {
    /// Hands over the URL and status of every page of a crawl.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn each_page(
        &self,
        crawl_id: i64,
        mut on_page: impl FnMut(&str, Option<u16>),
    ) -> Result<u64, QueryError> {
        self.query.each(PAGES, &[&crawl_id], |row| {
            let url = row.get_ref(3)?.as_str().unwrap_or_default();
            on_page(url, row.get(2)?);
            Ok(Ok(()))
        })
    }

    /// How many links (`a` and `area`) in the text of pages of one part of the site
    /// lead to pages of another; what stands in menus, page headers, footers and
    /// asides is nearly the same on every page and left out. `part_of` names the part of a URL, below `parts`. The links
    /// from part `a` to part `b` stand at `a * parts + b`.
    ///
    /// # Errors
    /// See [`QueryError`].
    pub fn links_between(
        &self,
        crawl_id: i64,
        parts: u16,
        mut part_of: impl FnMut(&str) -> u16,
    ) -> Result<Vec<u64>, QueryError> {
        let (mut of_url, mut of_version) = (ById::new(NONE), ById::new(NONE));
        self.query.each(PAGES, &[&crawl_id], |row| {
            let part = part_of(row.get_ref(3)?.as_str().unwrap_or_default());
            of_url.put(row.get(0)?, part);
            of_version.put(row.get(1)?, part);
            Ok(Ok(()))
        })?;
        let width = usize::from(parts);
        let is_text = has_shape(self, "kind IN ('a', 'area') AND region IN ('body', 'main')")?;
        let counted = in_parts(&self.path, &of_version.ids(), |query, from, to| {
            let mut links = vec![0; width * width];
            query.pairs(
                &format!(
                    "SELECT id, target_id FROM link
                     WHERE id >= {from} << 17 AND id < {to} << 17 AND {is_text}"
                ),
                |id, target_id| {
                    let (from, to) = (of_version.get(id >> 17), of_url.get(target_id));
                    if from < parts && to < parts {
                        links[usize::from(from) * width + usize::from(to)] += 1;
                    }
                },
            )?;
            Ok(links)
        })?;
        let mut sums = vec![0; width * width];
        for part in &counted {
            sums.iter_mut().zip(part).for_each(|(sum, links)| *sum += links);
        }
        Ok(sums)
    }
}
