//! `[[closing_source]]`: stores outside whose word takes a zone away.
//!
//! 1. `zone` or `zones` says what may be closed; `{zone}` in a place is the zone's id and `{alias}` its first alias. One place for several zones is
//!    refused: all of them would close at once, and the ledger lets one go.
//! 2. What can never act is refused: a quorum that the stores cannot have, a pool that is not in the zone, looks that take longer than the pause
//!    between them, a store that is asked twice.
//!
//! Not here: the places of each kind of store (`stores`), secrets (`[[credentials]]` of node files), looking.

use std::time::Duration;

use hf_model::SourceName;

use super::pools::Pools;
use super::zones::{Zones, named};
use crate::estate::{ClosingResource, ClosingSource, ClosingZone, PoolIx, StorePlace, Zone, ZoneIx, limits};
use crate::walk::{Fields, Names, Report, Value, clip};

mod stores;

use stores::Draft;

const EVERY_MIN: Duration = Duration::from_secs(1);
const EVERY_MAX: Duration = Duration::from_mins(1);
const WITHIN_MIN: Duration = Duration::from_millis(100);

/// What the references of closing sources are looked up in.
pub(super) struct Around<'a> {
    pub(super) zones: &'a Zones,
    pub(super) pools: &'a Pools,
}

/// The closing sources of the file; those with a problem are `None`.
pub(super) fn closing_sources(
    root: &mut Fields<'_, '_>,
    around: &Around<'_>,
    report: &mut Report<'_>,
) -> Vec<Option<ClosingSource>> {
    let mut names = Names::new("closing source");
    let tables = root.list("closing_source", "a closing source", limits::CLOSING_SOURCES, report);
    let (mut all, mut looks) = (Vec::with_capacity(tables.len()), 0);
    for (position, fields) in (0_u16..).zip(tables) {
        let at = fields.at();
        let read = closing_source(fields, position, around, &mut names, report);
        let count: usize = read.iter().flat_map(|source| &source.zones).map(|zone| zone.stores.len()).sum();
        if looks <= limits::CLOSING_PLACES && looks + count > limits::CLOSING_PLACES {
            let most = limits::CLOSING_PLACES;
            report.add(
                at,
                format_args!(
                    "all closing sources look at {most} places at most, zones times stores; remove some"
                ),
            );
        }
        looks += count;
        all.push(read);
    }
    all
}

fn closing_source(
    mut fields: Fields<'_, '_>,
    position: u16,
    around: &Around<'_>,
    names: &mut Names,
    report: &mut Report<'_>,
) -> Option<ClosingSource> {
    let name = named(&mut fields, "name", position, names, report)
        .and_then(|name| name.read(report, SourceName::new));
    let resource = match fields.get("resource") {
        Some(value) => resource(value, around.pools, report),
        None => Some(ClosingResource::Everything),
    };
    let places = zones(&mut fields, resource, around, report);
    let every = match fields.get("every") {
        Some(value) => value.duration(EVERY_MIN, EVERY_MAX, report),
        None => Some(ClosingSource::EVERY),
    };
    let within = within(&mut fields, every, report);
    let inverted_value = fields.get("inverted");
    let inverted = inverted_value.map_or(Some(true), |value| value.truth(report));
    let drafts = stores::drafts(&mut fields, report);
    let count = drafts.as_ref().map_or(ClosingSource::STORES, Vec::len).max(1);
    #[allow(clippy::cast_possible_wrap)] // at most five
    let quorum = match fields.get("quorum") {
        Some(value) => value.whole(1, count as i64, report).and_then(|quorum| u8::try_from(quorum).ok()),
        None => u8::try_from(count / 2 + 1).ok(),
    };
    fields.finish(&[], report);
    let drafts = drafts?;
    if let (Some(value), Some(false)) = (inverted_value, inverted)
        && drafts.iter().any(Draft::is_table)
    {
        report.add(
            value.at(),
            "an item says itself whether its zone is healthy, and one that is missing closes nothing; remove `inverted`",
        );
    }
    let zones = expand(&drafts, &places?, around.zones, report)?;
    Some(ClosingSource {
        name: name?,
        resource: resource?,
        every: every?,
        within: within?,
        quorum: quorum?,
        inverted: inverted?,
        zones,
    })
}

/// Without it, what `every` leaves room for.
fn within(fields: &mut Fields<'_, '_>, every: Option<Duration>, report: &mut Report<'_>) -> Option<Duration> {
    let Some(value) = fields.get("within") else {
        return Some(ClosingSource::WITHIN.min(every? / 2).max(EVERY_MIN / 2));
    };
    let within = value.duration(WITHIN_MIN, EVERY_MAX, report)?;
    if let Some(every) = every.filter(|every| *every < within) {
        let (every, within) = (super::length(every), super::length(within));
        report.add(
            value.at(),
            format_args!(
                "a look may take {within} and one begins every {every}; shorten `within`, or lengthen `every`"
            ),
        );
        return None;
    }
    Some(within)
}

fn resource(value: Value<'_, '_>, pools: &Pools, report: &mut Report<'_>) -> Option<ClosingResource> {
    let text = value.text(report)?;
    if text == "everything" {
        return Some(ClosingResource::Everything);
    }
    let Some(name) = text.strip_prefix("pool/") else {
        report.add(
            value.at(),
            format_args!(
                "what leaves the zone is \"everything\" or \"pool/NAME\", not {:?}; change it",
                clip(text)
            ),
        );
        return None;
    };
    pools.names.find(name, value.at(), report).map(|pool| ClosingResource::Pool(PoolIx(pool)))
}

/// The zones that may be closed, each with the place to tell problems at.
fn zones(
    fields: &mut Fields<'_, '_>,
    resource: Option<ClosingResource>,
    around: &Around<'_>,
    report: &mut Report<'_>,
) -> Option<Vec<ZoneIx>> {
    let (one, several) = (fields.get("zone"), fields.get("zones"));
    let is_in = |zone: ZoneIx| match resource {
        Some(ClosingResource::Pool(pool)) => around.pools.list[pool.at()].as_ref().is_none_or(|pool| {
            pool.source.is_some() || pool.endpoints.iter().any(|endpoint| endpoint.zone == zone)
        }),
        _ => true,
    };
    match (one, several) {
        (Some(value), None) => named_zone(value, around.zones, &is_in, report).map(|zone| vec![zone]),
        (None, Some(value)) if value.as_text() == Some("all") => {
            let all = (0..around.zones.list.len() as u16).map(ZoneIx);
            Some(all.filter(|zone| is_in(*zone)).collect())
        }
        (None, Some(value)) if value.is_list() => {
            let (mut all, mut whole) = (Vec::new(), true);
            for item in value.items_up_to(limits::ZONES, report)? {
                match named_zone(item, around.zones, &is_in, report) {
                    Some(zone) if all.contains(&zone) => {
                        report.add(item.at(), "this zone is listed twice; remove one of the two");
                        whole = false;
                    }
                    Some(zone) => all.push(zone),
                    None => whole = false,
                }
            }
            if all.is_empty() && whole {
                report.add(value.at(), "a closing source closes at least one zone; add it");
                return None;
            }
            whole.then_some(all)
        }
        (None, Some(value)) => {
            report
                .add(value.at(), "`zones` is \"all\" or a list of zones; change it, or write `zone` for one");
            None
        }
        (None, None) => {
            report.add(
                fields.at(),
                "a closing source needs `zone`, or `zones` with {zone} in its places; add it",
            );
            None
        }
        (Some(value), Some(_)) => {
            report.add(value.at(), "a closing source has `zone` or `zones`, this one both; remove one");
            None
        }
    }
}

fn named_zone(
    value: Value<'_, '_>,
    zones: &Zones,
    is_in: &impl Fn(ZoneIx) -> bool,
    report: &mut Report<'_>,
) -> Option<ZoneIx> {
    let text = value.text(report)?;
    let zone = zones.names.find(text, value.at(), report).map(ZoneIx)?;
    if is_in(zone) {
        return Some(zone);
    }
    report.add(
        value.at(),
        format_args!(
            "the pool has no endpoint in zone `{}`, so nothing would leave it; remove it",
            clip(text)
        ),
    );
    None
}

/// Every zone with its own places.
fn expand(
    drafts: &[Draft<'_>],
    places: &[ZoneIx],
    zones: &Zones,
    report: &mut Report<'_>,
) -> Option<Vec<ClosingZone>> {
    if places.len() > 1
        && let Some(draft) = drafts.iter().find(|draft| !draft.tells_zones_apart())
    {
        report.add(
            draft.at,
            format_args!("this is one place for {} zones; write {{zone}} or {{alias}} into it", places.len()),
        );
        return None;
    }
    let mut all = Vec::with_capacity(places.len());
    for place in places {
        let zone: &Zone = zones.list[place.at()].as_ref()?;
        let mut stores: Vec<StorePlace> = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let store = draft.place(zone).map_err(|what| report.add(draft.at, what)).ok()?;
            if stores.contains(&store) {
                report.add(draft.at, "this store is asked twice; remove one of the two");
                return None;
            }
            stores.push(store);
        }
        all.push(ClosingZone { zone: *place, stores });
    }
    Some(all)
}
