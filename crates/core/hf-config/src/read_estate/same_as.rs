//! ALIAS records: names that answer A and AAAA as another name of ours does.
//!
//! 1. The other name is ours: in a hosted zone that we have, not below a delegation. Nobody is asked for it.
//! 2. Aliases may lead to aliases, not in a ring, at most eight in a row.
//! 3. Where all of a hosted zone is known here, the other name answers something.
//!
//! Not here: answering.

use std::collections::BTreeMap;

use hf_model::DnsName;

use super::hosted::{Hosted, by_name, zonal_name};
use super::records::{Around, Draft, Targets};
use crate::estate::{AddressFamily, Alias, ZoneSource, limits};
use crate::master_file::{rtype, suffixes};
use crate::walk::Report;

/// An alias whose target is not looked up yet.
pub(super) struct Found {
    alias: Option<Alias>,
    name: Option<DnsName>,
    /// The target and its place.
    to: Option<(DnsName, usize)>,
}

pub(super) fn same_as(mut draft: Draft<'_, '_>, report: &mut Report<'_>) -> Found {
    let to = draft.fields.need("to", report).and_then(|value| {
        let name = value.read(report, |text| {
            let name = DnsName::new(text).map_err(|error| error.to_string())?;
            if name.as_str().contains('*') {
                return Err("an ALIAS leads to one name; write one without '*'".to_owned());
            }
            Ok(name)
        })?;
        Some((name, value.at()))
    });
    draft.fields.finish(&[], report);
    let alias = || {
        let (to, _) = to.clone()?;
        Some(Alias { name: draft.name.clone()?, to, hosted_zone: draft.hosted_zone? })
    };
    Found { alias: alias(), name: draft.name.clone(), to }
}

/// Looks the targets up once all names are known.
pub(super) fn settle(
    list: Vec<Found>,
    targets: &Targets,
    hosted: &[Hosted<'_>],
    around: &Around<'_>,
    report: &mut Report<'_>,
) -> Vec<Option<Alias>> {
    let names = by_name(hosted);
    let next: BTreeMap<&DnsName, (&DnsName, usize)> = list
        .iter()
        .filter_map(|found| Some((found.name.as_ref()?, found.to.as_ref().map(|(to, at)| (to, *at))?)))
        .collect();
    for (name, (to, at)) in &next {
        check_chain(name, *at, &next, report);
        let Some(position) = suffixes(to.as_str()).find_map(|suffix| names.get(suffix)) else {
            // With an unreadable hosted zone it may lie in that one.
            if hosted.iter().all(|zone| zone.name.is_some()) {
                report.add(
                    *at,
                    format_args!(
                        "{to} lies in no hosted zone of ours, and an ALIAS asks nobody else; use a CNAME, or write \
                         the addresses out"
                    ),
                );
            }
            continue;
        };
        check_target(to, *at, targets, &hosted[usize::from(*position)], around, report);
    }
    list.into_iter().map(|found| found.alias).collect()
}

/// Follows an alias as an answer would.
fn check_chain(
    name: &DnsName,
    at: usize,
    next: &BTreeMap<&DnsName, (&DnsName, usize)>,
    report: &mut Report<'_>,
) {
    let mut current = name;
    for _ in 0..limits::TREE_DEPTH {
        match leads(current, next) {
            Some(to) if to == name => {
                report.add(
                    at,
                    "these ALIAS records go round in a ring; let one lead to a name that has addresses",
                );
                return;
            }
            Some(to) => current = to,
            None => return,
        }
    }
    // A ring that this one only leads into is told at its own members.
    let mut seen = std::collections::BTreeSet::from([current]);
    while let Some(to) = leads(current, next) {
        current = to;
        if !seen.insert(current) {
            return;
        }
        if seen.len() > limits::NAME_ALIASES {
            break;
        }
    }
    let max = limits::TREE_DEPTH;
    report.add(
        at,
        format_args!("more than {max} ALIAS records lead to one another from here; name the last one"),
    );
}

/// Where a name leads as an alias, by itself or by a wildcard.
fn leads<'n>(name: &DnsName, next: &BTreeMap<&DnsName, (&'n DnsName, usize)>) -> Option<&'n DnsName> {
    let wildcard = |suffix| DnsName::new(suffix).and_then(|parent: DnsName| parent.child("*")).ok();
    let found = next
        .get(name)
        .or_else(|| suffixes(name.as_str()).skip(1).find_map(|suffix| next.get(&wildcard(suffix)?)));
    found.map(|(to, _)| *to)
}

fn check_target(
    to: &DnsName,
    at: usize,
    targets: &Targets,
    zone: &Hosted<'_>,
    around: &Around<'_>,
    report: &mut Report<'_>,
) {
    let masters = [&zone.master, &zone.extra];
    if let Some(cut) = masters.iter().find_map(|master| master.cut_above(to)) {
        report.add(
            at,
            format_args!(
                "others answer for {to} because of {cut}, and an ALIAS asks nobody else; choose another name"
            ),
        );
        return;
    }
    let mut plain = masters.iter().flat_map(|master| master.at(to));
    if let Some(cname) = plain.find(|placed| placed.record.rtype == rtype::CNAME) {
        let leads = crate::data_text(&cname.record);
        report.add(at, format_args!("{to} is a CNAME; write the name that it leads to, {leads}"));
        return;
    }
    // Contents that are not in the estate, or that may grow, are not judged.
    let whole = zone.zone.is_some() && zone.source == Some(ZoneSource::Estate) && !zone.is_updated;
    if whole && !answers(to, targets, zone, around) {
        report.add(
            at,
            format_args!("{to} has no address, steered or plain; add a record for it or change `to`"),
        );
    }
}

/// Whether the name answers A or AAAA, itself or by a wildcard.
fn answers(to: &DnsName, targets: &Targets, zone: &Hosted<'_>, around: &Around<'_>) -> bool {
    let has = |name: &DnsName| {
        let chosen = |family| targets.chosen.contains_key(&(name.clone(), family));
        let addresses = |rtype| matches!(rtype, rtype::A | rtype::AAAA);
        chosen(AddressFamily::V4)
            || chosen(AddressFamily::V6)
            || targets.aliases.contains(name)
            || [&zone.master, &zone.extra]
                .iter()
                .flat_map(|master| master.at(name))
                .any(|placed| addresses(placed.record.rtype))
    };
    let zonal =
        zone.name.as_ref().is_some_and(|apex| zonal_name(to, apex, around.zones, around.pools).is_some());
    let wildcard = || {
        let apex = zone.name.as_ref().map_or(".", DnsName::as_str);
        let mut above = suffixes(to.as_str()).skip(1);
        above.by_ref().take_while(|suffix| suffix.len() >= apex.len()).any(|suffix| {
            DnsName::new(suffix).and_then(|parent| parent.child("*")).is_ok_and(|wildcard| has(&wildcard))
        })
    };
    zonal || has(to) || wildcard()
}
