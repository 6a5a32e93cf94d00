//! What happened: a hash of everything, and the newest lines for people.

use std::collections::VecDeque;

/// Lines kept for the report of a violation.
const LINES: usize = 60;

/// The story of a run.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hash: u64,
    lines: VecDeque<String>,
}

impl Trace {
    /// Folds a number into the hash.
    pub fn fold(&mut self, value: u64) {
        self.hash = (self.hash ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(27);
    }

    /// Folds bytes into the hash.
    pub fn fold_bytes(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word));
        }
    }

    /// Keeps a line, and folds it.
    pub fn say(&mut self, at_ms: u64, text: &str) {
        self.fold_bytes(text.as_bytes());
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{:>9.3}s {text}", at_ms as f64 / 1_000.0));
    }

    /// The hash so far.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The newest lines.
    pub fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }
}
