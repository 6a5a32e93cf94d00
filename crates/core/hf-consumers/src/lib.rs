//! Who obeys zone status outside of Holdfast (workers, schedulers, other balancers): what each one has applied, and what still runs
//! where.
//!
//! 1. A consumer tells of itself by name and instance ([`Told`]); a node keeps what it was told ([`Board`]), newest word first.
//! 2. Nothing is decided from it. It answers one question: who has not yet done what was asked for?
//! 3. Who says nothing for [`SILENT_AFTER`] is silent: counted as such, never as fine, and remembered for [`KEPT_SILENT`],
//!    for [`KEPT_BEHIND`] while it is behind what is in force.
//! 4. Instances are told together by name, kind and zone ([`Group`]), those that lag first. Memory and messages are bounded.
//! 5. What several nodes heard is laid together by instance, so that who moves from node to node is one ([`merged`]).
//! 6. Judged is against a revision of the ledger, or against a break-glass act, which has none ([`Acts`]).
//!
//! Not here: clocks, the wire of the status service (`hf-status`), the feed (`hf-feed`), words for people (`holdfast`).

mod acts;
mod board;
mod group;
mod kind;
mod merged;
mod name;

pub use acts::{ACTS_MAX, Acts, act_number};
pub use board::{
    Board, INSTANCES_MAX, KEPT_BEHIND, KEPT_SILENT, PRUNED_EVERY, RUNNING_ZONES_MAX, SILENT_AFTER, Told,
};
pub use group::{GROUPS_MAX, Group, Groups, LAGGARDS_MAX, MEMBERS_MAX, Member, Standing, member_key};
pub use kind::{ConsumerKind, UnknownKind};
pub use merged::{Expected, Heard, Merged, MergedGroup, Together, merged};
pub use name::{ConsumerName, ConsumerNameError, InstanceId};
