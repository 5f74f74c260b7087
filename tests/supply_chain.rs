//! No dependency is older than the version that mended what could hurt here.

use std::path::Path;

use tokio_rusqlite::rusqlite;

/// Packages, the least version that will do, and what is wrong with older ones. Whether
/// a package is there at all is nobody's promise, except where it says so.
const FLOORS: &[(&str, [u64; 3], &str)] = &[
    ("h2", [0, 4, 16], "empty DATA frames without bound"),
    ("rustls-webpki", [0, 103, 13], "certificate checks"),
    ("quick-xml", [0, 41, 0], "quadratic attributes"),
    ("libsqlite3-sys", [0, 37, 0], "SQLite before 3.51.3 may damage write-ahead logs"),
    ("time", [0, 3, 47], "stack exhaustion"),
    ("hickory-proto", [0, 26, 1], "unbounded work for hostile answers"),
    ("hickory-resolver", [0, 26, 1], "unbounded work for hostile answers"),
];

/// What must be in the lock file, or the floors would guard nothing.
const NEEDED: &[&str] = &["h2", "rustls-webpki", "quick-xml", "libsqlite3-sys"];

/// What must not be: TLS is rustls.
const UNWANTED: &[&str] = &["openssl-sys", "native-tls"];

/// Name and version of every package of `Cargo.lock`.
fn locked() -> Vec<(String, [u64; 3])> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
    let text = std::fs::read_to_string(path).expect("a lock file");
    let lock: toml::Table = text.parse().expect("TOML");
    let packages = lock["package"].as_array().expect("packages");
    packages
        .iter()
        .map(|package| {
            let text = |key: &str| package[key].as_str().expect("a text").to_owned();
            (text("name"), version(&text("version")))
        })
        .collect()
}

/// The three numbers of a version; what follows them does not order it here.
fn version(text: &str) -> [u64; 3] {
    let numbers = text.split(['-', '+']).next().expect("a first part");
    let numbers: Vec<_> = numbers.split('.').map(|n| n.parse().expect("a number")).collect();
    numbers.try_into().expect("three numbers")
}

#[test]
fn no_locked_package_is_below_its_floor() {
    let locked = locked();
    assert!(locked.len() > 100, "the lock file was read");
    for (name, floor, why) in FLOORS {
        let mut versions = locked.iter().filter(|(found, _)| found == name).peekable();
        assert!(!NEEDED.contains(name) || versions.peek().is_some(), "{name} is not locked");
        for (_, found) in versions {
            assert!(found >= floor, "{name} {found:?} is below {floor:?}: {why}");
        }
    }
}

#[test]
fn what_is_unwanted_is_absent() {
    let found: Vec<_> =
        locked().into_iter().filter(|(name, _)| UNWANTED.contains(&&**name)).collect();
    assert_eq!(found, []);
}

#[test]
fn the_sqlite_that_runs_does_not_damage_write_ahead_logs() {
    let number = rusqlite::version_number();
    assert!(number >= 3_051_003, "SQLite {} runs", rusqlite::version());
}
