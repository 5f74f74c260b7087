//! What must hold of a page, whatever it says? Case: the charset of its header, a line break, its body.

use std::time::Duration;

use crawlite::canonical::join;
use crawlite::extract::{
    Extracted, MAX_ANCHOR_BYTES, MAX_FIELD_BYTES, MAX_HEADINGS, MAX_LINKS, MAX_TEXT_BYTES, Markup,
    css_references, decode, extract, fragment_names, main_text,
};
use url::Url;

use super::{Case, within};

/// Panics where a law is broken.
pub fn check(data: &[u8]) {
    let case = Case::of(data);
    let url = Url::parse("https://example.org/docs/page.html").expect("a URL");
    within(Duration::from_secs(2), || {
        let (html, _) = decode(&case.body, Some(&case.head));
        let page = extract(&html, "crawlite");
        bounds(&page);
        for link in page.links.iter().take(1000) {
            if let Ok((_, Some(fragment))) = join(&url, page.texts.get(link.href)) {
                fragment_names(&fragment);
            }
        }
        if html.len() < 4096 {
            assert_eq!(extract(&html, "crawlite"), page, "the same every time");
        }
        for markup in [Markup::Markdown, Markup::Plain] {
            text(&main_text(&html, &url, markup).text);
        }
        for reference in css_references(&html) {
            assert!(!reference.trim().is_empty());
        }
    });
}

/// Nothing that is kept of a page is longer than it may be.
fn bounds(page: &Extracted) {
    assert!(page.links.len() <= MAX_LINKS && page.headings.len() <= MAX_HEADINGS);
    assert!(page.links_cut == 0 || page.links.len() == MAX_LINKS);
    assert!(page.links.iter().all(|link| link.anchor.len() <= MAX_ANCHOR_BYTES));
    for field in [&page.title, &page.description, &page.h1].into_iter().flatten() {
        assert!(field.len() <= MAX_FIELD_BYTES);
        assert_eq!(field.trim_matches(' '), field, "white space is folded");
    }
    assert!(page.headings.iter().all(|(level, _)| (1..=6).contains(level)));
    assert!(page.anchors.is_sorted() && page.main_words <= page.words);
}

/// A text that can be shown: no control character, one line break at its end.
fn text(text: &str) {
    assert!(text.len() <= MAX_TEXT_BYTES);
    assert!(!text.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')));
    assert!(text.is_empty() || text.ends_with('\n') && !text.ends_with("\n\n"), "{text:?}");
}
