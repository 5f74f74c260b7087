//! What a command costs, as the kernel counts it.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{Desk, Ran};

/// Between two looks at a process.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// What the time between two looks counts for at most: while the machine stands still
/// the process is not run either.
const MOST_A_LOOK: Duration = Duration::from_secs(1);
/// Ticks of the processor time in `/proc`, per second (`USER_HZ`).
const TICKS: u64 = 100;

/// A command that has ended, with its cost.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) ran: Ran,
    /// Largest resident size.
    pub(crate) peak_mib: u64,
    /// Processor time of all its threads, to 10 ms.
    pub(crate) cpu: Duration,
    /// From start to end.
    pub(crate) took: Duration,
}

impl Watched {
    /// Prints what it cost, with `CRAWLITE_HOSTILE` in the environment: a row of a table.
    #[expect(clippy::print_stdout, reason = "figures to look at")]
    pub(crate) fn report(&self, what: &str) {
        if std::env::var_os("CRAWLITE_HOSTILE").is_some() {
            println!("| {what} | {} MiB | {:.2?} | {:.2?} |", self.peak_mib, self.cpu, self.took);
        }
    }
}

impl Desk {
    /// Runs the command to its end and watches it; fails if that takes longer than `patience`.
    pub(crate) fn watch(&self, args: &[&str], patience: Duration) -> Watched {
        watch(self.command(args), patience)
    }
}

/// Runs a command to its end and watches it; fails if that takes longer than `patience`.
pub(crate) fn watch(mut command: Command, patience: Duration) -> Watched {
    let began = Instant::now();
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let id = child.id();
    let reader = std::thread::spawn(move || Ran::from(child.wait_with_output().unwrap()));
    let (mut peak_kib, mut cpu) = (0, Duration::ZERO);
    let (mut last, mut waited) = (began, Duration::ZERO);
    while !reader.is_finished() {
        peak_kib = peak_kib.max(peak_kib_of(id).unwrap_or_default());
        cpu = cpu.max(cpu_of(id).unwrap_or_default());
        waited += last.elapsed().min(MOST_A_LOOK);
        last = Instant::now();
        if waited > patience {
            let pid = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
            kill_process(pid, Signal::KILL).ok();
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let (ran, took) = (reader.join().unwrap(), began.elapsed());
    assert!(waited <= patience, "no end within {patience:?}: {}", ran.err);
    Watched { ran, peak_mib: peak_kib / 1024, cpu, took }
}

fn peak_kib_of(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// Fields 14 and 15 of `/proc/ID/stat` (proc(5)), counted behind the name in parentheses.
fn cpu_of(id: u32) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, behind) = stat.rsplit_once(')')?;
    let mut ticks = behind.split_whitespace().skip(11).map(str::parse::<u64>);
    let sum = ticks.next()?.ok()? + ticks.next()?.ok()?;
    Some(Duration::from_millis(sum * 1000 / TICKS))
}
