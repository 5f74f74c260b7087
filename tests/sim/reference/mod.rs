//! What must a crawl of this world have found?
//!
//! A plain search by distance over the world, one URL after the other, without
//! time, failure of the process or any code of the engine. What it says holds
//! for every crawl, in whatever order things happen. Where the order decides, the
//! file's own word is taken if the rule that it names may speak here (`claims`);
//! everything that follows from it must hold again.
//!
//! Not said: the depth of URLs that are refused for what they are or how they
//! are linked (it is that of whoever met them first).

mod claims;
mod earlier;
mod leads;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crawlite::config::Config;
use crawlite::engine::record::{Kind, UrlId};
use crawlite::refusal::Reason;
use crawlite::scope::Scope;

use super::file::{File, State};
use super::world::{Answer, World, parsed};

pub(crate) use claims::is_hopeless;

/// Where a URL must stand in the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stand {
    /// `done`, `pending`, or the reason it is refused for.
    state: &'static str,
    /// `None` if it is not said.
    kind: Option<Kind>,
    /// `None` if it is not said.
    depth: Option<u16>,
    /// What the last request gave; `None` if it is not said.
    outcome: Option<String>,
}

/// What was known when settings changed: what was met then is not judged afresh by
/// how it is linked.
#[derive(Debug, Default)]
pub(crate) struct Past {
    pub(crate) done: HashSet<UrlId>,
    pub(crate) pending: HashSet<UrlId>,
}

/// What a crawl that is over is compared with.
pub(crate) struct Case<'a> {
    pub(crate) world: &'a World,
    pub(crate) config: &'a Config,
    pub(crate) scope: &'a Scope,
    pub(crate) file: &'a File,
    pub(crate) past: &'a Past,
    /// Whether settings were others before.
    pub(crate) is_changed: bool,
    /// How often the process died.
    pub(crate) crashes: u64,
}

/// A way to a URL, the best first: depth, redirects behind it, kind, URL.
type Way = (u16, u8, u8, String);

const NO_WAY: u16 = u16::MAX;
const MAX_HOPS: u8 = 10;
const MAX_LEVELS: u16 = 3;
const KINDS: [Kind; 4] = [Kind::Page, Kind::Sitemap, Kind::Asset, Kind::External];

struct Search<'a> {
    case: &'a Case<'a>,
    by_url: BTreeMap<&'a str, UrlId>,
    ways: BTreeSet<Way>,
    stands: BTreeMap<String, Stand>,
    /// URLs that only links lead to that are not followed, and why.
    shunned: BTreeMap<String, Reason>,
    touched: BTreeSet<String>,
    /// URLs whose depth is the file's word.
    granted: HashSet<String>,
    /// Pages that are too far, if nothing else is said of them.
    far: BTreeMap<String, Stand>,
    /// URLs that were asked for as parts of pages, and turned out to be pages.
    converted: HashSet<String>,
}

/// Compares the file with what must be in it.
pub(crate) fn compare(case: &Case<'_>) {
    let mut search = Search::new(case);
    for seed in &case.world.seeds {
        search.offer(seed.as_str(), Kind::Page, 0, 0);
    }
    search.offer_named_sitemaps();
    search.offer_earlier_twins();
    search.offer_earlier_finds();
    while let Some((depth, hops, kind, url)) = search.ways.pop_first() {
        search.reach(&url, KINDS[usize::from(kind)], depth, hops);
    }
    for (url, stand) in std::mem::take(&mut search.far) {
        search.stands.entry(url).or_insert(stand);
    }
    for (url, reason) in std::mem::take(&mut search.shunned) {
        let reason = search.stays_aside(&url, 0).unwrap_or(reason);
        search.stands.entry(url).or_insert_with(|| refused(reason));
    }
    search.compare();
}

fn refused(reason: Reason) -> Stand {
    Stand { state: reason.as_str(), kind: None, depth: None, outcome: None }
}

impl<'a> Search<'a> {
    fn new(case: &'a Case<'a>) -> Self {
        Self {
            case,
            by_url: case.file.states.keys().map(|id| (case.file.url(*id), *id)).collect(),
            ways: BTreeSet::new(),
            stands: BTreeMap::new(),
            shunned: BTreeMap::new(),
            touched: BTreeSet::new(),
            granted: HashSet::new(),
            far: BTreeMap::new(),
            converted: HashSet::new(),
        }
    }

    fn compare(&self) {
        let wrong = self.stands.iter().filter_map(|(url, should)| {
            let state = self.file_state(url);
            let is = state.map(|state| Stand {
                state: state.name(),
                kind: should.kind.map(|_| state.kind),
                depth: should.depth.map(|_| state.depth.rank()),
                outcome: should.outcome.as_ref().map(|_| self.outcome(state)),
            });
            let text = || format!("{url} should end as {should:?}, not {is:?}: {state:?}");
            let order = (should.depth.is_none(), should.depth);
            (is.as_ref() != Some(should)).then(|| (order, text(), url))
        });
        // The rest may follow from what is nearest.
        if let Some((_, text, url)) = wrong.min() {
            panic!("{text}{}", self.sources(url));
        }
        let more = self.by_url.keys().filter(|url| !self.stands.contains_key(**url));
        let more: Vec<_> = more.filter(|url| !self.was_twin(url)).collect();
        assert!(more.is_empty(), "nothing leads to {more:?}");
    }

    /// What leads to `url`, for who looks for the cause of a failure.
    fn sources(&self, url: &str) -> String {
        let mut text = String::new();
        for (source, stand) in &self.stands {
            if self.leads_to(source, url) {
                let node = self.case.world.served(source).map(|served| served.node);
                text +=
                    &format!("\n  from {source} {stand:?} {:?} {node:?}", self.file_state(source));
            }
        }
        text
    }

    /// Whether an answer of `source` names `url`.
    fn leads_to(&self, source: &str, url: &str) -> bool {
        let Some(served) = self.case.world.served(source) else { return false };
        match &served.node.answer {
            Answer::Page { links, .. } => links.iter().any(|link| served.target(&link.to) == url),
            Answer::Redirect(_, to) => served.target(to) == url,
            Answer::Css(list) => list.iter().any(|to| served.target(to) == url),
            Answer::Sitemap(pages, maps) => {
                pages.iter().chain(maps).any(|to| served.target(to) == url)
            }
            _ => false,
        }
    }

    /// Whether the file says that this is against `url`.
    fn says(&self, url: &str, reason: Reason) -> bool {
        self.file_state(url).is_some_and(|state| state.reason() == Some(reason))
    }

    fn file_state(&self, url: &str) -> Option<&'a State> {
        self.by_url.get(url).map(|id| &self.case.file.states[id])
    }

    /// What the last request gave, as the file has it.
    fn outcome(&self, state: &State) -> String {
        let fetch = state.fetch.filter(|_| state.is_done);
        fetch.map(|at| self.case.file.fetches[at].outcome()).unwrap_or_default()
    }

    /// A way to what may be fetched.
    fn way(&mut self, url: &str, kind: Kind, depth: u16, hops: u8) {
        let rank = KINDS.iter().position(|other| *other == kind).expect("not a robots.txt");
        let rank = u8::try_from(rank).expect("small");
        self.ways.insert((depth, hops, rank, url.to_owned()));
    }

    /// The best way leads to `url`: what becomes of it, and where does it lead?
    fn reach(&mut self, url: &str, kind: Kind, depth: u16, hops: u8) {
        if let Some(stand) = self.stands.get(url) {
            // A nearer way is found late if a page is on it that is too far, and was fetched
            // as a part of another.
            if stand.depth.is_none_or(|known| known <= depth) {
                return;
            }
            self.stands.remove(url);
        }
        if self.belongs_and_is_far(url, kind, depth) {
            return self.set_far(url, Kind::Page, refused(Reason::Depth));
        }
        // How it is linked decides where it was met as a part of a page, and parts are not wanted.
        if kind == Kind::Asset && self.is_unwanted_part(url) {
            self.shunned.entry(url.to_owned()).or_insert(Reason::Asset);
            return;
        }
        if let Some(other) = self.claimed_kind(url, kind) {
            return self.reach_claimed(url, (kind, other), depth, hops);
        }
        let is_granted = self.granted.contains(url);
        // Several ways lead only to sitemaps of nobody.
        let is_at_home = self.case.world.site(parsed(url).origin()).is_some();
        let has_depth = match kind {
            Kind::Page => true,
            Kind::Sitemap => is_at_home && !is_granted,
            _ => false,
        };
        let mut stand = Stand {
            state: "done",
            kind: Some(kind),
            depth: has_depth.then_some(depth),
            outcome: Some(String::new()),
        };
        let is_here_anyway = self.was_done(url)
            || self.converted.contains(url)
            || kind == Kind::Page && self.was_waited_for(url);
        if let Some(reason) = self.too_far(kind, depth, hops).filter(|_| !is_here_anyway) {
            stand.state = self.stays_aside(url, hops).unwrap_or(reason).as_str();
            return self.set_far(url, kind, stand);
        }
        if kind != Kind::External {
            // The process may have died of it before its robots.txt was read.
            let is_sure = !self.says(url, Reason::Crashed);
            self.touch(parsed(url).origin(), is_sure);
        }
        // The touch may have made it a sitemap.
        if self.stands.contains_key(url) {
            return;
        }
        let as_sitemap = (0, 0, 1, url.to_owned());
        if kind == Kind::Page && self.ways.contains(&as_sitemap) && !is_granted {
            return;
        }
        stand.state = self.verdict(url, kind);
        let state = stand.state;
        self.stands.insert(url.to_owned(), stand);
        match state {
            "done" => self.visit(url, kind, depth, hops),
            "mirror" => self.offer_twin(url, kind, depth, hops),
            _ => {}
        }
    }

    /// The file has as something else what is offered as `kind`.
    fn reach_claimed(&mut self, url: &str, (kind, other): (Kind, Kind), depth: u16, hops: u8) {
        let is_set_aside = self.says(url, Reason::Depth);
        if kind == Kind::Asset && !is_set_aside {
            self.converted.insert(url.to_owned());
        } else if kind == Kind::Asset && !self.granted.contains(url) {
            // A page that links to it as both means it as a page.
            return;
        }
        // What was granted is on its way, and may be nearer by this one.
        self.grant_as(url, other, depth, hops);
    }

    /// It may be a part of a page, too, however far it is as a page.
    fn set_far(&mut self, url: &str, kind: Kind, stand: Stand) {
        let list = if kind == Kind::Page { &mut self.far } else { &mut self.stands };
        let known = list.entry(url.to_owned()).or_insert_with(|| stand.clone());
        // What was far as a page, and is one in the end, leads here late.
        if stand.depth < known.depth {
            *known = stand;
        }
    }

    fn too_far(&self, kind: Kind, depth: u16, hops: u8) -> Option<Reason> {
        match kind {
            Kind::Sitemap => (depth > MAX_LEVELS).then_some(Reason::Sitemaps),
            Kind::Page if self.case.config.limits.depth.is_some_and(|limit| depth > limit) => {
                Some(Reason::Depth)
            }
            _ => (hops > MAX_HOPS).then_some(Reason::Redirects),
        }
    }
}
