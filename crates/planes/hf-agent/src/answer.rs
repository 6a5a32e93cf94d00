//! A snapshot and a question of an agent check to what is so.
//!
//! Pools that are asked about by endpoint are compiled once for each snapshot: HAProxy asks about every server line, every second.
//!
//! Not here: the words (`words`).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hf_balance::Listing;
use hf_config::estate::PoolIx;
use hf_control::Scope;
use hf_decide::ZoneState;
use hf_model::PoolName;
use hf_snapshot::{NoPlace, Snapshot};

use crate::words::{Question, Told};

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// No such zone or resource.
    #[error("an agent check asked {about:?}: {source}")]
    Place {
        /// As asked.
        about: String,
        /// What is not there.
        source: NoPlace,
    },
    /// The pool has no such endpoint.
    #[error("an agent check asked {about:?}: the pool has no endpoint {address}; write one that it has")]
    Endpoint {
        /// As asked.
        about: String,
        /// The address.
        address: SocketAddr,
    },
}

type Endpoints = BTreeMap<SocketAddr, Told>;

/// A snapshot, and what was compiled of it so far.
#[derive(Debug)]
struct Compiled {
    snapshot: Arc<Snapshot>,
    pools: Vec<OnceLock<Endpoints>>,
}

/// Answers from the newest snapshot.
#[derive(Debug, Default)]
pub struct Answers(Mutex<Option<Arc<Compiled>>>);

impl Answers {
    /// What is so by this snapshot, the newest.
    pub fn to(&self, snapshot: &Arc<Snapshot>, about: &str, question: &Question) -> Result<Told, Unanswered> {
        match question {
            Question::Zone { zone, scope } => {
                let place = snapshot.place(zone, scope);
                let place = place.map_err(|source| Unanswered::Place { about: about.to_owned(), source })?;
                Ok(match place.state {
                    ZoneState::Open => Told::Open(place.share),
                    ZoneState::Away => Told::Away(place.reason.to_string()),
                })
            }
            Question::Endpoint { pool, address } => {
                let compiled = self.compiled(snapshot);
                let at = snapshot.estate.pool_named(pool).ok_or_else(|| Unanswered::Place {
                    about: about.to_owned(),
                    source: NoPlace::Resource(Scope::Pool(PoolName::clone(pool))),
                })?;
                let endpoints = compiled.pools[at.at()].get_or_init(|| endpoints(snapshot, at));
                let told = endpoints.get(address).cloned();
                told.ok_or_else(|| Unanswered::Endpoint { about: about.to_owned(), address: *address })
            }
        }
    }

    fn compiled(&self, snapshot: &Arc<Snapshot>) -> Arc<Compiled> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some(compiled) if Arc::ptr_eq(&compiled.snapshot, snapshot) => compiled.clone(),
            _ => {
                let pools = snapshot.estate.pools.iter().map(|_| OnceLock::new()).collect();
                let compiled = Arc::new(Compiled { snapshot: snapshot.clone(), pools });
                *kept = Some(compiled.clone());
                compiled
            }
        }
    }
}

fn endpoints(snapshot: &Snapshot, pool: PoolIx) -> Endpoints {
    let listing = Listing::of_own(snapshot, pool);
    let reasons = snapshot.decision.pools[pool.at()].endpoints.iter().map(|of| &of.reason);
    let told = listing.endpoints.iter().zip(reasons).map(|(of, reason)| {
        (of.address, if of.takes { Told::Open(of.share) } else { Told::Away(reason.to_string()) })
    });
    told.collect()
}

#[cfg(test)]
pub(crate) mod tests;
