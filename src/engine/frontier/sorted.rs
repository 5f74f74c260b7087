//! Which candidate of a window is the first, and which lie from a place on?

use std::collections::VecDeque;

use super::Key;
use crate::engine::record::Candidate;

/// Candidates in the order of their places. Most come last and leave first, and of many
/// hosts most have one: so this is a queue, not a tree, whose smallest node has room for
/// eleven.
#[derive(Debug, Default)]
pub(super) struct Sorted(VecDeque<Box<Candidate>>);

fn key(candidate: &Candidate) -> Key {
    (candidate.depth, candidate.id)
}

impl Sorted {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The place of the candidate that so many precede.
    pub(super) fn key(&self, at: usize) -> Option<Key> {
        self.0.get(at).map(|candidate| key(candidate))
    }

    pub(super) fn last_key(&self) -> Option<Key> {
        self.0.back().map(|candidate| key(candidate))
    }

    /// Adds a candidate whose place is free.
    pub(super) fn insert(&mut self, candidate: Candidate) {
        let place = key(&candidate);
        let at = if self.last_key() < Some(place) { self.0.len() } else { self.before(place) };
        self.0.insert(at, Box::new(candidate));
    }

    pub(super) fn pop_first(&mut self) -> Option<Candidate> {
        let first = self.0.pop_front()?;
        self.give_back();
        Some(*first)
    }

    pub(super) fn remove(&mut self, place: Key) -> Option<Candidate> {
        let at = self.before(place);
        if self.key(at) != Some(place) {
            return None;
        }
        let candidate = self.0.remove(at)?;
        self.give_back();
        Some(*candidate)
    }

    /// Takes out all candidates from `edge` on.
    pub(super) fn split_off(&mut self, edge: Key) -> impl Iterator<Item = Candidate> + use<> {
        let rest = self.0.split_off(self.before(edge));
        self.give_back();
        rest.into_iter().map(|candidate| *candidate)
    }

    /// How many lie before a place.
    fn before(&self, place: Key) -> usize {
        self.0.partition_point(|candidate| key(candidate) < place)
    }

    /// Of a queue that was emptied the memory is not kept.
    fn give_back(&mut self) {
        if self.0.is_empty() {
            self.0 = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::CanonicalUrl;
    use crate::engine::record::{Depth, Kind, OriginId, ServerId, UrlId};

    fn candidate(depth: u16, id: u32) -> Candidate {
        Candidate {
            id: UrlId(id),
            url: CanonicalUrl::from_stored("https://example.org/".to_owned()),
            origin: OriginId(1),
            server: ServerId(0),
            kind: Kind::Page,
            depth: Depth::new(depth),
            hops: 0,
            attempts: 0,
            revisit: false,
        }
    }

    #[test]
    fn candidates_stand_by_depth_and_id_however_they_come() {
        let mut sorted = Sorted::default();
        for (depth, id) in [(1, 5), (0, 9), (2, 1), (1, 3), (1, 4), (0, 2)] {
            sorted.insert(candidate(depth, id));
        }
        let key = |depth, id| (Depth::new(depth), UrlId(id));
        assert_eq!((sorted.len(), sorted.key(2)), (6, Some(key(1, 3))));
        assert_eq!(sorted.last_key(), Some(key(2, 1)));
        assert!(sorted.remove(key(1, 9)).is_none());
        assert_eq!(sorted.remove(key(1, 4)).map(|it| it.id), Some(UrlId(4)));
        let rest: Vec<_> = sorted.split_off(key(1, 4)).map(|it| it.id.0).collect();
        assert_eq!(rest, [5, 1]);
        let first: Vec<_> = std::iter::from_fn(|| sorted.pop_first()).map(|it| it.id.0).collect();
        assert_eq!((first, sorted.is_empty()), (vec![2, 9, 3], true));
    }
}
