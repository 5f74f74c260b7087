//! A search finds the pages that hold the words, all of them, in every state of the file; a page can be looked at whole.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::process::Command;

use crawlite::store::OwnerLock;
use site::{Answer, Desk, Ran, Site};

fn site() -> Site {
    Site::start(|request, before| {
        let second = before > 0;
        Some(Answer::html(match &*request.path {
            "/" => {
                "<title>Start</title><nav>boilerplate</nav><main><h1>Überblick</h1><p>Apples and pears, crème brûlée.</p>\
                 <a href=/apple>one</a> <a href=/pear>two</a> <a href=/han>three</a></main>"
            }
            "/apple" if second => "<title>Fruit</title><p>A quince is no longer that.",
            "/apple" => "<title>Fruit</title><p>An apple a day. Apple apple apple.",
            "/pear" => {
                "<title>Apple of the title</title><h2>Pear heading</h2><p>Only pears\u{1b}[2J <b>here</b>, side by side."
            }
            "/han" => "<title>漢</title><p>我们学习编程。",
            _ => return Some(Answer::status(404)),
        }))
    })
}

fn crawled(site: &Site) -> Desk {
    let desk = Desk::new();
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "s.db", "-q"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    desk
}

/// The paths of the pages that a search gives, in its order.
fn search(desk: &Desk, site: &Site, args: &[&str]) -> Vec<String> {
    let ran = desk.run(&[&["search", "s.db", "--format", "jsonl", "-q"], args].concat());
    assert_eq!(ran.code, Some(0), "{args:?}: {}", ran.err);
    ran.out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|hit| hit["url"].as_str().unwrap().replace(&site.url(""), ""))
        .collect()
}

#[test]
fn words_are_found_where_they_stand() {
    let site = site();
    let desk = crawled(&site);
    let cases: &[(&[&str], &[&str])] = &[
        (&["apple"], &["/pear", "/apple"]),
        (&["apples"], &["/"]),
        (&["appl*", "--limit", "9"], &["/pear", "/apple", "/"]),
        (&["APPLE pear"], &["/pear"]),
        (&["apple -heading"], &["/apple"]),
        (&["\"side by side\""], &["/pear"]),
        (&["\"by side by\""], &[]),
        (&["\"side here\""], &[]),
        (&["creme brulee"], &["/"]),
        (&["uberblick"], &["/"]),
        (&["boilerplate"], &[]),
        (&["学习"], &["/han"]),
        (&["习学"], &[]),
        (&["apple AND"], &[]),
        (&["--fts", "apple NOT headings: pear"], &["/apple"]),
        (&["--missing", "pears"], &["/apple", "/han"]),
    ];
    for (args, expected) in cases {
        let mut found = search(&desk, &site, args);
        if args[0] == "--missing" {
            found.sort();
        }
        assert_eq!(found, *expected, "{args:?}");
    }
    assert_eq!(search(&desk, &site, &["--missing", "nowhere", "--limit", "2"]).len(), 2);
    assert!(!desk.path("s.db-wal").exists() && !desk.path("s.db.lock").exists());
}

#[test]
fn hits_are_shown_with_what_surrounds_the_words_and_nothing_harmful() {
    let site = site();
    let desk = crawled(&site);
    let ran = desk.run(&["search", "s.db", "pears here"]);
    let expected = format!(
        "Apple of the title\n  {}\n  Pear heading Only pears[2J here, side by side.\n\n",
        site.url("/pear")
    );
    assert_eq!(ran.out, expected);
    assert!(ran.err.contains("1 of 4 pages"), "{}", ran.err);
    let none = desk.run(&["search", "s.db", "nowhere"]);
    assert_eq!((none.code, &*none.out), (Some(0), ""));
    assert!(none.err.contains("None of 4 pages holds this"), "{}", none.err);
    for (words, code, expected) in [
        (&["(("][..], 3, "`((` has no letter or digit"),
        (&["--", "-apple"], 3, "only words that must not occur"),
        (&["--fts", "AND ("], 3, "no full-text query: syntax error near"),
        (&["--fts", "nothing: x"], 3, "no such column: nothing"),
    ] {
        let ran = desk.run(&[&["search", "s.db"], words].concat());
        assert_eq!(ran.code, Some(code), "{words:?}: {}", ran.err);
        assert!(ran.err.contains(expected), "{words:?}: {}", ran.err);
        assert_eq!(ran.err.trim().lines().count(), 1, "{}", ran.err);
    }
}

#[test]
fn the_index_follows_the_crawls() {
    let site = site();
    let desk = crawled(&site);
    assert_eq!(search(&desk, &site, &["day"]), ["/apple"]);
    assert_eq!(search(&desk, &site, &["quince"]), [""; 0]);
    assert_eq!(desk.run(&["crawl", &site.url("/"), "-o", "s.db", "-q"]).code, Some(0));
    assert_eq!(search(&desk, &site, &["quince"]), ["/apple"]);
    assert_eq!(
        search(&desk, &site, &["day"]),
        [""; 0],
        "a text of an earlier crawl is not shown any more"
    );
    assert_eq!(search(&desk, &site, &["pear*"]).len(), 2);
    let asked = desk.run(&["search", "s.db", "pear*"]);
    assert!(asked.err.contains("2 of 4 pages"), "{}", asked.err);
    let mut without = search(&desk, &site, &["--missing", "pears"]);
    without.sort();
    assert_eq!(without, ["/apple", "/han"]);
    // What others see of the index does not keep them from the file.
    assert_eq!(desk.rows("s.db", "PRAGMA integrity_check"), ["ok"]);
    assert_eq!(desk.run(&["resume", "s.db", "-q"]).code, Some(0));
}

#[test]
fn the_index_is_a_table_that_any_sqlite_reads() {
    let site = site();
    let desk = crawled(&site);
    // As earlier versions made it: SQLite reads that from 3.43 on.
    let db = tokio_rusqlite::rusqlite::Connection::open(desk.path("s.db")).unwrap();
    db.execute_batch(
        "CREATE VIRTUAL TABLE page_search USING fts5(
             title, headings, text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 2');
         CREATE TABLE page_indexed (page_id INTEGER PRIMARY KEY, version INTEGER NOT NULL) STRICT;
         INSERT INTO page_search (rowid, text) VALUES (1, 'apple');
         INSERT INTO page_indexed VALUES (1, 1);",
    )
    .unwrap();
    db.close().unwrap();
    assert_eq!(search(&desk, &site, &["apple"]), ["/pear", "/apple"]);
    let sql = "SELECT u.url FROM page_search t JOIN page p ON p.id = t.rowid JOIN url u ON u.id = p.url_id
               WHERE page_search MATCH 'apple' ORDER BY rank";
    let expected = ["/apple", "/pear"].map(|path| site.url(path));
    assert_eq!(desk.rows("s.db", sql), expected, "without weights");
    if Command::new("sqlite3").arg("--version").output().is_ok_and(|ran| ran.status.success()) {
        let ran = Command::new("sqlite3").arg("-bail").arg(desk.path("s.db")).arg(sql).output();
        let ran = Ran::from(ran.unwrap());
        assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
        assert_eq!(ran.out.lines().collect::<Vec<_>>(), expected);
    }
}

#[test]
fn a_search_beside_a_crawl_is_whole_and_leaves_the_file_alone() {
    let site = site();
    let desk = crawled(&site);
    let owner = OwnerLock::take(&desk.path("s.db")).unwrap().unwrap();
    let before = std::fs::read(desk.path("s.db")).unwrap();
    let ran = desk.run(&["search", "s.db", "apple"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(ran.out.matches("http://").count(), 2, "{}", ran.out);
    assert!(ran.err.contains("A crawl is writing to the file"), "{}", ran.err);
    assert_eq!(search(&desk, &site, &["--missing", "pears"]).len(), 2);
    assert!(std::fs::read(desk.path("s.db")).unwrap() == before, "the file was written to");
    owner.release();
    assert_eq!(search(&desk, &site, &["apple"]).len(), 2);
}

#[test]
fn suspects_of_a_crash_survive_a_search() {
    let site = site();
    let desk = crawled(&site);
    let owner = OwnerLock::take(&desk.path("s.db")).unwrap().unwrap();
    owner.occupy(0, crawlite::engine::record::UrlId(1)).unwrap();
    drop(owner);
    assert_eq!(search(&desk, &site, &["apple"]).len(), 2);
    let next = OwnerLock::take(&desk.path("s.db")).unwrap().unwrap();
    assert_eq!(next.suspects().len(), 1);
}

#[test]
fn without_bodies_there_is_nothing_to_search() {
    let site = site();
    let desk = Desk::new();
    let args = ["crawl", &site.url("/"), "-o", "s.db", "-q", "--set", "store.bodies=none"];
    assert_eq!(desk.run(&args).code, Some(0));
    let ran = desk.run(&["search", "s.db", "apple"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.err.contains("no bodies of pages are stored in s.db"), "{}", ran.err);
}

#[test]
fn a_page_is_shown_with_its_way_its_links_and_its_text() {
    let site = site();
    let desk = crawled(&site);
    let ran = desk.run(&["page", "s.db", "/pear"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for expected in [
        &site.url("/pear"),
        "state        answered 200",
        "title        Apple of the title",
        "indexable    yes",
        "depth        1",
        &format!("{}\n  {}  \"two\"", site.url("/"), site.url("/pear")),
        "Inlinks: 1\n",
        &format!("{}  \"two\", in main", site.url("/")),
        "content-type: text/html; charset=utf-8",
    ] {
        assert!(ran.out.contains(expected), "`{expected}` is missing in {}", ran.out);
    }
    let home = desk.run(&["page", "s.db", "/"]);
    assert!(home.out.contains("Outlinks <a>: 3"), "{}", home.out);
    assert!(
        home.out.contains(&format!("200        {}  \"one\", in main", site.url("/apple"))),
        "{}",
        home.out
    );

    let part = |part: &str| desk.run(&["page", "s.db", &site.url("/pear"), part]).out;
    assert!(part("--body").starts_with("<title>Apple of the title</title><h2>"));
    assert!(part("--body").contains('\u{1b}'), "bytes as they were");
    assert_eq!(
        part("--markdown"),
        "## Pear heading\n\nOnly pears[2J **here**, side by side.\n".replace('[', "\\[")
    );
    assert_eq!(part("--text"), "Pear heading\n\nOnly pears[2J here, side by side.\n");
    assert!(
        part("--headers").starts_with("HTTP/1.1 200\ncontent-length: "),
        "{}",
        part("--headers")
    );

    let json = desk.run(&["page", "s.db", "/pear", "--format", "json"]).out;
    let page: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(page["fields"]["status"], 200);
    assert_eq!(page["fields"]["headers"]["content-type"][0], "text/html; charset=utf-8");
    assert_eq!(page["way"][1]["anchor"], "two");
    assert_eq!(page["inlinks"]["total"], 1);
}

#[test]
fn what_is_not_there_is_said_with_what_is_near() {
    let site = Site::of(&[
        (
            "/",
            Answer::html(
                "<a href=/docs/>d</a><a href=/x?q=1>x</a><a href=/pdf>p</a><a href=http://else.invalid/>e</a>",
            ),
        ),
        ("/docs/", Answer::html("docs")),
        ("/x?q=1", Answer::html("x")),
        ("/pdf", Answer::new(200, "application/pdf", b"%PDF")),
    ]);
    let desk = crawled(&site);
    let (url, https) = (site.url(""), site.url("/").replace("http:", "https:"));
    #[rustfmt::skip]
    let cases: &[(&[&str], i32, String)] = &[
        (&["/docs"],                            3, format!("{url}/docs is not in the file; did you mean {url}/docs/?")),
        (&["/DOCS/"],                           3, format!("did you mean {url}/docs/?")),
        (&["/x"],                               3, format!("did you mean {url}/x?q=1?")),
        (&[&https],                             3, format!("did you mean {url}/?")),
        (&["/nowhere"],                         3, format!("{url}/nowhere is not in the file; no crawl has met it")),
        (&["http://else.invalid/", "--body"],   1, "aside: external".into()),
        (&["/pdf", "--text"],                   1, "has no stored body".into()),
        (&["/", "--crawl", "9"],                3, "there is no crawl 9".into()),
        (&["ftp://x/"],                         3, "`ftp://x/` is no URL".into()),
    ];
    for (args, code, expected) in cases {
        let ran = desk.run(&[&["page", "s.db"], *args].concat());
        assert_eq!(ran.code, Some(*code), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(expected), "{args:?}: {}", ran.err);
    }
    assert_eq!(desk.run(&["page", "s.db", "/docs/#part"]).code, Some(0));
    assert_eq!(desk.run(&["page", "s.db", &url.replace("http://", "")]).code, Some(0));
}

#[test]
fn completions_and_man_pages_know_every_command() {
    let desk = Desk::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = desk.run(&["completions", shell]);
        assert_eq!(ran.code, Some(0));
        assert!(ran.out.contains("export") && ran.out.contains("search"), "{shell}");
    }
    assert_eq!(desk.run(&["man", "pages"]).code, Some(0));
    let page = std::fs::read_to_string(desk.path("pages/crawlite-export.1")).unwrap();
    assert!(
        page.contains(".TH crawlite-export 1") && page.contains(".SH NOTES\n.nf\nExamples:"),
        "{page}"
    );
    assert!(desk.run(&["man"]).out.contains("crawlite\\-search(1)"));
}
