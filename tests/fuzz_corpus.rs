//! Every case that fuzzing kept still obeys the laws, and so do its neighbours, on any compiler.

#[expect(unreachable_pub, reason = "shared with the fuzz targets, which are another crate")]
#[path = "../fuzz/src/lib.rs"]
mod laws;

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

/// Where the cases of all targets lie, a folder each.
fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

/// The cases of a target, by name.
fn cases(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(corpus().join(target)).expect("a folder of cases");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    let read = |path: PathBuf| (path.clone(), std::fs::read(path).expect("a case"));
    paths.into_iter().map(read).collect()
}

#[test]
fn every_case_obeys_the_laws_of_its_target() {
    let mut broken = Vec::new();
    for (target, check) in laws::TARGETS {
        let cases = cases(target);
        assert!((5..=60).contains(&cases.len()), "{target} has {} cases", cases.len());
        let breaks = |case: &Vec<u8>| catch_unwind(|| check(case)).is_err();
        broken.extend(cases.into_iter().filter(|(_, case)| breaks(case)).map(|(path, _)| path));
    }
    assert!(broken.is_empty(), "these break a law: {broken:#?}");
}

/// Small numbers that look random and are the same every time (xorshift).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % (end.max(1) as u64)).expect("below a usize")
    }
}

/// `case` with a piece of `other` in the place of a piece of its own, or a byte changed.
fn neighbour(case: &[u8], other: &[u8], numbers: &mut Numbers) -> Vec<u8> {
    let mut neighbour = case.to_vec();
    for _ in 0..=numbers.below(3) {
        let start = numbers.below(neighbour.len() + 1);
        if numbers.below(2) == 0 && start < neighbour.len() {
            neighbour[start] ^= 1 << numbers.below(8);
            continue;
        }
        let end = (start + numbers.below(8)).min(neighbour.len());
        let from = numbers.below(other.len() + 1);
        let piece = &other[from..(from + numbers.below(24)).min(other.len())];
        neighbour.splice(start..end, piece.iter().copied());
    }
    neighbour
}

/// The environment variable `NEIGHBOURS` says how many each case has, `TARGET` of which one.
#[test]
fn the_neighbours_of_every_case_obey_the_laws_too() {
    let count = std::env::var("NEIGHBOURS").map_or(4, |count| count.parse().expect("a number"));
    let mut numbers = Numbers(2_026);
    let only = std::env::var("TARGET").ok();
    let is_tried = |target: &str| only.as_ref().is_none_or(|only| only == target);
    let mut broken = Vec::new();
    for (target, check) in laws::TARGETS.iter().filter(|(target, _)| is_tried(target)) {
        let cases = cases(target);
        for (path, case) in &cases {
            for _ in 0..count {
                let other = &cases[numbers.below(cases.len())].1;
                let neighbour = neighbour(case, other, &mut numbers);
                if catch_unwind(|| check(&neighbour)).is_err() {
                    broken.push(format!("beside {}: {}", path.display(), neighbour.escape_ascii()));
                }
            }
        }
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
