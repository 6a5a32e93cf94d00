//! The section `[xds]` of a node file: where Envoy and gRPC clients are told.
//!
//! Not here: the files that it names (`hf-api` reads certificates).

use super::{default_listener, listeners, read_path};
use crate::addresses::Taken;
use crate::node::{XdsConfig, XdsTls};
use crate::walk::{Report, Value, if_there};

/// Reads the section; `taken` is there when this node has the role.
pub(super) fn xds(
    value: Value<'_, '_>,
    taken: Option<&mut Taken>,
    report: &mut Report<'_>,
) -> Option<XdsConfig> {
    let mut fields = value.fields("the section xds", report)?;
    let listen = match fields.get("listen") {
        Some(value) => listeners(value, false, taken, report).and_then(|list| list.first().copied()),
        None => Some(default_listener("xds", XdsConfig::PORT, taken, report)),
    };
    let tls = if_there(fields.get("tls"), |value| tls(value, report));
    fields.finish(&[], report);
    Some(XdsConfig { listen: listen?, tls: tls.ok()? })
}

fn tls(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<XdsTls> {
    let mut fields = value.fields("the tls of xds", report)?;
    let mut path = |key| fields.need(key, report).and_then(|value| value.read(report, read_path));
    let (certificate, key) = (path("certificate"), path("key"));
    let client_ca = if_there(fields.get("client_ca"), |value| value.read(report, read_path));
    fields.finish(&[], report);
    Some(XdsTls { certificate: certificate?, key: key?, client_ca: client_ca.ok()? })
}
