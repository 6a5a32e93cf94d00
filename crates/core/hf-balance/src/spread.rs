//! How requests are spread over zones: the own zone keeps what its part of the capacity allows.
//!
//! Of capacity C in all, a zone has c; of all callers N (balancers, say), n stand in it. Without a rule callers would bring it n/N of the requests.
//!
//! 1. A zone with c/C at least n/N keeps all of its own requests.
//! 2. One with less keeps (c/C) / (n/N) of them. The excess goes to the zones with room, each in proportion to c/C - n/N.
//! 3. So every zone gets c/C of all requests, whatever the sizes: 4, 4 and 3 endpoints have a whole eleventh each. Nothing is a threshold:
//!    a small change of capacity moves few requests.
//! 4. `affinity` is the chance that this rule is asked at all; other requests go to all zones by capacity. The sums stay.
//!
//! Whole numbers only. Not here: which endpoint of the zone.

use hf_model::Share;
use hf_select::Chance;

/// The whole, for chances.
const WHOLE: u64 = 1 << 32;

/// The chances of zones, by position.
#[derive(Clone, Debug, Default)]
pub(crate) struct Spread {
    /// What each zone is known by to keys.
    ids: Vec<u64>,
    own: Option<usize>,
    affinity: Share,
    /// Of [`WHOLE`], the part of its own requests that the own zone keeps.
    keep: u64,
    /// Room in each zone, in units of one size.
    room: Vec<u64>,
    capacity: Vec<u64>,
}

impl Spread {
    /// `ids`, `capacity` and `callers` by zone, of one length; `own` is the balancer's.
    pub(crate) fn new(
        ids: Vec<u64>,
        capacity: Vec<u64>,
        callers: &[u64],
        own: Option<usize>,
        affinity: Share,
        spill: bool,
    ) -> Spread {
        let of = |at: usize| u128::from(capacity[at]);
        // 40 bits are more callers than there are; with them nothing below overflows.
        let standing = |at: usize| u128::from(callers.get(at).copied().unwrap_or(0).min(1 << 40));
        // A zone without capacity is not a caller's: who stands there is counted among those whom nobody keeps.
        let all: u128 = (0..capacity.len()).map(of).sum();
        let callers_in_all: u128 = (0..capacity.len()).map(standing).sum();
        let own = own.filter(|own| capacity[*own] > 0);
        let keep = match own {
            Some(own) if spill && all > 0 && standing(own) > 0 => {
                let (has, needs) = (of(own) * callers_in_all, standing(own) * all);
                if has >= needs { WHOLE } else { parts(has, needs) }
            }
            _ => WHOLE,
        };
        let room: Vec<u128> = (0..capacity.len())
            .map(|at| (of(at) * callers_in_all).saturating_sub(standing(at) * all))
            .collect();
        Spread { ids, own, affinity, keep, room: scaled(&room), capacity }
    }

    /// The zone for one request.
    pub(crate) fn draw(&self, from: &mut Draw) -> Option<usize> {
        let Some(own) = self.own else { return from.of(&self.ids, &self.capacity, |_| true) };
        if !from.is_within(Question::Affinity, u64::from(self.affinity.ppm()), 1_000_000) {
            return from.of(&self.ids, &self.capacity, |_| true);
        }
        if from.is_within(Question::Keep, self.keep, WHOLE) {
            return Some(own);
        }
        from.of(&self.ids, &self.room, |_| true).or_else(|| from.of(&self.ids, &self.capacity, |_| true))
    }

    /// Another zone, by capacity, among those that `keep` lets in; those without capacity last.
    pub(crate) fn draw_other(&self, from: &mut Draw, keep: impl Fn(usize) -> bool) -> Option<usize> {
        from.of(&self.ids, &self.capacity, &keep).or_else(|| (0..self.capacity.len()).find(|at| keep(*at)))
    }

    /// The part of the requests that each zone gets from this balancer, of 2^32.
    #[cfg(test)]
    pub(crate) fn parts(&self) -> Vec<u64> {
        let by = |weights: &[u64], amount: u64| -> Vec<u64> {
            let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
            let part = |weight: &u64| (u128::from(amount) * u128::from(*weight)).checked_div(total);
            weights.iter().map(|weight| part(weight).unwrap_or(0) as u64).collect()
        };
        let Some(own) = self.own else { return by(&self.capacity, WHOLE) };
        let aware = WHOLE * u64::from(self.affinity.ppm()) / 1_000_000;
        let kept = (u128::from(aware) * u128::from(self.keep) / u128::from(WHOLE)) as u64;
        let mut parts = by(&self.capacity, WHOLE - aware);
        parts[own] += kept;
        for (part, more) in parts.iter_mut().zip(by(&self.room, aware - kept)) {
            *part += more;
        }
        parts
    }
}

/// `has / needs` of [`WHOLE`], for `has` below `needs`.
fn parts(has: u128, needs: u128) -> u64 {
    // Numbers near the top lose bits that no chance of 2^-32 shows.
    let shift = (128 - needs.leading_zeros()).saturating_sub(90);
    ((has >> shift) * u128::from(WHOLE) / (needs >> shift).max(1)) as u64
}

/// The same proportions in numbers whose sum fits.
fn scaled(of: &[u128]) -> Vec<u64> {
    let bits = 128 - of.iter().max().map_or(128, |most| most.leading_zeros());
    let shift = bits.saturating_sub(48);
    of.iter().map(|number| (number >> shift) as u64).collect()
}

/// Where chance comes from: a seed, or a request's key, which answers the same question alike every time.
#[derive(Debug)]
pub(crate) enum Draw {
    /// Anew for each question.
    Seed(Chance),
    /// By key.
    Key(u64),
}

/// What is asked, so that answers by key do not depend on one another.
#[derive(Clone, Copy, Debug)]
enum Question {
    Affinity = 0x51,
    Keep = 0x52,
}

impl Draw {
    fn is_within(&mut self, question: Question, part: u64, whole: u64) -> bool {
        part >= whole
            || match self {
                Draw::Seed(chance) => chance.below(whole) < part,
                Draw::Key(key) => Chance::new(mixed(*key, question as u64)).below(whole) < part,
            }
    }

    /// A position by weight among those that `keep` lets in; none if their weights are all 0.
    fn of(&mut self, ids: &[u64], weights: &[u64], keep: impl Fn(usize) -> bool) -> Option<usize> {
        let there = || weights.iter().enumerate().filter(|(at, weight)| **weight > 0 && keep(*at));
        match self {
            Draw::Seed(chance) => {
                let total: u64 = there().map(|(_, weight)| *weight).fold(0, u64::saturating_add);
                let mut ticket = chance.below(total);
                there()
                    .find(|(_, weight)| {
                        let hit = ticket < **weight;
                        ticket = ticket.saturating_sub(**weight);
                        hit
                    })
                    .map(|(at, _)| at)
            }
            // Rendezvous by weight: when a zone's weight changes, only keys that come to it or leave it move.
            Draw::Key(key) => there()
                .map(|(at, weight)| (at, *weight, distance(mixed(*key, 0x100 + ids[at]))))
                .reduce(|best, other| {
                    // The smaller distance / weight.
                    let nearer =
                        u128::from(other.2) * u128::from(best.1) < u128::from(best.2) * u128::from(other.1);
                    if nearer { other } else { best }
                })
                .map(|(at, ..)| at),
        }
    }
}

/// A number that follows from a key and a question.
pub(crate) fn mixed(key: u64, question: u64) -> u64 {
    Chance::new(key ^ question.wrapping_mul(0xd6e8_feb8_6659_fd93)).number()
}

/// How far away a random number is, exponentially distributed: minus log2 of it as a fraction, in units of 2^-16.
fn distance(number: u64) -> u64 {
    // 1 to 2^32, so that the fraction is above 0.
    let fraction = (number >> 32) + 1;
    let whole_bits = fraction.ilog2();
    // The mantissa, 1 to 2 in units of 2^-31; squared again and again its overflows are the bits of its log2.
    let mut mantissa = (fraction << 31) >> whole_bits;
    let mut log: u64 = u64::from(whole_bits);
    for _ in 0..16 {
        mantissa = ((u128::from(mantissa) * u128::from(mantissa)) >> 31) as u64;
        log <<= 1;
        if mantissa >= 1 << 32 {
            mantissa >>= 1;
            log |= 1;
        }
    }
    ((32 << 16) - log).max(1)
}

#[cfg(test)]
mod tests;
