//! The filter `sticky`: one order for all clients of one network, which a change of weights moves only as far as it must.
//!
//! 1. A client's network falls into one of [`SLOTS`] slots. A slot prefers candidates by a score that follows from slot, candidate and
//!    weight alone (weighted rendezvous hashing: the chance to be first is the weight's share), and belongs to the first that has
//!    room: nobody holds more than its share of the slots and a sixteenth (bounded loads).
//! 2. Where the owner of a slot is not left, the slot goes to the best score among those who are; the other slots stay as they are.
//! 3. What comes behind the first is ordered by score.
//! 4. Weight 0 owns no slot while anybody has a weight. A weight below a thousandth of the whole may own none either.
//!
//! Scores are logarithms in whole numbers from a table that the compiler makes: the same on every machine.

use std::net::IpAddr;

use hf_config::estate::Sticky;

use crate::candidate::Candidate;
use crate::chance::Chance;
use crate::mask;

/// Slots of a table.
pub const SLOTS: usize = 1_024;

/// No candidate.
const NOBODY: u16 = u16::MAX;

/// Who owns which slot.
#[derive(Clone, Debug)]
pub struct Table {
    sticky: Sticky,
    /// By position.
    keys: Box<[u64]>,
    /// By position; all 1 where nobody has a weight.
    weights: Box<[u16]>,
    owners: Box<[u16]>,
}

/// Bits of an address that make up its network.
pub fn bits(sticky: Sticky, address: IpAddr) -> u8 {
    if address.is_ipv4() { sticky.v4_bits.min(32) } else { sticky.v6_bits.min(128) }
}

/// A number for the network of an address.
pub fn subnet_hash(sticky: Sticky, address: IpAddr) -> u64 {
    let bits = u32::from(bits(sticky, address));
    let (high, low) = match address {
        IpAddr::V4(v4) => (u64::from(v4.to_bits() & u32::MAX.checked_shl(32 - bits).unwrap_or(0)), 4),
        IpAddr::V6(v6) => {
            let kept = v6.to_bits() & u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            ((kept >> 64) as u64, kept as u64 ^ 6)
        }
    };
    Chance::new(Chance::new(high).number() ^ low).number()
}

impl Table {
    pub fn new(candidates: &[Candidate], sticky: Sticky) -> Table {
        let positions = candidates.iter().map(|candidate| usize::from(candidate.at) + 1).max().unwrap_or(0);
        let mut keys = vec![0; positions].into_boxed_slice();
        let mut weights = vec![0; positions].into_boxed_slice();
        let has_only_spares = candidates.iter().all(|candidate| candidate.weight.0 == 0);
        for candidate in candidates {
            let at = usize::from(candidate.at);
            keys[at] = candidate.key;
            weights[at] = if has_only_spares { 1 } else { candidate.weight.0 };
        }
        let mut table = Table { sticky, keys, weights, owners: vec![NOBODY; SLOTS].into_boxed_slice() };
        table.fill();
        table
    }

    fn fill(&mut self) {
        let total: u64 = self.weights.iter().map(|weight| u64::from(*weight)).sum();
        if total == 0 {
            return;
        }
        // The share of the slots and a sixteenth, rounded up: all together more than there are slots.
        let room = |weight: u16| (SLOTS as u64 * u64::from(weight) * 17).div_ceil(total * 16);
        let mut room: Vec<u64> = self.weights.iter().map(|weight| room(*weight)).collect();
        for slot in 0..SLOTS {
            let with_room = (0_u16..).zip(&room).filter(|(_, room)| **room > 0).map(|(at, _)| at);
            let Some(owner) = with_room.min_by_key(|at| self.score(slot, *at)) else { return };
            self.owners[slot] = owner;
            room[usize::from(owner)] -= 1;
        }
    }

    /// The lower, the sooner.
    fn score(&self, slot: usize, at: u16) -> u64 {
        let weight = self.weights[usize::from(at)].max(1);
        let number = Chance::new(self.keys[usize::from(at)] ^ (slot as u64).rotate_left(40)).number();
        (minus_log2(number) << 24) / u64::from(weight)
    }

    /// Who owns each slot; tests look at it.
    #[cfg(test)]
    pub fn owners(&self) -> &[u16] {
        &self.owners
    }

    /// Adds up to `wanted` of those left to `order`.
    pub fn order(
        &self,
        address: IpAddr,
        (left, spare): (&[u64], &mut Vec<u64>),
        wanted: usize,
        order: &mut Vec<u16>,
    ) {
        let slot = (subnet_hash(self.sticky, address) % SLOTS as u64) as usize;
        spare.clear();
        spare.extend_from_slice(left);
        let mut next = Some(self.owners[slot]).filter(|owner| mask::has(left, *owner));
        while order.len() < wanted {
            let best = || mask::positions(spare).min_by_key(|at| self.score(slot, *at));
            let Some(at) = next.take().or_else(best) else { return };
            order.push(at);
            spare[usize::from(at / 64)] &= !(1 << (at % 64));
        }
    }
}

/// 64 minus the binary logarithm of `number` (of 1 for 0), in parts of 2^32.
fn minus_log2(number: u64) -> u64 {
    let number = number.max(1);
    let whole = u64::from(number.leading_zeros());
    // What stands behind the first one, as a fraction of 2^64.
    let fraction = number.checked_shl(whole as u32 + 1).unwrap_or(0);
    let at = (fraction >> 56) as usize;
    let between = fraction << 8 >> 32;
    let (low, high) = (LOG2[at], LOG2[at + 1]);
    ((whole + 1) << 32) - (low + (((high - low) * between) >> 32))
}

/// Binary logarithms of 1 + n/256 in parts of 2^32.
const LOG2: [u64; 257] = {
    let mut table = [0; 257];
    let mut at = 0;
    while at < 256 {
        // Squaring a number of [1, 2) doubles its logarithm: a carry is its next bit. 2^62 is 1.
        let mut number: u128 = (1 << 62) + ((at as u128) << 54);
        let mut bit = 0;
        while bit < 32 {
            number = (number * number) >> 62;
            table[at] <<= 1;
            if number >= 1 << 63 {
                table[at] |= 1;
                number >>= 1;
            }
            bit += 1;
        }
        at += 1;
    }
    table[256] = 1 << 32;
    table
};

#[cfg(test)]
mod tests;
