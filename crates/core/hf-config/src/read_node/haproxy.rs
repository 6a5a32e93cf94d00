//! The section `[haproxy]` of a node file: what this node tells HAProxy.
//!
//! Not here: the sockets themselves, whether the estate has the pools ([`check`] says).

use std::net::SocketAddr;
use std::time::Duration;

use hf_model::PoolName;

use super::{listeners, read_path};
use crate::addresses::{Taken, read_socket};
use crate::estate::Estate;
use crate::node::{AwayWord, HaproxyBackend, HaproxyConfig, HaproxySocket, SocketPlace};
use crate::walk::{Fields, Names, Report, Value, clip, if_there, there};

/// Processes of HAProxy at most.
const SOCKETS_MAX: usize = 64;
/// Backends of one of them.
const BACKENDS_MAX: usize = 256;
const EVERY_MIN: Duration = Duration::from_millis(500);
const EVERY_MAX: Duration = Duration::from_mins(1);

/// Reads the section; `taken` is there when this node has the role.
pub(super) fn haproxy(
    root: &mut Fields<'_, '_>,
    taken: Option<&mut Taken>,
    report: &mut Report<'_>,
) -> Option<HaproxyConfig> {
    let Some(value) = root.get("haproxy") else { return Some(HaproxyConfig::default()) };
    let mut fields = value.fields("the section haproxy", report)?;
    let agent_listen = if_there(fields.get("agent_listen"), |value| {
        listeners(value, false, taken, report).and_then(|list| list.first().copied())
    });
    let away = match fields.get("away") {
        Some(value) => value.read(report, |text| {
            AwayWord::ALL.into_iter().find(|word| word.as_str() == text).ok_or_else(|| {
                let all = there(AwayWord::ALL.into_iter().map(AwayWord::as_str));
                format!("HAProxy has no word {:?} for a server that is left; {all}", clip(text))
            })
        }),
        None => Some(AwayWord::default()),
    };
    let mut names = Names::new("HAProxy");
    let mut sockets = Some(Vec::new());
    for (position, of) in (0..).zip(fields.list("socket", "a runtime socket of HAProxy", SOCKETS_MAX, report))
    {
        match (socket(of, position, &mut names, report), &mut sockets) {
            (Some(read), Some(known)) => known.push(read),
            (None, _) => sockets = None,
            (Some(_), None) => {}
        }
    }
    fields.finish(&[], report);
    Some(HaproxyConfig { agent_listen: agent_listen.ok()?, away: away?, sockets: sockets? })
}

fn socket(
    mut fields: Fields<'_, '_>,
    position: u16,
    names: &mut Names,
    report: &mut Report<'_>,
) -> Option<HaproxySocket> {
    let at = fields.at();
    let name = match fields.get("name") {
        Some(value) => value.read(report, read_consumer).map(|name| (name, value.at())),
        None => Some(("haproxy".to_owned(), at)),
    };
    if let Some((name, at)) = &name {
        names.insert(name, position, *at, report);
    }
    let place = fields.need("socket", report).and_then(|value| value.read(report, read_place));
    let backends = match fields.get("backends") {
        Some(value) => backends(value, report),
        None => Some(Vec::new()),
    };
    let every = match fields.get("every") {
        Some(value) => value.duration(EVERY_MIN, EVERY_MAX, report),
        None => Some(HaproxySocket::EVERY),
    };
    fields.finish(&[], report);
    Some(HaproxySocket { name: name?.0, at: place?, backends: backends?, every: every? })
}

/// A path, or an address and port.
fn read_place(text: &str) -> Result<SocketPlace, String> {
    if text.contains('/') {
        return read_path(text).map(SocketPlace::Path).map_err(str::to_owned);
    }
    let address: SocketAddr = read_socket(text).map_err(|_| {
        format!(
            "{:?} is no runtime socket; write the path of one, such as /run/haproxy/admin.sock, or an address and port",
            clip(text)
        )
    })?;
    if address.port() == 0 {
        return Err(
            "a runtime socket's port is 1 to 65535, this one is 0; write that of HAProxy's `stats socket`"
                .to_owned(),
        );
    }
    Ok(SocketPlace::Address(address))
}

fn backends(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Vec<HaproxyBackend>> {
    let items = value.items_up_to(BACKENDS_MAX, report)?;
    if items.is_empty() {
        report.add(
            value.at(),
            "at least one backend; add it, or remove `backends`: then backends that are called as a pool are meant",
        );
    }
    let mut names = Names::new("backend");
    let mut whole = true;
    let mut list = Vec::new();
    for (position, item) in (0..).zip(items) {
        let read = item.fields("a backend", report).and_then(|mut fields| {
            let backend = fields.need("backend", report).and_then(|value| {
                let name = value.read(report, read_backend)?;
                names.insert(&name, position, value.at(), report);
                Some(name)
            });
            let pool = fields.need("pool", report).and_then(|value| value.read(report, PoolName::new));
            fields.finish(&[], report);
            Some(HaproxyBackend { backend: backend?, pool: pool? })
        });
        whole &= read.is_some();
        list.extend(read);
    }
    whole.then_some(list)
}

/// HAProxy's own rule for names; nothing else may come near its command line.
fn read_backend(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    if (1..=128).contains(&text.len()) && text.chars().all(good) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{:?} is no backend of HAProxy: those have letters, digits and -_.: alone, 1 to 128 of them; write its name",
            clip(text)
        ))
    }
}

/// Reads how something is called among the consumers.
pub(super) fn read_consumer(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if (1..=64).contains(&text.len()) && text.chars().all(good) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{:?} is no name of a consumer: 1 to 64 of letters, digits and -_.; change it",
            clip(text)
        ))
    }
}

/// Pools that the estate does not have; told at the section.
pub(super) fn check(config: &HaproxyConfig, at: usize, estate: &Estate, report: &mut Report<'_>) {
    for of in config.sockets.iter().flat_map(|socket| &socket.backends) {
        if estate.pool_named(&of.pool).is_none() {
            report.add(
                at,
                format_args!(
                    "the backend `{}` of HAProxy is to follow the pool `{}`, which the estate does not have; change `pool`",
                    clip(&of.backend),
                    of.pool
                ),
            );
        }
    }
}
