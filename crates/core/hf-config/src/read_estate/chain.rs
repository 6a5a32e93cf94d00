//! Filter chains: how a steered answer is chosen.
//!
//! 1. A chain begins with `open`, orders at most once, and takes last: any other chain would answer with evacuated zones or
//!    undo its own steps.
//! 2. `geo` and `cidr` choose among branches: endpoints have neither.
//!
//! Not here: running a chain (`hf-select`), what branches need for a filter (`trees`).

use super::zones::Regions;
use crate::estate::{Filter, Sticky};
use crate::walk::{Fields, Report, Value, Wrong, clip, if_there, nearest, there};

/// The filters.
const FILTERS: [&str; 11] = [
    "open",
    "near",
    "latency",
    "geo",
    "cidr",
    "same-zone",
    "priority",
    "weighted",
    "sticky",
    "shuffle",
    "take N",
];

/// What a chain chooses among.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Among {
    Endpoints,
    Branches,
}

/// What is chosen when nothing is said: the open ones, nearest first where that can be told, by weight, two of them.
///
/// Two, so that a client whose first address has just died can try another without asking again.
pub(super) fn default_chain(regions: &Regions) -> Vec<Filter> {
    let mut chain = vec![Filter::Open];
    if near_is_possible(regions) {
        chain.push(Filter::Near);
    }
    chain.extend([Filter::Weighted, Filter::Take(2)]);
    chain
}

/// Which branch is taken when nothing is said: an open one, by weight.
pub(super) fn default_branch_chain() -> Vec<Filter> {
    vec![Filter::Open, Filter::Weighted, Filter::Take(1)]
}

fn near_is_possible(regions: &Regions) -> bool {
    regions.list.len() <= 1
        || regions.list.iter().all(|region| region.as_ref().is_none_or(|region| region.location.is_some()))
}

pub(super) fn choose(
    value: Value<'_, '_>,
    among: Among,
    regions: &Regions,
    report: &mut Report<'_>,
) -> Option<Vec<Filter>> {
    // Each filter stands once; a list that is longer has one twice, and that is told.
    let items = value.items_up_to(FILTERS.len() + 1, report)?;
    let at = value.at();
    let mut chain: Vec<Filter> = Vec::new();
    let mut whole = true;
    for item in items {
        let Some(filter) = item.read(report, read_filter) else {
            whole = false;
            continue;
        };
        check_order(&chain, filter, item.at(), report);
        if among == Among::Endpoints {
            check_for_endpoints(filter, item.at(), regions, report);
        }
        chain.push(filter);
    }
    if whole && chain.first() != Some(&Filter::Open) {
        report.add(at, "a chain begins with \"open\", or it would answer with evacuated zones; put it first");
    }
    whole.then_some(chain)
}

/// Refuses what endpoints cannot be chosen by.
fn check_for_endpoints(filter: Filter, at: usize, regions: &Regions, report: &mut Report<'_>) {
    if filter == Filter::Near && !near_is_possible(regions) {
        let without = regions.list.iter().flatten().filter(|region| region.location.is_none());
        let without: Vec<String> = without.map(|region| format!("`{}`", region.id)).collect();
        let without = without.join(", ");
        report.add(at, format_args!("near needs a location in every region; add it to {without}"));
    }
    if matches!(filter, Filter::Geo | Filter::Cidr) {
        report.add(
            at,
            format_args!(
                "{filter} chooses among branches, and a pool has endpoints; remove it, or write `answers` with \
                 `{filter}` on each of them"
            ),
        );
    }
}

/// Refuses steps that undo or cannot follow what stands before them.
fn check_order(before: &[Filter], filter: Filter, at: usize, report: &mut Report<'_>) {
    let orders = |filter: &Filter| matches!(filter, Filter::Weighted | Filter::Sticky | Filter::Shuffle);
    let takes = |filter: &Filter| matches!(filter, Filter::Take(_));
    if before.contains(&filter) {
        report.add(at, format_args!("{filter} is here twice; remove one of the two"));
    } else if before.iter().any(takes) {
        report.add(at, format_args!("nothing follows take; put {filter} before it"));
    } else if before.iter().any(orders) && orders(&filter) {
        report.add(
            at,
            format_args!("{filter} would undo the order before it; keep one of weighted, sticky and shuffle"),
        );
    } else if filter == Filter::Open && !before.is_empty() {
        report.add(at, "open comes first; move it");
    }
}

fn read_filter(text: &str) -> Result<Filter, String> {
    match text {
        "open" => Ok(Filter::Open),
        "near" => Ok(Filter::Near),
        "latency" => Ok(Filter::Latency),
        "geo" => Ok(Filter::Geo),
        "cidr" => Ok(Filter::Cidr),
        "same-zone" => Ok(Filter::SameZone),
        "priority" => Ok(Filter::Priority),
        "weighted" => Ok(Filter::Weighted),
        "sticky" => Ok(Filter::Sticky),
        "shuffle" => Ok(Filter::Shuffle),
        other => {
            if let Some(count) = other.strip_prefix("take ") {
                return match count.parse() {
                    Ok(count @ 1..=8) => Ok(Filter::Take(count)),
                    _ => Err(format!(
                        "take has a number from 1 to 8, not {:?}; write such as \"take 2\"",
                        clip(count)
                    )),
                };
            }
            let near = nearest(other, FILTERS.into_iter())
                .map_or(String::new(), |near| format!("did you mean {near:?}? "));
            Err(format!("no filter is called {:?}; {near}{}", clip(other), there(FILTERS.into_iter())))
        }
    }
}

/// How clients are grouped: there exactly when a chain has `sticky`, which `asked` says.
pub(super) fn sticky(
    fields: &mut Fields<'_, '_>,
    asked: bool,
    report: &mut Report<'_>,
) -> Result<Option<Sticky>, Wrong> {
    let value = fields.get("sticky");
    let read = if_there(value, |value| {
        let mut fields = value.fields("sticky", report)?;
        let default = Sticky::default();
        let mut bits = |key, max: u8, default| match fields.get(key) {
            Some(value) => value.whole(1, max.into(), report).and_then(|bits| u8::try_from(bits).ok()),
            None => Some(default),
        };
        let (v4, v6) = (bits("v4_bits", 32, default.v4_bits), bits("v6_bits", 128, default.v6_bits));
        fields.finish(&[], report);
        Some(Sticky { v4_bits: v4?, v6_bits: v6? })
    });
    let read = read?;
    if let (Some(value), false) = (value, asked) {
        report.add(
            value.at(),
            "`sticky` groups clients for the filter sticky, which is not in `choose`; put it there or remove this",
        );
    }
    Ok(asked.then(|| read.unwrap_or_default()))
}
