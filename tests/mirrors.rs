//! Hosts that show the same pages are crawled once, and no page is lost by it.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use site::{Answer, Desk, Site};

/// Plays every host by being the proxy: www and the bare name show the same pages;
/// `/extra` is only ever named at www.
fn twins() -> Site {
    Site::start(|request, _| {
        let url = request.path.strip_prefix("http://")?;
        let (host, path) = url.split_at(url.find('/')?);
        if !matches!(host, "example.test" | "www.example.test") {
            return None;
        }
        match path {
            "/" => Some(Answer::html(&format!(
                "<h1>Home</h1>{}<a href=http://www.example.test/>www</a>",
                (0..30).map(|n| format!("<a href=/{n}>{n}</a>")).collect::<String>()
            ))),
            "/29" => Some(Answer::html("<p>last <a href=http://www.example.test/extra>w</a>")),
            "/extra" => Some(Answer::html("<p>named at www only")),
            path if path[1..].parse::<u32>().is_ok() => {
                Some(Answer::html(&format!("<p>page {path}")))
            }
            _ => None,
        }
    })
}

fn crawl(more: &[&str]) -> (Desk, Vec<String>) {
    let (site, desk) = (twins(), Desk::new());
    let proxy = site.url("");
    let fixed = ["crawl", "http://example.test/", "-o", "x.db", "-q", "--delay", "0", "-x", &proxy];
    let ran = desk.run(&[&fixed, more].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let mut asked = site.paths();
    asked.retain(|url| !url.contains("/robots.txt") && !url.contains("/sitemap.xml"));
    (desk, asked)
}

#[test]
fn a_mirror_is_set_aside_and_what_only_it_names_is_found() {
    let (desk, asked) = crawl(&[]);
    let www: Vec<_> = asked.iter().filter(|url| url.contains("//www.")).collect();
    assert!(www.len() <= 6, "few pages show that www is a mirror: {www:?}");
    let sql = "SELECT count(DISTINCT replace(url, '//www.', '//')) FROM pages WHERE status = 200";
    assert_eq!(desk.rows("x.db", sql), ["32"], "every page, whichever host shows it");
    let aside = desk.rows("x.db", "SELECT DISTINCT reason, detail FROM skipped");
    assert_eq!(aside, ["mirror|the same pages as http://example.test"]);
    let hosts = desk.rows("x.db", "SELECT host, mirror_of FROM hosts ORDER BY 1");
    assert_eq!(hosts, ["http://example.test|", "http://www.example.test|http://example.test"]);
}

#[test]
fn mirrors_are_fetched_each_for_itself_on_request() {
    let (_, asked) = crawl(&["--set", "scope.mirrors=true"]);
    assert_eq!(asked.iter().filter(|url| url.contains("//www.")).count(), 32);
}
