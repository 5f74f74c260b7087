//! What happens when an engine crawls the simulated web?
//!
//! Carries the engine's actions out over virtual time, with a slow writer,
//! crashes at any instant, stops, aborts and jumps of the wall clock, and goes
//! on until nothing is left. Everything follows from the seed.

mod run;

use std::fmt;
use std::io::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crawlite::config::Config;
use crawlite::engine::Finish;
use crawlite::engine::record::{Candidate, Moment, Record, Reply, ServerId, Visited};
use crawlite::hash::UrlHasher;
use crawlite::scope::Scope;
use crawlite::store::{Belonging, Failure};

use crate::Scale;
use crate::dice::Dice;
use crate::file::File;
use crate::reading::Rules;
use crate::real::Real;
use crate::reference::{self, Case, Past};
use crate::servers::Servers;
use crate::slots::Slots;
use crate::watch::{Terms, Watch};
use crate::wishes;
use crate::world::World;

/// Runs without trouble after which a crawl must be through.
const MAX_CALM_RUNS: u64 = 4000;
const BEGAN_UNIX_MS: i64 = 1_780_000_000_000;

/// What comes next in a run.
#[derive(Debug)]
pub(crate) enum Next {
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
    pub(crate) fn is_expected(&self) -> bool {
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
    pub(crate) dice: Dice,
    pub(crate) world: World,
    servers: Servers,
    pub(crate) file: File,
    real: Option<Real>,
    slots: Slots,
    pub(crate) watch: Watch,
    hasher: UrlHasher,
    /// What the user asks for now, and the scope that follows.
    config: Config,
    scope: Arc<Scope>,
    /// The settings that the file has.
    stored: Config,
    past: Past,
    is_changed: bool,
    /// Candidates that an engine keeps in memory, in all and in each queue.
    pub(crate) windows: (usize, usize),
    /// How slow the writer is, in powers of two of microseconds.
    pub(crate) writer_bits: u64,
    pub(crate) visit_bits: u64,
    pub(crate) base: Instant,
    pub(crate) now: Duration,
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

    pub(crate) fn moment(&self) -> Moment {
        let ms = i64::try_from(self.now.as_millis()).expect("small");
        Moment { at: self.base + self.now, unix_ms: self.unix_ms_at_base + ms }
    }

    /// A visit begins.
    pub(crate) fn started(&mut self, candidate: &Candidate) {
        let terms = Terms { world: &self.world, config: &self.config, scope: &self.scope };
        self.watch.start(terms, candidate, self.now);
        let touched = self.slots.occupy(candidate.id);
        if let Some(real) = &self.real {
            real.touch(touched);
        }
    }

    /// A visit ended.
    pub(crate) fn ended(&mut self, visited: &Visited) {
        let terms = Terms { world: &self.world, config: &self.config, scope: &self.scope };
        self.watch.end(terms, visited, self.now);
    }

    pub(crate) fn answer(&mut self, candidate: &Candidate) -> Visited {
        let rules = Rules { scope: &self.scope, wishes: &self.config.scope, hasher: self.hasher };
        let when = (self.now, self.moment().unix_ms);
        self.servers.answer(&self.world, rules, candidate, when, &mut self.dice)
    }

    /// A record goes to the writer.
    pub(crate) fn hand_over(&mut self, record: Record) {
        self.watch.hand_over(&record);
        if let Some(touched) = self.slots.hand_over(&record)
            && let Some(real) = &self.real
        {
            real.touch(touched);
        }
        self.file.hand_over(record);
    }

    /// Commits up to `count` records; what is answered.
    pub(crate) fn commit(&mut self, count: usize, elapsed: Duration) -> Vec<Reply> {
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
    pub(crate) fn real_reply(&mut self, reply: &Reply) -> Reply {
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
