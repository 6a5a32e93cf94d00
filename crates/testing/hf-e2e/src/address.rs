//! Addresses that no other test has: a port that was free a moment ago may be anybody's by the time that a server asks for it.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU8, Ordering};

/// The second byte of the first address; tests with written addresses stay below.
const FIRST: u8 = 100;

/// The first port of 127.0.0.1 for a test, and how many a process has of its own; the kernel's begin at 32,768.
const PORT_FIRST: u16 = 11_000;
const PORTS_EACH: u16 = 20;

/// How many addresses one process may take.
const COUNT_MAX: u8 = 100;

/// An address in 127.0.0.0/8 for one server. Every port of it is free: it is made of this process's number and of how many were taken before.
///
/// # Panics
///
/// When the process has taken [`COUNT_MAX`] already.
pub fn own_address() -> Ipv4Addr {
    let taken = take();
    let [.., high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, FIRST + taken, high, low)
}

/// A port of 127.0.0.1 for a server that listens nowhere else: BIND takes addresses of interfaces only. It is below those that the kernel gives to who asks for any.
///
/// # Panics
///
/// When the process has taken [`COUNT_MAX`] already.
pub fn own_port() -> u16 {
    let process = (std::process::id() % 1_000) as u16;
    PORT_FIRST + process * PORTS_EACH + u16::from(take()) % PORTS_EACH
}

fn take() -> u8 {
    static TAKEN: AtomicU8 = AtomicU8::new(0);
    let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
    assert!(taken < COUNT_MAX, "a process takes {COUNT_MAX} addresses at most; make them last longer");
    taken
}
