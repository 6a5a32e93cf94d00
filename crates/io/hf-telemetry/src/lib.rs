//! What a node tells of itself: logs, its activity per pool and zone, how fast clients reach it.
//!
//! Not here: what is decided; metrics, which `hf-control-plane` makes of snapshots and reports.

pub mod activity;
pub mod latency;
pub mod log;

pub use activity::{Activity, ZoneActivity, ZoneActivityReport};
pub use latency::{Latencies, MeasuredLatency};
