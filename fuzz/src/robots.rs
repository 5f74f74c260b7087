//! What must hold of robots.txt, whatever it says? Case: a path, a line break, the file.

use std::time::Duration;

use crawlite::robots::{Rules, Verdict};

use super::{Case, repeated, within};

/// Panics where a law is broken.
pub fn check(data: &[u8]) {
    let case = Case::of(data);
    for token in ["crawlite", ""] {
        let parse = |body: &[u8]| within(Duration::from_secs(1), || Rules::parse(body, token));
        let rules = parse(&case.body);
        bounds(&rules);
        verdicts(&rules, &case);
        if case.body.len() < 4096 {
            assert_eq!(parse(&case.body), rules, "the same every time");
            let other_ends = parse(&with_both_ends(&case.body));
            let is_allowed = |rules: &Rules| rules.verdict(&case.head) == Verdict::Allowed;
            assert_eq!(is_allowed(&other_ends), is_allowed(&rules), "whatever ends its lines");
            assert_eq!(other_ends.crawl_delay(), rules.crawl_delay());
            assert_eq!(other_ends.sitemaps(), rules.sitemaps());
        }
    }
}

fn bounds(rules: &Rules) {
    assert!(rules.crawl_delay().is_none_or(|delay| delay <= Duration::from_hours(24)));
    assert!(rules.sitemaps().len() <= 500);
}

/// Every path gets its verdict soon, the longest as well, and the same every time.
fn verdicts(rules: &Rules, case: &Case) {
    let mut long = repeated(case.head.as_bytes());
    long.truncate(2048);
    let long = format!("/{}", String::from_utf8_lossy(&long));
    for path in [&case.head, &long] {
        let verdict = within(Duration::from_millis(250), || rules.verdict(path));
        assert_eq!(rules.verdict(path), verdict, "the same every time");
        if let Verdict::Disallowed { line, rule } = verdict {
            assert!(rule.len() <= 200 && line >= 1);
        }
    }
    assert_eq!(rules.verdict("/robots.txt"), Verdict::Allowed);
}

/// The same lines, with CR LF for their ends (RFC 9309 section 2.2).
fn with_both_ends(body: &[u8]) -> Vec<u8> {
    body.split(|byte| *byte == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..])
}
