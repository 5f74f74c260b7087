//! Which origins of one server show the same pages?
//!
//! www and the bare name, http and https: where they serve the same without
//! redirecting, a crawl of both would fetch every page twice. The first pages of
//! each server are remembered; once [`MIN_ALIKE`] of them are the same at two of
//! its origins, and none differs, the later origin is a mirror: its URLs are set
//! aside, and each stands for the one at the origin it mirrors.

use std::collections::HashMap;

use super::record::{Candidate, Kind, OriginId, PageRecord, Record};
use super::{Action, Engine};
use crate::canonical::CanonicalUrl;
use crate::hash::ContentHash;
use crate::refusal::{Reason, Refusal};

/// Pages of a server that are remembered, and of one that has a single origin so far.
const MAX_SAMPLES: usize = 32;
const MAX_SINGLE: usize = 8;
/// Pages that must be the same.
const MIN_ALIKE: u32 = 2;
/// Bits in which the fingerprints of nearly the same texts differ at most.
const NEAR_BITS: u32 = 3;

/// What is remembered of the pages of all servers.
#[derive(Debug, Default)]
pub(super) struct Twins {
    /// By server.
    samples: HashMap<u32, Vec<Sample>>,
    /// Pages alike and different, by the earlier and the later origin.
    counts: HashMap<(OriginId, OriginId), (u32, u32)>,
}

#[derive(Debug)]
struct Sample {
    /// Hash of path and query.
    path: u64,
    origin: OriginId,
    /// The first bytes of the content hash.
    content: u64,
    simhash: Option<u64>,
}

impl Sample {
    fn is_like(&self, other: &Self) -> bool {
        let near = |a: u64, b: u64| (a ^ b).count_ones() <= NEAR_BITS;
        self.content == other.content
            || self.simhash.zip(other.simhash).is_some_and(|(a, b)| near(a, b))
    }
}

impl Twins {
    /// Takes a page in; the earlier and the later origin if they are twins by now.
    fn add(&mut self, server: u32, sample: Sample) -> Option<(OriginId, OriginId)> {
        let samples = self.samples.entry(server).or_default();
        let mut twins = None;
        for other in samples
            .iter()
            .filter(|other| other.origin != sample.origin && other.path == sample.path)
        {
            let pair = (other.origin.min(sample.origin), other.origin.max(sample.origin));
            let (alike, different) = self.counts.entry(pair).or_default();
            *(if sample.is_like(other) { &mut *alike } else { &mut *different }) += 1;
            twins = twins.or((*alike >= MIN_ALIKE && *different == 0).then_some(pair));
        }
        let is_single = samples.iter().all(|other| other.origin == sample.origin);
        if samples.len() < if is_single { MAX_SINGLE } else { MAX_SAMPLES } {
            samples.reserve_exact(1); // of most servers one page or two come
            samples.push(sample);
        }
        twins
    }
}

fn first_bytes(hash: &ContentHash) -> u64 {
    u64::from_le_bytes(*hash.0.first_chunk().expect("8 of 32 bytes"))
}

impl Engine {
    /// Looks whether a page shows that its origin mirrors another.
    pub(super) fn compare_twins(&mut self, candidate: &Candidate, page: &PageRecord) {
        if self.settings.mirrors || candidate.kind != Kind::Page {
            return;
        }
        let sample = Sample {
            path: first_bytes(&ContentHash::of(candidate.url.path_and_query().as_bytes())),
            origin: candidate.origin,
            content: first_bytes(&page.content_hash),
            simhash: page.simhash,
        };
        let Some((earlier, later)) = self.twins.add(candidate.server.0, sample) else { return };
        let is_seeds = |origin| self.seed_origins.contains(&origin);
        let (mirror, original) = if is_seeds(later) { (earlier, later) } else { (later, earlier) };
        if !is_seeds(mirror) && self.origins.mirrored(mirror).is_none() {
            self.set_mirror(mirror, original);
            self.actions.push(Action::Write(Record::Mirror(mirror, original)));
        }
    }

    /// Nothing of an origin is fetched any more, because another shows the same.
    pub(super) fn set_mirror(&mut self, mirror: OriginId, original: OriginId) {
        let detail = format!("the same pages as {}", self.origins.name(original));
        self.origins.set_mirror(mirror, original, Refusal::new(Reason::Mirror, detail));
        self.frontier.set_open(mirror, true);
    }

    /// The URL at the origin that a mirror shows the same pages as.
    pub(super) fn twin_of(&self, origin: OriginId, url: &CanonicalUrl) -> Option<CanonicalUrl> {
        let original = self.origins.name(self.origins.mirrored(origin)?);
        Some(CanonicalUrl::from_stored(format!("{original}{}", url.path_and_query())))
    }
}
