//! Entries that the watch told of and that nobody has read yet: so a node that follows others asks etcd for nothing.
//!
//! 1. Each is given once, in order, without a gap up to the newest that is known; whatever is missing, the log is read instead.
//! 2. Our own entries are known to their writer: they are kept only when others' are before them.
//! 3. At most [`ENTRIES`], of [`INLINE_BYTES`](super::keys::INLINE_BYTES) each: beyond that the oldest go, and the log is read.
//!
//! Not here: what a read of the log checks (`log`); the watcher hands in only what belongs to the ledger that we know.

use std::collections::VecDeque;

use hf_model::Revision;

use crate::seam::Followed;

/// Entries that wait at most.
const ENTRIES: usize = 256;

/// What waits.
#[derive(Debug, Default)]
pub struct Told {
    /// One behind the other, without a gap.
    waiting: VecDeque<(u64, Vec<u8>)>,
    /// Up to here somebody knows them.
    taken: u64,
}

impl Told {
    /// Nothing that was told counts any more: the watch begins anew.
    pub fn forget(&mut self) {
        self.waiting.clear();
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The entry at `at`.
    pub fn hear(&mut self, at: u64, entry: Vec<u8>) {
        let next = self.waiting.back().map(|(last, _)| last + 1);
        if at <= self.taken || next.is_some_and(|next| at < next) {
            return; // known, or told twice
        }
        if next.is_some_and(|next| at > next) {
            self.waiting.clear();
        }
        self.waiting.push_back((at, entry));
        if self.waiting.len() > ENTRIES {
            self.waiting.pop_front();
        }
    }

    /// Everything up to `at` is known to whoever reads here.
    pub fn know(&mut self, at: u64) {
        self.taken = self.taken.max(at);
        while self.waiting.front().is_some_and(|(first, _)| *first <= at) {
            self.waiting.pop_front();
        }
    }

    /// All entries after `after` up to `newest`; none when they are not all here.
    pub fn take(&mut self, after: Revision, newest: Revision) -> Option<Followed> {
        let first = self.waiting.front()?.0;
        let last = self.waiting.back()?.0;
        if newest <= after || first > after.0 + 1 || last < newest.0 {
            return None;
        }
        let mut page = Followed::default();
        while let Some((at, entry)) = self.waiting.pop_front() {
            self.taken = at;
            if at > after.0 {
                page.entries.push((Revision(at), entry));
            }
        }
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(positions: &[u64]) -> Told {
        let mut told = Told::default();
        for at in positions {
            told.hear(*at, vec![*at as u8]);
        }
        told
    }

    fn taken(told: &mut Told, after: u64, newest: u64) -> Option<Vec<u64>> {
        let page = told.take(Revision(after), Revision(newest))?;
        assert!(page.checkpoint.is_none() && !page.more);
        Some(page.entries.iter().map(|(at, _)| at.0).collect())
    }

    #[test]
    fn what_is_whole_is_given_once() {
        let mut some = told(&[3, 4, 4, 5]);
        assert_eq!(taken(&mut some, 3, 5), Some(vec![4, 5]));
        assert_eq!(taken(&mut some, 3, 5), None, "the log is read");
        some.hear(5, vec![]);
        assert!(some.is_empty(), "it was given already");
    }

    #[test]
    fn a_gap_is_read_from_the_log() {
        assert_eq!(taken(&mut told(&[4, 5]), 2, 5), None, "3 was not told");
        assert_eq!(taken(&mut told(&[3, 5]), 2, 5), None, "4 was not told");
        assert_eq!(taken(&mut told(&[3, 4]), 2, 5), None, "5 was not told yet");
        assert_eq!(taken(&mut told(&[3]), 3, 3), None, "there is nothing new");
    }

    #[test]
    fn what_its_writer_knows_does_not_wait() {
        let mut some = told(&[3]);
        some.know(3);
        some.hear(3, vec![]);
        assert!(some.is_empty());
        some.hear(4, vec![]);
        assert_eq!(taken(&mut some, 3, 4), Some(vec![4]));
    }

    #[test]
    fn there_is_a_bound() {
        let mut many = told(&[]);
        (1..=1_000).for_each(|at| many.hear(at, vec![]));
        assert_eq!(many.waiting.len(), ENTRIES);
        assert_eq!(taken(&mut many, 0, 1_000), None);
        assert_eq!(taken(&mut many, 900, 1_000).map(|given| given.len()), Some(100));
    }
}
