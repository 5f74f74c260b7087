//! Does the engine keep its promises in any world, at any moment?
//!
//! Each seed is a web, a way the network, the disk and the process fail, a user who
//! changes the settings, and crawls of that web to their end. In a tenth of the seeds
//! a real file stands beside the model of one, and a second engine, which knows only
//! the real file, must do the same.
//!
//! `CRAWLITE_SIM_SEEDS` says how many seeds are tried (1000), `CRAWLITE_SIM_FIRST`
//! which is the first (0), `CRAWLITE_SIM_REAL` in how many of a hundred a real file
//! stands beside the model (10; it takes nine tenths of the time),
//! `CRAWLITE_SIM_HOSTS` and `CRAWLITE_SIM_URLS` make the worlds smaller. A seed that
//! fails is said at once, and at the end tried in ever smaller worlds.

mod dice;
mod driver;
mod file;
mod life;
mod reading;
mod real;
mod reference;
mod servers;
mod slots;
mod watch;
mod wishes;
mod world;

use std::cell::Cell;
use std::io::Write;
use std::num::NonZero;
use std::panic::{PanicHookInfo, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use driver::Tally;

/// Failing seeds that are made smaller and told in full at the end.
const SHOWN: usize = 20;

/// How large worlds are at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    pub(crate) hosts: u64,
    pub(crate) urls: u64,
    /// Worlds in a hundred that have a real file.
    pub(crate) real: u64,
}

fn number(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(default, |value| value.parse().expect("a number"))
}

/// What a seed did, or what it broke.
fn run(seed: u64, scale: Scale) -> Result<Tally, String> {
    catch_unwind(|| driver::run(seed, scale)).map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
        format!("{text} ({})", PLACE.take())
    })
}

thread_local! {
    /// Where the last panic was.
    static PLACE: Cell<String> = const { Cell::new(String::new()) };
}

fn note_place(panic: &PanicHookInfo<'_>) {
    PLACE.set(panic.location().map(ToString::to_string).unwrap_or_default());
}

/// The smallest world in which a seed still fails, and how.
fn shrunk(seed: u64, mut scale: Scale, mut failure: String) -> (Scale, String) {
    for _ in 0..12 {
        let fewer_hosts = Scale { hosts: scale.hosts / 2, ..scale };
        let fewer_urls = Scale { urls: scale.urls * 2 / 3, ..scale };
        let smaller =
            [fewer_hosts, fewer_urls].into_iter().filter(|it| it.hosts > 0 && it.urls > 0);
        let failing = smaller.into_iter().find_map(|scale| Some((scale, run(seed, scale).err()?)));
        let Some(smaller) = failing else { break };
        (scale, failure) = smaller;
    }
    (scale, failure)
}

/// What a long run is known by while it lasts, whatever becomes of it.
fn say(line: &str) {
    std::io::stdout().write_all(line.as_bytes()).expect("stdout is open");
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[test]
fn every_promise_holds_in_every_simulated_world() {
    let first = number("CRAWLITE_SIM_FIRST", 0);
    let count = number("CRAWLITE_SIM_SEEDS", 1000);
    let scale = Scale {
        hosts: number("CRAWLITE_SIM_HOSTS", 16),
        urls: number("CRAWLITE_SIM_URLS", 400),
        real: number("CRAWLITE_SIM_REAL", 10),
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get) as u64;
    let began = Instant::now();
    // What a seed breaks is said in our own words.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(note_place));
    let next = AtomicU64::new(first);
    let work = || {
        let (mut sum, mut failed) = (Tally::default(), Vec::new());
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return (sum, failed);
            }
            match run(seed, scale) {
                Ok(tally) => sum.add(&tally),
                Err(failure) => {
                    say(&format!("seed {seed} failed: {}\n", first_line(&failure)));
                    failed.push((seed, failure));
                }
            }
        }
    };
    let (mut sum, mut failed) = (Tally::default(), Vec::new());
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads.min(count)).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            let (tally, failures) = worker.join().expect("panics are caught");
            sum.add(&tally);
            failed.extend(failures);
        }
    });
    say(&format!("{count} seeds: {sum}; {:.1} s\n", began.elapsed().as_secs_f64()));
    failed.sort();
    let all = failed.len();
    let lines = failed.into_iter().take(SHOWN).map(|(seed, failure)| {
        let (scale, failure) = shrunk(seed, scale, failure);
        let Scale { hosts, urls, real } = scale;
        format!(
            "seed {seed} failed: {failure}\n  again: CRAWLITE_SIM_FIRST={seed} CRAWLITE_SIM_SEEDS=1 \
             CRAWLITE_SIM_HOSTS={hosts} CRAWLITE_SIM_URLS={urls} CRAWLITE_SIM_REAL={real} \
             cargo test --test sim\n"
        )
    });
    let lines: Vec<_> = lines.collect();
    std::panic::set_hook(hook);
    assert!(lines.is_empty(), "{all} seeds failed\n{}", lines.join(""));
}
