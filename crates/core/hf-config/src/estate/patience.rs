//! How long each phase of a request may take, how much of everything there may be, and what becomes of failures.
//!
//! Not here: doing it (`hf-balancer`), the arithmetic of budgets and ejections (`hf-balance`).

use std::time::Duration;

use hf_model::Share;

use super::PoolIx;

/// How long each phase may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// To open a connection to an endpoint, its TLS included. Default 1 s: a healthy one needs a few round trips, a dead zone does not answer.
    pub connect: Duration,
    /// From a request's first byte to the end of its head, and for what comes before requests (PROXY header, TLS). Default 10 s;
    /// then the client is cut.
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
    /// An upgraded or TCP connection without a byte, either way. Default 1 h.
    pub tunnel_idle: Duration,
    /// A whole request with its answer and all its tries. Default none; then the client gets 504, or is cut if the answer has begun.
    pub request: Option<Duration>,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            connect: Duration::from_secs(1),
            header: Duration::from_secs(10),
            response_header: Duration::from_mins(1),
            body_idle: Duration::from_secs(30),
            client_idle: Duration::from_mins(1),
            kept_idle: Duration::from_secs(4),
            unacknowledged: Duration::from_secs(3),
            tunnel_idle: Duration::from_hours(1),
            request: None,
        }
    }
}

/// How much of everything there may be, and what happens at the bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Client connections of one worker. Default 10,000. A further one is accepted, told 503 and closed at once, so that its client can
    /// go elsewhere; where no 503 can be told it is closed.
    pub client_connections: u32,
    /// Requests under way at one endpoint, all workers of one balancer together. Default 4,096; above it the endpoint is passed
    /// over, and with all of them full the answer is 503.
    pub in_flight_per_endpoint: u32,
    /// Bytes of one request's head. Default 64 KiB; above it the answer is 431.
    pub header_bytes: u32,
    /// Bytes of a request's body. Default any number; above it the answer is 413.
    pub body_bytes: Option<u64>,
    /// HTTP/2 requests under way on one client connection. Default 100; further ones are refused and may be sent again.
    pub streams_per_connection: u32,
    /// Bytes of a body that a request may have to be sent again. Default 64 KiB; a longer one is streamed and never repeated.
    pub replay_bytes: u32,
    /// Connections that one worker opens to one endpoint at the same moment. Default 64: after a shift a whole zone's requests come at once,
    /// and servers queue as few as 128 new connections. Further requests wait, within `connect`.
    pub connecting_per_endpoint: u32,
    /// Idle connections that one worker keeps to one endpoint. Default 1,024; above it they are closed after use.
    pub kept_per_endpoint: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            client_connections: 10_000,
            in_flight_per_endpoint: 4_096,
            header_bytes: 64 << 10,
            body_bytes: None,
            streams_per_connection: 100,
            replay_bytes: 64 << 10,
            connecting_per_endpoint: 64,
            kept_per_endpoint: 1_024,
        }
    }
}

/// When a request is sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retries {
    /// Endpoints that one request may be sent to. 1 to 10, default 3: the first and two more.
    pub tries: u8,
    /// Further tries as a share of first ones. Default 20 %: a failure everywhere does not become a flood.
    pub budget: Share,
    /// Answers upon which idempotent requests are tried elsewhere. Default none: an answer is an answer.
    pub on_status: Vec<StatusRange>,
}

impl Default for Retries {
    fn default() -> Self {
        Retries { tries: 3, budget: Share::from_ppm(200_000).unwrap_or(Share::ZERO), on_status: Vec::new() }
    }
}

/// Another pool for single requests that fail in this one: those that reached no application, and idempotent ones that
/// can be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failover {
    /// The pool; of the same protocol, and no ring.
    pub to: PoolIx,
    /// Answers that count as failure. Default none.
    pub on_status: Vec<StatusRange>,
    /// Whether a request that reached no endpoint goes there. Default yes.
    pub on_connect: bool,
    /// How long to wait for an answer's first byte before it goes there. Default: as long as `response_header` says, and then 504.
    pub on_timeout: Option<Duration>,
    /// Requests that may go there, as a share of all. Default 20 %: the other pool is not flooded. With a whole pool down
    /// `all_down = "fallback:POOL"` sends them all.
    pub budget: Share,
}

/// Statuses of HTTP, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatusRange {
    /// The first.
    pub from: u16,
    /// The last.
    pub to: u16,
}

impl StatusRange {
    /// Whether `status` lies in it.
    pub fn holds(self, status: u16) -> bool {
        (self.from..=self.to).contains(&status)
    }
}

/// As written: `500` or `500-504`.
impl std::fmt::Display for StatusRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.from, self.to) {
            (from, to) if from == to => write!(f, "{from}"),
            (from, to) => write!(f, "{from}-{to}"),
        }
    }
}

/// When a balancer leaves an endpoint for a while by what its own requests met. A passed health check does not end that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ejection {
    /// Failures in a row. 0 to 1,000, default 5; 0: never for failures in a row.
    pub failures: u16,
    /// Share of failures over 10 s, with 50 requests at least. Default 50 %; 100 %: only when all fail; 0 %: never for a share.
    pub failure_share: Share,
    /// How long, times the number of ejections before and this one. 100 ms to 1 h, default 10 s.
    pub time: Duration,
    /// How long at most. `time` to 24 h, default 5 min.
    pub time_max: Duration,
    /// The share of one zone's endpoints that are out at most: one always may be, never all of a zone. Default 34 %. A whole zone is
    /// the gray-failure detector's to leave.
    pub share_max: Share,
    /// Whether an answer with a status from 500 counts as a failure, and a gRPC status that says as much. Default yes.
    pub statuses: bool,
}

impl Default for Ejection {
    fn default() -> Self {
        let share = |ppm| Share::from_ppm(ppm).unwrap_or(Share::ZERO);
        Ejection {
            failures: 5,
            failure_share: share(500_000),
            time: Duration::from_secs(10),
            time_max: Duration::from_mins(5),
            share_max: share(340_000),
            statuses: true,
        }
    }
}
