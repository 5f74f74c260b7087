//! What do character references stand for, and what becomes of NUL?

use html5ever::data::{C1_REPLACEMENTS, NAMED_ENTITIES};
use memchr::{memchr, memchr2};

/// Bytes of the longest name, its semicolon not counted.
const LONGEST_NAME: usize = 31;
/// Bytes of the longest name that may stand without a semicolon.
const LONGEST_BARE_NAME: usize = 6;

/// Where a text stands, which decides what counts in it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Among HTML elements, where the tree builder leaves NUL out (WHATWG HTML 13.2.6.4.7).
    Html,
    /// In foreign content (13.2.6.5), and in title and textarea (13.2.5.2): NUL becomes U+FFFD.
    Foreign,
    /// In an attribute, where a bare name counts only if the word ends there (13.2.5.73).
    Attribute,
    /// Where nothing is a reference.
    Plain,
}

/// Gives `text` to `each` in pieces, some of which may be empty.
pub(super) fn resolve(text: &str, place: Place, mut each: impl FnMut(&str)) {
    let (mut rest, mut from) = (text, 0);
    while let Some(distance) = special(&rest.as_bytes()[from..], place) {
        let at = from + distance;
        if let Some((characters, length)) = replaced(&rest.as_bytes()[at..], place) {
            each(&rest[..at]);
            each(characters.as_str());
            (rest, from) = (&rest[at + length..], 0);
        } else {
            from = at + 1;
        }
    }
    each(rest);
}

/// The first byte that may have to be replaced.
pub(super) fn special(text: &[u8], place: Place) -> Option<usize> {
    if place == Place::Plain { memchr(0, text) } else { memchr2(b'&', 0, text) }
}

/// What stands for the reference or NUL with which `text` begins, and its length.
/// `None` if that `&` begins no reference.
pub(super) fn replaced(text: &[u8], place: Place) -> Option<(Characters, usize)> {
    let (first, rest) = text.split_first()?;
    if *first == 0 {
        let characters = match place {
            Place::Html => Characters::default(),
            _ => Characters::new(char::REPLACEMENT_CHARACTER, None),
        };
        return Some((characters, 1));
    }
    let (first, second, length) = reference(rest, place)?;
    Some((Characters::new(first, second), 1 + length))
}

/// At most two characters, as text.
#[derive(Default)]
pub(super) struct Characters {
    bytes: [u8; 8],
    length: usize,
}

impl Characters {
    fn new(first: char, second: Option<char>) -> Self {
        let mut bytes = [0; 8];
        let mut length = first.encode_utf8(&mut bytes).len();
        if let Some(second) = second {
            length += second.encode_utf8(&mut bytes[length..]).len();
        }
        Self { bytes, length }
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.length]).expect("encoded above")
    }
}

/// The characters that stand for the reference whose `&` precedes `text`, and its length.
fn reference(text: &[u8], place: Place) -> Option<(char, Option<char>, usize)> {
    match text {
        [b'a', b'm', b'p', b';', ..] => Some(('&', None, 4)),
        [b'l', b't', b';', ..] => Some(('<', None, 3)),
        [b'g', b't', b';', ..] => Some(('>', None, 3)),
        [b'q', b'u', b'o', b't', b';', ..] => Some(('"', None, 5)),
        [b'n', b'b', b's', b'p', b';', ..] => Some(('\u{A0}', None, 5)),
        [b'#', digits @ ..] => {
            let (character, length) = numeric(digits)?;
            Some((character, None, length + 1))
        }
        _ => named(text, place),
    }
}

/// The named character reference state (13.2.5.73): the longest name that fits.
fn named(text: &[u8], place: Place) -> Option<(char, Option<char>, usize)> {
    let is_in_name = |byte: &&u8| byte.is_ascii_alphanumeric();
    let run = text.iter().take(LONGEST_NAME + 1).take_while(is_in_name).count();
    if text.get(run) == Some(&b';')
        && let Some((first, second)) = entity(&text[..=run])
    {
        return Some((first, second, run + 1));
    }
    let bare = |length: usize| Some((length, entity(&text[..length])?));
    let (length, (first, second)) = (2..=run.min(LONGEST_BARE_NAME)).rev().find_map(bare)?;
    let goes_on = length < run || text.get(length) == Some(&b'=');
    (place != Place::Attribute || !goes_on).then_some((first, second, length))
}

/// What a name, with its semicolon if it has one, stands for.
fn entity(name: &[u8]) -> Option<(char, Option<char>)> {
    let (first, second) = *NAMED_ENTITIES.get(std::str::from_utf8(name).ok()?)?;
    // The table also holds the beginnings of names, as NUL.
    let character = |code| char::from_u32(code).filter(|character| *character != '\0');
    Some((character(first)?, character(second)))
}

/// The numeric reference whose `#` precedes `text` (13.2.5.75 to 80).
fn numeric(text: &[u8]) -> Option<(char, usize)> {
    let (radix, start) = if let Some(b'x' | b'X') = text.first() { (16, 1) } else { (10, 0) };
    let digits = text[start..].iter().map_while(|byte| char::from(*byte).to_digit(radix));
    let (code, count) = digits.fold((0_u32, 0), |(code, count), digit| {
        (code.saturating_mul(radix).saturating_add(digit), count + 1)
    });
    if count == 0 {
        return None;
    }
    let end = start + count;
    let semicolon = usize::from(text.get(end) == Some(&b';'));
    Some((character(code), end + semicolon))
}

/// The character of a number (13.2.5.80).
fn character(code: u32) -> char {
    let windows = code.checked_sub(0x80).and_then(|at| *C1_REPLACEMENTS.get(at as usize)?);
    let found = windows.or_else(|| char::from_u32(code));
    found.filter(|character| *character != '\0').unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lengths_of_names_are_those_of_the_table() {
        let names = || NAMED_ENTITIES.entries().filter(|(_, (first, _))| *first != 0);
        let longest = |names: &mut dyn Iterator<Item = &&str>| names.map(|n| n.len()).max();
        let mut closed = names().map(|(name, _)| name).filter(|name| name.ends_with(';'));
        assert_eq!(longest(&mut closed), Some(LONGEST_NAME + 1));
        let mut bare = names().map(|(name, _)| name).filter(|name| !name.ends_with(';'));
        assert_eq!(longest(&mut bare), Some(LONGEST_BARE_NAME));
        assert_eq!(names().count(), 2231, "as many as in WHATWG HTML 13.5");
    }
}
