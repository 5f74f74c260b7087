//! The layers of `src/lib.rs`, enforced: a file may name only lower layers.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;

/// Top to bottom. Modules of one line may not use each other.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["crawl"],
    &["visit", "export", "reread"],
    &["store", "fetch", "pool"],
    &["engine"],
    &["robots", "sitemap", "scope", "traps", "extract"],
    &["canonical", "config", "hash", "refusal", "fault"],
];

fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|names| names.contains(&module))
        .unwrap_or_else(|| panic!("`{module}` has no layer"))
}

fn check(dir: &Path, owner: Option<&str>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let owner = owner.unwrap_or(name);
        if path.is_dir() {
            check(&path, Some(owner));
        } else if !["lib", "main"].contains(&owner) && path.extension().is_some_and(|e| e == "rs") {
            let code = std::fs::read_to_string(&path).unwrap();
            let code = code.split("#[cfg(test)]").next().unwrap();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let Some((_, used)) = line.split_once("crate::") else { continue };
                let used = used.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap();
                let allowed = used == owner || layer(used) > layer(owner);
                assert!(allowed, "{}: `{owner}` must not use `{used}`", path.display());
            }
        }
    }
}

#[test]
fn no_module_reaches_upwards() {
    check(Path::new("src"), None);
}
