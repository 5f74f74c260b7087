//! A full disk, a file that may not be written, a damaged or foreign one: one clear line, nothing lost.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use site::{Answer, Desk, Ran, Site};

const PAGES: usize = 40;

/// A home page with links to all others, each of 8 KB that do not compress.
fn web() -> Site {
    let links: String = (1..PAGES).map(|n| format!("<a href=/{n}>{n}</a>")).collect();
    Site::start(move |request, _| {
        let number: usize = request.path[1..].parse().unwrap_or_default();
        let text: String =
            (0..900_u64).map(|n| format!("{:x} ", blake(n * 1000 + number as u64))).collect();
        (request.path == "/" || number > 0).then(|| Answer::html(&format!("{links}<p>{text}")))
    })
}

/// A number that looks like any other.
fn blake(number: u64) -> u32 {
    let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ (number << 31);
    (hash.wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32) as u32
}

/// The same command within a shell that first does `before`.
fn shell(desk: &Desk, before: &str, args: &[&str]) -> Command {
    let plain = desk.command(args);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{before}; exec \"$0\" \"$@\"")]).arg(plain.get_program());
    command.args(plain.get_args()).current_dir(desk.folder.path());
    command
}

fn run(mut command: Command) -> Ran {
    Ran::from(command.output().unwrap())
}

/// One line that names `name`, and no panic.
fn assert_clear(ran: &Ran, name: &str, what: &str) {
    assert!(ran.err.contains(name), "{what}: {}", ran.err);
    assert!(
        !ran.err.contains("panicked") && !ran.err.contains("a fault in"),
        "{what}: {}",
        ran.err
    );
    assert_eq!(ran.err.trim().lines().count(), 1, "{what}: {}", ran.err);
}

/// Goes on without the limit: everything is there, and what was committed is not asked for again.
fn assert_mended(site: &Site, desk: &Desk, what: &str) {
    let stored = if desk.path("x.db").metadata().is_ok_and(|file| file.len() > 0) {
        assert_eq!(desk.rows("x.db", "PRAGMA integrity_check"), ["ok"], "{what}");
        desk.rows("x.db", "SELECT count(*) FROM sqlite_schema WHERE name = 'fetch'") == ["1"]
    } else {
        false
    };
    let stored = if stored { desk.rows("x.db", "SELECT url FROM pages") } else { Vec::new() };
    let before = site.paths().len();
    let ran = desk.run(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps"]);
    assert_eq!(ran.code, Some(0), "{what}: {}", ran.err);
    let pages = desk.rows("x.db", "SELECT count(*) FROM pages WHERE status = 200");
    assert_eq!(pages, [PAGES.to_string()], "{what}");
    let asked = site.paths().len() - before;
    assert_eq!(asked, PAGES - stored.len(), "{what}: what was committed is not fetched again");
}

#[test]
fn a_file_that_may_not_grow_ends_the_crawl_and_a_resume_goes_on() {
    // In blocks of 512 bytes: from nothing at all to nearly enough.
    for blocks in [0, 1, 16, 64, 128, 256, 400, 800, 1000, 1200] {
        let (site, desk) = (web(), Desk::new());
        let what = format!("{blocks} blocks");
        let args = ["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps"];
        let ran = run(shell(&desk, &format!("ulimit -f {blocks}"), &args));
        assert_eq!(ran.code, Some(1), "{what}: {}", ran.err);
        assert_clear(&ran, "x.db", &what);
        assert_mended(&site, &desk, &what);
    }
}

#[test]
fn a_full_disk_ends_the_crawl_and_a_resume_goes_on() {
    let mounted = |kib: u32| format!("mount -t tmpfs -o size={kib}k none disk && cd disk");
    let desk = Desk::new();
    std::fs::create_dir(desk.path("disk")).unwrap();
    let may_mount = |before: &str| {
        let script = format!("{before} && df . >/dev/null");
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", &script]).current_dir(desk.folder.path());
        command.output().is_ok_and(|output| output.status.success())
    };
    if !may_mount(&mounted(100)) {
        return; // Only `ulimit -f` above shows it here.
    }
    for kib in [16, 64, 128, 256, 400] {
        let (site, desk) = (web(), Desk::new());
        std::fs::create_dir(desk.path("disk")).unwrap();
        let what = format!("{kib} KiB");
        // What is on the disk when the crawl has ended is kept, as the disk goes with its namespace.
        let keep = "r=$?; cp x.db* ..; exit $r";
        let args = ["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps"];
        let plain = desk.command(&args);
        let mut command = Command::new("unshare");
        let script = format!("{} && \"$0\" \"$@\"; {keep}", mounted(kib));
        command.args(["-rm", "sh", "-c", &script]).arg(plain.get_program());
        command.args(plain.get_args()).current_dir(desk.folder.path());
        let ran = run(command);
        assert_eq!(ran.code, Some(1), "{what}: {}", ran.err);
        assert_clear(&ran, "x.db", &what);
        assert_mended(&site, &desk, &what);
    }
}

/// Without the rights of a superuser, whom modes do not hold; `None` where nobody can be found.
fn as_nobody(desk: &Desk, args: &[&str]) -> Command {
    if !rustix::process::geteuid().is_root() {
        return desk.command(args);
    }
    let plain = desk.command(args);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(plain.get_program());
    command.args(plain.get_args()).current_dir(desk.folder.path());
    command
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_may_not_be_written_is_read_all_the_same() {
    let site = Site::of(&[("/", Answer::html("<title>t</title>"))]);
    let url = site.url("/");
    let crawl: &[&str] = &["crawl", &url, "-o", "x.db", "-q"];
    let resume: &[&str] = &["resume", "x.db", "-q"];
    let query: &[&str] = &["query", "x.db", "SELECT title FROM pages"];
    let status: &[&str] = &["status", "x.db"];
    #[rustfmt::skip]
    let rows = [
        // file, folder, command, exit
        (Some(0o444), 0o777, crawl, 1), (Some(0o444), 0o777, resume, 1), (Some(0o444), 0o777, query, 0),
        (Some(0o444), 0o777, status, 0),
        (Some(0o666), 0o555, crawl, 1), (Some(0o666), 0o555, resume, 1), (Some(0o666), 0o555, query, 0),
        (Some(0o666), 0o555, status, 0),
        (Some(0o000), 0o777, crawl, 1), (Some(0o000), 0o777, resume, 1), (Some(0o000), 0o777, query, 1),
        (Some(0o000), 0o777, status, 1),
        (None, 0o555, crawl, 1), (None, 0o555, resume, 3), (None, 0o555, query, 3), (None, 0o555, status, 3),
    ];
    for (file, folder, command, code) in rows {
        let desk = Desk::new();
        if file.is_some() {
            assert_eq!(desk.run(crawl).code, Some(0));
        }
        let before = std::fs::read(desk.path("x.db")).ok();
        file.into_iter().for_each(|mode| set_mode(&desk.path("x.db"), mode));
        set_mode(desk.folder.path(), folder);
        let ran = run(as_nobody(&desk, command));
        set_mode(desk.folder.path(), 0o777);
        let what = format!("{:o} in {folder:o}: {command:?}", file.unwrap_or_default());
        assert_eq!(ran.code, Some(code), "{what}: {}", ran.err);
        if code == 0 {
            assert!(ran.err.is_empty(), "{what}: {}", ran.err);
        } else {
            assert_clear(&ran, "x.db", &what);
        }
        file.into_iter().for_each(|_| set_mode(&desk.path("x.db"), 0o666));
        assert_eq!(std::fs::read(desk.path("x.db")).ok(), before, "{what}: nothing was changed");
        let left = std::fs::read_dir(desk.folder.path()).unwrap().count();
        assert_eq!(left, usize::from(file.is_some()), "{what}: nothing is left beside it");
    }
}

#[test]
fn a_newer_file_is_left_as_it_is() {
    let site = Site::of(&[("/", Answer::html("<title>t</title>"))]);
    let (desk, url) = (Desk::new(), site.url("/"));
    assert_eq!(desk.run(&["crawl", &url, "-o", "x.db", "-q"]).code, Some(0));
    let mut bytes = std::fs::read(desk.path("x.db")).unwrap();
    bytes[60..64].copy_from_slice(&99_u32.to_be_bytes()); // user_version
    std::fs::write(desk.path("x.db"), &bytes).unwrap();
    for args in [
        &["crawl", &url, "-o", "x.db"][..],
        &["resume", "x.db"],
        &["status", "x.db"],
        &["query", "x.db", "SELECT 1"],
    ] {
        let ran = desk.run(args);
        assert_eq!(ran.code, Some(3), "{args:?}: {}", ran.err);
        assert_clear(&ran, "x.db has schema version 99", &format!("{args:?}"));
        assert!(std::fs::read(desk.path("x.db")).unwrap() == bytes, "{args:?} changed it");
        assert_eq!(std::fs::read_dir(desk.folder.path()).unwrap().count(), 1, "{args:?}");
    }
}
