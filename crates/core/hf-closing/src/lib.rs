//! Closing sources: what stores outside say of a zone, to when a shift begins, lasts and ends.
//!
//! 1. A store says that the zone is closed, that it is open, or nothing ([`Look`]). Only a quorum of stores that say the same counts
//!    ([`count`]); stores that are silent, broken or deny are no voices. Two quorums at once are none.
//! 2. Closed: a shift of [`LENGTH`] begins, and is renewed at half of that. Open: it ends at once.
//! 3. Without a quorum nothing begins and nothing is ended: what is in force is renewed, for [`HOLD`] after the last quorum; then it is left to
//!    expire. So lost stores neither close a zone nor open it, and what they closed does not stay for ever.
//! 4. People come first. A shift of the source that somebody else canceled does not come back before a quorum has said open once. While
//!    somebody else's shift takes the same away, the source begins none.
//! 5. Who takes over from another node knows by the ledger what is in force, since when without a quorum, and what was canceled.
//!
//! Not here: looking (`hf-stores`), the ledger's own rules, which are asked after these (`hf-control`), who acts (`hf-control-plane`).

mod count;
mod rule;

pub use count::{Asked, Finding, Look, Seen, count};
pub use rule::{HOLD, Inputs, LENGTH, Memory, Word, decide};

use hf_model::{Operator, SourceName};

/// In whose name a source acts: `closing-source/runbook`.
pub fn operator(source: &SourceName) -> Operator {
    Operator::new(&format!("{}{source}", Operator::CLOSING_SOURCE))
}

/// Whether a source acts in this name: access and node files give it to nobody else.
pub fn is_of_source(by: &Operator) -> bool {
    by.as_str().starts_with(Operator::CLOSING_SOURCE)
}

#[cfg(test)]
mod tests;
