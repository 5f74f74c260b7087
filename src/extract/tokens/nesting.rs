//! What surrounds a tag: svg, math, or a template?
//!
//! Only the elements that decide this are followed, not all that are open. So an
//! end tag that would close an svg by closing an element around it does not.

use super::attributes::{Attribute, Tag};

/// Elements whose nesting is followed.
const MAX_OPEN: usize = 256;

/// The open elements that decide how their content is read.
#[derive(Default)]
pub(super) struct Nesting {
    open: Vec<Open>,
    /// How many of them are templates.
    templates: usize,
}

#[derive(Clone, Copy)]
struct Open {
    name: &'static [u8],
    content: Content,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    Svg,
    Math,
    /// HTML within svg or math: an integration point.
    Html,
    /// The same, but for `<mglyph>` and `<malignmark>`.
    MathText,
    /// HTML that is no part of the page.
    Template,
}

impl Nesting {
    /// Whether what comes stands in svg or math.
    pub(super) fn is_foreign(&self) -> bool {
        matches!(self.content(), Content::Svg | Content::Math)
    }

    /// Whether what comes is no part of the page.
    pub(super) fn is_in_template(&self) -> bool {
        self.templates > 0
    }

    fn content(&self) -> Content {
        self.open.last().map_or(Content::Html, |open| open.content)
    }

    /// Whether the element of this start tag is one of svg or math (WHATWG HTML
    /// 13.2.6, 13.2.6.5); what comes stands in it, if it has content.
    pub(super) fn start(&mut self, tag: &Tag<'_>) -> bool {
        if self.is_foreign() && is_breakout(tag) {
            self.leave_foreign();
        }
        let Some(name) = followed(tag.name) else { return self.is_foreign() };
        let (is_foreign, content) = match self.content() {
            Content::MathText if matches!(name, b"mglyph" | b"malignmark") => (true, Content::Math),
            Content::Math if name == b"svg" && self.is_in_annotation() => (true, Content::Svg),
            Content::Html | Content::MathText | Content::Template => html(name),
            Content::Svg => (true, svg(name)),
            Content::Math => (true, math(name, tag)),
        };
        let has_content = !(is_foreign && tag.self_closing);
        // The text of an HTML title is raw, so its end tag closes nothing else.
        let matters =
            is_foreign || content == Content::Template || !self.open.is_empty() && name != b"title";
        if has_content && matters && self.open.len() < MAX_OPEN {
            self.open.push(Open { name, content });
            self.templates += usize::from(content == Content::Template);
        }
        is_foreign
    }

    /// Leaves what this end tag closes.
    pub(super) fn end(&mut self, name: &[u8]) {
        if self.is_foreign() && matches!(name, b"p" | b"br") {
            self.leave_foreign();
        }
        if self.open.is_empty() || followed(name).is_none() {
            return;
        }
        let is_template = |open: &Open| open.content == Content::Template;
        // Nothing but its own end tag closes a template.
        let first = match self.open.iter().rposition(is_template) {
            Some(template) if name == b"template" => template,
            Some(template) => template + 1,
            None => 0,
        };
        if let Some(at) = self.open[first..].iter().rposition(|open| open.name == name) {
            let closed = self.open.drain(first + at..);
            self.templates -= closed.filter(is_template).count();
        }
    }

    fn leave_foreign(&mut self) {
        while self.is_foreign() {
            self.open.pop();
        }
    }

    /// Whether we are in an `<annotation-xml>` that holds no HTML.
    fn is_in_annotation(&self) -> bool {
        self.open.last().is_some_and(|open| open.name == b"annotation-xml")
    }
}

/// The name, if it is of an element that may decide how content is read. Within
/// svg, math and templates such elements are followed even where they do not, so
/// that each end tag finds its own.
#[rustfmt::skip]
fn followed(name: &[u8]) -> Option<&'static [u8]> {
    const NAMES: [&[u8]; 14] = [
        b"svg", b"math", b"template", b"foreignobject", b"desc", b"title", b"mi", b"mo", b"mn", b"ms", b"mtext",
        b"annotation-xml", b"mglyph", b"malignmark",
    ];
    NAMES.into_iter().find(|known| *known == name)
}

/// Whether an element within HTML is foreign, and what it holds.
fn html(name: &[u8]) -> (bool, Content) {
    match name {
        b"svg" => (true, Content::Svg),
        b"math" => (true, Content::Math),
        b"template" => (false, Content::Template),
        _ => (false, Content::Html),
    }
}

/// What an element of svg holds.
fn svg(name: &[u8]) -> Content {
    match name {
        b"foreignobject" | b"desc" | b"title" => Content::Html,
        _ => Content::Svg,
    }
}

/// What an element of math holds.
fn math(name: &[u8], tag: &Tag<'_>) -> Content {
    match name {
        b"mi" | b"mo" | b"mn" | b"ms" | b"mtext" => Content::MathText,
        b"annotation-xml" => annotation(tag),
        _ => Content::Math,
    }
}

/// What an `<annotation-xml>` holds.
fn annotation(tag: &Tag<'_>) -> Content {
    let encoding = tag.get(Attribute::Encoding).unwrap_or_default();
    let is_html =
        ["text/html", "application/xhtml+xml"].map(|html| encoding.eq_ignore_ascii_case(html));
    if is_html.contains(&true) { Content::Html } else { Content::Math }
}

/// Whether the tag ends svg and math (13.2.6.5).
#[rustfmt::skip]
fn is_breakout(tag: &Tag<'_>) -> bool {
    matches!(
        tag.name,
        b"b" | b"big" | b"blockquote" | b"body" | b"br" | b"center" | b"code" | b"dd" | b"div" | b"dl" | b"dt" | b"em"
        | b"embed" | b"h1" | b"h2" | b"h3" | b"h4" | b"h5" | b"h6" | b"head" | b"hr" | b"i" | b"img" | b"li"
        | b"listing" | b"menu" | b"meta" | b"nobr" | b"ol" | b"p" | b"pre" | b"ruby" | b"s" | b"small" | b"span"
        | b"strong" | b"strike" | b"sub" | b"sup" | b"table" | b"tt" | b"u" | b"ul" | b"var"
    ) || tag.name == b"font" && tag.has_any(&[b"color", b"face", b"size"])
}
