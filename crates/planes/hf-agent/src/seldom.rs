//! A log line for what happens again and again: once for each text, then seldom.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Between two lines of one text.
const BETWEEN: Duration = Duration::from_mins(1);
/// Texts that are told apart; with more, all are passed over until the oldest has aged.
const TEXTS: usize = 64;

/// When each text was logged last.
#[derive(Debug, Default)]
pub struct Seldom(Mutex<BTreeMap<String, Instant>>);

impl Seldom {
    /// Whether this text is to be logged now.
    pub fn is_due(&self, text: &str) -> bool {
        let now = Instant::now();
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, at| now.duration_since(*at) < BETWEEN);
        if known.len() >= TEXTS || known.contains_key(text) {
            return false;
        }
        known.insert(text.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_text_is_due_once_a_minute_and_texts_are_bounded() {
        let seldom = Seldom::default();
        assert!(seldom.is_due("a") && !seldom.is_due("a") && seldom.is_due("b"));
        assert_eq!((0..1_000).filter(|at| seldom.is_due(&at.to_string())).count(), TEXTS - 2);
        tokio::time::advance(BETWEEN).await;
        assert!(seldom.is_due("a"));
    }
}
