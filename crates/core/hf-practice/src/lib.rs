//! When practice runs begin by the week, in which zone, and when a running one is judged.
//!
//! 1. Each resource with a practice configuration has one run a week. Weeks begin on Monday, 00:00 UTC. Its beginning is one of the five-minute
//!    steps that its windows and dates allow, drawn by the digest of resource and week: resources spread, and the same one does not always
//!    meet the same hour ([`slot`]). A step at which the whole run is allowed goes before one at which only its beginning is.
//! 2. What could not begin then, for an alarm, a shift, want of capacity or of a control node, is tried again at every allowed time until the week
//!    is over, at most every [`RETRY`] ([`due`]).
//! 3. One zone after another: the one behind the last run's in the estate's order.
//! 4. Never two runs in one region at once, nor one beside any other shift there. Of several that are due the one with the earlier beginning
//!    goes first.
//! 5. A run that is under way fails when an outcome alarm goes off, is interrupted by a blocking alarm, fails its capacity check when a zone that
//!    stays is overloaded, and succeeds at its end ([`judge`]).
//!
//! Not here: what alarms say and what zones carry (`hf-health`, `hf-capacity`), who acts (`hf-control-plane`); the ledger's own rules
//! (`hf-control`) are asked after these.

mod due;
mod judge;
mod slot;

pub use due::{Due, Inputs, RETRY, due, next_zone, zones_of};
pub use judge::{Judged, Seen, judge};
pub use slot::{LENGTH, Slots, is_allowed, slot, week_of};

#[cfg(test)]
mod tests;
