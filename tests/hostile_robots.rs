//! Whatever a robots.txt or a sitemap is, the crawl goes on with what is readable of it, and ends.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::time::Duration;

use site::raw::{Raw, Wire, drip, flood, hang};
use site::watched::Watched;
use site::{Answer, Desk, Site, bombs};

const PATIENCE: Duration = Duration::from_mins(1);
/// Most memory of one of these crawls, in MiB.
const MEMORY: u64 = 200;

/// How long the slow ones wait between two bytes.
const DRIP: Duration = Duration::from_millis(50);

/// Links to `/a` and `/no`, and ends the connection.
const PAGE: &[u8] = b"HTTP/1.1 200 X\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<a href=/a>a</a><a href=/no>n</a>";
const OK: &[u8] = b"HTTP/1.1 200 X\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n";
const RULES: &[u8] = b"User-agent: *\nDisallow: /no\n";

/// What a server answers when it is asked for robots.txt.
type Robots = fn(&mut dyn Wire) -> std::io::Result<()>;

fn crawl(desk: &Desk, url: &str, more: &[&str]) -> Watched {
    let flags = ["--retries", "0", "--set", "politeness.max_wait=1s"];
    let args = [&["crawl", url, "-o", "x.db", "-q", "--fresh"], &flags[..], more].concat();
    let watched = desk.watch(&args, PATIENCE);
    assert!(watched.peak_mib <= MEMORY, "{url}: {} MiB", watched.peak_mib);
    watched
}

fn send(wire: &mut dyn Wire, parts: &[&[u8]]) -> std::io::Result<()> {
    parts.iter().try_for_each(|part| wire.write_all(part))
}

fn coded(wire: &mut dyn Wire, coding: &str, body: &[u8]) -> std::io::Result<()> {
    let head = format!("HTTP/1.1 200 X\r\nContent-Encoding: {coding}\r\nConnection: close\r\n\r\n");
    send(wire, &[head.as_bytes(), body])
}

#[test]
fn robots_txt_is_read_as_far_as_it_goes() {
    #[rustfmt::skip]
    let rows: &[(&str, Robots, i32, &str)] = &[
        // what                        the answer                                                                    exit, pages asked for
        ("rules, then 10 MiB",         |wire| send(wire, &[OK, RULES, &b"Disallow: /zzzzzzzz\n".repeat(500_000)]),   0, "/ /a"),
        ("512 KiB, then rules",        |wire| send(wire, &[OK, &vec![b'#'; 600_000], b"\n", RULES]),                 0, "/ /a /no"),
        ("rules, then no end",         |wire| { send(wire, &[OK, RULES])?; flood(wire, b"Disallow: /zz\n") },        0, "/ /a"),
        ("one line without an end",    |wire| { send(wire, &[OK])?; flood(wire, b"Disallow: ") },                    0, "/ /a /no"),
        ("a bomb",                     |wire| coded(wire, "gzip", &[bombs::gzip_of(RULES), bombs::gzip(1024)].concat()), 0, "/ /a"),
        ("a coding nobody knows",      |wire| coded(wire, "rot13", RULES),                                           0, "/ /a /no"),
        ("zeros and escapes",          |wire| send(wire, &[OK, &[0; 4096], b"\x1b[2J\n", RULES]),                    0, "/ /a"),
        ("UTF-16",                     |wire| send(wire, &[OK, b"\xff\xfeU\0s\0e\0r\0"]),                            0, "/ /a /no"),
        ("a page",                     |wire| send(wire, &[PAGE]),                                                   0, "/ /a /no"),
        ("a redirect to itself",       |wire| send(wire, &[b"HTTP/1.1 301 X\r\nLocation: /robots.txt\r\nConnection: close\r\n\r\n"]), 0, "/ /a /no"),
        ("a redirect to a file",       |wire| send(wire, &[b"HTTP/1.1 301 X\r\nLocation: file:///etc/passwd\r\nConnection: close\r\n\r\n"]), 0, "/ /a /no"),
        ("a redirect without a place", |wire| send(wire, &[b"HTTP/1.1 301 X\r\nConnection: close\r\n\r\n"]),         0, "/ /a /no"),
        ("status 999",                 |wire| send(wire, &[b"HTTP/1.1 999 X\r\nConnection: close\r\n\r\n"]),         4, ""),
        ("nothing",                    |_| Ok(()),                                                                   1, ""),
        ("garbage",                    |wire| send(wire, &[&[0xff; 999]]),                                           1, ""),
        ("no answer",                  |wire| hang(wire),                                                            1, ""),
        ("a dripping head",            |wire| { send(wire, &[b"HTTP/1.1 200 "])?; drip(wire, b"X", DRIP) }, 1, ""),
        ("a dripping body",            |wire| { send(wire, &[OK])?; drip(wire, b"#", DRIP) },   1, ""),
        ("503 for ever",               |wire| send(wire, &[b"HTTP/1.1 503 X\r\nRetry-After: 99999999999999999999\r\nConnection: close\r\n\r\n"]), 4, ""),
        ("a day between requests",     |wire| send(wire, &[OK, b"User-agent: *\nCrawl-delay: 1e300\n"]),             4, ""),
    ];
    let check = |(what, robots, code, expected): &(&str, Robots, i32, &str)| {
        let robots = *robots;
        let server = Raw::with_robots(move |path, wire| match path {
            "/robots.txt" => robots(wire),
            _ => send(wire, &[PAGE]),
        });
        let desk = Desk::new();
        let watched = crawl(&desk, &server.url("http", "/"), &["--no-sitemaps", "-t", "3s"]);
        watched.report(&format!("robots.txt: {what}"));
        let mut paths = server.paths();
        paths.sort();
        let is_right = (watched.ran.code, &*paths.join(" ")) == (Some(*code), *expected);
        let found = || format!("{what}: {:?}, {paths:?}, {}", watched.ran.code, watched.ran.err);
        (!is_right).then(found)
    };
    assert_eq!(at_once(rows, check), Vec::<String>::new());
}

/// What `check` finds wrong, with all rows at once.
fn at_once<T: Sync>(rows: &[T], check: impl Fn(&T) -> Option<String> + Sync) -> Vec<String> {
    std::thread::scope(|scope| {
        let running: Vec<_> = rows.iter().map(|row| scope.spawn(|| check(row))).collect();
        running.into_iter().filter_map(|row| row.join().unwrap()).collect()
    })
}

/// A sitemap of these URLs.
fn urlset(urls: impl Iterator<Item = String>) -> Vec<u8> {
    let entries: String = urls.map(|url| format!("<url><loc>{url}</loc></url>")).collect();
    format!("<urlset>{entries}</urlset>").into_bytes()
}

fn laughs() -> Vec<u8> {
    let entity = |n: u32| format!("<!ENTITY l{} \"{}\">", n + 1, format!("&l{n};").repeat(10));
    let entities: String = (0..12).map(entity).collect();
    let doctype = format!(
        "<!DOCTYPE x [<!ENTITY l0 \"ha\">{entities}<!ENTITY f SYSTEM \"file:///etc/passwd\">]>"
    );
    let urls = "<urlset><url><loc>/&l12;</loc></url><url><loc>/&f;</loc></url><url><loc>/a</loc></url></urlset>";
    [doctype, urls.to_owned()].concat().into_bytes()
}

#[test]
fn a_sitemap_is_read_as_far_as_it_goes() {
    let a_only = || urlset(["/a".to_owned()].into_iter());
    let utf16: Vec<u8> = "\u{feff}<urlset><url><loc>/a</loc></url>"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let attributes: String = (0..40_000).map(|n| format!(" a{n}='x'")).collect();
    #[rustfmt::skip]
    let rows: Vec<(&str, Vec<u8>, &str)> = vec![
        // what                        the file                                                             pages asked for besides /
        ("a bomb",                     bombs::gzip(1024),                                                   ""),
        ("URLs, then a bomb",          [bombs::gzip_of(&a_only()), bombs::gzip(1024)].concat(),             "/a"),
        ("a billion laughs",           laughs(),                                                            "/&f; /&l12; /a"),
        ("a million open tags",        [b"<urlset><url><loc>/a</loc></url>".to_vec(), b"<x>".repeat(1 << 20)].concat(), "/a"),
        ("40 000 attributes",          format!("<urlset><url{attributes}><loc{attributes}>/a</loc></url></urlset>").into_bytes(), "/a"),
        ("one text of 8 MiB",          [b"<urlset><url><loc>/", &*vec![b'x'; 8 << 20], b"</loc></url><url><loc>/a</loc>"].concat(), "/a"),
        ("one name of 8 MiB",          [b"<urlset><", &*vec![b'x'; 8 << 20], b"><url><loc>/a</loc></url>"].concat(), "/a"),
        ("a million syntax errors",    [a_only(), b"<!x <".repeat(1 << 18)].concat(),                       "/a"),
        ("an open comment",            [a_only(), b"<!--".to_vec(), vec![b'-'; 4 << 20]].concat(),          "/a"),
        ("UTF-16",                     utf16,                                                               "/a"),
        ("zeros",                      vec![0; 1 << 20],                                                    ""),
        ("escapes and other schemes",  urlset(["javascript:x", "file:///x", "\u{1b}[2J", "/a", "//10.0.0.1/", "http://["].map(String::from).into_iter()), "/[2J /a"),
        ("lines of text",              b"http://127.0.0.1/\nhttp://[\n\x1b[2J\n".repeat(50_000),           ""),
        ("an index of itself",         b"<sitemapindex><sitemap><loc>/sitemap.xml</loc></sitemap></sitemapindex>".to_vec(), ""),
        ("a page",                     b"<!doctype html><html><a href=/a>a</a>".to_vec(),                   ""),
    ];
    let check = |(what, body, expected): &(&str, Vec<u8>, &str)| {
        let home = ("/", Answer::html("x"));
        let site = Site::of(&[home, ("/sitemap.xml", Answer::new(200, "application/xml", body))]);
        let desk = Desk::new();
        let watched = crawl(&desk, &site.url("/"), &["-t", "15s"]);
        watched.report(&format!("sitemap: {what}"));
        let found = site.paths().join(" ").replacen('/', "", 1).trim().to_owned();
        let is_right = (watched.ran.code, &*found) == (Some(0), *expected);
        (!is_right).then(|| format!("{what}: {:?}, {found}, {}", watched.ran.code, watched.ran.err))
    };
    assert_eq!(at_once(&rows, check), Vec::<String>::new());
}

/// A site whose sitemap is an index of so many, or one below the other.
fn sitemaps(entries: usize) -> Site {
    Site::start(move |request, _| {
        let entry = |name: &str| format!("<sitemap><loc>{name}</loc></sitemap>");
        let index = |entries: String| {
            let text = format!("<sitemapindex>{entries}</sitemapindex>");
            Some(Answer::new(200, "text/xml", text.as_bytes()))
        };
        match &*request.path {
            "/" => Some(Answer::html("x")),
            "/sitemap.xml" if entries > 1 => {
                index((0..entries).map(|n| entry(&format!("/m{n}"))).collect())
            }
            "/sitemap.xml" => index(entry("/r/1")),
            path if path.starts_with("/r/") => index(entry(&format!("{path}1"))),
            _ => None,
        }
    })
}

#[test]
fn sitemaps_are_counted() {
    let aside = "SELECT DISTINCT detail FROM skipped WHERE reason = 'sitemaps'";
    for (entries, start, asked, detail) in
        [(600, "/m", 499, "more than 500 sitemaps"), (1, "/r", 3, "below 3 sitemap indexes")]
    {
        let (site, desk) = (sitemaps(entries), Desk::new());
        let watched = crawl(&desk, &site.url("/"), &["--my-site"]);
        assert_eq!(watched.ran.code, Some(0), "{}", watched.ran.err);
        let paths = site.paths();
        let count = paths.iter().filter(|path| path.starts_with(start)).count();
        assert_eq!(count, asked, "{detail}");
        assert_eq!(desk.rows("x.db", aside), [detail]);
    }
}
