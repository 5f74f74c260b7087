//! What belongs to the crawl now that its settings have changed?
//!
//! What the store does about it, said again in other words.

use crawlite::engine::record::{Depth, Kind, OriginId, UrlId};
use crawlite::engine::too_deep;
use crawlite::extract::LinkKind;
use crawlite::refusal::{Reason, Refusal};
use crawlite::store::{Belonging, Rejudged};

use super::{File, Origin, StoredLink};

/// The nearest ways of each sort to a URL.
#[derive(Default)]
struct Ways {
    page: Option<(Depth, Option<UrlId>)>,
    part: Option<(Depth, Option<UrlId>)>,
    asked: Option<(Depth, Option<UrlId>)>,
    nofollow: Option<&'static str>,
    what: Option<&'static str>,
}

type Way = (Depth, Option<UrlId>);

fn nearest(known: &mut Option<Way>, way: Way) {
    if known.is_none_or(|known| way.0 < known.0) {
        *known = Some(way);
    }
}

/// What becomes of a URL.
enum Verdict {
    Fetch(Kind, Option<Way>),
    Aside(Refusal, Option<Way>),
}

fn is_document(link: &StoredLink) -> bool {
    link.kind == LinkKind::A
}

impl File {
    /// Judges again what waits or was set aside.
    pub(crate) fn rejudge(&mut self, now: &Belonging) -> Rejudged {
        let is_any_shunned = self.renew_links(now.wishes.nofollow);
        let mut rejudged = Rejudged::default();
        for id in self.states.keys().copied().collect::<Vec<_>>() {
            let verdict = self.verdict(id, now, is_any_shunned);
            let is_done = self.states[&id].is_done;
            let stays = |verdict: &_| is_done && matches!(verdict, Verdict::Aside(..));
            let Some(verdict) = verdict.filter(|it| !stays(it)) else { continue };
            let origin = match &verdict {
                Verdict::Fetch(..) => Some(self.origin_of(id)),
                Verdict::Aside(..) => None,
            };
            let state = self.states.get_mut(&id).expect("it is there");
            let (Verdict::Fetch(_, way) | Verdict::Aside(_, way)) = &verdict;
            if let Some((depth, on)) = way {
                (state.depth, state.found_on) = (*depth, *on);
            }
            let waited = state.is_pending();
            match verdict {
                Verdict::Fetch(kind, _) => {
                    rejudged.released += u64::from(!waited);
                    (state.refusal, state.is_done, state.kind) = (None, false, kind);
                    (state.origin, state.not_before) = (origin, None);
                    (state.attempts, state.crashes) = (0, 0);
                }
                Verdict::Aside(refusal, way) => {
                    rejudged.set_aside += u64::from(waited);
                    // One that stands as it stood is not touched.
                    if way.is_some() || state.refusal.as_ref() != Some(&refusal) {
                        (state.refusal, state.attempts) = (Some(refusal), 0);
                    }
                }
            }
        }
        rejudged
    }

    /// Whether links may be followed, now; and whether one may not that could.
    fn renew_links(&mut self, nofollow: bool) -> bool {
        let mut is_any_shunned = false;
        for id in self.states.keys().copied().collect::<Vec<_>>() {
            let state = &self.states[&id];
            let fetch = state.fetch.filter(|_| state.is_done);
            let Some(page) = fetch.and_then(|fetch| self.fetches[fetch].page) else { continue };
            let page = &mut self.pages[page];
            let mut owes = false;
            for link in page.links.iter_mut().filter(|link| is_document(link)) {
                let asks_not_to = !page.follow || &*link.rel == "nofollow";
                let follow = !(nofollow && asks_not_to);
                owes |= follow && !link.follow;
                is_any_shunned |= !follow && link.follow;
                if follow != link.follow {
                    (link.follow, page.reading) = (follow, None);
                }
            }
            self.states.get_mut(&id).expect("it is there").owes |= owes;
        }
        is_any_shunned
    }

    fn verdict(&self, id: UrlId, now: &Belonging, is_any_shunned: bool) -> Option<Verdict> {
        let state = &self.states[&id];
        let is_lifted = |reason| {
            use Reason::{Crashed, Invalid, Redirects, Scheme, Sitemaps, TooLong};
            !matches!(reason, Crashed | Invalid | Redirects | Scheme | Sitemaps | TooLong)
        };
        let is_checked = state.is_done && state.kind == Kind::External;
        if !(state.is_pending() || is_checked || state.reason().is_some_and(is_lifted)) {
            return None;
        }
        let belongs = now.scope.judge(&self.canonical(id));
        let is_far = belongs.as_ref().is_err_and(|refusal| refusal.reason == Reason::External);
        match belongs {
            _ if state.kind == Kind::Sitemap && !is_far => {
                state.refusal.is_some().then_some(Verdict::Fetch(Kind::Sitemap, None))
            }
            Err(refusal) if is_far => self.far_verdict(id, refusal, now),
            Err(refusal) => Some(Verdict::Aside(refusal, None)),
            Ok(()) => match (self.near_verdict(id, now, is_any_shunned)?, &state.refusal) {
                (Verdict::Fetch(Kind::Page, way), Some(refusal))
                    if refusal.reason == Reason::Trap && now.wishes.traps =>
                {
                    Some(Verdict::Aside(refusal.clone(), way))
                }
                (verdict, _) => Some(verdict),
            },
        }
    }

    fn far_verdict(&self, id: UrlId, refusal: Refusal, now: &Belonging) -> Option<Verdict> {
        let state = &self.states[&id];
        let is_wanted = now.wishes.check_external;
        if state.kind == Kind::External && state.refusal.is_none() {
            return (!is_wanted).then_some(Verdict::Aside(refusal, None));
        }
        let ways = self.ways(id, now.wishes.nofollow);
        let way = ways.asked.filter(|_| is_wanted);
        Some(match way {
            Some(way) => Verdict::Fetch(Kind::External, Some(way)),
            None => Verdict::Aside(refusal, None),
        })
    }

    fn near_verdict(&self, id: UrlId, now: &Belonging, is_any_shunned: bool) -> Option<Verdict> {
        use Reason::{Asset, Budget, Depth, Mirror, Nofollow, Private, Robots, Trap};
        let state = &self.states[&id];
        let too_deep = |depth| now.depth.and_then(|limit| too_deep(depth, limit));
        match (state.reason(), state.kind) {
            (None, Kind::Page) => Some(Verdict::Aside(too_deep(state.depth)?, None)),
            (None, Kind::Asset) => None,
            (Some(Nofollow), _) if now.wishes.nofollow && !now.wishes.assets => None,
            (Some(Asset), _) if !now.wishes.assets => None,
            (Some(Robots | Depth | Private | Mirror | Trap | Budget), Kind::Page)
                if !is_any_shunned && !now.wishes.assets =>
            {
                Some(match too_deep(state.depth) {
                    Some(refusal) => Verdict::Aside(refusal, None),
                    None => Verdict::Fetch(Kind::Page, None),
                })
            }
            _ => {
                let ways = self.ways(id, now.wishes.nofollow);
                let far = ways.page.map(|way| (way, too_deep(way.0)));
                if let Some((way, None)) = far {
                    return Some(Verdict::Fetch(Kind::Page, Some(way)));
                }
                if let Some(mut way) = ways.part.filter(|_| now.wishes.assets) {
                    if let Some(page) = ways.page.filter(|page| page.0 < way.0) {
                        way = page;
                    }
                    return Some(Verdict::Fetch(Kind::Asset, Some(way)));
                }
                if let Some((way, Some(refusal))) = far {
                    return Some(Verdict::Aside(refusal, Some(way)));
                }
                let none = "no followed link leads to it";
                let asset = || Refusal::new(Asset, ways.what.unwrap_or(none));
                let refusal = ways.nofollow.map(|detail| Refusal::new(Nofollow, detail));
                Some(Verdict::Aside(refusal.unwrap_or_else(asset), None))
            }
        }
    }

    fn ways(&self, id: UrlId, nofollow: bool) -> Ways {
        let mut ways = Ways::default();
        let mut pages: Vec<_> = self
            .states
            .iter()
            .filter_map(|(on, state)| {
                let fetch = state.fetch.filter(|_| state.is_done)?;
                Some((self.fetches[fetch].page, self.fetches[fetch].redirect_to, *on, state))
            })
            .collect();
        pages.sort_by_key(|(page, ..)| *page);
        for (page, _, on, state) in &pages {
            let Some(page) = page.map(|at| &self.pages[at]) else { continue };
            for link in page.links.iter().filter(|link| link.target == id) {
                link_way(&mut ways, link, page.follow, nofollow, (state.depth.next(), Some(*on)));
            }
        }
        pages.sort_by_key(|(_, _, on, _)| *on);
        for (_, redirect, on, state) in &pages {
            let way = (state.depth, Some(*on));
            match state.kind {
                _ if *redirect != Some(id) => continue,
                Kind::Page | Kind::External => nearest(&mut ways.page, way),
                Kind::Asset => nearest(&mut ways.part, way),
                Kind::Sitemap | Kind::Robots => continue,
            }
            nearest(&mut ways.asked, way);
        }
        let it = &self.states[&id];
        if self.sitemap_entries.iter().any(|(_, url)| *url == id) {
            nearest(&mut ways.page, (Depth::NONE, it.found_on));
        }
        let Some(on) = it.found_on else {
            nearest(&mut ways.page, (Depth::new(0), None));
            return ways;
        };
        let source = self.states.get(&on).filter(|source| !source.is_pending());
        if let Some(source) = source.filter(|_| it.kind != Kind::Sitemap) {
            let way = (it.depth, Some(on));
            if source.reason() == Some(Reason::Mirror) {
                nearest(&mut ways.page, way);
            } else if source.kind == Kind::Asset {
                nearest(&mut ways.part, way);
                nearest(&mut ways.asked, way);
                ways.what = ways.what.or(Some("link"));
            }
        }
        ways
    }

    fn origin_of(&mut self, id: UrlId) -> OriginId {
        let url = self.canonical(id);
        if let Some((id, _)) = self.origins.iter().find(|(_, it)| *it.name == *url.origin()) {
            return *id;
        }
        let id = OriginId(u32::try_from(self.origins.len() + 1).expect("few"));
        self.origins.insert(id, Origin { name: url.origin().into(), ..Origin::default() });
        id
    }
}

fn link_way(ways: &mut Ways, link: &StoredLink, page_follows: bool, nofollow: bool, way: Way) {
    if link.kind.may_be_fetched() {
        nearest(&mut ways.asked, way);
    }
    if is_document(link) {
        if nofollow && !page_follows {
            ways.nofollow = Some("the page says nofollow");
        } else if nofollow && &*link.rel == "nofollow" {
            ways.nofollow = ways.nofollow.or(Some("rel=nofollow"));
        } else {
            nearest(&mut ways.page, way);
        }
        return;
    }
    if link.kind.may_be_fetched() {
        nearest(&mut ways.part, way);
    }
    ways.what = ways.what.or(Some(link.kind.as_str()));
}
