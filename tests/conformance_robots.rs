//! The published cases of Google's robots.txt specification tests come out as published.
//!
//! Cases of the tier `info`, on which trusted parsers disagree, are counted but
//! not required.

mod cases;

use cases::{base64, load, say};
use crawlite::robots::{Rules, Verdict};
use serde_json::Value;
use url::Url;

/// What a crawler would ask `url` for; the root if it is empty.
fn path_and_query(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return "/".to_owned() };
    url.query().map_or(url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

/// The bytes of a robots.txt, given as text or in base64.
fn robots(case: &Value) -> Vec<u8> {
    match case["robots_b64"].as_str() {
        Some(encoded) => base64(encoded),
        None => case["robots"].as_str().expect("robots or robots_b64").as_bytes().to_vec(),
    }
}

#[test]
fn published_cases_come_out_as_published() {
    let (mut passed, mut disputed, mut failures) = (0, Vec::new(), Vec::new());
    for (number, case) in load("robots-google-spec.json").iter().enumerate() {
        let robots = robots(case);
        let agent = case["agent"].as_str().expect("agent");
        let url = case["url"].as_str().expect("url");
        let rules = Rules::parse(&robots, agent);
        let verdict = rules.verdict(&path_and_query(url));
        let allowed = case["allowed"].as_bool().expect("allowed");
        if (verdict == Verdict::Allowed) == allowed {
            passed += 1;
        } else if case["tier"] == "info" {
            disputed.push(format!("{}: {}", case["id"], case["note"]));
        } else {
            let robots = String::from_utf8_lossy(&robots);
            failures.push(format!("{number}: {agent} {url}: {verdict:?}\n{robots}"));
        }
    }
    let (failed, differ) = (failures.len(), disputed.len());
    say(&format!("robots: {passed} passed, {failed} failed, {differ} disputed differ"));
    disputed.iter().for_each(|line| say(&format!("  {line}")));
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
