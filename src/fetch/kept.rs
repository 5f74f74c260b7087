//! Is the connection of an origin worth keeping?
//!
//! One that waits for the next request takes some 35 KB of memory and a file descriptor. Of
//! thousands of origins that are asked in turn most would wait in vain, so only those of
//! some are kept.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a connection waits for the next request at most.
pub(super) const IDLE: Duration = Duration::from_secs(15);
/// Origins whose connections are kept at the same time.
const MOST: usize = 512;

/// Whose connections are kept.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// When those origins were asked last.
    asked: Mutex<HashMap<Box<str>, Instant>>,
    /// File descriptors ran out once: no connection is kept any more. Those of many
    /// hosts that wait for a second request would take all there are.
    is_scarce: AtomicBool,
}

impl Kept {
    /// Whether what is asked of `origin` now may leave its connection open.
    pub(super) fn keeps(&self, origin: &str, now: Instant) -> bool {
        if self.is_scarce.load(Ordering::Relaxed) {
            return false;
        }
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = asked.get_mut(origin) {
            *at = now;
            return true;
        }
        if asked.len() >= MOST {
            asked.retain(|_, at| now.saturating_duration_since(*at) < IDLE);
        }
        let is_kept = asked.len() < MOST;
        if is_kept {
            asked.insert(origin.into(), now);
        }
        is_kept
    }

    /// No file descriptor was left.
    pub(super) fn ran_out_of_files(&self) {
        self.is_scarce.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_so_many_origins_keep_their_connections_until_others_are_idle() {
        let (kept, began) = (Kept::default(), Instant::now());
        let origin = |number: usize| format!("http://h{number}.test");
        let of = |number: usize, at| kept.keeps(&origin(number), began + Duration::from_secs(at));
        assert!((0..MOST).all(|number| of(number, 0)));
        assert!(!of(MOST, 1), "one too many");
        assert!(of(0, 10), "it is one of them");
        assert!(!of(MOST, 14));
        assert!(of(MOST, 15), "most were not asked for 15 s");
        assert!(of(0, 16) && (MOST + 1..2 * MOST - 1).all(|number| of(number, 16)));
        assert!(!of(2 * MOST, 16));
    }
}
