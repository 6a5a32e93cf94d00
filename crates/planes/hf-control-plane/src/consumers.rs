//! What consumers of zone status have made of each shift, and what all nodes heard of them.
//!
//! 1. A consumer has applied a shift when it says so of a revision at which the shift had begun. A node that is not heard for three beats makes
//!    silent whom only it knew.
//! 2. When all had applied a shift, and when the last work left its zone, is the moment at which this node saw it: up to a second late (a quarter
//!    of a beat until a node tells, and its way here).
//! 3. What runs in the zone counts by the last word of each instance, silent ones too: nobody said that it ended. Who does not say what runs is
//!    counted apart; while nobody says it, the last work is unknown.
//! 4. "None since the start" is said only by a node that looked within a few beats of it, with nobody who has not said what it does. A node that
//!    began later, and saw no work, does not know.
//! 5. All shifts are looked at together, [`LOOKS_A_BEAT`] times a beat at most: nodes' words are laid together once, whatever the number of shifts.
//! 6. The figures of a shift stand still when it ends, and are kept in memory as long as the shift is remembered; a restart forgets them.
//! 7. A break-glass shift has no revision: applied has it who says so of a state in which it was in force, and where nobody can tell the instance
//!    has not said. Counted from the instant at which it was signed; forgotten when it is over.
//!
//! Not here: who counts as silent (`hf-consumers`), traffic (`zero`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hf_api::{ConsumerGroup, ConsumerStanding, Consumers, ShiftConsumers};
use hf_config::estate::Estate;
use hf_consumers::{ConsumerKind, ConsumerName, Heard, Merged, MergedGroup, Standing, Together};
use hf_control::{BreakGlassShift, Shift};
use hf_feed::{ConsumersHeard, act_number};
use hf_model::{Revision, ShiftId, Timestamp, ZoneId};

use crate::glass;
use crate::traffic::is_stale;
use crate::zero::began_at;

/// Groups of one shift that are kept and shown.
pub const SHIFT_GROUPS_MAX: usize = 50;
/// Groups in a status.
pub const STATUS_GROUPS_MAX: usize = 20;
/// Shifts whose figures are kept.
const KEPT: usize = hf_control::State::SHIFTS_KEPT;
/// Looks at what was heard, in a beat at most: a node tells no more often.
pub const LOOKS_A_BEAT: u32 = 4;
/// Who looked within so many beats of a shift's start saw what ran then.
const FIRST_LOOK_BEATS: u32 = 3;
/// Looked at again after this time although nothing was heard: silence is no message.
const AGAIN: Duration = Duration::from_secs(1);

/// What is known of all consumers, judged against one revision.
pub fn known(
    heard: &ConsumersHeard,
    estate: Option<&Estate>,
    in_force: Revision,
    now: Timestamp,
    beat: Duration,
) -> Merged {
    together(heard, estate, now, beat).judged(in_force)
}

fn together(heard: &ConsumersHeard, estate: Option<&Estate>, now: Timestamp, beat: Duration) -> Together {
    let told = |(node, heard): (&hf_model::NodeId, &hf_feed::HeardConsumers)| Heard {
        node: node.clone(),
        is_heard: !is_stale(heard.received_at, now, beat),
        groups: heard.groups.clone(),
    };
    let told: Vec<Heard> = heard.by_node.iter().map(told).collect();
    Together::new(now, &told, estate.map_or(&[], |estate| &estate.consumers))
}

/// As the API says it, `max` groups at most.
pub fn shown(known: &Merged, in_force: Revision, now: Timestamp, max: usize) -> Consumers {
    let (groups, more) = groups(known, now, max, |_| None);
    Consumers {
        revision: in_force.0,
        groups,
        left_out: known.left_out.saturating_add(more),
        forgotten: known.forgotten,
        silent_nodes: known.silent_nodes.iter().map(ToString::to_string).collect(),
    }
}

fn groups(
    known: &Merged,
    now: Timestamp,
    max: usize,
    applied_ms: impl Fn(&MergedGroup) -> Option<u64>,
) -> (Vec<ConsumerGroup>, u32) {
    let more = u32::try_from(known.groups.len().saturating_sub(max)).unwrap_or(u32::MAX);
    (known.groups.iter().take(max).map(|group| self::group(group, now, applied_ms(group))).collect(), more)
}

fn group(from: &MergedGroup, now: Timestamp, applied_ms: Option<u64>) -> ConsumerGroup {
    ConsumerGroup {
        name: from.name.to_string(),
        kind: from.kind.to_string(),
        zone: from.zone.as_ref().map(ToString::to_string),
        standing: match from.standing {
            Standing::Lags => ConsumerStanding::Lags,
            Standing::NotTold => ConsumerStanding::NotTold,
            Standing::Silent => ConsumerStanding::Silent,
            Standing::Applied => ConsumerStanding::Applied,
        },
        instances: from.instances,
        silent: from.silent,
        lagging: from.lagging,
        not_told: from.not_told,
        lowest_revision: from.lowest_revision.map(|revision| revision.0),
        highest_revision: from.highest_revision.map(|revision| revision.0),
        running: from.running.iter().map(|(zone, count)| (zone.to_string(), *count)).collect(),
        work_not_told: from.work_not_told,
        laggards: from.laggards.iter().map(ToString::to_string).collect(),
        last_heard_ms: from.last_heard.map(|at| millis(now.since(at))),
        declared: from.is_declared,
        nodes: from.nodes.iter().map(ToString::to_string).collect(),
        applied_ms,
    }
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

type Key = (ConsumerName, ConsumerKind, Option<ZoneId>);

fn key(group: &MergedGroup) -> Key {
    (group.name.clone(), group.kind, group.zone.clone())
}

/// What is remembered of one shift.
#[derive(Debug, Default)]
struct Progress {
    /// When each group had first applied it; empty once it has ended.
    applied: BTreeMap<Key, u64>,
    /// Whether something was seen to run in its zone.
    has_run: bool,
    shown: ShiftConsumers,
}

/// What is in force.
#[derive(Clone, Debug, Default)]
pub struct InForce<'a> {
    /// Shifts of the ledger.
    pub shifts: &'a [Shift],
    /// Break-glass shifts, and the entry by which the ledger goes on with each.
    pub acts: Vec<(&'a BreakGlassShift, Option<Revision>)>,
    /// Of the intent that all this is of.
    pub revision: Revision,
    /// Its estate.
    pub estate: Option<&'a Estate>,
}

/// The figures of all shifts.
#[derive(Debug, Default)]
pub struct Progresses {
    by_shift: BTreeMap<u64, Progress>,
    /// Those past the ledger, by number.
    by_act: BTreeMap<u64, Progress>,
    looked: Option<(Arc<ConsumersHeard>, Revision, Timestamp)>,
}

impl Progresses {
    /// Takes in what was heard, for what is in force.
    pub fn update(
        &mut self,
        in_force: &InForce<'_>,
        heard: &Arc<ConsumersHeard>,
        now: Timestamp,
        beat: Duration,
    ) {
        let InForce { shifts, acts, revision, estate } = in_force;
        let (revision, estate) = (*revision, *estate);
        let numbers: BTreeSet<u64> = acts.iter().map(|(act, _)| act_number(act)).collect();
        let is_known = self.looked.as_ref().is_some_and(|(last, of, at)| {
            Arc::ptr_eq(last, heard) && *of == revision && *at <= now && now.since(*at) < AGAIN
        });
        if is_known && numbers.iter().all(|number| self.by_act.contains_key(number)) {
            return;
        }
        self.looked = Some((heard.clone(), revision, now));
        let mut seen = BTreeSet::new();
        if !shifts.is_empty() || !acts.is_empty() {
            let together = together(heard, estate, now, beat);
            for shift in *shifts {
                let began = began_at(&shift.id);
                let of = Of { zone: &names(&shift.zone, estate), since: shift.started_at };
                self.by_shift.entry(began.0).or_default().go_on(&of, &together.judged(began), now, beat);
                seen.insert(began.0);
            }
            for (act, recorded) in acts {
                let (number, of) =
                    (act_number(act), Of { zone: &names(&act.zone, estate), since: act.signed_at });
                let known = together.judged_by_act(glass::number(act, estate), *recorded);
                self.by_act.entry(number).or_default().go_on(&of, &known, now, beat);
            }
        }
        self.by_act.retain(|number, _| numbers.contains(number));
        for (began, progress) in &mut self.by_shift {
            if !seen.contains(began) {
                progress.applied = BTreeMap::new();
            }
        }
        while self.by_shift.len() > KEPT {
            self.by_shift.pop_first();
        }
    }

    /// The figures of a shift; empty while nobody is known.
    pub fn of(&self, id: &ShiftId) -> ShiftConsumers {
        self.by_shift.get(&began_at(id).0).map(|progress| progress.shown.clone()).unwrap_or_default()
    }

    /// The figures of a break-glass shift.
    pub fn of_act(&self, act: &BreakGlassShift) -> ShiftConsumers {
        self.by_act.get(&act_number(act)).map(|progress| progress.shown.clone()).unwrap_or_default()
    }
}

/// What a progress is of.
struct Of<'a> {
    /// The zone's id and aliases.
    zone: &'a BTreeSet<ZoneId>,
    since: Timestamp,
}

impl Progress {
    fn go_on(&mut self, of: &Of<'_>, known: &Merged, now: Timestamp, beat: Duration) {
        let Of { zone, since } = of;
        let elapsed = millis(now.since(*since));
        let mut applied = BTreeMap::new();
        for group in known.groups.iter().filter(|group| group.standing == Standing::Applied) {
            let key = key(group);
            let applied_ms = self.applied.get(&key).copied().unwrap_or(elapsed);
            applied.insert(key, applied_ms);
        }
        self.applied = applied;
        let sum =
            |of: fn(&MergedGroup) -> u32| known.groups.iter().map(|group| u64::from(of(group))).sum::<u64>();
        let never = known.groups.iter().filter(|group| group.instances == 0).count() as u64;
        let (instances, lagging, not_told) =
            (sum(|group| group.instances), sum(|group| group.lagging), sum(|group| group.not_told));
        let silent = sum(|group| group.silent);
        let work_not_told = sum(|group| group.work_not_told);
        let running = zone.iter().fold(0, |sum: u64, zone| sum.saturating_add(known.running_in(zone)));
        let heard = instances.saturating_sub(silent);
        let first = |was: Option<u64>, is_so: bool| if is_so { was.or(Some(elapsed)) } else { None };
        let was = &self.shown;
        let last_work_ms = if running > 0 || heard == 0 || (work_not_told == instances && !self.has_run) {
            None
        } else if was.last_work_ms.is_some() {
            was.last_work_ms
        } else if self.has_run {
            Some(elapsed.max(1))
        } else {
            // Nobody saw any work: there was none, or it left before this node looked or before they said so.
            (not_told == 0 && elapsed <= millis(beat * FIRST_LOOK_BEATS)).then_some(0)
        };
        self.has_run |= running > 0;
        let (groups, left_out) =
            groups(known, now, SHIFT_GROUPS_MAX, |group| self.applied.get(&key(group)).copied());
        self.shown = ShiftConsumers {
            applied: heard.saturating_sub(lagging).saturating_sub(not_told),
            lagging,
            not_told,
            silent: silent + never,
            running,
            work_not_told,
            applied_ms: first(was.applied_ms, heard > 0 && lagging == 0 && not_told == 0),
            last_work_ms,
            groups,
            left_out: known.left_out.saturating_add(left_out),
        };
    }
}

/// The zone's id and aliases: consumers may name it by either.
fn names(zone: &ZoneId, estate: Option<&Estate>) -> BTreeSet<ZoneId> {
    let mut names = BTreeSet::from([zone.clone()]);
    if let Some((estate, zone)) = estate.and_then(|estate| Some((estate, estate.zone_named(zone)?))) {
        let zone = estate.zone(zone);
        names.insert(zone.id.clone());
        names.extend(zone.aliases.iter().cloned());
    }
    names
}

#[cfg(test)]
mod tests;
