//! What happens to the file between two runs?
//!
//! A further crawl begins, what failed is to be tried again, a trap is released.

use std::time::Duration;

use crawlite::refusal::{Reason, Refusal};
use crawlite::store::Failure;

use super::File;

impl File {
    /// A further crawl of the same file begins.
    pub(crate) fn begin_crawl(&mut self) {
        self.states.clear();
        self.fetches.clear();
        self.sitemap_entries.clear();
        self.elapsed = Duration::ZERO;
        self.crawls += 1;
    }

    /// Another run of the crawl begins.
    pub(crate) fn resume(&mut self) {
        self.origins.values_mut().for_each(|origin| origin.parked = None);
    }

    /// Makes pending again what failed so; how many URLs.
    pub(crate) fn reopen(&mut self, failures: &[Failure]) -> u64 {
        let mut reopened = 0;
        for failure in failures {
            let is_crashed = matches!(failure, Failure::Any | Failure::Crashed);
            for state in self.states.values_mut().filter(|_| is_crashed) {
                if state.reason() == Some(Reason::Crashed) {
                    (state.refusal, state.attempts, state.crashes) = (None, 0, 0);
                    reopened += 1;
                }
            }
            let fetches = &self.fetches;
            let failed = |fetch: usize| {
                let fetch = &fetches[fetch];
                match failure {
                    Failure::Any => {
                        fetch.status.is_some_and(|it| it >= 400) || fetch.error.is_some()
                    }
                    Failure::Status(status) => fetch.status == Some(*status),
                    Failure::Class(class) => fetch.status.is_some_and(|it| it / 100 == *class),
                    Failure::Code(code) => fetch.error == Some(code),
                    Failure::Crashed => false,
                }
            };
            for state in self.states.values_mut() {
                if state.is_done && state.fetch.is_some_and(failed) {
                    (state.is_done, state.attempts, state.not_before) = (false, 0, None);
                    state.crashes = 0;
                    reopened += 1;
                }
            }
        }
        reopened
    }

    /// Releases a trap and what it held back; how many URLs.
    pub(crate) fn release_trap(&mut self, pattern: &str) -> Option<u64> {
        let mut is_known = false;
        for row in &mut self.traps {
            if *row.1.pattern == *pattern {
                (row.3, is_known) = (true, true);
            }
        }
        let mut urls = 0;
        for state in self.states.values_mut() {
            let held = |it: &Refusal| it.reason == Reason::Trap && *it.detail == *pattern;
            if state.refusal.as_ref().is_some_and(held) {
                (state.refusal, state.attempts, state.crashes) = (None, 0, 0);
                urls += 1;
            }
        }
        is_known.then_some(urls)
    }
}
