//! When in the course of a crawl were pages fetched?
//!
//! Pauses between two runs are left out, or a crawl that went on after a week would
//! be two thin lines.

use crate::store::Started;

/// Equal lengths of time into which a crawl is divided.
const STEPS: u64 = 60;
/// A pause is longer than this share of the whole crawl…
const PAUSE_SHARE: i64 = 8;
/// … and than this at least, and is no longer than that, in milliseconds: a crawl
/// that runs waits ten minutes at most.
const PAUSES_MS: std::ops::RangeInclusive<i64> = 2_000..=600_000;

/// Pages by the time of the crawl.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Course {
    /// Pages, and how many of them are broken, of each step.
    pub(super) steps: Vec<(u64, u64)>,
    /// Milliseconds of one step.
    pub(super) step_ms: u64,
    /// Before which step something was left out, and how many milliseconds.
    pub(super) pauses: Vec<(usize, u64)>,
}

/// Divides what began at `times`, which rise by `unit` milliseconds at least, in a
/// crawl that took `elapsed_ms`.
pub(super) fn course(times: &[Started], unit: i64, elapsed_ms: i64) -> Course {
    let pause = (elapsed_ms / PAUSE_SHARE).clamp(*PAUSES_MS.start(), *PAUSES_MS.end());
    // When each began, as if there were no pauses.
    let mut at: u64 = 0;
    let mut begun = Vec::with_capacity(times.len());
    let mut pauses = Vec::new();
    for (place, time) in times.iter().enumerate() {
        if let Some(before) = place.checked_sub(1).map(|before| times[before].at) {
            let gap = time.at.saturating_sub(before);
            if gap > pause {
                pauses.push((at, gap.unsigned_abs()));
            }
            at += if gap > pause { unit } else { gap }.unsigned_abs();
        }
        begun.push(at);
    }
    let whole = at + unit.unsigned_abs();
    let step_ms = whole.div_ceil(STEPS).max(1);
    let step = |at: u64| usize::try_from(at / step_ms).unwrap_or(usize::MAX);
    let mut steps = vec![(0, 0); if times.is_empty() { 0 } else { step(at) + 1 }];
    for (time, at) in times.iter().zip(begun) {
        let (pages, broken) = &mut steps[step(at)];
        *pages += time.pages;
        *broken += time.broken;
    }
    let pauses = pauses.into_iter().map(|(at, length)| (step(at) + 1, length)).collect();
    Course { steps, step_ms, pauses }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(at: i64) -> Started {
        Started { at, pages: 1, broken: u64::from(at % 2 != 0) }
    }

    #[test]
    fn every_page_is_in_one_step() {
        let times: Vec<_> = (0..600).map(|n| at(1000 + 10 * n)).collect();
        let course = course(&times, 1, 6000);
        assert_eq!(course.step_ms, 100);
        assert_eq!(course.steps, vec![(10, 0); 60]);
        assert!(course.pauses.is_empty());
    }

    #[test]
    fn a_pause_takes_no_room() {
        let week = 7 * 86_400_000;
        let times: Vec<_> = (0..60).map(at).chain((0..60).map(|n| at(week + n))).collect();
        let course = course(&times, 1, 120);
        assert_eq!(course.steps.len(), 60);
        assert_eq!(course.steps.iter().map(|(pages, _)| pages).sum::<u64>(), 120);
        assert!(
            course.steps.iter().all(|(pages, broken)| (*pages, *broken) == (2, 1)),
            "{course:?}"
        );
        assert_eq!(course.pauses, [(30, week.unsigned_abs() - 59)]);
    }

    #[test]
    fn nothing_and_one_are_fine_and_so_is_a_clock_that_jumps() {
        assert_eq!(course(&[], 1, 0).steps, []);
        assert_eq!(course(&[at(5)], 1, 0).steps, [(1, 1)]);
        let far = course(&[at(i64::MIN), at(i64::MAX - 1)], 1, i64::MAX);
        assert_eq!(far.steps.iter().map(|(pages, _)| pages).sum::<u64>(), 2);
    }
}
