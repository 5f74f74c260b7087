//! What came back, as the store keeps it?

use std::net::IpAddr;
use std::sync::Arc;

use crate::extract::{Item, LinkKind, Region, RuleRows, Span, Texts};
use crate::hash::ContentHash;
use crate::robots::Rules;
use crate::sitemap::Problem;

/// The code of an answer that asks whether we are human.
pub const CHALLENGE: &str = "challenge";

/// One request and its answer, as the store keeps it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchRecord {
    /// Milliseconds since 1970 UTC.
    pub started_at: i64,
    /// From the start to the last byte.
    pub elapsed_ms: u32,
    /// From the start to the head; `None` if none came.
    pub first_byte_ms: Option<u32>,
    /// HTTP status code.
    pub status: Option<u16>,
    /// The stable code of the failure.
    pub error: Option<&'static str>,
    /// The failure in words.
    pub error_detail: Option<String>,
    /// `HTTP/1.1` or `HTTP/2`.
    pub http_version: Option<&'static str>,
    /// The address that answered.
    pub ip: Option<IpAddr>,
    /// Bytes of the body as they came.
    pub wire_bytes: u64,
    /// Bytes of the body after its content encoding was undone.
    pub body_bytes: Option<u64>,
    /// The Content-Type header.
    pub content_type: Option<String>,
    /// The response headers as a JSON object of arrays.
    pub headers: Option<String>,
    /// Whether the body is not whole, because a limit ended it.
    pub is_cut: bool,
    /// Whether the server said that what an earlier crawl stored still holds: status,
    /// headers and page are those that it confirmed.
    pub is_unchanged: bool,
    /// The body of what is no HTML, if it is kept.
    pub body: Option<(ContentHash, BodyRecord)>,
}

/// What one content of a URL says.
#[derive(Clone, Debug, PartialEq)]
pub struct PageRecord {
    /// Of the body.
    pub content_hash: ContentHash,
    /// A hash of what else the reading depended on: program, settings, headers.
    pub reading: u64,
    /// The body as it is stored, if it is and was not before.
    pub body: Option<BodyRecord>,
    /// Name of the encoding the page is written in.
    pub charset: &'static str,
    /// See [`Extracted`](crate::extract::Extracted).
    pub title: Option<String>,
    /// The same.
    pub description: Option<String>,
    /// The same.
    pub h1: Option<String>,
    /// The same.
    pub lang: Option<String>,
    /// Absolute, where it could be read.
    pub claimed_canonical: Option<String>,
    /// Everything robots directives say, from header and page.
    pub robots_directives: Option<String>,
    /// `noindex` was not said.
    pub index: bool,
    /// `nofollow` was not said.
    pub follow: bool,
    /// Words of text.
    pub words: u32,
    /// Words of the main text.
    pub main_words: u32,
    /// SimHash of the main text.
    pub simhash: Option<u64>,
    /// JSON array of level and text.
    pub headings: Option<String>,
    /// JSON object of Open Graph and Twitter properties.
    pub og: Option<String>,
    /// JSON array of names.
    pub jsonld_types: Option<String>,
    /// JSON array of language and absolute URL.
    pub hreflang: Option<String>,
    /// Absolute.
    pub rel_next: Option<String>,
    /// Absolute.
    pub rel_prev: Option<String>,
    /// Sorted hashes, four bytes each, of the places that a fragment can name.
    pub anchors: Vec<u8>,
    /// The evidence, if it does.
    pub needs_javascript: Option<String>,
    /// The links, indexes into the found URLs.
    pub links: Vec<LinkRecord>,
    /// What they say.
    pub texts: Texts,
    /// Links that were too many to keep.
    pub links_cut: u32,
    /// Its structured data, if that is kept.
    pub items: Option<Vec<Item>>,
    /// What the user's rules that are for its URL make of it.
    pub rows: Vec<RuleRows>,
}

/// A body as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BodyRecord {
    /// `zstd` or `gzip`.
    pub codec: &'static str,
    /// Compressed.
    pub bytes: Vec<u8>,
    /// Before compression.
    pub size_bytes: u64,
}

/// A link of a page version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkRecord {
    /// Index into the found URLs of the visit.
    pub target: u32,
    /// By which element or header.
    pub kind: LinkKind,
    /// Visible text.
    pub anchor: Span,
    /// As written.
    pub rel: Span,
    /// What follows the `#`.
    pub fragment: Option<Span>,
    /// In which part of the page.
    pub region: Region,
    /// Whether the link leads to a document and may be followed.
    pub follow: bool,
    /// How often the page has this same link.
    pub times: u32,
}

/// What a sitemap says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SitemapRecord {
    /// Of URLs.
    pub entries: Vec<SitemapEntry>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// What a sitemap says of a URL.
#[derive(Clone, Debug, PartialEq)]
pub struct SitemapEntry {
    /// Index into the found URLs of the visit.
    pub target: u32,
    /// As written.
    pub lastmod: Option<String>,
    /// As written.
    pub changefreq: Option<String>,
    /// 0 to 1.
    pub priority: Option<f64>,
}

/// The body of a robots.txt and its rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RobotsAnswer {
    /// What applies to us.
    pub rules: Arc<Rules>,
    /// At most 512 KiB of the file.
    pub body: Vec<u8>,
}
