//! What must hold, whatever a stranger sends?
//!
//! One file per part of the crate. Its `check` takes the bytes of one case and panics
//! where a law is broken. `fuzz_targets/` calls it with what libFuzzer makes up, and
//! `tests/fuzz_corpus.rs` of the crate with every file of `corpus/`.

pub mod charsets;
pub mod encodings;
pub mod headers;
pub mod output;
pub mod pages;
pub mod queries;
mod report_page;
pub mod robots;
pub mod selectors;
pub mod sitemaps;
pub mod urls;

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Every target with its laws.
pub const TARGETS: &[(&str, fn(&[u8]))] = &[
    ("charsets", charsets::check),
    ("encodings", encodings::check),
    ("headers", headers::check),
    ("output", output::check),
    ("pages", pages::check),
    ("queries", queries::check),
    ("robots", robots::check),
    ("selectors", selectors::check),
    ("sitemaps", sitemaps::check),
    ("urls", urls::check),
];

/// How long what is repeated becomes, in bytes: enough for time that is not linear to show.
const LONG: usize = 64 * 1024;

/// A case in two: its first line, and the rest.
struct Case {
    head: String,
    body: Vec<u8>,
}

impl Case {
    /// A first line that ends in `^` asks for the rest again and again, up to 64 KiB.
    fn of(data: &[u8]) -> Self {
        let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
        let head = String::from_utf8_lossy(&data[..end]).into_owned();
        let body = data.get(end + 1..).unwrap_or_default();
        match head.strip_suffix('^') {
            Some(head) => Self { head: head.to_owned(), body: repeated(body) },
            None => Self { head, body: body.to_vec() },
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// `piece` again and again, up to 64 KiB.
fn repeated(piece: &[u8]) -> Vec<u8> {
    piece.repeat((LONG / piece.len().max(1)).max(1))
}

/// What `work` gives, which takes less than `most` of this thread's time: not of the
/// clock, so that a busy machine breaks no law.
fn within<T>(most: Duration, work: impl FnOnce() -> T) -> T {
    let now =
        || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("since the start");
    let began = now();
    let result = work();
    let took = now().saturating_sub(began);
    assert!(took < most, "it took {took:?} of work");
    result
}

/// What could move a cursor, turn round text or break a line on a terminal, besides `allowed`.
fn is_harmful(c: char, allowed: &[char]) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}');
    (turns || c.is_control()) && !allowed.contains(&c)
}
