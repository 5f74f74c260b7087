//! Assets and links to other sites are asked for on request: each once, and no further.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::time::Duration;

use site::{Answer, Desk, Site};

fn home(other: &str) -> Site {
    let page = format!(
        "<link rel=stylesheet href=/s.css><link rel=preconnect href=/hint><script src=/x.js></script>
         <img src=/big.png srcset='/small.png 1x'><img src=/gone.png><a href={other}/good>g</a>
         <a href={other}/gone rel=nofollow>b</a><a href={other}/no-head>h</a><a href={other}/shut>s</a>
         <a href={other}/moved>m</a><form action=/form><input type=image src=/i.png></form>
         <object data=/frame></object><a href=/next>n</a>"
    );
    let css =
        "@import 'more.css'; a { background: url(bg.png) } b { background: url(/missing.png) }";
    let kind = |media_type: &'static str, body: &str| Answer::new(200, media_type, body.as_bytes());
    let big = "x".repeat(300_000);
    Site::of(&[
        ("/", Answer::html(&page)),
        ("/next", Answer::html("<a href=/>home</a>")),
        ("/frame", Answer::html("<a href=/behind-the-frame>f</a>")),
        ("/behind-the-frame", Answer::html("<p>found")),
        ("/s.css", kind("text/css", css)),
        ("/more.css", kind("text/css", "c { d: url(deep.png) }")),
        ("/x.js", kind("text/javascript", "let x = 1")),
        ("/big.png", kind("image/png", &big)),
        ("/small.png", kind("image/png", "x")),
        ("/i.png", kind("image/png", "x")),
        ("/bg.png", kind("image/png", "x")),
        ("/deep.png", kind("image/png", "x")),
    ])
}

fn other() -> Site {
    Site::start(|request, before| match request.path.as_str() {
        "/good" => Some(Answer::html("<a href=/never>n</a>")),
        // The first request is the HEAD, which this server does not know.
        "/no-head" if before == 0 => Some(Answer::status(405)),
        "/no-head" => Some(Answer::html("<p>fine")),
        "/shut" => Some(Answer::status(403)),
        "/moved" => Some(Answer::redirect(301, "/good")),
        _ => None,
    })
}

const STATES: &str = "SELECT kind, count(*) FROM urls WHERE state = 'done' AND kind <> 'sitemap' GROUP BY 1 ORDER BY 1";

#[test]
fn without_being_asked_for_they_are_named_and_not_fetched() {
    let (other, desk) = (other(), Desk::new());
    let site = home(&other.url(""));
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(site.paths(), ["/", "/next"]);
    assert!(other.requests().is_empty());
    assert!(ran.err.contains("Not checked: 5 external links, 9 assets"), "{}", ran.err);
    assert!(ran.err.contains("--check-external --assets"), "{}", ran.err);

    // A changed mind costs no second crawl.
    let ran = desk.run(&[
        "resume",
        "x.db",
        "--check-external",
        "--assets",
        "-q",
        "--allow-private",
        &other.address.to_string(),
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let mut paths = site.paths();
    paths.retain(|path| path == "/" || path == "/next");
    assert_eq!(paths, ["/", "/next"], "pages are not fetched again");
    assert_eq!(desk.rows("x.db", STATES), ["asset|10", "external|5", "page|4"]);
}

#[test]
fn assets_are_fetched_with_what_stylesheets_refer_to() {
    let (other, desk) = (other(), Desk::new());
    let site = home(&other.url(""));
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--assets"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let mut paths = site.paths();
    paths.dedup();
    #[rustfmt::skip]
    assert_eq!(paths, [
        "/", "/behind-the-frame", "/bg.png", "/big.png", "/deep.png", "/frame", "/gone.png", "/i.png", "/missing.png",
        "/more.css", "/next", "/s.css", "/small.png", "/x.js",
    ]);
    let pages = desk.rows("x.db", "SELECT count(*) FROM pages");
    assert_eq!(pages, ["4"], "an object that is a page is one");
    let broken =
        desk.rows("x.db", "SELECT DISTINCT substr(target, -9), status, kind FROM broken_links");
    assert_eq!(
        broken,
        ["/gone.png|404|img", "ssing.png|404|css"],
        "what a stylesheet refers to, too"
    );
    let bytes = desk.rows("x.db", "SELECT sum(wire_bytes) < 20000 FROM fetch");
    assert_eq!(bytes, ["1"], "what is not kept is asked for by its head");
}

#[test]
fn links_to_other_sites_are_checked_once_and_not_followed() {
    let (other, desk) = (other(), Desk::new());
    let site = home(&other.url(""));
    let allowed = other.address.to_string();
    let ran = desk.run(&[
        "crawl",
        &site.url("/"),
        "-o",
        "x.db",
        "-q",
        "--check-external",
        "--allow-private",
        &allowed,
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let paths = other.paths();
    assert_eq!(
        paths,
        ["/gone", "/gone", "/good", "/moved", "/no-head", "/no-head", "/shut", "/shut"]
    );
    let asked: Vec<_> =
        other.requests().into_iter().filter(|it| it.path == "/robots.txt").collect();
    assert!(asked.is_empty(), "no crawl of the other site begins");
    let broken =
        desk.rows("x.db", "SELECT substr(target, -5), status FROM broken_links WHERE kind = 'a'");
    assert_eq!(broken, ["/gone|404"]);
    let blocked = desk.rows("x.db", "SELECT substr(target, -5), status FROM blocked_links");
    assert_eq!(blocked, ["/shut|403"]);
    let links = desk.rows("x.db", "SELECT substr(url, -5), status FROM external_links ORDER BY 1");
    assert_eq!(links, ["-head|200", "/gone|404", "/good|200", "/shut|403", "moved|301"]);
}

#[test]
fn what_is_kept_is_fetched_whole() {
    let (other, desk) = (other(), Desk::new());
    let site = home(&other.url(""));
    let ran =
        desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--assets", "--store", "all"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let kept = desk.rows("x.db", "SELECT count(*) FROM fetch f JOIN body b ON b.id = f.body_id");
    assert_eq!(kept, ["8"]);
    let largest = desk.rows("x.db", "SELECT max(size_bytes) FROM body");
    assert_eq!(largest, ["300000"]);
}

#[test]
fn check_names_each_broken_target_once_with_its_pages() {
    let (other, desk) = (other(), Desk::new());
    let other_gone = other.url("/gone");
    let site = Site::of(&[
        (
            "/",
            Answer::html(&format!(
                "<a href=/a>a</a><a href=/b>b</a><a href={other_gone}>g</a><a href=/lost>l</a>"
            )),
        ),
        (
            "/a",
            Answer::html(
                "<h2 id=there>x</h2><a href=/lost>l</a><a href=/b#here>h</a><a href=#there>t</a><a href=#top>u</a>",
            ),
        ),
        (
            "/b",
            Answer::html(
                "<a name='h%C3%A4r'></a><a name=här></a><a href=/a#nowhere>n</a><a href='#h%C3%A4r'>ok</a>",
            ),
        ),
    ]);
    let allowed = other.address.to_string();
    let ran = desk.run(&["check", &site.url("/"), "-o", "x.db", "--allow-private", &allowed]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    let out = ran.out.replace(&site.url(""), "").replace(&other.url(""), "OTHER");
    assert_eq!(
        out,
        "404 /lost\n    on /\n    on /a\n404 OTHER/gone\n    on /\nno place /a#nowhere\n    on /b\nno place /b#here\n    on /a\n",
        "{}",
        ran.err
    );
    let fine = Site::of(&[("/", Answer::html("<p id=x>fine <a href=#x>x</a>"))]);
    let ran = desk.run(&["check", &fine.url("/"), "-o", "y.db", "-q"]);
    assert_eq!((ran.code, ran.out.as_str()), (Some(0), ""), "{}", ran.err);
}

#[test]
fn statuses_that_are_accepted_are_neither_broken_nor_blocked() {
    let (other, desk) = (other(), Desk::new());
    let page = format!(
        "<a href=/shop>s</a><a href=/busy>b</a><a href=/lost>l</a><a href=/way>w</a><a href={0}/shut>x</a><a href={0}/gone>g</a>",
        other.url("")
    );
    let site = Site::start(move |request, _| match &*request.path {
        "/" => Some(Answer::html(&page)),
        "/shop" => Some(Answer::status(403)),
        "/busy" => Some(Answer::status(502)),
        "/way" => Some(Answer::redirect(302, "/shop")),
        _ => None,
    });
    let allowed = other.address.to_string();
    let check =
        ["check", &site.url("/"), "-o", "x.db", "--allow-private", &allowed, "--retries", "0"];
    let ran = desk.run(&[&check[..], &["--accept", "403,502-504"]].concat());
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    let targets = |out: &str| -> Vec<String> {
        let lines = out.lines().filter(|line| !line.starts_with(' '));
        let mut lines: Vec<_> = lines
            .map(|line| line.replace(&site.url(""), "").replace(&other.url(""), "OTHER"))
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(targets(&ran.out), ["404 /lost", "404 OTHER/gone"], "{}", ran.err);
    assert!(
        ran.err.contains("3 link targets have a status that --accept lets pass"),
        "{}",
        ran.err
    );
    assert_eq!(desk.rows("x.db", "SELECT count(*) FROM blocked_links"), ["0"]);
    assert_eq!(desk.rows("x.db", "SELECT count(DISTINCT target) FROM broken_links"), ["2"]);
    let external = desk.run(&["report", "x.db", "external", "--format", "jsonl"]);
    assert!(external.out.contains("\"checked\":2,\"broken\":1"), "{}", external.out);

    // A changed mind asks nobody again, also when the crawl is finished.
    let asked = (site.requests().len(), other.requests().len());
    let ran =
        desk.run(&["resume", "x.db", "--accept", "4xx", "--accept", "502", "--fail-on", "broken"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("Changed: check.accept"), "{}", ran.err);
    assert_eq!((site.requests().len(), other.requests().len()), asked);
    assert_eq!(desk.rows("x.db", "SELECT count(*) FROM broken_links"), ["0"]);
    let wrong = desk.run(&["resume", "x.db", "--accept", "teapot"]);
    assert_eq!(wrong.code, Some(3), "{}", wrong.err);
    assert!(wrong.err.contains("`teapot` is no status"), "{}", wrong.err);
}

#[test]
fn after_a_resume_a_form_to_another_site_is_no_way_there_either() {
    let (other, desk) = (other(), Desk::new());
    let form = format!("<form action={}></form><a href=/1>1</a>", other.url("/good"));
    let link = format!("<a href={}>g</a>", other.url("/good"));
    let site = Site::of(&[("/", Answer::html(&form)), ("/1", Answer::html(&link))]);
    let allowed = other.address.to_string();
    let wishes = ["--check-external", "--allow-private", &allowed, "-q"];
    let url = site.url("/");
    let crawl = ["crawl", &url, "-o", "x.db", "--no-sitemaps", "--max-pages", "1"];
    assert_eq!(desk.run(&[&crawl[..], &wishes].concat()).code, Some(4));
    let ran = desk.run(&["resume", "x.db", "-q", "--max-pages", "9"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let checked = "SELECT depth, status FROM urls WHERE kind = 'external'";
    assert_eq!(desk.rows("x.db", checked), ["2|200"]);
}

#[test]
fn a_link_that_is_only_checked_needs_no_leave_of_robots_txt_after_a_kill_either() {
    let rules = Answer::new(200, "text/plain", b"User-agent: *\nDisallow: /shut");
    let other = Site::start(move |request, before| match (&*request.path, before) {
        ("/robots.txt", _) => Some(rules.clone()),
        ("/shut", 0) => Some(Answer::html("").after(Duration::from_mins(1))),
        ("/shut", _) => Some(Answer::html("")),
        _ => None,
    });
    let site = Site::of(&[("/", Answer::html(&format!("<a href={}>s</a>", other.url("/shut"))))]);
    let (desk, allowed, url) = (Desk::new(), other.address.to_string(), site.url("/"));
    let crawl = ["crawl", &url, "-o", "x.db", "-q", "--no-sitemaps"];
    let far = ["--scope", "any", "--allow-private", &allowed];
    assert_eq!(desk.run(&[&crawl[..], &far].concat()).code, Some(0));
    assert_eq!(desk.rows("x.db", "SELECT reason FROM skipped"), ["robots"]);
    let mut child = desk.start(&["resume", "x.db", "-q", "--scope", "host", "--check-external"]);
    other.wait_for(2);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(desk.run(&["resume", "x.db", "-q"]).code, Some(0));
    let checked = "SELECT state, status FROM urls WHERE kind = 'external'";
    assert_eq!(desk.rows("x.db", checked), ["done|200"]);
}
