//! Trees: records whose candidates are branches, each leading to a pool or to another record.
//!
//! 1. Branches lead to names that may stand anywhere in the file: reading comes first, what is behind each branch is looked
//!    up once all are read.
//! 2. No tree leads back to itself, and none has more than eight levels: an answer takes a bounded number of steps.
//! 3. A filter has what it needs on every branch, and every client gets something (`cover`).
//!
//! Not here: choosing (`hf-select`), what is behind a branch (`behind`).

use hf_model::{ControlPath, Location, Weight};

use super::chain::{Among, choose, default_branch_chain, default_chain, sticky};
use super::records::{Around, Draft, TTL_CHOSEN, Targets, ttl};
use super::steered;
use super::zones::location;
use crate::estate::{
    AddressFamily, Branch, BranchTo, Filter, Minimum, PoolIx, Record, RegionIx, Tree, TreeDown, limits,
};
use crate::walk::{Fields, Report, Value, clip, if_there, nearest};

mod behind;
mod branch;
mod cover;

use behind::Behind;

/// A tree as far as it could be read, and the places of its parts.
pub(super) struct Level {
    tree: Option<Tree>,
    /// Place of `choose`, or of the record.
    chain_at: usize,
    branches: Vec<Places>,
    /// The trees that it leads to, and from where; also when something else of it is wrong.
    down: Vec<(u16, usize)>,
}

/// Where the parts of a branch stand.
pub(super) struct Places {
    at: usize,
    /// Of what it leads to.
    to: usize,
    minimum: Option<usize>,
    bias: Option<usize>,
    geo: Option<usize>,
    cidr: Option<usize>,
}

pub(super) fn tree(
    mut draft: Draft<'_, '_>,
    around: &Around<'_>,
    targets: &Targets,
    report: &mut Report<'_>,
) -> Level {
    let family = draft.family();
    let fields = &mut draft.fields;
    let ttl = ttl(fields, TTL_CHOSEN, report);
    let chain_value = fields.get("choose");
    let chain_at = chain_value.map_or(draft.at, Value::at);
    let choose = match chain_value {
        Some(value) => choose(value, Among::Branches, around.regions, report),
        None => Some(default_branch_chain()),
    };
    let answers = fields.get("answers");
    let read = answers.and_then(|value| branches(value, family, around, targets, report));
    let all_down = match fields.get("all_down") {
        Some(value) => value.read(report, |text| match text {
            "open" => Ok(TreeDown::Open),
            "closed" => Ok(TreeDown::Closed),
            other => Err(format!("{:?} is unknown here; write open or closed", clip(other))),
        }),
        None => Some(TreeDown::Open),
    };
    let control = if_there(fields.get("control"), |value| {
        if all_down == Some(TreeDown::Open) {
            report.add(
                value.at(),
                "while its routing control is off no branch of this record is open, and all_down = \"open\" would \
                 answer all the same; write all_down = \"closed\"",
            );
        }
        around.controls.find(value, report)
    });
    let asked = |branches: &[Branch]| {
        let mut chains = choose.iter().chain(branches.iter().map(|branch| &branch.choose));
        chains.any(|chain| chain.contains(&Filter::Sticky))
    };
    let sticky = match &read {
        Some(found) if choose.is_some() && found.iter().all(|(branch, _)| branch.is_some()) => {
            let list: Vec<Branch> = found.iter().filter_map(|(branch, _)| branch.clone()).collect();
            sticky(fields, asked(&list), report)
        }
        // With a chain that could not be read, nobody can tell.
        _ => sticky(fields, true, report),
    };
    draft.fields.finish(&[], report);

    let (list, places): (Vec<_>, Vec<_>) = read.unwrap_or_default().into_iter().unzip();
    let down = list.iter().zip(&places).filter_map(|(branch, places)| match branch.as_ref()?.to {
        BranchTo::Tree(tree) => Some((tree, places.to)),
        BranchTo::Pool(_) | BranchTo::Record(_) => None,
    });
    let down = down.collect();
    let tree = || {
        let branches: Vec<Branch> = list.into_iter().collect::<Option<_>>()?;
        Some(Tree {
            name: draft.name?,
            family: family?,
            ttl: ttl?,
            hosted_zone: draft.hosted_zone?,
            control: control.ok()?,
            choose: choose?,
            branches,
            sticky: sticky.ok()?,
            all_down: all_down?,
        })
    };
    Level { tree: tree(), chain_at, branches: places, down }
}

fn branches(
    value: Value<'_, '_>,
    family: Option<AddressFamily>,
    around: &Around<'_>,
    targets: &Targets,
    report: &mut Report<'_>,
) -> Option<Vec<(Option<Branch>, Places)>> {
    let items = value.items_up_to(limits::BRANCHES, report)?;
    if items.is_empty() {
        report.add(value.at(), "a tree has at least one branch, such as { pool = \"web\" }; add it");
    }
    let mut list = Vec::with_capacity(items.len());
    let mut whole = true;
    for item in items {
        let Some(fields) = item.fields("a branch", report) else {
            whole = false;
            continue;
        };
        list.push(branch::branch(fields, family, around, targets, report));
    }
    whole.then_some(list)
}

/// Looks at the trees together once all are read: rings, depth, what is behind each branch and whether it suits the filters.
pub(super) fn settle(
    levels: Vec<Level>,
    records: &[Option<Record>],
    around: &Around<'_>,
    report: &mut Report<'_>,
) -> Vec<Option<Tree>> {
    let in_all: usize = levels.iter().map(|level| level.branches.len()).sum();
    if in_all > limits::BRANCHES_IN_ALL {
        let max = limits::BRANCHES_IN_ALL;
        report.add_whole(format_args!(
            "all trees together have at most {max} branches, there are {in_all}; remove some"
        ));
        return levels.into_iter().map(|level| level.tree).collect();
    }
    let order = behind::order(&levels, report);
    let mut levels = levels;
    let mut pools = behind::Pools::new(around);
    let mut known: Vec<Option<Behind>> = vec![None; levels.len()];
    for position in order {
        let Some(level) = levels.get_mut(usize::from(position)) else { continue };
        let Some(tree) = &mut level.tree else { continue };
        let behind: Vec<Option<Behind>> = tree
            .branches
            .iter()
            .map(|branch| Behind::of(branch.to, tree.family, records, &known, &mut pools))
            .collect();
        for (branch, behind) in tree.branches.iter_mut().zip(&behind) {
            branch.region = branch.region.or_else(|| behind.as_ref()?.region());
        }
        check_branches(tree, &level.branches, &behind, report);
        check_filters(tree, level.chain_at, &level.branches, around, report);
        cover::check(tree, level.chain_at, &level.branches, report);
        if let Some(slot) = known.get_mut(usize::from(position)) {
            *slot = Behind::all(behind);
        }
    }
    levels.into_iter().map(|level| level.tree).collect()
}

/// Branches that can never be open, and those that are open whatever happens.
fn check_branches(tree: &Tree, places: &[Places], behind: &[Option<Behind>], report: &mut Report<'_>) {
    for ((branch, places), behind) in tree.branches.iter().zip(places).zip(behind) {
        let Some(behind) = behind else { continue };
        if usize::from(branch.minimum.count) > behind.endpoints {
            report.add(
                places.minimum.unwrap_or(places.at),
                format_args!(
                    "this branch is open while {} endpoints serve, and there are {} behind it; lower it or add endpoints",
                    branch.minimum.count, behind.endpoints
                ),
            );
        }
        if let (true, Some(pool)) = (tree.branches.len() > 1, &behind.unchecked) {
            report.advise(
                places.to,
                format_args!(
                    "pool `{pool}` has no health check, so this branch is open whatever happens there and the others \
                     are not used in its place; give the pool a `health_check`"
                ),
            );
        }
    }
}

/// Each filter has what it needs, and what is written for a filter has that filter.
fn check_filters(
    tree: &Tree,
    chain_at: usize,
    places: &[Places],
    around: &Around<'_>,
    report: &mut Report<'_>,
) {
    let has = |filter| tree.choose.contains(&filter);
    let located = |branch: &Branch| {
        let region = branch.region.and_then(|region| around.regions.list.get(region.at()));
        branch.location.is_some()
            || region.is_some_and(|region| region.as_ref().is_none_or(|region| region.location.is_some()))
    };
    for (branch, places) in tree.branches.iter().zip(places) {
        if has(Filter::Near) && around.regions.list.len() > 1 && !located(branch) {
            report.add(
                places.at,
                "near needs to know where a branch is; add `location`, or `region` of a region that has one",
            );
        }
        if has(Filter::Latency) && branch.region.is_none() {
            report.add(
                places.at,
                "latency is measured to regions, and the endpoints of this branch are in several; add `region`",
            );
        }
        let strays = [
            (Filter::Near, places.bias, "bias"),
            (Filter::Geo, places.geo, "geo"),
            (Filter::Cidr, places.cidr, "cidr"),
        ];
        for (filter, at, key) in strays {
            if let (Some(at), false) = (at, has(filter)) {
                report.add(
                    at,
                    format_args!("`{key}` is for the filter {filter}, which is not in `choose`; put it there or remove this"),
                );
            }
        }
    }
    if let (true, true) = (has(Filter::Priority), tree.branches.len() > 1) {
        let first = tree.branches.first().map(|branch| branch.priority);
        if tree.branches.iter().all(|branch| Some(branch.priority) == first) {
            report.advise(
                chain_at,
                "all branches have the same priority, so the filter priority keeps all; give them numbers",
            );
        }
    }
}
