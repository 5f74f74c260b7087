//! What audits of a site look for besides what is broken: each report names what is there, and nothing else.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use serde_json::Value;
use site::raw::Raw;
use site::{Answer, Desk, Site};

fn crawl(desk: &Desk, url: &str, more: &[&str]) {
    let args = ["crawl", url, "-o", "x.db", "-q", "--no-sitemaps", "--per-host", "1"];
    let ran = desk.run(&[&args, more].concat());
    assert_eq!(ran.code, Some(0), "{}", ran.err);
}

/// The rows of a report, the site's own address left out, with the columns asked for joined by `|`.
fn rows(desk: &Desk, home: &str, name: &str, columns: &[&str]) -> Vec<String> {
    let ran = desk.run(&["report", "x.db", name, "--format", "jsonl"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""), "{name}");
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.replace(home, ""),
        other => other.to_string(),
    };
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        let of = |column: &&str| cell(row.get(*column).unwrap_or_else(|| panic!("no {column}")));
        columns.iter().map(of).collect::<Vec<_>>().join("|")
    };
    ran.out.lines().map(row).collect()
}

/// Judges gates by their counts: name, findings.
fn gates(desk: &Desk, expected: &[(&str, u64)]) {
    for (gate, count) in expected {
        let ran = desk.run(&["report", "x.db", "--fail-on", gate, "--format", "csv"]);
        assert_eq!(ran.code, Some(if *count > 0 { 2 } else { 0 }), "{gate}: {}", ran.err);
        assert!(ran.err.contains(&format!("{gate}: {count} ")), "{gate}: {}", ran.err);
    }
}

fn page(title: &str, description: &str, body: &str) -> Answer {
    Answer::html(&format!(
        "<title>{title}</title><meta name=description content='{description}'><h1>x</h1>{body}"
    ))
}

#[test]
fn titles_and_descriptions_can_be_too_short() {
    let (t29, t30) = ("t".repeat(29), "é".repeat(30));
    let (d69, d70) = ("d".repeat(69), "ß".repeat(70));
    let links = "<a href=/long>l</a> <a href=/none>n</a> <a href=/hidden>h</a>";
    let hidden = "<meta name=robots content=noindex>";
    let site = Site::of(&[
        ("/", page(&t29, &d69, links)),
        ("/long", page(&t30, &d70, "")),
        ("/none", page(" ", "", "")),
        ("/hidden", page("short", "short", hidden)),
    ]);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &[]);
    let columns = ["issue", "length", "url"];
    let home = site.url("");
    assert_eq!(rows(&desk, &home, "titles", &columns), ["missing||/none", "too short|29|/"]);
    assert_eq!(rows(&desk, &home, "descriptions", &columns), ["missing||/none", "too short|69|/"]);
    gates(&desk, &[("short-titles", 1), ("short-descriptions", 1), ("long-titles", 0)]);
}

#[test]
fn images_without_alt_or_with_an_empty_one_are_named_once_with_the_pages_that_show_them() {
    let (fits, long) = ("a".repeat(100), "a".repeat(101));
    let first = format!(
        "<img src=/bare.png><img src=/bare.png><img src=/empty.png alt=''><img src=/said.png alt=Said><img src=/mixed.png alt=''>
         <img src=/fits.png alt={fits}><img src=/long.png alt={long}><a href=/2>2</a><a href=/bare.png></a>
         <img src=/some.png alt=some>"
    );
    let site = Site::of(&[
        ("/", Answer::html(&first)),
        (
            "/2",
            Answer::html(
                "<img src=/bare.png><img src=/mixed.png><img alt=' \n\t&nbsp;' src=/blank.png>
                 <img src=/valueless.png alt><img alt=some src=/some.png><iframe src=/3></iframe>",
            ),
        ),
        ("/3", Answer::html("<script src=/x.js></script>")),
    ]);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &[]);
    assert_eq!(
        rows(&desk, &site.url(""), "images", &["issue", "url", "pages", "example"]),
        [
            "no alt attribute|/bare.png|2|/",
            "no alt attribute|/mixed.png|1|/2",
            "too long|/long.png|1|/",
            "empty alt|/blank.png|1|/2",
            "empty alt|/empty.png|1|/",
            "empty alt|/mixed.png|1|/",
            "empty alt|/valueless.png|1|/2",
        ]
    );
    gates(&desk, &[("missing-alt", 2), ("empty-alt", 4), ("long-alt", 1)]);
    let ran = desk.run(&["page", "x.db", "/2"]);
    for line in [
        "/bare.png  no alt, in body",
        "/blank.png  alt=\"\", in body",
        "/some.png  \"some\", in body",
    ] {
        assert!(ran.out.contains(line), "{line}: {}", ran.out);
    }
}

#[test]
fn pages_without_inlinks_are_counted_and_an_empty_report_says_so() {
    let site =
        Site::of(&[("/", Answer::html("<a href=/a>a</a>")), ("/a", Answer::html("<p>words"))]);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &[]);
    let sql = "SELECT url, inlinks FROM pages ORDER BY 1";
    let ran = desk.run(&["query", "x.db", sql, "--format", "csv"]);
    assert_eq!(ran.out.replace(&site.url(""), ""), "url,inlinks\n/,0\n/a,1\n", "{}", ran.err);
    let ran = desk.run(&["report", "x.db", "broken"]);
    assert_eq!((ran.code, ran.err.trim()), (Some(0), "nothing found"));
}

#[test]
fn urls_are_judged_by_how_they_are_spelled() {
    let long = format!("/{}", "x".repeat(116));
    let others = [
        "/Upper",
        "/a%2Fb",
        "/%C3%A9t%C3%A9",
        "/%41B",
        "/two%20words",
        "/under_score",
        "/a//b",
        "/q?to=http://x/",
        "/plain-1.html",
        "/gone_away",
    ];
    let links: String =
        others.iter().chain([&&*long]).map(|url| format!("<a href='{url}'>x</a> ")).collect();
    let mut pages = vec![("/", Answer::html(&links)), (&*long, Answer::html("x"))];
    pages.extend(others[..9].iter().map(|url| (*url, Answer::html("x"))));
    let (site, desk) = (Site::of(&pages), Desk::new());
    crawl(&desk, &site.url("/"), &[]);
    assert_eq!(
        rows(&desk, &site.url(""), "url-style", &["issue", "url"]),
        [
            &*format!("too long|{long}"),
            "double slash|/a//b",
            "blank|/two%20words",
            "non-ASCII|/%C3%A9t%C3%A9",
            "uppercase|/Upper",
            "uppercase|/%41B",
            "underscore|/under_score",
            "parameters|/q?to=http://x/",
        ]
    );
    gates(&desk, &[("long-urls", 1), ("url-style", 6)]);
}

#[test]
fn a_series_of_pages_is_judged_from_both_ends() {
    let of = |links: &[(&str, &str)], more: &str| {
        let links: String =
            links.iter().map(|(rel, url)| format!("<link rel={rel} href={url}>")).collect();
        Answer::html(&format!("{links}<title>x</title>{more}"))
    };
    let site = Site::of(&[
        (
            "/",
            Answer::html(
                "<a href=/1>1</a> <a href=/odd>o</a> <a href=/self>s</a> <a href=/away>a</a>",
            ),
        ),
        ("/1", of(&[("next", "/2")], "")),
        ("/2", of(&[("prev", "/1"), ("next", "/3")], "")),
        ("/3", of(&[("prev", "/1"), ("next", "/4")], "")),
        ("/4", of(&[("prev", "/3"), ("next", "/gone"), ("canonical", "/1")], "")),
        ("/odd", of(&[("prev", "/moved"), ("next", "/hidden")], "")),
        ("/moved", Answer::redirect(301, "/1")),
        ("/hidden", of(&[("prev", "/odd")], "<meta name=robots content=noindex>")),
        ("/self", of(&[("next", "/self")], "")),
        ("/away", of(&[("next", "http://other.invalid/2")], "")),
    ]);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &[]);
    assert_eq!(
        rows(
            &desk,
            &site.url(""),
            "pagination",
            &["issue", "url", "rel", "neighbour", "neighbour_status"]
        ),
        [
            "broken|/4|next|/gone|404",
            "canonical elsewhere|/3|next|/4|200",
            "names itself|/self|next|/self|200",
            "no link back|/2|next|/3|200",
            "no link back|/3|prev|/1|200",
            "noindex|/odd|next|/hidden|200",
            "redirects|/odd|prev|/moved|301",
        ]
    );
    gates(&desk, &[("pagination", 7)]);
}

#[test]
fn headers_that_protect_are_missed_by_host() {
    let framed = Answer::html("<p>x").with("Content-Security-Policy", "frame-ancestors 'none'");
    let site = Site::of(&[
        (
            "/",
            Answer::html(
                "<a href=/framed>f</a><a href=/all>a</a><a href=/pdf>p</a><a href=/gone>g</a>",
            ),
        ),
        ("/framed", framed.with("X-Content-Type-Options", "nosniff")),
        (
            "/all",
            Answer::html("<p>y")
                .with("content-security-policy", "default-src 'self'")
                .with("referrer-policy", "no-referrer")
                .with("X-Frame-Options", "DENY")
                .with("X-CONTENT-TYPE-OPTIONS", "nosniff"),
        ),
        ("/pdf", Answer::new(200, "application/pdf", b"%PDF")),
    ]);
    let desk = Desk::new();
    crawl(&desk, &site.url("/"), &[]);
    let columns = ["header", "host", "pages", "percent", "example"];
    let expected = [
        "Referrer-Policy||2|66.7|/",
        "Content-Security-Policy||1|33.3|/",
        "X-Content-Type-Options||1|33.3|/",
        "X-Frame-Options||1|33.3|/",
    ];
    assert_eq!(rows(&desk, &site.url(""), "security-headers", &columns), expected);
    gates(&desk, &[("security-headers", 4), ("mixed-content", 0)]);
}

#[test]
fn a_page_with_https_must_not_fetch_or_send_by_http() {
    let insecure = |what: &str| what.replace('@', "http://other.invalid");
    let home = insecure(
        "<a href=@/link>l</a> <link rel=canonical href=@/canonical> <img src=@/i.png> <script src=@/s.js></script>
         <link rel=stylesheet href=@/s.css> <iframe src=@/frame></iframe> <form action=@/send></form>
         <img src=https://other.invalid/safe.png> <img src=/own.png> <a href=/2>2</a> <cite>c</cite>",
    );
    let second = insecure("<img src=@/i.png alt=again><video src=@/v.mp4></video>");
    let server = Raw::tls("good", move |path, wire| {
        let body = match path {
            "/" => &home,
            "/2" => &second,
            _ => return wire.write_all(site::raw::NOT_FOUND),
        };
        let head = "HTTP/1.1 200 X\r\nContent-Type: text/html\r\nConnection: close\r\n";
        wire.write_all(format!("{head}\r\n{body}").as_bytes())
    });
    let desk = Desk::new();
    crawl(&desk, &server.url("https", "/"), &["-k"]);
    let home = server.url("https", "");
    assert_eq!(
        rows(&desk, &home, "mixed-content", &["issue", "target", "kind", "pages", "example"]),
        [
            "blocked|http://other.invalid/frame|iframe|1|/",
            "blocked|http://other.invalid/s.css|link|1|/",
            "blocked|http://other.invalid/s.js|script|1|/",
            "form|http://other.invalid/send|form|1|/",
            "upgraded|http://other.invalid/i.png|img|2|/",
            "upgraded|http://other.invalid/v.mp4|video|1|/2",
        ]
    );
    let transport = rows(&desk, &home, "security-headers", &["header", "pages"]);
    assert!(transport.contains(&"Strict-Transport-Security|2".to_owned()), "{transport:?}");
    gates(&desk, &[("mixed-content", 5), ("insecure-forms", 1)]);
}
