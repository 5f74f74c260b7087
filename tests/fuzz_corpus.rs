//! Every case that fuzzing kept still obeys the laws, on any compiler.

#[expect(unreachable_pub, reason = "shared with the fuzz targets, which are another crate")]
#[path = "../fuzz/src/lib.rs"]
mod laws;

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::Path;

/// Where the cases of all targets lie, a folder each.
fn corpus() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

#[test]
fn every_case_obeys_the_laws_of_its_target() {
    let mut broken = Vec::new();
    for (target, check) in laws::TARGETS {
        let mut count = 0;
        for entry in std::fs::read_dir(corpus().join(target)).expect("a folder of cases") {
            let path = entry.expect("an entry").path();
            let case = std::fs::read(&path).expect("a case");
            if catch_unwind(|| check(&case)).is_err() {
                broken.push(path);
            }
            count += 1;
        }
        assert!((5..=60).contains(&count), "{target} has {count} cases");
    }
    assert!(broken.is_empty(), "these break a law: {broken:#?}");
}

#[test]
fn every_target_is_built_and_has_cases() {
    let names = |folder: &Path| -> BTreeSet<String> {
        let entries = std::fs::read_dir(folder).expect("a folder");
        let stem = |path: &Path| path.file_stem().expect("a name").to_string_lossy().into_owned();
        entries.map(|entry| stem(&entry.expect("an entry").path())).collect()
    };
    let known: BTreeSet<_> = laws::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&corpus()), known);
    assert_eq!(names(&corpus().join("../fuzz_targets")), known);
}
