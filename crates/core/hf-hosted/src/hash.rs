//! The hash of a name.
//!
//! 1. Eight bytes at a time, folded by one wide multiplication each: a name of 16 bytes takes two.
//! 2. The seed is the table's. What is stored comes from operators; a table that still has a long probe is laid out again with
//!    another seed, so that nobody who writes records can pile them up (`table`).
//! 3. Who asks cannot make probes longer than the longest one of the table, which is bounded when the table is made.

const FIRST: u64 = 0x9e37_79b9_7f4a_7c15;
const SECOND: u64 = 0xd6e8_feb8_6659_fd93;

/// High and low half of the product, as one.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// 64 bits, all of them usable.
#[inline]
pub(crate) fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = seed ^ (bytes.len() as u64).wrapping_mul(FIRST);
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let word = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
        state = fold(state ^ word ^ SECOND, FIRST ^ (state >> 32));
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        let mut word = 0;
        for (position, byte) in rest.iter().enumerate() {
            word |= u64::from(*byte) << (8 * position);
        }
        state = fold(state ^ word ^ SECOND, FIRST ^ (state >> 32));
    }
    fold(state ^ FIRST, SECOND)
}

/// The seed of the n-th attempt.
pub(crate) fn seed(attempt: u32) -> u64 {
    fold(u64::from(attempt) ^ FIRST, SECOND)
}
