//! The person is told what was left out, why, and the command that helps, without asking.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use site::{Answer, Desk, Site};

/// Pages for whoever sends the right header, and links that nobody who is logged in should follow.
fn club() -> Site {
    Site::start(|request, _| {
        let is_in = request.headers.get("x-token").is_some_and(|it| it == "SECRET");
        match &*request.path {
            "/" if is_in => Some(Answer::html(
                "<a href=/logout>o</a><a href=/posts/1/delete>d</a><a href=/inside>i</a>",
            )),
            _ if is_in => Some(Answer::html("<p>inside")),
            _ => Some(Answer::status(403)),
        }
    })
}

fn crawl(desk: &Desk, url: &str, more: &[&str]) -> site::Ran {
    desk.run(&[&["crawl", url, "-o", "x.db", "--no-sitemaps"], more].concat())
}

#[test]
fn whatever_header_logs_in_what_could_end_that_is_left_alone_and_said() {
    let (site, desk) = (club(), Desk::new());
    let ran = crawl(&desk, &site.url("/"), &["-H", "X-Token: SECRET"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    assert_eq!(site.paths(), ["/", "/inside"], "{}", ran.err);
    assert!(ran.err.contains("2 URLs could end the login or delete something"), "{}", ran.err);
    // The file explains itself without the secret.
    let told = desk.run(&["explain", "x.db", &site.url("/logout")]);
    assert_eq!(told.code, Some(0), "{}", told.err);
    assert!(told.out.contains("out: session (logout)"), "{}", told.out);

    // What every browser sends logs nobody in.
    let site =
        Site::of(&[("/", Answer::html("<a href=/logout>o</a>")), ("/logout", Answer::html(""))]);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &["-H", "Accept-Language: de", "-H", "Referer: http://a.test/"]);
    assert_eq!(site.paths(), ["/", "/logout"]);
}

#[test]
fn a_seed_that_redirects_to_another_host_is_named_with_where_it_leads() {
    let other = Site::of(&[("/new", Answer::html("<p>here</p>"))]);
    let site = Site::of(&[("/", Answer::redirect(301, &other.url("/new")))]);
    let desk = Desk::new();
    let ran = crawl(&desk, &site.url("/"), &[]);
    let there = format!("it redirects to {}, which is out of the scope", other.url("/new"));
    assert!(ran.err.contains(&there), "{}", ran.err);
    assert!(ran.err.contains(&format!("\n  crawlite {}\n", other.url("/new"))), "{}", ran.err);

    // Two hops, the first of which stays.
    let site = Site::of(&[
        ("/", Answer::redirect(302, "/away")),
        ("/away", Answer::redirect(302, &other.url("/new"))),
    ]);
    let ran = crawl(&Desk::new(), &site.url("/"), &[]);
    assert!(ran.err.contains(&there), "{}", ran.err);
}

#[test]
fn a_seed_that_robots_txt_refuses_is_named_with_the_line() {
    let robots = Answer::new(200, "text/plain", b"User-agent: *\nDisallow: /\n");
    let site = Site::of(&[("/robots.txt", robots), ("/", Answer::html("x"))]);
    let ran = Desk::new().run(&["crawl", &site.url("/"), "-o", "x.db"]);
    assert_eq!(ran.code, Some(1), "{}", ran.err);
    let expected = format!(
        "Finished without a page: robots.txt disallows {} (line 2: Disallow: /)",
        site.url("/")
    );
    assert!(ran.err.contains(&expected), "{}", ran.err);
    assert!(ran.err.contains("crawlite resume x.db --ignore-robots"), "{}", ran.err);
}

#[test]
fn a_seed_that_answers_with_an_error_is_said_to_do_so() {
    let rows = [
        (403, "it answered 403; if it wants a login: -u, -H or --cookie-jar"),
        (404, "it answered 404."),
    ];
    for (status, expected) in rows {
        let site = Site::of(&[("/", Answer::status(status))]);
        let ran = crawl(&Desk::new(), &site.url("/"), &[]);
        assert!(ran.err.contains(expected), "{}", ran.err);
        assert!(!ran.err.contains("scripts"), "{}", ran.err);
    }
}

#[test]
fn a_command_that_is_named_can_be_pasted_into_any_shell_and_changes_what_is_set_alone() {
    let site =
        Site::of(&[("/", Answer::html("<a href=/a/1>1</a><a href=/a/2>2</a><a href=/b>b</a>"))]);
    #[rustfmt::skip]
    let rows: [(&[&str], &str); 5] = [
        (&["--exclude", "/a/"],                 "crawlite resume x.db --set 'scope.exclude=[]'\n"),
        (&["--exclude-glob", "*/a/*"],          "crawlite resume x.db --set 'scope.exclude_glob=[]'\n"),
        (&["--include", "/b"],                  "crawlite resume x.db --set 'scope.include=[]'\n"),
        (&["--budget", "/a/=1"],                "crawlite resume x.db --set 'limits.budgets=[]'\n"),
        (&["--max-per-host", "2"],              "crawlite resume x.db --max-per-host 20\n"),
    ];
    for (flags, expected) in rows {
        let ran = crawl(&Desk::new(), &site.url("/"), flags);
        assert!(ran.err.contains(expected), "{flags:?}: {}", ran.err);
    }
    let ran = crawl(&Desk::new(), &site.url("/"), &["-d", "1"]);
    assert!(!ran.err.contains("deeper"), "{}", ran.err);
    let deep = Site::of(&[
        ("/", Answer::html("<a href=/1>1</a>")),
        ("/1", Answer::html("<a href=/2>2</a>")),
    ]);
    let ran = crawl(&Desk::new(), &deep.url("/"), &["-d", "1"]);
    assert!(ran.err.contains("1 URL is deeper than 1 link:"), "{}", ran.err);
}

#[test]
fn pages_on_other_hosts_of_the_same_domain_are_named_with_the_scope_that_has_them() {
    // A proxy is every host.
    let proxy = Site::start(|request, _| match &*request.path {
        "http://www.shop.test/" => Some(Answer::html(
            "<a href=http://docs.shop.test/a>a</a><a href=http://docs.shop.test/b>b</a>
             <a href=http://shop.test:81/>p</a><a href=http://notshop.test/>n</a>",
        )),
        "http://docs.shop.test/a" | "http://docs.shop.test/b" | "http://shop.test:81/" => {
            Some(Answer::html("x"))
        }
        _ => None,
    });
    let desk = Desk::new();
    let more = ["-x", &proxy.url(""), "--delay", "0s"];
    let ran = crawl(&desk, "http://www.shop.test/", &more);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let expected = "3 URLs are on other hosts of shop.test: crawlite resume x.db --scope domain\n";
    assert!(ran.err.contains(expected), "{}", ran.err);
    let ran = desk.run(&["resume", "x.db", "-x", &proxy.url(""), "--scope", "domain"]);
    assert_eq!(
        desk.rows("x.db", "SELECT count(*) FROM pages WHERE status = 200"),
        ["4"],
        "{}",
        ran.err
    );
    assert!(!ran.err.contains("other hosts"), "{}", ran.err);
}

#[test]
fn a_seed_typed_without_its_scheme_is_said_as_it_is_asked_for() {
    let site = Site::of(&[("/", Answer::html("x"))]);
    let typed = site.address.to_string();
    let ran = crawl(&Desk::new(), &typed, &[]);
    assert!(ran.err.contains(&format!("Seed:   http://{typed}/\n")), "{}", ran.err);
    let ran = crawl(&Desk::new(), &site.url("/"), &[]);
    assert!(!ran.err.contains("Seed:"), "{}", ran.err);
}

#[test]
fn what_is_broken_is_printed_once_by_check() {
    let site = Site::of(&[
        (
            "/",
            Answer::html(
                "<a href=/gone>g</a><a href=/a#lost>l</a><link rel=stylesheet href=/s.css>",
            ),
        ),
        ("/a", Answer::html("<p>a")),
        ("/s.css", Answer::new(200, "text/css", b"a { background: url(missing.png) }")),
    ]);
    let desk = Desk::new();
    let ran = desk.run(&["check", &site.url("/"), "-o", "x.db", "--no-sitemaps"]);
    assert_eq!(ran.code, Some(2), "{}", ran.err);
    for target in ["/gone", "/missing.png", "/a#lost"] {
        let url = site.url(target);
        assert!(ran.out.contains(&url), "{}", ran.out);
        assert!(!ran.err.contains(&url), "{url} is printed twice: {}", ran.err);
    }
    assert!(
        ran.out.contains(&format!(
            "404 {}\n    on {}",
            site.url("/missing.png"),
            site.url("/s.css")
        )),
        "{}",
        ran.out
    );
    assert!(ran.err.contains("FAILED  broken: 2 broken link targets\n"), "{}", ran.err);
    let by_view = "SELECT source, kind FROM broken_links WHERE target LIKE '%missing.png'";
    assert_eq!(desk.rows("x.db", by_view), [format!("{}|css", site.url("/s.css"))]);
}

#[test]
fn one_run_is_said_in_the_singular() {
    let (site, desk) = (Site::of(&[("/", Answer::html("<p>x"))]), Desk::new());
    assert_eq!(crawl(&desk, &site.url("/"), &["-q"]).code, Some(0));
    let told = desk.run(&["status", "x.db"]).out;
    assert!(told.lines().any(|line| line.ends_with(" in 1 run")), "{told}");
}
