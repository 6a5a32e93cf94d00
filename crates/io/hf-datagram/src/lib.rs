//! Datagrams in batches: ordinary sockets, or AF_XDP past the kernel's stack.
//!
//! 1. A turn takes what has come, up to [`BATCH`], answers each datagram on the spot and sends all replies at once: two system calls for
//!    a batch, no allocation, no lock, no runtime.
//! 2. What the network does not take at once is dropped and counted ([`Datagrams::dropped`]): askers of datagrams ask again.
//! 3. One value is one worker's; nothing in it is shared. The kernel spreads askers over sockets (`SO_REUSEPORT`) or queues.
//! 4. [`Xdp`] takes only what needs no stack: unicast UDP to the ports and addresses that it was given, in whole packets without VLAN tags or IP options. All else,
//!    ARP and neighbour discovery too, goes the ordinary way; so does everything once the last [`Xdp`] is dropped or its process is gone.
//!
//! 5. Who answers from much memory can have it brought near ([`come_near`]) before it answers ([`Datagrams::turn_ahead`]).
//! 6. Who answers datagrams shares cores with others: [`come_soon`] and [`stand_back`] say who goes first.
//!
//! This is the one crate that may use `unsafe`: each use says why it holds. Not here: what a datagram means (`hf-dns`).
#![allow(unsafe_code)]

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

mod near;
mod sockets;
mod turns;
mod xdp;

pub use near::come_near;
pub use sockets::{Sockets, send_in_segments, send_now};
pub use turns::{come_soon, nice, processor_time, stand_back};
pub use xdp::{Xdp, XdpError, XdpMode};

/// Datagrams of one turn. More would keep the first asker waiting, fewer would cost more system calls; gains end here.
pub const BATCH: usize = 32;

/// A longer datagram is cut here.
pub const DATAGRAM_BYTES_MAX: usize = 4_096;

/// What answers: a datagram, where it came from, room for a reply; gives the reply's length, 0 for none.
pub type Answering<'a> = dyn FnMut(&[u8], SocketAddr, &mut [u8]) -> usize + 'a;

/// What looks at all datagrams of a turn before the first is answered.
pub type Ahead<'a> = dyn FnMut(&mut dyn Iterator<Item = &[u8]>) + 'a;

/// A way for datagrams in and out.
pub trait Datagrams: Send {
    /// Waits up to `wait` for datagrams. Each goes to `answer` with where it came from and room for a reply; `answer` says how long the
    /// reply is, 0 for none. All replies leave together. Gives how many datagrams came; none is no error.
    fn turn(&mut self, wait: Duration, answer: &mut Answering<'_>) -> io::Result<usize> {
        self.turn_ahead(wait, &mut |_| {}, answer)
    }

    /// The same, and all datagrams of the turn are shown to `ahead` before the first is answered, in that order and cut as they are there. Not where one came alone, and not by
    /// [`Xdp`], whose packets are taken from a ring one by one: so it is for hints.
    fn turn_ahead(
        &mut self,
        wait: Duration,
        ahead: &mut Ahead<'_>,
        answer: &mut Answering<'_>,
    ) -> io::Result<usize>;

    /// Replies that could not be sent, and datagrams that had no room, since the start.
    fn dropped(&self) -> u64;
}
