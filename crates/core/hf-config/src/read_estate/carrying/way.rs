//! How the balancer speaks to endpoints.
//!
//! Not here: the authorities of their certificates (the node file).

use super::listening::read_host;
use super::{Beside, truth};
use crate::estate::{EndpointHttp, EndpointTls, HostPattern, Protocol, ProxyVersion, ToEndpoint};
use crate::walk::{Fields, Report, Value, clip, if_there};

pub(super) fn to_endpoint(
    fields: &mut Fields<'_, '_>,
    beside: &Beside<'_>,
    report: &mut Report<'_>,
) -> Option<ToEndpoint> {
    let tls_value = fields.get("endpoint_tls");
    if let (Some(value), Some(Protocol::Tls)) = (tls_value, beside.protocol) {
        report.add(value.at(), "a pool of protocol tls passes clients' own TLS on; remove `endpoint_tls`");
    }
    let tls = if_there(tls_value, |value| tls(value, report));
    let http_value = fields.get("endpoint_http");
    beside.only(&[Protocol::Http], http_value, report);
    let http = match http_value {
        Some(value) => value.read(report, |text| match text {
            "1.1" => Ok(EndpointHttp::Http1),
            "2" => Ok(EndpointHttp::Http2),
            other => Err(format!(
                "{:?} is no version of HTTP that goes to endpoints; write \"1.1\" or \"2\"",
                clip(other)
            )),
        }),
        None => Some(EndpointHttp::default()),
    };
    let proxy_value = fields.get("endpoint_proxy_protocol");
    let proxy_protocol = if_there(proxy_value, |value| {
        value.read(report, |text| match text {
            "v1" => Ok(ProxyVersion::V1),
            "v2" => Ok(ProxyVersion::V2),
            other => {
                Err(format!("{:?} is no version of the PROXY protocol; write \"v1\" or \"v2\"", clip(other)))
            }
        })
    });
    if let (Some(value), Some(EndpointHttp::Http2)) = (proxy_value, http) {
        report.add(
            value.at(),
            "a PROXY header names one client, and a connection of HTTP/2 carries many; remove it or write endpoint_http = \"1.1\"",
        );
    }
    Some(ToEndpoint { tls: tls.ok()?.flatten(), http: http?, proxy_protocol: proxy_protocol.ok()? })
}

/// `true`, `false` or a table.
#[expect(clippy::option_option, reason = "wrong, and said to be off")]
fn tls(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Option<EndpointTls>> {
    if value.is_truth() {
        return value.truth(report).map(|on| on.then(EndpointTls::default));
    }
    let mut fields = value.fields("endpoint_tls", report)?;
    let server_name = if_there(fields.get("server_name"), |value| {
        let host = value.read(report, read_host)?;
        match host {
            HostPattern::Exactly(name) => Some(name),
            HostPattern::Below(_) => {
                report.add(value.at(), "a server name is one name; write it without `*.`");
                None
            }
        }
    });
    let verify = truth(fields.get("verify"), true, report);
    fields.finish(&[], report);
    Some(Some(EndpointTls { server_name: server_name.ok()?, verify: verify? }))
}
