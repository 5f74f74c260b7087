//! What does a crawl look like as a sitemap?
//!
//! By the protocol of sitemaps.org: a file holds at most [`MAX_URLS`] URLs and
//! [`MAX_BYTES`] before compression; where there are more, an index names the
//! files. `lastmod` is what the server's `Last-Modified` says, else what the
//! site's own sitemap says, else nothing: a time of our own would be made up.

use std::io::{self, Write};
use std::time::UNIX_EPOCH;

use super::{utc, xml};
use crate::store::Indexable;

/// URLs in one file at most.
pub const MAX_URLS: usize = 50_000;
/// Bytes of one file at most.
pub const MAX_BYTES: usize = 50 << 20;

const BEGIN: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                     <urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n";
const END: &str = "</urlset>\n";

/// One file of URLs, while it is written.
pub struct UrlSet<W: Write> {
    out: W,
    urls: usize,
    bytes: usize,
}

impl<W: Write> UrlSet<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn begin(mut out: W) -> io::Result<Self> {
        out.write_all(BEGIN.as_bytes())?;
        Ok(Self { out, urls: 0, bytes: BEGIN.len() })
    }

    /// Whether there is room for an [`entry`].
    pub fn has_room(&self, entry: &str) -> bool {
        self.urls < MAX_URLS && self.bytes + entry.len() + END.len() <= MAX_BYTES
    }

    /// Adds an [`entry`].
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn push(&mut self, entry: &str) -> io::Result<()> {
        self.urls += 1;
        self.bytes += entry.len();
        self.out.write_all(entry.as_bytes())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(END.as_bytes())?;
        Ok(self.out)
    }
}

/// The lines of one URL.
pub fn entry(page: &Indexable) -> String {
    let lastmod = page.last_modified.as_deref().and_then(of_header);
    let lastmod = lastmod.or_else(|| page.lastmod.clone().filter(|text| is_w3c_date(text)));
    let lastmod =
        lastmod.map(|text| format!("<lastmod>{}</lastmod>", xml(&text))).unwrap_or_default();
    format!("<url><loc>{}</loc>{lastmod}</url>\n", xml(&page.url))
}

/// A whole index of files that lie at these URLs.
pub fn index<'a>(files: impl Iterator<Item = &'a str>) -> String {
    let mut index = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <sitemapindex xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n",
    );
    for file in files {
        index.push_str(&format!("<sitemap><loc>{}</loc></sitemap>\n", xml(file)));
    }
    index + "</sitemapindex>\n"
}

/// A date of HTTP as W3C writes it.
fn of_header(value: &str) -> Option<String> {
    let time = httpdate::parse_http_date(value.get(..64).unwrap_or(value)).ok()?;
    Some(utc(time.duration_since(UNIX_EPOCH).ok()?.as_secs()))
}

/// Whether a text is a date, or a date and time with a zone (W3C NOTE-datetime).
fn is_w3c_date(text: &str) -> bool {
    let matches = |text: &str, pattern: &str| {
        text.len() == pattern.len()
            && text.bytes().zip(pattern.bytes()).all(|(byte, wanted)| match wanted {
                b'0' => byte.is_ascii_digit(),
                b'+' => matches!(byte, b'+' | b'-'),
                other => byte == other,
            })
    };
    let Some((day, time)) = text.split_once('T') else {
        return ["0000", "0000-00", "0000-00-00"].iter().any(|pattern| matches(text, pattern));
    };
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(zone);
    let clock = match clock.split_once('.') {
        Some((clock, part)) if !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) => {
            clock
        }
        Some(_) => return false,
        None => clock,
    };
    matches(day, "0000-00-00")
        && (matches(clock, "00:00") || matches(clock, "00:00:00"))
        && (zone == "Z" || matches(zone, "+00:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(last_modified: Option<&str>, lastmod: Option<&str>) -> Indexable {
        Indexable {
            url: "https://a/?b&c='d'".into(),
            last_modified: last_modified.map(str::to_owned),
            lastmod: lastmod.map(str::to_owned),
        }
    }

    #[test]
    fn lastmod_is_what_the_server_says_or_the_site_or_nothing() {
        let header = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        #[rustfmt::skip]
        let cases = [
            (header, None,                                  "1994-11-06T08:49:37Z"),
            (header, Some("2024-01-01"),                    "1994-11-06T08:49:37Z"),
            (None, Some("2024-02-29"),                      "2024-02-29"),
            (Some("soon"), Some("2024-02-29T01:02:03.5+01:00"), "2024-02-29T01:02:03.5+01:00"),
            (None, Some("yesterday"),                       ""),
            (None, Some("2024-02-29T01:02:03"),             ""),
            (None, None,                                    ""),
            (Some("Thu, 29 Feb 2024 00:00:00 GMT"), None,   "2024-02-29T00:00:00Z"),
            (Some("Thu, 01 Jan 1970 00:00:00 GMT"), None,   "1970-01-01T00:00:00Z"),
            (Some("Fri, 31 Dec 2100 23:59:59 GMT"), None,   "2100-12-31T23:59:59Z"),
        ];
        for (last_modified, lastmod, expected) in cases {
            let tag = format!("<lastmod>{expected}</lastmod>");
            let tag = if expected.is_empty() { "" } else { &tag };
            let lines = format!("<url><loc>https://a/?b&amp;c=&apos;d&apos;</loc>{tag}</url>\n");
            assert_eq!(entry(&page(last_modified, lastmod)), lines);
        }
    }

    #[test]
    fn a_file_is_full_at_its_limits() {
        let entry = entry(&page(None, None));
        let mut set = UrlSet::begin(io::sink()).unwrap();
        for _ in 0..MAX_URLS {
            assert!(set.has_room(&entry));
            set.push(&entry).unwrap();
        }
        assert!(!set.has_room(&entry));
        let mut set = UrlSet::begin(io::sink()).unwrap();
        set.push(&"x".repeat(MAX_BYTES - BEGIN.len() - END.len())).unwrap();
        assert!(!set.has_room("x"));
    }
}
