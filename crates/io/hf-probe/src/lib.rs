//! Health probes: one probe, and the schedule of all probes of an estate.
//!
//! 1. [`probe`] asks one endpoint once, within its time and with bounded memory, and says in words what was wrong. No policy.
//! 2. [`Prober`] asks every endpoint that has a check, and what checks that stand by themselves are about, evenly spread over the interval,
//!    and counts results.
//! 3. No address gets more probes a second than `[checks]` of the estate says: what is beyond is put off ([`budget`]). Where there are many zones,
//!    each looks at its share of the endpoints ([`shards`]).
//! 4. What goes wrong on our own side (no socket, no port left, no route) is [`Outcome::Unmeasured`] and counts for nothing:
//!    unknown is not unhealthy.
//!
//! Not here: what several checkers make of it (`hf-health`), who publishes it (`hf-checker`), who obeys it.

mod body;
mod budget;
mod command;
mod dns;
mod failure;
mod grpc;
mod http;
mod http1;
mod http2;
mod jobs;
mod metric;
mod percent;
mod probe;
mod prober;
mod processes;
mod progress;
mod schedule;
mod shards;
mod tcp;
mod tls;
mod tools;
mod wire;
mod zone_status;

pub use failure::{Outcome, ProbeFailure, ProbeResult};
pub use probe::{probe, probed_address};
pub use prober::{
    Evidence, Given, LastFailure, Load, Observation, Prober, ProberConfig, Probing, Sink, Standing,
};
pub use tools::{Tools, open_files_max};
