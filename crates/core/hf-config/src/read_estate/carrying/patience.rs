//! How long phases may take, how much of everything there may be, and what becomes of failures.
//!
//! Not here: the defaults (the types have them).

use std::time::Duration;

use hf_model::Share;

use super::{Beside, share, statuses, truth};
use crate::estate::{Bounds, Ejection, Failover, Patience, PoolIx, Protocol, Retries};
use crate::walk::{Report, Value, if_there};

const SHORTEST: Duration = Duration::from_millis(10);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const WEEK: Duration = Duration::from_hours(24 * 7);
const KIB: i64 = 1 << 10;
const MIB: i64 = 1 << 20;

pub(super) fn patience(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Patience> {
    let mut fields = value.fields("the patience of a pool", report)?;
    let default = Patience::default();
    let mut length = |key, min, max, default| match fields.get(key) {
        Some(value) => value.duration(min, max, report),
        None => Some(default),
    };
    let connect = length("connect", SHORTEST, MINUTE, default.connect);
    let header = length("header", SHORTEST, HOUR, default.header);
    let response_header = length("response_header", SHORTEST, DAY, default.response_header);
    let body_idle = length("body_idle", SHORTEST, DAY, default.body_idle);
    let client_idle = length("client_idle", SHORTEST, DAY, default.client_idle);
    let kept_idle = length("kept_idle", Duration::ZERO, HOUR, default.kept_idle);
    let unacknowledged = length("unacknowledged", SHORTEST, HOUR, default.unacknowledged);
    let tunnel_idle = length("tunnel_idle", SHORTEST, WEEK, default.tunnel_idle);
    let request_value = fields.get("request");
    let request = if_there(request_value, |value| value.duration(SHORTEST, WEEK, report));
    if let (Some(value), Ok(Some(request)), Some(connect)) = (request_value, &request, connect)
        && *request < connect
    {
        report.add(
            value.at(),
            format_args!(
                "a whole request would have {} and opening a connection alone {}; lengthen this one or shorten `connect`",
                super::super::length(*request),
                super::super::length(connect)
            ),
        );
    }
    fields.finish(&[], report);
    Some(Patience {
        connect: connect?,
        header: header?,
        response_header: response_header?,
        body_idle: body_idle?,
        client_idle: client_idle?,
        kept_idle: kept_idle?,
        unacknowledged: unacknowledged?,
        tunnel_idle: tunnel_idle?,
        request: request.ok()?,
    })
}

pub(super) fn bounds(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Bounds> {
    let mut fields = value.fields("the bounds of a pool", report)?;
    let default = Bounds::default();
    let mut number = |key, min, max, default: u32| match fields.get(key) {
        Some(value) => value.whole(min, max, report).and_then(|number| u32::try_from(number).ok()),
        None => Some(default),
    };
    let client_connections = number("client_connections", 1, 1_000_000, default.client_connections);
    let in_flight = number("in_flight_per_endpoint", 1, 1_000_000, default.in_flight_per_endpoint);
    let header_bytes = number("header_bytes", 8 * KIB, MIB, default.header_bytes);
    let streams = number("streams_per_connection", 1, 10_000, default.streams_per_connection);
    let replay_bytes = number("replay_bytes", 0, 16 * MIB, default.replay_bytes);
    let connecting = number("connecting_per_endpoint", 1, 10_000, default.connecting_per_endpoint);
    let kept = number("kept_per_endpoint", 0, 100_000, default.kept_per_endpoint);
    let body_bytes = if_there(fields.get("body_bytes"), |value| {
        value.whole(0, 1 << 50, report).and_then(|number| u64::try_from(number).ok())
    });
    fields.finish(&[], report);
    Some(Bounds {
        client_connections: client_connections?,
        in_flight_per_endpoint: in_flight?,
        header_bytes: header_bytes?,
        body_bytes: body_bytes.ok()?,
        streams_per_connection: streams?,
        replay_bytes: replay_bytes?,
        connecting_per_endpoint: connecting?,
        kept_per_endpoint: kept?,
    })
}

pub(super) fn retries(value: Value<'_, '_>, beside: &Beside<'_>, report: &mut Report<'_>) -> Option<Retries> {
    let mut fields = value.fields("the retries of a pool", report)?;
    let default = Retries::default();
    let tries = match fields.get("tries") {
        Some(value) => value.whole(1, 10, report).and_then(|tries| u8::try_from(tries).ok()),
        None => Some(default.tries),
    };
    let budget = share(fields.get("budget"), default.budget, report);
    let on_status_value = fields.get("on_status");
    beside.only(&[Protocol::Http], on_status_value, report);
    let on_status = statuses(on_status_value, report);
    if let (Some(value), Some(1)) = (on_status_value, tries) {
        report.add(value.at(), "with `tries` 1 nothing is sent again; raise that, or remove `on_status`");
    }
    fields.finish(&[], report);
    Some(Retries { tries: tries?, budget: budget?, on_status: on_status? })
}

pub(super) fn failover(
    value: Value<'_, '_>,
    beside: &Beside<'_>,
    patience: Option<&Patience>,
    failovers: &mut Vec<(u16, String, usize)>,
    report: &mut Report<'_>,
) -> Option<Failover> {
    let mut fields = value.fields("a failover", report)?;
    let to = fields.need("to", report).and_then(|value| Some((value.text(report)?, value.at())));
    let on_status_value = fields.get("on_status");
    beside.only(&[Protocol::Http], on_status_value, report);
    let on_status = statuses(on_status_value, report);
    let on_connect_value = fields.get("on_connect");
    let on_connect = truth(on_connect_value, true, report);
    let on_timeout_value = fields.get("on_timeout");
    beside.only(&[Protocol::Http], on_timeout_value, report);
    let on_timeout = if_there(on_timeout_value, |value| value.duration(SHORTEST, DAY, report));
    if let (Some(value), Ok(Some(on_timeout)), Some(patience)) = (on_timeout_value, &on_timeout, patience)
        && *on_timeout > patience.response_header
    {
        report.add(
            value.at(),
            format_args!(
                "an answer is waited for {} (`response_header`), so this never comes; shorten it",
                super::super::length(patience.response_header)
            ),
        );
    }
    let budget = share(fields.get("budget"), Retries::default().budget, report);
    fields.finish(&[], report);
    if let (Some(value), Some(false), Some([]), Ok(None)) =
        (on_connect_value, on_connect, on_status.as_deref(), &on_timeout)
    {
        report.add(
            value.at(),
            "then nothing leads to this failover; add `on_status` or `on_timeout`, or remove it",
        );
    }
    let (name, at) = to?;
    failovers.push((beside.position, name.to_owned(), at));
    Some(Failover {
        to: PoolIx(beside.position),
        on_status: on_status?,
        on_connect: on_connect?,
        on_timeout: on_timeout.ok()?,
        budget: budget?,
    })
}

pub(super) fn ejection(
    value: Value<'_, '_>,
    beside: &Beside<'_>,
    report: &mut Report<'_>,
) -> Option<Ejection> {
    let mut fields = value.fields("the ejection of a pool", report)?;
    let default = Ejection::default();
    let failures = match fields.get("failures") {
        Some(value) => value.whole(0, 1_000, report).and_then(|failures| u16::try_from(failures).ok()),
        None => Some(default.failures),
    };
    let failure_share = share(fields.get("failure_share"), default.failure_share, report);
    let share_max_value = fields.get("share_max");
    let share_max = share(share_max_value, default.share_max, report);
    if let (Some(value), Some(Share::ZERO)) = (share_max_value, share_max) {
        report.add(value.at(), "one endpoint of a zone may always be left; to leave none write failures = 0 and failure_share = \"0%\"");
    }
    let time = match fields.get("time") {
        Some(value) => value.duration(Duration::from_millis(100), HOUR, report),
        None => Some(default.time),
    };
    let time_max_value = fields.get("time_max");
    let time_max = match time_max_value {
        Some(value) => value.duration(Duration::from_millis(100), DAY, report),
        // Whoever wants long ejections wants them whole.
        None => time.map(|time| time.max(default.time_max)),
    };
    if let (Some(value), Some(time), Some(time_max)) = (time_max_value, time, time_max)
        && time_max < time
    {
        report.add(value.at(), "`time_max` is shorter than `time`; lengthen it");
    }
    let statuses_value = fields.get("statuses");
    beside.only(&[Protocol::Http], statuses_value, report);
    let statuses = truth(statuses_value, default.statuses, report);
    fields.finish(&[], report);
    Some(Ejection {
        failures: failures?,
        failure_share: failure_share?,
        time: time?,
        time_max: time_max?,
        share_max: share_max?,
        statuses: statuses?,
    })
}
