//! Where on the site does each page lie, and how do the parts of the site link?
//!
//! What a part is, the caller says: this file only counts. Two bytes are held for
//! each URL and page version of the file.

use super::Reports;
use super::parts::{has_shape, ids_in, in_parts};
use crate::store::QueryError;

/// Of no part.
const NONE: u16 = u16::MAX;
/// Ids up to which URLs and page versions are told apart: 200 MB for each. A file
/// that names larger ones has as many rows, or was tampered with.
const MAX_ID: usize = 100_000_000;

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
        let (mut of_url, mut of_version) = (Vec::new(), Vec::new());
        self.query.each(PAGES, &[&crawl_id], |row| {
            let part = part_of(row.get_ref(3)?.as_str().unwrap_or_default());
            put(&mut of_url, row.get(0)?, part);
            put(&mut of_version, row.get::<_, Option<i64>>(1)?.unwrap_or_default(), part);
            Ok(Ok(()))
        })?;
        let width = usize::from(parts);
        let is_text = has_shape(self, "kind IN ('a', 'area') AND region IN ('body', 'main')")?;
        let counted = in_parts(&self.path, &ids_in(&of_version, &NONE), |query, from, to| {
            let mut links = vec![0; width * width];
            query.pairs(
                &format!(
                    "SELECT id, target_id FROM link
                     WHERE id >= {from} << 17 AND id < {to} << 17 AND {is_text}"
                ),
                |id, target_id| {
                    let (from, to) = (find(&of_version, id >> 17), find(&of_url, target_id));
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

/// Rows have ids from 1 on without large gaps, so a list is smaller than a map.
fn put(list: &mut Vec<u16>, id: i64, part: u16) {
    if let Ok(id @ 1..=MAX_ID) = usize::try_from(id) {
        if list.len() <= id {
            list.resize(id + 1, NONE);
        }
        list[id] = part;
    }
}

fn find(list: &[u16], id: i64) -> u16 {
    usize::try_from(id).ok().and_then(|id| list.get(id)).copied().unwrap_or(NONE)
}
