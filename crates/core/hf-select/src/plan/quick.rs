//! The chain that most records have: `open`, one draw by weight or by even chance, `take`; over a list of few.
//!
//! 1. It draws as [`draw`](super::draw) does, so that the outcome is the same: one property holds the two together.
//! 2. Who is drawn is found without a branch that depends on it: nothing foresees chance, and a wrong guess costs more than looking at all of few.
//!
//! Not here: zones that are returning, and accounts.

use hf_config::estate::Filter;

use super::{Plan, Scratch, Stage};
use crate::chance::Chance;
use crate::state::State;

/// Positions of a list that is short: all of them are looked at for each draw.
pub(super) const POSITIONS_MAX: usize = 32;

/// What tells these chains apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quick {
    by_weight: bool,
    wanted: usize,
}

impl Quick {
    /// None for any other chain.
    pub(super) fn of(stages: &[(Filter, Stage)], positions: usize) -> Option<Quick> {
        let [(_, Stage::Open), (_, drawing), rest @ ..] = stages else { return None };
        let (by_weight, wanted) = match drawing {
            Stage::Weighted { wanted } => (true, *wanted),
            Stage::Shuffle { wanted } => (false, *wanted),
            _ => return None,
        };
        let ends = matches!(rest, [] | [(_, Stage::Take(_))]);
        (ends && positions <= POSITIONS_MAX).then_some(Quick { by_weight, wanted })
    }
}

impl Plan {
    /// Puts the order into the scratch.
    #[inline]
    pub(super) fn choose_quickly(&self, quick: Quick, now: &State, seed: u64, scratch: &mut Scratch) {
        let word = |mask: &[u64]| mask.first().copied().unwrap_or(0);
        let mut left = word(&self.all) & word(&now.open) & !word(&now.out_of_dns);
        if quick.by_weight && left & word(&self.weighted) != 0 {
            left &= word(&self.weighted);
        }
        let (mut order, mut weights) = ([0_u16; POSITIONS_MAX], [0_u32; POSITIONS_MAX]);
        let (mut count, mut total) = (0, 0);
        for (place, weight) in order.iter_mut().zip(&mut weights) {
            if left == 0 {
                break;
            }
            *place = left.trailing_zeros() as u16;
            left &= left - 1;
            *weight = if quick.by_weight { u32::from(self.weights[usize::from(*place)]) } else { 1 };
            total += *weight;
            count += 1;
        }
        let mut chance = Chance::new(seed ^ self.salt);
        let kept = count.min(quick.wanted);
        for front in 0..kept {
            let drawn = if total == 0 {
                chance.below((count - front) as u64) as usize
            } else {
                let ticket = chance.below(total.into()) as u32;
                // Those whose shares end at the ticket or before it.
                let mut end = 0;
                let passed = |weight: &u32| {
                    end += weight;
                    usize::from(end <= ticket)
                };
                weights[front..count].iter().map(passed).sum()
            };
            order.swap(front, front + drawn);
            weights.swap(front, front + drawn);
            total -= weights[front];
        }
        scratch.drawn_from = count;
        scratch.order.clear();
        scratch.order.extend_from_slice(&order[..kept]);
    }
}
