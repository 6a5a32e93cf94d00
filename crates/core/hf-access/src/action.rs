//! What is asked for, and whether a principal's roles and scopes cover it.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use hf_model::{CheckName, ControlName, PoolName, ZoneId};

use crate::{Principal, Role};

/// How many scopes a refusal lists.
const LISTED: usize = 8;

/// How much of one kind an action touches.
#[derive(Debug, PartialEq, Eq)]
pub enum Reach<'a, T> {
    /// All there is; also what cannot be resolved to less.
    Everything,
    /// Each of these.
    These(&'a [T]),
}

// Not derived: that would ask for names that are copied.
impl<T> Clone for Reach<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Reach<'_, T> {}

/// Where a shift, a pin or a practice run acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// One zone, by its id and its aliases: a scope that has one of them covers it. Empty: not known, so it takes all zones.
    pub zone: &'a [ZoneId],
    /// The pools that it takes out of the zone; a record counts as its pool.
    pub pools: Reach<'a, PoolName>,
    /// Pools whose floor it may break.
    pub floor_overrides: &'a [PoolName],
}

/// What a batch of routing controls overrides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overrides<'a> {
    /// Safety rules.
    pub rules: usize,
    /// Pools whose floor it may break.
    pub floors: &'a [PoolName],
}

/// What somebody wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action<'a> {
    /// To read, from another machine.
    Read,
    /// To start, extend or cancel a shift.
    Shift(Place<'a>),
    /// To set or clear a pin.
    Pin(Place<'a>),
    /// To start or cancel a practice run.
    PracticeRun(Place<'a>),
    /// To mark a zone as being deployed to, or to take the mark away.
    Deploy(Place<'a>),
    /// To turn routing controls on or off.
    SetControls {
        /// The panels of all of them.
        panels: Reach<'a, ControlName>,
        /// What may be broken.
        overrides: Overrides<'a>,
    },
    /// The same, as far as it concerns what stands behind one of them.
    TurnBehind(Place<'a>),
    /// To put an estate in force, or to change what has no panel and no pool: clusters, the observer.
    Administer,
    /// To create, change or delete panels, their controls and rules.
    AdministerPanels(Reach<'a, ControlName>),
    /// To hand in a dynamic update of a hosted zone.
    UpdateHostedZone,
    /// To register endpoints of a pool, or take them away.
    RegisterEndpoint(Place<'a>),
    /// To tell a checker a result of a pushed health check.
    PushResult {
        /// The check.
        check: &'a CheckName,
        /// Of whom: an endpoint's zone and pools, or everything.
        place: Place<'a>,
    },
    /// To change the practice configuration or the autoshift setting of pools and what stands on them.
    AdministerPools(Reach<'a, PoolName>),
}

impl Action<'_> {
    /// The role that it takes, overrides apart.
    pub fn role(&self) -> Role {
        match self {
            Action::Read => Role::Read,
            Action::Shift(_)
            | Action::Pin(_)
            | Action::PracticeRun(_)
            | Action::Deploy(_)
            | Action::SetControls { .. }
            | Action::TurnBehind(_) => Role::Operate,
            Action::UpdateHostedZone => Role::Update,
            Action::RegisterEndpoint(_) => Role::Register,
            Action::PushResult { .. } => Role::Push,
            Action::Administer | Action::AdministerPanels(_) | Action::AdministerPools(_) => Role::Administer,
        }
    }
}

impl Display for Action<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Read => "read from another machine",
            Action::Shift(_) => "shift",
            Action::Pin(_) => "pin",
            Action::PracticeRun(_) => "run a practice",
            Action::Deploy(_) => "mark deployments",
            Action::SetControls { .. } | Action::TurnBehind(_) => "set routing controls",
            Action::Administer => "change the estate",
            Action::UpdateHostedZone => "update hosted zones",
            Action::RegisterEndpoint(_) => "register endpoints",
            Action::PushResult { .. } => "push results of health checks",
            Action::AdministerPanels(_) => "change panels, controls and rules",
            Action::AdministerPools(_) => "change practice and autoshift settings",
        })
    }
}

/// What is missing for an action; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Forbidden {
    /// A role.
    #[error(
        "`{who}` may not {what}: that takes the role `{role}`, and `{who}` has {}; ask an administrator for the role, or use another credential",
        if has.is_empty() { "none".to_owned() } else { has.join(", ") }
    )]
    Role {
        /// The principal.
        who: String,
        /// The action.
        what: String,
        /// The role that is missing.
        role: Role,
        /// Those that are there.
        has: Vec<String>,
    },
    /// A scope.
    #[error(
        "`{who}` may not {what}: {touched} is outside of its {kind} ({has}); ask an administrator for the scope, or use another credential"
    )]
    Scope {
        /// The principal.
        who: String,
        /// The action.
        what: String,
        /// What is outside.
        touched: String,
        /// `zones`, `pools`, `panels` or `checks`.
        kind: &'static str,
        /// Those inside.
        has: String,
    },
}

pub(crate) fn judge(principal: &Principal, action: &Action<'_>) -> Result<(), Forbidden> {
    let judge = Judge { principal, action };
    // Who may change the estate may change what updates and services change.
    let is_part_of_the_estate =
        matches!(action, Action::UpdateHostedZone | Action::RegisterEndpoint(_) | Action::PushResult { .. });
    if !(is_part_of_the_estate && principal.roles.contains(&Role::Administer)) {
        judge.role(action.role(), "")?;
    }
    match *action {
        Action::Read | Action::UpdateHostedZone => Ok(()),
        Action::Shift(place)
        | Action::Pin(place)
        | Action::PracticeRun(place)
        | Action::Deploy(place)
        | Action::RegisterEndpoint(place)
        | Action::TurnBehind(place) => judge.place(place),
        Action::PushResult { check, place } => {
            judge.check(check)?;
            judge.place(place)
        }
        Action::SetControls { panels, overrides } => {
            judge.panels(panels)?;
            if overrides.rules > 0 {
                judge.role(Role::BreakGlass, " and override safety rules")?;
            }
            judge.floors(overrides.floors)
        }
        Action::Administer => {
            judge.panels(Reach::Everything)?;
            judge.pools(Reach::Everything)?;
            judge.zone(&[])
        }
        Action::AdministerPanels(panels) => judge.panels(panels),
        Action::AdministerPools(pools) => judge.pools(pools),
    }
}

struct Judge<'a> {
    principal: &'a Principal,
    action: &'a Action<'a>,
}

impl Judge<'_> {
    fn role(&self, role: Role, besides: &str) -> Result<(), Forbidden> {
        if self.principal.roles.contains(&role) {
            return Ok(());
        }
        Err(Forbidden::Role {
            who: self.principal.name.to_string(),
            what: format!("{}{besides}", self.action),
            role,
            has: self.principal.roles.iter().map(ToString::to_string).collect(),
        })
    }

    fn place(&self, place: Place<'_>) -> Result<(), Forbidden> {
        self.zone(place.zone)?;
        self.pools(place.pools)?;
        self.floors(place.floor_overrides)
    }

    fn floors(&self, pools: &[PoolName]) -> Result<(), Forbidden> {
        if pools.is_empty() {
            return Ok(());
        }
        self.role(Role::BreakGlass, " and break a pool's floor")?;
        self.pools(Reach::These(pools))
    }

    fn zone(&self, names: &[ZoneId]) -> Result<(), Forbidden> {
        let Some(inside) = &self.principal.scopes.zones else { return Ok(()) };
        if names.iter().any(|name| inside.contains(name)) {
            return Ok(());
        }
        let touched = names
            .first()
            .map_or_else(|| "something in every zone".to_owned(), |zone| format!("zone `{zone}`"));
        Err(self.outside(touched, "zones", inside))
    }

    fn pools(&self, pools: Reach<'_, PoolName>) -> Result<(), Forbidden> {
        self.each(pools, self.principal.scopes.pools.as_ref(), "pool", "pools")
    }

    fn check(&self, check: &CheckName) -> Result<(), Forbidden> {
        let inside = self.principal.scopes.checks.as_ref();
        self.each(Reach::These(std::slice::from_ref(check)), inside, "health check", "checks")
    }

    fn panels(&self, panels: Reach<'_, ControlName>) -> Result<(), Forbidden> {
        self.each(panels, self.principal.scopes.panels.as_ref(), "panel", "panels")
    }

    fn each<T: Ord + Display>(
        &self,
        reach: Reach<'_, T>,
        inside: Option<&BTreeSet<T>>,
        one: &str,
        kind: &'static str,
    ) -> Result<(), Forbidden> {
        let Some(inside) = inside else { return Ok(()) };
        let touched = match reach {
            Reach::Everything => format!("every {one}"),
            Reach::These(all) => match all.iter().find(|name| !inside.contains(name)) {
                None => return Ok(()),
                Some(outside) => format!("{one} `{outside}`"),
            },
        };
        Err(self.outside(touched, kind, inside))
    }

    fn outside<T: Display>(&self, touched: String, kind: &'static str, inside: &BTreeSet<T>) -> Forbidden {
        let mut has: Vec<String> = inside.iter().take(LISTED).map(ToString::to_string).collect();
        if inside.len() > LISTED {
            has.push(format!("{} more", inside.len() - LISTED));
        }
        Forbidden::Scope {
            who: self.principal.name.to_string(),
            what: self.action.to_string(),
            touched,
            kind,
            has: if has.is_empty() { "none".to_owned() } else { has.join(", ") },
        }
    }
}
