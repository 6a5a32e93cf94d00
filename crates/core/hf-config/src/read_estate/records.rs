//! Steered records: names whose answer is chosen.
//!
//! A steered record lies in the narrowest hosted zone around it, and alone at its name and type.
//!
//! Not here: how answers are chosen (`chain`), answering.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hf_model::{DnsName, Ttl, parse_duration};

use super::chain::{choose, default_chain};
use super::controls::Controls;
use super::hosted::{Hosted, by_name, zonal_name};
use super::pools::Pools;
use super::zones::{Regions, Zones};
use crate::estate::{AddressFamily, AllDown, Pool, PoolIx, Record, limits};
use crate::master_file::{rtype, suffixes};
use crate::walk::{Fields, Report, Value, clip, if_there, there};

/// For which a steered answer may be kept: short, since evacuations should be felt soon.
const TTL_DEFAULT: Duration = Duration::from_secs(5);

/// What the cross-checks of records look things up in.
pub(super) struct Around<'a, 'b> {
    regions: &'a Regions,
    zones: &'a Zones,
    pools: &'a Pools,
    controls: &'a Controls,
    hosted: &'a [Hosted<'b>],
    /// Position of each hosted zone.
    by_name: BTreeMap<&'a str, u16>,
}

impl<'a, 'b> Around<'a, 'b> {
    pub(super) fn new(
        regions: &'a Regions,
        zones: &'a Zones,
        pools: &'a Pools,
        controls: &'a Controls,
        hosted: &'a [Hosted<'b>],
    ) -> Self {
        Around { regions, zones, pools, controls, hosted, by_name: by_name(hosted) }
    }
}

pub(super) fn records(
    root: &mut Fields<'_, '_>,
    around: &Around<'_, '_>,
    report: &mut Report<'_>,
) -> Vec<Option<Record>> {
    let mut taken = BTreeSet::new();
    let mut list = Vec::new();
    for fields in root.list("record", "a record", limits::RECORDS, report) {
        list.push(record(fields, around, &mut taken, report));
    }
    list
}

fn record(
    mut fields: Fields<'_, '_>,
    around: &Around<'_, '_>,
    taken: &mut BTreeSet<(DnsName, AddressFamily)>,
    report: &mut Report<'_>,
) -> Option<Record> {
    let name_value = fields.need("name", report);
    let name = name_value.and_then(|value| value.read(report, read_owner));
    let family = fields.need("type", report).and_then(|value| value.read(report, read_family));
    let hosted_zone = name_value.zip(name.as_ref()).and_then(|(value, name)| {
        if let Some(family) = family
            && !taken.insert((name.clone(), family))
        {
            report.add(
                value.at(),
                format_args!("record {name} {family} is listed twice; remove one of the two"),
            );
        }
        check_place(name, family, value.at(), around, report)
    });
    let ttl = match fields.get("ttl") {
        Some(value) => value.read(report, |text| {
            let length = parse_duration(text).map_err(|error| error.to_string())?;
            Ttl::new(length).map_err(|error| error.to_string())
        }),
        None => Ttl::new(TTL_DEFAULT).ok(),
    };
    let pool = fields.need("answer", report).and_then(|value| answer(value, family, around, report));
    let choose = match fields.get("choose") {
        Some(value) => choose(value, around.regions, report),
        None => Some(default_chain(around.regions)),
    };
    let control = if_there(fields.get("control"), |value| {
        let found = around.controls.find(value, report);
        if let Some(pool) = pool.and_then(|pool| around.pools.list[pool.at()].as_ref())
            && pool.all_down == AllDown::Open
        {
            report.add(
                value.at(),
                format_args!(
                    "while its routing control is off this record has nobody to answer with, and its pool `{}` \
                     has all_down = \"open\"; write all_down = \"closed\" or \"fallback:POOL\" there",
                    pool.name
                ),
            );
        }
        found
    });
    fields.finish(&[], report);
    Some(Record {
        name: name?,
        family: family?,
        ttl: ttl?,
        pool: pool?,
        choose: choose?,
        sticky: None,
        hosted_zone: hosted_zone?,
        control: control.ok()?,
    })
}

fn read_owner(text: &str) -> Result<DnsName, String> {
    let name = DnsName::new(text).map_err(|error| error.to_string())?;
    let below = name.as_str().strip_prefix("*.").unwrap_or(name.as_str());
    if below.contains('*') {
        return Err("a '*' stands only for the whole first label; remove the others".to_owned());
    }
    Ok(name)
}

fn read_family(text: &str) -> Result<AddressFamily, String> {
    match text {
        "A" => Ok(AddressFamily::V4),
        "AAAA" => Ok(AddressFamily::V6),
        other => Err(format!(
            "records of type {:?} are not steered; write A or AAAA, others go into the master file",
            clip(other)
        )),
    }
}

/// The hosted zone of a record, after checking that nothing else stands there.
fn check_place(
    name: &DnsName,
    family: Option<AddressFamily>,
    at: usize,
    around: &Around<'_, '_>,
    report: &mut Report<'_>,
) -> Option<u16> {
    let found = suffixes(name.as_str()).find_map(|suffix| around.by_name.get(suffix).copied());
    let Some(position) = found else {
        if report.is_full() {
            report.add(at, "");
            return None;
        }
        // With an unreadable hosted zone it may lie in that one.
        if around.hosted.iter().all(|hosted| hosted.name.is_some()) {
            let all = there(around.by_name.keys().copied());
            report.add(
                at,
                format_args!("{name} lies in no hosted zone, {all}; add [[hosted_zone]] or change the name"),
            );
        }
        return None;
    };
    let hosted = &around.hosted[usize::from(position)];
    for plain in hosted.master.at(name) {
        let own = family == Some(AddressFamily::V4) && plain.record.rtype == rtype::A
            || family == Some(AddressFamily::V6) && plain.record.rtype == rtype::AAAA;
        if own || plain.record.rtype == rtype::CNAME {
            let line = plain.line;
            report.add(
                at,
                format_args!(
                    "{name} is also in the master file of its hosted zone, line {line}; remove one of the two"
                ),
            );
            break;
        }
    }
    if let Some(cut) = hosted.master.cut_above(name) {
        report.add(at, format_args!("{name} is hidden by {cut} in the master file; remove one of the two"));
    }
    if let Some(apex) = &hosted.name
        && let Some((zone, pool)) = zonal_name(name, apex, around.zones, around.pools)
    {
        report.add(
            at,
            format_args!("{name} is the zonal name of pool `{pool}` in zone `{zone}`; choose another name"),
        );
    }
    Some(position)
}

fn answer(
    value: Value<'_, '_>,
    family: Option<AddressFamily>,
    around: &Around<'_, '_>,
    report: &mut Report<'_>,
) -> Option<PoolIx> {
    let mut fields = value.fields("an answer", report)?;
    let found = fields.need("pool", report).and_then(|value| {
        let position = around.pools.names.find(value.text(report)?, value.at(), report)?;
        let pool: Option<&Pool> = around.pools.list[usize::from(position)].as_ref();
        if let (Some(pool), Some(family)) = (pool, family)
            && !pool.endpoints.iter().any(|endpoint| family.holds(endpoint.address.ip()))
        {
            let version = if family == AddressFamily::V4 { "IPv4" } else { "IPv6" };
            report.add(
                value.at(),
                format_args!(
                    "pool `{}` has no {version} endpoint for a record of type {family}; add one or change the type",
                    pool.name
                ),
            );
        }
        Some(PoolIx(position))
    });
    fields.finish(&[], report);
    found
}
