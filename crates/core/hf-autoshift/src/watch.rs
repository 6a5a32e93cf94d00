//! One look after the other: what lasts, what has come back, what is to be done now.

use std::collections::{BTreeMap, BTreeSet};

use hf_config::estate::{PoolIx, ZoneIx};
use hf_control::{Autoshift, PinTo, Resource, Shift, ShiftKind, ShiftState};
use hf_model::{ZoneId, format_duration};

use crate::evidence::{Accused, Ground, PoolWord};
use crate::words::cut;
use crate::{
    EVERYWHERE_BEATS, HOLD_BEATS, Inputs, LENGTH, Seen, VANTAGE_MIN, WELL_BEATS, Word, least_stay,
    returns_in_a_row,
};

/// What the looks so far have left: counts of looks in a row. Lost with its node; the next one counts anew, which only delays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    beats: BTreeMap<(Resource, ZoneId), Beats>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Beats {
    bad: u32,
    well: u32,
    /// Of everything being worse, while an autoshift is in force; once there were [`EVERYWHERE_BEATS`] they stay until one zone is accused again.
    everywhere: u32,
    /// Of probes that are good, whatever else is said.
    probed_well: u32,
}

impl Watch {
    /// Looks once; it is meant to be called on every beat.
    pub fn look(&mut self, inputs: Inputs<'_>) -> Vec<Seen> {
        let ground = Ground::new(inputs);
        let mut beats = BTreeMap::new();
        let mut seen = Vec::new();
        for (resource, practice) in inputs.settings {
            let in_force = in_force(&inputs, resource);
            if practice.autoshift == Autoshift::Disabled && in_force.is_none() {
                continue;
            }
            let pools = ground.pools(resource);
            let mut one = One { inputs, ground: &ground, resource, setting: practice.autoshift, pools };
            let (word, counted) = match in_force {
                Some(shift) => one.over(shift, &self.beats),
                None => one.without(&self.beats),
            };
            if let Some((zone, counts)) = counted {
                beats.insert((resource.clone(), zone), counts);
            }
            seen.push(Seen { resource: resource.clone(), setting: practice.autoshift, word });
        }
        // What was not counted in this look is not in a row any more; so this holds no more than the settings do.
        self.beats = beats;
        seen
    }
}

type Counted = Option<(ZoneId, Beats)>;

/// One resource in one look.
struct One<'a> {
    inputs: Inputs<'a>,
    ground: &'a Ground<'a>,
    resource: &'a Resource,
    setting: Autoshift,
    pools: BTreeSet<PoolIx>,
}

impl One<'_> {
    /// None is in force.
    fn without(&mut self, before: &BTreeMap<(Resource, ZoneId), Beats>) -> (Word, Counted) {
        let accused = match self.ground.verdict(self.resource, &self.pools) {
            PoolWord::Nothing => return (Word::Quiet, None),
            PoolWord::Several(why) => return (Word::Blocked { why: cut(why) }, None),
            PoolWord::Zone(accused) => accused,
        };
        let zone = self.inputs.estate.zone(accused.zone).id.clone();
        if let Some(why) = self.own_fault(accused.zone) {
            return (Word::Blocked { why: cut(format!("{why}; {}", accused.evidence)) }, None);
        }
        let bad = before.get(&(self.resource.clone(), zone.clone())).map_or(0, |beats| beats.bad) + 1;
        let counted = Some((zone.clone(), Beats { bad, ..Beats::default() }));
        if !accused.by_detector && bad < HOLD_BEATS {
            let beats = HOLD_BEATS - bad;
            return (Word::Holding { zone, evidence: cut(accused.evidence), beats }, counted);
        }
        if let Some(why) = self.in_the_way(&accused) {
            return (Word::Blocked { why: cut(why) }, counted);
        }
        let evidence = cut(accused.evidence);
        let word = match self.setting {
            Autoshift::Enabled => Word::Start { zone, evidence },
            Autoshift::Advise | Autoshift::Disabled => Word::Advise { zone, evidence },
        };
        (word, counted)
    }

    /// One is in force.
    fn over(&mut self, shift: &Shift, before: &BTreeMap<(Resource, ZoneId), Beats>) -> (Word, Counted) {
        let (id, zone) = (shift.id.clone(), shift.zone.clone());
        let Some(at) = self.inputs.estate.zone_named(&shift.zone) else {
            return (Word::Stay { id, zone, why: "its zone is gone; it runs out".to_owned() }, None);
        };
        let now = self.inputs.now;
        let condition = self.condition(at);
        let kept = before.get(&(self.resource.clone(), zone.clone())).copied().unwrap_or_default();
        let in_a_row = |is_so: bool, kept: u32| if is_so { kept.saturating_add(1) } else { 0 };
        let well = in_a_row(condition == Condition::Well, kept.well);
        let everywhere = self.everywhere(kept.everywhere);
        let probed_well = in_a_row(self.is_probed_well(at), kept.probed_well);
        let counted = Some((zone.clone(), Beats { bad: 0, well, everywhere, probed_well }));
        let returns = returns_in_a_row(self.inputs.history, shift);
        let least = least_stay(returns);
        let stayed = now.since(shift.started_at);
        let health = self.ground.health(&self.pools, at);
        let now_well = format!("{} of {} endpoints healthy", health.known - health.unhealthy, health.known);
        if well >= WELL_BEATS && stayed >= least {
            return (Word::End { id, zone, why: format!("{now_well} for {WELL_BEATS} beats") }, counted);
        }
        if everywhere >= EVERYWHERE_BEATS && probed_well >= WELL_BEATS && returns == 0 {
            let why = format!("everything got worse, so it helps nobody; {now_well} for {WELL_BEATS} beats");
            return (Word::End { id, zone, why }, counted);
        }
        let stay = |why: String| Word::Stay { id: id.clone(), zone: zone.clone(), why: cut(why) };
        let why = match condition {
            Condition::Bad(evidence) => evidence,
            Condition::Blind(why) => format!("nobody can tell how it is: {why}"),
            Condition::Unprobed if stayed >= least => {
                let why = "no health check looks at it: it runs out, and the return is the trial";
                return (stay(why.to_owned()), counted);
            }
            Condition::Unprobed => format!("it stays {} at least", format_duration(least)),
            Condition::Well if well < WELL_BEATS => format!("{now_well} for {well} of {WELL_BEATS} beats"),
            Condition::Well => format!("{now_well}; it stays {} at least", format_duration(least)),
        };
        let is_due = shift.ends_at.since(now) <= LENGTH / 2;
        let word = if self.setting != Autoshift::Enabled {
            stay(format!("autoshift is not enabled any more: it runs out; {why}"))
        } else if is_due {
            Word::Renew { id, zone, why: cut(why) }
        } else {
            stay(why)
        };
        (word, counted)
    }

    /// How a zone that is away looks now.
    fn condition(&self, zone: ZoneIx) -> Condition {
        if let Some(why) = self.own_fault(zone) {
            return Condition::Blind(why);
        }
        match self.ground.verdict(self.resource, &self.pools) {
            PoolWord::Zone(accused) if accused.zone == zone => return Condition::Bad(accused.evidence),
            // To come back while something else is amiss would only add to it.
            PoolWord::Several(what) => return Condition::Bad(what),
            PoolWord::Zone(other) => return Condition::Bad(other.evidence),
            PoolWord::Nothing => {}
        }
        if !self.ground.is_probed(&self.pools, zone) {
            return Condition::Unprobed;
        }
        let health = self.ground.health(&self.pools, zone);
        if self.ground.is_well(&self.pools, zone) {
            Condition::Well
        } else if health.known == 0 {
            Condition::Blind("no checker knows its endpoints".to_owned())
        } else {
            Condition::Bad(format!("{} of {} endpoints unhealthy by quorum", health.unhealthy, health.known))
        }
    }

    /// Looks in a row for which everything was worse, with this one.
    fn everywhere(&self, kept: u32) -> u32 {
        let is_one_accused = matches!(self.ground.verdict(self.resource, &self.pools), PoolWord::Zone(_));
        match self.ground.everywhere(&self.pools) {
            _ if is_one_accused => 0,
            Some(_) => kept.saturating_add(1),
            // What was certain once is remembered: what is usual moves with trouble that lasts, and then nothing is worse than usual.
            None if kept >= EVERYWHERE_BEATS => kept,
            None => 0,
        }
    }

    /// Whether the quorum finds the zone well, and could be believed if it did not.
    fn is_probed_well(&self, zone: ZoneIx) -> bool {
        self.own_fault(zone).is_none()
            && self.ground.is_probed(&self.pools, zone)
            && self.ground.is_well(&self.pools, zone)
    }

    /// Why the evidence against a zone could be our own.
    fn own_fault(&self, accused: ZoneIx) -> Option<String> {
        if let Some(problem) = &self.inputs.observers.problem {
            return Some(problem.clone());
        }
        let accused = &self.inputs.estate.zone(accused).id;
        let doubted = self.ground.doubted(&self.pools);
        let others = self.inputs.observers.zones.iter();
        let others = others.filter(|zone| *zone != accused && !doubted.contains(zone)).count();
        (others < VANTAGE_MIN).then(|| {
            format!("{others} zones other than {accused} are heard, {VANTAGE_MIN} are needed to know whose fault it is")
        })
    }

    /// What people, or another autoshift, have said that leaves no room for one. The ledger asks the same again, and more.
    fn in_the_way(&self, accused: &Accused) -> Option<String> {
        let Inputs { estate, intent, history, now, .. } = self.inputs;
        let region = estate.zone(accused.zone).region;
        let id = &estate.zone(accused.zone).id;
        let scope = self.resource.scope();
        let is_near =
            |zone: &ZoneId| estate.zone_named(zone).is_some_and(|zone| estate.zone(zone).region == region);
        for shift in intent.shifts.iter().filter(|shift| shift.state == ShiftState::Active) {
            let stops = match shift.kind {
                ShiftKind::Practice => false, // it gives way
                ShiftKind::Autoshift => {
                    is_near(&shift.zone) && (shift.zone != *id || shift.scope.overlaps(&scope))
                        || shift.scope == scope && scope != hf_control::Scope::Everything
                }
                ShiftKind::Zonal | ShiftKind::BreakGlass => {
                    is_near(&shift.zone) && shift.scope.overlaps(&scope)
                }
            };
            if stops {
                let Shift { id, zone, scope, .. } = shift;
                return Some(format!("{id} takes {scope} out of {zone} already"));
            }
        }
        let decides = |pin: &&hf_control::Pin| {
            pin.scope.overlaps(&scope)
                && is_near(&pin.zone)
                && (pin.to == PinTo::Out || estate.zone_named(&pin.zone) == Some(accused.zone))
        };
        if let Some(pin) = intent.pins.iter().find(decides) {
            return Some(format!("{} is pinned by {}", pin.zone, pin.by));
        }
        let canceled = history.iter().filter_map(|shift| match shift.state {
            ShiftState::Canceled(at)
                if shift.kind == ShiftKind::Autoshift && shift.zone == *id && shift.scope == scope =>
            {
                Some(at)
            }
            _ => None,
        });
        let left = canceled.max()?.plus(Autoshift::QUIET).since(now);
        (!left.is_zero()).then(|| {
            format!("an operator has canceled the last one; quiet for {} more", format_duration(left))
        })
    }
}

/// How a zone that is away looks.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Condition {
    /// There is evidence.
    Bad(String),
    /// Probes are good.
    Well,
    /// No health check looks at it.
    Unprobed,
    /// Nobody can tell.
    Blind(String),
}

/// The autoshift of this resource that is in force.
fn in_force<'a>(inputs: &Inputs<'a>, resource: &Resource) -> Option<&'a Shift> {
    let scope = resource.scope();
    let is_ours = |shift: &&Shift| {
        shift.kind == ShiftKind::Autoshift
            && shift.state == ShiftState::Active
            && shift.scope == scope
            && match resource {
                Resource::Region(id) => inputs.estate.zone_named(&shift.zone).is_some_and(|zone| {
                    inputs.estate.regions[inputs.estate.zone(zone).region.at()].id == *id
                }),
                Resource::Pool(_) | Resource::Record(_) => true,
            }
    };
    inputs.intent.shifts.iter().find(is_ours)
}
