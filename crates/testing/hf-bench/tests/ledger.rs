//! A small run of the ledger benchmark: that it works, not how fast.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use clap::Parser;
use hf_bench::ledger::{Options, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_small_run_takes_every_figure() {
    let few =
        ["ledger", "--commits", "12", "--pause-ms", "1", "--followed", "3", "--rounds", "1", "--planes", "3"];
    let options = Options::parse_from(few.into_iter().chain(["--panels", "3"]));
    let report = run(options).await.unwrap();
    assert_eq!(report.commits.len(), 5);
    for commits in &report.commits {
        let setting = &commits.setting;
        assert_eq!((commits.api.samples, commits.etcd.samples), (12, 12), "{setting}");
        assert!(commits.api.p50_ms > 0.0 && commits.ratio_p50 > 0.0, "{setting}");
    }
    assert_eq!(report.commits[0].embedded.unwrap().samples, 12);
    assert_eq!(report.force.len(), 2);
    for force in &report.force {
        assert_eq!((force.from_question.samples, force.each_plane.samples), (3, 9), "{}", force.board);
    }
    assert_eq!(report.leader.as_ref().unwrap().api.samples, 1);
    assert!(report.boards[1].intent_bytes > report.boards[0].intent_bytes);
    let (table, json) = (report.to_string(), serde_json::to_value(&report).unwrap());
    assert!(table.contains("bare etcd") && table.contains("killed"), "{table}");
    assert!(json["commits"][0]["api"]["p50_ms"].is_number(), "{json}");
}
