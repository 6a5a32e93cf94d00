//! What changes of how balancers carry a pool, of assignments, and of who calls whom.
//!
//! Not here: the pool's endpoints and thresholds.

use std::collections::BTreeMap;
use std::fmt::Display;

use hf_consumers::Expected;
use hf_model::format_duration;

use super::{Facts, Side, Things, optional, part, share, value};
use crate::estate::{Assignment, Estate, Pool, ProxyVersion, Service, StatusRange};

/// Adds the facts of a pool that only balancers obey.
pub(super) fn facts(estate: &Estate, pool: &Pool, facts: &mut Facts) {
    for host in &pool.hosts {
        part(facts, format!("host {host}"), BTreeMap::new());
    }
    for path in &pool.paths {
        part(facts, format!("path {path}"), BTreeMap::new());
    }
    value(facts, "tls", pool.listener.tls);
    let accepts = &pool.listener.proxy_protocol;
    value(facts, "proxy_protocol", if accepts.required { "required" } else { "none" });
    value(facts, "proxy_from", list(&accepts.from));
    let to = &pool.to_endpoint;
    let tls = to.tls.as_ref().map(|tls| {
        let name = tls.server_name.as_deref().unwrap_or("its address");
        format!("as {name}, {}", if tls.verify { "verified" } else { "not verified" })
    });
    optional(facts, "endpoint_tls", tls);
    value(facts, "endpoint_http", to.http.as_str());
    optional(facts, "endpoint_proxy_protocol", to.proxy_protocol.map(ProxyVersion::as_str));
    let balancing = &pool.balancing;
    value(facts, "choice", &balancing.choice);
    value(facts, "affinity", share(balancing.affinity));
    value(facts, "spill", balancing.spill);
    value(facts, "slow_start", format_duration(balancing.slow_start));
    let sticky = balancing.sticky.as_ref();
    let sticky = sticky.map(|cookie| format!("{} for {}", cookie.name, format_duration(cookie.lifetime)));
    optional(facts, "sticky", sticky);
    phases(pool, facts);
    bounds(pool, facts);
    failures(estate, pool, facts);
    let assigned = pool.assigned.and_then(|at| estate.assignments.get(at.at()));
    optional(facts, "assigned", assigned.map(|assignment| &assignment.service));
}

fn phases(pool: &Pool, facts: &mut Facts) {
    let of = &pool.patience;
    let lengths = [
        ("connect", Some(of.connect)),
        ("header", Some(of.header)),
        ("response_header", Some(of.response_header)),
        ("body_idle", Some(of.body_idle)),
        ("client_idle", Some(of.client_idle)),
        ("kept_idle", Some(of.kept_idle)),
        ("unacknowledged", Some(of.unacknowledged)),
        ("tunnel_idle", Some(of.tunnel_idle)),
        ("request", of.request),
    ];
    for (key, length) in lengths {
        optional(facts, &format!("patience {key}"), length.map(format_duration));
    }
}

fn bounds(pool: &Pool, facts: &mut Facts) {
    let of = &pool.bounds;
    let numbers = [
        ("client_connections", of.client_connections),
        ("in_flight_per_endpoint", of.in_flight_per_endpoint),
        ("header_bytes", of.header_bytes),
        ("streams_per_connection", of.streams_per_connection),
        ("replay_bytes", of.replay_bytes),
        ("connecting_per_endpoint", of.connecting_per_endpoint),
        ("kept_per_endpoint", of.kept_per_endpoint),
    ];
    for (key, number) in numbers {
        value(facts, &format!("bounds {key}"), number);
    }
    optional(facts, "bounds body_bytes", of.body_bytes);
}

fn failures(estate: &Estate, pool: &Pool, facts: &mut Facts) {
    let retries = &pool.retries;
    value(facts, "retries tries", retries.tries);
    value(facts, "retries budget", share(retries.budget));
    value(facts, "retries on_status", statuses(&retries.on_status));
    let failover = pool.failover.as_ref().map(|of| {
        let timeout = of.on_timeout.map_or("never".to_owned(), format_duration);
        format!(
            "to {}, on_status {}, on_connect {}, on_timeout {timeout}, budget {}",
            estate.pool(of.to).name,
            statuses(&of.on_status),
            of.on_connect,
            share(of.budget)
        )
    });
    optional(facts, "failover", failover);
    let ejection = &pool.ejection;
    value(facts, "ejection failures", ejection.failures);
    value(facts, "ejection failure_share", share(ejection.failure_share));
    value(facts, "ejection time", format_duration(ejection.time));
    value(facts, "ejection time_max", format_duration(ejection.time_max));
    value(facts, "ejection share_max", share(ejection.share_max));
    value(facts, "ejection statuses", ejection.statuses);
}

fn statuses(of: &[StatusRange]) -> String {
    list(of)
}

fn list(of: &[impl Display]) -> String {
    let items: Vec<String> = of.iter().map(ToString::to_string).collect();
    format!("[{}]", items.join(", "))
}

/// Services whose sessions are assigned.
pub(super) fn assignments(side: &Side<'_>) -> Things {
    let Some(estate) = side.estate else { return Things::new() };
    let facts = |assignment: &Assignment| {
        let mut facts = Facts::new();
        let tree = &estate.trees[usize::from(assignment.tree)];
        value(&mut facts, "record", format_args!("{} {}", tree.name, tree.family));
        value(&mut facts, "places", list(&assignment.urls));
        value(&mut facts, "ask_at", &assignment.ask_at);
        value(&mut facts, "hosts", list(&assignment.hosts));
        value(&mut facts, "ticket_lifetime", format_duration(assignment.ticket_lifetime));
        (format!("assignment {}", assignment.service), facts)
    };
    estate.assignments.iter().map(facts).collect()
}

pub(super) fn services(side: &Side<'_>) -> Things {
    let Some(estate) = side.estate else { return Things::new() };
    let facts = |service: &Service| {
        let mut facts = Facts::new();
        for call in &service.calls {
            let to = &estate.services[call.to.at()].name;
            part(&mut facts, format!("call of {to}"), BTreeMap::from([("scope", call.scope.to_string())]));
        }
        (format!("service {}", service.name), facts)
    };
    estate.services.iter().map(facts).collect()
}

pub(super) fn consumers(side: &Side<'_>) -> Things {
    let Some(estate) = side.estate else { return Things::new() };
    let facts = |consumer: &Expected| {
        let mut facts = Facts::new();
        value(&mut facts, "kind", consumer.kind);
        let zones: Vec<&str> = consumer.zones.iter().map(hf_model::ZoneId::as_str).collect();
        value(&mut facts, "zones", zones.join(" "));
        (format!("consumer {}", consumer.name), facts)
    };
    estate.consumers.iter().map(facts).collect()
}
