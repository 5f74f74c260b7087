//! What the rules of a settings file find on pages is in a table of the rule's name: as well while
//! crawling as afterwards, whatever happens between.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::time::Duration;

use site::{Answer, Desk, Site};

const RULES: &str = r#"
[[extract]]
name = "card"
url = '/\d+$'
each = ".card"
[extract.fields]
title = "h2"
price = { css = ".price", as = "number" }
link = { css = "a", attr = "href" }
tags = { css = "li", as = "list" }
seen = { css = "time", attr = "datetime", as = "date" }
plain = ".nowhere"

[[extract]]
name = "head"
fields = { title = "title", headings = { css = "h2", as = "count" } }
"#;

/// Pages with two cards each, that link to four others.
fn web(count: usize) -> Site {
    Site::start(move |request, _| {
        let number: usize = match request.path.trim_start_matches('/') {
            "" => 0,
            rest => rest.parse().ok().filter(|number| *number < count)?,
        };
        let target = |k| Some((number * 4 + k) % count).filter(|target| *target > 0);
        let links: String =
            (1..=4).filter_map(target).map(|target| format!("<a href=/{target}>x</a>")).collect();
        let card = |k: usize| {
            format!(
                "<div class=card><h2>{number} {k}</h2><b class=price>{number},{k}5 €</b><a href=/{k}>x</a>\
                 <ul><li>a{k}<li>b</ul><time datetime=2026-01-0{k}>x</time></div>"
            )
        };
        let page = format!("<title>{number}</title>{links}{}{}", card(1), card(2));
        Some(Answer::html(&page).after(Duration::from_millis(5)))
    })
}

/// A desk with the rules in crawl.toml.
fn desk(rules: &str) -> Desk {
    let desk = Desk::new();
    std::fs::write(desk.path("crawl.toml"), rules).unwrap();
    desk
}

const CARDS: &str = "SELECT url, position, title, price, link, tags, seen, plain, typeof(price) FROM card ORDER BY 1, 2";
const HEADS: &str = "SELECT url, position, title, headings FROM head ORDER BY 1, 2";
const READ: &str = "SELECT rule, url, rows, cut FROM extractions ORDER BY 1, 2";

fn same(desk: &Desk, one: &str, other: &str) {
    for sql in [CARDS, HEADS, READ] {
        assert_eq!(desk.rows(one, sql), desk.rows(other, sql), "{sql}");
    }
}

#[test]
fn rows_while_crawling_are_those_of_stored_pages_and_of_a_killed_crawl() {
    let (site, desk) = (web(60), desk(RULES));
    let url = site.url("/");
    let crawled = desk.run(&["crawl", &url, "-o", "now.db", "--config", "crawl.toml"]);
    assert_eq!(crawled.code, Some(0), "{}", crawled.err);
    let said = "card: 118 rows from 59 of 59 pages; empty: plain always";
    assert!(crawled.err.contains(said), "{}", crawled.err);
    assert!(crawled.err.contains("head: 60 rows from 60 of 60 pages"), "{}", crawled.err);
    let cards = desk.rows("now.db", CARDS);
    assert_eq!(cards.len(), 118);
    let first = format!(r#"{url}1|0|1 1|1.15|{url}1|["a1","b"]|2026-01-01||real"#);
    assert_eq!(cards[0], first);

    assert_eq!(desk.run(&["crawl", &url, "-o", "later.db", "-q"]).code, Some(0));
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name LIKE '%card%'";
    assert_eq!(desk.rows("later.db", tables), ["0"]);
    let read =
        desk.run(&["extract", "later.db", "--config", "crawl.toml", "-n", "1", "--format", "csv"]);
    assert_eq!(read.code, Some(0), "{}", read.err);
    assert!(read.err.contains("Read 60 pages.") && read.err.contains(said), "{}", read.err);
    assert!(
        read.out.starts_with("url,position,title,price,link,tags,seen,plain,page_id\n"),
        "{}",
        read.out
    );
    same(&desk, "now.db", "later.db");

    let before = site.requests().len();
    let args = ["crawl", &url, "-o", "killed.db", "-q", "--config", "crawl.toml"];
    for at in [15, 40] {
        let mut child = desk.start(&args);
        site.wait_for(before + at);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(desk.run(&["resume", "killed.db", "-q"]).code, Some(0), "the rules are in the file");
    same(&desk, "now.db", "killed.db");
    assert_eq!(desk.rows("killed.db", "PRAGMA integrity_check"), ["ok"]);
    assert_eq!(desk.rows("killed.db", "PRAGMA foreign_key_check"), [""; 0]);
}

#[test]
fn pages_that_were_read_are_not_read_again_unless_that_is_asked_for() {
    let (site, desk) = (web(20), desk(RULES));
    assert_eq!(desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q"]).code, Some(0));
    let one = desk.run(&["extract", "x.db", "--config", "crawl.toml", "--name", "head"]);
    assert!(one.err.contains("Read 20 pages.") && !one.err.contains("card"), "{}", one.err);
    assert!(
        desk.run(&["extract", "x.db"]).err.contains("Nothing to read"),
        "the rule is in the file"
    );
    let all = desk.run(&["extract", "x.db", "--config", "crawl.toml"]);
    assert!(all.err.contains("Read 19 pages."), "{}", all.err);
    let again = desk.run(&["extract", "x.db", "--again"]);
    assert!(
        again.err.contains("Read 20 pages.") && again.err.contains("card: 38 rows"),
        "{}",
        again.err
    );
    assert_eq!(desk.rows("x.db", "SELECT count(*) FROM card"), ["38"]);
}

#[test]
fn a_rule_that_has_changed_begins_anew() {
    let (site, desk) = (web(20), desk(RULES));
    let url = site.url("/");
    let args = ["crawl", &url, "-o", "x.db", "--config", "crawl.toml"];
    assert_eq!(desk.run(&[&args[..], &["--max-pages", "10", "--limit-ok"]].concat()).code, Some(0));
    let changed = RULES.replace("title = \"h2\"", "title = \".price\"\nnew = \"h2\"");
    std::fs::write(desk.path("crawl.toml"), changed).unwrap();
    let resumed =
        desk.run(&["resume", "x.db", "--config", "crawl.toml", "--set", "limits.pages=100"]);
    assert_eq!(resumed.code, Some(0), "{}", resumed.err);
    let said = "card is another than before, and its 18 rows are gone; crawlite extract x.db reads the 10 pages";
    assert!(resumed.err.contains(said), "{}", resumed.err);
    assert!(resumed.err.contains("card: 20 rows from 10 of 10 pages"), "{}", resumed.err);
    assert!(resumed.err.contains("reads the pages from before it"), "{}", resumed.err);
    let read = desk.run(&["extract", "x.db"]);
    assert!(read.err.contains("card: 38 rows from 19 of 19 pages"), "{}", read.err);
    assert!(!read.err.contains("from before it"), "{}", read.err);
    assert_eq!(
        desk.rows("x.db", "SELECT title, new FROM card WHERE url LIKE '%/7' ORDER BY position"),
        ["7,15 €|7 1", "7,25 €|7 2"]
    );
}

#[test]
fn rows_belong_to_page_versions_and_views_show_the_newest_crawl() {
    let site = Site::start(move |request, before| match &*request.path {
        "/" => Some(Answer::html("<h2>same</h2><a href=/news>n</a>")),
        "/news" => Some(Answer::html(&format!("<h2>version {before}</h2>"))),
        _ => None,
    });
    let desk = desk("[[extract]]\nname = \"heading\"\nfields = { text = \"h2\" }");
    let url = site.url("/");
    for _ in 0..2 {
        let args = ["crawl", &url, "-o", "x.db", "-q", "--config", "crawl.toml"];
        assert_eq!(desk.run(&args).code, Some(0));
    }
    let shown = desk.rows("x.db", "SELECT text FROM heading ORDER BY text");
    assert_eq!(shown, ["same", "version 1"]);
    let all = desk.rows("x.db", "SELECT text FROM extracted_heading ORDER BY text");
    assert_eq!(all, ["same", "version 0", "version 1"], "an unchanged page has its rows once");
}

#[test]
fn what_would_be_lost_or_confused_is_refused_with_its_place() {
    let (site, desk) = (web(5), desk(RULES));
    let url = site.url("/");
    let crawl = |name: &str, more: &[&str]| {
        desk.run(&[&["crawl", &url, "-o", name, "-q", "--config", "crawl.toml"], more].concat())
    };
    assert_eq!(crawl("none.db", &["--store", "none"]).code, Some(0));
    assert_eq!(desk.rows("none.db", "SELECT count(*) FROM card"), ["8"]);
    std::fs::write(desk.path("crawl.toml"), RULES.replace("h2", "h3")).unwrap();
    let lost = crawl("none.db", &[]);
    assert_eq!(lost.code, Some(3), "{}", lost.err);
    assert!(
        lost.err.contains("the rule `card` is another than before, and 4 pages"),
        "{}",
        lost.err
    );
    assert_eq!(desk.rows("none.db", "SELECT count(*) FROM card"), ["8"], "nothing was lost");
    std::fs::write(desk.path("crawl.toml"), RULES.replace("card", "other")).unwrap();
    let other = desk.run(&["crawl", &url, "-o", "none.db", "--config", "crawl.toml"]);
    let said =
        "other is new; 5 pages are stored without bodies: --no-conditional fetches them again";
    assert!(other.err.contains(said), "{}", other.err);

    assert_eq!(desk.run(&["crawl", &url, "-o", "own.db", "-q"]).code, Some(0));
    let db = tokio_rusqlite::rusqlite::Connection::open(desk.path("own.db")).unwrap();
    db.execute_batch("CREATE TABLE head (mine)").unwrap();
    drop(db);
    let taken = desk.run(&["extract", "own.db", "--config", "crawl.toml"]);
    assert_eq!(taken.code, Some(3), "{}", taken.err);
    assert!(taken.err.contains("own.db has a table or view `head`"), "{}", taken.err);
    assert_eq!(desk.rows("own.db", "SELECT count(*) FROM head"), ["0"], "it is still the user's");

    #[rustfmt::skip]
    let cases = [
        ("name = \"card\"",  "name = \"pages\"",               "`extract[0].name`: `pages` is a table or view of crawlite"),
        ("as = \"number\"",  "as = \"numbre\"",                "in crawl.toml: `extract[0].fields.price`: unknown `numbre` in `as`; did you mean `number`?"),
        ("css = \".price\"", "css = \".price[\"",              "`extract[0].fields.price`: `.price[` is no CSS selector"),
        ("each =",           "eech =",                         "in crawl.toml: `extract[0]`: unknown key `eech`; did you mean `each`?"),
    ];
    for (right, wrong, expected) in cases {
        std::fs::write(desk.path("crawl.toml"), RULES.replace(right, wrong)).unwrap();
        let refused = crawl("never.db", &[]);
        assert_eq!(refused.code, Some(3), "{}", refused.err);
        assert!(refused.err.contains(expected), "{}", refused.err);
        assert_eq!(refused.err.trim().lines().count(), 1, "{}", refused.err);
        assert!(!desk.path("never.db").exists(), "nothing was begun");
    }
    let nothing = desk.run(&["extract", "own.db"]);
    assert_eq!(nothing.code, Some(3), "{}", nothing.err);
    assert!(nothing.err.contains("no rules"), "{}", nothing.err);
}

#[test]
fn a_rule_that_finds_nothing_is_warned_of() {
    let desk = desk(
        "[[extract]]\nname = \"none\"\nurl = '/2'\nfields = { x = \".y\" }\n[[extract]]\nname = \"nowhere\"\nurl = 'blog'\nfields = { x = \"h2\" }",
    );
    let site = web(5);
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "--config", "crawl.toml"]);
    assert!(
        ran.err.contains("none: found nothing on any of 1 pages; are its selectors right?"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("nowhere: no page has a URL that it is for"), "{}", ran.err);
    let json = desk.run(&[
        "crawl",
        &site.url("/"),
        "-o",
        "y.db",
        "--config",
        "crawl.toml",
        "--format",
        "json",
    ]);
    assert!(
        json.out.contains(r#""rule":"none""#) && json.out.contains(r#""matched":0"#),
        "{}",
        json.out
    );
}

#[test]
fn explain_shows_what_rules_find_on_one_page() {
    let (site, desk) = (web(5), desk(RULES));
    let explain =
        |path: &str| desk.run(&["explain", &site.url(path), "--config", "crawl.toml", "--extract"]);
    let card = explain("/3").out;
    for line in [
        "rule        card: 2 rows",
        "  - title  3 1",
        "    price  3.15",
        "    plain  (nothing)",
        "rule        head: 1 row",
    ] {
        assert!(card.lines().any(|it| it == line), "{line} in {card}");
    }
    assert!(!card.contains("  a    "), "links are not what is asked for: {card}");
    assert!(explain("/").out.contains("card is not for"), "{}", explain("/").out);
    let none = desk.run(&["explain", &site.url("/"), "--extract"]);
    assert_eq!((none.code, none.err.contains("no rules to show")), (Some(3), true), "{}", none.err);
}

/// A page with an item in each format, one of them broken.
const ITEMS: &str = r#"<script type="application/ld+json">{"@type":"Product","offers":{"price":5}}</script>
    <script type="application/ld+json">{"@type":"Product"</script>
    <div itemscope itemtype="https://schema.org/Product"><b itemprop=name>N</b><img itemprop=image src=i.png></div>"#;

#[test]
fn structured_data_is_a_row_for_each_item_also_from_stored_pages() {
    let site = Site::of(&[
        ("/", Answer::html(&format!("{ITEMS}<a href=/none>n</a>"))),
        ("/none", Answer::html("x")),
    ]);
    let (url, desk) = (site.url("/"), Desk::new());
    assert_eq!(desk.run(&["crawl", &url, "-o", "x.db", "-q"]).code, Some(0));
    let items = "SELECT position, format, type, json->>'$.name', json->>'$.offers.price', json->>'$.image', error IS NULL
                 FROM items ORDER BY position";
    let expected = [
        "0|json-ld|Product||5||1".to_owned(),
        "1|json-ld|||||0".to_owned(),
        format!("2|microdata|Product|N||{url}i.png|1"),
    ];
    assert_eq!(desk.rows("x.db", items), expected);
    let counts = "SELECT items FROM page ORDER BY id";
    assert_eq!(desk.rows("x.db", counts), ["3", "0"]);

    let without = ["crawl", &url, "-o", "y.db", "-q", "--set", "store.items=false"];
    assert_eq!(desk.run(&without).code, Some(0));
    assert_eq!(desk.rows("y.db", counts), ["", ""]);
    let later = desk.run(&["extract", "y.db", "--items"]);
    assert_eq!((later.code, later.err.contains("Read 2 pages.")), (Some(0), true), "{}", later.err);
    assert_eq!(desk.rows("y.db", items), expected);
    assert_eq!(desk.rows("y.db", counts), ["3", "0"]);
    assert!(desk.run(&["extract", "y.db", "--items"]).err.contains("Nothing to read"));
}

#[test]
fn a_killed_extract_goes_on_and_ends_with_the_same_rows() {
    let (site, desk) = (web(300), desk(RULES));
    let crawl =
        |name| desk.run(&["crawl", &site.url("/"), "-o", name, "-q", "--per-host", "16"]).code;
    assert_eq!((crawl("whole.db"), crawl("killed.db")), (Some(0), Some(0)));
    let whole = desk.run(&["extract", "whole.db", "--config", "crawl.toml", "-q"]);
    assert_eq!(whole.code, Some(0), "{}", whole.err);
    let mut child = desk.start(&["extract", "killed.db", "--config", "crawl.toml", "-q"]);
    // The first batch is committed before the second is read.
    let file = desk.path("killed.db");
    let has_begun = || {
        let db = tokio_rusqlite::rusqlite::Connection::open(&file).unwrap();
        db.query_row("SELECT count(*) FROM extract_page", [], |row| row.get::<_, i64>(0))
            .unwrap_or(0)
            > 0
    };
    while !has_begun() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let again = desk.run(&["extract", "killed.db", "--config", "crawl.toml"]);
    assert_eq!(again.code, Some(0), "{}", again.err);
    same(&desk, "whole.db", "killed.db");
    assert_eq!(desk.rows("killed.db", "PRAGMA integrity_check"), ["ok"]);
}
