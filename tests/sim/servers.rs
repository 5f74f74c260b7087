//! What does a request to the simulated web bring back?

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crawlite::engine::record::{Candidate, FetchRecord, Kind, Outcome, RobotsAnswer, Visited};
use crawlite::robots::Rules as RobotsRules;

use super::dice::Dice;
use super::reading::{Reading, Rules};
use super::world::{Answer, Machine, Node, Said, Served, Site, World, failed, no_rules};

/// What the servers remember.
#[derive(Debug, Default)]
pub(crate) struct Servers {
    /// Requests for the robots.txt of each origin.
    robots_requests: HashMap<String, u64>,
    /// Requests of each server.
    requests: HashMap<String, u64>,
}

/// What the page says that asks whether we are people.
pub(crate) const CHALLENGE: u64 = 1 << 61;

/// What a request gave, in one word.
pub(crate) fn outcome_name(outcome: Outcome) -> String {
    match outcome {
        Outcome::Answer { status, .. } => status.to_string(),
        Outcome::Failed { code, .. } => code.to_owned(),
    }
}

fn status(status: u16) -> Outcome {
    Outcome::Answer { status, retry_after: None }
}

/// Whether only the head is asked for.
pub(crate) fn is_head(kind: Kind, attempts: u8) -> bool {
    matches!(kind, Kind::Asset | Kind::External) && attempts == 0
}

/// What a request that is answered well brings: what is there, or that it is asked
/// for again, whole.
pub(crate) fn answer_of(node: Option<&Node>, kind: Kind, attempts: u8) -> (Outcome, bool) {
    let is_head = is_head(kind, attempts);
    let refused = |status: u16| is_head && status >= 400 && !matches!(status, 429 | 503);
    let Some(node) = node else { return (status(404), is_head) };
    let failure = node.failures.get(usize::from(attempts)).copied();
    let outcome = match (&node.answer, failure) {
        (_, Some(failure)) => failure,
        _ if is_head && node.refuses_head => status(405),
        (Answer::Status(code) | Answer::Redirect(code, _), _) => status(*code),
        (Answer::Failure(Outcome::Failed { code: "undecodable", .. }), _) => status(200),
        (Answer::Failure(outcome), _) => *outcome,
        _ => status(200),
    };
    let is_good = outcome == status(200);
    let is_more = matches!(node.answer, Answer::Page { .. } | Answer::Css(_));
    let needs_get = match outcome {
        Outcome::Answer { status, .. } if refused(status) => true,
        _ => is_head && kind == Kind::Asset && is_good && is_more,
    };
    (outcome, needs_get)
}

/// A visit as it is put together.
struct Visit<'a> {
    world: &'a World,
    candidate: &'a Candidate,
    now: Duration,
    reading: Reading<'a>,
    redirect: Option<u32>,
    robots: Option<RobotsAnswer>,
    /// The page and whether it lets its links be followed.
    page: Option<(u64, bool)>,
    needs_get: bool,
    error: Option<&'static str>,
}

impl Servers {
    /// What comes back for `candidate`, asked at `now`, which is `started_at` in
    /// milliseconds since 1970.
    pub(crate) fn answer(
        &mut self,
        world: &World,
        rules: Rules<'_>,
        candidate: &Candidate,
        (now, started_at): (Duration, i64),
        dice: &mut Dice,
    ) -> Visited {
        let mut visit = Visit {
            world,
            candidate,
            now,
            reading: Reading::new(rules),
            redirect: None,
            robots: None,
            page: None,
            needs_get: false,
            error: None,
        };
        let machine = world.machine(candidate.url.server());
        let outcome = self.outcome(&mut visit, machine, dice);
        let (code, error) = match outcome {
            Outcome::Answer { status, .. } => (Some(status), visit.error),
            Outcome::Failed { code, .. } => (None, Some(code)),
        };
        let fetch = FetchRecord {
            started_at,
            first_byte_ms: code.map(|_| u32::try_from(dice.below(500)).expect("small")),
            status: code,
            error,
            ip: machine.and_then(|machine| machine.address).filter(|_| code.is_some()),
            wire_bytes: dice.below(10_000),
            ..FetchRecord::default()
        };
        let Reading { found, links, texts, sitemap, .. } = visit.reading;
        // A page is read otherwise where settings are others.
        let reading = u64::from(rules.wishes.nofollow);
        let page = visit.page.map(|(content, follow)| {
            Box::new(Reading::into_page((links, texts), (content, reading), follow))
        });
        let (redirect, robots, needs_get) = (visit.redirect, visit.robots, visit.needs_get);
        let candidate = candidate.clone();
        Visited { candidate, outcome, fetch, found, redirect, page, sitemap, robots, needs_get }
    }

    fn outcome(
        &mut self,
        visit: &mut Visit<'_>,
        machine: Option<&Machine>,
        dice: &mut Dice,
    ) -> Outcome {
        let site = visit.world.site(visit.candidate.url.origin());
        if site.is_some_and(|site| site.is_private) {
            return failed("private-address", false);
        }
        if let Some(machine) = machine {
            if let Some(away) = visit.world.is_away(machine, visit.now) {
                return away;
            }
            let requests = self.requests.entry(machine.server.clone()).or_default();
            *requests += 1;
            let has_enough =
                |mood: &&super::world::Mood| *requests > mood.after && visit.now < mood.until;
            if let Some(mood) = machine.mood.as_ref().filter(has_enough) {
                return mood.outcome.unwrap_or_else(|| visit.challenge());
            }
        }
        match visit.candidate.kind {
            Kind::Robots => self.robots(visit, dice),
            _ => visit.content(),
        }
    }

    fn robots(&mut self, visit: &mut Visit<'_>, dice: &mut Dice) -> Outcome {
        let candidate = visit.candidate;
        let Some(site) = site_of_robots(visit.world, candidate) else { return status(404) };
        if candidate.hops == 0 {
            let requests = self.robots_requests.entry(site.name.clone()).or_default();
            *requests += 1;
            if *requests <= site.robots_failures {
                return no_rules(dice);
            }
        }
        if let Some(next) = site.robots_hops.get(usize::from(candidate.hops)) {
            visit.redirect = Some(visit.reading.redirect(next, Kind::Robots));
            return status(301);
        }
        match site.said(visit.now) {
            Said::Status(code) => status(*code),
            Said::Rules(rulebook) => {
                let body = rulebook.text().into_bytes();
                let rules = Arc::new(RobotsRules::parse(&body, "crawlite"));
                visit.robots = Some(RobotsAnswer { rules, body });
                status(200)
            }
        }
    }
}

/// The site whose robots.txt is asked for: its redirects are named after its place.
fn site_of_robots<'a>(world: &'a World, candidate: &Candidate) -> Option<&'a Site> {
    let number = candidate.url.path().strip_prefix("/robots-");
    let place = number.and_then(|rest| rest.split('-').next()?.parse::<usize>().ok());
    match place {
        Some(place) => Some(&world.sites[place]),
        None => world.site(candidate.url.origin()),
    }
}

impl Visit<'_> {
    /// A page that is no page of the site.
    fn challenge(&mut self) -> Outcome {
        let kind = self.candidate.kind;
        self.needs_get = is_head(kind, self.candidate.attempts) && kind == Kind::Asset;
        match kind {
            Kind::Page | Kind::Asset if !is_head(kind, self.candidate.attempts) => {
                self.page = Some((CHALLENGE, true));
            }
            Kind::Robots => {
                let body = b"<p>Are you a person?".to_vec();
                let rules = Arc::new(RobotsRules::parse(&body, "crawlite"));
                self.robots = Some(RobotsAnswer { rules, body });
            }
            _ => {}
        }
        status(200)
    }

    fn content(&mut self) -> Outcome {
        let Candidate { url, kind, attempts, .. } = self.candidate;
        let world = self.world;
        let served = world.served(url.as_str());
        let node = served.as_ref().map(|served| served.node);
        let (outcome, needs_get) = answer_of(node, *kind, *attempts);
        self.needs_get = needs_get;
        let Some(served) = served else { return outcome };
        match &served.node.answer {
            Answer::Redirect(code, to) if outcome == status(*code) => {
                self.redirect = Some(self.reading.redirect(&served.target(to), *kind));
            }
            Answer::Failure(Outcome::Failed { code: "undecodable", .. })
                if outcome == status(200) =>
            {
                self.error = Some("undecodable");
            }
            _ if outcome == status(200) && !is_head(*kind, *attempts) => self.read(&served),
            _ => {}
        }
        outcome
    }

    fn read(&mut self, served: &Served<'_>) {
        let reading = &mut self.reading;
        match (&served.node.answer, self.candidate.kind) {
            (Answer::Page { links, nofollow }, Kind::Page | Kind::Asset) => {
                for link in links {
                    reading.link(&served.target(&link.to), link.how, *nofollow);
                }
                self.page = Some((served.node.content, !nofollow));
            }
            (Answer::Css(refers), Kind::Asset) => {
                refers.iter().for_each(|to| reading.part(&served.target(to)));
            }
            (Answer::Sitemap(pages, maps), Kind::Sitemap) => {
                pages.iter().for_each(|page| reading.entry(&served.target(page), Kind::Page));
                maps.iter().for_each(|map| reading.entry(&served.target(map), Kind::Sitemap));
            }
            _ => {}
        }
    }
}
