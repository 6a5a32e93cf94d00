//! What is to be in a file, by a snapshot: pure.
//!
//! Not here: the formats of pools (`envoy`, `nginx`), files (`file`).

use hf_balance::Listing;
use hf_config::estate::PoolIx;
use hf_config::node::{Exists, RenderFile, Rendered};
use hf_control::Scope;
use hf_control::intent::ScopeError;
use hf_decide::ZoneState;
use hf_model::PoolName;
use hf_snapshot::{NoPlace, Snapshot};

use crate::{envoy, nginx};

/// Parts in which a zone returns to a file whose reader is started again for each of them.
const STEPS_RELOADED: u32 = 4;
/// The same for a file that is watched.
const STEPS_WATCHED: u32 = 100;

/// Why nothing can be told. The file stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrendered {
    /// No such pool.
    #[error("the estate has no pool `{0}`; change `pool` in the node's file")]
    Pool(PoolName),
    /// Nothing in it.
    #[error("the pool `{0}` has no endpoints at all; look at its source")]
    Empty(PoolName),
    /// No such zone, or nothing there.
    #[error("{0}")]
    Place(#[from] NoPlace),
    /// Not a resource.
    #[error("{0}")]
    Scope(#[from] ScopeError),
}

/// What is to be in the file; none: it is not to be there.
pub fn text(snapshot: &Snapshot, file: &RenderFile) -> Result<Option<String>, Unrendered> {
    let steps = if file.reload.is_some() { STEPS_RELOADED } else { STEPS_WATCHED };
    match &file.what {
        Rendered::EnvoyEds { pool, cluster } => {
            let listing = listing(snapshot, pool)?;
            Ok(Some(envoy::assignment(&snapshot.estate, &listing, cluster, steps)))
        }
        Rendered::NginxUpstream { pool, parameters } => {
            let listing = listing(snapshot, pool)?;
            Ok(Some(nginx::servers(&snapshot.estate, pool, &listing, parameters, steps)))
        }
        Rendered::ZoneState { zone, resource, exists, text_open, text_away } => {
            let scope: Scope = resource.parse()?;
            let state = snapshot.place(zone, &scope)?.state;
            let (is_there, text) = match state {
                ZoneState::Open => (matches!(exists, Exists::Open | Exists::Always), text_open),
                ZoneState::Away => (matches!(exists, Exists::Away | Exists::Always), text_away),
            };
            Ok(is_there.then(|| format!("{text}\n")))
        }
    }
}

fn listing(snapshot: &Snapshot, name: &PoolName) -> Result<Listing, Unrendered> {
    let pool: PoolIx =
        snapshot.estate.pool_named(name).ok_or_else(|| Unrendered::Pool(PoolName::clone(name)))?;
    let listing = Listing::of(snapshot, pool);
    if listing.endpoints.is_empty() { Err(Unrendered::Empty(PoolName::clone(name))) } else { Ok(listing) }
}

#[cfg(test)]
pub(crate) mod tests;
