//! What does a visit bring back from the simulated web?
//!
//! Plays the servers, and the part of a visit that judges links by the rules
//! that need no state.

use std::collections::BTreeMap;
use std::sync::Arc;

use crawlite::engine::record::{
    Candidate, FetchRecord, Found, FoundBy, Kind, LinkRecord, Outcome, PageRecord, RobotsAnswer,
    SitemapRecord, Visited,
};
use crawlite::extract::{LinkKind, Region};
use crawlite::hash::{ContentHash, UrlHasher};
use crawlite::refusal::{Reason, Refusal};
use crawlite::robots::Rules;

use super::world::{Answer, Dice, Link, Site, World, failure, parsed};

/// The servers, and what they remember.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    /// Requests for the robots.txt of each origin.
    robots_requests: BTreeMap<String, u64>,
}

/// What a request gave, in one word.
pub(crate) fn outcome_name(outcome: Outcome) -> String {
    match outcome {
        Outcome::Answer { status, .. } => status.to_string(),
        Outcome::Failed { code, .. } => code.to_owned(),
    }
}

const PRIVATE: Outcome =
    Outcome::Failed { code: "private-address", is_transient: false, no_connection: false };
const AWAY: Outcome = Outcome::Failed { code: "connect", is_transient: true, no_connection: true };

fn status(status: u16) -> Outcome {
    Outcome::Answer { status, retry_after: None }
}

/// A visit as it is put together.
struct Visit<'a> {
    world: &'a World,
    hasher: UrlHasher,
    found: Vec<Found>,
    links: Vec<LinkRecord>,
    redirect: Option<u32>,
    robots: Option<RobotsAnswer>,
}

impl Visit<'_> {
    /// Adds what was found, with what is against it; a URL found twice has the least.
    fn find(&mut self, text: &str, kind: Kind, by: FoundBy, against: Option<Reason>) -> u32 {
        let against = if text.starts_with("mailto:") {
            Some(Refusal::new(Reason::Scheme, "mailto"))
        } else if let (Err(refusal), true) =
            (self.world.scope.judge(&parsed(text)), kind != Kind::Robots)
        {
            Some(refusal)
        } else {
            against.map(|reason| Refusal::new(reason, "as the link says"))
        };
        let rank = |refusal: &Option<Refusal>| {
            refusal.as_ref().map_or(u8::MAX, |refusal| refusal.reason.link_rank())
        };
        let index = self.found.iter().position(|found| *found.text == *text);
        if let Some(index) = index {
            if rank(&against) > rank(&self.found[index].refusal) {
                self.found[index].refusal = against;
            }
            return u32::try_from(index).expect("small");
        }
        let (text, hash) = (Arc::from(text), self.hasher.hash(text));
        self.found.push(Found { text, hash, kind, by, refusal: against });
        u32::try_from(self.found.len() - 1).expect("small")
    }

    fn link(&mut self, link: &Link, position: u32) {
        let nofollow = link.nofollow.then_some(Reason::Nofollow);
        let against = if link.asset { Some(Reason::Asset) } else { nofollow };
        let target = self.find(&link.to, Kind::Page, FoundBy::Link, against);
        self.links.push(LinkRecord {
            target,
            position,
            kind: if link.asset { LinkKind::Img } else { LinkKind::A },
            anchor: "".into(),
            rel: if link.nofollow { "nofollow" } else { "" }.into(),
            fragment: None,
            region: Region::default(),
            follow: against.is_none(),
            times: 1,
        });
    }
}

impl Servers {
    /// What comes back for `candidate`.
    pub(crate) fn answer(
        &mut self,
        world: &World,
        hasher: UrlHasher,
        candidate: &Candidate,
        (started_at, is_away): (i64, bool),
        dice: &mut Dice,
    ) -> Visited {
        let mut visit = Visit {
            world,
            hasher,
            found: Vec::new(),
            links: Vec::new(),
            redirect: None,
            robots: None,
        };
        let outcome = match candidate.kind {
            _ if is_away => AWAY,
            Kind::Robots => self.robots(&mut visit, candidate, dice),
            _ => content(&mut visit, candidate),
        };
        let (code, error) = match outcome {
            Outcome::Answer { status, .. } => (Some(status), None),
            Outcome::Failed { code, .. } => (None, Some(code)),
        };
        let fetch = FetchRecord {
            started_at,
            first_byte_ms: code.map(|_| u32::try_from(dice.below(500)).expect("small")),
            status: code,
            error,
            wire_bytes: dice.below(10_000),
            ..FetchRecord::default()
        };
        let is_page = outcome == status(200) && candidate.kind == Kind::Page;
        let page = is_page.then(|| Box::new(page(candidate.url.as_str(), visit.links)));
        Visited {
            candidate: candidate.clone(),
            outcome,
            fetch,
            found: visit.found,
            redirect: visit.redirect,
            page,
            sitemap: SitemapRecord::default(),
            robots: visit.robots,
            needs_get: false,
        }
    }

    fn robots(&mut self, visit: &mut Visit<'_>, candidate: &Candidate, dice: &mut Dice) -> Outcome {
        let unheard_of = Site::default();
        // The redirects of robots.txt are named after the place of their origin.
        let number = candidate.url.path().strip_prefix("/robots-");
        let place = number.and_then(|rest| rest.split('-').next()?.parse::<usize>().ok());
        let site = match place {
            Some(place) => &visit.world.sites[place],
            None => visit.world.site(candidate.url.origin()).unwrap_or(&unheard_of),
        };
        if candidate.hops == 0 {
            let requests = self.robots_requests.entry(site.name.clone()).or_default();
            *requests += 1;
            if site.is_private {
                return PRIVATE;
            }
            if *requests <= site.robots_failures {
                return failure(dice);
            }
        }
        if let Some(next) = site.robots_hops.get(usize::from(candidate.hops)) {
            visit.redirect = Some(visit.find(next, Kind::Robots, FoundBy::Redirect, None));
            return status(301);
        }
        let Some(text) = &site.robots else { return status(404) };
        let body = text.clone().into_bytes();
        let rules = Arc::new(Rules::parse(&body, "crawlite"));
        visit.robots = Some(RobotsAnswer { rules, body });
        status(200)
    }
}

fn content(visit: &mut Visit<'_>, candidate: &Candidate) -> Outcome {
    let world = visit.world;
    if world.site(candidate.url.origin()).is_some_and(|site| site.is_private) {
        return PRIVATE;
    }
    let Some(node) = world.nodes.get(candidate.url.as_str()) else { return status(404) };
    if let Some(failure) = node.failures.get(usize::from(candidate.attempts)) {
        return *failure;
    }
    match &node.answer {
        Answer::Private => return PRIVATE,
        Answer::Status(code) => return status(*code),
        Answer::Redirect(target) => {
            visit.redirect = Some(visit.find(target, candidate.kind, FoundBy::Redirect, None));
            return status(301);
        }
        Answer::Page(links) if candidate.kind == Kind::Page => {
            for (link, position) in links.iter().zip(0..) {
                visit.link(link, position);
            }
        }
        Answer::Sitemap(pages, maps) if candidate.kind == Kind::Sitemap => {
            for page in pages {
                visit.find(page, Kind::Page, FoundBy::Sitemap, None);
            }
            for map in maps {
                visit.find(map, Kind::Sitemap, FoundBy::Link, None);
            }
        }
        _ => {}
    }
    status(200)
}

fn page(url: &str, links: Vec<LinkRecord>) -> PageRecord {
    PageRecord {
        content_hash: ContentHash::of(url.as_bytes()),
        reading: 0,
        body: None,
        charset: "utf-8",
        title: None,
        description: None,
        h1: None,
        lang: None,
        claimed_canonical: None,
        robots_directives: None,
        index: true,
        follow: true,
        words: 0,
        main_words: 0,
        simhash: None,
        headings: None,
        og: None,
        jsonld_types: None,
        hreflang: None,
        rel_next: None,
        rel_prev: None,
        needs_javascript: None,
        anchors: Vec::new(),
        links,
        links_cut: 0,
        items: None,
        rows: Vec::new(),
    }
}
