//! One budget of memory for all that clients make this node keep: names asked for, and messages that have not come whole.
//!
//! 1. Who needs more than is left is refused; nobody else is.
//! 2. What was taken is given back when its holder goes.
//!
//! Not here: what counts (`session`, `grpc`), what a client is told (`stream`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes for all clients together: some three million names of pools.
pub const BYTES_MAX: usize = 512 << 20;

/// What is left for all; cheap to clone, every clone is the same budget.
#[derive(Clone, Debug)]
pub struct Budget(Arc<AtomicUsize>);

/// There is not as much left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent;

impl Budget {
    /// So many bytes.
    pub fn new(bytes: usize) -> Budget {
        Budget(Arc::new(AtomicUsize::new(bytes)))
    }

    /// A share of nothing yet.
    pub fn share(&self) -> Share {
        Share { budget: self.clone(), bytes: 0 }
    }
}

/// A part of a budget; given back when it is dropped.
#[derive(Debug)]
pub struct Share {
    budget: Budget,
    bytes: usize,
}

impl Share {
    /// Holds so many bytes from now on: more, or fewer. Fewer is always possible.
    pub fn hold(&mut self, bytes: usize) -> Result<(), Spent> {
        let left = &self.budget.0;
        if let Some(more) = bytes.checked_sub(self.bytes).filter(|more| *more > 0) {
            let taken = left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(more));
            taken.map_err(|_| Spent)?;
        } else {
            left.fetch_add(self.bytes - bytes, Ordering::Relaxed);
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.0.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_given_back() {
        let budget = Budget::new(100);
        let (mut one, mut other) = (budget.share(), budget.share());
        assert_eq!(one.hold(60), Ok(()));
        assert_eq!(other.hold(50), Err(Spent));
        assert_eq!(other.hold(40), Ok(()));
        assert_eq!(one.hold(61), Err(Spent));
        assert_eq!(one.hold(10), Ok(()));
        assert_eq!(other.hold(90), Ok(()));
        drop(one);
        assert_eq!(other.hold(100), Ok(()));
        drop(other);
        assert_eq!(budget.share().hold(100), Ok(()));
    }
}
