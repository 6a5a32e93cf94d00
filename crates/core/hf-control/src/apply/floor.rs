//! Whether intent alone leaves a pool enough: the floor as far as people's acts go.
//!
//! 1. A pool is looked at as a whole and as each record that has acts of its own shows it.
//! 2. A zone is open there unless the narrowest pin that meets it says out or, with no pin, a shift takes it away.
//! 3. An act is refused if the floor ([`hf_config::floor::Floor`]) does not let go of a zone that it closes. `hf-decide` asks the
//!    same floor: with everybody healthy, what is accepted here is obeyed there. An act that closes nothing more is no worse
//!    than what is, and passes.
//! 4. A pool that lives in this zone only, and has no spares that its floor would be content with, does not hold up an act on
//!    everything: it cannot leave, the rest can. It stays, and `hf-decide` lists it as not applied. An act on that very pool or
//!    record is refused.
//!
//! Not here: health, and floors broken by what nobody asked for; `hf-decide` keeps the floor over all sources.

use std::collections::BTreeSet;

use hf_config::estate::{Estate, Pool, PoolIx, ZoneIx};
use hf_config::floor::{Floor, Short, floor_zones, pool_zones};
use hf_model::{DnsName, ZoneId};

use crate::command::Refusal;
use crate::intent::{PinTo, Scope};
use crate::state::State;

/// Who is asked out of, or held in, a zone.
struct Wish<'a> {
    zone: &'a ZoneId,
    scope: &'a Scope,
}

/// All acts in force.
struct Acts<'a> {
    shifts: Vec<Wish<'a>>,
    pins: Vec<(Wish<'a>, PinTo)>,
}

/// A pool as seen whole, or by one record.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct View<'a> {
    pool: PoolIx,
    record: Option<&'a DnsName>,
}

impl State {
    /// Whether one more shift leaves enough.
    pub(super) fn check_floor_for_shift(
        &self,
        estate: &Estate,
        zone: &ZoneId,
        scope: &Scope,
    ) -> Result<(), Refusal> {
        let mut after = self.acts();
        after.shifts.push(Wish { zone, scope });
        check(estate, &Wish { zone, scope }, &self.acts(), &after)
    }

    /// Whether one more pin out, in place of the pin of the same zone and scope, leaves enough.
    pub(super) fn check_floor_for_pin(
        &self,
        estate: &Estate,
        zone: &ZoneId,
        scope: &Scope,
    ) -> Result<(), Refusal> {
        let mut after = self.acts();
        after.pins.retain(|(wish, _)| (wish.zone, wish.scope) != (zone, scope));
        after.pins.push((Wish { zone, scope }, PinTo::Out));
        check(estate, &Wish { zone, scope }, &self.acts(), &after)
    }

    fn acts(&self) -> Acts<'_> {
        Acts {
            shifts: self
                .active_shifts()
                .map(|shift| Wish { zone: &shift.zone, scope: &shift.scope })
                .collect(),
            pins: self.pins.iter().map(|pin| (Wish { zone: &pin.zone, scope: &pin.scope }, pin.to)).collect(),
        }
    }
}

fn check(estate: &Estate, asked: &Wish<'_>, before: &Acts<'_>, after: &Acts<'_>) -> Result<(), Refusal> {
    let Some(zone) = estate.zone_named(asked.zone) else { return Ok(()) };
    for view in views(estate, asked.scope, after) {
        // What cannot leave is open, though an act on everything was accepted.
        let was_open = is_open(estate, view, zone, before) || cannot_leave(estate, view, zone);
        if was_open && !is_open(estate, view, zone, after) {
            check_view(estate, view, zone, asked.scope, after)?;
        }
    }
    Ok(())
}

fn check_view(
    estate: &Estate,
    view: View<'_>,
    closed: ZoneIx,
    scope: &Scope,
    acts: &Acts<'_>,
) -> Result<(), Refusal> {
    let pool = estate.pool(view.pool);
    if *scope == Scope::Everything && cannot_leave(estate, view, closed) {
        return Ok(());
    }
    let mut floor = Floor::new(estate, pool);
    let is_away = |zone: &ZoneIx| *zone != closed && !is_open(estate, view, *zone, acts);
    for zone in pool_zones(pool).into_iter().filter(is_away) {
        // What the floor keeps in spite of an act (rule 4) is still there.
        let _ = floor.take_zone(zone);
    }
    let (needed, left) = match floor.take_zone(closed) {
        Ok(()) => return Ok(()),
        Err(Short::Zones { needed, left }) => (zones_text(needed), zones_text(left)),
        Err(Short::Capacity { needed, left }) => (format!("{needed} of its capacity"), left.to_string()),
    };
    Err(Refusal::Floor { pool: describe(pool, view), needed, left })
}

/// Whether the pool lives in this zone only and nothing else may serve in its place.
fn cannot_leave(estate: &Estate, view: View<'_>, zone: ZoneIx) -> bool {
    let pool = estate.pool(view.pool);
    floor_zones(pool) == [zone] && Floor::new(estate, pool).take_zone(zone).is_err()
}

/// What an act on `scope` can take something away from.
fn views<'a>(estate: &'a Estate, scope: &'a Scope, acts: &Acts<'a>) -> BTreeSet<View<'a>> {
    if let Scope::Record(name) = scope {
        return pools_of(estate, name).map(|pool| View { pool, record: Some(name) }).collect();
    }
    let is_meant = |pool: &PoolIx| match scope {
        Scope::Pool(name) => estate.pool(*pool).name == *name,
        _ => true,
    };
    let whole = estate.pool_indexes().map(|pool| View { pool, record: None });
    let records = acts
        .records()
        .into_iter()
        .flat_map(|name| pools_of(estate, name).map(move |pool| View { pool, record: Some(name) }));
    whole.chain(records).filter(|view| is_meant(&view.pool)).collect()
}

fn pools_of<'a>(estate: &'a Estate, name: &'a DnsName) -> impl Iterator<Item = PoolIx> + 'a {
    estate.records.iter().filter(move |record| record.name == *name).map(|record| record.pool)
}

fn is_open(estate: &Estate, view: View<'_>, zone: ZoneIx, acts: &Acts<'_>) -> bool {
    let zone = &estate.zone(zone).id;
    let meets = |wish: &Wish<'_>| wish.zone == zone && view.meets(estate, wish.scope);
    let pin = acts.pins.iter().filter(|(wish, _)| meets(wish)).min_by_key(|(wish, _)| breadth(wish.scope));
    match pin {
        Some((_, to)) => *to == PinTo::In,
        None => !acts.shifts.iter().any(meets),
    }
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
