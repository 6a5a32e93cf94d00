//! The ordered, durable log of what people want: one seam, and the engines behind it.
//!
//! 1. Four verbs: `append · barrier · follow · checkpoint` ([`Ledger`]). An entry that was acknowledged is on the disk, whole,
//!    at its position, for ever or until a checkpoint holds what it did.
//!    A fifth, `restart_at`, is for the day on which the log itself was lost and its readers hold more than it does.
//! 2. Positions are 1, 2, 3, … without a gap. A reader gets entries in that order and never half of one.
//! 3. Beside it a bounded [`Journal`] of lines for people: derived data with positions of its own, oldest lines go first. A chain of
//!    digests goes through it, so that [`verify`] finds what was changed afterwards.
//! 4. Damage is found and named, never passed on: each entry carries its own digest, which also covers its position.
//!
//! [`RedbLedger`] keeps all of it in one file of one machine; [`EtcdLedger`] in an etcd cluster, for several writers; [`MemoryLedger`] keeps nothing and serves simulations.
//! One suite of tests (`tests/conformance.rs`) runs against every engine.
//!
//! Not here: what the bytes mean (`hf-codec`), what they do (`hf-control`), who may write (`hf-control-plane`).

mod chain;
mod error;
mod etcd;
mod file;
mod frame;
mod gated;
mod memory;
mod redb_engine;
mod seam;
mod tables;

pub use chain::{Broken, BrokenWhy, GENESIS, link, verify};
pub use error::{Fate, LedgerError, OpenError};
pub use etcd::{EtcdFilesError, EtcdLedger, Pace};
pub use gated::{GatedLedger, Verb};
pub use memory::MemoryLedger;
pub use redb_engine::RedbLedger;
pub use seam::{BoxFuture, Followed, Journal, JournalLine, Journalled, Ledger, limits};
