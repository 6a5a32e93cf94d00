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
    /// What is found, by what it is of: one endpoint, clients, one zone, everything, an observer; empty when nothing is. At most 200, the first ones.
    #[serde(default)]
    pub told: Vec<GrayTold>,
    /// Findings that are not in `told`.
    #[serde(default)]
    pub told_more: u32,
    /// Every zone of the pool.
    pub zones: Vec<GrayZone>,
}

/// One finding, told as what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GrayTold {
    /// The pool.
    pub pool: String,
    /// `endpoint`, `clients`, `zone`, `everything`, or `observer` (balancers of that zone, whose own evidence counts for nothing).
    pub sort: String,
    /// The zone; null for `everything`.
    pub zone: Option<String>,
    /// The endpoint, for `endpoint`.
    pub endpoint: Option<String>,
    /// What is found, with its evidence and what follows.
    pub text: String,
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
    /// Endpoints whose trouble is no evidence yet: it goes from one to the next, or comes and goes in pauses.
    #[serde(default)]
    pub young_endpoints: u32,
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

/// `GET /v1/gray/recording?pool=NAME&after=SECOND`: the newest seconds that the detector of a pool took, a page of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GrayRecording {
    /// The node that answers.
    pub node: String,
    /// The pool.
    pub pool: String,
    /// The zones, in the order of the seconds' columns, as they are now.
    pub zones: Vec<String>,
    /// Seconds, oldest first. Empty: there are none after the one that was asked for.
    pub seconds: Vec<RecordedSecond>,
}

/// One second as `holdfast detect` replays it: a line of a recording.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RecordedSecond {
    /// Seconds of Unix time.
    pub t: u64,
    /// Requests by zone and endpoint.
    pub n: Vec<Vec<u32>>,
    /// Faults by zone and endpoint.
    pub e: Vec<Vec<u32>>,
    /// Faults of the two clients with most of them, by zone.
    pub topc: Vec<u32>,
    /// Requests of the same two, by zone.
    pub topn: Vec<u32>,
    /// 1 while a zone is deployed to.
    pub mark: Vec<u8>,
    /// By observer's and target's zone, 1 for answered, null for not asked.
    pub probe: Vec<Vec<Option<u8>>>,
    /// Answers by bucket of latency, by zone and endpoint. Zeros at the end are left out.
    pub hist: Vec<Vec<Vec<u32>>>,
    /// How many buckets there are.
    pub buckets: usize,
    /// From one bucket to the next, so many times as long.
    pub ratio: f64,
    /// 1 where `probe` is what checkers' verdicts say.
    pub verdicts: u8,
    /// What balancers of each zone saw of each zone.
    pub seen: Vec<Vec<RecordedSeen>>,
    /// Where zones and endpoints were in the second before, if any came or went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Vec<RecordedWas>>,
}

/// What the balancers of one zone saw of one zone in a second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordedSeen {
    /// Requests.
    pub n: u32,
    /// Faults.
    pub e: u32,
    /// Answers by bucket of latency. Zeros at the end are left out.
    #[serde(default)]
    pub hist: Vec<u32>,
}

/// Where one zone was found in the second before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecordedWas {
    /// Its column; null for a new one.
    pub zone: Option<usize>,
    /// The column of each endpoint; null for new ones.
    pub endpoints: Vec<Option<usize>>,
}
