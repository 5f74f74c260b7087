//! A limit stops a crawl where it says, and a resume goes on with exactly the rest.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::time::Duration;

use site::{Answer, Desk, Ran, Request, Site};

/// `count` pages, each of which links to two more, of `bytes` each, answered after `wait`.
fn tree(count: usize, bytes: usize, wait: Duration) -> Site {
    Site::start(move |request, _| {
        let number: usize =
            request.path.strip_prefix('/')?.parse().ok().or((request.path == "/").then_some(1))?;
        let links: String = [2 * number, 2 * number + 1]
            .iter()
            .filter(|child| **child <= count)
            .map(|child| format!("<a href=/{child}>{child}</a>"))
            .collect();
        let page = format!("<title>{number}</title>{links}<!--");
        let filler = "x".repeat(bytes.saturating_sub(page.len() + 3));
        (number <= count).then(|| Answer::html(&format!("{page}{filler}-->")).after(wait))
    })
}

fn crawl(desk: &Desk, site: &Site, more: &[&str]) -> Ran {
    desk.run(&[&["crawl", &site.url("/"), "-o", "x.db", "--no-sitemaps"], more].concat())
}

/// From the first request of those behind `from` to the start of the last.
fn lasted(site: &Site, from: usize) -> Duration {
    let requests = site.requests().split_off(from);
    let ends = requests.first().zip(requests.last());
    ends.map(|(first, last)| last.at - first.at).unwrap_or_default()
}

fn pages(requests: &[Request]) -> usize {
    requests.iter().filter(|request| request.path != "/robots.txt").count()
}

#[test]
fn nothing_starts_after_the_time_limit_which_counts_all_runs_together() {
    let (site, desk) = (tree(500, 200, Duration::from_millis(10)), Desk::new());
    let pace = ["--delay", "40ms", "--max-time"];
    let ran = crawl(&desk, &site, &[&pace[..], &["2s"]].concat());
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(ran.err.contains("Stopped by the time limit"), "{}", ran.err);
    assert!(ran.err.contains("crawlite resume x.db --max-time 4s"), "{}", ran.err);
    let first = lasted(&site, 0);
    assert!(
        first <= Duration::from_millis(2200),
        "the last request starts {first:?} after the first"
    );
    assert!(first >= Duration::from_millis(1500), "and there was work until then: {first:?}");

    let before = site.requests().len();
    let ran = desk.run(&["resume", "x.db"]);
    assert_eq!(
        (ran.code, site.requests().len()),
        (Some(4), before),
        "its time is over: {}",
        ran.err
    );

    let ran = desk.run(&["resume", "x.db", "--max-time", "3s"]);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    let second = lasted(&site, before);
    assert!(second <= Duration::from_millis(1200), "one second was left, it took {second:?}");
    assert!(site.requests().len() > before, "and was used");

    let ran = desk.run(&["resume", "x.db", "--max-time", "10m", "--delay", "0", "-q"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(pages(&site.requests()), 500, "nothing is asked for twice, nothing is lost");
}

#[test]
fn time_in_which_nothing_came_counts_too() {
    // Answers once, and then asks for patience: what is written is written early.
    let site = Site::start(|request, _| match &*request.path {
        "/" => Some(Answer::html("<a href=/1>1</a>")),
        "/1" => Some(Answer::status(503).with("Retry-After", "3600")),
        _ => None,
    });
    let desk = Desk::new();
    let ran = crawl(&desk, &site, &["--max-time", "2s", "--set", "politeness.max_wait=2h"]);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    let elapsed = desk.rows("x.db", "SELECT elapsed_s >= 1.9 FROM crawls");
    assert_eq!(elapsed, ["1"], "{:?}", desk.rows("x.db", "SELECT elapsed_s FROM crawls"));
    let ran = desk.run(&["resume", "x.db", "-q"]);
    assert_eq!((ran.code, pages(&site.requests())), (Some(4), 2), "{}", ran.err);
}

#[test]
fn the_byte_limit_is_exceeded_by_what_is_in_flight_at_most() {
    let at_once = 4;
    let (site, desk) = (tree(200, 50_000, Duration::from_millis(20)), Desk::new());
    let ran = crawl(&desk, &site, &["--per-host", "4", "--max-bytes", "1MB"]);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(ran.err.contains("Stopped by the byte limit"), "{}", ran.err);
    let asked = pages(&site.requests());
    assert!((20..20 + at_once).contains(&asked), "{asked} pages of 50 kB");
    let ran = desk.run(&["resume", "x.db", "-q"]);
    assert_eq!((ran.code, pages(&site.requests())), (Some(4), asked), "{}", ran.err);
    let ran = desk.run(&["resume", "x.db", "-q", "--max-bytes", "1GB"]);
    assert_eq!((ran.code, pages(&site.requests())), (Some(0), 200), "{}", ran.err);
}

#[test]
fn bytes_that_became_no_answer_count_too() {
    // Each body breaks off after 100 kB of a promised million.
    let site = Site::start(|request, _| {
        let number: usize =
            request.path.strip_prefix("/p").and_then(|it| it.parse().ok()).unwrap_or(0);
        match &*request.path {
            "/robots.txt" => None,
            "/" => Some(Answer::html(
                &(1..100).map(|n| format!("<a href=/p{n}>{n}</a>")).collect::<String>(),
            )),
            _ => Some(Answer::broken_off(&vec![b'x'; 100_000], 1_000_000)).filter(|_| number > 0),
        }
    });
    let desk = Desk::new();
    let ran = crawl(&desk, &site, &["--retries", "0", "--per-host", "2", "--max-bytes", "500kB"]);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    let asked = pages(&site.requests());
    assert!((5..10).contains(&asked), "{asked} requests of 100 kB");
    let counted = desk.rows("x.db", "SELECT error, count(*), min(wire_bytes) > 50000 FROM fetch WHERE error IS NOT NULL GROUP BY 1");
    assert_eq!(counted.len(), 1, "{counted:?}");
    assert!(counted[0].starts_with("broken|") && counted[0].ends_with("|1"), "{counted:?}");
}

#[test]
fn help_says_how_sharp_limits_are() {
    let help = Desk::new().run(&["crawl", "--help"]).out;
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "nothing starts after it; all runs together",
        "what is in flight then still counts",
        "Stop after this many pages, exactly",
    ] {
        assert!(help.contains(part), "{part} is not in the help");
    }
}
