//! A redirect leads only where a link may lead, and every chain of them ends.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use site::{Answer, Desk, Site};

/// A site whose pages `/0`, `/1` … redirect to these targets; HERE is its own address.
fn redirecting(targets: &'static [&'static str]) -> Site {
    Site::start(move |request, _| match &*request.path {
        "/" => {
            let links = (0..targets.len()).map(|n| format!("<a href=/{n}>{n}</a>"));
            Some(Answer::html(&links.collect::<String>()))
        }
        path => {
            let target = path[1..].parse::<usize>().ok().and_then(|n| targets.get(n))?;
            let here = request.headers["host"].clone();
            Some(Answer::redirect(302, &target.replace("HERE", &here)))
        }
    })
}

#[test]
fn a_redirect_leads_where_a_link_may_lead() {
    #[rustfmt::skip]
    let rows: &[(&str, &str)] = &[
        // Location                              status, error; where it leads, state, reason
        ("/new",                                 "302|| HERE/new|done|"),
        ("new?a=b#c",                            "302|| HERE/new?a=b|done|"),
        ("//HERE/slashes",                       "302|| HERE/slashes|done|"),
        ("http://user:hunter2@HERE/secret",      "302|| HERE/secret|done|"),
        ("http://HERE:/port",                     "302|| HERE:/port|refused|invalid"),
        ("/sp ace",                              "302|| HERE/sp%20ace|done|"),
        ("/é",                                   "302|| HERE/%C3%A9|done|"),
        ("/tab\there",                           "302|| HERE/tabhere|done|"),
        ("/\u{1b}[2J",                           "|broken|||"),
        ("",                                     "302|| HERE/9|done|"),
        ("#top",                                 "302|| HERE/10|done|"),
        ("file:///etc/passwd",                   "302|| file:///etc/passwd|refused|scheme"),
        ("javascript:alert(1)",                  "302|| javascript:alert(1)|refused|scheme"),
        ("data:text/html,<a href=/x>",           "302|| data:text/html,<a href=/x>|refused|scheme"),
        ("ftp://HERE/x",                         "302|| ftp://HERE/x|refused|scheme"),
        ("gopher://user:hunter2@HERE/x",                      "302|| gopher://HERE/x|refused|scheme"),
        ("http://user:hunter2@a b/c",            "302|| http://a b/c|refused|invalid"),
        ("http://[",                             "302|| http://[|refused|invalid"),
        ("http://a b/",                          "302|| http://a b/|refused|invalid"),
        ("http://10.0.0.1/",                     "302|| http://10.0.0.1/|aside|external"),
    ];
    let targets: Vec<&str> = rows.iter().map(|(target, _)| *target).collect();
    let site = redirecting(targets.leak());
    let desk = Desk::new();
    let ran =
        desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps", "--retries", "0"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let mut wrong = Vec::new();
    for (n, (target, expected)) in rows.iter().enumerate() {
        let sql = format!(
            "SELECT p.status || '', p.error, ' ' || u.url, u.state, u.reason FROM pages p
             LEFT JOIN urls u ON u.url = p.redirect_to WHERE p.url = '{}'",
            site.url(&format!("/{n}"))
        );
        let found =
            desk.rows("x.db", &sql).concat().replace(&format!("http://{}", site.address), "HERE");
        if found.replace(&site.address.to_string(), "HERE") != *expected {
            wrong.push(format!("{target:?}: {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let bytes = std::fs::read(desk.path("x.db")).unwrap();
    assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "a secret is in the file");
}

#[test]
fn chains_and_loops_end() {
    let site = Site::start(|request, _| {
        let (name, number) = request.path[1..].split_once('/').unwrap_or((&request.path[1..], "0"));
        let next = number.trim_end_matches('x').parse::<u32>().unwrap_or_default() + 1;
        match name {
            "" => Some(Answer::html(
                "<a href=/chain/0>c</a><a href=/grow/0>g</a><a href=/self>s</a><a href=/a>a</a>
                 <a href=/cookie>k</a><a href=/meta>m</a><a href=/refresh>r</a>",
            )),
            "chain" => Some(Answer::redirect(301, &format!("/chain/{next}"))),
            "grow" => Some(Answer::redirect(308, &format!("/grow/{next}{}", "x".repeat(200)))),
            "self" => Some(Answer::redirect(302, "/self")),
            "a" => Some(Answer::redirect(302, "/b")),
            "b" => Some(Answer::redirect(307, "/a")),
            "cookie" if request.headers.contains_key("cookie") => Some(Answer::status(200)),
            "cookie" => Some(Answer::redirect(302, "/cookie").with("Set-Cookie", "seen=1")),
            "meta" => Some(Answer::html("<meta http-equiv=refresh content='0;url=/meta'>")),
            "refresh" => Some(Answer::html("").with("Refresh", "0;url=/refresh")),
            _ => None,
        }
    });
    let desk = Desk::new();
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let paths = site.paths();
    let asked = |start: &str| paths.iter().filter(|path| path.starts_with(start)).count();
    assert_eq!((asked("/chain/"), asked("/grow/")), (11, 11), "10 redirects and the first URL");
    for once in ["/self", "/a", "/b", "/cookie", "/meta", "/refresh"] {
        assert_eq!(paths.iter().filter(|path| *path == once).count(), 1, "{once}");
    }
    let aside = "SELECT count(*), min(detail) FROM skipped WHERE reason = 'redirects'";
    assert_eq!(desk.rows("x.db", aside), ["2|behind 11 redirects"]);
    let loops = "SELECT count(*) FROM redirect_chains WHERE loops";
    assert_eq!(desk.rows("x.db", loops), ["4"], "/self, /a, /b and /cookie");
}

#[test]
fn an_address_that_leads_nowhere_is_an_error_in_its_row() {
    let long = format!("http://{}.invalid/", ["a".repeat(63).as_str(); 3].join("."));
    let label = format!("http://{}.invalid/", "a".repeat(64));
    #[rustfmt::skip]
    let rows = [
        ("http://no-such-host.invalid/", "dns"), ("http://no-such-host.invalid:81/", "dns"), (&*long, "dns"),
        (&*label, "dns"), ("http://a..invalid/", "dns"), ("http://-.invalid/", "dns"), ("http://_x.invalid/", "dns"),
        ("http://xn--zckzah.invalid/", "dns"), ("http://127.0.0.1:1/", "connect"), ("http://127.0.0.1:0/", "connect"),
    ];
    let desk = Desk::new();
    let mut args = vec!["crawl", "-o", "x.db", "-q", "--no-sitemaps", "--ignore-robots"];
    args.extend(["--retries", "0", "-c", "99", "-t", "8s"]);
    args.extend(rows.iter().map(|(url, _)| *url));
    let ran = desk.run(&args);
    assert_eq!(ran.code, Some(1), "nobody answered: {}", ran.err);
    let mut wrong = Vec::new();
    for (url, expected) in rows {
        let sql = format!(
            "SELECT DISTINCT f.error FROM fetch f JOIN url u ON u.id = f.url_id WHERE u.url = '{url}'"
        );
        let found = desk.rows("x.db", &sql);
        if found != [expected] {
            wrong.push(format!("{url}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_chain_is_shown_with_its_hops_its_end_and_whether_it_loops() {
    let site = Site::of(&[
        (
            "/",
            Answer::html(
                "<a href=/one>1</a><a href=/two>2</a><a href=/self>s</a><a href=/in>i</a><a href=/lost>l</a><a href=/out>o</a>",
            ),
        ),
        ("/one", Answer::redirect(301, "/end#part")),
        ("/two", Answer::redirect(302, "/one")),
        ("/end", Answer::html("<title>end</title>")),
        ("/self", Answer::redirect(302, "/self")),
        ("/in", Answer::redirect(302, "/a")),
        ("/a", Answer::redirect(307, "/b")),
        ("/b", Answer::redirect(308, "/a")),
        ("/lost", Answer::redirect(301, "/gone")),
        ("/out", Answer::redirect(301, "http://elsewhere.invalid/x")),
    ]);
    let desk = Desk::new();
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let chains =
        "SELECT replace(url, '{}', ''), hops, loops, replace(final_url, '{}', ''), final_status
                  FROM redirect_chains ORDER BY 1";
    assert_eq!(
        desk.rows("x.db", &chains.replace("{}", &site.url(""))),
        [
            "/a|2|1|/a|307",
            "/b|2|1|/b|308",
            "/in|3|1|/a|307",
            "/lost|1|0|/gone|404",
            "/one|1|0|/end|200",
            "/out|1|0|http://elsewhere.invalid/x|",
            "/self|1|1|/self|302",
            "/two|2|0|/end|200",
        ]
    );
    let report =
        desk.run(&["report", "x.db", "chains", "--format", "csv"]).out.replace(&site.url(""), "");
    for line in ["/two,0,2,", "/in,1,", "/self,1,", "/two -> /one -> /end"] {
        assert!(report.contains(line), "{line} is not in {report}");
    }
}

#[test]
fn a_refresh_leads_where_a_link_may_lead() {
    #[rustfmt::skip]
    let rows: &[(&str, &str)] = &[
        // what the refresh says                     where it leads, state, reason, fragment
        ("0;url=/new",                               "HERE/new|done||"),
        ("5; URL='/quoted#part'",                    "HERE/quoted|done||part"),
        ("0;/bare",                                  "HERE/bare|done||"),
        ("0.5 , url = /comma ",                      "HERE/comma|done||"),
        ("0;url=http://HERE/absolute",               "HERE/absolute|done||"),
        ("0;url=http://user:hunter2@HERE/secret",    "HERE/secret|done||"),
        ("0;url=javascript:alert(1)",                "javascript:alert(1)|refused|scheme|"),
        ("0;url=file:///etc/passwd",                 "file:///etc/passwd|refused|scheme|"),
        ("0;url=http://10.0.0.1/",                   "http://10.0.0.1/|aside|external|"),
        ("0;url=http://[",                           "http://[|refused|invalid|"),
        ("5",                                        ""),
        ("soon;url=/never",                          ""),
    ];
    for by_header in [false, true] {
        let site = Site::start(move |request, _| match &*request.path {
            "/" => Some(Answer::html(
                &(0..rows.len()).map(|n| format!("<a href=/r/{n}>{n}</a>")).collect::<String>(),
            )),
            path => {
                let (said, _) = rows[path.strip_prefix("/r/")?.parse::<usize>().ok()?];
                let said = said.replace("HERE", &request.headers["host"]);
                Some(if by_header {
                    Answer::html("<p>x").with("Refresh", &said)
                } else {
                    Answer::html(&format!("<meta http-equiv=Refresh content=\"{said}\">"))
                })
            }
        });
        let desk = Desk::new();
        // A stored body would be as the server sent it.
        let url = site.url("/");
        let how = ["-o", "x.db", "-q", "--no-sitemaps", "--no-traps", "--store", "none"];
        let ran = desk.run(&[&["crawl", &url], &how[..]].concat());
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        for (n, (said, expected)) in rows.iter().enumerate() {
            let sql = format!(
                "SELECT u.url, u.state, u.reason, l.fragment FROM links l JOIN urls u ON u.url = l.target
                 WHERE l.source = '{}' AND l.kind = '{}'",
                site.url(&format!("/r/{n}")),
                if by_header { "refresh-header" } else { "meta-refresh" },
            );
            let found = desk.rows("x.db", &sql).concat().replace(&site.url(""), "HERE");
            assert_eq!(found, *expected, "{said:?}, by header: {by_header}");
        }
        let bytes = std::fs::read(desk.path("x.db")).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "a secret is in the file");
    }
}
