//! What nodes heard of consumers of zone status, and against which revision it is judged.
//!
//! 1. Of each node the newest word counts, this one's own included. At most [`TELLERS_MAX`] nodes are kept; of more, the one not heard for longest
//!    goes. One that is not heard for a day is forgotten, as its consumers would be.
//! 2. Judged is against the revision of the newest act: shifts, pins, controls. Entries that change nothing for consumers (an estate, what sources
//!    tell) leave nobody behind.
//!
//! Not here: what is concluded (`hf-consumers`), who asks for this node's own groups and when (`consumers_here`).

use std::sync::Arc;

use hf_config::node::Role;
use hf_consumers::{Groups, KEPT_SILENT};
use hf_control::Intent;
use hf_feed::consumers::Told;
use hf_feed::{ConsumersHeard, HeardConsumers, Peer};
use hf_model::{NodeId, Revision, Timestamp};

use super::Hub;

/// Nodes with the role `status` whose word is kept.
pub const TELLERS_MAX: usize = 128;

/// What the hub knows of consumers.
#[derive(Debug, Default)]
pub(super) struct Consumers {
    pub(super) own: Option<Arc<Told>>,
    heard: ConsumersHeard,
    /// The intent whose acts `in_force` is about.
    acts_of: Option<Arc<Intent>>,
    has_news: bool,
}

impl Hub {
    /// What consumers told this node.
    pub fn take_own_consumers(&mut self, groups: Groups, now: Timestamp) -> Arc<Told> {
        let own = Arc::new(Told { sent_at: now, groups: groups.clone() });
        self.consumers.own = Some(own.clone());
        self.keep_consumers(self.me.node.clone(), groups, now);
        own
    }

    /// What consumers told another node.
    pub fn take_consumers(&mut self, from: &Peer, told: Told, now: Timestamp) {
        if from.roles.contains(&Role::Status) {
            self.keep_consumers(from.node.clone(), told.heard_at(now), now);
        }
    }

    fn keep_consumers(&mut self, node: NodeId, groups: Groups, now: Timestamp) {
        let known = &mut self.consumers;
        let heard = HeardConsumers { received_at: now, groups: Arc::new(groups) };
        known.heard.by_node.insert(node, heard);
        known.heard.by_node.retain(|_, heard| now.since(heard.received_at) <= KEPT_SILENT);
        while known.heard.by_node.len() > TELLERS_MAX {
            let oldest = known.heard.by_node.iter().min_by_key(|(_, heard)| heard.received_at);
            let oldest = oldest.map(|(node, _)| node.clone()).expect("there is more than one");
            known.heard.by_node.remove(&oldest);
        }
        known.has_news = true;
    }

    /// Looks whether an act is new or has gone.
    pub(super) fn note_acts(&mut self, intent: &Arc<Intent>) {
        let known = &mut self.consumers;
        if known.acts_of.as_ref().is_some_and(|old| Arc::ptr_eq(old, intent)) {
            return;
        }
        let newest = match &known.acts_of {
            Some(old) if has_same_acts(old, intent) => known.heard.in_force,
            Some(_) => intent.revision,
            // At the start nobody knows what ended last; what is in force is enough.
            None => newest_act(intent),
        };
        known.has_news |= known.heard.in_force != newest;
        known.heard.in_force = newest;
        known.acts_of = Some(intent.clone());
    }

    /// What is known, if that is news.
    pub fn news_of_consumers(&mut self) -> Option<ConsumersHeard> {
        std::mem::take(&mut self.consumers.has_news).then(|| self.consumers.heard.clone())
    }
}

fn has_same_acts(old: &Intent, new: &Intent) -> bool {
    old.shifts == new.shifts && old.pins == new.pins && old.controls == new.controls
}

fn newest_act(intent: &Intent) -> Revision {
    let shifts = intent.shifts.iter().map(|shift| shift.revision);
    shifts.chain(intent.pins.iter().map(|pin| pin.revision)).max().unwrap_or_default()
}

#[cfg(test)]
mod tests;
