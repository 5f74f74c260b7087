//! What is a tag called, where does it end, and what are its attributes?

use std::borrow::Cow;
use std::ops::Range;

use memchr::memchr;

use super::reference::{Place, resolve, special};

/// Bytes of an attribute's value that are kept; longer ones are cut.
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
    Action = b"action", Alt = b"alt", Background = b"background", Cite = b"cite",
    Content = b"content", Data = b"data", Encoding = b"encoding", Href = b"href",
    Hreflang = b"hreflang", HttpEquiv = b"http-equiv", Id = b"id", ImageSrcset = b"imagesrcset",
    Lang = b"lang", LongDesc = b"longdesc", Name = b"name", Poster = b"poster",
    Property = b"property", Rel = b"rel", Src = b"src", Srcset = b"srcset",
    Type = b"type", XlinkHref = b"xlink:href",
}

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

    /// Whether the tag has any of the attributes that are kept.
    pub(in crate::extract) fn has_attributes(&self) -> bool {
        self.values.present != 0
    }

    /// The value of `attribute`, entities resolved; the first wins if there are several.
    pub(in crate::extract) fn get(&self, attribute: Attribute) -> Option<Cow<'a, str>> {
        self.values.get(attribute).map(|value| resolved(&self.html[value]))
    }

    /// Whether the tag has an attribute of one of these names, kept or not.
    pub(super) fn has_any(&self, names: &[&[u8]]) -> bool {
        let html = self.html.as_bytes();
        Attributes::new(html, self.after).any(|(name, _)| {
            names.iter().any(|wanted| html[name.clone()].eq_ignore_ascii_case(wanted))
        })
    }
}

/// The text of a value as written, cut to [`MAX_VALUE_BYTES`].
fn resolved(value: &str) -> Cow<'_, str> {
    let cut = &value[..value.floor_char_boundary(MAX_VALUE_BYTES)];
    if special(cut.as_bytes(), Place::Attribute).is_none() {
        return Cow::Borrowed(cut);
    }
    let mut text = String::with_capacity(cut.len());
    resolve(value, Place::Attribute, |piece| {
        let room = MAX_VALUE_BYTES - text.len();
        text.push_str(&piece[..piece.floor_char_boundary(room)]);
    });
    Cow::Owned(text)
}

/// Where in the page the values of a tag's attributes lie.
#[derive(Default)]
pub(super) struct Values {
    /// A bit for each attribute that the tag has; the places of others are old.
    present: u64,
    places: [(usize, usize); ATTRIBUTES.len()],
}

const _: () = assert!(ATTRIBUTES.len() <= u64::BITS as usize);

impl Values {
    /// Reads a tag to its end; of attributes with the same name the first counts.
    pub(super) fn read(&mut self, attributes: &mut Attributes<'_>) {
        self.present = 0;
        let html = attributes.html;
        for (name, value) in attributes {
            let name = &html[name];
            let known = attribute(name).or_else(|| attribute_in_any_case(name));
            let Some(attribute) = known else { continue };
            if self.get(attribute).is_none() {
                self.present |= 1 << attribute as u32;
                self.places[attribute as usize] = (value.start, value.end);
            }
        }
    }

    fn get(&self, attribute: Attribute) -> Option<Range<usize>> {
        let (start, end) = self.places[attribute as usize];
        (self.present & 1 << attribute as u32 != 0).then_some(start..end)
    }
}

/// The attribute of a name that is written with capitals.
fn attribute_in_any_case(name: &[u8]) -> Option<Attribute> {
    if name.len() > LONGEST_NAME || !name.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut lower = [0; LONGEST_NAME];
    let lower = &mut lower[..name.len()];
    lower.copy_from_slice(name);
    lower.make_ascii_lowercase();
    attribute(lower)
}

/// The name that begins at `at`, in lower case, and where it ends (13.2.5.8).
/// `buffer` holds it if it does not stand so in the page.
pub(super) fn tag_name<'a>(
    html: &'a [u8],
    at: usize,
    buffer: &'a mut Vec<u8>,
) -> (&'a [u8], usize) {
    let mut end = at;
    let mut seen = 0;
    while let Some(byte) = html.get(end) {
        let class = CLASSES[usize::from(*byte)];
        if class & (BLANK | SLASH | CLOSE) != 0 {
            break;
        }
        seen |= class;
        end += 1;
    }
    let name = &html[at..end];
    if seen & REPLACED == 0 {
        return (name, end);
    }
    buffer.clear();
    for byte in name {
        match byte {
            0 => buffer.extend_from_slice("\u{FFFD}".as_bytes()),
            byte => buffer.push(byte.to_ascii_lowercase()),
        }
    }
    (buffer, end)
}

/// Where a tag ended.
#[derive(Clone, Copy)]
pub(super) struct End {
    /// What follows its `>`.
    pub(super) at: usize,
    pub(super) self_closing: bool,
}

/// The attributes of a tag: the range of each name and value (WHATWG HTML 13.2.5.32 to 40).
pub(super) struct Attributes<'a> {
    html: &'a [u8],
    at: usize,
    /// Known after the last attribute; `None` if the page ends within the tag, which then is none.
    pub(super) end: Option<End>,
}

impl<'a> Attributes<'a> {
    /// Those of the tag whose name ends at `at`.
    pub(super) fn new(html: &'a [u8], at: usize) -> Self {
        Self { html, at, end: None }
    }

    fn skip_while(&mut self, class: u8) {
        let rest = &self.html[self.at..];
        self.at += rest.iter().take_while(|byte| CLASSES[usize::from(**byte)] & class != 0).count();
    }

    /// A value and what precedes it, from the `=` if there is one.
    fn value(&mut self) -> Option<Range<usize>> {
        self.skip_while(BLANK);
        if self.html.get(self.at) != Some(&b'=') {
            return Some(self.at..self.at);
        }
        self.at += 1;
        self.skip_while(BLANK);
        let start = self.at;
        if let quote @ (b'"' | b'\'') = *self.html.get(start)? {
            let length = memchr(quote, &self.html[start + 1..])?;
            self.at = start + length + 2;
            return Some(start + 1..start + 1 + length);
        }
        self.skip_while(!(BLANK | CLOSE));
        Some(start..self.at)
    }
}

impl Iterator for Attributes<'_> {
    type Item = (Range<usize>, Range<usize>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut self_closing = false;
        loop {
            let byte = *self.html.get(self.at)?;
            match byte {
                b'>' => {
                    self.end = Some(End { at: self.at + 1, self_closing });
                    return None;
                }
                b'/' => self_closing = true,
                _ if CLASSES[usize::from(byte)] & BLANK != 0 => self_closing = false,
                _ => break,
            }
            self.at += 1;
        }
        let start = self.at;
        // Whatever begins a name belongs to it, even `=`.
        self.at += 1;
        self.skip_while(!(BLANK | SLASH | CLOSE | EQUALS));
        let name = start..self.at;
        Some((name, self.value()?))
    }
}
