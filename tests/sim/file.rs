//! What would the store's file hold?
//!
//! A model of the writer and its file: records are taken in the order in which
//! they were handed over and become true together when their batch is committed;
//! a crash loses what is not. Rows mean what they mean in the store.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crawlite::canonical::CanonicalUrl;
use crawlite::engine::record::{
    Depth, Discovery, Ending, FoundBy, Kind, Met, NearerRow, OriginId, OriginRecord, PendingRow,
    Record, Reply, UrlId, VisitRecord,
};
use crawlite::engine::{Known, Loaded, LoadedOrigin};
use crawlite::hash::{UrlHash, UrlHasher};
use crawlite::refusal::Reason;
use crawlite::robots::Rules;
use crawlite::traps::Traps;

/// Where a URL stands in the crawl.
#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) reason: Option<Reason>,
    pub(crate) is_done: bool,
    pub(crate) kind: Kind,
    pub(crate) depth: Depth,
    pub(crate) hops: u8,
    pub(crate) origin: Option<OriginId>,
    pub(crate) attempts: u8,
    pub(crate) not_before: Option<i64>,
    /// What the last request gave.
    pub(crate) outcome: String,
    /// Followed links, and the redirect.
    leads_to: Vec<(UrlId, FoundBy)>,
    /// It came nearer, and what it leads to was not offered again yet.
    owes: bool,
}

impl State {
    pub(crate) fn is_pending(&self) -> bool {
        !self.is_done && self.reason.is_none()
    }
}

#[derive(Clone, Debug, Default)]
struct Origin {
    name: Box<str>,
    asked_at: i64,
    status: Option<u16>,
    body: Option<Vec<u8>>,
    hold_until: Option<i64>,
}

/// The file, and what is on its way to it.
#[derive(Debug, Default)]
pub(crate) struct File {
    urls: BTreeMap<UrlId, (Arc<str>, UrlHash)>,
    pub(crate) states: BTreeMap<UrlId, State>,
    origins: BTreeMap<OriginId, Origin>,
    inbox: VecDeque<Record>,
    elapsed: Duration,
}

const DAY_MS: i64 = 24 * 3600 * 1000;

impl File {
    pub(crate) fn hand_over(&mut self, record: Record) {
        self.inbox.push_back(record);
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.inbox.is_empty()
    }

    /// Commits up to `count` records, and gives the answers to the questions among them.
    pub(crate) fn commit(&mut self, count: usize, elapsed: Duration) -> Vec<Reply> {
        let batch: Vec<_> = self.inbox.drain(..count.min(self.inbox.len())).collect();
        self.elapsed = elapsed;
        batch.into_iter().filter_map(|record| self.apply(record)).collect()
    }

    /// The process died.
    pub(crate) fn crash(&mut self) {
        self.inbox.clear();
    }

    /// A further crawl of the same file begins.
    pub(crate) fn begin_crawl(&mut self) {
        self.states.clear();
        self.elapsed = Duration::ZERO;
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
            Record::Hold(origin, until) => {
                self.origin_mut(origin).hold_until = Some(until);
            }
            Record::Refused(id, refusal) => {
                let state = self.states.get_mut(&id).expect("a refused URL was met");
                assert!(state.is_pending(), "{id:?} was refused twice: {state:?}");
                state.reason = Some(refusal.reason);
            }
            Record::Reopened(ids) => {
                for id in ids {
                    let state = self.states.get_mut(&id).expect("a reopened URL was met");
                    assert!(state.is_done, "{id:?} was reopened but is {state:?}");
                    (state.is_done, state.attempts, state.not_before) = (false, 0, None);
                }
            }
            Record::Trap { trap, .. } => panic!("nothing here is a trap: {trap:?}"),
            Record::Mirror(mirror, original) => {
                panic!("{mirror:?} shows no page that {original:?} has");
            }
            Record::Parked(origin, why) => {
                assert!(!why.is_empty(), "{origin:?} is parked without a word");
            }
            Record::Nearer(list) => {
                return Some(Reply::Nearer(
                    list.into_iter().map(|(id, depth, _)| self.nearer(id, depth)).collect(),
                ));
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
                before.is_none_or(|state| state.reason.is_some()),
                "{} is met afresh but was {before:?}",
                self.url(id)
            );
            let state = State {
                reason: standing.refusal.map(|refusal| refusal.reason),
                is_done: false,
                kind: standing.kind,
                depth: standing.depth,
                hops: standing.hops,
                origin: standing.origin,
                attempts: 0,
                not_before: None,
                outcome: String::new(),
                leads_to: Vec::new(),
                owes: false,
            };
            assert!(standing.found_on.is_none_or(|id| self.urls.contains_key(&id)));
            assert!(standing.origin.is_none_or(|id| self.origins.contains_key(&id)));
            self.states.insert(id, state);
        }
    }

    fn visit(&mut self, visit: VisitRecord) {
        self.meet(visit.met);
        let id = visit.candidate.id;
        if visit.ending == Ending::Untouched {
            return;
        }
        let follow = |index: u32| visit.ids[index as usize];
        let links = visit.page.iter().flat_map(|page| &page.links).filter(|link| link.follow);
        let mut leads_to: BTreeSet<_> = links.map(|link| (follow(link.target), false)).collect();
        leads_to.extend(visit.redirect_to.map(|id| (id, true)));
        for (id, _) in &leads_to {
            assert!(self.states.contains_key(id), "{id:?} is linked but has no state");
        }
        let status = visit.fetch.status.map(|status| status.to_string());
        let state = self.states.get_mut(&id).expect("a visited URL was met");
        assert!(state.is_pending(), "{:?} was visited as {state:?}", visit.candidate);
        state.outcome = status.or(visit.fetch.error.map(str::to_owned)).unwrap_or_default();
        let by = |is_redirect| if is_redirect { FoundBy::Redirect } else { FoundBy::Link };
        state.leads_to = leads_to.into_iter().map(|(id, redirect)| (id, by(redirect))).collect();
        match visit.ending {
            Ending::Done => {
                state.is_done = true;
                state.attempts += 1;
            }
            Ending::Retry { attempts, not_before } => {
                state.attempts = attempts;
                state.not_before = Some(not_before);
            }
            Ending::Refused(refusal) => state.reason = Some(refusal.reason),
            Ending::Untouched => {}
        }
    }

    fn origin(&mut self, record: OriginRecord) {
        let origin = self.origin_mut(record.id);
        origin.asked_at = record.robots_at;
        origin.status = record.robots_status;
        origin.body = record.robots_body;
    }

    fn origin_mut(&mut self, id: OriginId) -> &mut Origin {
        self.origins.get_mut(&id).expect("an origin was met")
    }

    fn pending_row(&self, id: UrlId) -> PendingRow {
        let state = &self.states[&id];
        PendingRow {
            id,
            url: CanonicalUrl::from_stored(Arc::clone(&self.urls[&id].0)),
            kind: state.kind,
            depth: state.depth,
            hops: state.hops,
            attempts: state.attempts,
            not_before: state.not_before,
            revisit: false,
        }
    }

    fn nearer(&mut self, id: UrlId, depth: Depth) -> NearerRow {
        let state = self.states.get_mut(&id).expect("a URL that came nearer was met");
        state.depth = state.depth.min(depth);
        let state = &self.states[&id];
        let pending = state.is_pending().then(|| self.pending_row(id));
        let text = |id: &UrlId| {
            let is_aside = self.states[id].reason == Some(Reason::Depth);
            is_aside.then(|| Arc::clone(&self.urls[id].0))
        };
        let pages = state.leads_to.iter().filter(|(id, _)| self.states[id].kind == Kind::Page);
        let leads_to = pages.map(|(id, by)| (*id, *by, text(id)));
        let leads_to: Vec<_> = if state.is_done { leads_to.collect() } else { Vec::new() };
        self.states.get_mut(&id).expect("just read").owes |= !leads_to.is_empty();
        NearerRow { id, pending, leads_to }
    }

    fn refill(&self, origin: OriginId, from: (Depth, UrlId), limit: usize) -> Reply {
        let of_origin =
            self.states.iter().filter(|(_, it)| it.is_pending() && it.origin == Some(origin));
        let mut keys: Vec<_> = of_origin.map(|(id, state)| (state.depth, *id)).collect();
        keys.retain(|key| *key >= from);
        keys.sort_unstable();
        keys.truncate(limit);
        let more = keys.len() == limit;
        let rows = keys.into_iter().map(|(_, id)| self.pending_row(id)).collect();
        Reply::Refilled { origin, rows, more }
    }

    /// What a run begins with, `suspects` having been in flight when the last one died.
    pub(crate) fn load(&self, suspects: &BTreeSet<UrlId>, unix_ms: i64) -> Loaded {
        let mut known = Known::default();
        for (id, (_, hash)) in &self.urls {
            known.load(*id, *hash);
            if let Some(state) = self.states.get(id) {
                let rank = state.reason.map_or(0, Reason::link_rank);
                let depth = match (state.reason, state.kind) {
                    (Some(Reason::Asset | Reason::Nofollow), _) => Depth::NONE,
                    (_, Kind::Page) => state.depth,
                    _ => Depth::new(0),
                };
                known.load_standing(*id, hash, depth, rank);
            }
        }
        let is_pending = |id: &&UrlId| self.states.get(id).is_some_and(State::is_pending);
        let suspects: Vec<_> =
            suspects.iter().filter(is_pending).map(|id| self.pending_row(*id)).collect();
        let origins = self.origins.iter().map(|(id, origin)| {
            let mine = |state: &&State| state.is_pending() && state.origin == Some(*id);
            let suspects = suspects.iter().filter(|row| *row.url.origin() == *origin.name);
            let pending = self.states.values().filter(mine).count() - suspects.count();
            LoadedOrigin {
                name: origin.name.clone(),
                pending: pending as u64,
                rules: origin.rules(unix_ms),
                hold_until: origin.hold_until,
                mirror_of: None,
                is_external: false,
            }
        });
        let origins = origins.collect();
        let pages = self.pages();
        let owing = self.states.iter().filter(|(_, state)| state.owes);
        let owing = owing.map(|(id, _)| *id).collect();
        let mut traps = Traps::new(UrlHasher::new([7; 16]), 2026);
        let judged = self
            .states
            .iter()
            .filter(|(_, state)| state.kind == Kind::Page && (state.is_done || state.is_pending()));
        for (id, _) in judged {
            traps.judge(&CanonicalUrl::from_stored(Arc::clone(&self.urls[id].0)));
        }
        Loaded {
            known,
            origins,
            suspects,
            owing,
            pages,
            bytes: 0,
            elapsed: self.elapsed,
            traps: Some(traps),
            ..Loaded::default()
        }
    }

    /// Pages of the crawl that were requested.
    pub(crate) fn pages(&self) -> u64 {
        let fetched =
            |state: &&State| state.kind == Kind::Page && (state.is_done || state.attempts > 0);
        self.states.values().filter(fetched).count() as u64
    }
}

impl Origin {
    fn rules(&self, unix_ms: i64) -> Option<(Arc<Rules>, Duration)> {
        let rules = match (self.status, &self.body) {
            (Some(200..=299), Some(body)) => Rules::parse(body, "crawlite"),
            (Some(429 | 500..) | None, _) => return None,
            _ => Rules::allow_all(),
        };
        let age = unix_ms - self.asked_at;
        let age = u64::try_from(age).ok().filter(|_| age < DAY_MS)?;
        Some((Arc::new(rules), Duration::from_millis(age)))
    }
}
