//! Instances of one name, kind and zone, told together.
//!
//! 1. An instance that is silent counts as silent and as nothing else; of the others, who has not said what it applied, or applied
//!    less than what is in force, lags.
//! 2. Up to [`GROUPS_MAX`] groups are told, those with laggards first, then those with silent ones; how many were left out is told.
//! 3. Members travel too, as digests of their ids, while there is room ([`MEMBERS_MAX`] of all groups together, small groups first): who
//!    lays several nodes' groups together can then tell one instance at two nodes from two instances.

use std::collections::BTreeMap;

use hf_model::{Revision, Timestamp, ZoneId};

use crate::board::{Instance, RUNNING_ZONES_MAX, is_silent};
use crate::{Acts, ConsumerKind, ConsumerName, InstanceId};

/// Groups that are told at most.
pub const GROUPS_MAX: usize = 500;
/// Laggards of a group that are named at most.
pub const LAGGARDS_MAX: usize = 3;
/// Members that are told at most, of all groups together.
pub const MEMBERS_MAX: usize = 4_096;

/// One instance in a group, as far as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Stands for its id: [`member_key`].
    pub key: u64,
    /// What it has applied, if it said so.
    pub revision: Option<Revision>,
    /// Break-glass acts that were in force in what it has applied.
    pub acts: Acts,
    /// When it said so.
    pub said_at: Option<Timestamp>,
    /// When it was heard last.
    pub last_heard: Timestamp,
    /// What still runs in zones; none: it has not said.
    pub running: Option<BTreeMap<ZoneId, u64>>,
}

/// Instances of one name, kind and zone, as one node knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The service.
    pub name: ConsumerName,
    /// What it is.
    pub kind: ConsumerKind,
    /// Where it runs, if it says so.
    pub zone: Option<ZoneId>,
    /// Instances, silent ones too.
    pub instances: u32,
    /// Of these, without a word for [`crate::SILENT_AFTER`].
    pub silent: u32,
    /// Of those that are heard, how many have applied less than what is in force.
    pub lagging: u32,
    /// Of those that are heard, how many have not said what they applied.
    pub not_told: u32,
    /// The oldest revision that one which is heard has applied.
    pub lowest_revision: Option<Revision>,
    /// The newest.
    pub highest_revision: Option<Revision>,
    /// What still runs in zones, by the last word of each, silent ones too: nobody said that it ended.
    pub running: BTreeMap<ZoneId, u64>,
    /// Of all instances, silent ones too, how many do not say what runs: what they do is in no count of `running`.
    pub work_not_told: u32,
    /// The worst: those that lag, then who has not said, then the silent; [`LAGGARDS_MAX`] at most.
    pub laggards: Vec<InstanceId>,
    /// When the last of them was heard.
    pub last_heard: Timestamp,
    /// All of them, or none where there was no room.
    pub members: Vec<Member>,
}

/// What a node tells of all it heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// Laggards first.
    pub groups: Vec<Group>,
    /// Groups that had no room.
    pub left_out: u32,
    /// Instances that had to make room for others.
    pub forgotten: u64,
}

/// What stands for an instance's id in a [`Member`] (FNV-1a, 64 bits): the same on every node.
pub fn member_key(instance: &InstanceId) -> u64 {
    let mut key = 0xcbf2_9ce4_8422_2325_u64;
    for byte in instance.as_str().bytes() {
        key = (key ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    key
}

/// How far an instance, or the worst of a group, has come; the worst is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It has applied less than what is in force.
    Lags,
    /// It is heard, and has not said what it applied.
    NotTold,
    /// It says nothing, or was never heard of.
    Silent,
    /// It has applied what is in force.
    Applied,
}

impl Standing {
    /// As it is written in answers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Lags => "lags",
            Standing::NotTold => "not-told",
            Standing::Silent => "silent",
            Standing::Applied => "applied",
        }
    }
}

pub(crate) fn standing(
    revision: Option<Revision>,
    last_heard: Timestamp,
    now: Timestamp,
    in_force: Revision,
) -> Standing {
    match revision {
        _ if is_silent(last_heard, now) => Standing::Silent,
        None => Standing::NotTold,
        Some(applied) if applied < in_force => Standing::Lags,
        Some(_) => Standing::Applied,
    }
}

/// What many instances come to.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) instances: u32,
    pub(crate) silent: u32,
    pub(crate) lagging: u32,
    pub(crate) not_told: u32,
    pub(crate) lowest: Option<Revision>,
    pub(crate) highest: Option<Revision>,
    pub(crate) running: BTreeMap<ZoneId, u64>,
    pub(crate) work_not_told: u32,
    pub(crate) last_heard: Timestamp,
}

impl Tally {
    pub(crate) fn add(
        &mut self,
        standing: Standing,
        revision: Option<Revision>,
        running: Option<&BTreeMap<ZoneId, u64>>,
        last_heard: Timestamp,
    ) {
        self.instances = self.instances.saturating_add(1);
        let count = match standing {
            Standing::Silent => Some(&mut self.silent),
            Standing::NotTold => Some(&mut self.not_told),
            Standing::Lags => Some(&mut self.lagging),
            Standing::Applied => None,
        };
        if let Some(count) = count {
            *count = count.saturating_add(1);
        }
        if let Some(revision) = revision.filter(|_| standing != Standing::Silent) {
            self.lowest = Some(self.lowest.map_or(revision, |lowest| lowest.min(revision)));
            self.highest = Some(self.highest.map_or(revision, |highest| highest.max(revision)));
        }
        match running {
            Some(running) => add_running(&mut self.running, running),
            None => self.work_not_told = self.work_not_told.saturating_add(1),
        }
        self.last_heard = self.last_heard.max(last_heard);
    }
}

/// Adds what runs in zones; zones past the bound are left out.
pub(crate) fn add_running(sum: &mut BTreeMap<ZoneId, u64>, more: &BTreeMap<ZoneId, u64>) {
    for (zone, count) in more {
        if let Some(known) = sum.get_mut(zone) {
            *known = known.saturating_add(*count);
        } else if sum.len() < RUNNING_ZONES_MAX {
            sum.insert(zone.clone(), *count);
        }
    }
}

#[derive(Default)]
struct Making<'a> {
    tally: Tally,
    worst: Vec<(Standing, Option<Revision>, Timestamp, &'a InstanceId)>,
    members: Vec<(&'a InstanceId, &'a Instance)>,
}

/// The groups of one name.
pub(crate) fn of_name(
    name: &ConsumerName,
    all: &BTreeMap<InstanceId, Instance>,
    now: Timestamp,
    in_force: Revision,
) -> Vec<Group> {
    let mut making: BTreeMap<(ConsumerKind, Option<&ZoneId>), Making<'_>> = BTreeMap::new();
    for (id, known) in all {
        let made = making.entry((known.kind, known.zone.as_ref())).or_default();
        let standing = standing(known.revision, known.at, now, in_force);
        made.tally.add(standing, known.revision, known.running.as_ref(), known.at);
        if standing != Standing::Applied {
            made.worst.push((standing, known.revision, known.at, id));
            if made.worst.len() > LAGGARDS_MAX * 8 {
                keep_worst(&mut made.worst);
            }
        }
        if made.members.len() <= MEMBERS_MAX {
            made.members.push((id, known));
        }
    }
    let finished = |((kind, zone), made): ((ConsumerKind, Option<&ZoneId>), Making<'_>)| {
        let Making { tally, mut worst, members } = made;
        keep_worst(&mut worst);
        Group {
            name: name.clone(),
            kind,
            zone: zone.cloned(),
            instances: tally.instances,
            silent: tally.silent,
            lagging: tally.lagging,
            not_told: tally.not_told,
            lowest_revision: tally.lowest,
            highest_revision: tally.highest,
            running: tally.running,
            work_not_told: tally.work_not_told,
            laggards: worst.into_iter().map(|(_, _, _, id)| id.clone()).collect(),
            last_heard: tally.last_heard,
            members: if members.len() > MEMBERS_MAX {
                Vec::new()
            } else {
                members.into_iter().map(|(id, known)| member(id, known)).collect()
            },
        }
    };
    making.into_iter().map(finished).collect()
}

fn member(id: &InstanceId, known: &Instance) -> Member {
    Member {
        key: member_key(id),
        revision: known.revision,
        acts: known.acts.clone(),
        said_at: known.said_at,
        last_heard: known.at,
        running: known.running.clone(),
    }
}

fn keep_worst(worst: &mut Vec<(Standing, Option<Revision>, Timestamp, &InstanceId)>) {
    worst.sort();
    worst.truncate(LAGGARDS_MAX);
}

/// Sorts, and leaves out what has no room.
pub(crate) fn bounded(mut groups: Vec<Group>, forgotten: u64) -> Groups {
    groups.sort_by(|one, other| rank(one).cmp(&rank(other)));
    let left_out = u32::try_from(groups.len().saturating_sub(GROUPS_MAX)).unwrap_or(u32::MAX);
    groups.truncate(GROUPS_MAX);
    let mut smallest_first: Vec<usize> = (0..groups.len()).collect();
    smallest_first.sort_by_key(|index| groups[*index].members.len());
    let mut room = MEMBERS_MAX;
    for index in smallest_first {
        let members = &mut groups[index].members;
        match room.checked_sub(members.len()) {
            Some(left) => room = left,
            None => *members = Vec::new(),
        }
    }
    Groups { groups, left_out, forgotten }
}

type Rank<'a> = (Standing, Option<Revision>, &'a ConsumerName, ConsumerKind, Option<&'a ZoneId>);

fn rank(group: &Group) -> Rank<'_> {
    let worst = worst_of(group.lagging, group.not_told, group.silent);
    (worst, group.lowest_revision, &group.name, group.kind, group.zone.as_ref())
}

/// The worst that a group has.
pub(crate) fn worst_of(lagging: u32, not_told: u32, silent: u32) -> Standing {
    match (lagging, not_told, silent) {
        (1.., _, _) => Standing::Lags,
        (0, 1.., _) => Standing::NotTold,
        (0, 0, 1..) => Standing::Silent,
        (0, 0, 0) => Standing::Applied,
    }
}

#[cfg(test)]
mod tests;
