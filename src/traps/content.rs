//! Do the URLs of a pattern all show the same?
//!
//! Numbers of pages may go on for long and bring something new each time. Where
//! fifty in a row bring the same to the byte, the next will too: pages beyond the
//! end of a list, an error page with status 200, a router that answers everything.

use super::bounded::Bounded;
use super::parts::Parts;
use super::pattern::{Piece, Shape};
use super::{Finding, Kind};
use crate::hash::{ContentHash, UrlHasher};

/// Pages in a row with the same content that are enough.
const ROW: u32 = 50;
/// Patterns whose rows are counted; about 50 bytes each.
const MOST_PATTERNS: usize = 16_384;

/// The rows of all patterns.
pub(super) struct Contents {
    rows: Bounded<Row>,
    empty: ContentHash,
}

#[derive(Default)]
struct Row {
    content: Option<[u8; 8]>,
    length: u32,
}

impl Default for Contents {
    fn default() -> Self {
        Self { rows: Bounded::new(MOST_PATTERNS), empty: ContentHash::of(b"") }
    }
}

impl Contents {
    /// Takes the content of a page; what was found by it.
    pub(super) fn judge(
        &mut self,
        parts: &Parts<'_>,
        content: &ContentHash,
        hasher: &UrlHasher,
    ) -> Option<Finding> {
        // An empty page leads nowhere.
        if *content == self.empty {
            return None;
        }
        let start: [u8; 8] = *content.0.first_chunk().expect("8 of 32 bytes");
        let mut finding = None;
        for shape in shapes(parts) {
            let row = self.rows.get(hasher.hash_parts([parts.server, &shape.to_string()]));
            row.length = if row.content == Some(start) { row.length.saturating_add(1) } else { 1 };
            row.content = Some(start);
            if row.length >= ROW {
                let evidence = format!("{ROW} pages in a row with the same content");
                finding = finding.or(Some(Finding { shape, kind: Kind::SameContent, evidence }));
            }
        }
        finding
    }
}

/// The patterns that a URL belongs to: its parameters with whatever values; or its
/// folder, and its last segment in whatever folder.
fn shapes(parts: &Parts<'_>) -> Vec<Shape> {
    if parts.query.is_some() {
        let names = parts.pairs().map(|(name, _)| (name, Piece::Any));
        return vec![Shape::glob(Shape::path(&parts.segments), Some(names))];
    }
    let last = parts.segments.names().len().saturating_sub(1);
    let mut folder = Shape::path(&parts.segments);
    folder[last] = Piece::Any;
    let mut shapes = vec![Shape::Glob(folder, None)];
    if last >= 2 {
        let mut anywhere = vec![Piece::Anywhere];
        anywhere.extend(Shape::path(&parts.segments[last..]));
        shapes.push(Shape::Glob(anywhere, None));
    }
    shapes
}
