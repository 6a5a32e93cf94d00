//! A small run of the status benchmark: that it works, not how fast.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use clap::Parser;
use hf_bench::status::{Options, run};

#[test]
fn a_small_run_takes_every_figure() {
    let few = [
        "status",
        "--watchers",
        "300",
        "--nodes",
        "2",
        "--shifts",
        "2",
        "--length-s",
        "1",
        "--polls-per-second",
        "200",
        "--pollers",
        "4",
    ];
    let options = Options { program: Some(env!("CARGO_BIN_EXE_status").into()), ..Options::parse_from(few) };
    let report = run(&options).unwrap();
    assert_eq!((report.nodes, report.watchers), (2, 300));
    assert_eq!((report.push.samples, report.push_with_polls.samples, report.herd.samples), (600, 600, 300));
    assert!(report.push.p50_ms > 0.0 && report.push_read.p50_ms >= report.push.p50_ms, "{report}");
    assert!(report.paced_per_second > 0.0 && report.polls_per_second > 0.0, "{report}");
    assert!(report.memory_kib > 0.0 && report.push_us > 0.0 && report.herd_all_ms > 0.0, "{report}");
    assert!(report.bare.samples == 600 && report.bare.p50_ms > 0.0 && report.bare_us > 0.0, "{report}");
    let many = Options { watchers: 300_000, nodes: Some(2), ..options };
    assert!(run(&many).unwrap_err().contains("leave --nodes out"));
}
