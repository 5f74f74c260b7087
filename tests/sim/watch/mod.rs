//! Is every promise kept at every step?
//!
//! Sees each action of the engine as the outside world would, and panics with
//! the promise that is broken.

mod leave;
mod pace;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

use crawlite::canonical::CanonicalUrl;
use crawlite::config::Config;
use crawlite::engine::record::{
    Candidate, Ending, Kind, OriginId, Outcome, Record, ServerId, UrlId, VisitRecord, Visited,
};
use crawlite::engine::{Loaded, MAX_HOLD};
use crawlite::scope::Scope;

use super::file::File;
use super::servers::is_head;
use super::world::{World, parsed};
use leave::Leave;
use pace::Pace;

/// The first retry of a URL waits so long, each further one four times as long.
const FIRST_RETRY_AFTER: Duration = Duration::from_secs(2);

/// What holds in a run.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) world: &'a World,
    pub(crate) config: &'a Config,
    pub(crate) scope: &'a Scope,
}

/// What was seen so far. Times are since the world began.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    pace: Pace,
    leave: Leave,
    /// Requests made for each URL, as far as the file has them or this run knows;
    /// `None`: it is done.
    attempts: HashMap<UrlId, Option<u8>>,
    not_before: HashMap<UrlId, Duration>,
    in_flight: Vec<Candidate>,
    /// Of this run: what was asked for.
    names: HashMap<UrlId, CanonicalUrl>,
    /// Of them, those whose last visit told nothing.
    unlearnt: HashSet<UrlId>,
    /// With their URLs and origins.
    suspects: BTreeMap<UrlId, (String, Option<OriginId>)>,
    /// A suspect whose record is not on disk.
    settling: Option<UrlId>,
    /// Of this run: which origin each id is, by its robots.txt.
    robots_names: BTreeMap<OriginId, String>,
    /// Of this run.
    parked: BTreeSet<OriginId>,
    /// Pages and bytes of the crawl.
    pages: u64,
    bytes: u64,
    /// Starts, over all runs.
    pub(crate) starts: u64,
}

impl Watch {
    /// A run begins with what the file knows.
    pub(crate) fn begin(
        &mut self,
        terms: Terms<'_>,
        file: &File,
        loaded: &Loaded,
        (now, unix_ms): (Duration, i64),
    ) {
        // One that was refused may be released.
        let states = file.states.iter().filter(|(_, state)| state.refusal.is_none());
        self.attempts =
            states.map(|(id, state)| (*id, state.is_pending().then_some(state.attempts))).collect();
        self.not_before.clear();
        self.in_flight.clear();
        self.names.clear();
        self.unlearnt.clear();
        self.settling = None;
        self.robots_names.clear();
        self.parked.clear();
        (self.pages, self.bytes) = (loaded.pages, loaded.bytes);
        self.pace.begin(file.is_empty());
        self.leave.begin(file);
        for origin in &loaded.origins {
            if let Some((rules, age)) =
                origin.rules.as_ref().filter(|_| terms.config.politeness.robots)
            {
                let stored = file.origins.values().find(|it| it.name == origin.name);
                let body = stored.and_then(|origin| origin.body.as_deref());
                self.leave.rules(&origin.name, body, now, *age);
                self.pace.delay(terms, &server(&origin.name), rules.crawl_delay());
            }
            let ahead = origin.hold_until.map(|until| u64::try_from(until - unix_ms).unwrap_or(0));
            if let Some(ahead) = ahead {
                let until = now + Duration::from_millis(ahead).min(MAX_HOLD);
                self.pace.hold(&server(&origin.name), until);
            }
        }
        let row = |row: &crawlite::engine::record::PendingRow| {
            (row.id, (row.url.to_string(), file.states[&row.id].origin))
        };
        self.suspects = loaded.suspects.iter().map(row).collect();
        for (id, state) in &file.states {
            let ahead = state.not_before.and_then(|until| u64::try_from(until - unix_ms).ok());
            if let Some(ahead) =
                ahead.filter(|_| state.is_pending() && !self.suspects.contains_key(id))
            {
                // Stored times are whole milliseconds.
                let wait = Duration::from_millis(ahead.saturating_sub(1));
                self.not_before.insert(*id, now + wait.min(retry_wait(state.attempts)));
            }
        }
    }

    /// The engine starts a visit.
    pub(crate) fn start(&mut self, terms: Terms<'_>, candidate: &Candidate, now: Duration) {
        self.starts += 1;
        let url = candidate.url.as_str();
        self.pace.start(terms, candidate, &self.in_flight, now);
        let bytes = terms.config.limits.bytes.map_or(u64::MAX, |bytes| bytes.0);
        assert!(self.bytes < bytes, "{url} starts after {} of {bytes} bytes", self.bytes);
        assert_eq!(self.settling, None, "{url} starts before a suspect's record is on disk");
        if candidate.kind != Kind::Robots {
            let is_parked = self.parked.contains(&candidate.origin);
            assert!(!is_parked, "{url} starts though its origin is parked");
            self.leave.check(terms, candidate, now);
            let is_twin =
                |other: &Candidate| other.kind != Kind::Robots && other.id == candidate.id;
            assert!(!self.in_flight.iter().any(is_twin), "{url} is in flight twice");
            let before = self.attempts.get(&candidate.id).copied().unwrap_or(Some(0));
            assert_eq!(before, Some(candidate.attempts), "attempts of {url}, none if it is over");
            let heads = u8::from(is_head(candidate.kind, 0));
            let most = terms.config.fetch.retries + heads;
            // What waited when fewer tries were allowed is tried once more.
            let is_first =
                !self.names.contains_key(&candidate.id) || self.unlearnt.contains(&candidate.id);
            assert!(candidate.attempts <= most || is_first, "{url} is tried too often");
            let from = self.not_before.get(&candidate.id).copied().unwrap_or_default();
            assert!(now >= from, "{url} is tried again at {now:?}, before {from:?}");
        } else if candidate.hops == 0 {
            self.robots_names.insert(candidate.origin, candidate.url.origin().to_owned());
        }
        if candidate.kind == Kind::Page && candidate.attempts == 0 {
            let limit = terms.config.limits.pages.unwrap_or(u64::MAX);
            assert!(self.pages < limit, "{url} is page {} of {limit}", self.pages + 1);
            self.pages += 1;
            self.leave.count(terms, &candidate.url);
        }
        self.names.insert(candidate.id, candidate.url.clone());
        self.unlearnt.remove(&candidate.id);
        self.in_flight.push(candidate.clone());
        let alone = self.suspects.is_empty() || self.in_flight.len() == 1;
        assert!(alone, "{url} is beside a suspect");
    }

    /// A visit ends; said before the engine hears of it.
    pub(crate) fn end(&mut self, terms: Terms<'_>, visited: &Visited, now: Duration) {
        let candidate = &visited.candidate;
        let same = |other: &Candidate| other.id == candidate.id && other.kind == candidate.kind;
        let place = self.in_flight.iter().position(same).expect("it was in flight");
        self.in_flight.remove(place);
        self.bytes += visited.fetch.wire_bytes;
        self.pace.end(terms, visited, now);
        if candidate.kind == Kind::Robots {
            self.robots_ended(terms, visited, now);
            return;
        }
        if self.suspects.remove(&candidate.id).is_some() {
            self.settling = Some(candidate.id);
        }
        let attempts = candidate.attempts + 1;
        if visited.needs_get {
            self.attempts.insert(candidate.id, Some(attempts));
            return;
        }
        let again = visited.outcome.is_transient() && attempts <= terms.config.fetch.retries;
        if again {
            self.not_before.insert(candidate.id, now + retry_wait(attempts));
        }
        self.attempts.insert(candidate.id, again.then_some(attempts));
    }

    fn robots_ended(&mut self, terms: Terms<'_>, visited: &Visited, now: Duration) {
        let candidate = &visited.candidate;
        // A further hop does not say whose rules it brings: that is what the origin is for.
        let origin = self.robots_names.get(&candidate.origin);
        let origin = origin.expect("an origin is asked at its own robots.txt first").clone();
        let is_private = matches!(visited.outcome, Outcome::Failed { code: "private-address", .. });
        let gives_none = match visited.outcome {
            Outcome::Answer { status, .. } => matches!(status, 429 | 500..),
            Outcome::Failed { .. } => !is_private,
        };
        let is_hop =
            visited.redirect.is_some() && usize::from(candidate.hops) < crate::world::ROBOTS_HOPS;
        if gives_none {
            self.suspects.retain(|_, (url, _)| !url.starts_with(&format!("{origin}/")));
        } else if !is_hop {
            let robots = visited.robots.as_ref();
            let delay = robots.and_then(|answer| answer.rules.crawl_delay());
            self.pace.delay(terms, &server(&origin), delay);
            self.leave.rules(&origin, robots.map(|it| &*it.body), now, Duration::ZERO);
        }
    }

    /// A record goes to the writer.
    pub(crate) fn hand_over(&mut self, record: &Record) {
        match record {
            Record::Refused(id, _) => drop(self.suspects.remove(id)),
            Record::Visit(visit) => self.written(visit),
            Record::Reopened(ids) => {
                for id in ids {
                    self.attempts.insert(*id, Some(0));
                    self.pages -= 1;
                    self.leave.give_back(&self.names[id]);
                }
            }
            Record::Parked(origin, _) => {
                self.parked.insert(*origin);
                self.suspects.retain(|_, (_, of)| *of != Some(*origin));
            }
            Record::Origin(origin) if origin.parked.is_some() => {
                self.parked.insert(origin.id);
            }
            _ => {}
        }
    }

    /// A visit goes to the file: one of which nothing was learnt is to be made again,
    /// as if it had not been.
    fn written(&mut self, visit: &VisitRecord) {
        let candidate = &visit.candidate;
        // What was asked for as a part of a page may turn out to be one.
        let was_asset = visit.page.is_some() && candidate.attempts > 0;
        let was_page = self.leave.is_counted(&candidate.url);
        if was_asset && candidate.kind == Kind::Page && !was_page {
            self.pages += 1;
            self.leave.note(&candidate.url);
        }
        let Ending::Retry { attempts, .. } = visit.ending else { return };
        if candidate.kind == Kind::Robots || attempts != candidate.attempts {
            return;
        }
        let is_parked = self.parked.contains(&candidate.origin);
        let is_away = matches!(visit.fetch.error, Some("connect" | "dns" | "timeout"));
        assert!(is_parked || is_away, "{} counts", candidate.url);
        self.not_before.remove(&candidate.id);
        self.attempts.insert(candidate.id, Some(attempts));
        self.unlearnt.insert(candidate.id);
        if candidate.kind == Kind::Page && attempts == 0 {
            self.pages -= 1;
            self.leave.give_back(&candidate.url);
        }
    }

    /// The engine was told what a name leads to.
    pub(crate) fn looked_up(&mut self, server: ServerId, address: Option<IpAddr>) {
        self.pace.looked_up(server, address);
    }

    /// A record is on disk.
    pub(crate) fn committed(&mut self, record: &Record) {
        if let Record::Visit(visit) = record {
            self.settling.take_if(|id| *id == visit.candidate.id);
        }
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

    /// Pages and bytes of the crawl.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.pages, self.bytes)
    }

    /// How long something may have to wait at most, for whatever reason.
    pub(crate) fn longest_wait(&self, now: Duration) -> Duration {
        let retry = self.not_before.values().map(|until| until.saturating_sub(now)).max();
        self.pace.longest_wait(now).max(retry.unwrap_or_default())
    }
}

fn retry_wait(attempts: u8) -> Duration {
    FIRST_RETRY_AFTER * 4_u32.pow(u32::from(attempts.clamp(1, 8)) - 1)
}

fn server(origin: &str) -> String {
    parsed(&format!("{origin}/")).server().to_owned()
}
