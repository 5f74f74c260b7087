//! A server that asks for less gets less, and nobody else does.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::time::{Duration, SystemTime};

use site::{Answer, Desk, Site};

/// A home page with `count` others, and `/busy`, which answers so at first.
fn site_with(count: usize, busy: impl Fn() -> Answer + Send + Sync + 'static) -> Site {
    Site::start(move |request, before| match &*request.path {
        "/" => {
            let pages: String = (0..count).map(|n| format!("<a href=/p{n}>{n}</a>")).collect();
            Some(Answer::html(&format!("<a href=/busy>b</a>{pages}")))
        }
        "/busy" if before == 0 => Some(busy()),
        "/busy" => Some(Answer::html("<title>at last</title>")),
        path if path.starts_with("/p") => Some(Answer::html(&format!("<p>{path}"))),
        _ => None,
    })
}

/// How long the server was left alone after it was asked for `/busy` first.
fn left_alone(site: &Site) -> Duration {
    let requests = site.requests();
    let busy = requests.iter().position(|request| request.path == "/busy").unwrap();
    requests.get(busy + 1).map_or(Duration::MAX, |next| next.at - requests[busy].at)
}

fn crawl(desk: &Desk, seeds: &[&str], more: &[&str]) -> site::Ran {
    desk.run(
        &[&["crawl"], seeds, &["-o", "x.db", "--no-sitemaps", "--per-host", "1"], more].concat(),
    )
}

fn in_seconds(seconds: u64) -> String {
    httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(seconds))
}

#[test]
fn each_form_of_retry_after_holds_the_whole_host() {
    type Busy = fn() -> Answer;
    #[rustfmt::skip]
    let cases: [(&str, Busy, u64, u64); 9] = [
        // what it says                                                                               from ms to ms
        ("429, seconds",    || Answer::status(429).with("Retry-After", "3"),                            3000, 4500),
        ("503, seconds",    || Answer::status(503).with("Retry-After", "3"),                            3000, 4500),
        // A date has no fractions of a second.
        ("503, a date",     || Answer::status(503).with("Retry-After", &in_seconds(4)),                 2900, 5500),
        ("429, in the past", || Answer::status(429).with("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"), 1000, 2500),
        ("429, at once",    || Answer::status(429).with("Retry-After", "0"),                            1000, 2500),
        ("429, nothing",    || Answer::status(429),                                                      500, 2000),
        ("503, nonsense",   || Answer::status(503).with("Retry-After", "soon"),                          500, 2000),
        ("429, negative",   || Answer::status(429).with("Retry-After", "-5"),                            500, 2000),
        // Nothing else asks for patience, whatever the header says.
        ("500, seconds",    || Answer::status(500).with("Retry-After", "9"),                               0, 1500),
    ];
    let run = |(what, busy, from, to): &(&str, Busy, u64, u64)| {
        let (site, desk) = (site_with(3, *busy), Desk::new());
        let ran = crawl(&desk, &[&site.url("/")], &["-q"]);
        assert_eq!(ran.code, Some(0), "{what}: {}", ran.err);
        let alone = left_alone(&site);
        let allowed = Duration::from_millis(*from)..Duration::from_millis(*to);
        assert!(allowed.contains(&alone), "{what}: left alone for {alone:?}");
        let title = desk.rows("x.db", "SELECT status, attempts FROM pages WHERE url LIKE '%/busy'");
        assert_eq!(title, ["200|2"], "{what}");
    };
    std::thread::scope(|scope| {
        cases.iter().for_each(|case| drop(scope.spawn(|| run(case))));
    });
}

#[test]
fn who_asks_for_more_patience_than_we_have_is_left_for_a_resume() {
    for value in ["99999999999999999999", "86400", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let value = value.to_owned();
        let said = value.clone();
        let site = site_with(3, move || Answer::status(429).with("Retry-After", &said));
        let desk = Desk::new();
        let ran = crawl(&desk, &[&site.url("/")], &[]);
        assert_eq!(ran.code, Some(4), "{value}: {}", ran.err);
        assert!(
            ran.err.contains("asks for 1 d 0 h of patience")
                || ran.err.contains("asks for 23 h 59 min of patience"),
            "{value}: {}",
            ran.err
        );
        assert_eq!(site.paths(), ["/", "/busy"], "{value}");
        // A resume keeps what the server asked for.
        let ran = desk.run(&["resume", "x.db", "-q"]);
        assert_eq!((ran.code, site.paths().len()), (Some(4), 2), "{value}: {}", ran.err);
    }
}

#[test]
fn a_delay_as_long_as_the_longest_wait_is_none_to_give_up_on() {
    let site = site_with(3, || Answer::html("well"));
    let desk = Desk::new();
    let equal = ["--delay", "150ms", "--set", "politeness.max_wait=150ms"];
    let ran = crawl(&desk, &[&site.url("/")], &equal);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}

#[test]
fn a_host_that_is_held_slows_no_other() {
    let slow = site_with(2, || Answer::status(503).with("Retry-After", "4"));
    let other = Site::start_at("127.0.0.2", |request, _| match &*request.path {
        "/" => Some(Answer::html(
            &(0..60).map(|n| format!("<a href=/p{n}>{n}</a>")).collect::<String>(),
        )),
        path if path.starts_with("/p") => Some(Answer::html(&format!("<p>{path}"))),
        _ => None,
    });
    let desk = Desk::new();
    let ran =
        crawl(&desk, &[&slow.url("/"), &other.url("/")], &["-q", "--allow-private", "127.0.0.2"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(left_alone(&slow) >= Duration::from_secs(4));
    let (held, theirs) = (slow.requests(), other.requests());
    let again = held.iter().filter(|request| request.path == "/busy").nth(1).unwrap().at;
    assert_eq!(theirs.len(), 62);
    assert!(
        theirs.iter().all(|request| request.at < again),
        "all of the other was fetched meanwhile"
    );
}

#[test]
fn after_throttling_the_pace_recovers_step_by_step() {
    let site = site_with(14, || Answer::status(429));
    let desk = Desk::new();
    let ran = crawl(&desk, &[&site.url("/")], &["-q"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let requests = site.requests();
    let busy = requests.iter().position(|request| request.path == "/busy").unwrap();
    let gaps: Vec<_> = requests[busy..].windows(2).map(|pair| pair[1].at - pair[0].at).collect();
    // Two starts a second, and a tenth of a start a second more with each good answer.
    for (step, gap) in (0_u32..).zip(&gaps) {
        let expected =
            Duration::from_secs_f64(1.0 / (2.0 + 0.1 * f64::from(step.saturating_sub(1))));
        assert!(
            *gap + Duration::from_millis(30) >= expected,
            "step {step}: {gap:?}, {expected:?} expected: {gaps:?}"
        );
    }
    assert!(gaps[12] < gaps[1], "it recovers: {gaps:?}");
}

/// As sites before which a guard stands answer (the wording is that of several).
fn challenge(status: u16) -> Answer {
    let page =
        "<!doctype html><title>Just a moment...</title><p>Please verify you are human to continue.";
    Answer::new(status, "text/html; charset=UTF-8", page.as_bytes())
}

#[test]
fn a_site_that_asks_whether_we_are_human_is_parked_and_that_is_said() {
    for status in [403, 429, 503] {
        let site = Site::start(move |request, _| {
            (request.path != "/robots.txt").then(|| challenge(status))
        });
        let desk = Desk::new();
        let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "--no-sitemaps"]);
        assert_eq!(ran.code, Some(4), "{status}: {}", ran.err);
        assert!(
            ran.err.contains("is parked: it asks visitors to prove that they are human"),
            "{status}: {}",
            ran.err
        );
        assert_eq!(site.paths(), ["/"], "{status}: nobody insists");
        let waits =
            desk.rows("x.db", "SELECT reason, detail LIKE 'it asks visitors%' FROM skipped");
        assert_eq!(waits, ["pending|1"], "{status}");
    }
}

#[test]
fn one_guarded_page_parks_nobody_and_a_guard_that_comes_up_costs_no_page() {
    let site = Site::start(|request, _| match &*request.path {
        "/" => Some(Answer::html(
            "<a href=/login>l</a><a href=/a>a</a><a href=/b>b</a><a href=/shop/>s</a>",
        )),
        "/login" => Some(challenge(403)),
        "/a" | "/b" => Some(Answer::html("<p>a page")),
        "/shop/" => Some(Answer::html(
            &(0..20).map(|n| format!("<a href=/shop/{n}>{n}</a>")).collect::<String>(),
        )),
        path if path.starts_with("/shop/") => Some(challenge(403)),
        _ => None,
    });
    let desk = Desk::new();
    let ran = crawl(&desk, &[&site.url("/")], &[]);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    let pages = desk.rows(
        "x.db",
        "SELECT status, coalesce(error, ''), count(*) FROM pages GROUP BY 1, 2 ORDER BY 1",
    );
    assert_eq!(pages, ["200||4", "403|challenge|1"]);
    let pending = desk.rows("x.db", "SELECT count(*) FROM urls WHERE state = 'pending'");
    assert_eq!(pending, ["20"], "what was guarded waits: {}", ran.err);
    let asked = site.paths().into_iter().filter(|path| path.starts_with("/shop/")).count();
    assert_eq!(asked, 1 + 3, "three in a row are enough");
}
