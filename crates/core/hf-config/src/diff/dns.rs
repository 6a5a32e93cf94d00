//! What there is to say of hosted zones, of names whose answers are chosen, and of what they are chosen by.
//!
//! Branches have no names: they are told by where they lead, and by their number where several lead there.
//!
//! Not here: plain records.

use std::collections::BTreeMap;

use hf_model::{Cidr, format_duration};

use super::{Facts, degrees, optional, part, value};
use crate::estate::{
    Branch, BranchTo, CidrCollection, Estate, Filter, HostedZone, Record, Remote, TransferRule, Tree,
    UpdateRule, ZoneSource,
};

pub(super) fn hosted_zone(zone: &HostedZone) -> (String, Facts) {
    let mut facts = Facts::new();
    let soa = zone.soa.as_ref().map(|soa| {
        format!(
            "{} {} {} {} {} {} {} ttl {}",
            soa.mname, soa.rname, soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum, soa.ttl
        )
    });
    optional(&mut facts, "SOA", soa);
    value(
        &mut facts,
        "source",
        match &zone.source {
            ZoneSource::Estate => "estate",
            ZoneSource::NodeFile => "node",
            ZoneSource::Secondary(_) => "primaries",
        },
    );
    value(&mut facts, "serial", zone.serial);
    if let ZoneSource::Secondary(primaries) = &zone.source {
        remotes(&mut facts, "primary", primaries);
    }
    remotes(&mut facts, "notify", &zone.transfers.notify);
    for rule in &zone.transfers.allow {
        part(&mut facts, format!("transfers {}", transfer_rule(rule)), BTreeMap::new());
    }
    for rule in &zone.updates {
        part(&mut facts, format!("updates {}", update_rule(rule)), BTreeMap::new());
    }
    let dnssec =
        zone.dnssec.map(|policy| format!("{} for {}", policy.algorithm, format_duration(policy.validity)));
    optional(&mut facts, "dnssec", dnssec);
    (format!("hosted zone {}", zone.name), facts)
}

fn remotes(facts: &mut Facts, what: &str, list: &[Remote]) {
    for remote in list {
        let key = remote.key.as_ref().map_or("none".to_owned(), ToString::to_string);
        part(facts, format!("{what} {}", remote.address), BTreeMap::from([("key", key)]));
    }
}

fn transfer_rule(rule: &TransferRule) -> String {
    match (&rule.network, &rule.key) {
        (Some(network), Some(key)) => format!("from {network} with key {key}"),
        (Some(network), None) => format!("from {network}"),
        (None, Some(key)) => format!("with key {key}"),
        (None, None) => "for everybody".to_owned(),
    }
}

fn update_rule(rule: &UpdateRule) -> String {
    let names: Vec<String> = rule.names.iter().map(ToString::to_string).collect();
    let types: Vec<String> = rule.types.iter().map(|kind| crate::type_text(*kind)).collect();
    let types = if types.is_empty() { "all types".to_owned() } else { types.join(", ") };
    format!("with key {} of {} ({types})", rule.key, names.join(", "))
}

fn chain(filters: &[Filter]) -> String {
    let chain: Vec<String> = filters.iter().map(ToString::to_string).collect();
    format!("[{}]", chain.join(", "))
}

pub(super) fn record(estate: &Estate, record: &Record) -> (String, Facts) {
    let mut facts = Facts::new();
    value(&mut facts, "ttl", format_args!("{}s", record.ttl.seconds()));
    value(&mut facts, "pool", &estate.pool(record.pool).name);
    value(&mut facts, "choose", chain(&record.choose));
    optional(&mut facts, "sticky", record.sticky);
    optional(&mut facts, "control", record.control.as_ref());
    (format!("record {} {}", record.name, record.family), facts)
}

pub(super) fn tree(estate: &Estate, tree: &Tree) -> (String, Facts) {
    let mut facts = Facts::new();
    value(&mut facts, "ttl", format_args!("{}s", tree.ttl.seconds()));
    value(&mut facts, "choose", chain(&tree.choose));
    optional(&mut facts, "sticky", tree.sticky);
    optional(&mut facts, "control", tree.control.as_ref());
    value(&mut facts, "all_down", tree.all_down);
    let mut count_of: BTreeMap<String, usize> = BTreeMap::new();
    for branch in &tree.branches {
        let to = leads_to(estate, branch.to);
        let count = count_of.entry(to.clone()).or_default();
        *count += 1;
        let key = if *count == 1 { format!("branch to {to}") } else { format!("branch {count} to {to}") };
        part(&mut facts, key, facts_of(estate, branch));
    }
    (format!("record {} {}", tree.name, tree.family), facts)
}

fn leads_to(estate: &Estate, to: BranchTo) -> String {
    match to {
        BranchTo::Pool(pool) => format!("pool {}", estate.pool(pool).name),
        BranchTo::Record(at) => format!("record {}", estate.records[usize::from(at)].name),
        BranchTo::Tree(at) => format!("record {}", estate.trees[usize::from(at)].name),
    }
}

fn facts_of(estate: &Estate, branch: &Branch) -> BTreeMap<&'static str, String> {
    let none = || "none".to_owned();
    let mut facts = BTreeMap::from([
        ("weight", branch.weight.0.to_string()),
        ("priority", branch.priority.to_string()),
        ("minimum", branch.minimum.to_string()),
        ("bias", branch.bias.to_string()),
        ("region", branch.region.map_or_else(none, |region| estate.regions[region.at()].id.to_string())),
        ("location", branch.location.map_or_else(none, degrees)),
        ("control", branch.control.as_ref().map_or_else(none, ToString::to_string)),
    ]);
    let areas: Vec<String> = branch.geo.iter().map(ToString::to_string).collect();
    facts.insert("geo", format!("[{}]", areas.join(", ")));
    let cidr = branch.cidr.as_ref().map(|(collection, places)| {
        let collection = &estate.cidr_collections[usize::from(*collection)];
        let labels = places.iter().map(|at| collection.places[usize::from(*at)].0.as_str());
        format!("{}: {}", collection.name, labels.collect::<Vec<_>>().join(", "))
    });
    facts.insert("cidr", cidr.unwrap_or_else(none));
    facts.insert("choose", chain(&branch.choose));
    facts
}

pub(super) fn collection(collection: &CidrCollection) -> (String, Facts) {
    let mut facts = Facts::new();
    for (label, networks) in &collection.places {
        let networks: Vec<String> = networks.iter().map(Cidr::to_string).collect();
        value(&mut facts, &format!("place {label}"), format_args!("[{}]", networks.join(", ")));
    }
    (format!("CIDR collection {}", collection.name), facts)
}
