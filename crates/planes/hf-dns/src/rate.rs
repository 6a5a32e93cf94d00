//! How many answers one network may have over UDP: forged queries must not make us flood somebody.
//!
//! 1. Each network (by default /24 and /56) has a bucket that fills at the configured rate and holds one second's worth. An answer takes one
//!    out; from an empty bucket none is given.
//! 2. Every so-many-th that is not given is sent truncated instead: a real client then asks over TCP, a forged one gets no more bytes than it
//!    sent.
//! 3. Whoever shows a good cookie has shown that its address is its own: it never comes here.
//! 4. The table has room for [`NETWORKS_MAX`] networks and never grows. A new one takes the place of the one of its set that has used the least
//!    of its allowance. Places depend on a secret, so that nobody can choose to fall together with a victim.
//!
//! One worker, one table: the limit is each worker's, and the kernel keeps one asker's socket at one worker.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::net::IpAddr;

use hf_config::node::RateLimit;

/// Networks in a table, 24 bytes each.
const NETWORKS_MAX: usize = 1 << 14;
const WAYS: usize = 4;

/// Buckets count in thousandths of an answer, since time comes in milliseconds.
const ANSWER: u32 = 1_000;

/// What an asker gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allowance {
    Answer,
    Truncated,
    Nothing,
}

#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// Of the network's hash; 0 is nobody's.
    tag: u64,
    /// When `level` was right, in milliseconds; wraps around.
    at_ms: u32,
    level: u32,
    /// Answers not given since the bucket was made.
    refused: u32,
}

/// One worker's buckets.
#[derive(Debug)]
pub(crate) struct RateTable {
    limit: RateLimit,
    hasher: RandomState,
    buckets: Box<[[Bucket; WAYS]]>,
}

impl RateTable {
    pub(crate) fn new(limit: RateLimit) -> RateTable {
        RateTable {
            limit,
            hasher: RandomState::new(),
            buckets: vec![[Bucket::default(); WAYS]; NETWORKS_MAX / WAYS].into_boxed_slice(),
        }
    }

    /// What this asker gets now.
    pub(crate) fn take(&mut self, asker: IpAddr, now_ms: u64) -> Allowance {
        let per_second = u32::from(self.limit.per_second);
        let slip = u32::from(self.limit.slip);
        let bucket = self.bucket(asker, now_ms as u32);
        bucket.fill(per_second, now_ms as u32);
        if let Some(left) = bucket.level.checked_sub(ANSWER) {
            bucket.level = left;
            return Allowance::Answer;
        }
        bucket.refused = bucket.refused.wrapping_add(1);
        if slip > 0 && bucket.refused.is_multiple_of(slip) {
            Allowance::Truncated
        } else {
            Allowance::Nothing
        }
    }

    fn bucket(&mut self, asker: IpAddr, now_ms: u32) -> &mut Bucket {
        let network = match asker {
            IpAddr::V4(v4) => {
                (4, u128::from(v4.to_bits() >> (32 - u32::from(self.limit.v4_bits).clamp(1, 32))))
            }
            IpAddr::V6(v6) => (6, v6.to_bits() >> (128 - u32::from(self.limit.v6_bits).clamp(1, 128))),
        };
        let hash = self.hasher.hash_one(network);
        let tag = hash | 1;
        let per_second = u32::from(self.limit.per_second);
        let at = (hash >> 32) as usize % self.buckets.len();
        let set = &mut self.buckets[at];
        let way = set.iter().position(|bucket| bucket.tag == tag).unwrap_or_else(|| {
            let way = (0..WAYS)
                .max_by_key(|way| {
                    let mut bucket = set[*way];
                    bucket.fill(per_second, now_ms);
                    (bucket.tag == 0, bucket.level)
                })
                .unwrap_or(0);
            set[way] = Bucket { tag, at_ms: now_ms, level: per_second * ANSWER, refused: 0 };
            way
        });
        &mut set[way]
    }
}

impl Bucket {
    fn fill(&mut self, per_second: u32, now_ms: u32) {
        // A clock that was set back fills nothing and loses nothing.
        let passed = now_ms.wrapping_sub(self.at_ms).cast_signed().max(0).cast_unsigned();
        self.level = self.level.saturating_add(passed.saturating_mul(per_second)).min(per_second * ANSWER);
        self.at_ms = now_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(per_second: u16, slip: u8) -> RateTable {
        RateTable::new(RateLimit { per_second, slip, v4_bits: 24, v6_bits: 56 })
    }

    /// What so many queries of one asker at one moment get: answers, truncated ones, nothings.
    fn take(table: &mut RateTable, asker: &str, now_ms: u64, count: usize) -> [usize; 3] {
        let asker = asker.parse().unwrap();
        let mut got = [0; 3];
        for _ in 0..count {
            got[table.take(asker, now_ms) as usize] += 1;
        }
        got
    }

    #[test]
    fn a_network_gets_its_rate_and_every_second_refusal_is_a_truncated_answer() {
        let mut table = table(10, 2);
        assert_eq!(take(&mut table, "192.0.2.1", 5_000, 30), [10, 10, 10]);
        assert_eq!(take(&mut table, "192.0.2.200", 5_000, 4), [0, 2, 2]);
        assert_eq!(take(&mut table, "192.0.3.1", 5_000, 10), [10, 0, 0]);
        assert_eq!(take(&mut table, "192.0.2.1", 5_100, 3), [1, 1, 1]);
        assert_eq!(take(&mut table, "192.0.2.1", 65_000, 11), [10, 0, 1]);
        assert_eq!(take(&mut table, "2001:db8::1", 5_000, 11), [10, 0, 1]);
        assert_eq!(take(&mut table, "2001:db8:0:ff::1", 5_000, 1), [0, 1, 0]);
        assert_eq!(take(&mut table, "2001:db8:0:100::1", 5_000, 1), [1, 0, 0]);
    }

    #[test]
    fn without_slip_a_refusal_is_silence_and_the_clock_may_come_round() {
        let mut table = table(1, 0);
        let end = u64::from(u32::MAX);
        assert_eq!(take(&mut table, "192.0.2.1", end, 3), [1, 0, 2]);
        assert_eq!(take(&mut table, "192.0.2.1", end + 500, 1), [0, 0, 1]);
        assert_eq!(take(&mut table, "192.0.2.1", end + 1_000, 2), [1, 0, 1]);
        assert_eq!(take(&mut table, "192.0.2.1", end - 5_000, 1), [0, 0, 1]);
    }

    #[test]
    fn more_networks_than_there_is_room_for_push_out_who_asked_little() {
        let mut table = table(100, 2);
        assert_eq!(take(&mut table, "192.0.2.1", 0, 200)[0], 100);
        for network in 0..4 * NETWORKS_MAX as u32 {
            let asker = std::net::Ipv4Addr::from_bits(0x0a00_0000 + (network << 8)).into();
            assert_eq!(table.take(asker, 0), Allowance::Answer);
        }
        assert_eq!(take(&mut table, "192.0.2.1", 0, 1)[0], 0, "the one who floods is remembered");
    }
}
