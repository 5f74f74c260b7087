//! Into which pieces does a URL fall, as the rules look at it?

use std::ops::Deref;

use crate::canonical::CanonicalUrl;

/// Segments of a path that are looked at. One more and the path is a trap by its
/// length alone: of 136 000 URLs from the wild one has more than 25, and it is one
/// that grows. The rules compare every segment with every other.
pub(super) const MAX_SEGMENTS: usize = 40;
/// Parameters of a query that are looked at; the rest is ignored.
const MAX_PAIRS: usize = 32;

/// A URL in pieces.
pub(super) struct Parts<'a> {
    /// Scheme, host and path.
    pub(super) before_query: &'a str,
    /// Scheme and host.
    pub(super) origin: &'a str,
    /// The host without `www.`: patterns are kept by it.
    pub(super) server: &'a str,
    /// From the first slash to the query.
    pub(super) path: &'a str,
    /// The path between its slashes; the last is empty if it ends in one.
    pub(super) segments: Segments<'a>,
    /// What follows the question mark.
    pub(super) query: Option<&'a str>,
    pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Parts<'a> {
    pub(super) fn of(url: &'a CanonicalUrl) -> Self {
        let text = url.as_str();
        let (before_query, query) = match text.split_once('?') {
            Some((before, query)) => (before, Some(query)),
            None => (text, None),
        };
        let origin = url.origin();
        let path = &before_query[origin.len()..];
        let segments = Segments::of(path);
        let pairs = query.map(pairs).unwrap_or_default();
        Self { before_query, origin, server: url.server(), path, segments, query, pairs }
    }

    /// The parameters as name and value. Only `&` parts them: where `;` does too
    /// (gitweb), they are one, and `&amp;` in a link makes odd names, but no more of them.
    pub(super) fn pairs(&self) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> {
        self.pairs.iter().copied()
    }

    /// Whether the path or the query has this character.
    pub(super) fn has(&self, ascii: u8) -> bool {
        let has = |text: &str| text.as_bytes().contains(&ascii);
        has(self.path) || self.query.is_some_and(has)
    }
}

fn pairs(query: &str) -> Vec<(&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty()).take(MAX_PAIRS);
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect()
}

/// The segments of a path: [`MAX_SEGMENTS`] and one more.
pub(super) struct Segments<'a> {
    list: [&'a str; MAX_SEGMENTS + 1],
    len: usize,
}

impl<'a> Segments<'a> {
    fn of(path: &'a str) -> Self {
        let mut segments = Self { list: [""; MAX_SEGMENTS + 1], len: 0 };
        let after_slash = path.strip_prefix('/').unwrap_or(path);
        for (place, segment) in segments.list.iter_mut().zip(after_slash.split('/')) {
            *place = segment;
            segments.len += 1;
        }
        segments
    }

    /// The segments without the empty one that a slash at the end makes.
    pub(super) fn names(&self) -> &[&'a str] {
        self.strip_suffix(&[""]).unwrap_or(self)
    }
}

impl<'a> Deref for Segments<'a> {
    type Target = [&'a str];

    fn deref(&self) -> &Self::Target {
        &self.list[..self.len]
    }
}
