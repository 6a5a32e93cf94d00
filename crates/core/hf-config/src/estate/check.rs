//! How health is measured: what all kinds of checks have in common.
//!
//! Not here: what a probe of each kind does (`check_kind`), results in a row and the quorum (`hf-health`).

use std::net::SocketAddr;
use std::time::Duration;

use hf_model::{CheckName, Share};

use super::check_kind::CheckKind;

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
    /// Good results that turn an endpoint healthy. 1 to 10, default 2.
    pub rise: u8,
    /// Bad results that turn it unhealthy. 1 to 10, default 3.
    pub fall: u8,
    /// How they are counted.
    pub count: Counting,
    /// The port to probe, if not the endpoint's own.
    pub port: Option<u16>,
    /// What is probed instead of the endpoints: then the check stands by itself, and its verdict is that of every endpoint under it.
    pub address: Option<SocketAddr>,
    /// What an endpoint counts as for a balancer before its first result.
    pub initial: Initial,
    /// Whether each result is turned round: good is bad.
    pub inverted: bool,
    /// Whether nothing is measured, and everybody counts as healthy.
    pub disabled: bool,
    /// An endpoint is healthy while more than this share of the checkers that know it say so. 0 % to below 100 %, default 18 %.
    pub quorum: Share,
}

impl HealthCheck {
    /// From the start of one probe to the start of the next, unless told otherwise.
    pub const INTERVAL: Duration = Duration::from_secs(1);

    /// A check of this kind with every other option at its default.
    pub fn new(name: CheckName, kind: CheckKind) -> Self {
        HealthCheck {
            name,
            kind,
            interval: Self::INTERVAL,
            timeout: Self::INTERVAL / 2,
            confirm_interval: Self::INTERVAL,
            rise: 2,
            fall: 3,
            count: Counting::default(),
            port: None,
            address: None,
            initial: Initial::default(),
            inverted: false,
            disabled: false,
            quorum: Self::quorum_default(),
        }
    }

    /// 18 %, Route 53's figure: the Amazon Route 53 developer guide, "How Route 53 determines whether a health check is healthy".
    pub fn quorum_default() -> Share {
        Share::from_ppm(180_000).expect("under a million")
    }

    /// Whether it measures one thing by itself, rather than each endpoint of the pools that name it: then a table has a bit for it.
    ///
    /// A pushed check is of both sorts: results come for all of it or for one endpoint.
    pub fn is_standing(&self) -> bool {
        let by_kind = matches!(
            self.kind,
            CheckKind::Command(_) | CheckKind::Pushed(_) | CheckKind::Metric(_) | CheckKind::ZoneStatus(_)
        );
        by_kind || self.address.is_some()
    }

    /// Whether checkers and balancers probe each endpoint under it.
    pub fn probes_endpoints(&self) -> bool {
        let by_kind = matches!(
            self.kind,
            CheckKind::Tcp(_) | CheckKind::Http(_) | CheckKind::Grpc(_) | CheckKind::Dns(_)
        );
        by_kind && self.address.is_none() && !self.disabled
    }

    /// Whether checkers probe one thing for it, once for all endpoints.
    pub fn probes_itself(&self) -> bool {
        self.is_standing() && !matches!(self.kind, CheckKind::Pushed(_)) && !self.disabled
    }
}

/// How much checkers probe, together: the section `[checks]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checking {
    /// Probes a second that one address gets at most, from a checker in each zone that looks at it. 1 to 100,000, default 100: three checkers at the
    /// shortest interval, three times over.
    pub probes_per_second_max: u32,
    /// From how many zones each endpoint is probed; all of them unless stated. At least 3: an endpoint is down only where two zones say so, and
    /// one may be cut off.
    pub vantage_zones: Option<u16>,
}

impl Default for Checking {
    fn default() -> Self {
        Checking { probes_per_second_max: 100, vantage_zones: None }
    }
}

impl Checking {
    /// Zones that probe one endpoint, of an estate of so many.
    pub fn vantages(&self, zones: usize) -> usize {
        self.vantage_zones.map_or(zones, |few| zones.min(few.into())).max(1)
    }
}

/// How results are counted against the present state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counting {
    /// In a row: one good result and all bad ones before it are forgotten. The default.
    #[default]
    Consecutive,
    /// A good result takes one bad one off: an endpoint that fails two times in three turns, too.
    Interleaved,
}

impl Counting {
    /// As written.
    pub fn as_str(self) -> &'static str {
        match self {
            Counting::Consecutive => "consecutive",
            Counting::Interleaved => "interleaved",
        }
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
