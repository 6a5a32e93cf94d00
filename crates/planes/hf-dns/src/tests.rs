//! Over real sockets on loopback, decoded by hickory-proto.

mod life;
mod messages;
pub(crate) mod world;
