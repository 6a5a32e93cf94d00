//! Was it as if one thread had done everything? Records of operations, and the search for the order that shows it.
//!
//! A history is *linearizable* when every operation can be put at one instant between its call and its return so that, in the
//! order of those instants, a sequential [`Model`] gives just the answers that the clients had.
//!
//! 1. A history is a list of [`Operation`]s: who, called when, returned when with what, or with an outcome that nobody knows.
//! 2. [`check`] looks for an order, depth first, and never looks twice at the same operations done with the same state
//!    (Wing and Gong's search with Lowe's memory, as Porcupine does it).
//! 3. An operation of unknown outcome may take effect at any time after its call, or never. Those whose effect nobody can have seen
//!    are left out before the search, since each of them doubles what there is to search.
//! 4. Memory is bounded by [`Limits`]; a search that gives up has not shown anything, and that is a failure like any other.
//! 5. A failure tells the shortest beginning of the history that fails, with the order that got furthest ([`Failure`]).
//!
//! [`controls`] is the model of routing controls, and [`lines`] keeps its histories in files: one JSON text a line, for
//! `cargo run -p hf-history -- FILE` and for the tests of real processes.
//!
//! Not here: making histories (`hf-sim`, `hf-e2e`), safety rules at each revision (they check those themselves).

pub mod controls;
mod history;
pub mod lines;
mod model;
mod report;
mod search;

pub use history::{Operation, Returned, at_least_one_answer};
pub use model::Model;
pub use report::Failure;
pub use search::{Limits, Passed, Verdict, check};
