//! Gray failure of zones: seconds of requests and probes in, the zone that fails in part out.
//!
//! Health checks say whether an endpoint is dead. Here a zone is judged that answers, but worse than its peers and than itself before: some faults,
//! some delay, some loss. Every second each zone's evidence grows or melts; a verdict needs so much of it that a false one is expected once in
//! years ([`Config::log_a`]).
//!
//! 1. Five streams a zone: faults, three of slow answers, probes ([`stream`], [`slow`], [`probes`]). Each asks whether the zone is worse than
//!    "at most so many times its worst peer or its own past, plus a little": large traffic makes every difference certain, so the null hypothesis
//!    holds what is tolerated.
//! 2. One endpoint, one client, one observer never make a zone: the worst endpoints and clients are left out, the excess must be broad, and probes
//!    count only where the other zones' observers agree.
//! 3. What gets worse everywhere is not a zone's: peers' trouble raises the bar at once, and a verdict waits while a peer gets worse too.
//!    An observer that sees every zone fail where others see them answer is in trouble itself, and left out ([`observers`]).
//! 4. What could be the first sign of trouble everywhere waits longer: an even share of faults that probes see alike ([`Config::even_hold_s`]).
//! 5. One zone at a time: several at once are told, and nothing is to be left for them.
//!
//! Floats decide here, alone in the core: a likelihood has no honest form in whole numbers. Sums, products and roots are the same bits on every
//! machine by IEEE 754, and logarithms and exponentials come from `libm` in Rust, so a replay gives the same verdicts everywhere.
//!
//! Not here: who counts (`hf-telemetry`), who acts (`hf-control-plane`), how a zone comes back.

mod config;
mod detector;
mod judged;
mod observers;
mod probes;
mod recording;
mod second;
mod slow;
mod stream;
mod turns;

pub use config::Config;
pub use detector::{Apart, Detector, Evidence, Finding, Rate, Stage, Step, Streams, ZoneWas};
pub use judged::{Judged, Mark, PoolJudged, ZoneJudged};
pub use recording::{Recorded, Recording};
pub use second::{Endpoint, Latency, Second, Seen, Zone};
