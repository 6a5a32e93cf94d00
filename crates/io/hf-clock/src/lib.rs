//! The only door to clocks and randomness.
//!
//! Wall time for stamps and ends of shifts, monotonic time for pace, random bytes for tokens and seeds. Everything else is
//! told the time. Tests hand in a [`Clock`] that they move by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use hf_model::Timestamp;

/// A source of wall time: the system's, or one that a test moves.
#[derive(Clone, Debug, Default)]
pub struct Clock(Option<Arc<AtomicU64>>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Clock(None)
    }

    /// A clock that stands still until it is moved.
    pub fn manual(start: Timestamp) -> Self {
        Clock(Some(Arc::new(AtomicU64::new(start.0))))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        if let Some(manual) = &self.0 {
            return Timestamp(manual.load(Ordering::SeqCst));
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }

    /// Moves a manual clock to `to`; the system's clock cannot be moved.
    pub fn set(&self, to: Timestamp) {
        if let Some(manual) = &self.0 {
            manual.store(to.0, Ordering::SeqCst);
        }
    }
}

/// `N` random bytes from the operating system.
///
/// # Panics
///
/// When the operating system has no randomness: nothing can be made safely then.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A random seed for choices that need chance and not secrecy.
pub fn random_seed() -> u64 {
    u64::from_le_bytes(random_bytes())
}
