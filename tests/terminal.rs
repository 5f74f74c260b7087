//! Each mistake is one clear line that names the input and what to do, with its exit code.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use site::{Answer, Desk, Site};

#[test]
fn every_mistake_is_named_with_what_helps() {
    let site = Site::of(&[("/", Answer::html("<title>x</title>"))]);
    let desk = Desk::new();
    assert_eq!(desk.run(&["crawl", &site.url("/"), "-o", "good.db", "-q"]).code, Some(0));
    std::fs::write(
        desk.path("text.db"),
        "not a database, but long enough to have a header".repeat(9),
    )
    .unwrap();
    let foreign = tokio_rusqlite::rusqlite::Connection::open(desk.path("foreign.db")).unwrap();
    foreign.execute_batch("CREATE TABLE x (y)").unwrap();
    drop(foreign);
    let mut bytes = std::fs::read(desk.path("good.db")).unwrap();
    bytes.truncate(bytes.len() / 2);
    std::fs::write(desk.path("cut.db"), &bytes).unwrap();
    std::fs::write(desk.path("wrong.toml"), "[politeness]\ndely = \"1s\"\n").unwrap();
    let url = site.url("/");

    #[rustfmt::skip]
    let cases: &[(&[&str], i32, &str)] = &[
        (&["crawl", "nonsense"],                                 3, "`nonsense` is no URL"),
        (&["crawl", "ftp://a.invalid/"],                         3, "`ftp://a.invalid/` is no URL that can be crawled"),
        (&["crawl"],                                             3, "nothing to crawl"),
        (&["crawl", &url, "--dpeth", "3"],                       3, "--dpeth"),
        (&["staus", "good.db"],                                  3, "status"),
        (&["crawl", &url, "--delay", "5"],                       3, "`5` is no duration"),
        (&["crawl", &url, "--include", "("],                     3, "`(`"),
        (&["crawl", &url, "--set", "politeness.dely=1s"],        3, "did you mean `delay`"),
        (&["crawl", &url, "--config", "wrong.toml"],             3, "did you mean `delay`"),
        (&["crawl", &url, "--config", "missing.toml"],           3, "cannot read missing.toml"),
        (&["crawl", &url, "-i", "missing.txt"],                  3, "cannot read missing.txt"),
        (&["crawl", &url, "-H", "nonsense"],                     3, "is not `Name: value`"),
        (&["crawl", "http://127.0.0.1:9/", "-o", "good.db"],     3, "good.db holds a crawl of"),
        (&["crawl", &url, "-o", "text.db"],                      3, "text.db is no crawlite file"),
        (&["crawl", &url, "-o", "foreign.db"],                   3, "foreign.db is no crawlite file"),
        (&["resume", "missing.db"],                              3, "missing.db does not exist"),
        (&["resume", "foreign.db"],                              3, "foreign.db is no crawlite file"),
        (&["resume", "cut.db"],                                  1, "cut.db is damaged"),
        (&["status", "missing.db"],                              3, "missing.db does not exist"),
        (&["query", "good.db", "SELECT nonsense"],               1, "no such column: nonsense; `crawlite schema good.db` lists"),
        (&["query", "good.db", "DELETE FROM page"],              1, "SELECT"),
        (&["query", "text.db", "SELECT 1"],                      3, "text.db is no crawlite file"),
        (&["crawl", &url, "-o", "no/such/folder/x.db"],          1, "no/such/folder"),
        (&["explain", "nonsense"],                               3, "`nonsense` is no URL"),
        (&["explain", &url, "--select", "["],                    3, "`[` is no CSS selector"),
    ];
    for (args, code, expected) in cases {
        let ran = desk.run(args);
        assert_eq!(ran.code, Some(*code), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(expected), "{args:?}: {}", ran.err);
        let is_claps = ran.err.contains("For more information");
        assert!(
            is_claps || ran.err.trim().lines().count() == 1,
            "{args:?} is not one line: {}",
            ran.err
        );
        assert!(!ran.err.contains("RUST_BACKTRACE") && ran.out.is_empty(), "{args:?}: {}", ran.err);
    }
    let leftover = |name: &str| desk.path(name).exists();
    assert!(
        !leftover("missing.db") && !leftover("missing.db.lock") && !leftover("foreign.db.lock")
    );
}

#[test]
fn a_server_that_is_not_there_is_said_at_once() {
    let desk = Desk::new();
    for (url, why) in
        [("http://127.0.0.1:9/", "refused"), ("http://no-such-host.invalid/", "no such host")]
    {
        let ran = desk.run(&["crawl", url, "-o", "x.db", "--fresh"]);
        assert_eq!(ran.code, Some(1), "{}", ran.err);
        assert!(ran.err.contains(&format!("No answer from {url}")), "{}", ran.err);
        assert!(ran.err.contains(why), "{}", ran.err);
        let quiet = desk.run(&["crawl", url, "-o", "y.db", "--fresh", "-q"]);
        assert_eq!((quiet.code, quiet.err.trim().lines().count()), (Some(1), 1), "{}", quiet.err);
    }
}

#[test]
fn the_summary_says_what_came_of_it_and_what_to_do_next() {
    let site = Site::of(&[(
        "/",
        Answer::html("<a href=/gone>g</a><a href=http://x.invalid/>x</a><img src=/i.png>"),
    )]);
    let desk = Desk::new();
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db"]);
    for expected in [
        "File:   x.db (new file)",
        "Scope:  all of 127.0.0.1",
        "robots.txt is obeyed; no delay, 2 at once per host",
        "Finished: 2 pages",
        "1 ok, 1 4xx",
        "1 external, 1 asset",
        "1 link target is broken",
        "Not checked: 1 external link, 1 asset",
        "crawlite report x.db broken",
        "crawlite report x.db skipped",
    ] {
        assert!(ran.err.contains(expected), "`{expected}` is missing in {}", ran.err);
    }
    assert!(ran.out.is_empty(), "results alone go to stdout");
    let json = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "--format", "json", "-q"]);
    let summary: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((&summary["finish"], &summary["done"]), (&"finished".into(), &2.into()));
}

#[test]
fn a_page_alone_explains_itself() {
    let site = Site::of(&[
        ("/", Answer::html("<p>nothing</p>")),
        ("/away", Answer::redirect(302, "http://elsewhere.invalid/")),
    ]);
    let desk = Desk::new();
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "a.db"]);
    assert!(ran.err.contains("it has no links"), "{}", ran.err);
    let ran = desk.run(&["crawl", &site.url("/away"), "-o", "b.db"]);
    let there = "it redirects to http://elsewhere.invalid/, which is out of the scope";
    assert!(ran.err.contains(there), "{}", ran.err);
}

#[test]
fn query_prints_in_every_format_and_nothing_harmful() {
    let site = Site::of(&[("/", Answer::html("<title>=1+1 \u{1b}[31m</title>"))]);
    let desk = Desk::new();
    assert_eq!(desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q"]).code, Some(0));
    let query = |format| {
        desk.run(&["query", "x.db", "SELECT title, status FROM pages", "--format", format]).out
    };
    assert!(query("csv").contains("'=1+1"), "{}", query("csv"));
    assert!(query("json").contains("\\u001b"), "{}", query("json"));
    for format in ["table", "csv", "json", "jsonl"] {
        assert!(!query(format).contains('\u{1b}'), "{format}");
    }
    let schema = desk.run(&["schema", "x.db"]);
    assert!(schema.out.contains("broken_links") && schema.out.contains("Examples"));
}

#[test]
fn explain_shows_every_step_and_obeys_robots() {
    let site = Site::of(&[
        ("/robots.txt", Answer::new(200, "text/plain", b"User-agent: *\nDisallow: /no")),
        (
            "/yes",
            Answer::html(
                "<title>T</title><h1>H</h1><a href=/no>n</a><a href=http://x.invalid/>x</a>",
            ),
        ),
    ]);
    let desk = Desk::new();
    let ran = desk.run(&["explain", &site.url("/yes")]);
    assert!(ran.out.contains("external"), "{}", ran.out);
    // Who looks at what a selector finds is not shown the links.
    let ran = desk.run(&["explain", &site.url("/yes"), "--select", "h1"]);
    assert!(!ran.out.contains("external"), "{}", ran.out);
    for expected in [
        "canonical",
        "in: all of",
        "allowed for crawlite",
        "200 HTTP/1.1",
        "title       T",
        "1 matches",
        "  H",
    ] {
        assert!(ran.out.contains(expected), "`{expected}` is missing in {}", ran.out);
    }
    let ran = desk.run(&["explain", &site.url("/no")]);
    assert!(ran.out.contains("disallowed by line 2: Disallow: /no"), "{}", ran.out);
    assert!(!site.paths().contains(&"/no".to_owned()));
}

#[test]
fn init_writes_the_defaults_once() {
    let desk = Desk::new();
    assert_eq!(desk.run(&["init"]).code, Some(0));
    let again = desk.run(&["init"]);
    assert_eq!(again.code, Some(3));
    assert!(again.err.contains("crawl.toml exists"), "{}", again.err);
}

#[test]
fn secrets_never_reach_the_file() {
    let site = Site::of(&[("/", Answer::html("x").with("Set-Cookie", "sid=hunter2"))]);
    let desk = Desk::new();
    let url = site.url("/").replace("http://", "http://me:hunter2@");
    let ran =
        desk.run(&["crawl", &url, "-o", "x.db", "-H", "X-Key: hunter2", "-u", "me:hunter2", "-vv"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let bytes = std::fs::read(desk.path("x.db")).unwrap();
    assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "a secret is in the file");
    assert!(!ran.err.contains("hunter2"), "a secret is in the log: {}", ran.err);
    let request = &site.requests()[1];
    assert_eq!(request.headers.get("x-key").map(String::as_str), Some("hunter2"), "it was sent");
    let resume = desk.run(&["resume", "x.db"]);
    assert_eq!(resume.code, Some(3));
    assert!(resume.err.contains("give it again with -H"), "{}", resume.err);
}
