//! What one endpoint said last, and whether that still counts: told the time, asks nobody.
//!
//! 1. A word counts for [`Voice::silence`] after it was last confirmed: by a table, by a heartbeat with its tag, by a poll.
//! 2. A heartbeat with another tag confirms nothing: the push of a table was lost, a poll must fetch it.
//! 3. The stream gone and a poll failed since: silent at once.
//! 4. A poll that was asked before the newest push tells the older news, and is passed over.
//!
//! Not here: how words come (`link`), what they make together (`quorum`).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::wire::Table;

/// How a word came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Over the stream of events.
    Push,
    /// As the answer to a poll that was sent then.
    Poll(Instant),
}

/// One endpoint's last word.
#[derive(Clone, Debug)]
pub struct Voice {
    silence: Duration,
    table: Option<Arc<Table>>,
    heard_at: Option<Instant>,
    pushed_at: Option<Instant>,
    is_stream_well: bool,
    is_poll_failed: bool,
    /// Something was tried to its end since this was last asked: the endpoint has spoken, or cannot for now.
    pub is_tried: bool,
    /// What went wrong last, until something goes well.
    pub trouble: Option<String>,
}

impl Voice {
    /// Nothing was said yet; a word counts for `silence`.
    pub fn new(silence: Duration) -> Self {
        Voice {
            silence,
            table: None,
            heard_at: None,
            pushed_at: None,
            is_stream_well: false,
            is_poll_failed: false,
            is_tried: false,
            trouble: None,
        }
    }

    /// It told a table.
    pub fn table(&mut self, table: Table, by: By, now: Instant) {
        match by {
            By::Push => {
                self.pushed_at = Some(now);
                self.is_stream_well = true;
            }
            By::Poll(asked_at) if self.pushed_at.is_some_and(|pushed| pushed >= asked_at) => return,
            By::Poll(_) => {}
        }
        self.table = Some(Arc::new(table));
        self.confirmed(now);
    }

    /// It said that the table of this tag stands; whether that is the one that is known.
    pub fn beat(&mut self, tag: &str, by: By, now: Instant) -> bool {
        if by == By::Push {
            self.is_stream_well = true;
        }
        let is_known = self.table.as_ref().is_some_and(|table| table.tag == tag);
        if is_known {
            self.confirmed(now);
        }
        is_known
    }

    fn confirmed(&mut self, now: Instant) {
        self.heard_at = Some(now);
        self.is_poll_failed = false;
        self.is_tried = true;
        self.trouble = None;
    }

    /// The stream ended, or could not be had.
    pub fn stream_lost(&mut self, why: String) {
        self.is_stream_well = false;
        self.trouble = Some(why);
    }

    /// A poll failed.
    pub fn poll_failed(&mut self, why: String) {
        self.is_poll_failed = true;
        self.is_tried = true;
        if !self.is_stream_well {
            self.trouble = Some(why);
        }
    }

    /// Whether events come.
    pub fn is_stream_well(&self) -> bool {
        self.is_stream_well
    }

    /// The tag of what it told last, whether or not that still counts.
    pub fn tag(&self) -> Option<&str> {
        self.table.as_ref().map(|table| table.tag.as_str())
    }

    /// What it says, unless it is silent.
    pub fn speaks(&self, now: Instant) -> Option<&Arc<Table>> {
        self.table.as_ref().filter(|_| self.until().is_some_and(|until| now < until))
    }

    /// When it is silent if nothing more comes; none if it is.
    pub fn until(&self) -> Option<Instant> {
        if self.is_poll_failed && !self.is_stream_well {
            return None;
        }
        self.heard_at.map(|heard| heard + self.silence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quorum::Zones;
    use crate::wire::{State, ZoneStatus};

    const SILENCE: Duration = Duration::from_secs(25);

    fn table(tag: &str) -> Table {
        let zones: Vec<ZoneStatus> = Zones::of([("a", State::Open)]).iter().cloned().collect();
        Table { tag: tag.to_owned(), revision: 1, zones }
    }

    fn after(seconds: u64) -> Instant {
        // One instant for a whole test would do; differences are all that counts.
        static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        *START.get_or_init(Instant::now) + Duration::from_secs(seconds)
    }

    fn said(voice: &Voice, at: u64) -> Option<&str> {
        voice.speaks(after(at)).map(|table| table.tag.as_str())
    }

    #[test]
    fn a_word_counts_until_it_was_not_confirmed_for_so_long() {
        let mut voice = Voice::new(SILENCE);
        assert_eq!(said(&voice, 0), None);
        voice.table(table("x"), By::Push, after(0));
        assert_eq!((said(&voice, 24), said(&voice, 25)), (Some("x"), None));
        assert!(voice.beat("x", By::Push, after(10)));
        assert_eq!((said(&voice, 34), said(&voice, 35)), (Some("x"), None));
        assert!(!voice.beat("y", By::Push, after(20)));
        assert_eq!(said(&voice, 35), None);
        assert!(voice.beat("x", By::Poll(after(40)), after(41)));
        assert_eq!(said(&voice, 50), Some("x"));
    }

    #[test]
    fn without_stream_and_poll_it_is_silent_at_once() {
        let mut voice = Voice::new(SILENCE);
        voice.table(table("x"), By::Push, after(0));
        voice.stream_lost("gone".to_owned());
        assert_eq!(said(&voice, 1), Some("x"));
        voice.poll_failed("refused".to_owned());
        assert_eq!((said(&voice, 1), voice.trouble.as_deref()), (None, Some("refused")));
        assert!(voice.beat("x", By::Poll(after(2)), after(2)));
        assert_eq!((said(&voice, 3), voice.trouble.as_deref()), (Some("x"), None));
    }

    #[test]
    fn a_failed_poll_beside_a_well_stream_means_nothing() {
        let mut voice = Voice::new(SILENCE);
        voice.table(table("x"), By::Push, after(0));
        voice.poll_failed("slow".to_owned());
        assert_eq!((said(&voice, 1), voice.trouble.as_deref()), (Some("x"), None));
    }

    #[test]
    fn a_poll_asked_before_the_newest_push_is_passed_over() {
        let mut voice = Voice::new(SILENCE);
        voice.table(table("new"), By::Push, after(5));
        voice.table(table("old"), By::Poll(after(4)), after(6));
        assert_eq!(said(&voice, 7), Some("new"));
        voice.table(table("newer"), By::Poll(after(6)), after(7));
        assert_eq!(said(&voice, 7), Some("newer"));
    }
}
