//! A small run of the proxy benchmark: that it works, not how fast.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use clap::Parser;
use hf_bench::proxy::{Case, Options, run};

#[test]
fn a_small_run_takes_every_figure() {
    let few = ["proxy", "--rounds", "1", "--length-ms", "200", "--rate", "500", "--idle", "50", "--alone"];
    let report = run(&Options::parse_from(few)).unwrap();
    let rows: Vec<(String, &str)> =
        report.rows.iter().map(|row| (row.case.clone(), row.server.as_str())).collect();
    let want: Vec<_> = Case::ALL.iter().map(|case| (case.to_string(), "holdfast")).collect();
    assert_eq!(rows, want);
    for row in &report.rows {
        assert_eq!(row.failed, 0, "{row:?}");
        assert!(row.memory_mb > 0.0, "{row:?}");
        if !row.case.ends_with("idle") {
            assert!(row.us_per_request[0] > 0.0 && row.per_second > 0.0, "{row:?}");
            assert!(row.p999_us >= row.p99_us && row.p99_us >= row.p50_us && row.p50_us > 0, "{row:?}");
        }
    }
    assert!(report.to_string().contains("tcp-idle"));
}
