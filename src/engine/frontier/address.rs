//! Which servers share a machine, and how much may that be asked?
//!
//! A server has no address until its name is looked up; until then nothing of it
//! starts. Servers with the same address share its limits, so that many names on
//! one machine do not add up. An address of its own, without limits, is given to
//! whom no limit is meant for: loopback, and what only a proxy can look up.
//!
//! Invariant: an address is in `Frontier::ready`, under the time at which its
//! next request may start, exactly when one of its servers has something to
//! start and it has a free slot.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::Frontier;
use super::pace::JITTER;
use super::starts::Starts;
use crate::engine::record::ServerId;

/// The place of an address in the list of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct AddressId(pub(super) u32);

/// A machine, as far as an address says.
#[derive(Debug)]
pub(super) struct Address {
    has_limits: bool,
    in_flight: usize,
    next_start: Option<Instant>,
    /// Its servers that may start something, by when.
    pub(super) servers: Starts,
    /// Its place in `ready`.
    place: Option<(Instant, u64)>,
}

/// What servers with one address are asked at most, all together.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct AddressLimits {
    /// Requests in flight.
    pub(in crate::engine) in_flight: usize,
    /// Between the starts of two requests.
    pub(in crate::engine) gap: Duration,
}

impl Frontier {
    /// The name of a server leads to this address; `None`: to one without limits.
    pub(in crate::engine) fn set_address(&mut self, server: ServerId, ip: Option<IpAddr>) {
        let known = ip.and_then(|ip| self.addresses_by_ip.get(&ip).copied());
        let id = known.unwrap_or_else(|| {
            let id = AddressId(u32::try_from(self.addresses.len()).expect("fewer than servers"));
            self.addresses.push(Address {
                has_limits: ip.is_some(),
                in_flight: 0,
                next_start: None,
                servers: Starts::None,
                place: None,
            });
            if let Some(ip) = ip {
                self.addresses_by_ip.insert(ip, id);
            }
            id
        });
        self.server_mut(server).address = Some(id);
        self.settle(server);
    }

    /// A server whose name is to be looked up; called until it gives none.
    pub(in crate::engine) fn next_lookup(&mut self) -> Option<ServerId> {
        self.to_look_up.pop_front()
    }

    /// A request to an address begins now.
    pub(super) fn start_at(&mut self, id: AddressId, now: Instant) {
        let gap = self.address_limits.gap;
        let address = self.address_mut(id);
        address.in_flight += 1;
        if address.has_limits && !gap.is_zero() {
            address.next_start = Some(now + gap + JITTER);
        }
        self.settle_address(id);
    }

    /// A request to an address ended.
    pub(super) fn release_at(&mut self, id: AddressId) {
        let address = self.address_mut(id);
        address.in_flight = address.in_flight.saturating_sub(1);
        self.settle_address(id);
    }

    /// Restores the invariant for one address.
    pub(super) fn settle_address(&mut self, id: AddressId) {
        let limits = self.address_limits;
        let address = &self.addresses[id.0 as usize];
        let has_slot = !address.has_limits || address.in_flight < limits.in_flight;
        let first = address.servers.first().filter(|_| has_slot);
        let wanted = first.map(|(at, sequence, _)| {
            (address.next_start.map_or(*at, |free| free.max(*at)), *sequence)
        });
        let current = address.place;
        if current == wanted {
            return;
        }
        if let Some((at, sequence)) = current {
            self.ready.remove(&(at, sequence, id));
        }
        if let Some((at, sequence)) = wanted {
            self.ready.insert((at, sequence, id));
        }
        self.address_mut(id).place = wanted;
    }

    pub(super) fn address_mut(&mut self, id: AddressId) -> &mut Address {
        &mut self.addresses[id.0 as usize]
    }

    /// The server that is first at this address.
    pub(super) fn first_server(&self, id: AddressId) -> ServerId {
        let first = self.addresses[id.0 as usize].servers.first();
        first.expect("a ready address has a server that may start").2
    }
}
