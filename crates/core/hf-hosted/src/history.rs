//! What changed from version to version: what IXFR (RFC 1995) sends.
//!
//! 1. Serials are compared as RFC 1982 has it. A version whose serial is not newer than the last one ends the history: nobody
//!    could tell which is which.
//! 2. Bounded by steps and by bytes; the oldest steps go first. Whoever is further behind takes the whole zone.
//!
//! Not here: messages.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::changes::{Changes, Rr};
use crate::contents::Contents;
use crate::node::{NodeRef, SetRef};
use crate::table::Table;
use crate::{rdata, relative, rtype};

/// Whether serial `a` is newer than `b` (RFC 1982 3.2). Of two that lie 2^31 apart neither is.
pub fn is_newer(a: u32, b: u32) -> bool {
    (1..1 << 31).contains(&a.wrapping_sub(b))
}

/// The serial behind this one; never 0, which some take as "none".
pub fn next_serial(serial: u32) -> u32 {
    serial.wrapping_add(1).max(1)
}

/// One step between two versions.
#[derive(Clone, Debug)]
pub struct Step {
    /// Serial before.
    pub from: u32,
    /// Serial after.
    pub to: u32,
    /// What differs; the old SOA is the first removed record, the new one the first added.
    pub changes: Arc<Changes>,
    bytes: usize,
}

/// The steps that led to the version in force.
#[derive(Clone, Debug)]
pub struct History {
    steps: VecDeque<Step>,
    bytes: usize,
    steps_max: usize,
    bytes_max: usize,
}

impl History {
    /// Keeps at most so many steps and bytes.
    pub fn new(steps_max: usize, bytes_max: usize) -> History {
        History { steps: VecDeque::new(), bytes: 0, steps_max, bytes_max }
    }

    /// Notes that `new` follows `old`. The same serial with the same records is no step.
    pub fn note(&mut self, old: &Contents, new: &Contents) {
        let changes = diff(old, new);
        if changes.is_empty() {
            return;
        }
        self.note_changes(old.serial(), new.serial(), changes);
    }

    /// Notes changes that are known, SOAs first on both sides: what a primary sent.
    pub fn note_changes(&mut self, from: u32, to: u32, changes: Changes) {
        let follows = self.steps.back().is_none_or(|last| last.to == from);
        if !is_newer(to, from) || !follows {
            self.clear();
        }
        if !is_newer(to, from) {
            return;
        }
        let bytes = changes.bytes();
        self.steps.push_back(Step { from, to, changes: Arc::new(changes), bytes });
        self.bytes += bytes;
        while self.steps.len() > self.steps_max || self.bytes > self.bytes_max {
            let Some(oldest) = self.steps.pop_front() else { break };
            self.bytes -= oldest.bytes;
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.steps.clear();
        self.bytes = 0;
    }

    /// The steps from this serial to the newest version; none when it is not known, or when there is nothing to tell.
    pub fn since(&self, serial: u32) -> Option<Vec<Step>> {
        let at = self.steps.iter().position(|step| step.from == serial)?;
        Some(self.steps.iter().skip(at).cloned().collect())
    }

    /// How many steps are kept.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// Whether none is kept.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Bytes of memory, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What leads from `old` to `new`: `old.changed(diff)` has the records of `new`. When anything differs, both SOAs come first.
///
/// Versions that share their base are compared by their overlays alone.
pub fn diff(old: &Contents, new: &Contents) -> Changes {
    let mut changes = Changes::default();
    let mut pair = |name: &[u8]| {
        differ(old, name, (old.relative(name), new.relative(name)), &mut changes);
    };
    if Arc::ptr_eq(&old.base, &new.base) {
        let overlays = (old.overlay.as_deref(), new.overlay.as_deref());
        for node in overlays.1.into_iter().flat_map(Table::nodes) {
            pair(node.relative());
        }
        for node in overlays.0.into_iter().flat_map(Table::nodes) {
            if overlays.1.is_none_or(|table| table.get(node.relative()).is_none()) {
                pair(node.relative());
            }
        }
    } else {
        for node in old.nodes() {
            pair(node.relative());
        }
        for node in new.nodes() {
            if old.relative(node.relative()).is_none() {
                pair(node.relative());
            }
        }
    }
    let soas = [soa(old), soa(new)];
    if !changes.is_empty() || soas[0] != soas[1] {
        let [before, after] = soas;
        changes.removed.splice(0..0, before);
        changes.added.splice(0..0, after);
    }
    changes
}

fn soa(contents: &Contents) -> Option<Rr> {
    let (ttl, data) = contents.soa()?.rdata().next_with_ttl()?;
    Some(Rr { owner: contents.apex().clone(), rtype: rtype::SOA, ttl, rdata: data.into() })
}

/// Adds what differs at one name, the SOA excepted.
fn differ(
    zone: &Contents,
    name: &[u8],
    (old, new): (Option<NodeRef<'_>>, Option<NodeRef<'_>>),
    changes: &mut Changes,
) {
    let one_way = |from: Option<NodeRef<'_>>, to: Option<NodeRef<'_>>, out: &mut Vec<Rr>| {
        let sets = from.iter().flat_map(NodeRef::sets).filter(|set| set.rtype() != rtype::SOA);
        for set in sets {
            let other = to.and_then(|node| node.set(set.rtype()));
            if other.is_some_and(|other| other == set) {
                continue;
            }
            let mut rest = set.rdata();
            while let Some((ttl, data)) = rest.next_with_ttl() {
                if !other.is_some_and(|other| has(other, ttl, data)) {
                    let owner = relative::whole(name, zone.apex());
                    out.push(Rr { owner, rtype: set.rtype(), ttl, rdata: data.into() });
                }
            }
        }
    };
    one_way(old, new, &mut changes.removed);
    one_way(new, old, &mut changes.added);
}

fn has(set: SetRef<'_>, ttl: u32, data: &[u8]) -> bool {
    let mut rest = set.rdata();
    std::iter::from_fn(|| rest.next_with_ttl())
        .any(|(other_ttl, other)| other_ttl == ttl && rdata::same(set.rtype(), other, data))
}

#[cfg(test)]
mod tests;
