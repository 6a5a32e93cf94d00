//! Names: hosted zones with their plain records, and records whose answer is chosen.
//!
//! 1. A steered record lies in the narrowest hosted zone around it, and alone at its name and type.
//! 2. The zonal names `<zone>.<pool>.pool.<hosted zone>` are ours: nothing else may stand there or hide them.
//!
//! Not here: the grammar of master files (`master_file`), answering.

use std::collections::{BTreeMap, BTreeSet};

use hf_model::{DnsName, Ttl, ZoneId, parse_duration};

use super::pools::Pools;
use super::zones::{Regions, Zones};
use crate::estate::{AddressFamily, EstateBundle, Filter, HostedZone, Pool, PoolIx, Record, limits};
use crate::master_file::{Master, read_master_file, rtype};
use crate::walk::{Fields, Names, Report, Value, clip, nearest, there};

/// Filters of the format that a later version carries.
const LATER: [&str; 3] = ["latency", "geo", "cidr"];
/// The filters of this version.
const FILTERS: [&str; 7] = ["open", "near", "same-zone", "priority", "weighted", "shuffle", "take N"];
/// Seconds for which a steered answer may be kept: short, since evacuations should be felt soon.
const TTL_DEFAULT_S: u64 = 5;

/// One hosted zone as far as it could be read.
pub(super) struct Hosted<'b> {
    /// `None` if anything of it is wrong.
    pub(super) zone: Option<HostedZone>,
    /// The problems of its master file.
    pub(super) report: Option<Report<'b>>,
    name: Option<DnsName>,
    /// Place of its name in the estate file.
    at: usize,
    /// Plain records for the cross-checks.
    master: Master,
}

pub(super) fn hosted_zones<'b>(
    root: &mut Fields<'_, '_>,
    bundle: &'b EstateBundle,
    report: &mut Report<'_>,
) -> Vec<Hosted<'b>> {
    let mut names = Names::new("hosted zone");
    let mut list = Vec::new();
    for (position, fields) in
        (0..).zip(root.list("hosted_zone", "a hosted zone", limits::HOSTED_ZONES, report))
    {
        list.push(hosted_zone(fields, position, bundle, &mut names, report));
    }
    list
}

fn hosted_zone<'b>(
    mut fields: Fields<'_, '_>,
    position: u16,
    bundle: &'b EstateBundle,
    names: &mut Names,
    report: &mut Report<'_>,
) -> Hosted<'b> {
    let value = fields.need("name", report);
    let at = value.map_or(fields.at(), Value::at);
    let name = value.and_then(|value| value.read(report, DnsName::new));
    let name = name.filter(|name| {
        let plain = !name.as_str().contains('*');
        if !plain {
            report.add(at, "a hosted zone's name has no '*'; remove it");
        }
        names.insert(name.as_str(), position, at, report);
        plain
    });
    let file = fields.get("file").map(|value| file(value, bundle, report));
    fields.finish(&[], report);

    let mut hosted = Hosted { zone: None, report: None, name, at, master: Master::default() };
    let Some(name) = hosted.name.clone() else { return hosted };
    match file {
        None => hosted.zone = Some(HostedZone { name, soa: None, plain: Vec::new() }),
        Some(None) => {}
        Some(Some((file_name, text))) => {
            let mut own = Report::new(&beside(report.file(), file_name), text);
            hosted.master = read_master_file(&name, text, &mut own);
            if own.is_clean() {
                let plain = hosted.master.plain.iter().map(|record| record.record.clone()).collect();
                hosted.zone = Some(HostedZone { name, soa: hosted.master.soa.clone(), plain });
            }
            hosted.report = Some(own);
        }
    }
    hosted
}

fn file<'b>(
    value: Value<'_, '_>,
    bundle: &'b EstateBundle,
    report: &mut Report<'_>,
) -> Option<(&'b str, &'b str)> {
    let name = value.text(report)?;
    let found = bundle.files.get_key_value(name);
    if found.is_none() {
        report.add(
            value.at(),
            format_args!("the master file `{}` is not there; create it or remove `file`", clip(name)),
        );
    }
    found.map(|(name, text)| (name.as_str(), text.as_str()))
}

/// How a master file is called in problems: beside the estate file, unless it is named absolutely.
fn beside(estate_file: &str, name: &str) -> String {
    match estate_file.rfind('/') {
        Some(slash) if !name.starts_with('/') => format!("{}{name}", &estate_file[..=slash]),
        _ => name.to_owned(),
    }
}

/// What the cross-checks of records look things up in.
struct Around<'a, 'b> {
    regions: &'a Regions,
    zones: &'a Zones,
    pools: &'a Pools,
    hosted: &'a [Hosted<'b>],
    /// Position of each hosted zone.
    by_name: BTreeMap<&'a str, u16>,
}

pub(super) fn records(
    root: &mut Fields<'_, '_>,
    regions: &Regions,
    zones: &Zones,
    pools: &Pools,
    hosted: &[Hosted<'_>],
    report: &mut Report<'_>,
) -> Vec<Option<Record>> {
    let by_name = (0..)
        .zip(hosted)
        .filter_map(|(position, zone)| Some((zone.name.as_ref()?.as_str(), position)))
        .collect();
    let around = Around { regions, zones, pools, hosted, by_name };
    check_zonal_names(&around, report);
    let mut taken = BTreeSet::new();
    let mut list = Vec::new();
    for fields in root.list("record", "a record", limits::RECORDS, report) {
        list.push(record(fields, &around, &mut taken, report));
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
        None => Ttl::new(std::time::Duration::from_secs(TTL_DEFAULT_S)).ok(),
    };
    let pool = fields.need("answer", report).and_then(|value| answer(value, family, around, report));
    let choose = match fields.get("choose") {
        Some(value) => choose(value, around, report),
        None => Some(default_chain(around.regions)),
    };
    fields.finish(&[], report);
    Some(Record {
        name: name?,
        family: family?,
        ttl: ttl?,
        pool: pool?,
        choose: choose?,
        hosted_zone: hosted_zone?,
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
        && let Some((zone, pool)) = zonal_parts(name, apex)
        && around.pools.names.get(pool).is_some()
        && around.zones.names.get(zone).is_some()
    {
        report.add(
            at,
            format_args!("{name} is the zonal name of pool `{pool}` in zone `{zone}`; choose another name"),
        );
    }
    Some(position)
}

/// The zone and pool of a name of the form `<zone>.<pool>.pool.<apex>`.
fn zonal_parts<'n>(name: &'n DnsName, apex: &DnsName) -> Option<(&'n str, &'n str)> {
    let front = if apex.as_str() == "." {
        name.as_str().strip_suffix('.')?
    } else {
        name.as_str().strip_suffix(apex.as_str())?.strip_suffix('.')?
    };
    let (zone, rest) = front.split_once('.')?;
    let (pool, word) = rest.split_once('.')?;
    (word == "pool").then_some((zone, pool))
}

/// Checks that plain records leave the zonal names alone and that all of these fit into a DNS name.
fn check_zonal_names(around: &Around<'_, '_>, report: &mut Report<'_>) {
    let pools = || around.pools.list.iter().flatten().map(|pool| pool.name.as_str());
    let zones = || around.zones.list.iter().flatten().map(|zone| zone.id.as_str());
    let longest = |name: &mut dyn Iterator<Item = &str>| name.map(str::len).max();
    let (Some(zone_len), Some(pool_len)) = (longest(&mut zones()), longest(&mut pools())) else { return };
    for hosted in around.hosted {
        let Some(apex) = &hosted.name else { continue };
        if zone_len + 1 + pool_len + ".pool.".len() + apex.as_str().len() > 254 {
            report.add(
                hosted.at,
                "with this hosted zone the zonal names <zone>.<pool>.pool.<hosted zone> pass 253 bytes; shorten a name",
            );
        }
        for plain in &hosted.master.plain {
            let name = &plain.record.name;
            if !name.as_str().contains("pool.") {
                continue;
            }
            if let Some((zone, pool)) = zonal_parts(name, apex)
                && ZoneId::new(zone).is_ok()
                && around.zones.names.get(zone).is_some()
                && around.pools.names.get(pool).is_some()
            {
                let (at, line) = (hosted.at, plain.line);
                report.add(
                    at,
                    format_args!(
                        "line {line} of the master file has {name}, the zonal name of pool `{pool}` in zone `{zone}`; \
                         remove it there"
                    ),
                );
            }
        }
        for cut in hosted.master.cuts() {
            let pool_root = |name: &str| {
                zonal_parts_of_pool(name, apex)
                    .is_some_and(|pool| pool.is_none_or(|pool| around.pools.names.get(pool).is_some()))
            };
            if cut == apex || pool_root(cut.as_str()) {
                report.add(
                    hosted.at,
                    format_args!("{cut} in the master file is delegated or a DNAME and hides zonal names; remove it there"),
                );
            }
        }
    }
}

/// For `pool.<apex>` nothing, for `<pool>.pool.<apex>` the pool.
fn zonal_parts_of_pool<'n>(name: &'n str, apex: &DnsName) -> Option<Option<&'n str>> {
    let front = if apex.as_str() == "." {
        name.strip_suffix('.')?
    } else {
        name.strip_suffix(apex.as_str())?.strip_suffix('.')?
    };
    if front == "pool" {
        return Some(None);
    }
    let pool = front.strip_suffix(".pool")?;
    (!pool.contains('.')).then_some(Some(pool))
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

/// What is chosen when nothing is said: the open ones, nearest first where that can be told, by weight, two of them.
///
/// Two, so that a client whose first address has just died can try another without asking again.
fn default_chain(regions: &Regions) -> Vec<Filter> {
    let mut chain = vec![Filter::Open];
    if near_is_possible(regions) {
        chain.push(Filter::Near);
    }
    chain.extend([Filter::Weighted, Filter::Take(2)]);
    chain
}

fn near_is_possible(regions: &Regions) -> bool {
    regions.list.len() <= 1
        || regions.list.iter().all(|region| region.as_ref().is_none_or(|region| region.location.is_some()))
}

fn choose(value: Value<'_, '_>, around: &Around<'_, '_>, report: &mut Report<'_>) -> Option<Vec<Filter>> {
    let items = value.items(report)?;
    let at = value.at();
    let mut chain: Vec<Filter> = Vec::new();
    let mut whole = true;
    for item in items {
        let Some(filter) = item.read(report, read_filter) else {
            whole = false;
            continue;
        };
        check_order(&chain, filter, item.at(), report);
        if filter == Filter::Near && !near_is_possible(around.regions) {
            let without = around.regions.list.iter().flatten().filter(|region| region.location.is_none());
            let without: Vec<String> = without.map(|region| format!("`{}`", region.id)).collect();
            let without = without.join(", ");
            report.add(item.at(), format_args!("near needs a location in every region; add it to {without}"));
        }
        chain.push(filter);
    }
    if whole && chain.first() != Some(&Filter::Open) {
        report.add(at, "a chain begins with \"open\", or it would answer with evacuated zones; put it first");
    }
    whole.then_some(chain)
}

/// Refuses steps that undo or cannot follow what stands before them.
fn check_order(before: &[Filter], filter: Filter, at: usize, report: &mut Report<'_>) {
    let orders = |filter: &Filter| matches!(filter, Filter::Weighted | Filter::Shuffle);
    let takes = |filter: &Filter| matches!(filter, Filter::Take(_));
    if before.contains(&filter) {
        report.add(at, format_args!("{filter} is here twice; remove one of the two"));
    } else if before.iter().any(takes) {
        report.add(at, format_args!("nothing follows take; put {filter} before it"));
    } else if before.iter().any(orders) && orders(&filter) {
        report.add(
            at,
            format_args!("{filter} would undo the order before it; keep one of weighted and shuffle"),
        );
    } else if filter == Filter::Open && !before.is_empty() {
        report.add(at, "open comes first; move it");
    }
}

fn read_filter(text: &str) -> Result<Filter, String> {
    match text {
        "open" => Ok(Filter::Open),
        "near" => Ok(Filter::Near),
        "same-zone" => Ok(Filter::SameZone),
        "priority" => Ok(Filter::Priority),
        "weighted" => Ok(Filter::Weighted),
        "shuffle" => Ok(Filter::Shuffle),
        other if LATER.contains(&other.split(' ').next().unwrap_or_default()) => {
            Err(format!("the filter {} is not in this version; remove it", clip(other)))
        }
        other => {
            if let Some(count) = other.strip_prefix("take ") {
                return match count.parse() {
                    Ok(count @ 1..=8) => Ok(Filter::Take(count)),
                    _ => Err(format!(
                        "take has a number from 1 to 8, not {:?}; write such as \"take 2\"",
                        clip(count)
                    )),
                };
            }
            let near = nearest(other, FILTERS.into_iter())
                .map_or(String::new(), |near| format!("did you mean {near:?}? "));
            Err(format!("no filter is called {:?}; {near}{}", clip(other), there(FILTERS.into_iter())))
        }
    }
}

/// A name and the names around it, from itself to the root.
pub(crate) fn suffixes(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(name);
    std::iter::from_fn(move || {
        let current = rest?;
        rest = match current.split_once('.') {
            _ if current == "." => None,
            Some((_, "")) => Some("."),
            Some((_, behind)) => Some(behind),
            None => None,
        };
        Some(current)
    })
}
