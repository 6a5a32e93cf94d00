//! What one connection sends when.
//!
//! 1. Every beat report, table and break-glass acts, every tenth beat intent, whatever happened.
//! 2. What changes is sent at once, except intent to a peer that is known to have it.
//!
//! Not here: sockets and timers (`connection`).

use std::sync::Arc;

use hf_model::Revision;

use crate::message::Frames;

/// Beats between two intents in full.
pub const INTENT_BEATS: u64 = 10;

/// How far one connection has come with what there is to send.
#[derive(Debug, Default)]
pub struct Pace {
    beat: u64,
    sent: Frames,
}

impl Pace {
    /// What is due because a beat has come.
    pub fn on_beat(&mut self, next: &Frames) -> Vec<Arc<[u8]>> {
        let is_full = self.beat.is_multiple_of(INTENT_BEATS);
        self.beat += 1;
        let intent = next.intent.as_ref().filter(|_| is_full).map(|(_, bytes)| bytes);
        let due = [intent, next.break_glass.as_ref(), next.table.as_ref(), next.report.as_ref()];
        let due = due.into_iter().flatten().cloned().collect();
        self.sent = next.clone();
        due
    }

    /// What is due because something changed. `peer_has` is the newest revision that the peer is known to have.
    pub fn on_change(&mut self, next: &Frames, peer_has: Revision) -> Vec<Arc<[u8]>> {
        let sent = &self.sent;
        let is_other =
            |old: Option<&Arc<[u8]>>, new: &Arc<[u8]>| old.is_none_or(|old| !Arc::ptr_eq(old, new));
        let intent = next.intent.as_ref().filter(|(revision, _)| {
            sent.intent.as_ref().is_none_or(|(old, _)| old != revision) && peer_has < *revision
        });
        let break_glass = next.break_glass.as_ref().filter(|new| is_other(sent.break_glass.as_ref(), new));
        let table = next.table.as_ref().filter(|new| is_other(sent.table.as_ref(), new));
        let report = next.report.as_ref().filter(|_| sent.report_news != next.report_news);
        let due = [intent.map(|(_, bytes)| bytes), break_glass, table, report];
        let due = due.into_iter().flatten().cloned().collect();
        self.sent = next.clone();
        due
    }
}
