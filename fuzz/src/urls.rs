//! What must hold of a reference, whatever it is? Case: the base URL, a line break, the reference.

use crawlite::canonical::{
    CanonicalUrl, MAX_URL_BYTES, join, split_plain_fragment, without_credentials,
};
use crawlite::config::ScopeConfig;
use crawlite::export::markdown_tree::{file_path, hashed_path};
use crawlite::hash::UrlHasher;
use crawlite::scope::Scope;
use crawlite::traps::Traps;
use url::Url;

use super::Case;

/// Panics where a law is broken.
pub fn check(data: &[u8]) {
    let case = Case::of(data);
    let raw = case.text();
    let page = CanonicalUrl::parse(&case.head)
        .unwrap_or_else(|_| CanonicalUrl::parse("http://example.com/a/b?q").expect("a URL"));
    let base = page.to_url();

    let joined = join(&base, &raw);
    let (head, fragment) = split_plain_fragment(&raw);
    let in_two = join(&base, head).map(|(url, found)| (url, fragment.map(Into::into).or(found)));
    assert_eq!(in_two, joined, "in two parts");

    for url in [Some(page.clone()), joined.ok().map(|(url, _)| url), CanonicalUrl::parse(&raw).ok()]
        .into_iter()
        .flatten()
    {
        spelling(&url);
        admission(&page, &url);
        paths(&url);
    }
    credentials(&base, &raw);
}

/// It is one spelling, fit for a request line, and its parts are where they should be.
fn spelling(url: &CanonicalUrl) {
    let text = url.as_str();
    assert_eq!(CanonicalUrl::parse(text).as_ref(), Ok(url), "one spelling");
    assert_eq!(join(&url.to_url(), text), Ok((url.clone(), None)), "one spelling");
    assert!(text.len() <= MAX_URL_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(!text.contains('#') && !url.host().contains('@') && !url.host_name().is_empty());
    assert_eq!([url.origin(), url.path_and_query()].concat(), text);
    assert!(url.path().starts_with('/') && url.host().ends_with(url.server()));
    assert!(url.host_and_port().starts_with(url.host_name()));
}

/// Scope and traps have a verdict, and it is the same every time.
fn admission(page: &CanonicalUrl, url: &CanonicalUrl) {
    let config = ScopeConfig { strip_tracking: true, ..ScopeConfig::default() };
    let scope = Scope::new(&config, std::slice::from_ref(page)).expect("no pattern");
    assert_eq!(scope.judge(url), scope.judge(url));
    let stripped = scope.stripped(url.clone());
    assert_eq!(scope.stripped(stripped.clone()), stripped, "nothing is left to strip");
    assert_eq!(CanonicalUrl::parse(stripped.as_str()).as_ref(), Ok(&stripped), "one spelling");
    let mut traps = Traps::new(UrlHasher::new([7; 16]), 2026);
    let pattern = traps.judge(url).map(|trap| trap.pattern);
    let again = traps.judge(url).map(|trap| trap.pattern);
    assert!(pattern.is_none() || again == pattern, "a trap holds");
}

/// What is written for it stays in its folder.
fn paths(url: &CanonicalUrl) {
    for path in [file_path(url), hashed_path(url)] {
        let is_name = |name: &str| {
            !matches!(name, "" | "." | "..")
                && name.len() <= 255
                && !name.contains(['\\', ':', '*', '?', '"', '<', '>', '|'])
        };
        assert!(path.split('/').all(is_name), "{path}");
    }
}

/// What is stored of a reference tells no password that a browser would have sent.
fn credentials(base: &Url, raw: &str) {
    let kept = without_credentials(raw);
    assert_eq!(without_credentials(&kept), kept, "nothing is left to cut");
    if let Ok(url) = base.join(&kept) {
        let is_web = matches!(url.scheme(), "http" | "https");
        assert!(!is_web || (url.username().is_empty() && url.password().is_none()), "{kept:?}");
    }
}
