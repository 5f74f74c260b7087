//! Does this URL repeat itself?
//!
//! A relative link that is resolved once too often makes a path that grows with
//! every page. Most such URLs show it by themselves; where several links grow at
//! once, only the many of them do.

use super::bounded::Bounded;
use super::parts::{MAX_SEGMENTS, Parts};
use super::pattern::{Shape, plain};
use super::{Finding, Kind, brief};
use crate::hash::UrlHasher;

/// How many segments may make a cycle: links to another host written without their
/// scheme bring its whole path along.
const CYCLE_SEGMENTS: usize = 8;
/// How often a cycle of several segments has to come in a row. Twice is usual
/// (`/en/docs/en/docs/`), three times was not met among 136 000 URLs from the wild.
const CYCLES: usize = 3;
/// How often a single segment has to: of the same URLs 12 have one three times, and
/// two four times.
const SINGLES: usize = 4;
/// Nobody escapes a `%` three times over but a link that contains itself.
const NESTED: [&str; 2] = ["%252525", "amp;amp;amp;"];
/// How often a parameter with the same value has to be in one query.
const PAIRS: usize = 3;
/// Paths made of the same few words in ever another order that are too many.
const PATHS: usize = 100;
/// Words that such paths are made of at most; a site's trees have more.
const WORDS: usize = 24;
/// What these words may have together, in bytes: they become a pattern's text.
const WORDS_BYTES: usize = 400;
/// Servers whose words are remembered; 1.5 KiB each.
const MOST_SERVERS: usize = 256;

/// What the URL shows by itself.
pub(super) fn judge(parts: &Parts<'_>) -> Option<Finding> {
    let finding = |shape, kind, evidence| Some(Finding { shape, kind, evidence });
    if parts.segments.len() > MAX_SEGMENTS {
        return finding(Shape::Deep, Kind::Growing, format!("more than {MAX_SEGMENTS} segments"));
    }
    if let Some(unit) = cycle(parts.segments.names()) {
        let times = if unit.len() == 1 { SINGLES } else { CYCLES };
        let unit: Vec<Box<str>> = unit.iter().map(|segment| plain(segment).into()).collect();
        let evidence = format!("{} comes {times} times in a row", brief(&unit.join("/")));
        return finding(Shape::Cycle(unit), Kind::Repeated, evidence);
    }
    let texts = || [Some(parts.path), parts.query].into_iter().flatten();
    if (parts.has(b'%') || parts.has(b';'))
        && let Some(nested) =
            NESTED.iter().find(|nested| texts().any(|text| text.contains(**nested)))
    {
        let evidence = format!("{nested} in the URL");
        return finding(Shape::Nested((*nested).into()), Kind::Growing, evidence);
    }
    let name = repeated_pair(parts)?;
    let evidence = format!("{} comes {PAIRS} times with the same value", brief(name));
    finding(Shape::Pair(plain(name).into()), Kind::Repeated, evidence)
}

/// The segments that come again and again, if any do.
fn cycle<'s, 'a>(names: &'s [&'a str]) -> Option<&'s [&'a str]> {
    (1..=CYCLE_SEGMENTS.min(names.len() / CYCLES)).find_map(|length| {
        let times = if length == 1 { SINGLES } else { CYCLES };
        let mut same = 0;
        (length..names.len()).find_map(|at| {
            same = if names[at] == names[at - length] { same + 1 } else { 0 };
            let unit = &names[at + 1 - length..=at];
            let start = (at + 1).saturating_sub(length * times);
            let is_one = same >= length * (times - 1) && !unit.iter().all(|s| is_short_number(s));
            is_one.then(|| &names[start..start + length])
        })
    })
}

/// Whether `unit` comes again and again; an empty one means any.
pub(super) fn has_cycle(names: &[&str], unit: &[Box<str>]) -> bool {
    if unit.is_empty() {
        return cycle(names).is_some();
    }
    let length = unit.len() * if unit.len() == 1 { SINGLES } else { CYCLES };
    names.windows(length).any(|window| {
        window.iter().zip(unit.iter().cycle()).all(|(name, word)| *plain(name) == **word)
    })
}

/// Numbers of folders, tiles and dates (`/000/000/017.jpg`): their repetition means nothing.
fn is_short_number(segment: &str) -> bool {
    matches!(segment.len(), 1..=3) && segment.bytes().all(|byte| byte.is_ascii_digit())
}

/// A parameter that comes again and again with the same value.
pub(super) fn repeated_pair<'a>(parts: &Parts<'a>) -> Option<&'a str> {
    let pairs = || parts.pairs().filter(|(_, value)| !value.is_empty());
    let is_again = |pair: &_| pairs().filter(|other| other == pair).count() >= PAIRS;
    let is_possible = parts.pairs().len() >= PAIRS;
    pairs().find(|pair| is_possible && is_again(pair)).map(|(name, _)| name)
}

/// Whether a path has only these words.
pub(super) fn is_made_of(names: &[&str], words: &[Box<str>]) -> bool {
    names.iter().all(|name| words.iter().any(|word| **word == *plain(name)))
}

/// Whether two words come more than once each.
fn repeats_two(names: &[&str]) -> bool {
    let mut first = None;
    names.iter().enumerate().any(|(at, name)| {
        let is_again = names[..at].contains(name) && !name.is_empty() && !is_short_number(name);
        is_again && *first.get_or_insert(name) != name
    })
}

/// The paths of each server that repeat several words.
pub(super) struct Growth {
    servers: Bounded<Words>,
}

#[derive(Default)]
struct Words {
    words: Vec<Box<str>>,
    bytes: usize,
    /// Hashes of the paths made of them.
    paths: Vec<u64>,
    /// Segments of the shortest of them.
    least: usize,
}

impl Default for Growth {
    fn default() -> Self {
        Self { servers: Bounded::new(MOST_SERVERS) }
    }
}

impl Growth {
    /// What the URL shows together with others of its server.
    pub(super) fn judge(&mut self, parts: &Parts<'_>, hasher: &UrlHasher) -> Option<Finding> {
        let names = parts.segments.names();
        if !repeats_two(names) {
            return None;
        }
        let server = self.servers.get(hasher.hash_parts([parts.server]));
        if !server.take(names) {
            // Too many words: these paths differ in more than their order.
            *server = Words::default();
            if !server.take(names) {
                *server = Words::default();
                return None;
            }
        }
        let path = hasher.hash_parts(names.iter().copied());
        if !server.paths.contains(&path) {
            server.paths.push(path);
        }
        if server.paths.len() < PATHS {
            return None;
        }
        let Words { mut words, least, .. } = std::mem::take(server);
        words.sort();
        let evidence = format!("{PATHS} paths of the same {} words", words.len());
        Some(Finding { shape: Shape::Words(words, least), kind: Kind::Growing, evidence })
    }
}

impl Words {
    /// Learns the words of a path; false if they are too many then.
    fn take(&mut self, names: &[&str]) -> bool {
        for name in names {
            let name = plain(name);
            if !self.words.iter().any(|word| **word == *name) {
                self.bytes += name.len();
                self.words.push(name.into());
            }
        }
        self.least = if self.least == 0 { names.len() } else { self.least.min(names.len()) };
        self.words.len() <= WORDS && self.bytes <= WORDS_BYTES
    }
}
