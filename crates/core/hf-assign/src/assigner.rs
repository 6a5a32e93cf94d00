//! One assignment, compiled from a snapshot: who goes where, and which tickets a place takes.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use hf_config::estate::{Assignment, AssignmentIx, BranchTo, Estate, HostPattern, PoolIx, ZoneIx};
use hf_model::Timestamp;
use hf_select::{Around, Candidate, Geo, Plan, Scratch, State};
use hf_snapshot::Snapshot;
use sha2::{Digest, Sha256};

use crate::carried::{By, query_with};
use crate::ticket::{Ticket, TicketError, TicketKey};

/// How long a ticket for the last resort lasts at most: something better may be open soon.
const LAST_RESORT_MAX: Duration = Duration::from_mins(1);

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
    /// Where sessions ask.
    ask_at: String,
    /// Whether they may do so by any path.
    asks_by_path: bool,
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

/// A good ticket of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted<'a> {
    /// What it says.
    pub ticket: Ticket,
    /// As it was carried.
    pub text: &'a str,
    /// How.
    pub by: By,
}

/// A request without a good ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnedAway<'a> {
    /// Why.
    pub why: TicketError,
    /// A ticket that is good at another place: who asks again with it is told that place.
    pub held: Option<&'a str>,
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
            ask_at: assignment.ask_at.clone(),
            asks_by_path: asks_by_path(&assignment.ask_at, &assignment.hosts),
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
        let is_held = |place: &&Place| held.is_some_and(|held| place.name == held.place && place.is_open);
        if let Some(place) = self.places.iter().find(is_held) {
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
        let is_last_resort = !place.is_open;
        let lifetime = if is_last_resort { self.lifetime.min(LAST_RESORT_MAX) } else { self.lifetime };
        Ticket {
            service: self.service.clone(),
            place: place.name.clone(),
            ends_at: now.plus(lifetime),
            is_last_resort,
        }
    }

    /// Where a client asks again that came with this target and is not served here, with the ticket that it is to be judged by there: the same
    /// path where assigners answer any path, else `/assign`.
    pub fn ask_url(&self, path: &str, query: Option<&str>, held: Option<&str>) -> String {
        if self.asks_by_path && path.starts_with('/') {
            format!("{}{path}{}", self.ask_at, query_with(query, held))
        } else {
            let service = format!("service={}", self.service);
            format!("{}/assign{}", self.ask_at, query_with(Some(&service), held))
        }
    }

    /// Judges all tickets that a request to `pool` shows: the first good one counts, and of those that are not the first is told.
    ///
    /// # Errors
    ///
    /// Why the request is not served here; its client is to ask again.
    pub fn admit<'a>(
        &self,
        shown: impl Iterator<Item = (By, &'a str)>,
        pool: PoolIx,
        key: &TicketKey,
        now: Timestamp,
    ) -> Result<Admitted<'a>, TurnedAway<'a>> {
        let mut turned_away: Option<TurnedAway<'a>> = None;
        for (by, text) in shown {
            let why = match self.check(text, pool, key, now) {
                Ok(ticket) => return Ok(Admitted { ticket, text, by }),
                Err(why) => why,
            };
            let known = turned_away.get_or_insert(TurnedAway { why, held: None });
            if why == TicketError::OtherPlace {
                known.held = known.held.or(Some(text));
            }
        }
        Err(turned_away.unwrap_or(TurnedAway { why: TicketError::Missing, held: None }))
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
        let places = (0_u16..).zip(&self.places);
        let mut places =
            places.filter(|(_, place)| place.name == ticket.place && place.pools.contains(&pool)).peekable();
        if places.peek().is_none() {
            return Err(TicketError::OtherPlace);
        }
        let takes = |(at, place): (u16, &Place)| {
            place.is_open || (ticket.is_last_resort && self.last_resort.is_open(at))
        };
        if places.any(takes) { Ok(ticket) } else { Err(TicketError::PlaceClosed) }
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

/// Whether the assigners at this URL are asked by any path: they know it by its name.
fn asks_by_path(ask_at: &str, hosts: &[HostPattern]) -> bool {
    let authority = ask_at.split_once("://").map_or(ask_at, |(_, rest)| rest);
    let name = match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    };
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    !authority.contains('/') && hosts.iter().any(|host| host.holds(&name))
}

/// The pools that serve a branch: those whose listeners its clients come to. Trees have no rings and few levels.
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
