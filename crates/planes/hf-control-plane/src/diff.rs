//! What would change from one estate to another: each thing as one line of facts, compared by name.
//!
//! Not here: whether it may change (`hf-control`).

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use hf_api::{Change, ChangeKind};
use hf_config::estate::{AllDown, CheckKind, CrossZone, Estate, HostedZone, PlainRecord, Protocol};
use hf_model::format_duration;

/// The changes, in the order of the new estate, what goes last.
pub fn diff(before: Option<&Estate>, after: &Estate) -> Vec<Change> {
    let old = before.map(facts).unwrap_or_default();
    let new = facts(after);
    let old_by_name: BTreeMap<&str, &str> =
        old.iter().map(|(what, fact)| (what.as_str(), fact.as_str())).collect();
    let new_by_name: BTreeMap<&str, &str> =
        new.iter().map(|(what, fact)| (what.as_str(), fact.as_str())).collect();
    let added_or_changed = new.iter().filter_map(|(what, fact)| {
        let from = old_by_name.get(what.as_str()).copied();
        let kind = if from.is_none() { ChangeKind::Added } else { ChangeKind::Changed };
        (from != Some(fact)).then(|| Change {
            kind,
            what: what.clone(),
            from: from.map(ToOwned::to_owned),
            to: Some(fact.clone()),
        })
    });
    let removed =
        old.iter().filter(|(what, _)| !new_by_name.contains_key(what.as_str())).map(|(what, fact)| Change {
            kind: ChangeKind::Removed,
            what: what.clone(),
            from: Some(fact.clone()),
            to: None,
        });
    added_or_changed.chain(removed).collect()
}

/// Everything that an estate says: name and facts.
fn facts(estate: &Estate) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    for region in &estate.regions {
        let degrees = |millidegrees: i32| f64::from(millidegrees) / 1_000.0;
        let place = region.location.map_or_else(
            || "no location".to_owned(),
            |at| format!("at {}, {}", degrees(at.latitude_millideg), degrees(at.longitude_millideg)),
        );
        facts.push((format!("region/{}", region.id), place));
    }
    for zone in &estate.zones {
        let mut text = format!("in {}", estate.regions[zone.region.at()].id);
        list(&mut text, "aliases", zone.aliases.iter());
        if let Some(capacity) = zone.capacity {
            add(&mut text, format_args!("capacity {}/s", capacity.0));
        }
        list(&mut text, "networks", zone.networks.iter());
        facts.push((format!("zone/{}", zone.id), text));
    }
    for check in &estate.health_checks {
        let kind = match &check.kind {
            CheckKind::Tcp => "tcp".to_owned(),
            CheckKind::Http { path, host, status: (low, high), body } => {
                let mut text = format!("http {path} for {low}-{high}");
                if let Some(host) = host {
                    add(&mut text, format_args!("host {host}"));
                }
                if let Some(body) = body {
                    add(&mut text, format_args!("body with {body:?}"));
                }
                text
            }
        };
        let every = format_duration(check.interval);
        let (timeout, confirm) = (format_duration(check.timeout), format_duration(check.confirm_interval));
        let mut text = format!("{kind}, every {every}, timeout {timeout}, confirm {confirm}");
        add(&mut text, format_args!("rise {}, fall {}", check.rise, check.fall));
        if let Some(port) = check.port {
            add(&mut text, format_args!("port {port}"));
        }
        facts.push((format!("health_check/{}", check.name), text));
    }
    for pool in &estate.pools {
        let mut text = match pool.protocol {
            Protocol::Http => "http".to_owned(),
            Protocol::Tcp => "tcp".to_owned(),
        };
        if let Some(listen) = pool.listen {
            add(&mut text, format_args!("listens on {listen}"));
        }
        match pool.health_check {
            Some(check) => add(&mut text, format_args!("check {}", estate.health_checks[check.at()].name)),
            None => add(&mut text, format_args!("no check")),
        }
        let cross = if pool.cross_zone == CrossZone::On { "on" } else { "off" };
        add(&mut text, format_args!("cross_zone {cross}, min_zones {}", pool.min_zones));
        add(&mut text, format_args!("min_capacity {}", pool.min_capacity));
        match pool.all_down {
            AllDown::Open => add(&mut text, format_args!("all_down open")),
            AllDown::Closed => add(&mut text, format_args!("all_down closed")),
            AllDown::Fallback(other) => {
                add(&mut text, format_args!("all_down fallback:{}", estate.pool(other).name))
            }
        }
        facts.push((format!("pool/{}", pool.name), text));
        for endpoint in &pool.endpoints {
            let zone = &estate.zone(endpoint.zone).id;
            let text = format!("in {zone}, weight {}, priority {}", endpoint.weight.0, endpoint.priority);
            facts.push((format!("pool/{}/endpoint/{}", pool.name, endpoint.address), text));
        }
    }
    for zone in &estate.hosted_zones {
        hosted_zone(zone, &mut facts);
    }
    for record in &estate.records {
        let rtype = if record.family == hf_config::estate::AddressFamily::V4 { "A" } else { "AAAA" };
        let mut text = format!("from pool/{}, ttl {}s", estate.pool(record.pool).name, record.ttl.seconds());
        list(&mut text, "choose", record.choose.iter());
        facts.push((format!("record/{}/{rtype}", record.name), text));
    }
    facts
}

fn hosted_zone(zone: &HostedZone, facts: &mut Vec<(String, String)>) {
    let soa = zone.soa.as_ref().map_or_else(
        || "start of authority made up".to_owned(),
        |soa| {
            format!(
                "{} {} {} {} {} {} {}, ttl {}s",
                soa.mname, soa.rname, soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum, soa.ttl
            )
        },
    );
    facts.push((format!("hosted_zone/{}", zone.name), soa));
    let mut sets: BTreeMap<(&str, u16), (u32, Vec<String>)> = BTreeMap::new();
    for record in &zone.plain {
        let set = sets.entry((record.name.as_str(), record.rtype)).or_insert((record.ttl, Vec::new()));
        set.1.push(data(record));
    }
    for ((name, rtype), (ttl, mut data)) in sets {
        data.sort();
        let text = format!("{}, ttl {ttl}s", data.join(" "));
        facts.push((format!("hosted_zone/{}/{name}/{}", zone.name, rtype_name(rtype)), text));
    }
}

/// A record's data: addresses as such, the rest as in RFC 3597.
fn data(record: &PlainRecord) -> String {
    rdata_text(record.rtype, &record.rdata)
}

/// A type's name, or `TYPE123` (RFC 3597).
pub fn rtype_name(rtype: u16) -> String {
    NAMES
        .iter()
        .find(|(_, number)| *number == rtype)
        .map_or_else(|| format!("TYPE{rtype}"), |(name, _)| (*name).to_owned())
}

/// A type by its name or `TYPE123`, in any case.
pub fn rtype_named(name: &str) -> Option<u16> {
    let upper = name.to_ascii_uppercase();
    let known = NAMES.iter().find(|(known, _)| *known == upper).map(|(_, number)| *number);
    known.or_else(|| upper.strip_prefix("TYPE").and_then(|number| number.parse().ok()))
}

/// Types that people ask for by name (IANA's registry).
const NAMES: [(&str, u16); 16] = [
    ("A", 1),
    ("NS", 2),
    ("CNAME", 5),
    ("SOA", 6),
    ("PTR", 12),
    ("HINFO", 13),
    ("MX", 15),
    ("TXT", 16),
    ("AAAA", 28),
    ("SRV", 33),
    ("NAPTR", 35),
    ("DNAME", 39),
    ("DS", 43),
    ("SVCB", 64),
    ("HTTPS", 65),
    ("CAA", 257),
];

/// RDATA for people: addresses and names as such, the rest as in RFC 3597.
pub fn rdata_text(rtype: u16, rdata: &[u8]) -> String {
    match (rtype, rdata.len()) {
        (1, 4) => Ipv4Addr::from(<[u8; 4]>::try_from(rdata).expect("four bytes")).to_string(),
        (28, 16) => Ipv6Addr::from(<[u8; 16]>::try_from(rdata).expect("sixteen bytes")).to_string(),
        (2 | 5 | 12 | 39, _) => {
            hf_model::WireName::from_wire(rdata).map_or_else(|_| generic(rdata), |name| name.to_string())
        }
        _ => generic(rdata),
    }
}

fn generic(rdata: &[u8]) -> String {
    let mut text = format!("\\# {}", rdata.len());
    if !rdata.is_empty() {
        text.push(' ');
    }
    for byte in rdata {
        let _ = write!(text, "{byte:02x}"); // a String takes everything
    }
    text
}

fn add(text: &mut String, more: std::fmt::Arguments<'_>) {
    let _ = write!(text, ", {more}"); // a String takes everything
}

fn list<T: std::fmt::Display>(text: &mut String, what: &str, items: impl Iterator<Item = T>) {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    if !items.is_empty() {
        add(text, format_args!("{what} {}", items.join(" ")));
    }
}

#[cfg(test)]
mod tests;
