//! What is wrong with a site's sitemaps is recorded, and shown where people look.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use site::{Answer, Desk, Site};

fn xml(body: &str) -> Answer {
    Answer::new(200, "application/xml", body.as_bytes())
}

fn gzipped(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

/// A sitemap of these entries, a line each.
fn urlset(entries: &[&str]) -> String {
    format!("<urlset>\n{}\n</urlset>", entries.join("\n"))
}

const PROBLEMS: &str = "SELECT replace(sitemap, '{}', ''), problem, line, byte, replace(detail, '{}', '') FROM sitemap_problems ORDER BY 1, 2, 3";

fn problems(desk: &Desk, site: &Site) -> Vec<String> {
    desk.rows("x.db", &PROBLEMS.replace("{}", &site.url("")))
}

#[test]
fn each_problem_is_a_row_that_says_where() {
    let mut many = String::from("<urlset>");
    (0..50_010).for_each(|n| many.push_str(&format!("<url><loc>/x{n}</loc></url>\n")));
    let damaged = gzipped(urlset(&["<url><loc>/d</loc></url>"].repeat(900)).as_bytes());
    let damaged = damaged[..damaged.len() / 2].to_vec();
    let names = [
        "bad.xml",
        "gone.xml",
        "page",
        "many.xml",
        "host.xml",
        "odd.xml",
        "gzip.xml.gz",
        "index.xml",
        "shut/map.xml",
        "moved.xml",
        "good.xml",
        "bom.xml",
        "slow.xml",
    ];
    let robots = names.map(|name| format!("Sitemap: /{name}\n")).concat()
        + "Sitemap: http://elsewhere.invalid/map.xml\nUser-agent: *\nDisallow: /shut\nDisallow: /x\n";
    let site = Site::start(move |request, _| {
        Some(match &*request.path {
            "/robots.txt" => Answer::new(200, "text/plain", robots.as_bytes()),
            "/" => Answer::html("<p>home"),
            "/good.xml" => xml(&urlset(&[
                "<url><loc>/</loc><lastmod>2026-01-02T03:04:05.6+01:00</lastmod></url>",
            ])),
            "/bad.xml" => xml("<urlset>\n<url><loc>/1</loc></url>\n <!oops>\n</urlset>"),
            "/bom.xml" => xml("\u{FEFF}<urlset>\n<url></url>\n</urlset>"),
            "/page" => Answer::html("<p>No such page, but here is our home page"),
            "/many.xml" => xml(&many),
            "/host.xml" => xml(&urlset(&[
                "<url><loc>/1</loc></url>",
                "<url><loc>http://elsewhere.invalid/a</loc></url>",
                "<url><loc>https://elsewhere.invalid/b</loc></url>",
            ])),
            "/odd.xml" => xml(&urlset(&[
                "<url><loc>mailto:a@b.c</loc></url>",
                "<url><loc>/1</loc><lastmod>yesterday</lastmod></url>",
                "<url><loc>http://[/</loc><lastmod>2026-13-01</lastmod></url>",
                "<url></url>",
            ])),
            "/gzip.xml.gz" => Answer::new(200, "application/gzip", &damaged),
            "/index.xml" => {
                xml("<sitemapindex><sitemap><loc>/part.xml</loc></sitemap></sitemapindex>")
            }
            "/part.xml" => Answer::status(500),
            "/moved.xml" => Answer::redirect(301, "/page2"),
            "/page2" => Answer::html("<p>moved"),
            "/slow.xml" => xml("").after(std::time::Duration::from_secs(3)),
            _ => return None,
        })
    });
    let desk = Desk::new();
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "--retries", "0", "-t", "1s"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    #[rustfmt::skip]
    assert_eq!(problems(&desk, &site), [
        "/bad.xml|syntax|3|35|syntax error: unknown or missed symbol in markup",
        "/bom.xml|entry|2|12|an entry without a URL",
        "/gone.xml|not-found|||answers 404; robots.txt names it",
        "/gzip.xml.gz|gzip|||only 8192 bytes could be unzipped",
        "/host.xml|other-host|3||2 of 3 URLs are on another host, the first is http://elsewhere.invalid/a",
        "/many.xml|too-many|50001|1488898|more than 50000 URLs; the rest is not read",
        "/odd.xml|entry|5|158|an entry without a URL",
        "/odd.xml|lastmod|3||2 of 3 lastmod are no dates, the first is yesterday",
        "/odd.xml|not-a-url|2||2 of 3 are no URLs that can be fetched, the first is mailto:a@b.c",
        "/page|html|||an HTML page, not a sitemap; robots.txt names it",
        "/page2|html|||an HTML page, not a sitemap; the sitemap /moved.xml leads there",
        "/part.xml|not-found|||answers 500; the sitemap /index.xml names it",
        "/shut/map.xml|not-read|||robots: line 16: Disallow: /shut",
        "/slow.xml|no-answer|||timeout; robots.txt names it",
        "http://elsewhere.invalid/map.xml|not-read|||external: elsewhere.invalid",
    ]);
    assert!(ran.err.contains("Sitemaps"), "{}", ran.err);
    assert!(ran.err.contains("15 problems: crawlite report x.db sitemaps"), "{}", ran.err);
    let report = desk.run(&["report", "x.db", "sitemaps", "--format", "jsonl"]);
    assert!(report.out.contains("more than 50000 URLs"), "{}", report.out);
    assert!(report.out.contains("/gone.xml"), "{}", report.out);
    let maps = "SELECT count(*), sum(urls), sum(problems) FROM sitemaps";
    assert_eq!(desk.rows("x.db", maps), ["17|50010|15"]);
}

#[test]
fn a_site_without_a_sitemap_has_no_problem_with_it() {
    for answer in [
        Answer::status(404),
        Answer::html("<p>not found, with status 200"),
        Answer::redirect(302, "/login"),
    ] {
        let site = Site::of(&[
            ("/", Answer::html("<p>home")),
            ("/login", Answer::html("<p>log in")),
            ("/sitemap.xml", answer),
        ]);
        let desk = Desk::new();
        let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db"]);
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        assert_eq!(problems(&desk, &site), [""; 0]);
        assert!(!ran.err.contains("problem"), "{}", ran.err);
    }
}

#[test]
fn what_was_read_only_in_part_is_said() {
    let entry = "<url><loc>/1</loc></url>\n".repeat(500);
    let site = Site::start(move |request, _| {
        (request.path == "/sitemap.xml")
            .then(|| xml(&format!("<urlset>{entry}")))
            .or((request.path == "/").then(|| Answer::html("<p>x")))
    });
    let desk = Desk::new();
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "--max-body", "4KiB"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let found = problems(&desk, &site);
    assert_eq!(
        found[0], "/sitemap.xml|too-large|||only the first 4096 bytes were read: --max-body",
        "{found:?}"
    );
}
