//! Situations that were seen, so that none is looked at twice.

use std::collections::HashMap;

/// Situations that were seen: with each the unknown operations that were used up, no set of them within another.
#[derive(Default)]
pub(super) struct Seen {
    used: HashMap<u128, Vec<Vec<u64>>>,
    pub(super) count: usize,
}

impl Seen {
    /// Whether it is new: not seen with the same or fewer used up.
    pub(super) fn insert(&mut self, situation: u128, used: &[u64]) -> bool {
        let is_within =
            |one: &[u64], other: &[u64]| one.iter().zip(other).all(|(one, other)| one & !other == 0);
        let known = self.used.entry(situation).or_default();
        if known.iter().any(|known| is_within(known, used)) {
            return false;
        }
        let before = known.len();
        known.retain(|known| !is_within(used, known));
        known.push(used.to_vec());
        self.count = self.count + known.len() - before;
        true
    }
}
