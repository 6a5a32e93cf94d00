//! Break-glass acts that a consumer has applied: they stand past the ledger, so no revision tells.
//!
//! 1. An act goes by its number, as nodes report it: [`act_number`].
//! 2. A consumer has applied those that were in force where it was told what it has applied. Who says only a revision, or speaks of a state that
//!    the node does not tell any more, leaves it open: unknown is neither applied nor behind.
//! 3. At most [`ACTS_MAX`] are kept; of any other it is unknown.
//!
//! Not here: signatures (`hf-feed`), which acts are in force (`hf-snapshot`).

use std::sync::Arc;

use hf_model::Digest;

/// Acts of one consumer at most: more zones than this are not evacuated past the ledger at a time.
pub const ACTS_MAX: usize = 64;

/// The number by which reports and consumers name an act, of its digest; 64 bits tell a few hundred acts apart.
pub fn act_number(Digest(bytes): Digest) -> u64 {
    let (first, _) = bytes.as_chunks::<8>();
    u64::from_be_bytes(first[0])
}

/// Acts that were in force when a consumer applied what it has; by default nobody knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Acts(Option<Arc<[u64]>>);

impl Acts {
    /// Nobody knows.
    pub const UNKNOWN: Acts = Acts(None);

    /// Those with these digests, and no other.
    pub fn of(digests: impl IntoIterator<Item = Digest>) -> Acts {
        Acts::numbered(digests.into_iter().map(act_number))
    }

    /// Those with these numbers, and no other.
    pub fn numbered(numbers: impl IntoIterator<Item = u64>) -> Acts {
        let mut numbers: Vec<u64> = numbers.into_iter().collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.truncate(ACTS_MAX);
        Acts(Some(numbers.into()))
    }

    /// Ascending; none while nobody knows.
    pub fn numbers(&self) -> Option<&[u64]> {
        self.0.as_deref()
    }

    /// Whether this one is among them, as far as anybody knows.
    pub fn has(&self, number: u64) -> Option<bool> {
        let numbers = self.numbers()?;
        match numbers.binary_search(&number) {
            Ok(_) => Some(true),
            Err(_) if numbers.len() >= ACTS_MAX => None,
            Err(_) => Some(false),
        }
    }

    /// What two parts of one consumer have both applied.
    #[must_use]
    pub fn in_both(&self, other: &Acts) -> Acts {
        match (self.numbers(), other.numbers()) {
            (Some(one), Some(two)) => {
                Acts::numbered(one.iter().copied().filter(|number| two.binary_search(number).is_ok()))
            }
            _ => Acts::UNKNOWN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_known_is_neither_there_nor_missing() {
        let some = Acts::numbered([7, 3, 7]);
        assert_eq!((some.has(3), some.has(4)), (Some(true), Some(false)));
        assert_eq!(Acts::UNKNOWN.has(3), None);
        let full = Acts::numbered(0..1_000);
        assert_eq!(full.numbers().map(<[u64]>::len), Some(ACTS_MAX));
        assert_eq!((full.has(3), full.has(999)), (Some(true), None));
    }

    #[test]
    fn parts_of_one_consumer_have_applied_what_all_of_them_have() {
        let (one, two) = (Acts::numbered([1, 2, 3]), Acts::numbered([2, 3, 4]));
        assert_eq!(one.in_both(&two), Acts::numbered([2, 3]));
        assert_eq!(one.in_both(&Acts::UNKNOWN), Acts::UNKNOWN);
        assert_eq!(one.in_both(&Acts::numbered([])), Acts::numbered([]));
    }
}
