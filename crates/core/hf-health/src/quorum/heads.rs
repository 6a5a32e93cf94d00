//! Counts of heads, for many subjects at a time.
//!
//! 1. A count is kept as bits in rows: the first row has what is worth 1 of each subject's count, the second what is worth 2, and so on.
//! 2. Of every two bitmaps that came to a row one carry goes to the next ([`Counter`]): a bitmap costs about one addition of bits, however many
//!    rows there are. Adding each to all rows as it comes would let carries run through nearly every row, since among 2,048 subjects one always does.
//! 3. Bits become numbers eight rows and eight subjects at a time.
//!
//! Not here: whose word counts (`quorum`).

/// Words that are gone through together: what is counted of them stays in the processor's nearest memory.
pub const BLOCK: usize = 32;
/// Bits of a count: 65,535 checkers, many more than a node keeps.
const COUNT_BITS: usize = 16;

/// A bit for each subject of a block.
pub type Bits = [u64; BLOCK];

/// Counts, for each subject of a block, in how many bitmaps it is set.
pub struct Counter {
    rows: [Bits; COUNT_BITS],
    /// What waits to be added to each row, where the number of bitmaps so far has that bit set.
    waiting: [Bits; COUNT_BITS],
    taken: usize,
}

impl Counter {
    pub fn new() -> Counter {
        Counter { rows: [[0; BLOCK]; COUNT_BITS], waiting: [[0; BLOCK]; COUNT_BITS], taken: 0 }
    }

    /// One more bitmap.
    pub fn add(&mut self, bits: &Bits) {
        let mut carry = *bits;
        for level in 0..COUNT_BITS {
            if self.taken >> level & 1 == 0 {
                self.waiting[level] = carry;
                break;
            }
            carry = add(&mut self.rows[level], &self.waiting[level], &carry);
        }
        self.taken += 1;
    }

    /// Adds what waits: then the rows are the counts.
    pub fn counted(mut self) -> Counted {
        for level in 0..COUNT_BITS {
            if self.taken >> level & 1 == 1 {
                let mut carry = self.waiting[level];
                for row in &mut self.rows[level..] {
                    carry = add(row, &carry, &[0; BLOCK]);
                }
            }
        }
        Counted(self.rows)
    }
}

/// Adds two bitmaps to a row; what is carried to the next one.
fn add(row: &mut Bits, one: &Bits, two: &Bits) -> Bits {
    let mut carry = [0; BLOCK];
    for at in 0..BLOCK {
        let (old, one, two) = (row[at], one[at], two[at]);
        let either = old ^ one;
        row[at] = either ^ two;
        carry[at] = (old & one) | (either & two);
    }
    carry
}

/// The counts of a block.
pub struct Counted([Bits; COUNT_BITS]);

impl Counted {
    /// Those of the 64 subjects of one word.
    pub fn of_word(&self, at: usize) -> [u16; 64] {
        let mut counts = [0; 64];
        for (group, counts) in counts.chunks_exact_mut(8).enumerate() {
            let eight = |first: usize| {
                let byte = |row: usize| (self.0[first + row][at] >> (8 * group)) as u8;
                turned(u64::from_le_bytes(std::array::from_fn(byte))).to_le_bytes()
            };
            for (count, (low, high)) in counts.iter_mut().zip(eight(0).into_iter().zip(eight(8))) {
                *count = u16::from_le_bytes([low, high]);
            }
        }
        counts
    }
}

/// Rows to columns of eight by eight bits, a byte for each row: squares of 1, 2 and 4 bits change places across the diagonal.
fn turned(mut bits: u64) -> u64 {
    for (apart, mask) in
        [(7, 0x00aa_00aa_00aa_00aa), (14, 0x0000_cccc_0000_cccc), (28, 0x0000_0000_f0f0_f0f0)]
    {
        let swap = (bits ^ (bits >> apart)) & mask;
        bits ^= swap ^ (swap << apart);
    }
    bits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Rows become columns.
        #[test]
        fn a_square_is_turned(bits in any::<u64>()) {
            let bit = |bits: u64, row: u32, column: u32| bits >> (8 * row + column) & 1;
            let after = turned(bits);
            for (row, column) in (0..8).flat_map(|row| (0..8).map(move |column| (row, column))) {
                prop_assert_eq!(bit(after, row, column), bit(bits, column, row));
            }
        }

        /// Counting by rows gives what counting one by one gives.
        #[test]
        fn rows_and_numbers_agree(bitmaps in prop::collection::vec(prop::array::uniform32(any::<u64>()), 0..70)) {
            let mut counter = Counter::new();
            for bits in &bitmaps {
                counter.add(bits);
            }
            let counted = counter.counted();
            for at in 0..BLOCK {
                let counts = counted.of_word(at);
                for (bit, count) in counts.into_iter().enumerate() {
                    let want = bitmaps.iter().filter(|bits| bits[at] >> bit & 1 == 1).count();
                    prop_assert_eq!(usize::from(count), want);
                }
            }
        }
    }

    #[test]
    fn as_many_as_fit_are_counted() {
        let mut counter = Counter::new();
        let mut bits = [0; BLOCK];
        bits[BLOCK - 1] = 1 << 63;
        (0..u16::MAX).for_each(|_| counter.add(&bits));
        let counts = counter.counted().of_word(BLOCK - 1);
        assert_eq!((counts[0], counts[63]), (0, u16::MAX));
    }
}
