//! Filter chains: how a steered answer is chosen.
//!
//! A chain begins with `open`, orders at most once, and takes last: any other chain would answer with evacuated zones or
//! undo its own steps.
//!
//! Not here: running a chain (`hf-select`).

use super::zones::Regions;
use crate::estate::Filter;
use crate::walk::{Report, Value, clip, nearest, there};

/// Filters of the format that a later version carries.
const LATER: [&str; 3] = ["latency", "geo", "cidr"];
/// The filters of this version.
const FILTERS: [&str; 7] = ["open", "near", "same-zone", "priority", "weighted", "shuffle", "take N"];

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

fn near_is_possible(regions: &Regions) -> bool {
    regions.list.len() <= 1
        || regions.list.iter().all(|region| region.as_ref().is_none_or(|region| region.location.is_some()))
}

pub(super) fn choose(
    value: Value<'_, '_>,
    regions: &Regions,
    report: &mut Report<'_>,
) -> Option<Vec<Filter>> {
    let items = value.items(report)?;
    let at = value.at();
    let mut chain: Vec<Filter> = Vec::new();
    let mut whole = true;
    for item in items {
        let Some(filter) = item.read(report, read_filter) else {
            whole = false;
            continue;
        };
        check_order(&chain, filter, item.at(), report);
        if filter == Filter::Near && !near_is_possible(regions) {
            let without = regions.list.iter().flatten().filter(|region| region.location.is_none());
            let without: Vec<String> = without.map(|region| format!("`{}`", region.id)).collect();
            let without = without.join(", ");
            report.add(item.at(), format_args!("near needs a location in every region; add it to {without}"));
        }
        chain.push(filter);
    }
    if whole && chain.first() != Some(&Filter::Open) {
        report.add(at, "a chain begins with \"open\", or it would answer with evacuated zones; put it first");
    }
    whole.then_some(chain)
}

/// Refuses steps that undo or cannot follow what stands before them.
fn check_order(before: &[Filter], filter: Filter, at: usize, report: &mut Report<'_>) {
    let orders = |filter: &Filter| matches!(filter, Filter::Weighted | Filter::Shuffle);
    let takes = |filter: &Filter| matches!(filter, Filter::Take(_));
    if before.contains(&filter) {
        report.add(at, format_args!("{filter} is here twice; remove one of the two"));
    } else if before.iter().any(takes) {
        report.add(at, format_args!("nothing follows take; put {filter} before it"));
    } else if before.iter().any(orders) && orders(&filter) {
        report.add(
            at,
            format_args!("{filter} would undo the order before it; keep one of weighted and shuffle"),
        );
    } else if filter == Filter::Open && !before.is_empty() {
        report.add(at, "open comes first; move it");
    }
}

fn read_filter(text: &str) -> Result<Filter, String> {
    match text {
        "open" => Ok(Filter::Open),
        "near" => Ok(Filter::Near),
        "same-zone" => Ok(Filter::SameZone),
        "priority" => Ok(Filter::Priority),
        "weighted" => Ok(Filter::Weighted),
        "shuffle" => Ok(Filter::Shuffle),
        other if LATER.contains(&other.split(' ').next().unwrap_or_default()) => {
            Err(format!("the filter {} is not in this version; remove it", clip(other)))
        }
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
