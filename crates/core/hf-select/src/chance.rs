//! Chance from a seed: SplitMix64 (Steele, Lea, Flood 2014). Not for secrets.

/// A stream of numbers that follows from its seed.
#[derive(Debug)]
pub struct Chance(u64);

impl Chance {
    /// Starts the stream.
    pub fn new(seed: u64) -> Self {
        Chance(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to and without `bound`; 0 for an empty range.
    ///
    /// By multiplication (Lemire 2019); the bias is below 2^-32 for the bounds that we use.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.number()) * u128::from(bound)) >> 64) as u64
    }
}
