//! What several nodes heard, laid together.
//!
//! 1. One instance that several nodes know is one: who moved from a node to another is not silent. What it said last on what it applied counts,
//!    with what ran then, whichever node heard it; a sign of life at another node takes nothing back.
//! 2. A node that is not heard makes silent what only it knew: never fine.
//! 3. Of a group whose members had no room in some node's message, counts are the sum of what the nodes say: an instance that moved may
//!    then be counted twice, and as silent, for a day. Rather that than too well.
//! 4. A consumer that the estate declares and of which no instance is known is silent too.
//! 5. Of a break-glass act an instance that left open what it has applied has not said; and so has every instance of a group of which only counts
//!    are known.
//!
//! Not here: when a node counts as not heard (`hf-feed`), what an estate declares (`hf-config`).

use std::collections::BTreeMap;
use std::sync::Arc;

use hf_model::{NodeId, Revision, Timestamp, ZoneId};

use crate::board::is_silent;
use crate::group::{Group, Groups, LAGGARDS_MAX, Member, Standing, Tally, add_running, worst_of};
use crate::{Acts, ConsumerKind, ConsumerName, InstanceId, member_key};

/// Groups that are told of all nodes together at most.
const MERGED_MAX: usize = 2_000;

/// What one node told last.
#[derive(Clone, Debug)]
pub struct Heard {
    /// The node.
    pub node: NodeId,
    /// Whether it is heard still.
    pub is_heard: bool,
    /// What it told.
    pub groups: Arc<Groups>,
}

/// A consumer that the estate declares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The service.
    pub name: ConsumerName,
    /// What it is.
    pub kind: ConsumerKind,
    /// Where it must be heard of; empty: anywhere.
    pub zones: Vec<ZoneId>,
}

/// Instances of one name, kind and zone, as all nodes know them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedGroup {
    /// The service.
    pub name: ConsumerName,
    /// What it is.
    pub kind: ConsumerKind,
    /// Where it runs, if it says so.
    pub zone: Option<ZoneId>,
    /// How far the worst of them has come.
    pub standing: Standing,
    /// Instances, silent ones too.
    pub instances: u32,
    /// Of these, silent.
    pub silent: u32,
    /// Of those that are heard, behind.
    pub lagging: u32,
    /// Of those that are heard, without a word of what they applied.
    pub not_told: u32,
    /// The oldest revision that one which is heard has applied.
    pub lowest_revision: Option<Revision>,
    /// The newest.
    pub highest_revision: Option<Revision>,
    /// What still runs in zones, by the last word of each.
    pub running: Arc<BTreeMap<ZoneId, u64>>,
    /// Of all instances, silent ones too, how many do not say what runs.
    pub work_not_told: u32,
    /// The worst of them by name, a few.
    pub laggards: Vec<InstanceId>,
    /// When the last of them was heard; none: never.
    pub last_heard: Option<Timestamp>,
    /// Whether the estate declares it.
    pub is_declared: bool,
    /// The nodes that know of it.
    pub nodes: Arc<[NodeId]>,
}

/// All consumers, as all nodes know them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Laggards first, then who has not said, then the silent.
    pub groups: Vec<MergedGroup>,
    /// Groups that had no room, here or in a node's message.
    pub left_out: u32,
    /// Instances that had to make room for others on some node.
    pub forgotten: u64,
    /// Nodes that told of consumers and are not heard now.
    pub silent_nodes: Vec<NodeId>,
}

impl Merged {
    /// What still runs in a zone, by the last word of each.
    pub fn running_in(&self, zone: &ZoneId) -> u64 {
        self.groups
            .iter()
            .filter_map(|group| group.running.get(zone))
            .fold(0, |sum, count| sum.saturating_add(*count))
    }
}

type Key<'a> = (&'a ConsumerName, ConsumerKind, Option<&'a ZoneId>);

/// What nodes told, laid together and not judged yet: so that it is done once, however many revisions are asked about.
#[derive(Debug, Default)]
pub struct Together {
    groups: Vec<Laid>,
    left_out: u32,
    forgotten: u64,
    silent_nodes: Vec<NodeId>,
}

/// A group, without what depends on the revision that is asked about.
#[derive(Debug)]
struct Laid {
    group: MergedGroup,
    applied: Applied,
    /// Those that a node named as the worst.
    named: Vec<(Word, InstanceId)>,
}

/// What those that are heard have applied.
#[derive(Debug)]
enum Applied {
    /// Of each one that said so, by revision.
    Exactly(Vec<(Revision, Acts)>),
    /// By what each node that is heard counted.
    Counted(Vec<Counted>),
}

#[derive(Debug)]
struct Counted {
    /// Instances that are heard and have said what they applied.
    said: u32,
    /// Of these, behind what was in force there.
    lagging: u32,
    lowest: Option<Revision>,
    highest: Option<Revision>,
}

/// The last word of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Silent,
    NotTold,
    Applied(Revision, Acts),
    /// Nobody can tell: only counts are known.
    Uncertain,
}

/// Lays together what nodes told; judged against `in_force`.
pub fn merged(now: Timestamp, in_force: Revision, heard: &[Heard], expected: &[Expected]) -> Merged {
    Together::new(now, heard, expected).judged(in_force)
}

impl Together {
    /// Lays together what nodes told.
    pub fn new(now: Timestamp, heard: &[Heard], expected: &[Expected]) -> Together {
        let mut by_key: BTreeMap<Key<'_>, Vec<(&Heard, &Group)>> = BTreeMap::new();
        for from in heard {
            for group in &from.groups.groups {
                by_key.entry((&group.name, group.kind, group.zone.as_ref())).or_default().push((from, group));
            }
        }
        let mut groups: Vec<Laid> = by_key.into_iter().map(|(key, told)| of_key(key, &told, now)).collect();
        declare(&mut groups, expected);
        let sum = |of: fn(&Groups) -> u64| {
            heard.iter().fold(0_u64, |sum, from| sum.saturating_add(of(&from.groups)))
        };
        Together {
            groups,
            left_out: u32::try_from(sum(|groups| u64::from(groups.left_out))).unwrap_or(u32::MAX),
            forgotten: sum(|groups| groups.forgotten),
            silent_nodes: heard
                .iter()
                .filter(|from| !from.is_heard && !from.groups.groups.is_empty())
                .map(|from| from.node.clone())
                .collect(),
        }
    }

    /// Judged against a revision.
    pub fn judged(&self, in_force: Revision) -> Merged {
        self.judged_by(Judge::Revision(in_force))
    }

    /// Judged against a break-glass act, by its number; `recorded` is the entry by which the ledger goes on with it.
    pub fn judged_by_act(&self, number: u64, recorded: Option<Revision>) -> Merged {
        self.judged_by(Judge::Act { number, recorded })
    }

    fn judged_by(&self, judge: Judge) -> Merged {
        let mut groups: Vec<MergedGroup> = self.groups.iter().map(|laid| laid.judged(judge)).collect();
        groups.sort_by(|one, other| rank(one).cmp(&rank(other)));
        let without_room = u32::try_from(groups.len().saturating_sub(MERGED_MAX)).unwrap_or(u32::MAX);
        groups.truncate(MERGED_MAX);
        Merged {
            groups,
            left_out: self.left_out.saturating_add(without_room),
            forgotten: self.forgotten,
            silent_nodes: self.silent_nodes.clone(),
        }
    }
}

fn rank(group: &MergedGroup) -> (Standing, Option<Revision>, Key<'_>) {
    (group.standing, group.lowest_revision, (&group.name, group.kind, group.zone.as_ref()))
}

/// Against what instances are judged.
#[derive(Clone, Copy, Debug)]
enum Judge {
    Revision(Revision),
    Act { number: u64, recorded: Option<Revision> },
}

impl Judge {
    fn standing(self, revision: Revision, acts: &Acts) -> Standing {
        match self {
            Judge::Revision(in_force) if revision < in_force => Standing::Lags,
            Judge::Revision(_) => Standing::Applied,
            Judge::Act { recorded, .. } if recorded.is_some_and(|recorded| revision >= recorded) => {
                Standing::Applied
            }
            Judge::Act { number, .. } => match acts.has(number) {
                Some(true) => Standing::Applied,
                Some(false) => Standing::Lags,
                None => Standing::NotTold,
            },
        }
    }

    /// How many lag, and how many more have not said.
    fn counts(self, applied: &Applied) -> (u32, u32) {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        match (self, applied) {
            (Judge::Revision(in_force), Applied::Exactly(said)) => {
                (count(said.partition_point(|(revision, _)| *revision < in_force)), 0)
            }
            (Judge::Revision(in_force), Applied::Counted(by_node)) => {
                let lagging = by_node.iter().map(|counted| counted.lagging(in_force));
                (lagging.fold(0, u32::saturating_add), 0)
            }
            (Judge::Act { .. }, Applied::Exactly(said)) => {
                let of = |wanted| {
                    count(said.iter().filter(|(at, acts)| self.standing(*at, acts) == wanted).count())
                };
                (of(Standing::Lags), of(Standing::NotTold))
            }
            (Judge::Act { .. }, Applied::Counted(by_node)) => {
                (0, by_node.iter().map(|counted| counted.said).fold(0, u32::saturating_add))
            }
        }
    }
}

impl Laid {
    fn judged(&self, judge: Judge) -> MergedGroup {
        let mut group = self.group.clone();
        if group.instances == 0 {
            return group; // never heard of
        }
        let (lagging, not_told) = judge.counts(&self.applied);
        group.lagging = lagging;
        group.not_told = group.not_told.saturating_add(not_told);
        group.standing = worst_of(group.lagging, group.not_told, group.silent);
        let standing_of = |word: &Word| match word {
            Word::Silent => Some(Standing::Silent),
            Word::NotTold => Some(Standing::NotTold),
            Word::Applied(revision, acts) => {
                Some(judge.standing(*revision, acts)).filter(|standing| *standing != Standing::Applied)
            }
            Word::Uncertain => Some(Standing::Lags),
        };
        let mut worst: Vec<(Standing, &InstanceId)> =
            self.named.iter().filter_map(|(word, id)| Some((standing_of(word)?, id))).collect();
        worst.sort();
        worst.dedup();
        group.laggards = worst.into_iter().take(LAGGARDS_MAX).map(|(_, id)| id.clone()).collect();
        group
    }
}

impl Counted {
    /// The node judged by what was in force there; who asks may mean another revision.
    fn lagging(&self, in_force: Revision) -> u32 {
        match (self.lowest, self.highest) {
            (Some(lowest), _) if lowest >= in_force => 0,
            (_, Some(highest)) if highest < in_force => self.said,
            (Some(_), Some(_)) => self.lagging.clamp(1, self.said.max(1)),
            _ => 0,
        }
    }
}

fn of_key(key: Key<'_>, told: &[(&Heard, &Group)], now: Timestamp) -> Laid {
    let is_whole = told.iter().all(|(_, group)| group.members.len() == group.instances as usize);
    let (tally, applied, named) = if is_whole { by_member(told, now) } else { by_count(told) };
    let mut nodes: Vec<NodeId> = told.iter().map(|(from, _)| from.node.clone()).collect();
    nodes.sort();
    nodes.dedup();
    let group = MergedGroup {
        name: key.0.clone(),
        kind: key.1,
        zone: key.2.cloned(),
        standing: worst_of(0, tally.not_told, tally.silent),
        instances: tally.instances,
        silent: tally.silent,
        lagging: 0,
        not_told: tally.not_told,
        lowest_revision: tally.lowest,
        highest_revision: tally.highest,
        running: Arc::new(tally.running),
        work_not_told: tally.work_not_told,
        laggards: Vec::new(),
        last_heard: Some(tally.last_heard),
        is_declared: false,
        nodes: nodes.into(),
    };
    Laid { group, applied, named }
}

/// One instance, as all nodes know it.
#[derive(Clone, Copy)]
struct Known<'a> {
    /// When a node that is heard still heard it last.
    alive: Option<Timestamp>,
    last_heard: Timestamp,
    /// The member with its last word on what it applied.
    said: &'a Member,
}

impl Known<'_> {
    fn word(&self, now: Timestamp) -> Word {
        match (self.alive, self.said.revision) {
            (Some(at), _) if is_silent(at, now) => Word::Silent,
            (None, _) => Word::Silent,
            (Some(_), None) => Word::NotTold,
            (Some(_), Some(revision)) => Word::Applied(revision, self.said.acts.clone()),
        }
    }
}

/// What one said counts by when it said so; a sign of life elsewhere is no word, however new.
fn saying(member: &Member) -> (bool, Option<Timestamp>, Option<Revision>, Timestamp) {
    (member.revision.is_some(), member.said_at, member.revision, member.last_heard)
}

type Tallied = (Tally, Applied, Vec<(Word, InstanceId)>);

/// Exact: instance by instance.
fn by_member(told: &[(&Heard, &Group)], now: Timestamp) -> Tallied {
    let mut by_key: BTreeMap<u64, Known<'_>> = BTreeMap::new();
    for (from, group) in told {
        for member in &group.members {
            let alive = from.is_heard.then_some(member.last_heard);
            let known = by_key.entry(member.key).or_insert(Known {
                alive,
                last_heard: member.last_heard,
                said: member,
            });
            known.alive = known.alive.max(alive);
            known.last_heard = known.last_heard.max(member.last_heard);
            if saying(member) > saying(known.said) {
                known.said = member;
            }
        }
    }
    let (mut tally, mut applied) = (Tally::default(), Vec::new());
    for known in by_key.values() {
        let standing = match known.word(now) {
            Word::Silent => Standing::Silent,
            Word::NotTold => Standing::NotTold,
            Word::Applied(revision, acts) => {
                applied.push((revision, acts));
                Standing::Applied
            }
            Word::Uncertain => Standing::Lags,
        };
        tally.add(standing, known.said.revision, known.said.running.as_ref(), known.last_heard);
    }
    applied.sort();
    let named = told.iter().flat_map(|(_, group)| &group.laggards);
    let named = named.filter_map(|id| Some((by_key.get(&member_key(id))?.word(now), id.clone())));
    (tally, Applied::Exactly(applied), named.collect())
}

/// What the nodes counted, added up.
fn by_count(told: &[(&Heard, &Group)]) -> Tallied {
    let (mut sum, mut by_node, mut named) = (Tally::default(), Vec::new(), Vec::new());
    for (from, group) in told {
        sum.instances = sum.instances.saturating_add(group.instances);
        add_running(&mut sum.running, &group.running);
        sum.work_not_told = sum.work_not_told.saturating_add(group.work_not_told);
        sum.last_heard = sum.last_heard.max(group.last_heard);
        named.extend(group.laggards.iter().map(|id| (Word::Uncertain, id.clone())));
        if !from.is_heard {
            sum.silent = sum.silent.saturating_add(group.instances);
            continue;
        }
        sum.silent = sum.silent.saturating_add(group.silent);
        sum.not_told = sum.not_told.saturating_add(group.not_told);
        sum.lowest = [sum.lowest, group.lowest_revision].into_iter().flatten().min();
        sum.highest = sum.highest.max(group.highest_revision);
        by_node.push(Counted {
            said: group.instances.saturating_sub(group.silent).saturating_sub(group.not_told),
            lagging: group.lagging,
            lowest: group.lowest_revision,
            highest: group.highest_revision,
        });
    }
    (sum, Applied::Counted(by_node), named)
}

fn declare(groups: &mut Vec<Laid>, expected: &[Expected]) {
    for wanted in expected {
        let places: Vec<Option<&ZoneId>> =
            if wanted.zones.is_empty() { vec![None] } else { wanted.zones.iter().map(Some).collect() };
        for place in places {
            let mut is_known = false;
            for group in
                groups.iter_mut().map(|laid| &mut laid.group).filter(|group| group.name == wanted.name)
            {
                if place.is_none() || group.zone.as_ref() == place {
                    group.is_declared = true;
                    is_known = true;
                }
            }
            if !is_known {
                let group = never_heard(wanted, place);
                groups.push(Laid { group, applied: Applied::Exactly(Vec::new()), named: Vec::new() });
            }
        }
    }
}

fn never_heard(wanted: &Expected, zone: Option<&ZoneId>) -> MergedGroup {
    MergedGroup {
        name: wanted.name.clone(),
        kind: wanted.kind,
        zone: zone.cloned(),
        standing: Standing::Silent,
        instances: 0,
        silent: 0,
        lagging: 0,
        not_told: 0,
        lowest_revision: None,
        highest_revision: None,
        running: Arc::default(),
        work_not_told: 0,
        laggards: Vec::new(),
        last_heard: None,
        is_declared: true,
        nodes: Arc::default(),
    }
}

#[cfg(test)]
mod tests;
