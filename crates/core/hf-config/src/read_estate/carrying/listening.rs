//! For whom a pool is among those of its listener, and what arrives there.
//!
//! Not here: pools that share a listener.

use hf_model::Cidr;

use super::{Beside, truth};
use crate::estate::{HostPattern, ListenerOptions, Protocol, ProxyAccept, limits};
use crate::walk::{Fields, Report, Value, clip};

pub(super) fn hosts(
    fields: &mut Fields<'_, '_>,
    beside: &Beside<'_>,
    report: &mut Report<'_>,
) -> Option<Vec<HostPattern>> {
    let value = fields.get("hosts");
    beside.only(&[Protocol::Http, Protocol::Tls], value, report);
    several(value, "a host", read_host, report)
}

pub(super) fn paths(
    fields: &mut Fields<'_, '_>,
    beside: &Beside<'_>,
    report: &mut Report<'_>,
) -> Option<Vec<String>> {
    let value = fields.get("paths");
    if let (Some(value), Some(Protocol::Tls)) = (value, beside.protocol) {
        report.add(value.at(), "paths travel inside of TLS that ends at the endpoints; remove `paths`, or end TLS here: protocol = \"http\" and tls = true");
    } else {
        beside.only(&[Protocol::Http], value, report);
    }
    several(value, "a path", read_prefix, report)
}

/// A list of texts, none of them twice.
fn several<T: PartialEq>(
    value: Option<Value<'_, '_>>,
    thing: &str,
    read: impl Fn(&str) -> Result<T, String>,
    report: &mut Report<'_>,
) -> Option<Vec<T>> {
    let Some(value) = value else { return Some(Vec::new()) };
    let items = value.items_up_to(limits::HOSTS, report)?;
    if items.is_empty() {
        report.add(
            value.at(),
            format_args!("`{}` has at least one item; add {thing}, or remove it", value.key()),
        );
    }
    let mut whole = true;
    let mut list = Vec::with_capacity(items.len());
    for item in items {
        let Some(found) = item.read(report, &read) else {
            whole = false;
            continue;
        };
        if list.contains(&found) {
            report.add(item.at(), format_args!("{thing} is listed twice; remove one of the two"));
        }
        list.push(found);
    }
    whole.then_some(list)
}

/// `www.example.test`, `*.example.test`, `10.1.1.4`; without port, in any case of letters.
pub(in crate::read_estate) fn read_host(text: &str) -> Result<HostPattern, String> {
    let error = || {
        format!(
            "{:?} is not a host; write a name such as www.example.test, or *.example.test for all below one, without a port",
            clip(text)
        )
    };
    let lower = text.to_ascii_lowercase();
    let name = lower.strip_suffix('.').unwrap_or(&lower);
    let (name, below) = match name.strip_prefix("*.") {
        Some(rest) => (rest, true),
        None => (name, false),
    };
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if name.len() > 253 || !name.split('.').all(is_label) {
        return Err(error());
    }
    Ok(if below { HostPattern::Below(name.to_owned()) } else { HostPattern::Exactly(name.to_owned()) })
}

fn read_prefix(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#".contains(&byte);
    if text.starts_with('/') && text.len() <= 2_048 && text.bytes().all(is_plain) {
        Ok(text.to_owned())
    } else {
        Err("a path begins with '/' and has at most 2048 printable ASCII characters, without '?' and '#'; percent-encode others".to_owned())
    }
}

pub(super) fn listener(
    fields: &mut Fields<'_, '_>,
    beside: &Beside<'_>,
    report: &mut Report<'_>,
) -> Option<ListenerOptions> {
    let (tls_value, proxy, from) =
        (fields.get("tls"), fields.get("proxy_protocol"), fields.get("proxy_from"));
    if let (Some(value), Some(Protocol::Tls)) = (tls_value, beside.protocol) {
        report.add(value.at(), "in a pool of protocol tls, TLS ends at the endpoints; remove `tls`, or write protocol = \"http\" or \"tcp\" to end it here");
    }
    for value in [tls_value, proxy, from].into_iter().flatten().filter(|_| !beside.listens) {
        report.add(
            value.at(),
            format_args!(
                "`{}` is about a listener, and this pool has none; add `listen` or remove it",
                value.key()
            ),
        );
    }
    let tls = truth(tls_value, false, report);
    let required = match proxy {
        Some(value) => value.read(report, |text| match text {
            "required" => Ok(true),
            "none" => Ok(false),
            other => Err(format!(
                "{:?} is unknown here; write \"required\" or \"none\": a header that may be left out can be forged",
                clip(other)
            )),
        }),
        None => Some(false),
    };
    if let (Some(value), Some(false)) = (from, required) {
        report.add(
            value.at(),
            "`proxy_from` says whose headers count; add proxy_protocol = \"required\" or remove it",
        );
    }
    let from = match from {
        Some(value) => value
            .items_up_to(limits::HOSTS, report)?
            .into_iter()
            .map(|item| item.read(report, Cidr::new))
            .collect::<Vec<_>>()
            .into_iter()
            .collect::<Option<Vec<Cidr>>>(),
        None => Some(Vec::new()),
    };
    Some(ListenerOptions { tls: tls?, proxy_protocol: ProxyAccept { required: required?, from: from? } })
}
