//! Which origins and servers does the crawl know, and what holds for each?
//!
//! An origin is the unit of robots.txt, a server the one of politeness. Both are
//! added when a candidate of theirs is met, or taken over from the file.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::frontier::AddressLimits;
use super::record::{Moment, OriginId, ServerId};
use super::{Action, Engine, LoadedOrigin, MAX_HOLD, Settings};
use crate::canonical::CanonicalUrl;
use crate::robots::Rules;

/// Requests in flight to one address, over all its servers.
const ADDRESS_IN_FLIGHT: usize = 4;
/// Between two starts at one address.
const ADDRESS_GAP: Duration = Duration::from_millis(100);
/// Names that are looked up at once.
const MAX_LOOKUPS: usize = 16;

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
        if let Some(number) = self.servers.number(url.server()) {
            return ServerId(number);
        }
        let delay = self.settings.politeness.delay(url.host_name());
        // Whenever the last request before this run was: one full delay ago is polite.
        let first_start = if self.is_resumed { now.max(self.began + delay) } else { now };
        let id = self.frontier.add_server(delay, first_start);
        self.servers.add(url.server());
        id
    }

    pub(super) fn load_origin(&mut self, origin: LoadedOrigin, now: Moment) {
        let url = CanonicalUrl::from_stored(format!("{}/", origin.name));
        let (id, server) = self.add_origin(&url, origin.pending, now.at);
        if let Some((rules, age)) = origin.rules.filter(|_| self.settings.politeness.robots) {
            self.apply_rules(id, &rules, now, age);
            self.note_known(server);
        }
        if let Some(original) = origin.mirror_of.filter(|_| !self.settings.mirrors) {
            self.unmirrored.push((id, original));
        }
        if origin.is_external {
            self.frontier.set_open(id, true);
        } else if origin.pending > 0 {
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

    /// Asks for the addresses of servers that have something to start.
    pub(super) fn look_up(&mut self) {
        while self.lookups < MAX_LOOKUPS
            && let Some(server) = self.frontier.next_lookup()
        {
            let (host, _) = split_port(self.servers.name(server.0));
            if let Ok(address) = host.trim_matches(['[', ']']).parse::<IpAddr>() {
                self.set_address(server, Some(address));
            } else {
                self.lookups += 1;
                self.actions.push(Action::LookUp(server, host.into()));
            }
        }
    }

    /// A name that was looked up leads to this address.
    pub(super) fn looked_up(&mut self, server: ServerId, address: Option<IpAddr>) {
        self.lookups -= 1;
        self.set_address(server, address);
    }

    fn set_address(&mut self, server: ServerId, address: Option<IpAddr>) {
        // This machine is no stranger's, whatever name it is called by.
        self.frontier.set_address(server, address.filter(|address| !address.is_loopback()));
    }
}

/// Many names on one machine do not add up: 4 requests at once and 100 ms between
/// starts, but nothing stricter than what one server alone may be asked.
pub(super) fn address_limits(settings: &Settings) -> AddressLimits {
    let delay = settings.politeness.delay.map_or(ADDRESS_GAP, |delay| delay.0.min(ADDRESS_GAP));
    AddressLimits { in_flight: settings.politeness.per_host.max(ADDRESS_IN_FLIGHT), gap: delay }
}

/// Name and port of a server; no port if it is the usual one.
fn split_port(server: &str) -> (&str, Option<&str>) {
    match server.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (server, None),
    }
}
