//! Hosted zones with their plain records.
//!
//! 1. The zonal names `<zone>.<pool>.pool.<hosted zone>` are ours: no plain record may stand there or hide them.
//! 2. A plain record lies in the narrowest hosted zone around it, or nobody would ever get it.
//!
//! Not here: the grammar of master files (`master_file`), steered records (`records`).

use std::collections::{BTreeMap, BTreeSet};

use hf_model::DnsName;

use super::catalogs::{self, Catalog};
use super::hosting::{Hosting, hosting};
use super::pools::Pools;
use super::records::Records;
use super::zones::Zones;
use crate::estate::{EstateBundle, HostedZone, PlainRecord, SerialPolicy, Soa, ZoneSource, limits};
use crate::master_file::{Master, Placed, read_master_file, rtype, suffixes};
use crate::walk::{Fields, Names, Report, Value, clip};

/// One hosted zone as far as it could be read.
pub(super) struct Hosted<'b> {
    /// `None` if anything of it is wrong.
    pub(super) zone: Option<HostedZone>,
    /// The problems of its master file.
    pub(super) report: Option<Report<'b>>,
    pub(super) name: Option<DnsName>,
    /// Place of its name in the estate file.
    pub(super) at: usize,
    /// Plain records of its master file, for the cross-checks.
    pub(super) master: Master,
    /// Plain records of the estate file; their places are in it.
    pub(super) extra: Master,
    /// `None` if it could not be read.
    pub(super) source: Option<ZoneSource>,
    /// Whether people may change it by RFC 2136, as far as can be told.
    pub(super) is_updated: bool,
    /// Place of what lets others transfer it, if somebody may.
    pub(super) shared_at: Option<usize>,
    /// Whether it tells of other hosted zones.
    pub(super) catalog: Option<Catalog>,
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
    let file_value = fields.get("file");
    let hosting = hosting(&mut fields, name.as_ref(), file_value.is_some(), report);
    let catalog = catalogs::catalog(&mut fields, report);
    let file = file_value.map(|value| file(value, bundle, report));
    fields.finish(&[], report);

    let mut hosted = Hosted {
        zone: None,
        report: None,
        name,
        at,
        master: Master::default(),
        extra: Master::default(),
        source: hosting.source.clone(),
        is_updated: hosting.is_updated,
        shared_at: hosting.shared_at,
        catalog,
    };
    let Some(name) = hosted.name.clone() else { return hosted };
    match file {
        None => hosted.zone = zone(name, hosting, None, Vec::new()),
        Some(None) => {}
        Some(Some((file_name, text))) => {
            let mut own = Report::new(&beside(report.file(), file_name), text);
            hosted.master = read_master_file(&name, text, &mut own);
            if own.is_clean() {
                let plain = hosted.master.plain.iter().map(|record| record.record.clone()).collect();
                hosted.zone = zone(name, hosting, hosted.master.soa.clone(), plain);
            }
            hosted.report = Some(own);
        }
    }
    hosted
}

fn zone(name: DnsName, hosting: Hosting, soa: Option<Soa>, plain: Vec<PlainRecord>) -> Option<HostedZone> {
    let source = hosting.source?;
    let made_up = source == ZoneSource::Estate && soa.is_none();
    let default = if made_up { SerialPolicy::Revision } else { SerialPolicy::Written };
    Some(HostedZone {
        name,
        soa,
        plain,
        source,
        serial: hosting.serial.ok()?.unwrap_or(default),
        transfers: hosting.transfers?,
        updates: hosting.updates?,
        dnssec: hosting.dnssec.ok()?,
    })
}

/// What is left to say once the records are read: their values belong to it, and a zone that others fetch shows a serial that
/// moves with its answers.
pub(super) fn finish_hosted_zones(hosted: &mut [Hosted<'_>], records: &Records, report: &mut Report<'_>) {
    let steered = records.steered.iter().flatten().map(|record| record.hosted_zone);
    let trees = records.trees.iter().flatten().map(|tree| tree.hosted_zone);
    let aliases = records.aliases.iter().flatten().map(|alias| alias.hosted_zone);
    let moving: BTreeSet<u16> = steered.chain(trees).chain(aliases).collect();
    catalogs::fill(hosted, report);
    for (position, hosted) in (0..).zip(hosted) {
        let Some(zone) = &mut hosted.zone else { continue };
        zone.plain.extend(hosted.extra.plain.iter().map(|placed| placed.record.clone()));
        let moves = moving.contains(&position);
        let stands = match zone.serial {
            SerialPolicy::Time => false,
            // An update is a revision.
            SerialPolicy::Revision => moves,
            SerialPolicy::Written => moves || hosted.is_updated,
        };
        if let (Some(at), true) = (hosted.shared_at, stands) {
            report.add(
                at,
                format_args!(
                    "secondaries fetch a zone again when its serial grows, and answers of {} change without that; add \
                     serial = \"time\"",
                    zone.name
                ),
            );
        }
    }
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

/// Hosted zones by name: where a DNS name lies.
pub(super) fn by_name<'h>(hosted: &'h [Hosted<'_>]) -> BTreeMap<&'h str, u16> {
    (0..).zip(hosted).filter_map(|(position, zone)| Some((zone.name.as_ref()?.as_str(), position))).collect()
}

/// Checks hosted zones against one another and against the zonal names, once all are read.
pub(super) fn check_hosted_zones(
    hosted: &mut [Hosted<'_>],
    zones: &Zones,
    pools: &Pools,
    report: &mut Report<'_>,
) {
    let names: BTreeMap<String, u16> =
        by_name(hosted).into_iter().map(|(name, position)| (name.to_owned(), position)).collect();
    for (position, zone) in (0..).zip(hosted) {
        let Some(apex) = zone.name.clone() else { continue };
        check_lengths(&apex, zone.at, pools, report);
        for other in names.iter().filter(|(_, other)| **other != position).map(|(name, _)| name) {
            if hides_zonal_names(other, &apex, zones, pools) {
                report.add(
                    zone.at,
                    format_args!("the hosted zone {other} hides zonal names of {apex}; rename one"),
                );
            }
        }
        if let Some(own) = &mut zone.report {
            check_plain(&zone.master, position, &apex, &names, own);
            check_zonal_names(&zone.master, &apex, zones, pools, own);
        }
    }
}

fn check_lengths(apex: &DnsName, at: usize, pools: &Pools, report: &mut Report<'_>) {
    const ZONE_MAX: usize = 20;
    let Some(pool) = pools.list.iter().flatten().map(|pool| pool.name.as_str().len()).max() else { return };
    if ZONE_MAX + 1 + pool + ".pool.".len() + apex.as_str().len() > 254 {
        report.add(at, "the zonal names <zone>.<pool>.pool.<hosted zone> would pass 253 bytes; shorten this name or the pools'");
    }
}

/// Plain records do not lie in a narrower hosted zone; what delegates to that one may.
fn check_plain(
    master: &Master,
    own: u16,
    apex: &DnsName,
    names: &BTreeMap<String, u16>,
    report: &mut Report<'_>,
) {
    let inner = names
        .keys()
        .any(|name| name != apex.as_str() && suffixes(name).any(|suffix| suffix == apex.as_str()));
    if !inner {
        return;
    }
    let mut last: Option<(&DnsName, Option<&str>)> = None;
    for Placed { record, at, .. } in &master.plain {
        let other = match last {
            Some((name, other)) if *name == record.name => other,
            _ => {
                let narrowest = suffixes(record.name.as_str()).find_map(|suffix| names.get_key_value(suffix));
                narrowest.filter(|(_, position)| **position != own).map(|(name, _)| name.as_str())
            }
        };
        last = Some((&record.name, other));
        let delegates = matches!(record.rtype, rtype::NS | rtype::DS | rtype::A | rtype::AAAA);
        if let Some(other) = other.filter(|_| !delegates) {
            report.add(*at, format_args!("{} lies in the hosted zone {other}; move it there", record.name));
        }
    }
}

pub(super) fn check_zonal_names(
    master: &Master,
    apex: &DnsName,
    zones: &Zones,
    pools: &Pools,
    report: &mut Report<'_>,
) {
    for Placed { record, at, .. } in &master.plain {
        if let Some((zone, pool)) = zonal_name(&record.name, apex, zones, pools) {
            let name = &record.name;
            report.add(
                *at,
                format_args!("{name} is the zonal name of pool `{pool}` in zone `{zone}`; remove it"),
            );
        }
    }
    for (name, cut) in master.cuts() {
        let over_all = name == apex.as_str() && !pools.list.is_empty();
        if over_all || hides_zonal_names(name, apex, zones, pools) {
            report.add(
                cut.at,
                format_args!("others answer for {name} and below it, where zonal names are; remove it"),
            );
        }
    }
}

/// The zone and pool of a zonal name of this hosted zone.
pub(super) fn zonal_name<'n>(
    name: &'n DnsName,
    apex: &DnsName,
    zones: &Zones,
    pools: &Pools,
) -> Option<(&'n str, &'n str)> {
    let (zone, rest) = below(name.as_str(), apex)?.split_once('.')?;
    let (pool, word) = rest.split_once('.')?;
    (word == "pool" && zones.names.get(zone).is_some() && pools.names.get(pool).is_some())
        .then_some((zone, pool))
}

/// Whether zonal names of `apex` are `name` or below it.
fn hides_zonal_names(name: &str, apex: &DnsName, zones: &Zones, pools: &Pools) -> bool {
    let Some(front) = below(name, apex) else { return false };
    let mut labels = front.rsplit('.');
    labels.next() == Some("pool")
        && !pools.list.is_empty()
        && labels.next().is_none_or(|pool| pools.names.get(pool).is_some())
        && labels.next().is_none_or(|zone| zones.names.get(zone).is_some())
        && labels.next().is_none()
}

/// What stands before `apex` in a name below it, without the dot between.
fn below<'n>(name: &'n str, apex: &DnsName) -> Option<&'n str> {
    if apex.as_str() == "." {
        name.strip_suffix('.')
    } else {
        name.strip_suffix(apex.as_str())?.strip_suffix('.')
    }
}
