//! One node's API: every route and every refusal, through the router; slow and large bodies over sockets.

mod access;
mod arc;
mod consumers;
mod controls;
mod deployments;
mod endpoints;
mod explain_checks;
pub(crate) mod fixture;
mod glass;
mod hosted;
mod practice;
mod practice_runs;
mod reads;
mod refusals;
mod results;
mod sockets;
mod tls;
mod whatif;
mod writes;
