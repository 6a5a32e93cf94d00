//! What a node that balances counts: requests by their fate, bytes, and times to the first byte.
//!
//! 1. Counters and histograms are this node's own, since its start; a scraper that sees all nodes sums them up.
//! 2. A try counts, not a request: one that was made again at another endpoint is in here for both.
//! 3. The histogram's edges are those of whole octaves, from 128 µs to 34 s: exact, since the finer ones that the node counts by end there too.
//! 4. Of more than [`ENDPOINT_LINES_MAX`] endpoints those beyond are left out; how many is a line of its own.
//!
//! Not here: what other nodes tell (`/v1/status`).

use std::fmt::Write;

use hf_telemetry::{Activity, Outcome, ZoneActivityReport};

use super::{Page, seconds};

/// Endpoints with lines of their own: with two each some 2 MB a scrape.
const ENDPOINT_LINES_MAX: usize = 10_000;

pub(super) fn balancer(page: &mut Page, activity: &Activity) {
    activity.report().iter().for_each(|line| zone(page, line));
    let endpoints = activity.endpoints();
    for (id, totals) in endpoints.iter().take(ENDPOINT_LINES_MAX) {
        let (requests, faults) = (totals.outcomes.requests(), totals.outcomes.faults());
        for (result, count) in [("ok", requests.saturating_sub(faults)), ("fault", faults)] {
            let labels = [
                ("pool", id.pool.to_string()),
                ("zone", id.zone.to_string()),
                ("endpoint", id.address.to_string()),
                ("result", result.to_owned()),
            ];
            page.counter("balancer_endpoint_requests", "Tries at one endpoint", &labels, count);
        }
    }
    let left_out = endpoints.len().saturating_sub(ENDPOINT_LINES_MAX) as u64;
    let help = "Endpoints whose counts are not here, since there are too many";
    page.gauge("balancer_endpoints_left_out", help, &[], left_out);
}

fn zone(page: &mut Page, line: &ZoneActivityReport) {
    let (pool, zone) = (("pool", line.pool.to_string()), ("zone", line.zone.to_string()));
    for outcome in Outcome::ALL {
        let labels = [pool.clone(), zone.clone(), ("outcome", outcome.as_str().to_owned())];
        let help = "Tries at endpoints by what became of them";
        page.counter("balancer_requests", help, &labels, line.outcomes.of(outcome));
    }
    let labels = [pool, zone];
    page.counter("balancer_retries", "Tries that were made again elsewhere", &labels, line.retried);
    page.counter("balancer_ejections", "Ejections of endpoints", &labels, line.ejected);
    let [pool, zone] = labels;
    for (direction, count) in
        [("to_endpoints", line.bytes_to_endpoints), ("to_clients", line.bytes_to_clients)]
    {
        let labels = [pool.clone(), zone.clone(), ("direction", direction.to_owned())];
        page.counter("balancer_bytes", "Bytes carried between clients and a zone", &labels, count);
    }
    if let Some(at) = line.last_byte_at {
        let help = "When the newest byte moved between clients and a zone";
        page.instant("balancer_last_byte_timestamp_seconds", help, &[pool, zone], at);
    }
}

/// The histograms as lines: their counts are there already, and the registry's own histograms cannot be told.
pub(super) fn histograms(activity: &Activity) -> String {
    const NAME: &str = "holdfast_balancer_first_byte_seconds";
    let all = activity.zone_latencies();
    if all.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "# HELP {NAME} From a request's way out to the first byte of its answer.\n# TYPE {NAME} histogram\n# UNIT {NAME} seconds\n"
    );
    for (pool, zone, totals) in all {
        // Names of pools and zones have nothing that would need an escape.
        let labels = format!("pool=\"{pool}\",zone=\"{zone}\"");
        let mut line = |what: &str, le: &str, value: String| {
            let _ = writeln!(text, "{NAME}_{what}{{{labels}{le}}} {value}"); // a String takes everything
        };
        for (edge_micros, below) in totals.octaves() {
            line("bucket", &format!(",le=\"{}\"", seconds(u64::from(edge_micros))), below.to_string());
        }
        line("bucket", ",le=\"+Inf\"", totals.count().to_string());
        line("sum", "", seconds(totals.sum_micros));
        line("count", "", totals.count().to_string());
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use hf_model::{PoolName, Timestamp, ZoneId};

    use super::*;

    #[test]
    fn a_zones_requests_have_their_fate_their_bytes_and_their_times() {
        let activity = Activity::default();
        let (pool, zone) = (PoolName::new("web").unwrap(), ZoneId::new("a").unwrap());
        let endpoint = activity.endpoint(&pool, &zone, "10.0.0.1:80".parse().unwrap());
        endpoint.finished(Outcome::Answered, 100);
        endpoint.finished(Outcome::ServerError, 1_000_000);
        endpoint.finished(Outcome::ConnectFailed, 7);
        endpoint.retried();
        activity.zone(&pool, &zone).bytes_moved(10, 200, Timestamp(1_700_000_000_500));
        let mut page = Page::new();
        balancer(&mut page, &activity);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &page.registry).unwrap();
        let text = super::super::with_histograms(&super::super::in_order(&text), &histograms(&activity));
        let is_shown =
            |line: &&str| !line.starts_with('#') && !line.ends_with(" 0") && !line.contains("le=\"0.0");
        let shown: Vec<&str> = text.lines().filter(is_shown).collect();
        expect![[r#"
            holdfast_balancer_requests_total{pool="web",zone="a",outcome="answered"} 1
            holdfast_balancer_requests_total{pool="web",zone="a",outcome="connect_failed"} 1
            holdfast_balancer_requests_total{pool="web",zone="a",outcome="server_error"} 1
            holdfast_balancer_retries_total{pool="web",zone="a"} 1
            holdfast_balancer_bytes_total{pool="web",zone="a",direction="to_clients"} 200
            holdfast_balancer_bytes_total{pool="web",zone="a",direction="to_endpoints"} 10
            holdfast_balancer_last_byte_timestamp_seconds{pool="web",zone="a"} 1700000000.5
            holdfast_balancer_endpoint_requests_total{pool="web",zone="a",endpoint="10.0.0.1:80",result="fault"} 2
            holdfast_balancer_endpoint_requests_total{pool="web",zone="a",endpoint="10.0.0.1:80",result="ok"} 1
            holdfast_balancer_first_byte_seconds_bucket{pool="web",zone="a",le="0.131072"} 1
            holdfast_balancer_first_byte_seconds_bucket{pool="web",zone="a",le="0.262144"} 1
            holdfast_balancer_first_byte_seconds_bucket{pool="web",zone="a",le="0.524288"} 1
            holdfast_balancer_first_byte_seconds_bucket{pool="web",zone="a",le="1.048576"} 2
            holdfast_balancer_first_byte_seconds_bucket{pool="web",zone="a",le="2.097152"} 2
            holdfast_balancer_first_byte_seconds_bucket{pool="web",zone="a",le="4.194304"} 2
            holdfast_balancer_first_byte_seconds_bucket{pool="web",zone="a",le="8.388608"} 2
            holdfast_balancer_first_byte_seconds_bucket{pool="web",zone="a",le="16.777216"} 2
            holdfast_balancer_first_byte_seconds_bucket{pool="web",zone="a",le="33.554432"} 2
            holdfast_balancer_first_byte_seconds_bucket{pool="web",zone="a",le="+Inf"} 2
            holdfast_balancer_first_byte_seconds_sum{pool="web",zone="a"} 1.000100
            holdfast_balancer_first_byte_seconds_count{pool="web",zone="a"} 2"#]]
        .assert_eq(&shown.join("\n"));
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
