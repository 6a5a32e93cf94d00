//! What a node tells of itself: logs, its activity per pool, zone and endpoint, how fast clients reach it.
//!
//! Not here: what is decided; metrics, which `hf-control-plane` makes of snapshots and reports.

pub mod activity;
pub mod clients;
pub mod consumers;
pub mod endpoint;
pub mod histogram;
pub mod latency;
pub mod log;
pub mod merge;
pub mod probes;
pub mod second;
pub mod status;

pub use activity::{Activity, ZoneActivity, ZoneActivityReport};
pub use clients::ClientCount;
pub use consumers::Consumers;
pub use endpoint::{EndpointId, EndpointStats, EndpointTotals, Outcome, OutcomeTotals};
pub use histogram::{LatencyCounts, LatencyHistogram, LatencyTotals};
pub use latency::{Latencies, MeasuredLatency};
pub use merge::{MergedSecond, MergedZone, Merger, SecondsDropped, SeenFrom};
pub use probes::{ProbeCounts, ProbeTotals};
pub use second::{EndpointSecond, Second, ZoneSecond};
pub use status::{StatusCounts, StatusEvent, StatusLoad, StatusTotals};
