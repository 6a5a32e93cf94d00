//! Who may do what: a credential to a principal, a principal and an action to yes or no.
//!
//! 1. A principal is a name with roles and scopes; a token, a client certificate or an access key shows who it is ([`AccessList`]).
//! 2. What is not granted is forbidden. No role contains another one: who evacuates need not be who edits the estate.
//! 3. Scopes narrow: an action passes when everything that it touches is inside them. What cannot be resolved counts as everything.
//! 4. Secrets are compared in constant time, and only their digests are here.
//!
//! Not here: the file (`hf-config` reads it, `hf-control-plane` keeps it), sealed secrets (`hf-control-plane`), signatures
//! (`hf-arc`, `hf-feed`), the rules of a change (`hf-control`).

mod action;
mod expiry;
mod list;

use std::collections::BTreeSet;

use hf_model::{CheckName, ControlName, Operator, PoolName, ZoneId};

pub use action::{Action, Forbidden, Overrides, Place, Reach};
pub use expiry::{ExpiryError, expiry};
pub use list::{AccessKey, AccessKeyId, AccessKeyIdError, AccessList, Holder, TokenDigest, Unknown};

/// A kind of action that is granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Reads from other machines: status, shifts, the estate, the journal.
    Read,
    /// Evacuates and brings back: shifts, pins, routing controls, practice runs.
    Operate,
    /// Changes what there is: the estate, panels, controls and rules, practice configurations, autoshift settings.
    Administer,
    /// Hands in dynamic updates of hosted zones, and nothing else: for a DNS node's own credential. Whoever administers may too.
    Update,
    /// Registers endpoints of pools that let services register, and nothing else: for a service's own credential. Whoever administers may too.
    Register,
    /// Tells checkers results of pushed health checks, and nothing else: for a pusher's own credential. Whoever administers may too.
    Push,
    /// Overrides safety rules and floors, by name, on what the other roles allow.
    BreakGlass,
}

impl Role {
    /// All of them, in order.
    pub const ALL: [Role; 7] = [
        Role::Read,
        Role::Operate,
        Role::Administer,
        Role::Update,
        Role::Register,
        Role::Push,
        Role::BreakGlass,
    ];

    /// As written in files and outputs.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Read => "read",
            Role::Operate => "operate",
            Role::Administer => "administer",
            Role::Update => "update",
            Role::Register => "register",
            Role::Push => "push",
            Role::BreakGlass => "break-glass",
        }
    }

    /// The role of this name.
    pub fn named(text: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// What a principal's actions may touch. None: everything there is, and will be. An empty set: nothing of the kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes {
    /// Control panels, by name.
    pub panels: Option<BTreeSet<ControlName>>,
    /// Pools.
    pub pools: Option<BTreeSet<PoolName>>,
    /// Zones, by id or alias.
    pub zones: Option<BTreeSet<ZoneId>>,
    /// Health checks: those that results are pushed for. Nothing else that may be done touches a health check by its name.
    pub checks: Option<BTreeSet<CheckName>>,
}

/// Somebody or something that acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// As the journal names it.
    pub name: Operator,
    /// What it may do.
    pub roles: BTreeSet<Role>,
    /// To what.
    pub scopes: Scopes,
}

impl Principal {
    /// Whether an action is granted; if not, what is missing.
    ///
    /// # Errors
    ///
    /// [`Forbidden`] names the role or the scope that is missing.
    pub fn may(&self, action: &Action<'_>) -> Result<(), Forbidden> {
        action::judge(self, action)
    }
}

#[cfg(test)]
mod tests;
