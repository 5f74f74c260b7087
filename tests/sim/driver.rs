//! What happens when an engine crawls the simulated web?
//!
//! Carries the engine's actions out over virtual time, with a slow writer,
//! crashes at any instant, stops, aborts and jumps of the wall clock, and goes
//! on until nothing is left. Everything follows from the seed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crawlite::config::{LimitsConfig, PolitenessConfig, Span};
use crawlite::engine::record::{Moment, Reply, ServerId, Visited};
use crawlite::engine::{Engine, Event, Finish, Settings};
use crawlite::hash::UrlHasher;

use super::file::File;
use super::life::Life;
use super::reference::{self, Stand};
use super::servers::Servers;
use super::watch::Watch;
use super::world::{Dice, World};

/// Events of one run at most: beyond, it does not end.
const MAX_EVENTS: u64 = 300_000;
/// Runs without trouble after which a crawl must be through.
const MAX_CALM_RUNS: u64 = 400;

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
    pub(super) servers: Servers,
    pub(super) file: File,
    pub(super) watch: Watch,
    pub(super) hasher: UrlHasher,
    settings: Settings,
    /// Candidates that an engine keeps in memory, in all and in each queue.
    pub(super) windows: (usize, usize),
    /// How slow the writer is, in powers of two of microseconds.
    pub(super) writer_bits: u64,
    pub(super) visit_bits: u64,
    pub(super) base: Instant,
    pub(super) now: Duration,
    unix_ms_at_base: i64,
    /// Whether the last run died, so that what was in flight is suspect.
    died: bool,
    runs: u64,
}

/// What a seed did, for people to see.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) urls: u64,
    pub(crate) starts: u64,
    pub(crate) runs: u64,
}

/// Crawls the world of `seed` to its end, once or twice into the same file.
pub(crate) fn run(seed: u64) -> Tally {
    let mut sim = Sim::new(seed);
    let expected = reference::expected(&sim.world);
    let crawls = if sim.dice.chance(15) { 2 } else { 1 };
    for _ in 0..crawls {
        sim.file.begin_crawl();
        sim.crawl();
        sim.compare(&expected);
    }
    let urls = sim.file.states.len() as u64;
    Tally { urls, starts: sim.watch.starts, runs: sim.runs }
}

impl Sim {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let world = World::new(&mut dice);
        let delay_ms = if dice.chance(20) { 0 } else { dice.any_size(10) };
        let politeness = PolitenessConfig {
            delay: dice.chance(80).then(|| Span(Duration::from_millis(delay_ms))),
            per_host: 1 + dice.index(4),
            rate: dice
                .chance(10)
                .then(|| f64::from(u32::try_from(dice.any_size(8)).expect("small"))),
            robots: world.robots,
            ..PolitenessConfig::default()
        };
        let settings = Settings {
            concurrency: 1 + dice.index(16),
            retries: world.retries,
            sitemaps: world.reads_sitemaps,
            mirrors: false,
            politeness,
            limits: LimitsConfig { depth: world.depth_limit, ..LimitsConfig::default() },
        };
        let small = [(4, 1), (20, 4), (50_000, 2), (30, 10), (50_000, 4096)];
        Self {
            windows: *dice.pick(&small),
            writer_bits: *dice.pick(&[1, 10, 20, 24]),
            visit_bits: *dice.pick(&[1, 10, 20, 24]),
            servers: Servers::default(),
            file: File::default(),
            watch: Watch::default(),
            hasher: UrlHasher::new([7; 16]),
            base: Instant::now(),
            now: Duration::ZERO,
            unix_ms_at_base: 1_700_000_000_000,
            died: false,
            runs: 0,
            settings,
            world,
            dice,
        }
    }

    /// One crawl: runs with trouble, then runs without until nothing is left.
    fn crawl(&mut self) {
        let troubled = if self.dice.chance(70) { self.dice.below(8) } else { 0 };
        for _ in 0..troubled {
            let limits = LimitsConfig {
                depth: self.world.depth_limit,
                pages: self.dice.chance(20).then(|| self.dice.any_size(7)),
                time: self
                    .dice
                    .chance(10)
                    .then(|| Span(Duration::from_millis(self.dice.any_size(18)))),
                ..LimitsConfig::default()
            };
            let trouble = match self.dice.below(10) {
                0..=5 => vec![Next::Crash],
                6 | 7 => vec![Next::Stop],
                8 => vec![Next::Stop, Next::Abort],
                _ => vec![],
            };
            if self.run(limits, trouble) == Ended::Finish(Finish::Finished) {
                return;
            }
        }
        for _ in 0..MAX_CALM_RUNS {
            let limits = LimitsConfig { depth: self.world.depth_limit, ..LimitsConfig::default() };
            match self.run(limits, Vec::new()) {
                Ended::Finish(Finish::Finished) => return,
                Ended::Finish(Finish::Waiting { wait, .. }) => self.now += wait,
                Ended::Finish(Finish::Parked | Finish::NoAnswer) if self.is_hopeless() => return,
                Ended::Finish(Finish::Parked | Finish::NoAnswer) => {}
                ended => panic!("a run without trouble ended with {ended:?}"),
            }
        }
        panic!("the crawl never ends");
    }

    /// Whether only URLs are left whose servers never give rules.
    fn is_hopeless(&self) -> bool {
        let mut pending = self.file.states.iter().filter(|(_, state)| state.is_pending());
        self.world.robots
            && pending.all(|(id, _)| {
                let url = super::world::parsed(self.file.url(*id));
                self.world.site(url.origin()).is_some_and(|site| site.robots_failures == u64::MAX)
            })
    }

    pub(super) fn moment(&self) -> Moment {
        let ms = i64::try_from(self.now.as_millis()).expect("small");
        Moment { at: self.base + self.now, unix_ms: self.unix_ms_at_base + ms }
    }

    /// One life of the process.
    fn run(&mut self, limits: LimitsConfig, trouble: Vec<Next>) -> Ended {
        self.runs += 1;
        let may_die = trouble.iter().any(|next| matches!(next, Next::Crash));
        let dies_writing = if may_die { *self.dice.pick(&[0, 2, 20]) } else { 0 };
        let gap = self.dice.any_size(25);
        self.now += Duration::from_micros(gap);
        let moment = self.moment();
        let suspects = if self.died { self.watch.unwritten(&self.file) } else { BTreeSet::new() };
        let loaded = self.file.load(&suspects, moment.unix_ms);
        self.watch.begin(&self.file, &loaded, self.now, moment.unix_ms);
        let elapsed_before = loaded.elapsed;
        let pages_before = loaded.pages;
        let settings = Settings { limits, ..self.settings.clone() };
        let scope = std::sync::Arc::new(self.world.scope.clone());
        let mut engine = Engine::new(settings.clone(), scope, self.hasher, loaded, moment);
        engine.keep_in_memory(self.windows.0, self.windows.1);
        let mut run = Life {
            engine,
            settings,
            agenda: BTreeMap::new(),
            sequence: 0,
            wake: None,
            began: self.now,
            elapsed_before,
            replies_at: Duration::ZERO,
            is_committing: false,
            dies_writing,
            gave_up: false,
            finish: None,
        };
        for next in trouble {
            let bits = if self.dice.chance(60) { 23 } else { 28 };
            let after = self.dice.any_size(bits);
            run.plan(self.now + Duration::from_micros(after), next);
        }
        if self.dice.chance(10) {
            let jump = i64::try_from(self.dice.any_size(28)).expect("small");
            let jump = if self.dice.chance(50) { jump } else { -jump };
            let after = self.dice.any_size(25);
            run.plan(self.now + Duration::from_micros(after), Next::WallClockJumps(jump));
        }
        run.step(self, Event::Begin(self.world.seeds.clone()));
        let ended = self.drive(&mut run);
        self.died = ended == Ended::Crashed;
        if let Ended::Finish(finish) = &ended {
            self.check_limits(finish, &run.settings.limits, pages_before);
        }
        ended
    }

    fn check_limits(&self, finish: &Finish, limits: &LimitsConfig, pages_before: u64) {
        if *finish == Finish::Pages {
            let limit = limits.pages.expect("only a limit ends a crawl so");
            assert_eq!(self.watch.pages(), limit.max(pages_before), "pages at the page limit");
        }
        if *finish == Finish::Time {
            assert!(limits.time.is_some(), "no time limit was set");
        }
    }

    /// Carries a run on until it ends or the process dies.
    fn drive(&mut self, run: &mut Life) -> Ended {
        for _ in 0..MAX_EVENTS {
            if let Some(finish) = run.finish.take() {
                self.file.commit(usize::MAX, run.elapsed(self.now));
                return Ended::Finish(finish);
            }
            let planned = run.agenda.first_key_value().map(|((at, _), _)| *at);
            let next = match (planned, run.wake) {
                (Some(at), Some(wake)) if wake < at => None,
                (Some(_), _) => run.agenda.pop_first(),
                (None, Some(_)) => None,
                (None, None) => panic!("the engine waits for nothing: {:?}", run.progress(self)),
            };
            let Some(((at, _), next)) = next else {
                self.now = self.now.max(run.wake.take().expect("it is set"));
                run.step(self, Event::Tick);
                continue;
            };
            self.now = self.now.max(at);
            match next {
                Next::VisitEnds(visited) => {
                    if run.gave_up {
                        continue;
                    }
                    self.watch.end(&visited, &run.settings, self.now);
                    run.step(self, Event::Visited(visited));
                }
                Next::Commit => {
                    run.commit(self);
                    if self.dice.chance(run.dies_writing) {
                        self.file.crash();
                        return Ended::Crashed;
                    }
                }
                Next::LookedUp(server, address) => {
                    run.step(self, Event::LookedUp(server, address));
                }
                Next::Reply(reply) => run.step(self, Event::Replied(reply)),
                Next::Tick => run.step(self, Event::Tick),
                Next::Stop => run.step(self, Event::Stop),
                Next::Abort => {
                    self.watch.give_up();
                    run.gave_up = true;
                    run.step(self, Event::Aborted);
                }
                Next::Crash => {
                    self.file.crash();
                    return Ended::Crashed;
                }
                Next::WallClockJumps(ms) => {
                    self.unix_ms_at_base += ms;
                    self.watch.jump();
                }
            }
        }
        panic!("the run does not end: {:?}", run.progress(self));
    }

    /// Whether everything is as the reference says.
    fn compare(&self, expected: &BTreeMap<String, Stand>) {
        let mut found = BTreeMap::new();
        for (id, state) in &self.file.states {
            let name = state
                .reason
                .map_or(if state.is_done { "done" } else { "pending" }, |it| it.as_str());
            let url = self.file.url(*id).to_owned();
            let should = expected.get(&url);
            let has_depth = should.is_none_or(|stand| stand.depth.is_some());
            let stand = Stand {
                state: name,
                kind: state.kind,
                depth: has_depth.then(|| state.depth.rank()),
                outcome: if state.is_done { state.outcome.clone() } else { String::new() },
            };
            found.insert(url, stand);
        }
        for (url, should) in expected {
            let is = found.get(url);
            assert!(is == Some(should), "{url} should end as {should:?}, not {is:?}");
        }
        let more: Vec<_> = found.keys().filter(|url| !expected.contains_key(*url)).collect();
        assert!(more.is_empty(), "nothing leads to {more:?}");
    }
}
