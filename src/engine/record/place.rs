//! Which row, how far from the seeds, and when?

use std::time::{Duration, Instant};

/// The row of a URL, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UrlId(pub u32);

/// The row of an origin, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OriginId(pub u32);

/// A server within this run, counted from 0; nothing on disk names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u32);

/// Links from the nearest seed; [`Depth::NONE`] where no way is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Depth(u16);

impl Depth {
    /// No way from a seed is known: only a sitemap names the URL.
    pub const NONE: Self = Self(u16::MAX);

    /// `links` from a seed; more than 65 534 count as that.
    pub const fn new(links: u16) -> Self {
        Self(if links == u16::MAX { u16::MAX - 1 } else { links })
    }

    /// The number, where [`Depth::NONE`] is 65 535.
    pub fn rank(self) -> u16 {
        self.0
    }

    /// From a stored rank.
    pub fn from_rank(rank: u16) -> Self {
        Self(rank)
    }

    /// One link further.
    #[must_use]
    pub fn next(self) -> Self {
        if self == Self::NONE { self } else { Self::new(self.0.saturating_add(1)) }
    }
}

/// The time, by both clocks. Within a run only `at` decides.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// By the clock that never jumps.
    pub at: Instant,
    /// Milliseconds since 1970 UTC, for what is stored.
    pub unix_ms: i64,
}

impl Moment {
    /// The wall-clock time of `later`, in milliseconds since 1970 UTC, rounded up so
    /// that who waits for it is never early.
    pub fn unix_ms_at(&self, later: Instant) -> i64 {
        let ahead = later.saturating_duration_since(self.at) + Duration::from_millis(1);
        self.unix_ms.saturating_add(i64::try_from(ahead.as_millis()).unwrap_or(i64::MAX))
    }

    /// The instant of a stored time, if it is ahead; at most `cap` from now.
    pub fn instant_at(&self, unix_ms: i64, cap: Duration) -> Option<Instant> {
        let ahead =
            u64::try_from(unix_ms.saturating_sub(self.unix_ms)).ok().filter(|ms| *ms > 0)?;
        Some(self.at + Duration::from_millis(ahead).min(cap))
    }
}
