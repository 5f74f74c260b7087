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

mod problem;
mod xml;

use std::borrow::Cow;

pub use problem::{Flaw, Problem, is_w3c_date};

/// Bytes in which the root of a document is looked for.
const LOOKED_AT: usize = 8192;
/// How the root of an XML sitemap begins.
const ROOTS: [&str; 4] = ["<urlset", "<sitemapindex", "<rss", "<feed"];
/// Of UTF-8.
const BYTE_ORDER_MARK: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// Problems reported of one sitemap.
const MAX_PROBLEMS: usize = 20;

/// What was found in one sitemap.
#[derive(Clone, Debug, PartialEq)]
pub struct Sitemap {
    /// What its entries are.
    pub kind: Kind,
    /// In the order of the file, repetitions included.
    pub entries: Vec<Entry>,
    /// What could not be read, at most 20 and what ended the reading.
    pub problems: Vec<Problem>,
    /// A limit ended the reading: there may be more entries.
    pub cut: bool,
    /// Where lines were counted to: a byte and its line.
    counted: (usize, u32),
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
    /// The line in which it begins, from 1.
    pub line: u32,
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
        Self { kind, entries: Vec::new(), problems: Vec::new(), cut: false, counted: (0, 1) }
    }

    /// Adds `entry`, which begins at byte `at` of `text`, or notes that there would be more.
    fn push(&mut self, mut entry: Entry, text: &str, at: usize, limits: Limits) {
        if self.entries.len() < limits.max_urls {
            entry.line = self.line(text, at);
            self.entries.push(entry);
        } else {
            self.cut = true;
            let what = format!("more than {} URLs; the rest is not read", limits.max_urls);
            self.end_with(text, at, Flaw::TooMany, &what);
        }
    }

    /// Adds a problem with what stands at byte `at` of `text`.
    fn report(&mut self, text: &str, at: usize, flaw: Flaw, what: &str) {
        if self.problems.len() < MAX_PROBLEMS {
            self.end_with(text, at, flaw, what);
        }
    }

    /// The same, however many problems there are.
    fn end_with(&mut self, text: &str, at: usize, flaw: Flaw, what: &str) {
        let (line, byte) = (Some(self.line(text, at)), Some(at as u64));
        self.problems.push(Problem { flaw, line, byte, what: what.to_owned() });
    }

    /// The line of byte `at`. Places are asked for nearly in their order, so only what
    /// lies between two of them is looked at, forwards or backwards.
    fn line(&mut self, text: &str, at: usize) -> u32 {
        let at = at.min(text.len());
        let (from, line) = self.counted;
        let between = &text.as_bytes()[from.min(at)..from.max(at)];
        let breaks = memchr::memchr_iter(b'\n', between).count();
        let breaks = u32::try_from(breaks).unwrap_or(u32::MAX);
        let line =
            if at < from { line.saturating_sub(breaks) } else { line.saturating_add(breaks) };
        self.counted = (at, line);
        line
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
    if cut {
        sitemap.cut = true;
        let what = format!("larger than {} bytes; the rest is not read", limits.max_bytes);
        sitemap.end_with(&text, text.len(), Flaw::TooLarge, &what);
    }
    if let Some(at) = text.find(char::REPLACEMENT_CHARACTER) {
        sitemap.report(&text, at, Flaw::Encoding, "neither UTF-8 nor UTF-16");
    }
    // Only in text that was not converted are places those of the file.
    let mark = usize::from(body.starts_with(&BYTE_ORDER_MARK)) * BYTE_ORDER_MARK.len();
    let is_as_written = matches!(text, Cow::Borrowed(_));
    for problem in &mut sitemap.problems {
        problem.byte = problem.byte.filter(|_| is_as_written).map(|byte| byte + mark as u64);
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
    let beginning = &text[..text.floor_char_boundary(LOOKED_AT)];
    text.trim_start().starts_with('<')
        || beginning.contains("<?xml")
        || ROOTS.iter().any(|root| beginning.contains(root))
}

/// Whether `body` is a page for people, whatever its headers say: it begins as one, and
/// none of the elements that hold a sitemap is near its beginning.
pub fn is_html(body: &[u8]) -> bool {
    let beginning = &body[..body.len().min(LOOKED_AT)];
    let has = |root: &&str| beginning.windows(root.len()).any(|part| part == root.as_bytes());
    let start = body.strip_prefix(&BYTE_ORDER_MARK).unwrap_or(body).trim_ascii_start();
    let begins = |tag: &&str| {
        start.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()))
    };
    let tags = [
        "<!doctype html",
        "<html",
        "<head",
        "<body",
        "<script",
        "<title",
        "<!--",
        "<p",
        "<div",
        "<h1",
        "<a",
    ];
    tags.iter().any(begins) && !ROOTS.iter().any(has)
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
            let entry = Entry { url: url.to_owned(), ..Entry::default() };
            sitemap.push(entry, text, at, limits);
        } else if !url.is_empty() {
            sitemap.report(text, at, Flaw::NotAUrl, "not a URL");
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
