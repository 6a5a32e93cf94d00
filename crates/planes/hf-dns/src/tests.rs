//! Over real sockets on loopback, decoded by hickory-proto.

mod life;
mod messages;
mod options;
mod shares;
pub(crate) mod world;
