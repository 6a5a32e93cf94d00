//! Whether the disk has room for what `cargo xtask ci` builds: without it compilers and linkers fail in odd ways, an hour later.
//!
//! 1. All steps together build [`NEEDED_GIB`] in a fresh clone. What `target` holds already counts as built, but not all of it is of
//!    this source: [`SPARE_GIB`] are wanted all the same.
//! 2. A `df` that cannot be run or read keeps nobody from building.
//!
//! Not here: making room.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a fresh clone's `target` grows to, and a third more.
const NEEDED_GIB: u64 = 12;
/// What is wanted beside a `target` that is there.
const SPARE_GIB: u64 = 5;

/// Why there is no use in beginning.
pub fn problem() -> Option<String> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let disk = if target.exists() { target.clone() } else { PathBuf::from(".") };
    missing(free(&disk)?, built(&target), &target.display().to_string())
}

/// What is wrong with so many free bytes, when so many are built.
fn missing(free: u64, built: u64, target: &str) -> Option<String> {
    let needed = gib(NEEDED_GIB).saturating_sub(built).max(gib(SPARE_GIB));
    (free < needed).then(|| {
        format!(
            "the disk of `{target}` has {:.1} GiB free, and the steps need {:.1} GiB: make room on it, take what older builds left with \
             `cargo clean`, or build on another disk with CARGO_TARGET_DIR",
            in_gib(free),
            in_gib(needed)
        )
    })
}

fn gib(count: u64) -> u64 {
    count << 30
}

fn in_gib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 30)
}

/// Free bytes where `path` is: what POSIX has `df -Pk` print.
fn free(path: &Path) -> Option<u64> {
    let told = Command::new("df").arg("-Pk").arg(path).output().ok().filter(|told| told.status.success())?;
    read(&String::from_utf8_lossy(&told.stdout))
}

fn read(told: &str) -> Option<u64> {
    // A device's name may have spaces: the mark of the share in use is counted from.
    let words: Vec<&str> = told.lines().nth(1)?.split_whitespace().collect();
    let share =
        words.iter().position(|word| word.strip_suffix('%').is_some_and(|n| n.parse::<u8>().is_ok()))?;
    words.get(share.checked_sub(1)?)?.parse::<u64>().ok()?.checked_mul(1_024)
}

/// What the debug build's folder of artefacts holds.
fn built(target: &Path) -> u64 {
    let entries = std::fs::read_dir(target.join("debug/deps")).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_too_small_is_said_with_how_much_is_needed() {
        let told = missing(gib(7), 0, "target").expect("too small");
        assert!(
            told.starts_with("the disk of `target` has 7.0 GiB free, and the steps need 12.0 GiB: "),
            "{told}"
        );
        assert_eq!(missing(gib(NEEDED_GIB), 0, "target"), None);
        assert_eq!(missing(gib(7), gib(6), "target"), None, "half of it is built");
        assert!(missing(gib(4), gib(100), "target").is_some(), "older builds are no room");
    }

    #[test]
    fn df_is_read() {
        let head = "Filesystem     1024-blocks     Used Available Capacity Mounted on\n";
        assert_eq!(read(&format!("{head}/dev/vda  263174212 52428800 2048 21% /\n")), Some(2 << 20));
        assert_eq!(read(&format!("{head}a device 10 9 1 90% /a place\n")), Some(1 << 10));
        for odd in ["", head, "x\n\n", "x\n90% /\n", "x\ny - 90% /\n"] {
            assert_eq!(read(odd), None, "{odd:?}");
        }
        assert!(free(Path::new(".")).is_some(), "this disk has a number");
    }
}
