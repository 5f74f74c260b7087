//! Hosts that show the same pages are crawled once, and no page is lost by it.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use site::raw::{NOT_FOUND, Raw};
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

/// http and https, www and the bare name: four origins that show the same, without a
/// redirect between them; each page leads to the same page of all others.
fn four_origins() -> Raw {
    Raw::proxy(|url| {
        let rest = url.split_once("://").unwrap().1.trim_start_matches("www.");
        let path = rest.strip_prefix("example.test").unwrap_or_default();
        let links: String = match path {
            "/" => (0..30).map(|n| format!("<a href=/{n}>{n}</a>")).collect(),
            _ if path[1..].parse::<u32>().is_ok() => String::new(),
            _ => return NOT_FOUND.to_vec(),
        };
        let origins = ["http://", "https://", "http://www.", "https://www."]
            .map(|origin| format!("<a href={origin}example.test{path}>o</a>"));
        let head = "HTTP/1.1 200 X\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n";
        format!("{head}<p>page {path} {links}{}", origins.concat()).into_bytes()
    })
}

#[test]
fn of_http_https_and_www_one_is_crawled() {
    for seed in ["http://example.test/", "https://www.example.test/"] {
        let (proxy, desk) = (four_origins(), Desk::new());
        let address = proxy.url("http", "");
        let flags = ["-o", "x.db", "-q", "--delay", "0", "--no-sitemaps", "-k", "-x", &address];
        let ran = desk.run(&[&["crawl", seed], &flags[..]].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let mut asked = proxy.paths();
        asked.retain(|url| !url.ends_with("/robots.txt"));
        let (own, others): (Vec<_>, Vec<_>) = asked.iter().partition(|url| url.starts_with(seed));
        assert_eq!(own.len(), 31, "every page of {seed}");
        assert!(others.len() <= 3 * 6, "few show that the others are mirrors: {others:?}");
        let aside = format!(
            "SELECT DISTINCT reason, detail FROM skipped WHERE detail <> 'the same pages as {}'",
            seed.trim_end_matches('/')
        );
        assert_eq!(desk.rows("x.db", &aside), [""; 0], "{seed}");
        let mirrors = "SELECT count(*) FROM hosts WHERE mirror_of IS NOT NULL";
        assert_eq!(desk.rows("x.db", mirrors), ["3"], "{seed}");
    }
}
