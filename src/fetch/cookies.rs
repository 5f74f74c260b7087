//! Which cookies go with a request?
//!
//! A jar that lives as long as the run and is never stored. The keeping is
//! reqwest's; ours is what a hostile server must not do: set cookies for a whole
//! public suffix (RFC 6265 section 5.3, step 5), or more of them than a browser keeps.

use std::collections::HashMap;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;

use reqwest::Url;
use reqwest::cookie::CookieStore;
use reqwest::header::HeaderValue;

/// Cookies of one host (RFC 6265 section 6.1).
const MAX_COOKIES: usize = 50;
/// Hosts that may set cookies.
const MAX_HOSTS: usize = 3000;
/// Bytes of one cookie (RFC 6265 section 6.1).
const MAX_COOKIE_BYTES: usize = 4096;

/// The cookies of a run.
#[derive(Debug, Default)]
pub(super) struct Cookies {
    jar: reqwest::cookie::Jar,
    /// Whether servers may set cookies.
    takes: bool,
    /// The names each host has set, to know when it has enough.
    names: Mutex<HashMap<String, HashSet<String>>>,
}

impl Cookies {
    /// A jar with the cookies of a file in the Netscape format, if one is given.
    /// Gives in words what is wrong with the file.
    pub(super) fn new(takes: bool, file: Option<&Path>) -> Result<Self, String> {
        let cookies = Self { takes, ..Self::default() };
        if let Some(path) = file {
            let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
            for (number, line) in (1..).zip(text.lines()) {
                let line = line.strip_prefix("#HttpOnly_").unwrap_or(line);
                if line.trim().is_empty() || line.starts_with('#') {
                    continue;
                }
                let (cookie, url) = read_line(line)
                    .ok_or_else(|| format!("line {number} is not in the Netscape cookie format"))?;
                cookies.jar.add_cookie_str(&cookie, &url);
            }
        }
        Ok(cookies)
    }

    fn admits(&self, header: &str, host: &str) -> bool {
        if header.len() > MAX_COOKIE_BYTES || is_for_public_suffix(header, host) {
            return false;
        }
        let name = header.split('=').next().unwrap_or_default().trim().to_owned();
        let mut names = self.names.lock().expect("nothing panics while it holds it");
        if names.len() >= MAX_HOSTS && !names.contains_key(host) {
            return false;
        }
        let names = names.entry(host.to_owned()).or_default();
        names.contains(&name) || names.len() < MAX_COOKIES && names.insert(name)
    }
}

impl CookieStore for Cookies {
    fn set_cookies(&self, headers: &mut dyn Iterator<Item = &HeaderValue>, url: &Url) {
        let Some(host) = url.host_str().filter(|_| self.takes) else { return };
        let admitted: Vec<_> = headers
            .filter(|header| header.to_str().is_ok_and(|text| self.admits(text, host)))
            .collect();
        self.jar.set_cookies(&mut admitted.into_iter(), url);
    }

    fn cookies(&self, url: &Url) -> Option<HeaderValue> {
        let mut value = self.jar.cookies(url)?;
        value.set_sensitive(true);
        Some(value)
    }
}

/// Whether a cookie is meant for all hosts of a public suffix, and not just for this one.
fn is_for_public_suffix(header: &str, host: &str) -> bool {
    let attributes = header.split(';').skip(1).filter_map(|attribute| attribute.split_once('='));
    let domains = attributes.filter(|(name, _)| name.trim().eq_ignore_ascii_case("domain"));
    domains
        .map(|(_, domain)| domain.trim().trim_start_matches('.').to_ascii_lowercase())
        .any(|domain| domain != host && psl::suffix_str(&domain) == Some(&domain))
}

/// A line of seven fields: domain, subdomains, path, secure, expiry, name, value.
fn read_line(line: &str) -> Option<(String, Url)> {
    let fields: Vec<_> = line.split('\t').collect();
    let [domain, subdomains, path, secure, expiry, name, value] = fields[..] else { return None };
    let host = domain.trim_start_matches('.');
    let is = |field: &str| field.eq_ignore_ascii_case("TRUE");
    let scheme = if is(secure) { "https" } else { "http" };
    let url = Url::parse(&format!("{scheme}://{host}{path}")).ok()?;
    let mut cookie = format!("{name}={value}; Path={path}");
    if is(subdomains) {
        cookie.push_str(&format!("; Domain={host}"));
    }
    if is(secure) {
        cookie.push_str("; Secure");
    }
    // 0 is a cookie of the session, which lasts as long as we do.
    let expiry: u64 = expiry.trim().parse().ok()?;
    if expiry > 0 {
        let at = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_secs(expiry))?;
        cookie.push_str(&format!("; Expires={}", httpdate::fmt_http_date(at)));
    }
    Some((cookie, url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(cookies: &Cookies, url: &str) -> String {
        let value = cookies.cookies(&Url::parse(url).unwrap());
        let text = value.map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        let mut cookies: Vec<_> = text.split("; ").collect();
        cookies.sort_unstable();
        cookies.join(" ")
    }

    fn set(cookies: &Cookies, url: &str, header: &str) {
        let header = HeaderValue::from_str(header).unwrap();
        cookies.set_cookies(&mut [&header].into_iter(), &Url::parse(url).unwrap());
    }

    #[test]
    fn cookies_go_where_they_belong() {
        let cookies = Cookies::new(true, None).unwrap();
        set(&cookies, "https://shop.example.co.uk/a/b", "host=1");
        set(&cookies, "https://shop.example.co.uk/", "site=2; Domain=example.co.uk");
        set(&cookies, "https://shop.example.co.uk/", "all=3; Domain=co.uk");
        set(&cookies, "https://shop.example.co.uk/", "other=4; Domain=elsewhere.org");
        set(&cookies, "https://shop.example.co.uk/", "safe=5; Secure; Path=/");
        assert_eq!(sent(&cookies, "https://shop.example.co.uk/a/c"), "host=1 safe=5 site=2");
        assert_eq!(sent(&cookies, "http://www.example.co.uk/"), "site=2");
        assert_eq!(sent(&cookies, "https://other.co.uk/"), "");
        let closed = Cookies::new(false, None).unwrap();
        set(&closed, "http://a.test/", "x=1");
        assert_eq!(sent(&closed, "http://a.test/"), "");
    }

    #[test]
    fn a_server_has_no_more_than_its_share() {
        let cookies = Cookies::new(true, None).unwrap();
        for n in 0..1000 {
            set(&cookies, "http://a.test/", &format!("c{n}=1"));
        }
        assert_eq!(sent(&cookies, "http://a.test/").split(' ').count(), MAX_COOKIES);
        set(&cookies, "http://a.test/", "c7=changed");
        assert!(sent(&cookies, "http://a.test/").contains("c7=changed"));
    }

    #[test]
    fn a_netscape_file_is_read_and_its_mistakes_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jar");
        let lines = "# Netscape HTTP Cookie File\n\n.example.org\tTRUE\t/\tFALSE\t0\tsid\tabc\n\
                     #HttpOnly_example.org\tFALSE\t/in\tTRUE\t4102444800\ttoken\tx\n";
        std::fs::write(&path, lines).unwrap();
        let cookies = Cookies::new(false, Some(&path)).unwrap();
        assert_eq!(sent(&cookies, "http://www.example.org/"), "sid=abc");
        assert_eq!(sent(&cookies, "https://example.org/in/x"), "sid=abc token=x");
        assert_eq!(sent(&cookies, "https://www.example.org/in/x"), "sid=abc");
        std::fs::write(&path, "nonsense\n").unwrap();
        assert!(Cookies::new(false, Some(&path)).unwrap_err().contains("line 1"));
    }
}
