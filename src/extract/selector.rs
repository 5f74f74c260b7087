//! What does a CSS selector find on a page?

use super::tree::{Deadline, tree};

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
        let (tree, cut) = tree(html, &mut Deadline::never());
        let text = |element: scraper::ElementRef<'_>| {
            let mut folded = Vec::new();
            for piece in element.text() {
                super::push_folded(&mut folded, piece.as_bytes(), super::MAX_FIELD_BYTES);
            }
            super::folded_text(&folded)
        };
        Matches {
            texts: tree.select(&self.0).take(most).map(text).collect(),
            is_cut: cut.is_some(),
        }
    }
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
}
