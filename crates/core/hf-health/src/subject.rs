//! What tables and verdicts have a bit for: every endpoint, then every health check.
//!
//! The bit of a check says something only while that check stands by itself, or is the majority of such ones (in verdicts alone: tables know
//! nothing of it); the others keep theirs unknown, so that positions follow from the estate's lists alone.

use std::net::SocketAddr;

use hf_config::estate::{CheckKind, Estate, PoolIx};
use hf_model::{CheckName, PoolName};

/// What stays the same over versions of an estate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject<'a> {
    /// One address of one pool.
    Endpoint(&'a PoolName, SocketAddr),
    /// A health check by its name.
    Check(&'a CheckName),
}

/// All subjects, in the order of the bits.
pub fn subjects(estate: &Estate) -> impl Iterator<Item = Subject<'_>> {
    let endpoints = estate
        .endpoint_refs()
        .map(|at| Subject::Endpoint(&estate.pool(at.pool).name, estate.endpoint(at).address));
    endpoints.chain(estate.health_checks.iter().map(|check| Subject::Check(&check.name)))
}

/// Whether good results for a pool's endpoints show that something answered. Under an inverted check they show that nothing did, or that the wrong
/// thing did: who reaches nobody finds all well. Pushed ones are the word of somebody else, who may reach what this checker does not.
pub(crate) fn shows_reach(estate: &Estate, pool: PoolIx) -> bool {
    let check = estate.pool(pool).health_check.and_then(|check| estate.health_checks.get(check.at()));
    !check.is_some_and(|check| check.inverted || matches!(check.kind, CheckKind::Pushed(_)))
}
