//! A candidate leaves its queue: may it start now?

use super::meet::Source;
use super::record::{Candidate, Depth, Kind, Moment, Record};
use super::{Action, Engine, Finish};
use crate::refusal::{Reason, Refusal};

impl Engine {
    /// A queued URL is judged once more when it leaves the queue: rules may have
    /// come or gone since. A refused one costs no start.
    pub(super) fn judge_again(&mut self, candidate: Candidate, now: Moment) -> Option<Candidate> {
        if candidate.kind == Kind::Robots {
            return Some(candidate);
        }
        if self.lacks_rules(&candidate, now) {
            self.frontier.set_open(candidate.origin, false);
            self.ask_rules(candidate.origin, now);
            if let Some(candidate) = self.suspects.put_back(candidate) {
                self.frontier.push(candidate);
            }
            return None;
        }
        let mut verdict = self.belongs(&candidate);
        verdict = verdict
            .and_then(|()| self.origins.judge(candidate.origin, candidate.kind, &candidate.url));
        let is_new_page = candidate.kind == Kind::Page && candidate.attempts == 0;
        if is_new_page && verdict.is_ok() {
            verdict = self.trap_of(&candidate, now).map_or(Ok(()), Err);
            verdict = verdict.and_then(|()| self.budgets.judge(&candidate.url));
        }
        if let Err(refusal) = verdict {
            self.suspects.refused(candidate.id);
            self.refuse(candidate, refusal, now);
            return None;
        }
        if is_new_page {
            if self.settings.limits.pages.is_some_and(|limit| self.pages >= limit) {
                self.frontier.push(candidate);
                self.stopping = Some(Finish::Pages);
                return None;
            }
            self.pages += 1;
            self.budgets.count(&candidate.url);
        }
        Some(candidate)
    }

    /// Whether a candidate needs leave of a robots.txt that is not known.
    pub(super) fn lacks_rules(&self, candidate: &Candidate, now: Moment) -> bool {
        self.settings.politeness.robots
            && candidate.kind.obeys_robots()
            && !self.origins.is_known(candidate.origin, now.at)
    }

    /// Whether a row of an earlier run still lies in the scope.
    fn belongs(&self, candidate: &Candidate) -> Result<(), Refusal> {
        match candidate.kind {
            Kind::Page | Kind::Asset => self.scope.judge(&candidate.url),
            Kind::Sitemap => self.is_of_strangers(&candidate.url).map_or(Ok(()), Err),
            Kind::Robots | Kind::External => Ok(()),
        }
    }

    /// A candidate is not to be fetched after all. One of a mirror stands for another.
    pub(super) fn refuse(&mut self, candidate: Candidate, refusal: Refusal, now: Moment) {
        let depth = self.depth_of(&candidate);
        let Candidate { id, url, origin, kind, hops, .. } = candidate;
        self.known.set_taken(id, true);
        if refusal.reason == Reason::Mirror {
            // Before the refusal: if the process dies between the two, it is refused again.
            self.meet_twin(origin, &url, kind, Source { id: Some(id), depth, hops }, now);
        }
        // It may have been met just now.
        self.flush_met();
        self.write_nearer();
        self.actions.push(Action::Write(Record::Refused(id, refusal)));
    }

    pub(super) fn start(&mut self, candidate: Candidate, now: Moment) {
        if let Some(rate) = &mut self.rate {
            rate.start();
        }
        if candidate.kind != Kind::Robots {
            self.known.set_taken(candidate.id, true);
        }
        self.in_flight += 1;
        self.frontier.start(candidate.server, now.at);
        self.flush_met();
        self.actions.push(Action::Start(candidate));
    }
}

/// What stands against a page at `depth` where `limit` links are allowed.
pub fn too_deep(depth: Depth, limit: u16) -> Option<Refusal> {
    if depth == Depth::NONE {
        return Some(Refusal::new(
            Reason::Depth,
            format!("no way from a seed is known, limit {limit}"),
        ));
    }
    (depth.rank() > limit)
        .then(|| Refusal::new(Reason::Depth, format!("depth {} > {limit}", depth.rank())))
}
