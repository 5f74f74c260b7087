//! Is the crawl over, and if not, when does something happen again?
//!
//! It is over when nothing is in flight and nothing waits that could start within
//! `max_wait`; or when a limit or the user said so.

use std::time::Instant;

use super::frontier::JITTER;
use super::record::{Moment, ServerId};
use super::{Engine, Finish};

impl Engine {
    /// Stops the crawl if its time or its bytes are used up.
    pub(super) fn check_limits(&mut self, now: Instant) {
        let limits = &self.settings.limits;
        let elapsed = self.elapsed_before + now.saturating_duration_since(self.began);
        let reached = if limits.time.is_some_and(|time| elapsed >= time.0) {
            Some(Finish::Time)
        } else if limits.bytes.is_some_and(|bytes| self.bytes >= bytes.0) {
            Some(Finish::Bytes)
        } else {
            None
        };
        self.stopping = self.stopping.take().or(reached);
    }

    /// When something may happen without anything else happening before.
    pub(super) fn next_wake(&mut self, now: Moment) -> Option<Instant> {
        if self.stopping.is_some() {
            return None;
        }
        let limits = &self.settings.limits;
        let time_limit =
            limits.time.map(|time| self.began + time.0.saturating_sub(self.elapsed_before));
        let turn = self.next_turn(now).map(|(at, _)| at);
        turn.into_iter().chain(time_limit).min()
    }

    /// When something that waits may go on, and of which server it is.
    fn next_turn(&mut self, now: Moment) -> Option<(Instant, ServerId)> {
        let has_room = self.has_room();
        let next_start = self.frontier.next_start().filter(|_| has_room).map(|at| at.max(now.at));
        let next_start =
            next_start.map(|at| self.rate_wait(now.at).map_or(at, |free| at.max(free)));
        let delayed = self.delayed.first_key_value();
        let turns = [
            next_start.zip(self.frontier.next_server()),
            delayed.map(|((at, _), candidate)| (*at, candidate.server)),
            self.origins.next_retry().map(|(at, id)| (at, self.frontier.server_of(id))),
        ];
        turns.into_iter().flatten().min()
    }

    /// Why the crawl is over, if it is. Nothing is in flight.
    pub(super) fn finish(&mut self, now: Moment) -> Option<Finish> {
        if let Some(finish) = self.stopping.take() {
            return Some(finish);
        }
        if !self.any_answer && self.origins.is_hopeless() || self.is_nobody_there() {
            return Some(Finish::NoAnswer);
        }
        let nothing_waits = self.frontier.is_empty()
            && self.delayed.is_empty()
            && self.nearer_out == 0
            && !self.suspects.is_active()
            && self.origins.next_retry().is_none();
        if nothing_waits {
            let is_parked = self.frontier.parked().next().is_some();
            return Some(match is_parked {
                true if self.any_answer => Finish::Parked,
                true => Finish::NoAnswer,
                false => Finish::Finished,
            });
        }
        let asked = self.nearer_out > 0
            || self.lookups > 0
            || self.frontier.is_refilling()
            || self.suspects.is_settling();
        let turn = self.next_turn(now);
        debug_assert!(asked || turn.is_some(), "something waits, and for something");
        let (at, server) = turn.filter(|_| !asked)?;
        let wait = at.saturating_duration_since(now.at);
        // A delay as long as the longest wait is none to give up on.
        if wait <= self.settings.politeness.max_wait.0.saturating_add(JITTER) {
            return None;
        }
        Some(Finish::Waiting { server: self.servers.name(server.0).into(), wait })
    }
}
