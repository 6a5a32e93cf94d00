//! What one connection sends when.
//!
//! 1. Every beat report, table and break-glass acts, every tenth beat intent, whatever happened.
//! 2. What changes is sent at once, except intent to a peer that is known to have it.
//! 3. Intent comes last: it may be long, and on a slow way a table behind it would go stale.
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
        let due = [next.table.as_ref(), next.report.as_ref(), next.break_glass.as_ref(), intent];
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
        let due = [table, report, break_glass, intent.map(|(_, bytes)| bytes)];
        let due = due.into_iter().flatten().cloned().collect();
        self.sent = next.clone();
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Arc<[u8]> {
        text.as_bytes().into()
    }

    fn show(due: &[Arc<[u8]>]) -> String {
        let names: Vec<_> = due.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect();
        names.join(" ")
    }

    #[test]
    fn a_long_intent_keeps_nothing_waiting() {
        let next = Frames {
            intent: Some((Revision(1), frame("intent"))),
            base: None,
            table: Some(frame("table")),
            break_glass: Some(frame("acts")),
            report: Some(frame("report")),
            report_news: 0,
        };
        let mut pace = Pace::default();
        assert_eq!(show(&pace.on_beat(&next)), "table report acts intent");
        assert_eq!(show(&pace.on_beat(&next)), "table report acts");
        let mut pace = Pace::default();
        assert_eq!(show(&pace.on_change(&next, Revision(0))), "table acts intent");
    }
}
