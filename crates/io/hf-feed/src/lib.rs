//! Carries intent, observations and reports between nodes, and keeps the last good snapshot on disk.
//!
//! 1. Every connection carries the same messages on the same beat whatever happened; a change is the same message, sooner.
//! 2. The newest intent wins, wherever it comes from; nothing goes backwards and nothing becomes empty.
//! 3. No queues: for each connection there is one place for each kind of message, and a newer one replaces the older.
//!
//! Not here: what is decided (`hf-decide`), who merges what arrives (`hf-node`).

mod bases;
pub mod break_glass;
mod connection;
pub mod consumers;
pub mod disk;
mod feed;
mod frame;
mod message;
pub mod observed;
mod pace;
pub mod report;
mod tls;

pub use break_glass::{BreakGlassBook, BreakGlassRefused, OperatorKeyPair, SignedBreakGlass};
pub use consumers::{ConsumersHeard, HeardConsumers};
pub use disk::{DiskError, SnapshotDir};
pub use feed::{BindError, CERTIFICATES_AGAIN, CONNECTIONS_MAX, Feed, FeedConfig, Now};
pub use message::{Incoming, Message, Outgoing, Peer};
pub use report::{
    HeardReport, NodeReport, RefusedIntent, ReportError, Reports, act_number, decode_report, encode_report,
};
pub use tls::TlsError;

/// What connections do, without sockets and timers: the same code on bytes, for simulations and fuzzing.
pub mod protocol {
    pub use crate::bases::{Bases, Intake, Taken};
    pub use crate::frame::{FrameError, Kind, decode, encode, read as read_frame};
    pub use crate::message::{
        Frames, Hello, IntentFrames, Read, intent_frame, intent_frames, new_intent, read,
    };
    pub use crate::pace::{INTENT_BEATS, Pace};
}

#[cfg(test)]
mod testing;
