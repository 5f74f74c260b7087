//! What does a page say, and where does it lead?
//!
//! Pure: bytes in, [`Extracted`] out. A page is read as a stream of WHATWG
//! tokens, never as a tree, so time and memory grow with its length alone,
//! whatever it contains: a page of 40 KB can be made to explode in any parser
//! that builds a tree.
//!
//! bytes → `charset` (text) → `tokens` (tags) → `page` (fields and raw links)

mod anchors;
mod charset;
mod css;
mod directives;
mod element;
mod fields;
mod items;
mod json_ld;
mod links;
mod markdown;
mod microdata;
mod page;
mod rules;
mod scripting;
mod selector;
mod text;
mod texts;
mod tokens;
mod tree;
mod xhtml;

pub use anchors::{anchor_hash, fragment_names};
pub use charset::decode;
pub use css::css_references;
pub use directives::{Directives, refresh_target};
pub use items::{Item, ItemFormat};
pub use links::{HeaderLink, LinkKind, header_links, is_hint, leads_to_document, says_nofollow};
pub use markdown::{MAX_TEXT_BYTES, MainText, Markup, main_text};
pub use rules::{BadRule, Cell, Column, Rule, RuleRows, Rules, allowance};
pub use selector::{BadSelector, Matches, Selector};
pub use texts::{Span, Texts};
pub use tree::Cut;
pub use xhtml::{is_xhtml, xhtml_as_html};

use microdata::{Extent, Microdata};
use page::Page;

use std::borrow::Cow;

use url::Url;

use crate::canonical::MAX_URL_BYTES;

/// Links of one page that are kept at most.
pub const MAX_LINKS: usize = 100_000;
/// Bytes of anchor text kept per link.
pub const MAX_ANCHOR_BYTES: usize = 512;
/// The anchor text of an image whose alternative text is empty, which says that it is
/// mere decoration; that of an image without one is `""`.
pub const EMPTY_ALT: &str = " ";
/// Bytes of title, description and first heading kept.
pub const MAX_FIELD_BYTES: usize = 1024;

/// Headings that are kept.
pub const MAX_HEADINGS: usize = 200;
/// `hreflang` entries that are kept.
pub const MAX_LANGUAGES: usize = 500;

/// Everything that one page says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extracted {
    /// The first `<base href>`, as written.
    pub base: Option<String>,
    /// The first `<title>` outside svg, white space folded.
    pub title: Option<String>,
    /// `<meta name=description>`.
    pub description: Option<String>,
    /// The first `<h1>`.
    pub h1: Option<String>,
    /// `<html lang>`.
    pub lang: Option<String>,
    /// `<link rel=canonical>`, as written: what the page claims, not what is believed.
    pub claimed_canonical: Option<String>,
    /// The robots directives of `<meta name=robots>` and of the meta element with our name.
    pub directives: Directives,
    /// The first `rel=next`, as written.
    pub rel_next: Option<String>,
    /// The first `rel=prev`, as written.
    pub rel_prev: Option<String>,
    /// `<link rel=alternate hreflang>`: language and reference as written.
    pub hreflang: Vec<(String, String)>,
    /// Open Graph, article and Twitter properties, with their content.
    pub properties: Vec<(String, String)>,
    /// Headings: level 1 to 6, and text.
    pub headings: Vec<(u8, String)>,
    /// The distinct types of the JSON-LD on the page.
    pub json_ld_types: Vec<String>,
    /// The items of the JSON-LD on the page.
    items: Vec<Item>,
    microdata: Option<Microdata>,
    /// Words of text outside scripts, styles and noscript.
    pub words: u32,
    /// Words of the main text: without navigation, header, footer and aside.
    pub main_words: u32,
    /// SimHash of the main text; `None` if it has fewer than 50 words.
    pub simhash: Option<u64>,
    /// The evidence that the page shows its content only to those who run its scripts.
    pub needs_javascript: Option<String>,
    /// Hashes of the places that a fragment can name, sorted.
    pub anchors: Vec<u32>,
    /// Links in the order in which they stand on the page.
    pub links: Vec<RawLink>,
    /// What they say.
    pub texts: Texts,
    /// Links beyond [`MAX_LINKS`], which were not kept.
    pub links_cut: u32,
}

/// A link as it stands on a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawLink {
    /// The reference as written, entities resolved.
    pub href: Span,
    /// By which element or attribute.
    pub kind: LinkKind,
    /// The visible text, white space folded; for images their alternative text, or
    /// [`EMPTY_ALT`].
    pub anchor: Span,
    /// The `rel` attribute as written.
    pub rel: Span,
    /// In which part of the page.
    pub region: Region,
    /// Whether it leads to a document rather than to a part of this page.
    pub is_document: bool,
}

/// The part of a page in which a link stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Region {
    /// None of the others.
    #[default]
    Body,
    /// `<nav>`
    Nav,
    /// `<header>`
    Header,
    /// `<main>` and `<article>`
    Main,
    /// `<aside>`
    Aside,
    /// `<footer>`
    Footer,
}

impl Region {
    /// Every region, in the order of their numbers, which the store keeps.
    pub const ALL: [Self; 6] =
        [Self::Body, Self::Nav, Self::Header, Self::Main, Self::Aside, Self::Footer];

    /// The name that the store keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Body => "body",
            Self::Nav => "nav",
            Self::Header => "header",
            Self::Main => "main",
            Self::Aside => "aside",
            Self::Footer => "footer",
        }
    }
}

impl Extracted {
    /// A link of a response header, with its texts among those of the page.
    pub fn header_link(&mut self, kind: LinkKind, href: &str, rel: &str, media: &str) -> RawLink {
        let is_document = leads_to_document(kind, rel, media);
        let (href, rel) = (self.texts.push(href), self.texts.push(rel));
        RawLink { href, kind, rel, is_document, ..RawLink::default() }
    }

    /// The items of the page in every format; `base` is what its references are relative
    /// to.
    pub fn take_items(&mut self, base: &Url) -> Vec<Item> {
        let mut items = std::mem::take(&mut self.items);
        items.extend(self.microdata.take().into_iter().flat_map(|said| said.items(base)));
        items
    }
}

/// The items of the page of `html` that lies at `url`.
pub fn items(html: &str, url: &Url) -> Vec<Item> {
    let mut said = extract(html, "");
    let base = base_url(url, said.base.as_deref());
    said.take_items(&base)
}

/// Reads a page of `html`. `product_token` is our name in meta robots elements.
///
/// Linear in the length of `html`, which the caller has capped.
pub fn extract(html: &str, product_token: &str) -> Extracted {
    let read = |extent| tokens::read(html, Page::new(product_token, html.len(), extent));
    let guess = Extent::guess(html);
    let page = read(guess);
    if page.extent() <= guess { page.finish() } else { read(Extent::References).finish() }
}

/// What references of a page are relative to: what its `<base>` says, if that can be
/// (WHATWG HTML 4.2.3, "set the frozen base URL"), or else the page. A base that is
/// longer than a URL may be makes every URL so.
pub fn base_url(page: &Url, href: Option<&str>) -> Url {
    let base = href.and_then(|href| page.join(href).ok()).filter(|base| {
        !matches!(base.scheme(), "data" | "javascript") && base.as_str().len() <= MAX_URL_BYTES
    });
    base.unwrap_or_else(|| page.clone())
}

/// Appends `text` to `folded` with runs of white space as one blank, none at the
/// start, up to `cap` bytes.
fn push_folded(folded: &mut Vec<u8>, text: &[u8], cap: usize) {
    let room = cap.saturating_sub(folded.len());
    folded.reserve(text.len().min(room));
    for &byte in text {
        if folded.len() >= cap {
            return;
        }
        if !byte.is_ascii_whitespace() {
            folded.push(byte);
        } else if folded.last().is_some_and(|last| *last != b' ') {
            folded.push(b' ');
        }
    }
}

/// Folded bytes as text; a character cut at the cap is left out.
fn folded(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_end().into(),
        Err(error) if error.error_len().is_none() => folded(&bytes[..error.valid_up_to()]),
        Err(_) => String::from_utf8_lossy(bytes).trim_end().to_owned().into(),
    }
}

/// The same, on its own.
fn folded_text(bytes: &[u8]) -> String {
    folded(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(html: &str) -> Vec<(String, &'static str, String)> {
        let extracted = extract(html, "crawlite");
        let text = |span| extracted.texts.get(span).to_owned();
        let links = extracted.links.iter();
        links.map(|link| (text(link.href), link.kind.as_str(), text(link.anchor))).collect()
    }

    #[test]
    fn every_row_of_the_table_gives_its_links() {
        let mut count = 0;
        for line in include_str!("../../fixtures/links.tsv").lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let cells: Vec<_> = line.split('\t').collect();
            let [html, expected, why] = cells[..] else { panic!("not three cells: {line}") };
            let spelt_out = |cell: &str| cell.replace("\\n", "\n").replace("\\t", "\t");
            let expected = spelt_out(expected);
            let found: Vec<_> = links(&spelt_out(html))
                .into_iter()
                .map(|(href, kind, anchor)| format!("{kind} {href} [{anchor}]"))
                .collect();
            assert_eq!(found.join(" | "), expected, "{why}: {html}");
            count += 1;
        }
        assert!(count > 40, "the table was read");
    }

    #[test]
    fn fields_are_the_first_of_their_kind() {
        let page = extract(
            "<html lang=en><svg><title>no</title></svg><title> A\n &amp; B </title><title>2</title>\
             <meta name=Description content='d &eacute;'><link rel='x CANONICAL' href=/c>\
             <h1>One <b>two</b></h1><h1>three</h1><base href=/x/><base href=/y/>\
             <meta name=robots content='NOINDEX, nofollow'><p>five words are in here</p>\
             <script>not these</script><style>nor these</style>",
            "crawlite",
        );
        assert_eq!(page.title.as_deref(), Some("A & B"));
        assert_eq!(page.description.as_deref(), Some("d é"));
        assert_eq!(page.h1.as_deref(), Some("One two"));
        assert_eq!(page.lang.as_deref(), Some("en"));
        assert_eq!(page.claimed_canonical.as_deref(), Some("/c"));
        assert_eq!(page.base.as_deref(), Some("/x/"));
        assert!(!page.directives.index && !page.directives.follow);
        assert_eq!(page.words, 9);
    }

    #[test]
    fn hostile_pages_cost_no_more_than_their_length() {
        let mut attributes = "<a ".to_owned();
        for n in 0..40_000 {
            attributes.push_str(&format!("a{n}=1 "));
        }
        attributes.push_str("href=/x>x</a>");
        assert_eq!(links(&attributes).len(), 1);
        assert_eq!(links(&"<div>".repeat(64_000)).len(), 0);
        assert_eq!(links(&"<svg><g>".repeat(64_000)).len(), 0);
        let many = extract(&"<a href=x>".repeat(MAX_LINKS + 5), "crawlite");
        assert_eq!((many.links.len(), many.links_cut), (MAX_LINKS, 5));
        let srcset =
            format!("<img rel='{}' srcset='{}'>", "&amp;".repeat(13_000), "a, ".repeat(21_000));
        let start = std::time::Instant::now();
        assert_eq!(links(&srcset).len(), 21_000);
        assert!(
            start.elapsed().as_secs() < 5,
            "{:?}: what a tag says is read once",
            start.elapsed()
        );
        let twice = extract("<link rel='alternate ALTERNATE' hreflang=de href=/de>", "crawlite");
        assert_eq!(twice.hreflang, [("de".into(), "/de".into())]);
        let long = extract(&format!("<title>{}", "ä".repeat(9000)), "crawlite");
        assert!(long.title.unwrap().len() <= MAX_FIELD_BYTES);
    }
}
