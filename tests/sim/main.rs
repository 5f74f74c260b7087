//! Does the engine keep its promises in any world, at any moment?
//!
//! Each seed is a web, a way the network, the disk and the process fail, and a
//! crawl of it to the end. `CRAWLITE_SIM_SEEDS` says how many seeds are tried
//! (100), `CRAWLITE_SIM_FIRST` which is the first (0).

mod driver;
mod file;
mod life;
mod reference;
mod servers;
mod watch;
mod world;

use std::io::Write;
use std::panic::catch_unwind;

fn number(name: &str, default: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(default, |value| value.parse().expect("a number"))
}

#[test]
fn every_promise_holds_in_every_simulated_world() {
    let first = number("CRAWLITE_SIM_FIRST", 0);
    let count = number("CRAWLITE_SIM_SEEDS", 100);
    let (mut urls, mut starts, mut runs, mut failed) = (0, 0, 0, Vec::new());
    for seed in first..first + count {
        match catch_unwind(|| driver::run(seed)) {
            Ok(tally) => {
                urls += tally.urls;
                starts += tally.starts;
                runs += tally.runs;
            }
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("a panic");
                failed.push(format!(
                    "seed {seed} failed: {text}; run it again with \
                     CRAWLITE_SIM_FIRST={seed} CRAWLITE_SIM_SEEDS=1"
                ));
            }
        }
    }
    let line = format!("{count} seeds: {urls} URLs, {starts} requests, {runs} runs\n");
    std::io::stdout().write_all(line.as_bytes()).expect("stdout is open");
    assert!(failed.is_empty(), "{} seeds failed\n{}", failed.len(), failed.join("\n"));
}
