//! With few file descriptors a crawl lowers itself and says so; no URL pays for it.

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
        let args = ["crawl", &seed, "-o", "x.db", "-c", "256", "--my-site", "--no-sitemaps"];
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
