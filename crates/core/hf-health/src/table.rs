//! One checker's view of all subjects: the message that travels on the feed.

use std::collections::BTreeMap;

use hf_config::estate::Estate;
use hf_model::{Digest, NodeId, Timestamp, ZoneId};

use crate::subject::subjects;

/// A fixed number of bits.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bitmap {
    words: Vec<u64>,
    len: usize,
}

impl Bitmap {
    /// `len` bits, all zero.
    pub fn new(len: usize) -> Self {
        Bitmap { words: vec![0; len.div_ceil(64)], len }
    }

    /// Takes words as they came over the wire; none if their number does not fit `len` or a bit beyond it is set.
    pub fn from_words(len: usize, words: Vec<u64>) -> Option<Self> {
        if words.len() != len.div_ceil(64) {
            return None;
        }
        if !len.is_multiple_of(64) && words.last().is_some_and(|last| last >> (len % 64) != 0) {
            return None;
        }
        Some(Bitmap { words, len })
    }

    /// The words, least significant bit first.
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// How many bits.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no bit.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// One bit; false beyond the end.
    pub fn get(&self, at: usize) -> bool {
        at < self.len && self.words[at / 64] >> (at % 64) & 1 == 1
    }

    /// What is set in both.
    #[must_use]
    pub fn and(&self, other: &Bitmap) -> Bitmap {
        let words = self.words.iter().enumerate();
        let words = words.map(|(at, word)| word & other.words.get(at).copied().unwrap_or(0));
        Bitmap { words: words.collect(), len: self.len }
    }

    /// What is set in either; of the other one only as far as this one goes.
    #[must_use]
    pub fn or(&self, other: &Bitmap) -> Bitmap {
        debug_assert!(self.len == other.len || other.is_empty(), "bits of one estate");
        let words = self.words.iter().enumerate();
        let words = words.map(|(at, word)| word | other.words.get(at).copied().unwrap_or(0));
        Bitmap { words: words.collect(), len: self.len }
    }

    /// What is set in one of the two alone.
    #[must_use]
    pub fn xor(&self, other: &Bitmap) -> Bitmap {
        debug_assert!(self.len == other.len || other.is_empty(), "bits of one estate");
        let words = self.words.iter().enumerate();
        let words = words.map(|(at, word)| word ^ other.words.get(at).copied().unwrap_or(0));
        Bitmap { words: words.collect(), len: self.len }
    }

    /// Sets one bit; nothing beyond the end.
    pub fn set(&mut self, at: usize, value: bool) {
        if at < self.len {
            let mask = 1 << (at % 64);
            if value { self.words[at / 64] |= mask } else { self.words[at / 64] &= !mask }
        }
    }
}

/// What one checker sees, for one version of the estate. Bits are in the order of `Estate::subject_count`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Whose it is.
    pub checker: NodeId,
    /// Where that checker runs.
    pub zone: ZoneId,
    /// The version of the estate whose subjects these are; a table of another version counts as missing.
    pub estate: Digest,
    /// The checker's clock when it was made; of two tables of one checker the newer one counts.
    pub made_at: Timestamp,
    /// Subjects that it has probed at all.
    pub known: Bitmap,
    /// Of these, the healthy ones.
    pub healthy: Bitmap,
}

impl Table {
    /// The same view in the order of another estate: an endpoint of the same pool and address keeps its bits, and so does
    /// a health check of the same name; a new one is not known.
    #[must_use]
    pub fn carried_over(&self, from: &Estate, to: &Estate) -> Table {
        let old: BTreeMap<_, usize> = subjects(from).zip(0..).collect();
        let count = to.subject_count();
        let (mut known, mut healthy) = (Bitmap::new(count), Bitmap::new(count));
        for (position, subject) in subjects(to).enumerate() {
            if let Some(was) = old.get(&subject) {
                known.set(position, self.known.get(*was));
                healthy.set(position, self.healthy.get(*was));
            }
        }
        Table { estate: to.digest, known, healthy, ..self.clone() }
    }
}

#[cfg(test)]
mod tests;
