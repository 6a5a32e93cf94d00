//! For how long a signature holds, and when it is made anew.
//!
//! 1. It begins an hour before it is made: clocks of validators differ.
//! 2. It ends after the policy's validity, less a jitter of up to a sixteenth that follows from its content: signatures that were made
//!    together do not run out together.
//! 3. It is due when less than half of the validity is left. Until then nobody signs again.

use std::time::Duration;

use hf_model::Timestamp;

/// Seconds before its making at which a signature begins.
const BACK_S: u64 = 3_600;
/// The jitter's largest part of the validity.
const JITTER_PART: u64 = 16;

/// From when to when a signature holds, in seconds since 1970 (RFC 4034 3.1.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// From.
    pub inception_s: u64,
    /// To.
    pub expiration_s: u64,
}

impl Window {
    /// The window of a signature that is made now; `content` is any number that follows from what is signed.
    pub fn new(now: Timestamp, validity: Duration, content: u64) -> Window {
        let now_s = now.0 / 1_000;
        let validity_s = validity.as_secs();
        let jitter_s = content % (validity_s / JITTER_PART).max(1);
        Window {
            inception_s: now_s.saturating_sub(BACK_S),
            expiration_s: now_s.saturating_add(validity_s - jitter_s.min(validity_s)),
        }
    }

    /// When it is to be made anew.
    pub fn due_s(&self, validity: Duration) -> u64 {
        self.expiration_s.saturating_sub(validity.as_secs() / 2)
    }

    /// Whether it is to be made anew.
    pub fn is_due(&self, now: Timestamp, validity: Duration) -> bool {
        now.0 / 1_000 >= self.due_s(validity)
    }

    /// Whether a validator with our clock takes it.
    pub fn holds(&self, now: Timestamp) -> bool {
        (self.inception_s..self.expiration_s).contains(&(now.0 / 1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_due_when_half_is_left() {
        let day = Duration::from_hours(24);
        let made = Timestamp(1_000_000_000_000);
        let window = Window::new(made, day, 0);
        assert_eq!((window.inception_s, window.expiration_s), (999_996_400, 1_000_086_400));
        assert!(!window.is_due(Timestamp(made.plus(day / 2).0 - 1_000), day));
        assert!(window.is_due(made.plus(day / 2), day));
        assert!(window.holds(made) && !window.holds(made.plus(day)));
    }

    #[test]
    fn jitter_follows_from_content_and_is_small() {
        let day = Duration::from_hours(24);
        let end = |content| Window::new(Timestamp(0), day, content).expiration_s;
        assert_eq!(end(7), end(7));
        assert_ne!(end(7), end(8));
        assert!((0..100_000).map(end).all(|end| (86_400 - 5_400..=86_400).contains(&end)));
    }
}
