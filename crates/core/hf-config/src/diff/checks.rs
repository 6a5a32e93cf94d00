//! What changes of health checks.
//!
//! Values of headers and certificates of authorities are told by the first digits of their digest: the ones may be secret, the others are long.

use std::collections::BTreeMap;

use hf_model::{Digest, format_duration};

use super::{Facts, Side, Things, optional, part, share, value};
use crate::estate::{CheckKind, CheckTls, DnsCheck, Estate, HealthCheck, HttpCheck, MetricCheck, RCODES};

pub(super) fn health_checks(side: &Side<'_>) -> Things {
    let Some(estate) = side.estate else { return Things::new() };
    estate
        .health_checks
        .iter()
        .map(|check| (format!("health check {}", check.name), facts(estate, check)))
        .collect()
}

fn facts(estate: &Estate, check: &HealthCheck) -> Facts {
    let mut facts = Facts::new();
    value(&mut facts, "kind", check.kind.as_str());
    value(&mut facts, "inverted", check.inverted);
    value(&mut facts, "disabled", check.disabled);
    let name = |of: &crate::estate::CheckIx| estate.health_check(*of).name.to_string();
    match &check.kind {
        CheckKind::Tcp(tcp) => {
            optional(&mut facts, "send", tcp.send.as_ref().map(|text| format!("{text:?}")));
            optional(&mut facts, "expect", tcp.expect.as_ref().map(|text| format!("{text:?}")));
            tls(&mut facts, tcp.tls.as_ref());
        }
        CheckKind::Http(http) => of_http(&mut facts, http),
        CheckKind::Grpc(grpc) => {
            value(&mut facts, "service", format_args!("{:?}", grpc.service));
            optional(&mut facts, "host", grpc.host.as_ref());
            tls(&mut facts, grpc.tls.as_ref());
        }
        CheckKind::Dns(dns) => of_dns(&mut facts, dns),
        CheckKind::Command(command) => value(&mut facts, "command", format_args!("{:?}", command.command)),
        CheckKind::Pushed(pushed) => {
            value(&mut facts, "lease", format_duration(pushed.lease));
            value(&mut facts, "missing", pushed.missing.as_str());
        }
        CheckKind::Metric(metric) => of_metric(&mut facts, metric),
        CheckKind::ZoneStatus(status) => {
            value(&mut facts, "zone", &status.zone);
            value(&mut facts, "resource", &status.resource);
            optional(&mut facts, "host", status.host.as_ref());
            headers(&mut facts, &status.headers);
            tls(&mut facts, status.tls.as_ref());
        }
        CheckKind::Calculated(calculated) => {
            calculated.of.iter().for_each(|of| part(&mut facts, format!("of {}", name(of)), BTreeMap::new()));
            value(&mut facts, "at_least", calculated.needs);
        }
        CheckKind::Control { control } => value(&mut facts, "control", control),
    }
    // A check that sends nothing has no pace.
    if check.probes_itself()
        || matches!(
            check.kind,
            CheckKind::Tcp(_) | CheckKind::Http(_) | CheckKind::Grpc(_) | CheckKind::Dns(_)
        )
    {
        value(&mut facts, "interval", format_duration(check.interval));
        value(&mut facts, "timeout", format_duration(check.timeout));
        value(&mut facts, "confirm_interval", format_duration(check.confirm_interval));
        optional(&mut facts, "port", check.port);
        optional(&mut facts, "address", check.address);
        value(&mut facts, "initial", check.initial.as_str());
    }
    if !matches!(check.kind, CheckKind::Calculated(_) | CheckKind::Control { .. }) {
        value(&mut facts, "rise", check.rise);
        value(&mut facts, "fall", check.fall);
        value(&mut facts, "count", check.count.as_str());
        value(&mut facts, "quorum", share(check.quorum));
    }
    facts
}

fn of_http(facts: &mut Facts, http: &HttpCheck) {
    value(facts, "method", http.method.as_str());
    value(facts, "path", &http.path);
    optional(facts, "host", http.host.as_ref());
    headers(facts, &http.headers);
    value(facts, "http", http.version.as_str());
    tls(facts, http.tls.as_ref());
    value(facts, "follow_redirects", http.follow_redirects);
    let status: Vec<String> = http.status.iter().map(ToString::to_string).collect();
    value(facts, "status", status.join(","));
    optional(facts, "body", http.body.as_ref().map(|body| format!("{body:?}")));
    optional(facts, "body_regex", http.body_regex.as_ref().map(|regex| format!("{regex:?}")));
}

fn of_dns(facts: &mut Facts, dns: &DnsCheck) {
    value(facts, "query", format_args!("{} {}", dns.name, dns.of));
    let codes: Vec<&str> =
        dns.rcodes.iter().filter_map(|code| RCODES.get(usize::from(*code)).copied()).collect();
    value(facts, "rcode", codes.join(","));
    dns.answers.iter().for_each(|answer| part(facts, format!("answer {answer}"), BTreeMap::new()));
    value(facts, "answers_min", dns.answers_min);
}

fn of_metric(facts: &mut Facts, metric: &MetricCheck) {
    value(facts, "query", &metric.query);
    value(facts, "good", &metric.good);
    value(facts, "missing", metric.missing.as_str());
    value(facts, "path", &metric.path);
    optional(facts, "host", metric.host.as_ref());
    headers(facts, &metric.headers);
    tls(facts, metric.tls.as_ref());
}

fn headers(facts: &mut Facts, headers: &[(String, String)]) {
    for (name, text) in headers {
        part(facts, format!("header {name}"), BTreeMap::from([("value", short(text))]));
    }
}

fn tls(facts: &mut Facts, tls: Option<&CheckTls>) {
    let words = |tls: &CheckTls| {
        let name = tls.server_name.as_deref().unwrap_or("its host");
        match (&tls.authorities, tls.verify) {
            (_, false) => format!("as {name}, not verified"),
            (None, true) => format!("as {name}, verified"),
            (Some(pem), true) => format!("as {name}, verified with {}", short(pem)),
        }
    };
    optional(facts, "tls", tls.map(words));
}

fn short(text: &str) -> String {
    let mut digest = Digest::of(text.as_bytes()).to_string();
    digest.truncate(8);
    digest
}
