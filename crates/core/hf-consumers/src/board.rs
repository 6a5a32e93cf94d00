//! What one node was told by consumers, instance by instance.
//!
//! 1. The newest word counts. A word without a revision is a sign of life and nothing else: what was said before stays.
//! 2. A word that is a little older than the one known is passed over. One that is much older shows that the clock was set back: it counts.
//! 3. Silent instances stay for [`KEPT_SILENT`], and for [`KEPT_BEHIND`] while what they said last is older than what is in force: nobody knows
//!    whether they obey. They are looked for once in [`PRUNED_EVERY`]. Who says good-bye goes at once.
//! 4. At the bound ([`INSTANCES_MAX`]) the longest silent makes room, and is counted in [`Board::forgotten`].
//!
//! Not here: what several nodes know (`merged`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hf_model::{Revision, Timestamp, ZoneId};

use crate::group::{self, Groups};
use crate::{Acts, ConsumerKind, ConsumerName, InstanceId};

/// Instances that a board keeps at most: 50,000 watchers and room for those that poll.
pub const INSTANCES_MAX: usize = 60_000;
/// Without a word for so long an instance is silent: two lost heartbeats of the status service's three in 30 s are still life.
pub const SILENT_AFTER: Duration = Duration::from_secs(30);
/// How long a silent instance is remembered: over a night, so that the next morning's shift shows what died.
pub const KEPT_SILENT: Duration = Duration::from_hours(24);
/// How long a silent instance is remembered that said an older revision than the one in force: a week, so that whoever looks after a long weekend
/// still sees who may be at work in a closed zone.
pub const KEPT_BEHIND: Duration = Duration::from_hours(7 * 24);
/// How often it is looked who has been silent for too long, at most: the look goes through all who have been silent for a day, under whatever lock the
/// board has, and they stay a minute longer than they must.
pub const PRUNED_EVERY: Duration = Duration::from_mins(1);
/// Zones of which one word tells what runs there, at most.
pub const RUNNING_ZONES_MAX: usize = 64;

/// One word of a consumer about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The service.
    pub name: ConsumerName,
    /// The process.
    pub instance: InstanceId,
    /// What it is.
    pub kind: ConsumerKind,
    /// Where it runs, if it says so.
    pub zone: Option<ZoneId>,
    /// The revision that it has applied; none: heard of, and has not said.
    pub revision: Option<Revision>,
    /// Break-glass acts that were in force in what it has applied.
    pub acts: Acts,
    /// What still runs in zones: messages in hand, sessions; none: it does not say, which is not the same as nothing. At most
    /// [`RUNNING_ZONES_MAX`]; the rest is left out.
    pub running: Option<BTreeMap<ZoneId, u64>>,
    /// When it said so, by the node that heard it.
    pub at: Timestamp,
}

/// What is known of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(crate) kind: ConsumerKind,
    pub(crate) zone: Option<ZoneId>,
    pub(crate) revision: Option<Revision>,
    pub(crate) acts: Acts,
    /// When it said so; `at` may be a mere sign of life.
    pub(crate) said_at: Option<Timestamp>,
    pub(crate) running: Option<BTreeMap<ZoneId, u64>>,
    pub(crate) at: Timestamp,
}

/// Who was heard when, in whole seconds: a word a second moves an instance once.
type Place = (u64, ConsumerName, InstanceId);

/// What one node was told.
#[derive(Clone, Debug, Default)]
pub struct Board {
    by_name: BTreeMap<ConsumerName, BTreeMap<InstanceId, Instance>>,
    by_last_heard: BTreeSet<Place>,
    forgotten: u64,
    pruned_at: Option<Timestamp>,
}

fn second(at: Timestamp) -> u64 {
    at.0 / 1_000
}

impl Board {
    /// Takes a word.
    pub fn tell(&mut self, mut told: Told) {
        if let Some(running) = &mut told.running {
            while running.len() > RUNNING_ZONES_MAX {
                running.pop_last();
            }
        }
        if let Some(known) = self.by_name.get_mut(&told.name).and_then(|all| all.get_mut(&told.instance)) {
            if told.at < known.at && known.at.since(told.at) <= SILENT_AFTER {
                return;
            }
            let (before, now) = (second(known.at), second(told.at));
            known.kind = told.kind;
            known.at = told.at;
            if told.zone.is_some() {
                known.zone = told.zone;
            }
            if told.revision.is_some() {
                known.revision = told.revision;
                known.acts = told.acts;
                known.said_at = Some(told.at);
                // Who says nothing of it takes nothing back.
                if told.running.is_some() {
                    known.running = told.running;
                }
            }
            if before != now {
                let mut place = (before, told.name, told.instance);
                self.by_last_heard.remove(&place);
                place.0 = now;
                self.by_last_heard.insert(place);
            }
            return;
        }
        while self.by_last_heard.len() >= INSTANCES_MAX {
            self.forget_first();
            self.forgotten = self.forgotten.saturating_add(1);
        }
        // One allocation of a name serves all its instances.
        let name = self.by_name.get_key_value(&told.name).map_or(told.name, |(name, _)| name.clone());
        self.by_last_heard.insert((second(told.at), name.clone(), told.instance.clone()));
        let Told { kind, zone, revision, acts, running, at, .. } = told;
        let said_at = revision.map(|_| at);
        let instance = Instance { kind, zone, revision, acts, said_at, running, at };
        self.by_name.entry(name).or_default().insert(told.instance, instance);
    }

    /// Takes a good-bye: the instance is no longer of interest.
    pub fn gone(&mut self, name: &ConsumerName, instance: &InstanceId) {
        if let Some(known) = self.take(name, instance) {
            self.by_last_heard.remove(&(second(known.at), name.clone(), instance.clone()));
        }
    }

    /// Forgets who has been silent for longer than [`KEPT_SILENT`], or than [`KEPT_BEHIND`] if it said less than `in_force`. Within
    /// [`PRUNED_EVERY`] of the last time it does nothing; a clock that was set back since does not count as within.
    pub fn prune(&mut self, now: Timestamp, in_force: Revision) {
        if self.pruned_at.is_some_and(|at| at <= now && now.since(at) < PRUNED_EVERY) {
            return;
        }
        self.pruned_at = Some(now);
        let silent_s = |place: &Place| second(now).saturating_sub(place.0);
        let is_behind = |(_, name, instance): &Place| {
            let known = self.by_name.get(name).and_then(|all| all.get(instance));
            known.and_then(|known| known.revision).is_some_and(|revision| revision < in_force)
        };
        let old = self.by_last_heard.iter().take_while(|place| silent_s(place) > KEPT_SILENT.as_secs());
        let gone: Vec<Place> = old
            .filter(|place| silent_s(place) > KEPT_BEHIND.as_secs() || !is_behind(place))
            .cloned()
            .collect();
        for place in gone {
            self.by_last_heard.remove(&place);
            self.take(&place.1, &place.2);
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, name, instance)) = self.by_last_heard.pop_first() {
            self.take(&name, &instance);
        }
    }

    fn take(&mut self, name: &ConsumerName, instance: &InstanceId) -> Option<Instance> {
        let all = self.by_name.get_mut(name)?;
        let taken = all.remove(instance);
        if all.is_empty() {
            self.by_name.remove(name);
        }
        taken
    }

    /// Instances known, silent ones too.
    pub fn len(&self) -> usize {
        self.by_last_heard.len()
    }

    /// Whether nobody is known.
    pub fn is_empty(&self) -> bool {
        self.by_last_heard.is_empty()
    }

    /// Instances that had to make room for others since the board was made.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// What all said last, by name and instance: for a copy on disk. Two words of who has shown life since it said what it applied.
    pub fn told(&self) -> impl Iterator<Item = Told> + '_ {
        let of_name = |(name, all): (&ConsumerName, &BTreeMap<InstanceId, Instance>)| {
            let name = name.clone();
            let told: Vec<Told> = all
                .iter()
                .flat_map(|(id, known)| {
                    let word = |revision, running, at| Told {
                        name: name.clone(),
                        instance: id.clone(),
                        kind: known.kind,
                        zone: known.zone.clone(),
                        revision,
                        acts: known.acts.clone(),
                        running,
                        at,
                    };
                    let said_at = known.said_at.unwrap_or(known.at);
                    let life = (said_at != known.at).then(|| word(None, None, known.at));
                    [Some(word(known.revision, known.running.clone(), said_at)), life].into_iter().flatten()
                })
                .collect();
            told
        };
        self.by_name.iter().flat_map(of_name)
    }

    /// All instances by name, kind and zone: those that have not applied `in_force` first, [`crate::GROUPS_MAX`] at most.
    pub fn groups(&self, now: Timestamp, in_force: Revision) -> Groups {
        let of_name = |(name, all)| group::of_name(name, all, now, in_force);
        group::bounded(self.by_name.iter().flat_map(of_name).collect(), self.forgotten)
    }
}

/// Whether whoever was heard last at `last_heard` is silent.
pub(crate) fn is_silent(last_heard: Timestamp, now: Timestamp) -> bool {
    // Far ahead: it was heard before the clock was set back, and not since.
    now.since(last_heard) > SILENT_AFTER || last_heard.since(now) > SILENT_AFTER
}

#[cfg(test)]
mod tests;
