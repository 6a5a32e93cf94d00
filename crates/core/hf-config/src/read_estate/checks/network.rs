//! Checks that go over the network: tcp, http, https, grpc, dns.

use std::sync::Arc;

use super::super::carrying::read_host as read_server_name;
use super::expect;
use crate::estate::{
    CheckTls, DnsCheck, EndpointHttp, EstateBundle, GrpcCheck, HostPattern, HttpCheck, Method, QueryType,
    TcpCheck,
};
use crate::walk::{Fields, Report, Value, clip, if_there, there};

/// Bytes that are sent, or looked for.
pub(super) const TEXT_BYTES_MAX: usize = 4_096;
const HEADERS_MAX: usize = 32;
const HEADER_VALUE_BYTES_MAX: usize = 1_024;
/// Bytes of a file of authorities.
const AUTHORITIES_BYTES_MAX: usize = 256 << 10;
/// Headers that the probe itself writes, or that would change what a request is.
const OWN_HEADERS: [&str; 9] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "upgrade",
    "te",
    "trailer",
    "keep-alive",
    "proxy-connection",
];

pub(super) fn tcp(
    fields: &mut Fields<'_, '_>,
    bundle: &EstateBundle,
    report: &mut Report<'_>,
) -> Option<TcpCheck> {
    let send = if_there(fields.get("send"), |value| value.read(report, read_text));
    let expect = if_there(fields.get("expect"), |value| value.read(report, read_text));
    let tls = tls(fields.get("tls"), bundle, report);
    Some(TcpCheck { send: send.ok()?, expect: expect.ok()?, tls: tls? })
}

pub(super) fn http(
    fields: &mut Fields<'_, '_>,
    is_https: bool,
    bundle: &EstateBundle,
    report: &mut Report<'_>,
) -> Option<HttpCheck> {
    let method = match fields.get("method") {
        Some(value) => {
            value.read(report, |text| super::one_of(text, [Method::Get, Method::Head], Method::as_str))
        }
        None => Some(Method::Get),
    };
    let path = path(fields.get("path"), "/", report);
    let host = host(fields.get("host"), report);
    let headers = headers(fields.get("headers"), report);
    let version = match fields.get("http") {
        Some(value) => value.read(report, |text| {
            super::one_of(text, [EndpointHttp::Http1, EndpointHttp::Http2], EndpointHttp::as_str)
        }),
        None => Some(EndpointHttp::Http1),
    };
    let redirects_value = fields.get("follow_redirects");
    let follow_redirects = match redirects_value {
        Some(value) => {
            value.whole(0, i64::from(HttpCheck::REDIRECTS), report).and_then(|count| u8::try_from(count).ok())
        }
        None => Some(0),
    };
    let tls = match (is_https, fields.get("tls")) {
        (true, None) => Some(Some(CheckTls::default())),
        (true, value) => tls(value, bundle, report),
        (false, _) => Some(None),
    };
    let at = fields.at();
    let expected = expect::http(fields.get("expect"), report);
    if let (Some(expected), Some(method), Some(follows)) = (&expected, method, follow_redirects) {
        expect::check_http(expected, method, follows > 0, at, report);
    }
    let expected = expected?;
    Some(HttpCheck {
        method: method?,
        path: path?,
        host: host?,
        headers: headers?,
        version: version?,
        tls: tls?,
        follow_redirects: follow_redirects?,
        status: expected.status,
        body: expected.body,
        body_regex: expected.body_regex,
    })
}

pub(super) fn grpc(
    fields: &mut Fields<'_, '_>,
    bundle: &EstateBundle,
    report: &mut Report<'_>,
) -> Option<GrpcCheck> {
    let service = match fields.get("service") {
        Some(value) => value.read(report, |text| {
            let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
            if text.len() <= 255 && text.bytes().all(is_fine) {
                Ok(text.to_owned())
            } else {
                Err("a gRPC service is its full name, such as shop.v1.Cart, at most 255 bytes; change it")
            }
        }),
        None => Some(String::new()),
    };
    let host = host(fields.get("host"), report);
    let tls = tls(fields.get("tls"), bundle, report);
    Some(GrpcCheck { service: service?, host: host?, tls: tls? })
}

pub(super) fn dns(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<DnsCheck> {
    let query = fields.need("query", report).and_then(|value| dns_query(value, report));
    let expected = expect::dns(fields.get("expect"), report);
    let ((name, of), expected) = (query?, expected?);
    Some(DnsCheck {
        name,
        of,
        rcodes: expected.rcodes,
        answers: expected.answers,
        answers_min: expected.answers_min,
    })
}

fn dns_query(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<(hf_model::DnsName, QueryType)> {
    let mut query = value.fields("a query of DNS", report)?;
    let name = query.need("name", report).and_then(|value| value.read(report, hf_model::DnsName::new));
    let of = match query.get("type") {
        Some(value) => value.read(report, |text| {
            QueryType::named(text)
                .ok_or_else(|| format!("{:?} is no type here; {}", clip(text), there(QueryType::names())))
        }),
        None => Some(QueryType::A),
    };
    query.finish(&[], report);
    Some((name?, of?))
}

pub(super) fn read_text(text: &str) -> Result<String, String> {
    if (1..=TEXT_BYTES_MAX).contains(&text.len()) {
        Ok(text.to_owned())
    } else {
        Err(format!("this text has 1 to {TEXT_BYTES_MAX} bytes; change it or leave it out"))
    }
}

pub(super) fn path(value: Option<Value<'_, '_>>, default: &str, report: &mut Report<'_>) -> Option<String> {
    match value {
        Some(value) => value.read(report, read_path),
        None => Some(default.to_owned()),
    }
}

fn read_path(text: &str) -> Result<String, &'static str> {
    if text.starts_with('/')
        && text.len() <= 2_048
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
    {
        Ok(text.to_owned())
    } else {
        Err(
            "a path begins with '/' and has at most 2048 printable ASCII characters, without '#'; percent-encode others",
        )
    }
}

#[expect(clippy::option_option, reason = "wrong, and not there")]
pub(super) fn host(value: Option<Value<'_, '_>>, report: &mut Report<'_>) -> Option<Option<String>> {
    if_there(value, |value| value.read(report, read_host)).ok()
}

fn read_host(text: &str) -> Result<String, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if (1..=255).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("a host is a name or an address, with a port if need be, such as www.example.test; change it")
    }
}

/// `{ name = "value" }`, in the order of the names.
pub(super) fn headers(
    value: Option<Value<'_, '_>>,
    report: &mut Report<'_>,
) -> Option<Vec<(String, String)>> {
    let Some(value) = value else { return Some(Vec::new()) };
    let mut list: Vec<(String, String)> = Vec::new();
    let entries = value.entries(report)?;
    if entries.len() > HEADERS_MAX {
        report.add(value.at(), format_args!("at most {HEADERS_MAX} headers; remove some"));
        return None;
    }
    for (name, at, value) in entries {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let name = name.to_ascii_lowercase();
        if !(1..=64).contains(&name.len()) || !name.bytes().all(is_token) {
            report.add(at, format_args!("{:?} is not a header's name; change it", clip(&name)));
        } else if OWN_HEADERS.contains(&name.as_str()) {
            let mend = if name == "host" { "write `host` beside `headers`" } else { "remove it" };
            report.add(at, format_args!("the probe writes the header `{name}` itself; {mend}"));
        } else if list.iter().any(|(known, _)| *known == name) {
            report.add(at, format_args!("header `{name}` is there twice; remove one of the two"));
        }
        let text = value.read(report, |text| {
            if text.len() <= HEADER_VALUE_BYTES_MAX && text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t'))
            {
                Ok(text.to_owned())
            } else {
                Err(format!("a header's value has at most {HEADER_VALUE_BYTES_MAX} printable ASCII characters; change it"))
            }
        });
        list.push((name, text?));
    }
    Some(list)
}

/// `true`, `false` or a table.
#[expect(clippy::option_option, reason = "wrong, and said to be off")]
pub(super) fn tls(
    value: Option<Value<'_, '_>>,
    bundle: &EstateBundle,
    report: &mut Report<'_>,
) -> Option<Option<CheckTls>> {
    let Some(value) = value else { return Some(None) };
    if value.is_truth() {
        return value.truth(report).map(|on| on.then(CheckTls::default));
    }
    let mut fields = value.fields("the TLS of a check", report)?;
    let server_name =
        if_there(fields.get("server_name"), |value| match value.read(report, read_server_name)? {
            HostPattern::Exactly(name) => Some(name),
            HostPattern::Below(_) => {
                report.add(value.at(), "a server name is one name; write it without `*.`");
                None
            }
        });
    let verify = match fields.get("verify") {
        Some(value) => value.truth(report),
        None => Some(true),
    };
    let file_value = fields.get("ca_file");
    let authorities = if_there(file_value, |value| authorities(value, bundle, report));
    fields.finish(&[], report);
    if let (Some(value), Some(false)) = (file_value, verify) {
        report.add(value.at(), "with verify = false no authority is asked; remove one of the two");
    }
    Some(Some(CheckTls { server_name: server_name.ok()?, verify: verify?, authorities: authorities.ok()? }))
}

fn authorities(value: Value<'_, '_>, bundle: &EstateBundle, report: &mut Report<'_>) -> Option<Arc<str>> {
    let name = value.text(report)?;
    let Some(text) = bundle.files.get(name) else {
        report.add(
            value.at(),
            format_args!(
                "the file of authorities `{}` is not there; create it or remove `ca_file`",
                clip(name)
            ),
        );
        return None;
    };
    if text.len() > AUTHORITIES_BYTES_MAX {
        let max = AUTHORITIES_BYTES_MAX >> 10;
        report.add(
            value.at(),
            format_args!("a file of authorities has at most {max} KiB; leave in it those that sign"),
        );
        return None;
    }
    if text.contains("PRIVATE KEY-----") {
        report.add(value.at(), "this file has a private key, and every node would get it; name the authority's certificate alone");
        return None;
    }
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        report.add(
            value.at(),
            "this file has no certificate in PEM; name one with -----BEGIN CERTIFICATE-----",
        );
        return None;
    }
    Some(text.as_str().into())
}
