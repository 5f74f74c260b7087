//! What leads where, by the world and by the rules of links?

use crawlite::engine::record::{Kind, Outcome};
use crawlite::refusal::Reason;

use super::{MAX_HOPS, NO_WAY, Search, claims, refused};
use crate::servers::{answer_of, outcome_name};
use crate::world::{Answer, How, Node, ROBOTS_HOPS, Served, parsed};

impl Search<'_> {
    /// Something leads to `url` that no rule of links is against.
    pub(super) fn offer(&mut self, url: &str, kind: Kind, depth: u16, hops: u8) {
        if url.starts_with("mailto:") {
            self.stands.insert(url.to_owned(), refused(Reason::Scheme));
            return;
        }
        match self.case.scope.judge(&parsed(url)) {
            Ok(()) if kind == Kind::External => self.way(url, Kind::Page, depth, hops),
            Ok(()) => self.way(url, kind, depth, hops),
            Err(refusal) if kind == Kind::Sitemap && refusal.reason != Reason::External => {
                self.way(url, kind, depth, hops);
            }
            Err(refusal)
                if kind != Kind::Sitemap
                    && refusal.reason == Reason::External
                    && self.case.config.scope.check_external =>
            {
                self.way(url, Kind::External, depth, hops);
            }
            Err(_) if self.was_done(url) => self.grant(url, depth, hops),
            // Where its site was none of a stranger, that was against it first, and stays so.
            Err(_) if kind == Kind::Sitemap && self.stays_aside(url, hops).is_some() => {
                self.stands.insert(url.to_owned(), refused(Reason::Sitemaps));
            }
            // Nobody is asked for the sitemap of a stranger, but a link to it is one.
            Err(refusal) if kind == Kind::Sitemap => {
                self.shunned.entry(url.to_owned()).or_insert(refusal.reason);
            }
            // Named by a robots.txt before anything else led there.
            Err(_) if self.is_read_as_sitemap(url) => {}
            // Where other settings were, that was against it first.
            Err(_) if hops > MAX_HOPS && self.says(url, Reason::Redirects) => {
                self.stands.insert(url.to_owned(), refused(Reason::Redirects));
            }
            Err(refusal) => {
                self.stands.insert(url.to_owned(), refused(refusal.reason));
            }
        }
    }

    /// A link of a page leads to `url`.
    fn link(&mut self, url: &str, how: How, page_says_nofollow: bool, depth: u16) {
        let wishes = &self.case.config.scope;
        let is_far = |reason| reason == Reason::External;
        let verdict = if url.starts_with("mailto:") {
            Ok(())
        } else {
            self.case.scope.judge(&parsed(url)).map_err(|refusal| refusal.reason)
        };
        let against = match (verdict, how) {
            // A form is never sent, however far it goes.
            (Err(reason), How::Form) if is_far(reason) && wishes.check_external => {
                Some(Reason::External)
            }
            (Err(_), _) => None,
            (Ok(()), _) if url.starts_with("mailto:") => None,
            (Ok(()), How::Form) => Some(Reason::Asset),
            (Ok(()), How::Image) if wishes.assets => {
                return self.offer(url, Kind::Asset, depth, 0);
            }
            (Ok(()), How::Image) => Some(Reason::Asset),
            (Ok(()), _) => {
                let is_shunned = wishes.nofollow && (page_says_nofollow || how == How::Nofollow);
                is_shunned.then_some(Reason::Nofollow)
            }
        };
        match against {
            None => self.offer(url, Kind::Page, depth, 0),
            Some(_) if self.was_met(url) => {
                // As a part of a page, which may turn out to be one.
                if how == How::Image && !self.says(url, Reason::Depth) {
                    self.converted.insert(url.to_owned());
                }
                self.grant(url, depth, 0);
            }
            Some(reason) => {
                let worst = self.shunned.entry(url.to_owned()).or_insert(reason);
                if reason == Reason::Nofollow {
                    *worst = reason;
                }
            }
        }
    }

    /// A sitemap names a page. One of another site is no link that could be broken.
    fn listed(&mut self, url: &str) {
        let verdict = self.case.scope.judge(&parsed(url));
        let is_far = verdict.is_err_and(|refusal| refusal.reason == Reason::External);
        if is_far && !self.was_done(url) {
            self.shunned.entry(url.to_owned()).or_insert(Reason::External);
        } else {
            self.offer(url, Kind::Page, NO_WAY, 0);
        }
    }

    /// Where settings were others, so may be the origins that were asked for rules.
    pub(super) fn offer_named_sitemaps(&mut self) {
        let world = self.case.world;
        let origins = self.case.file.origins.values().filter(|_| self.case.is_changed);
        for origin in origins.map(|origin| origin.name.to_string()).collect::<Vec<_>>() {
            let rulebook = world.site(&origin).and_then(|site| site.rulebook());
            let named = rulebook.map_or(&[][..], |rulebook| &rulebook.sitemaps[..]);
            for url in named.iter().chain([&format!("{origin}/sitemap.xml")]) {
                // That of another site may have been checked as a link since.
                let is_met = |kind| matches!(kind, Kind::Sitemap | Kind::External);
                if self.file_state(url).is_some_and(|state| is_met(state.kind)) {
                    self.offer(url, Kind::Sitemap, 0, 0);
                }
            }
        }
    }

    /// An origin has its first candidate: its robots.txt names sitemaps, if it `is_sure` that
    /// it was read.
    pub(super) fn touch(&mut self, origin: &str, is_sure: bool) {
        let (world, config) = (self.case.world, self.case.config);
        let is_first = if is_sure {
            self.touched.insert(origin.to_owned())
        } else {
            !self.touched.contains(origin)
        };
        if !is_first || !config.politeness.robots || !config.scope.sitemaps {
            return;
        }
        let site = world.site(origin);
        let gives_none = site.is_some_and(|site| self.fate(site) != claims::Fate::Rules);
        if gives_none && !self.may_be_unread(origin) {
            return;
        }
        let has_hops = |site: &&_| claims::hops(site).len() <= ROBOTS_HOPS;
        let rulebook = site.filter(has_hops).and_then(|site| site.rulebook());
        let named = rulebook.map_or(&[][..], |rulebook| &rulebook.sitemaps[..]);
        for url in named.iter().chain([&format!("{origin}/sitemap.xml")]) {
            let is_named = self.file_state(url).is_some_and(|it| it.kind == Kind::Sitemap);
            if is_named || is_sure && !self.may_be_unread(origin) {
                self.offer(url, Kind::Sitemap, 0, 0);
            }
        }
    }

    pub(super) fn visit(&mut self, url: &str, kind: Kind, depth: u16, hops: u8) {
        let world = self.case.world;
        let served = world.served(url);
        let state = self.file_state(url);
        let says = state.map(|state| self.outcome(state)).unwrap_or_default();
        let node = served.as_ref().map(|served| served.node);
        let mut outcome = self.last_answer(node, kind, &says);
        if kind == Kind::Page && self.claimed_kind(url, Kind::Asset).is_some() {
            // It may have been asked for as a part of a page.
            let as_part = self.last_answer(node, Kind::Asset, &says);
            outcome = if says == outcome_name(as_part) { as_part } else { outcome };
        }
        let own = outcome_name(outcome);
        if self.is_no_answer_of_its_own(url, &own, &says) {
            return self.end(url, says);
        }
        if own == "private-address" {
            self.end(url, String::new());
            self.stands.get_mut(url).expect("it is reached").state = Reason::Private.as_str();
            return;
        }
        self.end(url, own);
        if let Some(served) = served {
            self.follow(url, &served, outcome, kind, (depth, hops));
        }
    }

    /// What comes back for what is asked for as `kind`, after retries; `says` is what
    /// the file says that it is.
    fn last_answer(&self, node: Option<&Node>, kind: Kind, says: &str) -> Outcome {
        let retries = if self.case.is_changed { 3 } else { self.case.config.fetch.retries };
        let mut attempts = 0;
        loop {
            let (outcome, needs_get) = answer_of(node, kind, attempts);
            attempts += 1;
            let again = outcome.is_transient() && attempts <= retries;
            // It may have been tried when fewer or more tries were allowed.
            let is_said = self.case.is_changed && says == outcome_name(outcome);
            if !needs_get && (!again || is_said) {
                return outcome;
            }
        }
    }

    /// Offers what an answer leads to.
    fn follow(
        &mut self,
        url: &str,
        served: &Served<'_>,
        outcome: Outcome,
        kind: Kind,
        (depth, hops): (u16, u8),
    ) {
        let depth = if kind == Kind::Asset { self.depth_of_part(url, depth) } else { depth };
        let next = if depth == NO_WAY { NO_WAY } else { depth + 1 };
        let is_good = matches!(outcome, Outcome::Answer { status: 200, .. });
        match &served.node.answer {
            Answer::Redirect(code, to) if matches!(outcome, Outcome::Answer { status, .. } if status == *code) =>
            {
                let target = served.target(to);
                // A link that is checked but not followed comes no nearer with its page.
                let said = self.file_state(url).filter(|_| kind == Kind::External);
                let depth = said.map_or(depth, |state| depth.max(state.depth.rank()));
                self.offer(&target, kind, depth, hops + 1);
            }
            Answer::Page { links, nofollow } if is_good && kind == Kind::Page => {
                for link in links {
                    self.link(&served.target(&link.to), link.how, *nofollow, next);
                }
            }
            Answer::Css(refers) if is_good && kind == Kind::Asset => {
                for to in refers {
                    self.offer(&served.target(to), Kind::Asset, next, 0);
                }
            }
            Answer::Sitemap(pages, maps) if is_good && kind == Kind::Sitemap => {
                for page in pages {
                    self.listed(&served.target(page));
                }
                for map in maps {
                    self.offer(&served.target(map), Kind::Sitemap, next, 0);
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, url: &str, outcome: String) {
        self.stands.get_mut(url).expect("it is reached").outcome = Some(outcome);
    }
}
