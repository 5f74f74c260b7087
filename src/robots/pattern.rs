//! Does this path of a rule match this path of a URL?
//!
//! Both are first brought into one spelling, then compared octet by octet (RFC
//! 9309 §2.2.2), where `*` in a pattern stands for any octets and `$` at its end
//! for the end of the path (§2.2.3).
//!
//! Invariant: a comparable text is ASCII, and an octet that may be written in
//! two ways is written in one: so `%7e` and `~` are equal. A literal `*` is
//! always `%2A` there, which leaves `*` to mean the wildcard.

/// What a look at the beginning of a path is taken for, in bytes of work.
const GLANCE: usize = 8;
/// What a search in a path is taken for at the least.
const SEARCH: usize = 64;

/// The path of a rule, ready to be matched. Sorted by text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern {
    /// Comparable, but `*` is the wildcard. Without the `$` at its end.
    text: String,
    /// Ends with `$`: the path must end where the pattern does.
    anchored: bool,
}

impl Pattern {
    /// The pattern that `path` means, or `None` if it cannot match any path: the
    /// value of an empty `Disallow:`, or one that begins with neither `/` nor `*`.
    pub(super) fn new(path: &[u8]) -> Option<Self> {
        let (text, anchored) = match path.strip_suffix(b"$") {
            Some(text) => (text, true),
            None => (path, false),
        };
        matches!(text.first(), Some(b'/' | b'*'))
            .then(|| Self { text: respell(text, "*"), anchored })
    }

    /// How specific it is: the most octets win (RFC 9309 §2.2.2).
    pub(super) fn octets(&self) -> usize {
        self.text.len() + usize::from(self.anchored)
    }

    /// Without the `$` at its end; what a path must begin with if there is no wildcard.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn has_wildcard(&self) -> bool {
        self.text.contains('*')
    }

    /// Whether a path that has the whole text may be one that ends there, or one
    /// that goes on.
    pub(super) fn may_end(&self, is_end: bool) -> bool {
        is_end || !self.anchored
    }

    /// Whether it matches a path in its [`comparable`] spelling; `None` once
    /// `work`, which is counted down, is used up.
    ///
    /// What stands between two wildcards is taken where it first occurs. That is
    /// never wrong, as it leaves most of the path to the rest, so nothing is
    /// tried twice: the time is linear in the lengths of pattern and path.
    pub(super) fn matches(&self, path: &str, work: &mut usize) -> Option<bool> {
        let mut pieces = self.text.split('*');
        let beginning = pieces.next().unwrap_or_default();
        *work = work.checked_sub(GLANCE)?;
        let Some(mut rest) = path.strip_prefix(beginning) else { return Some(false) };
        let Some(end) = pieces.next_back() else {
            return Some(self.may_end(rest.is_empty()));
        };
        for piece in pieces {
            let found = rest.find(piece);
            *work = work.checked_sub(found.unwrap_or(rest.len()).max(SEARCH))?;
            let Some(at) = found else { return Some(false) };
            rest = &rest[at + piece.len()..];
        }
        *work = work.checked_sub(rest.len().max(SEARCH))?;
        Some(if self.anchored { rest.ends_with(end) } else { rest.contains(end) })
    }
}

/// The spelling of a URL's path and query that [`Pattern::matches`] takes.
pub(super) fn comparable(path_and_query: &str) -> String {
    respell(path_and_query.as_bytes(), "%2A")
}

/// The one spelling of `text`, with `star` for each `*` in it.
fn respell(text: &[u8], star: &str) -> String {
    let mut spelt = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(&byte) = rest.first() {
        let octet = escaped_octet(rest);
        rest = &rest[if octet.is_some() { 3 } else { 1 }..];
        match octet {
            Some(octet) if is_same_when_escaped(octet) => spelt.push(char::from(octet)),
            Some(octet) => push_escaped(&mut spelt, octet),
            None if byte == b'*' => spelt.push_str(star),
            None if is_allowed_in_urls(byte) => spelt.push(char::from(byte)),
            None => push_escaped(&mut spelt, byte),
        }
    }
    spelt
}

/// The octet that `text` begins with if it begins with `%` and two hexadecimal digits.
fn escaped_octet(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = *text else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Unreserved characters, and two reserved ones: `$`, which a pattern must
/// escape where it is meant literally (RFC 9309 §2.2.3), and `'`, which URL
/// parsers escape in queries and leave alone in paths.
fn is_same_when_escaped(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~$'".contains(&octet)
}

/// The characters of RFC 3986 §2; a stray `%` stays as it is.
fn is_allowed_in_urls(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

fn push_escaped(text: &mut String, octet: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    text.push('%');
    for digit in [octet >> 4, octet & 15] {
        text.push(char::from(DIGITS[usize::from(digit)]));
    }
}

#[cfg(test)]
mod tests {
    use super::{Pattern, comparable};

    #[test]
    fn a_pattern_matches_the_paths_it_describes() {
        #[rustfmt::skip]
        let cases = [
            // pattern     path            matches  why
            ("/fish",      "/fishheads",   true,    "a prefix is enough"),
            ("/fish",      "/Fish",        false,   "case counts"),
            ("/fish$",     "/fish",        true,    "the end"),
            ("/fish$",     "/fish?a",      false,   "the query is part of the path"),
            ("/*.php$",    "/a.php.php",   true,    "the last of several"),
            ("/*.php$",    "/a.php5",      false,   "the end again"),
            ("/a*a$",      "/a",           false,   "one octet cannot be two"),
            ("/a*$",       "/abc",         true,    "any end"),
            ("*",          "/",            true,    "nothing but a wildcard"),
            ("/**b",       "/ab",          true,    "two wildcards are one"),
            ("/$",         "/",            true,    "the root alone"),
            ("/a$b",       "/a$b",         true,    "only the last $ is special"),
            ("/%24",       "/$",           true,    "literal $"),
            ("/%2A",       "/*",           true,    "literal *"),
            ("/%2A",       "/x",           false,   "literal *"),
            ("/%62%61%7A", "/baz",         true,    "unreserved octets need no escape"),
            ("/ツ",        "/%e3%83%84",   true,    "octets beyond ASCII, digits of any case"),
            ("/a%2Fb",     "/a/b",         false,   "reserved octets are not their escapes"),
            ("/a b{c}",    "/a%20b%7Bc%7D", true,   "what URLs cannot hold is escaped"),
            ("/?q='",      "/?q=%27",      true,    "escaped by URL parsers"),
            ("/100%",      "/100%",        true,    "a stray %"),
        ];
        for (pattern, path, expected, why) in cases {
            let pattern_read = Pattern::new(pattern.as_bytes()).unwrap();
            let matches = pattern_read.matches(&comparable(path), &mut usize::MAX.clone());
            assert_eq!(matches, Some(expected), "{why}: {pattern} on {path}");
        }
    }

    #[test]
    fn many_wildcards_cost_no_more_than_one() {
        let pattern = format!("/{}b", "*a".repeat(200_000));
        let path = comparable(&format!("/{}", "a".repeat(1_000_000)));
        // Tries all ways to share out the path if it does not decide at the first.
        let pattern = Pattern::new(pattern.as_bytes()).unwrap();
        assert_eq!(pattern.matches(&path, &mut usize::MAX.clone()), Some(false));
        assert_eq!(pattern.matches(&path, &mut 1000), None);
    }
}
