//! A small run of the health benchmark: that it works, not how fast.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use clap::Parser;
use hf_bench::health::{Options, run};

#[test]
fn a_small_run_takes_every_figure() {
    let few = [
        "health",
        "--endpoints",
        "300",
        "--interval-s",
        "1",
        "--length-s",
        "2",
        "--tables",
        "9",
        "--seconds",
        "500",
    ];
    let report = run(&Options::parse_from(few)).unwrap();
    assert_eq!(report.rows.len(), 3);
    for row in &report.rows {
        assert!(row.us_per_probe > 0.0 && row.floor_us > 0.0 && row.memory_mb > 0.0, "{row:?}");
        assert!(row.bad == 0.0 && row.late_p99_ms >= row.late_p50_ms, "{row:?}");
    }
    assert_eq!(report.pure.len(), 5);
    assert!(report.pure.iter().all(|pure| pure.took_us > 0.0));
    assert!(report.to_string().contains("detector"));
}
