//! Health checks: how health is measured.
//!
//! Not here: probing, judging.

use std::time::Duration;

use hf_model::CheckName;

use super::controls::Controls;
use super::length;
use super::zones::named;
use crate::estate::{CheckKind, HealthCheck, Initial, limits};
use crate::walk::{Fields, Names, Report, Value, clip, if_there, there};

/// Kinds of the format that a later version carries.
const LATER: [&str; 6] = ["https", "grpc", "dns", "command", "pushed", "calculated"];

const INTERVAL_MIN: Duration = Duration::from_millis(100);
const INTERVAL_MAX: Duration = Duration::from_hours(1);
const INTERVAL_DEFAULT: Duration = Duration::from_secs(1);
const TIMEOUT_MIN: Duration = Duration::from_millis(10);
const CONFIRM_MIN: Duration = Duration::from_millis(50);
/// What only checks that send something have.
const PROBING: [&str; 6] = ["interval", "timeout", "confirm_interval", "rise", "fall", "port"];
/// Bytes that may be looked for in a body.
const BODY_BYTES_MAX: usize = 4_096;

/// The health checks of the file; those with a problem are `None`.
pub(super) struct Checks {
    pub(super) list: Vec<Option<HealthCheck>>,
    pub(super) names: Names,
}

pub(super) fn health_checks(
    root: &mut Fields<'_, '_>,
    controls: &Controls,
    report: &mut Report<'_>,
) -> Checks {
    let mut names = Names::new("health check");
    let mut list = Vec::new();
    for (position, fields) in
        (0..).zip(root.list("health_check", "a health check", limits::HEALTH_CHECKS, report))
    {
        list.push(health_check(fields, position, controls, &mut names, report));
    }
    Checks { list, names }
}

fn health_check(
    mut fields: Fields<'_, '_>,
    position: u16,
    controls: &Controls,
    names: &mut Names,
    report: &mut Report<'_>,
) -> Option<HealthCheck> {
    let name = named(&mut fields, "name", position, names, report)
        .and_then(|name| name.read(report, CheckName::new));
    let kind_text = fields.get("kind").and_then(Value::as_text);
    let kind = kind(&mut fields, controls, report);
    if kind_text == Some("control") {
        for value in PROBING.into_iter().filter_map(|key| fields.get(key)) {
            report.add(value.at(), "a check of kind control sends nothing; remove it");
        }
    }
    let interval = match fields.get("interval") {
        Some(value) => value.duration(INTERVAL_MIN, INTERVAL_MAX, report),
        None => Some(INTERVAL_DEFAULT),
    };
    // Without a readable interval its bounds on the others are not known: the widest hold.
    let within = interval.unwrap_or(INTERVAL_MAX);
    let timeout = match fields.get("timeout") {
        Some(value) => below_interval(value, TIMEOUT_MIN, within, report),
        None => Some(within / 2),
    };
    let confirm_interval = match fields.get("confirm_interval") {
        Some(value) => below_interval(value, CONFIRM_MIN, within, report),
        None => Some(within),
    };
    let mut times = |key, default: u8| match fields.get(key) {
        Some(value) => value.whole(1, 10, report).and_then(|count| u8::try_from(count).ok()),
        None => Some(default),
    };
    let rise = times("rise", 2);
    let fall = times("fall", 3);
    let port = if_there(fields.get("port"), |value| u16::try_from(value.whole(1, 65_535, report)?).ok());
    let initial_value = fields.get("initial");
    if let (Some(value), Some("control")) = (initial_value, kind_text) {
        report.add(value.at(), "a check of kind control sends nothing; remove it");
    }
    let initial = match initial_value {
        Some(value) => value.read(report, read_initial),
        None => Some(Initial::default()),
    };
    fields.finish(&[], report);
    Some(HealthCheck {
        name: name?,
        kind: kind?,
        interval: interval?,
        timeout: timeout?,
        confirm_interval: confirm_interval?,
        rise: rise?,
        fall: fall?,
        port: port.ok()?,
        initial: initial?,
    })
}

fn read_initial(text: &str) -> Result<Initial, String> {
    let all = [Initial::Healthy, Initial::Unhealthy, Initial::Unknown];
    all.into_iter().find(|known| known.as_str() == text).ok_or_else(|| {
        format!("{:?} is unknown here; {}", clip(text), there(all.into_iter().map(Initial::as_str)))
    })
}

fn below_interval(
    value: Value<'_, '_>,
    min: Duration,
    interval: Duration,
    report: &mut Report<'_>,
) -> Option<Duration> {
    let read = value.duration(min, INTERVAL_MAX, report)?;
    if read > interval {
        let (found, interval) = (length(read), length(interval));
        report.add(value.at(), format_args!("{found} is longer than the interval of {interval}; shorten it"));
        return None;
    }
    Some(read)
}

fn kind(fields: &mut Fields<'_, '_>, controls: &Controls, report: &mut Report<'_>) -> Option<CheckKind> {
    let kind = fields.need("kind", report);
    let (path, host, expect) = (fields.get("path"), fields.get("host"), fields.get("expect"));
    let control = fields.get("control");
    let kind = kind?;
    let text = kind.text(report)?;
    if let Some(value) = control.filter(|_| ["http", "tcp"].contains(&text)) {
        report.add(value.at(), "only checks of kind control have a control; remove it");
    }
    match text {
        "control" => {
            for value in [path, host, expect].into_iter().flatten() {
                report.add(value.at(), "a check of kind control sends nothing; remove it");
            }
            if control.is_none() {
                let at = fields.at();
                report.add(at, "a check of kind control needs `control`, a routing control; add it");
            }
            Some(CheckKind::Control { control: controls.find(control?, report)? })
        }
        "http" => http(path, host, expect, report),
        "tcp" => {
            for value in [path, host, expect].into_iter().flatten() {
                report.add(value.at(), "only checks of kind http have path, host and expect; remove it");
            }
            Some(CheckKind::Tcp)
        }
        other if LATER.contains(&other) => {
            report.add(
                kind.at(),
                format_args!("checks of kind {other} are not in this version; use http, tcp or control"),
            );
            None
        }
        other => {
            report.add(
                kind.at(),
                format_args!("no check is of kind {:?}; use http, tcp or control", clip(other)),
            );
            None
        }
    }
}

fn http(
    path: Option<Value<'_, '_>>,
    host: Option<Value<'_, '_>>,
    expect: Option<Value<'_, '_>>,
    report: &mut Report<'_>,
) -> Option<CheckKind> {
    let path = match path {
        Some(value) => value.read(report, read_path),
        None => Some("/".to_owned()),
    };
    let host = if_there(host, |value| value.read(report, read_host));
    let (status, body) = match expect {
        Some(value) => expectation(value, report)?,
        None => ((200, 399), None),
    };
    Some(CheckKind::Http { path: path?, host: host.ok()?, status, body })
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

fn read_host(text: &str) -> Result<String, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if (1..=255).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("a host is a name or an address, with a port if need be, such as www.example.test; change it")
    }
}

type Expectation = ((u16, u16), Option<String>);

fn expectation(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Expectation> {
    let mut fields = value.fields("an expectation", report)?;
    let status = match fields.get("status") {
        Some(value) if value.is_whole() => {
            let status = value.whole(100, 599, report);
            status.and_then(|status| u16::try_from(status).ok()).map(|status| (status, status))
        }
        Some(value) => value.read(report, read_status),
        None => Some((200, 399)),
    };
    let body = if_there(fields.get("body"), |value| {
        value.read(report, |text| {
            if (1..=BODY_BYTES_MAX).contains(&text.len()) {
                Ok(text.to_owned())
            } else {
                Err(format!("an expected body has 1 to {BODY_BYTES_MAX} bytes; change it or leave it out"))
            }
        })
    });
    fields.finish(&[], report);
    Some((status?, body.ok()?))
}

/// `200` or `200-299`.
fn read_status(text: &str) -> Result<(u16, u16), String> {
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    let read = |text: &str| text.parse::<u16>().ok().filter(|status| (100..=599).contains(status));
    match (read(low), read(high)) {
        (Some(low), Some(high)) if low <= high => Ok((low, high)),
        _ => Err(format!("{:?} is not a range of statuses; write one such as \"200-299\"", clip(text))),
    }
}
