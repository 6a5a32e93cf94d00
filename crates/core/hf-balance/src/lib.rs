//! A snapshot and a request to an endpoint.
//!
//! 1. Only what the decision serves is ever picked; a balancer's own view of health may narrow that, never widen it.
//! 2. Without `cross_zone`: own zone first, then own region, then the nearest region, then the rest. With it: the own zone keeps what its
//!    part of the capacity allows, and the excess goes where capacity is left ([`spread`]).
//! 3. When the balancer's own view leaves nobody, that view is ignored: load on maybe-broken endpoints beats load nowhere. What it
//!    says an endpoint cannot take (it is full) is not ignored. A zone with somebody in health, but less than `routing_minimum`, is used as if
//!    all its endpoints were healthy: the few would be overrun.
//! 4. Within the zone the pool's `choice` decides: the less loaded of two, weight alone, or a hash ([`ring`]).
//! 5. A retry prefers a zone that was not tried yet.
//! 6. A zone that is returning bit by bit, the balancer's own too, has part in a request with the chance of its share: one draw for each
//!    zone and pick. It is passed over only while somebody else can take the request. With `cross_zone` its share scales its capacity.
//!
//! The tiers are made by the filter chain of `hf-select` when the snapshot changes; a first pick allocates nothing.
//!
//! Beside it the arithmetic of a balancer's memory, all of it told the time: [`PeakEwma`], [`RetryBudget`], [`Ejector`].
//!
//! And what balancers of others are told of a pool: [`Listing`].
//!
//! Not here: connections, retries, what counts as usable (`hf-balancer`).

mod choose;
mod compile;
mod eject;
mod ewma;
mod listing;
mod retry;
mod ring;
mod spread;

pub use choose::{Ask, View};
pub use compile::{Callers, Pick, Plan, in_use};
pub use eject::{Ejected, Ejector, SavedEjection, Why};
pub use ewma::PeakEwma;
pub use listing::{Listed, Listing};
pub use retry::{FLOOR as RETRIES_FLOOR, RetryBudget};
pub use ring::hash_key;

#[cfg(test)]
mod tests;
