//! Over real sockets on loopback, decoded by hickory-proto.

mod in_force;
mod life;
mod messages;
mod options;
mod shares;
pub(crate) mod world;
