//! One assignment, compiled from a snapshot: who goes where, and which tickets a place takes.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use hf_config::estate::{Assignment, AssignmentIx, BranchTo, Estate, PoolIx, ZoneIx};
use hf_model::Timestamp;
use hf_select::{Around, Candidate, Geo, Plan, Scratch, State};
use hf_snapshot::Snapshot;
use sha2::{Digest, Sha256};

use crate::ticket::{Ticket, TicketError, TicketKey};

/// All assignments of a snapshot's estate, by their index.
#[derive(Clone, Debug, Default)]
pub struct Assigners(Vec<Assigner>);

/// One assignment.
#[derive(Clone, Debug)]
pub struct Assigner {
    service: String,
    lifetime: Duration,
    plan: Plan,
    state: State,
    /// For a client that the chain leaves no open branch: what could still answer.
    last_resort: State,
    places: Vec<Place>,
}

/// Where a session may go: one branch of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its name in tickets: it follows from the URL, so that a branch that leads elsewhere is another place.
    pub name: String,
    /// Where its clients go, without a slash at the end.
    pub url: String,
    /// Whether it takes sessions.
    pub is_open: bool,
    /// The pools behind it, whose balancers take its tickets.
    pools: BTreeSet<PoolIx>,
}

impl Assigners {
    /// Compiles all.
    pub fn new(snapshot: &Snapshot) -> Assigners {
        let estate = &snapshot.estate;
        Assigners(estate.assignments.iter().map(|assignment| Assigner::new(snapshot, assignment)).collect())
    }

    /// That of a service.
    pub fn of_service(&self, service: &str) -> Option<&Assigner> {
        self.0.iter().find(|assigner| assigner.service == service)
    }

    /// By index.
    pub fn get(&self, assignment: AssignmentIx) -> Option<&Assigner> {
        self.0.get(assignment.at())
    }
}

impl Assigner {
    fn new(snapshot: &Snapshot, assignment: &Assignment) -> Assigner {
        let estate = &snapshot.estate;
        let at = usize::from(assignment.tree);
        let (tree, decision) = (&estate.trees[at], &snapshot.decision.trees[at]);
        let places = tree.branches.iter().zip(&assignment.urls).zip(&decision.branches);
        let places = places.map(|((branch, url), decided)| Place {
            name: name_of(url),
            url: url.clone(),
            is_open: decided.serves,
            pools: pools_behind(estate, branch.to),
        });
        Assigner {
            service: assignment.service.clone(),
            lifetime: assignment.ticket_lifetime,
            plan: Plan::new(estate, &Candidate::of_tree(estate, tree), &tree.choose, tree.sticky),
            state: State::of_tree(decision),
            last_resort: State::of_tree_ignoring_health(decision),
            places: places.collect(),
        }
    }

    /// The service's name.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// All places.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Where a session of a client at `address` goes, for an assigner in `own_zone`. A place that it has a good ticket for is kept
    /// while that is open. None when no place may take it.
    pub fn assign(
        &self,
        held: Option<&Ticket>,
        (address, own_zone): (IpAddr, Option<ZoneIx>),
        (around, geo): (&Around, &dyn Geo),
        seed: u64,
        scratch: &mut Scratch,
    ) -> Option<&Place> {
        let held = held.filter(|ticket| ticket.service == self.service);
        let held = held.and_then(|ticket| self.places.iter().find(|place| place.name == ticket.place));
        if let Some(place) = held.filter(|place| place.is_open) {
            return Some(place);
        }
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let client = around.locate((address, bits), own_zone, geo, self.plan.needs());
        let mut first = self.plan.choose(&self.state, &client, seed, scratch).first().copied();
        if first.is_none() {
            first = self.plan.choose(&self.last_resort, &client, seed, scratch).first().copied();
        }
        self.places.get(usize::from(first?))
    }

    /// The ticket for a place, from now on.
    pub fn ticket(&self, place: &Place, now: Timestamp) -> Ticket {
        Ticket { service: self.service.clone(), place: place.name.clone(), ends_at: now.plus(self.lifetime) }
    }

    /// Judges the ticket of a request that came to `pool`.
    ///
    /// # Errors
    ///
    /// Why the request is not served here; its client is to ask again.
    pub fn check(
        &self,
        ticket: &str,
        pool: PoolIx,
        key: &TicketKey,
        now: Timestamp,
    ) -> Result<Ticket, TicketError> {
        let ticket = Ticket::read(ticket, key, now)?;
        if ticket.service != self.service {
            return Err(TicketError::OtherService);
        }
        let mut places = self.places.iter().filter(|place| place.name == ticket.place);
        let Some(place) = places.find(|place| place.pools.contains(&pool)) else {
            return Err(TicketError::OtherPlace);
        };
        if !place.is_open {
            return Err(TicketError::PlaceClosed);
        }
        Ok(ticket)
    }
}

/// The first eight bytes of a hash of the URL, in hexadecimal.
fn name_of(url: &str) -> String {
    let hash = Sha256::digest(url.as_bytes());
    let mut name = String::with_capacity(16);
    for byte in hash.iter().take(8) {
        // Writing to a string cannot fail.
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// The pools that serve a branch, what they fall back to included. Trees have no rings and few levels.
fn pools_behind(estate: &Estate, to: BranchTo) -> BTreeSet<PoolIx> {
    let mut found = BTreeSet::new();
    let mut open = vec![to];
    while let Some(to) = open.pop() {
        match to {
            BranchTo::Pool(pool) => {
                found.insert(pool);
            }
            BranchTo::Record(record) => {
                found.insert(estate.records[usize::from(record)].pool);
            }
            BranchTo::Tree(tree) => {
                open.extend(estate.trees[usize::from(tree)].branches.iter().map(|branch| branch.to));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
