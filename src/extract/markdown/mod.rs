//! What does the main part of a page read like, as Markdown or as plain text?
//!
//! Pure: HTML in, text out, in one pass over the stream of tokens; time and
//! memory grow with the length of the page, and what comes out is capped by
//! [`MAX_TEXT_BYTES`]. The main part is `<main>` if the page has one, else its
//! articles, else everything; navigation, page header, footer, asides, scripts
//! and form controls never belong to it ([`regions`]).
//!
//! tags and texts → [`reading`] (which element means what) → `line` (text within
//! a block, emphasis, links) → `blocks` (paragraphs, lists, quotes)

mod blocks;
mod code;
mod line;
mod reading;
mod regions;
mod table;

use url::Url;

use super::tokens;
use reading::Reading;

/// Bytes of text that are written at most; what comes later is left out.
pub const MAX_TEXT_BYTES: usize = 16 << 20;

/// How text is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Markup {
    /// `CommonMark` with tables.
    Markdown,
    /// The words alone; a blank line between blocks.
    Plain,
}

/// The main part of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MainText {
    /// Ends with one line break, unless it is empty. Of the control characters,
    /// only line breaks and, in code, tabs occur.
    pub text: String,
    /// The headings in it, one a line.
    pub headings: String,
}

/// Reads the main part of a page of `html` that lies at `url`; links and images
/// are written as absolute URLs.
pub fn main_text(html: &str, url: &Url, markup: Markup) -> MainText {
    tokens::read(html, Reading::new(url, markup)).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(html: &str, markup: Markup) -> String {
        let url = Url::parse("https://example.org/docs/page.html").unwrap();
        main_text(html, &url, markup).text
    }

    #[test]
    fn every_row_of_the_table_reads_as_it_says() {
        let (mut count, mut wrong) = (0, String::new());
        for line in include_str!("../../../fixtures/markdown.tsv").lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let cells: Vec<_> = line.split('\t').collect();
            let [html, markdown, plain, why] = cells[..] else { panic!("not four cells: {line}") };
            let spelt_out = |cell: &str| cell.replace("\\n", "\n").replace("\\t", "\t");
            let html = spelt_out(html);
            let expected = |cell| {
                let text = spelt_out(cell);
                if text.is_empty() { text } else { text + "\n" }
            };
            for (markup, cell) in [(Markup::Markdown, markdown), (Markup::Plain, plain)] {
                let (found, expected) = (read(&html, markup), expected(cell));
                if found != expected {
                    wrong += &format!("{why}, {markup:?}: {html}\n  {found:?}\n  {expected:?}\n");
                }
            }
            count += 1;
        }
        assert!(wrong.is_empty(), "{wrong}");
        assert!(count > 70, "the table was read");
    }

    #[test]
    fn headings_are_collected_where_they_belong_to_the_main_part() {
        let url = Url::parse("https://example.org/").unwrap();
        let html = "<h2>Menu</h2><main><h1>One <b>two</b></h1>x<h2>Three</h2></main><h2>Also</h2>";
        assert_eq!(main_text(html, &url, Markup::Plain).headings, "One two\nThree\n");
    }

    #[test]
    fn hostile_pages_cost_no_more_than_their_length() {
        let long = |unit: &str| unit.repeat(20_000);
        for html in [
            long("<div>"),
            long("<blockquote>x"),
            long("<ul><li>x"),
            long("<b><i>x"),
            long("<table><tr><td>x"),
            long("<td>|"),
            long("<pre>\n"),
            long("<a href=x>["),
            long("<nav><main>"),
            long("<code>`"),
            long("<article>x</article>"),
            long("<svg><p>"),
            long("_&<*`"),
            long("<br>"),
        ] {
            let text = read(&html, Markup::Markdown);
            assert!(text.len() <= MAX_TEXT_BYTES, "{}", &html[..20]);
        }
        let based = format!("<base href={}>", "/x".repeat(30_000)) + &long("<a href=y>z</a>");
        assert!(read(&based, Markup::Markdown).starts_with("[z](https://example.org/docs/y)"));
        let far = Url::parse(&format!("https://example.org/{}/", "x".repeat(2000))).unwrap();
        let links = "<a href=y>z</a> ".repeat(100_000);
        assert!(main_text(&links, &far, Markup::Markdown).text.len() <= MAX_TEXT_BYTES);
    }
}
