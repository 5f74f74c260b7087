//! Where the order of things decides: is what the file says possible?

use crawlite::canonical::CanonicalUrl;
use crawlite::engine::record::{Kind, UrlId};
use crawlite::refusal::Reason;
use crawlite::traps;

use super::{Case, Search};
use crate::file::State;
use crate::servers::{CHALLENGE, outcome_name};
use crate::world::{ROBOTS_HOPS, Site, parsed};

/// What asking for a robots.txt comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Rules,
    Private,
    Never,
}

/// The redirects of a robots.txt, one more than are followed at most.
pub(super) fn hops(site: &Site) -> &[String] {
    &site.robots_hops[..site.robots_hops.len().min(ROBOTS_HOPS + 1)]
}

fn is_dead(search: &Search<'_>, site: &Site) -> bool {
    search.case.world.machines[site.machine].is_dead.is_some()
}

impl Search<'_> {
    /// A way to what the file knows better, at the depth that it says.
    pub(super) fn grant(&mut self, url: &str, depth: u16, hops: u8) {
        let kind = self.file_state(url).map_or(Kind::Page, |state| state.kind);
        self.grant_as(url, kind, depth, hops);
    }

    pub(super) fn grant_as(&mut self, url: &str, kind: Kind, depth: u16, hops: u8) {
        let said = self.file_state(url).map_or(depth, |state| state.depth.rank());
        let depth = if self.was_far(url, said) { said } else { depth };
        self.granted.insert(url.to_owned());
        self.way(url, kind, depth.max(said), hops);
    }

    /// What was too far as a page keeps that depth when it is met as a part of one.
    fn was_far(&self, url: &str, depth: u16) -> bool {
        self.far.get(url).is_some_and(|stand| stand.depth == Some(depth))
    }

    /// As what the file has a URL that was offered as `kind`, if as something else:
    /// what it is met as first, it stays.
    pub(super) fn claimed_kind(&self, url: &str, kind: Kind) -> Option<Kind> {
        let said = self.file_state(url)?.kind;
        let assets = self.case.config.scope.assets || self.case.is_changed;
        let is_possible = match (kind, said) {
            (Kind::Page, Kind::Asset) | (Kind::Asset, Kind::Page) => assets,
            // Only pages of its own origin are known to come after its robots.txt, but not
            // after that of a mirror.
            (Kind::Sitemap, Kind::Page) => {
                let origin = parsed(url).origin().to_owned();
                let is_unread = || self.may_be_unread(&origin);
                self.case.world.site(&origin).is_none() || is_unread() || self.is_twin(url)
            }
            // Of nobody's site a redirect of a sitemap may have told, or one of a page.
            (Kind::Page, Kind::Sitemap) => self.case.world.site(parsed(url).origin()).is_none(),
            (_, Kind::External) | (Kind::External, _) => self.case.is_changed,
            _ => false,
        };
        (said != kind && is_possible).then_some(said)
    }

    /// Whether the file has `url` as a sitemap that nothing is against.
    pub(super) fn is_read_as_sitemap(&self, url: &str) -> bool {
        let state = self.file_state(url);
        state.is_some_and(|state| state.kind == Kind::Sitemap && state.refusal.is_none())
    }

    /// What becomes of a URL that is near enough.
    pub(super) fn verdict(&self, url: &str, kind: Kind) -> &'static str {
        if self.was_done(url) {
            return "done";
        }
        let said = self.file_state(url).map_or("nothing", |state| state.name());
        if self.is_justified(url, kind) {
            return said;
        }
        if kind == Kind::Asset && self.is_far_part(url) {
            return said;
        }
        let parsed = parsed(url);
        let Some(site) = self.case.world.site(parsed.origin()) else { return "done" };
        let obeys = self.case.config.politeness.robots && kind.obeys_robots();
        let fate = if obeys { self.fate(site) } else { Fate::Rules };
        // What its own visit gave, which robots.txt allowed then, if it does not say so itself.
        let was_asked = self.file_state(url).is_some_and(|state| state.attempts > 0);
        let by_visit = said == Reason::Private.as_str() && fate != Fate::Private && was_asked;
        let was_let = if by_visit { "done" } else { said };
        let may_answer = self.has_mood(site) || self.robots_may_vary(site);
        if obeys && !site.is_private && may_answer && matches!(was_let, "done" | "robots") {
            return was_let;
        }
        // Of a server that is never there: whether anybody was when it was tried decides, and
        // it may be given up before each of its origins was tried.
        if is_dead(self, site) && said == "pending" {
            return said;
        }
        if fate == Fate::Private || site.is_private {
            return Reason::Private.as_str();
        }
        if !obeys {
            return "done";
        }
        if fate == Fate::Never {
            return "pending";
        }
        if site.is_fickle() && matches!(was_let, "done" | "robots") {
            return was_let;
        }
        let has_hops = hops(site).len() <= ROBOTS_HOPS;
        let rules = site.rulebook().filter(|_| has_hops);
        if rules.is_some_and(|rules| rules.disallows(parsed.path())) {
            return Reason::Robots.as_str();
        }
        "done"
    }

    /// Whether the file sets a URL aside by a rule that depends on what came first,
    /// and that rule may speak of it.
    pub(super) fn is_justified(&self, url: &str, kind: Kind) -> bool {
        let Some(state) = self.file_state(url) else { return false };
        let Some(refusal) = &state.refusal else { return false };
        let canonical = parsed(url);
        match refusal.reason {
            Reason::Trap => self.is_trap(&canonical, &refusal.detail),
            Reason::Budget => kind == Kind::Page && self.is_used_up(&canonical),
            Reason::Mirror => !self.case.config.scope.mirrors && self.original_of(url).is_some(),
            Reason::Crashed => state.crashes >= 3 && self.case.crashes >= 3,
            _ => false,
        }
    }

    fn is_trap(&self, url: &CanonicalUrl, pattern: &str) -> bool {
        let is_parked = |(_, trap, _, released): &(_, traps::Trap, _, bool)| {
            *trap.pattern == *pattern && !released
        };
        let is_odd = self.case.world.is_in_maze(url)
            || self.case.world.machine(url.server()).is_some_and(|it| it.mood.is_some());
        is_odd && traps::matches(pattern, url) && self.case.file.traps.iter().any(is_parked)
    }

    /// Whether the pages that are allowed on the host, or below the path, were fetched.
    fn is_used_up(&self, url: &CanonicalUrl) -> bool {
        let file = self.case.file;
        let count = |path: &str| {
            // One that was asked for and told nothing was in the place of another then.
            let took = |state: &State| {
                let was_asked = state.fetch.is_some() || state.reason() == Some(Reason::Crashed);
                state.kind == Kind::Page && was_asked
            };
            let states = file.states.iter().filter(|(_, it)| it.counts() || took(it));
            let urls = states.map(|(id, _)| file.canonical(*id));
            let here =
                |it: &CanonicalUrl| it.server() == url.server() && it.path().starts_with(path);
            urls.filter(here).count() as u64
        };
        let limits = &self.case.config.limits;
        let used = |path: &str, most: u64| url.path().starts_with(path) && count(path) >= most;
        limits.per_host.is_some_and(|most| used("/", most))
            || limits.budgets.iter().any(|budget| {
                let (path, most) = budget.split_once('=').expect("a budget");
                used(path, most.parse().expect("a number"))
            })
    }

    /// The origin whose pages that of `url` shows, too, as the file and the world say.
    fn original_of(&self, url: &str) -> Option<&str> {
        let case = self.case;
        let own = parsed(Some(url).filter(|url| !url.starts_with("mailto:"))?);
        let mut origins = case.file.origins.values();
        let origin = origins.find(|origin| *origin.name == *own.origin())?;
        let twin = &case.file.origins[&origin.mirror_of?].name;
        let shows = |name: &str| {
            let site = case.world.site(name)?;
            Some(site.original.unwrap_or(case.world.sites.iter().position(|it| it.name == name)?))
        };
        let is_one = shows(own.origin()).is_some() && shows(own.origin()) == shows(twin);
        is_one.then_some(twin)
    }

    /// The URL that a URL of a mirror stands for.
    pub(super) fn twin(&self, url: &str) -> Option<String> {
        let twin = self.original_of(url)?;
        Some(format!("{twin}{}", parsed(url).path_and_query()))
    }

    /// Whether a URL of a mirror stands for `url`.
    pub(super) fn is_twin(&self, url: &str) -> bool {
        let stands_for = |other: &str| self.twin(other).is_some_and(|twin| twin == url);
        self.by_url.keys().any(|other| stands_for(other))
    }

    /// Offers what a URL of a mirror stands for.
    pub(super) fn offer_twin(&mut self, url: &str, kind: Kind, depth: u16, hops: u8) {
        if let Some(twin) = self.twin(url) {
            self.offer(&twin, kind, depth, hops);
        }
    }

    /// How far a part of a page is, which is not said: it may be nearer than the search knows
    /// by a page that is too far as one, and leads there late.
    pub(super) fn depth_of_part(&self, url: &str, depth: u16) -> u16 {
        let said = self.file_state(url).map_or(depth, |state| state.depth.rank());
        let leads_so_far = |(source, id): (&&str, &UrlId)| {
            let source_depth = self.case.file.states[id].depth;
            let may_be = source_depth.rank() == said || source_depth.next().rank() == said;
            may_be && self.leads_to(source, url)
        };
        let is_nearer =
            said < depth && (self.case.is_changed || self.by_url.iter().any(leads_so_far));
        if is_nearer { said } else { depth }
    }

    /// What asking for a robots.txt comes to, where no time decides.
    pub(super) fn fate(&self, site: &Site) -> Fate {
        let world = self.case.world;
        let is_dead = |machine: usize| world.machines[machine].is_dead.is_some();
        if site.is_private {
            return Fate::Private;
        } else if is_dead(site.machine) || site.robots_failures == u64::MAX {
            return Fate::Never;
        }
        let hops = hops(site).iter().take(ROBOTS_HOPS);
        for hop in hops.filter_map(|url| world.site(parsed(url).origin())) {
            if hop.is_private {
                return Fate::Private;
            } else if is_dead(hop.machine) {
                return Fate::Never;
            }
        }
        Fate::Rules
    }

    fn has_mood(&self, site: &Site) -> bool {
        self.case.world.machines[site.machine].mood.is_some()
    }

    /// Whether a redirect of a robots.txt leads to where its answer may vary.
    fn robots_may_vary(&self, site: &Site) -> bool {
        let world = self.case.world;
        let varies = |url: &String| {
            world.machine(parsed(url).server()).is_some_and(|machine| machine.mood.is_some())
        };
        hops(site).iter().any(varies)
    }

    /// Whether what a robots.txt names may not have been read, or too late.
    pub(super) fn may_be_unread(&self, origin: &str) -> bool {
        let mut origins = self.case.file.origins.values();
        let is_mirror = origins.any(|it| *it.name == *origin && it.mirror_of.is_some());
        is_mirror
            || self.case.is_changed
            || self.case.world.site(origin).is_some_and(|site| {
                self.has_mood(site) || site.is_fickle() || self.robots_may_vary(site)
            })
    }

    /// Whether what came back for a URL may be an answer that its server, or the
    /// network, gave to everybody then.
    pub(super) fn is_no_answer_of_its_own(&self, url: &str, own: &str, said: &str) -> bool {
        let Some(machine) = self.case.world.machine(parsed(url).server()) else { return false };
        let by_network =
            matches!(said, "connect" | "dns" | "timeout") && self.case.world.may_be_away(machine);
        let by_mood = machine.mood.is_some_and(|mood| match mood.outcome {
            Some(outcome) => said == outcome_name(outcome) && said != own,
            None => said == "200" && self.shows_challenge(url),
        });
        by_network && said != own || by_mood
    }

    fn shows_challenge(&self, url: &str) -> bool {
        let state = self.file_state(url).expect("it was fetched");
        let page = state.fetch.and_then(|at| self.case.file.fetches[at].page);
        let names_nothing = || {
            let id = self.by_url[url];
            !self.case.file.sitemap_entries().any(|(map, _)| *map == id)
        };
        let has_no_page =
            state.kind == Kind::External || state.kind == Kind::Sitemap && names_nothing();
        has_no_page || page.is_some_and(|at| self.case.file.says(at, CHALLENGE))
    }
}

/// Whether only URLs wait whose servers never give rules, or are never there.
pub(crate) fn is_hopeless(case: &Case<'_>) -> bool {
    let search = Search::new(case);
    let mut pending = case.file.states.iter().filter(|(_, state)| state.is_pending());
    pending.all(|(id, state)| {
        let url = parsed(case.file.url(*id));
        let obeys = case.config.politeness.robots && state.kind.obeys_robots();
        case.world
            .site(url.origin())
            .is_some_and(|site| is_dead(&search, site) || obeys && search.fate(site) == Fate::Never)
    })
}
