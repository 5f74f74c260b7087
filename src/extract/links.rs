//! Which tags link to what?

use super::tokens::{Attribute, Tag};

/// By what a page links to a URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the element or attribute of its name")]
pub enum LinkKind {
    #[default]
    A,
    Area,
    Iframe,
    Frame,
    Link,
    MetaRefresh,
    /// The `Refresh` response header.
    RefreshHeader,
    /// The `Link` response header.
    LinkHeader,
    /// A `Location` response header.
    Redirect,
    /// An entry of a sitemap.
    Sitemap,
    Img,
    Srcset,
    Script,
    Source,
    Video,
    Audio,
    Track,
    Poster,
    Embed,
    Object,
    Input,
    Background,
    Svg,
    Form,
    Cite,
}

impl LinkKind {
    /// Every kind, in the order of their numbers, which the store keeps.
    pub const ALL: [Self; 25] = [
        Self::A,
        Self::Area,
        Self::Iframe,
        Self::Frame,
        Self::Link,
        Self::MetaRefresh,
        Self::RefreshHeader,
        Self::LinkHeader,
        Self::Redirect,
        Self::Sitemap,
        Self::Img,
        Self::Srcset,
        Self::Script,
        Self::Source,
        Self::Video,
        Self::Audio,
        Self::Track,
        Self::Poster,
        Self::Embed,
        Self::Object,
        Self::Input,
        Self::Background,
        Self::Svg,
        Self::Form,
        Self::Cite,
    ];

    /// The name that the store keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::Area => "area",
            Self::Iframe => "iframe",
            Self::Frame => "frame",
            Self::Link => "link",
            Self::MetaRefresh => "meta-refresh",
            Self::RefreshHeader => "refresh-header",
            Self::LinkHeader => "link-header",
            Self::Redirect => "redirect",
            Self::Sitemap => "sitemap",
            Self::Img => "img",
            Self::Srcset => "srcset",
            Self::Script => "script",
            Self::Source => "source",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Track => "track",
            Self::Poster => "poster",
            Self::Embed => "embed",
            Self::Object => "object",
            Self::Input => "input",
            Self::Background => "background",
            Self::Svg => "svg",
            Self::Form => "form",
            Self::Cite => "cite",
        }
    }

    /// The kind with this name.
    pub fn from_stored(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether what such a link names may be asked for without harm: a form is
    /// never submitted, and a citation names a text, not a part of the page.
    pub fn may_be_fetched(self) -> bool {
        !matches!(self, Self::Form | Self::Cite)
    }

    /// Whether such a link leads to a document of its own, whatever its rel.
    fn is_document(self) -> bool {
        matches!(
            self,
            Self::A
                | Self::Area
                | Self::Iframe
                | Self::Frame
                | Self::MetaRefresh
                | Self::RefreshHeader
                | Self::Redirect
                | Self::Sitemap
        )
    }
}

/// Words of `rel` that lead from a `<link>` to a document.
#[rustfmt::skip]
const DOCUMENT_RELS: &[&str] = &[
    "alternate", "amphtml", "appendix", "archives", "author", "bookmark", "canonical", "chapter", "contents",
    "copyright", "first", "glossary", "help", "home", "index", "last", "license", "next", "prev", "previous",
    "section", "start", "subsection", "toc", "top", "up",
];

/// Whether a `<link>` or `Link` header with this `rel` and `type` leads to a document.
pub(super) fn rel_is_document(rel: &str, media_type: &str) -> bool {
    let mut words = rel.split_ascii_whitespace();
    let is_html = media_type.is_empty() || media_type.to_ascii_lowercase().contains("html");
    let is = |word: &str, name: &str| word.eq_ignore_ascii_case(name);
    let has_stylesheet = rel.split_ascii_whitespace().any(|word| is(word, "stylesheet"));
    is_html && !has_stylesheet && words.any(|word| DOCUMENT_RELS.iter().any(|name| is(word, name)))
}

/// Whether `rel` asks not to follow.
pub fn says_nofollow(rel: &str) -> bool {
    rel.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("nofollow"))
}

/// Whether `rel` says that a server is named to get ready for, or a service, rather
/// than a resource.
pub fn is_hint(rel: &str) -> bool {
    rel.split_ascii_whitespace().any(|word| {
        ["preconnect", "dns-prefetch", "pingback", "edituri"]
            .iter()
            .any(|hint| word.eq_ignore_ascii_case(hint))
    })
}

/// Whether links of `kind` with this `rel` and `type` lead to a document.
pub fn leads_to_document(kind: LinkKind, rel: &str, media_type: &str) -> bool {
    match kind {
        LinkKind::Link | LinkKind::LinkHeader => rel_is_document(rel, media_type),
        kind => kind.is_document(),
    }
}

/// Calls `found` with kind and reference of every link in `tag`'s attributes.
/// `<base>`, meta refresh and `srcset` are not simple references and not here.
pub(super) fn references<'a>(
    tag: &'a Tag<'_>,
    mut found: impl FnMut(LinkKind, std::borrow::Cow<'a, str>),
) {
    use Attribute::{Action, Background, Cite, Data, Href, LongDesc, Poster, Src, XlinkHref};
    let mut give = |kind, attribute| {
        if let Some(value) = tag.get(attribute) {
            found(kind, value);
        }
    };
    if tag.is_foreign {
        let href = if tag.get(Href).is_some() { Href } else { XlinkHref };
        match tag.name {
            b"a" => give(LinkKind::A, href),
            b"image" | b"use" | b"feimage" => give(LinkKind::Svg, href),
            b"script" => give(LinkKind::Script, href),
            _ => {}
        }
        return;
    }
    match tag.name {
        b"a" => give(LinkKind::A, Href),
        b"area" => give(LinkKind::Area, Href),
        b"iframe" => give(LinkKind::Iframe, Src),
        b"frame" => give(LinkKind::Frame, Src),
        b"link" => give(LinkKind::Link, Href),
        b"img" | b"image" => {
            give(LinkKind::Img, Src);
            give(LinkKind::Cite, LongDesc);
        }
        b"script" => give(LinkKind::Script, Src),
        b"source" => give(LinkKind::Source, Src),
        b"video" => {
            give(LinkKind::Video, Src);
            give(LinkKind::Poster, Poster);
        }
        b"audio" => give(LinkKind::Audio, Src),
        b"track" => give(LinkKind::Track, Src),
        b"embed" => give(LinkKind::Embed, Src),
        b"object" => give(LinkKind::Object, Data),
        b"input" => give(LinkKind::Input, Src),
        b"form" => give(LinkKind::Form, Action),
        b"body" | b"table" | b"td" | b"th" => give(LinkKind::Background, Background),
        b"blockquote" | b"q" | b"ins" | b"del" => give(LinkKind::Cite, Cite),
        _ => {}
    }
}

/// The URLs of a `srcset`, without descriptors (WHATWG HTML 4.8.4.3.10).
pub(super) fn srcset_urls(srcset: &str) -> Vec<&str> {
    let mut urls = Vec::new();
    let mut rest = srcset;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
        if rest.is_empty() {
            return urls;
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
        let (url, after) = rest.split_at(end);
        let trimmed = url.trim_end_matches(',');
        urls.push(trimmed);
        rest = if trimmed.len() < url.len() { after } else { after_descriptors(after) };
    }
}

/// What follows the comma that ends the descriptors; commas in parentheses do not.
fn after_descriptors(text: &str) -> &str {
    let mut parentheses = 0_u32;
    for (at, c) in text.char_indices() {
        match c {
            '(' => parentheses += 1,
            ')' => parentheses = parentheses.saturating_sub(1),
            ',' if parentheses == 0 => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

/// A reference of a `Link` header, with the parameters that matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderLink {
    /// As written; relative to the URL of the answer, whatever the page in it says.
    pub href: String,
    /// Empty if not said, as the others.
    pub rel: String,
    /// The `type`.
    pub media_type: String,
    /// Of an alternate.
    pub hreflang: String,
}

impl HeaderLink {
    /// Whether `word` is in its `rel`.
    pub fn is(&self, word: &str) -> bool {
        self.rel.split_ascii_whitespace().any(|it| it.eq_ignore_ascii_case(word))
    }
}

/// The references of a `Link` header (RFC 8288 section 3).
pub fn header_links(value: &str) -> Vec<HeaderLink> {
    let mut links = Vec::new();
    let mut rest = value;
    while let Some(open) = rest.find('<') {
        let Some(close) = rest[open..].find('>') else { break };
        let href = rest[open + 1..open + close].trim().to_owned();
        rest = &rest[open + close + 1..];
        let end = parameters_end(rest);
        let mut link = HeaderLink { href, ..HeaderLink::default() };
        for (name, value) in parameters(&rest[..end]) {
            let place = match &*name.to_ascii_lowercase() {
                "rel" => &mut link.rel,
                "type" => &mut link.media_type,
                "hreflang" => &mut link.hreflang,
                _ => continue,
            };
            // The first of its name counts.
            if place.is_empty() {
                value.clone_into(place);
            }
        }
        links.push(link);
        rest = &rest[end..];
    }
    links
}

/// The parameters of a link, names and values; a semicolon in quotes ends none.
fn parameters(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut in_quotes = false;
    let pieces = text.split(move |c: char| {
        in_quotes ^= c == '"';
        c == ';' && !in_quotes
    });
    pieces.filter_map(|piece| {
        let (name, value) = piece.split_once('=')?;
        Some((name.trim(), value.trim().trim_end_matches(',').trim_matches('"')))
    })
}

/// Where the parameters at the start of `text` end: at the comma before the next
/// link. Looks at no byte twice but blanks, as a header may have many links.
fn parameters_end(text: &str) -> usize {
    let mut in_quotes = false;
    let is_end = |(at, byte): (usize, u8)| {
        in_quotes ^= byte == b'"';
        byte == b',' && !in_quotes && text[at + 1..].trim_start().starts_with('<')
    };
    text.bytes().enumerate().position(is_end).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn srcset_is_split_as_the_standard_says() {
        #[rustfmt::skip]
        let cases: &[(&str, &[&str])] = &[
            ("a.png",                        &["a.png"]),
            ("a.png 1x, b.png 2x",           &["a.png", "b.png"]),
            ("a.png,b.png",                  &["a.png,b.png"]),
            ("a.png, b.png",                 &["a.png", "b.png"]),
            (" ,a.png 100w,  b,c.png 200w,", &["a.png", "b,c.png"]),
            ("a.png (1,2) 1x, b.png",        &["a.png", "b.png"]),
            ("",                             &[]),
        ];
        for (srcset, expected) in cases {
            assert_eq!(srcset_urls(srcset), *expected, "{srcset}");
        }
    }

    #[test]
    fn link_headers_are_read() {
        let found =
            header_links("<https://a/b>; rel=\"next\"; title=\"x\", </c.css>;rel=preload;as=style");
        let link = |href: &str, rel: &str| HeaderLink {
            href: href.into(),
            rel: rel.into(),
            ..HeaderLink::default()
        };
        assert_eq!(found, [link("https://a/b", "next"), link("/c.css", "preload")]);
        let de = &header_links("</de>; REL=alternate; hreflang=\"de\"; type=text/html; rel=no")[0];
        assert_eq!((&*de.rel, &*de.hreflang, &*de.media_type), ("alternate", "de", "text/html"));
        assert_eq!(header_links("<a>; title=\"x; rel=next\"; rel=prev"), [link("a", "prev")]);
        assert_eq!(header_links("<unclosed").len(), 0);
        let hrefs =
            |value| header_links(value).into_iter().map(|link| link.href).collect::<Vec<_>>();
        assert_eq!(hrefs("<a>; title=\"x, <y>\",  <b>, <c>,<d>"), ["a", "b", "c", "d"]);
    }

    #[test]
    fn rel_decides_whether_a_link_element_leads_to_a_document() {
        #[rustfmt::skip]
        let cases = [
            ("next", "", true), ("NEXT", "text/html", true), ("stylesheet", "", false), ("alternate stylesheet", "", false),
            ("alternate", "application/rss+xml", false), ("alternate", "application/xhtml+xml", true),
            ("icon", "", false), ("canonical", "", true), ("preload", "", false), ("", "", false),
        ];
        for (rel, media_type, expected) in cases {
            assert_eq!(rel_is_document(rel, media_type), expected, "{rel} {media_type}");
        }
    }
}
