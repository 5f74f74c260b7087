//! What do the headers of an answer say of the page in it?
//!
//! `Link` (RFC 8288) and `Refresh` lead elsewhere as elements of the page do, and search
//! engines take a canonical and languages from `Link` too. Where the page says the same
//! thing itself, that counts.

use url::Url;

use crate::extract::{self, Extracted, HeaderLink, LinkKind, refresh_target};
use crate::fetch::Head;

/// Adds what the headers say to what the page at `url` says; their links stand before
/// those of the page.
pub(super) fn add(head: &Head, url: &Url, said: &mut Extracted) {
    let mut links = Vec::new();
    for mut link in head.get_all("link").flat_map(extract::header_links) {
        link.href = from_the_url(link.href, url, said);
        add_fields(&link, said);
        let HeaderLink { href, rel, media_type, .. } = link;
        links.push(said.header_link(LinkKind::LinkHeader, &href, &rel, &media_type));
    }
    if let Some(target) = head.get("refresh").and_then(refresh_target) {
        let href = from_the_url(target.to_owned(), url, said);
        links.push(said.header_link(LinkKind::RefreshHeader, &href, "", ""));
    }
    if !links.is_empty() {
        links.append(&mut said.links);
        links.truncate(extract::MAX_LINKS);
        said.links = links;
    }
}

/// A reference that means the same whatever base the page names: headers do not know of
/// it (RFC 8288 section 3.1).
fn from_the_url(href: String, url: &Url, said: &Extracted) -> String {
    if said.base.is_none() {
        return href;
    }
    url.join(&href).map_or(href, String::from)
}

fn add_fields(link: &HeaderLink, said: &mut Extracted) {
    let href = || Some(link.href.clone());
    if link.is("canonical") {
        said.claimed_canonical = said.claimed_canonical.take().or_else(href);
    }
    if link.is("next") {
        said.rel_next = said.rel_next.take().or_else(href);
    }
    if link.is("prev") || link.is("previous") {
        said.rel_prev = said.rel_prev.take().or_else(href);
    }
    let has_room = said.hreflang.len() < extract::MAX_LANGUAGES;
    if link.is("alternate") && !link.hreflang.is_empty() && has_room {
        said.hreflang.push((link.hreflang.clone(), link.href.clone()));
    }
}
