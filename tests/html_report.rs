//! The HTML report says what is true of the crawl, and nothing that a site wrote is alive in it.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::collections::BTreeSet;

use ring::digest::{SHA256, digest};
use scraper::{ElementRef, Html, Selector};
use serde_json::Value;
use site::payloads::{PAYLOADS, is_harmful};
use site::{Answer, Desk, Site};

/// Every element that the report is made of.
const ELEMENTS: &str = "a b body br button caption circle code dd details div dl dt figcaption figure footer g h1 h2 h3 h4 \
    head header html i li line link main meta nav p path pre rect script section small span style summary svg table tbody \
    td text th thead title tr ul wbr";

fn crawl(desk: &Desk, site: &Site, more: &[&str]) {
    let url = site.url("/");
    let ran = desk
        .run(&[&["crawl", &url, "-o", "x.db", "-q", "--my-site", "--retries", "0"], more].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}

/// Writes a report and reads it.
fn report(desk: &Desk, args: &[&str]) -> String {
    let ran = desk.run(&[&["report", "x.db", "--html", "x.html", "--force"], args].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.starts_with("Wrote x.html: "), "{}", ran.err);
    std::fs::read_to_string(desk.path("x.html")).unwrap()
}

fn all<'a>(page: &'a Html, selector: &str) -> Vec<ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(element: ElementRef<'_>) -> String {
    element.text().collect::<Vec<_>>().join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The texts of everything that matches.
fn texts(page: &Html, selector: &str) -> Vec<String> {
    all(page, selector).into_iter().map(text).collect()
}

#[test]
fn nothing_that_a_site_says_is_alive_in_the_page() {
    let (site, desk) = (site::payloads::site(), Desk::new());
    crawl(&desk, &site, &[]);
    let source = report(&desk, &["--limit", "0"]);
    let harm = source.lines().find(|line| line.contains(is_harmful));
    assert!(harm.is_none(), "{harm:?}");
    let page = Html::parse_document(&source);
    assert_eq!(page.errors, Vec::<&str>::new(), "it is well-formed");
    for payload in PAYLOADS {
        // Some are cut or folded on their way into the file; what is markup is not.
        if payload.contains('<') && !payload.contains('\n') {
            assert!(texts(&page, "td").iter().any(|cell| cell == payload), "{payload} is not told");
        }
    }
    let known: BTreeSet<&str> = ELEMENTS.split_whitespace().collect();
    for element in all(&page, "*") {
        let tag = element.value();
        assert!(known.contains(tag.name()), "<{}>", tag.name());
        for (name, value) in tag.attrs() {
            assert!(!name.starts_with("on") && name != "style" && name != "src", "{name}={value}");
            assert!(
                !["xlink:href", "action", "formaction", "ping", "srcset"].contains(&name),
                "{name}"
            );
        }
        match (tag.name(), tag.attr("href")) {
            ("a", Some(href)) if href.starts_with('#') => {
                let named = Selector::parse(&format!("[id='{}']", &href[1..])).unwrap();
                assert!(page.select(&named).next().is_some(), "{href} leads nowhere");
            }
            ("a", Some(href)) => {
                assert!(href.starts_with("http://") || href.starts_with("https://"), "{href}");
                assert_eq!(tag.attr("rel"), Some("noreferrer noopener"), "{href}");
            }
            ("link", Some(href)) => assert!(href.starts_with("data:image/svg+xml,"), "{href}"),
            (name, href) => assert_eq!(href, None, "<{name}>"),
        }
        let refresh = tag.attr("http-equiv").is_some_and(|kind| kind != "Content-Security-Policy");
        assert!(!refresh, "{:?}", tag.attr("content"));
    }
}

#[test]
fn the_policy_of_the_page_allows_its_own_style_and_script_alone() {
    let (site, desk) = (site::payloads::site(), Desk::new());
    crawl(&desk, &site, &[]);
    let page = Html::parse_document(&report(&desk, &[]));
    let policy = all(&page, "head > meta[http-equiv='Content-Security-Policy']");
    let policy = policy[0].value().attr("content").unwrap();
    let directives: Vec<(&str, &str)> =
        policy.split("; ").map(|it| it.split_once(' ').unwrap()).collect();
    let (styles, scripts) = (all(&page, "style"), all(&page, "script"));
    assert_eq!((styles.len(), scripts.len()), (1, 1));
    let hash = |element: ElementRef<'_>| {
        let content: String = element.text().collect();
        let hash = digest(&SHA256, content.as_bytes());
        let hex: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        hex
    };
    // As bytes, since base64 is what is to be tested.
    let said = |name: &str| {
        let (_, source) = directives.iter().find(|(it, _)| *it == name).unwrap();
        let letters = source.strip_prefix("'sha256-").unwrap().trim_end_matches(['\'', '=']);
        let bits: String = letters.bytes().map(|letter| format!("{:06b}", place(letter))).collect();
        let bytes = bits.as_bytes().chunks_exact(8);
        bytes
            .map(|eight| u8::from_str_radix(std::str::from_utf8(eight).unwrap(), 2).unwrap())
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    assert_eq!(said("style-src"), hash(styles[0]));
    assert_eq!(said("script-src"), hash(scripts[0]));
    let others: Vec<_> = directives
        .iter()
        .filter(|(name, _)| !name.ends_with("e-src") && !name.ends_with("t-src"))
        .collect();
    assert_eq!(
        others,
        [&("img-src", "data:"), &("base-uri", "'none'"), &("form-action", "'none'")]
    );
    assert!(directives.contains(&("default-src", "'none'")), "{policy}");
}

/// What a letter of base64 stands for.
fn place(letter: u8) -> u8 {
    match letter {
        b'A'..=b'Z' => letter - b'A',
        b'a'..=b'z' => letter - b'a' + 26,
        b'0'..=b'9' => letter - b'0' + 52,
        b'+' => 62,
        _ => 63,
    }
}

/// Two folders that link to each other, with a menu and a few faults.
fn small_site() -> Site {
    let page = |title: &str, links: &[&str]| {
        let links: String =
            links.iter().map(|link| format!("<a href='{link}'>{link}</a> ")).collect();
        Answer::html(&format!(
            "<title>{title}</title><nav><a href=/blog/0>Blog</a></nav><h1>{title}</h1>{links}"
        ))
    };
    let docs: Vec<String> = (0..6).map(|n| format!("/docs/{n}")).collect();
    let blog: Vec<String> = (0..4).map(|n| format!("/blog/{n}")).collect();
    let links: Vec<&str> = docs.iter().chain(&blog).map(String::as_str).collect();
    let mut pages = vec![
        ("/", page("Home", &[&links[..], &["/old", "/gone", "http://other.invalid/"]].concat())),
        ("/old", Answer::redirect(301, "/")),
    ];
    pages.extend(docs.iter().map(|path| (&**path, page("Docs", &["/blog/1", "/gone"]))));
    pages.extend(
        blog.iter().map(|path| (&**path, page(&format!("About {path}"), &["/docs/2", "/docs/3"]))),
    );
    Site::of(&pages)
}

#[test]
fn numbers_settings_and_findings_are_those_of_the_crawl() {
    let (site, desk) = (small_site(), Desk::new());
    crawl(&desk, &site, &["--depth", "9"]);
    let page = Html::parse_document(&report(&desk, &[]));
    assert_eq!(texts(&page, "h1"), [site.address.to_string()]);
    let tiles = texts(&page, ".tiles li");
    for tile in [
        "Pages 13 of 15 URLs met",
        "Answered 2xx 85 % 11 pages",
        "Broken link targets 1 1 page broken",
        "Left out 1 1 external",
    ] {
        assert!(tiles.iter().any(|it| it == tile), "{tile} is not among {tiles:?}");
    }
    let facts = texts(&page, ".facts dd");
    for fact in [
        &*site.url("/"),
        "Finished",
        &format!("all of {}", site.address),
        "9 links from a seed",
        "nothing besides pages",
    ] {
        assert!(facts.iter().any(|it| it == fact), "{fact} is not among {facts:?}");
    }
    assert!(
        texts(&page, ".left li")
            .contains(&"1 link to another site crawlite resume x.db --check-external".to_owned())
    );

    let findings = texts(&page, ".findings li");
    assert_eq!(findings[0], "Error Link targets with status 4xx 1");
    assert!(
        findings.contains(&"Warning Indexable pages with the title of another 6".to_owned()),
        "{findings:?}"
    );
    assert_eq!(texts(&page, ".sums li")[0], "1 error");
}

#[test]
fn every_report_that_has_rows_is_there_with_its_sql() {
    let (site, desk) = (small_site(), Desk::new());
    crawl(&desk, &site, &[]);
    let page = Html::parse_document(&report(&desk, &[]));
    let listed = desk.run(&["report", "x.db", "--format", "json"]).out;
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    for listed in &listed {
        let (name, rows) = (listed["report"].as_str().unwrap(), listed["rows"].as_u64().unwrap());
        let section = all(&page, &format!("section[id='{name}']"));
        assert_eq!(section.len(), usize::from(rows > 0), "{name}");
        let Some(section) = section.first() else { continue };
        let table = section.select(&Selector::parse("tbody tr").unwrap()).count() as u64;
        assert_eq!(table, rows, "{name}");
        assert!(text(*section).contains(listed["shows"].as_str().unwrap()), "{name}");
        let sql = section.select(&Selector::parse("pre").unwrap()).next().unwrap();
        let sql: String = sql.text().collect();
        assert_eq!(desk.rows("x.db", &sql).len() as u64, rows, "{name}: its SQL");
    }
}

#[test]
fn sections_and_the_links_between_them_are_counted() {
    let (site, desk) = (small_site(), Desk::new());
    crawl(&desk, &site, &[]);
    let page = Html::parse_document(&report(&desk, &[]));
    assert_eq!(texts(&page, ".places li"), ["/ other pages 3", "blog/ 4", "docs/ 6"]);
    let rows = texts(&page, "#sections tbody tr");
    assert_eq!(rows[..3], ["/ other pages 3 1 2 10 6", "/blog/ 4 0 0 8 10", "/docs/ 6 0 0 12 14"]);
    assert_eq!(
        rows[3..],
        ["/blog/ ↔ /docs/ 8 6", "/ other pages ↔ /docs/ 6 6", "/ other pages ↔ /blog/ 4 0"]
    );
    let arcs: Vec<_> = all(&page, ".arcs path")
        .iter()
        .map(|arc| arc.value().attr("stroke-width").unwrap().to_owned())
        .collect();
    assert_eq!(arcs.len(), 3);
    assert!(arcs[0] > arcs[1] && arcs[1] > arcs[2], "{arcs:?}");
}

#[test]
fn long_tables_are_cut_and_the_command_that_gives_them_whole_works() {
    let (site, desk) = (small_site(), Desk::new());
    crawl(&desk, &site, &[]);
    let page = Html::parse_document(&report(&desk, &["--limit", "2", "--crawl", "1"]));
    assert_eq!(all(&page, "#titles tbody tr").len(), 2);
    assert_eq!(texts(&page, "#titles caption"), ["Titles: 2 of 17 rows"]);
    let issues = texts(&page, "#titles tbody td:first-child");
    assert_eq!(issues, ["duplicate", "too short"], "each issue has its share");
    let after = texts(&page, "#titles .after");
    let (more, command) = after[0].split_once(" ; all of them: crawlite ").unwrap();
    assert_eq!(more, "15 more rows");
    let ran = desk.run(&command.split(' ').collect::<Vec<_>>());
    assert_eq!((ran.code, ran.out.lines().count()), (Some(0), 18), "{command}: {}", ran.err);
}

#[test]
fn nothing_is_replaced_unasked_and_what_makes_no_sense_is_said_in_a_line() {
    let (site, desk) = (small_site(), Desk::new());
    crawl(&desk, &site, &["--max-pages", "5", "--limit-ok"]);
    std::fs::write(desk.path("mine.html"), "precious").unwrap();
    let before = names(&desk);
    #[rustfmt::skip]
    let cases: &[(&[&str], &str)] = &[
        (&["--html", "mine.html"],                     "mine.html exists; name another file, or replace it with --force"),
        (&["--html", "x.db"],                          "x.db is the crawl itself"),
        (&["--html", "x.db", "--force"],               "x.db is the crawl itself"),
        (&["--html", ".", "--force"],                  ". is no plain file"),
        (&["broken", "--html", "y.html"],              "leave `broken` out, or take crawlite report x.db broken --format csv"),
        (&["--html", "y.html", "--format", "table"],   "--html and --format do not go together"),
        (&["--html", "y.html", "--sql"],               "--html and --sql do not go together"),
        (&["--force"],                                 "--force goes with --html FILE"),
        (&["--html", "y.html", "--crawl", "7"],        "holds no crawl 7"),
    ];
    for (args, expected) in cases {
        let ran = desk.run(&[&["report", "x.db"], *args].concat());
        assert_eq!(ran.code, Some(3), "{args:?}: {}", ran.err);
        assert!(
            ran.err.contains(expected) && ran.err.lines().count() == 1,
            "{args:?}: {}",
            ran.err
        );
    }
    let nowhere = desk.run(&["report", "x.db", "--html", "no/such/y.html"]);
    assert_eq!((nowhere.code, nowhere.err.lines().count()), (Some(1), 1), "{}", nowhere.err);
    assert_eq!(names(&desk), before);
    assert_eq!(std::fs::read_to_string(desk.path("mine.html")).unwrap(), "precious");
}

#[test]
fn an_unfinished_crawl_says_so_in_a_pipe_and_beside_a_gate() {
    let (site, desk) = (small_site(), Desk::new());
    crawl(&desk, &site, &["--max-pages", "5", "--limit-ok"]);
    let piped = desk.run(&["report", "x.db", "--html", "-"]);
    assert!(
        piped.out.starts_with("<!doctype html>") && piped.out.ends_with("</html>\n"),
        "{}",
        piped.err
    );
    let page = Html::parse_document(&piped.out);
    assert!(texts(&page, ".state")[0].contains("stopped by the page limit"));
    assert!(texts(&page, ".left li")[0].contains("URLs are still to fetch crawlite resume x.db"));
    let gated =
        desk.run(&["report", "x.db", "--html", "y.html", "-q", "--fail-on", "duplicate-titles"]);
    assert_eq!(gated.code, Some(2), "the page is written, and the gate is judged: {}", gated.err);
    assert!(desk.path("y.html").exists());
}

fn names(desk: &Desk) -> BTreeSet<String> {
    let entries = std::fs::read_dir(desk.folder.path()).unwrap();
    entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_crawl_that_came_to_nothing_is_a_page_as_well() {
    let desk = Desk::new();
    let ran =
        desk.run(&["crawl", "http://127.0.0.1:9/", "-o", "it's <b>.db", "-q", "--retries", "0"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let ran = desk.run(&["report", "it's <b>.db", "--html", "-", "-q"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let page = Html::parse_document(&ran.out);
    assert_eq!(page.errors, Vec::<&str>::new());
    assert!(
        texts(&page, "footer")[0].contains("from it's <b>.db ("),
        "{:?}",
        texts(&page, "footer")
    );
    assert!(texts(&page, ".left code").contains(&r"crawlite resume 'it'\''s <b>.db'".to_owned()));
    assert!(texts(&page, ".state")[0].contains("No seed gave an answer"));
}
