//! `GET /v1/gray`: what the detectors of gray failure say of every pool's zones.
//!
//! Logarithms of evidence and rates are in whole thousandths and millionths, so that answers can be compared.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The word on all pools that are watched, as the answering node's detectors have it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Gray {
    /// The node that answers. Detectors run on nodes with the control role; on others `pools` is empty.
    pub node: String,
    /// Pools with endpoints in two zones or more, and with requests.
    pub pools: Vec<GrayPool>,
}

/// The word on one pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrayPool {
    /// Its name.
    pub pool: String,
    /// The second it is about, since 1970.
    pub second: u64,
    /// `nothing`, `zone` (one zone is impaired and the others are not), or `several` (leaving one zone would not help).
    pub finding: String,
    /// The zone, if it is one.
    pub zone: Option<String>,
    /// Seconds until the first verdict may come; 0 once the detector has seen enough.
    pub warm_in_s: u32,
    /// Zones whose own balancers see trouble everywhere while others do not: what they see is left out.
    pub observers_doubted: Vec<String>,
    /// Every zone of the pool.
    pub zones: Vec<GrayZone>,
}

/// The evidence against one zone of one pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrayZone {
    /// The pool.
    pub pool: String,
    /// The zone.
    pub zone: String,
    /// `normal`, `suspect`, `held` (enough for a verdict, which waits to see whether it is everywhere) or `impaired`.
    pub stage: String,
    /// The evidence in one line: what is measured, what is tolerated, the test and its window.
    pub text: String,
    /// Seconds in a row for which it has been impaired.
    pub impaired_s: u32,
    /// Seconds in a row under suspicion.
    pub suspect_s: u32,
    /// The logarithm of the evidence, in thousandths.
    pub evidence_per_1000: i64,
    /// What a verdict needs of it.
    pub threshold_per_1000: i64,
    /// The same by stream: faults; answers above the usual median, 95th and 99th percentile; probes.
    pub streams_per_1000: GrayStreams,
    /// Faults of a million requests, over ten seconds, worst endpoints and clients left out.
    pub faults_ppm: u32,
    /// What is tolerated of them.
    pub faults_tolerated_ppm: u32,
    /// Requests each second, in thousandths.
    pub requests_per_1000_s: u64,
}

/// Evidence by stream, in thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrayStreams {
    /// Faults.
    pub faults: i64,
    /// Answers slower than half of them usually are.
    pub slow_median: i64,
    /// Answers slower than 95 % of them usually are.
    pub slow_p95: i64,
    /// Answers slower than 99 % of them usually are.
    pub slow_p99: i64,
    /// Probes.
    pub probes: i64,
}
