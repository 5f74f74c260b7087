//! What must hold of the head of a response, whatever it says? Case: one `name: value` a line.

use std::time::{Duration, SystemTime};

use crawlite::extract::{Directives, header_links, refresh_target};
use crawlite::fetch::Head;

use super::{repeated, within};

/// Panics where a law is broken.
pub fn check(data: &[u8]) {
    let lines: Vec<_> = data.split(|byte| *byte == b'\n').filter_map(name_and_value).collect();
    within(Duration::from_secs(1), || {
        for status in [200, 301, 429] {
            head(&Head::of(status, lines.iter().copied()));
        }
        for (_, value) in &lines {
            values(&String::from_utf8_lossy(value));
        }
    });
    let long = repeated(data);
    within(Duration::from_secs(2), || values(&String::from_utf8_lossy(&long)));
}

fn name_and_value(line: &[u8]) -> Option<(&str, &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    Some((str::from_utf8(&line[..colon]).ok()?, line[colon + 1..].trim_ascii()))
}

fn head(head: &Head) {
    head.retry_after(SystemTime::UNIX_EPOCH + Duration::from_hours(500_000));
    let media_type = head.media_type();
    assert!(!media_type.contains(';') && media_type == media_type.to_ascii_lowercase());
    if let Some(charset) = head.charset() {
        assert!(!charset.contains(';') && charset.trim_matches(['"', '\'']) == charset);
    }
    assert!(head.location().is_none() || head.status == 301);
    let json: serde_json::Value = serde_json::from_str(&head.to_json()).expect("JSON");
    for cookie in json["set-cookie"].as_array().into_iter().flatten() {
        let cookie = cookie.as_str().expect("a text");
        assert!(cookie.ends_with("<cut>") && !cookie.contains(';'), "{cookie}");
        let name = cookie.strip_suffix("=<cut>");
        assert!(name.is_none_or(|name| !name.contains('=')), "{cookie}");
        assert!(name.is_some() || cookie == "<cut>", "a cookie without a name has only its value");
        // What is no UTF-8 is not given as a text, but stored with marks where it is none.
        let is_marked = name.is_some_and(|name| name.contains('\u{fffd}'));
        let is_said = |value: &str| is_marked || name.is_none_or(|name| value.starts_with(name));
        assert!(head.get_all("set-cookie").any(is_said) || head.get("set-cookie").is_none());
    }
}

/// Whatever header it is of.
fn values(value: &str) {
    for link in header_links(value) {
        for part in [&link.href, &link.rel, &link.media_type, &link.hreflang] {
            assert!(value.contains(part), "{part:?} is not in {value:?}");
        }
    }
    if let Some(target) = refresh_target(value) {
        assert!(!target.is_empty() && value.contains(target));
    }
    let mut said = Directives::default();
    said.add(value);
    let forbids = |words: [&str; 2]| {
        value.split(',').any(|word| words.iter().any(|one| word.trim().eq_ignore_ascii_case(one)))
    };
    assert_eq!(said.index, !forbids(["noindex", "none"]), "{value:?}");
    assert_eq!(said.follow, !forbids(["nofollow", "none"]), "{value:?}");
    let mut merged = Directives::default();
    merged.merge(&said);
    assert_eq!((merged.index, merged.follow), (said.index, said.follow));
    assert!(said.text.len() <= 2 * 512);
    let mut named = Directives::default();
    named.add_header(value, "crawlite");
    named.add_header("otherbot: noindex", "crawlite");
    assert!(named.index || value.to_ascii_lowercase().contains("no"));
}
