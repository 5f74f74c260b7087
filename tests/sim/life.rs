//! What does one life of the process do with the engine's actions?
//!
//! Carries them out over virtual time: visits take a while, the writer commits
//! what is handed over in batches, wake-ups come when they were asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use crawlite::engine::record::Record;
use crawlite::engine::{Action, Engine, Event, Finish, Settings};

use super::driver::{Next, Sim};

/// One life of the process.
pub(super) struct Life {
    pub(super) engine: Engine,
    pub(super) settings: Settings,
    pub(super) agenda: BTreeMap<(Duration, u64), Next>,
    pub(super) sequence: u64,
    pub(super) wake: Option<Duration>,
    pub(super) began: Duration,
    pub(super) elapsed_before: Duration,
    /// When the last answer of the writer arrives.
    pub(super) replies_at: Duration,
    pub(super) is_committing: bool,
    /// How often, in percent, the process dies right after a commit.
    pub(super) dies_writing: u64,
    pub(super) gave_up: bool,
    pub(super) finish: Option<Finish>,
}

impl Life {
    pub(super) fn plan(&mut self, at: Duration, next: Next) {
        self.sequence += 1;
        self.agenda.insert((at, self.sequence), next);
    }

    pub(super) fn elapsed(&self, now: Duration) -> Duration {
        self.elapsed_before + now.saturating_sub(self.began)
    }

    pub(super) fn progress(&self, sim: &Sim) -> impl std::fmt::Debug + use<> {
        self.engine.progress(sim.moment().at)
    }

    /// Tells the engine what happened and does what it says.
    pub(super) fn step(&mut self, sim: &mut Sim, event: Event) {
        let moment = sim.moment();
        self.wake = None;
        for action in self.engine.on(event, moment) {
            assert!(self.finish.is_none(), "{action:?} comes after the end");
            match action {
                Action::Start(candidate) => {
                    sim.watch.start(&candidate, &sim.world, &self.settings, sim.now);
                    let visited = sim.servers.answer(
                        &sim.world,
                        sim.hasher,
                        &candidate,
                        (moment.unix_ms, sim.world.is_away(candidate.url.server(), sim.now)),
                        &mut sim.dice,
                    );
                    let latency = Duration::from_micros(sim.dice.any_size(sim.visit_bits));
                    self.plan(sim.now + latency, Next::VisitEnds(Box::new(visited)));
                }
                Action::LookUp(server, host) => {
                    let latency = Duration::from_micros(sim.dice.any_size(sim.visit_bits));
                    let address = super::world::address(&host);
                    self.plan(sim.now + latency, Next::LookedUp(server, address));
                }
                Action::Write(record) => {
                    match &record {
                        Record::Refused(id, _) => sim.watch.refused(*id),
                        Record::Visit(visit) => sim.watch.written(visit),
                        Record::Reopened(ids) => sim.watch.reopened(ids),
                        Record::Parked(origin, _) => sim.watch.parked(*origin),
                        _ => {}
                    }
                    sim.file.hand_over(record);
                }
                Action::WakeAt(at) => {
                    assert!(
                        at > moment.at,
                        "to be woken at once is to spin: {:?}",
                        self.progress(sim)
                    );
                    self.wake = Some(at.duration_since(sim.base));
                }
                Action::End(finish) => {
                    assert_eq!(sim.watch.in_flight(), 0, "the crawl ends with visits in flight");
                    self.finish = Some(finish);
                }
            }
        }
        let in_flight = self.engine.progress(moment.at).in_flight;
        assert_eq!(in_flight, sim.watch.in_flight(), "requests in flight");
        self.check_memory(sim);
        if !sim.file.is_idle() && !self.is_committing {
            self.is_committing = true;
            let after = Duration::from_micros(sim.dice.any_size(sim.writer_bits));
            self.plan(sim.now + after, Next::Commit);
        }
        if sim.dice.chance(2) {
            let after = Duration::from_micros(sim.dice.any_size(24));
            self.plan(sim.now + after, Next::Tick);
        }
    }

    fn check_memory(&self, sim: &Sim) {
        let (all, _) = sim.windows;
        let queues = sim.world.sites.len() + 4;
        let in_memory = self.engine.in_memory();
        assert!(in_memory <= 2 * all + queues, "{in_memory} candidates in memory");
    }

    /// The writer commits a batch, and later answers the questions in it.
    pub(super) fn commit(&mut self, sim: &mut Sim) {
        let count = if sim.dice.chance(30) { 64 } else { sim.dice.any_size(6) };
        let count = usize::try_from(count).expect("small");
        let replies = sim.file.commit(count, self.elapsed(sim.now));
        for reply in replies {
            let after = Duration::from_micros(sim.dice.any_size(12));
            self.replies_at = self.replies_at.max(sim.now + after);
            self.plan(self.replies_at, Next::Reply(reply));
        }
        self.is_committing = !sim.file.is_idle();
        if self.is_committing {
            let after = Duration::from_micros(sim.dice.any_size(sim.writer_bits));
            self.plan(sim.now + after, Next::Commit);
        }
    }
}
