//! Nothing that a stranger wrote makes the crawler connect to a private address.
//!
//! A canary listens on every address of this machine. The crawl starts from an
//! allowed loopback seed, and meets each spelling of a private address in every
//! way in which a URL can be met.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use site::{Answer, Desk, Request, Site};

/// Listens on every address of this machine and counts who comes.
struct Canary {
    port: u16,
    seen: Arc<AtomicUsize>,
}

impl Canary {
    fn start() -> Self {
        let all = ["[::]:0", "0.0.0.0:0"];
        let listener = all.iter().find_map(|address| TcpListener::bind(address).ok()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&seen);
        std::thread::spawn(move || {
            for _ in listener.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self { port, seen }
    }

    /// How many came. A connection of ours comes last: what came before it is counted.
    fn seen(&self) -> usize {
        let before = self.seen.load(Ordering::SeqCst);
        drop(std::net::TcpStream::connect(("127.0.0.1", self.port)).unwrap());
        while self.seen.load(Ordering::SeqCst) == before {
            std::thread::yield_now();
        }
        self.seen.fetch_sub(1, Ordering::SeqCst) - 1
    }

    /// Every spelling, with the port of the canary.
    fn spellings(&self) -> Vec<String> {
        let hosts = SPELLINGS.iter().map(|host| format!("http://{host}:{}/", self.port));
        let odd = ODD.iter().map(|url| url.replace("PORT", &self.port.to_string()));
        hosts.chain(odd).collect()
    }
}

/// Hosts that are this machine, its network or its cloud.
#[rustfmt::skip]
const SPELLINGS: &[&str] = &[
    // this machine by its number
    "127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7F.1", "0x7f.0x0.0x0.0x1", "0177.0.0.1",
    "017700000001", "127.000.000.001", "127.0.0.2", "127.255.255.254", "0", "0.0.0.0", "0x0", "00.0.0.0",
    // the same in other characters
    "１２７.０.０.１", "①②⑦.⓪.⓪.①", "127。0。0。1", "127．0．0．1", "%31%32%37.0.0.1", "127%2e0%2e0%2e1", "0X7F000001",
    // by its name
    "localhost", "LOCALHOST", "localhost.", "loc%61lhost", "ｌｏｃａｌｈｏｓｔ", "local\u{ad}host", "user@localhost",
    // by its IPv6 address
    "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]", "[64:ff9b:1::7f00:1]", "[2002:7f00:1::]", "[2001:0:7f00:1::]", "[::ffff:0.0.0.0]",
    // its network
    "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "198.18.0.1", "224.0.0.1", "240.0.0.1",
    "255.255.255.255", "169.254.0.1", "[fe80::1]", "[fd00::1]", "[fc00::1]", "[fec0::1]", "[ff02::1]", "[2001:db8::1]",
    // its cloud
    "169.254.169.254", "169.254.170.2", "168.63.129.16", "100.100.100.200", "[fd00:ec2::254]", "[::ffff:a9fe:a9fe]",
    "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
    // credentials that look like a host
    "example.org@127.0.0.1", "example.org:80@127.0.0.1", "example.org%2f@127.0.0.1", "@127.0.0.1",
];

/// Distinct private origins among them, at the least: many spellings are the same one.
const DISTINCT: usize = 38;

/// Whole URLs.
const ODD: &[&str] = &[
    "http:\\\\127.0.0.1:PORT\\",
    "http://127.0.0.1:PORT#@example.org/",
    "http://127.0.0.1:PORT?@example.org/",
    "http://127.0.\t0.1:PORT/",
    "//127.0.0.1:PORT/x",
    "HTTP:////127.0.0.1:PORT/y",
    "https://127.0.0.1:PORT/",
    "https://localhost:PORT/",
    "http://127.0.0.1:0000PORT/z",
];

/// A way in which a URL is met: its name, the pages of a site that lead to these URLs.
type Way = (&'static str, fn(&Request, &[String]) -> Option<Answer>);

/// The text that `each` makes of every URL and its number.
fn all(urls: &[String], each: impl Fn(usize, &str) -> String) -> String {
    urls.iter().enumerate().map(|(n, url)| each(n, url)).collect()
}

/// A home page that links to a page per URL, which `page` makes of it.
fn one_each(request: &Request, urls: &[String], page: impl Fn(&str) -> Answer) -> Option<Answer> {
    if request.path == "/" {
        return Some(Answer::html(&all(urls, |n, _| format!("<a href=/{n}>{n}</a>"))));
    }
    request.path[1..].parse::<usize>().ok().and_then(|n| urls.get(n)).map(|url| page(url))
}

fn xml(text: &str) -> Answer {
    Answer::new(200, "application/xml", text.as_bytes())
}

#[rustfmt::skip]
const WAYS: &[Way] = &[
    ("link", |request, urls| (request.path == "/").then(|| Answer::html(&all(urls, |_, url| format!("<a href='{url}'>x</a>"))))),
    ("iframe", |request, urls| (request.path == "/").then(|| Answer::html(&all(urls, |_, url| format!("<iframe src='{url}'></iframe>"))))),
    ("area", |request, urls| (request.path == "/").then(|| Answer::html(&all(urls, |_, url| format!("<area href='{url}'>"))))),
    ("alternate", |request, urls| (request.path == "/").then(|| Answer::html(&all(urls, |_, url| format!("<link rel=alternate href='{url}'>"))))),
    ("canonical", |request, urls| one_each(request, urls, |url| Answer::html(&format!("<link rel=canonical href='{url}'>")))),
    ("base", |request, urls| one_each(request, urls, |url| Answer::html(&format!("<base href='{url}'><a href=x>x</a>")))),
    ("meta refresh", |request, urls| one_each(request, urls, |url| Answer::html(&format!("<meta http-equiv=refresh content='0;url={url}'>")))),
    ("refresh header", |request, urls| one_each(request, urls, |url| Answer::html("").with("Refresh", &format!("0;url={url}")))),
    ("link header", |request, urls| one_each(request, urls, |url| Answer::html("").with("Link", &format!("<{url}>; rel=next")))),
    ("redirect 301", |request, urls| one_each(request, urls, |url| Answer::redirect(301, url))),
    ("redirect 307", |request, urls| one_each(request, urls, |url| Answer::redirect(307, url))),
    ("sitemap", |request, urls| match &*request.path {
        "/" => Some(Answer::html("x")),
        "/sitemap.xml" => Some(xml(&format!("<urlset>{}</urlset>", all(urls, |_, url| format!("<url><loc>{url}</loc></url>"))))),
        _ => None,
    }),
    ("sitemap index", |request, urls| match &*request.path {
        "/" => Some(Answer::html("x")),
        "/sitemap.xml" => Some(xml(&format!("<sitemapindex>{}</sitemapindex>", all(urls, |_, url| format!("<sitemap><loc>{url}</loc></sitemap>"))))),
        _ => None,
    }),
    ("robots", |request, urls| match &*request.path {
        "/" => Some(Answer::html("x")),
        "/robots.txt" => Some(Answer::new(200, "text/plain", all(urls, |_, url| format!("Sitemap: {url}\n")).as_bytes())),
        _ => None,
    }),
];

#[test]
fn no_way_of_meeting_a_private_address_leads_there() {
    assert!(SPELLINGS.len() + ODD.len() >= 80);
    let canary = Canary::start();
    let urls = canary.spellings();
    let mut wrong = Vec::new();
    for (name, way) in WAYS {
        let urls = urls.clone();
        let site = Site::start(move |request, _| way(request, &urls));
        for more in [&[][..], &["--ignore-robots"]] {
            let desk = Desk::new();
            let seed = site.url("/");
            let args = ["crawl", &seed, "-o", "x.db", "-q", "--scope", "any", "--my-site"];
            let quick = ["--retries", "0", "--set", "politeness.max_wait=1s"];
            let ran = desk.run(&[&args, &quick[..], more].concat());
            let reads = more.is_empty() || !["sitemap", "sitemap index", "robots"].contains(name);
            let private = "SELECT count(*) FROM skipped WHERE reason = 'private-address'";
            let private: usize = desk.rows("x.db", private).concat().parse().unwrap();
            let came = canary.seen();
            if came > 0 || reads && private < DISTINCT || !matches!(ran.code, Some(0 | 4)) {
                wrong.push(format!("{name} {more:?}: {came} came, {private} private, {ran:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_list_of_seeds_is_not_trusted_as_what_was_typed() {
    let canary = Canary::start();
    let site = Site::start(|_, _| Some(Answer::html("<a href=/a>a</a>")));
    let desk = Desk::new();
    let list = canary.spellings().into_iter().filter(|url| !url.starts_with("//"));
    std::fs::write(desk.path("seeds.txt"), list.collect::<Vec<_>>().join("\n")).unwrap();
    std::fs::write(
        desk.path("seeds.toml"),
        format!("seeds = [\"http://127.0.0.1:{}/\"]", canary.port),
    )
    .unwrap();
    let quick = ["-q", "--retries", "0", "--set", "politeness.max_wait=1s"];
    let seed = site.url("/");
    #[rustfmt::skip]
    let runs: &[&[&str]] = &[
        &["crawl", &seed, "-i", "seeds.txt", "-o", "x.db", "--max-pages", "1"],
        &["resume", "x.db", "--max-pages", "50"],
        &["resume", "x.db", "--max-pages", "99", "--allow-private", "10.9.9.9", "--scope", "any"],
        &["resume", "x.db", "--max-pages", "999", "--ignore-robots", "-d", "9"],
        &["crawl", &seed, "-i", "seeds.txt", "-o", "x.db", "--ignore-robots"],
        &["crawl", &seed, "-i", "seeds.txt", "-o", "y.db", "--ignore-robots"],
        &["crawl", &seed, "--config", "seeds.toml", "-o", "z.db", "--ignore-robots"],
        &["resume", "z.db", "--ignore-robots", "--allow-private", "10.9.9.9"],
    ];
    for run in runs {
        let ran = desk.run(&[run, &quick[..]].concat());
        assert!(matches!(ran.code, Some(0 | 4)), "{run:?}: {}", ran.err);
        assert_eq!(canary.seen(), 0, "{run:?}: {}", ran.err);
    }
}

#[test]
fn a_seed_of_a_list_without_a_scheme_is_not_tried_out() {
    // Where this port may not be used, nobody can be seen to knock.
    let Ok(https) = TcpListener::bind("127.9.9.9:443") else { return };
    let desk = Desk::new();
    std::fs::write(desk.path("seeds.txt"), "127.9.9.9/x").unwrap();
    desk.run(&["crawl", "-i", "seeds.txt", "-o", "x.db", "-q"]);
    https.set_nonblocking(true).unwrap();
    assert!(https.accept().is_err(), "somebody knocked");
}

#[test]
fn the_robots_txt_of_a_stranger_does_not_lead_inside() {
    let canary = Canary::start();
    let urls = canary.spellings();
    let hosts = 1..=urls.len();
    // One host for each spelling: 127.0.0.1, 127.0.0.2 and so on.
    let site = Site::start_at("0.0.0.0", move |request, _| match &*request.path {
        "/robots.txt" => {
            let name = request.headers["host"].split(':').next().unwrap().to_owned();
            let number: usize = name.rsplit('.').next().unwrap().parse().unwrap();
            Some(Answer::redirect(302, &urls[number - 1]))
        }
        _ => Some(Answer::html("x")),
    });
    let desk = Desk::new();
    let seeds = hosts.map(|n| format!("http://127.0.0.{n}:{}/", site.address.port()));
    let seeds: Vec<String> = seeds.collect();
    let mut args =
        vec!["crawl", "-o", "x.db", "-q", "--scope", "any", "--retries", "0", "-c", "99"];
    args.extend(["--set", "politeness.max_wait=1s"]);
    args.extend(seeds.iter().map(String::as_str));
    let ran = desk.run(&args);
    assert!(matches!(ran.code, Some(0 | 4)), "{}", ran.err);
    assert_eq!(canary.seen(), 0);
    let asked = site.requests().iter().filter(|request| request.path == "/robots.txt").count();
    assert_eq!(asked, seeds.len(), "each was asked");
}

#[test]
fn what_is_allowed_is_reached_but_for_metadata() {
    let canary = Canary::start();
    let port = canary.port;
    let site = Site::start(move |request, _| {
        let links = format!(
            "<a href=http://127.0.0.1:{port}/>a</a><a href=http://169.254.169.254:{port}/>m</a>"
        );
        (request.path == "/").then(|| Answer::html(&links))
    });
    let desk = Desk::new();
    let seed = site.url("/");
    let allowed =
        ["--allow-private", "127.0.0.0/8", "--allow-private", "169.254.0.0/16", "--ignore-robots"];
    let args =
        ["crawl", &seed, "-o", "x.db", "-q", "--scope", "any", "--retries", "0", "-t", "500ms"];
    let ran = desk.run(&[&args[..], &allowed[..]].concat());
    assert_eq!((ran.code, canary.seen()), (Some(0), 1), "{}", ran.err);
    let private = "SELECT url FROM skipped WHERE reason = 'private-address'";
    assert_eq!(desk.rows("x.db", private), [format!("http://169.254.169.254:{port}/")]);
}
