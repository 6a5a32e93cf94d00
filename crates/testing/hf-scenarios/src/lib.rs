//! Scenarios: the behaviour of the whole core as text that an operator can read.
//!
//! A file has lines of five kinds:
//! ```text
//! # One zone of three turns gray; it is evacuated.      a comment
//! region eu a b c                                       the estate, before the first `at`
//! pool web a a b c keep 2                               endpoints by zone; the floor
//! at 30s impaired b                                     what happens, and when
//! > 33s web: a open, b away (impaired), c open          what follows: only what changed, and when
//! ```
//! [`rerun`] plays a text and gives it back with the `>` lines as they are now. The test `scenarios` does that with every
//! file in `scenarios/` and compares; with `UPDATE_EXPECT=1` it writes the files, and the difference is reviewed like code.
//!
//! 1. Everything below is the real core: the ledger's state machine, streaks, tables and the quorum, the decision, the
//!    snapshot's bytes. Only time, the truth about endpoints and who hears whom are made up.
//! 2. Time goes in seconds. Within one: the ledger ends what is due, checkers probe, the node decides, then the lines at that
//!    instant happen.
//! 3. Same text, same output.
//!
//! The words are listed in [`script`]. Not here: sockets, processes, random failures (`hf-e2e`, `hf-sim`).

mod closing;
mod layout;
mod picture;
mod script;
mod statuses;
mod world;

pub use script::{ScriptError, rerun};
