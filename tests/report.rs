//! A report tells what is true of a site, and a gate fails a run for it.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crawlite::store::OwnerLock;
use serde_json::Value;
use site::{Answer, Desk, Ran, Site};

/// A text of some length, of which one word is given.
fn text(word: &str) -> String {
    let words: Vec<String> = (0..300).map(|n| format!("word{}", n * n % 211)).collect();
    format!("<p>{} {word}</p>", words.join(" "))
}

fn page(title: &str, body: &str) -> Answer {
    let name = title.replace(' ', "-");
    Answer::html(&format!(
        "<title>{title}</title><meta name=description content='About {name}'><h1>{title}</h1>{body}"
    ))
}

/// A site with one of everything that is wrong; once `later` is set it has changed.
fn site(later: &Arc<AtomicBool>) -> Site {
    let later = Arc::clone(later);
    Site::start(move |request, _| Some(answer(&request.path, later.load(Ordering::Relaxed))))
}

fn answer(path: &str, later: bool) -> Answer {
    let long = "A title that goes on and on until nobody remembers how it began";
    match path {
        "/robots.txt" => Answer::new(200, "text/plain", b"User-agent: *\nDisallow: /private/\n"),
        "/sitemap.xml" => Answer::new(
            200,
            "application/xml",
            b"<urlset><url><loc>/orphan</loc></url><url><loc>/a</loc></url><url><loc>/gone%20away</loc></url></urlset>",
        ),
        "/" if later => page("Home", "<a href=/a>a</a> <a href='/gone away'>Gone one</a> <a href=/flat>f</a> <a href=/new>n</a>"),
        "/" => page(
            "Home",
            "<a href=/a>a</a> <a href=/b>b</a> <a href=/c>c</a> <a href='/gone away'>Gone one</a> <a href=/old>o</a>
             <a href=/moved>m</a> <a href=/loop1>l</a> <a href=/copy1>1</a> <a href=/copy2>2</a> <a href=/long>l</a>
             <a href=/notitle>n</a> <a href=/en>e</a> <a href=/private/x>p</a> <a href=/near1>n</a> <a href=/near2>n</a>
             <a href=/flat>f</a> <a href=http://other.invalid/>x</a> <a href=/noindex>n</a> <a href=/slow>s</a>",
        ),
        "/a" if later => page("Another title", "<a href='/gone away'>Gone two</a>"),
        "/a" => page("Title of a", "<a href='/gone away'>Gone two</a> <a href=/b>b</a>"),
        "/b" => page("Same title", "<p>b</p>"),
        "/c" => page("Same title", "<link rel=canonical href='/gone away'><h1>Second</h1>"),
        "/old" => Answer::redirect(301, "/older"),
        "/older" => Answer::redirect(302, "/b"),
        "/moved" => Answer::redirect(301, "/missing"),
        "/loop1" => Answer::redirect(302, "/loop2"),
        "/loop2" => Answer::redirect(302, "/loop1"),
        "/copy1" | "/copy2" => page("Copy", "<p>copy</p>"),
        "/long" => page(long, ""),
        "/notitle" => Answer::html("<p>nothing</p>"),
        "/en" => page("English", "<link rel=alternate hreflang=de href=/de><a href=/de>de</a>"),
        "/de" => page("Deutsch", ""),
        "/near1" => page("Near one", &text("almost")),
        "/near2" => page("Near two", &text("close")),
        "/noindex" => page("Hidden", "<meta name=robots content=noindex>"),
        "/slow" => page("Slow", "").after(std::time::Duration::from_millis(900)),
        "/orphan" => page(
            "Orphan",
            r#"<script type="application/ld+json">{"@type": "Article"}</script><meta property=og:type content=x>
               <script type="application/ld+json">{"@type": "Event",}</script>
               <div itemscope itemtype="https://schema.org/Product"><b itemprop=offers itemscope itemtype="https://schema.org/Offer"></b></div>"#,
        ),
        "/flat" if later => Answer::status(410),
        "/flat" => page("Flat", ""),
        "/new" => page("New", ""),
        _ => Answer::status(404),
    }
}

fn crawl(site: &Site, desk: &Desk) {
    // One at a time, so that pages come in the order of their links.
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--per-host", "1"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}

/// The rows of a report, the site's own address left out, with the columns asked for joined by `|`.
fn rows(desk: &Desk, site: &Site, name: &str, columns: &[&str]) -> Vec<String> {
    let ran = desk.run(&["report", "x.db", name, "--format", "jsonl"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{name}");
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace(&site.url(""), ""),
        other => other.to_string(),
    };
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let cells: Vec<String> = columns
            .iter()
            .map(|column| cell(row.get(column).unwrap_or_else(|| panic!("{name} has no {column}"))))
            .collect();
        cells.join("|")
    };
    ran.out.lines().map(row).collect()
}

#[test]
fn each_report_tells_what_is_true_of_the_site() {
    let (site, desk) = (site(&Arc::default()), Desk::new());
    crawl(&site, &desk);
    #[rustfmt::skip]
    let cases: &[(&str, &[&str], &[&str])] = &[
        ("broken", &["target", "status", "error", "unique_inlinks", "linked_from", "anchors", "final_url", "is_new"], &[
            "/gone%20away|404||3|/ /a /c|Gone one | Gone two||",
            "/loop1||redirect loop|1|/|l|/loop1|",
            "/moved|404||1|/|m|/missing|",
        ]),
        ("redirects", &["url", "status", "unique_inlinks", "hops", "final_url", "final_status", "final_reason"], &[
            "/loop1|302|1|20|/loop1||redirect loop",
            "/moved|301|1|1|/missing|404|",
            "/old|301|1|2|/b|200|",
            "/loop2|302||20|/loop2||redirect loop",
            "/older|302||1|/b|200|",
        ]),
        ("chains", &["url", "loops", "hops", "final_url", "path"], &[
            "/loop1|1|||/loop1 -> /loop2 -> /loop1 -> /loop2 -> /loop1 -> /loop2 -> /loop1 -> /loop2 -> /loop1 -> /loop2",
            "/loop2|1|||/loop2 -> /loop1 -> /loop2 -> /loop1 -> /loop2 -> /loop1 -> /loop2 -> /loop1 -> /loop2 -> /loop1",
            "/old|0|2|/b|/old -> /older -> /b",
        ]),
        ("duplicates", &["copies", "title", "url"], &["2|Copy|/copy1", "2|Copy|/copy2"]),
        ("near-duplicates", &["url", "closest_match", "near_duplicates"], &["/near2|/near1|1", "/near1|/near2|1"]),
        ("orphans", &["url", "status", "sitemap"], &["/orphan|200|/sitemap.xml"]),
        ("canonicals", &["issue", "url", "claimed_canonical", "canonical_status"], &["broken|/c|/gone%20away|404"]),
        ("non-indexable", &["indexability_reason", "url"], &["canonical elsewhere|/c", "noindex|/noindex"]),
        ("hreflang", &["issue", "url", "lang", "alternate"], &["no return link|/en|de|/de"]),
        ("titles", &["issue", "title", "length", "copies", "url"], &[
            "missing||||/notitle",
            "duplicate|Copy|4|2|/copy1",
            "duplicate|Copy|4|2|/copy2",
            "too long|A title that goes on and on until nobody remembers how it began|63||/long",
        ]),
        ("descriptions", &["issue", "copies", "url"], &["missing||/notitle", "duplicate|2|/copy1", "duplicate|2|/copy2"]),
        ("h1", &["issue", "h1", "times", "url"], &["missing||0|/notitle", "duplicate|Copy|1|/copy1", "duplicate|Copy|1|/copy2"]),
        ("sitemaps", &["issue", "url", "status"], &["broken|/gone%20away|404"]),
        ("slow", &["url"], &["/slow"]),
        ("skipped", &["reason", "urls", "release", "example"], &[
            "external|1|crawlite resume FILE --check-external (or --scope domain, to crawl them)|http://other.invalid/",
            "robots|1|crawlite resume FILE --ignore-robots (only if the site is yours)|/private/x",
        ]),
        ("robots", &["robots_status", "rule", "disallowed", "example"], &["200|line 2: Disallow: /private/|1|/private/x"]),
        ("external", &["host", "urls", "inlinks", "checked", "broken"], &["other.invalid|1|1|0|"]),
        ("structured-data", &["format", "name", "pages"], &[
            "JSON-LD|(none)|15", "JSON-LD|(broken)|1", "JSON-LD|Article|1", "Microdata|Offer|1", "Microdata|Product|1", "Open Graph|(none)|15", "Open Graph|og:type|1",
        ]),
        ("structured-data-errors", &["url", "format", "position", "error"], &[
            "/orphan|json-ld|1|trailing comma at line 1 column 19, at: {\"@type\": \"Event\",}",
        ]),
        ("errors", &["url"], &[]),
        ("large", &["url"], &[]),
        ("traps", &["pattern"], &[]),
        ("needs-javascript", &["url"], &[]),
    ];
    for (name, columns, expected) in cases {
        let mut found = rows(&desk, &site, name, columns);
        // Most texts of this site are: see `tests/audit.rs`.
        found.retain(|row| !row.starts_with("too short"));
        assert_eq!(found, *expected, "{name}");
    }
    let depth = rows(&desk, &site, "depth", &["depth", "pages", "redirects", "broken"]);
    assert_eq!(depth, ["0|1|0|0", "1|20|5|2", "2|1|0|0", "|1|0|0"]);
    assert_eq!(rows(&desk, &site, "hosts", &["pages", "broken", "robots_status"]), ["23|2|200"]);
    let host = site.address.to_string();
    let polite =
        rows(&desk, &site, "politeness", &["host", "requests", "below_delay", "refusals", "why"]);
    assert_eq!(polite, [format!("{host}|25|0|0|no delay is set")]);
    let inlinks = rows(&desk, &site, "inlinks", &["url", "unique_inlinks"]);
    assert_eq!(inlinks[..2], ["/gone%20away|3", "/b|2"]);
    let summary = rows(&desk, &site, "summary", &["topic", "what", "count"]);
    for line in [
        "URLs|skipped: robots|1",
        "Pages|fetched or tried|23",
        "Pages|4xx client error|2",
        "HTML|indexable without title|1",
    ] {
        assert!(summary.contains(&line.to_owned()), "{line} is missing in {summary:?}");
    }
    let ranked = rows(&desk, &site, "pagerank", &["url", "link_score"]);
    assert_eq!(
        (ranked.len(), ranked[0].as_str()),
        (16, "/b|100"),
        "two pages and a chain lead to /b: {ranked:?}"
    );
}

#[test]
fn changes_are_those_between_two_crawls() {
    let later = Arc::default();
    let (site, desk) = (site(&later), Desk::new());
    crawl(&site, &desk);
    let alone = desk.run(&["report", "x.db", "changes"]);
    assert!(alone.err.contains("no finished crawl before this one"), "{}", alone.err);
    later.store(true, Ordering::Relaxed);
    crawl(&site, &desk);
    let gone: Vec<String> = [
        "/b", "/c", "/copy1", "/copy2", "/de", "/en", "/long", "/loop1", "/loop2", "/moved",
        "/near1", "/near2", "/noindex", "/notitle", "/old", "/older", "/slow",
    ]
    .map(|url| format!("gone|{url}|not met"))
    .into();
    let others = [
        "new|/new||200",
        "status|/flat|200|410",
        "title|/a|Title of a|Another title",
        "content|/|21 words|6 words",
        "content|/a|6 words|4 words",
        "links|/|19 links|4 links",
        "links|/a|2 links|1 links",
    ];
    let found = rows(&desk, &site, "changes", &["change", "url", "before", "after"]);
    let found_gone: Vec<String> = found
        .iter()
        .filter(|row| row.starts_with("gone"))
        .map(|row| row.replace("|200|", "|").replace("|301|", "|").replace("|302|", "|"))
        .collect();
    assert_eq!(found_gone, gone);
    let words = |row: &&String| !row.starts_with("gone");
    let found_others: Vec<&String> = found.iter().filter(words).collect();
    assert_eq!(found_others, others, "{found:?}");
    let broken = rows(&desk, &site, "broken", &["target", "is_new"]);
    assert_eq!(broken, ["/gone%20away|0", "/flat|1"]);
    let gated = desk.run(&["report", "x.db", "broken", "--fail-on", "new-broken"]);
    assert_eq!(gated.code, Some(2));
    assert!(gated.err.contains("FAILED  new-broken: 1 link target broken since"), "{}", gated.err);
    let earlier = desk.run(&["report", "x.db", "broken", "--crawl", "1", "--format", "jsonl"]);
    assert_eq!(earlier.out.lines().count(), 3, "{}", earlier.out);
}

#[test]
fn every_report_is_sql_that_any_sqlite_runs() {
    let later = Arc::default();
    let (site, desk) = (site(&later), Desk::new());
    crawl(&site, &desk);
    later.store(true, Ordering::Relaxed);
    crawl(&site, &desk);
    let listed = desk.run(&["report", "x.db", "--format", "json"]);
    let reports: Vec<Value> = serde_json::from_str(&listed.out).unwrap();
    assert!(reports.len() >= 27, "{}", reports.len());
    let has_tool =
        Command::new("sqlite3").arg("--version").output().is_ok_and(|ran| ran.status.success());
    let people = desk.run(&["report", "x.db"]).out;
    for report in &reports {
        let name = report["report"].as_str().unwrap();
        assert!(["problems", "facts"].contains(&report["group"].as_str().unwrap()), "{name}");
        assert!(
            people.contains(report["shows"].as_str().unwrap()),
            "{name} is not explained: {people}"
        );
        let sql = desk.run(&["report", "x.db", name, "--sql"]).out;
        assert!(sql.starts_with("\n-- "), "{name} would be taken for a flag");
        let count = report["rows"].as_u64().unwrap();
        assert_eq!(desk.rows("x.db", &sql).len() as u64, count, "{name}");
        let asked = desk.run(&["query", "x.db", &sql, "--format", "jsonl"]);
        assert_eq!(
            (asked.code, asked.out.lines().count() as u64),
            (Some(0), count),
            "{name}: {}",
            asked.err
        );
        let printed = desk.run(&["report", "x.db", name, "--format", "csv", "--limit", "1"]);
        assert!(printed.out.lines().count() as u64 <= 1 + count.min(1), "{name}: {}", printed.out);
        if has_tool {
            let ran = Command::new("sqlite3")
                .args(["-readonly", "-bail"])
                .arg(desk.path("x.db"))
                .arg(&sql)
                .output();
            let ran = Ran::from(ran.unwrap());
            assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{name}");
        }
    }
}

#[test]
fn gates_decide_the_exit_code_and_say_why() {
    let (site, desk) = (site(&Arc::default()), Desk::new());
    let url = site.url("/");
    let refused = desk.run(&["crawl", &url, "-o", "x.db", "--fail-on", "brokn"]);
    assert_eq!((refused.code, site.requests().len()), (Some(3), 0), "{}", refused.err);
    assert!(
        refused.err.contains("redirect-chains") && refused.err.contains("new-broken"),
        "{}",
        refused.err
    );
    let crawled = desk.run(&[
        "crawl",
        &url,
        "-o",
        "x.db",
        "--fail-on",
        "broken,traps",
        "--format",
        "json",
        "-q",
    ]);
    assert_eq!(crawled.code, Some(2), "{}", crawled.err);
    let summary: Value = serde_json::from_str(&crawled.out).unwrap();
    assert_eq!(summary["gates"][0]["count"], 3, "{summary}");
    assert_eq!(
        (&summary["gates"][0]["failed"], &summary["gates"][1]["failed"]),
        (&true.into(), &false.into())
    );
    assert!(crawled.err.contains("FAILED  broken: 3 broken link targets"), "{}", crawled.err);
    assert!(crawled.err.contains("/gone%20away (linked from 3 pages: "), "{}", crawled.err);
    #[rustfmt::skip]
    let cases: &[(&[&str], i32, &str)] = &[
        (&["--max-broken", "3"],                                   0, "passed  broken: 3 broken link targets, 3 allowed"),
        (&["--max-broken", "2"],                                   2, "FAILED  broken: 3 broken link targets, 2 allowed"),
        (&["--fail-on", "5xx,redirect-loops", "--max-broken", "9"], 2, "FAILED  redirect-loops: 2 redirect loops"),
        (&["--fail-on", "4xx"],                                    2, "FAILED  4xx: 2 link targets"),
        (&["--fail-on", "missing-titles"],                         2, "/notitle"),
        (&["--fail-on", "new-broken"],                             0, "no earlier finished crawl"),
        (&["--fail-on", "large,traps,needs-javascript"],           0, "passed  traps: 0 patterns"),
        (&["--junit", "x.xml"],                                    3, "--junit needs gates"),
        (&["--fail-on", "broken", "--junit", "no/such/x.xml"],     3, "there is no folder no/such"),
        (&["brokn"],                                               3, "did you mean `broken`?"),
        (&["--crawl", "7"],                                        3, "holds no crawl 7"),
        (&["--sql"],                                               3, "--sql needs the name of a report"),
    ];
    for (args, code, expected) in cases {
        let ran = desk.run(&[&["report", "x.db"], *args].concat());
        assert_eq!(ran.code, Some(*code), "{args:?}: {}", ran.err);
        assert!(ran.err.contains(expected), "{args:?}: `{expected}` is missing in {}", ran.err);
    }
    let limited = ["crawl", &url, "-o", "y.db", "--max-pages", "5", "-q", "--fail-on", "broken"];
    assert_eq!(desk.run(&limited).code, Some(2), "findings beat a limit");
    assert_eq!(
        desk.run(&["resume", "y.db", "-q", "--max-broken", "3", "--max-pages", "99"]).code,
        Some(0)
    );
}

#[test]
fn ci_servers_are_told_in_their_own_words() {
    let (site, desk) = (site(&Arc::default()), Desk::new().with_env("GITHUB_ACTIONS", "true"));
    crawl(&site, &desk);
    let ran = desk.run(&[
        "report",
        "x.db",
        "--fail-on",
        "broken,duplicates,traps",
        "--junit",
        "x.xml",
        "-q",
    ]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    let annotation =
        ran.err.lines().find(|line| line.starts_with("::error title=crawlite broken::")).unwrap();
    let first = format!("3 broken link targets%0A404 {}gone%2520away (linked", site.url("/"));
    assert!(annotation.contains(&first), "{annotation}");
    assert_eq!(ran.err.matches("::error").count(), 2, "{}", ran.err);
    let xml = std::fs::read_to_string(desk.path("x.xml")).unwrap();
    assert_eq!(elements(&xml, "testcase"), 3, "{xml}");
    assert_eq!(elements(&xml, "failure"), 2, "{xml}");
    assert!(
        xml.contains(r#"tests="3" failures="2" errors="0""#) && xml.contains("/gone%20away"),
        "{xml}"
    );
    let nobody = [
        "crawl",
        "http://127.0.0.1:9/",
        "-o",
        "y.db",
        "-q",
        "--fail-on",
        "broken",
        "--junit",
        "y.xml",
    ];
    let ran = desk.run(&nobody);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    assert!(
        ran.err.contains("Gates not judged, since no seed gave an answer: broken"),
        "{}",
        ran.err
    );
    assert_eq!(elements(&std::fs::read_to_string(desk.path("y.xml")).unwrap(), "error"), 1);
}

#[test]
fn what_is_left_out_names_the_flag_that_the_summary_names() {
    let home = "<a rel=nofollow href=/n>n</a> <img src=/i.png> <a href=http://other.invalid/>o</a>";
    let (site, desk) = (Site::of(&[("/", page("Home", home))]), Desk::new());
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    for (reason, flag) in
        [("external", "--check-external"), ("asset", "--assets"), ("nofollow", "--follow-nofollow")]
    {
        assert!(ran.err.contains(flag), "{}", ran.err);
        let sql = format!("SELECT release FROM skipped WHERE reason = '{reason}'");
        let release = desk.rows("x.db", &sql);
        let said = format!("crawlite resume FILE {flag}");
        assert!(release.iter().all(|it| it.starts_with(&said)), "{reason}: {release:?}");
        assert_eq!(release.len(), 1, "{reason}");
    }
}

#[test]
fn a_robots_txt_that_is_not_there_is_no_broken_page_of_its_host() {
    let (site, desk) = (Site::of(&[("/", page("Home", "<a href=/gone>g</a>"))]), Desk::new());
    crawl(&site, &desk);
    let columns = ["pages", "broken", "no_answer", "robots_status"];
    assert_eq!(rows(&desk, &site, "hosts", &columns), ["2|1|0|404"]);
}

/// How many elements of that name well-formed XML has.
fn elements(xml: &str, name: &str) -> usize {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(xml);
    let mut count = 0;
    loop {
        match reader.read_event().unwrap() {
            Event::Start(tag) | Event::Empty(tag) => {
                assert!(tag.attributes().all(|attribute| attribute.is_ok()), "{xml}");
                count += usize::from(tag.name().as_ref() == name);
            }
            Event::Eof => return count,
            _ => {}
        }
    }
}

#[test]
fn what_a_stopped_crawl_left_undone_is_made_when_it_is_needed() {
    let (site, desk) = (site(&Arc::default()), Desk::new());
    crawl(&site, &desk);
    let asked = |desk: &Desk| desk.run(&["report", "x.db", "broken", "--format", "csv"]);
    let before = asked(&desk);
    let db = tokio_rusqlite::rusqlite::Connection::open(desk.path("x.db")).unwrap();
    db.execute_batch("DROP INDEX link_target; DELETE FROM inlink; DROP VIEW all_skipped").unwrap();
    db.close().unwrap();
    let lock = OwnerLock::take(&desk.path("x.db")).unwrap().unwrap();
    let meanwhile = asked(&desk);
    assert_eq!(meanwhile.code, Some(0), "{}", meanwhile.err);
    assert!(
        meanwhile.err.contains("x.db is in use, so its links are not indexed"),
        "{}",
        meanwhile.err
    );
    assert_eq!(meanwhile.out.lines().count(), before.out.lines().count(), "{}", meanwhile.out);
    lock.release();
    let made = asked(&desk);
    assert_eq!((made.err.as_str(), &made.out), ("", &before.out), "nobody waits for so few links");
    let again = asked(&desk);
    assert_eq!((again.err.as_str(), again.out), ("", before.out));
    assert_eq!(desk.run(&["report", "x.db", "skipped"]).code, Some(0), "views are made anew, too");
    assert_eq!(std::fs::read_dir(desk.folder.path()).unwrap().count(), 1, "one file is left");
}
