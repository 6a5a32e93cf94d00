//! Checks that stand by themselves: command, pushed, metric, zone-status.

use std::time::Duration;

use hf_model::ZoneId;

use super::network::{headers, host, path, tls};
use super::one_of;
use crate::estate::{
    CommandCheck, EstateBundle, MetricCheck, Missing, PushedCheck, Threshold, ZoneStatusCheck,
};
use crate::walk::{Fields, Report, Value, clip};

const ARGUMENTS_MAX: usize = 64;
const ARGUMENT_BYTES_MAX: usize = 1_024;
const LEASE_MIN: Duration = Duration::from_secs(1);
const LEASE_MAX: Duration = Duration::from_hours(24);
const LEASE_DEFAULT: Duration = Duration::from_secs(30);
const QUERY_BYTES_MAX: usize = 4_096;

pub(super) fn command(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<CommandCheck> {
    let value = fields.need("command", report)?;
    let items = value.items_up_to(ARGUMENTS_MAX, report)?;
    let Some(program) = items.first() else {
        report.add(value.at(), "a command is a program and its arguments; write them, such as [\"/usr/lib/checks/disk\", \"/srv\"]");
        return None;
    };
    let mut command = Vec::new();
    for item in &items {
        command.push(item.read(report, |text| {
            if text.len() <= ARGUMENT_BYTES_MAX && !text.contains('\0') {
                Ok(text.to_owned())
            } else {
                Err(format!("an argument has at most {ARGUMENT_BYTES_MAX} bytes and no NUL; change it"))
            }
        })?);
    }
    if !command[0].starts_with('/') {
        report.add(
            program.at(),
            format_args!(
                "{:?} is not an absolute path, and neither a shell nor PATH is asked; write where the program is",
                clip(&command[0])
            ),
        );
        return None;
    }
    Some(CommandCheck { command })
}

pub(super) fn pushed(fields: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Option<PushedCheck> {
    let lease = match fields.get("lease") {
        Some(value) => value.duration(LEASE_MIN, LEASE_MAX, report),
        None => Some(LEASE_DEFAULT),
    };
    let missing = missing(fields.get("missing"), Missing::Unknown, report);
    Some(PushedCheck { lease: lease?, missing: missing? })
}

fn missing(value: Option<Value<'_, '_>>, default: Missing, report: &mut Report<'_>) -> Option<Missing> {
    match value {
        Some(value) => {
            value.read(report, |text| one_of(text, [Missing::Unknown, Missing::Bad], Missing::as_str))
        }
        None => Some(default),
    }
}

pub(super) fn metric(
    fields: &mut Fields<'_, '_>,
    bundle: &EstateBundle,
    report: &mut Report<'_>,
) -> Option<MetricCheck> {
    let query = fields.need("query", report).and_then(|value| {
        value.read(report, |text| {
            if (1..=QUERY_BYTES_MAX).contains(&text.trim().len()) && !text.contains('\0') {
                Ok(text.trim().to_owned())
            } else {
                Err(format!("a query has 1 to {QUERY_BYTES_MAX} bytes; change it"))
            }
        })
    });
    let good = fields.need("good", report).and_then(|value| threshold(value, report));
    let missing = missing(fields.get("missing"), Missing::Unknown, report);
    let path = path(fields.get("path"), "/api/v1/query", report);
    let host = host(fields.get("host"), report);
    let headers = headers(fields.get("headers"), report);
    let tls = tls(fields.get("tls"), bundle, report);
    // Its value is read with those of the other kinds.
    let address = fields.need("address", report);
    Some(MetricCheck {
        query: query?,
        good: good?,
        missing: missing?,
        path: path?,
        host: host?,
        headers: headers?,
        tls: tls?,
    })
    .filter(|_| address.is_some())
}

pub(super) fn zone_status(
    fields: &mut Fields<'_, '_>,
    bundle: &EstateBundle,
    report: &mut Report<'_>,
) -> Option<ZoneStatusCheck> {
    // It may be a zone of another estate: the endpoint alone knows whether there is one.
    let zone = fields.need("zone", report).and_then(|value| value.read(report, ZoneId::new));
    let resource = match fields.get("resource") {
        Some(value) => value.read(report, read_resource),
        None => Some("everything".to_owned()),
    };
    let host = host(fields.get("host"), report);
    let headers = headers(fields.get("headers"), report);
    let tls = tls(fields.get("tls"), bundle, report);
    let address = fields.need("address", report);
    Some(ZoneStatusCheck { zone: zone?, resource: resource?, host: host?, headers: headers?, tls: tls? })
        .filter(|_| address.is_some())
}

/// As `?resource=` of zone status has it; whether it is there, the endpoint alone knows.
fn read_resource(text: &str) -> Result<String, String> {
    let named = text.strip_prefix("pool/").or_else(|| text.strip_prefix("record/"));
    let is_named = named.is_some_and(|name| (1..=255).contains(&name.len()));
    if text == "everything" || (is_named && text.bytes().all(|byte| byte.is_ascii_graphic())) {
        Ok(text.to_owned())
    } else {
        Err(format!("{:?} is no resource; write everything, pool/NAME or record/NAME.", clip(text)))
    }
}

/// `{ gt = 0.99 }` or `{ lt = 0.05 }`.
fn threshold(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Threshold> {
    let mut fields = value.fields("a threshold", report)?;
    let at = fields.at();
    let found = match (fields.get("gt"), fields.get("lt")) {
        (Some(value), None) => number(value, report).map(Threshold::Above),
        (None, Some(value)) => number(value, report).map(Threshold::Below),
        (None, None) => {
            report.add(at, "a threshold needs `gt` or `lt`: which values are good; add one");
            None
        }
        (Some(_), Some(second)) => {
            report.add(second.at(), "a threshold has `gt` or `lt`, not both; remove one, or make it two checks and a calculated one");
            None
        }
    };
    fields.finish(&[], report);
    found
}

/// As written, once it is a number that others can be greater and less than.
fn number(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<String> {
    value.number(report).map(str::to_owned)
}
