//! What changes from one estate to another, in words.
//!
//! Things are known by their names: a renamed thing is one removed and one added. Order in the files does not count.
//! Not here: whether a change is wise.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use hf_model::{Location, Share, format_duration};

use crate::estate::{
    Alias, AllDown, CrossZone, Endpoint, Estate, EstateControl, EstateRule, PlainRecord, Pool, Region, Zone,
};

mod carrying;
mod checks;
mod closing;
mod dns;

/// One line of difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happens to it.
    pub act: Act,
    /// The thing: `pool web`, `record www.example.test. A`.
    pub thing: String,
    /// What of it changes: `endpoint 10.1.1.10:8080 weight 100 -> 50`. Empty when it comes or goes as a whole.
    pub detail: String,
}

/// What happens to a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// It is new.
    Added,
    /// It goes.
    Removed,
    /// It stays, something of it changes.
    Changed,
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.act {
            Act::Added => '+',
            Act::Removed => '-',
            Act::Changed => '~',
        };
        write!(f, "{sign} {}", self.thing)?;
        if self.detail.is_empty() { Ok(()) } else { write!(f, ": {}", self.detail) }
    }
}

/// What changes from `old` (nothing at all, if absent) to `new`: by kind, then by name.
pub fn diff(old: Option<&Estate>, new: &Estate) -> Vec<Change> {
    let mut changes = Vec::new();
    let old = Side { estate: old };
    let new = Side { estate: Some(new) };
    let all = [
        regions,
        zones,
        checks::health_checks,
        pools,
        hosted_zones,
        chosen,
        aliases,
        plain_records,
        cidr_collections,
        control_panels,
        routing_controls,
        safety_rules,
        carrying::assignments,
        carrying::services,
        carrying::consumers,
        closing::closing_sources,
    ];
    for facts in all {
        compare(&facts(&old), &facts(&new), &mut changes);
    }
    changes
}

struct Side<'a> {
    estate: Option<&'a Estate>,
}

/// Each thing by its name, with its facts: what they are about, and their value. A fact that is only there or not
/// (an endpoint, an alias) has its presence as value.
type Things = BTreeMap<String, Facts>;
type Facts = BTreeMap<String, Fact>;

enum Fact {
    /// Always there; `old -> new` when it differs.
    Value(String),
    /// May come and go as a part; told as a whole when it does, its own facts when they differ.
    Part(BTreeMap<&'static str, String>),
    /// Text with secrets in it: `compared` as it is, only `shown` is told.
    Masked { compared: String, shown: String },
}

fn compare(old: &Things, new: &Things, changes: &mut Vec<Change>) {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    for thing in names {
        let mut push = |act, detail| changes.push(Change { act, thing: thing.clone(), detail });
        match (old.get(thing), new.get(thing)) {
            (None, Some(_)) => push(Act::Added, String::new()),
            (Some(_), None) => push(Act::Removed, String::new()),
            (Some(old), Some(new)) => compare_facts(old, new, |detail| push(Act::Changed, detail)),
            (None, None) => {}
        }
    }
}

fn compare_facts(old: &Facts, new: &Facts, mut push: impl FnMut(String)) {
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    for key in keys {
        match (old.get(key), new.get(key)) {
            (Some(Fact::Value(old)), Some(Fact::Value(new))) if old != new => {
                push(format!("{key} {old} -> {new}"));
            }
            (Some(Fact::Part(old)), Some(Fact::Part(new))) => {
                for (what, before) in old {
                    let after = new.get(what).map_or("", String::as_str);
                    if before != after {
                        push(format!("{key} {what} {before} -> {after}"));
                    }
                }
            }
            (
                Some(Fact::Masked { compared: old, shown: before }),
                Some(Fact::Masked { compared: new, shown: after }),
            ) if old != new && before != after => push(format!("{key} {before} -> {after}")),
            (Some(Fact::Masked { compared: old, .. }), Some(Fact::Masked { compared: new, shown }))
                if old != new =>
            {
                push(format!("{key} {shown} with other values, which are not shown"));
            }
            (None, Some(Fact::Masked { shown, .. })) => push(format!("{key} {shown} added")),
            (Some(_), None) => push(format!("{key} removed")),
            (None, Some(Fact::Part(part))) if !part.is_empty() => {
                let facts: Vec<String> = part.iter().map(|(what, value)| format!("{what} {value}")).collect();
                push(format!("{key} added ({})", facts.join(", ")));
            }
            (None, Some(_)) => push(format!("{key} added")),
            _ => {}
        }
    }
}

fn value(facts: &mut Facts, key: &str, value: impl Display) {
    facts.insert(key.to_owned(), Fact::Value(value.to_string()));
}

fn optional(facts: &mut Facts, key: &str, found: Option<impl Display>) {
    value(facts, key, found.map_or("none".to_owned(), |found| found.to_string()));
}

fn part(facts: &mut Facts, key: String, of: BTreeMap<&'static str, String>) {
    facts.insert(key, Fact::Part(of));
}

fn regions(side: &Side<'_>) -> Things {
    let facts = |region: &Region| {
        let mut facts = Facts::new();
        optional(&mut facts, "location", region.location.map(degrees));
        optional(&mut facts, "control", region.control.as_ref());
        (format!("region {}", region.id), facts)
    };
    side.estate.into_iter().flat_map(|estate| &estate.regions).map(facts).collect()
}

/// Latitude and longitude as written: `51.5,-0.1`.
fn degrees(at: Location) -> String {
    let degrees = |millideg: i32| format!("{}", f64::from(millideg) / 1_000.0);
    format!("{},{}", degrees(at.latitude_millideg), degrees(at.longitude_millideg))
}

fn zones(side: &Side<'_>) -> Things {
    let Some(estate) = side.estate else { return Things::new() };
    let facts = |zone: &Zone| {
        let mut facts = Facts::new();
        value(&mut facts, "region", &estate.regions[zone.region.at()].id);
        optional(&mut facts, "capacity", zone.capacity.map(|capacity| capacity.0));
        optional(&mut facts, "control", zone.control.as_ref());
        for alias in &zone.aliases {
            part(&mut facts, format!("alias {alias}"), BTreeMap::new());
        }
        for network in &zone.networks {
            part(&mut facts, format!("network {network}"), BTreeMap::new());
        }
        (format!("zone {}", zone.id), facts)
    };
    estate.zones.iter().map(facts).collect()
}

fn pools(side: &Side<'_>) -> Things {
    let Some(estate) = side.estate else { return Things::new() };
    let endpoint = |endpoint: &Endpoint| {
        BTreeMap::from([
            ("zone", estate.zone(endpoint.zone).id.to_string()),
            ("weight", endpoint.weight.0.to_string()),
            ("priority", endpoint.priority.to_string()),
        ])
    };
    let facts = |pool: &Pool| {
        let mut facts = Facts::new();
        value(&mut facts, "protocol", pool.protocol);
        optional(&mut facts, "listen", pool.listen);
        optional(
            &mut facts,
            "health_check",
            pool.health_check.map(|check| &estate.health_checks[check.at()].name),
        );
        value(&mut facts, "cross_zone", pool.cross_zone == CrossZone::On);
        value(&mut facts, "min_zones", pool.min_zones);
        value(&mut facts, "min_capacity", share(pool.min_capacity));
        match pool.all_down {
            AllDown::Open => value(&mut facts, "all_down", "open"),
            AllDown::Closed => value(&mut facts, "all_down", "closed"),
            AllDown::Fallback(other) => {
                value(&mut facts, "all_down", format_args!("fallback:{}", estate.pool(other).name));
            }
        }
        value(&mut facts, "dns_minimum", pool.dns_minimum);
        value(&mut facts, "routing_minimum", pool.routing_minimum);
        value(&mut facts, "return_over", format_duration(pool.return_over));
        optional(&mut facts, "control", pool.control.as_ref());
        carrying::facts(estate, pool, &mut facts);
        for found in &pool.endpoints {
            part(&mut facts, format!("endpoint {}", found.address), endpoint(found));
        }
        (format!("pool {}", pool.name), facts)
    };
    estate.pools.iter().map(facts).collect()
}

/// As it may be written in the file: `50%`, `12.5%`.
pub(crate) fn share(of: Share) -> String {
    let (whole, rest) = (of.ppm() / 10_000, of.ppm() % 10_000);
    let digits = format!("{rest:04}");
    match digits.trim_end_matches('0') {
        "" => format!("{whole}%"),
        digits => format!("{whole}.{digits}%"),
    }
}

fn hosted_zones(side: &Side<'_>) -> Things {
    side.estate.into_iter().flat_map(|estate| &estate.hosted_zones).map(dns::hosted_zone).collect()
}

fn cidr_collections(side: &Side<'_>) -> Things {
    side.estate.into_iter().flat_map(|estate| &estate.cidr_collections).map(dns::collection).collect()
}

/// Steered records and trees: one name and type is one thing, also when it becomes the other sort.
fn chosen(side: &Side<'_>) -> Things {
    let Some(estate) = side.estate else { return Things::new() };
    let leaves = estate.records.iter().map(|record| dns::record(estate, record));
    leaves.chain(estate.trees.iter().map(|tree| dns::tree(estate, tree))).collect()
}

fn aliases(side: &Side<'_>) -> Things {
    let facts = |alias: &Alias| {
        let mut facts = Facts::new();
        value(&mut facts, "to", &alias.to);
        (format!("record {} ALIAS", alias.name), facts)
    };
    side.estate.into_iter().flat_map(|estate| &estate.aliases).map(facts).collect()
}

/// By name and type; the values are parts of it.
fn plain_records(side: &Side<'_>) -> Things {
    let mut things = Things::new();
    for record in side.estate.into_iter().flat_map(|estate| &estate.hosted_zones).flat_map(|zone| &zone.plain)
    {
        let PlainRecord { name, rtype, ttl, .. } = record;
        let thing = format!("plain record {name} {}", crate::plain::type_text(*rtype));
        let facts = things.entry(thing).or_default();
        value(facts, "ttl", format_args!("{ttl}s"));
        part(facts, format!("value {}", crate::plain::data_text(record)), BTreeMap::new());
    }
    things
}

fn control_panels(side: &Side<'_>) -> Things {
    let panels = side.estate.into_iter().flat_map(|estate| &estate.control_panels);
    panels.map(|panel| (format!("control panel {}", panel.name), Facts::new())).collect()
}

fn routing_controls(side: &Side<'_>) -> Things {
    let facts = |control: &EstateControl| {
        let mut facts = Facts::new();
        value(&mut facts, "initial", control.initial);
        (format!("routing control {}", control.path), facts)
    };
    side.estate.into_iter().flat_map(|estate| &estate.routing_controls).map(facts).collect()
}

fn safety_rules(side: &Side<'_>) -> Things {
    let facts = |rule: &EstateRule| {
        let mut facts = Facts::new();
        value(&mut facts, "asks", &rule.rule);
        value(&mut facts, "wait_period", format_duration(rule.wait_period));
        (format!("safety rule {}", rule.path), facts)
    };
    side.estate.into_iter().flat_map(|estate| &estate.safety_rules).map(facts).collect()
}

#[cfg(test)]
mod tests;
