//! One probe, no policy.
//!
//! 1. The check's time-out covers all of it: waiting for leave, connecting, asking, reading. What it was at when time ran out is told.
//! 2. What is good for an inverted check is turned round here, before anybody counts.
//! 3. A checker that comes back long after the time-out knows only that it was late itself: such a probe is not measured.
//! 4. A probe's connection ends with a reset (`wire`), its command with its process group (`command`).

use std::net::SocketAddr;
use std::time::Duration;

use hf_config::estate::{CheckKind, HealthCheck};
use tokio::time::{Instant, timeout_at};

use crate::failure::{Outcome, ProbeFailure, ProbeResult};
use crate::progress::Progress;
use crate::tools::Tools;
use crate::{command, dns, grpc, http, metric, tcp, zone_status};

/// Where a check of the endpoint at `address` connects to: its own address, if it stands by itself; the check's port, if it has one.
pub fn probed_address(check: &HealthCheck, address: SocketAddr) -> SocketAddr {
    check.address.unwrap_or_else(|| SocketAddr::new(address.ip(), check.port.unwrap_or(address.port())))
}

/// Probes the endpoint at `address` once.
pub async fn probe(tools: &Tools, check: &HealthCheck, address: SocketAddr) -> ProbeResult {
    let began = Instant::now();
    let progress = Progress::default();
    let asked =
        Asked { tools, check, at: probed_address(check, address), named: address, progress: &progress };
    let deadline = began + check.timeout;
    let outcome = match timeout_at(deadline, ask(&asked)).await {
        Ok(outcome) => outcome,
        // The probe was looked at once more before this: it may have asked only just now, or found its answer too late to read on.
        Err(_) if deadline.elapsed() > patience(check.timeout) => Outcome::Behind(deadline.elapsed()),
        Err(_) => in_words_of(check, progress.late(check.timeout)),
    };
    let outcome = if check.inverted { turned_round(outcome) } else { outcome };
    ProbeResult { outcome, took: began.elapsed() }
}

/// What it means to a kind that time ran out: to those that ask others about something else it is no result.
fn in_words_of(check: &HealthCheck, late: Outcome) -> Outcome {
    match &check.kind {
        CheckKind::Metric(metric) => metric::silent(metric, late),
        CheckKind::ZoneStatus(_) => zone_status::silent(late),
        _ => late,
    }
}

/// How late our own thread may notice that time ran out: a quarter of that time, and not less than timers and schedulers are always late by.
fn patience(timeout: Duration) -> Duration {
    timeout.max(Duration::from_millis(20)) / 4
}

/// What a kind's probe has to go by.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// What probes share.
    pub tools: &'a Tools,
    /// The check.
    pub check: &'a HealthCheck,
    /// Where to connect.
    pub at: SocketAddr,
    /// How the endpoint is called: its own address.
    pub named: SocketAddr,
    /// What it is at.
    pub progress: &'a Progress,
}

async fn ask(asked: &Asked<'_>) -> Outcome {
    match &asked.check.kind {
        CheckKind::Tcp(tcp) => tcp::ask(asked, tcp).await,
        // What these need while they wait is kilobytes: it is not moved about with every probe over plain TCP.
        CheckKind::Http(http) => Box::pin(http::ask(asked, http)).await,
        CheckKind::Grpc(grpc) => Box::pin(grpc::ask(asked, grpc)).await,
        CheckKind::Dns(dns) => Box::pin(dns::ask(asked, dns)).await,
        CheckKind::Command(command) => Box::pin(command::ask(asked, command)).await,
        CheckKind::Metric(metric) => Box::pin(metric::ask(asked, metric)).await,
        CheckKind::ZoneStatus(status) => Box::pin(zone_status::ask(asked, status)).await,
        kind @ (CheckKind::Pushed(_) | CheckKind::Calculated(_) | CheckKind::Control { .. }) => {
            Outcome::Unmeasured(format!("a check of kind {} sends nothing", kind.as_str()))
        }
    }
}

fn turned_round(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Good => Outcome::Bad(ProbeFailure::Inverted),
        Outcome::Bad(_) => Outcome::Good,
        unmeasured @ (Outcome::Unmeasured(_) | Outcome::Behind(_)) => unmeasured,
    }
}
