//! A resume with other settings fetches what belongs to the crawl now, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use site::{Answer, Desk, Site};

const FAR: [&str; 4] = ["--scope", "any", "--allow-private", "127.0.0.0/8"];

fn crawl(desk: &Desk, url: &str, more: &[&str]) {
    let fixed = ["crawl", url, "-o", "x.db", "-q", "--no-sitemaps"];
    let ran = desk.run(&[&fixed, more].concat());
    assert!(matches!(ran.code, Some(0 | 4)), "{}", ran.err);
}

fn resume(desk: &Desk, more: &[&str]) -> String {
    let ran = desk.run(&[&["resume", "x.db"], more].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    ran.err
}

#[test]
fn what_waits_and_belongs_no_more_is_set_aside() {
    let site = Site::of(&[
        ("/", Answer::html("<a href=/keep>k</a><a href=/drop/1>d</a><a href=/deep>d</a>")),
        ("/keep", Answer::html("<a href=/too-deep>t</a>")),
        ("/deep", Answer::html("")),
    ]);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &["--max-pages", "1"]);
    let told = resume(&desk, &["--max-pages", "9", "--exclude", "/drop/", "-d", "1"]);
    assert!(told.contains("0 URLs more to fetch, 1 fewer"), "{told}");
    assert_eq!(site.paths(), ["/", "/deep", "/keep"]);
    let aside = "SELECT reason, url LIKE '%/drop/1' FROM skipped ORDER BY 1";
    assert_eq!(desk.rows("x.db", aside), ["depth|0", "excluded|1"]);
}

#[test]
fn what_failed_is_not_tried_again_where_it_belongs_no_more() {
    let site = Site::start(|request, before| match (&*request.path, before) {
        ("/", _) => Some(Answer::html("<a href=/a/1>a</a><a href=/b/1>b</a>")),
        (_, 0) => Some(Answer::status(403)),
        _ => Some(Answer::html("well")),
    });
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &[]);
    resume(&desk, &["--exclude", "/a/"]);
    resume(&desk, &["--retry-failed"]);
    assert_eq!(site.paths(), ["/", "/a/1", "/b/1", "/b/1"]);
}

#[test]
fn a_site_of_which_links_were_only_checked_is_crawled_once_it_belongs() {
    let other = Site::of(&[("/there", Answer::html("<a href=/on>on</a>"))]);
    let page = format!("<a href={}>o</a>", other.url("/there"));
    let site = Site::of(&[("/", Answer::html(&page))]);
    let desk = Desk::new();
    let private = ["--check-external", "--allow-private", "127.0.0.0/8"];
    crawl(&desk, &site.url("/"), &private);
    assert_eq!(other.paths(), ["/there"], "it is checked");
    resume(&desk, &FAR);
    assert_eq!(other.paths(), ["/on", "/there", "/there"], "and read, and followed");
    let depths = "SELECT depth FROM pages WHERE url LIKE '%/on'";
    assert_eq!(desk.rows("x.db", depths), ["2"]);
}

#[test]
fn links_say_how_a_url_is_released_whatever_set_it_aside_first() {
    let other = Site::of(&[
        ("/shunned", Answer::html("")),
        ("/image.png", Answer::new(200, "image/png", b"x")),
    ]);
    let (shunned, image) = (other.url("/shunned"), other.url("/image.png"));
    let page = format!("<a rel=nofollow href={shunned}>s</a><img src={image}>");
    let site = Site::of(&[("/", Answer::html(&page))]);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &[]);
    resume(&desk, &FAR);
    assert_eq!(other.paths().len(), 0, "neither a followed link nor a wanted part");
    let aside = "SELECT reason, detail FROM skipped ORDER BY 1";
    assert_eq!(desk.rows("x.db", aside), ["asset|img", "nofollow|rel=nofollow"]);
    resume(&desk, &["--assets"]);
    assert_eq!(other.paths(), ["/image.png"]);
    resume(&desk, &["--set", "scope.nofollow=false"]);
    assert_eq!(other.paths(), ["/image.png", "/shunned"]);
}

#[test]
fn followed_after_all_a_link_brings_nearer_what_was_fetched_before() {
    let site = Site::of(&[
        ("/", Answer::html("<a href=/1>1</a><a rel=nofollow href=/3>3</a>")),
        ("/1", Answer::html("<a href=/2>2</a>")),
        ("/2", Answer::html("<a href=/3>3</a>")),
        ("/3", Answer::html("<a href=/4>4</a>")),
        ("/4", Answer::html("<a href=/5>5</a>")),
        ("/5", Answer::html("")),
    ]);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &["-d", "3"]);
    assert_eq!(site.paths(), ["/", "/1", "/2", "/3"]);
    resume(&desk, &["--set", "scope.nofollow=false"]);
    assert_eq!(site.paths(), ["/", "/1", "/2", "/3", "/4", "/5"]);
    let depths = "SELECT depth FROM pages ORDER BY url";
    assert_eq!(desk.rows("x.db", depths), ["0", "1", "2", "1", "2", "3"]);
}

#[test]
fn what_a_checked_link_leads_to_stays_known_where_it_is_too_deep_to_be_crawled() {
    let other = Site::of(&[]);
    let page = format!("<a href={}>g</a>", other.url("/gone"));
    let site = Site::of(&[("/", Answer::html(&page))]);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &["--check-external", "--allow-private", "127.0.0.0/8"]);
    let asked = other.paths();
    resume(&desk, &[&FAR[..], &["-d", "0"]].concat());
    assert_eq!(other.paths(), asked, "nobody asks again");
    let broken = "SELECT status, target LIKE '%/gone' FROM broken_links";
    assert_eq!(desk.rows("x.db", broken), ["404|1"]);
}

#[test]
fn what_no_followed_link_leads_to_any_more_is_aside_for_that() {
    let site = Site::of(&[("/", Answer::html("<a rel=nofollow href=/x>x</a>"))]);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &["--set", "scope.nofollow=false", "-d", "0"]);
    let aside = "SELECT reason, detail FROM skipped";
    assert_eq!(desk.rows("x.db", aside), ["depth|depth 1 > 0"]);
    resume(&desk, &["--set", "scope.nofollow=true"]);
    assert_eq!(desk.rows("x.db", aside), ["nofollow|rel=nofollow"]);
}

#[test]
fn a_part_of_a_page_is_fetched_though_another_link_to_it_is_not_followed() {
    let site = Site::of(&[
        ("/", Answer::html("<img src=/both.png><a rel=nofollow href=/both.png>b</a>")),
        ("/both.png", Answer::new(200, "image/png", b"x")),
    ]);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &[]);
    assert_eq!(site.paths(), ["/"]);
    resume(&desk, &["--assets"]);
    assert_eq!(site.paths(), ["/", "/both.png"]);
}

#[test]
fn a_part_of_a_page_is_fetched_though_it_is_too_far_as_a_page() {
    let site = Site::of(&[
        ("/", Answer::html("<img src=/pic.png><a href=/1>1</a>")),
        ("/1", Answer::html("<a href=/pic.png>p</a>")),
        ("/pic.png", Answer::new(200, "image/png", b"x")),
    ]);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &["-d", "1"]);
    assert_eq!(desk.rows("x.db", "SELECT reason FROM skipped"), ["depth"]);
    resume(&desk, &["--assets"]);
    assert_eq!(site.paths(), ["/", "/1", "/pic.png"]);
}

#[test]
fn a_page_that_is_fetched_as_a_part_of_another_is_as_near_as_a_link_to_it_says() {
    let site = Site::of(&[
        ("/", Answer::html("<a href=/p>p</a><img src=/frame>")),
        ("/frame", Answer::html("<a href=/p>p</a><img src=/p>")),
        ("/p", Answer::html("")),
    ]);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &["-d", "0", "--assets"]);
    assert_eq!(site.paths(), ["/", "/frame", "/frame"]);
    resume(&desk, &["--set", "scope.nofollow=false"]);
    let depths = "SELECT depth FROM pages ORDER BY url";
    assert_eq!(desk.rows("x.db", depths), ["0", "1", "1"]);
}

/// A site each of whose pages leads to a longer path, below so many bytes.
fn ever_deeper(bytes: usize) -> Site {
    Site::start(move |request, _| {
        let path = request.path.as_str();
        (path.len() < bytes).then(|| Answer::html(&format!("<a href={path}r/>deeper</a>")))
    })
}

#[test]
fn a_trap_that_shows_once_a_depth_is_raised_is_listed_and_can_be_released() {
    let site = ever_deeper(12);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &["-d", "3"]);
    resume(&desk, &["-d", "9"]);
    let held = "SELECT reason, detail IN (SELECT pattern FROM traps) FROM skipped";
    assert_eq!(desk.rows("x.db", held), ["trap|1"]);
}

#[test]
fn what_a_trap_held_back_is_not_fetched_where_it_is_too_deep_by_now() {
    let site = ever_deeper(24);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &[]);
    let [held] = &desk.rows("x.db", "SELECT detail FROM skipped WHERE reason = 'trap'")[..] else {
        panic!("the trap shows")
    };
    let before = site.paths();
    resume(&desk, &["-d", "2"]);
    assert_eq!(desk.run(&["traps", "x.db", "release", held]).code, Some(0));
    resume(&desk, &[]);
    assert_eq!(site.paths(), before, "it is deeper than 2");
    assert_eq!(desk.rows("x.db", "SELECT reason FROM skipped"), ["depth"]);
    resume(&desk, &["-d", "9"]);
    assert!(site.paths().len() > before.len(), "and is fetched where it is not");
}
