//! Where descriptors are few or a host is slow, a crawl adapts, and nobody else pays for it.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::process::Command;
use std::time::Duration;

use site::watched::watch;
use site::{Answer, Desk, Site};

const PATIENCE: Duration = Duration::from_mins(1);

/// The same command under a limit of open files.
fn with_files(desk: &Desk, files: u32, args: &[&str]) -> Command {
    let plain = desk.command(args);
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")])
        .arg(plain.get_program());
    command.args(plain.get_args()).current_dir(desk.folder.path());
    command
}

/// A page that links to `/1` … on each of these hosts.
fn hub(hosts: u32, pages: u32) -> Site {
    Site::start_at("0.0.0.0", move |request, _| {
        let port = request.headers["host"].rsplit(':').next().unwrap().to_owned();
        let link = |host, page| format!("<a href=http://127.0.0.{host}:{port}/{page}>x</a>");
        let links = (1..=hosts).flat_map(|host| (1..=pages).map(move |page| (host, page)));
        let home = || links.map(|(host, page)| link(host, page)).collect::<String>();
        let body = if request.path == "/" { home() } else { "x".to_owned() };
        (request.path != "/robots.txt")
            .then(|| Answer::html(&body).after(Duration::from_millis(20)))
    })
}

#[test]
fn no_url_fails_for_want_of_a_file_descriptor() {
    // Open files, hosts, pages of each.
    for (files, hosts, pages) in [(64, 1, 100), (100, 200, 1)] {
        let site = hub(hosts, pages);
        let desk = Desk::new();
        let seed = format!("http://127.0.0.1:{}/", site.address.port());
        let args =
            ["crawl", "--no-traps", &seed, "-o", "x.db", "-c", "256", "--my-site", "--no-sitemaps"];
        let more = ["--scope", "any", "--allow-private", "127.0.0.0/8", "--retries", "0"];
        let watched = watch(with_files(&desk, files, &[&args[..], &more].concat()), PATIENCE);
        let what = format!("{files} files, {hosts} hosts");
        assert_eq!(watched.ran.code, Some(0), "{what}: {}", watched.ran.err);
        assert!(watched.ran.err.contains("open files allow"), "{what}: {}", watched.ran.err);
        let failed = desk.rows("x.db", "SELECT url, error FROM errors");
        assert!(failed.is_empty(), "{what}: {} failed, {:?}", failed.len(), failed[0]);
        let good = desk.rows("x.db", "SELECT count(*) FROM pages WHERE status = 200");
        assert_eq!(good, [(hosts * pages + 1).to_string()], "{what}");
    }
}

#[test]
fn a_host_that_is_slow_or_wants_long_delays_holds_no_other_up() {
    // Host 2 never answers for a page within the test, host 3 wants a minute between two.
    let site = Site::start_at("0.0.0.0", |request, _| {
        let (host, port) = request.headers["host"].rsplit_once(':').unwrap();
        let links = |host: u32, pages: u32| {
            let link = move |page| format!("<a href=http://127.0.0.{host}:{port}/{page}>x</a>");
            (1..=pages).map(link)
        };
        let rules = || Answer::new(200, "text/plain", b"User-agent: *\nCrawl-delay: 60");
        let all = || links(2, 5).chain(links(3, 5)).chain(links(1, 100)).collect::<String>();
        match (host, request.path.as_str()) {
            ("127.0.0.3", "/robots.txt") => Some(rules()),
            (_, "/robots.txt") => None,
            ("127.0.0.1", "/") => Some(Answer::html(&all())),
            ("127.0.0.2", _) => Some(Answer::html("x").after(PATIENCE * 2)),
            _ => Some(Answer::html("x")),
        }
    });
    let desk = Desk::new();
    let seed = format!("http://127.0.0.1:{}/", site.address.port());
    // One of the two requests at once is taken by the slow host all the time.
    let args = ["crawl", &seed, "-o", "x.db", "-q", "-c", "2", "--per-host", "1", "--no-sitemaps"];
    let more = ["--scope", "any", "--allow-private", "127.0.0.0/8", "--no-traps"];
    let mut child = desk.start(&[&args[..], &more].concat());
    let pages = || {
        let requests = site.requests();
        let of = |host: &str| {
            let of_host = |request: &&site::Request| {
                request.headers["host"].starts_with(host) && request.path != "/robots.txt"
            };
            requests.iter().filter(of_host).count()
        };
        ["127.0.0.1:", "127.0.0.2:", "127.0.0.3:"].map(of)
    };
    // Three robots.txt, all pages of host 1, and the one that is never answered.
    site.wait_for(3 + 101 + 1);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(pages(), [101, 1, 0], "of the quick, the slow and the delaying host");
}
