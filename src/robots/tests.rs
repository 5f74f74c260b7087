//! The fixtures are robots.txt files that say themselves what is to be found, in
//! comments: `#? agent path verdict why`, where a verdict is `allowed` or the path
//! of the Disallow that decides.

use std::path::Path;
use std::time::Duration;

use super::{MAX_ROBOTS_BYTES, MAX_RULES, Rules, Verdict};

/// The number of the line that disallows `path` to `crawlite`.
fn disallowed_by(robots: &[u8], path: &str) -> Option<u32> {
    match Rules::parse(robots, "crawlite").verdict(path) {
        Verdict::Allowed => None,
        Verdict::Disallowed { line, .. } => Some(line),
    }
}

#[test]
fn every_fixture_is_read_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/robots");
    let mut checked = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        for expectation in text.lines().filter_map(|line| line.strip_prefix("#? ")) {
            let mut words = expectation.split_whitespace();
            let [agent, path, expected] = [(); 3].map(|()| words.next().expect(expectation));
            let rules = Rules::parse(text.as_bytes(), agent);
            let found = match rules.verdict(path) {
                Verdict::Allowed => "allowed",
                Verdict::Disallowed { line, rule } => {
                    let written = text.lines().nth(line as usize - 1).expect(rule);
                    assert!(written.contains(rule), "{}: line {line}, {rule}", file.display());
                    rule.split([' ', ':']).next_back().expect(rule)
                }
            };
            assert_eq!(found, expected, "{}: {expectation}", file.display());
            checked += 1;
        }
    }
    assert!(checked > 40, "only {checked} expectations found");
}

#[test]
fn any_line_ending_and_any_beginning_will_do() {
    #[rustfmt::skip]
    let cases: [(&[u8], Option<u32>, &str); 9] = [
        (b"User-agent: *\nDisallow: /",             Some(2), "LF, none at the end"),
        (b"User-agent: *\r\n\r\nDisallow: /\r\n",   Some(3), "CR LF is one line ending"),
        (b"User-agent: *\r\rDisallow: /",           Some(3), "CR"),
        (b"\xEF\xBB\xBFUser-agent: *\nDisallow: /", Some(2), "byte order mark"),
        (b"User-agent: *\nDisallow: /\0/never",     Some(2), "NUL ends the text of its line"),
        (b"User-agent: *\nDisallow: /caf\xE9",      None,    "not UTF-8, another path"),
        (b"User-agent\t*\nDisallow /",              Some(2), "no colon, two words"),
        (b"User-agent: *\nDisallow / please",       None,    "no colon, three words"),
        (b"<html><body>User-agent: * Disallow: /",  None,    "HTML"),
    ];
    for (robots, expected, why) in cases {
        assert_eq!(disallowed_by(robots, "/page"), expected, "{why}");
    }
    assert_eq!(disallowed_by(b"User-agent: *\nDisallow: /caf\xE9", "/caf%e9"), Some(2));
}

#[test]
fn a_long_file_is_read_up_to_its_last_whole_line() {
    let beginning = "User-agent: *\nDisallow: /early\n";
    let mut robots = beginning.as_bytes().to_vec();
    robots.resize(MAX_ROBOTS_BYTES - "Disallow: /a".len() - 1, b'#');
    robots.extend(b"\nDisallow: /abc\n");
    robots.resize(600 * 1024, b'#');

    assert_eq!(disallowed_by(&robots, "/early"), Some(2));
    assert_eq!(disallowed_by(&robots, "/a"), None, "half a rule is no rule");
    assert_eq!(disallowed_by(&robots, "/abc"), None);

    robots[MAX_ROBOTS_BYTES] = b'\n';
    assert_eq!(disallowed_by(&robots, "/a"), Some(4), "the limit is where the line ends");
    assert_eq!(disallowed_by(&vec![b'D'; 600 * 1024], "/"), None, "one endless line");
}

#[test]
fn the_crawl_delay_is_that_of_our_group() {
    #[rustfmt::skip]
    let cases = [
        // lines                                                           milliseconds   why
        ("User-agent: *\nCrawl-delay: 2",                                  Some(2_000),   "everyone"),
        ("User-agent: *\nCrawl-delay: 2\nDisallow:\nUser-agent: crawlite\nAllow: /", None, "not ours"),
        ("User-agent: crawlite\nCrawl-delay: 0.25",                        Some(250),     "decimals"),
        ("User-agent: crawlite\nCrawl-delay: 3\nCrawl-delay: 1",           Some(3_000),   "the longest"),
        ("User-agent: crawlite\nCrawl-delay: 1e300",                       Some(86_400_000), "absurd"),
        ("User-agent: crawlite\nCrawl-delay: -1",                          None,          "negative"),
        ("User-agent: crawlite\nCrawl-delay: NaN",                         None,          "not a number"),
        ("User-agent: crawlite\nCrawl-delay: soon",                        None,          "not a number either"),
        ("Crawl-delay: 5\nUser-agent: crawlite",                           None,          "before any group"),
    ];
    for (robots, expected, why) in cases {
        let delay = Rules::parse(robots.as_bytes(), "crawlite").crawl_delay();
        assert_eq!(delay, expected.map(Duration::from_millis), "{why}");
    }
}

#[test]
fn sitemaps_belong_to_the_whole_file() {
    let robots = b"SITEMAP: https://a.example/1.xml # old\nUser-agent: other\nDisallow: /\n\
        sitemap:/2.xml\nSitemap: \xFF";
    let rules = Rules::parse(robots, "crawlite");
    assert_eq!(rules.sitemaps(), ["https://a.example/1.xml", "/2.xml", "\u{FFFD}"]);

    let rules = Rules::parse("Sitemap: x\n".repeat(501).as_bytes(), "crawlite");
    assert_eq!(rules.sitemaps().len(), 500);
}

#[test]
fn the_same_rule_many_times_is_one() {
    let robots = format!("User-agent: *\n{}", "Disallow:/*a*b\n".repeat(MAX_RULES + 10_000));
    let rules = Rules::parse(robots.as_bytes(), "crawlite");
    assert_eq!(rules.verdict(&format!("/{}", "a".repeat(2048))), Verdict::Allowed);
}

#[test]
fn many_rules_are_exact_and_too_many_wildcards_disallow() {
    let read = |rule: &dyn Fn(u32) -> String, count| {
        let lines: String = (0..count).map(rule).collect();
        Rules::parse(format!("User-agent: *\n{lines}").as_bytes(), "crawlite")
    };
    let paths = read(&|n| format!("Disallow: /x{n}$\nAllow: /x{n}0\nDisallow: /x{n}0/y\n"), 6000);
    let stars = read(&|n| format!("Disallow: /*x{n}=\n"), 900);
    let folders = read(&|n| format!("Disallow: /x{n}/*=\n"), 15_000);
    let disallows = |rules: &Rules, path: &str| rules.verdict(path) != Verdict::Allowed;
    #[rustfmt::skip]
    let cases = [
        (&paths, "/x5999", true), (&paths, "/x5999a", false), (&paths, "/x60", true), (&paths, "/x600", true),
        (&paths, "/x600/y", true), (&paths, "/x6000", false), (&paths, "/x59990/y", true), (&paths, "/y", false),
        (&stars, "/a?x899=1", true), (&stars, "/a?x900=1", false), (&stars, "/", false),
        (&folders, "/x14999/?a=", true), (&folders, "/x14999/?a", false), (&folders, "/y", false),
    ];
    for (rules, path, expected) in cases {
        assert_eq!(disallows(rules, path), expected, "{path}");
    }
    let hostile = read(&|n| format!("Disallow: /*a*b*c*{n}q\nAllow: /*a*b*c*{n}r\n"), 9000);
    let began = std::time::Instant::now();
    assert!(disallows(&hostile, &format!("/{}", "abc".repeat(600))));
    assert!(began.elapsed() < Duration::from_millis(50), "{:?}", began.elapsed());
}

#[test]
fn the_shown_rule_is_short_and_whole() {
    let robots = format!("User-agent: *\n  Disallow:\t/{} # why\n", "ö".repeat(300));
    let rules = Rules::parse(robots.as_bytes(), "crawlite");
    let Verdict::Disallowed { line: 2, rule } = rules.verdict(&format!("/{}", "ö".repeat(300)))
    else {
        panic!("allowed");
    };
    assert!(rule.starts_with("Disallow:\t/öö") && rule.len() <= 200, "{rule}");
}

#[test]
fn without_rules_everything_is_allowed() {
    assert_eq!(Rules::allow_all().verdict("/any"), Verdict::Allowed);
    assert_eq!(Rules::parse(b"", "crawlite"), *Rules::allow_all());
    assert_eq!(disallowed_by(b"User-agent: *\nDisallow: /\n", "/robots.txt"), None);
}
