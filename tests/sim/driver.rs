//! What happens when an engine crawls the simulated web?
//!
//! Carries the engine's actions out over virtual time, with a slow writer,
//! crashes at any instant, stops, aborts and jumps of the wall clock, and goes
//! on until nothing is left. Everything follows from the seed.

use std::fmt;
use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crawlite::config::Config;
use crawlite::engine::record::{Candidate, Moment, Record, Reply, ServerId, Visited};
use crawlite::engine::{Budgets, Engine, Event, Finish, Loaded};
use crawlite::hash::UrlHasher;
use crawlite::scope::Scope;
use crawlite::store::{Belonging, Failure};
use crawlite::traps::Traps;

use super::Scale;
use super::dice::Dice;
use super::file::File;
use super::life::Life;
use super::reading::Rules;
use super::real::Real;
use super::reference::{self, Case, Past};
use super::servers::Servers;
use super::slots::Slots;
use super::watch::{Terms, Watch};
use super::wishes;
use super::world::World;

/// Events of one run at most: beyond, it does not end.
const MAX_EVENTS: u64 = 300_000;
/// Events of one instant at most: beyond, the engine spins.
const MAX_AT_ONCE: u64 = 20_000;
/// Runs without trouble after which a crawl must be through.
const MAX_CALM_RUNS: u64 = 4000;
/// The year in which the crawls begin.
const YEAR: u16 = 2026;
const BEGAN_UNIX_MS: i64 = 1_780_000_000_000;

/// What comes next in a run.
#[derive(Debug)]
pub(super) enum Next {
    VisitEnds(Box<Visited>),
    LookedUp(ServerId, Option<IpAddr>),
    Commit,
    Reply(Reply),
    Tick,
    Stop,
    Abort,
    Crash,
    WallClockJumps(i64),
}

impl Next {
    /// Whether the engine's own doing brings it.
    pub(super) fn is_expected(&self) -> bool {
        matches!(self, Self::VisitEnds(_) | Self::LookedUp(..) | Self::Commit | Self::Reply(_))
    }
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Crashed,
    Finish(Finish),
}

/// One world, and all crawls of it.
pub(crate) struct Sim {
    pub(super) dice: Dice,
    pub(super) world: World,
    servers: Servers,
    pub(super) file: File,
    real: Option<Real>,
    slots: Slots,
    pub(super) watch: Watch,
    hasher: UrlHasher,
    /// What the user asks for now, and the scope that follows.
    config: Config,
    scope: Arc<Scope>,
    /// The settings that the file has.
    stored: Config,
    past: Past,
    is_changed: bool,
    /// Candidates that an engine keeps in memory, in all and in each queue.
    pub(super) windows: (usize, usize),
    /// How slow the writer is, in powers of two of microseconds.
    pub(super) writer_bits: u64,
    pub(super) visit_bits: u64,
    pub(super) base: Instant,
    pub(super) now: Duration,
    unix_ms_at_base: i64,
    runs: u64,
    crashes: u64,
}

/// What seeds did, for people to see.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    urls: u64,
    starts: u64,
    runs: u64,
    crashes: u64,
    real: u64,
}

impl Tally {
    pub(crate) fn add(&mut self, other: &Self) {
        self.urls += other.urls;
        self.starts += other.starts;
        self.runs += other.runs;
        self.crashes += other.crashes;
        self.real += other.real;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { urls, starts, runs, crashes, real } = self;
        write!(f, "{urls} URLs, {starts} requests, {runs} runs, {crashes} crashes, ")?;
        write!(f, "{real} with a real file")
    }
}

/// Crawls the world of `seed` to its end, once or more into the same file.
pub(crate) fn run(seed: u64, scale: Scale) -> Tally {
    let mut sim = Sim::new(seed, scale);
    let crawls = if sim.dice.chance(15) { sim.dice.between(2, 3) } else { 1 };
    for number in 0..crawls {
        if number > 0 {
            sim.world.change(&mut sim.dice);
            sim.pass_time(37);
        }
        sim.begin_crawl();
        sim.crawl();
        sim.compare();
    }
    Tally {
        urls: sim.file.urls.len() as u64,
        starts: sim.watch.starts,
        runs: sim.runs,
        crashes: sim.crashes,
        real: u64::from(sim.real.is_some()),
    }
}

impl Sim {
    fn new(seed: u64, scale: Scale) -> Self {
        let mut dice = Dice::new(seed);
        let world = World::new(&mut dice, scale);
        let config = wishes::first(&mut dice);
        let small = [(4, 1), (20, 4), (50_000, 2), (30, 10), (50_000, 4096)];
        let secret = [7; 16];
        Self {
            windows: *dice.pick(&small),
            writer_bits: *dice.pick(&[1, 10, 20, 24]),
            visit_bits: *dice.pick(&[1, 10, 20, 24]),
            servers: Servers::default(),
            file: File::default(),
            real: dice.chance(scale.real).then(|| Real::new(secret, BEGAN_UNIX_MS)),
            slots: Slots::default(),
            watch: Watch::default(),
            hasher: UrlHasher::new(secret),
            scope: scope(&config, &world),
            stored: config.clone(),
            config,
            past: Past::default(),
            is_changed: false,
            base: Instant::now(),
            now: Duration::ZERO,
            unix_ms_at_base: BEGAN_UNIX_MS,
            runs: 0,
            crashes: 0,
            world,
            dice,
        }
    }

    fn pass_time(&mut self, bits: u64) {
        self.now += Duration::from_micros(self.dice.any_size(bits));
    }

    fn begin_crawl(&mut self) {
        self.file.begin_crawl();
        self.slots = Slots::default();
        (self.past, self.is_changed, self.crashes) = (Past::default(), false, 0);
        let (seeds, now) = (&self.world.seeds, self.moment().unix_ms);
        if let Some(real) = &mut self.real {
            real.begin(seeds, now);
        }
        self.stored = self.config.clone();
    }

    /// One crawl: runs with trouble, then runs without until nothing is left.
    fn crawl(&mut self) {
        let troubled = if self.dice.chance(70) { self.dice.below(8) } else { 0 };
        let changes = self.dice.chance(40);
        for number in 0..troubled {
            if number > 0 && changes {
                self.change_settings();
            }
            let limits = self.config.limits.clone();
            self.config.limits = wishes::stopping(&mut self.dice, &limits);
            let trouble = self.trouble();
            let ended = self.run(trouble);
            self.config.limits = limits;
            if ended == Ended::Finish(Finish::Finished) && !(changes && self.dice.chance(50)) {
                return;
            }
        }
        self.crawl_calmly();
    }

    fn crawl_calmly(&mut self) {
        for number in 0..MAX_CALM_RUNS {
            match self.run(Vec::new()) {
                Ended::Finish(Finish::Finished) => return,
                Ended::Finish(
                    finish @ (Finish::Waiting { .. } | Finish::Parked | Finish::NoAnswer),
                ) => {
                    let is_hopeless = reference::is_hopeless(&self.case());
                    if is_hopeless && number > 0 && self.now > self.world.settles_at() {
                        return;
                    }
                    // Ever longer: one server may be held for a day, and another never say its rules.
                    let wait = Duration::from_mins(number);
                    self.now += match finish {
                        Finish::Waiting { wait: asked, .. } => {
                            // Until the clock is where it was before it was set back, each
                            // load holds for as long as a server had asked for.
                            let set_back = self.file.set_back(self.moment().unix_ms).unsigned_abs();
                            asked.max(wait).max(Duration::from_millis(set_back))
                        }
                        _ => wait,
                    };
                }
                ended => panic!("a run without trouble ended with {ended:?}"),
            }
        }
        let pending = self.file.states.iter().filter(|(_, state)| state.is_pending());
        let pending: Vec<_> = pending.map(|(id, it)| (self.file.url(*id), it)).take(5).collect();
        panic!("the crawl never ends: {pending:?}");
    }

    fn trouble(&mut self) -> Vec<Next> {
        match self.dice.below(10) {
            0..=5 => vec![Next::Crash],
            6 | 7 => vec![Next::Stop],
            8 => vec![Next::Stop, Next::Abort],
            _ => vec![],
        }
    }

    /// The user changes the settings, or asks that failures be tried again.
    fn change_settings(&mut self) {
        if self.dice.chance(30) {
            let file = &self.file;
            self.past.done.extend(file.states.iter().filter(|it| it.1.is_done).map(|it| *it.0));
            let pending = file.states.iter().filter(|it| it.1.is_pending());
            self.past.pending.extend(pending.map(|it| *it.0));
            self.config = wishes::changed(&mut self.dice, &self.config);
            self.scope = scope(&self.config, &self.world);
            self.is_changed = true;
        }
    }

    /// What a resume does before the engine begins.
    fn resume(&mut self) {
        let (before, after) = (&self.stored, &self.config);
        let is_judged = wishes::differ_in_what_belongs(before, after);
        let failures = match self.dice.below(if self.is_changed { 8 } else { 40 }) {
            0 => vec![Failure::Any],
            1 => vec![Failure::Status(403), Failure::Class(5)],
            2 => vec![Failure::Code("timeout".to_owned())],
            _ => vec![],
        };
        let trap = self.dice.chance(10).then(|| self.file.traps.last().cloned()).flatten();
        let now = self.moment().unix_ms;
        let belonging = Belonging {
            scope: Arc::clone(&self.scope),
            wishes: self.config.scope.clone(),
            depth: self.config.limits.depth,
        };
        let reopened = self.file.reopen(&failures);
        let is_judged = is_judged || reopened > 0;
        let rejudged = is_judged.then(|| self.file.rejudge(&belonging));
        let pattern = trap.map(|(_, trap, ..)| trap.pattern);
        let freed = pattern.as_ref().and_then(|pattern| self.file.release_trap(pattern));
        self.file.resume();
        if let Some(real) = &mut self.real {
            real.open(now);
            assert_eq!(real.reopen(failures), reopened, "URLs reopened");
            if let Some(rejudged) = rejudged {
                assert_eq!(real.rejudge(belonging), rejudged, "URLs judged again");
            }
            if let Some(pattern) = pattern {
                assert_eq!(real.release_trap(&pattern, now), freed, "URLs of a trap");
            }
            real.resume();
        }
        self.stored = self.config.clone();
    }

    pub(super) fn moment(&self) -> Moment {
        let ms = i64::try_from(self.now.as_millis()).expect("small");
        Moment { at: self.base + self.now, unix_ms: self.unix_ms_at_base + ms }
    }

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
            super::real::compare_loaded(&loaded, &double, self.file.urls.len());
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
    fn run(&mut self, trouble: Vec<Next>) -> Ended {
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

    /// A visit begins.
    pub(super) fn started(&mut self, candidate: &Candidate) {
        let terms = Terms { world: &self.world, config: &self.config, scope: &self.scope };
        self.watch.start(terms, candidate, self.now);
        let touched = self.slots.occupy(candidate.id);
        if let Some(real) = &self.real {
            real.touch(touched);
        }
    }

    /// A visit ended.
    pub(super) fn ended(&mut self, visited: &Visited) {
        let terms = Terms { world: &self.world, config: &self.config, scope: &self.scope };
        self.watch.end(terms, visited, self.now);
    }

    pub(super) fn answer(&mut self, candidate: &Candidate) -> Visited {
        let rules = Rules { scope: &self.scope, wishes: &self.config.scope, hasher: self.hasher };
        let when = (self.now, self.moment().unix_ms);
        self.servers.answer(&self.world, rules, candidate, when, &mut self.dice)
    }

    /// A record goes to the writer.
    pub(super) fn hand_over(&mut self, record: Record) {
        self.watch.hand_over(&record);
        if let Some(touched) = self.slots.hand_over(&record)
            && let Some(real) = &self.real
        {
            real.touch(touched);
        }
        self.file.hand_over(record);
    }

    /// Commits up to `count` records; what is answered.
    pub(super) fn commit(&mut self, count: usize, elapsed: Duration) -> Vec<Reply> {
        let batch = self.file.next_batch(count);
        batch.iter().for_each(|record| self.watch.committed(record));
        let touched = self.slots.commit(batch.len());
        if let Some(real) = &mut self.real {
            real.commit(batch.clone());
            touched.into_iter().for_each(|touched| real.touch(touched));
        }
        self.file.commit(batch, elapsed)
    }

    /// What the real file answers to what the model answers so.
    pub(super) fn real_reply(&mut self, reply: &Reply) -> Reply {
        let real = self.real.as_mut().expect("a double has a real file");
        let said = real.next_reply();
        assert_eq!(said, *reply, "what the real file answers");
        said
    }

    fn case(&self) -> Case<'_> {
        Case {
            world: &self.world,
            config: &self.config,
            scope: &self.scope,
            file: &self.file,
            past: &self.past,
            is_changed: self.is_changed,
            crashes: self.crashes,
        }
    }

    /// Whether everything is as the reference says.
    fn compare(&self) {
        if std::env::var_os("CRAWLITE_SIM_SHOW").is_some() {
            for (id, state) in &self.file.states {
                let line = format!("row {id:?} {} {state:?}\n", self.file.url(*id));
                std::io::stderr().write_all(line.as_bytes()).expect("stderr is open");
            }
            let line = format!("traps {:?}\n", self.file.traps);
            std::io::stderr().write_all(line.as_bytes()).expect("stderr is open");
        }
        reference::compare(&self.case());
        let is_one_run = self.runs == 1 && self.config.scope.traps;
        for maze in self.world.mazes.iter().filter(|_| is_one_run) {
            let states = self.file.states.iter().filter(|(_, state)| state.is_done);
            let done = states.filter(|(id, _)| self.file.url(**id).starts_with(&*maze.start));
            let done = done.count() as u64;
            assert!(done <= maze.bound, "{done} pages of {} were fetched", maze.start);
        }
    }
}

fn scope(config: &Config, world: &World) -> Arc<Scope> {
    let scope = Scope::new(&config.scope, &world.seeds).expect("no pattern is wrong");
    Arc::new(scope.sparing_session(config.fetch.is_logged_in()))
}
