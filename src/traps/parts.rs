//! Into which pieces does a URL fall, as the rules look at it?

use std::ops::Deref;

use crate::canonical::CanonicalUrl;

/// Segments of a path that are looked at. One more and the path is a trap by its
/// length alone: the deepest of 100 000 real ones have 17, and the rules compare
/// every segment with every other.
pub(super) const MAX_SEGMENTS: usize = 40;
/// Parameters of a query that are looked at; the rest is ignored.
const MAX_PAIRS: usize = 32;

/// A URL in pieces.
pub(super) struct Parts<'a> {
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
}

impl<'a> Parts<'a> {
    pub(super) fn of(url: &'a CanonicalUrl) -> Self {
        let rest = url.path_and_query();
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        let segments = Segments::of(path);
        Self { origin: url.origin(), server: url.server(), path, segments, query }
    }

    /// The parameters as name and value. Only `&` parts them: where `;` does too
    /// (gitweb), they are one, and `&amp;` in a link makes odd names, but no more of them.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.query
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty())
            .take(MAX_PAIRS)
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
    }
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
