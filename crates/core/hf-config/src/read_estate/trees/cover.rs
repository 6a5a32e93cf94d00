//! Whether every client gets a branch from `geo` and `cidr`, and every branch a client.
//!
//! 1. With `geo` each branch says for which areas it is, and one is for everywhere else.
//! 2. With `cidr` some branch is for clients of no network, and all name one collection.
//! 3. With both, the later of the two has that rest among the branches that each outcome of the earlier one leaves.
//!
//! Not here: where clients are.

use std::collections::{BTreeMap, BTreeSet};

use super::{Branch, Places, Report, Tree};
use crate::estate::{Filter, GeoArea};

pub(super) fn check(tree: &Tree, chain_at: usize, places: &[Places], report: &mut Report<'_>) {
    let position = |filter| tree.choose.iter().position(|found| *found == filter);
    let (geo, cidr) = (position(Filter::Geo), position(Filter::Cidr));
    let geo_is_whole = geo.is_none() || check_geo(tree, chain_at, places, report);
    let cidr_is_whole = cidr.is_none() || check_cidr(tree, chain_at, places, report);
    if let (Some(geo), Some(cidr), true, true) = (geo, cidr, geo_is_whole, cidr_is_whole) {
        check_both(tree, chain_at, geo < cidr, report);
    }
}

fn everywhere(branch: &Branch) -> bool {
    branch.geo.contains(&GeoArea::Default)
}

fn check_geo(tree: &Tree, chain_at: usize, places: &[Places], report: &mut Report<'_>) -> bool {
    let mut whole = true;
    for (branch, places) in tree.branches.iter().zip(places) {
        // One with an empty list was told already.
        if branch.geo.is_empty() && places.geo.is_none() {
            whole = false;
            report.add(
                places.at,
                "`choose` has geo, and this branch has no area: nobody would get it; add `geo`, such as [\"continent:EU\"]",
            );
        }
    }
    if whole && !tree.branches.iter().any(everywhere) {
        whole = false;
        report.add(
            chain_at,
            "clients from elsewhere, and those whose place nobody knows, would get no answer; add geo = [\"*\"] to a branch",
        );
    }
    whole
}

fn check_cidr(tree: &Tree, chain_at: usize, places: &[Places], report: &mut Report<'_>) -> bool {
    let mut collections = tree
        .branches
        .iter()
        .zip(places)
        .filter_map(|(branch, places)| Some((branch.cidr.as_ref()?.0, places.cidr?)));
    let Some((first, _)) = collections.next() else {
        report.add(
            chain_at,
            "the filter cidr needs branches with cidr = { collection = …, places = […] }; add it or remove the filter",
        );
        return false;
    };
    let mut whole = true;
    for (_, at) in collections.filter(|(collection, _)| *collection != first) {
        whole = false;
        report.add(at, "the branches of one record name one CIDR collection; put the places together");
    }
    if whole && tree.branches.iter().all(|branch| branch.cidr.is_some()) {
        whole = false;
        report.add(
            chain_at,
            "clients of no network of the collection would get no answer; add a branch without `cidr`",
        );
    }
    whole
}

/// What the earlier filter leaves, whatever it is, has a branch that the later one keeps for everybody.
fn check_both(tree: &Tree, chain_at: usize, geo_first: bool, report: &mut Report<'_>) {
    if geo_first {
        let mut rest: BTreeMap<GeoArea, bool> = BTreeMap::new();
        for branch in &tree.branches {
            for area in &branch.geo {
                *rest.entry(*area).or_default() |= branch.cidr.is_none();
            }
        }
        let without: BTreeSet<GeoArea> =
            rest.into_iter().filter(|(_, has)| !has).map(|(area, _)| area).collect();
        if let Some(area) = without.first() {
            report.add(
                chain_at,
                format_args!("clients of area {area} and of no network would get no answer; add a branch for it without `cidr`"),
            );
        }
        return;
    }
    let mut rest: BTreeMap<Option<u16>, bool> = BTreeMap::new();
    for branch in &tree.branches {
        match &branch.cidr {
            Some((_, places)) => {
                for place in places {
                    *rest.entry(Some(*place)).or_default() |= everywhere(branch);
                }
            }
            None => *rest.entry(None).or_default() |= everywhere(branch),
        }
    }
    if rest.values().any(|has| !has) {
        report.add(
            chain_at,
            "cidr comes before geo, and some of its places have no branch for everywhere else; add geo = [\"*\"] to one of each",
        );
    }
}
