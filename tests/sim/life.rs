//! What does one life of the process do with the engine's actions?
//!
//! Carries them out over virtual time: visits take a while, the writer commits
//! what is handed over in batches, wake-ups come when they were asked for. Where a
//! real file stands beside the model, a second engine that knows only that file
//! hears the same, and must say the same.

use std::collections::BTreeMap;
use std::time::Duration;

use crawlite::config::Config;
use crawlite::engine::record::{Reply, Visited};
use crawlite::engine::{Action, Engine, Event, Finish};

use super::driver::{Next, Sim};

/// Records that are on their way to the writer while further visits are taken in.
const INBOX: usize = 32;
/// What may pass between two events besides what the engine waits for.
const SLACK: Duration = Duration::from_mins(2);

/// One life of the process.
pub(super) struct Life {
    pub(super) engine: Engine,
    /// The same, of the real file.
    pub(super) double: Option<Engine>,
    pub(super) config: Config,
    pub(super) agenda: BTreeMap<(Duration, u64), Next>,
    sequence: u64,
    /// Events planned that are none of the world's whims.
    pub(super) expected: usize,
    pub(super) wake: Option<Duration>,
    began: Duration,
    elapsed_before: Duration,
    /// When the last answer of the writer arrives.
    replies_at: Duration,
    is_committing: bool,
    /// Ended visits that wait until the writer has caught up.
    ended: Vec<Visited>,
    /// How often, in percent, the process dies right after a commit.
    pub(super) dies_writing: u64,
    /// After how many actions, or committed records, it dies.
    pub(super) dies_after: Option<u64>,
    pub(super) gave_up: bool,
    pub(super) finish: Option<Finish>,
}

impl Life {
    pub(super) fn new(
        engine: Engine,
        double: Option<Engine>,
        config: Config,
        elapsed_before: Duration,
        now: Duration,
    ) -> Self {
        Self {
            engine,
            double,
            config,
            agenda: BTreeMap::new(),
            sequence: 0,
            expected: 0,
            wake: None,
            began: now,
            elapsed_before,
            replies_at: Duration::ZERO,
            is_committing: false,
            ended: Vec::new(),
            dies_writing: 0,
            dies_after: None,
            gave_up: false,
            finish: None,
        }
    }

    pub(super) fn plan(&mut self, at: Duration, next: Next) {
        self.sequence += 1;
        self.expected += usize::from(next.is_expected());
        self.agenda.insert((at, self.sequence), next);
    }

    pub(super) fn elapsed(&self, now: Duration) -> Duration {
        self.elapsed_before + now.saturating_sub(self.began)
    }

    pub(super) fn progress(&self, sim: &Sim) -> impl std::fmt::Debug + use<> {
        self.engine.progress(sim.moment().at)
    }

    /// One thing less until the process dies; whether it does now.
    fn counts_down(&mut self) -> bool {
        if let Some(left) = &mut self.dies_after {
            *left = left.saturating_sub(1);
            return *left == 0;
        }
        false
    }

    /// Tells the engine what happened and does what it says; false if the process
    /// dies while it does.
    pub(super) fn step(&mut self, sim: &mut Sim, event: Event) -> bool {
        let moment = sim.moment();
        self.wake = None;
        let actions = self.decide(sim, event);
        for action in actions {
            assert!(self.finish.is_none(), "{action:?} comes after the end");
            self.carry_out(sim, action);
            if self.counts_down() {
                return false;
            }
        }
        let in_flight = self.engine.progress(moment.at).in_flight;
        assert_eq!(in_flight, sim.watch.in_flight(), "requests in flight");
        assert_eq!(self.engine.totals(), sim.watch.totals(), "pages and bytes");
        self.check_memory(sim);
        self.check_wake(sim);
        if sim.file.waiting() > 0 && !self.is_committing {
            self.is_committing = true;
            let after = Duration::from_micros(sim.dice.any_size(sim.writer_bits));
            self.plan(sim.now + after, Next::Commit);
        }
        if sim.dice.chance(2) {
            let after = Duration::from_micros(sim.dice.any_size(24));
            self.plan(sim.now + after, Next::Tick);
        }
        true
    }

    /// What the engine says, and its double.
    fn decide(&mut self, sim: &mut Sim, event: Event) -> Vec<Action> {
        let moment = sim.moment();
        let Some(double) = &mut self.double else { return self.engine.on(event, moment) };
        let same = match &event {
            Event::Begin(seeds) => Event::Begin(seeds.clone()),
            Event::Visited(visited) => Event::Visited(visited.clone()),
            Event::Replied(reply) => Event::Replied(sim.real_reply(reply)),
            Event::LookedUp(server, address) => Event::LookedUp(*server, *address),
            Event::Tick => Event::Tick,
            Event::Stop => Event::Stop,
            Event::Aborted => Event::Aborted,
        };
        let (actions, others) = (self.engine.on(event, moment), double.on(same, moment));
        let (said, other) = (format!("{actions:?}"), format!("{others:?}"));
        assert!(said == other, "of the model: {said}\nof the real file: {other}");
        actions
    }

    fn carry_out(&mut self, sim: &mut Sim, action: Action) {
        match action {
            Action::Start(candidate) => {
                sim.started(&candidate);
                let visited = sim.answer(&candidate);
                let machine = sim.world.machine(candidate.url.server());
                let slowness = machine.map_or(0, |machine| machine.slowness);
                let latency = sim.dice.any_size(sim.visit_bits) << slowness;
                let at = sim.now + Duration::from_micros(latency);
                self.plan(at, Next::VisitEnds(Box::new(visited)));
            }
            Action::LookUp(server, host) => {
                let latency = Duration::from_micros(sim.dice.any_size(sim.visit_bits));
                let address = sim.world.address(&host, sim.now);
                self.plan(sim.now + latency, Next::LookedUp(server, address));
            }
            Action::Write(record) => sim.hand_over(record),
            Action::WakeAt(at) => {
                let now = sim.moment().at;
                assert!(at > now, "to be woken at once is to spin: {:?}", self.progress(sim));
                self.wake = Some(at.duration_since(sim.base));
            }
            Action::End(finish) => {
                assert_eq!(sim.watch.in_flight(), 0, "the crawl ends with visits in flight");
                self.finish = Some(finish);
            }
        }
    }

    fn check_memory(&self, sim: &Sim) {
        let (all, _) = sim.windows;
        let queues = sim.world.sites.len() + 6;
        let in_memory = self.engine.in_memory();
        assert!(in_memory <= 2 * all + queues, "{in_memory} candidates in memory");
    }

    /// Something is to happen again, and not later than there is a reason for.
    fn check_wake(&self, sim: &Sim) {
        if self.finish.is_some() || self.expected > 0 || sim.file.waiting() > 0 {
            return;
        }
        let Some(wake) = self.wake else {
            panic!("the engine waits for nothing: {:?}", self.progress(sim));
        };
        let wait = wake.saturating_sub(sim.now);
        let most = sim.watch.longest_wait(sim.now) + SLACK;
        let time = self.config.limits.time.is_some_and(|time| wait <= time.0);
        assert!(wait <= most || time, "sleeps for {wait:?}: {:?}", self.progress(sim));
        // A delay as long as the longest wait is a little more.
        let max_wait = self.config.politeness.max_wait.0 + Duration::from_millis(5);
        assert!(wait <= max_wait, "sleeps for {wait:?}, longer than {max_wait:?}");
    }

    /// A visit ends; it is not taken in while the writer has too much to do.
    pub(super) fn visit_ends(&mut self, sim: &mut Sim, visited: Box<Visited>) -> bool {
        if self.gave_up {
            return true;
        }
        if sim.file.waiting() > INBOX {
            self.ended.push(*visited);
            return true;
        }
        sim.ended(&visited);
        self.step(sim, Event::Visited(visited))
    }

    /// The writer commits a batch, and later answers the questions in it; false if
    /// the process dies.
    pub(super) fn commit(&mut self, sim: &mut Sim) -> bool {
        let count = if sim.dice.chance(30) { 64 } else { sim.dice.any_size(6) };
        let count = usize::try_from(count).expect("small");
        let replies: Vec<Reply> = sim.commit(count, self.elapsed(sim.now));
        for reply in replies {
            let after = Duration::from_micros(sim.dice.any_size(12));
            self.replies_at = self.replies_at.max(sim.now + after);
            self.plan(self.replies_at, Next::Reply(reply));
        }
        self.is_committing = sim.file.waiting() > 0;
        if self.is_committing {
            let after = Duration::from_micros(sim.dice.any_size(sim.writer_bits));
            self.plan(sim.now + after, Next::Commit);
        }
        if sim.file.waiting() <= INBOX {
            for visited in std::mem::take(&mut self.ended) {
                self.plan(sim.now, Next::VisitEnds(Box::new(visited)));
            }
        }
        !sim.dice.chance(self.dies_writing) && !self.counts_down()
    }
}
