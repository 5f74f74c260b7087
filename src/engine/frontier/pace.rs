//! How fast may a server be asked?
//!
//! The delay is the longest of what is configured, what robots.txt asks for, what
//! throttling taught us and, if there is one at all, the server's mean time to
//! answer.

use std::time::{Duration, Instant};

use super::Frontier;
use crate::engine::record::ServerId;

/// Slowest rate to which throttling slows a server: one start a minute.
const MAX_BACKOFF: Duration = Duration::from_mins(1);
/// By how many starts per second each good answer speeds a throttled server up.
const RECOVERY_PER_ANSWER: f64 = 0.1;

/// By how much the time from a start to its first byte on the wire may differ.
pub(in crate::engine) const JITTER: Duration = Duration::from_millis(5);

/// How fast a server may be asked.
#[derive(Debug)]
pub(super) struct Pace {
    /// The configured delay.
    configured: Duration,
    /// From robots.txt.
    crawl_delay: Duration,
    /// What throttling adds; zero when all is well.
    backoff: Duration,
    /// Mean time to an answer.
    mean_response: Duration,
}

impl Pace {
    /// The pace of a server that has not been asked yet.
    pub(super) fn new(configured: Duration) -> Self {
        let zero = Duration::ZERO;
        Self { configured, crawl_delay: zero, backoff: zero, mean_response: zero }
    }

    /// Notes how long an answer took.
    pub(super) fn answered(&mut self, response: Duration) {
        let mean = self.mean_response;
        self.mean_response = if mean.is_zero() { response } else { (mean * 7 + response) / 8 };
    }

    /// From one start to the next: the delay, and a little more, so that the
    /// server sees no shorter gap when the way out of here takes once longer and
    /// once shorter.
    pub(super) fn gap(&self) -> Duration {
        let delay = self.delay();
        if delay.is_zero() { delay } else { delay + JITTER }
    }

    pub(super) fn delay(&self) -> Duration {
        let set = self.configured.max(self.crawl_delay);
        let grown = if set.is_zero() { set } else { set.max(self.mean_response) };
        grown.max(self.backoff)
    }
}

impl Frontier {
    /// Starts nothing on `server` before `until`.
    pub(in crate::engine) fn hold(&mut self, server: ServerId, until: Instant) {
        let it = self.server_mut(server);
        it.next_start = it.next_start.max(until);
        self.settle(server);
    }

    /// The server asks for less: twice its delay from now on.
    pub(in crate::engine) fn slow_down(&mut self, server: ServerId, now: Instant) {
        let it = self.server_mut(server);
        let delay = it.pace.delay().max(Duration::from_millis(250));
        it.pace.backoff = (delay * 2).min(MAX_BACKOFF);
        it.next_start = it.next_start.max(now + it.pace.backoff);
        self.settle(server);
    }

    /// A good answer: a throttled server is asked a little faster again.
    pub(in crate::engine) fn speed_up(&mut self, server: ServerId) {
        let pace = &mut self.server_mut(server).pace;
        if pace.backoff.is_zero() {
            return;
        }
        let slower =
            Duration::from_secs_f64(1.0 / (1.0 / pace.backoff.as_secs_f64() + RECOVERY_PER_ANSWER));
        let usual = pace.configured.max(pace.crawl_delay);
        pace.backoff =
            if slower <= usual.max(Duration::from_millis(100)) { Duration::ZERO } else { slower };
    }

    /// The longest Crawl-delay of a server's origins holds for all of them.
    pub(in crate::engine) fn set_crawl_delay(
        &mut self,
        server: ServerId,
        delay: Duration,
        now: Instant,
    ) {
        let it = self.server_mut(server);
        if delay > it.pace.crawl_delay {
            it.pace.crawl_delay = delay;
            it.next_start = it.next_start.max(now + delay);
            self.settle(server);
        }
    }

    pub(in crate::engine) fn delay(&self, server: ServerId) -> Duration {
        self.servers[server.0 as usize].pace.delay()
    }

    /// The servers that are slowed by throttling, and to which delay.
    pub(in crate::engine) fn slowed(&self) -> impl Iterator<Item = (ServerId, Duration)> {
        (0_u32..)
            .zip(&self.servers)
            .filter(|(_, server)| !server.pace.backoff.is_zero())
            .map(|(id, server)| (ServerId(id), server.pace.delay()))
    }
}
