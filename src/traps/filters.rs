//! Are these the same parameters again, in another order or combination?
//!
//! Filters of a shop multiply: five of ten values each give 160 000 URLs of one
//! list. What counts is how many combinations of three or more *small* parameters
//! were met for the same thing. A parameter of many values (an id, a title, a
//! commit) says which thing it is, and so do the numbers of pages: neither forums,
//! wikis (`title=…&action=…&oldid=…`) nor long lists ever come near.

use super::bounded::{Bounded, Few, Generations};
use super::parts::Parts;
use super::pattern::{Shape, plain};
use super::{Finding, Kind, brief};
use crate::hash::UrlHasher;

/// Filters at once from which on a URL counts: one makes a list, two a table,
/// which are finite soon enough.
pub(super) const FILTERS: usize = 3;
/// Combinations of one thing that are too many. A catalogue of 10 languages, 10
/// versions and 5 formats of each page stays below.
const COMBINATIONS: u32 = 1000;
/// A parameter of more values than these is no filter.
const VALUES: usize = 32;
/// Parameters of a path that are looked at.
const NAMES: usize = 12;
/// Things of a path whose combinations are counted at a time.
const THINGS: usize = 16;
/// URLs that differ in the order of parameters alone, until others of the path
/// are taken for the same pages.
const ORDERS: u32 = 5;
/// Paths with parameters that are remembered; 5 KiB each at most.
const MOST_PATHS: usize = 1024;
/// Sets of parameters that are remembered at least; 9 bytes each, twice.
const MOST_SETS: usize = 250_000;
/// Parameters that never are filters, nor is one that ends in `id`: they name what is
/// shown, even where there are few of it, or a part of a list.
#[rustfmt::skip]
const THING_NAMES: [&str; 29] = [
    "article", "cat", "category", "doc", "document", "file", "item", "name", "node", "path", "post",
    "product", "slug", "title", "topic",
    "page", "p", "pg", "paged", "pageno", "page_no", "pagenum", "page_number", "start", "offset",
    "from", "skip", "after", "cursor",
];

/// What was met with parameters.
pub(super) struct Queries {
    sets: Generations,
    paths: Bounded<Path>,
}

/// The parameters of one path.
#[derive(Default)]
struct Path {
    /// Nothing is learnt from the first URL of a path: most stay alone.
    is_known: bool,
    orders: u32,
    names: Vec<Name>,
    things: Few,
}

struct Name {
    name: Box<str>,
    /// Hashes of the values met, at most [`VALUES`].
    values: Vec<u64>,
    is_filter: bool,
}

impl Default for Queries {
    fn default() -> Self {
        Self { sets: Generations::new(MOST_SETS), paths: Bounded::new(MOST_PATHS) }
    }
}

impl Queries {
    /// Whether a URL with the same parameters in another order was met before, and
    /// what was found.
    pub(super) fn judge(
        &mut self,
        parts: &Parts<'_>,
        hasher: &UrlHasher,
    ) -> (bool, Option<Finding>) {
        let values = parts.pairs().map(|(_, value)| atoms(value).take(2).count());
        if parts.query.is_none() || values.take(2).sum::<usize>() < 2 {
            return (false, None);
        }
        let key = hasher.hash_parts([parts.before_query]);
        let path = self.paths.get(key);
        // A sum does not see the order.
        let set = parts.pairs().map(|(name, value)| hasher.hash_parts([name, value]));
        let is_other = self.sets.meet(set.fold(key, u64::wrapping_add));
        if !is_other {
            return (false, path.judge(parts, hasher));
        }
        path.orders = path.orders.saturating_add(1);
        let finding = (path.orders >= ORDERS).then(|| Finding {
            shape: Shape::Order(Shape::path(&parts.segments)),
            kind: Kind::Parameters,
            evidence: format!("{ORDERS} times the same parameters came in another order"),
        });
        (true, finding)
    }
}

impl Path {
    fn judge(&mut self, parts: &Parts<'_>, hasher: &UrlHasher) -> Option<Finding> {
        if !std::mem::replace(&mut self.is_known, true) {
            return None;
        }
        for (name, value) in parts.pairs() {
            self.learn(name, value, hasher);
        }
        let filters = parts.pairs().filter(|(name, _)| self.is_filter(name));
        if filters.map(|(_, value)| atoms(value).count()).sum::<usize>() < FILTERS {
            return None;
        }
        let others = parts.pairs().filter(|(name, _)| !self.is_filter(name));
        // What is shown is told in whatever order.
        let others = others.map(|(name, value)| hasher.hash_parts([name, value]));
        let thing = others.fold(0, u64::wrapping_add);
        if self.things.count(thing, THINGS) < COMBINATIONS {
            return None;
        }
        let filters = self.names.iter().filter(|name| name.is_filter && name.values.len() > 1);
        let mut names: Vec<Box<str>> = filters.map(|name| plain(&name.name).into()).collect();
        names.sort();
        let evidence =
            format!("{COMBINATIONS} combinations of {} for one page", brief(&names.join(", ")));
        let shape = Shape::Filters(Shape::path(&parts.segments), names);
        Some(Finding { shape, kind: Kind::Parameters, evidence })
    }

    fn learn(&mut self, name: &str, value: &str, hasher: &UrlHasher) {
        let at = match self.names.iter().position(|known| *known.name == *name) {
            Some(at) => at,
            None if self.names.len() < NAMES => {
                let is_filter = !is_thing(name);
                self.names.push(Name { name: name.into(), values: Vec::new(), is_filter });
                self.names.len() - 1
            }
            None => return,
        };
        let known = &mut self.names[at];
        if !known.is_filter {
            return;
        }
        for atom in atoms(value) {
            let hash = hasher.hash_parts([atom]);
            if known.values.contains(&hash) {
                continue;
            }
            if known.values.len() == VALUES {
                known.is_filter = false;
                known.values = Vec::new();
                // What a thing is has changed.
                self.things.clear();
                return;
            }
            known.values.push(hash);
        }
    }

    /// Whether a parameter is a filter with a choice.
    fn is_filter(&self, name: &str) -> bool {
        let known = self.names.iter().find(|known| *known.name == *name);
        known.is_some_and(|known| known.is_filter && known.values.len() > 1)
    }
}

/// Whether a parameter of that name says what is shown.
fn is_thing(name: &str) -> bool {
    let end = name.len().saturating_sub(2);
    name.get(end..).is_some_and(|end| end.eq_ignore_ascii_case("id"))
        || THING_NAMES.iter().any(|thing| name.eq_ignore_ascii_case(thing))
}

/// How many values of the parameters `names` the URL has.
pub(super) fn count(parts: &Parts<'_>, names: &[Box<str>]) -> usize {
    let known = parts.pairs().filter(|(name, _)| {
        let name = plain(name);
        names.iter().any(|other| **other == *name)
    });
    known.map(|(_, value)| atoms(value).count()).sum()
}

/// The values of a parameter that holds several: `red,blue`.
fn atoms(value: &str) -> impl Iterator<Item = &str> {
    let has = |ascii| value.as_bytes().contains(&ascii);
    let mark = [(b',', ","), (b'|', "|"), (b'%', "%2C"), (b'%', "%7C")]
        .into_iter()
        .find_map(|(ascii, mark)| (has(ascii) && value.contains(mark)).then_some(mark));
    let several = mark.into_iter().flat_map(|mark| value.split(mark));
    several.chain(mark.is_none().then_some(value))
}
