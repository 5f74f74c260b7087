//! What is in a body: a robots.txt, a sitemap, a page, a stylesheet?

use std::collections::HashSet;
use std::sync::Arc;

use super::wanted::{is_css, is_html, is_kept};
use super::{PageRules, Read, challenge, page, sitemap};
use crate::canonical::{CanonicalUrl, join};
use crate::engine::record::{BodyRecord, Candidate, Found, FoundBy, Kind, RobotsAnswer};
use crate::extract;
use crate::fetch::{Decoded, FetchError, Fetched, Head, decode};
use crate::hash::ContentHash;
use crate::refusal::{Reason, Refusal};
use crate::robots::{MAX_ROBOTS_BYTES, Rules};
use crate::sitemap::Limits;

/// Bytes of a body that are read once its encoding is undone.
pub(super) fn decoded_cap(kind: Kind, rules: &PageRules) -> usize {
    match kind {
        // One more tells that there is more.
        Kind::Robots => MAX_ROBOTS_BYTES + 1,
        Kind::Sitemap => Limits::default().max_bytes,
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
        // Of a refusal only the status counts.
        Err(_) if challenge::may_be(head) => return Read::default(),
        Err(error) => return Read { error: Some(error.into()), ..Read::default() },
    };
    if challenge::may_be(head) {
        let is_html = is_html(head) || page::looks_like_html(&decoded.bytes);
        let is_challenge = is_html
            && challenge::is_told(&extract::decode(&decoded.bytes, head.charset()).0)
            || challenge::is_named(head);
        return Read { error: is_challenge.then_some(FetchError::Challenge), ..Read::default() };
    }
    let is_cut = fetched.is_cut || decoded.is_cut;
    let body_bytes = Some(decoded.bytes.len() as u64);
    let read = match candidate.kind {
        Kind::Robots => {
            let rules = Arc::new(Rules::parse(&decoded.bytes, &rules.product_token));
            Read { robots: Some(RobotsAnswer { rules, body: decoded.bytes }), ..Read::default() }
        }
        Kind::Sitemap => sitemap::read(candidate, decoded.bytes, is_cut, rules),
        Kind::Page | Kind::Asset if is_html(head) || page::looks_like_html(&decoded.bytes) => {
            page::read(candidate, decoded, is_cut, head, rules)
        }
        Kind::Asset if is_css(head) => Read {
            found: css_links(candidate, &decoded.bytes, head, rules),
            body: kept_body(decoded, head, rules),
            ..Read::default()
        },
        Kind::Page | Kind::Asset => {
            Read { body: kept_body(decoded, head, rules), ..Read::default() }
        }
        Kind::External => Read::default(),
    };
    Read { body_bytes, is_cut, ..read }
}

fn kept_body(body: Decoded, head: &Head, rules: &PageRules) -> Option<(ContentHash, BodyRecord)> {
    is_kept(rules.bodies, head).then(|| (ContentHash::of(&body.bytes), page::pack(body)))
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
