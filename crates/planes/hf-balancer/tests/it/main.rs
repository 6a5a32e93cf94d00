//! The balancer over real sockets: origins on 127.0.0.1, snapshots made from estate texts, clients of several tempers.
//!
//! Nothing here waits for a time to pass; it waits for a condition, with a deadline.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panic, as tests do")]

mod assign;
mod bodies;
mod drain;
mod ejection;
mod endpoint_http2;
mod endpoint_tls;
mod failover;
mod hosts;
mod http2;
mod hygiene;
mod listeners;
mod patience;
mod proxy_protocol;
mod resting;
mod retry;
mod routing;
mod rules;
mod shifts_under_load;
mod sticky;
mod stuck;
mod support;
mod tcp;
mod tls;
mod upgrades;
