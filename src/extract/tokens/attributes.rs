//! What is a tag called, where does it end, and what are its attributes?

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr;

use super::reference::{Place, resolve, special};

/// Bytes of an attribute's value, as written, that are kept; longer ones are cut.
const MAX_VALUE_BYTES: usize = 64 * 1024;
/// Bytes of the longest name of an attribute that is kept.
const LONGEST_NAME: usize = 16;

// What a byte is to a tag.
const BLANK: u8 = 1;
const SLASH: u8 = 2;
const CLOSE: u8 = 4;
const EQUALS: u8 = 8;
/// In a name it stands for another character: a capital or NUL.
const REPLACED: u8 = 16;
const OTHER: u8 = 32;

static CLASSES: [u8; 256] = {
    let mut classes = [OTHER; 256];
    let mut byte = 0;
    while byte < classes.len() {
        #[expect(clippy::cast_possible_truncation, reason = "below 256")]
        let class = match byte as u8 {
            b'\t' | b'\n' | 0x0C | b' ' => BLANK,
            b'/' => SLASH,
            b'>' => CLOSE,
            b'=' => EQUALS,
            b'A'..=b'Z' | 0 => REPLACED,
            _ => OTHER,
        };
        classes[byte] = class;
        byte += 1;
    }
    classes
};

macro_rules! attributes {
    ($($name:ident = $text:literal),* $(,)?) => {
        /// The attributes that are kept.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(in crate::extract) enum Attribute { $($name),* }

        /// Each of them by its name.
        pub(super) const ATTRIBUTES: &[(&[u8], Attribute)] = &[$(($text, Attribute::$name)),*];

        $(const _: () = assert!($text.len() <= LONGEST_NAME);)*

        fn attribute(name: &[u8]) -> Option<Attribute> {
            match name { $($text => Some(Attribute::$name),)* _ => None }
        }
    };
}

attributes! {
    Action = b"action", Alt = b"alt", AriaHidden = b"aria-hidden", Background = b"background",
    Cite = b"cite", Class = b"class", Content = b"content", Data = b"data",
    DateTime = b"datetime", Encoding = b"encoding", Href = b"href", Hreflang = b"hreflang",
    HttpEquiv = b"http-equiv", Id = b"id", ImageSrcset = b"imagesrcset",
    ItemId = b"itemid", ItemProp = b"itemprop", ItemRef = b"itemref", ItemScope = b"itemscope",
    ItemType = b"itemtype", Lang = b"lang", LongDesc = b"longdesc", Name = b"name", Poster = b"poster",
    Property = b"property", Rel = b"rel", Role = b"role", Src = b"src",
    Srcset = b"srcset", Start = b"start", Type = b"type", Value = b"value", XlinkHref = b"xlink:href",
}

/// Those that only say how the text of an element is to be read, or what it is.
pub(super) const OF_TEXT: u64 = 1 << Attribute::AriaHidden as u32
    | 1 << Attribute::Class as u32
    | 1 << Attribute::Role as u32
    | 1 << Attribute::Start as u32
    | 1 << Attribute::DateTime as u32
    | 1 << Attribute::ItemId as u32
    | 1 << Attribute::ItemProp as u32
    | 1 << Attribute::ItemRef as u32
    | 1 << Attribute::ItemScope as u32
    | 1 << Attribute::ItemType as u32
    | 1 << Attribute::Value as u32;

/// A start tag with the attributes that are kept.
pub(in crate::extract) struct Tag<'a> {
    /// In lower case.
    pub(in crate::extract) name: &'a [u8],
    /// Whether its element is one of svg or math.
    pub(in crate::extract) is_foreign: bool,
    /// Whether it ends in `/>`.
    pub(super) self_closing: bool,
    html: &'a str,
    /// Where its name ends.
    after: usize,
    values: &'a Values,
}

impl<'a> Tag<'a> {
    pub(super) fn new(
        html: &'a str,
        name: &'a [u8],
        after: usize,
        values: &'a Values,
        self_closing: bool,
    ) -> Self {
        Self { name, is_foreign: false, self_closing, html, after, values }
    }

    /// Whether the tag has any of the attributes that are kept and may lead somewhere.
    pub(in crate::extract) fn has_attributes(&self) -> bool {
        self.values.present & !OF_TEXT != 0
    }

    /// Whether the tag ends in `/>`.
    pub(in crate::extract) fn self_closing(&self) -> bool {
        self.self_closing
    }

    /// Whether the tag has `attribute`, whatever its value.
    pub(in crate::extract) fn has(&self, attribute: Attribute) -> bool {
        self.values.present & 1 << attribute as u32 != 0
    }

    /// The value of `attribute`, entities resolved; the first wins if there are several.
    pub(in crate::extract) fn get(&self, attribute: Attribute) -> Option<Cow<'a, str>> {
        self.values.get(attribute).map(|value| resolved(&self.html[value]))
    }

    /// Every attribute, kept or not, in the order of the page.
    #[cfg(test)]
    pub(super) fn all(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, String)> = Vec::new();
        read_attributes(self.html.as_bytes(), self.after, |written| {
            let name =
                String::from_utf8(lower_name(written.name, &mut Vec::new()).to_vec()).unwrap();
            if all.iter().all(|(known, _)| *known != name) {
                let (start, end) = written.value;
                all.push((name, resolved(&self.html[start..end]).into_owned()));
            }
        });
        all
    }

    /// Whether the tag has an attribute of one of these names, kept or not.
    pub(super) fn has_any(&self, names: &[&[u8]]) -> bool {
        let html = self.html.as_bytes();
        let is_one = |name: &[u8]| names.iter().any(|wanted| name.eq_ignore_ascii_case(wanted));
        let mut has_any = false;
        read_attributes(html, self.after, |written| has_any |= is_one(written.name));
        has_any
    }
}

/// The text of a value, of which no more than [`MAX_VALUE_BYTES`] are read: a tag
/// may be asked for it several times.
fn resolved(value: &str) -> Cow<'_, str> {
    let value = &value[..value.floor_char_boundary(MAX_VALUE_BYTES)];
    if special(value.as_bytes(), Place::Attribute).is_none() {
        return Cow::Borrowed(value);
    }
    let mut text = String::with_capacity(value.len());
    resolve(value, Place::Attribute, |piece| text.push_str(piece));
    Cow::Owned(text)
}

/// Where in the page the values of a tag's attributes lie.
pub(super) struct Values {
    /// A bit for each attribute that the tag has; the places of others are old.
    present: u64,
    places: [(usize, usize); ATTRIBUTES.len()],
}

const _: () = assert!(ATTRIBUTES.len() <= u64::BITS as usize);

impl Default for Values {
    fn default() -> Self {
        Self { present: 0, places: [(0, 0); ATTRIBUTES.len()] }
    }
}

impl Values {
    /// Reads the attributes of the tag whose name ends at `at`, to its end; of those
    /// with the same name the first counts.
    pub(super) fn read(&mut self, html: &[u8], at: usize) -> Option<End> {
        self.present = 0;
        read_attributes(html, at, |Written { name, has_capitals, value }| {
            let known = if has_capitals { attribute_in_any_case(name) } else { attribute(name) };
            let Some(attribute) = known else { return };
            if self.get(attribute).is_none() {
                self.present |= 1 << attribute as u32;
                self.places[attribute as usize] = value;
            }
        })
    }

    fn get(&self, attribute: Attribute) -> Option<Range<usize>> {
        let (start, end) = self.places[attribute as usize];
        (self.present & 1 << attribute as u32 != 0).then_some(start..end)
    }
}

/// The attribute of a name that is written with capitals.
fn attribute_in_any_case(name: &[u8]) -> Option<Attribute> {
    let mut lower = [0; LONGEST_NAME];
    let lower = lower.get_mut(..name.len())?;
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    attribute(lower)
}

/// The name of the tag that begins at `at`, in lower case, and where it ends (13.2.5.8).
/// `buffer` holds it if it does not stand so in the page.
#[inline]
pub(super) fn tag_name<'a>(
    html: &'a [u8],
    at: usize,
    buffer: &'a mut Vec<u8>,
) -> (&'a [u8], usize) {
    let (end, is_replaced) = name_end(html, at, at, BLANK | SLASH | CLOSE);
    let name = &html[at..end];
    if is_replaced { (lower_name(name, buffer), end) } else { (name, end) }
}

#[cold]
fn lower_name<'a>(name: &[u8], buffer: &'a mut Vec<u8>) -> &'a [u8] {
    buffer.clear();
    for byte in name {
        match byte {
            0 => buffer.extend_from_slice("\u{FFFD}".as_bytes()),
            byte => buffer.push(byte.to_ascii_lowercase()),
        }
    }
    buffer
}

/// Where the tag ends whose name ends at `at`, its attributes ignored.
#[inline]
pub(super) fn tag_end(html: &[u8], at: usize) -> Option<usize> {
    if html.get(at) == Some(&b'>') {
        return Some(at + 1);
    }
    read_attributes(html, at, |_| {}).map(|end| end.at)
}

/// Where a tag ended.
#[derive(Clone, Copy)]
pub(super) struct End {
    /// What follows its `>`.
    pub(super) at: usize,
    pub(super) self_closing: bool,
}

/// An attribute as it stands in the page.
struct Written<'a> {
    name: &'a [u8],
    /// Whether the name has capitals or NUL.
    has_capitals: bool,
    /// Where its value begins and ends.
    value: (usize, usize),
}

/// Reads what follows the name of a tag from `at` on, and gives each attribute,
/// duplicates included, to `each` (13.2.5.32 to 40). `None` if the page ends
/// before the tag does, which then is none.
#[inline]
fn read_attributes(html: &[u8], mut at: usize, mut each: impl FnMut(Written<'_>)) -> Option<End> {
    loop {
        let mut self_closing = false;
        loop {
            let class = class(*html.get(at)?);
            at += 1;
            match class {
                CLOSE => return Some(End { at, self_closing }),
                SLASH | BLANK => self_closing = class == SLASH,
                _ => break,
            }
        }
        // Whatever begins a name belongs to it, even `=`.
        let start = at - 1;
        let (end, has_capitals) = name_end(html, start, at, BLANK | SLASH | CLOSE | EQUALS);
        let (value, after) = value(html, end)?;
        at = after;
        each(Written { name: &html[start..end], has_capitals, value });
    }
}

/// The value that follows a name, and what follows it; empty if there is none.
#[inline]
fn value(html: &[u8], name_end: usize) -> Option<((usize, usize), usize)> {
    let at = skip(html, name_end, BLANK);
    if html.get(at) != Some(&b'=') {
        return Some(((at, at), at));
    }
    let start = skip(html, at + 1, BLANK);
    if let quote @ (b'"' | b'\'') = *html.get(start)? {
        let end = start + 1 + memchr(quote, &html[start + 1..])?;
        return Some(((start + 1, end), end + 1));
    }
    let end = skip(html, start, !(BLANK | CLOSE));
    Some(((start, end), end))
}

/// The first byte from `at` on that is of none of these classes.
#[inline]
fn skip(html: &[u8], at: usize, classes: u8) -> usize {
    html[at..].iter().position(|byte| class(*byte) & classes == 0).map_or(html.len(), |n| at + n)
}

fn class(byte: u8) -> u8 {
    CLASSES[usize::from(byte)]
}

/// Where the name that begins at `start` ends, which any of `ends` does but not
/// before `at`; and whether it has characters that must be replaced.
#[inline]
fn name_end(html: &[u8], start: usize, at: usize, ends: u8) -> (usize, bool) {
    let mut end = at;
    let mut seen = 0;
    while let Some(byte) = html.get(end) {
        let class = class(*byte);
        if class & ends != 0 {
            break;
        }
        seen |= class;
        end += 1;
    }
    (end, (seen | class(html[start])) & REPLACED != 0)
}
