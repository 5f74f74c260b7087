//! What does the file answer to the engine's questions?

use std::collections::BTreeSet;
use std::sync::Arc;

use crawlite::canonical::CanonicalUrl;
use crawlite::engine::record::{Depth, FoundBy, NearerRow, OriginId, PendingRow, Reply, UrlId};
use crawlite::refusal::Reason;

use super::File;

impl File {
    pub(super) fn pending_row(&self, id: UrlId) -> PendingRow {
        let state = &self.states[&id];
        PendingRow {
            id,
            url: CanonicalUrl::from_stored(Arc::clone(&self.urls[&id].0)),
            kind: state.kind,
            depth: state.depth,
            hops: state.hops,
            attempts: state.attempts,
            not_before: state.not_before,
            revisit: self.crawls > 1,
        }
    }

    pub(super) fn nearer(
        &mut self,
        id: UrlId,
        (depth, found_on): (Depth, Option<UrlId>),
        with_far: bool,
    ) -> NearerRow {
        let state = self.states.get_mut(&id).expect("a URL that came nearer was met");
        if depth < state.depth {
            (state.depth, state.found_on) = (depth, found_on);
        }
        let pending = self.states[&id].is_pending().then(|| self.pending_row(id));
        let leads_to = if pending.is_some() { Vec::new() } else { self.leads_to(id, with_far) };
        let is_mirror = self.states[&id].reason() == Some(Reason::Mirror);
        let mirror = is_mirror.then(|| self.canonical(id));
        let row = NearerRow { id, pending, leads_to, mirror };
        self.states.get_mut(&id).expect("just read").owes = row.owes_an_offer();
        row
    }

    /// What a fetched URL leads to, by followed links and by its redirect.
    fn leads_to(&self, id: UrlId, with_far: bool) -> Vec<(UrlId, FoundBy, Option<Arc<str>>)> {
        let (links, redirect) = self.shown(id);
        let links = links.iter().filter(|link| link.follow).map(|link| (link.target, false));
        let targets: BTreeSet<_> = links.chain(redirect.map(|id| (id, true))).collect();
        let rows = targets.iter().map(|(id, is_redirect)| {
            let is_told = with_far && self.states[id].reason() == Some(Reason::Depth);
            let by = if *is_redirect { FoundBy::Redirect } else { FoundBy::Link };
            (*id, by, is_told.then(|| Arc::clone(&self.urls[id].0)))
        });
        rows.collect()
    }

    pub(super) fn refill(&self, origin: OriginId, from: (Depth, UrlId), limit: usize) -> Reply {
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
}
