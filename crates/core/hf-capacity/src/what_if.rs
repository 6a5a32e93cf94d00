//! What happens if zones go now, or in the busiest hour of the week.
//!
//! 1. Who refuses: the decision is made once more with a shift of each of the zones, as an operator would ask for it; what `hf-decide`
//!    lists as not applied is refused. For a single zone the ledger's word is asked for, too.
//! 2. Who carries: the zones are gone whatever the floor says, with every endpoint in them unhealthy. Their requests go where [`Ground`]
//!    leads them; those of a pool whose branches of all trees close go as a whole.
//! 3. The week's peak is judged hour by hour: of each zone the hour counts in which it would carry most, since not all pools are busy at one
//!    time.
//!
//! Not here: words, units of people.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hf_config::estate::{BranchTo, Estate, PoolIx, RegionIx, ZoneIx};
use hf_control::{Command, Entry, Intent, Outcome, Refusal, Scope, Shift, ShiftKind, ShiftState, State};
use hf_decide::{Decision, NotAppliedWhy, Source};
use hf_health::{Verdict, Verdicts};
use hf_model::{Operator, RequestId, Revision, Share, ShiftId, Timestamp};

use crate::fit::{Capacities, Carries, Fit, headroom};
use crate::place::{Ground, Load, Parts, WHOLE};

/// The load of one hour of the last week.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hour {
    /// Hours since 1970.
    pub hour: u64,
    /// The most that each pool and zone carried for ten seconds of it.
    pub load: Load,
}

/// All that the answer depends on.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// What decides.
    pub decide: hf_decide::Inputs<'a>,
    /// What is decided now.
    pub decision: &'a Decision,
    /// The estate of `decide`, shared.
    pub estate: &'a Arc<Estate>,
    /// The zones that go, at least one.
    pub lost: &'a BTreeSet<ZoneIx>,
    /// The pools that leave them; none: all.
    pub only: Option<&'a BTreeSet<PoolIx>>,
    /// What is carried now; none while no balancer tells.
    pub now: Option<&'a Load>,
    /// What was carried in the last week.
    pub week: &'a [Hour],
    /// What can be carried.
    pub capacities: &'a Capacities,
}

/// What happens then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIf {
    /// Everything that an evacuation would leave where it is, and why.
    pub refused: Vec<Refused>,
    /// Why the ledger would refuse a shift of the one zone.
    pub ledger: Option<Refusal>,
    /// One for each zone, in the estate's order.
    pub zones: Vec<ZoneAfter>,
    /// Those with endpoints in what goes, in the estate's order.
    pub pools: Vec<PoolAfter>,
}

/// Something that would stay.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refused {
    /// The pool or record.
    pub scope: Scope,
    /// The zone that it would not leave.
    pub zone: ZoneIx,
    /// Why.
    pub why: NotAppliedWhy,
}

/// A load before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Projected {
    /// Carried before.
    pub before: u64,
    /// Carried afterwards.
    pub after: u64,
    /// The hour that this is of; none for now.
    pub hour: Option<u64>,
    /// The share of the capacity that stays free.
    pub headroom: Option<Share>,
    /// Whether it is carried.
    pub fit: Fit,
}

/// One zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneAfter {
    /// Which.
    pub zone: ZoneIx,
    /// Whether it is what goes.
    pub is_lost: bool,
    /// What it carries.
    pub capacity: Option<Carries>,
    /// With what is carried now.
    pub now: Option<Projected>,
    /// In the hour of the last week that is the worst for it.
    pub peak: Option<Projected>,
}

/// One pool in what it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolAfter {
    /// Which.
    pub pool: PoolIx,
    /// By zone that it has endpoints in: before, after, and what was measured of it there.
    pub zones: Vec<ZoneAfter>,
    /// Whether nobody of it would be left, nor anybody in its place.
    pub is_out: bool,
    /// What would go nowhere now.
    pub nowhere: u64,
}

impl WhatIf {
    /// Whether something would be refused.
    pub fn is_refused(&self) -> bool {
        !self.refused.is_empty() || self.ledger.is_some()
    }

    /// The worst that is known of a zone or pool that stays.
    pub fn worst_fit(&self) -> Fit {
        let pools = self.pools.iter().flat_map(|pool| &pool.zones);
        // Of a pool in a zone the zone's own capacity counts, unless more is known of the pool.
        let all = self.zones.iter().chain(pools.filter(|zone| zone.capacity.is_some()));
        let fits = all.filter(|zone| !zone.is_lost).flat_map(|zone| [zone.now, zone.peak]);
        fits.flatten().map(|projected| projected.fit).max().unwrap_or(Fit::Unknown)
    }

    /// Whether some pool would serve nobody.
    pub fn is_out(&self) -> bool {
        self.pools.iter().any(|pool| pool.is_out)
    }

    /// The least share of its capacity that a zone which stays would have free now; none while no capacity or load is known.
    pub fn headroom_now(&self) -> Option<Share> {
        let staying = self.zones.iter().filter(|zone| !zone.is_lost);
        staying.filter_map(|zone| zone.now?.headroom).min()
    }

    /// Zones that stay and could not carry what they would get now.
    pub fn beyond_now(&self) -> impl Iterator<Item = &ZoneAfter> {
        let is_beyond = |zone: &&ZoneAfter| zone.now.is_some_and(|now| now.fit == Fit::Beyond);
        self.zones.iter().filter(|zone| !zone.is_lost).filter(is_beyond)
    }
}

/// The zones of a region.
pub fn zones_of(estate: &Estate, region: RegionIx) -> BTreeSet<ZoneIx> {
    estate.zone_indexes().filter(|zone| estate.zone(*zone).region == region).collect()
}

/// What happens if zones go.
pub fn what_if(inputs: &Inputs<'_>) -> WhatIf {
    let estate: &Estate = inputs.estate;
    let asked = with_shifts(inputs);
    let asked_for = hf_decide::decide(hf_decide::Inputs { intent: &asked, ..inputs.decide });
    let dead = with_dead(estate, inputs);
    let gone = hf_decide::decide(hf_decide::Inputs { intent: &asked, verdicts: &dead, ..inputs.decide });
    let ground = Ground { estate, decision: &gone, lost: inputs.lost };
    let moves = moves(inputs, &ground);
    let now = inputs.now.map(|load| (load, apply(&moves, load)));
    let hours: Vec<(u64, &Load, Load)> =
        inputs.week.iter().map(|hour| (hour.hour, &hour.load, apply(&moves, &hour.load))).collect();
    let project = |capacity: Option<Carries>, sum: &dyn Fn(&Load) -> u64| {
        let projected = |before: u64, after: u64, hour| Projected {
            before,
            after,
            hour,
            headroom: headroom(capacity, after),
            fit: capacity.map_or(Fit::Unknown, |capacity| capacity.fit(after)),
        };
        let now = now.as_ref().map(|(before, after)| projected(sum(before), sum(after), None));
        let hours = hours.iter().map(|(hour, before, after)| (sum(after), sum(before), *hour));
        // Of equal hours the newest.
        let peak = hours.max().map(|(after, before, hour)| projected(before, after, Some(hour)));
        (now, peak)
    };
    let zones = estate.zone_indexes().map(|zone| {
        let capacity = inputs.capacities.zones.get(&zone).copied();
        let (now, peak) = project(capacity, &|load| {
            load.iter().filter(|((_, at), _)| *at == zone).map(|(_, load)| *load).sum()
        });
        ZoneAfter { zone, is_lost: inputs.lost.contains(&zone), capacity, now, peak }
    });
    let pools = moves.iter().map(|of| {
        let pool = of.pool;
        let in_zone = |zone: ZoneIx| {
            let capacity = inputs.capacities.pools.get(&(pool, zone)).copied();
            let (now, peak) = project(capacity, &|load| load.get(&(pool, zone)).copied().unwrap_or(0));
            ZoneAfter { zone, is_lost: inputs.lost.contains(&zone), capacity, now, peak }
        };
        let zones = hf_config::floor::pool_zones(estate.pool(pool)).into_iter().map(in_zone).collect();
        let nowhere = now.as_ref().map_or(0, |(before, _)| of.nowhere(before));
        let is_out = of.from.iter().any(|(_, parts)| parts.is_empty());
        PoolAfter { pool, zones, is_out, nowhere }
    });
    WhatIf {
        refused: refusals(&asked_for, inputs.decision),
        ledger: ledger_refuses(inputs),
        zones: zones.collect(),
        pools: pools.collect(),
    }
}

/// What leaves a pool's zones, and where it goes.
struct Moves {
    pool: PoolIx,
    from: Vec<(ZoneIx, Parts)>,
}

impl Moves {
    fn nowhere(&self, load: &Load) -> u64 {
        let of = |(zone, parts): &(ZoneIx, Parts)| {
            let amount = load.get(&(self.pool, *zone)).copied().unwrap_or(0);
            part(amount, WHOLE.saturating_sub(parts.values().sum()))
        };
        self.from.iter().map(of).sum()
    }
}

fn moves(inputs: &Inputs<'_>, ground: &Ground<'_>) -> Vec<Moves> {
    let estate: &Estate = inputs.estate;
    let of_pool = |pool: PoolIx| {
        let zones = hf_config::floor::pool_zones(estate.pool(pool));
        let is_meant = inputs.only.is_none_or(|only| only.contains(&pool));
        let is_hit = is_meant && zones.iter().any(|zone| inputs.lost.contains(zone));
        let leaves = |zone: &ZoneIx| inputs.lost.contains(zone) || !ground.has_somebody(pool);
        let is_closed = is_hit && has_closed(estate, pool, inputs.decision, ground.decision);
        let from = zones.into_iter().filter(|zone| is_closed || leaves(zone));
        let from = from.map(|zone| (zone, ground.place(pool, zone))).collect();
        is_hit.then_some(Moves { pool, from })
    };
    estate.pool_indexes().filter_map(of_pool).collect()
}

/// Whether every branch that leads to the pool was asked before and none is afterwards: then all its clients are led elsewhere.
fn has_closed(estate: &Estate, pool: PoolIx, before: &Decision, after: &Decision) -> bool {
    let leads = |to: BranchTo| match to {
        BranchTo::Pool(of) => of == pool,
        BranchTo::Record(at) => estate.records[usize::from(at)].pool == pool,
        BranchTo::Tree(_) => false,
    };
    let mut branches = estate.trees.iter().enumerate().flat_map(|(tree, of)| {
        let leading = of.branches.iter().enumerate().filter(|(_, branch)| leads(branch.to));
        leading.map(move |(at, _)| (tree, at))
    });
    let serves = |of: &Decision, (tree, at): (usize, usize)| of.trees[tree].branches[at].serves;
    let mut is_any = false;
    let all = branches.all(|at| {
        is_any = true;
        serves(before, at) && !serves(after, at)
    });
    is_any && all
}

fn part(amount: u64, parts: u64) -> u64 {
    // To the nearest: at most the amount.
    ((u128::from(amount) * u128::from(parts) + u128::from(WHOLE) / 2) / u128::from(WHOLE)) as u64
}

fn apply(moves: &[Moves], load: &Load) -> Load {
    let mut after = load.clone();
    for of in moves {
        for (zone, _) in &of.from {
            after.insert((of.pool, *zone), 0);
        }
    }
    for of in moves {
        for (zone, parts) in &of.from {
            let amount = load.get(&(of.pool, *zone)).copied().unwrap_or(0);
            for (to, parts) in parts {
                let more = part(amount, *parts);
                let sum = after.entry(*to).or_default();
                *sum = sum.saturating_add(more);
            }
        }
    }
    after
}

/// The intent with a shift of each zone, as an operator would ask for now.
fn with_shifts(inputs: &Inputs<'_>) -> Intent {
    let mut intent = inputs.decide.intent.clone();
    let now = inputs.decide.now;
    for (at, zone) in inputs.lost.iter().enumerate() {
        intent.shifts.push(Shift {
            id: shift_id(at),
            zone: inputs.estate.zone(*zone).id.clone(),
            scope: Scope::Everything,
            reason: String::new(),
            by: Operator::new("holdfast"),
            started_at: now,
            ends_at: now.plus(Duration::from_hours(1)),
            state: ShiftState::Active,
            kind: ShiftKind::Zonal,
            floor_overrides: Vec::new(),
            revision: Revision(u64::MAX),
        });
    }
    intent
}

fn shift_id(at: usize) -> ShiftId {
    ShiftId::new(&format!("whatif-{at}")).expect("letters, a hyphen and digits")
}

/// The verdicts with everybody in the zones dead.
fn with_dead(estate: &Estate, inputs: &Inputs<'_>) -> Verdicts {
    let mut verdicts = inputs.decide.verdicts.clone();
    for (at, of) in estate.endpoint_refs().enumerate() {
        if inputs.lost.contains(&estate.endpoint(of).zone)
            && let Some(verdict) = verdicts.of.get_mut(at)
        {
            *verdict = Verdict::Unhealthy;
        }
    }
    verdicts
}

/// What the shifts would not take, or what would yield because of them.
fn refusals(asked: &Decision, before: &Decision) -> Vec<Refused> {
    let is_ours = |source: &Source| match source {
        Source::Shift(id) => id.as_str().starts_with("whatif-"),
        _ => false,
    };
    let pools = asked.pools.iter().chain(asked.records.iter().flatten());
    let all = pools.flat_map(|pool| &pool.not_applied).filter(|found| is_ours(&found.source));
    let is_away = |found: &&hf_decide::NotApplied| {
        let zone = before.zones.get(found.zone.at());
        zone.is_some_and(|zone| zone.state == hf_decide::ZoneState::Away)
    };
    // What is away by a stronger word need not be taken.
    let refused = all
        .filter(|found| !matches!(found.why, NotAppliedWhy::Outranked(_)) || !is_away(found))
        .map(|found| Refused { scope: found.scope.clone(), zone: found.zone, why: found.why.clone() });
    let refused: BTreeSet<Refused> = refused.collect();
    refused.into_iter().collect()
}

/// The ledger's word on a shift of one zone; none if it would take it, or if the zone is away already.
fn ledger_refuses(inputs: &Inputs<'_>) -> Option<Refusal> {
    let mut lost = inputs.lost.iter();
    let (Some(zone), None) = (lost.next(), lost.next()) else { return None };
    if inputs.decision.zones[zone.at()].state == hf_decide::ZoneState::Away {
        return None;
    }
    let intent = inputs.decide.intent;
    let mut state = State {
        estate_id: intent.estate_id,
        revision: Revision(intent.revision.0.min(u64::MAX - 1)),
        stamp: inputs.decide.now,
        estate: Some(inputs.estate.clone()),
        board: intent.board.clone(),
        pins: intent.pins.clone(),
        ..State::default()
    };
    for (at, shift) in intent.shifts.iter().enumerate() {
        let key = hf_control::state::ShiftKey::of(&shift.id);
        let key = key.unwrap_or(hf_control::state::ShiftKey(Revision(at as u64)));
        state.shifts.insert(key, shift.clone());
    }
    let command = Command::StartShift {
        zone: inputs.estate.zone(*zone).id.clone(),
        scope: Scope::Everything,
        length: Duration::from_hours(1),
        reason: "what if it went".to_owned(),
        floor_overrides: Vec::new(),
    };
    let entry = Entry {
        request: RequestId::new("whatif").expect("letters"),
        stamp: inputs.decide.now,
        by: Operator::new("holdfast"),
        from: None,
        command,
    };
    match state.apply(Revision(state.revision.0 + 1), &entry).0 {
        Outcome::Refused(refusal) => Some(refusal),
        Outcome::Done { .. } => None,
    }
}

/// The instant of an hour.
impl Hour {
    /// When it began.
    pub fn began_at(&self) -> Timestamp {
        Timestamp(self.hour.saturating_mul(3_600_000))
    }
}
