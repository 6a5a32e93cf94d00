//! The signatures of one zone: made ahead by content, or when somebody asks, within a budget.
//!
//! 1. What is known ahead (the variants of steered answers, plain sets, the apex) is prepared before it is answered. A set is known by its
//!    content: what a change leaves as it was keeps its signature.
//! 2. [`ZoneSigner::prepare`] stops at its deadline; what is left over is signed when somebody asks, or by the next call.
//! 3. A signature that [`Window::is_due`] is made anew by the next call; what no call has named for [`KEPT_ROUNDS`] whole rounds
//!    ([`ZoneSigner::prepare_all`]) is forgotten: a shift that ends finds the signatures of before it.
//! 4. What was asked for is kept in the [`Room`]'s cache of two halves: when one is full, the older one is dropped whole.
//! 5. Over the budget there is no signature ([`Unsigned::OverBudget`]): a flood of names that do not exist costs its own askers, not what was
//!    signed ahead.
//!
//! The look-up on the way of an answer loads one pointer and takes no lock for what was made ahead.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use hf_clock::Clock;
use hf_dnssec::canonical::fold_rdata;
use hf_dnssec::roll::{self, Key};
use hf_dnssec::window::Window;
use hf_dnssec::{OwnedSet, SetToSign, Signatures, Unsigned};
use hf_model::Timestamp;

use crate::budget::Budget;
use crate::pair::KeyPair;

/// Whole rounds for which a signature is kept that no call named.
const KEPT_ROUNDS: u32 = 8;
/// Signatures made at a time between two looks at the deadline.
const BATCH: usize = 32;
/// Parts of the cache, each with a lock of its own.
const PARTS: usize = 16;

/// What the zones of one node share: the cache of what was asked for, and the budget.
#[derive(Debug)]
pub struct Room {
    budget: Budget,
    parts: Vec<Mutex<Halves>>,
    half_len: usize,
    hashers: [RandomState; 2],
}

#[derive(Debug, Default)]
struct Halves {
    young: HashMap<u128, Arc<Made>>,
    old: HashMap<u128, Arc<Made>>,
}

impl Room {
    /// A cache of at most `sets` sets, and so many signatures a second for those who ask.
    pub fn new(sets: usize, per_second: u32) -> Room {
        Room {
            budget: Budget::new(per_second),
            parts: (0..PARTS).map(|_| Mutex::default()).collect(),
            half_len: (sets / PARTS / 2).max(1),
            hashers: [RandomState::new(), RandomState::new()],
        }
    }

    fn part(&self, content: u128) -> std::sync::MutexGuard<'_, Halves> {
        let at = (content >> 64) as usize % PARTS;
        self.parts[at].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, content: u128) -> Option<Arc<Made>> {
        let mut halves = self.part(content);
        if let Some(made) = halves.young.get(&content) {
            return Some(made.clone());
        }
        let made = halves.old.remove(&content)?;
        self.put(&mut halves, content, made.clone());
        Some(made)
    }

    fn keep(&self, content: u128, made: Arc<Made>) {
        self.put(&mut self.part(content), content, made);
    }

    fn put(&self, halves: &mut Halves, content: u128, made: Arc<Made>) {
        if halves.young.len() >= self.half_len {
            halves.old = std::mem::take(&mut halves.young);
        }
        halves.young.insert(content, made);
    }
}

/// The RRSIG records of one set.
#[derive(Debug)]
struct Made {
    window: Window,
    rrsigs: Box<[Box<[u8]>]>,
    /// The round in which it was last named.
    round: AtomicU32,
}

/// What signatures were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Ahead.
    pub ahead: u64,
    /// Because somebody asked.
    pub asked: u64,
    /// Not made: over the budget.
    pub over_budget: u64,
    /// Sets that are signed now.
    pub sets: u64,
}

/// What one call has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prepared {
    /// Sets that were signed.
    pub signed: usize,
    /// Sets whose signatures were there.
    pub kept: usize,
    /// Sets that the deadline left over.
    pub left: usize,
}

/// The keys of one zone at work.
pub struct ZoneSigner {
    apex: Box<[u8]>,
    validity: Duration,
    clock: Clock,
    keys: Vec<(Arc<KeyPair>, roll::Role)>,
    room: Arc<Room>,
    /// Tells this signer's contents from those of others in the room, and of earlier keys.
    salt: u64,
    ahead: ArcSwap<HashMap<u128, Arc<Made>>>,
    /// One at a time prepares; whole rounds so far.
    rounds: Mutex<u32>,
    made_ahead: AtomicU64,
    made_asked: AtomicU64,
    over_budget: AtomicU64,
}

impl std::fmt::Debug for ZoneSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ZoneSigner").field("keys", &self.keys).finish_non_exhaustive()
    }
}

impl ZoneSigner {
    /// The keys of a zone, each with what the ledger says of it; `apex` in wire form.
    pub fn new(
        apex: &[u8],
        keys: Vec<(Arc<KeyPair>, Key)>,
        validity: Duration,
        clock: Clock,
        room: Arc<Room>,
    ) -> ZoneSigner {
        let (pairs, keys): (Vec<_>, Vec<Key>) = keys.into_iter().unzip();
        let roles = roll::roles(&keys);
        ZoneSigner {
            apex: apex.to_ascii_lowercase().into(),
            validity,
            clock,
            keys: pairs.into_iter().zip(roles).collect(),
            room,
            salt: hf_clock::random_seed(),
            ahead: ArcSwap::default(),
            rounds: Mutex::new(0),
            made_ahead: AtomicU64::new(0),
            made_asked: AtomicU64::new(0),
            over_budget: AtomicU64::new(0),
        }
    }

    /// Signs what is new or due of these sets, in their order, until the deadline. Blocks: for a thread of its own.
    pub fn prepare(&self, sets: &[OwnedSet], deadline: Instant) -> Prepared {
        let rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        let (prepared, fresh) = self.sign_new(sets, Some(deadline), *rounds);
        if !fresh.is_empty() {
            let mut next = (*self.ahead.load_full()).clone();
            next.extend(fresh);
            self.ahead.store(Arc::new(next));
        }
        prepared
    }

    /// The same with all sets that there are, to the end; forgets what nobody named for long.
    pub fn prepare_all(&self, sets: &[OwnedSet]) -> Prepared {
        let mut rounds = self.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        *rounds = rounds.wrapping_add(1);
        let (prepared, fresh) = self.sign_new(sets, None, *rounds);
        let before = self.ahead.load_full();
        let now = self.clock.now();
        let is_kept = |made: &Made| {
            rounds.wrapping_sub(made.round.load(Ordering::Relaxed)) < KEPT_ROUNDS && made.window.holds(now)
        };
        if !fresh.is_empty() || before.values().any(|made| !is_kept(made)) {
            let mut next = (*before).clone();
            next.retain(|_, made| is_kept(made));
            next.extend(fresh);
            self.ahead.store(Arc::new(next));
        }
        prepared
    }

    fn sign_new(
        &self,
        sets: &[OwnedSet],
        deadline: Option<Instant>,
        round: u32,
    ) -> (Prepared, Vec<(u128, Arc<Made>)>) {
        let now = self.clock.now();
        let before = self.ahead.load_full();
        let mut prepared = Prepared::default();
        let mut fresh: Vec<(u128, Arc<Made>)> = Vec::new();
        for (at, set) in sets.iter().enumerate() {
            let content = self.content_of(set);
            if let Some(made) = before.get(&content).filter(|made| !made.window.is_due(now, self.validity)) {
                made.round.store(round, Ordering::Relaxed);
                prepared.kept += 1;
                continue;
            }
            if prepared.signed % BATCH == 0 && deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                prepared.left = sets.len() - at;
                break;
            }
            // Without randomness nothing is signed; whoever asks for the set is told.
            let Some(made) = self.sign(set, content, now) else { continue };
            made.round.store(round, Ordering::Relaxed);
            fresh.push((content, Arc::new(made)));
            prepared.signed += 1;
        }
        self.made_ahead.fetch_add(prepared.signed as u64, Ordering::Relaxed);
        (prepared, fresh)
    }

    /// When the first signature that was made ahead is due, in seconds since 1970; none while there is none.
    pub fn next_due_s(&self) -> Option<u64> {
        self.ahead.load().values().map(|made| made.window.due_s(self.validity)).min()
    }

    /// What was signed so far.
    pub fn counts(&self) -> Counts {
        Counts {
            ahead: self.made_ahead.load(Ordering::Relaxed),
            asked: self.made_asked.load(Ordering::Relaxed),
            over_budget: self.over_budget.load(Ordering::Relaxed),
            sets: self.ahead.load().len() as u64,
        }
    }

    fn sign(&self, set: &OwnedSet, content: u128, now: Timestamp) -> Option<Made> {
        let window = Window::new(now, self.validity, content as u64);
        let signers = self.keys.iter().filter(|(_, role)| role.signs_data || set.is_of_keys());
        let rrsigs: Result<_, _> = signers.map(|(pair, _)| set.sign(&self.apex, window, &**pair)).collect();
        Some(Made { window, rrsigs: rrsigs.ok()?, round: AtomicU32::new(0) })
    }

    fn content_of(&self, set: &OwnedSet) -> u128 {
        let mut content = Content::new(&self.room.hashers, self.salt, set.rtype, set.ttl_s, &set.owner);
        set.rdata.iter().for_each(|record| content.add(record));
        content.sum
    }

    fn content_as_answered(&self, set: &SetToSign<'_>) -> u128 {
        let mut buffer = [0; 255];
        let owner = &mut buffer[..set.owner.len().min(255)];
        owner.copy_from_slice(&set.owner[..owner.len()]);
        owner.make_ascii_lowercase();
        let mut content = Content::new(&self.room.hashers, self.salt, set.rtype, set.ttl_s, owner);
        let is_plain = matches!(set.rtype, 1 | 28);
        for record in set.records.iter() {
            let mut folded = [0; 512];
            match folded.get_mut(..record.len()) {
                _ if is_plain => content.add(record),
                Some(folded) => {
                    folded.copy_from_slice(record);
                    fold_rdata(set.rtype, folded);
                    content.add(folded);
                }
                None => {
                    let mut folded = record.to_vec();
                    fold_rdata(set.rtype, &mut folded);
                    content.add(&folded);
                }
            }
        }
        content.sum
    }

    fn made(&self, set: &SetToSign<'_>) -> Result<Arc<Made>, Unsigned> {
        let now = self.clock.now();
        let content = self.content_as_answered(set);
        if let Some(made) = self.room.find(content).filter(|made| made.window.holds(now)) {
            return Ok(made);
        }
        if !self.room.budget.take(now) {
            self.over_budget.fetch_add(1, Ordering::Relaxed);
            return Err(Unsigned::OverBudget);
        }
        let made = Arc::new(self.sign(&OwnedSet::of(set), content, now).ok_or(Unsigned::Failed)?);
        self.made_asked.fetch_add(1, Ordering::Relaxed);
        self.room.keep(content, made.clone());
        Ok(made)
    }
}

impl Signatures for ZoneSigner {
    fn rrsigs(&self, set: &SetToSign<'_>, write: &mut dyn FnMut(&[u8])) -> Result<(), Unsigned> {
        let content = self.content_as_answered(set);
        if let Some(made) = self.ahead.load().get(&content).filter(|made| made.window.holds(self.clock.now()))
        {
            made.rrsigs.iter().for_each(|rrsig| write(rrsig));
            return Ok(());
        }
        self.made(set)?.rrsigs.iter().for_each(|rrsig| write(rrsig));
        Ok(())
    }
}

/// A set's content as a number, whatever the order of its records: a sum of keyed digests. Nobody outside knows the keys, so nobody can
/// make two sets with one number.
struct Content<'h> {
    hashers: &'h [RandomState; 2],
    sum: u128,
}

impl<'h> Content<'h> {
    fn new(hashers: &'h [RandomState; 2], salt: u64, rtype: u16, ttl_s: u32, owner: &[u8]) -> Content<'h> {
        let mut content = Content { hashers, sum: 0 };
        content.mix(|hasher| {
            hasher.write_u64(salt);
            hasher.write_u64(u64::from(rtype) << 32 | u64::from(ttl_s));
            hasher.write(owner);
        });
        content
    }

    fn add(&mut self, record: &[u8]) {
        self.mix(|hasher| {
            hasher.write(record);
            hasher.write_u32(record.len() as u32);
        });
    }

    fn mix(&mut self, write: impl Fn(&mut std::hash::DefaultHasher)) {
        let [high, low] = self.hashers;
        let digest = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            write(&mut hasher);
            hasher.finish()
        };
        self.sum = self.sum.wrapping_add(u128::from(digest(high)) << 64 | u128::from(digest(low)));
    }
}

#[cfg(test)]
mod tests;
