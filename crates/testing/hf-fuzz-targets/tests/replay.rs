//! Replays `fuzz/corpus`: what a fuzzer once found, or began with, holds on every run of the tests.
//!
//! Each input is also replayed cut short and with one byte changed at some places.

use std::path::{Path, PathBuf};

use hf_fuzz_targets::TARGETS;

/// Cut and changed forms of each input.
const FORMS: usize = 12;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../fuzz/corpus")
}

fn sorted(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

#[test]
fn every_folder_is_a_targets() {
    let folders: Vec<String> =
        sorted(&corpus()).iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(folders, names);
}

#[test]
fn what_must_hold_holds_for_the_corpus() {
    for target in TARGETS {
        for path in sorted(&corpus().join(target.name)) {
            let input = std::fs::read(&path).unwrap();
            // Shown when the test fails.
            println!("{}", path.display());
            (target.run)(&input);
            for form in 1..=FORMS {
                let at = input.len() * form / (FORMS + 1);
                (target.run)(&input[..at]);
                let mut changed = input.clone();
                if let Some(byte) = changed.get_mut(at) {
                    *byte ^= 1 << (form % 8);
                    (target.run)(&changed);
                }
            }
        }
    }
}
