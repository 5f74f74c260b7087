//! Which places does a page have that a fragment can name?
//!
//! The ids of its elements and the names of its `<a>` elements (WHATWG HTML
//! 7.4.6.4). Kept as hashes of four bytes: whoever asks for a place that is not
//! there is told that it is once in four milliards of cases.

/// Places of a page that are kept.
const MAX_ANCHORS: usize = 100_000;

/// The places of a page, while it is read.
#[derive(Default)]
pub(super) struct Anchors(Vec<u32>);

impl Anchors {
    pub(super) fn push(&mut self, name: &str) {
        if !name.is_empty() && self.0.len() < MAX_ANCHORS {
            self.0.push(anchor_hash(name.as_bytes()));
        }
    }

    /// Sorted, each once.
    pub(super) fn finish(mut self) -> Vec<u32> {
        self.0.sort_unstable();
        self.0.dedup();
        self.0
    }
}

/// The hash under which a place is kept: FNV-1a.
pub fn anchor_hash(name: &[u8]) -> u32 {
    name.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

/// What a fragment may name: as it is written, and with its escapes resolved. What
/// follows `:~:` speaks to the browser alone (URL Fragment Text Directives).
pub fn fragment_names(fragment: &str) -> [Vec<u8>; 2] {
    let name = fragment.split(":~:").next().unwrap_or_default().as_bytes();
    let digit = |at: usize| name.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut resolved = Vec::with_capacity(name.len());
    let mut at = 0;
    while at < name.len() {
        match (name[at], digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                resolved.push(u8::try_from(high << 4 | low).expect("two digits"));
                at += 3;
            }
            (byte, ..) => {
                resolved.push(byte);
                at += 1;
            }
        }
    }
    [name.to_vec(), resolved]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_names_a_place_in_two_ways() {
        let names =
            |fragment| fragment_names(fragment).map(|name| String::from_utf8(name).unwrap());
        assert_eq!(names("a%20b"), ["a%20b", "a b"]);
        assert_eq!(names("%zz%4"), ["%zz%4", "%zz%4"]);
        assert_eq!(names("x:~:text=y"), ["x", "x"]);
        assert_eq!(names(":~:text=y"), ["", ""]);
    }
}
