//! What does a CSS selector find on a page?
//!
//! Only here is a page a tree, because somebody asked for one, and only under
//! caps: it is fed in small pieces, and feeding stops where the tree grows too
//! large or too deep, since hostile pages make any tree builder explode.

use html5ever::ParseOpts;
use html5ever::tendril::TendrilSink;
use scraper::{Html, HtmlTreeSink};

/// Nodes of a tree at most.
const MAX_NODES: usize = 500_000;
/// Elements within each other at most, as in browsers.
const MAX_DEPTH: usize = 512;
/// Bytes that are fed before the tree is looked at again.
const PIECE: usize = 64;

/// A CSS selector that was understood.
#[derive(Clone, Debug)]
pub struct Selector(scraper::Selector);

/// A selector that was not understood, in words.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no CSS selector: {1}")]
pub struct BadSelector(String, String);

/// What a selector found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matches {
    /// The text of each element, white space folded.
    pub texts: Vec<String>,
    /// Whether the page was too large or deep to be searched whole.
    pub is_cut: bool,
}

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(css: &str) -> Result<Self, BadSelector> {
        scraper::Selector::parse(css)
            .map(Self)
            .map_err(|error| BadSelector(css.to_owned(), error.to_string()))
    }

    /// The texts of the first `most` elements that it finds on a page.
    pub fn texts(&self, html: &str, most: usize) -> Matches {
        let (tree, is_cut) = tree(html);
        let text = |element: scraper::ElementRef<'_>| {
            let mut folded = Vec::new();
            for piece in element.text() {
                super::push_folded(&mut folded, piece.as_bytes(), super::MAX_FIELD_BYTES);
            }
            super::folded_text(&folded)
        };
        Matches { texts: tree.select(&self.0).take(most).map(text).collect(), is_cut }
    }
}

/// The tree of a page, as far as the caps let it grow.
fn tree(html: &str) -> (Html, bool) {
    let sink = HtmlTreeSink::new(Html::new_document());
    let mut options = ParseOpts::default();
    // We run no scripts, so noscript is markup.
    options.tree_builder.scripting_enabled = false;
    let mut parser = html5ever::driver::parse_document(sink, options);
    let (mut rest, mut seen) = (html, 0);
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(PIECE.min(rest.len())));
        parser.process(piece.into());
        rest = after;
        let html = parser.tokenizer.sink.sink.0.borrow();
        let count = html.tree.nodes().len();
        // Every new one is looked at: the last may hang near the root, and the rest far below.
        let mut added = html.tree.nodes().rev().take(count - seen);
        let is_deep = added.any(|node| node.ancestors().take(MAX_DEPTH + 1).count() > MAX_DEPTH);
        seen = count;
        if count > MAX_NODES || is_deep {
            break;
        }
    }
    let is_cut = !rest.is_empty();
    (parser.finish(), is_cut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_finds_texts() {
        let selector = Selector::parse("ul > li.x").unwrap();
        let found = selector.texts("<ul><li class=x>a <b>b</b><li>c<li class='y x'>d</ul>", 9);
        assert_eq!(found, Matches { texts: vec!["a b".into(), "d".into()], is_cut: false });
        assert!(Selector::parse("li[").unwrap_err().to_string().contains("`li[`"));
    }

    #[test]
    fn noscript_is_markup_as_for_everybody_who_runs_no_scripts() {
        let page = "<body><noscript><p class=x>plea <b>b</b></p></noscript><p>rest";
        let texts = |css: &str| Selector::parse(css).unwrap().texts(page, 9).texts;
        assert_eq!(texts("noscript > p.x"), ["plea b"]);
        assert_eq!(texts("noscript"), ["plea b"]);
    }

    #[test]
    fn hostile_pages_are_cut() {
        let selector = Selector::parse("b").unwrap();
        let formatting: String = (0..3000).map(|n| format!("<b a{n}><p>")).collect();
        // What comes behind `</body>` hangs near the root, whatever is still open.
        let hidden = format!("{}</body><!---->", "<div>".repeat(10)).repeat(2000);
        for page in ["<div>".repeat(64_000), formatting, hidden] {
            assert!(selector.texts(&page, 1).is_cut);
        }
    }
}
