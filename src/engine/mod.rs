//! What is done next? Every decision of a crawl, as a machine without I/O.
//!
//! [`Engine::on`] takes what happened and the time, and says what to do. It never
//! waits, reads no clock and holds no channel, so a test can put it into any
//! world and any moment. [`crawl`](crate::crawl) carries the actions out.
//!
//! A URL goes: met → judged → queued → started → visited → done, or back to the
//! queue to be tried again. `frontier` knows when it may start, `known`
//! whether it was met, `origins` what robots.txt says of it.

mod answer;
mod budget;
mod ending;
mod face;
mod frontier;
mod health;
mod known;
mod meet;
mod names;
mod origins;
mod rate;
pub mod record;
mod servers;
mod start;
mod suspects;
mod trapped;
mod twins;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::hash::UrlHasher;
use crate::robots::Rules;
use crate::scope::Scope;
use crate::traps::Traps;
use frontier::Frontier;
use names::Names;
use origins::Origins;
use rate::Rate;
use record::{Candidate, Met, Moment, OriginId, PendingRow, Record, ServerId, UrlId};

pub use budget::{Budget, Budgets};
pub use face::{Action, Event, Finish, Loaded, LoadedOrigin, Progress, Settings};
pub use known::Known;
pub use start::too_deep;

/// The longest that a server is left alone because it, or a file, asks for it.
pub const MAX_HOLD: Duration = Duration::from_hours(24);

/// URLs that came nearer and are asked for at once.
const MAX_NEARER: usize = 32;

/// The machine. See the module for what it decides.
pub struct Engine {
    settings: Settings,
    scope: Arc<Scope>,
    hasher: UrlHasher,
    known: Known,
    frontier: Frontier,
    origins: Origins,
    /// Those of servers, by [`ServerId`].
    servers: Names,
    /// URLs that wait for a time of their own, by that time.
    delayed: BTreeMap<(Instant, UrlId), Candidate>,
    suspects: suspects::Suspects,
    rate: Option<Rate>,
    /// Loaded origins that have something to fetch and were not asked for their rules yet.
    unasked: Vec<OriginId>,
    /// Origins whose rules the file knew and whose sitemaps are to be met.
    unread: Vec<(OriginId, Arc<Rules>)>,
    /// When this run began.
    began: Instant,
    /// Whether earlier runs may have asked any server just before.
    is_resumed: bool,
    in_flight: usize,
    /// Names that are being looked up.
    lookups: usize,
    /// By server.
    healths: Vec<health::Health>,
    twins: twins::Twins,
    /// None if traps are not looked for.
    traps: Option<Traps>,
    /// Patterns of traps that the file has, or will have.
    noted_traps: HashSet<Box<str>>,
    budgets: Budgets,
    /// Loaded origins that mirror one that may not be loaded yet.
    unmirrored: Vec<(OriginId, OriginId)>,
    /// The origins that the user named.
    seed_origins: Vec<OriginId>,
    /// When any server was reached last.
    reached_at: Option<Instant>,
    /// URLs that are to be pending again, and not said so yet.
    reopened: Vec<UrlId>,
    /// Questions about URLs met nearer that the writer has not answered.
    nearer_out: usize,
    pages: u64,
    bytes: u64,
    elapsed_before: Duration,
    /// Whether any request of this run was answered.
    any_answer: bool,
    stopping: Option<Finish>,
    ended: bool,
    met: Met,
    nearer: Vec<(UrlId, record::Depth, Option<UrlId>)>,
    actions: Vec<Action>,
}

impl Engine {
    /// An engine that goes on from what the file knows.
    pub fn new(
        settings: Settings,
        scope: Arc<Scope>,
        hasher: UrlHasher,
        loaded: Loaded,
        now: Moment,
    ) -> Self {
        let is_resumed = !loaded.known.is_empty();
        let rate = settings.politeness.rate.map(|rate| Rate::new(rate, now.at));
        let mut engine = Self {
            frontier: Frontier::new(
                settings.politeness.per_host,
                servers::address_limits(&settings),
            ),
            settings,
            scope,
            hasher,
            known: loaded.known,
            origins: Origins::default(),
            servers: Names::default(),
            delayed: BTreeMap::new(),
            suspects: suspects::Suspects::default(),
            rate,
            unasked: Vec::new(),
            unread: Vec::new(),
            began: now.at,
            is_resumed,
            in_flight: 0,
            lookups: 0,
            healths: Vec::new(),
            twins: twins::Twins::default(),
            noted_traps: loaded.trap_patterns.into_iter().collect(),
            traps: loaded.traps,
            budgets: loaded.budgets,
            unmirrored: Vec::new(),
            seed_origins: Vec::new(),
            reached_at: None,
            reopened: Vec::new(),
            nearer_out: 0,
            pages: loaded.pages,
            bytes: loaded.bytes,
            elapsed_before: loaded.elapsed,
            any_answer: false,
            stopping: None,
            ended: false,
            met: Met::default(),
            nearer: Vec::new(),
            actions: Vec::new(),
        };
        engine.take_over(loaded.origins, loaded.suspects, loaded.owing, now);
        engine
    }

    /// The user wants an end. That pages are enough may turn out otherwise, so it is no other reason.
    fn stop(&mut self) {
        let other = self.stopping.take().filter(|why| *why != Finish::Pages);
        self.stopping = other.or(Some(Finish::Stopped));
    }

    /// Takes over what an earlier run left.
    fn take_over(
        &mut self,
        origins: Vec<LoadedOrigin>,
        suspects: Vec<PendingRow>,
        owing: Vec<UrlId>,
        now: Moment,
    ) {
        for origin in origins {
            self.load_origin(origin, now);
        }
        for (mirror, original) in std::mem::take(&mut self.unmirrored) {
            self.set_mirror(mirror, original);
        }
        for row in suspects {
            self.load_suspect(row);
        }
        for id in owing {
            self.nearer.push((id, self.known.depth(id), None));
        }
    }

    /// What to do now that `event` happened.
    pub fn on(&mut self, event: Event, now: Moment) -> Vec<Action> {
        match event {
            Event::Begin(seeds) => self.begin(seeds, now),
            Event::Visited(visited) => self.visited(*visited, now),
            Event::Replied(reply) => self.replied(reply, now),
            Event::LookedUp(server, address) => self.looked_up(server, address),
            Event::Tick => {}
            Event::Stop => self.stop(),
            Event::Aborted => {
                self.in_flight = 0;
                self.stopping = self.stopping.take().or(Some(Finish::Stopped));
            }
        }
        self.flush_met();
        self.write_nearer();
        if !self.ended {
            self.advance(now);
        }
        std::mem::take(&mut self.actions)
    }

    /// How the crawl stands.
    pub fn progress(&self, now: Instant) -> Progress {
        let name = |server: ServerId| self.servers.name(server.0).into();
        let next = self.frontier.next_start().zip(self.frontier.next_server());
        Progress {
            in_flight: self.in_flight,
            waiting: self.frontier.waiting() + (self.delayed.len() + self.suspects.len()) as u64,
            slowed: self
                .frontier
                .slowed()
                .take(8)
                .map(|(server, delay)| (name(server), delay))
                .collect(),
            next: next.map(|(at, server)| {
                (name(server), self.frontier.delay(server), at.saturating_duration_since(now))
            }),
            unreachable: self.unreachable_since().map(|since| now.saturating_duration_since(since)),
            parked: self
                .frontier
                .parked()
                .take(8)
                .map(|origin| self.origins.name(origin).into())
                .collect(),
        }
    }

    /// Keeps so many candidates in memory, over all origins and of each, instead of
    /// the usual number; what is beyond stays in the file. To be said before the
    /// first event.
    pub fn keep_in_memory(&mut self, all: usize, of_each_origin: usize) {
        self.frontier.set_windows(all, of_each_origin);
    }

    /// Candidates in memory that wait in the queues of their origins.
    pub fn in_memory(&self) -> usize {
        self.frontier.in_memory()
    }

    /// Bytes and pages of the crawl so far, its earlier runs included.
    pub fn totals(&self) -> (u64, u64) {
        (self.pages, self.bytes)
    }

    /// Asks again, refills, starts what may start, and ends when nothing is left.
    fn advance(&mut self, now: Moment) {
        self.check_limits(now.at);
        if self.stopping.is_none() {
            self.requeue_delayed(now.at);
            while let Some(origin) = self.origins.next_due(now.at) {
                self.ask_rules(origin, now);
            }
            self.start_what_may(now);
            self.flush_met();
            // One that was refused may stand for another, which thereby came nearer.
            self.write_nearer();
        }
        if self.in_flight == 0
            && let Some(finish) = self.finish(now)
        {
            self.ended = true;
            self.actions.push(Action::End(finish));
        } else if let Some(at) = self.next_wake(now) {
            self.actions.push(Action::WakeAt(at));
        }
    }

    fn requeue_delayed(&mut self, now: Instant) {
        while let Some(entry) = self.delayed.first_entry().filter(|entry| entry.key().0 <= now) {
            let mut candidate = entry.remove();
            candidate.depth = self.depth_of(&candidate);
            self.known.set_taken(candidate.id, false);
            self.frontier.push(candidate);
        }
    }

    fn ask_refills(&mut self) {
        while let Some(request) = self.frontier.next_refill() {
            let frontier::RefillRequest { origin, from, limit } = request;
            // What is left to the rows must be written before they are read.
            self.flush_met();
            self.actions.push(Action::Write(Record::Refill { origin, from, limit }));
        }
    }

    fn start_what_may(&mut self, now: Moment) {
        loop {
            self.advance_suspects(now);
            if !self.suspects.is_active() {
                for origin in std::mem::take(&mut self.unasked) {
                    self.ask_rules(origin, now);
                }
            }
            self.read_known_rules(now);
            if !self.suspects.is_active() {
                self.ask_refills();
            }
            self.look_up();
            if !self.has_room()
                || self.stopping.is_some()
                || self.frontier.next_start().is_none_or(|at| at > now.at)
                || self.rate_wait(now.at).is_some()
            {
                return;
            }
            let Some(candidate) = self.frontier.pop(now.at) else { return };
            if let Some(candidate) = self.judge_again(candidate, now) {
                self.start(candidate, now);
            }
        }
    }

    /// Whether one more request may be in flight.
    fn has_room(&self) -> bool {
        let most = if self.suspects.is_active() { 1 } else { self.settings.concurrency };
        // What starts beside a suspect's record would be blamed for the next crash with it.
        self.in_flight < most && !self.suspects.is_settling()
    }

    /// Until when the global rate lets nothing start.
    fn rate_wait(&mut self, now: Instant) -> Option<Instant> {
        self.rate.as_mut()?.wait(now)
    }

    fn flush_met(&mut self) {
        if !self.met.urls.is_empty() || !self.met.origins.is_empty() {
            let met = std::mem::take(&mut self.met);
            self.actions.push(Action::Write(Record::Met(met)));
        }
    }

    /// Tells the writer what came nearer, and asks what that leads to: in small
    /// parts, because the answers may be long.
    fn write_nearer(&mut self) {
        for part in std::mem::take(&mut self.nearer).chunks(MAX_NEARER) {
            self.nearer_out += 1;
            let with_far = self.settings.limits.depth.is_some();
            let urls = part.to_vec();
            self.actions.push(Action::Write(Record::Nearer { urls, with_far }));
        }
    }
}
