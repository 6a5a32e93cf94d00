//! A small run of the DNS benchmark: that it works, not how fast.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use clap::Parser;
use hf_bench::dns::{Options, run};

#[test]
fn a_small_run_takes_every_figure() {
    let few = ["dns", "--rounds", "1", "--length-ms", "100", "--names", "2000", "--rate", "2000", "--alone"];
    let report = run(&Options::parse_from(few.into_iter().chain(["--hostile-connections", "1400"]))).unwrap();
    let rows: Vec<_> = report.rows.iter().map(|row| (row.case.as_str(), row.server.as_str())).collect();
    let both = |case| [(case, "echo"), (case, "holdfast")];
    let mut want: Vec<_> = ["static", "options", "nxdomain", "weighted", "checked", "signed", "large", "xdp"]
        .into_iter()
        .flat_map(both)
        .collect();
    want.extend([("xdp", "holdfast-skb"), ("xdp", "holdfast-xdp")]);
    assert_eq!(rows, want);
    for row in &report.rows {
        assert!(row.us_per_answer[0] > 0.0 && row.ratio > 0.0 && row.per_second > 0.0, "{row:?}");
        assert!(row.right > 0.99, "{row:?}");
        assert!(row.memory_mb > 0.0 && row.memory_max_mb > 0.0 && row.p99_us >= row.p50_us, "{row:?}");
    }
    let idle = |case| report.rows.iter().find(|row| (row.case.as_str(), row.server.as_str()) == case);
    let idle = |case| idle(case).unwrap().idle_ms_per_s;
    assert!(idle(("checked", "holdfast")) > idle(("weighted", "holdfast")), "the endpoints are checked");

    let moments: Vec<_> = report.moments.iter().map(|moment| moment.case.as_str()).collect();
    assert_eq!(moments, ["shift", "shift", "reload", "reload", "hostile", "hostile"]);
    for moment in &report.moments {
        assert!(moment.asked > 0 && moment.wrong == 0, "{moment:?}");
        assert!(moment.before_us[0] > 0 && moment.around_us[0] > 0 && moment.p99_ratio > 0.0, "{moment:?}");
        let is_shift = moment.case == "shift";
        assert_eq!(moment.last_ms.is_some() && moment.said_ms.is_some(), is_shift, "{moment:?}");
        assert_eq!(moment.new_after_ms.is_some(), moment.case == "reload", "{moment:?}");
    }
    let attacked = report.moments.iter().filter(|moment| moment.case == "hostile");
    let servers: Vec<_> = attacked.clone().map(|moment| moment.server.as_str()).collect();
    assert_eq!(servers, ["echo", "holdfast"], "the floor of it too");
    for moment in attacked {
        assert!(moment.connections >= Some(1_400), "{moment:?}");
    }
    let text = report.to_string();
    assert!(text.contains("holdfast-xdp") && text.contains("hostile"), "{text}");
}
