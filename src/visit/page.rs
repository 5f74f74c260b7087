//! What does a page become: fields, distinct URLs, and links between them?

use std::cell::RefCell;
use std::sync::Arc;

use hashbrown::HashMap;
use url::Url;

use super::{PageRules, Read};
use crate::canonical::{MAX_URL_BYTES, Unusable, join, without_credentials};
use crate::config::Bodies;
use crate::engine::record::{BodyRecord, Candidate, Found, FoundBy, Kind, LinkRecord, PageRecord};
use crate::extract::{self, Extracted, LinkKind, RawLink, refresh_target};
use crate::fetch::Head;
use crate::hash::{ContentHash, UrlHasher};
use crate::refusal::{Reason, Refusal};

/// Level of compression of stored bodies: the fastest.
const ZSTD_LEVEL: i32 = 1;
/// Bytes of URLs and texts that the links of one page may have together. A short
/// reference to a long base is a long URL: 100 000 of them would be 200 MB.
const MAX_LINK_BYTES: usize = 16 << 20;
/// Bytes that are kept of a reference too long, or too odd, to be a URL.
const ODD_BYTES: usize = 256;

/// Reads an HTML page. Of a body that was cut, no links are taken.
pub(super) fn read(
    candidate: &Candidate,
    body: &[u8],
    is_cut: bool,
    head: &Head,
    rules: &PageRules,
) -> Read {
    let (text, charset) = extract::decode(body, head.charset());
    let mut said = extract::extract(&text, &rules.product_token);
    for value in head.get_all("x-robots-tag") {
        said.directives.add_header(value, &rules.product_token);
    }
    let page_url = candidate.url.to_url();
    let base = said.base.as_deref().and_then(|base| page_url.join(base).ok());
    let base = base.filter(is_base).unwrap_or(page_url);
    let mut links =
        Links::new(&base, rules, said.directives.follow || !rules.nofollow, said.links.len());
    if !is_cut {
        header_links(head, &mut said);
        for (position, link) in (0..).zip(&said.links) {
            links.add(position, link);
        }
    }
    let absolute = |href: &str| join(&base, href).ok().map(|(url, _)| url.to_string());
    let hreflang: Vec<_> = said
        .hreflang
        .iter()
        .filter_map(|(lang, href)| Some((lang.as_str(), absolute(href)?)))
        .collect();
    let record = PageRecord {
        content_hash: ContentHash::of(body),
        body: (rules.bodies != Bodies::None).then(|| compress(body)),
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
        links_cut: said.links_cut.saturating_add(links.cut),
    };
    Read { found: links.found, page: Some(Box::new(record)), ..Read::default() }
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

/// Whether references may be joined to what `<base>` says (WHATWG HTML 4.2.3, "set
/// the frozen base URL"). One that is longer than a URL may be makes every URL so.
fn is_base(base: &Url) -> bool {
    !matches!(base.scheme(), "data" | "javascript") && base.as_str().len() <= MAX_URL_BYTES
}

/// Puts the links of `Link` and `Refresh` headers before those of the page.
fn header_links(head: &Head, said: &mut Extracted) {
    let mut links = Vec::new();
    for value in head.get_all("link") {
        for (href, rel, media_type) in extract::header_links(value) {
            links.push(RawLink::of_header(LinkKind::LinkHeader, href, rel, &media_type));
        }
    }
    if let Some(target) = head.get("refresh").and_then(refresh_target) {
        links.push(RawLink::of_header(
            LinkKind::RefreshHeader,
            target.to_owned(),
            String::new(),
            "",
        ));
    }
    if !links.is_empty() {
        links.append(&mut said.links);
        links.truncate(extract::MAX_LINKS);
        said.links = links;
    }
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

pub(super) fn compress(body: &[u8]) -> BodyRecord {
    thread_local! {
        static COMPRESSOR: RefCell<zstd::bulk::Compressor<'static>> =
            RefCell::new(zstd::bulk::Compressor::new(ZSTD_LEVEL).expect("a level that exists"));
    }
    let bytes = COMPRESSOR
        .with_borrow_mut(|compressor| compressor.compress(body))
        .expect("memory to compress into");
    BodyRecord { codec: "zstd", bytes, size_bytes: body.len() as u64 }
}

/// The distinct URLs of a page and the links to them.
struct Links<'a> {
    base: &'a Url,
    rules: &'a PageRules,
    /// Whether the page lets its links be followed.
    follow: bool,
    found: Vec<Found>,
    links: Vec<LinkRecord>,
    /// What is left of [`MAX_LINK_BYTES`].
    room: usize,
    /// Links for which there was no room.
    cut: u32,
    /// What each distinct reference was joined to; `None` if there was no room.
    by_href: HashMap<&'a str, Option<(u32, Option<Box<str>>)>>,
    by_url: HashMap<Arc<str>, u32>,
    by_link: HashMap<LinkKey<'a>, usize>,
}

/// Links that differ in nothing but their place are one row.
type LinkKey<'a> = (u32, LinkKind, &'a str, &'a str, Option<Box<str>>);

impl<'a> Links<'a> {
    fn new(base: &'a Url, rules: &'a PageRules, follow: bool, count: usize) -> Self {
        Self {
            base,
            rules,
            follow,
            found: Vec::new(),
            links: Vec::with_capacity(count),
            room: MAX_LINK_BYTES,
            cut: 0,
            by_href: HashMap::with_capacity(count / 2),
            by_url: HashMap::with_capacity(count / 4),
            by_link: HashMap::with_capacity(count),
        }
    }

    fn add(&mut self, position: u32, link: &'a RawLink) {
        let Some((target, fragment)) = self.target(&link.href) else {
            self.cut = self.cut.saturating_add(1);
            return;
        };
        let (refusal, kind) = self.against(link);
        let follow = refusal.is_none() && kind == Kind::Page;
        self.weigh(target, refusal, kind, link);
        let key = (target, link.kind, &*link.anchor, &*link.rel, fragment);
        if let Some(index) = self.by_link.get(&key) {
            self.links[*index].times = self.links[*index].times.saturating_add(1);
            return;
        }
        let fragment = key.4.clone();
        if !self.takes(link.anchor.len() + link.rel.len() + fragment.as_deref().map_or(0, str::len))
        {
            self.cut = self.cut.saturating_add(1);
            return;
        }
        self.links.push(LinkRecord {
            target,
            position,
            kind: link.kind,
            anchor: link.anchor.as_str().into(),
            rel: link.rel.as_str().into(),
            fragment,
            region: link.region,
            follow,
            times: 1,
        });
        self.by_link.insert(key, self.links.len() - 1);
    }

    /// What stands against a URL is what stands against the best link to it.
    fn weigh(&mut self, target: u32, refusal: Option<Refusal>, kind: Kind, link: &RawLink) {
        let found = &mut self.found[target as usize];
        let rank = |refusal: &Option<Refusal>, kind| match refusal {
            None if kind == Kind::Page => u8::MAX,
            None => u8::MAX - 1,
            Some(refusal) => refusal.reason.link_rank(),
        };
        let known = rank(&found.refusal, found.kind);
        if found.kind == Kind::External {
            found.refusal = found.refusal.take().filter(|_| !may_be_asked_for(link));
        } else if known > 0
            && !found.refusal.as_ref().is_some_and(|it| it.reason == Reason::External)
            && (rank(&refusal, kind) > known || found.refusal.as_ref().is_some_and(is_unset))
        {
            (found.refusal, found.kind) = (refusal, kind);
        }
    }

    /// As [`Self::join`], but each distinct reference is joined once.
    fn target(&mut self, href: &'a str) -> Option<(u32, Option<Box<str>>)> {
        if let Some(known) = self.by_href.get(href) {
            return known.clone();
        }
        let joined = self.join(href);
        self.by_href.insert(href, joined.clone());
        joined
    }

    /// Whether there is room for so many bytes, which are then taken.
    fn takes(&mut self, bytes: usize) -> bool {
        let left = self.room.checked_sub(bytes);
        self.room = left.unwrap_or(self.room);
        left.is_some()
    }

    /// What stands against following a link, whatever its target, and as what its
    /// target would be fetched.
    fn against(&self, link: &RawLink) -> (Option<Refusal>, Kind) {
        if !link.is_document {
            let is_wanted = self.rules.assets && may_be_asked_for(link);
            let what = if is_hint(link) { "hint" } else { link.kind.as_str() };
            let refusal = (!is_wanted).then(|| Refusal::new(Reason::Asset, what));
            return (refusal, if is_wanted { Kind::Asset } else { Kind::Page });
        }
        let refusal = if !self.follow {
            Some(Refusal::new(Reason::Nofollow, "the page says nofollow"))
        } else if self.rules.nofollow && link.is_nofollow() {
            Some(Refusal::new(Reason::Nofollow, "rel=nofollow"))
        } else {
            None
        };
        (refusal, Kind::Page)
    }

    /// The index of the URL that `href` means, and its fragment; `None` if there is
    /// no room for it.
    fn join(&mut self, href: &str) -> Option<(u32, Option<Box<str>>)> {
        let hasher = &self.rules.hasher;
        let (found, fragment) = match join(self.base, href) {
            Ok((url, fragment)) => {
                let url = self.rules.scope.stripped(url);
                if let Some(known) = self.by_url.get(url.as_str()) {
                    return Some((*known, fragment));
                }
                let refusal = self.rules.scope.judge(&url).err().or_else(|| Some(unset()));
                let is_external = refusal.as_ref().is_some_and(|it| it.reason == Reason::External);
                let kind = if is_external && self.rules.check_external {
                    Kind::External
                } else {
                    Kind::Page
                };
                let hash = hasher.hash(url.as_str());
                (Found { text: url.text(), hash, kind, by: FoundBy::Link, refusal }, fragment)
            }
            Err(odd) => (unusable(href, &odd, FoundBy::Link, hasher), None),
        };
        if let Some(known) = self.by_url.get(&found.text) {
            return Some((*known, fragment));
        }
        if !self.takes(found.text.len()) {
            return None;
        }
        let index = u32::try_from(self.found.len()).expect("links are capped");
        self.by_url.insert(Arc::clone(&found.text), index);
        self.found.push(found);
        Some((index, fragment))
    }
}

/// Whether asking for what a link names does no harm and tells something.
fn may_be_asked_for(link: &RawLink) -> bool {
    link.kind.may_be_fetched() && !is_hint(link)
}

/// Whether a link names a server to get ready for, or a service, rather than a resource.
fn is_hint(link: &RawLink) -> bool {
    link.rel.split_ascii_whitespace().any(|word| {
        ["preconnect", "dns-prefetch", "pingback", "edituri"]
            .iter()
            .any(|hint| word.eq_ignore_ascii_case(hint))
    })
}

/// A URL whose links have not been looked at yet: the first link decides.
fn unset() -> Refusal {
    Refusal::new(Reason::Asset, "")
}

fn is_unset(refusal: &Refusal) -> bool {
    refusal.detail.is_empty()
}
