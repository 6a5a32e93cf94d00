//! CIDR collections: networks under labels, which branches are chosen by.
//!
//! A network stands once in a collection: of two places that name it, nobody could say which is meant. A narrower one inside a
//! wider one is fine: the narrowest counts.
//!
//! Not here: the branches (`trees`).

use std::collections::BTreeMap;

use hf_model::{Cidr, CollectionName};

use super::zones::named;
use crate::estate::{CidrCollection, limits};
use crate::walk::{Fields, Names, Report, Value, clip};

/// The collections of the file; those with a problem are `None`.
pub(super) struct Collections {
    pub(super) list: Vec<Option<CidrCollection>>,
    pub(super) names: Names,
    /// The labels of each, as written.
    pub(super) places: Vec<Names>,
}

pub(super) fn collections(root: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Collections {
    let mut found =
        Collections { list: Vec::new(), names: Names::new("CIDR collection"), places: Vec::new() };
    let mut room = limits::CIDR_NETWORKS;
    for (position, fields) in
        (0..).zip(root.list("cidr_collection", "a CIDR collection", limits::CIDR_COLLECTIONS, report))
    {
        let mut places = Names::new("place of this CIDR collection");
        let read = collection(fields, position, &mut found.names, &mut places, &mut room, report);
        found.list.push(read);
        found.places.push(places);
    }
    found
}

fn collection(
    mut fields: Fields<'_, '_>,
    position: u16,
    names: &mut Names,
    labels: &mut Names,
    room: &mut usize,
    report: &mut Report<'_>,
) -> Option<CidrCollection> {
    let name = named(&mut fields, "name", position, names, report)
        .and_then(|name| name.read(report, CollectionName::new));
    let places = fields.need("places", report).and_then(|value| places(value, labels, room, report));
    fields.finish(&[], report);
    Some(CidrCollection { name: name?, places: places? })
}

fn places(
    value: Value<'_, '_>,
    labels: &mut Names,
    room: &mut usize,
    report: &mut Report<'_>,
) -> Option<Vec<(String, Vec<Cidr>)>> {
    let mut entries = value.entries(report)?;
    entries.sort_by_key(|(label, _, _)| *label);
    if entries.is_empty() {
        report.add(
            value.at(),
            "a CIDR collection has at least one place, such as office = [\"192.0.2.0/24\"]; add it",
        );
    }
    if let Some((_, at, _)) = entries.get(limits::CIDR_PLACES) {
        let (max, count) = (limits::CIDR_PLACES, entries.len());
        report.add(*at, format_args!("at most {max} places in a collection, there are {count}; remove some"));
    }
    let mut taken: BTreeMap<Cidr, &str> = BTreeMap::new();
    let mut whole = true;
    let mut list = Vec::new();
    for (position, (label, at, value)) in (0..).zip(entries.into_iter().take(limits::CIDR_PLACES)) {
        labels.insert(label, position, at, report);
        if !(1..=63).contains(&label.len()) || label.contains(char::is_control) {
            report.add(at, "the label of a place has 1 to 63 bytes and no control characters; change it");
        }
        let Some(items) = value.items_up_to(*room, report) else {
            whole = false;
            continue;
        };
        *room -= items.len();
        if items.is_empty() {
            report.add(
                value.at(),
                format_args!("place `{}` has no network; add one or remove it", clip(label)),
            );
        }
        let mut networks = Vec::with_capacity(items.len());
        for item in items {
            let Some(network) = item.read(report, Cidr::new) else {
                whole = false;
                continue;
            };
            if let Some(other) = taken.insert(network, label) {
                report.add(
                    item.at(),
                    format_args!(
                        "network {network} is also in place `{}` of this collection; remove one of the two",
                        clip(other)
                    ),
                );
            }
            networks.push(network);
        }
        list.push((label.to_owned(), networks));
    }
    whole.then_some(list)
}
