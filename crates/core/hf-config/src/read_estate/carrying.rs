//! How the balancer carries a pool: the keys that only it obeys.
//!
//! 1. Each group of keys is read by a file of its own; here is what must hold between them and the pool's protocol.
//! 2. A key that cannot do anything for a pool's protocol is refused: nobody should believe in it.
//!
//! Not here: pools that share a listener (`sharing`), carrying (`hf-balancer`).

use hf_model::Share;

use super::parse_share;
use crate::estate::{
    AssignmentIx, Balancing, Bounds, Ejection, Failover, HostPattern, ListenerOptions, Patience, Pool,
    Protocol, Retries, StatusRange, ToEndpoint,
};
use crate::walk::{Fields, Names, Report, Value, clip, if_there};

mod balance;
mod listening;
mod patience;
mod way;

pub(super) use listening::read_host;

/// What the keys say. The failover's pool is found when all pools are read.
pub(super) struct Carrying {
    hosts: Vec<HostPattern>,
    paths: Vec<String>,
    listener: ListenerOptions,
    to_endpoint: ToEndpoint,
    balancing: Balancing,
    patience: Patience,
    bounds: Bounds,
    retries: Retries,
    failover: Option<Failover>,
    ejection: Ejection,
    assigned: Option<AssignmentIx>,
}

impl Carrying {
    /// Into the pool.
    pub(super) fn put(self, pool: Pool) -> Pool {
        Pool {
            hosts: self.hosts,
            paths: self.paths,
            listener: self.listener,
            to_endpoint: self.to_endpoint,
            balancing: self.balancing,
            patience: self.patience,
            bounds: self.bounds,
            retries: self.retries,
            failover: self.failover,
            ejection: self.ejection,
            assigned: self.assigned,
            ..pool
        }
    }
}

/// What the pool's other keys say, as far as they could be read.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    /// The pool's own position, until its failover's is known.
    pub(super) position: u16,
    pub(super) protocol: Option<Protocol>,
    pub(super) listens: bool,
    pub(super) cross_zone: Option<bool>,
    pub(super) assignments: &'a Names,
}

impl Beside<'_> {
    /// Tells of a key that does nothing for this pool's protocol.
    fn only(&self, for_protocols: &[Protocol], value: Option<Value<'_, '_>>, report: &mut Report<'_>) {
        let (Some(value), Some(protocol)) = (value, self.protocol) else { return };
        if !for_protocols.contains(&protocol) {
            let names: Vec<String> = for_protocols.iter().map(ToString::to_string).collect();
            report.add(
                value.at(),
                format_args!(
                    "`{}` is for pools of protocol {}, this one is {protocol}; remove it",
                    value.key(),
                    names.join(" or ")
                ),
            );
        }
    }
}

/// Reads the keys; a failover's pool goes to `failovers` by name and place.
pub(super) fn carrying(
    fields: &mut Fields<'_, '_>,
    beside: &Beside<'_>,
    failovers: &mut Vec<(u16, String, usize)>,
    report: &mut Report<'_>,
) -> Option<Carrying> {
    let hosts = listening::hosts(fields, beside, report);
    let paths = listening::paths(fields, beside, report);
    let listener = listening::listener(fields, beside, report);
    let to_endpoint = way::to_endpoint(fields, beside, report);
    let balancing = balance::balancing(fields, beside, report);
    let patience = match fields.get("patience") {
        Some(value) => patience::patience(value, report),
        None => Some(Patience::default()),
    };
    let bounds = match fields.get("bounds") {
        Some(value) => patience::bounds(value, report),
        None => Some(Bounds::default()),
    };
    let retries = match fields.get("retries") {
        Some(value) => patience::retries(value, beside, report),
        None => Some(Retries::default()),
    };
    let failover = if_there(fields.get("failover"), |value| {
        patience::failover(value, beside, patience.as_ref(), failovers, report)
    });
    let ejection = match fields.get("ejection") {
        Some(value) => patience::ejection(value, beside, report),
        None => Some(Ejection::default()),
    };
    let assigned = if_there(fields.get("assigned"), |value| {
        beside.only(&[Protocol::Http], Some(value), report);
        beside.assignments.find(value.text(report)?, value.at(), report).map(AssignmentIx)
    });
    Some(Carrying {
        hosts: hosts?,
        paths: paths?,
        listener: listener?,
        to_endpoint: to_endpoint?,
        balancing: balancing?,
        patience: patience?,
        bounds: bounds?,
        retries: retries?,
        failover: failover.ok()?,
        ejection: ejection?,
        assigned: assigned.ok()?,
    })
}

/// A share, or its default.
fn share(value: Option<Value<'_, '_>>, default: Share, report: &mut Report<'_>) -> Option<Share> {
    match value {
        Some(value) => value.read(report, parse_share),
        None => Some(default),
    }
}

/// `true` or `false`, or its default.
fn truth(value: Option<Value<'_, '_>>, default: bool, report: &mut Report<'_>) -> Option<bool> {
    match value {
        Some(value) => value.truth(report),
        None => Some(default),
    }
}

/// Ranges of statuses: `["500-504", "429"]` or whole numbers.
fn statuses(value: Option<Value<'_, '_>>, report: &mut Report<'_>) -> Option<Vec<StatusRange>> {
    const MAX: usize = 16;
    let Some(value) = value else { return Some(Vec::new()) };
    let mut list: Vec<StatusRange> = Vec::new();
    for item in value.items_up_to(MAX, report)? {
        let range = if item.is_whole() {
            let status = item.whole(100, 599, report).and_then(|status| u16::try_from(status).ok())?;
            StatusRange { from: status, to: status }
        } else {
            item.read(report, read_statuses)?
        };
        if let Some(other) = list.iter().find(|other| other.from <= range.to && range.from <= other.to) {
            report.add(item.at(), format_args!("{range} and {other} have statuses in common; join them"));
        }
        if range.from < 400 {
            report.add(item.at(), format_args!("{range} has statuses that are no failures; begin at 400"));
        }
        list.push(range);
    }
    Some(list)
}

fn read_statuses(text: &str) -> Result<StatusRange, String> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let read = |text: &str| text.parse::<u16>().ok().filter(|status| (100..=599).contains(status));
    match (read(from), read(to)) {
        (Some(from), Some(to)) if from <= to => Ok(StatusRange { from, to }),
        _ => Err(format!("{:?} is not a range of statuses; write one such as \"500-504\"", clip(text))),
    }
}
