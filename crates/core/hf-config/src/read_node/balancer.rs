//! The section `[balancer]` of a node file: how this node's balancer runs, and what the role assign has in common with it.
//!
//! Not here: the files that it names (their users open them), whether the estate needs them ([`check`] says).

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::read_path;
use crate::estate::Estate;
use crate::node::{AccessLog, BalancerConfig, Certificate, NodeConfig, Role};
use crate::walk::{Fields, Report, Value, clip, if_there};

const DRAIN_MAX: Duration = Duration::from_hours(1);
/// Certificates of one node.
const CERTIFICATES_MAX: usize = 1_000;

/// Reads the section.
pub(super) fn balancer(root: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<BalancerConfig> {
    let default = BalancerConfig::default();
    let Some(value) = root.get("balancer") else { return Some(default) };
    let mut fields = value.fields("the section balancer", report)?;
    let address = if_there(fields.get("address"), |value| {
        value.read(report, |text| {
            text.parse::<IpAddr>()
                .map_err(|_| format!("{:?} is not an address; write one such as 10.1.1.4", clip(text)))
        })
    });
    let workers = if_there(fields.get("workers"), |value| {
        value.whole(1, 256, report).and_then(|workers| u16::try_from(workers).ok())
    });
    let drain = match fields.get("drain") {
        Some(value) => value.duration(Duration::ZERO, DRAIN_MAX, report),
        None => Some(default.drain),
    };
    let certificates = match fields.get("certificates") {
        Some(value) => certificates(value, report),
        None => Some(Vec::new()),
    };
    let mut path = |key| if_there(fields.get(key), |value| value.read(report, read_path));
    let endpoint_authorities: Result<Option<PathBuf>, _> = path("endpoint_authorities");
    let handover_socket = path("handover_socket");
    let ticket_key_file = path("ticket_key_file");
    let access_log = path("access_log");
    fields.finish(&[], report);
    let access_log = access_log.ok()?.map(|path| match path.to_str() {
        Some("stdout") => AccessLog::Stdout,
        _ => AccessLog::File(path),
    });
    Some(BalancerConfig {
        address: address.ok()?,
        workers: workers.ok()?,
        drain: drain?,
        certificates: certificates?,
        endpoint_authorities: endpoint_authorities.ok()?,
        handover_socket: handover_socket.ok()?,
        ticket_key_file: ticket_key_file.ok()?,
        access_log,
    })
}

fn certificates(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Vec<Certificate>> {
    let items = value.items_up_to(CERTIFICATES_MAX, report)?;
    if items.is_empty() {
        report.add(value.at(), "at least one certificate; add it, or remove `certificates`");
    }
    let mut whole = true;
    let mut list: Vec<Certificate> = Vec::with_capacity(items.len());
    for item in items {
        let Some(mut fields) = item.fields("a certificate", report) else {
            whole = false;
            continue;
        };
        let mut path = |key| fields.need(key, report).and_then(|value| value.read(report, read_path));
        let (certificate, key) = (path("certificate"), path("key"));
        fields.finish(&[], report);
        let (Some(certificate), Some(key)) = (certificate, key) else {
            whole = false;
            continue;
        };
        if list.iter().any(|other| other.certificate == certificate) {
            report.add(item.at(), "this certificate is listed twice; remove one of the two");
        }
        list.push(Certificate { certificate, key });
    }
    whole.then_some(list)
}

/// What the estate needs of a node with the role balancer or assign; `at` is the section, or `[node]` without one.
pub(super) fn check(config: &NodeConfig, at: usize, estate: &Estate, report: &mut Report<'_>) {
    let (balances, assigns) = (config.roles.contains(&Role::Balancer), config.roles.contains(&Role::Assign));
    let carried = || estate.pools.iter().filter(|pool| balances && pool.listen.is_some());
    if config.balancer.certificates.is_empty()
        && let Some(pool) = carried().find(|pool| pool.listener.tls)
    {
        let what = format_args!(
            "pool `{}` ends TLS here (`tls = true`), and this node has no certificate; add certificates = [{{ certificate = …, key = … }}] to [balancer]",
            pool.name
        );
        report.add(at, what);
    }
    if config.balancer.ticket_key_file.is_none() {
        let assigned = carried().find(|pool| pool.assigned.is_some());
        if let Some(pool) = assigned {
            let what = format_args!(
                "pool `{}` wants tickets (`assigned`), and this node cannot check them; add `ticket_key_file` to [balancer]",
                pool.name
            );
            report.add(at, what);
        } else if assigns && let Some(assignment) = estate.assignments.first() {
            let what = format_args!(
                "service `{}` is assigned with tickets, and this node cannot sign them; add `ticket_key_file` to [balancer]",
                assignment.service
            );
            report.add(at, what);
        }
    }
}
