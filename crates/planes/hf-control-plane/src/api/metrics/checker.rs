//! What this node's checker probes, and how late.

use std::fmt::Write as _;

use hf_telemetry::ProbeTotals;

use super::{Page, seconds};

pub(super) fn checker(page: &mut Page, totals: &ProbeTotals) {
    for (result, count) in [("good", totals.good), ("bad", totals.bad), ("unmeasured", totals.unmeasured)] {
        let help = "Probes of this checker that ended; unmeasured: not made, by a fault of this side";
        page.counter("checker_probes", help, &[("result", result.to_owned())], count);
    }
    let help =
        "Probes that were not measured because this checker stood still itself when their time ran out";
    page.counter("checker_probes_behind", help, &[], totals.behind);
    let help = "Probes that waited because their address had its budget of probes";
    page.counter("checker_probes_put_off", help, &[], totals.put_off);
    page.gauge("checker_jobs", "Addresses and checks under probe", &[], totals.jobs);
    page.gauge("checker_probes_in_flight", "Probes that run now", &[], totals.in_flight);
    let help = "The most probes that ran at once since the start";
    page.gauge("checker_probes_in_flight_peak", help, &[], totals.in_flight_peak);
    let help = "Probes that may run at once";
    page.gauge("checker_probes_in_flight_limit", help, &[], totals.in_flight_limit);
}

/// How late probes began, as lines.
pub(super) fn histograms(totals: &ProbeTotals) -> String {
    const NAME: &str = "holdfast_checker_probe_late_seconds";
    let late = &totals.late;
    let mut text = format!(
        "# HELP {NAME} How much later than due probes began.\n# TYPE {NAME} histogram\n# UNIT {NAME} seconds\n"
    );
    let mut line = |what: &str, value: String| {
        let _ = writeln!(text, "{NAME}_{what} {value}"); // a String takes everything
    };
    for (edge_micros, below) in late.octaves() {
        line(&format!("bucket{{le=\"{}\"}}", seconds(u64::from(edge_micros))), below.to_string());
    }
    line("bucket{le=\"+Inf\"}", late.count().to_string());
    line("sum", seconds(late.sum_micros));
    line("count", late.count().to_string());
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hf_telemetry::ProbeCounts;

    use super::*;

    #[test]
    fn probes_are_counted_by_result_and_by_lateness() {
        let counts = ProbeCounts::default();
        counts.began(Duration::from_micros(100));
        counts.began(Duration::from_secs(2));
        counts.ended(Some(true));
        counts.ended(None);
        counts.behind();
        counts.put_off();
        counts.set_limit(9);
        counts.set_load(7, 3);
        counts.set_load(7, 1);
        let mut page = Page::new();
        checker(&mut page, &counts.totals());
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &page.registry).unwrap();
        for line in [
            "holdfast_checker_probes_total{result=\"good\"} 1",
            "holdfast_checker_probes_total{result=\"bad\"} 0",
            "holdfast_checker_probes_total{result=\"unmeasured\"} 1",
            "holdfast_checker_probes_put_off_total{} 1",
            "holdfast_checker_jobs{} 7",
            "holdfast_checker_probes_in_flight{} 1",
            "holdfast_checker_probes_in_flight_peak{} 3",
            "holdfast_checker_probes_in_flight_limit{} 9",
            "holdfast_checker_probes_behind_total{} 1",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in {text}");
        }
        let histogram = histograms(&counts.totals());
        assert!(histogram.contains("_bucket{le=\"+Inf\"} 2\n"), "{histogram}");
        assert!(histogram.contains("_sum 2.000100\n"), "{histogram}");
    }
}
