//! `/metrics`: OpenMetrics, made anew for each scrape from snapshot and reports, so nothing is counted twice or left behind.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use hf_control::BreakGlassShift;
use hf_decide::{Mode, Reason, ZoneState};
use hf_feed::Reports;
use hf_model::Timestamp;
use hf_snapshot::Snapshot;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Shared, SharedState};

mod autoshift;
mod balancer;
mod checker;
mod closing;
mod consumers;
mod deployments;
mod dns;
mod gray;
mod notify;
mod status;

use crate::expiring::{is_shift_expiring, seconds_left};

type Labels = Vec<(&'static str, String)>;
/// Labels under construction; the reference keeps call sites short: `&[]`, `&[("pool", pool)]`.
type Pairs<'a> = &'a [(&'static str, String)];

/// The registry under construction.
struct Page {
    registry: Registry,
    gauges: BTreeMap<&'static str, Family<Labels, Gauge>>,
    seconds: BTreeMap<&'static str, Family<Labels, Gauge<f64, std::sync::atomic::AtomicU64>>>,
    counters: BTreeMap<&'static str, Family<Labels, Counter>>,
}

impl Page {
    fn new() -> Self {
        Page {
            registry: Registry::with_prefix("holdfast"),
            gauges: BTreeMap::new(),
            seconds: BTreeMap::new(),
            counters: BTreeMap::new(),
        }
    }

    fn gauge(&mut self, name: &'static str, help: &str, labels: Pairs<'_>, value: u64) {
        let family = self.gauges.entry(name).or_insert_with(|| {
            let family = Family::default();
            self.registry.register(name, help, family.clone());
            family
        });
        family.get_or_create(&labels.to_vec()).set(i64::try_from(value).unwrap_or(i64::MAX));
    }

    /// An instant, in seconds since 1970.
    fn instant(&mut self, name: &'static str, help: &str, labels: Pairs<'_>, at: Timestamp) {
        let family = self.seconds.entry(name).or_insert_with(|| {
            let family = Family::default();
            self.registry.register(name, help, family.clone());
            family
        });
        family.get_or_create(&labels.to_vec()).set(at.0 as f64 / 1_000.0);
    }

    fn float(&mut self, name: &'static str, help: &str, labels: Pairs<'_>, value: f64) {
        let family = self.seconds.entry(name).or_insert_with(|| {
            let family = Family::default();
            self.registry.register(name, help, family.clone());
            family
        });
        family.get_or_create(&labels.to_vec()).set(value);
    }

    fn counter(&mut self, name: &'static str, help: &str, labels: Pairs<'_>, value: u64) {
        let family = self.counters.entry(name).or_insert_with(|| {
            let family = Family::default();
            self.registry.register(name, help, family.clone());
            family
        });
        family.get_or_create(&labels.to_vec()).inc_by(value);
    }
}

/// What a Prometheus scrapes.
#[utoipa::path(get, operation_id = "metrics", path = "/metrics", tag = "node", responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
pub async fn metrics(State(shared): SharedState) -> Response {
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], page(&shared)).into_response()
}

fn of_consumers(shared: &Shared, page: &mut Page) {
    let context = &shared.context;
    let (heard, snapshot) = (context.consumers.borrow().clone(), context.snapshot());
    let estate = snapshot.as_ref().map(|snapshot| &*snapshot.estate);
    let now = context.clock.now();
    let known = crate::consumers::known(&heard, estate, heard.in_force, now, context.beat);
    consumers::consumers(page, &known, estate);
}

fn page(shared: &Shared) -> String {
    let mut page = Page::new();
    let context = &shared.context;
    page.gauge(
        "build_info",
        "The program; always 1",
        &[("version", env!("CARGO_PKG_VERSION").to_owned()), ("node", context.node.to_string())],
        1,
    );
    let help = "Changes that were answered before this node's own planes obeyed them, since that took longer than 50 ms";
    page.counter("changes_answered_early", help, &[], context.obeyed.early());
    let problem = u64::from(context.estate_file_problem.borrow().is_some());
    page.gauge("estate_file_problem", "Whether the watched estate file is not in force", &[], problem);
    if context.roles.contains(&hf_config::node::Role::Control) {
        let told = |reports: &Reports| {
            reports.get(&context.node).is_some_and(|own| own.report.ledger_problem.is_some())
        };
        let problem = u64::from(context.ledger_problem().is_some() || told(&context.reports.borrow()));
        let help = "Whether the ledger of this node takes no changes: damaged, out of reach, or behind what the nodes hold";
        page.gauge("ledger_problem", help, &[], problem);
    }
    for (reason, count) in shared.refused_acts.counts() {
        let help = "Break-glass acts that this node refused, rehearsals included";
        page.counter("break_glass_refused", help, &[("reason", reason.to_owned())], count);
    }
    snapshot(shared, &mut page);
    nodes(shared, &mut page);
    let judged = context.gray.borrow().clone();
    gray::gray(&mut page, &judged);
    let known = crate::deployments::shown(&context.intent(), &judged, context.clock.now());
    deployments::deployments(&mut page, &known);
    of_consumers(shared, &mut page);
    autoshift::autoshift(&mut page, &shared.autoshifts);
    closing::closing(&mut page, &shared.closing, context.clock.now());
    notify::notify(&mut page, &context.notifications);
    if let Some(here) = &context.dns {
        dns::dns(&mut page, here.as_ref());
    }
    let is_balancer = context.roles.contains(&hf_config::node::Role::Balancer);
    if is_balancer {
        balancer::balancer(&mut page, &context.activity);
    }
    let probes =
        context.roles.contains(&hf_config::node::Role::Checker).then(|| context.activity.probes().totals());
    if let Some(probes) = &probes {
        checker::checker(&mut page, probes);
    }
    let told =
        context.roles.contains(&hf_config::node::Role::Status).then(|| context.activity.status().totals());
    if let Some(told) = &told {
        status::status(&mut page, told);
    }
    let networks = context.activity.latencies().len() as u64;
    page.gauge(
        "client_networks_measured",
        "Client networks whose round-trip time this node knows",
        &[],
        networks,
    );
    let mut text = String::new();
    encode(&mut text, &page.registry).expect("a String takes everything");
    let mut histograms = if is_balancer { balancer::histograms(&context.activity) } else { String::new() };
    histograms += &probes.as_ref().map(checker::histograms).unwrap_or_default();
    histograms += &told.as_ref().map(status::histograms).unwrap_or_default();
    with_histograms(&in_order(&text), &histograms)
}

/// Microseconds as seconds, exactly.
fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// The page with histograms before its end.
fn with_histograms(page: &str, histograms: &str) -> String {
    const END: &str = "# EOF\n";
    let body = page.strip_suffix(END).unwrap_or(page);
    format!("{body}{histograms}{END}")
}

/// The lines of each metric in order of their labels: the registry has them in the order of its hash keys.
fn in_order(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    for samples in lines.split_mut(|line| line.starts_with('#')) {
        samples.sort_unstable();
    }
    lines.join("\n") + "\n"
}

fn snapshot(shared: &Shared, page: &mut Page) {
    let Some(snapshot) = shared.context.snapshot() else { return };
    let now = shared.context.clock.now();
    let estate = &snapshot.estate;
    page.gauge("revision", "The newest ledger revision in force here", &[], snapshot.intent.revision.0);
    page.gauge("snapshot_number", "The snapshot in force here", &[], snapshot.number);
    page.instant("snapshot_made_timestamp_seconds", "When it was made", &[], snapshot.made_at);
    let mut held = 0;
    for decision in &snapshot.decision.zones {
        let zone = estate.zone(decision.zone);
        let id = zone.id.to_string();
        let region = estate.regions[zone.region.at()].id.to_string();
        for state in [ZoneState::Open, ZoneState::Away] {
            page.gauge(
                "zone_state",
                "1 for the state that a zone is in",
                &[("zone", id.clone()), ("region", region.clone()), ("state", state.to_string())],
                u64::from(decision.state == state),
            );
        }
        held += u64::from(matches!(
            decision.reason,
            Reason::Shifted { held: true, .. }
                | Reason::Autoshift { held: true, .. }
                | Reason::Practice { held: true, .. }
        ));
        let labels = [("zone", id), ("region", region)];
        page.gauge("zone_endpoints", "Endpoints of a zone", &labels, u64::from(decision.health.of));
        page.gauge(
            "zone_endpoints_healthy",
            "Of these, healthy",
            &labels,
            u64::from(decision.health.healthy),
        );
    }
    scale_in(shared, &snapshot, page);
    practice_runs(shared, page);
    page.gauge("zones_held", "Zones whose shift is past its end and held", &[], held);
    for decision in &snapshot.decision.pools {
        let pool = estate.pool(decision.pool).name.to_string();
        for mode in [Mode::Normal, Mode::FailOpen, Mode::Closed, Mode::Fallback(decision.pool)] {
            page.gauge(
                "pool_mode",
                "1 for the mode that a pool is in",
                &[("pool", pool.clone()), ("mode", mode.kind().to_owned())],
                u64::from(decision.mode.kind() == mode.kind()),
            );
        }
        let yielded = decision.not_applied.len() as u64;
        page.gauge("pool_not_applied", "Acts on a pool that yielded", &[("pool", pool)], yielded);
    }
    page.gauge("shifts_active", "Shifts in force", &[], snapshot.intent.shifts.len() as u64);
    page.gauge("pins_active", "Pins in force", &[], snapshot.intent.pins.len() as u64);
    break_glass(&snapshot, now, page);
    for shift in &snapshot.intent.shifts {
        let labels = &[
            ("shift", shift.id.to_string()),
            ("zone", shift.zone.to_string()),
            ("resource", shift.scope.to_string()),
        ];
        page.instant("shift_end_timestamp_seconds", "When a shift is due to end", labels, shift.ends_at);
        let labels = &[("id", shift.id.to_string()), ("zone", shift.zone.to_string())];
        let left = seconds_left(shift.ends_at, now);
        page.gauge("shift_ends_in_seconds", "Until a shift is due to end; 0 when it is held", labels, left);
        let near = u64::from(is_shift_expiring(shift, now));
        page.gauge("shift_expiring", "Whether the end of a shift is near", labels, near);
    }
    for pin in &snapshot.intent.pins {
        let labels = &[("zone", pin.zone.to_string()), ("resource", pin.scope.to_string())];
        let left = seconds_left(pin.ends_at, now);
        page.gauge("pin_ends_in_seconds", "Until a pin is due to end; 0 when it is held", labels, left);
    }
    for control in &snapshot.intent.controls {
        page.gauge(
            "routing_control_on",
            "1 for a routing control that is on, 0 for one that is off",
            &[("control", control.path.to_string())],
            u64::from(control.to == hf_model::Switch::On),
        );
    }
}

/// Of each resource with a practice configuration, on nodes with a ledger: what a release pipeline or an alert goes by.
fn practice_runs(shared: &Shared, page: &mut Page) {
    use hf_control::PracticeOutcome;
    let Some(control) = shared.context.ledger() else { return };
    let view = control.view();
    for resource in view.practices.keys() {
        let of_it = || view.practice_history.iter().filter(|record| record.resource == *resource);
        let labels = [("resource", resource.to_string())];
        let succeeded = of_it().rev().find(|record| record.outcome == PracticeOutcome::Succeeded);
        let at = succeeded.map_or(Timestamp(0), |record| record.ended_at.unwrap_or(record.started_at));
        let help = "When the newest practice run that succeeded ended; 0 if none has";
        page.instant("practice_last_success_timestamp_seconds", help, &labels, at);
        let last = of_it().next_back().map(|record| record.outcome);
        for outcome in [
            PracticeOutcome::Pending,
            PracticeOutcome::Succeeded,
            PracticeOutcome::Failed,
            PracticeOutcome::Interrupted,
            PracticeOutcome::CapacityCheckFailed,
        ] {
            let labels =
                [("resource", resource.to_string()), ("outcome", outcome.as_str().replace('-', "_"))];
            let help = "1 for the outcome of the newest practice run";
            page.gauge("practice_last_outcome", help, &labels, u64::from(last == Some(outcome)));
        }
        let held = u64::from(shared.held.of(resource).is_some());
        page.gauge(
            "practice_not_begun",
            "1 while the weekly run could not begin at its last try",
            &labels,
            held,
        );
    }
}

fn scale_in(shared: &Shared, snapshot: &Snapshot, page: &mut Page) {
    let estate = &snapshot.estate;
    let holds = hf_capacity::holds(&snapshot.decision);
    let capacities = shared.context.carried.capacities(estate);
    for zone in estate.zone_indexes() {
        let is_here = |hold: &hf_capacity::Hold| {
            estate.pool(hold.pool).endpoints.iter().any(|endpoint| endpoint.zone == zone)
        };
        let labels = &[("zone", estate.zone(zone).id.to_string())];
        let help = "1 while things of a zone may be scaled in, 0 while a zone is away from one of its pools or returning";
        page.gauge("scale_in_allowed", help, labels, u64::from(!holds.iter().any(is_here)));
        if let Some(capacity) = capacities.zones.get(&zone) {
            let basis = match capacity.basis {
                hf_capacity::Basis::Declared => "declared",
                hf_capacity::Basis::Measured => "measured",
            };
            let labels = &[("zone", estate.zone(zone).id.to_string()), ("basis", basis.to_owned())];
            let help =
                "Requests a second that a zone carries: declared, or the most of a week that went well";
            page.gauge("zone_capacity", help, labels, capacity.load / 1_000);
        }
    }
    for pool in estate.pool_indexes() {
        let labels = &[("pool", estate.pool(pool).name.to_string())];
        let allowed = !holds.iter().any(|hold| hold.pool == pool);
        let help = "1 while a pool may be scaled in, 0 while one of its zones is away or returning";
        page.gauge("pool_scale_in_allowed", help, labels, u64::from(allowed));
    }
    let left_out = shared.context.carried.left_out();
    page.counter(
        "carried_left_out",
        "Seconds of pools in zones that are not kept for want of room",
        &[],
        left_out,
    );
}

fn break_glass(snapshot: &Snapshot, now: Timestamp, page: &mut Page) {
    let acts: Vec<&BreakGlassShift> = crate::glass::past_the_ledger(snapshot, now).collect();
    for (at, zone) in snapshot.estate.zones.iter().enumerate() {
        let is_here = |act: &&BreakGlassShift| {
            snapshot.estate.zone_named(&act.zone).is_some_and(|zone| zone.at() == at)
        };
        let active = acts.iter().copied().any(|act| is_here(&act));
        let labels = &[("zone", zone.id.to_string())];
        let help = "1 while nodes leave a zone by a break-glass shift that the ledger does not go on with";
        page.gauge("break_glass_active", help, labels, u64::from(active));
    }
    let is_in_conflict = |told: &&hf_control::RecordedBreakGlass| {
        matches!(told.fate, hf_control::BreakGlassFate::Conflicts(_)) && told.act.ends_at > now
    };
    let conflicts = snapshot.intent.break_glass.iter().filter(is_in_conflict).count();
    let help = "Break-glass shifts that contradict the ledger and have not ended";
    page.gauge("break_glass_conflicts", help, &[], conflicts as u64);
}

fn nodes(shared: &Shared, page: &mut Page) {
    let reports = shared.context.reports.borrow().clone();
    for heard in reports.values() {
        let node = [("node", heard.report.node.to_string())];
        page.instant(
            "node_last_heard_timestamp_seconds",
            "When a node was last heard",
            &node,
            heard.received_at,
        );
        page.gauge(
            "node_revision",
            "The newest revision that a node has applied",
            &node,
            heard.report.revision.0,
        );
    }
    // Counters are this node's own: a scraper that sees all nodes sums them up.
    let Some(own) = reports.get(&shared.context.node) else { return };
    for line in &own.report.activity {
        let labels = [("pool", line.pool.to_string()), ("zone", line.zone.to_string())];
        page.counter("zone_requests", "Requests sent to a zone by this node", &labels, line.requests);
        page.counter("zone_request_failures", "Of these, failed", &labels, line.failures);
        page.counter(
            "zone_dns_answers",
            "DNS answers of this node that named a zone",
            &labels,
            line.dns_answers,
        );
        page.gauge(
            "zone_open_connections",
            "Connections of this node to a zone",
            &labels,
            line.open_connections,
        );
        if let Some(at) = line.last_new_request_at {
            page.instant(
                "zone_last_new_request_timestamp_seconds",
                "When the newest request was sent",
                &labels,
                at,
            );
        }
        if let Some(at) = line.last_dns_answer_at {
            page.instant(
                "zone_last_dns_answer_timestamp_seconds",
                "When a DNS answer last named it",
                &labels,
                at,
            );
        }
    }
}
