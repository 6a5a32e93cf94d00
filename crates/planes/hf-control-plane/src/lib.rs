//! The control role and the API of every node.
//!
//! 1. [`Control`] is the one writer of the ledger: append, then apply, then publish, then answer. What is answered is durable.
//! 2. Ends of shifts and pins are entries too: the writer commits them when its clock reaches the end.
//! 3. [`Api`] runs on every node. Reads are answered from the node's own snapshot and what it heard; writes need the control
//!    role, and other nodes say where to go.
//! 4. Nothing here is on the data path: planes go on when all of this is gone.
//!
//! Not here: the rules (`hf-control`), durability (`hf-ledger`), who hears of new intent (`hf-node`, `hf-feed`).

pub mod access;
pub mod api;
mod arc;
mod autoshift;
mod boards;
mod capacity;
mod closing;
mod consumers;
mod control;
mod decisions;
mod deployments;
mod dns_here;
mod effect;
mod expiring;
mod glass;
mod gray;
mod lines;
mod notices;
mod notify;
mod obeyed;
mod observe;
mod permit;
mod practice;
mod pushed_here;
mod refusals;
mod ring;
mod sources;
mod teller;
mod traffic;
mod view;
mod zero;

pub use access::{Access, AccessError, AccessPlace, Presented};
pub use api::{Api, AskedVotes, Bound, Context, GivenBreakGlass, break_glass_body};
pub use capacity::Carried;
pub use control::{
    AdoptError, Adopted, Applied, Asker, Behind, Control, Draft, Gate, Replica, StartError, SubmitError, View,
};
pub use dns_here::{DnsHere, DnsNameHere, HostedZoneHere, ShareHere};
pub use hf_api::serve::BindError;
pub use notify::Notifications;
pub use obeyed::ObeyedHere;
pub use pushed_here::{PushRefused, PushTaken, PushTold, PushedHere, PushedResult};
pub use ring::RingJournal;
pub use sources::Sources;
