//! What do the tags of a page amount to?

use super::links::{LinkKind, leads_to_document, references, srcset_urls};
use super::tokens::{Attribute, Sink, Tag};
use super::{Extracted, MAX_ANCHOR_BYTES, MAX_FIELD_BYTES, MAX_LINKS, RawLink, Region};
use super::{folded_text, push_folded, refresh_target};

/// Regions whose nesting is followed.
const MAX_REGIONS: usize = 64;

/// Collects fields and links from the tags of one page.
pub(super) struct Page<'a> {
    product_token: &'a str,
    found: Extracted,
    title: Capture,
    h1: Capture,
    /// The index of the open `<a>` in the links, and its text so far.
    anchor: Option<(usize, Vec<u8>)>,
    regions: Vec<Region>,
    in_word: bool,
}

/// The text of the first element of a kind.
#[derive(Default)]
enum Capture {
    #[default]
    Waiting,
    Open(Vec<u8>),
    Closed(Vec<u8>),
}

impl Capture {
    fn open(&mut self) {
        if matches!(self, Self::Waiting) {
            *self = Self::Open(Vec::new());
        }
    }

    fn text(&mut self, text: &[u8]) {
        if let Self::Open(folded) = self {
            push_folded(folded, text, MAX_FIELD_BYTES);
        }
    }

    fn close(&mut self) {
        if let Self::Open(folded) = self {
            *self = Self::Closed(std::mem::take(folded));
        }
    }

    fn take(self) -> Option<String> {
        match self {
            Self::Waiting => None,
            Self::Open(folded) | Self::Closed(folded) => Some(folded_text(&folded)),
        }
    }
}

impl<'a> Page<'a> {
    pub(super) fn new(product_token: &'a str) -> Self {
        Self {
            product_token,
            found: Extracted::default(),
            title: Capture::default(),
            h1: Capture::default(),
            anchor: None,
            regions: Vec::new(),
            in_word: false,
        }
    }

    pub(super) fn finish(mut self) -> Extracted {
        self.close_anchor();
        self.found.title = self.title.take();
        self.found.h1 = self.h1.take();
        self.found
    }

    fn close_anchor(&mut self) {
        if let Some((index, text)) = self.anchor.take() {
            self.found.links[index].anchor = folded_text(&text);
        }
    }

    /// Keeps a link; gives its index if there was room.
    fn push_link(
        &mut self,
        kind: LinkKind,
        href: String,
        anchor: String,
        tag: &Tag<'_>,
    ) -> Option<usize> {
        if self.found.links.len() >= MAX_LINKS {
            self.found.links_cut = self.found.links_cut.saturating_add(1);
            return None;
        }
        let rel = tag.get(Attribute::Rel).map(|rel| cut(rel.trim(), 128)).unwrap_or_default();
        let media_type = tag.get(Attribute::Type).unwrap_or_default();
        let is_document = leads_to_document(kind, &rel, &media_type);
        let region = self.regions.last().copied().unwrap_or_default();
        self.found.links.push(RawLink { href, kind, anchor, rel, region, is_document });
        Some(self.found.links.len() - 1)
    }

    fn links_of(&mut self, tag: &Tag<'_>) {
        let alt = tag.get(Attribute::Alt);
        let alt = alt.map(|alt| cut(alt.trim(), MAX_ANCHOR_BYTES)).unwrap_or_default();
        references(tag, |kind, href| {
            let index = self.push_link(kind, href.into_owned(), alt.clone(), tag);
            if kind == LinkKind::A {
                self.anchor = index.map(|index| (index, Vec::new()));
            }
        });
        if !matches!(tag.name, b"img" | b"source" | b"link") {
            return;
        }
        for attribute in [Attribute::Srcset, Attribute::ImageSrcset] {
            for url in tag.get(attribute).iter().flat_map(|srcset| srcset_urls(srcset)) {
                self.push_link(LinkKind::Srcset, url.to_owned(), alt.clone(), tag);
            }
        }
    }

    fn meta(&mut self, tag: &Tag<'_>) {
        let Some(content) = tag.get(Attribute::Content) else { return };
        if let Some(name) = tag.get(Attribute::Name) {
            let name = name.trim();
            if name.eq_ignore_ascii_case("description") && self.found.description.is_none() {
                let mut folded = Vec::new();
                push_folded(&mut folded, content.as_bytes(), MAX_FIELD_BYTES);
                self.found.description = Some(folded_text(&folded));
            } else if name.eq_ignore_ascii_case("robots")
                || name.eq_ignore_ascii_case(self.product_token)
            {
                self.found.directives.add(&content);
            }
        }
        if tag
            .get(Attribute::HttpEquiv)
            .is_some_and(|name| name.trim().eq_ignore_ascii_case("refresh"))
            && let Some(target) = refresh_target(&content)
        {
            self.push_link(LinkKind::MetaRefresh, target.to_owned(), String::new(), tag);
        }
    }

    fn count_words(&mut self, text: &[u8]) {
        for byte in text {
            let is_blank = byte.is_ascii_whitespace();
            if self.in_word && is_blank {
                self.found.words = self.found.words.saturating_add(1);
            }
            self.in_word = !is_blank;
        }
    }

    fn end_word(&mut self) {
        if self.in_word {
            self.found.words = self.found.words.saturating_add(1);
            self.in_word = false;
        }
    }
}

impl Sink for Page<'_> {
    fn start(&mut self, tag: &Tag<'_>) {
        match tag.name {
            b"a" => self.close_anchor(),
            b"title" if !tag.is_foreign => self.title.open(),
            b"h1" => self.h1.open(),
            b"html" if self.found.lang.is_none() => {
                self.found.lang = tag
                    .get(Attribute::Lang)
                    .map(|lang| cut(lang.trim(), 64))
                    .filter(|lang| !lang.is_empty());
            }
            b"base" if self.found.base.is_none() => {
                self.found.base = tag.get(Attribute::Href).map(|href| href.trim().to_owned());
            }
            b"meta" => self.meta(tag),
            b"link" if self.found.claimed_canonical.is_none() => {
                let rel = tag.get(Attribute::Rel).unwrap_or_default();
                if rel.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("canonical")) {
                    self.found.claimed_canonical =
                        tag.get(Attribute::Href).map(|href| href.trim().to_owned());
                }
            }
            b"img" => {
                if let (Some((_, text)), Some(alt)) = (&mut self.anchor, tag.get(Attribute::Alt)) {
                    push_folded(text, alt.as_bytes(), MAX_ANCHOR_BYTES);
                }
            }
            _ => {}
        }
        if let Some(region) = region(tag.name).filter(|_| self.regions.len() < MAX_REGIONS) {
            self.regions.push(region);
        }
        if !is_inline(tag.name) {
            self.end_word();
        }
        if tag.has_attributes() {
            self.links_of(tag);
        }
    }

    fn end(&mut self, name: &[u8]) {
        match name {
            b"a" => self.close_anchor(),
            b"title" => self.title.close(),
            b"h1" => self.h1.close(),
            _ => {}
        }
        if let Some(region) = region(name)
            && let Some(at) = self.regions.iter().rposition(|open| *open == region)
        {
            self.regions.truncate(at);
        }
        if !is_inline(name) {
            self.end_word();
        }
    }

    fn text(&mut self, text: &[u8], raw: Option<&[u8]>) {
        match raw {
            Some(b"title") => return self.title.text(text),
            Some(_) => return,
            None => {}
        }
        self.h1.text(text);
        if let Some((_, anchor)) = &mut self.anchor {
            push_folded(anchor, text, MAX_ANCHOR_BYTES);
        }
        self.count_words(text);
    }
}

fn region(name: &[u8]) -> Option<Region> {
    match name {
        b"nav" => Some(Region::Nav),
        b"header" => Some(Region::Header),
        b"main" | b"article" => Some(Region::Main),
        b"aside" => Some(Region::Aside),
        b"footer" => Some(Region::Footer),
        _ => None,
    }
}

/// Elements within which a word goes on.
fn is_inline(name: &[u8]) -> bool {
    matches!(
        name,
        b"a" | b"abbr"
            | b"b"
            | b"bdi"
            | b"bdo"
            | b"cite"
            | b"code"
            | b"em"
            | b"font"
            | b"i"
            | b"mark"
            | b"q"
            | b"s"
            | b"small"
            | b"span"
            | b"strong"
            | b"sub"
            | b"sup"
            | b"tt"
            | b"u"
            | b"var"
            | b"wbr"
    )
}

/// The first `cap` bytes of `text`, less a character cut at the end.
fn cut(text: &str, cap: usize) -> String {
    text[..text.floor_char_boundary(cap.min(text.len()))].to_owned()
}
