//! Which origins and servers does the crawl know, and what holds for each?
//!
//! An origin is the unit of robots.txt, a server the one of politeness. Both are
//! added when a candidate of theirs is met, or taken over from the file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::record::{Moment, OriginId, ServerId};
use super::{Engine, LoadedOrigin, MAX_HOLD};
use crate::canonical::CanonicalUrl;
use crate::robots::Rules;

impl Engine {
    /// The origin of a candidate, and its server; new ones are added.
    pub(super) fn origin_of(&mut self, url: &CanonicalUrl, now: Moment) -> (OriginId, ServerId) {
        if let Some(id) = self.origins.id(url.origin()) {
            return (id, self.frontier.server_of(id));
        }
        let (id, server) = self.add_origin(url, 0, now.at);
        self.met.origins.push((id, url.origin().into()));
        (id, server)
    }

    fn add_origin(&mut self, url: &CanonicalUrl, rows: u64, now: Instant) -> (OriginId, ServerId) {
        let server = self.server_of(url, now);
        let id = self.frontier.add_origin(server, rows);
        self.origins.add(url.origin(), id);
        if !self.settings.politeness.robots {
            self.frontier.set_open(id, true);
        }
        (id, server)
    }

    /// The server of a URL, a new one if need be.
    pub(super) fn server_of(&mut self, url: &CanonicalUrl, now: Instant) -> ServerId {
        if let Some(id) = self.servers.get(url.server()) {
            return *id;
        }
        let delay = self.settings.politeness.delay(url.host_name());
        // Whenever the last request before this run was: one full delay ago is polite.
        let first_start = if self.is_resumed { now.max(self.began + delay) } else { now };
        let id = self.frontier.add_server(delay, first_start);
        self.servers.insert(url.server().into(), id);
        self.server_names.push(url.server().into());
        id
    }

    pub(super) fn load_origin(&mut self, origin: LoadedOrigin, now: Moment) {
        let url = CanonicalUrl::from_stored(format!("{}/", origin.name));
        let (id, server) = self.add_origin(&url, origin.pending, now.at);
        if let Some((rules, age)) = origin.rules.filter(|_| self.settings.politeness.robots) {
            self.apply_rules(id, &rules, now, age);
        }
        if origin.pending > 0 {
            self.unasked.push(id);
        }
        if let Some(until) = origin.hold_until.and_then(|until| now.instant_at(until, MAX_HOLD)) {
            self.frontier.hold(server, until);
        }
    }

    /// Takes over rules: the delay they ask for, and that the URLs may start.
    pub(super) fn apply_rules(
        &mut self,
        origin: OriginId,
        rules: &Arc<Rules>,
        now: Moment,
        age: Duration,
    ) {
        let server = self.frontier.server_of(origin);
        if let Some(delay) = rules.crawl_delay() {
            let cap = self.settings.politeness.max_crawl_delay.map_or(Duration::MAX, |cap| cap.0);
            self.frontier.set_crawl_delay(server, delay.min(cap), now.at);
        }
        self.origins.set_rules(origin, Arc::clone(rules), now.at, age);
        self.frontier.set_open(origin, true);
    }
}
