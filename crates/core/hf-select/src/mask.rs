//! Sets of candidates as bits: position `n` is bit `n % 64` of word `n / 64`. A set of up to 64 is one word.
//!
//! Two sets may differ in length: what a shorter one does not have is not in it.

/// A set that never changes.
pub type Mask = Box<[u64]>;

/// Words for so many positions.
pub fn words(positions: usize) -> usize {
    positions.div_ceil(64)
}

/// The set of these positions, all below `64 * words`.
pub fn of(words: usize, positions: impl IntoIterator<Item = u16>) -> Mask {
    let mut mask = vec![0; words].into_boxed_slice();
    for at in positions {
        mask[usize::from(at / 64)] |= 1 << (at % 64);
    }
    mask
}

/// Whether a position is in the set.
pub fn has(mask: &[u64], at: u16) -> bool {
    mask.get(usize::from(at / 64)).is_some_and(|word| word >> (at % 64) & 1 == 1)
}

/// Whether the set has anybody.
pub fn any(mask: &[u64]) -> bool {
    mask.iter().any(|word| *word != 0)
}

/// Whether two sets have somebody in common.
pub fn meets(one: &[u64], other: &[u64]) -> bool {
    one.iter().zip(other).any(|(one, other)| one & other != 0)
}

/// Keeps what is in `other`, too.
pub fn keep(mask: &mut [u64], other: &[u64]) {
    for (at, word) in mask.iter_mut().enumerate() {
        *word &= other.get(at).copied().unwrap_or(0);
    }
}

/// Takes away what is in `other`.
pub fn remove(mask: &mut [u64], other: &[u64]) {
    mask.iter_mut().zip(other).for_each(|(word, other)| *word &= !other);
}

/// Adds what is in `other`.
pub fn add(mask: &mut [u64], other: &[u64]) {
    mask.iter_mut().zip(other).for_each(|(word, other)| *word |= other);
}

/// The positions in order.
pub fn positions(mask: &[u64]) -> impl Iterator<Item = u16> + '_ {
    (0_u16..).zip(mask).flat_map(|(at, word)| Bits { word: *word, first: at * 64 })
}

struct Bits {
    word: u64,
    first: u16,
}

impl Iterator for Bits {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.word == 0 {
            return None;
        }
        let at = self.first + self.word.trailing_zeros() as u16;
        self.word &= self.word - 1;
        Some(at)
    }
}
