//! Is every promise kept at every step?
//!
//! Sees each action of the engine as the outside world would, and panics with
//! the promise that is broken.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use crawlite::engine::record::{
    Candidate, Ending, Kind, OriginId, Outcome, UrlId, VisitRecord, Visited,
};
use crawlite::engine::{Loaded, MAX_HOLD, Settings};

use super::file::File;
use super::world::World;

/// The first retry of a URL waits so long, each further one four times as long.
const FIRST_RETRY_AFTER: Duration = Duration::from_secs(2);

/// What was seen so far. Times are since the world began.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    last_start: BTreeMap<String, Duration>,
    last_start_at: BTreeMap<IpAddr, Duration>,
    /// Requests made for each URL, as far as the file has them or this run knows;
    /// `None`: it is done.
    attempts: BTreeMap<String, Option<u8>>,
    /// Of this run: by server.
    holds: BTreeMap<String, Duration>,
    crawl_delays: BTreeMap<String, Duration>,
    /// Of this run: origins whose rules, or lack of them, are known.
    answered: BTreeSet<String>,
    not_before: BTreeMap<String, Duration>,
    in_flight: Vec<Candidate>,
    /// What was started in this run, and with how many requests before.
    started: BTreeMap<UrlId, u8>,
    suspects: BTreeMap<UrlId, String>,
    /// Of this run: which origin each id is, by its robots.txt.
    robots_names: BTreeMap<OriginId, String>,
    names: BTreeMap<UrlId, String>,
    /// Of this run.
    parked: BTreeSet<OriginId>,
    pages: u64,
    /// Starts, over all runs.
    pub(crate) starts: u64,
}

impl Watch {
    /// A run begins with what the file knows.
    pub(crate) fn begin(&mut self, file: &File, loaded: &Loaded, now: Duration, unix_ms: i64) {
        // One that was refused may be released.
        let states = file.states.iter().filter(|(_, state)| state.reason.is_none());
        self.attempts = states
            .map(|(id, state)| {
                (file.url(*id).to_owned(), state.is_pending().then_some(state.attempts))
            })
            .collect();
        self.answered.clear();
        self.crawl_delays.clear();
        self.holds.clear();
        self.not_before.clear();
        self.in_flight.clear();
        // Across runs every server waits for its own delay.
        self.last_start_at.clear();
        self.started.clear();
        self.robots_names.clear();
        self.parked.clear();
        self.pages = loaded.pages;
        if file.is_empty() {
            // Nothing says that anything was ever asked.
            self.last_start.clear();
        }
        for origin in &loaded.origins {
            if let Some((rules, _)) = &origin.rules {
                self.answered.insert(origin.name.to_string());
                self.delay(&origin.name, rules.crawl_delay());
            }
            let ahead = origin.hold_until.map(|until| u64::try_from(until - unix_ms).unwrap_or(0));
            if let Some(ahead) = ahead {
                self.hold(server(&origin.name), now + Duration::from_millis(ahead).min(MAX_HOLD));
            }
        }
        let row = |row: &crawlite::engine::record::PendingRow| (row.id, row.url.to_string());
        self.suspects = loaded.suspects.iter().map(row).collect();
        for (id, state) in &file.states {
            let ahead = state.not_before.and_then(|until| u64::try_from(until - unix_ms).ok());
            if let Some(ahead) =
                ahead.filter(|_| state.is_pending() && !self.suspects.contains_key(id))
            {
                // Stored times are whole milliseconds.
                let wait = Duration::from_millis(ahead.saturating_sub(1));
                let wait = wait.min(retry_wait(state.attempts));
                self.not_before.insert(file.url(*id).to_owned(), now + wait);
            }
        }
    }

    fn delay(&mut self, origin: &str, delay: Option<Duration>) {
        let known = self.crawl_delays.entry(server(origin)).or_default();
        *known = (*known).max(delay.unwrap_or_default());
    }

    fn hold(&mut self, server: String, until: Duration) {
        let hold = self.holds.entry(server).or_default();
        *hold = (*hold).max(until);
    }

    /// The engine starts a visit.
    pub(crate) fn start(
        &mut self,
        candidate: &Candidate,
        world: &World,
        settings: &Settings,
        now: Duration,
    ) {
        self.starts += 1;
        let url = candidate.url.as_str();
        self.check_pace(candidate, settings, now);
        self.check_load(candidate, settings);
        self.check_address(candidate, settings, now);
        if candidate.kind != Kind::Robots {
            let is_parked = self.parked.contains(&candidate.origin);
            assert!(!is_parked, "{url} starts though its origin is parked");
            self.check_leave(candidate, world);
            let twin =
                |other: &&Candidate| other.kind != Kind::Robots && other.url == candidate.url;
            assert!(!self.in_flight.iter().any(|other| twin(&other)), "{url} is in flight twice");
            let before = self.attempts.get(url).copied().unwrap_or(Some(0));
            assert_eq!(before, Some(candidate.attempts), "attempts of {url}, none if it is over");
            assert!(candidate.attempts <= settings.retries, "{url} is tried too often");
            let from = self.not_before.get(url).copied().unwrap_or_default();
            assert!(now >= from, "{url} is tried again at {now:?}, before {from:?}");
            self.started.insert(candidate.id, candidate.attempts);
            self.names.insert(candidate.id, url.to_owned());
        } else if candidate.hops == 0 {
            self.robots_names.insert(candidate.origin, candidate.url.origin().to_owned());
        }
        if candidate.kind == Kind::Page && candidate.attempts == 0 {
            self.pages += 1;
            let limit = settings.limits.pages.unwrap_or(u64::MAX);
            assert!(self.pages <= limit, "{url} is page {} of {limit}", self.pages);
        }
        self.in_flight.push(candidate.clone());
        let alone = self.suspects.is_empty() || self.in_flight.len() == 1;
        assert!(alone, "{url} is beside a suspect");
    }

    fn check_pace(&mut self, candidate: &Candidate, settings: &Settings, now: Duration) {
        let (url, server) = (candidate.url.as_str(), candidate.url.server().to_owned());
        let hold = self.holds.get(&server).copied().unwrap_or_default();
        assert!(now >= hold, "{url} starts at {now:?}, held until {hold:?}");
        let configured = settings.politeness.delay(candidate.url.host_name());
        let asked = self.crawl_delays.get(&server).copied().unwrap_or_default();
        let delay = configured.max(asked);
        if let Some(last) = self.last_start.insert(server, now) {
            let gap = now.checked_sub(last).expect("time goes forward");
            assert!(gap >= delay, "{url} starts {gap:?} after the last, not {delay:?}");
        }
    }

    fn check_load(&self, candidate: &Candidate, settings: &Settings) {
        let here = |other: &&Candidate| other.url.server() == candidate.url.server();
        let beside = self.in_flight.iter().filter(here).count();
        assert!(beside < settings.politeness.per_host, "{} is one too many", candidate.url);
        assert!(self.in_flight.len() < settings.concurrency, "{} is one too many", candidate.url);
    }

    /// Servers that share an address share its limits.
    fn check_address(&mut self, candidate: &Candidate, settings: &Settings, now: Duration) {
        let of = |candidate: &Candidate| {
            let host = candidate.url.server().split(':').next().expect("a name");
            super::world::address(host)
        };
        let Some(address) = of(candidate) else { return };
        let beside = self.in_flight.iter().filter(|other| of(other) == Some(address)).count();
        let most = settings.politeness.per_host.max(4);
        assert!(beside < most, "{} is one too many at {address}", candidate.url);
        let delay = settings.politeness.delay.map_or(Duration::MAX, |delay| delay.0);
        let least = delay.min(Duration::from_millis(100));
        if let Some(last) = self.last_start_at.insert(address, now) {
            let gap = now.checked_sub(last).expect("time goes forward");
            assert!(gap >= least, "{} starts {gap:?} after the last at {address}", candidate.url);
        }
    }

    fn check_leave(&self, candidate: &Candidate, world: &World) {
        let url = &candidate.url;
        let is_named = candidate.kind == Kind::Sitemap;
        assert!(is_named || world.scope.judge(url).is_ok(), "{url} is out of scope");
        if world.robots {
            assert!(self.answered.contains(url.origin()), "{url} is before its robots.txt");
            let site = world.site(url.origin());
            let has_rules = site.filter(|site| site.robots_hops.len() <= super::world::ROBOTS_HOPS);
            let shut = has_rules.into_iter().flat_map(|site| &site.disallow);
            let mut shut = shut.filter(|path| url.path().starts_with(&***path));
            let rule = shut.next().filter(|_| url.path() != "/robots.txt");
            assert!(rule.is_none(), "{url} is disallowed by {rule:?}");
            assert!(!site.is_some_and(|site| site.is_private), "{url} is private");
        }
        if let Some(limit) = world.depth_limit.filter(|_| candidate.kind == Kind::Page) {
            assert!(candidate.depth.rank() <= limit, "{url} is too deep");
        }
    }

    /// A visit ends; said before the engine hears of it.
    pub(crate) fn end(&mut self, visited: &Visited, settings: &Settings, now: Duration) {
        let candidate = &visited.candidate;
        let same = |other: &Candidate| other.url == candidate.url && other.kind == candidate.kind;
        let place = self.in_flight.iter().position(same).expect("it was in flight");
        self.in_flight.remove(place);
        if let Outcome::Answer { status: 429 | 503, retry_after: Some(wait) } = visited.outcome {
            self.hold(candidate.url.server().to_owned(), now + wait);
        }
        if candidate.kind == Kind::Robots {
            self.robots_ended(visited);
            return;
        }
        self.suspects.remove(&candidate.id);
        let attempts = candidate.attempts + 1;
        let again = visited.outcome.is_transient() && attempts <= settings.retries;
        let url = candidate.url.to_string();
        if again {
            self.not_before.insert(url.clone(), now + retry_wait(attempts));
        }
        self.attempts.insert(url, again.then_some(attempts));
    }

    fn robots_ended(&mut self, visited: &Visited) {
        let candidate = &visited.candidate;
        // A further hop does not say whose rules it brings: that is what the origin is for.
        let origin = self.origin_of_robots(candidate);
        let is_private = matches!(visited.outcome, Outcome::Failed { is_transient: false, .. });
        if visited.outcome.is_transient() && !is_private {
            self.suspects.retain(|_, url| !url.starts_with(&format!("{origin}/")));
        } else if visited.redirect.is_none()
            || usize::from(candidate.hops) >= super::world::ROBOTS_HOPS
        {
            let delay = visited.robots.as_ref().and_then(|answer| answer.rules.crawl_delay());
            self.delay(&origin, delay);
            self.answered.insert(origin);
        }
    }

    /// The name of the origin whose rules `candidate` asks for.
    fn origin_of_robots(&self, candidate: &Candidate) -> String {
        let asked = self.robots_names.get(&candidate.origin);
        asked.expect("an origin is asked at its own robots.txt first").clone()
    }

    /// A visit goes to the file: one of which nothing was learnt is to be made again,
    /// as if it had not been.
    pub(crate) fn written(&mut self, visit: &VisitRecord) {
        let candidate = &visit.candidate;
        let Ending::Retry { attempts, .. } = visit.ending else { return };
        if candidate.kind == Kind::Robots || attempts != candidate.attempts {
            return;
        }
        let is_parked = self.parked.contains(&candidate.origin);
        assert!(is_parked || visit.fetch.error == Some("connect"), "{} counts", candidate.url);
        let url = candidate.url.to_string();
        self.not_before.remove(&url);
        self.attempts.insert(url, Some(attempts));
        self.started.remove(&candidate.id);
        self.pages -= u64::from(candidate.kind == Kind::Page && attempts == 0);
    }

    /// URLs that were done are pending again.
    pub(crate) fn reopened(&mut self, ids: &[UrlId]) {
        for id in ids {
            self.attempts.insert(self.names[id].clone(), Some(0));
            self.pages -= 1;
        }
    }

    /// The URLs of an origin wait for another run.
    pub(crate) fn parked(&mut self, origin: OriginId) {
        self.parked.insert(origin);
    }

    /// The engine refused a URL after all.
    pub(crate) fn refused(&mut self, id: UrlId) {
        self.suspects.remove(&id);
    }

    /// The wall clock jumps: what a row says of a time means another time now.
    pub(crate) fn jump(&mut self) {
        self.not_before.clear();
    }

    /// What is in flight is given up.
    pub(crate) fn give_up(&mut self) {
        self.in_flight.clear();
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    pub(crate) fn pages(&self) -> u64 {
        self.pages
    }

    /// What was in flight, as the file sees it: started, and not written.
    pub(crate) fn unwritten(&self, file: &File) -> BTreeSet<UrlId> {
        let is_unwritten = |(id, attempts): &(&UrlId, &u8)| {
            file.states
                .get(id)
                .is_some_and(|state| state.is_pending() && state.attempts == **attempts)
        };
        self.started.iter().filter(is_unwritten).map(|(id, _)| *id).collect()
    }
}

fn retry_wait(attempts: u8) -> Duration {
    FIRST_RETRY_AFTER * 4_u32.pow(u32::from(attempts.max(1)) - 1)
}

fn server(origin: &str) -> String {
    super::world::parsed(&format!("{origin}/")).server().to_owned()
}
