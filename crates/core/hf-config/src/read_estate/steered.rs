//! Steered records: a name whose answers are endpoints of one pool.
//!
//! Not here: the name itself (`records`), its chain (`chain`).

use hf_model::ControlPath;

use super::chain::{Among, choose, default_chain, sticky};
use super::records::{Around, Draft, TTL_CHOSEN, ttl};
use crate::estate::{AddressFamily, AllDown, Filter, Pool, PoolIx, Record};
use crate::walk::{Fields, Report, Value, Wrong, if_there};

pub(super) fn steered(
    mut draft: Draft<'_, '_>,
    around: &Around<'_>,
    report: &mut Report<'_>,
) -> Option<Record> {
    let family = draft.family();
    let fields = &mut draft.fields;
    let ttl = ttl(fields, TTL_CHOSEN, report);
    let pool = fields.get("answer").and_then(|value| answer(value, family, around, report));
    let choose = match fields.get("choose") {
        Some(value) => choose(value, Among::Endpoints, around.regions, report),
        None => Some(default_chain(around.regions)),
    };
    // With a chain that could not be read nobody can tell whether it is asked for.
    let asked = choose.as_ref().is_none_or(|chain| chain.contains(&Filter::Sticky));
    let sticky = sticky(fields, asked, report);
    let control = control(fields, pool, around, report);
    draft.fields.finish(&[], report);
    Some(Record {
        name: draft.name?,
        family: family?,
        ttl: ttl?,
        pool: pool?,
        choose: choose?,
        sticky: sticky.ok()?,
        hosted_zone: draft.hosted_zone?,
        control: control.ok()?,
    })
}

fn control(
    fields: &mut Fields<'_, '_>,
    pool: Option<PoolIx>,
    around: &Around<'_>,
    report: &mut Report<'_>,
) -> Result<Option<ControlPath>, Wrong> {
    if_there(fields.get("control"), |value| {
        let found = around.controls.find(value, report);
        if let Some(pool) = pool.and_then(|pool| around.pools.list[pool.at()].as_ref())
            && pool.all_down == AllDown::Open
        {
            report.add(
                value.at(),
                format_args!(
                    "while its routing control is off this record has nobody to answer with, and its pool `{}` \
                     has all_down = \"open\"; write all_down = \"closed\" or \"fallback:POOL\" there",
                    pool.name
                ),
            );
        }
        found
    })
}

fn answer(
    value: Value<'_, '_>,
    family: Option<AddressFamily>,
    around: &Around<'_>,
    report: &mut Report<'_>,
) -> Option<PoolIx> {
    let mut fields = value.fields("an answer", report)?;
    let found = fields.need("pool", report).and_then(|value| pool(value, family, around, report));
    fields.finish(&[], report);
    found
}

/// A pool that has addresses of the asked family.
pub(super) fn pool(
    value: Value<'_, '_>,
    family: Option<AddressFamily>,
    around: &Around<'_>,
    report: &mut Report<'_>,
) -> Option<PoolIx> {
    let position = around.pools.names.find(value.text(report)?, value.at(), report)?;
    let pool: Option<&Pool> = around.pools.list[usize::from(position)].as_ref();
    if let (Some(pool), Some(family)) = (pool, family)
        && !around.pools.has(position, family)
    {
        let version = if family == AddressFamily::V4 { "IPv4" } else { "IPv6" };
        report.add(
            value.at(),
            format_args!(
                "pool `{}` has no {version} endpoint for a record of type {family}; add one or change the type",
                pool.name
            ),
        );
    }
    Some(PoolIx(position))
}
