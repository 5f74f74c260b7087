//! Which URL next, and not before when?
//!
//! Waiting candidates are grouped by origin, origins by [`ServerId`]. The
//! frontier hands them out so that no server has more than `per_host` requests
//! in flight, nor two starts closer together than its delay. It is plain data:
//! no I/O, no clock; time is passed in.
//!
//! A candidate moves `push` → queued → `pop` → leased → `release`. Only a window
//! of each queue is in memory: every pending URL before its `edge` in order of
//! (depth, id). What lies beyond are rows on disk and a count, fetched by a
//! refill when the window runs low.
//!
//! Invariant: a server is with its address, under the time of its next start,
//! exactly when it has a free slot and something that may start. Every method
//! ends by restoring it (`settle`); `pop` relies on it.

mod address;
mod pace;
mod parked;
mod sorted;
mod starts;
mod window;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::record::{Candidate, Depth, OriginId, ServerId, UrlId};
use address::{Address, AddressId};
use pace::Pace;
use sorted::Sorted;

pub(super) use address::AddressLimits;
pub(super) use pace::JITTER;

/// Candidates in memory over all queues, as long as fewer queues than that have something pending.
const MAX_WINDOWS: usize = 50_000;
/// Candidates in memory per queue at most.
const MAX_WINDOW: usize = 4096;

/// The place of a candidate in its queue.
pub(super) type Key = (Depth, UrlId);

/// Before every other place.
const FIRST: Key = (Depth::new(0), UrlId(0));

/// A refill that is to be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RefillRequest {
    pub(super) origin: OriginId,
    pub(super) from: Key,
    pub(super) limit: u32,
}

/// All waiting candidates, and when each server may be asked again.
#[derive(Debug)]
pub(super) struct Frontier {
    per_host: usize,
    /// Candidates in memory over all queues, and in each of them.
    max_windows: usize,
    max_window: usize,
    servers: Vec<Server>,
    /// By origin id, which counts from 1.
    queues: Vec<Queue>,
    addresses: Vec<Address>,
    addresses_by_ip: HashMap<IpAddr, AddressId>,
    address_limits: AddressLimits,
    /// Servers that have something to start and no address yet.
    to_look_up: VecDeque<ServerId>,
    /// Addresses of which something may start, by when.
    ready: BTreeSet<(Instant, u64, AddressId)>,
    sequence: u64,
    /// The queue and depth of every candidate in a window.
    places: HashMap<UrlId, (OriginId, Depth)>,
    /// Queues with something pending that are not parked: they share the memory.
    busy: BTreeSet<OriginId>,
    /// The busy queue whose window was trimmed last because shares became smaller.
    trimmed: OriginId,
    /// Pending URLs of queues that are not parked, and candidates that are urgent.
    waiting: u64,
    /// Queues that are out of memory but not of rows.
    hungry: VecDeque<OriginId>,
    refills_out: usize,
}

#[derive(Debug)]
struct Server {
    /// The newest of its origins; each knows the one before.
    newest: Option<OriginId>,
    /// What needs no leave of robots.txt: robots.txt itself.
    urgent: VecDeque<Candidate>,
    in_flight: usize,
    next_start: Instant,
    address: Option<AddressId>,
    /// Whether its name was given out to be looked up.
    is_looked_up: bool,
    /// Its place with its address.
    place: Option<(Instant, u64)>,
    pace: Pace,
}

#[derive(Debug)]
struct Queue {
    server: ServerId,
    /// The origin of this server that was added before.
    before: Option<OriginId>,
    window: Sorted,
    /// Every pending URL before it is in the window; `None`: every one is.
    edge: Option<Key>,
    /// Pending URLs in window and rows, less what is leased or delayed.
    pending: u64,
    /// Whether robots.txt is known and its URLs may start.
    is_open: bool,
    /// Whether its URLs stay where they are until a resume.
    is_parked: bool,
    refill: Refill,
}

#[derive(Debug, PartialEq, Eq)]
enum Refill {
    No,
    /// In `hungry`.
    Wanted,
    /// Asked for; what is not before the ceiling was left on disk meanwhile.
    Out {
        ceiling: Option<Key>,
    },
}

impl Frontier {
    pub(super) fn new(per_host: usize, address_limits: AddressLimits) -> Self {
        Self {
            per_host,
            max_windows: MAX_WINDOWS,
            max_window: MAX_WINDOW,
            servers: Vec::new(),
            queues: Vec::new(),
            addresses: Vec::new(),
            addresses_by_ip: HashMap::new(),
            address_limits,
            to_look_up: VecDeque::new(),
            ready: BTreeSet::new(),
            sequence: 0,
            places: HashMap::new(),
            busy: BTreeSet::new(),
            trimmed: OriginId(0),
            waiting: 0,
            hungry: VecDeque::new(),
            refills_out: 0,
        }
    }

    /// A new server that may be asked from `first_start` on.
    pub(super) fn add_server(&mut self, delay: Duration, first_start: Instant) -> ServerId {
        let id = ServerId(u32::try_from(self.servers.len()).expect("fewer servers than URLs"));
        self.servers.push(Server {
            newest: None,
            urgent: VecDeque::new(),
            in_flight: 0,
            next_start: first_start,
            address: None,
            is_looked_up: false,
            place: None,
            pace: Pace::new(delay),
        });
        id
    }

    /// A new origin of `server`, with so many rows on disk. Origins come in the order of their ids.
    pub(super) fn add_origin(&mut self, server: ServerId, rows: u64) -> OriginId {
        let origin = OriginId(u32::try_from(self.queues.len() + 1).expect("fewer than URLs"));
        let before = self.server_mut(server).newest.replace(origin);
        self.queues.push(Queue {
            server,
            before,
            window: Sorted::default(),
            edge: (rows > 0).then_some(FIRST),
            pending: rows,
            is_open: false,
            is_parked: false,
            refill: Refill::No,
        });
        self.waiting += rows;
        self.share_out(origin);
        origin
    }

    pub(super) fn server_of(&self, origin: OriginId) -> ServerId {
        self.queue(origin).server
    }

    /// Whether nothing waits but URLs of parked origins.
    pub(super) fn is_empty(&self) -> bool {
        self.refills_out == 0 && self.waiting == 0
    }

    /// Whether a refill has not been answered yet.
    pub(super) fn is_refilling(&self) -> bool {
        self.refills_out > 0
    }

    /// Candidates that wait, those of parked origins excepted.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting
    }

    /// Puts a candidate that was not pending before into its queue.
    pub(super) fn push(&mut self, candidate: Candidate) {
        let origin = candidate.origin;
        self.queue_mut(origin).pending += 1;
        self.waiting += u64::from(!self.queue(origin).is_parked);
        self.share_out(origin);
        self.keep(candidate);
        self.settle_origin(origin);
    }

    /// A pending row of this origin waits elsewhere from now on.
    pub(super) fn withdraw(&mut self, origin: OriginId) {
        let queue = self.queue_mut(origin);
        queue.pending -= 1;
        let counted = u64::from(!queue.is_parked);
        self.waiting -= counted;
        self.share_out(origin);
    }

    /// Puts a candidate into the window that is pending already, as a row.
    pub(super) fn recall(&mut self, candidate: Candidate) {
        let origin = candidate.origin;
        self.keep(candidate);
        self.settle_origin(origin);
    }

    /// Puts a candidate before all others of its server; it needs no open origin.
    pub(super) fn push_urgent(&mut self, candidate: Candidate) {
        let server = candidate.server;
        self.waiting += 1;
        self.server_mut(server).urgent.push_back(candidate);
        self.settle(server);
    }

    /// The candidate that may start now, which thereby leaves its queue. It is
    /// not in flight before [`Frontier::start`] says so.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Candidate> {
        let (next_start, _, address) = *self.ready.first()?;
        if next_start > now {
            return None;
        }
        let server = self.first_server(address);
        let urgent = &mut self.server_mut(server).urgent;
        let first = urgent.pop_front();
        if urgent.is_empty() {
            *urgent = VecDeque::new();
        }
        let candidate = first.unwrap_or_else(|| self.pop_queued(server));
        self.waiting -= 1;
        self.settle(server);
        Some(candidate)
    }

    fn pop_queued(&mut self, server: ServerId) -> Candidate {
        let first = |origin| {
            let queue = self.queue(origin);
            queue.window.key(0).filter(|_| queue.is_open).map(|key| (key, origin))
        };
        let firsts = self.origins_of(server).filter_map(first);
        let (_, origin) = firsts.min().expect("a ready server has something to start");
        let queue = self.queue_mut(origin);
        let candidate = queue.window.pop_first().expect("it was the first key");
        queue.pending -= 1;
        self.places.remove(&candidate.id);
        self.share_out(origin);
        self.want_refill(origin);
        candidate
    }

    /// A candidate's request begins now.
    pub(super) fn start(&mut self, server: ServerId, now: Instant) {
        let it = self.server_mut(server);
        it.in_flight += 1;
        it.next_start = now + it.pace.gap();
        let address = it.address;
        self.settle(server);
        if let Some(address) = address {
            self.start_at(address, now);
        }
    }

    /// A request of `server` ended after `response`, if it was answered.
    pub(super) fn release(&mut self, server: ServerId, response: Option<Duration>) {
        let it = self.server_mut(server);
        it.in_flight -= 1;
        if let Some(response) = response {
            it.pace.answered(response);
        }
        let address = it.address;
        self.settle(server);
        if let Some(address) = address {
            self.release_at(address);
        }
    }

    /// Lets the URLs of an origin start, or not. Those of a parked one never do.
    pub(super) fn set_open(&mut self, origin: OriginId, is_open: bool) {
        let queue = self.queue_mut(origin);
        queue.is_open = is_open && !queue.is_parked;
        self.settle_origin(origin);
    }

    /// When the next candidate may start.
    pub(super) fn next_start(&self) -> Option<Instant> {
        self.ready.first().map(|(at, ..)| *at)
    }

    /// The server of [`Frontier::next_start`].
    pub(super) fn next_server(&self) -> Option<ServerId> {
        self.ready.first().map(|(.., address)| self.first_server(*address))
    }

    fn settle_origin(&mut self, origin: OriginId) {
        self.want_refill(origin);
        self.settle(self.queue(origin).server);
    }

    /// Restores the invariant for one server.
    fn settle(&mut self, id: ServerId) {
        let server = &self.servers[id.0 as usize];
        let has_work = !server.urgent.is_empty()
            || self.origins_of(id).any(|origin| {
                let queue = self.queue(origin);
                queue.is_open && !queue.window.is_empty()
            });
        let Some(address) = server.address else {
            if has_work && !server.is_looked_up {
                self.server_mut(id).is_looked_up = true;
                self.to_look_up.push_back(id);
            }
            return;
        };
        let wanted = (has_work && server.in_flight < self.per_host).then_some(server.next_start);
        let old = server.place;
        if old.map(|(at, _)| at) == wanted {
            return;
        }
        let place = wanted.map(|at| {
            self.sequence += 1;
            (at, self.sequence)
        });
        let servers = &mut self.address_mut(address).servers;
        if let Some((at, sequence)) = old {
            servers.remove(&(at, sequence, id));
        }
        if let Some((at, sequence)) = place {
            servers.insert((at, sequence, id));
        }
        self.server_mut(id).place = place;
        self.settle_address(address);
    }

    /// The origins of a server, the newest first.
    fn origins_of(&self, server: ServerId) -> impl Iterator<Item = OriginId> {
        let newest = self.servers[server.0 as usize].newest;
        std::iter::successors(newest, |origin| self.queue(*origin).before)
    }

    fn queue(&self, origin: OriginId) -> &Queue {
        &self.queues[origin.0 as usize - 1]
    }

    fn queue_mut(&mut self, origin: OriginId) -> &mut Queue {
        &mut self.queues[origin.0 as usize - 1]
    }

    fn server_mut(&mut self, server: ServerId) -> &mut Server {
        &mut self.servers[server.0 as usize]
    }
}
