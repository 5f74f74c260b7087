//! The published URL cases of web-platform-tests come out as published, but for
//! the rules of our own that `src/canonical.rs` names.

mod cases;

use cases::{load, say};
use crawlite::canonical::{CanonicalUrl, MAX_URL_BYTES, Unusable, join};
use url::Url;

/// What our rules make of the spelling that the standard gives: no fragment, no
/// credentials, no bare `%`, only http and https, not too long.
fn by_our_rules(href: &str) -> Option<String> {
    let mut url = Url::parse(href).ok().filter(|url| ["http", "https"].contains(&url.scheme()))?;
    url.set_fragment(None);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    let mut text = String::new();
    let bytes = url.as_str().as_bytes();
    for (at, c) in url.as_str().char_indices() {
        text.push(c);
        let digits = bytes.get(at + 1..at + 3).is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit));
        if c == '%' && !digits {
            text.push_str("25");
        }
    }
    Some(text).filter(|text| text.len() <= MAX_URL_BYTES)
}

/// Spellings that the `url` crate reads otherwise than the newest text of the
/// standard; printed, so that a new one is seen.
const MOST_DIFFERENCES: usize = 7;

#[test]
fn published_cases_come_out_as_published() {
    let (mut passed, mut differ) = (0, Vec::new());
    for case in load("urls-wpt.json") {
        let input = case["input"].as_str().unwrap();
        let base = case["base"].as_str().unwrap_or("about:blank");
        let Ok(base) = Url::parse(base) else { continue };
        let expected = case["href"].as_str().and_then(by_our_rules);
        let found = match join(&base, input) {
            Ok((url, _)) => {
                let again = CanonicalUrl::parse(url.as_str()).unwrap();
                assert_eq!(again, url, "not idempotent: {input}");
                Some(url.to_string())
            }
            Err(Unusable::Scheme(_) | Unusable::Invalid(_) | Unusable::TooLong(_)) => None,
        };
        if found == expected {
            passed += 1;
        } else {
            differ.push(format!("{input:?} on {base}: {found:?}, published {expected:?}"));
        }
    }
    say(&format!("urls: {passed} passed, {} differ", differ.len()));
    differ.iter().for_each(|line| say(&format!("  {line}")));
    assert!(differ.len() <= MOST_DIFFERENCES, "{} cases differ", differ.len());
}
