//! How far is a piece of work that takes longer than a moment?
//!
//! One line on a terminal, a plain line every 10 s elsewhere, nothing at all if
//! it is soon done.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::say;
use super::summary::count;

/// Time between lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// Things between two looks at the clock.
const LOOK_EVERY: u64 = 64;

/// Counts things and says so.
pub(super) struct Counting {
    /// Such as `pages indexed`.
    what: &'static str,
    bar: Option<ProgressBar>,
    is_quiet: bool,
    total: Option<u64>,
    counted: u64,
    last: Instant,
}

impl Counting {
    /// Begins to count, up to `total` if that is known.
    pub(super) fn start(what: &'static str, total: Option<u64>, is_quiet: bool) -> Self {
        let bar = (!is_quiet && std::io::stderr().is_terminal()).then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(5));
            let style = ProgressStyle::with_template("{spinner} {msg}");
            bar.set_style(style.expect("a template that is right"));
            bar
        });
        Self { what, bar, is_quiet, total, counted: 0, last: Instant::now() }
    }

    /// One more.
    pub(super) fn add(&mut self) {
        self.counted += 1;
        if self.counted.is_multiple_of(LOOK_EVERY) {
            self.show();
        }
    }

    /// One more of what takes long each.
    pub(super) fn add_long(&mut self) {
        self.counted += 1;
        self.show();
    }

    fn show(&mut self) {
        if self.is_quiet {
            return;
        }
        match &self.bar {
            Some(bar) => {
                bar.set_message(self.line());
                bar.tick();
            }
            None if self.last.elapsed() >= LINE_EVERY => {
                self.last = Instant::now();
                say(&self.line());
            }
            None => {}
        }
    }

    /// How many there were; the line is gone.
    pub(super) fn finish(self) -> u64 {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
        self.counted
    }

    fn line(&self) -> String {
        let of = self.total.map(|total| format!(" of {}", count(total))).unwrap_or_default();
        format!("{}{of} {}", count(self.counted), self.what)
    }
}
