//! The section `[api]` of a node file: where the API listens, over TLS or not, and who may do what.
//!
//! 1. Tokens never travel over a network in the clear unless somebody says that this network is safe: off loopback it takes
//!    `tls`, or `plain = true`.
//!
//! Not here: the files that it names (`hf-api` reads certificates, `hf-control-plane` the access file).

use super::{if_there, read_path};
use crate::node::{ApiConfig, ApiTls};
use crate::walk::{Fields, Report, Value};

/// What the section says; the listener's value is read by the caller, beside those of the other sections.
pub(super) struct Api<'t, 'i> {
    pub(super) listen: Option<Value<'t, 'i>>,
    pub(super) config: Option<ApiConfig>,
    /// Whether tokens are kept from the network, or somebody said that they need not be.
    pub(super) guarded: bool,
}

/// Reads the section.
pub(super) fn api<'t, 'i>(root: &mut Fields<'t, 'i>, report: &mut Report<'_>) -> Api<'t, 'i> {
    let nothing = Api { listen: None, config: Some(ApiConfig::default()), guarded: false };
    let Some(value) = root.get("api") else { return nothing };
    let Some(mut fields) = value.fields("the section api", report) else {
        return Api { config: None, guarded: true, ..nothing };
    };
    let listen = fields.get("listen");
    let plain_value = fields.get("plain");
    let plain = plain_value.and_then(|value| value.truth(report)).unwrap_or(false);
    let access = if_there(fields.get("access"), |value| value.read(report, read_path));
    let tls_value = fields.get("tls");
    let tls = if_there(tls_value, |value| tls(value, report));
    fields.finish(&[], report);
    if let (true, Some(value), Some(_)) = (plain, plain_value, tls_value) {
        report.add(value.at(), "with `tls` the API is not plain; remove one of the two");
    }
    let config = || Some(ApiConfig { access: access.ok()?, tls: tls.ok()? });
    Api { listen, config: config(), guarded: plain || tls_value.is_some() }
}

fn tls(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<ApiTls> {
    let mut fields = value.fields("the API's tls", report)?;
    let mut path = |key| fields.need(key, report).and_then(|value| value.read(report, read_path));
    let (certificate, key) = (path("certificate"), path("key"));
    let client_ca = if_there(fields.get("client_ca"), |value| value.read(report, read_path));
    let required = fields.get("require_client_certificate");
    let require_client_certificate = required.map_or(Some(false), |value| value.truth(report));
    fields.finish(&[], report);
    if let (Some(value), Some(true), Ok(None)) = (required, require_client_certificate, &client_ca) {
        report.add(value.at(), "a client certificate is known by its authority; add `client_ca`");
    }
    Some(ApiTls {
        certificate: certificate?,
        key: key?,
        client_ca: client_ca.ok()?,
        require_client_certificate: require_client_certificate?,
    })
}
