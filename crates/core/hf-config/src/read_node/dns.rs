//! The section `[dns]` of a node file: how this node's DNS role answers.
//!
//! Not here: the files that it names (their users open them), whether the estate needs them ([`check`] says).

use std::collections::BTreeMap;
use std::path::PathBuf;

use hf_model::{Cidr, DnsName};

use super::{LIST_MAX, default_listener, listeners, read_path};
use crate::addresses::Taken;
use crate::estate::{Estate, Filter, ZoneSource};
use crate::node::{DnsConfig, DnsTls, DnstapSink, RateLimit, TsigAlgorithm, TsigKeyFile, Xdp, XdpMode};
use crate::read_estate::read_key;
use crate::walk::{Fields, Names, Report, Value, clip, if_there};

/// Receive queues of one network interface.
const QUEUES_MAX: usize = 256;
/// A Linux interface name (IFNAMSIZ without its last byte).
const INTERFACE_MAX: usize = 15;
/// Networks that may ask why.
const NETWORKS_MAX: usize = 1_000;

/// Reads the section. `taken` is there when this node has the role.
pub(super) fn dns(
    root: &mut Fields<'_, '_>,
    mut taken: Option<&mut Taken>,
    report: &mut Report<'_>,
) -> Option<DnsConfig> {
    let Some(value) = root.get("dns") else {
        return Some(DnsConfig::on(vec![default_listener("dns", 5300, taken, report)]));
    };
    let mut fields = value.fields("the section dns", report)?;
    let listen = match fields.get("listen") {
        Some(value) => listeners(value, true, taken.as_deref_mut(), report),
        None => Some(vec![default_listener("dns", 5300, taken.as_deref_mut(), report)]),
    };
    let tls = if_there(fields.get("tls"), |value| tls(value, taken, report));
    let mut path = |key| if_there(fields.get(key), |value| value.read(report, read_path));
    let paths = [path("zone_dir"), path("geo_database"), path("latency_file"), path("seal_file")];
    let cookie_secret_file: Result<Option<PathBuf>, _> = path("cookie_secret_file");
    let tsig_keys = tsig_keys(&mut fields, report);
    let nsid = if_there(fields.get("nsid"), |value| value.read(report, read_nsid));
    let rate_limit = if_there(fields.get("rate_limit"), |value| rate_limit(value, report));
    let explain_networks = match fields.get("explain_networks") {
        Some(value) => networks(value, report),
        None => Some(Vec::new()),
    };
    let workers = if_there(fields.get("workers"), |value| number(value, 1, 256, report));
    let xdp = if_there(fields.get("xdp"), |value| xdp(value, report));
    let dnstap = if_there(fields.get("dnstap"), |value| dnstap(value, report));
    let udp_payload_max = match fields.get("udp_payload_max") {
        Some(value) => number(value, 512, 4_096, report),
        None => Some(DnsConfig::UDP_PAYLOAD_MAX),
    };
    fields.finish(&[], report);
    let [zone_dir, geo_database, latency_file, seal_file] = paths;
    Some(DnsConfig {
        listen: listen?,
        tls: tls.ok()?,
        zone_dir: zone_dir.ok()?,
        geo_database: geo_database.ok()?,
        latency_file: latency_file.ok()?,
        tsig_keys: tsig_keys?,
        seal_file: seal_file.ok()?,
        nsid: nsid.ok()?,
        cookie_secret_file: cookie_secret_file.ok()?,
        rate_limit: rate_limit.ok()?,
        explain_networks: explain_networks?,
        workers: workers.ok()?,
        xdp: xdp.ok()?,
        dnstap: dnstap.ok()?,
        udp_payload_max: udp_payload_max?,
    })
}

fn number(value: Value<'_, '_>, min: u16, max: u16, report: &mut Report<'_>) -> Option<u16> {
    value.whole(min.into(), max.into(), report).and_then(|number| u16::try_from(number).ok())
}

fn tls(value: Value<'_, '_>, taken: Option<&mut Taken>, report: &mut Report<'_>) -> Option<DnsTls> {
    let mut fields = value.fields("the section dns.tls", report)?;
    let listen = fields.need("listen", report).and_then(|value| listeners(value, true, taken, report));
    let mut path = |key| fields.need(key, report).and_then(|value| value.read(report, read_path));
    let (certificate, key) = (path("certificate"), path("key"));
    fields.finish(&[], report);
    Some(DnsTls { listen: listen?, certificate: certificate?, key: key? })
}

fn tsig_keys(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<Vec<TsigKeyFile>> {
    let Some(value) = fields.get("tsig_keys") else { return Some(Vec::new()) };
    let mut names = Names::new("TSIG key");
    let mut whole = true;
    let mut list = Vec::new();
    for (position, item) in (0..).zip(value.items_up_to(LIST_MAX, report)?) {
        let read = item
            .fields("a TSIG key", report)
            .and_then(|fields| tsig_key(fields, position, &mut names, report));
        whole &= read.is_some();
        list.extend(read);
    }
    whole.then_some(list)
}

fn tsig_key(
    mut fields: Fields<'_, '_>,
    position: u16,
    names: &mut Names,
    report: &mut Report<'_>,
) -> Option<TsigKeyFile> {
    let name = fields.need("name", report).and_then(|value| {
        let name = value.read(report, read_key)?;
        names.insert(name.as_str(), position, value.at(), report);
        Some(name)
    });
    let algorithm = match fields.get("algorithm") {
        Some(value) => value.read(report, |text| {
            TsigAlgorithm::ALL.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
                format!(
                    "no algorithm for TSIG is called {:?}; {}",
                    clip(text),
                    crate::walk::there(TsigAlgorithm::ALL.into_iter().map(TsigAlgorithm::as_str))
                )
            })
        }),
        None => Some(TsigAlgorithm::default()),
    };
    let secret_file = fields.need("secret_file", report).and_then(|value| value.read(report, read_path));
    fields.finish(&[], report);
    Some(TsigKeyFile { name: name?, algorithm: algorithm?, secret_file: secret_file? })
}

fn read_nsid(text: &str) -> Result<String, &'static str> {
    if text.len() <= 255 { Ok(text.to_owned()) } else { Err("`nsid` has at most 255 bytes; shorten it") }
}

fn rate_limit(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<RateLimit> {
    let mut fields = value.fields("the rate limit", report)?;
    let per_second = fields.need("per_second", report).and_then(|value| number(value, 1, u16::MAX, report));
    let mut small = |key, min, max, default| match fields.get(key) {
        Some(value) => number(value, min, max, report).and_then(|number| u8::try_from(number).ok()),
        None => Some(default),
    };
    let (slip, v4_bits, v6_bits) =
        (small("slip", 0, 10, 2), small("v4_bits", 1, 32, 24), small("v6_bits", 1, 128, 56));
    fields.finish(&[], report);
    Some(RateLimit { per_second: per_second?, slip: slip?, v4_bits: v4_bits?, v6_bits: v6_bits? })
}

fn networks(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Vec<Cidr>> {
    let items = value.items_up_to(NETWORKS_MAX, report)?;
    let read: Vec<Option<Cidr>> = items.into_iter().map(|item| item.read(report, Cidr::new)).collect();
    read.into_iter().collect()
}

fn xdp(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Xdp> {
    let mut fields = value.fields("the section dns.xdp", report)?;
    let interface = fields.need("interface", report).and_then(|value| {
        value.read(report, |text| {
            let good = (1..=INTERFACE_MAX).contains(&text.len())
                && !text.contains(|c: char| c == '/' || c.is_whitespace() || c.is_control());
            good.then(|| text.to_owned()).ok_or(
                "an interface's name has 1 to 15 bytes, no white space and no '/'; write such as \"eth0\"",
            )
        })
    });
    let queues = match fields.get("queues") {
        Some(value) => queues(value, report),
        None => Some(vec![0]),
    };
    let mode = match fields.get("mode") {
        Some(value) => value.read(report, |text| match text {
            "native" => Ok(XdpMode::Native),
            "generic" => Ok(XdpMode::Generic),
            other => Err(format!("{:?} is no mode of XDP; write native or generic", clip(other))),
        }),
        None => Some(XdpMode::default()),
    };
    fields.finish(&[], report);
    Some(Xdp { interface: interface?, queues: queues?, mode: mode? })
}

fn queues(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Vec<u32>> {
    let items = value.items_up_to(QUEUES_MAX, report)?;
    if items.is_empty() {
        report.add(value.at(), "at least one receive queue; write [0]");
    }
    let mut queues = Vec::with_capacity(items.len());
    for item in items {
        let queue = item.whole(0, 4_095, report).and_then(|queue| u32::try_from(queue).ok())?;
        if queues.contains(&queue) {
            report.add(item.at(), format_args!("queue {queue} is listed twice; remove one of the two"));
        }
        queues.push(queue);
    }
    Some(queues)
}

fn dnstap(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<DnstapSink> {
    let mut fields = value.fields("the section dns.dnstap", report)?;
    let sink = fields.need("to", report).and_then(|value| {
        value.read(report, |text| match text {
            "socket" => Ok(DnstapSink::Socket as fn(PathBuf) -> DnstapSink),
            "file" => Ok(DnstapSink::File as fn(PathBuf) -> DnstapSink),
            other => Err(format!("{:?} takes no dnstap; write socket or file", clip(other))),
        })
    });
    let path = fields.need("path", report).and_then(|value| value.read(report, read_path));
    fields.finish(&[], report);
    Some(sink?(path?))
}

/// What the estate asks of a DNS node that this one does not have; told at the section.
pub(super) fn check(config: &DnsConfig, at: usize, estate: &Estate, report: &mut Report<'_>) {
    let has = |key: &DnsName| config.tsig_keys.iter().any(|known| known.name == *key);
    let mut missing: BTreeMap<&DnsName, &DnsName> = BTreeMap::new();
    for zone in &estate.hosted_zones {
        let primaries = match &zone.source {
            ZoneSource::Secondary(primaries) => primaries.as_slice(),
            ZoneSource::Estate | ZoneSource::NodeFile => &[],
        };
        let remotes = primaries.iter().chain(&zone.transfers.notify).filter_map(|remote| remote.key.as_ref());
        let rules = zone.transfers.allow.iter().filter_map(|rule| rule.key.as_ref());
        let updates = zone.updates.iter().map(|rule| &rule.key);
        for key in remotes.chain(rules).chain(updates).filter(|key| !has(key)) {
            missing.entry(key).or_insert(&zone.name);
        }
    }
    for (key, zone) in missing {
        report.add(
            at,
            format_args!("the hosted zone {zone} names the TSIG key {key}, which this node does not have; add it to `tsig_keys`"),
        );
    }
    let node_file = estate.hosted_zones.iter().find(|zone| zone.source == ZoneSource::NodeFile);
    if let (Some(zone), None) = (node_file, &config.zone_dir) {
        let name = &zone.name;
        report.add(at, format_args!("the hosted zone {name} is in each node's own file; add `zone_dir`"));
    }
    let signed = estate.hosted_zones.iter().find(|zone| zone.dnssec.is_some());
    if let (Some(zone), None) = (signed, &config.seal_file) {
        let name = &zone.name;
        report.add(
            at,
            format_args!("the hosted zone {name} is signed, and its keys are sealed; add `seal_file`, the same on every node"),
        );
    }
    let geo = estate.trees.iter().find(|tree| tree.choose.contains(&Filter::Geo));
    if let (Some(tree), None) = (geo, &config.geo_database) {
        let name = &tree.name;
        report.add(
            at,
            format_args!(
                "{name} is chosen by area, and without a database nobody is anywhere; add `geo_database`"
            ),
        );
    }
}
