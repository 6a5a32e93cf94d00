//! Calculated checks that go by a majority: those that are heard of decide, and a tie keeps what was.
//!
//! 1. A check votes while a fresh table of a checker that counts knows it: its verdict is of now then. What is silent counts for nothing, although its last
//!    verdict holds elsewhere.
//! 2. More healthy than unhealthy votes: healthy; fewer: unhealthy. As many, or none: the last verdict holds, unknown before the first.
//! 3. The verdict is kept in the check's own bit, not turned round, so that it outlives a restart and a new estate as those of other subjects do.
//!
//! The same rules as those of the client libraries over several endpoints of zone status.
//!
//! Not here: how a vote comes about (`quorum`), calculated checks with a number, what is inverted (`checks`).

use hf_config::estate::{CheckKind, Estate, Needs};

use crate::table::Table;
use crate::verdict::{Verdict, Verdicts};

/// Decides each majority of the estate into its bit; `tables` are those whose word counts, and `verdicts` what was made of them.
pub(crate) fn decide(verdicts: &mut Verdicts, estate: &Estate, tables: &[&Table]) {
    for at in estate.check_indexes() {
        let CheckKind::Calculated(calculated) = &estate.health_check(at).kind else { continue };
        if calculated.needs != Needs::Majority {
            continue;
        }
        let (mut healthy, mut unhealthy) = (0_usize, 0_usize);
        for of in calculated.of.iter().map(|of| estate.check_subject(*of)) {
            if tables.iter().any(|table| table.known.get(of)) {
                healthy += usize::from(verdicts.get(of) == Verdict::Healthy);
                unhealthy += usize::from(verdicts.get(of) == Verdict::Unhealthy);
            }
        }
        let decided = match healthy.cmp(&unhealthy) {
            std::cmp::Ordering::Greater => Verdict::Healthy,
            std::cmp::Ordering::Less => Verdict::Unhealthy,
            std::cmp::Ordering::Equal => continue,
        };
        if let Some(bit) = verdicts.of.get_mut(estate.check_subject(at)) {
            *bit = decided;
        }
    }
}

#[cfg(test)]
mod tests;
