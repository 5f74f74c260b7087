//! Which tags and texts does a page consist of?
//!
//! A tokenizer (WHATWG HTML 13.2.5) for text that lies in memory whole. It keeps
//! no state from character to character: it jumps to the next byte that matters,
//! and asks the files beside this one where what begins there ends. Names, values
//! and texts are slices of the page unless a character reference, a capital or a
//! NUL in them must be replaced. Time is linear in the length of the page.
//!
//! page ▸ line feeds ▸ `<`: `attributes` (a tag), `skipped` (a comment and the
//! like), `raw` (script, style, …) ▸ `nesting` (svg, math, template) ▸ [`Sink`];
//! `reference` resolves `&…;` in texts and values.
//!
//! It also plays the small part of the tree builder without which a tokenizer
//! goes wrong (13.2.6). noscript is read as markup, since we run no scripts.

mod attributes;
mod nesting;
mod raw;
mod reference;
mod skipped;

#[cfg(test)]
mod against_html5ever;
#[cfg(test)]
mod against_tree;
#[cfg(test)]
mod html5lib;
#[cfg(test)]
mod recorder;
#[cfg(test)]
pub(super) mod soup;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use memchr::{memchr, memchr3};

use attributes::{Values, tag_end, tag_name};
use nesting::Nesting;
use raw::Raw;
use reference::{Place, replaced, resolve};

pub(super) use attributes::{Attribute, Tag};

/// Where the tags and texts go.
pub(super) trait Sink {
    /// A start tag outside of templates; `self_closing` as written.
    fn start(&mut self, tag: &Tag<'_>);
    /// An end tag, its name in lower case.
    fn end(&mut self, name: &[u8]);
    /// A piece of text of the element `raw` if it is one of raw text; pieces end
    /// between characters.
    fn text(&mut self, text: &[u8], raw: Option<&[u8]>);
}

/// Reads `html` into `sink` and gives it back.
pub(super) fn read<S: Sink>(html: &str, sink: S) -> S {
    let html = with_line_feeds(html);
    let mut reader = Reader {
        html: &html,
        sink,
        nesting: Nesting::default(),
        values: Values::default(),
        is_in_raw_text: false,
        name: Vec::new(),
    };
    reader.run();
    reader.sink
}

/// `html` with every line end as a line feed (13.2.3.5).
fn with_line_feeds(html: &str) -> Cow<'_, str> {
    let Some(first) = memchr(b'\r', html.as_bytes()) else { return Cow::Borrowed(html) };
    let mut text = String::with_capacity(html.len());
    text.push_str(&html[..first]);
    for line in html[first + 1..].split('\r') {
        text.push('\n');
        text.push_str(line.strip_prefix('\n').unwrap_or(line));
    }
    Cow::Owned(text)
}

struct Reader<'a, S> {
    html: &'a str,
    sink: S,
    nesting: Nesting,
    /// Of the tag that is read.
    values: Values,
    /// Whether the tag that comes ends an element of raw text.
    is_in_raw_text: bool,
    /// The name of the tag that is read, if it does not stand so in the page.
    name: Vec<u8>,
}

/// What a `<` begins.
enum Markup {
    Start,
    End,
    Declaration,
    BogusComment,
}

impl Markup {
    /// What the `<` at `open` begins (13.2.5.6, 13.2.5.7); `None` if it is text.
    fn at(html: &[u8], open: usize) -> Option<Self> {
        match (html.get(open + 1)?, html.get(open + 2)) {
            (b'a'..=b'z' | b'A'..=b'Z', _) => Some(Self::Start),
            (b'/', Some(b'a'..=b'z' | b'A'..=b'Z')) => Some(Self::End),
            (b'!', _) => Some(Self::Declaration),
            (b'?', _) | (b'/', Some(_)) => Some(Self::BogusComment),
            _ => None,
        }
    }
}

/// The first `<`, `&` or NUL from `at` on. Half of all tags follow each other directly.
#[inline]
fn next_special(html: &[u8], at: usize) -> Option<usize> {
    if html.get(at) == Some(&b'<') {
        return Some(at);
    }
    memchr3(b'<', b'&', 0, &html[at..]).map(|distance| at + distance)
}

impl<S: Sink> Reader<'_, S> {
    /// The data state (13.2.5.1): text up to something in angle brackets.
    fn run(&mut self) {
        let html = self.html;
        let bytes = html.as_bytes();
        // What precedes `text` was given; what precedes `at` was looked at.
        let (mut text, mut at) = (0, 0);
        while let Some(found) = next_special(bytes, at) {
            at = found + 1;
            if bytes[found] == b'<' {
                let Some(markup) = Markup::at(bytes, found) else { continue };
                self.give(&html[text..found], None);
                at = match markup {
                    Markup::Start => self.start_tag(found),
                    Markup::End => self.end_tag(found),
                    Markup::Declaration => self.declaration(found),
                    Markup::BogusComment => skipped::bogus_comment_end(bytes, found + 1),
                };
            } else {
                let place = if self.nesting.is_foreign() { Place::Foreign } else { Place::Html };
                let Some((characters, length)) = replaced(&bytes[found..], place) else { continue };
                self.give(&html[text..found], None);
                self.give(characters.as_str(), None);
                at = found + length;
            }
            text = at;
        }
        self.give(&html[text..], None);
    }

    /// Reads the start tag that opens at `open`, and the text of its element if
    /// that is raw; gives where to go on.
    fn start_tag(&mut self, open: usize) -> usize {
        let Self { html, sink, nesting, values, name, .. } = self;
        let (name, after) = tag_name(html.as_bytes(), open + 1, name);
        let Some(end) = values.read(html.as_bytes(), after) else { return html.len() };
        let mut tag = Tag::new(html, name, after, values, end.self_closing);
        let is_hidden = nesting.is_in_template();
        tag.is_foreign = nesting.start(&tag);
        if !is_hidden {
            sink.start(&tag);
        }
        match raw::of(name) {
            Some(raw) if !tag.is_foreign => self.raw_text(end.at, raw),
            _ => end.at,
        }
    }

    /// Reads the end tag that opens at `open`; gives where to go on.
    fn end_tag(&mut self, open: usize) -> usize {
        let Self { html, sink, nesting, is_in_raw_text, name, .. } = self;
        let (name, after) = tag_name(html.as_bytes(), open + 2, name);
        let Some(end) = tag_end(html.as_bytes(), after) else { return html.len() };
        if !std::mem::take(is_in_raw_text) {
            nesting.end(name);
        }
        if !nesting.is_in_template() {
            sink.end(name);
        }
        end
    }

    /// Reads what begins with `<!` (13.2.5.42).
    fn declaration(&mut self, open: usize) -> usize {
        let bytes = self.html.as_bytes();
        let content = open + 2;
        if bytes[content..].starts_with(b"--") {
            return skipped::comment_end(bytes, content + 2);
        }
        if self.nesting.is_foreign() && bytes[content..].starts_with(b"[CDATA[") {
            let text = content + b"[CDATA[".len();
            let (end, after) = skipped::cdata_end(bytes, text);
            resolve(&self.html[text..end], Place::Plain, |piece| self.give(piece, None));
            return after;
        }
        skipped::bogus_comment_end(bytes, content)
    }

    /// Reads the text of a raw-text element up to its end tag; gives where that opens.
    fn raw_text(&mut self, at: usize, raw: Raw) -> usize {
        self.is_in_raw_text = true;
        let end = raw.end(self.html.as_bytes(), at);
        let place = if raw.has_references() { Place::Foreign } else { Place::Plain };
        resolve(&self.html[at..end], place, |piece| self.give(piece, Some(raw.name())));
        end
    }

    fn give(&mut self, text: &str, raw: Option<&[u8]>) {
        if !text.is_empty() && !self.nesting.is_in_template() {
            self.sink.text(text.as_bytes(), raw);
        }
    }
}
