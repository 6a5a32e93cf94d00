//! What one connection sends when.
//!
//! 1. Every beat report, table, break-glass acts and what is known of consumers, every tenth beat intent, whatever happened.
//! 2. What changes is sent at once, except intent to a peer that is known to have it.
//! 3. Intent comes last: it may be long, and on a slow way a table behind it would go stale.
//! 4. A balancer's seconds go out as they come, once each, to control nodes; its latencies on every tenth beat, to control nodes and servers of
//!    DNS. Others could make nothing of them.
//!
//! Not here: sockets and timers (`connection`).

use std::sync::Arc;

use hf_config::node::Role;
use hf_model::Revision;

use crate::message::Frames;

/// Beats between two intents in full.
pub const INTENT_BEATS: u64 = 10;

/// How far one connection has come with what there is to send.
#[derive(Debug, Default)]
pub struct Pace {
    beat: u64,
    sent: Frames,
    wants_seconds: bool,
    wants_latencies: bool,
}

impl Pace {
    /// At the begin of a connection to a node with these roles.
    pub fn towards(roles: &[Role]) -> Pace {
        let wants_seconds = roles.contains(&Role::Control);
        Pace {
            wants_seconds,
            wants_latencies: wants_seconds || roles.contains(&Role::Dns),
            ..Pace::default()
        }
    }

    /// What is due because a beat has come.
    pub fn on_beat(&mut self, next: &Frames) -> Vec<Arc<[u8]>> {
        let is_full = self.beat.is_multiple_of(INTENT_BEATS);
        self.beat += 1;
        let intent = next.intent.as_ref().filter(|_| is_full).map(|(_, bytes)| bytes);
        let latencies = next.latencies.as_ref().filter(|_| is_full && self.wants_latencies);
        let due = [
            next.table.as_ref(),
            next.report.as_ref(),
            next.break_glass.as_ref(),
            next.consumers.as_ref(),
            self.new_second(next),
            latencies,
            intent,
        ];
        let due = due.into_iter().flatten().cloned().collect();
        self.sent = next.clone();
        due
    }

    fn new_second<'a>(&self, next: &'a Frames) -> Option<&'a Arc<[u8]>> {
        let sent = self.sent.second.as_ref();
        let is_new = |second: &&Arc<[u8]>| sent.is_none_or(|sent| !Arc::ptr_eq(sent, second));
        next.second.as_ref().filter(|_| self.wants_seconds).filter(is_new)
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
        let consumers = next.consumers.as_ref().filter(|new| is_other(sent.consumers.as_ref(), new));
        let intent = intent.map(|(_, bytes)| bytes);
        let due = [table, report, break_glass, consumers, self.new_second(next), intent];
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
            second: Some(frame("second")),
            latencies: Some(frame("latencies")),
            consumers: Some(frame("consumers")),
        };
        let mut pace = Pace::default();
        assert_eq!(show(&pace.on_beat(&next)), "table report acts consumers intent");
        assert_eq!(show(&pace.on_beat(&next)), "table report acts consumers");
        let mut pace = Pace::default();
        assert_eq!(show(&pace.on_change(&next, Revision(0))), "table acts consumers intent");
        // Who can make something of what a balancer saw gets it: a second once, latencies with the intent.
        let mut pace = Pace::towards(&[Role::Control]);
        assert_eq!(show(&pace.on_change(&next, Revision(1))), "table acts consumers second");
        assert_eq!(show(&pace.on_beat(&next)), "table report acts consumers latencies intent");
        let mut pace = Pace::towards(&[Role::Dns]);
        assert_eq!(show(&pace.on_beat(&next)), "table report acts consumers latencies intent");
    }
}
