//! What do the tags of a page amount to?

use std::borrow::Cow;

use super::anchors::Anchors;
use super::fields::{Fields, start};
use super::links::{LinkKind, leads_to_document, references, srcset_urls};
use super::microdata::{self, Extent};
use super::scripting::Scripting;
use super::text::{Place, Text};
use super::tokens::{Attribute, Sink, Tag};
use super::{EMPTY_ALT, Extracted, MAX_ANCHOR_BYTES, MAX_LINKS, RawLink, Region, Span, Texts};
use super::{folded, push_folded, refresh_target};

/// Regions whose nesting is followed.
const MAX_REGIONS: usize = 64;

/// Collects fields, text and links from the tags of one page.
pub(super) struct Page<'a> {
    product_token: &'a str,
    found: Extracted,
    fields: Fields,
    text: Text,
    scripting: Scripting,
    anchors: Anchors,
    /// How much microdata was met, and what was read of it, if any was expected.
    extent: Extent,
    microdata: Option<microdata::Reading>,
    /// The index of the open `<a>` in the links.
    anchor: Option<usize>,
    /// The text of the open `<a>` so far.
    anchor_text: Vec<u8>,
    regions: Vec<Region>,
    is_in_noscript: bool,
}

/// What a tag says of its links: read once, as one `srcset` may name thousands.
struct Said<'a> {
    alt: Span,
    rel: Span,
    media_type: Cow<'a, str>,
}

impl<'a> Page<'a> {
    /// For a page of so many bytes with so much microdata.
    pub(super) fn new(product_token: &'a str, bytes: usize, extent: Extent) -> Self {
        // As much as pages have that consist of links.
        let links = Vec::with_capacity((bytes / 256).min(MAX_LINKS));
        let texts = Texts::with_capacity(bytes / 4);
        Self {
            product_token,
            found: Extracted { links, texts, ..Extracted::default() },
            fields: Fields::default(),
            text: Text::default(),
            scripting: Scripting::default(),
            anchors: Anchors::default(),
            extent: Extent::Nothing,
            microdata: (extent > Extent::Nothing).then(|| microdata::Reading::new(extent, bytes)),
            anchor: None,
            anchor_text: Vec::new(),
            regions: Vec::new(),
            is_in_noscript: false,
        }
    }

    /// How much microdata there is.
    pub(super) fn extent(&self) -> Extent {
        self.extent
    }

    pub(super) fn finish(mut self) -> Extracted {
        self.close_anchor();
        self.text.end_word();
        let (title, h1) = self.fields.finish();
        let (main_words, simhash) = self.text.main();
        let words = self.text.words();
        let documents = self.found.links.iter().filter(|link| link.is_document).count();
        let Fields {
            description,
            lang,
            base,
            claimed_canonical,
            rel_next,
            rel_prev,
            hreflang,
            properties,
            headings,
            json_ld,
            ..
        } = self.fields;
        Extracted {
            base,
            title,
            description,
            h1,
            lang,
            claimed_canonical,
            rel_next,
            rel_prev,
            hreflang,
            properties,
            headings,
            json_ld_types: json_ld.types,
            items: json_ld.items.finish(),
            microdata: self.microdata.map(microdata::Reading::finish),
            words,
            main_words,
            simhash,
            anchors: self.anchors.finish(),
            needs_javascript: self.scripting.evidence(words, documents),
            ..self.found
        }
    }

    fn close_anchor(&mut self) {
        if let Some(index) = self.anchor.take() {
            let text = folded(&self.anchor_text);
            self.found.links[index].anchor = self.found.texts.push(&text);
            self.anchor_text.clear();
        }
    }

    fn said<'b>(&mut self, tag: &Tag<'b>) -> Said<'b> {
        let (alt, rel) = (tag.get(Attribute::Alt), tag.get(Attribute::Rel).unwrap_or_default());
        let texts = &mut self.found.texts;
        let alt = texts.push(alt.as_deref().map_or("", alternative_text));
        let rel = texts.push(start(rel.trim(), 128));
        Said { alt, rel, media_type: tag.get(Attribute::Type).unwrap_or_default() }
    }

    /// Keeps a link; gives its index if there was room.
    fn push_link(&mut self, kind: LinkKind, href: &str, said: &Said<'_>) -> Option<usize> {
        if self.found.links.len() >= MAX_LINKS {
            self.found.links_cut = self.found.links_cut.saturating_add(1);
            return None;
        }
        let (anchor, rel) = (said.alt, said.rel);
        let is_document = leads_to_document(kind, self.found.texts.get(rel), &said.media_type);
        let region = self.regions.last().copied().unwrap_or_default();
        let href = self.found.texts.push(href);
        self.found.links.push(RawLink { href, kind, anchor, rel, region, is_document });
        Some(self.found.links.len() - 1)
    }

    fn links_of(&mut self, tag: &Tag<'_>) {
        let mut said = None;
        references(tag, |kind, href| {
            let said = said.get_or_insert_with(|| self.said(tag));
            let index = self.push_link(kind, &href, said);
            if kind == LinkKind::A {
                self.anchor = index;
            }
        });
        if !matches!(tag.name, b"img" | b"source" | b"link") {
            return;
        }
        for attribute in [Attribute::Srcset, Attribute::ImageSrcset] {
            for url in tag.get(attribute).iter().flat_map(|srcset| srcset_urls(srcset)) {
                let said = said.get_or_insert_with(|| self.said(tag));
                self.push_link(LinkKind::Srcset, url, said);
            }
        }
    }

    fn meta(&mut self, tag: &Tag<'_>) {
        let Some(content) = tag.get(Attribute::Content) else { return };
        if let Some(name) = tag.get(Attribute::Name) {
            let name = name.trim();
            if name.eq_ignore_ascii_case("robots") || name.eq_ignore_ascii_case(self.product_token)
            {
                self.found.directives.add(&content);
            } else {
                self.fields.meta(name, &content);
            }
        }
        if let Some(property) = tag.get(Attribute::Property) {
            self.fields.meta(property.trim(), &content);
        }
        if tag
            .get(Attribute::HttpEquiv)
            .is_some_and(|name| name.trim().eq_ignore_ascii_case("refresh"))
            && let Some(target) = refresh_target(&content)
        {
            let said = self.said(tag);
            self.push_link(LinkKind::MetaRefresh, target, &said);
        }
    }

    /// What the text that comes belongs to.
    fn place(&self) -> Place {
        if self.is_in_noscript {
            return Place::Noscript;
        }
        let is_main = self.regions.contains(&Region::Main);
        match self.regions.last() {
            None | Some(Region::Body) if is_main => Place::Main,
            None | Some(Region::Body) => Place::Elsewhere,
            // The header of an article belongs to it.
            Some(Region::Main | Region::Header) if is_main => Place::Main,
            Some(_) => Place::Boilerplate,
        }
    }

    /// An element within which a word goes on: most of all elements.
    fn start_inline(&mut self, tag: &Tag<'_>) {
        if tag.name == b"a" {
            self.fields.relation(tag);
            self.close_anchor();
        }
        self.attributes_of(tag);
    }

    fn attributes_of(&mut self, tag: &Tag<'_>) {
        if tag.has_attributes() {
            self.anchors_of(tag);
            self.links_of(tag);
        }
    }

    fn anchors_of(&mut self, tag: &Tag<'_>) {
        if let Some(id) = tag.get(Attribute::Id) {
            self.anchors.push(&id);
        }
        if tag.name == b"a"
            && let Some(name) = tag.get(Attribute::Name)
        {
            self.anchors.push(&name);
        }
    }

    fn start_script(&mut self, tag: &Tag<'_>) {
        let media_type = tag.get(Attribute::Type).unwrap_or_default();
        if !self.fields.script(&media_type) {
            self.scripting.script();
        }
    }
}

impl Sink for Page<'_> {
    fn start(&mut self, tag: &Tag<'_>) {
        self.extent = self.extent.max(Extent::of(tag));
        if let Some(microdata) = &mut self.microdata {
            microdata.start(tag);
        }
        if is_inline(tag.name) {
            self.start_inline(tag);
            return;
        }
        self.fields.start(tag);
        match tag.name {
            b"meta" => self.meta(tag),
            b"script" => self.start_script(tag),
            b"noscript" => self.is_in_noscript = true,
            b"img" => {
                if let (Some(_), Some(alt)) = (self.anchor, tag.get(Attribute::Alt)) {
                    push_folded(&mut self.anchor_text, alt.as_bytes(), MAX_ANCHOR_BYTES);
                }
            }
            b"div" | b"app-root" | b"main" => {
                if let Some(id) = tag.get(Attribute::Id) {
                    self.scripting.id(&id);
                }
            }
            _ => {}
        }
        self.text.end_word();
        if let Some(region) = region(tag.name).filter(|_| self.regions.len() < MAX_REGIONS) {
            self.regions.push(region);
        }
        self.text.set_place(self.place());
        self.attributes_of(tag);
    }

    fn end(&mut self, name: &[u8]) {
        if let Some(microdata) = &mut self.microdata {
            microdata.end(name);
        }
        if is_inline(name) {
            if name == b"a" {
                self.close_anchor();
            }
            return;
        }
        self.fields.end(name);
        if name == b"noscript" {
            self.is_in_noscript = false;
        }
        self.text.end_word();
        if let Some(region) = region(name)
            && let Some(at) = self.regions.iter().rposition(|open| *open == region)
        {
            self.regions.truncate(at);
        }
        self.text.set_place(self.place());
    }

    fn text(&mut self, text: &[u8], raw: Option<&[u8]>) {
        if let Some(microdata) = &mut self.microdata {
            microdata.text(text, raw);
        }
        match raw {
            Some(b"title") => return self.fields.title_text(text),
            Some(b"script") => return self.fields.script_text(text),
            Some(_) => return,
            None => {}
        }
        if self.is_in_noscript {
            self.scripting.noscript(text);
        }
        self.fields.text(text);
        if self.anchor.is_some() {
            push_folded(&mut self.anchor_text, text, MAX_ANCHOR_BYTES);
        }
        self.text.push(text);
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

/// What is kept of an `alt` attribute.
fn alternative_text(alt: &str) -> &str {
    match alt.trim() {
        "" => EMPTY_ALT,
        alt => start(alt, MAX_ANCHOR_BYTES),
    }
}

/// Elements within which a word goes on.
pub(super) fn is_inline(name: &[u8]) -> bool {
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
