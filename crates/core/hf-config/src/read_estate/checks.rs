//! Health checks: how health is measured.
//!
//! 1. `kind` says which keys a check has; a key of another kind is named as such.
//! 2. What can never be good, or never bad, is refused where that is certain, and advised against where it is likely.
//! 3. Calculated checks name others wherever these stand in the file; a ring is refused.
//!
//! Not here: probing, judging; what a single kind reads (`network`, `others`, `expect`).

use std::net::SocketAddr;
use std::time::Duration;

use hf_model::{CheckName, Share};

use super::controls::Controls;
use super::zones::named;
use super::{length, parse_share};
use crate::addresses::read_socket;
use crate::estate::{
    CheckIx, CheckKind, Counting, EstateBundle, HealthCheck, Initial, is_endpoint_address, limits,
};
use crate::walk::{Fields, Names, Report, Value, clip, if_there, there};

pub(super) mod budget;
mod calculated;
mod expect;
mod keys;
mod network;
mod others;

const INTERVAL_MIN: Duration = Duration::from_millis(100);
const INTERVAL_MAX: Duration = Duration::from_hours(1);
const TIMEOUT_MIN: Duration = Duration::from_millis(10);
const CONFIRM_MIN: Duration = Duration::from_millis(50);

/// The health checks of the file; those with a problem are `None`.
pub(super) struct Checks {
    pub(super) list: Vec<Option<HealthCheck>>,
    pub(super) names: Names,
    /// Where each stands in the text.
    pub(super) places: Vec<usize>,
}

/// What kinds of checks look things up in.
struct Around<'a> {
    controls: &'a Controls,
    bundle: &'a EstateBundle,
}

pub(super) fn health_checks(
    root: &mut Fields<'_, '_>,
    controls: &Controls,
    bundle: &EstateBundle,
    report: &mut Report<'_>,
) -> Checks {
    let mut names = Names::new("health check");
    let around = Around { controls, bundle };
    let (mut list, mut places, mut pending) = (Vec::new(), Vec::new(), Vec::new());
    for (position, fields) in
        (0..).zip(root.list("health_check", "a health check", limits::HEALTH_CHECKS, report))
    {
        places.push(fields.at());
        let (check, of) = health_check(fields, position, &around, &mut names, report);
        list.push(check);
        pending.extend(of.map(|of| (CheckIx(position), of)));
    }
    calculated::resolve(&mut list, &names, &pending, report);
    Checks { list, names, places }
}

/// The check, and the list of a calculated one: its names are looked up once all are read.
fn health_check<'t, 'i>(
    mut fields: Fields<'t, 'i>,
    position: u16,
    around: &Around<'_>,
    names: &mut Names,
    report: &mut Report<'_>,
) -> (Option<HealthCheck>, Option<Value<'t, 'i>>) {
    let name = named(&mut fields, "name", position, names, report)
        .and_then(|name| name.read(report, CheckName::new));
    let kind_text = fields.need("kind", report).and_then(|value| keys::kind(value, report));
    match kind_text {
        Some(kind) => keys::refuse_foreign(&mut fields, kind, report),
        None => keys::know_all(&mut fields),
    }
    let of = fields.get("of").filter(|_| kind_text == Some("calculated"));
    let kind = kind_text.and_then(|text| read_kind(text, &mut fields, around, report));
    let address_value =
        fields.get("address").filter(|_| kind_text.is_none_or(|kind| keys::has(kind, "address")));
    let address = if_there(address_value, |value| address(value, report));
    if let (Some(_), Some(value)) = (address_value, fields.get("port")) {
        report.add(value.at(), "`address` has the port already; remove `port`");
    }
    let common = common(&mut fields, kind_text, report);
    let at = fields.at();
    let expect_at = fields.get("expect").map_or(at, Value::at);
    fields.finish(&[], report);
    let check = || {
        let (name, kind, common) = (name?, kind?, common?);
        Some(HealthCheck { address: address.ok()?, ..common.of(name, kind) })
    };
    let check = check();
    if let Some(check) = &check {
        expect::advise(check, at, expect_at, report);
    }
    (check, of)
}

fn read_kind(
    text: &str,
    fields: &mut Fields<'_, '_>,
    around: &Around<'_>,
    report: &mut Report<'_>,
) -> Option<CheckKind> {
    match text {
        "tcp" => network::tcp(fields, around.bundle, report).map(CheckKind::Tcp),
        "http" | "https" => network::http(fields, text == "https", around.bundle, report)
            .map(|http| CheckKind::Http(Box::new(http))),
        "grpc" => network::grpc(fields, around.bundle, report).map(CheckKind::Grpc),
        "dns" => network::dns(fields, report).map(|dns| CheckKind::Dns(Box::new(dns))),
        "command" => others::command(fields, report).map(CheckKind::Command),
        "pushed" => others::pushed(fields, report).map(CheckKind::Pushed),
        "metric" => {
            others::metric(fields, around.bundle, report).map(|metric| CheckKind::Metric(Box::new(metric)))
        }
        "zone-status" => others::zone_status(fields, around.bundle, report)
            .map(|status| CheckKind::ZoneStatus(Box::new(status))),
        "calculated" => calculated::read(fields, report).map(CheckKind::Calculated),
        _ => {
            let value = fields.need("control", report)?;
            Some(CheckKind::Control { control: around.controls.find(value, report)? })
        }
    }
}

/// What the kinds have in common, as far as a kind has it.
struct Common {
    interval: Duration,
    timeout: Duration,
    confirm_interval: Duration,
    rise: u8,
    fall: u8,
    count: Counting,
    port: Option<u16>,
    initial: Initial,
    inverted: bool,
    disabled: bool,
    quorum: Share,
}

impl Common {
    fn of(self, name: CheckName, kind: CheckKind) -> HealthCheck {
        let Common { interval, timeout, confirm_interval, rise, fall, count, port, .. } = self;
        let Common { initial, inverted, disabled, quorum, .. } = self;
        HealthCheck {
            interval,
            timeout,
            confirm_interval,
            rise,
            fall,
            count,
            port,
            initial,
            inverted,
            disabled,
            quorum,
            ..HealthCheck::new(name, kind)
        }
    }
}

fn common(fields: &mut Fields<'_, '_>, kind: Option<&str>, report: &mut Report<'_>) -> Option<Common> {
    // A key that the kind does not have was refused already.
    let has = |key: &str| kind.is_none_or(|kind| keys::has(kind, key));
    let mut get = |key: &'static str| fields.get(key).filter(|_| has(key));
    let interval = match get("interval") {
        Some(value) => value.duration(INTERVAL_MIN, INTERVAL_MAX, report),
        None => Some(HealthCheck::INTERVAL),
    };
    // Without a readable interval its bounds on the others are not known: the widest hold.
    let within = interval.unwrap_or(INTERVAL_MAX);
    let timeout = match get("timeout") {
        Some(value) => below_interval(value, TIMEOUT_MIN, within, report),
        None => Some(within / 2),
    };
    let confirm_interval = match get("confirm_interval") {
        Some(value) => below_interval(value, CONFIRM_MIN, within, report),
        None => Some(within),
    };
    let mut times = |key, default: u8, report: &mut Report<'_>| match get(key) {
        Some(value) => value.whole(1, 10, report).and_then(|count| u8::try_from(count).ok()),
        None => Some(default),
    };
    // Who tells results, or the state of a zone, has seen for himself: one is enough unless told otherwise.
    let is_told = matches!(kind, Some("pushed" | "zone-status"));
    let (rise, fall) = if is_told { (1, 1) } else { (2, 3) };
    let (rise, fall) = (times("rise", rise, report), times("fall", fall, report));
    let count = match get("count") {
        Some(value) => value.read(report, |text| {
            one_of(text, [Counting::Consecutive, Counting::Interleaved], Counting::as_str)
        }),
        None => Some(Counting::default()),
    };
    let port = if_there(get("port"), |value| u16::try_from(value.whole(1, 65_535, report)?).ok());
    let initial = match get("initial") {
        Some(value) => value.read(report, |text| {
            one_of(text, [Initial::Healthy, Initial::Unhealthy, Initial::Unknown], Initial::as_str)
        }),
        None => Some(Initial::default()),
    };
    let mut truth = |key, report: &mut Report<'_>| match get(key) {
        Some(value) => value.truth(report),
        None => Some(false),
    };
    let (inverted, disabled) = (truth("inverted", report), truth("disabled", report));
    let quorum = match get("quorum") {
        Some(value) => quorum(value, report),
        None => Some(HealthCheck::quorum_default()),
    };
    Some(Common {
        interval: interval?,
        timeout: timeout?,
        confirm_interval: confirm_interval?,
        rise: rise?,
        fall: fall?,
        count: count?,
        port: port.ok()?,
        initial: initial?,
        inverted: inverted?,
        disabled: disabled?,
        quorum: quorum?,
    })
}

fn quorum(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Share> {
    let share = value.read(report, parse_share)?;
    if share >= Share::ONE {
        report.add(
            value.at(),
            "healthy is what more than this share of the checkers sees healthy, and more than all of them there are never; lower it",
        );
        return None;
    }
    Some(share)
}

fn address(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<SocketAddr> {
    let address = value.read(report, read_socket)?;
    if !is_endpoint_address(address) {
        report.add(
            value.at(),
            format_args!("nothing answers at {address}; write one machine's address and port"),
        );
        return None;
    }
    Some(address)
}

fn one_of<T: Copy, const N: usize>(
    text: &str,
    all: [T; N],
    as_str: fn(T) -> &'static str,
) -> Result<T, String> {
    let found = all.into_iter().find(|known| as_str(*known) == text);
    found.ok_or_else(|| format!("{:?} is unknown here; {}", clip(text), there(all.into_iter().map(as_str))))
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
        report.add(
            value.at(),
            format_args!(
                "{found} is longer than the interval of {interval}; shorten it or lengthen `interval`"
            ),
        );
        return None;
    }
    Some(read)
}
