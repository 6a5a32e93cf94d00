//! Text to checked configuration.
//!
//! 1. [`estate::Estate`] is what the service is: regions, zones, checks, pools, names. It travels through the ledger as the
//!    text that people wrote ([`estate::EstateBundle`]), and every node reads it with [`read_estate`].
//! 2. [`node::NodeConfig`] is how one process runs: roles, listeners, peers. It never leaves its machine.
//! 3. [`read_access`] reads who may do what over a node's API.
//! 4. All problems are found at once, each with file, line, column and the mend ([`Problem`]).
//!
//! Not here: files (the caller reads them), ports (the planes open them).

mod addresses;
mod diff;
pub mod estate;
pub mod floor;
pub mod generate;
mod master_file;
pub mod node;
mod plain;
pub mod problem;
mod read_access;
mod read_estate;
mod read_node;
mod walk;

pub use diff::{Act, Change, diff};
pub use master_file::read_record_data;
pub use plain::{data_text, is_data, type_text};
pub use problem::{Problem, Problems};
pub use read_access::read_access;
pub use read_estate::{estate_files, read_estate, read_estate_advised};
pub use read_node::{advise_node_in, check_node_in, estate_reference_problem, is_node_file, read_node};
pub use walk::nearest;
