//! Consumers of zone status that must be heard of: without a word of them they are shown as silent.
//!
//! Not here: who was heard (`hf-consumers`).

use hf_consumers::{ConsumerKind, ConsumerName, Expected};
use hf_model::ZoneId;

use super::zones::{Zones, named};
use crate::estate::limits;
use crate::walk::{Fields, Names, Report, Value};

/// The consumers of the file; those with a problem are `None`.
pub(super) fn consumers(
    root: &mut Fields<'_, '_>,
    zones: &Zones,
    report: &mut Report<'_>,
) -> Vec<Option<Expected>> {
    let mut names = Names::new("consumer");
    let tables = root.list("consumer", "a consumer", limits::CONSUMERS, report);
    let mut all = Vec::with_capacity(tables.len());
    for (position, mut fields) in (0_u16..).zip(tables) {
        let name = named(&mut fields, "name", position, &mut names, report)
            .and_then(|name| name.read(report, ConsumerName::new));
        let kind = match fields.get("kind") {
            Some(value) => value.read(report, str::parse),
            None => Some(ConsumerKind::Other),
        };
        let places = match fields.get("zones") {
            Some(value) => places(value, zones, report),
            None => Some(Vec::new()),
        };
        fields.finish(&[], report);
        let consumer = || Some(Expected { name: name?, kind: kind?, zones: places? });
        all.push(consumer());
    }
    all
}

/// Ids of zones, whatever name they are called by.
fn places(value: Value<'_, '_>, zones: &Zones, report: &mut Report<'_>) -> Option<Vec<ZoneId>> {
    let (mut all, mut whole) = (Vec::<usize>::new(), true);
    for item in value.items_up_to(limits::ZONES, report)? {
        match item.text(report).and_then(|text| zones.names.find(text, item.at(), report)) {
            Some(zone) if all.contains(&usize::from(zone)) => {
                report.add(item.at(), "this zone is listed twice; remove one of the two");
                whole = false;
            }
            Some(zone) => all.push(usize::from(zone)),
            None => whole = false,
        }
    }
    let id = |zone: usize| zones.list[zone].as_ref().map(|zone| zone.id.clone());
    if whole { all.into_iter().map(id).collect() } else { None }
}
