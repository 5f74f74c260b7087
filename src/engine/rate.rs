//! May another request start, over all servers together?

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use governor::clock::{Clock, FakeRelativeClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

type Limiter = RateLimiter<
    NotKeyed,
    InMemoryState,
    FakeRelativeClock,
    NoOpMiddleware<<FakeRelativeClock as Clock>::Instant>,
>;

/// The global request rate, driven by the engine's time.
pub(super) struct Rate {
    limiter: Limiter,
    clock: FakeRelativeClock,
    told: Instant,
    /// A leave to start that was given and not used yet.
    has_leave: bool,
}

impl Rate {
    /// Lets `rate` requests start per second, at most those of 10 ms at once.
    pub(super) fn new(rate: f64, now: Instant) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number"
        )]
        let burst = NonZeroU32::new((rate / 100.0) as u32).unwrap_or(NonZeroU32::MIN);
        let period = Duration::from_secs_f64(1.0 / rate).max(Duration::from_nanos(1));
        let quota = Quota::with_period(period).expect("a period above 0").allow_burst(burst);
        let clock = FakeRelativeClock::default();
        Self {
            limiter: RateLimiter::direct_with_clock(quota, clock.clone()),
            clock,
            told: now,
            has_leave: false,
        }
    }

    /// From when on a request may start; `None` if one may now.
    pub(super) fn wait(&mut self, now: Instant) -> Option<Instant> {
        self.clock.advance(now.saturating_duration_since(self.told));
        self.told = self.told.max(now);
        if self.has_leave {
            return None;
        }
        match self.limiter.check() {
            Ok(()) => {
                self.has_leave = true;
                None
            }
            Err(not_yet) => Some(now + not_yet.wait_time_from(self.clock.now())),
        }
    }

    /// A request starts.
    pub(super) fn start(&mut self) {
        self.has_leave = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_start_than_the_rate_allows() {
        let begin = Instant::now();
        let mut rate = Rate::new(50.0, begin);
        let mut starts = 0;
        for ms in 0..1000 {
            let now = begin + Duration::from_millis(ms);
            while rate.wait(now).is_none() {
                rate.start();
                starts += 1;
            }
        }
        assert!((49..=51).contains(&starts), "{starts} starts in a second");
    }
}
