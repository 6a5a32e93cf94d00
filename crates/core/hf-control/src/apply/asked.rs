//! What shifts and pins have in common: checks of what was asked, before anything is changed.

use std::collections::BTreeSet;
use std::time::Duration;

use hf_config::estate::{Estate, ZoneIx};
use hf_model::{Operator, PoolName, Revision, ZoneId};

use crate::command::{Bounded, Command, Refusal};
use crate::intent::Scope;

const LENGTH_MIN: Duration = Duration::from_mins(1);
pub(super) const LENGTH_MAX: Duration = Duration::from_hours(72);
pub(super) const REASON_CHARS_MAX: usize = 500;

/// A shift or pin as asked for.
pub(super) struct Act<'a> {
    pub(super) zone: &'a ZoneId,
    pub(super) scope: &'a Scope,
    pub(super) length: Duration,
    pub(super) reason: &'a str,
    pub(super) by: &'a Operator,
    pub(super) floor_overrides: &'a [PoolName],
}

/// 1 minute to 72 hours.
pub(super) fn check_length(length: Duration) -> Result<(), Refusal> {
    if (LENGTH_MIN..=LENGTH_MAX).contains(&length) { Ok(()) } else { Err(Refusal::Length { length }) }
}

/// The reason as it is kept: no blanks around it, and blanks for control characters, since it is shown on terminals.
pub(super) fn clean_reason(reason: &str) -> Result<String, Refusal> {
    let clean = clean_note(reason)?;
    if clean.is_empty() { Err(Refusal::Reason { len: 0 }) } else { Ok(clean) }
}

/// The same, of a reason that need not be there.
pub(super) fn clean_note(reason: &str) -> Result<String, Refusal> {
    let clean: String = reason.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let clean = clean.trim();
    match clean.chars().count() {
        0..=REASON_CHARS_MAX => Ok(clean.to_owned()),
        len => Err(Refusal::Reason { len }),
    }
}

/// The pools whose floor an act may break, each once, in order of their names.
pub(super) fn check_floor_overrides(
    estate: Option<&Estate>,
    named: &[PoolName],
) -> Result<Vec<PoolName>, Refusal> {
    check_overrides(named.len())?;
    let is_known = |pool: &&PoolName| estate.is_some_and(|estate| estate.pool_named(pool).is_some());
    if let Some(pool) = named.iter().find(|pool| !is_known(pool)) {
        return Err(Refusal::UnknownPool { pool: pool.clone() });
    }
    let each_once: BTreeSet<&PoolName> = named.iter().collect();
    Ok(each_once.into_iter().cloned().collect())
}

/// At most [`Command::OVERRIDES`].
pub(super) fn check_overrides(count: usize) -> Result<(), Refusal> {
    if count <= Command::OVERRIDES {
        return Ok(());
    }
    Err(Refusal::TooMany { what: Bounded::Overrides, count: Command::OVERRIDES })
}

/// The zone of this id or alias.
pub(super) fn find_zone(estate: Option<&Estate>, zone: &ZoneId) -> Result<ZoneIx, Refusal> {
    let unknown = |known| Refusal::UnknownZone { zone: zone.clone(), known };
    let Some(estate) = estate else {
        return Err(unknown("no zones yet, `holdfast apply` one first".to_owned()));
    };
    estate.zone_named(zone).ok_or_else(|| {
        let known: Vec<&str> = estate.zones.iter().map(|zone| zone.id.as_str()).collect();
        unknown(known.join(", "))
    })
}

/// Whether the pool or record is there.
pub(super) fn check_scope(estate: &Estate, scope: &Scope) -> Result<(), Refusal> {
    if has_scope(estate, scope) { Ok(()) } else { Err(Refusal::UnknownResource { scope: scope.clone() }) }
}

/// Whether the estate has what the scope names.
pub(super) fn has_scope(estate: &Estate, scope: &Scope) -> bool {
    match scope {
        Scope::Everything => true,
        Scope::Pool(name) => estate.pool_named(name).is_some(),
        Scope::Record(name) => {
            estate.records.iter().any(|record| record.name == *name)
                || estate.trees.iter().any(|tree| tree.name == *name)
        }
    }
}

/// Whether what the caller read is the newest.
pub(super) fn check_match(read: Option<Revision>, newest: Revision) -> Result<(), Refusal> {
    match read {
        Some(read) if read != newest => Err(Refusal::Stale { read, newest }),
        _ => Ok(()),
    }
}
