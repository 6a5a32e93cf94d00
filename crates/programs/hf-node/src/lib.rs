//! One node: the roles of a node file, wired together.
//!
//! 1. [`hub`] knows everything and makes the snapshot; the task around it runs it; planes get what it publishes and nothing else.
//! 2. A node serves from its own disk before it talks to anybody, and goes on when nobody talks to it.
//! 3. Disk, feed and API are told by the hub; none of them is waited for by a plane.
//!
//! Not here: decisions (core), sockets and files (io), what a role does (planes).

mod api_files;
mod balancer_files;
mod balancer_state;
mod boot;
mod consumers_here;
mod dns_files;
mod dns_here;
mod elsewhere;
mod estate_file;
mod gate;
mod geography;
pub mod hub;
mod ledger;
mod node;
mod parts;
mod pushed_here;
pub mod record;
mod save;
mod seconds;
mod takeover;
mod task;
mod tickets;
mod updates;
mod xds_here;

pub use dns_files::{FileProblem, check_files};
pub use gate::LostLedger;
pub use node::{Addresses, Before, NodeError, NodeHandle, run, run_after, start, start_after};
pub use takeover::TakeoverError;

#[cfg(test)]
mod testing;
