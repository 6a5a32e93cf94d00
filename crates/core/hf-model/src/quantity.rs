//! Quantities: shares, weights, capacities, times to live, revisions.

use std::time::Duration;

/// A position in the ledger: 0 before the first entry, then 1, 2, 3, …
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

impl std::fmt::Display for Revision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A part of a whole, in parts per million: 0 to 1,000,000. Whole numbers, so that all nodes agree to the bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u32);

/// Why a number is not a share.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a share is at most 1000000 parts per million (100%), this one is {0}; lower it")]
pub struct ShareError(u64);

impl Share {
    /// Nothing.
    pub const ZERO: Share = Share(0);
    /// All of it.
    pub const ONE: Share = Share(1_000_000);

    /// Makes a share from parts per million.
    pub fn from_ppm(ppm: u32) -> Result<Share, ShareError> {
        if ppm > 1_000_000 { Err(ShareError(u64::from(ppm))) } else { Ok(Share(ppm)) }
    }

    /// The share that `part` is of `whole`, rounded down; none of nothing is [`Share::ZERO`].
    pub fn of(part: u64, whole: u64) -> Share {
        if whole == 0 {
            return Share::ZERO;
        }
        let ppm = u128::from(part.min(whole)) * 1_000_000 / u128::from(whole);
        Share(u32::try_from(ppm).unwrap_or(1_000_000))
    }

    /// Parts per million.
    pub fn ppm(self) -> u32 {
        self.0
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}%", self.0 / 10_000, self.0 % 10_000 / 1_000)
    }
}

/// How much of its pool's traffic an endpoint draws beside its peers.
///
/// Range 0 to 65,535, default 100. Zero means: only when every endpoint with a weight is gone
/// (Route 53's rule for weighted records).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(pub u16);

/// Why a number is not a weight.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a weight is 0 to 65535, this one is {0}; lower it")]
pub struct WeightError(pub i64);

impl Default for Weight {
    fn default() -> Self {
        Weight(100)
    }
}

impl TryFrom<i64> for Weight {
    type Error = WeightError;
    fn try_from(value: i64) -> Result<Self, WeightError> {
        u16::try_from(value).map(Weight).map_err(|_| WeightError(value))
    }
}

/// What a zone can carry, in requests per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Capacity(pub u64);

/// How long resolvers may keep a record: whole seconds, 0 to 604,800 (a week).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl(u32);

/// Why a length of time is not a TTL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a TTL is 0 to 604800 whole seconds, this one is {0:?}; change it")]
pub struct TtlError(Duration);

impl Ttl {
    /// Checks a length of time.
    pub fn new(length: Duration) -> Result<Self, TtlError> {
        if length.subsec_nanos() != 0 || length.as_secs() > 604_800 {
            return Err(TtlError(length));
        }
        Ok(Ttl(length.as_secs() as u32))
    }

    /// Whole seconds.
    pub fn seconds(self) -> u32 {
        self.0
    }
}
