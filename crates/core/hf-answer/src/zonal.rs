//! Zonal names, `<zone or alias>.<pool>.pool.<hosted zone>`: they exist without being declared.

use hf_config::estate::{PoolIx, ZoneIx};

use crate::name;
use crate::routes::Routes;

/// The label behind a pool's.
const POOL_LABEL: &[u8] = b"\x04pool";

/// How far a name goes into the zonal names of a hosted zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zonal {
    /// Where the longest suffix of it begins that exists as a zonal name or between them.
    pub encloser: usize,
    /// The pool and zone, if that suffix is a zonal name.
    pub of: Option<(PoolIx, ZoneIx)>,
}

impl Zonal {
    /// Reads a folded name below an apex; none if no part of it but the apex is one of them.
    pub fn read(routes: &Routes, name: &[u8], apex_len: usize) -> Option<Zonal> {
        let below = name.len().checked_sub(apex_len)?;
        if !name[..below].ends_with(POOL_LABEL) || routes.per_pool.is_empty() {
            return None;
        }
        // The last three labels below the apex, from the right.
        let mut last = [None; 3];
        for at in name::starts(name).take_while(|at| *at < below) {
            last = [Some(at), last[0], last[1]];
        }
        let [Some(at), pool_at, zone_at] = last else { return None };
        if name[at..below] != *POOL_LABEL {
            return None;
        }
        let label = |at: usize| &name[at + 1..=at + usize::from(name[at])];
        let Some((pool_at, pool)) = pool_at.and_then(|at| Some((at, routes.pool(label(at))?))) else {
            return Some(Zonal { encloser: at, of: None });
        };
        match zone_at.and_then(|at| Some((at, routes.zone_of_pool(pool, label(at))?))) {
            Some((at, zone)) => Some(Zonal { encloser: at, of: Some((pool, zone)) }),
            None => Some(Zonal { encloser: pool_at, of: None }),
        }
    }
}
