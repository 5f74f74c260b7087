//! What goes out with a request, and what is read of its answer, is what was asked for.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use site::raw::Raw;
use site::{Answer, Desk, Request, Site};

/// The values of a header in the order of the requests, robots.txt left out; `-` where it is absent.
fn values(site: &Site, name: &str) -> Vec<String> {
    let pages = site.requests().into_iter().filter(|request| request.path != "/robots.txt");
    // Cookies may stand in any order.
    let value = |request: Request| {
        let value = request.headers.get(name).map_or("-", String::as_str);
        let mut parts: Vec<_> = value.split("; ").collect();
        parts.sort_unstable();
        parts.join("; ")
    };
    pages.map(value).collect()
}

fn cookie_site() -> Site {
    Site::start(|request, _| {
        Some(match &*request.path {
            "/" => Answer::html("<a href=/a>a</a><a href=/in/b>b</a>")
                .with("Set-Cookie", "sid=1; Path=/")
                .with("Set-Cookie", "inner=2; Path=/in")
                .with("Set-Cookie", "gone=3; Max-Age=0")
                .with("Set-Cookie", "all=4; Domain=com")
                .with("Set-Cookie", "other=5; Domain=elsewhere.org"),
            _ => Answer::html("<p>x"),
        })
    })
}

#[test]
fn cookies_are_kept_on_request_alone_and_for_one_run() {
    let run = |more: &[&str]| {
        let (site, desk) = (cookie_site(), Desk::new());
        let fixed =
            ["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps", "--per-host", "1"];
        let ran = desk.run(&[&fixed[..], more].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        (site, desk)
    };
    let (site, _) = run(&[]);
    assert_eq!(values(&site, "cookie"), ["-", "-", "-"], "off unless asked for");
    let (site, desk) = run(&["--cookies"]);
    let sent = values(&site, "cookie");
    assert_eq!(sent[..2], ["-", "sid=1"]);
    let inner: BTreeSet<_> = sent[2].split("; ").collect();
    assert_eq!(inner, BTreeSet::from(["inner=2", "sid=1"]), "in any order");
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-conditional"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(values(&site, "cookie")[3], "-", "the next run begins without");
}

/// Plays every host by being the proxy; remembers which cookies each was sent.
fn hosts_with_cookies() -> (Site, Arc<Mutex<Vec<String>>>) {
    let sent: Arc<Mutex<Vec<String>>> = Arc::default();
    let log = Arc::clone(&sent);
    let site = Site::start(move |request, _| {
        let (host, path) = request.path.strip_prefix("http://")?.split_once('/')?;
        if path.is_empty() {
            let cookie = request.headers.get("cookie").cloned().unwrap_or_default();
            log.lock().unwrap().push(format!("{host} {cookie}"));
        }
        (path.is_empty()).then(|| {
            Answer::html("<a href=http://b.shop.co.uk/>b</a><a href=http://other.co.uk/>o</a>")
                .with("Set-Cookie", &format!("host-{host}=1"))
                .with("Set-Cookie", &format!("site-{host}=1; Domain=shop.co.uk"))
                .with("Set-Cookie", &format!("suffix-{host}=1; Domain=co.uk"))
        })
    });
    (site, sent)
}

#[test]
fn a_cookie_goes_to_its_site_and_never_to_a_whole_public_suffix() {
    let ((site, sent), desk) = (hosts_with_cookies(), Desk::new());
    let proxy = site.url("");
    let ran = desk.run(&[
        "crawl",
        "http://a.shop.co.uk/",
        "-o",
        "x.db",
        "-q",
        "--cookies",
        "--no-sitemaps",
        "--delay",
        "0",
        "--scope",
        "any",
        "--set",
        "scope.mirrors=true",
        "--per-host",
        "1",
        "-c",
        "1",
        "-x",
        &proxy,
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let mut sent = sent.lock().unwrap().clone();
    sent.sort();
    assert_eq!(
        sent,
        ["a.shop.co.uk ", "b.shop.co.uk site-a.shop.co.uk=1", "other.co.uk "],
        "neither the host's own cookie nor one of the suffix"
    );
}

#[test]
fn credentials_and_headers_go_to_the_seeds_origins_and_to_those_that_are_named() {
    let other = Site::start_at("127.0.0.2", |request, _| {
        Some(Answer::html(if request.path == "/" { "<a href=/y>y</a>" } else { "<p>x" }))
    });
    let named = Site::start_at("127.0.0.3", |_, _| Some(Answer::html("<p>x")));
    let links = format!(
        "<a href=/x>x</a><a href={}>o</a><a href={}>n</a><a href=/moved>m</a>",
        other.url("/"),
        named.url("/")
    );
    let away = other.url("/z");
    let site = Site::start(move |request, _| {
        Some(match &*request.path {
            "/" => Answer::html(&links),
            "/moved" => Answer::redirect(302, &away),
            _ => Answer::html("<p>x"),
        })
    });
    let desk = Desk::new();
    let ran = desk.run(&[
        "crawl",
        &site.url("/"),
        "-o",
        "x.db",
        "-q",
        "--no-sitemaps",
        "--scope",
        "any",
        "--allow-private",
        "127.0.0.0/8",
        "-u",
        "me:hunter2",
        "-H",
        "X-Key: hunter2",
        "--set",
        &format!("fetch.header_origins=[\"{}\"]", named.url("")),
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for (name, value) in [("authorization", "Basic bWU6aHVudGVyMg=="), ("x-key", "hunter2")] {
        assert_eq!(values(&site, name), [value; 3], "{name}");
        assert_eq!(values(&named, name), [value], "{name}: it is named");
        assert_eq!(values(&other, name), ["-"; 3], "{name}: nobody said so");
    }
    assert_eq!(other.paths(), ["/", "/y", "/z"]);
}

/// What a type is served as, what stands in it, and whether its link is followed.
const TYPES: &[(&str, &str, bool)] = &[
    ("text/html", "<a href=t>x</a>", true),
    ("TEXT/HTML;charset=utf-8", "<a href=t>x</a>", true),
    (
        "application/xhtml+xml",
        "<html xmlns='http://www.w3.org/1999/xhtml'><a href='t'>x</a></html>",
        true,
    ),
    (
        "application/xhtml+xml",
        "<head><script src='x.js'/><title/><style/></head><a href='t'>x</a>",
        true,
    ),
    ("application/xhtml+xml", "<iframe src='f'/><textarea/><a href='t'>x</a>", true),
    (
        "application/xhtml+xml",
        "<script>//<![CDATA[\n'<a href=\"no\"/>'\n//]]></script><a href='t'>x</a>",
        true,
    ),
    ("text/html", "<script/><a href=t>x</a>", false),
    ("", "<!doctype html><a href=t>x</a>", true),
    ("", "just a text <a href=t>x</a>", false),
    ("text/plain", "<html><a href=t>x</a>", false),
    ("application/json", "<html><a href=t>x</a>", false),
    ("application/pdf", "<html><a href=t>x</a>", false),
    ("image/svg+xml", "<svg><a href='t'>x</a></svg>", false),
];

#[test]
fn html_and_xhtml_are_read_and_nothing_else() {
    let site = Site::start(|request, _| {
        if request.path == "/" {
            let links = (0..TYPES.len()).map(|n| format!("<a href=/r/{n}/>{n}</a>"));
            return Some(Answer::html(&links.collect::<String>()));
        }
        let (n, rest) = request.path.strip_prefix("/r/")?.split_once('/')?;
        let (media_type, html, _) = TYPES.get(n.parse::<usize>().ok()?)?;
        let answer = Answer::new(200, media_type, html.as_bytes());
        Some(match (rest, media_type.is_empty()) {
            ("", true) => Answer { headers: Vec::new(), ..answer },
            ("", false) => answer,
            _ => Answer::new(200, "text/plain", request.path.as_bytes()),
        })
    });
    let desk = Desk::new();
    let ran =
        desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps", "--no-traps"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let paths = site.paths();
    let mut wrong = Vec::new();
    for (n, (media_type, html, is_followed)) in TYPES.iter().enumerate() {
        let found = paths.contains(&format!("/r/{n}/t"));
        let sql = format!(
            "SELECT is_html, status FROM pages WHERE url = '{}'",
            site.url(&format!("/r/{n}/"))
        );
        let row = desk.rows("x.db", &sql).concat();
        let is_page = *is_followed || *media_type == "text/html";
        if found != *is_followed || row != format!("{}|200", u8::from(is_page)) {
            wrong.push(format!("{media_type}: {html}: {found}, {row}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(!paths.iter().any(|path| path.ends_with("/no")), "{paths:?}");
}

#[test]
fn what_is_not_wanted_is_ended_early_unless_it_is_stored() {
    const SIZE: usize = 8 << 20;
    let written = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&written);
    let server = Raw::start(move |path, wire| {
        if path == "/" {
            let page = b"HTTP/1.1 200 X\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<a href=/big.pdf>b</a>";
            return wire.write_all(page);
        }
        let head = format!(
            "HTTP/1.1 200 X\r\nContent-Type: application/pdf\r\nContent-Length: {SIZE}\r\n\r\n"
        );
        wire.write_all(head.as_bytes())?;
        let piece = vec![b'x'; 65_536];
        for _ in 0..SIZE / 65_536 {
            wire.write_all(&piece)?;
            count.fetch_add(65_536, Ordering::Relaxed);
        }
        Ok(())
    });
    for (store, is_whole) in [("html", false), ("documents", true)] {
        written.store(0, Ordering::Relaxed);
        let desk = Desk::new();
        let ran = desk.run(&[
            "crawl",
            &server.url("http", "/"),
            "-o",
            "x.db",
            "-q",
            "--no-sitemaps",
            "--store",
            store,
        ]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let row = desk.rows(
            "x.db",
            "SELECT status, content_type, body_bytes, is_cut, wire_bytes < 200000 FROM pages WHERE url LIKE '%.pdf'",
        );
        let expected = if is_whole {
            format!("200|application/pdf|{SIZE}|0|0")
        } else {
            "200|application/pdf||0|1".to_owned()
        };
        assert_eq!(row, [expected], "--store {store}");
        assert_eq!(written.load(Ordering::Relaxed) == SIZE, is_whole, "--store {store}");
    }
}
