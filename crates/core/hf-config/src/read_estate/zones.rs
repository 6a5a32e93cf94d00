//! Regions and zones: where things are.
//!
//! Not here: what runs there.

use std::collections::BTreeMap;

use hf_model::{Capacity, Cidr, Location, RegionId, ZoneId};

use super::controls::Controls;
use crate::estate::{Region, RegionIx, Zone, limits};
use crate::walk::{Fields, Names, Report, Value, if_there};

/// The regions of the file; those with a problem are `None`.
pub(super) struct Regions {
    pub(super) list: Vec<Option<Region>>,
    pub(super) names: Names,
}

/// The zones of the file; those with a problem are `None`.
pub(super) struct Zones {
    pub(super) list: Vec<Option<Zone>>,
    /// Ids and aliases.
    pub(super) names: Names,
}

pub(super) fn regions(root: &mut Fields<'_, '_>, controls: &Controls, report: &mut Report<'_>) -> Regions {
    let mut names = Names::new("region");
    let mut list = Vec::new();
    for (position, mut fields) in (0..).zip(root.list("region", "a region", limits::REGIONS, report)) {
        let id = named(&mut fields, "id", position, &mut names, report)
            .and_then(|id| id.read(report, RegionId::new));
        let location = if_there(fields.get("location"), |value| location(value, report));
        let control = if_there(fields.get("control"), |value| controls.find(value, report));
        fields.finish(&[], report);
        let region = || Some(Region { id: id?, location: location.ok()?, control: control.ok()? });
        list.push(region());
    }
    Regions { list, names }
}

/// The value of a thing's name, taken down among its kind.
pub(super) fn named<'t, 'i>(
    fields: &mut Fields<'t, 'i>,
    key: &'static str,
    position: u16,
    names: &mut Names,
    report: &mut Report<'_>,
) -> Option<Value<'t, 'i>> {
    let value = fields.need(key, report)?;
    names.insert(value.text(report)?, position, value.at(), report);
    Some(value)
}

pub(super) fn location(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Location> {
    let mut fields = value.fields("a location", report)?;
    let latitude = fields.need("latitude", report).and_then(|value| value.thousandths(-90, 90, report));
    let longitude = fields.need("longitude", report).and_then(|value| value.thousandths(-180, 180, report));
    fields.finish(&[], report);
    Some(Location { latitude_millideg: latitude?, longitude_millideg: longitude? })
}

pub(super) fn zones(
    root: &mut Fields<'_, '_>,
    regions: &Regions,
    controls: &Controls,
    report: &mut Report<'_>,
) -> Zones {
    let around = Around { regions, controls };
    let mut names = Names::new("zone");
    let mut networks_taken = BTreeMap::new();
    let mut list = Vec::new();
    let tables = root.list("zone", "a zone", limits::ZONES, report);
    if root.get("zone").is_none() {
        report.add_whole("there is no zone; add [[zone]] with an id and a region");
    }
    let mut tables: Vec<_> = (0..).zip(tables).collect();
    // All ids before any alias: of the two, the alias is the one in the wrong.
    let ids: Vec<_> = tables
        .iter_mut()
        .map(|(position, fields)| named(fields, "id", *position, &mut names, report))
        .collect();
    for ((position, fields), id) in tables.into_iter().zip(ids) {
        list.push(zone(fields, id, position, &around, &mut names, &mut networks_taken, report));
    }
    Zones { list, names }
}

/// What the references of zones are looked up in.
struct Around<'a> {
    regions: &'a Regions,
    controls: &'a Controls,
}

fn zone(
    mut fields: Fields<'_, '_>,
    id: Option<Value<'_, '_>>,
    position: u16,
    around: &Around<'_>,
    names: &mut Names,
    networks_taken: &mut BTreeMap<Cidr, u16>,
    report: &mut Report<'_>,
) -> Option<Zone> {
    let id = id.and_then(|id| id.read(report, ZoneId::new));
    let region = fields
        .need("region", report)
        .and_then(|value| around.regions.names.find(value.text(report)?, value.at(), report))
        .map(RegionIx);
    let mut aliases = Vec::new();
    for value in
        fields.get("aliases").and_then(|value| value.items_up_to(limits::ALIASES, report)).unwrap_or_default()
    {
        let Some(text) = value.text(report) else { continue };
        names.insert(text, position, value.at(), report);
        aliases.extend(value.read(report, ZoneId::new));
    }
    let capacity = fields.get("capacity").and_then(|value| value.whole(1, 1_000_000_000_000, report));
    let room = limits::NETWORKS.saturating_sub(networks_taken.len());
    let mut networks = Vec::new();
    for value in fields.get("networks").and_then(|value| value.items_up_to(room, report)).unwrap_or_default()
    {
        let Some(network) = value.read(report, Cidr::new) else { continue };
        if networks_taken.insert(network, position).is_some() {
            report.add(value.at(), format_args!("network {network} is listed twice; remove one of the two"));
        }
        networks.push(network);
    }
    let control = if_there(fields.get("control"), |value| around.controls.find(value, report));
    fields.finish(&[], report);
    Some(Zone {
        id: id?,
        region: region?,
        aliases,
        capacity: capacity.map(|capacity| Capacity(capacity.unsigned_abs())),
        networks,
        control: control.ok()?,
    })
}
