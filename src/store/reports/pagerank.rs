//! How much weight do the site's links give each page?
//!
//! Power iteration over the followed links between fetched pages, each target
//! once a page: 4 bytes a link, and no more than [`MAX_ROUNDS`] passes over them.
//! The links are read by some threads at once, each its share of the pages, and
//! meanwhile what else the report says of them.

use std::io;
use std::path::Path;
use std::thread;

use super::by_id::ById;
use super::parts::{has_shape, in_parts, limits};
use super::{Report, Reports, number};
use crate::store::{Query, QueryError, Value};

/// The part of the weight that follows links; the rest starts anew anywhere
/// (Brin and Page, 1998).
const DAMPING: f64 = 0.85;
/// Passes over the links at most.
const MAX_ROUNDS: usize = 100;
/// It ends sooner once all ranks together change by less.
const CHANGE: f64 = 1e-6;
/// No page of this crawl.
const NONE: u32 = u32::MAX;

/// Links between pages, sources in any order: the targets of `sources[n]` end at
/// its number.
#[derive(Default)]
struct Links {
    sources: Vec<(u32, usize)>,
    targets: Vec<u32>,
}

impl Links {
    /// Adds what a page links to; each target counts once.
    fn add(&mut self, source: u32, targets: &mut Vec<u32>) {
        targets.sort_unstable();
        targets.dedup();
        if !targets.is_empty() {
            self.targets.append(targets);
            self.sources.push((source, self.targets.len()));
        }
    }

    fn each(&self) -> impl Iterator<Item = (u32, &[u32])> {
        let starts = std::iter::once(0).chain(self.sources.iter().map(|(_, end)| *end));
        self.sources
            .iter()
            .zip(starts)
            .map(|((source, end), start)| (*source, &self.targets[start..*end]))
    }
}

/// The pages of a crawl, numbered from 0.
struct Pages {
    of_url: ById<u32>,
    of_version: ById<u32>,
    count: u32,
    redirects: Links,
}

impl Pages {
    fn new() -> Self {
        let (of_url, of_version) = (ById::new(NONE), ById::new(NONE));
        Self { of_url, of_version, count: 0, redirects: Links::default() }
    }

    fn load(query: &Query, crawl_id: i64) -> Result<Self, QueryError> {
        let sql = "SELECT s.url_id, f.page_id, f.redirect_to FROM state s CROSS JOIN fetch f ON f.id = s.fetch_id
             WHERE s.crawl_id = ?1 AND s.kind = 'page' AND s.state = 'done'";
        let (mut pages, mut redirects) = (Self::new(), Vec::new());
        query.each(sql, &[&crawl_id], |row| {
            pages.of_url.put(row.get(0)?, pages.count);
            pages.of_version.put(row.get(1)?, pages.count);
            redirects
                .extend(row.get::<_, Option<i64>>(2)?.map(|target_id| (pages.count, target_id)));
            pages.count += 1;
            Ok(Ok(()))
        })?;
        for (source, target_id) in redirects {
            let target = pages.of_url.get(target_id);
            if target != NONE {
                pages.redirects.add(source, &mut vec![target]);
            }
        }
        Ok(pages)
    }
}

/// Runs the report, the highest rank first.
pub(super) fn run(
    reports: &Reports,
    report: &Report,
    crawl_id: Option<i64>,
    limit: Option<u64>,
    mut on_columns: impl FnMut(&[String]) -> io::Result<()>,
    mut on_row: impl FnMut(&[Value]) -> io::Result<()>,
) -> Result<u64, QueryError> {
    let Some(shown) = reports.shown(crawl_id)? else { return Ok(0) };
    let is_followed = has_shape(reports, "is_follow = 1 AND kind IN ('a', 'area')")?;
    let (path, part) = (&reports.path, report.part(Some(shown.id)));
    // Ranks order them below; those of one rank stay as they were met.
    let (unordered, _) = part.rsplit_once("\nORDER BY").expect("it is in order");
    let (ranked, listed) = thread::scope(|scope| {
        let ranked = scope.spawn(|| {
            let pages = Pages::load(&Query::open(path, limits())?, shown.id)?;
            let links = read_links(path, &pages, &is_followed)?;
            Ok((ranks(&pages, &links), pages))
        });
        let listed = list(reports, unordered);
        (ranked.join().expect("it only counts"), listed)
    });
    let (ranks, pages) = ranked?;
    let (mut columns, mut rows) = listed?;
    for (rank, row) in &mut rows {
        let page = pages.of_url.get(row.pop().as_ref().map(number).unwrap_or_default());
        *rank = ranks.get(page as usize).copied().unwrap_or_default();
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let scale = Scale::of(&rows);
    rows.truncate(limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX)));
    columns.pop();
    columns.splice(1..1, ["link_score".to_owned(), "pagerank".to_owned()]);
    on_columns(&columns).map_err(QueryError::Output)?;
    let count = rows.len() as u64;
    for (rank, mut row) in rows {
        row.splice(1..1, [Value::Integer(scale.score(rank)), Value::Real(percent(rank))]);
        on_row(&row).map_err(QueryError::Output)?;
    }
    Ok(count)
}

/// The columns and rows of a statement, each with room for its rank.
fn list(reports: &Reports, sql: &str) -> Result<(Vec<String>, Vec<(f64, Vec<Value>)>), QueryError> {
    let (mut columns, mut rows) = (Vec::new(), Vec::new());
    let keep = |names: &[String]| {
        columns = names.to_vec();
        Ok(())
    };
    reports.query.run(sql, keep, |row| {
        rows.push((0.0, row.to_vec()));
        Ok(())
    })?;
    Ok((columns, rows))
}

/// In percent, with three decimals.
fn percent(rank: f64) -> f64 {
    (rank * 100_000.0).round() / 1000.0
}

/// From the lowest to the highest rank, as logarithms.
struct Scale {
    lowest: f64,
    highest: f64,
}

impl Scale {
    fn of(sorted: &[(f64, Vec<Value>)]) -> Self {
        let log = |row: Option<&(f64, _)>| row.map_or(0.0, |(rank, _)| rank.ln());
        Self { lowest: log(sorted.last()), highest: log(sorted.first()) }
    }

    #[expect(clippy::cast_possible_truncation, reason = "0 to 100")]
    fn score(&self, rank: f64) -> i64 {
        let width = self.highest - self.lowest;
        if width > 0.0 { (100.0 * (rank.ln() - self.lowest) / width).round() as i64 } else { 100 }
    }
}

/// The links between the pages, in one part per thread.
fn read_links(path: &Path, pages: &Pages, is_followed: &str) -> Result<Vec<Links>, QueryError> {
    in_parts(path, &pages.of_version.ids(), |query, from, to| {
        let sql = format!(
            "SELECT id, target_id FROM link WHERE id >= {from} << 17 AND id < {to} << 17 AND {is_followed}"
        );
        read_part(query, pages, &sql)
    })
}

/// The links that a statement gives, by id and target.
fn read_part(query: &Query, pages: &Pages, sql: &str) -> Result<Links, QueryError> {
    let mut links = Links::default();
    let (mut version, mut source, mut targets) = (0, NONE, Vec::new());
    query.pairs(sql, |id, target_id| {
        if id >> 17 != version {
            links.add(source, &mut targets);
            version = id >> 17;
            source = pages.of_version.get(version);
        }
        let target = pages.of_url.get(target_id);
        if source != NONE && target != NONE && target != source {
            targets.push(target);
        }
    })?;
    links.add(source, &mut targets);
    Ok(links)
}

/// The rank of each page; all together are 1.
fn ranks(pages: &Pages, parts: &[Links]) -> Vec<f64> {
    let count = pages.count as usize;
    let all = f64::from(pages.count).max(1.0);
    let mut ranks = vec![1.0 / all; count];
    for _ in 0..MAX_ROUNDS {
        let mut next = vec![0.0; count];
        let mut followed = 0.0;
        for (source, targets) in parts.iter().chain([&pages.redirects]).flat_map(Links::each) {
            let rank = ranks[source as usize];
            followed += rank;
            let share = rank / f64::from(u32::try_from(targets.len()).unwrap_or(NONE));
            for &target in targets {
                next[target as usize] += share;
            }
        }
        // What leads nowhere leads everywhere.
        let rest = (1.0 - DAMPING + DAMPING * (1.0 - followed)) / all;
        let mut change = 0.0;
        for (rank, next) in ranks.iter_mut().zip(&next) {
            let new = DAMPING * next + rest;
            change += (new - *rank).abs();
            *rank = new;
        }
        if change < CHANGE {
            break;
        }
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: u32, links: &[(u32, &[u32])]) -> Vec<f64> {
        let mut part = Links::default();
        for (source, targets) in links {
            part.add(*source, &mut targets.to_vec());
        }
        ranks(&Pages { count, ..Pages::new() }, &[part])
    }

    #[test]
    fn ranks_are_those_of_the_known_example() {
        // The four-page example of Wikipedia's article "PageRank": B, C and D link to A, B to C, D to all.
        let ranks = of(4, &[(1, &[0, 2]), (2, &[0]), (3, &[0, 1, 2])]);
        assert!((ranks.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{ranks:?}");
        assert!(ranks[0] > ranks[2] && ranks[2] > ranks[1] && ranks[1] > ranks[3], "{ranks:?}");
        // A ring is level, however often a page names the next.
        let ring = of(3, &[(0, &[1, 1]), (1, &[2]), (2, &[0])]);
        assert!(ring.iter().all(|rank| (rank - 1.0 / 3.0).abs() < 1e-9), "{ring:?}");
        // Two pages that link to a third, which links to the first: solved by hand.
        let ranks = of(3, &[(0, &[2]), (1, &[2]), (2, &[0])]);
        let [zero, one, two] = [ranks[0], ranks[1], ranks[2]];
        assert!(
            (one - 0.05).abs() < 1e-6 && (two - (0.05 + 0.85 * (zero + one))).abs() < 1e-5,
            "{ranks:?}"
        );
    }

    #[test]
    fn nothing_is_ranked_where_nothing_is() {
        assert!(of(0, &[]).is_empty());
        assert_eq!(of(1, &[]), [1.0]);
    }
}
