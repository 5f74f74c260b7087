//! Does this URL belong to a pattern that never ends, and what shows it?
//!
//! Pure: no I/O, no clock; the year of the crawl is told. A URL met for the first
//! time goes through [`Traps::judge`], the content of a fetched page through
//! [`Traps::content`]. Whoever asks sets the URL aside with the pattern as detail;
//! nothing is ever dropped, and [`Traps::release`] lets a pattern be for good.
//! Seeds should not be judged.
//!
//! met → judged → passes, or aside under a pattern → released → passes
//!
//! The verdict depends on the URL alone where it can: repeated segments, depth,
//! and, of an endless calendar, which years are fetched. Counts only decide when a
//! pattern is found. Counters take in every URL that is not released, whatever the
//! verdict and what was parked, and forget by order alone. So after a crash, feeding
//! the URLs of the file in the order of their ids, and the contents in the order in
//! which they were fetched, gives the counters that an uninterrupted crawl had; the
//! order of URLs against contents only matters where a server has so many patterns
//! that no more are parked. URLs refused for another reason were not judged and must
//! not be fed.
//!
//! Errs on the side of fetching: numbers of pages never are a trap, session ids and
//! orders of parameters cost no page, and a pattern covers what its evidence shows.
//! All counters together hold at most about 40 MiB, however many URLs and servers
//! there are, and next to nothing on sites without parameters; 10 000 patterns
//! 20 MiB.

mod bounded;
mod calendar;
mod content;
mod date;
mod filters;
mod parts;
mod path;
mod pattern;
mod session;
#[cfg(test)]
mod sites;
#[cfg(test)]
mod tests;

use std::fmt;

use hashbrown::HashMap;

use crate::canonical::CanonicalUrl;
use crate::hash::{ContentHash, UrlHasher};
use bounded::Bounded;
use parts::Parts;
use pattern::{Pattern, Shape};

/// Patterns of one server that look alike, such as cycles of segments: the next is
/// parked for all segments, or paths, if there is such a pattern.
const ALIKE: usize = 8;
/// As many are parked at most; then nothing more of that look.
const MOST_ALIKE: usize = 32;
/// Patterns in all, about 1 KiB each; then only what a URL shows by itself is parked,
/// under patterns of all servers.
const MOST_PATTERNS: usize = 10_000;
/// The longest text of a pattern, in bytes: what is longer is parked under a wider
/// pattern, or not.
const MOST_TEXT_BYTES: usize = 512;
/// Calendars with dates beyond sense that are counted; about 50 bytes each.
const MOST_CALENDARS: usize = 4096;

/// What makes a pattern endless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The same segments, or parameter, again and again in one URL.
    Repeated,
    /// Paths that every page makes longer.
    Growing,
    /// Dates beyond sense, one after the other.
    Calendar,
    /// Pages under ever another session id.
    Session,
    /// The same parameters in ever another order or combination.
    Parameters,
    /// One content under many URLs.
    SameContent,
}

/// All kinds, for lists of them.
pub const KINDS: [Kind; 6] = [
    Kind::Repeated,
    Kind::Growing,
    Kind::Calendar,
    Kind::Session,
    Kind::Parameters,
    Kind::SameContent,
];

impl Kind {
    /// The name that the store keeps: never rename one.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Repeated => "repeated",
            Self::Growing => "growing",
            Self::Calendar => "calendar",
            Self::Session => "session",
            Self::Parameters => "parameters",
            Self::SameContent => "same-content",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        KINDS.into_iter().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A pattern that is parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trap {
    /// Server and what its URLs have in common; see [`matches()`].
    pub pattern: Box<str>,
    /// What makes it endless.
    pub kind: Kind,
    /// What showed it, in words; parts of URLs may be in them.
    pub evidence: Box<str>,
}

/// What a rule found.
struct Finding {
    shape: Shape,
    kind: Kind,
    evidence: String,
}

/// How the URL that is judged differs from one met before.
#[derive(Clone, Copy, Default)]
struct Other {
    session: bool,
    order: bool,
}

/// The patterns that are parked, and what is counted to find more.
pub struct Traps {
    hasher: UrlHasher,
    year: u16,
    parked: HashMap<Box<str>, Vec<(Pattern, Trap)>>,
    parked_count: usize,
    released: Vec<Pattern>,
    calendars: Bounded<calendar::Calendar>,
    growth: path::Growth,
    sessions: session::Sessions,
    queries: filters::Queries,
    contents: content::Contents,
}

impl Traps {
    /// No traps yet. `year` is that in which the crawl began, not that of a resume.
    pub fn new(hasher: UrlHasher, year: u16) -> Self {
        Self {
            hasher,
            year,
            parked: HashMap::new(),
            parked_count: 0,
            released: Vec::new(),
            calendars: Bounded::new(MOST_CALENDARS),
            growth: path::Growth::default(),
            sessions: session::Sessions::default(),
            queries: filters::Queries::default(),
            contents: content::Contents::default(),
        }
    }

    /// Takes over the patterns of the file, in the order in which they were parked,
    /// and those that were released. Comes before the URLs of the file are fed.
    pub fn load<'a>(
        &mut self,
        parked: impl IntoIterator<Item = Trap>,
        released: impl IntoIterator<Item = &'a str>,
    ) {
        for trap in parked {
            if let Some(pattern) = Pattern::parse(&trap.pattern) {
                self.push(pattern, trap);
            }
        }
        for pattern in released {
            self.release(pattern);
        }
    }

    /// Judges a URL met for the first time: the pattern it is parked under, if any.
    pub fn judge(&mut self, url: &CanonicalUrl) -> Option<Trap> {
        let parts = Parts::of(url);
        if self.is_released(&parts) {
            return None;
        }
        let mut other = Other::default();
        if let Some(finding) = path::judge(&parts) {
            self.park(&parts, finding);
        } else {
            let (hasher, calendars) = (&self.hasher, &mut self.calendars);
            let calendar = calendar::judge(&parts, self.year, |shape| {
                calendars.get(hasher.hash_parts([parts.server, &shape.to_string()]))
            });
            let growth = self.growth.judge(&parts, hasher);
            let (is_other_session, session) = self.sessions.judge(&parts, hasher);
            let (is_other_order, query) = self.queries.judge(&parts, hasher);
            other = Other { session: is_other_session, order: is_other_order };
            for finding in [calendar, growth, session, query].into_iter().flatten() {
                self.park(&parts, finding);
            }
        }
        self.find(&parts, other).cloned()
    }

    /// Takes the content of a page that was fetched with success: the pattern that
    /// is parked from now on because of it, if any. An error's page tells nothing.
    pub fn content(&mut self, url: &CanonicalUrl, hash: &ContentHash) -> Option<Trap> {
        let parts = Parts::of(url);
        if self.is_released(&parts) {
            return None;
        }
        let finding = self.contents.judge(&parts, hash, &self.hasher)?;
        let before = self.parked_count;
        self.park(&parts, finding);
        let list = self.parked.get(parts.server).filter(|_| self.parked_count > before)?;
        list.last().map(|(_, trap)| trap.clone())
    }

    /// The pattern that a URL judged before belongs to by now, for those that wait.
    /// Session ids and orders of parameters say nothing here: of each page one
    /// spelling passed, and that may be it.
    pub fn parked(&self, url: &CanonicalUrl) -> Option<&Trap> {
        if self.parked_count == 0 {
            return None;
        }
        let parts = Parts::of(url);
        if self.is_released(&parts) { None } else { self.find(&parts, Other::default()) }
    }

    /// Lets the URLs of a pattern be: they are never parked again, whatever they
    /// show. Without a server it is released on all. Whether it is a pattern.
    pub fn release(&mut self, pattern: &str) -> bool {
        let Some(pattern) = Pattern::parse(pattern) else { return false };
        for list in self.parked.values_mut() {
            let before = list.len();
            list.retain(|(parked, _)| {
                parked.shape != pattern.shape
                    || (!pattern.server.is_empty() && parked.server != pattern.server)
            });
            self.parked_count -= before - list.len();
        }
        if !self.released.contains(&pattern) {
            self.released.push(pattern);
        }
        true
    }

    fn is_released(&self, parts: &Parts<'_>) -> bool {
        self.released.iter().any(|pattern| pattern.matches(parts))
    }

    fn find(&self, parts: &Parts<'_>, other: Other) -> Option<&Trap> {
        let lists = [parts.server, ""].into_iter().filter_map(|server| self.parked.get(server));
        let applies = |pattern: &Pattern| match pattern.shape {
            Shape::Session(_) if !other.session => false,
            Shape::Order(_) if !other.order => false,
            _ => pattern.matches(parts),
        };
        lists.flatten().find(|(pattern, _)| applies(pattern)).map(|(_, trap)| trap)
    }

    fn park(&mut self, parts: &Parts<'_>, finding: Finding) {
        let Finding { mut shape, kind, evidence } = finding;
        let is_long =
            |shape: &Shape| parts.server.len() + shape.to_string().len() > MOST_TEXT_BYTES;
        if is_long(&shape) {
            match shape.wider() {
                Some(wider) if !is_long(&wider) => shape = wider,
                _ => return,
            }
        }
        if let Some(list) = self.parked.get(parts.server) {
            let like = std::mem::discriminant(&shape);
            let is_alike = |pattern: &Pattern| std::mem::discriminant(&pattern.shape) == like;
            let is_known = |shape: &Shape| list.iter().any(|(pattern, _)| pattern.shape == *shape);
            if is_known(&shape) {
                return;
            }
            let alike = list.iter().filter(|(pattern, _)| is_alike(pattern)).count();
            if alike >= ALIKE {
                shape = shape.wider().unwrap_or(shape);
            }
            if alike >= MOST_ALIKE || is_known(&shape) {
                return;
            }
        }
        let mut server = parts.server;
        if self.parked_count >= MOST_PATTERNS {
            if !shape.is_in_one_url() {
                return;
            }
            server = "";
            shape = shape.wider().unwrap_or(shape);
        }
        let pattern = Pattern { server: server.into(), shape };
        let text = pattern.to_string().into();
        self.push(pattern, Trap { pattern: text, kind, evidence: evidence.into() });
    }

    fn push(&mut self, pattern: Pattern, trap: Trap) {
        let list = self.parked.entry(pattern.server.clone()).or_default();
        if !list.iter().any(|(known, _)| *known == pattern) {
            list.push((pattern, trap));
            self.parked_count += 1;
        }
    }
}

/// Whether `url` has what the text of a pattern says; a text that is no pattern
/// matches nothing. The texts are `Trap::pattern`s, also without their server.
pub fn matches(pattern: &str, url: &CanonicalUrl) -> bool {
    Pattern::parse(pattern).is_some_and(|pattern| pattern.matches(&Parts::of(url)))
}

/// The beginning of a text that may be long.
fn brief(text: &str) -> &str {
    &text[..text.floor_char_boundary(120)]
}
