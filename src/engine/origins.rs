//! What do we know of each origin's robots.txt, and what follows from it?
//!
//! An origin is unknown → asked → has rules, or is unreachable until a time and
//! asked again, or parked. Its URLs wait in the frontier until there are rules.
//! RFC 9309 section 2.3.1: 4xx allows all, 5xx and no answer allow nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::names::Names;
use super::record::{Kind, OriginId};
use crate::canonical::CanonicalUrl;
use crate::refusal::{Reason, Refusal};
use crate::robots::{Rules, Verdict};

/// How long rules are believed (RFC 9309 section 2.4).
const RULES_LAST: Duration = Duration::from_hours(24);
/// The waits before robots.txt is asked for again; after the last the origin is parked.
const RETRY_AFTER: [Duration; 3] =
    [Duration::from_secs(10), Duration::from_secs(30), Duration::from_secs(90)];
/// When it is asked for again while no host at all can be reached.
const NETWORK_RETRY_AFTER: Duration = Duration::from_secs(30);

/// Sitemaps read of one origin.
const MAX_SITEMAPS: u16 = 500;

/// What an origin's robots.txt lets us do.
#[derive(Debug)]
enum Access {
    Unknown,
    Asked {
        tries: usize,
    },
    Rules {
        rules: Arc<Rules>,
        until: Instant,
    },
    Unreachable {
        tries: usize,
        until: Instant,
    },
    Parked,
    /// Nothing of it may be fetched, for a reason of its own.
    Refused(Refusal),
}

/// All origins met as candidates'.
#[derive(Debug, Default)]
pub(super) struct Origins {
    names: Names,
    /// By id, which counts from 1.
    origins: Vec<Origin>,
    /// Unreachable ones, by when they are asked again.
    retries: BTreeSet<(Instant, OriginId)>,
}

#[derive(Debug)]
struct Origin {
    sitemaps: u16,
    /// Whether the sitemaps that its rules name were met in this run.
    is_read: bool,
    access: Access,
    /// The origin whose pages it shows, too.
    mirrors: Option<OriginId>,
}

/// What to do about an origin that gave no rules.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unreachable {
    /// Ask again then.
    RetryAt(Instant),
    /// Leave its URLs for a resume.
    Park,
}

impl Origins {
    pub(super) fn id(&self, name: &str) -> Option<OriginId> {
        self.names.number(name).map(|number| OriginId(number + 1))
    }

    pub(super) fn add(&mut self, name: &str, id: OriginId) {
        self.names.add(name);
        self.origins.push(Origin {
            sitemaps: 0,
            is_read: false,
            access: Access::Unknown,
            mirrors: None,
        });
        debug_assert_eq!(
            self.origins.len(),
            id.0 as usize,
            "origins come in the order of their ids"
        );
    }

    pub(super) fn name(&self, id: OriginId) -> &str {
        self.names.name(id.0 - 1)
    }

    /// Asks for an origin's rules unless that is done; true if it is to be done now.
    pub(super) fn ask(&mut self, id: OriginId, now: Instant) -> bool {
        let access = self.access_mut(id);
        let tries = match access {
            Access::Unknown => 0,
            Access::Rules { until, .. } if *until <= now => 0,
            Access::Unreachable { tries, until } if *until <= now => *tries,
            _ => return false,
        };
        *access = Access::Asked { tries };
        true
    }

    /// The rules came, `age` ago.
    pub(super) fn set_rules(
        &mut self,
        id: OriginId,
        rules: Arc<Rules>,
        now: Instant,
        age: Duration,
    ) {
        *self.access_mut(id) = Access::Rules { rules, until: now + RULES_LAST.saturating_sub(age) };
    }

    /// No rules came. What says nothing of the origin, because nobody can be reached, is
    /// no try that `counts`.
    pub(super) fn set_unreachable(
        &mut self,
        id: OriginId,
        now: Instant,
        counts: bool,
    ) -> Unreachable {
        let access = self.access_mut(id);
        let tries = match access {
            Access::Asked { tries } | Access::Unreachable { tries, .. } => *tries,
            _ => 0,
        };
        let wait = if counts { RETRY_AFTER.get(tries) } else { Some(&NETWORK_RETRY_AFTER) };
        if let Some(wait) = wait {
            let until = now + *wait;
            *access = Access::Unreachable { tries: tries + usize::from(counts), until };
            self.retries.insert((until, id));
            Unreachable::RetryAt(until)
        } else {
            *access = Access::Parked;
            Unreachable::Park
        }
    }

    /// Nothing of this origin is to be fetched.
    pub(super) fn refuse(&mut self, id: OriginId, refusal: Refusal) {
        *self.access_mut(id) = Access::Refused(refusal);
    }

    /// This origin shows the pages of another.
    pub(super) fn set_mirror(&mut self, id: OriginId, original: OriginId, refusal: Refusal) {
        self.origins[id.0 as usize - 1].mirrors = Some(original);
        self.refuse(id, refusal);
    }

    /// The origin whose pages this one shows, if it does.
    pub(super) fn mirrored(&self, id: OriginId) -> Option<OriginId> {
        self.origins[id.0 as usize - 1].mirrors
    }

    /// An origin that is to be asked again by now; called until it gives none.
    pub(super) fn next_due(&mut self, now: Instant) -> Option<OriginId> {
        let (until, id) = *self.retries.first()?;
        (until <= now).then(|| {
            self.retries.pop_first();
            id
        })
    }

    /// The next origin that is to be asked again, and when.
    pub(super) fn next_retry(&self) -> Option<(Instant, OriginId)> {
        self.retries.first().copied()
    }

    /// Whether there are rules, or a refusal, so that its URLs can be judged.
    pub(super) fn is_known(&self, id: OriginId, now: Instant) -> bool {
        match self.access(id) {
            Access::Rules { until, .. } => *until > now,
            Access::Refused(_) => true,
            _ => false,
        }
    }

    /// Whether no rules came when they were asked for last.
    pub(super) fn is_unreachable(&self, id: OriginId) -> bool {
        matches!(self.access(id), Access::Unreachable { .. } | Access::Parked)
    }

    /// Whether there are origins, and none has given rules or may still.
    pub(super) fn is_hopeless(&self) -> bool {
        let gave_none =
            |origin: &Origin| matches!(origin.access, Access::Unreachable { .. } | Access::Parked);
        !self.origins.is_empty() && self.origins.iter().all(gave_none)
    }

    /// The rules of an origin if their sitemaps were not met in this run; given once.
    pub(super) fn unread(&mut self, id: OriginId) -> Option<Arc<Rules>> {
        let origin = &mut self.origins[id.0 as usize - 1];
        let Access::Rules { rules, .. } = &origin.access else { return None };
        (!std::mem::replace(&mut origin.is_read, true)).then(|| Arc::clone(rules))
    }

    /// Counts a sitemap of an origin, if it may have another.
    pub(super) fn count_sitemap(&mut self, id: OriginId) -> Result<(), Refusal> {
        let sitemaps = &mut self.origins[id.0 as usize - 1].sitemaps;
        if *sitemaps >= MAX_SITEMAPS {
            return Err(Refusal::new(
                Reason::Sitemaps,
                format!("more than {MAX_SITEMAPS} sitemaps"),
            ));
        }
        *sitemaps += 1;
        Ok(())
    }

    /// What robots.txt says of a URL, if it is asked about such; `Ok` also while it is not
    /// known.
    pub(super) fn judge(
        &self,
        id: OriginId,
        kind: Kind,
        url: &CanonicalUrl,
    ) -> Result<(), Refusal> {
        if !kind.obeys_robots() {
            return Ok(());
        }
        match self.access(id) {
            Access::Rules { rules, .. } => match rules.verdict(url.path_and_query()) {
                Verdict::Allowed => Ok(()),
                Verdict::Disallowed { line, rule } => {
                    Err(Refusal::new(Reason::Robots, format!("line {line}: {rule}")))
                }
            },
            Access::Refused(refusal) => Err(refusal.clone()),
            _ => Ok(()),
        }
    }

    fn access(&self, id: OriginId) -> &Access {
        &self.origins[id.0 as usize - 1].access
    }

    fn access_mut(&mut self, id: OriginId) -> &mut Access {
        &mut self.origins[id.0 as usize - 1].access
    }
}
