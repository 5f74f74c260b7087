//! What does a CSS selector find on a page?

use scraper::ElementRef;

use super::MAX_FIELD_BYTES;
use super::element;
use super::tree::{Deadline, tree};

/// A CSS selector that was understood.
#[derive(Clone, Debug)]
pub struct Selector(scraper::Selector);

/// A selector that was not understood, in words.
#[derive(Debug, thiserror::Error)]
pub enum BadSelector {
    /// It looks like `XPath`.
    #[error("`{0}` is XPath; write it as a CSS selector")]
    XPath(String),
    /// Anything else.
    #[error("`{0}` is no CSS selector: {1}")]
    Css(String, String),
}

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
        if css.trim_start().starts_with(['/', '(']) {
            return Err(BadSelector::XPath(css.to_owned()));
        }
        scraper::Selector::parse(css)
            .map(Self)
            .map_err(|error| BadSelector::Css(css.to_owned(), error.to_string()))
    }

    /// The texts of the first `most` elements that it finds on a page.
    pub fn texts(&self, html: &str, most: usize) -> Matches {
        let mut deadline = Deadline::never();
        let (tree, cut) = tree(html, &mut deadline);
        let found = self.find(tree.root_element(), true, &mut deadline).take(most);
        let texts = found.map(|found| element::text(found, MAX_FIELD_BYTES)).collect();
        Matches { texts, is_cut: cut.is_some() }
    }

    /// The elements that it finds within `scope`, or with it if that is the page; no
    /// more once the deadline has passed.
    pub(super) fn find<'a>(
        &self,
        scope: ElementRef<'a>,
        is_page: bool,
        deadline: &mut Deadline,
    ) -> impl Iterator<Item = ElementRef<'a>> {
        scope
            .descendants()
            .skip(usize::from(!is_page))
            .take_while(|_| !deadline.has_passed(1))
            .filter_map(ElementRef::wrap)
            .filter(move |element| self.0.matches_with_scope(element, Some(scope)))
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
        assert!(Selector::parse("//li").unwrap_err().to_string().contains("`//li` is XPath"));
    }

    #[test]
    fn noscript_is_markup_as_for_everybody_who_runs_no_scripts() {
        let page = "<body><noscript><p class=x>plea <b>b</b></p></noscript><p>rest";
        let texts = |css: &str| Selector::parse(css).unwrap().texts(page, 9).texts;
        assert_eq!(texts("noscript > p.x"), ["plea b"]);
        assert_eq!(texts("noscript"), ["plea b"]);
    }

    #[test]
    fn the_element_of_the_page_itself_can_be_found() {
        let selector = Selector::parse("html[lang=de]").unwrap();
        assert_eq!(selector.texts("<html lang=de>a", 9).texts, ["a"]);
    }
}
