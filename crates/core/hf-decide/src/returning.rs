//! How a zone comes back to a pool after an act that took it away has ended: bit by bit, at an instant of its own.
//!
//! 1. The share grows in ten equal steps. The first comes at an instant within the first fifth of the pool's `return_over` that
//!    follows from the names of pool and zone, so that no two return together; the last comes four fifths of `return_over` later.
//! 2. The newest end counts: what another act still holds returns when that one ends.
//! 3. Ends are those that the ledger tells, routing controls that were turned on, and break-glass acts that ended by `now`. Only zones
//!    that the pool could have done without return bit by bit: had the floor kept the zone, it was never away. Beside a zone
//!    those count as away that acts ask for now and those whose acts ended later while it was returning; of those whose acts
//!    ended at one instant (a region's), as many as the floor lets go: by the age of break-glass acts, then in the estate's order.
//!    Which of them the floor had really kept is not known then. So while one that is taken for kept carries the pool, the others begin
//!    at the share with which all together have half of the pool's capacity: a guess that is wrong at most doubles a zone's load.
//! 4. With fixed inputs a share only grows. An end that lies ahead of `now`, since this clock is behind the ledger's, has been reached:
//!    the share is nothing until `now` gets there.
//!
//! Not here: pools and records behind a control. All of their zones return at once, so a zone's share beside the others means nothing.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hf_config::estate::{Estate, Pool, ZoneIx, limits};
use hf_config::floor::{self, Floor, pool_zones};
use hf_control::Scope;
use hf_model::{Digest, Share, Timestamp, ZoneId};

use crate::glass::Glass;
use crate::{Inputs, controls};

/// Steps of a return.
const STEPS: u64 = 10;

/// One zone's way back to one pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ramp {
    ended_at: Timestamp,
    /// The first step.
    first_at: Timestamp,
    /// From the first step to the last.
    length_ms: u64,
    /// The share that it has from the end of the act on.
    least: Share,
}

impl Ramp {
    /// None if the pool takes zones back at once.
    pub(crate) fn new(pool: &Pool, zone: &ZoneId, ended_at: Timestamp) -> Option<Ramp> {
        let whole_ms = pool.return_over.min(limits::RETURN_OVER_MAX).as_millis() as u64;
        if whole_ms == 0 {
            return None;
        }
        let digest = Digest::of(format!("{}\n{zone}", pool.name).as_bytes());
        let lot = digest.0.iter().take(8).fold(0, |lot: u64, byte| lot << 8 | u64::from(*byte));
        let wait = Duration::from_millis(lot % (whole_ms / 5).max(1));
        Some(Ramp {
            ended_at,
            first_at: ended_at.plus(wait),
            length_ms: whole_ms / 5 * 4,
            least: Share::ZERO,
        })
    }

    fn step_at(self, step: u64) -> Timestamp {
        self.first_at.plus(Duration::from_millis(self.length_ms * step / (STEPS - 1)))
    }

    fn steps(self) -> impl Iterator<Item = Timestamp> {
        (0..STEPS).map(move |step| self.step_at(step))
    }

    /// How much of its own share the zone has.
    pub(crate) fn share(self, now: Timestamp) -> Share {
        Share::of(self.steps().filter(|at| *at <= now).count() as u64, STEPS).max(self.least)
    }

    /// When it has all of it.
    pub(crate) fn full_at(self) -> Timestamp {
        self.step_at(STEPS - 1)
    }

    /// The next step.
    pub(crate) fn next(self, now: Timestamp) -> Option<Timestamp> {
        self.steps().find(|at| *at > now)
    }

    /// From here on nothing tells of the end any more.
    fn over_at(self, pool: &Pool) -> Timestamp {
        self.ended_at.plus(pool.return_over)
    }

    fn overlaps(self, other: Ramp) -> bool {
        self.ended_at < other.full_at() && other.ended_at < self.full_at()
    }
}

/// What zones return to: a pool, or a record that answers from it.
pub(crate) struct ReturnTo<'a> {
    pub(crate) estate: &'a Estate,
    pub(crate) pool: &'a Pool,
    /// The whole pool is in.
    pub(crate) floor: &'a Floor,
    /// Zones that acts in force ask for, whether the floor lets go of them or not.
    pub(crate) asked_out: &'a BTreeSet<ZoneIx>,
    pub(crate) is_reached_by: &'a dyn Fn(&Scope) -> bool,
}

/// One zone that may be on its way back.
struct Way {
    zone: ZoneIx,
    end: End,
    ramp: Ramp,
}

/// Of zones whose acts ended at one instant those that the floor lets go together, each with those before it.
fn together(to: &ReturnTo<'_>, ways: &[Way]) -> Vec<(ZoneIx, Vec<ZoneIx>)> {
    let mut floor = to.floor.clone();
    let mut left: Vec<ZoneIx> = Vec::new();
    let mut found = Vec::new();
    for way in ways {
        if floor.take_zone(way.zone).is_ok() {
            found.push((way.zone, left.clone()));
            left.push(way.zone);
        }
    }
    found
}

/// The share with which zones that return have, beside the other open ones, half of the capacity of all.
fn least_share(to: &ReturnTo<'_>, open: &[ZoneIx], ramps: &BTreeMap<ZoneIx, Ramp>) -> Share {
    let capacities = floor::capacities(to.estate, to.pool);
    let (mut returning, mut whole) = (0_u64, 0_u64);
    for zone in open {
        let sum = if ramps.contains_key(zone) { &mut returning } else { &mut whole };
        *sum = sum.saturating_add(capacities.get(zone).copied().unwrap_or(0));
    }
    let half = returning.saturating_add(whole).div_ceil(2);
    Share::of(half.saturating_sub(whole), returning)
}

/// The ends of acts that had taken zones away.
#[derive(Default)]
pub(crate) struct Returns {
    /// By zone, the newest for each scope.
    ends: BTreeMap<ZoneIx, BTreeMap<Scope, End>>,
}

/// The end of an act; the newer is the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    at: Timestamp,
    /// When a break-glass act was signed; of others that is not known any more.
    since: Reverse<Timestamp>,
}

impl Returns {
    pub(crate) fn new(inputs: &Inputs<'_>) -> Returns {
        let ledger = inputs.intent.returns.iter().filter_map(|of| {
            let zone = inputs.estate.zone_named(&of.zone)?;
            Some((zone, of.scope.clone(), End { at: of.at, since: Reverse(Timestamp(0)) }))
        });
        let glass = Glass::new(inputs);
        let everything = |(zone, at, since)| (zone, Scope::Everything, End { at, since: Reverse(since) });
        let glass = glass.ended(inputs.now).map(everything);
        let controls = controls::turned_on(inputs).map(|(zone, at)| everything((zone, at, Timestamp(0))));
        let mut returns = Returns::default();
        for (zone, scope, end) in ledger.chain(glass).chain(controls) {
            // Twice the longest return: for so long an end may count beside a later one.
            if inputs.now < end.at.plus(limits::RETURN_OVER_MAX * 2) {
                let newest = returns.ends.entry(zone).or_default().entry(scope).or_insert(end);
                *newest = end.max(*newest);
            }
        }
        returns
    }

    /// Whether an act on exactly this scope has ended so lately that a zone may be on its way back to the pool.
    pub(crate) fn tells_of(&self, scope: &Scope, pool: &Pool, now: Timestamp) -> bool {
        let is_near = |zone: &ZoneIx| {
            let end = self.ends.get(zone).and_then(|ends| ends.get(scope));
            end.is_some_and(|end| now < end.at.plus(pool.return_over))
        };
        !pool.return_over.is_zero() && pool_zones(pool).iter().any(is_near)
    }

    /// Whether an act on exactly this scope has ended lately.
    pub(crate) fn names(&self, scope: &Scope) -> bool {
        self.ends.values().any(|ends| ends.contains_key(scope))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The zones of a pool that return bit by bit, of those in `open`.
    ///
    /// What counts as away beside a zone only grows until the zone is back, so that its share does, too.
    pub(crate) fn ramps(&self, to: &ReturnTo<'_>, open: &[ZoneIx]) -> BTreeMap<ZoneIx, Ramp> {
        let mut ways: Vec<Way> = open.iter().filter_map(|zone| self.way(to, *zone)).collect();
        ways.sort_by_key(|way| (Reverse(way.end), way.zone));
        let together = ways.chunk_by(|one, other| one.end.at == other.end.at).map(|ways| together(to, ways));
        let together: BTreeMap<ZoneIx, Vec<ZoneIx>> = together.flatten().collect();
        let could_leave = |way: &&Way| {
            let Some(with) = together.get(&way.zone) else { return false };
            let later =
                ways.iter().filter(|other| other.end.at > way.end.at && other.ramp.overlaps(way.ramp));
            let mut floor = to.floor.clone();
            let away = to.asked_out.iter().chain(with).copied().chain(later.map(|other| other.zone));
            away.filter(|zone| *zone != way.zone).for_each(|zone| floor.force_zone(zone));
            floor.take_zone(way.zone).is_ok()
        };
        let mut ramps: BTreeMap<ZoneIx, Ramp> =
            ways.iter().filter(could_leave).map(|way| (way.zone, way.ramp)).collect();
        let is_guess = |kept: &Way| {
            !ramps.contains_key(&kept.zone) && ramps.values().any(|ramp| ramp.ended_at == kept.end.at)
        };
        if ways.iter().any(is_guess) {
            let least = least_share(to, open, &ramps);
            for ramp in ramps.values_mut() {
                ramp.least = least;
            }
        }
        ramps
    }

    /// The way back of a zone after the newest end that reaches the pool.
    fn way(&self, to: &ReturnTo<'_>, zone: ZoneIx) -> Option<Way> {
        let ends = self.ends.get(&zone)?;
        let end = ends.iter().filter(|(scope, _)| (to.is_reached_by)(scope)).map(|(_, end)| *end).max()?;
        let ramp = Ramp::new(to.pool, &to.estate.zone(zone).id, end.at)?;
        Some(Way { zone, end, ramp })
    }

    /// The next step of any zone's return.
    pub(crate) fn next(&self, inputs: &Inputs<'_>) -> Option<Timestamp> {
        if self.is_empty() {
            return None;
        }
        let steps = inputs.estate.pools.iter().flat_map(|pool| {
            pool_zones(pool).into_iter().flat_map(move |zone| {
                let ends = self.ends.get(&zone).into_iter().flat_map(BTreeMap::values);
                let running = ends.filter(|end| inputs.now < end.at.plus(pool.return_over));
                let ramps =
                    running.filter_map(move |end| Ramp::new(pool, &inputs.estate.zone(zone).id, end.at));
                // A record that only an ended act names has a decision of its own until the way back is over.
                ramps.flat_map(|ramp| ramp.next(inputs.now).into_iter().chain([ramp.over_at(pool)]))
            })
        });
        steps.min()
    }
}
