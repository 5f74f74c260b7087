//! Is a URL of a trap, and is the trap a new one?

use super::record::{Candidate, Kind, Moment, PageRecord, Record};
use super::{Action, Engine};
use crate::canonical::CanonicalUrl;
use crate::refusal::{Reason, Refusal};
use crate::traps::Trap;

impl Engine {
    /// What stands against a page that was met, if it is of a trap. Each URL is
    /// judged once, when nothing else is against it.
    pub(super) fn judge_trap(&mut self, url: &CanonicalUrl, now: Moment) -> Option<Refusal> {
        let trap = self.traps.as_mut()?.judge(url)?;
        Some(self.note_trap(url, trap, now))
    }

    /// What stands against a page that waits, if a trap was found meanwhile, or when the
    /// URLs of the file were loaded.
    pub(super) fn trap_of(&mut self, candidate: &Candidate, now: Moment) -> Option<Refusal> {
        let traps = self.traps.as_ref().filter(|_| candidate.kind == Kind::Page)?;
        let trap = traps.parked(&candidate.url)?.clone();
        Some(self.note_trap(&candidate.url, trap, now))
    }

    /// Looks whether the content of a page shows a trap.
    pub(super) fn judge_content(&mut self, url: &CanonicalUrl, page: &PageRecord, now: Moment) {
        if let Some(traps) = &mut self.traps
            && let Some(trap) = traps.content(url, &page.content_hash)
        {
            self.note_trap(url, trap, now);
        }
    }

    fn note_trap(&mut self, url: &CanonicalUrl, trap: Trap, now: Moment) -> Refusal {
        let refusal = Refusal::new(Reason::Trap, trap.pattern.clone());
        if self.noted_traps.insert(trap.pattern.clone()) {
            let host = url.server().into();
            self.actions.push(Action::Write(Record::Trap { host, trap, at: now.unix_ms }));
        }
        refusal
    }
}
