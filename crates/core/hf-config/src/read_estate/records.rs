//! The tables `[[record]]`: names that are steered, that lead into trees, that are always the same, or that answer as others do.
//!
//! 1. Names are collected first: a branch may lead to a record that stands below it.
//! 2. A name lies in the narrowest hosted zone around it, and of one name and type there is one.
//! 3. Each sort has a reader of its own: `steered`, `trees`, `values`, `same_as`.
//!
//! Not here: how answers are chosen (`chain`), answering.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hf_model::{DnsName, Ttl, parse_duration};

use super::collections::Collections;
use super::controls::Controls;
use super::hosted::{Hosted, by_name, zonal_name};
use super::hosting::{is_ours, read_type};
use super::pools::Pools;
use super::zones::{Regions, Zones};
use super::{same_as, steered, trees, values};
use crate::estate::{AddressFamily, Alias, BranchTo, Record, Tree, limits};
use crate::master_file::{rtype, suffixes};
use crate::walk::{Fields, Report, Value, there};

/// For which a chosen answer may be kept: short, since evacuations should be felt soon.
pub(super) const TTL_CHOSEN: Duration = Duration::from_secs(5);
/// For which a plain answer may be kept: what a change of mind may take.
pub(super) const TTL_PLAIN: Duration = Duration::from_mins(5);

/// What the cross-checks of records look things up in.
pub(super) struct Around<'a> {
    pub(super) regions: &'a Regions,
    pub(super) zones: &'a Zones,
    pub(super) pools: &'a Pools,
    pub(super) controls: &'a Controls,
    pub(super) collections: &'a Collections,
}

/// What the tables say; those with a problem are `None`.
pub(super) struct Records {
    pub(super) steered: Vec<Option<Record>>,
    pub(super) trees: Vec<Option<Tree>>,
    pub(super) aliases: Vec<Option<Alias>>,
}

/// What a table answers to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Address(AddressFamily),
    Plain(u16),
    Alias,
}

impl Kind {
    /// The types whose answers it gives.
    fn types(self) -> Vec<u16> {
        match self {
            Kind::Address(family) => vec![family_type(family)],
            Kind::Plain(kind) => vec![kind],
            Kind::Alias => vec![rtype::A, rtype::AAAA],
        }
    }
}

/// As people read it.
impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Kind::Address(family) => write!(f, "{family}"),
            Kind::Plain(kind) => f.write_str(&crate::type_text(*kind)),
            Kind::Alias => f.write_str("ALIAS"),
        }
    }
}

pub(super) fn family_type(family: AddressFamily) -> u16 {
    match family {
        AddressFamily::V4 => rtype::A,
        AddressFamily::V6 => rtype::AAAA,
    }
}

/// Which reader a table has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Steered,
    Tree,
    Values,
    SameAs,
}

/// One table, its name and type read.
pub(super) struct Draft<'t, 'i> {
    pub(super) fields: Fields<'t, 'i>,
    pub(super) name: Option<DnsName>,
    /// Place of the name, or of the table.
    pub(super) at: usize,
    pub(super) kind: Option<Kind>,
    /// Position of the hosted zone around it.
    pub(super) hosted_zone: Option<u16>,
    sort: Sort,
}

impl Draft<'_, '_> {
    pub(super) fn family(&self) -> Option<AddressFamily> {
        match self.kind? {
            Kind::Address(family) => Some(family),
            Kind::Plain(_) | Kind::Alias => None,
        }
    }
}

/// What branches and aliases may lead to.
#[derive(Default)]
pub(super) struct Targets {
    /// Steered records and trees.
    pub(super) chosen: BTreeMap<(DnsName, AddressFamily), BranchTo>,
    /// Names that answer as others do.
    pub(super) aliases: BTreeSet<DnsName>,
}

pub(super) fn records(
    root: &mut Fields<'_, '_>,
    around: &Around<'_>,
    hosted: &mut [Hosted<'_>],
    report: &mut Report<'_>,
) -> Records {
    let mut drafts = Vec::new();
    for fields in root.list("record", "a record", limits::RECORD_TABLES, report) {
        drafts.push(draft(fields, report));
    }
    place(&mut drafts, hosted, around, report);
    check_names(&drafts, report);
    let targets = targets(&drafts, report);
    let mut records = Records { steered: Vec::new(), trees: Vec::new(), aliases: Vec::new() };
    let (mut levels, mut same) = (Vec::new(), Vec::new());
    for draft in drafts {
        match draft.sort {
            Sort::Steered => records.steered.push(steered::steered(draft, around, report)),
            Sort::Tree => levels.push(trees::tree(draft, around, &targets, report)),
            Sort::Values => values::values(draft, hosted, report),
            Sort::SameAs => same.push(same_as::same_as(draft, report)),
        }
    }
    values::check_values(hosted, around, report);
    check_hidden(&targets, hosted, report);
    records.trees = trees::settle(levels, &records.steered, around, report);
    records.aliases = same_as::settle(same, &targets, hosted, around, report);
    records
}

fn draft<'t, 'i>(mut fields: Fields<'t, 'i>, report: &mut Report<'_>) -> Draft<'t, 'i> {
    let name_value = fields.need("name", report);
    let name = name_value.and_then(|value| value.read(report, read_owner));
    let kind_value = fields.need("type", report);
    let kind = kind_value.and_then(|value| value.read(report, read_kind));
    let sort = sort(&mut fields, kind, kind_value, report);
    let at = name_value.map_or(fields.at(), Value::at);
    // A plain record with values is of its type, also where that could be steered.
    let kind = match (kind, sort) {
        (Some(Kind::Address(family)), Sort::Values) => Some(Kind::Plain(family_type(family))),
        (kind, _) => kind,
    };
    Draft { fields, name, at, kind, hosted_zone: None, sort }
}

/// Which sort a table is of, by its type and what it says of its answer.
fn sort(
    fields: &mut Fields<'_, '_>,
    kind: Option<Kind>,
    kind_value: Option<Value<'_, '_>>,
    report: &mut Report<'_>,
) -> Sort {
    let (answers, values) = (fields.has("answers"), fields.has("values"));
    let sort = match kind {
        Some(Kind::Alias) => Sort::SameAs,
        Some(Kind::Plain(_)) => Sort::Values,
        None if fields.has("to") => Sort::SameAs,
        Some(Kind::Address(_)) | None if answers => Sort::Tree,
        Some(Kind::Address(_)) | None if values => Sort::Values,
        Some(Kind::Address(_)) | None => Sort::Steered,
    };
    if let (Some(Kind::Plain(_)), Some(value)) = (kind, kind_value)
        && let Some(kind) = value.as_text()
        && (fields.has("answer") || answers)
    {
        report.add(
            value.at(),
            format_args!(
                "records of type {kind} are not steered; write A or AAAA, or `values` in place of an answer"
            ),
        );
        fields.ignore(&["answer", "answers", "choose", "control", "sticky", "all_down"]);
    }
    if sort == Sort::Steered && kind.is_some() && !fields.has("answer") {
        report.add(
            fields.at(),
            "a record needs `answer` (a pool), `answers` (branches) or `values` (always the same); add one",
        );
    }
    fields.call(match sort {
        Sort::Steered => "a record with `answer`",
        Sort::Tree => "a record with `answers`",
        Sort::Values => "a record with `values`",
        Sort::SameAs => "an ALIAS",
    });
    sort
}

fn read_owner(text: &str) -> Result<DnsName, String> {
    let name = DnsName::new(text).map_err(|error| error.to_string())?;
    let below = name.as_str().strip_prefix("*.").unwrap_or(name.as_str());
    if below.contains('*') {
        return Err("a '*' stands only for the whole first label; remove the others".to_owned());
    }
    Ok(name)
}

fn read_kind(text: &str) -> Result<Kind, String> {
    match text {
        "A" => Ok(Kind::Address(AddressFamily::V4)),
        "AAAA" => Ok(Kind::Address(AddressFamily::V6)),
        "ALIAS" => Ok(Kind::Alias),
        "SOA" => Err("the SOA stands in the master file of its hosted zone; write it there".to_owned()),
        other => match read_type(other)? {
            kind if is_ours(kind) => Err(format!("{} is made by us; remove it", crate::type_text(kind))),
            rtype::A => Ok(Kind::Address(AddressFamily::V4)),
            rtype::AAAA => Ok(Kind::Address(AddressFamily::V6)),
            kind => Ok(Kind::Plain(kind)),
        },
    }
}

/// How long resolvers may keep it.
pub(super) fn ttl(fields: &mut Fields<'_, '_>, default: Duration, report: &mut Report<'_>) -> Option<Ttl> {
    match fields.get("ttl") {
        Some(value) => value.read(report, |text| {
            let length = parse_duration(text).map_err(|error| error.to_string())?;
            Ttl::new(length).map_err(|error| error.to_string())
        }),
        None => Ttl::new(default).ok(),
    }
}

/// Finds the hosted zone of each, and what is in its way there.
fn place(drafts: &mut [Draft<'_, '_>], hosted: &[Hosted<'_>], around: &Around<'_>, report: &mut Report<'_>) {
    let names = by_name(hosted);
    for draft in drafts {
        let Some(name) = &draft.name else { continue };
        let found = suffixes(name.as_str()).find_map(|suffix| names.get(suffix).copied());
        let Some(position) = found else {
            // With an unreadable hosted zone it may lie in that one.
            if report.is_full() {
                report.add(draft.at, "");
            } else if hosted.iter().all(|hosted| hosted.name.is_some()) {
                let all = there(names.keys().copied());
                report.add(
                    draft.at,
                    format_args!(
                        "{name} lies in no hosted zone, {all}; add [[hosted_zone]] or change the name"
                    ),
                );
            }
            continue;
        };
        draft.hosted_zone = Some(position);
        check_place(draft, name, &hosted[usize::from(position)], around, report);
    }
}

/// Refuses what the master file of its hosted zone also has or hides.
fn check_place(
    draft: &Draft<'_, '_>,
    name: &DnsName,
    hosted: &Hosted<'_>,
    around: &Around<'_>,
    report: &mut Report<'_>,
) {
    if let (Some(_), Some(apex)) = (&hosted.catalog, &hosted.name) {
        let what = format_args!(
            "{name} lies in the catalog {apex}, whose records are made by us; move it elsewhere"
        );
        report.add(draft.at, what);
    }
    let kinds = draft.kind.map(Kind::types).unwrap_or_default();
    let alone = kinds.contains(&rtype::CNAME);
    for plain in hosted.master.at(name) {
        let found = plain.record.rtype;
        if kinds.contains(&found) || found == rtype::CNAME || alone {
            let line = plain.line;
            let what = format_args!(
                "{name} is also in the master file of its hosted zone, line {line}; remove one of the two"
            );
            report.add(draft.at, what);
            break;
        }
    }
    if let Some(cut) = hosted.master.cut_above(name)
        && !hosted.master.may_stand_below(cut, name, draft.sort == Sort::Values, &kinds)
    {
        report.add(
            draft.at,
            format_args!("{name} is hidden by {cut} in the master file; remove one of the two"),
        );
    }
    if draft.sort != Sort::Values
        && let Some(apex) = &hosted.name
        && let Some((zone, pool)) = zonal_name(name, apex, around.zones, around.pools)
    {
        report.add(
            draft.at,
            format_args!("{name} is the zonal name of pool `{pool}` in zone `{zone}`; choose another name"),
        );
    }
}

/// One answer for each name and type, and a CNAME alone at its name.
fn check_names(drafts: &[Draft<'_, '_>], report: &mut Report<'_>) {
    let mut taken: BTreeMap<(&DnsName, u16), Kind> = BTreeMap::new();
    let mut cnames: BTreeMap<&DnsName, usize> = BTreeMap::new();
    let mut others: BTreeSet<&DnsName> = BTreeSet::new();
    for draft in drafts {
        let (Some(name), Some(kind)) = (&draft.name, draft.kind) else { continue };
        match kind {
            Kind::Plain(rtype::CNAME) => _ = cnames.insert(name, draft.at),
            // Among plain records `values` sees to it.
            Kind::Plain(_) => {}
            Kind::Address(_) | Kind::Alias => _ = others.insert(name),
        }
        let before = kind.types().into_iter().find_map(|of| taken.insert((name, of), kind));
        match before {
            Some(Kind::Alias) if kind != Kind::Alias => report.add(
                draft.at,
                format_args!("{name} is an ALIAS and answers {kind} with it; remove one of the two"),
            ),
            Some(before) if kind == Kind::Alias && before != kind => report.add(
                draft.at,
                format_args!(
                    "{name} has {before} records, and an ALIAS answers those too; remove one of the two"
                ),
            ),
            Some(_) => report
                .add(draft.at, format_args!("record {name} {kind} is listed twice; remove one of the two")),
            None => {}
        }
    }
    for (name, at) in cnames {
        if others.contains(name) {
            report.add(
                at,
                format_args!("{name} has a CNAME and other records; a CNAME stands alone, remove it or them"),
            );
        }
    }
}

/// Positions of all that may be led to; each sort has its own bound.
fn targets(drafts: &[Draft<'_, '_>], report: &mut Report<'_>) -> Targets {
    let mut targets = Targets::default();
    let mut counts = [0_u16; 3];
    for draft in drafts {
        let (count, max, what) = match draft.sort {
            Sort::Steered => (&mut counts[0], limits::RECORDS, "records with `answer`"),
            Sort::Tree => (&mut counts[1], limits::TREES, "records with `answers`"),
            Sort::SameAs => (&mut counts[2], limits::NAME_ALIASES, "ALIAS records"),
            Sort::Values => continue,
        };
        let position = *count;
        *count = count.saturating_add(1);
        if usize::from(*count) == max + 1 {
            report.add(draft.at, format_args!("an estate has at most {max} {what}; remove some"));
        }
        let Some(name) = draft.name.clone() else { continue };
        match (draft.sort, draft.family()) {
            (Sort::SameAs, _) => _ = targets.aliases.insert(name),
            (Sort::Tree, Some(family)) => {
                targets.chosen.entry((name, family)).or_insert(BranchTo::Tree(position));
            }
            (_, Some(family)) => {
                targets.chosen.entry((name, family)).or_insert(BranchTo::Record(position));
            }
            (_, None) => {}
        }
    }
    targets
}

/// Names below a delegation or a DNAME that stands in the estate file too.
fn check_hidden(targets: &Targets, hosted: &[Hosted<'_>], report: &mut Report<'_>) {
    if hosted.iter().all(|zone| zone.extra.cuts().next().is_none()) {
        return;
    }
    let names = by_name(hosted);
    let owners = targets.chosen.keys().map(|(name, _)| name).chain(&targets.aliases);
    for name in owners {
        let Some(position) = suffixes(name.as_str()).find_map(|suffix| names.get(suffix)) else { continue };
        let extra = &hosted[usize::from(*position)].extra;
        if let Some((cut, at)) = extra.cut_above(name).and_then(|cut| Some((cut, extra.cut_at(cut)?))) {
            report.add(at, format_args!("others answer below {cut}, where {name} is; remove one of the two"));
        }
    }
}
