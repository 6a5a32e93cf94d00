//! Where clients are, as files and measurements say it.
//!
//! 1. [`Database`] is a geography database of the user's (MaxMind DB format), found by its file's name and read again when that changes.
//! 2. [`LatencyFile`] is a table that operators write: network, region, milliseconds.
//! 3. [`latencies`] puts the file and what balancers measured into one [`hf_select::LatencyTable`] for an estate. What an operator wrote
//!    outranks what was measured.
//! 4. [`Geography`] is all of it for one node, shared by its roles.
//! 5. A file that does not read changes nothing: the one before stays in force, and that is said.
//!
//! Not here: what a filter chain makes of it (`hf-select`), who measures (`hf-balancer`), how it travels (`hf-feed`).

mod database;
mod file;
mod geography;
mod latency;

pub use database::{BadDatabase, Database};
pub use file::{Watched, watch};
pub use geography::{BadLatencies, Changes, FromZone, Geography};
pub use latency::{FromRegion, LatencyFile, LatencyProblems, NETWORKS_MAX, latencies};
