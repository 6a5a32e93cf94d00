//! What a node tells of itself: logs, and its activity per pool and zone.
//!
//! Not here: what is decided; metrics, which `hf-control-plane` makes of snapshots and reports.

pub mod activity;
pub mod log;

pub use activity::{Activity, ZoneActivity, ZoneActivityReport};
