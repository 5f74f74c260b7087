//! Where does the text of an element end whose content is no markup?

use memchr::{memchr, memchr2};

/// An element whose content is text.
#[derive(Clone, Copy)]
pub(super) struct Raw {
    name: &'static [u8],
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Text in which character references are resolved.
    RcData,
    RawText,
    Script,
    /// Ends with the page.
    PlainText,
}

/// The element of this name, if its content is text (WHATWG HTML 13.2.6.4).
pub(super) fn of(name: &[u8]) -> Option<Raw> {
    let raw = |name, kind| Some(Raw { name, kind });
    match name {
        b"title" => raw(b"title", Kind::RcData),
        b"textarea" => raw(b"textarea", Kind::RcData),
        b"style" => raw(b"style", Kind::RawText),
        b"xmp" => raw(b"xmp", Kind::RawText),
        b"iframe" => raw(b"iframe", Kind::RawText),
        b"noembed" => raw(b"noembed", Kind::RawText),
        b"noframes" => raw(b"noframes", Kind::RawText),
        b"script" => raw(b"script", Kind::Script),
        b"plaintext" => raw(b"plaintext", Kind::PlainText),
        _ => None,
    }
}

impl Raw {
    pub(super) fn name(self) -> &'static [u8] {
        self.name
    }

    pub(super) fn has_references(self) -> bool {
        self.kind == Kind::RcData
    }

    /// Where the end tag opens that ends the text at `at`, or the end of the page.
    pub(super) fn end(self, html: &[u8], at: usize) -> usize {
        match self.kind {
            Kind::RcData | Kind::RawText => end_tag(html, at, self.name),
            Kind::Script => script_end(html, at),
            Kind::PlainText => html.len(),
        }
    }
}

/// The first appropriate end tag (13.2.5.9 to 14).
fn end_tag(html: &[u8], mut at: usize, name: &[u8]) -> usize {
    while let Some(distance) = memchr(b'<', &html[at..]) {
        let open = at + distance;
        if html.get(open + 1) == Some(&b'/') && is_name(&html[open + 2..], name) {
            return open;
        }
        at = open + 1;
    }
    html.len()
}

/// Whether `text` begins with the whole `name`, in any case.
fn is_name(text: &[u8], name: &[u8]) -> bool {
    text.split_at_checked(name.len()).is_some_and(|(found, after)| {
        found.eq_ignore_ascii_case(name)
            && matches!(after.first(), Some(b'\t' | b'\n' | 0x0C | b' ' | b'/' | b'>'))
    })
}

/// How much of a script the next end tag ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escape {
    No,
    /// Within `<!--`.
    Comment,
    /// Within `<script` within `<!--`: the next end tag ends only that.
    Script,
}

/// The end tag that ends a script (13.2.5.15 to 31).
fn script_end(html: &[u8], mut at: usize) -> usize {
    let mut escape = Escape::No;
    while let Some(distance) = next_of_script(&html[at..], escape) {
        let found = at + distance;
        at = found + 1;
        if html[found] == b'>' {
            if html[..found].ends_with(b"--") {
                escape = Escape::No;
            }
            continue;
        }
        let text = &html[at..];
        match (text.first(), escape) {
            (Some(b'/'), Escape::No | Escape::Comment) if is_name(&text[1..], b"script") => {
                return found;
            }
            (Some(b'/'), Escape::Script) if is_name(&text[1..], b"script") => {
                escape = Escape::Comment;
            }
            (Some(b'!'), Escape::No) if text.starts_with(b"!--") => {
                escape = Escape::Comment;
            }
            (_, Escape::Comment) if is_name(text, b"script") => escape = Escape::Script,
            _ => {}
        }
    }
    html.len()
}

/// `>` counts only where `-->` may stand.
fn next_of_script(text: &[u8], escape: Escape) -> Option<usize> {
    if escape == Escape::No { memchr(b'<', text) } else { memchr2(b'<', b'>', text) }
}
