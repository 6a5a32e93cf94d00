//! How a balancer runs: its place, its bounds and its patience.
//!
//! Every queue and buffer has its bound here, and each bound says what happens when it is reached.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use hf_assign::TicketKey;
use hf_certificates::Certificates;
use hf_clock::Clock;
use hf_model::{NodeId, ZoneId};
use hf_telemetry::Activity;

use crate::access_log::AccessLog;
use crate::manner::Authorities;
use crate::memory::EndpointMemory;

/// How one balancer runs.
#[derive(Clone, Debug)]
pub struct BalancerConfig {
    /// Whose balancer it is: every node probes in an order of its own.
    pub node: NodeId,
    /// Where it runs: an id or alias of the estate. Its own zone's endpoints come first.
    pub zone: Option<ZoneId>,
    /// What an unspecified pool listener (`0.0.0.0:port`) becomes here. None: it stays unspecified.
    pub address: Option<IpAddr>,
    /// How long requests under way in a zone that was left may go on before they are cut; at shutdown, how long
    /// clients have to finish.
    pub drain: Duration,
    /// Threads, each with its own runtime, listeners and kept connections. Default: one for each core.
    pub workers: NonZeroUsize,
    /// Stamps of activity.
    pub clock: Clock,
    /// Where requests and connections are counted, and how far clients are.
    pub activity: Arc<Activity>,
    /// What listeners with `tls = true` show. None: this node has none, and such listeners cannot be opened.
    pub certificates: Option<Certificates>,
    /// Who may have signed endpoints' certificates. Default: those whom browsers trust.
    pub endpoint_authorities: Authorities,
    /// What a predecessor knew of the endpoints; with it clients are accepted at once, without it after the first round of checks.
    pub memory: Option<Vec<EndpointMemory>>,
    /// What checks the tickets of pools with `assigned`. None: this node has none, and their listeners cannot be opened.
    pub ticket_key: Option<TicketKey>,
    /// Where each request leaves a line. Default nowhere.
    pub access_log: Option<AccessLog>,
    /// Bounds and patience.
    pub limits: Limits,
}

impl BalancerConfig {
    /// Defaults for everything but name and place.
    pub fn new(node: NodeId, zone: Option<ZoneId>, clock: Clock, activity: Arc<Activity>) -> Self {
        BalancerConfig {
            node,
            zone,
            address: None,
            drain: Duration::from_secs(30),
            workers: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            clock,
            activity,
            certificates: None,
            ticket_key: None,
            access_log: None,
            endpoint_authorities: Authorities::default(),
            memory: None,
            limits: Limits::default(),
        }
    }
}

/// Bounds and patience of a worker, beside what each pool says for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Client connections of one worker, all listeners together. Default 100,000: what the pools say counts before. A further one is accepted, told
    /// 503 and closed at once, so that its client can go elsewhere instead of waiting in the kernel's queue.
    pub connections_per_worker: usize,
    /// TLS handshakes with clients that one worker has in progress. Default 1,024: what happens then tells `handshakes`.
    pub handshakes_per_worker: usize,
    /// Idle connections that one worker keeps in all. Default 4,096; above it they are closed after use.
    pub kept_per_worker: usize,
    /// Over how long idle clients are sent away when this balancer's zone is left. Default 1 s, so that they do not all
    /// come back at one instant.
    pub spread: Duration,
    /// How long a connection of HTTP/1.1 is idle before it rests: what it needs for requests is let go. Default 250 ms, longer than a busy client
    /// thinks, and short enough that a crowd that was busy a moment ago does not hold its memory. One that is to be sent away and does not rest is
    /// told so with its next answer.
    pub rest_after: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections_per_worker: 100_000,
            handshakes_per_worker: 1_024,
            kept_per_worker: 4_096,
            spread: Duration::from_secs(1),
            rest_after: Duration::from_millis(250),
        }
    }
}
