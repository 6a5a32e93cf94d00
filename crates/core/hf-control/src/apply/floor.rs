//! Whether intent alone leaves a pool enough: the floor as far as people's acts go.
//!
//! 1. A pool is looked at as a whole and as each record that has acts of its own shows it.
//! 2. A zone is open there unless the narrowest pin that meets it says out or, with no pin, a shift or a routing control that is off
//!    (the zone's own or its region's) takes it away.
//! 3. An act is refused if the floor ([`hf_config::floor::Floor`]) does not let go of a zone that it closes. `hf-decide` asks the
//!    same floor: with everybody healthy, what is accepted here is obeyed there. An act that closes nothing more is no worse
//!    than what is, and passes. The controls of one batch close their zones together.
//! 4. A pool that lives in this zone only, and has no spares that its floor would be content with, does not hold up an act on
//!    everything: it cannot leave, the rest can. It stays, and `hf-decide` lists it as not applied. An act on that very pool or
//!    record is refused. So it is with a pool that lives only in the zones behind one routing control, such as a region's.
//! 5. A pool that the act names in its overrides is not asked. What such an act took counts as gone for all that come after it.
//! 6. A practice run that leaves an operator's act or an autoshift too little gives way: it ends, rather than hold up an evacuation. An
//!    autoshift is not asked after at all when people act: it yields to what they take, in sight of everybody (`hf-decide`).
//!
//! Not here: health, and floors broken by what nobody asked for; `hf-decide` keeps the floor over all sources. Nor routing controls of
//! pools and records: a pool that has one may be empty, and says so.

use std::collections::{BTreeMap, BTreeSet};

use hf_config::estate::{Estate, Pool, PoolIx, ZoneIx};
use hf_config::floor::{Floor, Short, floor_zones};
use hf_model::{ControlId, ControlName, DnsName, PanelId, PoolName, Switch};

use super::controls::Turns;
use crate::command::Refusal;
use crate::intent::{PinTo, Scope, ShiftKind};
use crate::state::{ShiftKey, State};

/// Who is asked out of, or held in, a zone.
struct Wish<'a> {
    zone: ZoneIx,
    scope: &'a Scope,
    floor_overrides: &'a [PoolName],
}

/// A routing control that is off.
struct OffControl<'a> {
    zones: Vec<ZoneIx>,
    floor_overrides: &'a [PoolName],
}

/// Whose acts count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// Those of people, rehearsals among them.
    People,
    /// Autoshifts too.
    All,
}

/// All acts in force.
struct Acts<'a> {
    shifts: Vec<Wish<'a>>,
    pins: Vec<(Wish<'a>, PinTo)>,
    controls: Vec<OffControl<'a>>,
    /// Positions in `controls`.
    controls_of: BTreeMap<ZoneIx, Vec<usize>>,
}

/// What an operator asks for, in addition to what is.
pub(super) struct Asked<'a> {
    /// Zones that leave together: the one of a shift or pin, or those behind each control.
    zones: Vec<Vec<ZoneIx>>,
    scope: &'a Scope,
    floor_overrides: &'a [PoolName],
}

impl<'a> Asked<'a> {
    pub(super) fn one(zone: ZoneIx, scope: &'a Scope, floor_overrides: &'a [PoolName]) -> Self {
        Asked { zones: vec![vec![zone]], scope, floor_overrides }
    }

    fn wish(&self) -> Option<Wish<'a>> {
        let zone = *self.zones.first()?.first()?;
        Some(Wish { zone, scope: self.scope, floor_overrides: self.floor_overrides })
    }
}

/// A pool as seen whole, or by one record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct View<'a> {
    pool: PoolIx,
    record: Option<&'a DnsName>,
}

/// How a zone stands in a view, as far as acts go.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Open,
    /// As far as the floor lets it go.
    Away,
    /// Whatever the floor says.
    Forced,
}

/// One more shift, autoshift or practice run.
fn shift<'a>(acts: &mut Acts<'a>, wish: Wish<'a>) {
    acts.shifts.push(wish);
}

/// One more pin out, in place of the pin of the same zone and scope.
fn pin_out<'a>(acts: &mut Acts<'a>, wish: Wish<'a>) {
    acts.pins.retain(|(pin, _)| (pin.zone, pin.scope) != (wish.zone, wish.scope));
    acts.pins.push((wish, PinTo::Out));
}

impl State {
    /// Whether one more shift leaves enough. Gives the practice runs that end for it, with those that it meets anyway.
    pub(super) fn ask_floor_for_shift(
        &self,
        estate: &Estate,
        asked: &Asked<'_>,
        met: Vec<ShiftKey>,
    ) -> Result<Vec<ShiftKey>, Refusal> {
        self.make_way(met, |ended| self.leaves_enough(estate, asked, Of::People, ended, shift))
    }

    /// Whether one more autoshift leaves enough, with those that there are. Gives the practice runs that end for it.
    pub(super) fn ask_floor_for_autoshift(
        &self,
        estate: &Estate,
        asked: &Asked<'_>,
        met: Vec<ShiftKey>,
    ) -> Result<Vec<ShiftKey>, Refusal> {
        self.make_way(met, |ended| self.leaves_enough(estate, asked, Of::All, ended, shift))
    }

    /// Whether one more practice run leaves enough; it makes nobody give way.
    pub(super) fn ask_floor_for_practice(&self, estate: &Estate, asked: &Asked<'_>) -> Result<(), Refusal> {
        self.leaves_enough(estate, asked, Of::All, &[], shift)
    }

    /// Whether one more pin out, in place of the pin of the same zone and scope, leaves enough.
    pub(super) fn ask_floor_for_pin(
        &self,
        estate: &Estate,
        asked: &Asked<'_>,
        met: Vec<ShiftKey>,
    ) -> Result<Vec<ShiftKey>, Refusal> {
        self.make_way(met, |ended| self.leaves_enough(estate, asked, Of::People, ended, pin_out))
    }

    /// Whether what is asked for leaves enough, beside the acts of those that count and with some practice runs ended. `take` says how it
    /// joins the acts.
    fn leaves_enough<'a>(
        &'a self,
        estate: &Estate,
        asked: &Asked<'a>,
        of: Of,
        ended: &[ShiftKey],
        take: fn(&mut Acts<'a>, Wish<'a>),
    ) -> Result<(), Refusal> {
        let before = self.acts(estate, of, ended, &Turns::new());
        let mut after = self.acts(estate, of, ended, &Turns::new());
        if let Some(wish) = asked.wish() {
            take(&mut after, wish);
        }
        check(estate, asked, &before, &after)
    }

    /// Whether the controls may turn, all together.
    pub(super) fn ask_floor_for_controls(
        &self,
        turns: &Turns,
        floor_overrides: &[PoolName],
    ) -> Result<Vec<ShiftKey>, Refusal> {
        let Some(estate) = self.estate.as_deref() else { return Ok(Vec::new()) };
        let behind = self.zones_behind_controls(estate);
        let off = turns.iter().filter(|(_, to)| **to == Switch::Off);
        let zones: Vec<Vec<ZoneIx>> = off.filter_map(|(id, _)| behind.get(id).cloned()).collect();
        if zones.is_empty() {
            return Ok(Vec::new());
        }
        let met = self.practices_of_regions(estate, zones.iter().flatten().copied());
        let asked = Asked { zones, scope: &Scope::Everything, floor_overrides };
        self.make_way(met, |ended| {
            let before = self.acts(estate, Of::People, ended, &Turns::new());
            check(estate, &asked, &before, &self.acts(estate, Of::People, ended, turns))
        })
    }

    /// The zones that routing controls take away.
    pub(super) fn zones_behind_off_controls(&self) -> BTreeSet<ZoneIx> {
        let Some(estate) = self.estate.as_deref() else { return BTreeSet::new() };
        self.off_controls(estate, &Turns::new()).into_iter().flat_map(|control| control.zones).collect()
    }

    /// Asks with the practice runs `met` ended, and, if the floor refuses, with as few others as will do; the newest go first.
    fn make_way(
        &self,
        met: Vec<ShiftKey>,
        ask: impl Fn(&[ShiftKey]) -> Result<(), Refusal>,
    ) -> Result<Vec<ShiftKey>, Refusal> {
        if ask(&met).is_ok() {
            return Ok(met);
        }
        let running = self.shifts.iter().filter(|(_, shift)| shift.is_running_practice());
        let mut ended: Vec<ShiftKey> = running.map(|(key, _)| key.clone()).collect();
        ask(&ended)?;
        // The oldest first: what can stay is taken off the list.
        for practice in ended.clone().iter().filter(|practice| !met.contains(practice)) {
            let fewer: Vec<ShiftKey> = ended.iter().filter(|other| *other != practice).cloned().collect();
            if ask(&fewer).is_ok() {
                ended = fewer;
            }
        }
        Ok(ended)
    }

    /// The running practice runs in the regions of these zones.
    fn practices_of_regions(&self, estate: &Estate, zones: impl Iterator<Item = ZoneIx>) -> Vec<ShiftKey> {
        let regions: BTreeSet<_> = zones.map(|zone| estate.zone(zone).region).collect();
        let meets = |zone: ZoneIx| regions.contains(&estate.zone(zone).region);
        let running = self.shifts.iter().filter(|(_, shift)| shift.is_running_practice());
        running
            .filter(|(_, shift)| estate.zone_named(&shift.zone).is_some_and(meets))
            .map(|(key, _)| key.clone())
            .collect()
    }

    fn acts<'a>(&'a self, estate: &Estate, of: Of, ended: &[ShiftKey], turns: &Turns) -> Acts<'a> {
        let shifts = self.shifts.iter().filter(|(key, shift)| {
            let counts = of == Of::All || shift.kind != ShiftKind::Autoshift;
            shift.is_active() && counts && !ended.contains(key)
        });
        let shifts = shifts.filter_map(|(_, shift)| {
            let zone = estate.zone_named(&shift.zone)?;
            Some(Wish { zone, scope: &shift.scope, floor_overrides: &shift.floor_overrides })
        });
        let pins = self.pins.iter().filter_map(|pin| {
            let zone = estate.zone_named(&pin.zone)?;
            Some((Wish { zone, scope: &pin.scope, floor_overrides: &pin.floor_overrides }, pin.to))
        });
        let (shifts, pins) = (shifts.collect(), pins.collect());
        let controls = self.off_controls(estate, turns);
        let mut controls_of: BTreeMap<ZoneIx, Vec<usize>> = BTreeMap::new();
        for (at, control) in controls.iter().enumerate() {
            for zone in &control.zones {
                controls_of.entry(*zone).or_default().push(at);
            }
        }
        Acts { shifts, pins, controls, controls_of }
    }

    /// Controls of zones and regions that are off once `turns` are made. An override of a batch that is only asked for is the batch's to
    /// tell ([`Asked`]).
    fn off_controls<'a>(&'a self, estate: &Estate, turns: &Turns) -> Vec<OffControl<'a>> {
        let off = |(id, zones): (ControlId, Vec<ZoneIx>)| {
            let control = self.board.controls.get(&id)?;
            let is_off = *turns.get(&id).unwrap_or(&control.to) == Switch::Off;
            is_off.then_some(OffControl { zones, floor_overrides: &control.floor_overrides })
        };
        self.zones_behind_controls(estate).into_iter().filter_map(off).collect()
    }

    /// The zones that each control of a zone or region stands for, in one pass over the estate and one over the board.
    fn zones_behind_controls(&self, estate: &Estate) -> BTreeMap<ControlId, Vec<ZoneIx>> {
        let has_control = estate.zones.iter().any(|zone| zone.control.is_some())
            || estate.regions.iter().any(|region| region.control.is_some());
        if !has_control {
            return BTreeMap::new();
        }
        let built_in = self.board.built_in_cluster(self.estate_id);
        let panels = self.board.panels.values().filter(|panel| panel.cluster == built_in);
        let panels: BTreeMap<&ControlName, PanelId> = panels.map(|panel| (&panel.name, panel.id)).collect();
        let controls = self.board.controls.values();
        let controls: BTreeMap<(PanelId, &ControlName), ControlId> =
            controls.map(|control| ((control.panel, &control.name), control.id)).collect();
        let mut zones: BTreeMap<ControlId, Vec<ZoneIx>> = BTreeMap::new();
        for zone in estate.zone_indexes() {
            let region = &estate.regions[estate.zone(zone).region.at()];
            for path in [&estate.zone(zone).control, &region.control].into_iter().flatten() {
                let panel = panels.get(&path.panel);
                let Some(id) = panel.and_then(|panel| controls.get(&(*panel, &path.control))) else {
                    continue;
                };
                let of_control = zones.entry(*id).or_default();
                // A zone and its region may name one control.
                if of_control.last() != Some(&zone) {
                    of_control.push(zone);
                }
            }
        }
        zones
    }
}

impl crate::intent::Shift {
    pub(super) fn is_active(&self) -> bool {
        self.state == crate::intent::ShiftState::Active
    }

    pub(super) fn is_running_practice(&self) -> bool {
        self.kind == ShiftKind::Practice && self.is_active()
    }
}

fn check(estate: &Estate, asked: &Asked<'_>, before: &Acts<'_>, after: &Acts<'_>) -> Result<(), Refusal> {
    let zones: BTreeSet<ZoneIx> = asked.zones.iter().flatten().copied().collect();
    for view in views(estate, asked.scope, after) {
        let pool = estate.pool(view.pool);
        if asked.floor_overrides.contains(&pool.name) {
            continue;
        }
        let here: BTreeSet<ZoneIx> =
            pool.endpoints.iter().map(|endpoint| endpoint.zone).filter(|zone| zones.contains(zone)).collect();
        let closes = |zone: &ZoneIx| {
            was_open(estate, view, *zone, asked.scope, before)
                && standing(estate, view, *zone, after) != Standing::Open
        };
        let closing: Vec<ZoneIx> = here.into_iter().filter(closes).collect();
        if !closing.is_empty() {
            check_view(estate, view, &closing, asked, after)?;
        }
    }
    Ok(())
}

/// For an act on a pool or record, what cannot leave is open, though an act on everything was accepted.
fn was_open(estate: &Estate, view: View<'_>, zone: ZoneIx, asked: &Scope, before: &Acts<'_>) -> bool {
    let pool = estate.pool(view.pool);
    let stays = |zones: &[ZoneIx]| cannot_leave(estate, pool, &floor_zones(pool), zones);
    match standing(estate, view, zone, before) {
        Standing::Open => true,
        Standing::Forced => false,
        Standing::Away => {
            *asked != Scope::Everything
                && (stays(&[zone]) || before.controls_of(zone).any(|control| stays(&control.zones)))
        }
    }
}

fn check_view(
    estate: &Estate,
    view: View<'_>,
    closing: &[ZoneIx],
    asked: &Asked<'_>,
    acts: &Acts<'_>,
) -> Result<(), Refusal> {
    let pool = estate.pool(view.pool);
    let mut floor = Floor::new(estate, pool);
    let others: BTreeSet<ZoneIx> = pool.endpoints.iter().map(|endpoint| endpoint.zone).collect();
    let mut forced = Vec::new();
    for zone in others.into_iter().filter(|zone| !closing.contains(zone)) {
        match standing(estate, view, zone, acts) {
            Standing::Open => {}
            // What the floor keeps in spite of an act (rule 4) is still there.
            Standing::Away => {
                let _ = floor.take_zone(zone);
            }
            Standing::Forced => forced.push(zone),
        }
    }
    for zone in forced {
        floor.force_zone(zone);
    }
    // Once for all zones: a batch may close many.
    let lives_in = floor_zones(pool);
    let stays = |zone: &ZoneIx| {
        let together = |zones: &&Vec<ZoneIx>| zones.contains(zone);
        *asked.scope == Scope::Everything
            && asked.zones.iter().filter(together).any(|zones| cannot_leave(estate, pool, &lives_in, zones))
    };
    for zone in closing.iter().filter(|zone| !stays(zone)) {
        let (needed, left) = match floor.take_zone(*zone) {
            Ok(()) => continue,
            Err(Short::Zones { needed, left }) => (zones_text(needed), zones_text(left)),
            Err(Short::Capacity { needed, left }) => (format!("{needed} of its capacity"), left.to_string()),
        };
        return Err(Refusal::Floor { pool: describe(pool, view), needed, left });
    }
    Ok(())
}

/// Whether the pool, whose zones that count are `lives_in`, has none but `zones` and nothing else may serve in its place.
fn cannot_leave(estate: &Estate, pool: &Pool, lives_in: &[ZoneIx], zones: &[ZoneIx]) -> bool {
    if !lives_in.iter().all(|zone| zones.contains(zone)) {
        return false;
    }
    let mut floor = Floor::new(estate, pool);
    lives_in.iter().any(|zone| floor.take_zone(*zone).is_err())
}

/// What an act on `scope` can take something away from.
fn views<'a>(estate: &'a Estate, scope: &'a Scope, acts: &Acts<'a>) -> BTreeSet<View<'a>> {
    if let Scope::Record(name) = scope {
        return estate.pools_behind(name).into_iter().map(|pool| View { pool, record: Some(name) }).collect();
    }
    let is_meant = |pool: &PoolIx| match scope {
        Scope::Pool(name) => estate.pool(*pool).name == *name,
        _ => true,
    };
    let whole = estate.pool_indexes().map(|pool| View { pool, record: None });
    let records = acts.records().into_iter().flat_map(|name| {
        estate.pools_behind(name).into_iter().map(move |pool| View { pool, record: Some(name) })
    });
    whole.chain(records).filter(|view| is_meant(&view.pool)).collect()
}

fn standing(estate: &Estate, view: View<'_>, zone: ZoneIx, acts: &Acts<'_>) -> Standing {
    let meets = |wish: &&Wish<'_>| wish.zone == zone && view.meets(estate, wish.scope);
    let pool = &estate.pool(view.pool).name;
    let away = |floor_overrides: &[PoolName]| {
        if floor_overrides.contains(pool) { Standing::Forced } else { Standing::Away }
    };
    let pins = acts.pins.iter().filter(|(wish, _)| meets(&wish));
    match pins.min_by_key(|(wish, _)| breadth(wish.scope)) {
        Some((_, PinTo::In)) => return Standing::Open,
        Some((wish, PinTo::Out)) => return away(wish.floor_overrides),
        None => {}
    }
    let shifts = acts.shifts.iter().filter(meets).map(|wish| away(wish.floor_overrides));
    let controls = acts.controls_of(zone).map(|control| away(control.floor_overrides));
    shifts.chain(controls).fold(Standing::Open, |standing, next| match (standing, next) {
        (Standing::Forced, _) | (_, Standing::Forced) => Standing::Forced,
        _ => next,
    })
}

impl View<'_> {
    fn meets(self, estate: &Estate, scope: &Scope) -> bool {
        match scope {
            Scope::Everything => true,
            Scope::Pool(name) => estate.pool(self.pool).name == *name,
            Scope::Record(name) => self.record == Some(name),
        }
    }
}

impl<'a> Acts<'a> {
    /// The records that have acts of their own.
    fn records(&self) -> BTreeSet<&'a DnsName> {
        let scopes = self.shifts.iter().chain(self.pins.iter().map(|(wish, _)| wish)).map(|wish| wish.scope);
        scopes.filter_map(|scope| if let Scope::Record(name) = scope { Some(name) } else { None }).collect()
    }

    /// The controls that take this zone away.
    fn controls_of(&self, zone: ZoneIx) -> impl Iterator<Item = &OffControl<'a>> {
        self.controls_of.get(&zone).into_iter().flatten().map(|at| &self.controls[*at])
    }
}

/// The narrower pin counts.
fn breadth(scope: &Scope) -> u8 {
    match scope {
        Scope::Record(_) => 0,
        Scope::Pool(_) => 1,
        Scope::Everything => 2,
    }
}

fn describe(pool: &Pool, view: View<'_>) -> String {
    match view.record {
        None => format!("pool/{}", pool.name),
        Some(record) => format!("pool/{} for record/{record}", pool.name),
    }
}

fn zones_text(count: u16) -> String {
    if count == 1 { "1 zone".to_owned() } else { format!("{count} zones") }
}
