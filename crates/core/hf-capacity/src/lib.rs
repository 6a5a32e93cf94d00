//! Who carries what when a zone or a region is gone, and whether they can.
//!
//! 1. Who would refuse is not judged here: `hf-decide` decides once more with the shift that an operator would ask for, and `hf-control`
//!    is asked for the ledger's word ([`what_if`]).
//! 2. The requests of what is gone go where the filter chains of `hf-select` lead a client of that zone among what stays open, by the
//!    weights that DNS and balancers use ([`Ground`]).
//! 3. A capacity is declared in the estate, or it is the most that was carried for ten seconds at good latency with few faults
//!    ([`Week`]). More than was ever measured is not known to be too much: it is told apart from what is.
//! 4. While a zone is away or on its way back, nobody who carries its part may be scaled in ([`holds`]).
//! 5. Whole numbers only: loads in requests of 1,000 seconds, shares in parts per million.
//!
//! Not here: what serves (`hf-decide`), counting requests (`hf-telemetry`), files and clocks (`hf-control-plane`).

mod fit;
mod path;
mod place;
mod scale_in;
mod week;
mod what_if;

pub use fit::{Basis, Capacities, Carries, Fit, headroom};
pub use path::{Fraction, PathShare, path_shares};
pub use place::{Ground, Load};
pub use scale_in::{Hold, holds};
pub use week::{CarriedOn, HOURS, KeptPair, PAIRS_MAX, SeenSecond, Week};
pub use what_if::{Hour, Inputs, PoolAfter, Projected, Refused, WhatIf, ZoneAfter, what_if, zones_of};

#[cfg(test)]
mod tests;
