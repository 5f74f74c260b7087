//! How are crawls written for other programs, and as a page for people?
//!
//! One file per format, each a pure writer: it takes what
//! [`store::Export`](crate::store::Export) reads, one thing after the other, and
//! writes bytes to whatever it is given. No format holds more than the thing at
//! hand, so memory does not grow with the crawl.

pub mod graph;
pub mod html;
pub mod markdown_tree;
pub mod numbers;
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

/// A time, in seconds since 1970 UTC, in RFC 3339.
pub fn utc(seconds: u64) -> String {
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day that lie so many days after 1970-01-01 (Howard Hinnant,
/// "chrono-compatible low-level date algorithms": civil from days).
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468; // since 0000-03-01
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153; // March is 0
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
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
