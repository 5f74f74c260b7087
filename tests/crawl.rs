//! A crawl finds every page, asks for each once, and says why it left out the others.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use site::{Answer, Desk, Site};

/// A small site with one of everything.
fn small_site() -> Site {
    Site::of(&[
        ("/robots.txt", Answer::new(200, "text/plain", b"User-agent: *\nDisallow: /private/\n")),
        (
            "/",
            Answer::html(
                "<title>Home</title><a href=/a>to a</a> <a href='/b#x'>to b</a> <a href=/private/x>p</a>
                 <a href=http://other.invalid/y>o</a> <a href=mailto:a@b.c>m</a> <img src=/i.png alt=pic>
                 <a href=/old>old</a> <a rel=nofollow href=/nf>n</a> <a href=/gone>g</a>",
            ),
        ),
        ("/a", Answer::html("<title>A</title><a href=/b>b</a><a href=/>home</a><a href=/deep>d</a>")),
        ("/b", Answer::html("<title>B</title>")),
        ("/deep", Answer::html("<title>Deep</title><a href=/deeper>d</a>")),
        ("/deeper", Answer::html("<title>Deeper</title>")),
        ("/old", Answer::redirect(301, "/b2")),
        ("/b2", Answer::redirect(302, "b")),
        ("/only-in-sitemap", Answer::html("<title>Orphan</title>")),
        (
            "/sitemap.xml",
            Answer::new(
                200,
                "application/xml",
                b"<urlset><url><loc>/only-in-sitemap</loc><lastmod>2026-01-01</lastmod></url></urlset>",
            ),
        ),
    ])
}

#[test]
fn every_page_is_fetched_once_and_every_other_url_has_a_reason() {
    let (site, desk) = (small_site(), Desk::new());
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let files: Vec<_> = std::fs::read_dir(desk.folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "a clean end leaves exactly one file");
    assert_eq!(
        site.paths(),
        ["/", "/a", "/b", "/b2", "/deep", "/deeper", "/gone", "/old", "/only-in-sitemap"]
    );
    assert_eq!(site.requests()[0].path, "/robots.txt", "robots.txt comes first");

    let local = format!("replace(url, '{}', '')", site.url(""));
    assert_eq!(
        desk.rows("x.db", &format!("SELECT {local}, reason, detail FROM skipped ORDER BY 1")),
        [
            "/i.png|asset|img",
            "/nf|nofollow|rel=nofollow",
            "/private/x|robots|line 2: Disallow: /private/",
            "http://other.invalid/y|external|other.invalid",
            "mailto:a@b.c|scheme|mailto",
        ]
    );
    assert_eq!(
        desk.rows("x.db", &format!("SELECT {local}, status, depth, title FROM pages ORDER BY 1")),
        [
            "/|200|0|Home",
            "/a|200|1|A",
            "/b|200|1|B",
            "/b2|302|1|",
            "/deep|200|2|Deep",
            "/deeper|200|3|Deeper",
            "/gone|404|1|",
            "/old|301|1|",
            "/only-in-sitemap|200||Orphan",
        ]
    );
    let chain = format!(
        "SELECT replace(final_url, '{}', ''), hops, loops, final_status FROM redirect_chains ORDER BY hops DESC",
        site.url("")
    );
    assert_eq!(desk.rows("x.db", &chain), ["/b|2|0|200", "/b|1|0|200"]);
    assert_eq!(
        desk.rows("x.db", "SELECT anchor, fragment FROM links WHERE fragment IS NOT NULL"),
        ["to b|x"]
    );
    assert_eq!(desk.rows("x.db", "SELECT count(*) FROM orphans"), ["1"]);
    assert_eq!(desk.rows("x.db", "SELECT count(*) FROM broken_links"), ["1"]);
    assert_eq!(desk.rows("x.db", "PRAGMA foreign_key_check"), Vec::<String>::new());
}

#[test]
fn a_second_crawl_finds_everything_again_and_keeps_unchanged_versions() {
    let (site, desk) = (small_site(), Desk::new());
    for _ in 0..2 {
        assert_eq!(desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q"]).code, Some(0));
    }
    assert_eq!(
        desk.rows("x.db", "SELECT crawl_id, count(*) FROM all_pages GROUP BY 1"),
        ["1|9", "2|9"]
    );
    assert_eq!(desk.rows("x.db", "SELECT count(*) FROM page"), ["6"], "one version of each page");
    assert_eq!(
        desk.rows(
            "x.db",
            "SELECT count(DISTINCT n) FROM (SELECT count(*) AS n FROM all_links GROUP BY crawl_id)"
        ),
        ["1"]
    );
}

#[test]
fn limits_are_exact_and_a_raised_one_goes_on() {
    let desk = Desk::new();
    let links: String = (0..50).map(|n| format!("<a href=/{n}>x</a>")).collect();
    let site = Site::start(move |_, _| Some(Answer::html(&links)));
    let ran =
        desk.run(&["crawl", &site.url("/"), "-o", "x.db", "--max-pages", "20", "--no-sitemaps"]);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    assert!(ran.err.contains("crawlite resume x.db --max-pages 200"), "{}", ran.err);
    assert_eq!(site.paths().len(), 20);
    let ran = desk.run(&["resume", "x.db", "--max-pages", "200"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("Changed: limits.pages: 20 -> 200"), "{}", ran.err);
    let mut paths = site.paths();
    paths.dedup();
    assert_eq!((site.paths().len(), paths.len()), (51, 51), "nothing is asked for twice");
}

#[test]
fn a_loosened_rule_releases_what_it_held_and_nothing_is_fetched_again() {
    let other = Site::start_at("127.0.0.2", |_, _| Some(Answer::html("<title>other</title>")));
    let there = other.url("/there");
    let image = other.url("/image.png");
    let site = Site::start(move |request, _| match &*request.path {
        "/" => {
            Some(Answer::html(&format!("<a href=/1>1</a><a href={there}>o</a><img src={image}>")))
        }
        "/1" => Some(Answer::html("<a href=/2>2</a>")),
        "/2" => Some(Answer::html("<a href=/3>3</a>")),
        _ => None,
    });
    let desk = Desk::new();
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-d", "1", "--no-sitemaps"]);
    assert_eq!(
        (ran.code, site.paths()),
        (Some(0), vec!["/".to_owned(), "/1".to_owned()]),
        "{}",
        ran.err
    );
    let ran = desk.run(&["resume", "x.db", "-d", "2"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("1 URL more to fetch"), "{}", ran.err);
    assert_eq!(site.paths(), ["/", "/1", "/2"]);
    let wider = ["resume", "x.db", "--scope", "any", "--allow-private", "127.0.0.0/8", "-q"];
    assert_eq!(desk.run(&wider).code, Some(0));
    assert_eq!(site.paths(), ["/", "/1", "/2"], "nothing is fetched again");
    assert_eq!(other.paths(), ["/there"], "an image is still an asset");
    let aside = "SELECT reason, count(*) FROM skipped GROUP BY 1 ORDER BY 1";
    assert_eq!(desk.rows("x.db", aside), ["asset|1", "depth|1"]);
}

#[test]
fn depth_does_not_depend_on_which_way_was_faster() {
    // The short way to /end is slow, the long one fast: /end is met at depth 4 first.
    let page = |href: &str| Answer::html(&format!("<a href={href}>x</a>"));
    let slow = std::time::Duration::from_millis(400);
    let site = Site::of(&[
        ("/", Answer::html("<a href=/slow>s</a><a href=/1>l</a>")),
        ("/slow", page("/end").after(slow)),
        ("/1", page("/2")),
        ("/2", page("/3")),
        ("/3", page("/end")),
        ("/end", page("/after")),
        ("/after", page("/beyond")),
    ]);
    let desk = Desk::new();
    let ran = desk.run(&[
        "crawl",
        &site.url("/"),
        "-o",
        "x.db",
        "-d",
        "3",
        "--per-host",
        "8",
        "--no-sitemaps",
        "-q",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let depths =
        format!("SELECT replace(url, '{}', ''), depth, state FROM urls ORDER BY 1", site.url(""));
    assert_eq!(
        desk.rows("x.db", &depths),
        [
            "/|0|done",
            "/1|1|done",
            "/2|2|done",
            "/3|3|done",
            "/after|3|done",
            "/beyond|4|aside",
            "/end|2|done",
            "/slow|1|done"
        ]
    );
}

#[test]
fn transient_failures_are_tried_again_and_the_rest_is_not() {
    let site = Site::start(|request, before| match &*request.path {
        "/" => Some(Answer::html("<a href=/flaky>f</a><a href=/down>d</a><a href=/no>n</a>")),
        "/flaky" if before == 0 => Some(Answer::status(503).with("Retry-After", "1")),
        "/flaky" => Some(Answer::html("<title>ok</title>")),
        "/down" => Some(Answer::status(500)),
        _ => None,
    });
    let desk = Desk::new();
    let ran =
        desk.run(&["crawl", &site.url("/"), "-o", "x.db", "--retries", "1", "--no-sitemaps", "-q"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(site.paths(), ["/", "/down", "/down", "/flaky", "/flaky", "/no"]);
    let pages = format!(
        "SELECT replace(url, '{}', ''), status, attempts FROM pages ORDER BY 1",
        site.url("")
    );
    assert_eq!(desk.rows("x.db", &pages), ["/|200|1", "/down|500|2", "/flaky|200|2", "/no|404|1"]);
}
