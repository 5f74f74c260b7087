//! A further crawl of a file asks only for what changed, and finds everything all the same.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use site::{Answer, Desk, Request, Site};

/// Long ago, so that nothing can have changed in the second in which it was fetched.
const LAST_MODIFIED: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

/// Whether a request is fulfilled by a 304 where the tag is `etag` (RFC 9110 section 13.1.2).
fn has(request: &Request, etag: &str) -> bool {
    let weakly = |tag: &str| tag.trim_start_matches("W/").to_owned();
    request.headers.get("if-none-match").is_some_and(|tag| weakly(tag) == weakly(etag))
}

/// A page with a tag, and 304 to those who have it.
fn tagged(request: &Request, etag: &str, body: &str) -> Answer {
    let answer = if has(request, etag) { Answer::status(304) } else { Answer::html(body) };
    answer.with("ETag", etag)
}

/// Pages in a row, each with its own kind of validator; `/3` changes when `edition` does.
fn site(edition: &Arc<AtomicUsize>) -> Site {
    let edition = Arc::clone(edition);
    Site::start(move |request, _| {
        let edition = edition.load(Ordering::Relaxed);
        let since = request.headers.get("if-modified-since");
        Some(match &*request.path {
            "/" => tagged(request, "\"home\"", "<title>home</title><a href=/1 title=x>1</a>"),
            "/1" => tagged(request, "W/\"weak, and é\"", "<title>1</title><a href=/2#x>2</a>"),
            "/2" if since.is_some_and(|since| since == LAST_MODIFIED) => Answer::status(304),
            "/2" => Answer::html("<title>2</title><a href=/3>3</a><a href=/4>4</a>")
                .with("Last-Modified", LAST_MODIFIED),
            "/3" => tagged(
                request,
                &format!("\"{edition}\""),
                &format!("<title>edition {edition}</title>"),
            ),
            "/4" => Answer::html("<title>no validator</title>"),
            _ => return None,
        })
    })
}

fn crawl(desk: &Desk, site: &Site, more: &[&str]) -> site::Ran {
    let url = site.url("/");
    let ran = desk.run(&[&["crawl", &url, "-o", "x.db", "--no-sitemaps"], more].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    ran
}

fn of_crawl(desk: &Desk, what: &str, crawl_id: u32) -> Vec<String> {
    desk.rows(
        "x.db",
        &format!(
            "SELECT {what} FROM state s JOIN url u ON u.id = s.url_id JOIN fetch f ON f.id = s.fetch_id
             WHERE s.crawl_id = {crawl_id} ORDER BY u.url"
        ),
    )
}

#[test]
fn what_did_not_change_is_not_sent_again_and_keeps_its_rows() {
    let edition = Arc::new(AtomicUsize::new(1));
    let (site, desk) = (site(&edition), Desk::new());
    crawl(&desk, &site, &[]);
    let first = site.requests().len();
    assert!(site.requests().iter().all(|it| !it.headers.contains_key("if-none-match")));
    edition.store(2, Ordering::Relaxed);
    let ran = crawl(&desk, &site, &[]);
    let again = site.requests().split_off(first);
    let sent = |path: &str, header: &str| {
        let request = again.iter().find(|request| request.path == path).unwrap();
        request.headers.get(header).cloned().unwrap_or_default()
    };
    assert_eq!(sent("/", "if-none-match"), "\"home\"");
    assert_eq!(sent("/2", "if-none-match"), "");
    assert_eq!(sent("/2", "if-modified-since"), LAST_MODIFIED);
    assert_eq!(sent("/3", "if-none-match"), "\"1\"");
    assert_eq!(sent("/4", "if-none-match") + &sent("/4", "if-modified-since"), "");

    let titles = "SELECT title, status, depth FROM pages ORDER BY url";
    let found = ["home|200|0", "1|200|1", "2|200|2", "edition 2|200|3", "no validator|200|3"];
    assert_eq!(
        desk.rows("x.db", titles),
        found,
        "everything is found by way of what did not change"
    );
    assert_eq!(of_crawl(&desk, "f.is_unchanged", 2), ["1", "1", "1", "0", "0"]);
    assert_eq!(of_crawl(&desk, "f.wire_bytes = 0", 2), ["1", "1", "1", "0", "0"]);
    let versions = |crawl_id| of_crawl(&desk, "f.page_id", crawl_id);
    let (before, after) = (versions(1), versions(2));
    assert_eq!((&before[..3], &before[4]), (&after[..3], &after[4]), "the versions are the same");
    assert_ne!(before[3], after[3]);
    assert_eq!(desk.rows("x.db", "SELECT count(*) FROM link"), ["4"], "no link is there twice");
    assert_eq!(desk.rows("x.db", "SELECT count(*) FROM links"), ["4"]);
    assert_eq!(desk.rows("x.db", "SELECT count(*) FROM body"), ["6"]);
    assert!(ran.err.contains("5 ok (3 unchanged)"), "{}", ran.err);
}

#[test]
fn the_users_who_want_everything_again_get_it() {
    let edition = Arc::new(AtomicUsize::new(1));
    let (site, desk) = (site(&edition), Desk::new());
    crawl(&desk, &site, &["-q"]);
    crawl(&desk, &site, &["-q", "--no-conditional"]);
    assert!(site.requests().iter().all(|it| !it.headers.contains_key("if-none-match")));
    assert_eq!(of_crawl(&desk, "f.is_unchanged", 2), ["0"; 5]);
}

#[test]
fn what_is_not_stored_or_belongs_to_somebody_else_is_asked_for_whole() {
    let fresh = |_: &Request| {
        Answer::html("<p>fresh").with("Date", LAST_MODIFIED).with("Last-Modified", LAST_MODIFIED)
    };
    let site = Site::start(move |request, _| {
        let conditional = request.headers.keys().find(|name| name.starts_with("if-"));
        Some(match (&*request.path, conditional) {
            ("/", _) => Answer::html(
                "<a href=/any>1</a><a href=/odd>2</a><a href=/fresh>3</a><a href=/varied>4</a><a href=/pdf>5</a>",
            ),
            (_, Some(_)) => Answer::status(304),
            ("/any", _) => Answer::html("<p>any").with("ETag", "*"),
            ("/odd", _) => Answer::html("<p>odd").with("Last-Modified", "yesterday"),
            ("/fresh", _) => fresh(request),
            ("/varied", _) => {
                Answer::html("<p>de").with("ETag", "\"v\"").with("Vary", "Accept-Language, X-Shop")
            }
            ("/pdf", _) => Answer::new(200, "application/pdf", b"%PDF").with("ETag", "\"p\""),
            _ => return None,
        })
    });
    let desk = Desk::new();
    for _ in 0..2 {
        crawl(&desk, &site, &["-q", "-H", "X-Shop: 7"]);
    }
    assert_eq!(of_crawl(&desk, "f.is_unchanged || f.status", 2), ["0200"; 6]);

    let edition = Arc::new(AtomicUsize::new(1));
    let (site, desk) = (self::site(&edition), Desk::new());
    crawl(&desk, &site, &["-q", "--store", "none"]);
    crawl(&desk, &site, &["-q"]);
    assert_eq!(of_crawl(&desk, "f.is_unchanged", 2), ["0"; 5], "no body was stored");
    assert_eq!(desk.rows("x.db", "SELECT count(*) FROM body"), ["5"], "now they are");
    crawl(&desk, &site, &["-q", "-u", "me:pw"]);
    assert_eq!(
        of_crawl(&desk, "f.is_unchanged", 3),
        ["0"; 5],
        "who logs in may see something else"
    );
    crawl(&desk, &site, &["-q"]);
    assert_eq!(of_crawl(&desk, "f.is_unchanged", 4), ["1", "1", "1", "1", "0"]);
    let desk_of_a_member = Desk::new();
    crawl(&desk_of_a_member, &site, &["-q", "-u", "me:pw"]);
    crawl(&desk_of_a_member, &site, &["-q"]);
    let after = of_crawl(&desk_of_a_member, "f.is_unchanged", 2);
    assert_eq!(after, ["0"; 5], "what a member saw is not what all see");
    assert_eq!(desk.rows("x.db", "SELECT count(*) FROM link"), ["4"]);
}

#[test]
fn a_304_that_confirms_nothing_we_have_is_no_page() {
    // Says 304 to everybody; and says 304 of another content than was asked about.
    let site = Site::start(|request, _| {
        let is_conditional = request.headers.contains_key("if-none-match");
        Some(match &*request.path {
            "/" => Answer::html("<a href=/never>1</a><a href=/other>2</a>"),
            "/never" => Answer::status(304).with("ETag", "\"n\""),
            "/other" if is_conditional => Answer::status(304).with("ETag", "\"new\""),
            "/other" => Answer::html("<title>other</title>").with("ETag", "\"old\""),
            _ => return None,
        })
    });
    let desk = Desk::new();
    crawl(&desk, &site, &["-q"]);
    let never = "SELECT status, error, title FROM pages WHERE url LIKE '%/never'";
    assert_eq!(desk.rows("x.db", never), ["304|not-asked|"]);
    crawl(&desk, &site, &["-q"]);
    assert_eq!(desk.rows("x.db", never), ["304|not-asked|"]);
    let other = "SELECT status, title, attempts, unchanged FROM pages WHERE url LIKE '%/other'";
    assert_eq!(desk.rows("x.db", other), ["200|other|2|0"], "asked for again, and whole");
    let others = site.requests().into_iter().filter(|it| it.path == "/other");
    let asked: Vec<_> = others.map(|it| it.headers.contains_key("if-none-match")).collect();
    assert_eq!(asked, [false, true, false]);
}

#[test]
fn a_body_that_is_damaged_in_the_file_is_asked_for_again() {
    let edition = Arc::new(AtomicUsize::new(1));
    let (site, desk) = (site(&edition), Desk::new());
    crawl(&desk, &site, &["-q"]);
    let db = tokio_rusqlite::rusqlite::Connection::open(desk.path("x.db")).unwrap();
    let body =
        "(SELECT p.body_id FROM page p JOIN url u ON u.id = p.url_id WHERE u.url LIKE '%/1')";
    db.execute(&format!("UPDATE body SET bytes = x'28b52ffd00' WHERE id = {body}"), []).unwrap();
    drop(db);
    crawl(&desk, &site, &["-q"]);
    assert_eq!(of_crawl(&desk, "f.is_unchanged", 2), ["1", "0", "1", "1", "0"]);
    assert_eq!(desk.rows("x.db", "SELECT title FROM pages ORDER BY url").len(), 5);
}

#[test]
fn what_a_header_says_anew_of_the_same_content_counts() {
    let robots = Arc::new(AtomicUsize::new(0));
    let said = Arc::clone(&robots);
    let site = Site::start(move |request, _| {
        let says_no = said.load(Ordering::Relaxed) > 0;
        let answer = match &*request.path {
            "/" => tagged(request, "\"h\"", "<title>h</title><a href=/x>x</a>"),
            "/x" => Answer::html("<title>x</title>"),
            _ => return None,
        };
        Some(if says_no { answer.with("X-Robots-Tag", "noindex") } else { answer })
    });
    let desk = Desk::new();
    let index = "SELECT indexable, indexability_reason FROM pages ORDER BY url";
    crawl(&desk, &site, &["-q"]);
    assert_eq!(desk.rows("x.db", index), ["1|", "1|"]);
    robots.store(1, Ordering::Relaxed);
    crawl(&desk, &site, &["-q"]);
    assert_eq!(desk.rows("x.db", index), ["0|noindex", "0|noindex"]);
    assert_eq!(of_crawl(&desk, "f.is_unchanged", 2), ["1", "0"]);
    let content_type = "SELECT DISTINCT content_type FROM pages";
    assert_eq!(desk.rows("x.db", content_type), ["text/html; charset=utf-8"]);
}

#[test]
fn a_further_crawl_that_is_stopped_and_resumed_finds_everything() {
    let edition = Arc::new(AtomicUsize::new(1));
    let (site, desk) = (site(&edition), Desk::new());
    crawl(&desk, &site, &["-q"]);
    let ran = desk.run(&[
        "crawl",
        &site.url("/"),
        "-o",
        "x.db",
        "-q",
        "--no-sitemaps",
        "--max-pages",
        "2",
    ]);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    let ran = desk.run(&["resume", "x.db", "-q", "--max-pages", "100"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(of_crawl(&desk, "f.is_unchanged", 2), ["1", "1", "1", "1", "0"]);
    let check = "SELECT count(*) FROM pragma_foreign_key_check";
    assert_eq!(desk.rows("x.db", check), ["0"]);
}
