//! One branch of a tree.
//!
//! Not here: whether it suits the filters of its tree.

use std::collections::BTreeSet;

use super::{
    AddressFamily, Among, Around, Branch, BranchTo, ControlPath, Fields, Location, Minimum, Places, PoolIx,
    RegionIx, Report, Targets, Value, Weight, choose, clip, default_chain, if_there, limits, location,
    nearest, steered,
};
use crate::estate::{Filter, GeoArea};
use crate::read_estate::pools::minimum;

/// Beyond so many names none is searched for one like a name that is wrong: each search goes through all.
const NEAR_MAX: usize = 200;

pub(super) fn branch(
    mut fields: Fields<'_, '_>,
    family: Option<AddressFamily>,
    around: &Around<'_>,
    targets: &Targets,
    report: &mut Report<'_>,
) -> (Option<Branch>, Places) {
    let at = fields.at();
    let (to_at, to) = to(&mut fields, family, around, targets, report);
    let whole = |value: Option<Value<'_, '_>>, default: u16, report: &mut Report<'_>| match value {
        Some(value) => value.whole(0, 65_535, report).and_then(|number| u16::try_from(number).ok()),
        None => Some(default),
    };
    let weight = whole(fields.get("weight"), Weight::default().0, report);
    let priority = whole(fields.get("priority"), 0, report);
    let region = if_there(fields.get("region"), |value| {
        around.regions.names.find(value.text(report)?, value.at(), report).map(RegionIx)
    });
    let place: Result<Option<Location>, _> =
        if_there(fields.get("location"), |value| location(value, report));
    let bias_value = fields.get("bias");
    let bias = match bias_value {
        Some(value) => value.whole(-99, 99, report).and_then(|bias| i8::try_from(bias).ok()),
        None => Some(0),
    };
    let geo_value = fields.get("geo");
    let geo = match geo_value {
        Some(value) => areas(value, report),
        None => Some(Vec::new()),
    };
    let cidr_value = fields.get("cidr");
    let cidr = if_there(cidr_value, |value| networks(value, around, report));
    let minimum_value = fields.get("minimum");
    let minimum = match minimum_value {
        Some(value) => minimum(value, report),
        None => Some(Minimum::default()),
    };
    let control: Result<Option<ControlPath>, _> =
        if_there(fields.get("control"), |value| around.controls.find(value, report));
    let choose = chain(fields.get("choose"), to, around, report);
    fields.finish(&[], report);
    let places = Places {
        at,
        to: to_at,
        minimum: minimum_value.map(Value::at),
        bias: bias_value.map(Value::at),
        geo: geo_value.map(Value::at),
        cidr: cidr_value.map(Value::at),
    };
    let branch = || {
        Some(Branch {
            to: to?,
            weight: Weight(weight?),
            priority: priority?,
            region: region.ok()?,
            location: place.ok()?,
            bias: bias?,
            geo: geo?,
            cidr: cidr.ok()?,
            minimum: minimum?,
            control: control.ok()?,
            choose: choose?,
        })
    };
    (branch(), places)
}

/// Where it leads, and the place that says so.
fn to(
    fields: &mut Fields<'_, '_>,
    family: Option<AddressFamily>,
    around: &Around<'_>,
    targets: &Targets,
    report: &mut Report<'_>,
) -> (usize, Option<BranchTo>) {
    let at = fields.at();
    match (fields.get("pool"), fields.get("record")) {
        (Some(value), None) => {
            let pool: Option<PoolIx> = steered::pool(value, family, around, report);
            (value.at(), pool.map(BranchTo::Pool))
        }
        (None, Some(value)) => (value.at(), record(value, family, targets, report)),
        (Some(_), Some(value)) => {
            report.add(value.at(), "a branch leads to a pool or to a record; remove one of the two");
            (value.at(), None)
        }
        (None, None) => {
            report.add(at, "a branch needs `pool` or `record`: where it leads; add one");
            (at, None)
        }
    }
}

fn record(
    value: Value<'_, '_>,
    family: Option<AddressFamily>,
    targets: &Targets,
    report: &mut Report<'_>,
) -> Option<BranchTo> {
    let family = family?;
    let full = report.is_full();
    let compared = if targets.chosen.len() > NEAR_MAX { 0 } else { NEAR_MAX };
    value.read(report, |text| {
        let name = hf_model::DnsName::new(text).map_err(|error| error.to_string())?;
        targets.chosen.get(&(name.clone(), family)).copied().ok_or_else(|| {
            if full {
                return String::new();
            }
            let all = targets.chosen.keys().filter(|(_, of)| *of == family).map(|(name, _)| name.as_str());
            let near = nearest(name.as_str(), all.take(compared))
                .map_or(String::new(), |near| format!("did you mean {near}? "));
            format!(
                "no record with `answer` or `answers` is called {} {family}; {near}add it, or name a pool",
                clip(name.as_str())
            )
        })
    })
}

/// How endpoints are chosen, where it leads to a pool.
fn chain(
    value: Option<Value<'_, '_>>,
    to: Option<BranchTo>,
    around: &Around<'_>,
    report: &mut Report<'_>,
) -> Option<Vec<Filter>> {
    match (value, to) {
        (Some(value), Some(BranchTo::Record(_) | BranchTo::Tree(_))) => {
            report.add(
                value.at(),
                "the record that this branch leads to chooses by itself; remove `choose` here",
            );
            None
        }
        (Some(value), Some(BranchTo::Pool(_)) | None) => {
            choose(value, Among::Endpoints, around.regions, report)
        }
        (None, Some(BranchTo::Record(_) | BranchTo::Tree(_))) => Some(Vec::new()),
        (None, Some(BranchTo::Pool(_)) | None) => Some(default_chain(around.regions)),
    }
}

fn areas(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Vec<GeoArea>> {
    let items = value.items_up_to(limits::GEO_AREAS, report)?;
    if items.is_empty() {
        report.add(
            value.at(),
            "a branch is for at least one area, such as \"DE\", \"continent:EU\" or \"*\"; add it",
        );
    }
    let mut whole = true;
    let mut areas = Vec::with_capacity(items.len());
    for item in items {
        let Some(area) = item.read(report, read_area) else {
            whole = false;
            continue;
        };
        if areas.contains(&area) {
            report.add(item.at(), format_args!("area {area} is listed twice; remove one of the two"));
        }
        areas.push(area);
    }
    whole.then_some(areas)
}

/// Continents as MaxMind and Route 53 call them.
const CONTINENTS: [&str; 7] = ["AF", "AN", "AS", "EU", "NA", "OC", "SA"];

fn read_area(text: &str) -> Result<GeoArea, String> {
    let error = || {
        format!(
            "{:?} is no area; write a country such as \"DE\", a part of one such as \"US-CA\", \
             \"continent:EU\" (AF, AN, AS, EU, NA, OC, SA), or \"*\" for everywhere else",
            clip(text)
        )
    };
    if text == "*" {
        return Ok(GeoArea::Default);
    }
    if let Some(continent) = text.strip_prefix("continent:") {
        let known = CONTINENTS.contains(&continent);
        return known.then(|| two(continent)).flatten().map(GeoArea::Continent).ok_or_else(error);
    }
    let upper = |text: &str| text.bytes().all(|byte| byte.is_ascii_uppercase());
    let (country, part) = text.split_once('-').map_or((text, None), |(country, part)| (country, Some(part)));
    let country = two(country).filter(|_| upper(country)).ok_or_else(error)?;
    let Some(part) = part else { return Ok(GeoArea::Country(country)) };
    let good = (1..=3).contains(&part.len())
        && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if !good {
        return Err(error());
    }
    let mut padded = [0; 3];
    for (slot, byte) in padded.iter_mut().zip(part.bytes()) {
        *slot = byte;
    }
    Ok(GeoArea::Subdivision(country, padded))
}

fn two(text: &str) -> Option<[u8; 2]> {
    text.as_bytes().try_into().ok()
}

fn networks(value: Value<'_, '_>, around: &Around<'_>, report: &mut Report<'_>) -> Option<(u16, Vec<u16>)> {
    let mut fields = value.fields("`cidr` of a branch", report)?;
    let collection = fields
        .need("collection", report)
        .and_then(|value| around.collections.names.find(value.text(report)?, value.at(), report));
    let places = fields.need("places", report);
    fields.finish(&[], report);
    let names = &around.collections.places[usize::from(collection?)];
    let items = places?.items_up_to(limits::CIDR_PLACES, report)?;
    if items.is_empty() {
        report.add(value.at(), "`cidr` names at least one place of its collection; add it");
    }
    let mut found = BTreeSet::new();
    let mut whole = true;
    for item in items {
        match item.text(report).and_then(|text| names.find(text, item.at(), report)) {
            Some(place) if !found.insert(place) => {
                report.add(item.at(), "this place is listed twice; remove one of the two");
            }
            Some(_) => {}
            None => whole = false,
        }
    }
    whole.then_some((collection?, found.into_iter().collect()))
}
