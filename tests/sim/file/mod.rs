//! What would the store's file hold?
//!
//! A model of the writer and its file: records are taken in the order in which
//! they were handed over and become true together when their batch is committed;
//! a crash loses what is not. Rows mean what they mean in the store.

mod between;
mod load;
mod rejudge;
mod reply;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crawlite::engine::record::{
    Depth, Discovery, Ending, Kind, Met, OriginId, OriginRecord, PageRecord, Record, Reply, UrlId,
    VisitRecord,
};
use crawlite::extract::LinkKind;
use crawlite::hash::{ContentHash, UrlHash};
use crawlite::refusal::{Reason, Refusal};

/// Where a URL stands in the crawl.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) refusal: Option<Refusal>,
    pub(crate) is_done: bool,
    pub(crate) kind: Kind,
    pub(crate) depth: Depth,
    pub(crate) hops: u8,
    pub(crate) origin: Option<OriginId>,
    pub(crate) found_on: Option<UrlId>,
    pub(crate) attempts: u8,
    pub(crate) not_before: Option<i64>,
    pub(crate) crashes: u32,
    /// It came nearer, and what it leads to was not offered again yet.
    pub(crate) owes: bool,
    /// The last request, in the list of all.
    pub(crate) fetch: Option<usize>,
}

impl State {
    pub(crate) fn is_pending(&self) -> bool {
        !self.is_done && self.refusal.is_none()
    }

    pub(crate) fn reason(&self) -> Option<Reason> {
        self.refusal.as_ref().map(|refusal| refusal.reason)
    }

    /// `pending`, `done`, or the reason against it.
    pub(crate) fn name(&self) -> &'static str {
        self.reason().map_or(if self.is_done { "done" } else { "pending" }, Reason::as_str)
    }

    /// Whether it was asked for, so that it counts as a page.
    pub(crate) fn counts(&self) -> bool {
        self.kind == Kind::Page && (self.is_done || self.attempts > 0)
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) name: Box<str>,
    pub(crate) asked_at: Option<i64>,
    pub(crate) status: Option<u16>,
    pub(crate) body: Option<Vec<u8>>,
    pub(crate) hold_until: Option<i64>,
    pub(crate) parked: Option<Box<str>>,
    pub(crate) mirror_of: Option<OriginId>,
}

/// A request of this crawl.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    pub(crate) url: UrlId,
    pub(crate) started_at: i64,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<&'static str>,
    pub(crate) wire_bytes: u64,
    pub(crate) redirect_to: Option<UrlId>,
    /// In the list of all page versions.
    pub(crate) page: Option<usize>,
}

impl Fetch {
    /// What it gave, in one word.
    pub(crate) fn outcome(&self) -> String {
        let status = self.status.map(|status| status.to_string());
        status.or(self.error.map(str::to_owned)).unwrap_or_default()
    }
}

/// A page version.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    url: UrlId,
    hash: ContentHash,
    /// How it was read; `None`: not as anything is read any more.
    reading: Option<u64>,
    /// Whether it lets its links be followed.
    follow: bool,
    pub(crate) links: Vec<StoredLink>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoredLink {
    pub(crate) target: UrlId,
    pub(crate) position: u32,
    pub(crate) kind: LinkKind,
    pub(crate) rel: Box<str>,
    pub(crate) follow: bool,
    pub(crate) times: u32,
}

/// The file, and what is on its way to it.
#[derive(Debug, Default)]
pub(crate) struct File {
    pub(crate) urls: BTreeMap<UrlId, (Arc<str>, UrlHash)>,
    pub(crate) states: BTreeMap<UrlId, State>,
    pub(crate) origins: BTreeMap<OriginId, Origin>,
    pub(crate) fetches: Vec<Fetch>,
    /// When the requests of all crawls were made.
    asked_at: Vec<i64>,
    pages: Vec<Page>,
    sitemap_entries: BTreeSet<(UrlId, UrlId)>,
    /// Pattern, and whether it was released.
    pub(crate) traps: Vec<(Box<str>, crawlite::traps::Trap, i64, bool)>,
    inbox: VecDeque<Record>,
    pub(crate) elapsed: Duration,
    /// Crawls of it so far.
    pub(crate) crawls: u32,
}

impl File {
    pub(crate) fn hand_over(&mut self, record: Record) {
        self.inbox.push_back(record);
    }

    pub(crate) fn waiting(&self) -> usize {
        self.inbox.len()
    }

    /// The records of the next batch of at most `count`.
    pub(crate) fn next_batch(&mut self, count: usize) -> Vec<Record> {
        self.inbox.drain(..count.min(self.inbox.len())).collect()
    }

    /// Commits a batch, and gives the answers to the questions in it.
    pub(crate) fn commit(&mut self, batch: Vec<Record>, elapsed: Duration) -> Vec<Reply> {
        self.elapsed = elapsed;
        batch.into_iter().filter_map(|record| self.apply(record)).collect()
    }

    /// The process died.
    pub(crate) fn crash(&mut self) {
        self.inbox.clear();
    }

    pub(crate) fn url(&self, id: UrlId) -> &str {
        &self.urls[&id].0
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.urls.is_empty()
    }

    fn apply(&mut self, record: Record) -> Option<Reply> {
        match record {
            Record::Met(met) => self.meet(met),
            Record::Visit(visit) => self.visit(*visit),
            Record::Origin(origin) => self.origin(*origin),
            Record::Hold(origin, until) => self.origin_mut(origin).hold_until = Some(until),
            Record::Refused(id, refusal) => self.refuse(id, refusal),
            Record::Reopened(ids) => {
                for id in ids {
                    let state = self.states.get_mut(&id).expect("a reopened URL was met");
                    assert!(state.is_done, "{id:?} was reopened but is {state:?}");
                    (state.is_done, state.attempts, state.not_before) = (false, 0, None);
                }
            }
            Record::Trap { host, trap, at } => {
                let is_same =
                    |(other, known, ..): &(Box<str>, crawlite::traps::Trap, i64, bool)| {
                        *other == host && known.pattern == trap.pattern
                    };
                if !self.traps.iter().any(is_same) {
                    self.traps.push((host, trap, at, false));
                }
            }
            Record::Mirror(mirror, original) => {
                self.origin_mut(mirror).mirror_of = Some(original);
            }
            Record::Parked(origin, why) => {
                assert!(!why.is_empty(), "{origin:?} is parked without a word");
                self.origin_mut(origin).parked = Some(why);
            }
            Record::Nearer { urls, with_far } => {
                let rows =
                    urls.into_iter().map(|(id, depth, on)| self.nearer(id, (depth, on), with_far));
                return Some(Reply::Nearer(rows.collect()));
            }
            Record::Offered(ids) => {
                for id in ids {
                    self.states.get_mut(&id).expect("it came nearer").owes = false;
                }
            }
            Record::Barrier => return Some(Reply::Passed),
            Record::Refill { origin, from, limit } => {
                return Some(self.refill(origin, from, limit as usize));
            }
        }
        None
    }

    fn refuse(&mut self, id: UrlId, refusal: Refusal) {
        let state = self.states.get_mut(&id).expect("a refused URL was met");
        assert!(state.is_pending(), "{id:?} was refused twice: {state:?}");
        assert!(!refusal.detail.is_empty(), "{id:?} is refused without evidence: {refusal:?}");
        state.refusal = Some(refusal);
    }

    fn meet(&mut self, met: Met) {
        for (id, name) in met.origins {
            let is_new = self.origins.insert(id, Origin { name, ..Origin::default() }).is_none();
            assert!(is_new, "{id:?} was inserted twice");
        }
        for Discovery { id, new, standing } in met.urls {
            if let Some(new) = new {
                assert!(self.urls.insert(id, new).is_none(), "{id:?} was inserted twice");
            }
            assert!(self.urls.contains_key(&id), "{id:?} has no row");
            let Some(standing) = standing else { continue };
            let before = self.states.get(&id);
            assert!(
                before.is_none_or(|state| state.refusal.is_some()),
                "{} is met afresh but was {before:?}",
                self.url(id)
            );
            let state = State {
                refusal: standing.refusal,
                is_done: false,
                kind: standing.kind,
                depth: standing.depth,
                hops: standing.hops,
                origin: standing.origin,
                found_on: standing.found_on,
                attempts: 0,
                not_before: None,
                crashes: before.map_or(0, |before| before.crashes),
                owes: before.is_some_and(|before| before.owes),
                fetch: before.and_then(|before| before.fetch),
            };
            assert!(standing.found_on.is_none_or(|id| self.urls.contains_key(&id)));
            assert!(standing.origin.is_none_or(|id| self.origins.contains_key(&id)));
            self.states.insert(id, state);
        }
    }

    fn visit(&mut self, visit: VisitRecord) {
        self.meet(visit.met);
        let id = visit.candidate.id;
        let page = visit.page.map(|page| self.page(id, visit.candidate.revisit, &page, &visit.ids));
        for target in
            visit.ids.iter().chain(&visit.redirect_to).filter(|_| visit.ending != Ending::Untouched)
        {
            assert!(self.states.contains_key(target), "{target:?} is linked but has no state");
        }
        for entry in &visit.sitemap.entries {
            self.sitemap_entries.insert((id, visit.ids[entry.target as usize]));
        }
        let fetch = visit.fetch;
        self.asked_at.push(fetch.started_at);
        self.fetches.push(Fetch {
            url: id,
            started_at: fetch.started_at,
            status: fetch.status,
            error: fetch.error,
            wire_bytes: fetch.wire_bytes,
            redirect_to: visit.redirect_to,
            page,
        });
        if visit.ending == Ending::Untouched {
            return;
        }
        let state = self.states.get_mut(&id).expect("a visited URL was met");
        assert!(state.is_pending(), "{:?} was visited as {state:?}", visit.candidate);
        match visit.ending {
            Ending::Done => {
                state.is_done = true;
                state.attempts += 1;
                (state.kind, state.not_before, state.crashes) = (visit.candidate.kind, None, 0);
                state.fetch = Some(self.fetches.len() - 1);
            }
            Ending::Retry { attempts, not_before } => {
                (state.attempts, state.not_before, state.crashes) = (attempts, Some(not_before), 0);
                state.fetch = Some(self.fetches.len() - 1);
            }
            Ending::Refused(refusal) => {
                state.attempts += 1;
                self.refuse(id, refusal);
            }
            Ending::Untouched => {}
        }
    }

    /// The page version: that of an earlier crawl if the content is the same.
    fn page(&mut self, id: UrlId, revisit: bool, page: &PageRecord, ids: &[UrlId]) -> usize {
        let is_same = |known: &Page| known.url == id && known.hash == page.content_hash;
        let known = self.pages.iter().rposition(is_same).filter(|_| revisit);
        if let Some(known) = known.filter(|known| self.pages[*known].reading == Some(page.reading))
        {
            return known;
        }
        let links = (0..).zip(&page.links).map(|(position, link)| StoredLink {
            target: ids[link.target as usize],
            position,
            kind: link.kind,
            rel: page.texts.get(link.rel).into(),
            follow: link.follow,
            times: link.times,
        });
        self.pages.push(Page {
            url: id,
            hash: page.content_hash,
            reading: Some(page.reading),
            follow: page.follow,
            links: links.collect(),
        });
        self.pages.len() - 1
    }

    fn origin(&mut self, record: OriginRecord) {
        let origin = self.origin_mut(record.id);
        origin.asked_at = Some(record.robots_at);
        origin.status = record.robots_status;
        origin.body = record.robots_body;
        origin.parked = record.parked.map(Into::into);
    }

    fn origin_mut(&mut self, id: OriginId) -> &mut Origin {
        self.origins.get_mut(&id).expect("an origin was met")
    }

    /// The page that is shown of a URL, and where the redirect leads instead.
    pub(crate) fn shown(&self, id: UrlId) -> (&[StoredLink], Option<UrlId>) {
        let state = &self.states[&id];
        let fetch = state.fetch.filter(|_| state.is_done).map(|at| &self.fetches[at]);
        let page = fetch.and_then(|fetch| fetch.page).map(|at| &self.pages[at]);
        let links = page.map_or(&[][..], |page| &page.links[..]);
        (links, fetch.and_then(|fetch| fetch.redirect_to))
    }

    /// Sitemaps and what they name.
    pub(crate) fn sitemap_entries(&self) -> impl Iterator<Item = &(UrlId, UrlId)> {
        self.sitemap_entries.iter()
    }

    /// The contents of pages, in the order in which they were fetched.
    fn contents(&self) -> impl Iterator<Item = (UrlId, &ContentHash)> {
        let pages = self.fetches.iter().filter(|fetch| fetch.status == Some(200));
        pages.filter_map(|fetch| Some((fetch.url, &self.pages[fetch.page?].hash)))
    }

    /// Whether a page version says this.
    pub(crate) fn says(&self, page: usize, content: u64) -> bool {
        self.pages[page].hash == ContentHash::of(&content.to_le_bytes())
    }

    /// Pages of the crawl that were requested.
    pub(crate) fn pages(&self) -> u64 {
        self.states.values().filter(|state| state.counts()).count() as u64
    }
}
