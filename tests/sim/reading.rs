//! What does a visit make of an answer?
//!
//! The part of a visit that needs no state: URLs judged by scope and by how they are
//! linked, the best link to each deciding. Said again here in its own words.

use std::collections::HashMap;
use std::sync::Arc;

use crawlite::canonical::CanonicalUrl;
use crawlite::config::ScopeConfig;
use crawlite::engine::record::{
    Found, FoundBy, Kind, LinkRecord, PageRecord, SitemapEntry, SitemapRecord,
};
use crawlite::extract::{LinkKind, Region, Span, Texts};
use crawlite::hash::{ContentHash, UrlHasher};
use crawlite::refusal::{Reason, Refusal};
use crawlite::scope::Scope;

use super::world::{How, parsed};

/// What a visit is told of the settings.
#[derive(Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) wishes: &'a ScopeConfig,
    pub(crate) hasher: UrlHasher,
}

/// What is found in one answer.
pub(crate) struct Reading<'a> {
    rules: Rules<'a>,
    pub(crate) found: Vec<Found>,
    pub(crate) links: Vec<LinkRecord>,
    pub(crate) texts: Texts,
    pub(crate) sitemap: SitemapRecord,
    /// Of what links lead to.
    places: HashMap<Arc<str>, u32>,
}

impl How {
    pub(crate) fn kind(self) -> LinkKind {
        match self {
            Self::Follow | Self::Nofollow => LinkKind::A,
            Self::Image => LinkKind::Img,
            Self::Form => LinkKind::Form,
        }
    }

    pub(crate) fn is_document(self) -> bool {
        matches!(self, Self::Follow | Self::Nofollow)
    }
}

/// As what something that is no link of a page would be fetched, and what is against it.
pub(crate) fn judge_part(rules: Rules<'_>, url: &CanonicalUrl) -> (Kind, Option<Refusal>) {
    match rules.scope.judge(url) {
        Ok(()) => (Kind::Asset, None),
        Err(refusal) if refusal.reason == Reason::External && rules.wishes.check_external => {
            (Kind::External, None)
        }
        Err(refusal) => (Kind::Page, Some(refusal)),
    }
}

impl<'a> Reading<'a> {
    pub(crate) fn new(rules: Rules<'a>) -> Self {
        let (found, links, sitemap) = (Vec::new(), Vec::new(), SitemapRecord::default());
        let (texts, places) = (Texts::default(), HashMap::new());
        Self { rules, found, links, texts, sitemap, places }
    }

    fn push(&mut self, text: &str, kind: Kind, by: FoundBy, refusal: Option<Refusal>) -> u32 {
        let (text, hash) = (Arc::from(text), self.rules.hasher.hash(text));
        self.found.push(Found { text, hash, kind, by, refusal });
        u32::try_from(self.found.len() - 1).expect("small")
    }

    /// What is no URL that could be fetched.
    fn unusable(&mut self, text: &str, by: FoundBy) -> Option<u32> {
        let refusal = Refusal::new(Reason::Scheme, "mailto");
        text.starts_with("mailto:").then(|| self.push(text, Kind::Page, by, Some(refusal)))
    }

    /// The target of a redirect of what was asked for as `kind`.
    pub(crate) fn redirect(&mut self, to: &str, kind: Kind) -> u32 {
        let by = FoundBy::Redirect;
        if let Some(index) = self.unusable(to, by) {
            return index;
        }
        if matches!(kind, Kind::Robots | Kind::Sitemap) {
            return self.push(to, kind, by, None);
        }
        let (kind, refusal) = match (judge_part(self.rules, &parsed(to)), kind) {
            ((Kind::Asset, None), Kind::External) => (Kind::Page, None),
            ((Kind::Asset, None), kind) => (kind, None),
            (judged, _) => judged,
        };
        self.push(to, kind, by, refusal)
    }

    /// What a stylesheet refers to.
    pub(crate) fn part(&mut self, to: &str) {
        if self.found.iter().all(|found| *found.text != *to) {
            let (kind, refusal) = judge_part(self.rules, &parsed(to));
            self.push(to, kind, FoundBy::Link, refusal);
        }
    }

    /// An entry of a sitemap, or of an index of sitemaps.
    pub(crate) fn entry(&mut self, to: &str, kind: Kind) {
        let by = if kind == Kind::Page { FoundBy::Sitemap } else { FoundBy::Link };
        let refusal = self.rules.scope.judge(&parsed(to)).err();
        let counts = |it: &Refusal| kind == Kind::Page || it.reason == Reason::External;
        let target = self.push(to, kind, by, refusal.filter(counts));
        let entry = SitemapEntry { target, lastmod: None, changefreq: None, priority: None };
        self.sitemap.entries.push(entry);
    }

    /// A link of a page.
    pub(crate) fn link(&mut self, to: &str, how: How, page_says_nofollow: bool) {
        let target = match self.places.get(to) {
            Some(known) => *known,
            None => self.place(to),
        };
        let (refusal, kind) = self.against(how, page_says_nofollow);
        let follow = refusal.is_none() && kind == Kind::Page;
        self.weigh(target, refusal, kind, how);
        let rel = if how == How::Nofollow { "nofollow" } else { "" };
        let same = |link: &&mut LinkRecord| {
            link.target == target && link.kind == how.kind() && self.texts.get(link.rel) == rel
        };
        if let Some(known) = self.links.iter_mut().find(same) {
            known.times += 1;
            return;
        }
        self.links.push(LinkRecord {
            target,
            kind: how.kind(),
            anchor: Span::default(),
            rel: self.texts.push(rel),
            fragment: None,
            region: Region::default(),
            follow,
            times: 1,
        });
    }

    /// A URL whose links have not been looked at.
    fn place(&mut self, to: &str) -> u32 {
        let by = FoundBy::Link;
        let index = self.unusable(to, by).unwrap_or_else(|| {
            let unset = || Refusal::new(Reason::Asset, "");
            let refusal = self.rules.scope.judge(&parsed(to)).err().unwrap_or_else(unset);
            let is_checked = refusal.reason == Reason::External && self.rules.wishes.check_external;
            let kind = if is_checked { Kind::External } else { Kind::Page };
            self.push(to, kind, by, Some(refusal))
        });
        self.places.insert(to.into(), index);
        index
    }

    fn against(&self, how: How, page_says_nofollow: bool) -> (Option<Refusal>, Kind) {
        let wishes = self.rules.wishes;
        if !how.is_document() {
            let is_wanted = wishes.assets && how.kind().may_be_fetched();
            let refusal = (!is_wanted).then(|| Refusal::new(Reason::Asset, how.kind().as_str()));
            return (refusal, if is_wanted { Kind::Asset } else { Kind::Page });
        }
        let is_shunned = wishes.nofollow && (page_says_nofollow || how == How::Nofollow);
        let refusal = is_shunned.then(|| Refusal::new(Reason::Nofollow, "as the page says"));
        (refusal, Kind::Page)
    }

    /// The best link to a URL decides.
    fn weigh(&mut self, target: u32, refusal: Option<Refusal>, kind: Kind, how: How) {
        let found = &mut self.found[target as usize];
        let rank = |refusal: &Option<Refusal>, kind| match refusal {
            None if kind == Kind::Page => u8::MAX,
            None => u8::MAX - 1,
            Some(refusal) => refusal.reason.link_rank(),
        };
        let known = rank(&found.refusal, found.kind);
        let is_unset = found.refusal.as_ref().is_some_and(|it| it.detail.is_empty());
        if found.kind == Kind::External {
            found.refusal = found.refusal.take().filter(|_| !how.kind().may_be_fetched());
        } else if known > 0
            && !found.refusal.as_ref().is_some_and(|it| it.reason == Reason::External)
            && (rank(&refusal, kind) > known || is_unset)
        {
            (found.refusal, found.kind) = (refusal, kind);
        }
    }

    /// The page that was read.
    pub(crate) fn into_page(
        (links, texts): (Vec<LinkRecord>, Texts),
        (content, reading): (u64, u64),
        follow: bool,
    ) -> PageRecord {
        PageRecord {
            reading,
            content_hash: ContentHash::of(&content.to_le_bytes()),
            body: None,
            charset: "utf-8",
            title: None,
            description: None,
            h1: None,
            lang: None,
            claimed_canonical: None,
            robots_directives: None,
            index: true,
            follow,
            words: 0,
            main_words: 0,
            simhash: None,
            headings: None,
            og: None,
            jsonld_types: None,
            hreflang: None,
            rel_next: None,
            rel_prev: None,
            needs_javascript: None,
            anchors: Vec::new(),
            links,
            texts,
            links_cut: 0,
            items: None,
            rows: Vec::new(),
        }
    }
}
