//! Over real sockets on loopback, decoded by hickory-proto.

mod bad_input;
mod in_force;
mod life;
mod messages;
mod options;
mod shares;
pub(crate) mod world;
