//! Addresses that no other test has: a port that was free a moment ago may be anybody's by the time that a server asks for it.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
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
/// When the process has taken [`COUNT_MAX`] already, or somebody else has all of its ports.
pub fn own_port() -> u16 {
    // Numbers of processes are many more than ports: one whose number ends the same may still run.
    let process = (std::process::id() % 1_000) as u16;
    let mut ports =
        (0..PORTS_EACH).map(|_| PORT_FIRST + process * PORTS_EACH + u16::from(take()) % PORTS_EACH);
    ports.find(|port| is_free(*port)).expect("one of the process's ports is free")
}

/// Whether nobody has the port, over UDP or TCP.
fn is_free(port: u16) -> bool {
    let address = (Ipv4Addr::LOCALHOST, port);
    UdpSocket::bind(address).is_ok() && TcpListener::bind(address).is_ok()
}

fn take() -> u8 {
    static TAKEN: AtomicU8 = AtomicU8::new(0);
    let taken = TAKEN.fetch_add(1, Ordering::Relaxed);
    assert!(taken < COUNT_MAX, "a process takes {COUNT_MAX} addresses at most; make them last longer");
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_somebody_has_is_passed_over() {
        let process = (std::process::id() % 1_000) as u16;
        let first = PORT_FIRST + process * PORTS_EACH;
        // Ours or somebody else's: taken either way.
        let _taken: Vec<_> = (0..3).map(|at| UdpSocket::bind((Ipv4Addr::LOCALHOST, first + at))).collect();
        let (one, other) = (own_port(), own_port());
        assert!(one >= first + 3 && other > one, "{first} {one} {other}");
    }
}
