//! Which candidates of a queue are in memory, and which are only rows?
//!
//! A window holds every pending URL before the queue's `edge`, in order of
//! (depth, id). What lies beyond are rows on disk and a count. When the window
//! runs low a refill is asked for; while it is out, new URLs stay in memory, up to
//! a ceiling, because the answer may or may not have them.
//!
//! Invariant: a pending URL that nobody has and that is before the edge is in the
//! window, at the depth at which it stands; `places` says where.

use std::ops::Bound;

use super::{Frontier, Key, Refill, RefillRequest};
use crate::engine::record::{Candidate, Depth, OriginId, UrlId};

impl Frontier {
    /// Keeps so many candidates in memory, over all queues and in each.
    pub(in crate::engine) fn set_windows(&mut self, all: usize, each: usize) {
        (self.max_windows, self.max_window) = (all, each);
    }

    /// Candidates in memory.
    pub(in crate::engine) fn in_memory(&self) -> usize {
        self.places.len()
    }

    /// Whether a candidate is in a window.
    pub(in crate::engine) fn has_in_memory(&self, id: UrlId) -> bool {
        self.places.contains_key(&id)
    }

    /// Whether a place in a queue is before what is left to its rows. What lies from there
    /// on a refill brings that is out, or will be, as it stands by then.
    pub(in crate::engine) fn is_before_rows(&self, origin: OriginId, place: Key) -> bool {
        self.queue(origin).edge.is_none_or(|edge| place < edge)
    }

    /// Moves a queued candidate to another depth if it is in memory.
    pub(in crate::engine) fn move_to(&mut self, id: UrlId, depth: Depth) {
        if let Some(mut candidate) = self.take_out(id) {
            candidate.depth = depth;
            self.recall(candidate);
        }
    }

    /// Takes a candidate out of its window, wherever that is.
    fn take_out(&mut self, id: UrlId) -> Option<Candidate> {
        let (origin, depth) = self.places.remove(&id)?;
        let candidate = self.queue_mut(origin).window.remove((depth, id));
        Some(candidate.expect("its place says so"))
    }

    /// The next refill to ask for; called until it gives none.
    pub(in crate::engine) fn next_refill(&mut self) -> Option<RefillRequest> {
        let origin = self.hungry.pop_front()?;
        let share = self.share();
        let queue = self.queue_mut(origin);
        queue.refill = Refill::Out { ceiling: None };
        let from = queue.edge.expect("a queue is hungry only if rows lie beyond its edge");
        let limit = u32::try_from(share.saturating_sub(queue.window.len()).max(1))
            .expect("a window is small");
        self.refills_out += 1;
        Some(RefillRequest { origin, from, limit })
    }

    /// The rows that were asked for, less those that somebody has; `end` is the
    /// key of the last row read if there may be more.
    pub(in crate::engine) fn refilled(
        &mut self,
        origin: OriginId,
        candidates: Vec<Candidate>,
        end: Option<Key>,
    ) {
        self.refills_out -= 1;
        let queue = self.queue_mut(origin);
        let Refill::Out { ceiling } = std::mem::replace(&mut queue.refill, Refill::No) else {
            unreachable!("a refill was asked for")
        };
        let after_last = end.map(|(depth, id)| (depth, UrlId(id.0 + 1)));
        queue.edge = ceiling;
        if let Some(edge) = after_last {
            self.cut(origin, edge);
        }
        for candidate in candidates {
            self.keep(candidate);
        }
        self.settle_origin(origin);
    }

    /// Leaves every pending URL from `edge` on to the rows.
    pub(super) fn cut(&mut self, origin: OriginId, edge: Key) {
        let queue = self.queue_mut(origin);
        let limit = match &mut queue.refill {
            Refill::Out { ceiling } => ceiling,
            _ => &mut queue.edge,
        };
        *limit = Some(limit.map_or(edge, |limit| limit.min(edge)));
        for candidate in queue.window.split_off(edge) {
            self.places.remove(&candidate.id);
        }
    }

    /// Counts a queue among those that share the memory, or no longer. Each that is new
    /// makes every share smaller, so two others are trimmed in turn: by the time that
    /// there are twice as many each was, and all windows hold twice `max_windows` at most.
    pub(super) fn share_out(&mut self, origin: OriginId) {
        let queue = self.queue(origin);
        if queue.pending == 0 || queue.is_parked {
            self.busy.remove(&origin);
        } else if self.busy.insert(origin) {
            for _ in 0..2 {
                let later = (Bound::Excluded(self.trimmed), Bound::Unbounded);
                let next = self.busy.range(later).next().or_else(|| self.busy.first());
                self.trimmed = *next.expect("one was just put in");
                self.trim(self.trimmed);
            }
        }
    }

    /// Leaves to the rows what is more than the share of a window.
    fn trim(&mut self, origin: OriginId) {
        let share = self.share();
        let window = &self.queue(origin).window;
        if window.len() > share {
            let edge = window.key(share).expect("the window is longer");
            self.cut(origin, edge);
        }
    }

    /// Candidates of one queue in memory at most.
    fn share(&self) -> usize {
        (self.max_windows / self.busy.len().max(1)).clamp(1, self.max_window)
    }

    /// Keeps a candidate in the window if it belongs there; otherwise its row does.
    pub(super) fn keep(&mut self, candidate: Candidate) {
        let share = self.share();
        let (id, origin, depth) = (candidate.id, candidate.origin, candidate.depth);
        self.take_out(id);
        let queue = self.queue_mut(origin);
        let limit = match &queue.refill {
            Refill::Out { ceiling } => *ceiling,
            _ => queue.edge,
        };
        if limit.is_some_and(|limit| (depth, id) >= limit) {
            return;
        }
        queue.window.insert(candidate);
        let last = queue.window.last_key().expect("one was just put in");
        let is_over = queue.window.len() > share;
        self.places.insert(id, (origin, depth));
        if is_over {
            self.cut(origin, last);
        }
    }

    /// Notes that a queue should be refilled, if it should.
    pub(super) fn want_refill(&mut self, origin: OriginId) {
        let low = self.share() / 2;
        let queue = self.queue_mut(origin);
        let has_rows = queue.pending > queue.window.len() as u64 && queue.edge.is_some();
        if has_rows && queue.is_open && queue.refill == Refill::No && queue.window.len() <= low {
            queue.refill = Refill::Wanted;
            self.hungry.push_back(origin);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::engine::frontier::{AddressLimits, MAX_WINDOW, MAX_WINDOWS};

    /// What is read of a queue with many rows, beside so many hosts of one row each.
    fn read_beside(hosts: usize, are_done: bool) -> usize {
        let limits = AddressLimits { in_flight: 4, gap: Duration::ZERO };
        let mut frontier = Frontier::new(1, limits);
        let mut add = |rows| {
            let server = frontier.add_server(Duration::ZERO, Instant::now());
            frontier.add_origin(server, rows)
        };
        let large = add(100_000);
        let small: Vec<_> = (0..hosts).map(|_| add(1)).collect();
        for host in small.into_iter().filter(|_| are_done) {
            frontier.withdraw(host);
        }
        frontier.set_open(large, true);
        frontier.next_refill().expect("all its rows are on disk").limit as usize
    }

    #[test]
    fn memory_is_shared_by_the_hosts_that_have_something_pending() {
        assert_eq!(read_beside(99, false), MAX_WINDOWS / 100);
        assert_eq!(read_beside(9_999, false), MAX_WINDOWS / 10_000);
        assert_eq!(read_beside(9_999, true), MAX_WINDOW);
    }
}
