//! What robots.txt answers decides whether anything is fetched (RFC 9309 section 2.3.1).

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use site::{Answer, Desk, Site};

/// A site whose robots.txt answers so; it disallows /private, if it says anything.
fn site_with(robots: impl Fn(usize) -> Answer + Send + Sync + 'static) -> Site {
    Site::start(move |request, before| match request.path.as_str() {
        "/" => Some(Answer::html("<a href=/private/x>x</a><a href=/y>y</a>")),
        "/y" | "/private/x" => Some(Answer::html("<p>a page</p>")),
        "/robots.txt" => Some(robots(before)),
        path if path.starts_with("/hop") => {
            let hop: u32 = path[4..].parse().ok()?;
            Some(if hop == 0 {
                rules()
            } else {
                Answer::redirect(301, &format!("/hop{}", hop - 1))
            })
        }
        _ => None,
    })
}

fn rules() -> Answer {
    Answer::new(200, "text/plain", b"User-agent: *\nDisallow: /private\n")
}

#[test]
fn each_status_of_robots_txt_has_its_decision() {
    type Robots = fn(usize) -> Answer;
    let (obeyed, all, nothing) = (&["/", "/y"][..], &["/", "/private/x", "/y"][..], &[][..]);
    #[rustfmt::skip]
    let cases: &[(&str, Robots, &[&str])] = &[
        ("200",            |_| rules(),                                             obeyed),
        ("200 as html",    |_| Answer::html("<p>User-agent: *<br>Disallow: /"),     all),
        ("204",            |_| Answer::status(204),                                 all),
        ("301 x 5",        |_| Answer::redirect(301, "/hop4"),                      obeyed),
        ("301 x 6",        |_| Answer::redirect(301, "/hop5"),                      all),
        ("302, 307",       |_| Answer::redirect(307, "/hop0"),                      obeyed),
        ("401",            |_| Answer::status(401),                                 all),
        ("403",            |_| Answer::status(403),                                 all),
        ("404",            |_| Answer::status(404),                                 all),
        ("410",            |_| Answer::status(410),                                 all),
        ("429",            |_| Answer::status(429),                                 nothing),
        ("500",            |_| Answer::status(500),                                 nothing),
        ("503",            |_| Answer::status(503),                                 nothing),
        ("503, Retry-After", |_| Answer::status(503).with("Retry-After", "3600"),   nothing),
        ("timeout",        |_| rules().after(Duration::from_secs(4)),               nothing),
    ];
    let run = |(name, robots, expected): &(&str, Robots, &[&str])| {
        let (site, desk) = (site_with(*robots), Desk::new());
        let url = site.url("/");
        let ran = desk.run(&[
            "crawl",
            &url,
            "-o",
            "x.db",
            "-q",
            "-t",
            "2s",
            "--set",
            "politeness.max_wait=1s",
        ]);
        let mut paths = site.paths();
        paths.retain(|path| !path.starts_with("/hop"));
        assert_eq!(paths, *expected, "{name}: {}", ran.err);
        // Nothing was fetched: it says so, and everything waits for a resume.
        let code = if expected.is_empty() { [Some(1), Some(4)] } else { [Some(0); 2] };
        assert!(code.contains(&ran.code), "{name}: {:?} {}", ran.code, ran.err);
        let pending = desk.rows("x.db", "SELECT count(*) FROM urls WHERE state = 'pending'");
        assert_eq!(pending == ["0"], !expected.is_empty(), "{name}: {pending:?} pending");
    };
    std::thread::scope(|scope| {
        cases.iter().for_each(|case| drop(scope.spawn(|| run(case))));
    });
}

#[test]
fn two_megabytes_of_robots_txt_are_read_as_far_as_the_cap() {
    let filler = "# a comment that fills the file\n".repeat(70_000);
    let body = format!("User-agent: *\nDisallow: /private\n{filler}Disallow: /\n");
    assert!(body.len() > 2 << 20);
    let site = site_with(move |_| Answer::new(200, "text/plain", body.as_bytes()));
    let desk = Desk::new();
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q"]);
    assert_eq!(
        (ran.code, site.paths()),
        (Some(0), vec!["/".to_owned(), "/y".to_owned()]),
        "{}",
        ran.err
    );
}

#[test]
fn a_host_without_rules_is_named_at_the_end_and_its_urls_wait() {
    let other = Site::start_at("127.0.0.2", |_, _| Some(Answer::html("<p>x")));
    let there = other.url("/");
    let shut = site_with(|_| Answer::status(503));
    let (desk, here) = (Desk::new(), shut.url("/"));
    let ran = desk.run(&[
        "crawl",
        &here,
        &there,
        "-o",
        "x.db",
        "--no-sitemaps",
        "--allow-private",
        "127.0.0.2",
        "--set",
        "politeness.max_wait=1s",
    ]);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert_eq!((shut.paths(), other.paths()), (vec![], vec!["/".to_owned()]), "{}", ran.err);
    let waits = format!("SELECT url, reason, detail FROM skipped WHERE url = '{here}'");
    let found = desk.rows("x.db", &waits).concat();
    assert!(found.starts_with(&format!("{here}|pending|")), "{found}");
    assert!(ran.err.contains(" of patience"), "{}", ran.err);
    let report = desk.run(&["report", "x.db", "skipped", "--format", "jsonl"]);
    assert!(report.out.contains("\"reason\":\"pending\""), "{}", report.out);
    let states = "SELECT state, count(*) FROM urls WHERE kind = 'page' GROUP BY 1";
    assert_eq!(desk.rows("x.db", states), ["done|1", "pending|1"]);
}

/// A server that reads a little and then hangs up, or answers nonsense to a handshake.
fn rude(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            stream.read_exact(&mut [0; 16]).ok();
            stream.write_all(answer).ok();
        }
    });
    port
}

#[test]
fn a_reset_or_a_failed_handshake_allows_nothing() {
    for (name, url) in [
        ("reset", format!("http://127.0.0.1:{}/", rude(b""))),
        ("bad TLS", format!("https://127.0.0.1:{}/", rude(b"HTTP/1.1 200 OK\r\n\r\n"))),
    ] {
        let desk = Desk::new();
        let ran = desk.run(&["crawl", &url, "-o", "x.db", "-q", "--set", "politeness.max_wait=1s"]);
        assert_eq!(ran.code, Some(1), "{name}: {}", ran.err);
        assert!(ran.err.contains("No answer from"), "{name}: {}", ran.err);
        let rows = desk.rows("x.db", "SELECT state FROM urls WHERE kind = 'page'");
        assert_eq!(rows, ["pending"], "{name}");
    }
}
