//! Whatever ends a crawl, nothing committed is lost, and a resume makes it whole.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions, waitpid};
use site::{Answer, Desk, Ran, Site};

/// A site of `count` pages that link to each other, each answer slow enough to be interrupted.
fn web(count: usize) -> Site {
    Site::start(move |request, _| {
        let number: usize = match request.path.trim_start_matches('/') {
            "" => 0,
            rest => rest.parse().ok().filter(|number| *number < count)?,
        };
        let target = |k| Some((number * 4 + k) % count).filter(|target| *target > 0);
        let links: String =
            (1..=4).filter_map(target).map(|target| format!("<a href=/{target}>x</a>")).collect();
        Some(
            Answer::html(&format!("<title>{number}</title>{links}"))
                .after(Duration::from_millis(5)),
        )
    })
}

const FINAL: &str =
    "SELECT u.url, u.state, u.reason, u.status, hex(u.content_hash) FROM urls u ORDER BY 1";
const LINKS: &str = "SELECT source, position, target FROM links ORDER BY 1, 2";

/// Stops a process where it is; all its threads stand when this returns.
fn hold_still(child: &Child) {
    signal(child, "-STOP");
    let stopped = waitpid(Some(Pid::from_child(child)), WaitOptions::UNTRACED).unwrap();
    assert!(stopped.is_some_and(|(_, status)| status.stopped()));
}

fn signal(child: &Child, name: &str) {
    let status = std::process::Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(status.unwrap().success());
}

#[test]
fn a_killed_crawl_resumes_to_the_same_file() {
    let (site, desk) = (web(300), Desk::new());
    let url = site.url("/");
    assert_eq!(desk.run(&["crawl", &url, "-o", "whole.db", "-q", "--per-host", "8"]).code, Some(0));
    let whole = site.requests().len();

    let args = ["crawl", &url, "-o", "killed.db", "-q", "--per-host", "8"];
    for at in [40, 120, 230] {
        let mut child = desk.start(&args);
        site.wait_for(whole + at);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let done = desk.rows("killed.db", "SELECT count(*) FROM urls WHERE state = 'done'");
    assert!(done[0].parse::<usize>().unwrap() > 0);
    assert_eq!(desk.run(&["resume", "killed.db", "-q"]).code, Some(0));

    assert_eq!(desk.rows("killed.db", FINAL), desk.rows("whole.db", FINAL));
    assert_eq!(desk.rows("killed.db", LINKS), desk.rows("whole.db", LINKS));
    let again = site.requests().len() - 2 * whole;
    assert!(again <= 3 * (32 + 128), "{again} requests were made again after three kills");
}

/// Four hosts where much happens: redirects, failures that mend, Retry-After, Crawl-delay, a folder
/// without end, a sitemap, pages beyond the depth of 5, and a slow way that makes them nearer.
fn eventful() -> Site {
    Site::start_at("0.0.0.0", |request, before| {
        let (host, port) = request.headers["host"].rsplit_once(':').unwrap();
        let (folder, rest) = request.path[1..].split_once('/').unwrap_or((&request.path[1..], ""));
        let number: usize = rest.parse().unwrap_or_default();
        let other = format!("http://127.0.0.{}:{port}/", number % 4 + 1);
        let page = |links: &[String]| {
            let links: String = links.iter().map(|to| format!("<a href='{to}'>x</a>")).collect();
            Some(Answer::html(&format!("{host}{}{links}", request.path)))
        };
        let p = |n: usize| format!("/p/{}", n % 40 + 1);
        let answer = match folder {
            "robots.txt" if host == "127.0.0.2" => {
                Some(Answer::new(200, "text/plain", b"User-agent: *\nCrawl-delay: 0.02"))
            }
            "sitemap.xml" if host == "127.0.0.1" => {
                let text =
                    format!("<urlset><url><loc>http://{host}:{port}/only</loc></url></urlset>");
                Some(Answer::new(200, "text/xml", text.as_bytes()))
            }
            "" => page(
                &["p/1", "moved/3", "once/1", "busy/1", "trap/", "far/1", "slow"]
                    .map(str::to_owned),
            ),
            "p" if number <= 40 => {
                page(&[p(number * 3), p(number * 3 + 1), other, format!("/moved/{number}")])
            }
            "moved" => Some(Answer::redirect(301, &p(number + 7))),
            "once" if before == 0 => Some(Answer::status(500)),
            "busy" if before == 0 => Some(Answer::status(503).with("Retry-After", "1")),
            "trap" => page(&["sub/".to_owned()]),
            "far" if number < 9 => page(&[format!("/far/{}", number + 1)]),
            "slow" => page(&["/far/4".to_owned()]).map(|it| it.after(Duration::from_millis(300))),
            "once" | "busy" | "only" => page(&[]),
            _ => None,
        };
        answer.map(|answer| Answer { wait: answer.wait + Duration::from_millis(4), ..answer })
    })
}

#[test]
fn whatever_happens_on_a_site_a_killed_crawl_resumes_to_the_same_file() {
    let (site, desk) = (eventful(), Desk::new());
    let args = |seed: &str, file: &str| -> Vec<String> {
        let more =
            ["--scope", "any", "--allow-private", "127.0.0.0/8", "--depth", "5", "--per-host", "4"];
        [&["crawl", seed, "-o", file, "-q"][..], &more]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect()
    };
    let crawl = |args: &[String], kill_after: Option<usize>| {
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        let before = site.requests().len();
        let mut child = desk.start(&args);
        if let Some(count) = kill_after {
            site.wait_for(before + count);
            child.kill().unwrap();
        }
        child.wait().unwrap().code()
    };
    let seed = format!("http://127.0.0.1:{}/", site.address.port());
    let killed = args(&seed, "killed.db");
    for at in [30, 60, 15, 40] {
        assert_eq!(crawl(&killed, Some(at)), None);
        for (what, sql) in [
            (
                "integrity_check",
                "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
            ),
            ("foreign_key_check", "SELECT * FROM pragma_foreign_key_check"),
            (
                "links",
                "SELECT p.url FROM pages p WHERE p.outlinks <> (SELECT count(*) FROM links l WHERE l.source = p.url)",
            ),
            ("targets", "SELECT target FROM links EXCEPT SELECT url FROM urls"),
        ] {
            assert_eq!(desk.rows("killed.db", sql), [""; 0], "{what} after {at} requests");
        }
    }
    assert_eq!(crawl(&killed, None), Some(0));
    // What fails at first has been asked for by now.
    assert_eq!(crawl(&args(&seed, "whole.db"), None), Some(0));
    assert_eq!(desk.rows("killed.db", FINAL), desk.rows("whole.db", FINAL));
    assert_eq!(desk.rows("killed.db", LINKS), desk.rows("whole.db", LINKS));
    let reasons = "SELECT DISTINCT reason FROM urls WHERE reason IS NOT NULL ORDER BY 1";
    assert_eq!(desk.rows("whole.db", reasons), ["depth", "trap"]);
}

#[test]
fn a_fresh_file_takes_nothing_from_a_killed_crawl_and_the_backup_can_be_resumed() {
    let (site, desk) = (web(300), Desk::new());
    let url = site.url("/");
    let mut child = desk.start(&["crawl", &url, "-o", "x.db", "-q"]);
    site.wait_for(60);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(desk.run(&["crawl", &url, "-o", "x.db", "-q", "--fresh", "-d", "1"]).code, Some(0));
    assert_eq!(desk.rows("x.db", "SELECT count(*), max(depth) FROM pages"), ["5|1"]);
    assert_eq!(desk.rows("x.db", "PRAGMA integrity_check"), ["ok"]);
    assert_eq!(desk.run(&["resume", "x.db.bak", "-q"]).code, Some(0));
    assert_eq!(desk.rows("x.db.bak", "SELECT count(*) FROM pages"), ["300"]);
}

#[test]
fn an_interrupted_crawl_lets_visits_end_and_says_how_to_go_on() {
    let (site, desk) = (web(300), Desk::new());
    let child = desk.start(&["crawl", &site.url("/"), "-o", "x.db"]);
    site.wait_for(50);
    signal(&child, "-INT");
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_eq!(ran.code, Some(130), "{}", ran.err);
    assert!(
        ran.err.contains("nothing is lost") && ran.err.contains("crawlite resume x.db"),
        "{}",
        ran.err
    );
    let before = site.requests().len();
    assert_eq!(desk.run(&["resume", "x.db", "-q"]).code, Some(0));
    let mut paths = site.paths();
    paths.dedup();
    assert_eq!(paths.len(), 300);
    assert_eq!(site.paths().len(), 300, "nothing was asked for twice, {before} before the resume");
}

#[test]
fn sigterm_ends_cleanly_with_its_own_code() {
    let (site, desk) = (web(300), Desk::new());
    let child = desk.start(&["crawl", &site.url("/"), "-o", "x.db"]);
    site.wait_for(30);
    signal(&child, "-TERM");
    assert_eq!(Ran::from(child.wait_with_output().unwrap()).code, Some(143));
}

#[test]
fn a_second_crawler_is_turned_away_and_changes_nothing() {
    let (site, desk) = (web(300), Desk::new());
    let mut child = desk.start(&["crawl", &site.url("/"), "-o", "x.db", "-q"]);
    site.wait_for(20);
    let status = desk.run(&["status", "x.db"]);
    assert!(status.out.contains("running"), "{}", status.out);
    // Held still, so that whatever changes now was changed by the others.
    hold_still(&child);
    let files = || {
        let files = ["x.db", "x.db-wal", "x.db.lock"];
        files.map(|name| std::fs::read(desk.path(name)).unwrap())
    };
    let before = files();
    let mut fastest = Duration::MAX;
    for args in [&["resume", "x.db"][..], &["crawl", "http://127.0.0.1:1/", "-o", "x.db"]].repeat(3)
    {
        let began = Instant::now();
        let ran = desk.run(args);
        fastest = fastest.min(began.elapsed());
        assert_eq!(ran.code, Some(5), "{}", ran.err);
        assert!(ran.err.contains("x.db is in use by another crawl"), "{}", ran.err);
    }
    assert!(fastest < Duration::from_secs(1), "{fastest:?}");
    assert!(files() == before, "nothing of the file, its log or its lock was changed");
    child.kill().unwrap();
    child.wait().unwrap();
    let status = desk.run(&["status", "x.db"]);
    assert!(status.out.contains("ended without warning"), "{}", status.out);
}

#[test]
fn a_fault_in_a_visit_or_the_pool_is_that_urls_outcome() {
    for place in ["visit", "pool"] {
        let site = web(30);
        let desk = Desk::new().with_env("CRAWLITE_FAULT", &format!("{place}:/7"));
        let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q"]);
        assert_eq!(ran.code, Some(0), "{place}: {}", ran.err);
        let failed = desk.rows("x.db", "SELECT substr(url, -2), error FROM errors");
        assert_eq!(failed, ["/7|panic"], "{place}");
        assert_eq!(desk.rows("x.db", "SELECT count(*) FROM pages"), ["30"], "{place}");
    }
}

#[test]
fn a_fault_in_the_engine_or_the_writer_ends_the_crawl_in_good_order() {
    for place in ["engine", "writer"] {
        let site = web(60);
        let desk = Desk::new().with_env("CRAWLITE_FAULT", &format!("{place}:/37"));
        let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q"]);
        assert_eq!(ran.code, Some(1), "{place}: {}", ran.err);
        assert!(ran.err.contains("crawlite resume x.db"), "{place}: {}", ran.err);
        assert_eq!(desk.rows("x.db", "PRAGMA integrity_check"), ["ok"], "{place}");
        let mended = desk.with_env("CRAWLITE_FAULT", "");
        assert_eq!(mended.run(&["resume", "x.db", "-q"]).code, Some(0), "{place}");
        assert_eq!(
            mended.rows("x.db", "SELECT count(*) FROM pages WHERE status = 200"),
            ["60"],
            "{place}"
        );
    }
}

#[test]
fn a_url_that_ends_the_process_three_times_is_set_aside() {
    let site = web(30);
    let desk = Desk::new().with_env("CRAWLITE_FAULT", "abort:/7");
    let url = site.url("/");
    // A crash before the row of the URL was committed names nothing and is not counted.
    let (mut aborted, mut ran) = (0, desk.run(&["crawl", &url, "-o", "x.db", "-q"]));
    while ran.code.is_none() && aborted < 6 {
        aborted += 1;
        ran = desk.run(&["crawl", &url, "-o", "x.db", "-q"]);
    }
    assert!((3..6).contains(&aborted), "{aborted} runs were aborted");
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let skipped = "SELECT substr(url, -2), reason, release FROM skipped";
    let release = "crawlite resume FILE --retry-failed crashed";
    assert_eq!(desk.rows("x.db", skipped), [format!("/7|crashed|{release}")]);
    assert_eq!(desk.rows("x.db", "SELECT count(*) FROM pages WHERE status = 200"), ["29"]);

    let mended = desk.with_env("CRAWLITE_FAULT", "");
    assert_eq!(mended.run(&["resume", "x.db", "-q", "--retry-failed", "crashed"]).code, Some(0));
    assert_eq!(mended.rows("x.db", "SELECT count(*) FROM pages WHERE status = 200"), ["30"]);
}

#[test]
fn a_resume_that_ends_while_it_loads_blames_no_url() {
    let (site, desk) = (web(300), Desk::new());
    let mut child = desk.start(&["crawl", &site.url("/"), "-o", "x.db", "-q"]);
    site.wait_for(60);
    child.kill().unwrap();
    child.wait().unwrap();
    let change = |sql: &str| {
        let db = tokio_rusqlite::rusqlite::Connection::open(desk.path("x.db")).unwrap();
        db.execute_batch(sql).unwrap();
    };
    // What ends it here could as well be a kill: loading a large file takes seconds.
    change("PRAGMA foreign_keys = OFF; UPDATE origin SET mirror_of = 999");
    for _ in 0..4 {
        assert_eq!(desk.run(&["resume", "x.db", "-q"]).code, Some(1));
    }
    change("UPDATE origin SET mirror_of = NULL");
    assert_eq!(desk.run(&["resume", "x.db", "-q"]).code, Some(0));
    assert_eq!(desk.rows("x.db", "SELECT url, detail FROM skipped"), [""; 0]);
    assert_eq!(desk.rows("x.db", "SELECT count(*) FROM pages WHERE status = 200"), ["300"]);
}

#[test]
fn a_clock_set_back_makes_no_hold_longer_than_the_server_asked_for() {
    let site = Site::start(|request, before| match request.path.as_str() {
        "/" => Some(Answer::html("<a href=/busy>x</a>")),
        "/busy" if before == 0 => Some(Answer::status(429).with("Retry-After", "3")),
        "/busy" => Some(Answer::html("now")),
        _ => None,
    });
    let desk = Desk::new();
    let mut child = desk.start(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps"]);
    site.wait_for(3);
    let is_held = "SELECT 1 FROM origin WHERE hold_until IS NOT NULL";
    while desk.rows("x.db", is_held).is_empty() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // As if the clock had gone an hour back since.
    let db = tokio_rusqlite::rusqlite::Connection::open(desk.path("x.db")).unwrap();
    db.execute_batch(
        "UPDATE fetch SET started_at = started_at + 3600000;
         UPDATE origin SET hold_until = hold_until + 3600000, robots_at = robots_at + 3600000;
         UPDATE state SET not_before = not_before + 3600000;",
    )
    .unwrap();
    drop(db);
    let ran = desk.run(&["resume", "x.db", "-q"]);
    assert_eq!(ran.code, Some(0), "{}", ran.err);
    let requests = site.requests();
    let asked: Vec<_> = requests.iter().filter(|request| request.path == "/busy").collect();
    let wait = asked[1].at - asked[0].at;
    assert!(wait >= Duration::from_secs(3) && wait < Duration::from_secs(20), "{wait:?}");
}
