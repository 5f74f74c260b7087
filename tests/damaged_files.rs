//! A file that is damaged, copied too early or read meanwhile: no panic, no hang, and no success that is none.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod site;

use std::path::Path;
use std::time::Duration;

use site::watched::Watched;
use site::{Answer, Desk, Site};
use tokio_rusqlite::rusqlite::{Connection, OpenFlags};

const PATIENCE: Duration = Duration::from_secs(30);

/// Files that are damaged at random; more with `CRAWLITE_DAMAGES`.
const DAMAGES: u32 = 60;

fn web(pages: usize) -> Site {
    Site::start(move |request, _| {
        let number: usize = request.path[1..].parse().unwrap_or_default();
        let links =
            (1..=5).map(|step| format!("<a href=/{}>text {step}</a>", (number * 3 + step) % pages));
        let text = format!("<title>Page {number}</title>{}", links.collect::<String>());
        (request.path == "/" || number < pages).then(|| Answer::html(&text))
    })
}

/// Numbers that look like any others.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % most as u64).unwrap()
    }
}

/// Damages a file in one of the ways in which disks, copies and people do.
fn damage(bytes: &mut Vec<u8>, dice: &mut Dice) -> String {
    let page = 8192;
    let at = dice.below(bytes.len());
    let start = at / page * page;
    let end = (start + page).min(bytes.len());
    match dice.below(8) {
        0 => bytes[dice.below(100)] ^= 1 << dice.below(8),
        1 => bytes.truncate(at),
        2 => bytes[start..end].fill(0),
        3 => bytes[start..end].fill(0xff),
        4 => bytes[start..start + 100].iter_mut().for_each(|byte| *byte ^= 0x55),
        5 => bytes[at..end]
            .iter_mut()
            .for_each(|byte| *byte ^= u8::try_from(dice.below(256)).unwrap()),
        6 => {
            let other = dice.below(bytes.len() / page) * page;
            (0..page).for_each(|n| bytes.swap(start + n, other + n));
        }
        _ => (0..20).for_each(|_| {
            let at = dice.below(bytes.len());
            bytes[at] ^= 1 << dice.below(8);
        }),
    }
    format!("at {at} of {}", bytes.len())
}

/// Whether SQLite finds the structure of a file right. What changed within a text
/// or a number nobody can tell: there are no checksums.
fn is_sound(file: &Path) -> bool {
    let open = || -> tokio_rusqlite::rusqlite::Result<String> {
        let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        db.query_row("PRAGMA quick_check", [], |row| row.get(0))
    };
    open().is_ok_and(|verdict| verdict == "ok")
}

fn assert_quiet(watched: &Watched, what: &str) {
    let err = &watched.ran.err;
    assert!(matches!(watched.ran.code, Some(0 | 1 | 3)), "{what}: {:?} {err}", watched.ran.code);
    assert!(!err.contains("panicked") && !err.contains("a fault in crawlite"), "{what}: {err}");
    assert!(watched.peak_mib < 300, "{what}: {} MiB", watched.peak_mib);
}

#[test]
fn damage_is_never_a_panic_a_hang_or_a_silent_success() {
    let site = web(60);
    let desk = Desk::new();
    let url = site.url("/");
    assert_eq!(
        desk.run(&["crawl", &url, "-o", "good.db", "-q", "--max-pages", "40", "--limit-ok"]).code,
        Some(0)
    );
    let good = std::fs::read(desk.path("good.db")).unwrap();
    let count = std::env::var("CRAWLITE_DAMAGES").map_or(DAMAGES, |count| count.parse().unwrap());
    let (mut refused, mut silent) = (0, Vec::new());
    for seed in 1..=count {
        let mut bytes = good.clone();
        let how =
            damage(&mut bytes, &mut Dice(u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let what = format!("damage {seed} {how}");
        let file = desk.path("x.db");
        std::fs::write(&file, &bytes).unwrap();
        for args in
            [&["status", "x.db"][..], &["query", "x.db", "SELECT count(*), sum(words) FROM pages"]]
        {
            assert_quiet(&desk.watch(args, PATIENCE), &what);
        }
        let watched = desk.watch(&["resume", "x.db", "-q", "--max-pages", "100"], PATIENCE);
        assert_quiet(&watched, &what);
        if watched.ran.code == Some(0) && !is_sound(&file) {
            silent.push(what);
        }
        refused += u32::from(watched.ran.code != Some(0));
        for name in ["x.db", "x.db-wal", "x.db-shm", "x.db.lock"] {
            std::fs::remove_file(desk.path(name)).ok();
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
    assert!(refused > count / 2, "{refused} of {count} were refused");
}

/// A crawl that a limit ended: 20 pages done, the others pending.
fn unfinished(site: &Site) -> (Desk, Vec<u8>) {
    let desk = Desk::new();
    let args = ["crawl", &site.url("/"), "-o", "x.db", "-q", "--max-pages", "20", "--limit-ok"];
    assert_eq!(desk.run(&args).code, Some(0));
    let bytes = std::fs::read(desk.path("x.db")).unwrap();
    (desk, bytes)
}

#[test]
fn what_no_crawl_writes_is_named_and_not_believed() {
    let site = web(60);
    let (desk, good) = unfinished(&site);
    #[rustfmt::skip]
    let changes = [
        "UPDATE url SET url = 'x' WHERE id = (SELECT max(url_id) FROM state WHERE state = 'pending')",
        "UPDATE url SET url = '' WHERE id = (SELECT max(url_id) FROM state WHERE state = 'pending')",
        "UPDATE url SET url = 'http://[/' WHERE id = (SELECT max(url_id) FROM state WHERE state = 'pending')",
        "UPDATE url SET url = 'file:///etc/passwd' WHERE id = (SELECT max(url_id) FROM state WHERE state = 'pending')",
        "UPDATE url SET url = 'http://a' || char(10) || 'b/' WHERE id = (SELECT max(url_id) FROM state WHERE state = 'pending')",
        "UPDATE origin SET origin = 'nonsense'",
        "UPDATE origin SET origin = ''",
        "UPDATE origin SET origin = 'http://[' WHERE id = 1",
        "UPDATE origin SET id = 4000000",
        "UPDATE origin SET hold_until = 9223372036854775807",
        "UPDATE origin SET robots_status = -7",
        "UPDATE origin SET robots_at = -9223372036854775808",
        "UPDATE url SET id = 4000000000 WHERE id = (SELECT max(id) FROM url)",
        "UPDATE url SET id = 2147483647 WHERE id = (SELECT max(id) FROM url)",
        "UPDATE url SET id = -1 WHERE id = (SELECT max(id) FROM url)",
        "UPDATE url SET hash = x'00'",
        "UPDATE url SET hash = zeroblob(12)",
        "UPDATE state SET depth = 70000",
        "UPDATE state SET depth = -1",
        "UPDATE state SET attempts = 300",
        "UPDATE state SET hops = -5",
        "UPDATE state SET not_before = 9223372036854775807",
        "UPDATE state SET kind = 'nonsense'",
        "UPDATE state SET state = 'nonsense'",
        "UPDATE state SET reason = 'nonsense', state = 'aside'",
        "UPDATE state SET origin_id = 77 WHERE state = 'pending'",
        "UPDATE state SET url_id = 100000 WHERE url_id = 30",
        "DELETE FROM url WHERE id = 30",
        "DELETE FROM url",
        "DELETE FROM origin",
        "DELETE FROM file",
        "DELETE FROM crawl",
        "UPDATE file SET secret = x'00'",
        "UPDATE crawl SET seeds = 'nonsense'",
        "UPDATE crawl SET seeds = '[]'",
        "UPDATE crawl SET seeds = '[\"ftp://x/\"]'",
        "UPDATE crawl SET config = 'nonsense'",
        "UPDATE crawl SET config = ''",
        "UPDATE crawl SET config = '[fetch]' || char(10) || 'concurrency = 0'",
        "UPDATE crawl SET elapsed_ms = -9223372036854775808",
        "UPDATE crawl SET elapsed_ms = 9223372036854775807",
        "UPDATE crawl SET started_at = 9223372036854775807",
        "UPDATE crawl SET runs = 9223372036854775807",
        "UPDATE crawl SET finish = char(27) || '[2J'",
        "UPDATE fetch SET wire_bytes = 9223372036854775807",
        "UPDATE fetch SET status = 70000",
        "UPDATE page SET links_cut = 9223372036854775807",
    ];
    let mut wrong = Vec::new();
    for change in changes {
        std::fs::write(desk.path("x.db"), &good).unwrap();
        let db = Connection::open(desk.path("x.db")).unwrap();
        db.execute_batch(&format!(
            "PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON; {change}"
        ))
        .unwrap();
        drop(db);
        for args in
            [&["status", "x.db"][..], &["resume", "x.db", "--max-pages", "60", "--limit-ok"]]
        {
            let watched = desk.watch(args, PATIENCE);
            let (err, out) = (&watched.ran.err, &watched.ran.out);
            let is_quiet = matches!(watched.ran.code, Some(0 | 1 | 3 | 4))
                && !err.contains("panicked")
                && !err.contains("a fault in")
                && !err.contains('\u{1b}')
                && !out.contains('\u{1b}')
                && watched.peak_mib < 200;
            let last = err.lines().next_back().unwrap_or_default();
            let is_named =
                watched.ran.code != Some(1) || last.starts_with("error: ") && last.contains("x.db");
            if !is_quiet || !is_named {
                wrong.push(format!(
                    "{change}: {}: {:?}, {} MiB, {last}",
                    args[0], watched.ran.code, watched.peak_mib
                ));
            }
        }
        for name in ["x.db-wal", "x.db-shm", "x.db.lock"] {
            std::fs::remove_file(desk.path(name)).ok();
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_file_copied_without_its_log_is_whole_or_refused() {
    for pages in [2, 10, 30] {
        let site = Site::start(move |request, _| {
            let links: String = (0..60).map(|n| format!("<a href=/{n}>{n}</a>")).collect();
            let slow = Duration::from_millis(if request.path == "/" { 0 } else { 20 });
            Some(Answer::html(&links).after(slow))
        });
        let desk = Desk::new();
        let mut child = desk.start(&["crawl", &site.url("/"), "-o", "x.db", "-q", "--no-sitemaps"]);
        site.wait_for(pages);
        std::fs::copy(desk.path("x.db"), desk.path("copy.db")).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        for args in [
            &["status", "copy.db"][..],
            &["query", "copy.db", "SELECT count(*) FROM pages"],
            &["resume", "copy.db", "-q"],
        ] {
            let watched = desk.watch(args, PATIENCE);
            assert_quiet(&watched, &format!("{pages}: {args:?}"));
            let lines = watched.ran.err.trim().lines().count();
            assert_eq!(
                lines,
                usize::from(watched.ran.code != Some(0)),
                "{args:?}: {}",
                watched.ran.err
            );
            if watched.ran.code == Some(0) && args[0] == "resume" {
                let whole = "SELECT count(*) FROM pages WHERE status = 200";
                assert_eq!(desk.rows("copy.db", whole), ["61"], "{pages}");
            }
        }
        assert_eq!(desk.run(&["resume", "x.db", "-q"]).code, Some(0));
    }
}

#[test]
fn who_reads_all_the_time_holds_nobody_up() {
    let site = web(60);
    let desk = Desk::new();
    let args = ["crawl", &site.url("/"), "-o", "x.db", "-q", "--max-pages", "5", "--limit-ok"];
    assert_eq!(desk.run(&args).code, Some(0));
    let reader =
        Connection::open_with_flags(desk.path("x.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let pages =
        || -> i64 { reader.query_row("SELECT count(*) FROM pages", [], |row| row.get(0)).unwrap() };
    reader.execute_batch("BEGIN").unwrap();
    assert_eq!(pages(), 5);
    let watched = desk.watch(&["resume", "x.db", "-q", "--max-pages", "100"], PATIENCE);
    assert_eq!(watched.ran.code, Some(0), "{}", watched.ran.err);
    assert!(watched.took < Duration::from_secs(15), "{:?}", watched.took);
    assert_eq!(pages(), 5, "the reader's own world stays as it was");
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(pages(), 61, "the home page is one more");
    assert!(is_sound(&desk.path("x.db")));
}
