//! Which URLs may have ended the process, and are they alone now?
//!
//! After an unclean end the URLs that were in flight are visited before all
//! others, one at a time and nothing beside them, so that the next crash, if
//! there is one, names its URL.
//!
//! waiting → (its rules are known) queued as urgent → visited

use std::collections::VecDeque;

use super::Engine;
use super::record::{Candidate, Moment, PendingRow, UrlId};

/// Suspects that have not been visited yet.
#[derive(Debug, Default)]
pub(super) struct Suspects {
    waiting: VecDeque<Candidate>,
    out: Option<UrlId>,
    /// Whether the record of the last one is not known to be on disk yet: until
    /// then the next crash would name it too.
    is_settling: bool,
}

impl Suspects {
    /// Whether only a suspect, or the robots.txt it needs, may start.
    pub(super) fn is_active(&self) -> bool {
        self.out.is_some() || self.is_settling || !self.waiting.is_empty()
    }

    /// Whether the writer is still to say that a suspect's record is on disk.
    pub(super) fn is_settling(&self) -> bool {
        self.is_settling
    }

    /// The record of the last suspect is on disk.
    pub(super) fn settled(&mut self) {
        self.is_settling = false;
    }

    /// How many have not been visited.
    pub(super) fn len(&self) -> usize {
        self.waiting.len() + usize::from(self.out.is_some())
    }

    /// Takes back a suspect that may not start after all; any other is returned.
    pub(super) fn put_back(&mut self, candidate: Candidate) -> Option<Candidate> {
        if self.out != Some(candidate.id) {
            return Some(candidate);
        }
        self.out = None;
        self.waiting.push_front(candidate);
        None
    }

    /// This URL will have no visit.
    pub(super) fn refused(&mut self, id: UrlId) {
        self.out.take_if(|out| *out == id);
    }

    /// A visit of this URL ended; whether it was a suspect, whose record is to be awaited.
    pub(super) fn visited(&mut self, id: UrlId) -> bool {
        let was_out = self.out.take_if(|out| *out == id).is_some();
        self.is_settling |= was_out;
        was_out
    }
}

impl Engine {
    pub(super) fn load_suspect(&mut self, row: PendingRow) {
        let origin = self.origins.id(row.url.origin()).expect("a pending URL has an origin");
        let candidate = self.candidate(row, origin);
        self.known.set_taken(candidate.id, true);
        if candidate.kind.obeys_robots() {
            self.unasked.push(origin);
        }
        self.suspects.waiting.push_back(candidate);
    }

    /// Brings the next suspect on its way, if none is.
    pub(super) fn advance_suspects(&mut self, now: Moment) {
        while self.suspects.out.is_none() && !self.suspects.is_settling {
            let Some(candidate) = self.suspects.waiting.front() else { return };
            let origin = candidate.origin;
            let lacks_rules = self.lacks_rules(candidate, now);
            // Its server may have been parked since another of its suspects was visited.
            let is_parked = self.frontier.is_parked(origin);
            if lacks_rules && !is_parked && !self.origins.is_unreachable(origin) {
                return self.ask_rules(origin, now);
            }
            let candidate = self.suspects.waiting.pop_front().expect("it is the front");
            if lacks_rules || is_parked {
                self.known.set_taken(candidate.id, false);
                self.frontier.push(candidate);
            } else if let Err(refusal) = self.origins.judge(origin, candidate.kind, &candidate.url)
            {
                self.refuse(candidate, refusal, now);
            } else {
                self.suspects.out = Some(candidate.id);
                self.frontier.push_urgent(candidate);
            }
        }
    }
}
