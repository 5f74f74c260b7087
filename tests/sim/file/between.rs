//! What happens to the file between two runs?
//!
//! A further crawl begins, what was set aside is judged again because settings have
//! changed, what failed is to be tried again, a trap is released.

use std::sync::Arc;
use std::time::Duration;

use crawlite::config::Config;
use crawlite::engine::record::{Kind, OriginId, UrlId};
use crawlite::engine::too_deep;
use crawlite::extract::LinkKind;
use crawlite::refusal::{Reason, Refusal};
use crawlite::scope::Scope;
use crawlite::store::{Again, Aside, Failure};

use super::{File, Origin};

impl File {
    /// A further crawl of the same file begins.
    pub(crate) fn begin_crawl(&mut self) {
        self.states.clear();
        self.fetches.clear();
        self.sitemap_entries.clear();
        self.elapsed = Duration::ZERO;
        self.crawls += 1;
    }

    /// Another run of the crawl begins.
    pub(crate) fn resume(&mut self) {
        self.origins.values_mut().for_each(|origin| origin.parked = None);
    }

    /// Judges again what was set aside; how many URLs are pending now.
    pub(crate) fn rejudge(&mut self, judge: impl Fn(&Aside) -> Again) -> u64 {
        let lifted = |reason| {
            !matches!(
                reason,
                Reason::Redirects
                    | Reason::Sitemaps
                    | Reason::Crashed
                    | Reason::TooLong
                    | Reason::Scheme
                    | Reason::Invalid
            )
        };
        let is_one = |id: &UrlId| {
            let state = &self.states[id];
            state.kind != Kind::Sitemap && state.reason().is_some_and(lifted)
        };
        let ids: Vec<_> = self.states.keys().copied().filter(is_one).collect();
        let mut released = 0;
        for id in ids {
            let state = &self.states[&id];
            let refusal = state.refusal.clone().expect("it is aside");
            let reason = refusal.reason;
            let aside = Aside { url: self.canonical(id), depth: state.depth, refusal };
            let again = match judge(&aside) {
                Again::Fetch(Kind::Page) if !self.has_way(id, reason) => {
                    Again::Aside(Refusal::new(Reason::Asset, "no followed link leads to it"))
                }
                again => again,
            };
            match again {
                Again::Fetch(kind) => {
                    let origin = self.origin_of(aside.url.origin());
                    let state = self.states.get_mut(&id).expect("it is there");
                    (state.refusal, state.origin, state.kind) = (None, Some(origin), kind);
                    (state.attempts, state.crashes) = (0, 0);
                    released += 1;
                }
                Again::Aside(refusal) => {
                    self.states.get_mut(&id).expect("it is there").refusal = Some(refusal);
                }
            }
        }
        released
    }

    fn origin_of(&mut self, name: &str) -> OriginId {
        if let Some((id, _)) = self.origins.iter().find(|(_, origin)| *origin.name == *name) {
            return *id;
        }
        let id = OriginId(u32::try_from(self.origins.len() + 1).expect("few"));
        self.origins.insert(id, Origin { name: name.into(), ..Origin::default() });
        id
    }

    /// Whether there is a way from a seed to a URL, which some reasons show.
    fn has_way(&self, id: UrlId, reason: Reason) -> bool {
        use Reason::{Budget, Depth, Mirror, Nofollow, Private, Robots, Trap};
        if matches!(reason, Robots | Depth | Private | Mirror | Nofollow | Trap | Budget) {
            return true;
        }
        let is_linked = self
            .pages
            .iter()
            .flat_map(|page| &page.links)
            .any(|link| link.target == id && link.follow);
        let is_listed = self.sitemap_entries.iter().any(|(_, url)| *url == id);
        let redirects = |on: UrlId| {
            self.fetches.iter().any(|fetch| fetch.url == on && fetch.redirect_to == Some(id))
        };
        is_linked || is_listed || self.states[&id].found_on.is_none_or(redirects)
    }

    /// Makes pending again what failed so; how many URLs.
    pub(crate) fn reopen(&mut self, failures: &[Failure]) -> u64 {
        let mut reopened = 0;
        for failure in failures {
            let is_crashed = matches!(failure, Failure::Any | Failure::Crashed);
            for state in self.states.values_mut().filter(|_| is_crashed) {
                if state.reason() == Some(Reason::Crashed) {
                    (state.refusal, state.attempts, state.crashes) = (None, 0, 0);
                    reopened += 1;
                }
            }
            let fetches = &self.fetches;
            let failed = |fetch: usize| {
                let fetch = &fetches[fetch];
                match failure {
                    Failure::Any => {
                        fetch.status.is_some_and(|it| it >= 400) || fetch.error.is_some()
                    }
                    Failure::Status(status) => fetch.status == Some(*status),
                    Failure::Class(class) => fetch.status.is_some_and(|it| it / 100 == *class),
                    Failure::Code(code) => fetch.error == Some(code),
                    Failure::Crashed => false,
                }
            };
            for state in self.states.values_mut() {
                if state.is_done && state.fetch.is_some_and(failed) {
                    (state.is_done, state.attempts, state.not_before) = (false, 0, None);
                    state.crashes = 0;
                    reopened += 1;
                }
            }
        }
        reopened
    }

    /// Releases a trap and what it held back; how many URLs.
    pub(crate) fn release_trap(&mut self, pattern: &str) -> Option<u64> {
        let mut is_known = false;
        for row in &mut self.traps {
            if *row.1.pattern == *pattern {
                (row.3, is_known) = (true, true);
            }
        }
        let mut urls = 0;
        for state in self.states.values_mut() {
            let held = |it: &Refusal| it.reason == Reason::Trap && *it.detail == *pattern;
            if state.refusal.as_ref().is_some_and(held) {
                (state.refusal, state.attempts, state.crashes) = (None, 0, 0);
                urls += 1;
            }
        }
        is_known.then_some(urls)
    }
}

/// What becomes of a URL that was set aside, by the settings as they are now.
pub(crate) fn judge(
    scope: &Arc<Scope>,
    config: &Config,
) -> impl Fn(&Aside) -> Again + Clone + Send + use<> {
    let (scope, config) = (Arc::clone(scope), config.clone());
    move |aside| judge_again(aside, &scope, &config)
}

fn judge_again(aside: &Aside, scope: &Scope, config: &Config) -> Again {
    let stays = || Again::Aside(aside.refusal.clone());
    if let Err(refusal) = scope.judge(&aside.url) {
        let is_checked = refusal.reason == Reason::External && config.scope.check_external;
        return if is_checked { Again::Fetch(Kind::External) } else { Again::Aside(refusal) };
    }
    match aside.refusal.reason {
        Reason::Asset => {
            let kind = LinkKind::from_stored(&aside.refusal.detail);
            let is_wanted = config.scope.assets && kind.is_some_and(LinkKind::may_be_fetched);
            if is_wanted { Again::Fetch(Kind::Asset) } else { stays() }
        }
        Reason::Trap if config.scope.traps => stays(),
        Reason::Nofollow if config.scope.nofollow => stays(),
        _ => {
            let too_deep = config.limits.depth.and_then(|limit| too_deep(aside.depth, limit));
            too_deep.map_or(Again::Fetch(Kind::Page), Again::Aside)
        }
    }
}
