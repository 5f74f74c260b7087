//! What did other settings leave behind?

use crawlite::engine::record::{Kind, UrlId};
use crawlite::refusal::Reason;

use super::{MAX_HOPS, Search};
use crate::file::State;
use crate::world::parsed;

impl Search<'_> {
    /// Whether `url` was fetched under other settings.
    pub(super) fn was_done(&self, url: &str) -> bool {
        // What failed may have been made pending again since.
        let is_done = |id: &UrlId| self.case.file.states[id].is_done;
        self.by_url.get(url).is_some_and(|id| self.case.past.done.contains(id) && is_done(id))
    }

    /// Whether `url` waited under other settings, as a part of a page if it is too far for a
    /// page, and was fetched since.
    pub(super) fn was_waited_for(&self, url: &str) -> bool {
        let is_done = |id: &UrlId| self.case.file.states[id].is_done;
        self.by_url.get(url).is_some_and(|id| self.case.past.pending.contains(id) && is_done(id))
    }

    /// Whether `url` was met under other settings, and nothing was against it until its turn
    /// came, or it was too far.
    pub(super) fn was_met(&self, url: &str) -> bool {
        use Reason::{Budget, Crashed, Depth, Mirror, Private, Robots, Trap};
        let past = self.case.past;
        let waited = |id: &UrlId| {
            let reason = self.case.file.states[id].reason();
            let by_turn = [Budget, Crashed, Depth, Mirror, Private, Robots, Trap];
            reason.is_none_or(|reason| by_turn.contains(&reason))
        };
        // What was done then may have failed, and have been made pending again since.
        let was_let = |id: &UrlId| past.pending.contains(id) || past.done.contains(id);
        let stays = |id: &UrlId| was_let(id) && waited(id);
        self.was_done(url) || self.by_url.get(url).is_some_and(stays)
    }

    /// Whether `url` was to be checked only, and belongs to the crawl now, but is too far.
    pub(super) fn belongs_and_is_far(&self, url: &str, kind: Kind, depth: u16) -> bool {
        let state = self.file_state(url).filter(|state| state.kind == Kind::External);
        let is_far = self.too_far(Kind::Page, depth, 0).is_some();
        matches!(kind, Kind::Page | Kind::External)
            && is_far
            && state.is_some_and(|state| state.reason() == Some(Reason::Depth))
    }

    /// What was against `url` where other settings were, and stays so however far it is now.
    pub(super) fn stays_aside(&self, url: &str, hops: u8) -> Option<Reason> {
        let reason = self.file_state(url)?.reason().filter(|_| self.case.is_changed)?;
        let stays = match reason {
            Reason::Redirects => hops > MAX_HOPS,
            Reason::Sitemaps => true,
            Reason::Crashed => self.is_justified(url, Kind::Page),
            _ => false,
        };
        stays.then_some(reason)
    }

    /// Whether `url` was met as a part of a page when parts were wanted, and is set aside
    /// for how it is linked.
    pub(super) fn is_unwanted_part(&self, url: &str) -> bool {
        let is_against = self.says(url, Reason::Asset) || self.says(url, Reason::Nofollow);
        is_against && self.case.is_changed && !self.case.config.scope.assets
    }

    /// The same, where it is set aside as a page that is too far.
    pub(super) fn is_far_part(&self, url: &str) -> bool {
        let far = self.file_state(url).filter(|state| state.reason() == Some(Reason::Depth));
        far.is_some_and(|state| self.too_far(Kind::Page, state.depth.rank(), 0).is_some())
            && self.case.is_changed
            && !self.case.config.scope.assets
    }

    /// The same, where other settings may have set it aside since.
    pub(super) fn was_twin(&self, url: &str) -> bool {
        self.case.is_changed && self.is_twin(url)
    }

    /// Where settings were others, or as a part of a page, a URL of a mirror may have stood
    /// for another, and nearer than it does now, if the file says that the one led to the other.
    pub(super) fn offer_earlier_twins(&mut self) {
        let may_have = self.case.is_changed || self.case.config.scope.assets;
        let urls = self.by_url.iter().filter(|_| may_have);
        let told = urls.filter_map(|(url, id)| {
            let twin = self.twin(url)?;
            let state = self.file_state(&twin).filter(|state| state.found_on == Some(*id))?;
            // A link of its page to the other says nothing of that, but goes further.
            let is_as_far = state.depth == self.case.file.states[id].depth;
            (is_as_far || !self.leads_to(url, &twin)).then_some((twin, state))
        });
        for (twin, state) in told.collect::<Vec<_>>() {
            self.offer_earlier(&twin, state);
        }
    }

    /// What is against a URL now, or lets it wait for ever, may not have been when settings were
    /// others, and it was asked for: what it names is known, if the file says that this was
    /// found there.
    pub(super) fn offer_earlier_finds(&mut self) {
        let urls = self.by_url.iter().filter(|_| self.case.is_changed);
        let found = urls.filter_map(|(url, id)| {
            let state = &self.case.file.states[id];
            let source = state.found_on?;
            let from = self.case.file.states.get(&source)?;
            let was_asked = !from.is_done && from.fetch.is_some();
            // What is farther now than what was found there was nearer then.
            let was_nearer = from.is_done && state.is_done && from.depth > state.depth;
            let is_named =
                (was_asked || was_nearer) && self.leads_to(self.case.file.url(source), url);
            is_named.then(|| ((*url).to_owned(), state))
        });
        for (url, state) in found.collect::<Vec<_>>() {
            self.offer_earlier(&url, state);
        }
    }

    /// Offers what was found where nothing leads to it any more. Where it was judged again
    /// since, that may have been against it, or that it is another site's and no link leads
    /// there that could be broken; unless something else leads to it.
    fn offer_earlier(&mut self, url: &str, state: &State) {
        let is_far = || {
            let verdict = self.case.scope.judge(&parsed(url));
            verdict.is_err_and(|refusal| refusal.reason == Reason::External)
        };
        let left = match state.reason().filter(|_| self.case.is_changed) {
            // How it is linked is said where a link leads there.
            Some(Reason::Asset | Reason::Nofollow) => Some(Reason::Asset),
            Some(Reason::External) if is_far() => Some(Reason::External),
            _ => None,
        };
        if let Some(reason) = left {
            self.shunned.entry(url.to_owned()).or_insert(reason);
        } else {
            self.offer(url, state.kind, state.depth.rank(), state.hops);
        }
    }
}
