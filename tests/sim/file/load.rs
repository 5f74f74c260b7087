//! What does the file know when a run begins?

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crawlite::canonical::CanonicalUrl;
use crawlite::engine::record::{Depth, Kind, OriginId, PendingRow, UrlId};
use crawlite::engine::{Known, Loaded, LoadedOrigin};
use crawlite::refusal::{Reason, Refusal};
use crawlite::robots::Rules;

use super::{File, Origin, State};

const DAY_MS: i64 = 24 * 3600 * 1000;
/// Requests of which one is the newest.
const NEWEST_FETCHES: usize = 1000;
/// Unclean ends during visits of a URL after which it is set aside.
const MAX_CRASHES: u32 = 3;

impl File {
    /// The last run died while it visited `culprits`.
    pub(crate) fn count_crashes(&mut self, culprits: &[UrlId]) {
        for id in culprits {
            if let Some(state) = self.states.get_mut(id).filter(|state| state.is_pending()) {
                state.crashes += 1;
            }
        }
        let states = self.states.values_mut();
        for state in states.filter(|state| state.is_pending() && state.crashes >= MAX_CRASHES) {
            state.refusal = Some(Refusal::new(Reason::Crashed, "three times"));
        }
    }

    /// What a run begins with, `suspects` having been in flight when the last one died.
    pub(crate) fn load(&self, suspects: &[UrlId], mut blank: Loaded, unix_ms: i64) -> Loaded {
        let mut known = Known::default();
        for (id, (_, hash)) in &self.urls {
            let Some(state) = self.states.get(id) else {
                known.load(*id, *hash);
                continue;
            };
            let rank = state.reason().map_or(0, Reason::link_rank);
            let depth = match (state.reason(), state.kind) {
                (_, Kind::Sitemap) => Depth::new(0),
                (Some(Reason::Asset | Reason::External | Reason::Nofollow), _) => Depth::NONE,
                _ => state.depth,
            };
            known.load_standing(*id, *hash, depth, rank);
        }
        self.load_traps(&mut blank);
        if !blank.budgets.is_empty() {
            for (id, _) in self.states.iter().filter(|(_, state)| state.counts()) {
                blank.budgets.count(&self.canonical(*id));
            }
        }
        let is_pending = |id: &&UrlId| self.states.get(id).is_some_and(State::is_pending);
        let mut met = BTreeSet::new();
        let suspects = suspects.iter().filter(|id| met.insert(**id)).filter(is_pending);
        let suspects: Vec<PendingRow> = suspects.map(|id| self.pending_row(*id)).collect();
        let origins = self.load_origins(&suspects, unix_ms);
        let owing = self.states.iter().filter(|(_, state)| state.owes);
        Loaded {
            known,
            origins,
            suspects,
            owing: owing.map(|(id, _)| *id).collect(),
            pages: self.pages(),
            bytes: self.fetches.iter().map(|fetch| fetch.wire_bytes).sum(),
            elapsed: Duration::from_millis(self.elapsed.as_millis().try_into().expect("short")),
            ..blank
        }
    }

    /// How far the clock is behind the newest request, in ms.
    pub(crate) fn set_back(&self, unix_ms: i64) -> i64 {
        let newest = self.asked_at.iter().rev().take(NEWEST_FETCHES).max();
        newest.map_or(0, |newest| (newest - unix_ms).max(0))
    }

    fn load_origins(&self, suspects: &[PendingRow], unix_ms: i64) -> Vec<LoadedOrigin> {
        let set_back = self.set_back(unix_ms);
        let mut pending: HashMap<OriginId, (u64, bool)> = HashMap::new();
        for state in self.states.values().filter(|state| state.is_pending()) {
            let Some(origin) = state.origin else { continue };
            let (count, is_external) = pending.entry(origin).or_default();
            *count += 1;
            *is_external |= state.kind == Kind::External;
        }
        let origin = |(id, origin): (&_, &Origin)| {
            let (count, is_external) = pending.get(id).copied().unwrap_or_default();
            let suspects = suspects.iter().filter(|row| *row.url.origin() == *origin.name).count();
            LoadedOrigin {
                name: origin.name.clone(),
                pending: count - suspects as u64,
                rules: origin.rules(unix_ms),
                hold_until: origin.hold_until.map(|until| until - set_back),
                mirror_of: origin.mirror_of,
                is_external,
            }
        };
        self.origins.iter().map(origin).collect()
    }

    fn load_traps(&self, blank: &mut Loaded) {
        let Some(traps) = &mut blank.traps else { return };
        let mut rows: Vec<_> = self.traps.iter().collect();
        rows.sort_by_key(|(host, trap, at, _)| (*at, host.clone(), trap.pattern.clone()));
        let (released, parked): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.3);
        let patterns = parked.iter().chain(&released).map(|(_, trap, ..)| trap.pattern.clone());
        blank.trap_patterns = patterns.collect();
        let released = released.iter().map(|(_, trap, ..)| &*trap.pattern);
        traps.load(parked.into_iter().map(|(_, trap, ..)| trap.clone()), released);
        for (id, state) in &self.states {
            let was_judged = state.is_done || matches!(state.reason(), None | Some(Reason::Trap));
            if state.kind == Kind::Page && state.found_on.is_some() && was_judged {
                traps.judge(&self.canonical(*id));
            }
        }
        for (id, hash) in self.contents() {
            traps.content(&self.canonical(id), hash);
        }
    }

    pub(crate) fn canonical(&self, id: UrlId) -> CanonicalUrl {
        CanonicalUrl::from_stored(Arc::clone(&self.urls[&id].0))
    }
}

impl Origin {
    fn rules(&self, unix_ms: i64) -> Option<(Arc<Rules>, Duration)> {
        let rules = match (self.status, &self.body) {
            (Some(200..=299), Some(body)) => Arc::new(Rules::parse(body, "crawlite")),
            (Some(429 | 500..) | None, _) => return None,
            _ => Rules::allow_all(),
        };
        let age = unix_ms - self.asked_at?;
        let age = u64::try_from(age).ok().filter(|_| age < DAY_MS)?;
        Some((rules, Duration::from_millis(age)))
    }
}
