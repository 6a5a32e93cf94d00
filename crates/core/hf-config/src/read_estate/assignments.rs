//! Assignments: services whose sessions are told a place.
//!
//! 1. Names are read before pools, which refer to them; the rest after the records, which they refer to.
//! 2. A record with `answers` decides, so that names and assignments never disagree; each of its branches has exactly one URL.
//!
//! Not here: assigning (`hf-assign`).

use std::time::Duration;

use hf_model::DnsName;

use super::carrying::read_host;
use super::records::Records;
use super::{pools::Pools, zones::named};
use crate::estate::{Assignment, Branch, BranchTo, HostPattern, Tree, limits};
use crate::walk::{Fields, Names, Report, Value, clip, nearest};

/// Beyond so many names none is searched for one like a name that is wrong: each search goes through all.
const NEAR_MAX: usize = 200;
const LIFETIME_MIN: Duration = Duration::from_mins(1);
const LIFETIME_MAX: Duration = Duration::from_hours(24);
const LIFETIME_DEFAULT: Duration = Duration::from_hours(1);

/// The services' names.
pub(super) fn names(root: &mut Fields<'_, '_>, report: &mut Report<'_>) -> Names {
    let mut names = Names::new("assignment");
    for (position, mut fields) in (0..).zip(tables(root, report)) {
        named(&mut fields, "service", position, &mut names, report);
    }
    names
}

/// What decides, and where it leads.
pub(super) struct Ground<'a> {
    pub(super) records: &'a Records,
    pub(super) pools: &'a Pools,
}

/// The assignments of the file; those with a problem are `None`.
pub(super) fn assignments(
    root: &mut Fields<'_, '_>,
    ground: &Ground<'_>,
    report: &mut Report<'_>,
) -> Vec<Option<Assignment>> {
    tables(root, report).into_iter().map(|fields| assignment(fields, ground, report)).collect()
}

fn tables<'t, 'i>(root: &mut Fields<'t, 'i>, report: &mut Report<'_>) -> Vec<Fields<'t, 'i>> {
    root.list("assignment", "an assignment", limits::ASSIGNMENTS, report)
}

fn assignment(
    mut fields: Fields<'_, '_>,
    ground: &Ground<'_>,
    report: &mut Report<'_>,
) -> Option<Assignment> {
    // A missing name was told when names were read.
    let service = fields.get("service").and_then(|value| value.read(report, read_service));
    let tree = fields.need("record", report).and_then(|value| tree(value, ground.records, report));
    let urls = fields.need("places", report).and_then(|value| {
        let tree = tree.map(|at| ground.records.trees[usize::from(at)].as_ref());
        places(value, tree.flatten(), ground, report)
    });
    let ask_at = fields.need("ask_at", report).and_then(|value| value.read(report, read_url));
    let hosts = match fields.get("hosts") {
        Some(value) => hosts(value, report),
        None => Some(Vec::new()),
    };
    let ticket_lifetime = match fields.get("ticket_lifetime") {
        Some(value) => value.duration(LIFETIME_MIN, LIFETIME_MAX, report),
        None => Some(LIFETIME_DEFAULT),
    };
    fields.finish(&[], report);
    Some(Assignment {
        service: service?,
        tree: tree?,
        urls: urls?,
        ask_at: ask_at?,
        hosts: hosts?,
        ticket_lifetime: ticket_lifetime?,
    })
}

fn read_service(text: &str) -> Result<String, &'static str> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=63).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text.to_owned())
    } else {
        Err("a service's name has 1 to 63 bytes of a-z, 0-9 and '-'; change it")
    }
}

/// `https://eu.example.test` or `http://10.1.1.4:8080`, with a path if need be.
fn read_url(text: &str) -> Result<String, String> {
    let error = || {
        format!(
            "{:?} is not a place's URL; write one such as https://eu.example.test, without '?', '#' and a '/' at its end",
            clip(text)
        )
    };
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or_else(error)?;
    let authority = rest.split('/').next().unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"?#@\"<>\\^`{|}".contains(&byte);
    let is_good = !authority.is_empty()
        && !authority.starts_with(':')
        && rest.bytes().all(is_plain)
        && !rest.ends_with('/')
        && text.len() <= 2_048;
    if is_good { Ok(text.to_owned()) } else { Err(error()) }
}

fn hosts(value: Value<'_, '_>, report: &mut Report<'_>) -> Option<Vec<HostPattern>> {
    let items = value.items_up_to(limits::HOSTS, report)?;
    let read: Vec<Option<HostPattern>> = items.into_iter().map(|item| item.read(report, read_host)).collect();
    read.into_iter().collect()
}

/// The tree of this name; of two families the first in the file.
fn tree(value: Value<'_, '_>, records: &Records, report: &mut Report<'_>) -> Option<u16> {
    value.read(report, |text| {
        let name = DnsName::new(text).map_err(|error| error.to_string())?;
        let named = |tree: &&Option<Tree>| tree.as_ref().is_some_and(|tree| tree.name == name);
        let found = records.trees.iter().position(|tree| named(&tree));
        // One that could not be read may be it.
        let unknown = records.trees.iter().any(Option::is_none);
        match found {
            Some(at) => Ok(u16::try_from(at).ok()),
            None if unknown => Ok(None),
            None => {
                let compared = if records.trees.len() > NEAR_MAX { 0 } else { NEAR_MAX };
                let names = records.trees.iter().flatten().map(|tree| tree.name.as_str());
                let near = nearest(name.as_str(), names.take(compared))
                    .map_or(String::new(), |near| format!("did you mean {near}? "));
                Err(format!("no record with `answers` is called {}; {near}add it", clip(name.as_str())))
            }
        }
    })?
}

/// A URL for each branch.
fn places(
    value: Value<'_, '_>,
    tree: Option<&Tree>,
    ground: &Ground<'_>,
    report: &mut Report<'_>,
) -> Option<Vec<String>> {
    let mut whole = true;
    let mut urls: Vec<Option<String>> = tree.map_or(Vec::new(), |tree| vec![None; tree.branches.len()]);
    for item in value.items_up_to(limits::BRANCHES, report)? {
        let Some(mut fields) = item.fields("a place", report) else {
            whole = false;
            continue;
        };
        let at = fields.at();
        let url = fields.need("url", report).and_then(|value| value.read(report, read_url));
        let (pool, record) = (fields.get("pool"), fields.get("record"));
        fields.finish(&[], report);
        let named = match (pool, record) {
            (Some(value), None) | (None, Some(value)) => value.text(report).map(|text| (text, value.at())),
            _ => {
                report.add(at, "a place names one branch of the record: write either `pool` or `record`");
                None
            }
        };
        let (Some((text, at)), Some(tree)) = (named, tree) else {
            whole &= named.is_some();
            continue;
        };
        // Several branches may lead there, for clients in different parts of the world.
        let leads = |branch: &Branch| leads_to(branch.to, text, pool.is_some(), ground);
        let (mut found, mut twice) = (false, false);
        for (_, place) in tree.branches.iter().zip(&mut urls).filter(|(branch, _)| leads(branch)) {
            found = true;
            twice |= place.is_some();
            place.clone_from(&url);
        }
        whole &= found && url.is_some();
        if !found {
            let what = "no branch of the record leads there; name what its `answers` name";
            report.add(at, format_args!("{}: {what}", clip(text)));
        } else if twice {
            report.add(at, format_args!("{} has two places; remove one of them", clip(text)));
        }
    }
    let missing = urls.iter().filter(|url| url.is_none()).count();
    if whole && missing > 0 {
        report.add(
            value.at(),
            format_args!("{missing} of the record's {} branches have no place; add them", urls.len()),
        );
    }
    // Without the tree its branches are not known, and the tree was told.
    if tree.is_none() { None } else { urls.into_iter().collect() }
}

fn leads_to(to: BranchTo, text: &str, is_pool: bool, ground: &Ground<'_>) -> bool {
    let is_named = |name: &DnsName| DnsName::new(text).is_ok_and(|text| text == *name);
    match to {
        BranchTo::Pool(pool) => is_pool && ground.pools.names.get(text) == Some(pool.0),
        BranchTo::Record(at) => {
            let record = ground.records.steered.get(usize::from(at)).and_then(Option::as_ref);
            !is_pool && record.is_some_and(|record| is_named(&record.name))
        }
        BranchTo::Tree(at) => {
            let tree = ground.records.trees.get(usize::from(at)).and_then(Option::as_ref);
            !is_pool && tree.is_some_and(|tree| is_named(&tree.name))
        }
    }
}
