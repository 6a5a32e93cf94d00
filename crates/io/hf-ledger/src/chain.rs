//! The chain through the journal: no line can be changed, left out or put in without that every later link shows it.
//!
//! 1. The link of a line is the SHA-256 over the link before it, the line's position, its revision (0 for none) and its bytes.
//! 2. The link before line 1 is [`GENESIS`]. Old lines are trimmed and the chain goes on: then the oldest line that is left has to
//!    be believed, unless its reader kept the link of the one before.
//! 3. Lines that are missing at the end show only to a reader who kept the newest link: write it down elsewhere now and then.
//!
//! Not here: where links are kept (the engines), what lines say (`hf-codec`).

use hf_model::{Digest, Revision};

use crate::seam::Journalled;

/// The link before the first line.
pub const GENESIS: Digest = Digest([0; 32]);

/// The link of one line.
pub fn link(previous: Digest, position: u64, revision: Option<Revision>, bytes: &[u8]) -> Digest {
    let mut linked = Vec::with_capacity(48 + bytes.len());
    linked.extend_from_slice(&previous.0);
    linked.extend_from_slice(&position.to_be_bytes());
    linked.extend_from_slice(&revision.map_or(0, |revision| revision.0).to_be_bytes());
    linked.extend_from_slice(bytes);
    Digest::of(&linked)
}

/// Where a chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("journal line {position}: {why}")]
pub struct Broken {
    /// The first line at which it shows.
    pub position: u64,
    /// What shows.
    pub why: BrokenWhy,
}

/// What is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BrokenWhy {
    /// Positions are 1, 2, 3, …
    #[error("line {expected} was expected here: lines are missing, doubled or out of order")]
    OutOfOrder {
        /// The position that was due.
        expected: u64,
    },
    /// Another line, or another line before it, was journalled.
    #[error("its link does not follow from the line and the link before it: one of the two was changed")]
    Altered,
}

/// Whether `lines`, in their order, are what was journalled. `previous` is the link before the first of them; without it, that line
/// is believed unless it is line 1. Answers the newest link: keep it, to check later that nothing was taken off the end.
///
/// # Errors
///
/// [`Broken`], at the first line that does not fit.
pub fn verify<'l>(
    previous: Option<Digest>,
    lines: impl IntoIterator<Item = &'l Journalled>,
) -> Result<Digest, Broken> {
    let mut chain = previous;
    let mut due = None;
    for line in lines {
        let position = line.position;
        if let Some(expected) = due.filter(|due| *due != position) {
            return Err(Broken { position, why: BrokenWhy::OutOfOrder { expected } });
        }
        let before = chain.or((position == 1).then_some(GENESIS));
        let holds =
            before.is_none_or(|before| link(before, position, line.revision, &line.bytes) == line.chain);
        if !holds {
            return Err(Broken { position, why: BrokenWhy::Altered });
        }
        chain = Some(line.chain);
        due = position.checked_add(1);
    }
    Ok(chain.unwrap_or(GENESIS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(count: u64) -> Vec<Journalled> {
        let mut chain = GENESIS;
        let make = |position: u64| {
            let (revision, bytes) =
                (position.is_multiple_of(2).then_some(Revision(position)), position.to_string().into_bytes());
            chain = link(chain, position, revision, &bytes);
            Journalled { position, revision, bytes, chain }
        };
        (1..=count).map(make).collect()
    }

    fn broken(lines: &[Journalled]) -> (u64, BrokenWhy) {
        let Broken { position, why } = verify(None, lines).unwrap_err();
        (position, why)
    }

    #[test]
    fn what_was_journalled_holds() {
        let lines = lines(5);
        let newest = lines[4].chain;
        assert_eq!(verify(None, &lines), Ok(newest));
        assert_eq!(verify(Some(GENESIS), &lines), Ok(newest));
        assert_eq!(verify(None, &lines[2..]), Ok(newest), "the oldest that is left is believed");
        assert_eq!(verify(Some(lines[1].chain), &lines[2..]), Ok(newest));
        assert_eq!(verify(None, &[]), Ok(GENESIS));
        assert_eq!(verify(Some(newest), &[]), Ok(newest));
    }

    #[test]
    fn every_change_shows() {
        let good = lines(5);
        for at in 0..5 {
            let place = at as u64 + 1;
            let mut changed = good.clone();
            changed[at].bytes.push(b'!');
            assert_eq!(broken(&changed), (place, BrokenWhy::Altered));
            let mut changed = good.clone();
            changed[at].revision = Some(Revision(77));
            assert_eq!(broken(&changed), (place, BrokenWhy::Altered));
            let mut changed = good.clone();
            changed[at].chain.0[7] ^= 1;
            assert_eq!(broken(&changed), (place, BrokenWhy::Altered));
        }
        let mut missing = good.clone();
        missing.remove(2);
        assert_eq!(broken(&missing), (4, BrokenWhy::OutOfOrder { expected: 3 }));
        missing[2].position = 3;
        assert_eq!(broken(&missing), (3, BrokenWhy::Altered), "numbering them anew does not help");
        let mut swapped = good.clone();
        swapped.swap(1, 2);
        assert_eq!(broken(&swapped), (3, BrokenWhy::OutOfOrder { expected: 2 }));
        // A first line that was changed is found out by whoever knows the link before it.
        let mut changed = good[2..].to_vec();
        changed[0].bytes.push(b'!');
        assert!(verify(Some(good[1].chain), &changed).is_err());
    }
}
