//! What this node's zone status does, and how soon its watchers know.

use std::fmt::Write as _;

use hf_telemetry::{StatusEvent, StatusTotals};

use super::{Page, seconds};

/// The counter of an event: its name, what it is, its label.
fn counter(event: StatusEvent) -> (&'static str, &'static str, Option<(&'static str, &'static str)>) {
    use StatusEvent as E;
    let poll =
        "Questions that zone status answered: told, known (304), refused (not there, or not understood)";
    let wait = "Long polls that ended: changed, or over with their time";
    let pushed = "Messages that watchers were sent";
    let ended = "Watchers that are there no more: gone, closed, or dropped because slow, against the protocol, or the node stopped";
    let refused = "Who was answered 503, by the bound that was reached";
    let of = |name, help, label, value| (name, help, Some((label, value)));
    match event {
        E::PollTold => of("status_polls", poll, "result", "told"),
        E::PollKnown => of("status_polls", poll, "result", "known"),
        E::PollRefused => of("status_polls", poll, "result", "refused"),
        E::WaitChanged => of("status_long_polls", wait, "result", "changed"),
        E::WaitOver => of("status_long_polls", wait, "result", "over"),
        E::Acknowledged => ("status_acknowledgements", "Acknowledgements that were taken", None),
        E::Table => of("status_messages", pushed, "kind", "table"),
        E::Beat => of("status_messages", pushed, "kind", "beat"),
        E::EndGone => of("status_watchers_ended", ended, "reason", "gone"),
        E::EndClosed => of("status_watchers_ended", ended, "reason", "closed"),
        E::EndSlow => of("status_watchers_ended", ended, "reason", "slow"),
        E::EndProtocol => of("status_watchers_ended", ended, "reason", "protocol"),
        E::EndStopped => of("status_watchers_ended", ended, "reason", "stopped"),
        E::FullConnections => of("status_refused", refused, "bound", "connections"),
        E::FullAddress => of("status_refused", refused, "bound", "connections_per_address"),
        E::FullWatchers => of("status_refused", refused, "bound", "watchers"),
        E::FullResources => of("status_refused", refused, "bound", "resources"),
        E::FullAddressResources => of("status_refused", refused, "bound", "resources_per_address"),
    }
}

pub(super) fn status(page: &mut Page, totals: &StatusTotals) {
    for event in StatusEvent::ALL {
        let (name, help, label) = counter(event);
        let labels: Vec<_> = label.map(|(label, value)| (label, value.to_owned())).into_iter().collect();
        page.counter(name, help, &labels, totals.of(event));
    }
    for (direction, count) in [("in", totals.bytes_in), ("out", totals.bytes_out)] {
        let help = "Bytes of questions and words, and of answers and messages";
        page.counter("status_bytes", help, &[("direction", direction.to_owned())], count);
    }
    let load = totals.load;
    for (transport, count) in [("events", load.event_watchers), ("websocket", load.websocket_watchers)] {
        page.gauge("status_watchers", "Who watches now", &[("transport", transport.to_owned())], count);
    }
    page.gauge("status_long_polls_waiting", "Long polls that wait now", &[], load.waits);
    page.gauge("status_connections", "Connections to zone status now", &[], load.connections);
    page.gauge("status_resources", "Resources whose tables are kept", &[], load.resources);
    let help = "Watchers and long polls that may be there";
    page.gauge("status_watchers_limit", help, &[], totals.watchers_limit);
}

/// How long after a change watchers knew, as lines.
pub(super) fn histograms(totals: &StatusTotals) -> String {
    const NAME: &str = "holdfast_status_push_seconds";
    let push = &totals.push;
    let mut text = format!(
        "# HELP {NAME} From a snapshot's arrival until a watcher's message was handed to the system.\n# TYPE {NAME} histogram\n# UNIT {NAME} seconds\n"
    );
    let mut line = |what: &str, value: String| {
        let _ = writeln!(text, "{NAME}_{what} {value}"); // a String takes everything
    };
    for (edge_micros, below) in push.octaves() {
        line(&format!("bucket{{le=\"{}\"}}", seconds(u64::from(edge_micros))), below.to_string());
    }
    line("bucket{le=\"+Inf\"}", push.count().to_string());
    line("sum", seconds(push.sum_micros));
    line("count", push.count().to_string());
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hf_telemetry::{StatusCounts, StatusLoad};

    use super::*;

    #[test]
    fn watchers_polls_and_refusals_are_told() {
        let counts = StatusCounts::default();
        counts.count(StatusEvent::PollKnown);
        counts.count(StatusEvent::EndSlow);
        counts.count(StatusEvent::FullAddressResources);
        counts.count(StatusEvent::Acknowledged);
        counts.sent(70);
        counts.pushed(Duration::from_millis(3));
        counts.set_limit(9);
        counts.set_load(StatusLoad { websocket_watchers: 2, waits: 1, ..StatusLoad::default() });
        let mut page = Page::new();
        status(&mut page, &counts.totals());
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &page.registry).unwrap();
        for line in [
            "holdfast_status_polls_total{result=\"known\"} 1",
            "holdfast_status_polls_total{result=\"told\"} 0",
            "holdfast_status_watchers_ended_total{reason=\"slow\"} 1",
            "holdfast_status_refused_total{bound=\"resources_per_address\"} 1",
            "holdfast_status_acknowledgements_total{} 1",
            "holdfast_status_bytes_total{direction=\"out\"} 70",
            "holdfast_status_watchers{transport=\"websocket\"} 2",
            "holdfast_status_long_polls_waiting{} 1",
            "holdfast_status_watchers_limit{} 9",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in {text}");
        }
        let histogram = histograms(&counts.totals());
        assert!(
            histogram.contains("_bucket{le=\"+Inf\"} 1\n") && histogram.contains("_sum 0.003000\n"),
            "{histogram}"
        );
    }
}
