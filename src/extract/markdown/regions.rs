//! Which parts of a page are its main part, and which are left out?
//!
//! An element is followed from its start tag to its end tag by counting the
//! elements of the same name within, so no tree is needed.

use std::ops::Range;

use crate::extract::tokens::{Attribute, Tag};

/// Main parts and articles within each other that are followed.
const MAX_OPEN: usize = 8;
/// Main parts and articles of a page that are told apart; later ones go with the rest.
const MAX_RANGES: usize = 10_000;
/// Articles are the main part if they hold at least one in so many bytes of the text.
const ARTICLE_SHARE: usize = 3;

/// What a main part is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Main,
    Article,
}

/// An element whose end is waited for.
struct Open {
    name: Vec<u8>,
    /// Elements of that name, itself included, that are open.
    depth: u32,
}

impl Open {
    fn new(name: &[u8]) -> Self {
        Self { name: name.to_vec(), depth: 1 }
    }

    fn start(&mut self, name: &[u8]) {
        if self.name == name {
            self.depth = self.depth.saturating_add(1);
        }
    }

    /// Whether `</name>` ends it.
    fn end(&mut self, name: &[u8]) -> bool {
        if self.name == name {
            self.depth = self.depth.saturating_sub(1);
        }
        self.depth == 0
    }
}

/// The main parts of a page, while it is read.
#[derive(Default)]
pub(super) struct Regions {
    skipped: Option<Open>,
    open: Vec<(Open, Kind, usize)>,
    ranges: Vec<(Kind, Range<usize>)>,
}

/// What a tag does to the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It is left out.
    Skip,
    /// It begins or ends a part: the block so far is over.
    Boundary,
    /// Nothing.
    None,
}

impl Regions {
    /// Whether what comes is left out.
    pub(super) fn is_skipping(&self) -> bool {
        self.skipped.is_some()
    }

    /// A start tag; whether it opens a part is asked before the text goes on.
    pub(super) fn start(&mut self, tag: &Tag<'_>) -> Effect {
        let role = tag.get(Attribute::Role).unwrap_or_default();
        let is_main = tag.name == b"main" || role.eq_ignore_ascii_case("main");
        if let Some(skipped) = &mut self.skipped {
            // A main part within what is left out: what is left out was not closed.
            if !is_main {
                skipped.start(tag.name);
                return Effect::Skip;
            }
            self.skipped = None;
        }
        if !is_void(tag.name) && self.is_left_out(tag, &role) {
            self.skipped = Some(Open::new(tag.name));
            return Effect::Skip;
        }
        for (open, ..) in &mut self.open {
            open.start(tag.name);
        }
        let is_part = is_main || tag.name == b"article";
        if is_part { Effect::Boundary } else { Effect::None }
    }

    /// Opens the part that `tag` begins, at this place of the text.
    pub(super) fn enter(&mut self, tag: &Tag<'_>, at: usize) {
        let kind = if tag.name == b"article" { Kind::Article } else { Kind::Main };
        let is_within = self.open.iter().any(|(_, open, _)| *open == kind);
        if !is_within && self.open.len() < MAX_OPEN {
            self.open.push((Open::new(tag.name), kind, at));
        }
    }

    /// An end tag.
    pub(super) fn end(&mut self, name: &[u8]) -> Effect {
        if let Some(skipped) = &mut self.skipped {
            // Whatever was not closed ends here.
            if skipped.end(name) || matches!(name, b"body" | b"html") {
                self.skipped = None;
            }
            return Effect::Skip;
        }
        let mut ended = false;
        for (open, ..) in &mut self.open {
            ended |= open.end(name);
        }
        if ended { Effect::Boundary } else { Effect::None }
    }

    /// Closes the parts that have ended, at this place of the text.
    pub(super) fn leave(&mut self, at: usize) {
        let ranges = &mut self.ranges;
        self.open.retain(|(open, kind, from)| {
            if open.depth == 0 && ranges.len() < MAX_RANGES && at > *from {
                ranges.push((*kind, *from..at));
            }
            open.depth > 0
        });
    }

    /// The places of the main part in a text of this length.
    pub(super) fn finish(mut self, length: usize) -> Vec<Range<usize>> {
        for (open, ..) in &mut self.open {
            open.depth = 0;
        }
        self.leave(length);
        let of = |kind: Kind| -> Vec<Range<usize>> {
            let ranges = self.ranges.iter().filter(|(found, _)| *found == kind);
            ranges.map(|(_, range)| range.clone()).collect()
        };
        let (main, articles) = (of(Kind::Main), of(Kind::Article));
        let article_bytes: usize = articles.iter().map(ExactSizeIterator::len).sum();
        if !main.is_empty() {
            main
        } else if article_bytes > 0 && article_bytes >= length / ARTICLE_SHARE {
            articles
        } else {
            std::iter::once(0..length).collect()
        }
    }

    fn is_left_out(&self, tag: &Tag<'_>, role: &str) -> bool {
        let by_name = match tag.name {
            // That of an article has its heading.
            b"header" => self.open.is_empty(),
            b"nav" | b"footer" | b"aside" | b"script" | b"style" | b"noscript" | b"svg"
            | b"iframe" | b"object" | b"video" | b"audio" | b"canvas" | b"dialog" | b"rt"
            | b"rp" | b"annotation" | b"annotation-xml" => true,
            // Not the form itself: some sites have one around the whole page.
            b"button" | b"select" | b"textarea" | b"datalist" | b"label" | b"legend"
            | b"progress" | b"meter" | b"output" => true,
            _ => false,
        };
        by_name
            || tag.get(Attribute::AriaHidden).is_some_and(|hidden| hidden == "true")
            || is_boilerplate(role)
            || is_boilerplate_class(tag)
    }
}

/// Roles of what stands around the main part (WAI-ARIA 1.2 section 5.3).
fn is_boilerplate(role: &str) -> bool {
    [
        "navigation",
        "banner",
        "contentinfo",
        "complementary",
        "search",
        "menu",
        "menubar",
        "tablist",
        "toolbar",
        "dialog",
    ]
    .iter()
    .any(|name| role.eq_ignore_ascii_case(name))
}

/// Classes of what is no text: line numbers beside code, as Pygments and Hugo
/// write them, and the navigation of generators that do not say `<nav>` (`DocBook`,
/// Boost, breadcrumbs).
fn is_boilerplate_class(tag: &Tag<'_>) -> bool {
    let names: &[&str] = match tag.name {
        b"td" | b"span" => &["linenos", "lineno", "lnt"],
        b"div" | b"table" | b"ol" | b"ul" => {
            &["linenos", "navheader", "navfooter", "spirit-nav", "breadcrumb", "breadcrumbs"]
        }
        _ => return false,
    };
    let is_one = |class: &str| class.split_ascii_whitespace().any(|name| names.contains(&name));
    tag.get(Attribute::Class).is_some_and(|class| is_one(&class))
}

/// Elements without an end tag (WHATWG HTML 13.1.2).
fn is_void(name: &[u8]) -> bool {
    matches!(
        name,
        b"area"
            | b"base"
            | b"br"
            | b"col"
            | b"embed"
            | b"hr"
            | b"img"
            | b"input"
            | b"link"
            | b"meta"
            | b"source"
            | b"track"
            | b"wbr"
    )
}
