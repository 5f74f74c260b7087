//! How is a server asked to send a page only if it changed?
//!
//! [`Condition::of`] takes the validators of the answer that is stored
//! (RFC 9110 section 8.8); a 304 that does not contradict them confirms it.

use std::time::Duration;

use reqwest::header::{self, HeaderMap, HeaderValue};

use super::Head;

/// The longest tag that is sent back.
const MAX_TAG_BYTES: usize = 1024;
/// A time of last change that is no older than the answer may hide a change made
/// within the same second (RFC 9110 section 8.8.2.2).
const MIN_AGE: Duration = Duration::from_secs(1);

/// What a request says so that what is stored need not be sent again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    none_match: Option<HeaderValue>,
    modified_since: Option<HeaderValue>,
}

impl Condition {
    /// The condition that the answer with this head has changed; `None` if it has no
    /// validator that can be relied on.
    pub fn of(head: &Head) -> Option<Self> {
        // `*` would ask whether there is anything at all.
        let is_tag = |tag: &&HeaderValue| {
            !tag.is_empty() && tag.len() <= MAX_TAG_BYTES && tag.as_bytes() != b"*"
        };
        let none_match = head.value(header::ETAG).filter(is_tag).cloned();
        let date = |name| httpdate::parse_http_date(head.get(name)?).ok();
        let is_settled = date("last-modified").is_some_and(|modified| {
            date("date")
                .is_none_or(|sent| sent.duration_since(modified).is_ok_and(|age| age >= MIN_AGE))
        });
        let modified_since = head.value(header::LAST_MODIFIED).filter(|_| is_settled).cloned();
        (none_match.is_some() || modified_since.is_some())
            .then_some(Self { none_match, modified_since })
    }

    /// Whether a 304 is about what was asked: another strong tag names other content
    /// (RFC 9111 section 4.3.4).
    pub fn is_confirmed_by(&self, answer: &Head) -> bool {
        let strong = answer.value(header::ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/"));
        match (strong, &self.none_match) {
            (Some(theirs), Some(ours)) => opaque(theirs) == opaque(ours),
            _ => true,
        }
    }

    pub(super) fn headers(&self) -> HeaderMap {
        let one = |name, value: &Option<HeaderValue>| Some((name, value.clone()?));
        // Both, for caches on the way that know only the second (RFC 9110 section 13.1.3).
        let tag = one(header::IF_NONE_MATCH, &self.none_match);
        let date = one(header::IF_MODIFIED_SINCE, &self.modified_since);
        tag.into_iter().chain(date).collect()
    }
}

/// A tag without the mark of a weak one: servers that pack weaken it on the way.
fn opaque(tag: &HeaderValue) -> &[u8] {
    tag.as_bytes().strip_prefix(b"W/").unwrap_or(tag.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
    const NEXT: &str = "Sun, 06 Nov 1994 08:49:38 GMT";

    fn head(headers: &[(&str, &str)]) -> Head {
        let object: serde_json::Map<_, _> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), serde_json::json!([value])))
            .collect();
        Head::from_json(200, &serde_json::Value::Object(object).to_string())
    }

    #[test]
    fn only_validators_that_can_be_relied_on_are_sent() {
        let long = format!("\"{}\"", "x".repeat(MAX_TAG_BYTES));
        #[rustfmt::skip]
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[("etag", "\"a\"")],                            "if-none-match: \"a\""),
            (&[("etag", "W/\"a\"")],                          "if-none-match: W/\"a\""),
            (&[("etag", "a-b")],                              "if-none-match: a-b"),
            (&[("etag", "*")],                                ""),
            (&[("etag", "")],                                 ""),
            (&[("etag", &long)],                              ""),
            (&[("last-modified", OLD)],                       "if-modified-since: Sun, 06 Nov 1994 08:49:37 GMT"),
            (&[("last-modified", OLD), ("date", NEXT)],       "if-modified-since: Sun, 06 Nov 1994 08:49:37 GMT"),
            (&[("last-modified", OLD), ("date", OLD)],        ""),
            (&[("last-modified", NEXT), ("date", OLD)],       ""),
            (&[("last-modified", "yesterday")],               ""),
            (&[("etag", "\"a\""), ("last-modified", OLD)],    "if-none-match: \"a\", if-modified-since: Sun, 06 Nov 1994 08:49:37 GMT"),
            (&[],                                             ""),
        ];
        for (headers, expected) in cases {
            let condition = Condition::of(&head(headers)).unwrap_or_default();
            let sent: Vec<_> = condition
                .headers()
                .iter()
                .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
                .collect();
            assert_eq!(sent.join(", "), *expected, "{headers:?}");
        }
    }

    #[test]
    fn a_304_with_another_strong_tag_confirms_nothing() {
        #[rustfmt::skip]
        let cases = [
            ("\"a\"",   Some("\"a\""),   true),
            ("\"a\"",   Some("\"b\""),   false),
            ("\"a\"",   Some("W/\"a\""), true),
            ("W/\"a\"", Some("\"a\""),   true),
            ("\"a\"",   None,            true),
        ];
        for (ours, theirs, expected) in cases {
            let condition = Condition::of(&head(&[("etag", ours)])).unwrap();
            let answer = head(&theirs.map(|tag| ("etag", tag)).into_iter().collect::<Vec<_>>());
            assert_eq!(condition.is_confirmed_by(&answer), expected, "{ours} {theirs:?}");
        }
    }
}
