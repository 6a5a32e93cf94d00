//! Clocks that can be set while a program runs, by faketime (Debian: faketime), which stands between the program and the system.
//!
//! 1. Only what the program asks for the time of day: how long it waits stays true.
//! 2. The program looks at its file once a second. The file is replaced whole: who reads half of one has the system's own time for a second.

use std::path::Path;

const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

/// What `env` is told before the program: its clock goes by this file.
pub fn arguments(file: &Path) -> [String; 5] {
    [
        "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
        "DONT_FAKE_MONOTONIC=1".to_owned(),
        "FAKETIME_CACHE_DURATION=1".to_owned(),
        format!("FAKETIME_TIMESTAMP_FILE={}", file.display()),
        format!("LD_PRELOAD={FAKETIME}"),
    ]
}

/// Sets the clock of the programs that go by this file so many seconds ahead of the system's; below 0: behind.
///
/// # Panics
///
/// When the file cannot be written.
pub fn set(file: &Path, ahead_s: i64) {
    let new = file.with_added_extension("new");
    std::fs::write(&new, format!("{ahead_s:+}")).unwrap_or_else(|error| panic!("{}: {error}", new.display()));
    std::fs::rename(&new, file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}
