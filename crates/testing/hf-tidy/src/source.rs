//! Rules on single Rust files.

use std::path::{Path, PathBuf};

/// All Rust files of the repository, with their paths relative to it.
///
/// # Panics
///
/// When a folder or file cannot be read.
pub fn rust_files(repository: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["crates", "clients", "xtask", "fuzz"].iter().map(|name| repository.join(name)).collect();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries {
            let path = entry.expect("a folder's entry").path();
            if path.is_dir() {
                if !path.ends_with("target") {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).expect("a Rust file in UTF-8");
                files.push((path.strip_prefix(repository).unwrap_or(&path).to_owned(), text));
            }
        }
    }
    files.sort();
    files
}

/// A text that must not stand in files of some kind.
struct Banned {
    text: &'static str,
    applies: fn(&str) -> bool,
    instead: &'static str,
}

fn in_core(path: &str) -> bool {
    path.starts_with("crates/core/") && !is_test(path)
}

fn is_test(path: &str) -> bool {
    path.contains("/tests/") || path.ends_with("tests.rs") || path.contains("/testing/")
}

// The words are put together so that this file does not find itself.
const BANNED: &[Banned] = &[
    Banned { text: concat!("to", "do!("), applies: |_| true, instead: "finish it" },
    Banned { text: concat!("unimple", "mented!("), applies: |_| true, instead: "finish it" },
    Banned { text: concat!("FIX", "ME"), applies: |_| true, instead: "mend it, or file an issue" },
    Banned {
        text: concat!("#[ig", "nore"),
        applies: |_| true,
        instead: "assert today's behaviour and say why it is wrong",
    },
    Banned {
        text: concat!("thread::sl", "eep"),
        applies: is_test,
        instead: "wait for a condition with a deadline",
    },
    Banned {
        text: concat!("System", "Time::now"),
        // A client library is built without hf-clock.
        applies: |path| !path.starts_with("crates/io/hf-clock/") && !path.starts_with("clients/"),
        instead: "ask hf-clock",
    },
    Banned {
        text: concat!("std::", "fs"),
        applies: in_core,
        instead: "core has no files: let the caller read them",
    },
    Banned { text: concat!("std::", "thread"), applies: in_core, instead: "core has no threads" },
    Banned { text: concat!("Instant::", "now"), applies: in_core, instead: "core is told the time" },
    Banned {
        text: concat!("Hash", "Map"),
        applies: in_core,
        instead: "core has no hash order: use BTreeMap",
    },
    Banned { text: concat!("tok", "io::"), applies: in_core, instead: "core has no async" },
];

/// What is wrong with one file.
pub fn check(path: &Path, text: &str) -> Vec<String> {
    let shown = path.display().to_string();
    let mut findings = Vec::new();
    let is_module_of_tests = shown.ends_with("tests.rs") || shown.contains("/tests/");
    if !is_module_of_tests && !text.starts_with("//!") {
        findings.push(format!("{shown}:1: begin with `//!`: what the file is for"));
    }
    for (number, line) in text.lines().enumerate() {
        for banned in BANNED {
            if line.contains(banned.text) && (banned.applies)(&shown) {
                findings.push(format!("{shown}:{}: `{}`: {}", number + 1, banned.text, banned.instead));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        check(Path::new(path), text).len()
    }

    #[test]
    fn each_rule_finds_its_bad_example() {
        assert_eq!(findings("crates/core/a/src/lib.rs", "//! Fine.\n"), 0);
        assert_eq!(findings("crates/core/a/src/lib.rs", "fn a() {}\n"), 1);
        assert_eq!(findings("crates/io/a/src/lib.rs", concat!("//! A.\nto", "do!()\n")), 1);
        assert_eq!(findings("crates/io/a/src/lib.rs", concat!("//! A.\nSystem", "Time::now()\n")), 1);
        assert_eq!(findings("crates/io/hf-clock/src/lib.rs", concat!("//! A.\nSystem", "Time::now()\n")), 0);
        assert_eq!(findings("clients/rust/a/src/lib.rs", concat!("//! A.\nSystem", "Time::now()\n")), 0);
        assert_eq!(findings("clients/rust/a/src/a/tests.rs", concat!("std::thread::sl", "eep(x)\n")), 1);
        assert_eq!(findings("crates/core/a/src/lib.rs", concat!("//! A.\nuse std::", "fs;\n")), 1);
        assert_eq!(findings("crates/io/a/src/lib.rs", concat!("//! A.\nuse std::", "fs;\n")), 0);
        assert_eq!(findings("crates/io/a/src/a/tests.rs", concat!("std::thread::sl", "eep(x)\n")), 1);
    }
}
