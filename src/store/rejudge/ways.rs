//! What leads to a URL, by the pages that a crawl has fetched?

use std::collections::{HashMap, HashSet};

use tokio_rusqlite::rusqlite::{Result, Transaction, params};

use super::Standing;
use crate::engine::record::{Depth, Kind};
use crate::extract::{LinkKind, is_hint, leads_to_document, says_nofollow};

/// How far from the seeds a URL is, and on which row that shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) depth: Depth,
    pub(super) found_on: Option<i64>,
}

/// The nearest way of each sort.
#[derive(Default)]
pub(super) struct Found {
    /// To a page: by a followed link, a redirect, a sitemap, or because it is a seed.
    pub(super) page: Option<Way>,
    /// To a part of a page.
    pub(super) part: Option<Way>,
    /// By anything that may be asked for to see whether it is there.
    pub(super) asked: Option<Way>,
    /// Why a link is not followed that leads to a page.
    pub(super) nofollow: Option<&'static str>,
    /// As what it stands on a page that has no link to it as a page.
    pub(super) what: Option<String>,
}

/// What the rows of a crawl say besides links.
pub(super) struct Ways {
    crawl_id: i64,
    nofollow: bool,
    /// By target: where redirects to it are, and as what those were fetched.
    redirects: HashMap<i64, Vec<(Way, Kind)>>,
    in_sitemaps: HashSet<i64>,
}

fn nearest(known: &mut Option<Way>, way: Way) {
    if known.is_none_or(|known| way.depth < known.depth) {
        *known = Some(way);
    }
}

impl Ways {
    pub(super) fn load(tx: &Transaction<'_>, crawl_id: i64, nofollow: bool) -> Result<Self> {
        let mut redirects: HashMap<i64, Vec<_>> = HashMap::new();
        let mut statement = tx.prepare(
            "SELECT f.redirect_to, s.depth, s.url_id, s.kind FROM state s JOIN fetch f ON f.id = s.fetch_id
             WHERE s.crawl_id = ?1 AND s.state = 'done' AND f.redirect_to IS NOT NULL",
        )?;
        let mut rows = statement.query([crawl_id])?;
        while let Some(row) = rows.next()? {
            let way = Way { depth: Depth::from_rank(row.get(1)?), found_on: row.get(2)? };
            let kind = Kind::from_stored(&row.get::<_, String>(3)?);
            redirects.entry(row.get(0)?).or_default().push((way, kind));
        }
        let mut statement = tx.prepare(
            "SELECT DISTINCT e.url_id FROM sitemap_entry e JOIN state s ON s.crawl_id = ?1 AND s.url_id = e.url_id
             WHERE e.crawl_id = ?1 AND (s.state <> 'done' OR s.kind = 'external') AND s.kind <> 'sitemap'",
        )?;
        let in_sitemaps =
            statement.query_map([crawl_id], |row| row.get(0))?.collect::<Result<_>>()?;
        Ok(Self { crawl_id, nofollow, redirects, in_sitemaps })
    }

    /// What leads to a URL.
    pub(super) fn of(&self, tx: &Transaction<'_>, it: &Standing) -> Result<Found> {
        let mut found = Found::default();
        self.links(tx, it.id, &mut found)?;
        for (way, kind) in self.redirects.get(&it.id).into_iter().flatten() {
            match kind {
                Kind::Page | Kind::External => nearest(&mut found.page, *way),
                Kind::Asset => nearest(&mut found.part, *way),
                Kind::Sitemap | Kind::Robots => continue,
            }
            nearest(&mut found.asked, *way);
        }
        if self.in_sitemaps.contains(&it.id) {
            nearest(&mut found.page, Way { depth: Depth::NONE, found_on: it.found_on });
        }
        match it.found_on {
            None => nearest(&mut found.page, Way { depth: Depth::new(0), found_on: None }),
            // A robots.txt that names sitemaps may be a part of a page itself.
            Some(_) if it.kind == Kind::Sitemap => {}
            Some(on) => self.odd_ways(tx, it, on, &mut found)?,
        }
        Ok(found)
    }

    fn links(&self, tx: &Transaction<'_>, id: i64, found: &mut Found) -> Result<()> {
        let mut statement = tx.prepare_cached(
            "SELECT h.kind, coalesce(l.rel, ''), h.is_follow, p.is_follow, s.depth, p.url_id
             FROM link l JOIN link_shape h ON h.id = l.shape_id JOIN page p ON p.id = l.id >> 17
             JOIN state s ON s.crawl_id = ?1 AND s.url_id = p.url_id AND s.state = 'done'
             JOIN fetch f ON f.id = s.fetch_id AND f.page_id = p.id
             WHERE l.target_id = ?2",
        )?;
        let mut rows = statement.query(params![self.crawl_id, id])?;
        while let Some(row) = rows.next()? {
            let kind = row.get_ref(0)?.as_str()?;
            let rel = row.get_ref(1)?.as_str()?;
            let Some(kind) = LinkKind::from_stored(kind) else { continue };
            let way = Way { depth: Depth::from_rank(row.get(4)?).next(), found_on: row.get(5)? };
            let may_be_asked_for = kind.may_be_fetched() && !is_hint(rel);
            if may_be_asked_for {
                nearest(&mut found.asked, way);
            }
            if row.get(2)? || leads_to_document(kind, rel, "") {
                if self.nofollow && !row.get::<_, bool>(3)? {
                    found.nofollow = Some("the page says nofollow");
                } else if self.nofollow && says_nofollow(rel) {
                    found.nofollow = found.nofollow.or(Some("rel=nofollow"));
                } else {
                    nearest(&mut found.page, way);
                }
            } else {
                if may_be_asked_for {
                    nearest(&mut found.part, way);
                }
                let what = if is_hint(rel) { "hint" } else { kind.as_str() };
                found.what.get_or_insert_with(|| what.to_owned());
            }
        }
        Ok(())
    }

    /// Ways that are no links: from a stylesheet, or because a mirror's URL stands for it.
    fn odd_ways(
        &self,
        tx: &Transaction<'_>,
        it: &Standing,
        on: i64,
        found: &mut Found,
    ) -> Result<()> {
        let mut statement = tx.prepare_cached(
            "SELECT kind, reason FROM state WHERE crawl_id = ?1 AND url_id = ?2 AND state <> 'pending'",
        )?;
        let mut rows = statement.query(params![self.crawl_id, on])?;
        let Some(row) = rows.next()? else { return Ok(()) };
        let way = Way { depth: it.depth, found_on: Some(on) };
        if row.get_ref(1)?.as_str_or_null()? == Some("mirror") {
            nearest(&mut found.page, way);
        } else if row.get_ref(0)?.as_str()? == "asset" {
            nearest(&mut found.part, way);
            nearest(&mut found.asked, way);
            found.what.get_or_insert_with(|| LinkKind::Link.as_str().to_owned());
        }
        Ok(())
    }
}
