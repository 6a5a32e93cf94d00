//! The filter chain: which candidates answer, in which order, and why.
//!
//! 1. One engine for DNS and balancer, for endpoints and branches, for the hot path and for `explain`. A chain is a list of
//!    [`Filter`](hf_config::estate::Filter)s, compiled once over its candidates ([`Plan`]).
//! 2. Three things meet in a choice: the plan (changes with the estate), who is open ([`State`], changes with a decision), where the
//!    client is ([`Locality`], anew for each question).
//! 3. Each filter says what it removed and why ([`Step`]); that is what `holdfast explain` prints.
//! 4. `open` keeps the endpoints of a zone that is returning bit by bit with the chance of the zone's share: one draw for each zone and
//!    question (for each client's network in a chain that is sticky). Where that would leave nobody it keeps all that serve.
//! 5. `near`, `latency`, `same-zone` and `priority` never empty a list: they keep the best group that has a candidate left. `geo` and
//!    `cidr` do when nobody is for the client: say `*`, or give a branch without networks.
//! 6. `weighted` and `sticky` leave out weight 0 while anybody with a weight is left; among spares alone odds are equal.
//! 7. Chance comes from the caller's seed: same inputs, same order.
//!
//! Not here: what serves (`hf-decide`), DNS (`hf-answer`), connections (`hf-balancer`).

mod account;
mod candidate;
mod chance;
mod client;
mod globe;
mod locality;
mod mask;
mod plan;
mod prefixes;
mod returning;
mod state;

pub use account::{Removed, Selection, Step};
pub use candidate::Candidate;
pub use chance::Chance;
pub use client::Client;
pub use locality::{Around, Geo, GeoFound, LatencyTable, Locality, Needs, NoGeo, UNMEASURED};
pub use plan::{Plan, Scratch};
pub use returning::is_drawn;
pub use state::State;

use hf_config::estate::{Estate, Filter};
use hf_decide::PoolDecision;

/// Runs a chain once over those endpoints of the decision's pool that `keep` lets in (an address family, say).
///
/// It compiles a plan each time; whoever chooses more than once keeps the [`Plan`].
pub fn run(
    estate: &Estate,
    decision: &PoolDecision,
    chain: &[Filter],
    client: Client,
    seed: u64,
    keep: impl Fn(&Candidate) -> bool,
) -> Selection {
    let mut candidates = Candidate::of_pool(estate, decision.pool);
    candidates.retain(keep);
    let plan = Plan::new(estate, &candidates, chain, None);
    plan.explain(&State::of_pool(decision), &Locality::of(client), seed)
}

#[cfg(test)]
mod tests;
