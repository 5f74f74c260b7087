//! What is in a body: a robots.txt, a sitemap, a page, a stylesheet?

use std::collections::HashSet;
use std::sync::Arc;

use super::wanted::{is_css, is_html, is_kept};
use super::{PageRules, Read, page};
use crate::canonical::{CanonicalUrl, join};
use crate::engine::record::{
    BodyRecord, Candidate, Found, FoundBy, Kind, RobotsAnswer, SitemapEntry,
};
use crate::extract;
use crate::fetch::{Fetched, Head, decode, gunzip};
use crate::hash::ContentHash;
use crate::refusal::{Reason, Refusal};
use crate::robots::{MAX_ROBOTS_BYTES, Rules};
use crate::sitemap;

/// Bytes of a body that are read once its encoding is undone.
pub(super) fn decoded_cap(kind: Kind, rules: &PageRules) -> usize {
    match kind {
        // One more tells that there is more.
        Kind::Robots => MAX_ROBOTS_BYTES + 1,
        Kind::Sitemap => sitemap::Limits::default().max_bytes,
        Kind::Page | Kind::Asset | Kind::External => rules.max_body,
    }
}

/// Whether a body is packed, whatever its headers say.
pub(super) fn is_gzip(body: &[u8]) -> bool {
    body.starts_with(&[0x1f, 0x8b])
}

/// Undoes the content encoding and reads what the body is.
pub(super) fn read_body(
    candidate: &Candidate,
    body: Vec<u8>,
    fetched: &Fetched,
    rules: &PageRules,
) -> Read {
    let head = &fetched.head;
    let encoding = head.get_all("content-encoding").collect::<Vec<_>>().join(",");
    let cap = decoded_cap(candidate.kind, rules);
    let decoded = match decode(body, &encoding, cap) {
        Ok(decoded) => decoded,
        Err(error) => return Read { error: Some(error.into()), ..Read::default() },
    };
    let is_cut = fetched.is_cut || decoded.is_cut;
    let body_bytes = Some(decoded.bytes.len() as u64);
    let read = match candidate.kind {
        Kind::Robots => {
            let rules = Arc::new(Rules::parse(&decoded.bytes, &rules.product_token));
            Read { robots: Some(RobotsAnswer { rules, body: decoded.bytes }), ..Read::default() }
        }
        Kind::Sitemap => read_sitemap(candidate, decoded.bytes, head, rules),
        Kind::Page | Kind::Asset if is_html(head) || page::looks_like_html(&decoded.bytes) => {
            page::read(candidate, &decoded.bytes, is_cut, head, rules)
        }
        Kind::Asset if is_css(head) => Read {
            found: css_links(candidate, &decoded.bytes, head, rules),
            body: kept_body(&decoded.bytes, head, rules),
            ..Read::default()
        },
        Kind::Page | Kind::Asset => {
            Read { body: kept_body(&decoded.bytes, head, rules), ..Read::default() }
        }
        Kind::External => Read::default(),
    };
    Read { body_bytes, is_cut, ..read }
}

fn kept_body(body: &[u8], head: &Head, rules: &PageRules) -> Option<(ContentHash, BodyRecord)> {
    is_kept(rules.bodies, head).then(|| (ContentHash::of(body), page::compress(body)))
}

/// What a stylesheet refers to: assets, too.
fn css_links(candidate: &Candidate, body: &[u8], head: &Head, rules: &PageRules) -> Vec<Found> {
    let (text, _) = extract::decode(body, head.charset());
    let base = candidate.url.to_url();
    let mut met = HashSet::new();
    let urls = extract::css_references(&text).into_iter().filter_map(|raw| join(&base, &raw).ok());
    urls.filter(|(url, _)| met.insert(url.clone()))
        .map(|(url, _)| {
            let (kind, refusal) = judge_asset(&url, rules);
            Found {
                hash: rules.hasher.hash(url.as_str()),
                text: url.text(),
                kind,
                by: FoundBy::Link,
                refusal,
            }
        })
        .collect()
}

/// As what a part of a page, or the target of a redirect, would be fetched, and what
/// is against it.
pub(super) fn judge_asset(url: &CanonicalUrl, rules: &PageRules) -> (Kind, Option<Refusal>) {
    match rules.scope.judge(url) {
        Ok(()) => (Kind::Asset, None),
        Err(refusal) if refusal.reason == Reason::External && rules.check_external => {
            (Kind::External, None)
        }
        Err(refusal) => (Kind::Page, Some(refusal)),
    }
}

fn read_sitemap(candidate: &Candidate, body: Vec<u8>, head: &Head, rules: &PageRules) -> Read {
    if is_html(head) {
        return Read::default();
    }
    let limits = sitemap::Limits::default();
    let unzipped = is_gzip(&body).then(|| gunzip(&body, limits.max_bytes).ok()).flatten();
    let body = unzipped.map_or(body, |decoded| decoded.bytes);
    let sitemap = sitemap::parse(&body, limits);
    // It may be 50 MiB, and its URLs as much again.
    drop(body);
    let base = candidate.url.to_url();
    let mut read = Read::default();
    let (kind, by) = match sitemap.kind {
        sitemap::Kind::Index => (Kind::Sitemap, FoundBy::Link),
        _ => (Kind::Page, FoundBy::Sitemap),
    };
    for entry in sitemap.entries {
        let found = match join(&base, &entry.url) {
            Ok((url, _)) => {
                let url = if kind == Kind::Page { rules.scope.stripped(url) } else { url };
                let refusal = against_sitemap_entry(kind, &url, rules);
                Found { hash: rules.hasher.hash(url.as_str()), text: url.text(), kind, by, refusal }
            }
            Err(unusable) => page::unusable(&entry.url, &unusable, by, &rules.hasher),
        };
        let target = u32::try_from(read.found.len()).expect("entries are capped");
        read.found.push(found);
        read.sitemap.push(SitemapEntry {
            target,
            lastmod: entry.lastmod,
            changefreq: entry.changefreq,
            priority: entry.priority,
        });
    }
    read
}

/// What stands against a URL that a sitemap names. A sitemap of the site may lie
/// outside the scope's folder and patterns, but not with strangers.
fn against_sitemap_entry(kind: Kind, url: &CanonicalUrl, rules: &PageRules) -> Option<Refusal> {
    let refusal = rules.scope.judge(url).err();
    refusal.filter(|refusal| kind == Kind::Page || refusal.reason == Reason::External)
}
