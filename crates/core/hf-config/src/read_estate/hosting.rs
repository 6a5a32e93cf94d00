//! How a hosted zone is kept: where it comes from, who may transfer or change it, its serial, its signatures.
//!
//! 1. A hosted zone has one source: the estate, each node's own file, or primaries.
//! 2. What people may change by RFC 2136 lies in the ledger: a zone from elsewhere takes no updates.
//! 3. Where secondaries fetch names whose answers change between revisions, the serial is the time, or they would never fetch
//!    them again.
//! 4. Signatures are not transferred: that a signed zone goes to secondaries is allowed (before the DS record, or hidden ones) and advised against.
//!
//! Not here: the secrets of the keys (each node's file), signing keys (the ledger).

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use domain::base::iana::Rtype;
use hf_model::{Cidr, DnsName};

use crate::addresses::read_socket;
use crate::estate::{
    DnssecAlgorithm, DnssecPolicy, NamePattern, Remote, SerialPolicy, TransferRule, Transfers, UpdateRule,
    ZoneSource, limits,
};
use crate::walk::{Fields, Report, Value, Wrong, clip, if_there};

const VALIDITY_MIN: Duration = Duration::from_hours(24);
const VALIDITY_MAX: Duration = Duration::from_hours(90 * 24);
const VALIDITY_DEFAULT: Duration = Duration::from_hours(14 * 24);

/// Advice for a signed zone that has secondaries.
const UNSIGNED_ELSEWHERE: &str = "secondaries answer this zone without signatures: do not delegate to them while the parent has a DS record";

/// What the options of a hosted zone say; `None` or [`Wrong`] where something is wrong.
pub(super) struct Hosting {
    pub(super) source: Option<ZoneSource>,
    /// As written.
    pub(super) serial: Result<Option<SerialPolicy>, Wrong>,
    pub(super) transfers: Option<Transfers>,
    pub(super) updates: Option<Vec<UpdateRule>>,
    pub(super) dnssec: Result<Option<DnssecPolicy>, Wrong>,
    /// Place of what lets others have the zone, if somebody may.
    pub(super) shared_at: Option<usize>,
    /// Whether it takes updates, as far as can be told.
    pub(super) is_updated: bool,
}

/// Reads them; `apex` is absent where it could not be read.
pub(super) fn hosting(
    fields: &mut Fields<'_, '_>,
    apex: Option<&DnsName>,
    has_file: bool,
    report: &mut Report<'_>,
) -> Hosting {
    let source_value = fields.get("source");
    let primaries_value = fields.get("primaries");
    let source = source(source_value, primaries_value, has_file, report);
    let serial_value = fields.get("serial");
    let serial = if_there(serial_value, |value| value.read(report, read_serial));
    let transfers_value = fields.get("transfers");
    let allow = match transfers_value {
        Some(value) => transfer_rules(value, report),
        None => Some(Vec::new()),
    };
    let notify = match fields.get("notify") {
        Some(value) => remotes(value, "a server to notify", report),
        None => Some(Vec::new()),
    };
    let updates_value = fields.get("updates");
    let updates = match updates_value {
        Some(value) => update_rules(value, apex, report),
        None => Some(Vec::new()),
    };
    let dnssec_value = fields.get("dnssec");
    let dnssec = if_there(dnssec_value, |value| dnssec(value, report));

    let made_up = source == Some(ZoneSource::Estate) && !has_file;
    if let (Some(value), Ok(Some(SerialPolicy::Written)), true) = (serial_value, &serial, made_up) {
        report.add(
            value.at(),
            "no SOA is written for this zone, so no serial is; add `file`, or write serial = \"revision\" or \"time\"",
        );
    }
    let is_updated = updates.as_ref().is_none_or(|rules| !rules.is_empty());
    if let (Some(value), true) = (updates_value, is_updated) {
        match &source {
            Some(ZoneSource::NodeFile) => report.add(
                value.at(),
                "updates go into the ledger, and this zone is in each node's own file; remove `updates`, or `source`",
            ),
            Some(ZoneSource::Secondary(_)) => report.add(
                value.at(),
                "this zone is its primary's; remove `updates`, and send them to the primary",
            ),
            Some(ZoneSource::Estate) | None => {}
        }
    }
    if let (Some(value), Some(ZoneSource::Secondary(_))) = (dnssec_value, &source) {
        report.add(value.at(), "the primary signs this zone, or nobody; remove `dnssec`");
    }
    let shared = allow.as_ref().is_none_or(|rules| !rules.is_empty());
    let goes_out = allow.as_ref().is_some_and(|rules| !rules.is_empty())
        || notify.as_ref().is_some_and(|servers| !servers.is_empty());
    // Where the zone is a secondary, `dnssec` is refused already.
    if let (Some(value), true, false) =
        (dnssec_value, goes_out, matches!(source, Some(ZoneSource::Secondary(_))))
    {
        report.advise(value.at(), UNSIGNED_ELSEWHERE);
    }
    Hosting {
        source,
        serial,
        transfers: allow.zip(notify).map(|(allow, notify)| Transfers { allow, notify }),
        updates,
        dnssec,
        shared_at: transfers_value.filter(|_| shared).map(Value::at),
        is_updated,
    }
}

fn source(
    value: Option<Value<'_, '_>>,
    primaries: Option<Value<'_, '_>>,
    has_file: bool,
    report: &mut Report<'_>,
) -> Option<ZoneSource> {
    let written = if_there(value, |value| {
        value.read(report, |text| match text {
            "estate" => Ok(ZoneSource::Estate),
            "node" => Ok(ZoneSource::NodeFile),
            other => Err(format!(
                "{:?} is no source of a zone; write estate or node, or `primaries` for a secondary",
                clip(other)
            )),
        })
    });
    if let (Some(value), Some(_)) = (value, primaries) {
        report.add(value.at(), "a zone with `primaries` comes from them; remove `source`");
    } else if let (Some(value), Ok(Some(ZoneSource::NodeFile)), true) = (value, &written, has_file) {
        report.add(value.at(), "a zone with `file` comes from the estate; remove one of the two");
    }
    let Some(value) = primaries else { return written.ok().map(Option::unwrap_or_default) };
    if has_file {
        report.add(value.at(), "a secondary has no `file` of its own; remove one of the two");
    }
    let list = remotes(value, "a primary", report)?;
    if list.is_empty() {
        report.add(value.at(), "a secondary has at least one primary; add it, or remove `primaries`");
    }
    Some(ZoneSource::Secondary(list))
}

fn read_serial(text: &str) -> Result<SerialPolicy, String> {
    match text {
        "written" => Ok(SerialPolicy::Written),
        "revision" => Ok(SerialPolicy::Revision),
        "time" => Ok(SerialPolicy::Time),
        other => Err(format!("{:?} is no way to a serial; write written, revision or time", clip(other))),
    }
}

fn remotes(value: Value<'_, '_>, thing: &'static str, report: &mut Report<'_>) -> Option<Vec<Remote>> {
    let items = value.items_up_to(limits::REMOTES, report)?;
    let mut whole = true;
    let mut list: Vec<Remote> = Vec::with_capacity(items.len());
    for item in items {
        let read = item.fields(thing, report).and_then(|fields| remote(fields, report));
        if let Some(remote) = &read
            && list.iter().any(|other| other.address == remote.address)
        {
            let address = remote.address;
            report.add(item.at(), format_args!("{address} is listed twice here; remove one of the two"));
        }
        whole &= read.is_some();
        list.extend(read);
    }
    whole.then_some(list)
}

fn remote(mut fields: Fields<'_, '_>, report: &mut Report<'_>) -> Option<Remote> {
    let address = fields.need("address", report).and_then(|value| {
        let address: SocketAddr = value.read(report, read_socket)?;
        if address.port() == 0 || address.ip().is_unspecified() || address.ip().is_multicast() {
            let what =
                format_args!("{address} is not where one name server listens; write such as 192.0.2.1:53");
            report.add(value.at(), what);
            return None;
        }
        Some(address)
    });
    let key = if_there(fields.get("key"), |value| value.read(report, read_key));
    fields.finish(&[], report);
    Some(Remote { address: address?, key: key.ok()? })
}

/// The name of a TSIG key.
pub(crate) fn read_key(text: &str) -> Result<DnsName, String> {
    let name = DnsName::new(text).map_err(|error| error.to_string())?;
    if name.as_str() == "." || name.as_str().contains('*') {
        return Err(
            "the name of a TSIG key is neither '.' nor has it a '*'; write such as \"xfer.\"".to_owned()
        );
    }
    Ok(name)
}

fn transfer_rules(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Vec<TransferRule>> {
    let mut whole = true;
    let mut list = Vec::new();
    for item in value.items_up_to(limits::TRANSFER_RULES, report)? {
        let read = item.fields("a transfer rule", report).and_then(|fields| transfer_rule(fields, report));
        whole &= read.is_some();
        list.extend(read);
    }
    whole.then_some(list)
}

fn transfer_rule(mut fields: Fields<'_, '_>, report: &mut Report<'_>) -> Option<TransferRule> {
    let at = fields.at();
    let (network, key) = (fields.get("network"), fields.get("key"));
    if network.is_none() && key.is_none() {
        report.add(
            at,
            "a transfer rule says where from (`network`), signed with what (`key`), or both; add one",
        );
    }
    let network = if_there(network, |value| value.read(report, Cidr::new));
    let key = if_there(key, |value| value.read(report, read_key));
    fields.finish(&[], report);
    Some(TransferRule { network: network.ok()?, key: key.ok()? })
}

fn update_rules(
    value: Value<'_, '_>,
    apex: Option<&DnsName>,
    report: &mut Report<'_>,
) -> Option<Vec<UpdateRule>> {
    let mut whole = true;
    let mut list = Vec::new();
    for item in value.items_up_to(limits::UPDATE_RULES, report)? {
        let read = item.fields("an update rule", report).and_then(|fields| update_rule(fields, apex, report));
        whole &= read.is_some();
        list.extend(read);
    }
    whole.then_some(list)
}

fn update_rule(
    mut fields: Fields<'_, '_>,
    apex: Option<&DnsName>,
    report: &mut Report<'_>,
) -> Option<UpdateRule> {
    let key = fields.need("key", report).and_then(|value| value.read(report, read_key));
    let names = fields.need("names", report).and_then(|value| {
        let items = value.items_up_to(limits::UPDATE_NAMES, report)?;
        if items.is_empty() {
            report.add(
                value.at(),
                "an update rule has at least one name, such as \"*.dyn.example.test.\"; add it",
            );
        }
        let read = |item: Value<'_, '_>| item.read(report, |text| read_pattern(text, apex));
        let names: Vec<_> = items.into_iter().map(read).collect();
        names.into_iter().collect::<Option<Vec<_>>>()
    });
    let types = match fields.get("types") {
        Some(value) => update_types(value, report),
        None => Some(Vec::new()),
    };
    fields.finish(&[], report);
    Some(UpdateRule { key: key?, names: names?, types: types? })
}

fn read_pattern(text: &str, apex: Option<&DnsName>) -> Result<NamePattern, String> {
    let (below, rest) = match text.strip_prefix("*.") {
        Some("") => (true, "."),
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let name = DnsName::new(rest).map_err(|error| error.to_string())?;
    if name.as_str().contains('*') {
        return Err("a '*' stands only for the whole first label; remove the others".to_owned());
    }
    if let Some(apex) = apex.filter(|apex| !name.is_at_or_below(apex)) {
        return Err(format!("{name} lies outside the hosted zone {apex}; change it"));
    }
    Ok(if below { NamePattern::Below(name) } else { NamePattern::Exactly(name) })
}

fn update_types(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Vec<u16>> {
    let mut types = BTreeSet::new();
    let mut whole = true;
    for item in value.items_up_to(limits::UPDATE_NAMES, report)? {
        let read = item.read(report, |text| {
            let kind = read_type(text)?;
            if is_ours(kind) {
                return Err(format!("{} is made by us; remove it", Rtype::from_int(kind)));
            }
            Ok(kind)
        });
        whole &= read.is_some();
        types.extend(read);
    }
    whole.then(|| types.into_iter().collect())
}

/// A type that stands in zones.
pub(super) fn read_type(text: &str) -> Result<u16, String> {
    let kind = text.parse::<Rtype>().map(Rtype::to_int);
    let kind =
        kind.map_err(|_| format!("no record type is called {:?}; write such as \"TXT\"", clip(text)))?;
    if matches!(kind, 0 | 41 | 128..=255 | u16::MAX) {
        return Err(format!("type {} stands only in questions, never in a zone; remove it", clip(text)));
    }
    Ok(kind)
}

/// SOA, RRSIG, NSEC, DNSKEY, NSEC3, NSEC3PARAM: what whoever serves a zone makes.
pub(super) fn is_ours(kind: u16) -> bool {
    matches!(kind, 6 | 46 | 47 | 48 | 50 | 51)
}

fn dnssec(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<DnssecPolicy> {
    let mut fields = value.fields("dnssec", report)?;
    let algorithm = match fields.get("algorithm") {
        Some(value) => value.read(report, |text| match text {
            "ecdsa-p256-sha256" => Ok(DnssecAlgorithm::EcdsaP256Sha256),
            "ed25519" => Ok(DnssecAlgorithm::Ed25519),
            other => Err(format!(
                "{:?} is no algorithm that we sign with; write ecdsa-p256-sha256 or ed25519",
                clip(other)
            )),
        }),
        None => Some(DnssecAlgorithm::EcdsaP256Sha256),
    };
    let validity = match fields.get("validity") {
        Some(value) => value.duration(VALIDITY_MIN, VALIDITY_MAX, report),
        None => Some(VALIDITY_DEFAULT),
    };
    fields.finish(&[], report);
    Some(DnssecPolicy { algorithm: algorithm?, validity: validity? })
}
