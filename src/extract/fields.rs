//! What does a page say about itself: titles, headings, languages, structured data?

use super::json_ld::JsonLd;
use super::tokens::{Attribute, Tag};
use super::{MAX_FIELD_BYTES, MAX_HEADINGS, MAX_LANGUAGES, folded_text, push_folded};

/// Open Graph and Twitter properties that are kept, and bytes of each.
const MAX_PROPERTIES: usize = 64;

/// Name and content, or language and reference.
type Pairs = Vec<(String, String)>;

/// The fields, while the page is read.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) description: Option<String>,
    pub(super) lang: Option<String>,
    pub(super) base: Option<String>,
    pub(super) claimed_canonical: Option<String>,
    pub(super) rel_next: Option<String>,
    pub(super) rel_prev: Option<String>,
    pub(super) hreflang: Pairs,
    pub(super) properties: Pairs,
    pub(super) headings: Vec<(u8, String)>,
    pub(super) json_ld: JsonLd,
    title: Option<Vec<u8>>,
    is_in_title: bool,
    /// The open heading.
    heading: Option<(u8, Vec<u8>)>,
}

impl Fields {
    /// A start tag that may carry a field. What svg and math have of the same names says
    /// nothing of the page.
    pub(super) fn start(&mut self, tag: &Tag<'_>) {
        match tag.name {
            _ if tag.is_foreign => {}
            b"title" if self.title.is_none() => {
                self.title = Some(Vec::new());
                self.is_in_title = true;
            }
            b"html" if self.lang.is_none() => {
                self.lang = tag.get(Attribute::Lang).map(|lang| cut(lang.trim(), 64));
                self.lang.take_if(|lang| lang.is_empty());
            }
            b"base" if self.base.is_none() => self.base = href(tag),
            b"link" => self.relation(tag),
            [b'h', level @ b'1'..=b'6'] => {
                self.end_heading();
                self.heading = Some((level - b'0', Vec::new()));
            }
            _ => {}
        }
    }

    /// An end tag.
    pub(super) fn end(&mut self, name: &[u8]) {
        match name {
            b"title" => self.is_in_title = false,
            [b'h', b'1'..=b'6'] => self.end_heading(),
            b"script" => self.json_ld.end(),
            _ => {}
        }
    }

    /// Text that is shown.
    pub(super) fn text(&mut self, text: &[u8]) {
        if let Some((_, folded)) = &mut self.heading {
            push_folded(folded, text, MAX_FIELD_BYTES);
        }
    }

    /// Text of a title.
    pub(super) fn title_text(&mut self, text: &[u8]) {
        if let Some(title) = self.title.as_mut().filter(|_| self.is_in_title) {
            push_folded(title, text, MAX_FIELD_BYTES);
        }
    }

    /// Text of a script.
    pub(super) fn script_text(&mut self, text: &[u8]) {
        self.json_ld.text(text);
    }

    /// A script of this media type begins; whether it is data rather than a script.
    pub(super) fn script(&mut self, media_type: &str) -> bool {
        let is_json_ld = media_type.trim().eq_ignore_ascii_case("application/ld+json");
        self.json_ld.start(is_json_ld);
        is_json_ld || media_type.to_ascii_lowercase().contains("json")
    }

    /// `<meta>` with a name or property and a content.
    pub(super) fn meta(&mut self, name: &str, content: &str) {
        if name.eq_ignore_ascii_case("description") && self.description.is_none() {
            let mut folded = Vec::new();
            push_folded(&mut folded, content.as_bytes(), MAX_FIELD_BYTES);
            self.description = Some(folded_text(&folded));
        }
        let prefix = name.split_once(':').map(|(prefix, _)| prefix.to_ascii_lowercase());
        if matches!(prefix.as_deref(), Some("og" | "twitter" | "article"))
            && self.properties.len() < MAX_PROPERTIES
        {
            let name = cut(&name.to_ascii_lowercase(), 64);
            self.properties.push((name, cut(content.trim(), MAX_FIELD_BYTES)));
        }
    }

    /// The title and the first heading of level 1.
    pub(super) fn finish(&mut self) -> (Option<String>, Option<String>) {
        self.end_heading();
        self.json_ld.end();
        let h1 = self.headings.iter().find(|(level, _)| *level == 1);
        (self.title.take().map(|title| folded_text(&title)), h1.map(|(_, text)| text.clone()))
    }

    /// What `rel` says of a `<link>` or `<a>`.
    pub(super) fn relation(&mut self, tag: &Tag<'_>) {
        let Some(rel) = tag.get(Attribute::Rel) else { return };
        let is_link = tag.name == b"link";
        let mut is_alternate = false;
        for word in rel.split_ascii_whitespace() {
            if word.eq_ignore_ascii_case("next") {
                self.rel_next = self.rel_next.take().or_else(|| href(tag));
            } else if word.eq_ignore_ascii_case("prev") || word.eq_ignore_ascii_case("previous") {
                self.rel_prev = self.rel_prev.take().or_else(|| href(tag));
            } else if is_link && word.eq_ignore_ascii_case("canonical") {
                self.claimed_canonical = self.claimed_canonical.take().or_else(|| href(tag));
            } else if is_link && word.eq_ignore_ascii_case("alternate") {
                is_alternate = true;
            }
        }
        if is_alternate
            && self.hreflang.len() < MAX_LANGUAGES
            && let (Some(lang), Some(href)) = (tag.get(Attribute::Hreflang), href(tag))
        {
            self.hreflang.push((cut(lang.trim(), 64), href));
        }
    }

    fn end_heading(&mut self) {
        if let Some((level, folded)) = self.heading.take()
            && self.headings.len() < MAX_HEADINGS
        {
            self.headings.push((level, folded_text(&folded)));
        }
    }
}

fn href(tag: &Tag<'_>) -> Option<String> {
    tag.get(Attribute::Href).map(|href| href.trim().to_owned())
}

/// The first `cap` bytes of `text`, less a character cut at the end.
pub(super) fn cut(text: &str, cap: usize) -> String {
    start(text, cap).to_owned()
}

/// The first `cap` bytes of `text`, less if a character ends beyond them.
pub(super) fn start(text: &str, cap: usize) -> &str {
    &text[..text.floor_char_boundary(cap.min(text.len()))]
}
