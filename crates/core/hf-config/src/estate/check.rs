//! How health is measured.

use std::time::Duration;

use hf_model::{CheckName, ControlPath};

/// How health is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Its name.
    pub name: CheckName,
    /// What a probe does.
    pub kind: CheckKind,
    /// From the start of one probe to the start of the next. 100 ms to 1 h, default 1 s.
    pub interval: Duration,
    /// From a probe's start to its failure for want of an answer. 10 ms to `interval`, default half of it.
    pub timeout: Duration,
    /// From a probe that contradicts the present state to the next one, until it is confirmed or not.
    /// 50 ms to `interval`, default `interval`: a failure makes no extra work unless asked for; at most `fall` or `rise` extra probes each time.
    pub confirm_interval: Duration,
    /// Good results in a row that turn an endpoint healthy. 1 to 10, default 2.
    pub rise: u8,
    /// Bad results in a row that turn it unhealthy. 1 to 10, default 3.
    pub fall: u8,
    /// The port to probe, if not the endpoint's own.
    pub port: Option<u16>,
    /// What an endpoint counts as for a balancer before its first result.
    pub initial: Initial,
}

impl HealthCheck {
    /// Whether it measures one thing by itself, rather than each endpoint of the pools that name it: then a table has a bit for it.
    pub fn is_standing(&self) -> bool {
        false
    }
}

/// What an endpoint counts as before its first result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Initial {
    /// As healthy: it has requests at once.
    Healthy,
    /// As unhealthy: it has none before `rise` good results.
    Unhealthy,
    /// As neither: others come first, and it serves while nobody is known to be healthy. The default.
    #[default]
    Unknown,
}

impl Initial {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            Initial::Healthy => "healthy",
            Initial::Unhealthy => "unhealthy",
            Initial::Unknown => "unknown",
        }
    }
}

/// What a probe does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// Opens a TCP connection and closes it.
    Tcp,
    /// Sends `GET path` over HTTP/1.1.
    Http {
        /// Absolute path, default `/`.
        path: String,
        /// The `Host` header, default the endpoint's address.
        host: Option<String>,
        /// Statuses that count as good, inclusive, default 200 to 399.
        status: (u16, u16),
        /// Text that the first 64 KiB of the body must hold.
        body: Option<String>,
    },
    /// Sends nothing: healthy exactly while a routing control is on.
    Control {
        /// Which; it is declared in this estate.
        control: ControlPath,
    },
}
