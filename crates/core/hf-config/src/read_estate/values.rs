//! Plain records in the estate file: `values` as they would stand in a master file, names absolute.
//!
//! Not here: the grammar of each type's data (`master_file`).

use std::collections::BTreeSet;

use super::hosted::{Hosted, check_zonal_names};
use super::records::{Around, Draft, Kind, TTL_PLAIN, ttl};
use crate::estate::{PlainRecord, ZoneSource, limits};
use crate::master_file::{Placed, check_hidden, check_sets, read_value};
use crate::walk::Report;

/// Reads one table into its hosted zone.
pub(super) fn values(mut draft: Draft<'_, '_>, hosted: &mut [Hosted<'_>], report: &mut Report<'_>) {
    let ttl = ttl(&mut draft.fields, TTL_PLAIN, report);
    let told = draft.fields.has("answer") || draft.fields.has("answers");
    let value = if told { draft.fields.get("values") } else { draft.fields.need("values", report) };
    let items = value.and_then(|value| value.items_up_to(limits::VALUES, report)).unwrap_or_default();
    if let (Some(value), true) = (value.filter(|value| value.is_list()), items.is_empty()) {
        report.add(value.at(), "a record has at least one value; add it");
    }
    let zone = draft.hosted_zone.map(|position| &mut hosted[usize::from(position)]);
    if let (Some(value), Some(zone)) = (value, &zone)
        && zone.source.as_ref().is_some_and(|source| *source != ZoneSource::Estate)
    {
        report.add(
            value.at(),
            "the plain records of this hosted zone come from elsewhere (`source` or `primaries`); write it there",
        );
    }
    let kind = match draft.kind {
        Some(Kind::Plain(kind)) => Some(kind),
        Some(Kind::Address(_) | Kind::Alias) | None => None,
    };
    let mut read = Vec::new();
    for item in items {
        let Some(kind) = kind else { continue };
        if let Some(rdata) = item.read(report, |text| read_value(kind, text)) {
            read.push((item.at(), rdata));
        }
    }
    draft.fields.finish(&[], report);
    if let (Some(zone), Some(name), Some(kind), Some(ttl)) = (zone, draft.name, kind, ttl) {
        for (at, rdata) in read {
            let record = PlainRecord { name: name.clone(), rtype: kind, ttl: ttl.seconds(), rdata };
            zone.extra.plain.push(Placed { record, line: 0, at });
        }
    }
}

/// Checks what the estate file adds to each hosted zone: by itself, and beside the master file.
pub(super) fn check_values(hosted: &mut [Hosted<'_>], around: &Around<'_>, report: &mut Report<'_>) {
    for zone in hosted {
        let Some(apex) = &zone.name else { continue };
        if zone.extra.plain.is_empty() {
            continue;
        }
        zone.extra.index(apex);
        check_sets(apex, &mut zone.extra, report);
        check_hidden(&zone.extra, report);
        check_zonal_names(&zone.extra, apex, around.zones, around.pools, report);
        if zone.extra.cuts().next().is_none() {
            continue;
        }
        // A delegation hides the names of the master file too; the one that came later is the one to move.
        let mut told: BTreeSet<&str> = BTreeSet::new();
        for Placed { record, .. } in &zone.master.plain {
            let Some(cut) = zone.extra.cut_above(&record.name) else { continue };
            let may = zone.extra.may_stand_below(cut, &record.name, true, &[record.rtype]);
            if let (false, Some(at), true) = (may, zone.extra.cut_at(cut), told.insert(cut)) {
                report.add(
                    at,
                    format_args!(
                        "others answer below {cut}, where the master file has {}; remove one of the two",
                        record.name
                    ),
                );
            }
        }
    }
}
