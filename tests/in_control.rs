//! Limits, budgets and traps hold exactly, say so, and let go when told to.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use site::{Answer, Desk, Site};

/// Two sections of 30 pages, one page of links.
fn sections() -> Site {
    Site::start(|request, _| {
        let links = |section: &str| {
            (0..30).map(|n| format!("<a href=/{section}/{n}>{n}</a>")).collect::<String>()
        };
        match request.path.as_str() {
            "/" => Some(Answer::html(&(links("blog") + &links("shop")))),
            path if path.starts_with("/blog/") || path.starts_with("/shop/") => {
                Some(Answer::html(&format!("<p>{path}")))
            }
            _ => None,
        }
    })
}

fn asked(site: &Site, start: &str) -> usize {
    site.paths().iter().filter(|path| path.starts_with(start)).count()
}

#[test]
fn budgets_are_exact_and_a_higher_one_goes_on() {
    let (site, desk) = (sections(), Desk::new());
    let url = site.url("/");
    let ran = desk.run(&["crawl", &url, "-o", "x.db", "-q", "--budget", "/blog/=7"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!((asked(&site, "/blog/"), asked(&site, "/shop/")), (7, 30));
    let aside = desk.rows("x.db", "SELECT reason, detail, count(*) FROM skipped GROUP BY 1, 2");
    assert_eq!(aside, ["budget|/blog/=7|23"]);
    let ran = desk.run(&["resume", "x.db", "-q", "--budget", "/blog/=12"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!((asked(&site, "/blog/"), asked(&site, "/shop/")), (12, 30), "no page twice");
    let ran = desk.run(&["resume", "x.db", "-q", "--budget", "/blog/=100"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!((asked(&site, "/blog/"), asked(&site, "/shop/")), (30, 30));
    let ran = desk.run(&["crawl", &url, "-o", "y.db", "--budget", "blog"]);
    assert_eq!(ran.code, Some(3));
    assert!(ran.err.contains("`blog` is no budget"), "{}", ran.err);
}

#[test]
fn pages_per_host_are_exact() {
    let (site, desk) = (sections(), Desk::new());
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--max-per-host", "10"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(site.paths().len(), 10);
    assert_eq!(desk.run(&["resume", "x.db", "-q", "--max-per-host", "25"]).code, Some(0));
    assert_eq!(site.paths().len(), 25);
}

#[test]
fn a_trap_ends_is_listed_and_is_let_go() {
    // Every page leads one folder further down, and there are ordinary pages beside.
    let site = Site::start(|request, _| {
        let path = request.path.as_str();
        if path == "/" {
            return Some(Answer::html("<a href=/sub/>s</a><a href=/page/1>p</a>"));
        }
        if let Some(number) = path.strip_prefix("/page/") {
            let number: u32 = number.parse().ok()?;
            let next = format!("<p>page {number}</p><a href=/page/{}>next</a>", number + 1);
            return Some(Answer::html(if number < 250 { &next } else { "<p>the last" }));
        }
        path.starts_with("/sub/")
            .then(|| Answer::html(&format!("<p>{path}</p><a href=sub/>deeper</a>")))
    });
    let desk = Desk::new();
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(asked(&site, "/page/"), 250, "a real pagination is no trap");
    let depth = asked(&site, "/sub/");
    assert!(depth < 40, "{depth} pages of the trap");
    let traps =
        desk.rows("x.db", "SELECT pattern, kind, urls, evidence <> '', example <> '' FROM traps");
    let [trap] = &traps[..] else { panic!("{traps:?}") };
    let cells: Vec<_> = trap.split('|').collect();
    assert_eq!(cells[2..], ["1", "1", "1"], "{trap}");
    assert!(ran.err.contains("trap"), "{}", ran.err);
    let aside = desk.rows("x.db", "SELECT reason, detail FROM skipped");
    assert_eq!(aside, [format!("trap|{}", cells[0])]);

    let listed = desk.run(&["traps", "x.db"]);
    assert!(listed.out.contains(cells[0]), "{}", listed.out);
    let wrong = desk.run(&["traps", "x.db", "release", "nonsense"]);
    assert_eq!(wrong.code, Some(3));
    assert!(wrong.err.contains("no trap `nonsense`"), "{}", wrong.err);
    let ran = desk.run(&["traps", "x.db", "release", cells[0]]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(ran.err.contains("1 URL is pending"), "{}", ran.err);
    let ran = desk.run(&["resume", "x.db", "-q", "--max-pages", "400", "--limit-ok"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(asked(&site, "/sub/") > 100, "what was let go is fetched");
}

#[test]
fn a_file_explains_each_url_by_its_own_rules() {
    let site = Site::of(&[
        ("/robots.txt", Answer::new(200, "text/plain", b"User-agent: *\nDisallow: /shut")),
        ("/", Answer::html("<a href=/a>to a</a><a href=/shut/x>x</a>")),
        ("/a", Answer::html("<title>A</title>")),
    ]);
    let desk = Desk::new();
    assert_eq!(desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q"]).code, Some(0));
    let asked = site.requests().len();
    let explain = |url: &str| desk.run(&["explain", "x.db", url]).out;
    let known = explain(&site.url("/a"));
    for part in
        ["scope       in", "allowed for crawlite", "trap        none", "answered 200", "to a"]
    {
        assert!(known.contains(part), "{part} is missing: {known}");
    }
    let shut = explain(&site.url("/shut/x"));
    assert!(shut.contains("disallowed by line 2: Disallow: /shut"), "{shut}");
    let never = explain("http://elsewhere.test/x");
    assert!(
        never.contains("out: external") && never.contains("no crawl of this file has met it"),
        "{never}"
    );
    assert_eq!(site.requests().len(), asked, "nobody is asked");
    let wrong = desk.run(&["explain", "x.db", "not a url"]);
    assert_eq!(wrong.code, Some(3), "{}", wrong.err);
}

#[test]
fn tracking_is_stripped_on_request() {
    let site = Site::of(&[
        (
            "/",
            Answer::html(
                "<a href='/a?utm_source=x'>1</a><a href='/a?utm_source=y'>2</a><a href='/a?sid=3&b=1'>3</a>",
            ),
        ),
        ("/a", Answer::html("<p>a")),
        ("/a?b=1", Answer::html("<p>b")),
    ]);
    let desk = Desk::new();
    let ran = desk.run(&[
        "crawl",
        &site.url("/"),
        "-o",
        "x.db",
        "-q",
        "--strip-tracking",
        "--strip-query",
        "sid",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(site.paths(), ["/", "/a", "/a?b=1"]);
}

#[test]
fn a_logged_in_crawl_stays_logged_in_and_keeps_no_secret() {
    let site = Site::start(|request, _| {
        let is_in =
            request.headers.get("cookie").is_some_and(|it| it.contains("sid=SECRET-COOKIE"));
        match request.path.as_str() {
            "/" if is_in => Some(
                Answer::html(
                    "<a href=/logout>out</a><a href='/x?action=delete'>d</a><a href=/inside>in</a>",
                )
                .with("Set-Cookie", "token=SECRET-TOKEN; Path=/"),
            ),
            "/inside" if is_in => Some(Answer::html("<p>inside")),
            "/" | "/inside" => Some(Answer::status(403)),
            _ => Some(Answer::html("<p>no")),
        }
    });
    let desk = Desk::new();
    std::fs::write(desk.path("jar"), "127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\tSECRET-COOKIE\n")
        .unwrap();
    let ran = desk.run(&[
        "crawl",
        &site.url("/"),
        "-o",
        "x.db",
        "-v",
        "--cookie-jar",
        "jar",
        "--cookies",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(site.paths(), ["/", "/inside"]);
    let aside = desk.rows("x.db", "SELECT reason, detail FROM skipped ORDER BY 2");
    assert_eq!(aside, ["session|delete", "session|logout"]);
    let inside = site.requests().into_iter().find(|it| it.path == "/inside").unwrap();
    assert!(
        inside.headers["cookie"].contains("token=SECRET-TOKEN"),
        "cookies that are set are kept"
    );
    let file = std::fs::read(desk.path("x.db")).unwrap();
    let has_secret = |bytes: &[u8]| bytes.windows(6).any(|part| part == b"SECRET");
    assert!(!has_secret(&file) && !has_secret(ran.err.as_bytes()), "{}", ran.err);
}

#[test]
fn one_body_under_many_urls_is_found_as_soon_after_a_resume() {
    let site = Site::start(|request, _| match &*request.path {
        "/" => Some(Answer::html(
            &(0..300).map(|n| format!("<a href=/list/{n}>{n}</a>")).collect::<String>(),
        )),
        path if path.starts_with("/list/") => Some(Answer::html("<p>nothing on this page")),
        _ => None,
    });
    let desk = Desk::new();
    let first = ["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps", "--max-pages", "46"];
    assert_eq!(desk.run(&first).code, Some(4));
    assert_eq!(asked(&site, "/list/"), 45);
    let ran = desk.run(&["resume", "x.db", "--max-pages", "1000"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let pages = asked(&site, "/list/");
    assert!((50..55).contains(&pages), "{pages} pages with the same content");
    let aside = desk.rows("x.db", "SELECT DISTINCT reason FROM skipped");
    assert_eq!(aside, ["trap"], "{}", ran.err);
    let all = "SELECT count(*) FROM urls WHERE url LIKE '%/list/%'";
    assert_eq!(desk.rows("x.db", all), ["300"], "none is lost");
}

/// The commands in what was said whose line has `part`, without their first word.
fn commands(said: &str, part: &str) -> Vec<Vec<String>> {
    let lines = said.lines().filter(|line| line.contains(part));
    let command = lines.filter_map(|line| line.split_once("crawlite ").map(|(_, rest)| rest));
    command
        .map(|rest| {
            rest.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect()
        })
        .collect()
}

#[test]
fn what_a_rule_leaves_out_is_named_with_a_command_that_fetches_it() {
    #[rustfmt::skip]
    let rows: [(&[&str], &str, usize); 8] = [
        // how it was started                        what it says, and how many pages more its command fetches
        (&["--scope", "path"],                       "2 URLs are out of the scope",                         2),
        (&["--exclude", "/a/out"],                   "1 URL matches --exclude",                            1),
        (&["--exclude-glob", "*out*"],               "2 URLs match --exclude",                              2),
        (&["--include", "/a/in"],                    "4 URLs match no --include",                           3),
        (&["-d", "0"],                               "5 URLs are deeper than 0 links",                      4),
        (&["--budget", "/a/=2"],                     "1 URL is beyond a budget",                            1),
        (&["--max-per-host", "3"],                   "2 URLs are beyond a budget",                          2),
        (&["--strip-tracking"],                      "1 URL is disallowed by robots.txt",                   1),
    ];
    for (flags, expected, more) in rows {
        let site = Site::of(&[
            ("/robots.txt", Answer::new(200, "text/plain", b"User-agent: *\nDisallow: /a/shut\n")),
            (
                "/a/",
                Answer::html(
                    "<a href=/a/in>i</a><a href=/a/out/1>1</a><a href=/b/out/2>2</a><a href=/b/3>3</a><a href=/a/shut>s</a>",
                ),
            ),
            ("/a/in", Answer::html("<p>in")),
            ("/a/out/1", Answer::html("<p>one<a href=/a/in>i</a>")),
            ("/b/out/2", Answer::html("<p>two")),
            ("/b/3", Answer::html("<p>three")),
            ("/a/shut", Answer::html("<p>shut")),
        ]);
        let desk = Desk::new();
        let url = site.url("/a/");
        let ran = desk.run(&[&["crawl", &url, "-o", "x.db", "--no-sitemaps"], flags].concat());
        assert_eq!(ran.code, Some(0), "{flags:?}: {}", ran.err);
        assert!(ran.err.contains(expected), "{flags:?}: {expected:?} is not in {}", ran.err);
        let before = site.paths().len();
        let mut commands = commands(&ran.err, expected);
        assert_eq!(commands.len(), 1, "{flags:?}: {}", ran.err);
        let command: Vec<&str> = commands[0].iter_mut().map(|word| &**word).collect();
        let ran = desk.run(&command);
        assert_eq!(ran.code, Some(0), "{command:?}: {}", ran.err);
        assert_eq!(site.paths().len() - before, more, "{command:?}: {}", ran.err);
        assert!(ran.err.contains("Changed: "), "{command:?}: {}", ran.err);
    }
}

#[test]
fn traps_are_listed_with_the_command_that_releases_them() {
    let site = Site::start(|request, _| {
        let path = request.path.as_str();
        let page = |body: &str| Some(Answer::html(&format!("<p>{path}</p>{body}")));
        if path == "/" {
            return page("<a href=/events/2024/01>c</a>");
        }
        let (year, month) = path.strip_prefix("/events/")?.split_once('/')?;
        let (year, month): (u32, u32) = (year.parse().ok()?, month.parse().ok()?);
        let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        page(&format!("<a href=/events/{year}/{month:02}>next</a>"))
    });
    let desk = Desk::new();
    assert_eq!(
        desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps"]).code,
        Some(0)
    );
    let before = asked(&site, "/events/");
    let listed = desk.run(&["traps", "x.db"]).out;
    let command = &commands(&listed, "release")[0];
    assert!(listed.contains("1 URL"), "{listed}");
    let pattern = desk.rows("x.db", "SELECT pattern FROM traps");
    assert!(listed.contains(&pattern[0]), "{listed}");
    // The shell would take the quotes off; a pattern may have blanks.
    let released = desk.run(&[&command[0], &command[1], &command[2], &pattern[0]]);
    assert_eq!(released.code, Some(0), "{}", released.err);
    assert!(listed.contains(&format!("release '{}'", pattern[0])), "{listed}");
    let ran = desk.run(&["resume", "x.db", "-q", "--max-pages", "200", "--limit-ok"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert!(asked(&site, "/events/") > before + 50);
    assert!(desk.run(&["traps", "x.db"]).out.contains("was released"), "it is still known");
    let rows = desk.run(&["traps", "x.db", "--format", "jsonl"]).out;
    assert!(rows.contains("\"kind\":\"calendar\""), "{rows}");
}
