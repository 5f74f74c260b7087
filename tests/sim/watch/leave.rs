//! Might this URL be fetched at all?

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crawlite::canonical::CanonicalUrl;
use crawlite::engine::record::{Candidate, Kind};
use crawlite::refusal::Reason;

use super::Terms;
use crate::file::File;

/// How long rules are believed.
const RULES_LAST: Duration = Duration::from_hours(24);

/// What decides whether a URL may be fetched.
#[derive(Debug, Default)]
pub(super) struct Leave {
    /// Of this run: until when the rules of an origin are believed, and which paths
    /// they disallow.
    rules: HashMap<String, (Duration, Vec<String>)>,
    /// Pages asked for in this crawl.
    pages: HashSet<CanonicalUrl>,
}

impl Leave {
    pub(super) fn begin(&mut self, file: &File) {
        self.rules.clear();
        let counted = file.states.iter().filter(|(_, state)| state.counts());
        self.pages = counted.map(|(id, _)| file.canonical(*id)).collect();
    }

    /// The rules of an origin are known, `age` old.
    pub(super) fn rules(
        &mut self,
        origin: &str,
        body: Option<&[u8]>,
        now: Duration,
        age: Duration,
    ) {
        let text = String::from_utf8_lossy(body.unwrap_or_default());
        let shut = text.lines().filter_map(|line| line.strip_prefix("Disallow: "));
        let shut = shut.map(str::to_owned).collect();
        self.rules.insert(origin.to_owned(), (now + RULES_LAST.saturating_sub(age), shut));
    }

    pub(super) fn check(&self, terms: Terms<'_>, candidate: &Candidate, now: Duration) {
        let Terms { world, config, scope } = terms;
        let url = &candidate.url;
        let verdict = scope.judge(url).map_err(|refusal| refusal.reason);
        let is_outside = match candidate.kind {
            Kind::Page | Kind::Asset | Kind::Robots => verdict.is_err(),
            Kind::Sitemap => verdict == Err(Reason::External),
            Kind::External => verdict.is_ok() || !config.scope.check_external,
        };
        assert!(!is_outside, "{url} is fetched as {:?} though {verdict:?}", candidate.kind);
        if config.politeness.robots && candidate.kind.obeys_robots() {
            let rules = self.rules.get(url.origin());
            let (until, shut) = rules.unwrap_or_else(|| panic!("{url} is before its robots.txt"));
            assert!(now < *until, "{url} starts by a robots.txt that is too old");
            let rule = shut.iter().find(|path| url.path().starts_with(&***path));
            let rule = rule.filter(|_| url.path() != "/robots.txt");
            assert!(rule.is_none(), "{url} is disallowed by {rule:?}");
            let is_private = world.site(url.origin()).is_some_and(|site| site.is_private);
            assert!(!is_private, "{url} is private");
        }
        if candidate.kind == Kind::Page
            && let Some(limit) = config.limits.depth
        {
            assert!(candidate.depth.rank() <= limit, "{url} is too deep");
        }
    }

    /// A page starts that was not asked for before.
    pub(super) fn count(&mut self, terms: Terms<'_>, url: &CanonicalUrl) {
        let limits = &terms.config.limits;
        let budgets = limits.budgets.iter().map(|budget| {
            let (path, pages) = budget.split_once('=').expect("a budget");
            (path, pages.parse().expect("a number"))
        });
        for (path, most) in budgets.chain(limits.per_host.map(|most| ("/", most))) {
            if url.path().starts_with(path) {
                let here =
                    |it: &&CanonicalUrl| it.server() == url.server() && it.path().starts_with(path);
                let count = self.pages.iter().filter(here).count() as u64;
                assert!(count < most, "{url} is one more than {most} below {path}");
            }
        }
        self.note(url);
    }

    pub(super) fn note(&mut self, url: &CanonicalUrl) {
        self.pages.insert(url.clone());
    }

    pub(super) fn is_counted(&self, url: &CanonicalUrl) -> bool {
        self.pages.contains(url)
    }

    pub(super) fn give_back(&mut self, url: &CanonicalUrl) {
        self.pages.remove(url);
    }
}
