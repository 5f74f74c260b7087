//! How are crawls written for other programs?
//!
//! One file per format, each a pure writer: it takes what
//! [`store::Export`](crate::store::Export) reads, one thing after the other, and
//! writes bytes to whatever it is given. No format holds more than the thing at
//! hand, so memory does not grow with the crawl.

pub mod graph;
pub mod markdown_tree;
pub mod parquet;
pub mod sitemap;
pub mod warc;

/// The first folder of a URL's path, `/` if it lies in none: the section of the
/// site to which a page belongs.
fn section(url: &crate::canonical::CanonicalUrl) -> &str {
    let path = url.path();
    match path[1..].find('/') {
        Some(end) => &path[..=end + 1],
        None => "/",
    }
}

/// Writes `text` so that XML 1.0 takes it as text or as a quoted value;
/// characters that XML cannot hold are left out.
fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\n' | '\t' | '\r' => escaped.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {}
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::CanonicalUrl;

    #[test]
    fn a_section_is_the_first_folder() {
        for (url, expected) in [
            ("http://a/", "/"),
            ("http://a/x.html", "/"),
            ("http://a/x/", "/x/"),
            ("http://a/x/y/z?q=/", "/x/"),
            ("http://a/x?q=/", "/"),
            ("http://a//x", "//"),
        ] {
            assert_eq!(section(&CanonicalUrl::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn xml_holds_any_text() {
        assert_eq!(xml("<a b=\"c\">&'\u{1}\u{ffff}\n"), "&lt;a b=&quot;c&quot;&gt;&amp;&apos; ");
    }
}
