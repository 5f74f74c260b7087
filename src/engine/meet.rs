//! A URL was met: is it new, may it be fetched, and is it nearer than we thought?

use std::collections::BTreeSet;
use std::sync::Arc;

use super::answer::retry_wait;
use super::known::Meeting;
use super::record::{
    Candidate, Depth, Discovery, Found, FoundBy, Kind, Moment, NearerRow, OriginId, PendingRow,
    Record, Reply, Standing, UrlId,
};
use super::{Action, Engine, too_deep};
use crate::canonical::CanonicalUrl;
use crate::refusal::{Reason, Refusal};

/// Redirects in a row that are followed.
const MAX_HOPS: u8 = 10;
/// Sitemap indexes above a sitemap that are read.
const MAX_SITEMAP_LEVELS: u16 = 3;

/// Where a URL was found.
#[derive(Clone, Copy)]
pub(super) struct Source {
    pub(super) id: Option<UrlId>,
    /// The depth of what is found.
    pub(super) depth: Depth,
    pub(super) hops: u8,
}

impl Source {
    /// What a visit of a URL at `depth` finds, `by` which way.
    pub(super) fn of_visit(id: UrlId, depth: Depth, hops: u8, by: FoundBy) -> Self {
        match by {
            FoundBy::Link => Self { id: Some(id), depth: depth.next(), hops: 0 },
            FoundBy::Redirect => Self { id: Some(id), depth, hops: hops.saturating_add(1) },
            FoundBy::Sitemap => Self { id: Some(id), depth: Depth::NONE, hops: 0 },
        }
    }
}

impl Engine {
    /// The seeds are met before anything is fetched.
    pub(super) fn begin(&mut self, seeds: Vec<CanonicalUrl>, now: Moment) {
        for seed in seeds {
            let (origin, _) = self.origin_of(&seed, now);
            self.seed_origins.push(origin);
            let refusal = self.scope.judge(&seed).err();
            self.meet_url(
                &seed,
                Kind::Page,
                refusal,
                Source { id: None, depth: Depth::new(0), hops: 0 },
                now,
            );
        }
        self.read_known_rules(now);
        self.flush_met();
    }

    /// Meets a URL that the engine itself came upon.
    pub(super) fn meet_url(
        &mut self,
        url: &CanonicalUrl,
        kind: Kind,
        refusal: Option<Refusal>,
        source: Source,
        now: Moment,
    ) -> UrlId {
        let hash = self.hasher.hash(url.as_str());
        self.meet(&Found { text: url.text(), hash, kind, by: FoundBy::Link, refusal }, source, now)
    }

    /// Meets a URL: a new one is judged and queued, one met before may be
    /// released or come nearer.
    pub(super) fn meet(&mut self, found: &Found, source: Source, now: Moment) -> UrlId {
        let (id, meeting) = self.known.meet(found.hash);
        if meeting == Meeting::Again {
            self.meet_again(id, found, source, now);
        } else {
            let new = (meeting == Meeting::New).then(|| (Arc::clone(&found.text), found.hash));
            let verdict = self.judge(found, source, now);
            self.settle_met(id, new, found, source, verdict, now);
        }
        id
    }

    fn meet_again(&mut self, id: UrlId, found: &Found, source: Source, now: Moment) {
        let rank = self.known.link_rank(id);
        if let Some(refusal) = &found.refusal {
            if rank > 0 && refusal.reason.link_rank() > rank {
                let verdict = (Some(refusal.clone()), None);
                self.settle_met(id, None, found, source, verdict, now);
            }
            return;
        }
        // A link to a page brings nearer, also what was met as a part of one before.
        let is_link = matches!(found.kind, Kind::Page | Kind::External);
        let is_nearer = is_link && source.depth < self.known.depth(id);
        if rank == 0 {
            if is_nearer {
                self.come_nearer(id, source.depth, source.id);
            }
            return;
        }
        let known = if found.kind.has_depth() { self.known.depth(id) } else { Depth::NONE };
        let source = Source { depth: source.depth.min(known), ..source };
        let verdict = self.judge(found, source, now);
        // What lies in the URL itself is as final as nothing.
        let new_rank = verdict.0.as_ref().map_or(0, |refusal| refusal.reason.link_rank());
        if new_rank == 0 || new_rank > rank || is_nearer {
            self.settle_met(id, None, found, source, verdict, now);
        }
    }

    /// Says where a URL stands and queues it if nothing is against it.
    fn settle_met(
        &mut self,
        id: UrlId,
        new: Option<(Arc<str>, crate::hash::UrlHash)>,
        found: &Found,
        source: Source,
        (refusal, place): (Option<Refusal>, Option<OriginId>),
        now: Moment,
    ) {
        let revisit = new.is_none();
        self.known
            .set_link_rank(id, refusal.as_ref().map_or(0, |refusal| refusal.reason.link_rank()));
        // A link that is not followed is no way from a seed; a sitemap is not nearer by any.
        let depth = match (&found.refusal, found.kind) {
            (Some(_), _) => Depth::NONE,
            (None, kind) if kind.has_depth() => source.depth,
            (None, _) => Depth::new(0),
        };
        self.known.set_depth(id, depth);
        let against = refusal.as_ref().map(|refusal| refusal.reason);
        self.met.urls.push(Discovery {
            id,
            new,
            standing: Some(Standing {
                refusal,
                kind: found.kind,
                depth: source.depth,
                found_on: source.id,
                hops: source.hops,
                origin: place,
            }),
        });
        let Some(origin) = place else { return };
        let url = CanonicalUrl::from_stored(Arc::clone(&found.text));
        let kind = found.kind;
        if against == Some(Reason::Mirror) {
            self.meet_twin(origin, &url, kind, Source { id: Some(id), ..source }, now);
        } else if against.is_none() {
            let server = self.frontier.server_of(origin);
            let Source { depth, hops, .. } = source;
            let attempts = 0;
            self.frontier.push(Candidate {
                id,
                url,
                origin,
                server,
                kind,
                depth,
                hops,
                attempts,
                revisit,
            });
        }
        // A known robots.txt is read for its sitemaps even if it disallows all the rest.
        if against.is_none_or(|reason| reason == Reason::Robots) {
            self.await_rules(origin, kind, now);
        }
    }

    /// A URL of an origin may be fetched, perhaps once its robots.txt is known.
    fn await_rules(&mut self, origin: OriginId, kind: Kind, now: Moment) {
        if kind.obeys_robots() {
            self.ask_rules(origin, now);
        } else {
            self.frontier.set_open(origin, true);
        }
    }

    /// Meets what the URL of a mirror stands for.
    pub(super) fn meet_twin(
        &mut self,
        mirror: OriginId,
        url: &CanonicalUrl,
        kind: Kind,
        source: Source,
        now: Moment,
    ) {
        if let Some(twin) = self.twin_of(mirror, url) {
            // A sitemap is judged as one.
            let refusal = self.scope.judge(&twin).err().filter(|_| kind != Kind::Sitemap);
            self.meet_url(&twin, kind, refusal, source, now);
        }
    }

    /// What is against fetching a URL, if anything, and its origin if it has one.
    fn judge(
        &mut self,
        found: &Found,
        source: Source,
        now: Moment,
    ) -> (Option<Refusal>, Option<OriginId>) {
        if let Some(refusal) = &found.refusal {
            return (Some(refusal.clone()), None);
        }
        let url = CanonicalUrl::from_stored(Arc::clone(&found.text));
        if found.kind == Kind::Sitemap
            && let Some(refusal) = self.is_of_strangers(&url)
        {
            return (Some(refusal), None);
        }
        let (origin, _) = self.origin_of(&url, now);
        let too_far = match found.kind {
            Kind::Page => {
                self.settings.limits.depth.and_then(|limit| too_deep(source.depth, limit))
            }
            Kind::Sitemap if source.depth.rank() > MAX_SITEMAP_LEVELS => {
                let detail = format!("below {MAX_SITEMAP_LEVELS} sitemap indexes");
                Some(Refusal::new(Reason::Sitemaps, detail))
            }
            Kind::Sitemap => self.origins.count_sitemap(origin).err(),
            Kind::Robots | Kind::Asset | Kind::External => None,
        };
        let too_many_hops = || {
            (source.hops > MAX_HOPS).then(|| {
                Refusal::new(Reason::Redirects, format!("behind {} redirects", source.hops))
            })
        };
        let by_robots = || self.origins.judge(origin, found.kind, &url).err();
        let mut refusal = too_far.or_else(too_many_hops).or_else(by_robots);
        // Seeds, which nobody was led to, are what the user wants.
        if refusal.is_none() && found.kind == Kind::Page && source.id.is_some() {
            refusal = self.judge_trap(&url, now);
        }
        (refusal, Some(origin))
    }

    /// What is against a sitemap: one of the site may lie outside the scope's folder
    /// and patterns, but neither a robots.txt nor a redirect must send us to strangers.
    pub(super) fn is_of_strangers(&self, url: &CanonicalUrl) -> Option<Refusal> {
        self.scope.judge(url).err().filter(|refusal| refusal.reason == Reason::External)
    }

    /// A URL met before is nearer to a seed than it was known to be.
    fn come_nearer(&mut self, id: UrlId, depth: Depth, found_on: Option<UrlId>) {
        self.known.set_depth(id, depth);
        self.frontier.move_to(id, depth);
        self.nearer.push((id, depth, found_on));
    }

    /// The writer answered a question.
    pub(super) fn replied(&mut self, reply: Reply, now: Moment) {
        match reply {
            Reply::Refilled { origin, rows, more } => {
                let end = rows.last().filter(|_| more).map(|row| (row.depth, row.id));
                let mut candidates = Vec::with_capacity(rows.len());
                for row in rows {
                    // What is in memory may be newer than what was read.
                    if !self.known.is_taken(row.id) && !self.frontier.has_in_memory(row.id) {
                        candidates.extend(self.recalled(row, origin, now));
                    }
                }
                self.frontier.refilled(origin, candidates, end);
            }
            Reply::Passed => self.suspects.settled(),
            Reply::Nearer(rows) => {
                self.nearer_out -= 1;
                let mut offered = BTreeSet::new();
                for row in rows {
                    offered.extend(row.owes_an_offer().then_some(row.id));
                    self.came_nearer(row, now);
                }
                // One that a later row brought nearer once more is asked about again, and
                // owes until that is answered.
                for (id, ..) in &self.nearer {
                    offered.remove(id);
                }
                self.read_known_rules(now);
                self.flush_met();
                self.write_nearer();
                if !offered.is_empty() {
                    let offered = offered.into_iter().collect();
                    self.actions.push(Action::Write(Record::Offered(offered)));
                }
            }
        }
    }

    /// A row as a candidate; none if it has to wait for a time of its own.
    fn recalled(&mut self, row: PendingRow, origin: OriginId, now: Moment) -> Option<Candidate> {
        // However the clock was set meanwhile, no wait is longer than it was meant to be.
        let most = retry_wait(row.attempts);
        let wait = row.not_before.and_then(|until| now.instant_at(until, most));
        let candidate = self.candidate(row, origin);
        let Some(until) = wait else { return Some(candidate) };
        self.known.set_taken(candidate.id, true);
        self.frontier.withdraw(origin);
        self.delayed.insert((until, candidate.id), candidate);
        None
    }

    pub(super) fn candidate(&self, row: PendingRow, origin: OriginId) -> Candidate {
        let mut candidate = Candidate {
            depth: row.depth,
            id: row.id,
            url: row.url,
            origin,
            server: self.frontier.server_of(origin),
            kind: row.kind,
            hops: row.hops,
            attempts: row.attempts,
            revisit: row.revisit,
        };
        candidate.depth = self.depth_of(&candidate);
        candidate
    }

    /// The depth at which a candidate stands by now: that of a page may have changed.
    pub(super) fn depth_of(&self, candidate: &Candidate) -> Depth {
        let has_depth = candidate.kind.has_depth();
        if has_depth { self.known.depth(candidate.id) } else { candidate.depth }
    }

    /// What the file has of a URL that came nearer: a pending one moves, what a fetched
    /// one leads to, or one of a mirror stands for, is offered again.
    fn came_nearer(&mut self, row: NearerRow, now: Moment) {
        let depth = self.known.depth(row.id);
        if let Some(pending) = row.pending
            && !self.known.is_taken(row.id)
            && !self.frontier.has_in_memory(row.id)
        {
            let origin =
                self.origins.id(pending.url.origin()).expect("a pending URL has an origin");
            // Left to the rows, it may have been asked for since this one was read.
            if self.frontier.is_before_rows(origin, (depth, row.id))
                && let Some(candidate) = self.recalled(pending, origin, now)
            {
                self.frontier.recall(candidate);
            }
        }
        if let Some(url) = row.mirror
            && let Some(origin) = self.origins.id(url.origin())
        {
            let source = Source { id: Some(row.id), depth, hops: 0 };
            self.meet_twin(origin, &url, Kind::Page, source, now);
        }
        for (target, by, text) in row.leads_to {
            let source = Source::of_visit(row.id, depth, 0, by);
            if source.depth >= self.known.depth(target) {
                continue;
            }
            if let Some(text) = text.filter(|_| self.known.link_rank(target) > 0) {
                let hash = self.hasher.hash(&text);
                let found = Found { text, hash, kind: Kind::Page, by, refusal: None };
                self.meet_again(target, &found, source, now);
            } else {
                self.come_nearer(target, source.depth, source.id);
            }
        }
    }
}
