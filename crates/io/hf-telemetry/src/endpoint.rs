//! What came of each request to one endpoint: counters and latencies, written by every worker of a balancer.
//!
//! 1. A request counts once, when its fate is known; a try that was repeated elsewhere counts for the endpoint that it failed at.
//! 2. A fault is the endpoint's or the way's doing. A client that went away is neither good nor bad, and counts apart.
//! 3. A latency is the time to the first byte of an answer. Without an answer there is none: a fault that took 3 s and one that took none
//!    are faults alike, and must not move the latencies of those that were answered.
//!
//! Not here: what is ejected (`hf-balance`), how it travels (`hf-feed`).

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hf_model::{PoolName, ZoneId};

use crate::activity::ZoneActivity;
use crate::clients::client_key;
use crate::histogram::{LatencyHistogram, LatencyTotals};
use crate::second::EndpointSecond;

/// What became of a request, or of a TCP session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Outcome {
    /// Answered, with a status below 500; a session that ended in order.
    Answered,
    /// The client went away before its answer.
    ClientGone,
    /// No connection to the endpoint came about.
    ConnectFailed,
    /// The connection ended in the middle.
    Reset,
    /// No answer in time.
    TimedOut,
    /// Answered with a status of 500 or above.
    ServerError,
    /// Answered with a `grpc-status` that means a failure of the server.
    GrpcError,
}

impl Outcome {
    /// All of them, in the order of their numbers.
    pub const ALL: [Outcome; 7] = [
        Outcome::Answered,
        Outcome::ClientGone,
        Outcome::ConnectFailed,
        Outcome::Reset,
        Outcome::TimedOut,
        Outcome::ServerError,
        Outcome::GrpcError,
    ];

    /// Its word in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::ClientGone => "client_gone",
            Outcome::ConnectFailed => "connect_failed",
            Outcome::Reset => "reset",
            Outcome::TimedOut => "timed_out",
            Outcome::ServerError => "server_error",
            Outcome::GrpcError => "grpc_error",
        }
    }

    /// Whether it speaks against the endpoint.
    pub fn is_fault(self) -> bool {
        !matches!(self, Outcome::Answered | Outcome::ClientGone)
    }

    /// Whether an answer's first byte came.
    pub fn has_answer(self) -> bool {
        matches!(self, Outcome::Answered | Outcome::ServerError | Outcome::GrpcError)
    }
}

/// Counters by outcome.
#[derive(Debug, Default)]
pub(crate) struct Outcomes([AtomicU64; Outcome::ALL.len()]);

impl Outcomes {
    pub(crate) fn count(&self, outcome: Outcome) {
        self.0[outcome as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn totals(&self) -> OutcomeTotals {
        OutcomeTotals(std::array::from_fn(|at| self.0[at].load(Ordering::Relaxed)))
    }
}

/// Requests by what became of them, since the process began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutcomeTotals(pub [u64; Outcome::ALL.len()]);

impl OutcomeTotals {
    /// How many of one sort.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.0[outcome as usize]
    }

    /// Those that say something of the endpoint: all but what the client broke off.
    pub fn requests(&self) -> u64 {
        self.sum(|outcome| outcome != Outcome::ClientGone)
    }

    /// Those that speak against it.
    pub fn faults(&self) -> u64 {
        self.sum(Outcome::is_fault)
    }

    fn sum(&self, counts: impl Fn(Outcome) -> bool) -> u64 {
        Outcome::ALL.into_iter().filter(|outcome| counts(*outcome)).map(|outcome| self.of(outcome)).sum()
    }
}

/// What an endpoint's counters are known by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EndpointId {
    /// Its pool.
    pub pool: PoolName,
    /// Its zone.
    pub zone: ZoneId,
    /// Where it listens.
    pub address: SocketAddr,
}

/// The counters of one endpoint in one process.
#[derive(Debug)]
pub struct EndpointStats {
    zone: Arc<ZoneActivity>,
    outcomes: Outcomes,
    retried: AtomicU64,
    ejected: AtomicU64,
    latency: LatencyHistogram,
    /// What the last second's end had; the one who tells seconds goes by it.
    told: Mutex<EndpointTotals>,
}

impl EndpointStats {
    pub(crate) fn new(zone: Arc<ZoneActivity>) -> Self {
        EndpointStats {
            zone,
            outcomes: Outcomes::default(),
            retried: AtomicU64::new(0),
            ejected: AtomicU64::new(0),
            latency: LatencyHistogram::default(),
            told: Mutex::default(),
        }
    }

    /// The fate of a request is known. `first_byte_us` is from the request's way out to the answer's first byte; without an answer it does
    /// not count.
    pub fn finished(&self, outcome: Outcome, first_byte_us: u32) {
        self.outcomes.count(outcome);
        self.zone.outcomes.count(outcome);
        if outcome.has_answer() {
            self.latency.count(first_byte_us);
            self.zone.latency.count(first_byte_us);
        }
    }

    /// The same for a client that is known: then a client whose requests alone fail does not make its zone look bad.
    pub fn finished_for(&self, client: IpAddr, outcome: Outcome, first_byte_us: u32) {
        self.finished(outcome, first_byte_us);
        if outcome != Outcome::ClientGone {
            self.zone.clients.note(client_key(client), outcome.is_fault());
        }
    }

    /// A try failed here and was made again elsewhere. Beside [`EndpointStats::finished`] of that try.
    pub fn retried(&self) {
        self.retried.fetch_add(1, Ordering::Relaxed);
        self.zone.retried.fetch_add(1, Ordering::Relaxed);
    }

    /// It was ejected.
    pub fn ejected(&self) {
        self.ejected.fetch_add(1, Ordering::Relaxed);
        self.zone.ejected.fetch_add(1, Ordering::Relaxed);
    }

    /// Its counters since the process began.
    pub fn totals(&self) -> EndpointTotals {
        EndpointTotals {
            outcomes: self.outcomes.totals(),
            retried: self.retried.load(Ordering::Relaxed),
            ejected: self.ejected.load(Ordering::Relaxed),
            latency: self.latency.totals(),
        }
    }

    /// What came since the last call.
    pub(crate) fn take_second(&self, address: SocketAddr) -> EndpointSecond {
        let now = self.totals();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let since = |now: u64, before: u64| u32::try_from(now.saturating_sub(before)).unwrap_or(u32::MAX);
        let second = EndpointSecond {
            address,
            requests: since(now.outcomes.requests(), told.outcomes.requests()),
            faults: since(now.outcomes.faults(), told.outcomes.faults()),
            retried: since(now.retried, told.retried),
            ejected: since(now.ejected, told.ejected),
            latency: now.latency.since(&told.latency),
        };
        *told = now;
        second
    }
}

/// An endpoint's counters since the process began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointTotals {
    /// Its requests.
    pub outcomes: OutcomeTotals,
    /// Tries that were made again elsewhere.
    pub retried: u64,
    /// How often it was ejected.
    pub ejected: u64,
    /// Times to the first byte of its answers.
    pub latency: LatencyTotals,
}
