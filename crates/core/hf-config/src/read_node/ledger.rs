//! The section `[ledger]` of a node file: which engine keeps the ledger, and how to reach it.
//!
//! 1. Without the section the ledger is embedded: a file in `data_dir`.
//! 2. Members of etcd are addresses, not names: no DNS stands on the way of an evacuation.
//! 3. All of them are plain, or all have TLS. A password never leaves this machine in the clear.
//!
//! Not here: whether anybody answers there (`hf-ledger`).

use std::net::SocketAddr;

use super::{if_there, read_path};
use crate::addresses::read_socket;
use crate::node::{Certificate, EtcdConfig, EtcdLogin, EtcdTls, LedgerConfig};
use crate::walk::{Fields, Report, Value, clip};

/// Members of one etcd: seven are the most that its makers advise, and a list may name some twice as many ways.
const ENDPOINTS_MAX: usize = 16;
const PREFIX_DEFAULT: &str = "/holdfast/";
const PREFIX_BYTES_MAX: usize = 128;

/// What only another engine than the embedded one has.
const OF_ETCD: [&str; 7] = ["endpoints", "prefix", "user", "password_file", "ca", "certificate", "key"];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Engine {
    Embedded,
    Etcd,
}

/// Reads the section; none after a problem.
pub(super) fn ledger(value: Option<Value<'_, '_>>, report: &mut Report<'_>) -> Option<LedgerConfig> {
    let Some(value) = value else { return Some(LedgerConfig::Embedded) };
    let mut fields = value.fields("the section ledger", report)?;
    let engine = match fields.get("engine") {
        Some(value) => value.read(report, |text| match text {
            "embedded" | "redb" => Ok(Engine::Embedded),
            "etcd" => Ok(Engine::Etcd),
            other => Err(format!("{:?} is not a ledger; use embedded or etcd", clip(other))),
        }),
        None => Some(Engine::Embedded),
    };
    let config = match engine {
        Some(Engine::Etcd) => etcd(&mut fields, report).map(LedgerConfig::Etcd),
        Some(Engine::Embedded) => {
            for key in OF_ETCD {
                if let Some(value) = fields.get(key) {
                    report.add(
                        value.at(),
                        format_args!(
                            "`{key}` belongs to a ledger in etcd; set engine = \"etcd\" or remove it"
                        ),
                    );
                }
            }
            Some(LedgerConfig::Embedded)
        }
        None => {
            for key in OF_ETCD {
                let _ = fields.get(key); // known, whatever the engine was meant to be
            }
            None
        }
    };
    fields.finish(&[], report);
    config
}

fn etcd(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<EtcdConfig> {
    let at = fields.at();
    let found = fields.need("endpoints", report).and_then(|value| endpoints(value, report));
    let prefix = match fields.get("prefix") {
        Some(value) => value.read(report, read_prefix),
        None => Some(PREFIX_DEFAULT.to_owned()),
    };
    let user_value = fields.get("user");
    let user = if_there(user_value, |value| value.read(report, read_user));
    let password_file = if_there(fields.get("password_file"), |value| value.read(report, read_path));
    let ca_value = fields.get("ca");
    let ca = if_there(ca_value, |value| value.read(report, read_path));
    let certificate_value = fields.get("certificate");
    let certificate = if_there(certificate_value, |value| value.read(report, read_path));
    let key_value = fields.get("key");
    let key = if_there(key_value, |value| value.read(report, read_path));

    let login = match (user.ok()?, password_file.ok()?) {
        (Some(user), Some(password_file)) => Some(EtcdLogin { user, password_file }),
        (None, None) => None,
        (Some(_), None) => {
            report.add(at, "`user` needs `password_file`: the file that holds the password; add it");
            return None;
        }
        (None, Some(_)) => {
            report.add(at, "`password_file` needs `user`; add it");
            return None;
        }
    };
    let own = match (certificate.ok()?, key.ok()?) {
        (Some(certificate), Some(key)) => Some(Certificate { certificate, key }),
        (None, None) => None,
        (Some(_), None) => {
            report.add(at, "`certificate` needs `key`; add it");
            return None;
        }
        (None, Some(_)) => {
            report.add(at, "`key` needs `certificate`; add it");
            return None;
        }
    };
    let (prefix, ca) = (prefix?, ca.ok()?);
    let Endpoints { addresses, has_tls } = found?;
    let tls = if has_tls {
        let Some(ca) = ca else {
            report.add(at, "endpoints over https need `ca`, the authority of etcd's certificates; add it");
            return None;
        };
        Some(EtcdTls { ca, own })
    } else {
        if let Some(value) = ca_value.or(certificate_value).or(key_value) {
            report
                .add(value.at(), "certificates are for endpoints over https; write https://, or remove this");
            return None;
        }
        None
    };
    if let Some(value) = user_value
        && !has_tls
        && let Some(far) = addresses.iter().find(|address| !address.ip().is_loopback())
    {
        let what = format_args!("the password would go to {far} in the clear; write https:// and add `ca`");
        report.add(value.at(), what);
        return None;
    }
    Some(EtcdConfig { endpoints: addresses, prefix, login, tls })
}

struct Endpoints {
    addresses: Vec<SocketAddr>,
    has_tls: bool,
}

fn endpoints(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Endpoints> {
    let items = value.items_up_to(ENDPOINTS_MAX, report)?;
    if items.is_empty() {
        report.add(value.at(), "at least one member of etcd; add it");
        return None;
    }
    let mut found: Vec<(SocketAddr, bool)> = Vec::new();
    let mut is_good = true;
    for item in items {
        let Some((address, has_tls)) = item.read(report, read_endpoint) else {
            is_good = false;
            continue;
        };
        if found.iter().any(|(known, _)| *known == address) {
            report.add(item.at(), format_args!("endpoint {address} is listed twice; remove one of the two"));
            is_good = false;
        } else if found.iter().any(|(_, tls)| *tls != has_tls) {
            report.add(item.at(), "endpoints are all http:// or all https://; change some");
            is_good = false;
        }
        found.push((address, has_tls));
    }
    let has_tls = found.first()?.1;
    let addresses = found.into_iter().map(|(address, _)| address).collect();
    is_good.then_some(Endpoints { addresses, has_tls })
}

fn read_endpoint(text: &str) -> Result<(SocketAddr, bool), String> {
    let (rest, has_tls) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => (rest, true),
        (_, Some(rest)) => (rest, false),
        _ => {
            return Err(format!(
                "{:?} is not an endpoint of etcd; write one such as https://10.0.0.1:2379",
                clip(text)
            ));
        }
    };
    let address = read_socket(rest.strip_suffix('/').unwrap_or(rest))?;
    if address.port() == 0 {
        return Err("an endpoint's port is 1 to 65535, this one is 0; write where etcd listens".to_owned());
    }
    Ok((address, has_tls))
}

fn read_prefix(text: &str) -> Result<String, &'static str> {
    let is_good = text.len() <= PREFIX_BYTES_MAX
        && text.len() >= 3
        && text.starts_with('/')
        && text.ends_with('/')
        && !text.contains("//")
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_good {
        Ok(text.to_owned())
    } else {
        Err(
            "a prefix begins and ends with `/`, has a name between, at most 128 bytes and no spaces; write one such as /holdfast/",
        )
    }
}

fn read_user(text: &str) -> Result<String, &'static str> {
    if (1..=128).contains(&text.len()) && !text.contains(char::is_control) {
        Ok(text.to_owned())
    } else {
        Err("a user's name has 1 to 128 bytes and no control characters; change it")
    }
}
