//! Catalog zones (RFC 9432): hosted zones that tell secondaries which others there are. Their records are made here.
//!
//! 1. A catalog tells of all hosted zones that somebody may transfer, or of those that it lists. Catalogs are in no catalog, and a hosted zone is in one
//!    at most: of two, secondaries take whichever they saw first.
//! 2. A member's label is made from its name alone: it stays when others come and go, so that secondaries keep what they have.
//! 3. Nothing else stands in a catalog: no record, no hosted zone inside it.
//! 4. What nobody may transfer is no use there: a catalog without `transfers`, and a listed member without, are problems.
//!
//! The serial is the ledger's revision, alike on all nodes, and members change with the estate only. Not here: transfers (`hf-dns`).

use std::collections::BTreeMap;

use hf_model::{Digest, DnsName, WireName};

use super::hosted::Hosted;
use crate::estate::{PlainRecord, limits};
use crate::master_file::rtype;
use crate::walk::{Fields, Report, Value, clip, there};

/// For which what stands in a catalog may be kept. Nobody asks for it but secondaries, by transfer.
const TTL_S: u32 = 60;

/// What a hosted zone says of being a catalog.
pub(super) struct Catalog {
    /// Place of `catalog`.
    at: usize,
    lists: Lists,
}

enum Lists {
    All,
    /// With their places.
    These(Vec<(DnsName, usize)>),
    Unreadable,
}

/// Reads it, where it is said.
pub(super) fn catalog(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<Catalog> {
    let value = fields.get("catalog")?;
    for key in ["file", "source", "primaries", "updates", "dnssec"] {
        let is_said = |other: &Value<'_, '_>| key != "source" || other.as_text() != Some("estate");
        if let Some(other) = fields.get(key).filter(is_said) {
            report.add(
                other.at(),
                format_args!("what stands in a catalog is made by us; remove `{key}`, or `catalog`"),
            );
        }
    }
    if let Some(serial) = fields.get("serial").filter(|serial| serial.as_text() != Some("revision")) {
        report.add(
            serial.at(),
            "the serial of a catalog is the ledger's revision, alike on all nodes; write \"revision\", or remove `serial`",
        );
    }
    let lists = if value.is_list() { these(value, report) } else { all(value, report) };
    Some(Catalog { at: value.at(), lists: lists.unwrap_or(Lists::Unreadable) })
}

fn all(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Lists> {
    value.read(report, |text| match text {
        "all" => Ok(Lists::All),
        other => Err(format!("{:?} is no catalog; write \"all\" or a list of hosted zones", clip(other))),
    })
}

fn these(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Lists> {
    let items = value.items_up_to(limits::HOSTED_ZONES, report)?;
    if items.is_empty() {
        report.add(value.at(), "a catalog lists at least one hosted zone; add it, or write \"all\"");
    }
    let mut read = |item: Value<'_, '_>| Some((item.read(report, DnsName::new)?, item.at()));
    let names: Vec<_> = items.into_iter().map(&mut read).collect();
    names.into_iter().collect::<Option<Vec<_>>>().map(Lists::These)
}

/// Fills the catalogs, once all hosted zones are read.
pub(super) fn fill(hosted: &mut [Hosted<'_>], report: &mut Report<'_>) {
    let mut taken: BTreeMap<usize, DnsName> = BTreeMap::new();
    for position in 0..hosted.len() {
        let zone = &hosted[position];
        let (Some(catalog), Some(name)) = (&zone.catalog, zone.name.clone()) else { continue };
        if zone.shared_at.is_none() {
            report.add(
                catalog.at,
                format_args!(
                    "a catalog is for those who transfer it, and nobody may transfer {name}; add `transfers`"
                ),
            );
        }
        for inner in hosted.iter().filter(|other| other.name.as_ref() != Some(&name)) {
            if let Some(other) = inner.name.as_ref().filter(|other| other.is_at_or_below(&name)) {
                let what = format_args!(
                    "the hosted zone {other} lies inside the catalog {name}, whose names are ours; rename one"
                );
                report.add(inner.at, what);
            }
        }
        let mut records = Vec::new();
        for (member, at) in members(hosted, catalog, report) {
            let of = hosted[member].name.as_ref().expect("members are those whose names could be read");
            if let Some(other) = taken.insert(member, name.clone()) {
                let what = if other == name {
                    format!("{of} is listed twice here; remove one of the two")
                } else {
                    format!(
                        "{of} is in the catalog {other} too, and secondaries take a zone from one only; remove it from one of the two"
                    )
                };
                report.add(at, what);
                continue;
            }
            records.push(of.clone());
        }
        if let Ok(records) = contents(&name, &records) {
            if let Some(zone) = &mut hosted[position].zone {
                zone.plain.extend(records);
            }
        } else {
            let what = format_args!("names in the catalog {name} would pass 253 bytes; shorten its name");
            report.add(zone.at, what);
        }
    }
}

/// Its members by position, and where each is said.
fn members(hosted: &[Hosted<'_>], catalog: &Catalog, report: &mut Report<'_>) -> Vec<(usize, usize)> {
    let is_there = |zone: &&Hosted<'_>| zone.name.is_some();
    match &catalog.lists {
        Lists::Unreadable => Vec::new(),
        Lists::All => {
            let may = |zone: &Hosted<'_>| zone.catalog.is_none() && zone.shared_at.is_some();
            let all: Vec<_> = hosted
                .iter()
                .enumerate()
                .filter(|(_, zone)| is_there(zone) && may(zone))
                .map(|(position, _)| (position, catalog.at))
                .collect();
            if all.is_empty() {
                report.advise(
                    catalog.at,
                    "nobody may transfer any other hosted zone, so this catalog is empty, and secondaries drop what they had of it; add `transfers` \
                     to those that it should tell of",
                );
            }
            all
        }
        Lists::These(names) => {
            let mut all = Vec::new();
            for (name, at) in names {
                let found = hosted.iter().position(|zone| zone.name.as_ref() == Some(name));
                let problem = match found.map(|position| &hosted[position]) {
                    None => {
                        let names = hosted.iter().filter_map(|zone| Some(zone.name.as_ref()?.as_str()));
                        format!("{name} is no hosted zone, {}; add it, or remove it here", there(names))
                    }
                    Some(zone) if zone.catalog.is_some() => {
                        format!("{name} is a catalog itself, and those are in no catalog; remove it")
                    }
                    Some(zone) if zone.shared_at.is_none() => {
                        format!("nobody may transfer {name}; add `transfers` to it, or remove it here")
                    }
                    Some(_) => {
                        all.extend(found.map(|position| (position, *at)));
                        continue;
                    }
                };
                report.add(*at, problem);
            }
            all
        }
    }
}

/// What stands in it (RFC 9432 4), the SOA aside: an NS that leads nowhere, the version, the members.
fn contents(name: &DnsName, members: &[DnsName]) -> Result<Vec<PlainRecord>, hf_model::DnsNameError> {
    let record = |name, rtype, rdata: &[u8]| PlainRecord { name, rtype, ttl: TTL_S, rdata: rdata.to_vec() };
    let mut records = vec![
        record(name.clone(), rtype::NS, b"\x07invalid\0"),
        record(name.child("version")?, rtype::TXT, b"\x012"),
    ];
    let zones = name.child("zones")?;
    for member in members {
        records.push(record(zones.child(&label(member))?, rtype::PTR, WireName::from(member).as_wire()));
    }
    Ok(records)
}

/// 128 bits of a digest: no two names that an estate can have come to one.
fn label(member: &DnsName) -> String {
    Digest::of(member.as_str().as_bytes()).to_string()[..32].to_owned()
}
