//! How often a zone came back and had to leave again, and how long it stays away for that.

use std::time::Duration;

use hf_control::{Shift, ShiftKind, ShiftState};

use crate::{FLAP_WITHIN, LENGTH, STAY_MAX};

/// How many autoshifts before this one ended by themselves and were followed by the next within [`FLAP_WITHIN`]. One that an operator
/// canceled tells nothing of the zone, and begins the count anew.
pub fn returns_in_a_row(history: &[Shift], shift: &Shift) -> u32 {
    let (mut next, mut count) = (shift, 0);
    let before = |next: &Shift| {
        let earlier = history.iter().filter(|other| {
            other.kind == ShiftKind::Autoshift
                && (&other.zone, &other.scope) == (&next.zone, &next.scope)
                && (other.started_at, other.revision) < (next.started_at, next.revision)
                && other.id != next.id
        });
        earlier.max_by_key(|other| (other.started_at, other.revision))
    };
    // History is bounded, and each step goes back in it.
    while let Some(earlier) = before(next) {
        let (ShiftState::Expired(returned) | ShiftState::Completed(returned)) = earlier.state else { break };
        if next.started_at.since(returned) > FLAP_WITHIN {
            break;
        }
        (next, count) = (earlier, count + 1);
    }
    count
}

/// How long an autoshift stays at least: [`LENGTH`], doubled for each return in a row, at most [`STAY_MAX`].
pub fn least_stay(returns: u32) -> Duration {
    LENGTH.saturating_mul(1 << returns.min(16)).min(STAY_MAX)
}
