//! What HAProxy is told of zones and endpoints, in the two ways in which it listens.
//!
//! 1. Agent checks ([`Agent`]): HAProxy asks about each server line once an interval, and is answered from memory.
//! 2. The runtime socket ([`follow`]): it is told at once when something changes, and looked at again on a beat.
//! 3. Both only ever say what the node's own snapshot says. Before the first one nothing is answered and nobody is told anything; when this
//!    node dies HAProxy stays as it was told last.
//!
//! Not here: what is decided (`hf-decide`), files for other programs (`hf-render`).

mod agent;
mod answer;
mod follow;
mod seldom;
mod servers;
mod socket;
mod words;

pub use agent::{Agent, AgentConfig, BindError};
pub use follow::{Followed, follow};
