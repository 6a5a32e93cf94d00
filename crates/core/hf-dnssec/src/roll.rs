//! Which key signs what, and what to do next: the roll-over of combined keys, as pure rules.
//!
//! Phases of a key, and what caches must have let go of between two of them (RFC 7583, adapted to combined keys):
//!
//! | phase | in DNSKEY | signs the DNSKEY set | signs the rest | CDS names it | next, when |
//! |---|---|---|---|---|---|
//! | published | yes | yes | only if no active key has its algorithm | no | active, when no cache has the DNSKEY set without it |
//! | active | yes | yes | yes | yes | retired, when the parent has the DS of its successor, and no cache has the parent's DS set without that |
//! | retired | yes | yes | only if no active key has its algorithm | no | gone, when no cache has its DS or a signature of it alone |
//!
//! 1. While two keys are active both sign all: whichever DS record a validator has, and whichever signature, they fit.
//! 2. A key of another algorithm signs all from the day that it is published: with an algorithm in the DNSKEY set, every set has a signature of it
//!    (RFC 4035 2.2).
//! 3. A zone without an active key is not signed at all, whatever keys there are.
//!
//! Not here: whether a step is taken (`hf-control` judges it in the ledger), private keys.

use std::time::Duration;

use hf_config::estate::DnssecAlgorithm;
use hf_model::Timestamp;

use crate::rdata;

/// Where a key is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// In the DNSKEY set, so that caches know it when it is needed.
    Published,
    /// It signs.
    Active,
    /// In the DNSKEY set for what caches still have.
    Retired,
}

/// One key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// With what it signs.
    pub algorithm: DnssecAlgorithm,
    /// The public key as in its DNSKEY record.
    pub public: Box<[u8]>,
    /// Where it is in its life.
    pub phase: Phase,
    /// Since when.
    pub since: Timestamp,
}

impl Key {
    /// The tag of its DNSKEY record.
    pub fn tag(&self) -> u16 {
        rdata::key_tag(&rdata::dnskey(self.algorithm, &self.public))
    }
}

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Role {
    /// It signs what people ask for, besides DNSKEY, CDS and CDNSKEY, which every key signs.
    pub signs_data: bool,
    /// CDS and CDNSKEY name it.
    pub at_parent: bool,
}

/// Whether keys make a zone signed.
pub fn is_signed(keys: &[Key]) -> bool {
    keys.iter().any(|key| key.phase == Phase::Active)
}

/// The role of each key, in order.
pub fn roles(keys: &[Key]) -> Vec<Role> {
    let has_active =
        |algorithm| keys.iter().any(|other| other.phase == Phase::Active && other.algorithm == algorithm);
    let role = |key: &Key| Role {
        signs_data: key.phase == Phase::Active || !has_active(key.algorithm),
        at_parent: key.phase == Phase::Active,
    };
    keys.iter().map(role).collect()
}

/// How long caches keep what a roll-over changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetimes {
    /// Our DNSKEY set.
    pub keys: Duration,
    /// The parent's DS set, and our own data.
    pub parent: Duration,
}

impl Default for Lifetimes {
    /// Ours is [`crate::KEY_TTL_S`]. A parent's is a day in most top-level domains; none that we know has more.
    fn default() -> Self {
        Lifetimes { keys: Duration::from_secs(u64::from(crate::KEY_TTL_S)), parent: Duration::from_hours(24) }
    }
}

/// What to do next with a zone's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// There is no key: make one and let it sign at once; no parent has a DS record yet.
    Begin,
    /// Let the key of this position sign.
    Activate {
        /// Which.
        at: usize,
        /// Not before.
        from: Timestamp,
    },
    /// The parent has to take the DS record of the newest active key; then the older one of this position may go.
    Retire {
        /// Which.
        at: usize,
        /// The key that stays.
        successor: usize,
        /// Not before, if the parent took it when the successor became active.
        from: Timestamp,
    },
    /// Take the key of this position out.
    Remove {
        /// Which.
        at: usize,
        /// Not before.
        from: Timestamp,
    },
    /// One key signs, and nothing is under way: a roll-over begins when somebody wants one.
    Settled,
}

/// The next step: a roll-over that is under way goes on before another begins. What is nearest its end goes first.
pub fn next(keys: &[Key], lifetimes: Lifetimes) -> Next {
    let oldest = |phase| {
        let of_phase = keys.iter().enumerate().filter(move |(_, key)| key.phase == phase);
        of_phase.min_by_key(|(_, key)| key.since).map(|(at, _)| at)
    };
    if let Some(at) = oldest(Phase::Retired)
        && is_signed(keys)
    {
        return Next::Remove { at, from: keys[at].since.plus(lifetimes.parent) };
    }
    let active = keys.iter().enumerate().filter(|(_, key)| key.phase == Phase::Active);
    if let (Some(at), Some((successor, newest))) =
        (oldest(Phase::Active), active.max_by_key(|(_, key)| key.since))
        && at != successor
    {
        return Next::Retire { at, successor, from: newest.since.plus(lifetimes.parent) };
    }
    if let Some(at) = oldest(Phase::Published) {
        // The first key has nobody to wait for.
        let from = if is_signed(keys) { keys[at].since.plus(lifetimes.keys) } else { keys[at].since };
        return Next::Activate { at, from };
    }
    if is_signed(keys) { Next::Settled } else { Next::Begin }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `13a@100` is a key of algorithm 13, active since 100 s.
    fn keys(text: &str) -> Vec<Key> {
        text.split_whitespace()
            .enumerate()
            .map(|(at, word)| {
                let (kind, since) = word.split_once('@').unwrap();
                let phase = match &kind[2..] {
                    "p" => Phase::Published,
                    "a" => Phase::Active,
                    _ => Phase::Retired,
                };
                Key {
                    algorithm: rdata::algorithm(kind[..2].parse().unwrap()).unwrap(),
                    public: [at as u8; 32].into(),
                    phase,
                    since: Timestamp(since.parse::<u64>().unwrap() * 1_000),
                }
            })
            .collect()
    }

    #[track_caller]
    fn check(text: &str, data: &str, want: &Next) {
        let keys = keys(text);
        let signs: Vec<&str> =
            roles(&keys).iter().map(|role| if role.signs_data { "s" } else { "-" }).collect();
        assert_eq!(signs.concat(), data, "{text}");
        let lifetimes = Lifetimes { keys: Duration::from_secs(10), parent: Duration::from_secs(100) };
        assert_eq!(next(&keys, lifetimes), *want, "{text}");
    }

    #[test]
    fn a_roll_over_step_by_step() {
        let at_s = |s: u64| Timestamp(s * 1_000);
        check("", "", &Next::Begin);
        check("13p@0", "s", &Next::Activate { at: 0, from: at_s(0) });
        check("13a@0", "s", &Next::Settled);
        check("13a@0 13p@50", "s-", &Next::Activate { at: 1, from: at_s(60) });
        check("13a@0 13a@60", "ss", &Next::Retire { at: 0, successor: 1, from: at_s(160) });
        check("13r@170 13a@60", "-s", &Next::Remove { at: 0, from: at_s(270) });
        check("13a@60", "s", &Next::Settled);
    }

    #[test]
    fn every_algorithm_of_the_set_signs_all() {
        check("13a@0 15p@50", "ss", &Next::Activate { at: 1, from: Timestamp(60_000) });
        check("13r@90 15a@50", "ss", &Next::Remove { at: 0, from: Timestamp(190_000) });
    }

    #[test]
    fn what_is_under_way_goes_first() {
        check("13r@5 13a@0 13p@9", "-s-", &Next::Remove { at: 0, from: Timestamp(105_000) });
    }

    #[test]
    fn the_parent_is_told_of_active_keys() {
        let sets = crate::KeySets::new(b"\x04test\0", &keys("13r@0 13a@0 15p@0"));
        assert_eq!((sets.dnskey.len(), sets.cds.len(), sets.cdnskey.len()), (3, 1, 1));
        assert_eq!(sets.cdnskey[0], sets.dnskey[1]);
    }
}
