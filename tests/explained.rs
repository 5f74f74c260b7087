//! A file explains each URL: what every rule says of it, what happened, and how it is fetched after all.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use site::{Answer, Desk, Site};

/// A page with a link for every reason.
fn every_reason() -> Site {
    let long = format!("/in/{}", "x".repeat(3000));
    let page = format!(
        "<a href=/in/a>a</a><a href=/in/b/1>1</a><a href=/in/b/2>2</a><a href=/in/x>x</a><a href=/out>o</a>
         <a href=http://elsewhere.test/>e</a><a rel=nofollow href=/in/n>n</a><img src=/in/i.png>
         <a href=/in/shut/1>s</a><a href=/in/logout>l</a><a href=/in/r/r/r/r/>r</a><a href={long}>l</a>"
    );
    Site::of(&[
        ("/robots.txt", Answer::new(200, "text/plain", b"User-agent: *\nDisallow: /in/shut\n")),
        ("/in/", Answer::html(&page)),
        ("/in/a", Answer::html("<a href=/in/deep>d</a>")),
        ("/in/b/1", Answer::html("<p>1")),
        ("/in/b/2", Answer::html("<p>2")),
        ("/in/deep", Answer::html("<p>deep")),
    ])
}

#[test]
fn every_reason_is_named_with_the_command_that_lifts_it() {
    let (site, desk) = (every_reason(), Desk::new());
    let ran = desk.run(&[
        "crawl",
        &site.url("/in/"),
        "-o",
        "x.db",
        "-q",
        "--no-sitemaps",
        "--scope",
        "path",
        "--exclude",
        "/in/x",
        "--budget",
        "/in/b/=1",
        "--max-per-host",
        "50",
        "-d",
        "1",
        "-H",
        "X-Token: SECRET",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let trap = format!("to fetch it  crawlite traps x.db release '{}/**/(r)+'", site.address);
    #[rustfmt::skip]
    let rows: [(&str, &[&str]); 15] = [
        ("/in/a",       &["state        answered 200", "scope       in", "3 of 50 pages of", "The way from the seed"]),
        ("/in/x",       &["out: excluded (/in/x)", "aside: excluded (/in/x)", "to fetch it  crawlite resume x.db with other --exclude"]),
        ("/out",        &["out: out-of-scope (not below /in/)", "aside: out-of-scope", "to fetch it  crawlite resume x.db --scope host"]),
        ("http://elsewhere.test/", &["out: external", "aside: external", "to fetch it  crawlite resume x.db --check-external (or --scope domain, to crawl them)"]),
        ("/in/n",       &["aside: nofollow (rel=nofollow)", "to fetch it  crawlite resume x.db --follow-nofollow"]),
        ("/in/i.png",   &["aside: asset (img)", "to fetch it  crawlite resume x.db --assets"]),
        ("/in/shut/1",  &["disallowed by line 2: Disallow: /in/shut", "aside: robots", "to fetch it  crawlite resume x.db --ignore-robots"]),
        ("/in/logout",  &["out: session (logout)", "aside: session (logout)", "without a login"]),
        ("/in/r/r/r/r/", &["trap        of ", "aside: trap", &trap]),
        ("/in/b/2",     &["1 of 1 pages below /in/b/", "aside: budget (/in/b/=1)", "with a higher --budget"]),
        ("/in/deep",    &["depth       at most 1", "aside: depth (depth 2 > 1)", "to fetch it  crawlite resume x.db --depth N"]),
        ("/in/never",   &["no crawl of this file has met it", "verdict     it would be fetched once a page that is read links to it"]),
        ("/in/b/3",     &["verdict     it would not be fetched: budget (/in/b/=1)"]),
        ("/in/shut/2",  &["verdict     it would not be fetched: robots (disallowed by line 2: Disallow: /in/shut)"]),
        ("/in/q/q/q/q/", &["verdict     it would be fetched"]),
    ];
    for (path, parts) in rows {
        let url = if path.starts_with('/') { site.url(path) } else { path.to_owned() };
        let told = desk.run(&["explain", "x.db", &url]);
        assert_eq!(told.code, Some(0), "{path}: {}", told.err);
        for part in parts {
            assert!(told.out.contains(part), "{path}: `{part}` is missing: {}", told.out);
        }
    }
}

#[test]
fn what_can_never_be_fetched_is_explained_by_its_text() {
    let site = Site::of(&[(
        "/",
        Answer::html("<a href=mailto:me@a.test>m</a><a href='http://[x/'>i</a><a href=/p>p</a>"),
    )]);
    let desk = Desk::new();
    desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps"]);
    let refused = desk.rows("x.db", "SELECT url, reason, detail FROM skipped ORDER BY 2");
    assert_eq!(refused.len(), 2, "{refused:?}");
    for row in refused {
        let cells: Vec<_> = row.split('|').collect();
        let told = desk.run(&["explain", "x.db", cells[0]]);
        let expected = format!("refused: {} ({})", cells[1], cells[2]);
        assert!(told.out.contains(&expected), "{row}: {} {}", told.out, told.err);
    }
    // A path is one on the seed's host, as `page` takes it.
    let told = desk.run(&["explain", "x.db", "/p"]);
    assert!(told.out.contains("answered 404"), "{} {}", told.out, told.err);
    let told = desk.run(&["explain", "x.db", &format!("{}/p", site.address)]);
    assert!(told.out.contains("answered 404"), "{} {}", told.out, told.err);
    let wrong = desk.run(&["explain", "x.db", "mailto:you@a.test"]);
    assert_eq!(wrong.code, Some(3), "{}", wrong.out);
    assert!(wrong.err.contains("is no URL"), "{}", wrong.err);
}

#[test]
fn what_a_limit_left_pending_is_named_with_the_limit() {
    let (site, desk) = (every_reason(), Desk::new());
    let ran = desk.run(&[
        "crawl",
        &site.url("/in/"),
        "-o",
        "my file.db",
        "-q",
        "--no-sitemaps",
        "--max-pages",
        "1",
    ]);
    assert_eq!(ran.code, Some(4), "{}", ran.err);
    let told = desk.run(&["explain", "my file.db", &site.url("/in/a")]).out;
    for part in [
        "pages       1 of 1 pages",
        "state        is still to be fetched",
        "to fetch it  crawlite resume 'my file.db' --max-pages N",
    ] {
        assert!(told.contains(part), "`{part}` is missing: {told}");
    }
    let never = desk.run(&["explain", "my file.db", &site.url("/in/never")]).out;
    assert!(never.contains("it would not be fetched: page limit (1)"), "{never}");
    let page = desk.run(&["page", "my file.db", "/in/a"]).out;
    assert!(page.contains("to fetch it  crawlite resume 'my file.db' --max-pages N"), "{page}");
}

#[test]
fn a_long_way_from_the_seed_says_that_its_beginning_is_left_out() {
    let site = Site::start(|request, _| {
        let number: u32 = request.path.strip_prefix("/p/")?.parse().ok()?;
        Some(Answer::html(&format!("<a href=/p/{}>on</a><p>{number}", number + 1)))
    });
    let desk = Desk::new();
    desk.run(&[
        "crawl",
        &site.url("/p/0"),
        "-o",
        "x.db",
        "-q",
        "--no-sitemaps",
        "--max-pages",
        "150",
    ]);
    let near = desk.run(&["explain", "x.db", &site.url("/p/50")]).out;
    assert!(near.contains("\nThe way from the seed"), "{near}");
    let far = desk.run(&["explain", "x.db", &site.url("/p/140")]).out;
    assert!(far.contains("\nThe end of the way from the seed"), "{far}");
}
