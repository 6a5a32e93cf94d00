//! The fuzzer's program: libFuzzer around one of `hf-fuzz-targets`, named by `HF_FUZZ_TARGET`.
//!
//! One program for all targets, since each would take as long to link as this one. `cargo xtask fuzz` builds and runs it.
//!
//! Not here: what must hold (`crates/testing/hf-fuzz-targets`), inputs (`corpus/`).

#![no_main]

use std::sync::LazyLock;

use hf_fuzz_targets::{TARGETS, Target, target};

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("HF_FUZZ_TARGET").unwrap_or_default();
    target(&name).unwrap_or_else(|| {
        let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        eprintln!("HF_FUZZ_TARGET names no target: {name:?}; there are {}", known.join(" "));
        std::process::exit(2)
    })
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| (TARGET.run)(data));
