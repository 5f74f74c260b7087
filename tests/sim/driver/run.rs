//! What happens in one run of a crawl?
//!
//! It begins with what the file knows, goes on over virtual time until the engine says
//! that it is over or the process dies, and must end as its reason says.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use crawlite::engine::{Budgets, Engine, Event, Finish, Loaded};
use crawlite::traps::Traps;

use super::{Ended, Next, Sim};
use crate::life::Life;
use crate::slots::Slots;
use crate::watch::Terms;
use crate::wishes;

/// Events of one run at most: beyond, it does not end.
const MAX_EVENTS: u64 = 300_000;
/// Events of one instant at most: beyond, the engine spins.
const MAX_AT_ONCE: u64 = 20_000;
/// The year in which the crawls begin.
const YEAR: u16 = 2026;

impl Sim {
    /// An engine of what the file knows, and one of what the real file knows.
    fn engines(&mut self) -> (Engine, Option<Engine>, Duration) {
        let moment = self.moment();
        let blank = || Loaded {
            traps: self.config.scope.traps.then(|| Traps::new(self.hasher, YEAR)),
            budgets: Budgets::new(
                self.config.limits.per_host,
                self.config.limits.budgets.iter().map(|it| it.parse().expect("a budget")).collect(),
            ),
            ..Loaded::default()
        };
        self.file.count_crashes(&self.slots.culprits());
        let suspects = self.slots.suspects();
        self.slots = Slots::default();
        let loaded = self.file.load(&suspects, blank(), moment.unix_ms);
        let double = self.real.as_mut().map(|real| {
            let mut double = real.load(blank(), moment.unix_ms);
            double.elapsed = loaded.elapsed;
            crate::real::compare_loaded(&loaded, &double, self.file.urls.len());
            double
        });
        let terms = Terms { world: &self.world, config: &self.config, scope: &self.scope };
        self.watch.begin(terms, &self.file, &loaded, (self.now, moment.unix_ms));
        let elapsed = loaded.elapsed;
        let settings = wishes::settings(&self.config);
        let engine = |loaded| {
            let scope = Arc::clone(&self.scope);
            let mut engine = Engine::new(settings.clone(), scope, self.hasher, loaded, moment);
            engine.keep_in_memory(self.windows.0, self.windows.1);
            engine
        };
        (engine(loaded), double.map(engine), elapsed)
    }

    /// One life of the process.
    pub(super) fn run(&mut self, trouble: Vec<Next>) -> Ended {
        self.runs += 1;
        let bits = if self.dice.chance(4) { 37 } else { 25 };
        self.pass_time(bits);
        self.resume();
        let (engine, double, elapsed) = self.engines();
        if std::env::var_os("CRAWLITE_SIM_SHOW").is_some() {
            self.show(&trouble);
        }
        let mut run = Life::new(engine, double, self.config.clone(), elapsed, self.now);
        if trouble.iter().any(|next| matches!(next, Next::Crash)) {
            match self.dice.below(6) {
                0 | 1 => run.dies_writing = 2,
                2 => run.dies_writing = 20,
                3 => run.dies_after = Some(self.dice.any_size(10)),
                _ => {}
            }
        }
        for next in trouble {
            let bits = if self.dice.chance(60) { 23 } else { 28 };
            let after = self.dice.any_size(bits);
            run.plan(self.now + Duration::from_micros(after), next);
        }
        if self.dice.chance(10) {
            let bits = if self.dice.chance(20) { 37 } else { 28 };
            let jump = i64::try_from(self.dice.any_size(bits)).expect("small");
            let jump = if self.dice.chance(50) { jump } else { -jump };
            let after = self.dice.any_size(25);
            run.plan(self.now + Duration::from_micros(after), Next::WallClockJumps(jump));
        }
        let ended = self.drive(&mut run);
        if std::env::var_os("CRAWLITE_SIM_SHOW").is_some() {
            let line = format!("run {} ended at {:?} with {ended:?}\n", self.runs, self.now);
            std::io::stderr().write_all(line.as_bytes()).expect("stderr is open");
        }
        self.end_run(&ended);
        ended
    }

    /// Says what a run begins with, for who looks for the cause of a failure.
    fn show(&self, trouble: &[Next]) {
        let line =
            format!("run {} at {:?} with {trouble:?}\n  {:?}\n", self.runs, self.now, self.config);
        let line = if self.runs == 1 { format!("{:#?}\n{line}", self.world) } else { line };
        std::io::stderr().write_all(line.as_bytes()).expect("stderr is open");
    }

    /// What is left of a run, and whether it ended as it may.
    fn end_run(&mut self, ended: &Ended) {
        let now = self.moment().unix_ms;
        match ended {
            Ended::Crashed => {
                self.crashes += 1;
                self.file.crash();
                if let Some(real) = &mut self.real {
                    real.compare(&self.file);
                    real.crash();
                }
            }
            Ended::Finish(finish) => {
                self.slots = Slots::default();
                if let Some(real) = &mut self.real {
                    real.compare(&self.file);
                    real.finish(finish, now);
                }
                self.check_finish(finish);
            }
        }
    }

    fn check_finish(&self, finish: &Finish) {
        let limits = &self.config.limits;
        let (pages, bytes) = self.watch.totals();
        let pending = self.file.states.values().filter(|state| state.is_pending()).count();
        match finish {
            Finish::Finished => {
                assert_eq!(pending, 0, "the crawl is finished");
                let owing = self.file.states.values().filter(|state| state.owes).count();
                assert_eq!(owing, 0, "nothing is owed at the end");
            }
            Finish::Pages => {
                let limit = limits.pages.expect("only a limit ends a crawl so");
                assert!(pages >= limit, "{pages} pages at the limit of {limit}");
            }
            Finish::Bytes => {
                let limit = limits.bytes.expect("only a limit ends a crawl so").0;
                assert!(bytes >= limit, "{bytes} bytes at the limit of {limit}");
            }
            Finish::Time => assert!(limits.time.is_some(), "no time limit was set"),
            Finish::Parked | Finish::NoAnswer => {
                assert!(pending > 0, "URLs wait for another run");
            }
            Finish::Waiting { wait, server } => {
                assert!(!server.is_empty(), "somebody is waited for");
                assert!(*wait > self.config.politeness.max_wait.0, "{wait:?} is no long wait");
            }
            Finish::Stopped => {}
        }
    }

    /// Carries a run on until it ends or the process dies.
    fn drive(&mut self, run: &mut Life) -> Ended {
        if !run.step(self, Event::Begin(self.world.seeds.clone())) {
            return Ended::Crashed;
        }
        let (mut instant, mut at_once) = (self.now, 0);
        for _ in 0..MAX_EVENTS {
            if let Some(finish) = run.finish.take() {
                while self.file.waiting() > 0 {
                    self.commit(64, run.elapsed(self.now));
                }
                return Ended::Finish(finish);
            }
            let planned = run.agenda.first_key_value().map(|((at, _), _)| *at);
            let next = match (planned, run.wake) {
                (Some(at), Some(wake)) if wake < at => None,
                (Some(_), _) => run.agenda.pop_first(),
                (None, _) => None,
            };
            let (at, next) = match next {
                Some(((at, _), next)) => (at, next),
                None => (run.wake.take().expect("the engine waits for something"), Next::Tick),
            };
            run.expected -= usize::from(next.is_expected());
            self.now = self.now.max(at);
            at_once = if self.now == instant { at_once + 1 } else { 0 };
            instant = self.now;
            assert!(at_once < MAX_AT_ONCE, "it spins: {:?}", run.progress(self));
            if !self.happens(run, next) {
                return Ended::Crashed;
            }
        }
        panic!("the run does not end: {:?}", run.progress(self));
    }

    /// One thing happens; false if the process dies of it.
    fn happens(&mut self, run: &mut Life, next: Next) -> bool {
        match next {
            Next::VisitEnds(visited) => run.visit_ends(self, visited),
            Next::Commit => run.commit(self),
            Next::LookedUp(server, address) => {
                self.watch.looked_up(server, address);
                run.step(self, Event::LookedUp(server, address))
            }
            Next::Reply(reply) => run.step(self, Event::Replied(reply)),
            Next::Tick => run.step(self, Event::Tick),
            Next::Stop => run.step(self, Event::Stop),
            Next::Abort => {
                self.watch.give_up();
                run.gave_up = true;
                run.step(self, Event::Aborted)
            }
            Next::Crash => false,
            Next::WallClockJumps(ms) => {
                self.unix_ms_at_base += ms;
                self.watch.jump();
                true
            }
        }
    }
}
