//! Does this URL differ from one met before by a session id alone?
//!
//! A session id never costs a page: the first spelling of each page passes,
//! whatever its id, and only the further ones are parked.

use std::fmt;

use super::bounded::{Bounded, Generations, Sample};
use super::parts::Parts;
use super::pattern::{Shape, plain};
use super::{Finding, Kind, brief};
use crate::hash::UrlHasher;

/// Names that mean a session whatever the value: of Java, PHP, ASP, `ColdFusion` and
/// the shops that put it into links.
const SURE_NAMES: [&str; 8] = [
    "jsessionid",
    "phpsessid",
    "aspsessionid",
    "asp.net_sessionid",
    "cfid",
    "cftoken",
    "oscsid",
    "zenid",
];
/// Names that mean a session if the value is a random text (phpBB, vBulletin): it may
/// be that of a conference.
const LIKELY_NAMES: [&str; 8] =
    ["sid", "s", "sess", "sessid", "session", "session-id", "session_id", "sessionid"];
/// The shortest random text that is taken for a session id.
const RANDOM_BYTES: usize = 16;
/// Paths that have to be met with several values before a parameter of unknown
/// name with random values is taken for a session id: the id of a document comes
/// with a few paths (view, edit, history), a session with all paths of a site.
const PATHS: usize = 32;
/// Values with which each of those paths has to be met.
const VALUES: u32 = 3;
/// Paths that are counted of a parameter of unknown name.
const COUNTED: usize = 8 * PATHS;
/// Spellings without session id that are remembered at least; 9 bytes each, twice.
const MOST_MET: usize = 250_000;
/// Parameters with random values that are counted; 6 KiB each.
const MOST_PARAMETERS: usize = 256;

/// Where in a URL the session id stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// `/page;name=…`
    Path(Box<str>),
    /// `/page?name=…`
    Parameter(Box<str>),
    /// `/(S(…))/page`, of ASP.NET.
    Segment,
}

impl Place {
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text == "/**/(S({session}))" {
            return Some(Self::Segment);
        }
        let text = text.strip_prefix("/**")?.strip_suffix("={session}")?;
        let path = text.strip_prefix(';').map(|name| Self::Path(name.into()));
        path.or_else(|| text.strip_prefix('?').map(|name| Self::Parameter(name.into())))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(name) => write!(f, "/**;{name}={{session}}"),
            Self::Parameter(name) => write!(f, "/**?{name}={{session}}"),
            Self::Segment => f.write_str("/**/(S({session}))"),
        }
    }
}

/// A session id in a URL, or what may be one.
struct Sighting<'a> {
    place: RawPlace<'a>,
    is_sure: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RawPlace<'a> {
    Path(&'a str),
    Parameter(&'a str),
    Segment,
}

/// What was met with session ids.
pub(super) struct Sessions {
    met: Generations,
    /// Per parameter of random values: with how many of them each path was met.
    parameters: Bounded<Sample>,
}

impl Default for Sessions {
    fn default() -> Self {
        Self { met: Generations::new(MOST_MET), parameters: Bounded::new(MOST_PARAMETERS) }
    }
}

impl Sessions {
    /// Whether the URL is another spelling of one met before, and what was found.
    pub(super) fn judge(
        &mut self,
        parts: &Parts<'_>,
        hasher: &UrlHasher,
    ) -> (bool, Option<Finding>) {
        let Some(Sighting { place, is_sure }) = find(parts) else { return (false, None) };
        let rest = rest(parts, place, hasher);
        let is_other = self.met.meet(rest);
        let (place, name) = match place {
            RawPlace::Path(name) => (Place::Path(plain(name).into()), name),
            RawPlace::Parameter(name) => (Place::Parameter(plain(name).into()), name),
            RawPlace::Segment => (Place::Segment, "(S(…))"),
        };
        let evidence = if is_sure {
            format!("{} was met before with another {}", brief(parts.path), brief(name))
        } else {
            let paths = self.parameters.get(hasher.hash_parts([parts.server, name]));
            let path = hasher.hash_parts([parts.path]);
            if !paths.count(path, COUNTED) || paths.with(VALUES) < PATHS {
                return (is_other, None);
            }
            format!("{PATHS} paths were met with {VALUES} or more values of {} each", brief(name))
        };
        let finding = Finding { shape: Shape::Session(place), kind: Kind::Session, evidence };
        (is_other, is_other.then_some(finding))
    }
}

/// Whether the URL has a value where `place` says.
pub(super) fn has(parts: &Parts<'_>, place: &Place) -> bool {
    match place {
        Place::Path(name) => parts
            .segments
            .iter()
            .filter_map(|segment| path_parameter(segment))
            .any(|(other, _)| **name == *plain(other)),
        Place::Parameter(name) => parts.pairs().any(|(other, _)| **name == *plain(other)),
        Place::Segment => parts.segments.iter().any(|segment| is_session_segment(segment)),
    }
}

fn find<'a>(parts: &Parts<'a>) -> Option<Sighting<'a>> {
    if parts.has(b';') || parts.has(b'(') {
        for segment in parts.segments.iter() {
            if let Some((name, _)) = path_parameter(segment).filter(|(n, v)| is_session(n, v)) {
                return Some(Sighting { place: RawPlace::Path(name), is_sure: true });
            }
            if is_session_segment(segment) {
                return Some(Sighting { place: RawPlace::Segment, is_sure: true });
            }
        }
    }
    parts.query?;
    if let Some((name, _)) = parts.pairs().find(|(name, value)| is_session(name, value)) {
        return Some(Sighting { place: RawPlace::Parameter(name), is_sure: true });
    }
    let (name, _) = parts.pairs().find(|(_, value)| is_random(value) && !is_git_hash(value))?;
    Some(Sighting { place: RawPlace::Parameter(name), is_sure: false })
}

/// The hash of a URL without what stands in `place`, nor any other session id.
fn rest(parts: &Parts<'_>, place: RawPlace<'_>, hasher: &UrlHasher) -> u64 {
    let segments = parts.segments.iter().filter(|segment| !is_session_segment(segment));
    let segments = segments.map(|segment| match path_parameter(segment) {
        Some((name, value)) if is_session(name, value) => {
            segment.split_once(';').map_or(*segment, |(segment, _)| segment)
        }
        _ => segment,
    });
    let is_kept = |(name, value): &(&str, &str)| {
        place != RawPlace::Parameter(name) && !is_session(name, value)
    };
    let pairs = parts.pairs().filter(is_kept).flat_map(|(name, value)| [name, value]);
    hasher.hash_parts([parts.origin].into_iter().chain(segments).chain(["?"]).chain(pairs))
}

/// Name and value of what follows a `;` in a segment.
fn path_parameter(segment: &str) -> Option<(&str, &str)> {
    segment.split_once(';')?.1.split_once('=')
}

fn is_session_segment(segment: &str) -> bool {
    let id = segment.strip_prefix("(S(").and_then(|rest| rest.strip_suffix("))"));
    id.is_some_and(|id| id.len() >= RANDOM_BYTES)
}

fn is_session(name: &str, value: &str) -> bool {
    let is_in = |names: &[&str]| names.iter().any(|other| name.eq_ignore_ascii_case(other));
    !value.is_empty() && (is_in(&SURE_NAMES) || (is_in(&LIKELY_NAMES) && is_random(value)))
}

/// Letters and digits without sense.
fn is_random(value: &str) -> bool {
    let count = |what: fn(&u8) -> bool| value.bytes().filter(what).count();
    value.len() >= RANDOM_BYTES
        && value.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && count(u8::is_ascii_digit) >= 3
        && count(u8::is_ascii_alphabetic) >= 3
}

/// SHA-1 and SHA-256: names of contents, with which gitweb and cgit show every file.
fn is_git_hash(value: &str) -> bool {
    matches!(value.len(), 40 | 64) && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}
