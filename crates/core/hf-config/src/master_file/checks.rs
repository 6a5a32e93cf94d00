//! What a zone must satisfy as a whole.
//!
//! Not here: what one record must satisfy.

use std::collections::{BTreeMap, BTreeSet};

use domain::base::iana::Rtype;
use hf_model::DnsName;

use super::{Master, Placed, rtype, suffixes};
use crate::walk::Report;

pub(super) fn check_apex(apex: &DnsName, master: &Master, soa_seen: bool, report: &mut Report<'_>) {
    if !soa_seen {
        report.add_whole(format_args!("the zone has no SOA; add one at {apex}"));
    }
    if report.is_clean() && !master.at(apex).any(|placed| placed.record.rtype == rtype::NS) {
        report.add_whole(format_args!("the zone has no NS at {apex}; add at least one"));
    }
}

/// Bytes of one set in an answer at most: each record takes [`RECORD_BYTES`] beside its data, and a message holds no more.
const SET_BYTES_MAX: usize = 65_000;
const RECORD_BYTES: usize = 12;

/// One TTL for each name and type, a CNAME alone at its name, one DNAME and no delegation beside it, sets that an answer holds; a record written
/// twice counts once.
pub(crate) fn check_sets(apex: &DnsName, master: &mut Master, report: &mut Report<'_>) {
    let mut twice = BTreeSet::new();
    for (name, positions) in &master.by_name {
        let mut ttl_of: BTreeMap<u16, u32> = BTreeMap::new();
        let mut data = BTreeSet::new();
        let mut bytes_of: BTreeMap<u16, usize> = BTreeMap::new();
        for position in positions {
            let Placed { record, at, .. } = &master.plain[*position];
            let ttl = *ttl_of.entry(record.rtype).or_insert(record.ttl);
            if ttl != record.ttl {
                let kind = Rtype::from_int(record.rtype);
                report.add(
                    *at,
                    format_args!(
                        "the {kind} records of {name} have TTLs {ttl} and {}; write the same for all",
                        record.ttl
                    ),
                );
            }
            if !data.insert((record.rtype, record.rdata.as_slice())) {
                twice.insert(*position);
                continue;
            }
            let bytes = bytes_of.entry(record.rtype).or_default();
            let before = *bytes;
            *bytes += RECORD_BYTES + record.rdata.len();
            if before <= SET_BYTES_MAX && *bytes > SET_BYTES_MAX {
                let kind = Rtype::from_int(record.rtype);
                report.add(
                    *at,
                    format_args!("the {kind} records of {name} are more than an answer holds, {SET_BYTES_MAX} bytes; remove some"),
                );
            }
        }
        let count = |wanted: u16| data.iter().filter(|(kind, _)| *kind == wanted).count();
        let is_cut = *name != *apex && count(rtype::NS) > 0;
        if count(rtype::DNAME) > 1 || count(rtype::DNAME) == 1 && is_cut {
            let mut placed = positions.iter().map(|position| &master.plain[*position]);
            let at = placed.rfind(|placed| placed.record.rtype == rtype::DNAME).map_or(0, |last| last.at);
            report.add(
                at,
                format_args!("{name} has a DNAME and another one, or NS records; all below it leads to one place, remove the others"),
            );
        }
        let may_stand_beside = |kind: u16| matches!(kind, rtype::CNAME | rtype::RRSIG | rtype::NSEC);
        let cnames = count(rtype::CNAME);
        let others = data.iter().any(|(kind, _)| !may_stand_beside(*kind));
        if cnames > 1 || cnames == 1 && others {
            let cname = positions
                .iter()
                .map(|position| &master.plain[*position])
                .find(|placed| placed.record.rtype == rtype::CNAME);
            let at = cname.map_or(0, |placed| placed.at);
            report.add(
                at,
                format_args!("{name} has a CNAME and other records; a CNAME stands alone, remove it or them"),
            );
        }
    }
    if !twice.is_empty() {
        let mut position = 0..;
        master.plain.retain(|_| position.next().is_none_or(|position| !twice.contains(&position)));
        master.by_name.clear();
        for (position, placed) in master.plain.iter().enumerate() {
            master.by_name.entry(placed.record.name.clone()).or_default().push(position);
        }
    }
}

/// Below a delegation only addresses (glue) may stand, at it only what the parent says of it.
pub(crate) fn check_hidden(master: &Master, report: &mut Report<'_>) {
    if master.cuts.is_empty() {
        return;
    }
    // What is above a name is looked up once for each name around it: deep names must not cost their depth each time.
    let mut above: BTreeMap<&str, Option<&str>> = BTreeMap::new();
    for placed in &master.plain {
        let Placed { record, at, .. } = placed;
        let name = record.name.as_str();
        let mut unknown = Vec::new();
        let mut found = None;
        for suffix in suffixes(name) {
            if let Some(known) = above.get(suffix) {
                found = *known;
                break;
            }
            unknown.push(suffix);
        }
        for suffix in unknown.into_iter().rev() {
            found = found.or_else(|| master.cuts.contains_key(suffix).then_some(suffix));
            above.insert(suffix, found);
        }
        let Some(cut) = found.filter(|cut| master.is_cut(cut, name)) else { continue };
        let delegated = master.cuts.get(cut).is_some_and(|cut| cut.rtype == rtype::NS);
        let glue = matches!(record.rtype, rtype::A | rtype::AAAA);
        let parents =
            cut == name && matches!(record.rtype, rtype::NS | rtype::DS | rtype::RRSIG | rtype::NSEC);
        if !(delegated && (glue || parents)) {
            report.add(
                *at,
                format_args!("{name} is hidden by {cut}, which others answer for; remove one of the two"),
            );
        }
    }
}
