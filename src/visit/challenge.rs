//! Does an answer ask whether we are human?
//!
//! Guards of sites refuse programs with a page that only a person can get past. That
//! says nothing of the URL: the site does not want us, and nobody insists.

use crate::fetch::Head;

/// Headers with which guards say so themselves (the documentation of Cloudflare,
/// "Detect a challenge page response", and of AWS WAF, "CAPTCHA and challenge").
const HEADERS: [(&str, &[&str]); 2] =
    [("cf-mitigated", &["challenge"]), ("x-amzn-waf-action", &["challenge", "captcha"])];

/// What their pages say to people, in lower case and with single blanks.
#[rustfmt::skip]
const WORDS: [&str; 14] = [
    "verify you are human", "verify that you are human", "verifying you are human", "verify you are not a robot",
    "verify that you are not a robot", "confirm you are human", "confirm that you are human", "are you a robot",
    "are you a human", "prove you are human", "prove that you are human", "checking your browser before accessing",
    "enable javascript and cookies to continue", "complete the security check to access",
];

/// Whether the answer is one that may have such a page as its body.
pub(super) fn may_be(head: &Head) -> bool {
    matches!(head.status, 403 | 429 | 503)
}

/// Whether the headers say so.
pub(super) fn is_named(head: &Head) -> bool {
    let has = |(name, values): &(&str, &[&str])| {
        let said = head.get(name).unwrap_or_default().trim();
        values.iter().any(|value| said.eq_ignore_ascii_case(value))
    };
    HEADERS.iter().any(has)
}

/// Whether the page says so.
pub(super) fn is_told(html: &str) -> bool {
    let text: String = html.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
    WORDS.iter().any(|words| text.contains(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_told_from_other_refusals() {
        #[rustfmt::skip]
        let cases = [
            ("<title>Just a moment...</title><h2>Verify you\n are human</h2>",               true),
            ("<p>Checking your browser before accessing example.org.",                        true),
            ("<h1>Please verify that you are not a robot</h1>",                               true),
            ("<noscript>Enable JavaScript and cookies to continue</noscript>",                true),
            ("<h1>403 Forbidden</h1><p>You are not allowed to see this.",                     false),
            ("<h1>Service unavailable</h1><p>Humans are verifying the machine. Come back.",  false),
            ("",                                                                              false),
        ];
        for (html, expected) in cases {
            assert_eq!(is_told(html), expected, "{html}");
        }
        let head = |json: &str| Head::from_json(403, json);
        assert!(is_named(&head(r#"{"cf-mitigated": ["challenge"]}"#)));
        assert!(is_named(&head(r#"{"x-amzn-waf-action": ["captcha"]}"#)));
        assert!(!is_named(&head(r#"{"cf-mitigated": ["none"], "server": ["challenge"]}"#)));
    }
}
