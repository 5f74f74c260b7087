//! What must a crawl of this world find?
//!
//! A plain search by distance over the world, one URL after the other, without
//! time, failure of the process or any code of the engine. What it says holds
//! for every crawl, in whatever order things happen.
//!
//! Not said: the depth of URLs that are refused for what they are or how they
//! are linked (it is that of whoever met them first).

use std::collections::{BTreeMap, BTreeSet};

use crawlite::engine::record::Kind;
use crawlite::refusal::Reason;

use super::world::{Answer, ROBOTS_HOPS, Site, World, parsed};

/// Where a URL must stand in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stand {
    /// `done`, `pending`, or the reason it is refused for.
    pub(crate) state: &'static str,
    pub(crate) kind: Kind,
    /// `None` if it is not said.
    pub(crate) depth: Option<u16>,
    /// What the last request gave; empty if none was made or that is not said.
    pub(crate) outcome: String,
}

/// A way to a URL, the best first: kind, depth, hops.
type Way = (u16, u8, bool, String);

const NO_WAY: u16 = u16::MAX;
const MAX_HOPS: u8 = 10;
const MAX_LEVELS: u16 = 3;

struct Search<'a> {
    world: &'a World,
    ways: BTreeSet<Way>,
    stands: BTreeMap<String, Stand>,
    /// URLs that only links lead to that are not followed, and why.
    shunned: BTreeMap<String, Reason>,
    touched: BTreeSet<String>,
}

/// The end of every crawl of `world`.
pub(crate) fn expected(world: &World) -> BTreeMap<String, Stand> {
    let mut search = Search {
        world,
        ways: BTreeSet::new(),
        stands: BTreeMap::new(),
        shunned: BTreeMap::new(),
        touched: BTreeSet::new(),
    };
    for seed in &world.seeds {
        search.offer(seed.as_str(), None, 0, 0);
    }
    while let Some((depth, hops, is_sitemap, url)) = search.ways.pop_first() {
        search.reach(&url, depth, hops, is_sitemap);
    }
    for (url, reason) in std::mem::take(&mut search.shunned) {
        search.stands.entry(url).or_insert_with(|| refused(reason));
    }
    search.stands
}

fn refused(reason: Reason) -> Stand {
    Stand { state: reason.as_str(), kind: Kind::Page, depth: None, outcome: String::new() }
}

impl Search<'_> {
    /// A link, redirect or list leads to `url`.
    fn offer(&mut self, url: &str, against: Option<Reason>, depth: u16, hops: u8) {
        if url.starts_with("mailto:") {
            self.stands.insert(url.to_owned(), refused(Reason::Scheme));
        } else if let Err(refusal) = self.world.scope.judge(&parsed(url)) {
            self.stands.insert(url.to_owned(), refused(refusal.reason));
        } else if let Some(reason) = against {
            let worst = self.shunned.entry(url.to_owned()).or_insert(reason);
            if reason == Reason::Nofollow {
                *worst = reason;
            }
        } else {
            self.ways.insert((depth, hops, false, url.to_owned()));
        }
    }

    /// The best way leads to `url`: what becomes of it, and where does it lead?
    fn reach(&mut self, url: &str, depth: u16, hops: u8, is_sitemap: bool) {
        if self.stands.contains_key(url) {
            return;
        }
        let kind = if is_sitemap { Kind::Sitemap } else { Kind::Page };
        let mut stand = Stand { state: "done", kind, depth: Some(depth), outcome: String::new() };
        if let Some(reason) = self.too_far(depth, hops, is_sitemap) {
            stand.state = reason.as_str();
            self.stands.insert(url.to_owned(), stand);
            return;
        }
        self.touch(parsed(url).origin());
        // The touch may have made it a sitemap.
        if self.stands.contains_key(url) {
            return;
        }
        if !is_sitemap && self.ways.contains(&(0, 0, true, url.to_owned())) {
            return;
        }
        stand.state = self.verdict(url);
        self.stands.insert(url.to_owned(), stand);
        if self.stands[url].state == "done" {
            self.visit(url, depth, hops, is_sitemap);
        }
    }

    fn too_far(&self, depth: u16, hops: u8, is_sitemap: bool) -> Option<Reason> {
        if is_sitemap {
            return (depth > MAX_LEVELS).then_some(Reason::Sitemaps);
        }
        if self.world.depth_limit.is_some_and(|limit| depth > limit) {
            return Some(Reason::Depth);
        }
        (hops > MAX_HOPS).then_some(Reason::Redirects)
    }

    /// An origin has its first candidate: its robots.txt names sitemaps.
    fn touch(&mut self, origin: &str) {
        let world = self.world;
        let unheard_of = Site::default();
        let site = world.site(origin).unwrap_or(&unheard_of);
        let is_new = self.touched.insert(origin.to_owned());
        let gives_rules = !site.is_private && site.robots_failures != u64::MAX;
        if !is_new || !world.robots || !world.reads_sitemaps || !gives_rules {
            return;
        }
        let named = if site.robots_hops.len() > ROBOTS_HOPS { &[][..] } else { &site.sitemaps };
        for url in named.iter().chain([&format!("{origin}/sitemap.xml")]) {
            self.ways.insert((0, 0, true, url.clone()));
        }
    }

    /// What an origin says of a URL of it.
    fn verdict(&self, url: &str) -> &'static str {
        let url = parsed(url);
        let Some(site) = self.world.site(url.origin()) else { return "done" };
        if site.is_private {
            return Reason::Private.as_str();
        }
        if !self.world.robots {
            return "done";
        }
        if site.robots_failures == u64::MAX {
            return "pending";
        }
        let has_rules = site.robots_hops.len() <= ROBOTS_HOPS;
        let is_disallowed = site.disallow.iter().any(|path| url.path().starts_with(&**path));
        if has_rules && is_disallowed && url.path() != "/robots.txt" {
            return Reason::Robots.as_str();
        }
        "done"
    }

    fn visit(&mut self, url: &str, depth: u16, hops: u8, is_sitemap: bool) {
        let world = self.world;
        let Some(node) = world.nodes.get(url) else {
            self.end(url, "404".to_owned());
            return;
        };
        if let Some(failure) = node.failures.get(usize::from(world.retries)) {
            self.end(url, super::servers::outcome_name(*failure));
            return;
        }
        match &node.answer {
            Answer::Private => {
                self.end(url, String::new());
                self.stands.get_mut(url).expect("just set").state = Reason::Private.as_str();
            }
            Answer::Status(status) => self.end(url, status.to_string()),
            Answer::Redirect(target) => {
                self.end(url, "301".to_owned());
                self.offer(target, None, depth, hops + 1);
            }
            Answer::Page(links) => {
                self.end(url, "200".to_owned());
                let next = if depth == NO_WAY { NO_WAY } else { depth + 1 };
                for link in links.iter().filter(|_| !is_sitemap) {
                    let nofollow = link.nofollow.then_some(Reason::Nofollow);
                    let against = if link.asset { Some(Reason::Asset) } else { nofollow };
                    self.offer(&link.to, against, next, 0);
                }
            }
            Answer::Sitemap(pages, maps) => {
                self.end(url, "200".to_owned());
                if !is_sitemap {
                    return;
                }
                for page in pages {
                    self.offer(page, None, NO_WAY, 0);
                }
                for map in maps {
                    if self.world.scope.judge(&parsed(map)).is_ok() {
                        self.ways.insert((depth + 1, 0, true, map.clone()));
                    } else {
                        self.offer(map, None, 0, 0);
                    }
                }
            }
        }
    }

    fn end(&mut self, url: &str, outcome: String) {
        self.stands.get_mut(url).expect("it is reached").outcome = outcome;
    }
}
