//! A visit ended: what follows for its URL, its server and its origin?

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::health::Meaning;
use super::meet::Source;
use super::origins::Unreachable;
use super::record::{
    Candidate, Depth, Discovery, Ending, Kind, Moment, OriginId, OriginRecord, Outcome, Record,
    SitemapRecord, UrlId, VisitRecord, Visited,
};
use super::{Action, Engine, Finish, MAX_HOLD};
use crate::canonical::CanonicalUrl;
use crate::refusal::{Reason, Refusal};
use crate::robots::Rules;

/// Redirects of a robots.txt that are followed (RFC 9309 section 2.3.1.2).
const MAX_ROBOTS_HOPS: u8 = 5;
/// The wait before the first retry of a URL; each further one is four times as long.
const FIRST_RETRY_AFTER: Duration = Duration::from_secs(2);

impl Engine {
    pub(super) fn visited(&mut self, visited: Visited, now: Moment) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let was_suspect = self.suspects.visited(visited.candidate.id);
        self.note_outcome(&visited, now);
        self.bytes += visited.fetch.wire_bytes;
        if visited.candidate.kind == Kind::Robots {
            self.note_reached(&visited, now.at);
            self.robots_visited(visited, now);
        } else {
            self.url_visited(visited, now);
        }
        if was_suspect {
            self.actions.push(Action::Write(Record::Barrier));
        }
    }

    /// What the answer says about its server.
    fn note_outcome(&mut self, visited: &Visited, now: Moment) {
        let Visited { candidate, outcome, fetch, .. } = visited;
        let server = candidate.server;
        let response = fetch.first_byte_ms.map(|ms| Duration::from_millis(u64::from(ms)));
        self.frontier.release(server, response);
        self.any_answer |= matches!(outcome, Outcome::Answer { .. });
        if outcome.is_throttled() {
            self.frontier.slow_down(server, now.at);
        } else if matches!(outcome, Outcome::Answer { status, .. } if *status < 400) {
            self.frontier.speed_up(server);
        }
        if let Outcome::Answer { status: 429 | 503, retry_after: Some(wait) } = outcome {
            let until = now.at + (*wait).clamp(Duration::from_secs(1), MAX_HOLD);
            self.frontier.hold(server, until);
            // A robots.txt may be answered by a server that no candidate is of.
            if let Some(origin) = self.origins.id(candidate.url.origin()) {
                self.actions.push(Action::Write(Record::Hold(origin, now.unix_ms_at(until))));
            }
        }
    }

    fn url_visited(&mut self, mut visited: Visited, now: Moment) {
        if visited.page.is_some() && visited.candidate.kind == Kind::Asset {
            visited.candidate.kind = Kind::Page;
            self.pages += 1;
            self.budgets.count(&visited.candidate.url);
        }
        let ending = if self.meaning(&visited, now) == Meaning::PutBack {
            self.put_back(&visited.candidate, now)
        } else {
            let ending = if visited.needs_get {
                self.ask_for_the_whole(&visited.candidate, now)
            } else {
                self.ending(&visited.candidate, visited.outcome, now)
            };
            self.count_answer(&visited, &ending);
            ending
        };
        let Visited { candidate, fetch, found, redirect, page, sitemap, .. } = visited;
        let depth = self.depth_of(&candidate);
        if let Some(page) = page.as_ref().filter(|_| fetch.status == Some(200)) {
            self.compare_twins(&candidate, page);
            self.judge_content(&candidate.url, page, now);
        }
        let mut ids = Vec::with_capacity(found.len());
        for found in &found {
            let source = Source::of_visit(candidate.id, depth, candidate.hops, found.by);
            ids.push(self.meet(found, source, now));
        }
        let redirect_to = redirect.map(|index| ids[index as usize]);
        self.read_known_rules(now);
        let met = std::mem::take(&mut self.met);
        // Before the visit: if the process dies between the two, the visit is made again.
        self.write_nearer();
        let record = VisitRecord { candidate, fetch, redirect_to, met, ids, page, sitemap, ending };
        self.actions.push(Action::Write(Record::Visit(Box::new(record))));
        self.write_reopened();
    }

    /// A head did not say enough: the same URL is asked for again at its next turn.
    fn ask_for_the_whole(&mut self, candidate: &Candidate, now: Moment) -> Ending {
        let attempts = candidate.attempts.saturating_add(1);
        self.known.set_taken(candidate.id, false);
        let depth = self.depth_of(candidate);
        self.frontier.push(Candidate { depth, attempts, ..candidate.clone() });
        Ending::Retry { attempts, not_before: now.unix_ms }
    }

    /// Nothing was learnt of a URL: it waits as it did before, its place is free for another.
    fn put_back(&mut self, candidate: &Candidate, now: Moment) -> Ending {
        if candidate.kind == Kind::Page && candidate.attempts == 0 {
            self.pages -= 1;
            self.budgets.give_back(&candidate.url);
            // There is room for another page again.
            self.stopping.take_if(|why| *why == Finish::Pages);
        }
        self.known.set_taken(candidate.id, false);
        let depth = self.depth_of(candidate);
        self.frontier.push(Candidate { depth, ..candidate.clone() });
        Ending::Retry { attempts: candidate.attempts, not_before: now.unix_ms }
    }

    fn ending(&mut self, candidate: &Candidate, outcome: Outcome, now: Moment) -> Ending {
        if let Outcome::Failed { code: "private-address", .. } = outcome {
            return Ending::Refused(private(candidate));
        }
        let attempts = candidate.attempts.saturating_add(1);
        if !outcome.is_transient() || attempts > self.settings.retries {
            return Ending::Done;
        }
        let until = now.at + retry_wait(attempts);
        let retry = Candidate { attempts, ..candidate.clone() };
        self.delayed.insert((until, candidate.id), retry);
        Ending::Retry { attempts, not_before: now.unix_ms_at(until) }
    }

    /// Asks for an origin's rules unless they are known or asked for.
    pub(super) fn ask_rules(&mut self, origin: OriginId, now: Moment) {
        if !self.settings.politeness.robots {
            return;
        }
        if self.origins.ask(origin, now.at) {
            let url =
                CanonicalUrl::from_stored(format!("{}/robots.txt", self.origins.name(origin)));
            let id = self.intern_robots(&url);
            self.push_robots(origin, id, url, 0, now.at);
        } else if self.settings.sitemaps
            && let Some(rules) = self.origins.unread(origin)
        {
            self.unread.push((origin, rules));
        }
    }

    /// Meets the sitemaps of origins whose rules the file knew.
    pub(super) fn read_known_rules(&mut self, now: Moment) {
        while let Some((origin, rules)) = self.unread.pop() {
            let base = format!("{}/robots.txt", self.origins.name(origin));
            let robots = CanonicalUrl::from_stored(base);
            let id = self.intern_robots(&robots);
            self.meet_sitemaps(origin, &rules, (id, &robots), now);
        }
    }

    /// The row of a robots.txt. It stays unmet, so that a page of that URL is
    /// still fetched as one when a link leads to it.
    fn intern_robots(&mut self, url: &CanonicalUrl) -> UrlId {
        let hash = self.hasher.hash(url.as_str());
        let (id, is_new) = self.known.intern(hash);
        if is_new {
            self.met.urls.push(Discovery { id, new: Some((url.text(), hash)), standing: None });
        }
        id
    }

    fn push_robots(
        &mut self,
        origin: OriginId,
        id: UrlId,
        url: CanonicalUrl,
        hops: u8,
        now: Instant,
    ) {
        let server = self.server_of(&url, now);
        self.frontier.push_urgent(Candidate {
            id,
            url,
            origin,
            server,
            kind: Kind::Robots,
            depth: Depth::new(0),
            hops,
            attempts: 0,
            revisit: false,
        });
    }

    fn robots_visited(&mut self, visited: Visited, now: Moment) {
        let Visited { candidate, outcome, fetch, found, redirect, robots, .. } = visited;
        let origin = candidate.origin;
        let status = fetch.status;
        let asked_at = fetch.started_at;
        let mut redirect_to = None;
        let mut parked = None;
        let mut body = None;
        let mut crawl_delay_ms = None;
        let target = redirect.map(|index| &found[index as usize]);
        match (outcome, robots, target) {
            (_, _, Some(target)) if candidate.hops < MAX_ROBOTS_HOPS && is_url(&target.text) => {
                let url = CanonicalUrl::from_stored(Arc::clone(&target.text));
                let id = self.intern_robots(&url);
                redirect_to = Some(id);
                self.push_robots(origin, id, url, candidate.hops + 1, now.at);
            }
            (Outcome::Answer { status: 429 | 500.., .. } | Outcome::Failed { .. }, ..) => {
                parked = self.no_rules(origin, &candidate, outcome, now);
            }
            (_, Some(answer), _) => {
                let delay = answer.rules.crawl_delay();
                crawl_delay_ms = delay.and_then(|delay| u64::try_from(delay.as_millis()).ok());
                self.rules_came(origin, &answer.rules, (candidate.id, &candidate.url), now);
                body = Some(answer.body);
            }
            _ => {
                let robots = (candidate.id, &candidate.url);
                self.rules_came(origin, &Rules::allow_all(), robots, now);
            }
        }
        let met = std::mem::take(&mut self.met);
        let record = VisitRecord {
            candidate,
            fetch,
            redirect_to,
            met,
            ids: Vec::new(),
            page: None,
            sitemap: SitemapRecord::default(),
            ending: Ending::Untouched,
        };
        self.actions.push(Action::Write(Record::Visit(Box::new(record))));
        if redirect_to.is_none() {
            let state = OriginRecord {
                id: origin,
                robots_at: asked_at,
                robots_status: status,
                robots_body: body,
                crawl_delay_ms,
                parked,
            };
            self.actions.push(Action::Write(Record::Origin(Box::new(state))));
        }
    }

    /// Takes over the rules of an origin and meets its sitemaps.
    fn rules_came(
        &mut self,
        origin: OriginId,
        rules: &Arc<Rules>,
        robots: (UrlId, &CanonicalUrl),
        now: Moment,
    ) {
        self.apply_rules(origin, rules, now, Duration::ZERO);
        if self.settings.sitemaps && self.origins.unread(origin).is_some() {
            self.meet_sitemaps(origin, rules, robots, now);
        }
    }

    fn meet_sitemaps(
        &mut self,
        origin: OriginId,
        rules: &Rules,
        (robots_id, robots): (UrlId, &CanonicalUrl),
        now: Moment,
    ) {
        let base = robots.to_url();
        let usual = format!("{}/sitemap.xml", self.origins.name(origin));
        let named = rules.sitemaps().iter().map(|raw| (&**raw, Some(robots_id)));
        // Nobody named the usual one: it is no fault if there is none.
        for (raw, id) in named.chain([(&*usual, None)]) {
            if let Ok((url, _)) = crate::canonical::join(&base, raw) {
                let source = Source { id, depth: Depth::new(0), hops: 0 };
                self.meet_url(&url, Kind::Sitemap, None, source, now);
            }
        }
    }

    /// An origin gave no rules: asked again later, or its URLs stay pending. Why they do, if so.
    fn no_rules(
        &mut self,
        origin: OriginId,
        candidate: &Candidate,
        outcome: Outcome,
        now: Moment,
    ) -> Option<String> {
        if let Outcome::Failed { code: "private-address", .. } = outcome {
            self.origins.refuse(origin, private(candidate));
            self.frontier.set_open(origin, true);
            return None;
        }
        let is_lost = matches!(outcome, Outcome::Failed { no_connection: true, .. });
        let counts = !(is_lost && self.is_network_down(now.at));
        match self.origins.set_unreachable(origin, now.at, counts) {
            Unreachable::RetryAt(_) => None,
            Unreachable::Park => {
                self.frontier.park(origin);
                Some(match outcome {
                    Outcome::Answer { status, .. } => format!("robots.txt answers {status}"),
                    Outcome::Failed { code, .. } => format!("robots.txt gives no answer: {code}"),
                })
            }
        }
    }
}

/// The wait of a URL that was tried so often, until it is tried again.
pub(super) fn retry_wait(attempts: u8) -> Duration {
    FIRST_RETRY_AFTER * 4_u32.pow(u32::from(attempts.clamp(1, 8)) - 1)
}

fn is_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

fn private(candidate: &Candidate) -> Refusal {
    let host = candidate.url.host();
    Refusal::new(Reason::Private, format!("{host} is a private address: --allow-private {host}"))
}
