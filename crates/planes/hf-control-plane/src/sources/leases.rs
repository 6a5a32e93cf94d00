//! Registrations and their leases, as the one control node that keeps them sees them.
//!
//! 1. A renewal costs nothing but memory: only what changes the set goes into the ledger.
//! 2. Whoever begins to keep leases, or could not work for a while, gives every endpoint of the ledger a whole new lease: nobody is
//!    taken out because nobody listened.
//! 3. A lease that is over takes its endpoint out. Where more than half of three or more are over at once, it is the way to us that is
//!    broken, not they: all stay, are left to health checks, and it is told.
//!
//! Not here: the floor under a set (`hf_control::sources`).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hf_config::estate::{EndpointId, EndpointSet, SourcedEndpoint};
use hf_control::sources::Told;
use hf_model::PoolName;
use tokio::time::Instant;

/// The shortest lease.
pub const LEASE_MIN: Duration = Duration::from_secs(3);
/// The longest lease.
pub const LEASE_MAX: Duration = Duration::from_hours(24);
/// So many leases are missing before it can be our own fault.
const MANY: usize = 3;

#[derive(Clone, Debug)]
struct Lease {
    told: Told,
    until: Instant,
}

/// The registrations of all pools.
#[derive(Debug, Default)]
pub struct Leases {
    of: BTreeMap<PoolName, BTreeMap<EndpointId, Lease>>,
    /// Since when this node keeps them; none while another one does.
    since: Option<Instant>,
}

/// What a registration did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It is as it was; the lease is new.
    Renewed,
    /// The pool's set changes.
    Changed,
}

/// Why an endpoint is not registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRegistered {
    /// Another name has this address.
    AddressTaken(EndpointId),
    /// The pool has as many as its source may tell.
    Full(usize),
}

impl Leases {
    /// Begins to keep leases of these pools, or goes on; at the beginning and after a gap all endpoints of the ledger have a new lease.
    pub fn keep(&mut self, sets: &[&EndpointSet], pools: &BTreeSet<&PoolName>, had_gap: bool, now: Instant) {
        let is_new = self.since.is_none() || had_gap;
        self.since.get_or_insert(now);
        self.of.retain(|pool, _| pools.contains(pool));
        for set in sets.iter().filter(|_| is_new) {
            let known = self.of.entry(set.pool.clone()).or_default();
            for endpoint in &set.endpoints {
                let until = now + endpoint.lease.max(LEASE_MIN);
                let lease = known.entry(endpoint.id.clone());
                let lease = lease.or_insert_with(|| Lease { told: told(endpoint), until });
                lease.until = lease.until.max(until);
            }
        }
    }

    /// Another node keeps them.
    pub fn let_go(&mut self) {
        *self = Leases::default();
    }

    /// Whether this node keeps them.
    pub fn are_kept(&self) -> bool {
        self.since.is_some()
    }

    /// Takes a registration or a renewal.
    pub fn register(
        &mut self,
        pool: &PoolName,
        told: Told,
        max: usize,
        now: Instant,
    ) -> Result<Registered, NotRegistered> {
        let known = self.of.entry(pool.clone()).or_default();
        let other = known.iter().find(|(id, lease)| **id != told.id && lease.told.address == told.address);
        if let Some((id, lease)) = other {
            if lease.until > now {
                return Err(NotRegistered::AddressTaken(id.clone()));
            }
            // Whoever had the address is gone; who has it now says so.
            let id = id.clone();
            known.remove(&id);
        }
        if !known.contains_key(&told.id) && known.len() >= max {
            return Err(NotRegistered::Full(max));
        }
        let is_same = known.get(&told.id).is_some_and(|before| before.told == told);
        let until = now + told.lease;
        known.insert(told.id.clone(), Lease { told, until });
        Ok(if is_same { Registered::Renewed } else { Registered::Changed })
    }

    /// Takes an endpoint away by its own or somebody's word; whether it was there.
    pub fn deregister(&mut self, pool: &PoolName, id: &EndpointId) -> bool {
        self.of.get_mut(pool).is_some_and(|known| known.remove(id).is_some())
    }

    /// What is left of an endpoint's lease; none if it is not kept here.
    pub fn left(&self, pool: &PoolName, id: &EndpointId, now: Instant) -> Option<Duration> {
        self.of.get(pool)?.get(id).map(|lease| lease.until.saturating_duration_since(now))
    }

    /// Who is registered for a pool now: leases that are over go, or are held and told.
    pub fn told(&mut self, pool: &PoolName, now: Instant) -> (Vec<Told>, Option<String>) {
        let Some(known) = self.of.get_mut(pool) else { return (Vec::new(), None) };
        let over = known.values().filter(|lease| lease.until <= now).count();
        let mut problem = None;
        if over == known.len() && over > 0 || over >= MANY && over * 2 > known.len() {
            problem = Some(format!(
                "{over} of {} registrations are over at once: the way from the services to the control nodes may be broken; \
                 all stay, and are left to health checks",
                known.len()
            ));
        } else {
            known.retain(|_, lease| lease.until > now);
        }
        (known.values().map(|lease| lease.told.clone()).collect(), problem)
    }
}

/// As its service told it.
fn told(endpoint: &SourcedEndpoint) -> Told {
    Told {
        id: endpoint.id.clone(),
        address: endpoint.address,
        zone: Some(endpoint.zone.clone()),
        name: None,
        weight: endpoint.weight,
        priority: endpoint.priority,
        lease: endpoint.lease,
    }
}

#[cfg(test)]
mod tests;
