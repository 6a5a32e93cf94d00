//! What really goes into a zone: addresses in answers of DNS, and what balancers send to endpoints.
//!
//! 1. A client asks each zone's DNS server for one name, again and again; each answer counts at the moment in which it was read.
//! 2. What balancers send is seen on its way out of each zone's machines, on all of their links: the first packet of a connection, and every one with
//!    something in it. What is sent again because nobody acknowledged it was sent before. Checks go to a port of their own.
//! 3. Moments are those at which the watcher had a packet in its hands: what is measured by them is rather too long than too short.
//!
//! Not here: which of it should not have been (`quick`).

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike as _};

use super::files;
use crate::estate::{ZONES, address};
use crate::netns::{Network, enter};
use crate::wait::observe_for;

/// Between two questions to one server.
const ASK: Duration = Duration::from_millis(5);
/// How long a watcher waits before it looks whether it is to end.
const PATIENCE: Duration = Duration::from_millis(50);
/// `PACKET_OUTGOING` of Linux's `if_packet.h`.
const OUTGOING: u8 = 4;
/// The protocol number of TCP.
const TCP: u8 = 6;

/// That something of a zone was used.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    /// The zone whose machine did it.
    pub by: &'static str,
    /// The zone whose endpoint it was.
    pub of: &'static str,
    /// When.
    pub at: Instant,
}

/// One list, and those who write into it.
type Uses = Arc<Mutex<Vec<Use>>>;

/// Watches in threads of its own, until it is dropped.
#[derive(Debug)]
pub struct Traffic {
    answers: Uses,
    sent: Uses,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// Begins to watch the endpoints of [`files::all`]: questions for `name` from the clients' namespace, packets to `port`.
    pub fn watch(network: &Network, name: &str, port: u16) -> Traffic {
        let mut traffic = Traffic {
            answers: Uses::default(),
            sent: Uses::default(),
            stop: Arc::default(),
            threads: Vec::new(),
        };
        for zone in ZONES {
            let (uses, question) = (traffic.answers.clone(), question(name));
            traffic.start(network, "client", move |is_over| ask(zone, &question, &uses, is_over));
            let uses = traffic.sent.clone();
            traffic.start(network, zone, move |is_over| listen(zone, port, &uses, is_over));
        }
        traffic
    }

    fn start(
        &mut self,
        network: &Network,
        place: &str,
        work: impl FnOnce(&dyn Fn() -> bool) + Send + 'static,
    ) {
        let stop = self.stop.clone();
        // Scoped only to enter: what is started there stays there.
        let thread = std::thread::scope(|scope| {
            let started = scope.spawn(|| {
                enter(network, place);
                std::thread::spawn(move || work(&|| stop.load(Ordering::Relaxed)))
            });
            started.join().expect("it only enters a namespace")
        });
        self.threads.push(thread);
    }

    /// Addresses of zones in answers since then.
    pub fn answers_since(&self, since: Instant) -> Vec<Use> {
        since_then(&self.answers, since)
    }

    /// What balancers sent to zones since then.
    pub fn sent_since(&self, since: Instant) -> Vec<Use> {
        since_then(&self.sent, since)
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

fn since_then(uses: &Uses, since: Instant) -> Vec<Use> {
    let uses = uses.lock().unwrap_or_else(PoisonError::into_inner);
    uses.iter().filter(|found| found.at >= since).copied().collect()
}

fn note(uses: &Uses, found: Use) {
    uses.lock().unwrap_or_else(PoisonError::into_inner).push(found);
}

fn zone_of(address: Ipv4Addr) -> Option<&'static str> {
    let mut all = files::all();
    all.find(|(_, _, known)| *known == address.to_string()).map(|(zone, _, _)| zone)
}

/// A question for addresses, without recursion.
fn question(name: &str) -> Vec<u8> {
    let mut bytes = vec![0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.trim_end_matches('.').split('.') {
        bytes.push(u8::try_from(label.len()).expect("a label of a name"));
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

fn ask(zone: &'static str, question: &[u8], uses: &Uses, is_over: &dyn Fn() -> bool) {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port of ours");
    socket.set_read_timeout(Some(PATIENCE)).expect("a time-out");
    socket.connect((address(zone), 53)).expect("an address");
    let mut answer = [0; 1_500];
    while !is_over() {
        // A server that is gone, or its machine: the next question tells.
        let read = socket.send(question).and_then(|_| socket.recv(&mut answer));
        if let Ok(len) = read {
            let at = Instant::now();
            // Endpoints' addresses are found by their bytes: nothing else in such an answer has them.
            let windows = answer[question.len().min(len)..len].windows(4);
            let addresses = windows.filter_map(|bytes| <[u8; 4]>::try_from(bytes).ok()).map(Ipv4Addr::from);
            let zones: BTreeSet<&'static str> = addresses.filter_map(in_our_network).collect();
            for of in zones {
                note(uses, Use { by: zone, of, at });
            }
        }
        observe_for(ASK);
    }
}

fn in_our_network(address: Ipv4Addr) -> Option<&'static str> {
    // Most windows are no address at all.
    if address.octets()[0] == 10 { zone_of(address) } else { None }
}

/// What goes out to endpoints, once each.
fn listen(zone: &'static str, port: u16, uses: &Uses, is_over: &dyn Fn() -> bool) {
    let socket = packets();
    let mut packet = [0; 128];
    let mut known: BTreeSet<Segment> = BTreeSet::new();
    while !is_over() {
        let Ok((len, from)) = recvfrom::<LinkAddr>(socket.as_raw_fd(), &mut packet) else { continue };
        let at = Instant::now();
        let is_outgoing = from.is_some_and(|from| from.pkttype() == OUTGOING);
        let found =
            Segment::of(&packet[..len.min(packet.len())]).filter(|found| is_outgoing && found.port == port);
        let Some(found) = found else { continue };
        if let Some(of) = zone_of(found.to)
            && known.insert(found)
        {
            note(uses, Use { by: zone, of, at });
        }
    }
}

fn packets() -> OwnedFd {
    let socket = socket(AddressFamily::Packet, SockType::Datagram, SockFlag::empty(), SockProtocol::EthAll)
        .expect("root may see packets");
    let patience = TimeVal::milliseconds(i64::try_from(PATIENCE.as_millis()).expect("a moment"));
    setsockopt(&socket, sockopt::ReceiveTimeout, &patience).expect("a time-out");
    socket
}

/// What a packet is told apart by from others than those that repeat it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Segment {
    from: (Ipv4Addr, u16),
    to: Ipv4Addr,
    port: u16,
    sequence: u32,
}

impl Segment {
    /// One of TCP over IPv4 that begins a connection or has something in it; the packet may be cut behind its heads.
    fn of(packet: &[u8]) -> Option<Segment> {
        let two = |at: usize| Some(u16::from_be_bytes(packet.get(at..at + 2)?.try_into().ok()?));
        let four = |at: usize| Some(u32::from_be_bytes(packet.get(at..at + 4)?.try_into().ok()?));
        let first = *packet.first()?;
        if first >> 4 != 4 || *packet.get(9)? != TCP {
            return None;
        }
        let tcp = usize::from(first & 15) * 4;
        let data = tcp + usize::from(*packet.get(tcp + 12)? >> 4) * 4;
        let flags = *packet.get(tcp + 13)?;
        // SYN without ACK.
        let begins = flags & 0b1_0010 == 0b10;
        let is_empty = usize::from(two(2)?) <= data;
        if is_empty && !begins {
            return None;
        }
        Some(Segment {
            from: (Ipv4Addr::from(four(12)?), two(tcp)?),
            to: Ipv4Addr::from(four(16)?),
            port: two(tcp + 2)?,
            sequence: four(tcp + 4)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(flags: u8, data: usize) -> Vec<u8> {
        let len = u8::try_from(40 + data).expect("a short one");
        let mut packet = vec![0x45, 0, 0, len, 0, 0, 0, 0, 64, TCP, 0, 0, 10, 77, 1, 1, 10, 77, 2, 11];
        packet.extend([0x80, 0, 0x23, 0x8c, 0, 0, 0, 7, 0, 0, 0, 0, 0x50, flags, 0, 0, 0, 0, 0, 0]);
        packet.extend(vec![b'x'; data]);
        packet
    }

    #[test]
    fn what_begins_a_connection_or_carries_something_is_seen() {
        let (syn, ack, syn_ack) = (0b10, 0b1_0000, 0b1_0010);
        let found = Segment::of(&packet(syn, 0)).expect("it begins a connection");
        assert_eq!((found.port, found.to, found.sequence), (9_100, Ipv4Addr::new(10, 77, 2, 11), 7));
        assert_eq!(zone_of(found.to), Some("az2"));
        assert!(Segment::of(&packet(ack, 5)).is_some());
        assert!(Segment::of(&packet(ack, 0)).is_none());
        assert!(Segment::of(&packet(syn_ack, 0)).is_none());
        for len in 0..40 {
            assert!(Segment::of(&packet(ack, 0)[..len]).is_none());
        }
    }

    #[test]
    fn a_question_is_one() {
        let want = b"\0\0\0\0\0\x01\0\0\0\0\0\0\x05quick\x04shop\x04test\0\0\x01\0\x01";
        assert_eq!(question("quick.shop.test."), want);
    }
}
