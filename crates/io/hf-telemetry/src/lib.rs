//! What a node tells of itself: logs, metrics, and its activity per zone.
//!
//! Not here: what is decided, or where the metrics are served (`hf-control-plane`).

pub mod activity;
pub mod log;

pub use activity::{Activity, ZoneActivity, ZoneActivityReport};
