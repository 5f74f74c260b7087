//! Which spelling stands for a page?
//!
//! Every URL passes through here once, before it is compared, stored or fetched.
//! The form is what the WHATWG URL parser gives, and four rules of ours: the
//! fragment is taken off (it is kept with the link), credentials are dropped, a
//! `%` that starts no escape is written `%25` (servers answer 400 to it), and
//! nothing longer than [`MAX_URL_BYTES`] passes. Query order, trailing slash,
//! letter case and `www.` stay as they are: they may be other pages.
//!
//! raw href → [`join`] → [`CanonicalUrl`] or [`Unusable`]

mod credentials;
mod query;

use std::fmt;
use std::sync::Arc;

use memchr::memchr;
use url::Url;

pub use credentials::without_credentials;
pub use query::QueryEncoding;

/// The longest URL that is stored or fetched, in bytes.
pub const MAX_URL_BYTES: usize = 2048;

/// An http or https URL in the one spelling under which it is known.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CanonicalUrl(Arc<str>);

/// Why a raw URL names nothing that could be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Longer than [`MAX_URL_BYTES`]; the length in bytes.
    #[error("{0} bytes")]
    TooLong(usize),
    /// Not http or https; the scheme.
    #[error("{0}")]
    Scheme(String),
    /// No URL by the WHATWG rules; the parser's words.
    #[error("{0}")]
    Invalid(String),
}

impl CanonicalUrl {
    /// Reads an absolute URL; blanks around it are ignored.
    ///
    /// # Errors
    /// See [`Unusable`].
    pub fn parse(raw: &str) -> Result<Self, Unusable> {
        let raw = raw.trim();
        if raw.len() > MAX_URL_BYTES {
            return Err(Unusable::TooLong(raw.len()));
        }
        let url = Url::parse(raw).map_err(|error| Unusable::Invalid(error.to_string()))?;
        canonical(url).map(|(url, _)| url)
    }

    /// Takes a text that [`Self::as_str`] gave earlier, without looking at it again.
    pub fn from_stored(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// Takes a text of a file, which may be damaged: `None` if it has not the shape of
    /// a canonical URL. That it is one in every respect is not looked for.
    pub fn from_file(text: impl Into<Arc<str>>) -> Option<Self> {
        let text: Arc<str> = text.into();
        let rest = text.strip_prefix("http").map(|rest| rest.strip_prefix('s').unwrap_or(rest))?;
        let is_url = text.len() <= MAX_URL_BYTES
            && rest.strip_prefix("://")?.bytes().position(|byte| byte == b'/') > Some(0)
            && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        is_url.then_some(Self(text))
    }

    /// The whole URL, shared.
    pub fn text(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// The whole URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme and host, such as `https://example.org:8080`: the unit of robots.txt.
    pub fn origin(&self) -> &str {
        &self.0[..self.path_start()]
    }

    /// Name and, if it is not the scheme's own, port: `example.org:8080`.
    pub fn host(&self) -> &str {
        &self.0[self.host_start()..self.path_start()]
    }

    /// The host without a leading `www.`: whom we must be polite to.
    pub fn server(&self) -> &str {
        without_www(self.host())
    }

    /// The host without its port; an IPv6 address keeps its brackets.
    pub fn host_name(&self) -> &str {
        let host = self.host();
        match host.rfind(':') {
            Some(colon) if !host[colon..].contains(']') => &host[..colon],
            _ => host,
        }
    }

    /// Name and port, the port always written.
    pub fn host_and_port(&self) -> String {
        let (host, name) = (self.host(), self.host_name());
        let port = if self.0.starts_with("https") { 443 } else { 80 };
        if host.len() == name.len() { format!("{name}:{port}") } else { host.to_owned() }
    }

    /// From the first slash of the path to the end, as the request line has it.
    pub fn path_and_query(&self) -> &str {
        &self.0[self.path_start()..]
    }

    /// The path alone.
    pub fn path(&self) -> &str {
        let rest = self.path_and_query();
        &rest[..rest.find('?').unwrap_or(rest.len())]
    }

    /// The same URL for relative references to be joined to.
    pub fn to_url(&self) -> Url {
        Url::parse(&self.0).expect("a canonical URL parses")
    }

    fn host_start(&self) -> usize {
        if self.0.starts_with("https") { "https://".len() } else { "http://".len() }
    }

    fn path_start(&self) -> usize {
        let start = self.host_start();
        start + self.0[start..].find('/').expect("a canonical URL has a path")
    }
}

impl fmt::Display for CanonicalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CanonicalUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `host` without a leading `www.`.
pub fn without_www(host: &str) -> &str {
    host.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(host)
}

/// What the raw reference `raw` means on a page whose base URL is `base`: the
/// URL, and the fragment if it has one that is not empty.
///
/// # Errors
/// See [`Unusable`]. Long input is refused before it is parsed.
pub fn join(base: &Url, raw: &str) -> Result<(CanonicalUrl, Option<String>), Unusable> {
    join_in(base, raw, None)
}

/// The same on a page whose encoding is not UTF-8.
///
/// # Errors
/// See [`join`].
pub fn join_in(
    base: &Url,
    raw: &str,
    encoding: Option<QueryEncoding>,
) -> Result<(CanonicalUrl, Option<String>), Unusable> {
    let raw = raw.trim_matches(|c: char| c <= ' ');
    if raw.len() > MAX_URL_BYTES {
        return Err(match scheme(raw) {
            Some(scheme) if !scheme.starts_with("http") => Unusable::Scheme(scheme),
            _ => Unusable::TooLong(raw.len()),
        });
    }
    let url = match encoding.filter(|_| !raw.is_ascii()) {
        Some(encoding) => encoding.join(base, raw),
        None => base.join(raw),
    };
    canonical(url.map_err(|error| Unusable::Invalid(error.to_string()))?)
}

/// A reference in two: what is before its fragment, and the fragment, where that
/// means what it says letter by letter. References that differ in it alone name the
/// same URL, so that they need not be joined one by one. Otherwise the whole of it.
///
/// `join(base, raw)` gives the URL of the first part with the second as its fragment.
pub fn split_plain_fragment(raw: &str) -> (&str, Option<&str>) {
    let bytes = raw.as_bytes();
    let Some(at) = memchr(b'#', bytes) else { return (raw, None) };
    let (head, fragment) = (&raw[..at], &raw[at + 1..]);
    // Blanks around a reference are none of it; one before the fragment is.
    let has_blank = |bytes: &[u8]| {
        bytes.first().is_some_and(|byte| *byte <= b' ')
            || bytes.last().is_some_and(|byte| *byte <= b' ')
    };
    // What the fragment percent-encode set of the URL standard leaves alone.
    let is_plain =
        |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'`');
    // Of another scheme the whole is kept as it is written.
    let has_scheme = !head.starts_with("http") && scheme(head).is_some();
    let is_long = raw.len() > MAX_URL_BYTES;
    if has_blank(head.as_bytes())
        || has_scheme
        || is_long
        || !fragment.as_bytes().iter().all(is_plain)
    {
        return (raw, None);
    }
    (head, Some(fragment).filter(|fragment| !fragment.is_empty()))
}

fn canonical(mut url: Url) -> Result<(CanonicalUrl, Option<String>), Unusable> {
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Unusable::Scheme(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let cleared = url.set_username("").and_then(|()| url.set_password(None));
        cleared.expect("an http URL can have credentials");
    }
    let text = url.as_str();
    let end = text.find('#').unwrap_or(text.len());
    let fragment = text.get(end + 1..).filter(|fragment| !fragment.is_empty()).map(Into::into);
    let text = escape_bare_percent(&text[..end]);
    if text.len() > MAX_URL_BYTES {
        return Err(Unusable::TooLong(text.len()));
    }
    Ok((CanonicalUrl(text.as_ref().into()), fragment))
}

/// Writes each `%` that is not followed by two hexadecimal digits as `%25`.
fn escape_bare_percent(text: &str) -> std::borrow::Cow<'_, str> {
    let bytes = text.as_bytes();
    let is_bare = |at: usize| {
        let escape = bytes.get(at + 1..at + 3);
        !escape.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !text.match_indices('%').any(|(at, _)| is_bare(at)) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for (at, c) in text.char_indices() {
        escaped.push_str(if c == '%' && is_bare(at) {
            "%25"
        } else {
            &text[at..at + c.len_utf8()]
        });
    }
    escaped.into()
}

/// The scheme that `raw` begins with (RFC 3986 section 3.1), in lower case.
fn scheme(raw: &str) -> Option<String> {
    let scheme = raw.get(..raw.bytes().take(32).position(|byte| byte == b':')?)?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    is_scheme.then(|| scheme.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of `fixtures/canonical.tsv`: base, raw, expected, why.
    fn rows() -> impl Iterator<Item = [&'static str; 4]> {
        include_str!("../fixtures/canonical.tsv")
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .map(|line| {
                let cells: Vec<_> = line.split('\t').collect();
                cells.try_into().unwrap_or_else(|_| panic!("not four cells: {line}"))
            })
    }

    #[test]
    fn a_reference_in_two_parts_means_what_it_meant_in_one() {
        let base = Url::parse("http://example.com/a/b?q#old").unwrap();
        let pieces = [
            "",
            "c",
            "../d?x=1",
            "http://e.com",
            "HTTPS:f",
            "mailto:a",
            "javascript:1",
            "//[",
            "\t c \n",
        ];
        let fragments = [
            "",
            "#",
            "#top",
            "#a#b",
            "#%41%",
            "#é",
            "#a b",
            "#\"<>`",
            "#a\tb",
            "#/?:@!$&'()*+,;=-._~{|}^\\",
            "#a ",
        ];
        let mut split = 0;
        for raw in pieces.iter().flat_map(|one| fragments.map(|other| format!("{one}{other}"))) {
            let (head, fragment) = split_plain_fragment(&raw);
            split += usize::from(fragment.is_some());
            let in_two =
                join(&base, head).map(|(url, found)| (url, fragment.map(Into::into).or(found)));
            assert_eq!(in_two, join(&base, &raw), "{raw:?}");
        }
        assert!(split >= 20);
    }

    #[test]
    fn one_page_has_one_spelling() {
        let mut count = 0;
        for [base, raw, expected, why] in rows() {
            let raw = raw.replace("\\t", "\t").replace("\\n", "\n");
            let found = match join(&Url::parse(base).unwrap(), &raw) {
                Ok((url, _)) => url.to_string(),
                Err(Unusable::TooLong(_)) => "! too-long".to_owned(),
                Err(Unusable::Scheme(_)) => "! scheme".to_owned(),
                Err(Unusable::Invalid(_)) => "! invalid".to_owned(),
            };
            assert_eq!(found, expected, "{why}: {raw} on {base}");
            if let Ok(again) = CanonicalUrl::parse(expected) {
                assert_eq!(again.as_str(), expected, "not idempotent: {raw}");
            }
            count += 1;
        }
        assert!(count > 30, "the table was read");
    }

    #[test]
    fn a_fragment_is_kept_beside_the_url() {
        let base = Url::parse("http://a/b").unwrap();
        let (url, fragment) = join(&base, "c#top").unwrap();
        assert_eq!((url.as_str(), fragment.as_deref()), ("http://a/c", Some("top")));
        assert_eq!(join(&base, "c#").unwrap().1, None);
    }

    #[test]
    fn the_parts_of_a_url_are_found_by_their_place() {
        #[rustfmt::skip]
        let cases = [
            // url                      origin                   host          name        server        path
            ("https://www.a.org/b?c",   "https://www.a.org",     "www.a.org",  "www.a.org", "a.org",     "/b"),
            ("http://a.org:81/",        "http://a.org:81",       "a.org:81",   "a.org",     "a.org:81",  "/"),
            ("http://[::1]:81/",        "http://[::1]:81",       "[::1]:81",   "[::1]",     "[::1]:81",  "/"),
            ("http://[::1]/",           "http://[::1]",          "[::1]",      "[::1]",     "[::1]",     "/"),
            ("http://www.org/",         "http://www.org",        "www.org",    "www.org",   "www.org",   "/"),
        ];
        for (url, origin, host, name, server, path) in cases {
            let url = CanonicalUrl::parse(url).unwrap();
            let parts = (url.origin(), url.host(), url.host_name(), url.server(), url.path());
            assert_eq!(parts, (origin, host, name, server, path));
        }
        let with_port = |url| CanonicalUrl::parse(url).unwrap().host_and_port();
        let urls = ["https://a/", "http://[::1]/", "http://a:81/"];
        assert_eq!(urls.map(with_port), ["a:443", "[::1]:80", "a:81"]);
    }
}
