//! Byte streams between sockets: what a balancer does below HTTP.
//!
//! - [`proxy`]: the header of the PROXY protocol, read and written.
//! - [`hello`]: the server name in the first bytes of a TLS client.
//! - [`relay`] and [`relay_tcp`]: bytes both ways until both sides are done.
//! - [`round_trip`]: how far away the other end of a connection is.
//! - [`handover`]: open sockets from a process to its successor.
//! - [`systemd`]: what a service manager gives and wants to hear.
//!
//! Nothing here decides: who may send a PROXY header, where a name leads and how long to wait is the caller's matter.
//! What others sent is read within a bound and never panics.

pub mod handover;
pub mod hello;
pub mod proxy;
mod relay;
mod round_trip;
pub mod systemd;

pub use relay::{End, Meter, Relayed, Relaying, Stream, Way, relay, relay_tcp};
pub use round_trip::round_trip;
