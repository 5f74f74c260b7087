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
//! Invariant: a server is in `ready`, under the time of its next start, exactly
//! when it has a free slot and something that may start. Every method ends by
//! restoring it (`settle`); `pop` relies on it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::record::{Candidate, Depth, OriginId, ServerId, UrlId};

/// Candidates in memory over all queues, as long as there are fewer queues than that.
const MAX_WINDOWS: usize = 50_000;
/// Candidates in memory per queue at most.
const MAX_WINDOW: usize = 4096;
/// Slowest rate to which throttling slows a server: one start a minute.
const MAX_BACKOFF: Duration = Duration::from_mins(1);
/// By how many starts per second each good answer speeds a throttled server up.
const RECOVERY_PER_ANSWER: f64 = 0.1;

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
    ready: BTreeSet<(Instant, u64, ServerId)>,
    sequence: u64,
    /// The queue and depth of every candidate in a window.
    places: HashMap<UrlId, (OriginId, Depth)>,
    /// The queue whose window was trimmed last because shares became smaller.
    trimmed: usize,
    /// Pending URLs of queues that are not parked, and candidates that are urgent.
    waiting: u64,
    /// Queues that are out of memory but not of rows.
    hungry: VecDeque<OriginId>,
    refills_out: usize,
}

#[derive(Debug)]
struct Server {
    origins: Vec<OriginId>,
    /// What needs no leave of robots.txt: robots.txt itself.
    urgent: VecDeque<Candidate>,
    in_flight: usize,
    next_start: Instant,
    /// Its place in `ready`.
    place: Option<(Instant, u64)>,
    pace: Pace,
}

/// How fast a server may be asked.
#[derive(Debug)]
struct Pace {
    /// The configured delay.
    configured: Duration,
    /// From robots.txt.
    crawl_delay: Duration,
    /// What throttling adds; zero when all is well.
    backoff: Duration,
    /// Mean time to an answer.
    mean_response: Duration,
}

impl Pace {
    fn delay(&self) -> Duration {
        let set = self.configured.max(self.crawl_delay);
        let grown = if set.is_zero() { set } else { set.max(self.mean_response) };
        grown.max(self.backoff)
    }
}

#[derive(Debug)]
struct Queue {
    server: ServerId,
    window: BTreeMap<Key, Candidate>,
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
    pub(super) fn new(per_host: usize) -> Self {
        Self {
            per_host,
            max_windows: MAX_WINDOWS,
            max_window: MAX_WINDOW,
            servers: Vec::new(),
            queues: Vec::new(),
            ready: BTreeSet::new(),
            sequence: 0,
            places: HashMap::new(),
            trimmed: 0,
            waiting: 0,
            hungry: VecDeque::new(),
            refills_out: 0,
        }
    }

    /// A new server that may be asked from `first_start` on.
    pub(super) fn add_server(&mut self, delay: Duration, first_start: Instant) -> ServerId {
        let id = ServerId(u32::try_from(self.servers.len()).expect("fewer servers than URLs"));
        self.servers.push(Server {
            origins: Vec::new(),
            urgent: VecDeque::new(),
            in_flight: 0,
            next_start: first_start,
            place: None,
            pace: Pace {
                configured: delay,
                crawl_delay: Duration::ZERO,
                backoff: Duration::ZERO,
                mean_response: Duration::ZERO,
            },
        });
        id
    }

    /// A new origin of `server`, with so many rows on disk. Origins come in the order of their ids.
    pub(super) fn add_origin(&mut self, server: ServerId, rows: u64) -> OriginId {
        self.queues.push(Queue {
            server,
            window: BTreeMap::new(),
            edge: (rows > 0).then_some(FIRST),
            pending: rows,
            is_open: false,
            is_parked: false,
            refill: Refill::No,
        });
        self.waiting += rows;
        let origin = OriginId(u32::try_from(self.queues.len()).expect("fewer origins than URLs"));
        self.server_mut(server).origins.push(origin);
        for _ in 0..2 {
            self.trimmed = (self.trimmed + 1) % self.queues.len();
            self.trim(self.trimmed);
        }
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

    pub(super) fn parked(&self) -> impl Iterator<Item = OriginId> {
        (1_u32..)
            .zip(&self.queues)
            .filter(|(_, queue)| queue.is_parked && queue.pending > 0)
            .map(|(id, _)| OriginId(id))
    }

    /// Keeps so many candidates in memory, over all queues and in each.
    pub(super) fn set_windows(&mut self, all: usize, each: usize) {
        (self.max_windows, self.max_window) = (all, each);
    }

    /// Candidates in memory.
    pub(super) fn in_memory(&self) -> usize {
        self.places.len()
    }

    /// Whether a candidate is in a window.
    pub(super) fn has_in_memory(&self, id: UrlId) -> bool {
        self.places.contains_key(&id)
    }

    /// Puts a candidate that was not pending before into its queue.
    pub(super) fn push(&mut self, candidate: Candidate) {
        let origin = candidate.origin;
        self.queue_mut(origin).pending += 1;
        self.waiting += u64::from(!self.queue(origin).is_parked);
        self.keep(candidate);
        self.settle_origin(origin);
    }

    /// A pending row of this origin waits elsewhere from now on.
    pub(super) fn withdraw(&mut self, origin: OriginId) {
        let queue = self.queue_mut(origin);
        queue.pending -= 1;
        let counted = u64::from(!queue.is_parked);
        self.waiting -= counted;
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

    /// Moves a queued candidate to another depth if it is in memory.
    pub(super) fn move_to(&mut self, id: UrlId, depth: Depth) {
        if let Some(mut candidate) = self.take_out(id) {
            candidate.depth = depth;
            self.recall(candidate);
        }
    }

    /// Takes a candidate out of its window, wherever that is.
    fn take_out(&mut self, id: UrlId) -> Option<Candidate> {
        let (origin, depth) = self.places.remove(&id)?;
        let candidate = self.queue_mut(origin).window.remove(&(depth, id));
        Some(candidate.expect("its place says so"))
    }

    /// The candidate that may start now, which thereby leaves its queue. It is
    /// not in flight before [`Frontier::start`] says so.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Candidate> {
        let (next_start, _, server) = *self.ready.first()?;
        if next_start > now {
            return None;
        }
        let candidate = match self.server_mut(server).urgent.pop_front() {
            Some(urgent) => urgent,
            None => self.pop_queued(server),
        };
        self.waiting -= 1;
        self.settle(server);
        Some(candidate)
    }

    fn pop_queued(&mut self, server: ServerId) -> Candidate {
        let first = |origin: &OriginId| {
            let queue = self.queue(*origin);
            let key = queue.window.first_key_value().filter(|_| queue.is_open).map(|(key, _)| *key);
            key.map(|key| (key, *origin))
        };
        let origins = &self.servers[server.0 as usize].origins;
        let (_, origin) =
            origins.iter().filter_map(first).min().expect("a ready server has something to start");
        let queue = self.queue_mut(origin);
        let (_, candidate) = queue.window.pop_first().expect("it was the first key");
        queue.pending -= 1;
        self.places.remove(&candidate.id);
        self.want_refill(origin);
        candidate
    }

    /// A candidate's request begins now.
    pub(super) fn start(&mut self, server: ServerId, now: Instant) {
        let it = self.server_mut(server);
        it.in_flight += 1;
        it.next_start = now + it.pace.delay();
        self.settle(server);
    }

    /// A request of `server` ended after `response`, if it was answered.
    pub(super) fn release(&mut self, server: ServerId, response: Option<Duration>) {
        let it = self.server_mut(server);
        it.in_flight -= 1;
        if let Some(response) = response {
            let mean = it.pace.mean_response;
            it.pace.mean_response =
                if mean.is_zero() { response } else { (mean * 7 + response) / 8 };
        }
        self.settle(server);
    }

    /// Starts nothing on `server` before `until`.
    pub(super) fn hold(&mut self, server: ServerId, until: Instant) {
        let it = self.server_mut(server);
        it.next_start = it.next_start.max(until);
        self.settle(server);
    }

    /// The server asks for less: twice its delay from now on.
    pub(super) fn slow_down(&mut self, server: ServerId, now: Instant) {
        let it = self.server_mut(server);
        let delay = it.pace.delay().max(Duration::from_millis(250));
        it.pace.backoff = (delay * 2).min(MAX_BACKOFF);
        it.next_start = it.next_start.max(now + it.pace.backoff);
        self.settle(server);
    }

    /// A good answer: a throttled server is asked a little faster again.
    pub(super) fn speed_up(&mut self, server: ServerId) {
        let pace = &mut self.server_mut(server).pace;
        if pace.backoff.is_zero() {
            return;
        }
        let slower =
            Duration::from_secs_f64(1.0 / (1.0 / pace.backoff.as_secs_f64() + RECOVERY_PER_ANSWER));
        let usual = pace.configured.max(pace.crawl_delay);
        pace.backoff =
            if slower <= usual.max(Duration::from_millis(100)) { Duration::ZERO } else { slower };
    }

    /// The longest Crawl-delay of a server's origins holds for all of them.
    pub(super) fn set_crawl_delay(&mut self, server: ServerId, delay: Duration, now: Instant) {
        let it = self.server_mut(server);
        if delay > it.pace.crawl_delay {
            it.pace.crawl_delay = delay;
            it.next_start = it.next_start.max(now + delay);
            self.settle(server);
        }
    }

    pub(super) fn delay(&self, server: ServerId) -> Duration {
        self.servers[server.0 as usize].pace.delay()
    }

    /// The servers that are slowed by throttling, and to which delay.
    pub(super) fn slowed(&self) -> impl Iterator<Item = (ServerId, Duration)> {
        (0_u32..)
            .zip(&self.servers)
            .filter(|(_, server)| !server.pace.backoff.is_zero())
            .map(|(id, server)| (ServerId(id), server.pace.delay()))
    }

    /// Lets the URLs of an origin start, or not.
    pub(super) fn set_open(&mut self, origin: OriginId, is_open: bool) {
        self.queue_mut(origin).is_open = is_open;
        self.settle_origin(origin);
    }

    /// Leaves the URLs of an origin where they are until a resume: on disk.
    pub(super) fn park(&mut self, origin: OriginId) {
        let queue = self.queue_mut(origin);
        let pending = queue.pending;
        if !std::mem::replace(&mut queue.is_parked, true) {
            self.waiting -= pending;
        }
        self.cut(origin, FIRST);
        self.set_open(origin, false);
    }

    /// When the next candidate may start.
    pub(super) fn next_start(&self) -> Option<Instant> {
        self.ready.first().map(|(at, ..)| *at)
    }

    /// The server of [`Frontier::next_start`].
    pub(super) fn next_server(&self) -> Option<ServerId> {
        self.ready.first().map(|(.., server)| *server)
    }

    /// The next refill to ask for; called until it gives none.
    pub(super) fn next_refill(&mut self) -> Option<RefillRequest> {
        let origin = self.hungry.pop_front()?;
        let share = self.share();
        let queue = self.queue_mut(origin);
        queue.refill = Refill::Out { ceiling: None };
        let from = queue.edge.expect("a queue is hungry only if rows lie beyond its edge");
        let limit = u32::try_from(share.saturating_sub(queue.window.len()).max(1))
            .expect("a window is small");
        self.refills_out += 1;
        Some(RefillRequest { origin, from, limit })
    }

    /// The rows that were asked for, less those that somebody has; `end` is the
    /// key of the last row read if there may be more.
    pub(super) fn refilled(
        &mut self,
        origin: OriginId,
        candidates: Vec<Candidate>,
        end: Option<Key>,
    ) {
        self.refills_out -= 1;
        let queue = self.queue_mut(origin);
        let Refill::Out { ceiling } = std::mem::replace(&mut queue.refill, Refill::No) else {
            unreachable!("a refill was asked for")
        };
        let after_last = end.map(|(depth, id)| (depth, UrlId(id.0 + 1)));
        queue.edge = ceiling;
        if let Some(edge) = after_last {
            self.cut(origin, edge);
        }
        for candidate in candidates {
            self.keep(candidate);
        }
        self.settle_origin(origin);
    }

    /// Leaves every pending URL from `edge` on to the rows.
    fn cut(&mut self, origin: OriginId, edge: Key) {
        let queue = self.queue_mut(origin);
        let limit = match &mut queue.refill {
            Refill::Out { ceiling } => ceiling,
            _ => &mut queue.edge,
        };
        *limit = Some(limit.map_or(edge, |limit| limit.min(edge)));
        for (_, id) in queue.window.split_off(&edge).into_keys() {
            self.places.remove(&id);
        }
    }

    /// Leaves to the rows what is more than the share of a window.
    fn trim(&mut self, index: usize) {
        let share = self.share();
        let window = &self.queues[index].window;
        if window.len() > share {
            let edge = *window.keys().nth(share).expect("the window is longer");
            let origin = OriginId(u32::try_from(index + 1).expect("fewer origins than URLs"));
            self.cut(origin, edge);
        }
    }

    /// Candidates of one queue in memory at most.
    fn share(&self) -> usize {
        (self.max_windows / self.queues.len().max(1)).clamp(1, self.max_window)
    }

    /// Keeps a candidate in the window if it belongs there; otherwise its row does.
    fn keep(&mut self, candidate: Candidate) {
        let share = self.share();
        let (id, origin, depth) = (candidate.id, candidate.origin, candidate.depth);
        self.take_out(id);
        let queue = self.queue_mut(origin);
        let limit = match &queue.refill {
            Refill::Out { ceiling } => *ceiling,
            _ => queue.edge,
        };
        if limit.is_some_and(|limit| (depth, id) >= limit) {
            return;
        }
        queue.window.insert((depth, id), candidate);
        let last = *queue.window.last_key_value().expect("one was just put in").0;
        let is_over = queue.window.len() > share;
        self.places.insert(id, (origin, depth));
        if is_over {
            self.cut(origin, last);
        }
    }

    /// Notes that a queue should be refilled, if it should.
    fn want_refill(&mut self, origin: OriginId) {
        let low = self.share() / 2;
        let queue = self.queue_mut(origin);
        let has_rows = queue.pending > queue.window.len() as u64 && queue.edge.is_some();
        if has_rows && queue.is_open && queue.refill == Refill::No && queue.window.len() <= low {
            queue.refill = Refill::Wanted;
            self.hungry.push_back(origin);
        }
    }

    fn settle_origin(&mut self, origin: OriginId) {
        self.want_refill(origin);
        self.settle(self.queue(origin).server);
    }

    /// Restores the invariant for one server.
    fn settle(&mut self, id: ServerId) {
        let server = &self.servers[id.0 as usize];
        let has_work = !server.urgent.is_empty()
            || server.origins.iter().any(|origin| {
                let queue = self.queue(*origin);
                queue.is_open && !queue.window.is_empty()
            });
        let wanted = (has_work && server.in_flight < self.per_host).then_some(server.next_start);
        if server.place.map(|(at, _)| at) == wanted {
            return;
        }
        if let Some((at, sequence)) = server.place {
            self.ready.remove(&(at, sequence, id));
        }
        let place = wanted.map(|at| {
            self.sequence += 1;
            (at, self.sequence)
        });
        if let Some((at, sequence)) = place {
            self.ready.insert((at, sequence, id));
        }
        self.server_mut(id).place = place;
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
