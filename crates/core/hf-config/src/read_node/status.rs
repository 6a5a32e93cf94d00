//! The section `[status]` of a node file: where zone status is asked, and how many it lets in.
//!
//! Not here: how many open files the process may have (`hf-status` asks the system).

use std::net::SocketAddr;
use std::time::Duration;

use super::{default_listener, listeners};
use crate::addresses::Taken;
use crate::node::StatusConfig;
use crate::walk::{Fields, Report, Value, if_there};

/// Watchers, and connections from one address.
const CONNECTIONS_MAX: i64 = 1_000_000;
const RESOURCES_MAX: i64 = 65_536;
const MESSAGE_TIME: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(25));
const PORT: u16 = 7601;

/// Reads the section; `taken` is there when this node has the role.
pub(super) fn status(
    root: &mut Fields<'_, '_>,
    taken: Option<&mut Taken>,
    report: &mut Report<'_>,
) -> (Option<SocketAddr>, Option<StatusConfig>) {
    let fields = root.get("status").and_then(|value| value.fields("this section", report));
    let Some(mut fields) = fields else {
        return (Some(default_listener("status", PORT, taken, report)), Some(StatusConfig::default()));
    };
    let listen = match fields.get("listen") {
        Some(value) => listeners(value, false, taken, report).and_then(|list| list.first().copied()),
        None => Some(default_listener("status", PORT, taken, report)),
    };
    let limits = limits(&mut fields, report);
    fields.finish(&[], report);
    (listen, limits)
}

fn limits(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<StatusConfig> {
    let default = StatusConfig::default();
    let mut count = |key, max| if_there(fields.get(key), |value| count(value, max, report));
    let watchers = count("watchers", CONNECTIONS_MAX);
    let connections_per_address = count("connections_per_address", CONNECTIONS_MAX);
    let resources = count("resources", RESOURCES_MAX);
    let resources_per_address = count("resources_per_address", RESOURCES_MAX);
    let message_time = match fields.get("message_time") {
        Some(value) => value.duration(MESSAGE_TIME.0, MESSAGE_TIME.1, report),
        None => Some(default.message_time),
    };
    Some(StatusConfig {
        watchers: watchers.ok()?,
        connections_per_address: connections_per_address.ok()?.unwrap_or(default.connections_per_address),
        resources: resources.ok()?.unwrap_or(default.resources),
        resources_per_address: resources_per_address.ok()?.unwrap_or(default.resources_per_address),
        message_time: message_time?,
    })
}

fn count(value: Value<'_, '_>, max: i64, report: &mut Report<'_>) -> Option<u32> {
    value.whole(1, max, report).and_then(|count| u32::try_from(count).ok())
}
