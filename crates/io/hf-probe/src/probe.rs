//! One probe, no policy.
//!
//! A probe's connection ends with a reset (`SO_LINGER` 0): the side that closes first would otherwise keep the
//! connection in TIME_WAIT for a minute, and a thousand probes a second would keep sixty thousand of them, here or at the endpoint. What we
//! wanted to know is known by then, and a reset also stops an endpoint that still sends. It is what load balancers' TCP checks do.

use std::net::SocketAddr;

use hf_config::estate::{CheckKind, HealthCheck};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};

use crate::failure::{Outcome, ProbeFailure, ProbeResult, of_connect};
use crate::http1;

/// Where a check of the endpoint at `address` connects to: the check's port, if it has one.
pub fn probed_address(check: &HealthCheck, address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip(), check.port.unwrap_or(address.port()))
}

/// Probes the endpoint at `address` once. The check's timeout covers all of it: connecting, writing, headers, body.
pub async fn probe(check: &HealthCheck, address: SocketAddr) -> ProbeResult {
    let began = Instant::now();
    let outcome = ask(check, address, began + check.timeout).await;
    ProbeResult { outcome, took: began.elapsed() }
}

async fn ask(check: &HealthCheck, address: SocketAddr, deadline: Instant) -> Outcome {
    if let CheckKind::Control { control } = &check.kind {
        return Outcome::Unmeasured(format!("routing control {control} says so, no probe does"));
    }
    let stream = match timeout_at(deadline, connect(probed_address(check, address))).await {
        Err(_) => return Outcome::Bad(ProbeFailure::NoConnection(check.timeout)),
        Ok(Err(error)) => return of_connect(&error),
        Ok(Ok(stream)) => stream,
    };
    let (path, host, status, body) = match &check.kind {
        CheckKind::Tcp | CheckKind::Control { .. } => return Outcome::Good,
        CheckKind::Http { path, host, status, body } => (path, host, *status, body.as_deref()),
    };
    let host = host.clone().unwrap_or_else(|| address.to_string());
    let request = match http1::request(path, &host) {
        Ok(request) => request,
        Err(error) => return Outcome::Bad(ProbeFailure::NotARequest(error.to_string())),
    };
    let mut has_head = false;
    let want = http1::Want { status, body };
    match timeout_at(deadline, http1::exchange(stream, request, want, &mut has_head)).await {
        Ok(Ok(())) => Outcome::Good,
        Ok(Err(failure)) => Outcome::Bad(failure),
        Err(_) if has_head => Outcome::Bad(ProbeFailure::NoEnd(check.timeout)),
        Err(_) => Outcome::Bad(ProbeFailure::NoAnswer(check.timeout)),
    }
}

async fn connect(address: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_zero_linger()?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
