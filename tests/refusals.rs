//! A server that begins to refuse us, or is away, costs no page: what it refused waits.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use site::{Answer, Desk, Site};

/// A page that leads to `count` others.
fn index(count: usize) -> Answer {
    Answer::html(&(0..count).map(|n| format!("<a href=/p{n}>{n}</a>")).collect::<String>())
}

#[test]
fn a_host_that_begins_to_refuse_is_parked_and_resumed_without_a_loss() {
    for status in [403, 500] {
        let (asked, is_shut) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(true)));
        let shut = Arc::clone(&is_shut);
        let site = Site::start(move |request, _| match request.path.as_str() {
            "/" => Some(index(100)),
            path if path.starts_with("/p") => {
                let page = format!("<p>page {path}");
                let begins = asked.fetch_add(1, Ordering::Relaxed) >= 50;
                let refuses = begins && shut.load(Ordering::Relaxed);
                Some(if refuses { Answer::status(status) } else { Answer::html(&page) })
            }
            _ => None,
        });
        let desk = Desk::new();
        let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "--retries", "0"]);
        assert_eq!(ran.code, Some(4), "{status}: {}", ran.err);
        assert!(ran.err.contains("began refusing us"), "{status}: {}", ran.err);
        let refused = site.paths().len() - 51;
        assert!(
            (11..=14).contains(&refused),
            "{status}: {refused} requests after the first refusal"
        );
        assert_eq!(
            desk.rows("x.db", "SELECT state, count(*) FROM urls WHERE kind = 'page' GROUP BY 1"),
            ["done|51", "pending|50"],
            "{status}: nothing is burnt"
        );
        let why =
            desk.rows("x.db", "SELECT DISTINCT reason, detail LIKE 'began refusing%' FROM skipped");
        assert_eq!(why, ["pending|1"], "{status}");

        is_shut.store(false, Ordering::Relaxed);
        let ran = desk.run(&["resume", "x.db", "-q"]);
        assert_eq!(ran.code, Some(0), "{status}: {}", ran.err);
        let pages = desk.rows("x.db", "SELECT status, count(*) FROM pages GROUP BY 1");
        assert_eq!(pages, ["200|101"], "{status}");
        let mut paths = site.paths();
        paths.dedup();
        assert_eq!(paths.len(), 101, "{status}: pages that were fetched stay fetched");
        assert_eq!(site.paths().len(), 101 + refused, "{status}: only the refused are asked again");
    }
}

#[test]
fn a_forbidden_part_of_a_site_is_no_refusal_of_us() {
    let site = Site::start(|request, _| match request.path.as_str() {
        "/" => Some(index(60)),
        path if path.starts_with("/p") => {
            let number: usize = path[2..].parse().unwrap();
            Some(if number.is_multiple_of(3) {
                Answer::status(403)
            } else {
                Answer::html("<p>a page")
            })
        }
        _ => None,
    });
    let desk = Desk::new();
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let pages = desk.rows("x.db", "SELECT status, count(*) FROM pages GROUP BY 1");
    assert_eq!(pages, ["200|41", "403|20"]);
}

#[test]
fn what_failed_is_tried_again_on_request() {
    let is_mended = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&is_mended);
    let site = Site::start(move |request, _| match request.path.as_str() {
        "/" => Some(index(3)),
        "/p0" => Some(Answer::html("<p>a page")),
        "/p1" | "/p2" if mended.load(Ordering::Relaxed) => Some(Answer::html("<p>a page")),
        "/p1" => Some(Answer::status(403)),
        "/p2" => Some(Answer::status(500)),
        _ => None,
    });
    let desk = Desk::new();
    let statuses = "SELECT group_concat(status, ' ') FROM (SELECT status FROM pages ORDER BY url)";
    assert_eq!(
        desk.run(&["crawl", &site.url("/"), "-o", "x.db", "--retries", "0", "-q"]).code,
        Some(0)
    );
    assert_eq!(desk.rows("x.db", statuses), ["200 200 403 500"]);
    is_mended.store(true, Ordering::Relaxed);
    assert_eq!(desk.run(&["resume", "x.db", "-q"]).code, Some(0));
    assert_eq!(desk.rows("x.db", statuses), ["200 200 403 500"], "not without being asked");
    let ran = desk.run(&["resume", "x.db", "--retry-failed", "5xx,timeout"]);
    assert!(ran.err.contains("Trying again what failed: 1 URL"), "{}", ran.err);
    assert_eq!(desk.rows("x.db", statuses), ["200 200 403 200"]);
    assert_eq!(desk.run(&["resume", "x.db", "--retry-failed", "-q"]).code, Some(0));
    assert_eq!(desk.rows("x.db", statuses), ["200 200 200 200"]);
    let ran = desk.run(&["resume", "x.db", "--retry-failed", "nonsense"]);
    assert_eq!(ran.code, Some(3), "{}", ran.err);
    assert!(ran.err.contains("`nonsense` is no failure"), "{}", ran.err);
}

#[test]
fn a_server_that_goes_away_burns_no_page() {
    let site = Site::start(|request, _| match request.path.as_str() {
        "/" => Some(index(40)),
        path if path.starts_with("/p") => Some(Answer::html("<p>a page")),
        _ => None,
    });
    let desk = Desk::new();
    let url = site.url("/");
    // Everything but the first page goes to a port where nobody listens: the server is away.
    let ran = desk.run(&["crawl", &url, "-o", "x.db", "--max-pages", "1", "-q", "--limit-ok"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let proxy = format!("http://{free}");
    let ran = desk.run(&["resume", "x.db", "--max-pages", "1000", "-x", &proxy]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let done = desk.rows("x.db", "SELECT state, count(*) FROM urls WHERE kind = 'page' GROUP BY 1");
    assert_eq!(done, ["done|1", "pending|40"], "{}", ran.err);
}
