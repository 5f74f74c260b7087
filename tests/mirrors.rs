//! Hosts that show the same pages are crawled once, and no page is lost by it.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crawlite::canonical::CanonicalUrl;
use crawlite::config::Config;
use crawlite::engine::record::{Depth, Kind, Moment, OriginId, PendingRow, Record, Reply, UrlId};
use crawlite::engine::{Action, Engine, Event, Known, Loaded, LoadedOrigin, Settings};
use crawlite::hash::UrlHasher;
use crawlite::robots::Rules;
use crawlite::scope::Scope;
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

/// An engine that goes on with a page of www, which is known to show what the bare name shows.
fn with_a_page_of_a_mirror(page: &CanonicalUrl, seeds: &[CanonicalUrl], now: Moment) -> Engine {
    let Config { scope, politeness, limits, .. } = Config::default();
    let hasher = UrlHasher::new([7; 16]);
    let mut known = Known::default();
    known.load_standing(UrlId(1), hasher.hash(page.as_str()), Depth::new(1), 0);
    let origin = |name: &str, pending, mirror_of| LoadedOrigin {
        name: name.into(),
        pending,
        rules: Some((Rules::allow_all(), Duration::ZERO)),
        hold_until: None,
        is_external: false,
        mirror_of,
    };
    let twins = [
        origin("http://example.test", 0, None),
        origin("http://www.example.test", 1, Some(OriginId(1))),
    ];
    let loaded = Loaded { known, origins: twins.into(), ..Loaded::default() };
    let scope = Arc::new(Scope::new(&scope, seeds).unwrap());
    let settings = Settings {
        concurrency: 4,
        retries: 0,
        sitemaps: false,
        mirrors: false,
        politeness,
        limits,
    };
    Engine::new(settings, scope, hasher, loaded, now)
}

#[test]
fn what_a_url_of_a_mirror_stands_for_is_known_before_that_url_is_set_aside() {
    let page = CanonicalUrl::parse("http://www.example.test/only-here").unwrap();
    let seeds = [CanonicalUrl::parse("http://example.test/").unwrap()];
    let mut now = Moment { at: Instant::now(), unix_ms: 0 };
    let mut engine = with_a_page_of_a_mirror(&page, &seeds, now);
    let row = PendingRow {
        id: UrlId(1),
        url: page,
        kind: Kind::Page,
        depth: Depth::new(1),
        hops: 0,
        attempts: 0,
        not_before: None,
        revisit: false,
    };
    let mut actions = engine.on(Event::Begin(Vec::new()), now);
    let rows = Reply::Refilled { origin: OriginId(2), rows: vec![row], more: false };
    actions.extend(engine.on(Event::Replied(rows), now));
    let asked = actions.iter().find_map(|action| match action {
        Action::LookUp(server, _) => Some(*server),
        _ => None,
    });
    actions.extend(engine.on(Event::LookedUp(asked.unwrap(), None), now));
    now.at += Duration::from_mins(1);
    actions.extend(engine.on(Event::Tick, now));
    let position = |is_it: &dyn Fn(&Record) -> bool| {
        let is_it = |action: &Action| matches!(action, Action::Write(record) if is_it(record));
        actions.iter().position(is_it).unwrap()
    };
    let twin = "http://example.test/only-here";
    let met = position(&|record| match record {
        Record::Met(met) => {
            met.urls.iter().any(|url| url.new.as_ref().is_some_and(|(text, _)| **text == *twin))
        }
        _ => false,
    });
    let refused = position(&|record| matches!(record, Record::Refused(UrlId(1), _)));
    assert!(met < refused, "whoever dies between the two must not lose the page: {actions:?}");
}
