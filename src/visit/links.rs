//! Which distinct URLs do the links of a page name, and what is each link?
//!
//! Most links of a page name a URL that another link of it names too, so each
//! distinct reference is joined once, whatever its fragment, and each distinct
//! URL is judged once. What a link says stays where it was read.

use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashMap, HashTable};
use url::Url;

use super::PageRules;
use super::page::unusable;
use crate::canonical::{QueryEncoding, join_in, split_plain_fragment};
use crate::engine::record::{Found, FoundBy, Kind, LinkRecord};
use crate::extract::{RawLink, Span, Texts, is_hint, says_nofollow};
use crate::refusal::{Reason, Refusal};

/// Bytes of URLs and texts that the links of one page may have together. A short
/// reference to a long base is a long URL: 100 000 of them would be 200 MB.
const MAX_LINK_BYTES: usize = 16 << 20;

/// The distinct URLs of a page and the links to them.
pub(super) struct Links<'a> {
    base: &'a Url,
    encoding: Option<QueryEncoding>,
    rules: &'a PageRules,
    /// Whether the page lets its links be followed.
    follow: bool,
    /// The distinct URLs.
    pub(super) found: Vec<Found>,
    /// The distinct links.
    pub(super) links: Vec<LinkRecord>,
    /// What they say.
    pub(super) texts: Texts,
    /// Links for which there was no room.
    pub(super) cut: u32,
    /// What is left of [`MAX_LINK_BYTES`].
    room: usize,
    hash: DefaultHashBuilder,
    /// Distinct references without their fragment, and what each was joined to.
    joined: HashTable<(Span, Option<Joined>)>,
    by_url: HashMap<Arc<str>, u32>,
    /// Indexes of the links: those that differ in nothing but their place are one.
    by_link: HashTable<usize>,
}

/// A reference that was joined: the index of its URL, and its fragment if that had
/// to be escaped.
#[derive(Clone, Copy)]
struct Joined {
    target: u32,
    fragment: Option<Span>,
}

impl<'a> Links<'a> {
    /// For about `count` links of a page in this encoding, which say `texts`.
    pub(super) fn new(
        (base, encoding): (&'a Url, Option<QueryEncoding>),
        rules: &'a PageRules,
        follow: bool,
        texts: Texts,
        count: usize,
    ) -> Self {
        Self {
            base,
            encoding,
            rules,
            follow,
            found: Vec::new(),
            links: Vec::with_capacity(count),
            texts,
            cut: 0,
            room: MAX_LINK_BYTES,
            hash: DefaultHashBuilder::default(),
            joined: HashTable::with_capacity(count / 4),
            by_url: HashMap::with_capacity(count / 4),
            by_link: HashTable::with_capacity(count),
        }
    }

    /// Takes the next link of the page.
    pub(super) fn add(&mut self, link: RawLink) {
        let Some((target, fragment)) = self.target(link.href) else {
            self.cut = self.cut.saturating_add(1);
            return;
        };
        let (refusal, kind) = self.against(&link);
        let follow = refusal.is_none() && kind == Kind::Page;
        self.weigh(target, refusal, kind, &link);
        self.push(LinkRecord {
            target,
            kind: link.kind,
            anchor: link.anchor,
            rel: link.rel,
            fragment,
            region: link.region,
            follow,
            times: 1,
        });
    }

    fn push(&mut self, link: LinkRecord) {
        let Self { links, texts, by_link, .. } = self;
        let hash_of = |link: &LinkRecord| self.hash.hash_one(identity(texts, link));
        let is_same = |known: &usize| identity(texts, &links[*known]) == identity(texts, &link);
        let entry = by_link.entry(hash_of(&link), is_same, |known| hash_of(&links[*known]));
        match entry {
            Entry::Occupied(known) => {
                let known = &mut links[*known.get()];
                known.times = known.times.saturating_add(1);
            }
            Entry::Vacant(place) => {
                let bytes = link.anchor.len() + link.rel.len() + link.fragment.map_or(0, Span::len);
                let Some(left) = self.room.checked_sub(bytes) else {
                    self.cut = self.cut.saturating_add(1);
                    return;
                };
                self.room = left;
                place.insert(links.len());
                links.push(link);
            }
        }
    }

    /// What stands against a URL is what stands against the best link to it.
    fn weigh(&mut self, target: u32, refusal: Option<Refusal>, kind: Kind, link: &RawLink) {
        let is_askable = self.may_be_asked_for(link);
        let found = &mut self.found[target as usize];
        let rank = |refusal: &Option<Refusal>, kind| match refusal {
            None if kind == Kind::Page => u8::MAX,
            None => u8::MAX - 1,
            Some(refusal) => refusal.reason.link_rank(),
        };
        let known = rank(&found.refusal, found.kind);
        if found.kind == Kind::External {
            found.refusal = found.refusal.take().filter(|_| !is_askable);
        } else if known > 0
            && !found.refusal.as_ref().is_some_and(|it| it.reason == Reason::External)
            && (rank(&refusal, kind) > known || found.refusal.as_ref().is_some_and(is_unset))
        {
            (found.refusal, found.kind) = (refusal, kind);
        }
    }

    /// The index of the URL that `href` means, and its fragment; `None` if there is
    /// no room for it. Each distinct reference is joined once.
    fn target(&mut self, href: Span) -> Option<(u32, Option<Span>)> {
        let (text, fragment) = split_plain_fragment(self.texts.get(href));
        let head = href.first(text.len());
        let fragment = fragment.map(|fragment| href.last(fragment.len()));
        let hash = self.hash.hash_one(text);
        let known = self.joined.find(hash, |(known, _)| self.texts.get(*known) == text);
        let joined = if let Some((_, joined)) = known {
            *joined
        } else {
            let joined = self.join(head);
            let hash_of = |(head, _): &(Span, _)| self.hash.hash_one(self.texts.get(*head));
            self.joined.insert_unique(hash, (head, joined), hash_of);
            joined
        }?;
        Some((joined.target, fragment.or(joined.fragment)))
    }

    /// What stands against following a link, whatever its target, and as what its
    /// target would be fetched.
    fn against(&self, link: &RawLink) -> (Option<Refusal>, Kind) {
        let rel = self.texts.get(link.rel);
        if !link.is_document {
            let is_wanted = self.rules.assets && self.may_be_asked_for(link);
            let what = if is_hint(rel) { "hint" } else { link.kind.as_str() };
            let refusal = (!is_wanted).then(|| Refusal::new(Reason::Asset, what));
            return (refusal, if is_wanted { Kind::Asset } else { Kind::Page });
        }
        let refusal = if !self.follow {
            Some(Refusal::new(Reason::Nofollow, "the page says nofollow"))
        } else if self.rules.nofollow && says_nofollow(rel) {
            Some(Refusal::new(Reason::Nofollow, "rel=nofollow"))
        } else {
            None
        };
        (refusal, Kind::Page)
    }

    /// Whether asking for what a link names does no harm and tells something.
    fn may_be_asked_for(&self, link: &RawLink) -> bool {
        link.kind.may_be_fetched() && !is_hint(self.texts.get(link.rel))
    }

    fn join(&mut self, href: Span) -> Option<Joined> {
        let hasher = &self.rules.hasher;
        let href = self.texts.get(href);
        let (found, fragment) = match join_in(self.base, href, self.encoding) {
            Ok((url, fragment)) => {
                let fragment = fragment.map(|fragment| self.texts.push(&fragment));
                let url = self.rules.scope.stripped(url);
                if let Some(known) = self.by_url.get(url.as_str()) {
                    return Some(Joined { target: *known, fragment });
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
            return Some(Joined { target: *known, fragment });
        }
        self.room = self.room.checked_sub(found.text.len())?;
        let target = u32::try_from(self.found.len()).expect("links are capped");
        self.by_url.insert(Arc::clone(&found.text), target);
        self.found.push(found);
        Some(Joined { target, fragment })
    }
}

/// What makes two links of a page the same: all but place, region and number.
fn identity<'t>(texts: &'t Texts, link: &LinkRecord) -> impl Hash + PartialEq + use<'t> {
    let fragment = link.fragment.map(|fragment| texts.get(fragment));
    (link.target, link.kind, texts.get(link.anchor), texts.get(link.rel), fragment)
}

/// A URL whose links have not been looked at yet: the first link decides.
fn unset() -> Refusal {
    Refusal::new(Reason::Asset, "")
}

fn is_unset(refusal: &Refusal) -> bool {
    refusal.detail.is_empty()
}
