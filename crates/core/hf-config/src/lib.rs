//! Text to checked configuration.
//!
//! 1. [`estate::Estate`] is what the service is: regions, zones, checks, pools, names. It travels through the ledger as the
//!    text that people wrote ([`estate::EstateBundle`]), and every node reads it with [`read_estate`].
//! 2. [`node::NodeConfig`] is how one process runs: roles, listeners, peers. It never leaves its machine.
//! 3. All problems are found at once, each with file, line, column and the mend ([`Problem`]).
//!
//! Not here: files (the caller reads them), ports (the planes open them).

pub mod estate;
pub mod floor;
pub mod node;
pub mod problem;

pub use problem::{Problem, Problems};
