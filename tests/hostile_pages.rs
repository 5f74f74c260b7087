//! A page costs no more than its length, whatever is in it.
//!
//! `CRAWLITE_HOSTILE=1 cargo test --release --test hostile_pages -- --nocapture` crawls each shape
//! by itself at a megabyte, prints what it costs, and holds it against the budget.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use site::shapes::{LINKS, MARKUP, Shape};
use site::{Answer, Desk, Site};

const PATIENCE: Duration = Duration::from_mins(2);

/// Processor time of this thread.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec.cast_unsigned(), u32::try_from(now.tv_nsec).unwrap())
}

/// The least time of three that reading a page takes.
fn reading(page: &[u8]) -> Duration {
    let once = || {
        let began = cpu();
        let (text, _) = crawlite::extract::decode(page, None);
        std::hint::black_box(crawlite::extract::extract(&text, "crawlite"));
        cpu().saturating_sub(began)
    };
    (0..3).map(|_| once()).min().unwrap()
}

#[test]
fn twice_the_page_costs_no_more_than_twice_the_time() {
    let mut wrong = Vec::new();
    for (name, shape) in MARKUP.iter().chain(LINKS) {
        let (once, twice) = (reading(&shape(30_000)), reading(&shape(60_000)));
        let slow = twice.as_secs_f64() > 3.5 * once.as_secs_f64().max(0.001);
        if slow || twice > Duration::from_millis(400) {
            wrong.push(format!("{name}: {once:?}, {twice:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Rules that look for what hostile pages have, also in ways that take long.
const RULES: &str = r#"
[[extract]]
name = "element"
each = "div, p, b, a, td, li, g, nav"
[extract.fields]
text = ":scope"
html = { css = ":scope *", as = "html" }
within = { css = "div b, p b, div div div", as = "count" }
links = { css = "a", attr = "href", as = "list" }
own = { attr = "href" }

[[extract]]
name = "whole_page"
[extract.fields]
title = "title"
none = "html body div > p + b:nth-child(3n+1) ~ .nowhere"
has = "div:has(> b > i)"
count = { css = "*", as = "count" }
number = { css = "body", as = "number" }
day = { css = "body", as = "date" }
whole = { css = "body", as = "inner_html" }
"#;

#[test]
#[expect(clippy::print_stdout, reason = "a table to look at")]
fn rules_cost_no_more_than_they_may_or_say_that_they_were_cut() {
    let table = RULES.parse().unwrap();
    let config = crawlite::config::Config::layered(table, &[], toml::Table::new()).unwrap();
    let rules = crawlite::extract::Rules::new(&config.extract, &|_| false).unwrap();
    let url = url::Url::parse("https://example.org/").unwrap();
    let is_asked = std::env::var_os("CRAWLITE_HOSTILE").is_some();
    let mut wrong = Vec::new();
    for (name, shape) in MARKUP.iter().chain(LINKS) {
        let page = shape(if is_asked { 1_000_000 } else { 50_000 });
        let (text, _) = crawlite::extract::decode(&page, None);
        let allowance = crawlite::extract::allowance(text.len());
        let began = cpu();
        let found = rules.read(&url, &text, cpu);
        let took = cpu().saturating_sub(began);
        let cuts: Vec<_> = found.iter().map(|rule| rule.cut).collect();
        let bytes: usize = found
            .iter()
            .flat_map(|it| &it.rows)
            .flatten()
            .filter_map(|cell| cell.text())
            .map(str::len)
            .sum();
        if is_asked {
            println!("| {name} | {} | {took:?} | {cuts:?} | {bytes} |", text.len() / 1000);
        }
        // What lies between two looks at the clock comes on top: of a whole page as HTML, most.
        let slack = if cfg!(debug_assertions) { 12 } else { 2 };
        if took > allowance * slack || bytes > 5 << 20 {
            wrong.push(format!("{name}: {took:?} of {allowance:?}, {cuts:?}, {bytes} bytes"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A site with a page of `n` bytes for each shape, all linked from the first.
fn site_of(shapes: &[Shape], n: usize) -> Site {
    let link = |at| format!("<a href=/{at}>{at}</a>");
    let home = Answer::html(&(0..shapes.len()).map(link).collect::<String>());
    let body = |shape: &Shape| Answer::new(200, "text/html", &shape.1(n));
    let pages: Vec<Answer> = shapes.iter().map(body).collect();
    Site::start(move |request, _| match &*request.path {
        "/" => Some(home.clone()),
        path => path[1..].parse::<usize>().ok().and_then(|at| pages.get(at).cloned()),
    })
}

#[test]
fn a_site_of_nothing_else_is_crawled_within_bounds() {
    for (shapes, n) in [(MARKUP, 200_000), (LINKS, 100_000)] {
        let site = site_of(shapes, n);
        let desk = Desk::new();
        let args = ["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps", "-d", "1"];
        let watched = desk.watch(&args, PATIENCE);
        assert_eq!(watched.ran.code, Some(0), "{}", watched.ran.err);
        watched.report(&format!("{} pages of {n} bytes", shapes.len()));
        assert!(watched.peak_mib < 150, "{} MiB", watched.peak_mib);
        let good = "SELECT count(*) FROM pages WHERE status = 200 AND error IS NULL AND NOT is_cut";
        assert_eq!(desk.rows("x.db", good), [(shapes.len() + 1).to_string()]);
        let long = "SELECT count(*) FROM page WHERE length(CAST(title AS BLOB)) > 1024";
        assert_eq!(desk.rows("x.db", long), ["0"]);
        assert_eq!(desk.rows("x.db", "SELECT count(*) FROM url WHERE length(url) > 2060"), ["0"]);
    }
}

#[test]
fn a_site_of_nothing_else_is_crawled_within_bounds_with_rules_too() {
    let site = site_of(MARKUP, 100_000);
    let desk = Desk::new();
    std::fs::write(desk.path("crawl.toml"), RULES).unwrap();
    let args = [
        "crawl",
        &site.url("/"),
        "-o",
        "x.db",
        "--no-sitemaps",
        "-d",
        "1",
        "--config",
        "crawl.toml",
    ];
    let watched = desk.watch(&args, PATIENCE);
    assert_eq!(watched.ran.code, Some(0), "{}", watched.ran.err);
    watched.report(&format!("{} pages of 100 KB with rules", MARKUP.len()));
    // The trees of two pages at once, 64 MiB each, on top of what there is without.
    assert!(watched.peak_mib < 150 + 2 * 64, "{} MiB", watched.peak_mib);
    let good = "SELECT count(*) FROM pages WHERE status = 200 AND error IS NULL";
    assert_eq!(desk.rows("x.db", good), [(MARKUP.len() + 1).to_string()]);
    let read = "SELECT rule, count(*), count(cut) > 0 FROM extractions GROUP BY 1 ORDER BY 1";
    let pages = MARKUP.len() + 1;
    assert_eq!(
        desk.rows("x.db", read),
        [format!("element|{pages}|1"), format!("whole_page|{pages}|1")]
    );
    assert!(watched.ran.err.contains("pages were not read whole"), "{}", watched.ran.err);
}

#[test]
fn a_page_at_every_limit_is_cut_and_says_so() {
    let many = "<a href=x>".repeat(1_000_000);
    let base = format!("<base href='/{}/'>", "b".repeat(1900));
    let below: String = (0..20_000).map(|n| format!("<a href={n}>")).collect();
    let site = Site::of(&[
        ("/", Answer::html("<a href=/many>m</a><a href=/below>b</a><a href=/script>s</a>")),
        ("/many", Answer::html(&many)),
        ("/below", Answer::html(&(base + &below))),
        ("/script", Answer::html("<base href='javascript:x'><a href=/found>f</a>")),
    ]);
    let desk = Desk::new();
    let args = ["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps", "-d", "1"];
    let watched = desk.watch(&args, PATIENCE);
    assert_eq!(watched.ran.code, Some(0), "{}", watched.ran.err);
    let cut = "SELECT links_cut > 0, links_cut FROM pages WHERE links_cut > 0 ORDER BY 2 DESC";
    let cut = desk.rows("x.db", cut);
    assert_eq!(cut.len(), 2, "{cut:?}");
    assert_eq!(cut[0], "1|900000", "a link in the million is one of 100 000 that are kept");
    let found = "SELECT count(*) FROM urls WHERE url LIKE '%/found'";
    assert_eq!(desk.rows("x.db", found), ["1"], "a base that is no place is none");
    let length = std::fs::metadata(desk.path("x.db")).unwrap().len();
    assert!(length < 40 << 20, "the file has {length} bytes");
}

#[test]
#[expect(clippy::print_stdout, reason = "a table to look at")]
fn each_shape_alone_stays_within_its_budget() {
    if std::env::var_os("CRAWLITE_HOSTILE").is_none() {
        return;
    }
    let cost = |page: Answer| {
        let site = Site::of(&[("/", page)]);
        let desk = Desk::new();
        let args = ["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps", "-d", "0"];
        let watched = desk.watch(&args, PATIENCE);
        assert_eq!(watched.ran.code, Some(0), "{}", watched.ran.err);
        (
            watched.cpu.as_secs_f64() * 1000.0,
            watched.peak_mib,
            desk.rows("x.db", "SELECT count(*) FROM url"),
        )
    };
    let (idle, base, _) = cost(Answer::html("x"));
    println!("| shape | KB | ms per 100 KB | MiB | URLs |\n| --- | --- | --- | --- | --- |");
    for (name, shape) in MARKUP.iter().chain(LINKS) {
        let page = shape(1_000_000);
        let kb = page.len() / 1000;
        let (ms, mib, urls) = cost(Answer::new(200, "text/html", &page));
        let each = (ms - idle).max(0.0) * 100.0 / f64::from(u32::try_from(kb).unwrap());
        println!("| {name} | {kb} | {each:.1} | {} | {} |", mib - base, urls.concat());
    }
}
