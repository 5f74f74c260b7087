//! What does a page become: fields, distinct URLs, and links between them?

use std::borrow::Cow;
use std::cell::RefCell;
use std::sync::Arc;

use super::links::Links;
use super::{PageRules, Read, headers};
use crate::canonical::{MAX_URL_BYTES, QueryEncoding, Unusable, join_in, without_credentials};
use crate::config::Bodies;
use crate::engine::record::{BodyRecord, Candidate, Found, FoundBy, Kind, PageRecord};
use crate::extract;
use crate::fetch::{Decoded, Head};
use crate::hash::{ContentHash, UrlHasher};
use crate::pool::spent;
use crate::refusal::{Reason, Refusal};

/// Level of compression of stored bodies: the fastest.
const ZSTD_LEVEL: i32 = 1;
/// Bytes of the buffer for compressed bodies that each thread keeps.
const MAX_IDLE_BUFFER: usize = 1 << 20;
/// Bytes that are kept of a reference too long, or too odd, to be a URL.
const ODD_BYTES: usize = 256;

/// Reads an HTML page. Of a body that was cut, no links are taken.
pub(super) fn read(
    candidate: &Candidate,
    body: Decoded,
    is_cut: bool,
    head: &Head,
    rules: &PageRules,
) -> Read {
    let mut read = read_text(candidate, &body.bytes, is_cut, head, rules);
    if let Some(page) = read.page.as_mut().filter(|_| rules.bodies != Bodies::None) {
        page.body = Some(pack(body));
    }
    read
}

/// Reads an HTML page whose body the file has.
pub(super) fn read_stored(
    candidate: &Candidate,
    body: &[u8],
    head: &Head,
    rules: &PageRules,
) -> Read {
    read_text(candidate, body, false, head, rules)
}

fn read_text(
    candidate: &Candidate,
    body: &[u8],
    is_cut: bool,
    head: &Head,
    rules: &PageRules,
) -> Read {
    let (mut text, charset) = extract::decode(body, head.charset());
    if extract::is_xhtml(head.get("content-type").unwrap_or_default()) {
        text = Cow::Owned(extract::xhtml_as_html(&text).into_owned());
    }
    let mut said = extract::extract(&text, &rules.product_token);
    for value in head.get_all("x-robots-tag") {
        said.directives.add_header(value, &rules.product_token);
    }
    let page_url = candidate.url.to_url();
    headers::add(head, &page_url, &mut said);
    let base = extract::base_url(&page_url, said.base.as_deref());
    let items = rules.items.then(|| said.take_items(&base));
    let encoding = QueryEncoding::of(charset);
    let follow = said.directives.follow || !rules.nofollow;
    let mut links = Links::new((&base, encoding), rules, follow, said.texts, said.links.len());
    if !is_cut {
        said.links.into_iter().for_each(|link| links.add(link));
    }
    let absolute = |href: &str| join_in(&base, href, encoding).ok().map(|(url, _)| url.to_string());
    let hreflang: Vec<_> = said
        .hreflang
        .iter()
        .filter_map(|(lang, href)| Some((lang.as_str(), absolute(href)?)))
        .collect();
    let record = PageRecord {
        content_hash: ContentHash::of(body),
        reading: reading(is_cut, head, rules),
        body: None,
        charset,
        title: said.title,
        description: said.description,
        h1: said.h1,
        lang: said.lang,
        claimed_canonical: said.claimed_canonical.as_deref().and_then(absolute),
        robots_directives: Some(said.directives.text).filter(|text| !text.is_empty()),
        index: said.directives.index,
        follow: said.directives.follow,
        words: said.words,
        main_words: said.main_words,
        simhash: said.simhash,
        headings: json_unless(said.headings.is_empty(), &said.headings),
        og: properties(said.properties),
        jsonld_types: json_unless(said.json_ld_types.is_empty(), &said.json_ld_types),
        hreflang: json_unless(hreflang.is_empty(), &hreflang),
        rel_next: said.rel_next.as_deref().and_then(absolute),
        rel_prev: said.rel_prev.as_deref().and_then(absolute),
        anchors: said.anchors.iter().flat_map(|hash| hash.to_le_bytes()).collect(),
        needs_javascript: said.needs_javascript,
        links: links.links,
        texts: links.texts,
        links_cut: said.links_cut.saturating_add(links.cut),
        items,
        rows: rules.extraction.read(&page_url, &text, spent),
    };
    Read { found: links.found, page: Some(Box::new(record)), ..Read::default() }
}

/// What else than the body decides what a page is read as. If it is the same as for a
/// stored version of the same content, there is nothing new to be stored.
fn reading(is_cut: bool, head: &Head, rules: &PageRules) -> u64 {
    let version = rules.version.to_string();
    let start = [&*version, if is_cut { "cut" } else { "" }, head.charset().unwrap_or_default()];
    let headers = ["x-robots-tag", "link", "refresh"];
    let said = headers.iter().flat_map(|name| std::iter::once(*name).chain(head.get_all(name)));
    rules.hasher.hash_parts(start.into_iter().chain(said))
}

/// `value` as JSON, or nothing if there is nothing in it.
fn json_unless(is_empty: bool, value: &impl serde::Serialize) -> Option<String> {
    (!is_empty).then(|| serde_json::to_string(value).expect("strings and numbers are JSON"))
}

/// Properties as a JSON object; of one that is said twice the first counts.
fn properties(said: Vec<(String, String)>) -> Option<String> {
    let mut object = serde_json::Map::new();
    for (name, content) in said {
        object.entry(name).or_insert(content.into());
    }
    json_unless(object.is_empty(), &object)
}

/// Whether a body without a media type begins as HTML does (WHATWG MIME Sniffing 7.1).
pub(super) fn looks_like_html(body: &[u8]) -> bool {
    let start = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start();
    [
        b"<!doctype html".as_slice(),
        b"<html",
        b"<head",
        b"<body",
        b"<script",
        b"<title",
        b"<!--",
        b"<div",
        b"<a",
        b"<p",
        b"<h1",
    ]
    .iter()
    .any(|prefix| start.get(..prefix.len()).is_some_and(|found| found.eq_ignore_ascii_case(prefix)))
}

/// A reference that names nothing that could be fetched, as it was written.
pub(super) fn unusable(raw: &str, unusable: &Unusable, by: FoundBy, hasher: &UrlHasher) -> Found {
    let reason = match unusable {
        Unusable::TooLong(_) => Reason::TooLong,
        Unusable::Scheme(_) => Reason::Scheme,
        Unusable::Invalid(_) => Reason::Invalid,
    };
    let raw = without_credentials(raw.trim());
    let most = if reason == Reason::TooLong { MAX_URL_BYTES } else { ODD_BYTES };
    // What is cut is still told apart by its hash.
    let text: Arc<str> = if raw.len() <= most {
        (*raw).into()
    } else {
        format!("{}…", &raw[..raw.floor_char_boundary(most)]).into()
    };
    let refusal = Some(Refusal::new(reason, unusable.to_string()));
    Found { hash: hasher.hash(&raw), text, kind: Kind::Page, by, refusal }
}

/// A body as it is stored: as it came, if its server had made it small, or compressed.
pub(super) fn pack(body: Decoded) -> BodyRecord {
    thread_local! {
        static PACKER: RefCell<Packer> = RefCell::new(Packer::new());
    }
    let Decoded { bytes, gzip, .. } = body;
    let size_bytes = bytes.len() as u64;
    if let Some(gzip) = gzip.filter(|gzip| gzip.len() <= bytes.len() / 2) {
        return BodyRecord { codec: "gzip", bytes: gzip, size_bytes };
    }
    let bytes = PACKER.with_borrow_mut(|packer| packer.pack(&bytes));
    BodyRecord { codec: "zstd", bytes, size_bytes }
}

/// Compresses into a buffer of its own, as the room that a body might need is many
/// times what it takes.
struct Packer {
    compressor: zstd::bulk::Compressor<'static>,
    buffer: Vec<u8>,
}

impl Packer {
    fn new() -> Self {
        let compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL).expect("a level that exists");
        Self { compressor, buffer: Vec::new() }
    }

    fn pack(&mut self, body: &[u8]) -> Vec<u8> {
        self.buffer.clear();
        self.buffer.reserve(zstd::zstd_safe::compress_bound(body.len()));
        let packed = self.compressor.compress_to_buffer(body, &mut self.buffer);
        packed.expect("a buffer that is large enough");
        let bytes = self.buffer.as_slice().to_vec();
        self.buffer.clear();
        self.buffer.shrink_to(MAX_IDLE_BUFFER);
        bytes
    }
}
