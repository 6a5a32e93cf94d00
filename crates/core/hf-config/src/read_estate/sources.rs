//! `source = { … }` of a pool: endpoints from beside the estate file.
//!
//! 1. Exactly one of `srv`, `a`, `register` and `directory` says who is asked.
//! 2. `zone` is where all of them are, `zones` says it by name or network; without either the zones' own `networks` do, and what the
//!    source itself says of an endpoint always counts first.
//! 3. `max_endpoints` counts towards the endpoints of the estate as if they were there.
//!
//! Not here: asking.

use std::collections::BTreeMap;
use std::time::Duration;

use hf_model::{Cidr, DnsName};

use super::zones::Zones;
use crate::estate::{Places, Source, SourceKind, ZoneIx, limits};
use crate::walk::{Fields, Report, Value, clip};

const REFRESH_MIN: Duration = Duration::from_secs(1);
const REFRESH_MAX: Duration = Duration::from_hours(1);
/// Characters of a folder's name.
const FOLDER_CHARS_MAX: usize = 64;

/// What `source` says; `declared` is how many endpoints the estate file has itself.
pub(super) fn source(
    value: Value<'_, '_>,
    declared: usize,
    zones: &Zones,
    report: &mut Report<'_>,
) -> Option<Source> {
    let at = value.at();
    let mut fields = value.fields("a source", report)?;
    let kind = kind(&mut fields, report);
    let zone = match fields.get("zone") {
        Some(value) => {
            zones.names.find(value.text(report)?, value.at(), report).map(|zone| Some(ZoneIx(zone)))
        }
        None => Some(None),
    };
    let by_name = match fields.get("zones") {
        Some(value) => by_name(value, zones, report),
        None => Some((BTreeMap::new(), BTreeMap::new())),
    };
    let count = |value: Option<Value<'_, '_>>, min, default, report: &mut Report<'_>| match value {
        Some(value) => value.whole(min, limits::SOURCED, report).and_then(|count| u16::try_from(count).ok()),
        None => Some(default),
    };
    let max_endpoints = count(fields.get("max_endpoints"), 1, Source::MAX_ENDPOINTS, report);
    let least = fields.get("min_endpoints");
    let min_endpoints = count(least, 0, 1, report);
    if let (Some(least), Some(min), Some(max)) = (least, min_endpoints, max_endpoints)
        && min > max
    {
        report.add(
            least.at(),
            format_args!("`min_endpoints` is {min} and `max_endpoints` {max}; lower this one"),
        );
    }
    let refresh = match fields.get("refresh") {
        Some(value) => value.duration(REFRESH_MIN, REFRESH_MAX, report),
        None => Some(Source::REFRESH),
    };
    fields.finish(&[], report);
    let declared = u16::try_from(declared).ok();
    if declared.is_none() {
        report.add(at, "a pool with a source has at most 65535 endpoints of its own; remove some");
    }
    let (names, networks) = by_name?;
    Some(Source {
        kind: kind?,
        places: Places { zone: zone?, names, networks },
        min_endpoints: min_endpoints?,
        max_endpoints: max_endpoints?,
        refresh: refresh?,
        declared: declared?,
    })
}

fn kind(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<SourceKind> {
    let at = fields.at();
    let (srv, address) = (fields.get("srv"), fields.get("a"));
    let (register, directory) = (fields.get("register"), fields.get("directory"));
    let said = [srv, address, register, directory].into_iter().flatten().count();
    if said != 1 {
        let what = if said == 0 { "none" } else { "several" };
        report.add(
            at,
            format_args!(
                "a source has one of `srv`, `a`, `register` and `directory`, this one {what}; write one"
            ),
        );
        return None;
    }
    if let Some(value) = fields.get("port").filter(|_| address.is_none()) {
        report.add(
            value.at(),
            "`port` goes with `a`; SRV records, registrations and files say their own; remove it",
        );
    }
    if let Some(value) = srv {
        let name = value.read(report, DnsName::new)?;
        return Some(SourceKind::Srv { name });
    }
    if let Some(value) = address {
        let name = value.read(report, DnsName::new);
        let port = fields.need("port", report).and_then(|value| value.whole(1, 65_535, report));
        return Some(SourceKind::Address { name: name?, port: u16::try_from(port?).ok()? });
    }
    if let Some(value) = register {
        if value.truth(report)? {
            return Some(SourceKind::Register);
        }
        report.add(value.at(), "`register = false` is no source; write true, or remove `source`");
        return None;
    }
    let name = directory?.read(report, folder)?;
    Some(SourceKind::Directory { name })
}

/// The name of a folder: it stays below the node's folder for endpoints, whoever may change the estate.
fn folder(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_name = !text.starts_with('.') && text.len() <= FOLDER_CHARS_MAX && text.chars().all(good);
    if is_name && !text.is_empty() {
        return Ok(text.to_owned());
    }
    Err(format!(
        "{:?} is not the name of a folder; write 1 to {FOLDER_CHARS_MAX} of A-Z a-z 0-9 - _ . (it lies in the node's folder for endpoints)",
        clip(text)
    ))
}

type ByName = (BTreeMap<DnsName, ZoneIx>, BTreeMap<Cidr, ZoneIx>);

/// `zones = { "web-a.example.test." = "a", "10.1.0.0/16" = "b" }`.
fn by_name(value: Value<'_, '_>, zones: &Zones, report: &mut Report<'_>) -> Option<ByName> {
    let (mut names, mut networks) = (BTreeMap::new(), BTreeMap::new());
    let entries = value.entries(report)?;
    if entries.len() > limits::SOURCE_PLACES {
        let (count, max) = (entries.len(), limits::SOURCE_PLACES);
        report.add(value.at(), format_args!("at most {max} of `zones`, there are {count}; remove some"));
        return None;
    }
    let mut whole = true;
    for (key, at, value) in entries {
        let zone = value.text(report).and_then(|text| zones.names.find(text, value.at(), report)).map(ZoneIx);
        let Some(zone) = zone else {
            whole = false;
            continue;
        };
        if let Ok(network) = Cidr::new(key) {
            networks.insert(network, zone);
        } else if let Ok(name) = DnsName::new(key) {
            names.insert(name, zone);
        } else {
            report.add(
                at,
                format_args!("{:?} is neither a name nor a network; write one such as \"web-a.example.test.\" or \"10.1.0.0/16\"", clip(key)),
            );
            whole = false;
        }
    }
    whole.then_some((names, networks))
}
