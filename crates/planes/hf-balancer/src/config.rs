//! How a balancer runs: its place, its bounds and its patience.
//!
//! Every queue and buffer has its bound here, and each bound says what happens when it is reached.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use hf_clock::Clock;
use hf_model::{NodeId, ZoneId};
use hf_telemetry::Activity;

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
    /// Where requests and connections are counted.
    pub activity: Arc<Activity>,
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
            limits: Limits::default(),
        }
    }
}

/// Bounds and patience of a balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Client connections of one worker. Default 10,000. A further one is accepted, told 503 and closed at once, so that
    /// its client can go elsewhere instead of waiting in the kernel's queue.
    pub connections_per_worker: usize,
    /// Bytes of one request's head. Default 64 KiB, at least 8 KiB; above it the answer is 431. A head has at most
    /// 100 fields besides.
    pub header_bytes: usize,
    /// Requests under way at one endpoint, all workers together. Default 4,096; above it the endpoint is passed over, and
    /// with all of them full the answer is 503.
    pub in_flight_per_endpoint: u32,
    /// Connections that one worker opens to one endpoint at the same moment. Default 64: after a shift a whole zone's requests
    /// come at once, and servers queue as few as 128 to 511 new connections; beyond that a second is lost for each. Further requests wait,
    /// within `connect`, for one of these or for one that comes free.
    pub connecting_per_endpoint: usize,
    /// Idle connections that one worker keeps to one endpoint. Default 1,024; above it they are closed after use.
    pub kept_per_endpoint: usize,
    /// Idle connections that one worker keeps in all. Default 4,096; above it they are closed after use.
    pub kept_per_worker: usize,
    /// Bytes of a body that an idempotent request may have to be sent again. Default 64 KiB; a longer one is streamed and never repeated.
    pub replay_bytes: usize,
    /// Endpoints that one request may be sent to. Default 3: the first and two more.
    pub tries: u8,
    /// To open a connection to an endpoint. Default 1 s: a healthy one needs a round trip, a dead zone does not answer.
    pub connect: Duration,
    /// From a request's first byte to the end of its head. Default 10 s; then the client is cut.
    pub header: Duration,
    /// From the request's way out to the head of the answer. Default 60 s; then 504.
    pub response_header: Duration,
    /// Without a byte in the middle of a body, either way. Default 30 s; then both sides are cut.
    pub body_idle: Duration,
    /// A client connection without a request. Default 60 s; then it is closed.
    pub client_idle: Duration,
    /// An endpoint connection without a request. Default 4 s: under the 5 s after which common servers close theirs, since a
    /// request that crosses their close on the way is lost unless it may be repeated.
    pub kept_idle: Duration,
    /// Sent bytes that an endpoint's machine does not acknowledge. Default 3 s; then the connection counts as reset.
    /// A zone behind a black hole is noticed by this on connections that were open before.
    pub unacknowledged: Duration,
    /// How long an endpoint without a health check stays out after three failures in a row. Default 10 s.
    pub ejection: Duration,
    /// Over how long idle clients are sent away when this balancer's zone is left. Default 1 s, so that they do not all
    /// come back at one instant.
    pub spread: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections_per_worker: 10_000,
            header_bytes: 64 << 10,
            in_flight_per_endpoint: 4_096,
            connecting_per_endpoint: 64,
            kept_per_endpoint: 1_024,
            kept_per_worker: 4_096,
            replay_bytes: 64 << 10,
            tries: 3,
            connect: Duration::from_secs(1),
            header: Duration::from_secs(10),
            response_header: Duration::from_mins(1),
            body_idle: Duration::from_secs(30),
            client_idle: Duration::from_mins(1),
            kept_idle: Duration::from_secs(4),
            unacknowledged: Duration::from_secs(3),
            ejection: Duration::from_secs(10),
            spread: Duration::from_secs(1),
        }
    }
}
