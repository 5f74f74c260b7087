//! What a site asks of robots on its pages is done, and shown.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use site::{Answer, Desk, Site, links_to_rows, row_of};

/// A row of `fixtures/directives.tsv`.
struct Row {
    line: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    html: &'static str,
    is_followed: bool,
    is_indexable: bool,
    reason: &'static str,
}

fn rows() -> Vec<Row> {
    let lines = include_str!("../fixtures/directives.tsv").lines();
    let row = |line: &'static str| {
        let cells: Vec<_> = line.split('\t').collect();
        let [headers, html, followed, indexable, reason] = cells[..] else {
            panic!("not five cells: {line}")
        };
        let headers = headers.split(" | ").filter_map(|header| header.split_once(": ")).collect();
        let (is_followed, is_indexable) = (followed == "yes", indexable == "yes");
        Row { line, headers, html, is_followed, is_indexable, reason }
    };
    lines.filter(|line| !line.starts_with('#')).map(row).collect()
}

fn site() -> Site {
    let rows = rows();
    Site::start(move |request, _| {
        if request.path == "/" {
            return Some(links_to_rows(rows.len()));
        }
        let (n, rest) = row_of(&request.path)?;
        let row = rows.get(n)?;
        let page = Answer::html(&format!("{}<a href=t>x</a>", row.html));
        let page = row.headers.iter().fold(page, |page, (name, value)| page.with(name, value));
        Some(if rest.is_empty() { page } else { Answer::html("<p>x") })
    })
}

const FLAGS: [&str; 5] = ["-o", "x.db", "-q", "--no-sitemaps", "--no-traps"];

#[test]
fn pages_say_whether_they_may_be_indexed_and_their_links_followed() {
    let (site, desk) = (site(), Desk::new());
    let ran = desk.run(&[&["crawl", &site.url("/")], &FLAGS[..]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let paths = site.paths();
    let mut wrong = Vec::new();
    for (n, row) in rows().iter().enumerate() {
        let folder = format!("/r/{n}/");
        let sql = format!(
            "SELECT indexable, indexability_reason FROM pages WHERE url = '{}'",
            site.url(&folder)
        );
        let found = desk.rows("x.db", &sql).concat();
        let target = format!("{folder}t");
        let state = desk.rows(
            "x.db",
            &format!("SELECT state, reason, detail FROM urls WHERE url = '{}'", site.url(&target)),
        );
        let expected =
            if row.is_followed { "done||" } else { "aside|nofollow|the page says nofollow" };
        if found != format!("{}|{}", u8::from(row.is_indexable), row.reason)
            || paths.contains(&target) != row.is_followed
            || state != [expected]
        {
            wrong.push(format!("{}: {found}, {state:?}", row.line));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn whoever_wants_to_follows_all_the_same() {
    let (site, desk) = (site(), Desk::new());
    let ran = desk.run(&[&["crawl", &site.url("/"), "--follow-nofollow"], &FLAGS[..]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let followed = site.paths().iter().filter(|path| path.ends_with("/t")).count();
    assert_eq!(followed, rows().len());
}

#[test]
fn what_was_said_is_in_the_row_of_the_page() {
    let page = Answer::html("<meta name=robots content='NoFollow, noarchive'><p>x");
    let site = Site::of(&[(
        "/",
        page.with("X-Robots-Tag", "noindex")
            .with("Link", "</c>; rel=canonical, </n>; rel=next")
            .with("Link", "</de>; rel=alternate; hreflang=de, </p>; rel=prev"),
    )]);
    let desk = Desk::new();
    let ran = desk.run(&[&["crawl", &site.url("/")], &FLAGS[..]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let row =
        "SELECT robots_directives, claimed_canonical, hreflang, rel_next, rel_prev FROM pages";
    let said = desk.rows("x.db", row).concat().replace(&site.url(""), "HERE");
    assert_eq!(said, r#"nofollow, noarchive, noindex|HERE/c|[["de","HERE/de"]]|HERE/n|HERE/p"#);
}

#[test]
fn rel_on_a_link_is_kept_and_nofollow_alone_holds_it() {
    let site = Site::start(|request, _| {
        Some(Answer::html(match &*request.path {
            "/" => {
                "<a rel=nofollow href=/n>n</a><a rel='ugc' href=/u>u</a><a rel='sponsored' href=/s>s</a>
                 <a rel='UGC NoFollow' href=/un>un</a><a rel='external noopener' href=/e>e</a>
                 <a rel=nofollow href=/both>1</a><a href=/both>2</a>"
            }
            _ => "<p>x",
        }))
    });
    let desk = Desk::new();
    let ran = desk.run(&[&["crawl", &site.url("/")], &FLAGS[..]].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(site.paths(), ["/", "/both", "/e", "/s", "/u"]);
    let links = format!(
        "SELECT replace(target, '{}', ''), rel, follow FROM links ORDER BY position",
        site.url("")
    );
    assert_eq!(
        desk.rows("x.db", &links),
        [
            "/n|nofollow|0",
            "/u|ugc|1",
            "/s|sponsored|1",
            "/un|UGC NoFollow|0",
            "/e|external noopener|1",
            "/both|nofollow|0",
            "/both||1"
        ]
    );
    let held = "SELECT DISTINCT reason, detail FROM skipped";
    assert_eq!(desk.rows("x.db", held), ["nofollow|rel=nofollow"]);
}
