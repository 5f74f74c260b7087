//! Sitemaps: which URLs does a site list itself?
//!
//! [`parse`] reads the formats that sitemaps.org names: the XML ones for URLs
//! and for further sitemaps, RSS and Atom feeds, and plain text. It does not
//! fetch, unzip or resolve anything: URLs are as written, and whether one is
//! valid, in scope or on the right host is for others to say.
//!
//! bytes → text → XML events or lines → records → [`Entry`].
//!
//! Real sitemaps are often broken, so nothing is an error: what is readable is
//! used, what is not becomes one of `problems`, in words for the user.
//!
//! Invariant: time is linear in the bytes and memory in what is kept, whatever
//! they contain. Entities of a DOCTYPE are never expanded, nothing is recursive,
//! and every text, depth and count has a bound, named where it is applied.

mod xml;

use std::borrow::Cow;

/// Problems reported of one sitemap.
const MAX_PROBLEMS: usize = 20;

/// What was found in one sitemap.
#[derive(Clone, Debug, PartialEq)]
pub struct Sitemap {
    /// What its entries are.
    pub kind: Kind,
    /// In the order of the file, repetitions included.
    pub entries: Vec<Entry>,
    /// What could not be read, one line each, at most 20.
    pub problems: Vec<String>,
    /// A limit ended the reading: there may be more entries.
    pub cut: bool,
}

/// The formats of a sitemap (sitemaps.org, "Other Sitemap formats").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `<sitemapindex>`: entries are further sitemaps.
    Index,
    /// `<urlset>`: entries are pages.
    Urls,
    /// RSS or Atom: entries are the pages of its items.
    Feed,
    /// One URL a line.
    Text,
}

/// One URL of a sitemap with what the site claims about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// As written, without blanks around it, references such as `&amp;`
    /// resolved. May be relative or no URL at all. 1 to 8192 bytes.
    pub url: String,
    /// When it last changed, as written: a W3C date, in RSS an RFC 822 one.
    pub lastmod: Option<String>,
    /// How often it changes, as written: `daily`, `weekly` …
    pub changefreq: Option<String>,
    /// 0.0 to 1.0; `None` if absent or anything else.
    pub priority: Option<f64>,
}

/// How much of a sitemap is read. The defaults are those of sitemaps.org.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes, after unzipping.
    pub max_bytes: usize,
    /// Entries.
    pub max_urls: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 50 * 1024 * 1024, max_urls: 50_000 }
    }
}

impl Sitemap {
    fn new(kind: Kind) -> Self {
        Self { kind, entries: Vec::new(), problems: Vec::new(), cut: false }
    }

    /// Adds `entry`, or notes that there would be more.
    fn push(&mut self, entry: Entry, limits: Limits) {
        if self.entries.len() < limits.max_urls {
            self.entries.push(entry);
        } else {
            self.cut = true;
        }
    }

    /// Adds a problem with what stands at byte `at` of `text`.
    fn report(&mut self, text: &str, at: usize, problem: &str) {
        if self.problems.len() < MAX_PROBLEMS {
            let breaks =
                text.as_bytes()[..at.min(text.len())].iter().filter(|&&byte| byte == b'\n');
            self.problems.push(format!("line {}: {problem}", breaks.count() + 1));
        }
    }
}

/// Reads the sitemap `body`, already unzipped, of any format.
///
/// Never fails: what is not a sitemap has no entries and a problem.
pub fn parse(body: &[u8], limits: Limits) -> Sitemap {
    let cut = body.len() > limits.max_bytes;
    let text = decode(&body[..body.len().min(limits.max_bytes)]);
    let mut sitemap =
        if is_xml(&text) { xml::read(&text, limits) } else { read_lines(&text, cut, limits) };
    sitemap.cut |= cut;
    if let Some(at) = text.find(char::REPLACEMENT_CHARACTER) {
        sitemap.report(&text, at, "neither UTF-8 nor UTF-16");
    }
    sitemap
}

/// UTF-8 as it is, UTF-16 by its byte order mark or by the first `<`. Other
/// encodings are not allowed; the ASCII in them remains readable.
fn decode(body: &[u8]) -> Cow<'_, str> {
    let utf16 = |body: &[u8], unit: fn([u8; 2]) -> u16| {
        let units = body.as_chunks().0.iter().map(|&pair| unit(pair));
        char::decode_utf16(units).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    };
    match body {
        [0xEF, 0xBB, 0xBF, rest @ ..] => String::from_utf8_lossy(rest),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        [b'<', 0, ..] => utf16(body, u16::from_le_bytes),
        [0, b'<', ..] => utf16(body, u16::from_be_bytes),
        _ => String::from_utf8_lossy(body),
    }
}

/// Whether `text` is XML, perhaps with something else in front of it, such as a
/// warning of the program that made it.
fn is_xml(text: &str) -> bool {
    const LOOKED_AT: usize = 8192;
    let beginning = &text[..text.floor_char_boundary(LOOKED_AT)];
    let roots = ["<?xml", "<urlset", "<sitemapindex", "<rss", "<feed"];
    text.trim_start().starts_with('<') || roots.iter().any(|root| beginning.contains(root))
}

/// A text sitemap: full URLs, one a line, and nothing else.
fn read_lines(text: &str, cut: bool, limits: Limits) -> Sitemap {
    // Half a URL is another URL.
    let end = if cut { text.rfind('\n').unwrap_or(0) } else { text.len() };
    let mut sitemap = Sitemap::new(Kind::Text);
    let mut next = 0;
    for line in text[..end].split_inclusive('\n') {
        let (at, url) = (next, line.trim());
        next += line.len();
        if looks_like_url(url) {
            sitemap.push(Entry { url: url.to_owned(), ..Entry::default() }, limits);
        } else if !url.is_empty() {
            sitemap.report(text, at, "not a URL");
        }
        if sitemap.cut {
            break;
        }
    }
    sitemap
}

/// Whether `text` is meant to be a full URL, no longer than one may be.
fn looks_like_url(text: &str) -> bool {
    let begins = |scheme: &str| {
        text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    text.len() <= xml::MAX_TEXT_BYTES && (begins("http://") || begins("https://"))
}

#[cfg(test)]
mod tests;
