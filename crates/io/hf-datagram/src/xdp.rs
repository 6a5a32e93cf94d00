//! AF_XDP: packets from an interface's queue into our memory and back, past the kernel's stack.
//!
//! 1. One [`Xdp`] a queue, for one worker; all of an interface share the program and its link. With the last of them the program goes.
//! 2. Copy mode: works with every driver, and on virtual links. The kernel copies; what is saved is the way through its stack.
//! 3. A queue's memory is fixed: [`FRAMES`] frames of 2 KiB. Packets that find no frame free are dropped by the kernel and counted by it.
//! 4. A reply is written into the frame of its query. At most 1,232 bytes of payload: never more than the smallest link of IPv6 takes.
//!
//! It needs CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF, Linux 5.11 or newer, and routes on which answers may go back where queries came from. What
//! goes this way is invisible to nftables and tcpdump.

use std::ffi::CString;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use ::xdp::slab::{HeapSlab, Slab};
use ::xdp::socket::{PollTimeout, XdpSocket, XdpSocketBuilder};
use ::xdp::umem::{FrameSize, UmemCfgBuilder};
use ::xdp::{RingConfigBuilder, Umem, WakableRings};

use crate::{Ahead, Answering, BATCH, Datagrams};

mod bpf;
mod frame;
mod program;

/// Frames of a queue, in all rings together: 8 MiB.
const FRAMES: u32 = 4_096;
const FILL: u32 = 2_048;
const RECEIVE: u32 = 2_048;
const SEND: u32 = 1_024;

/// Payload of a reply.
const REPLY_BYTES_MAX: usize = 1_232;

/// Queues that the map of sockets has room for.
const QUEUES_MAX: u32 = 1_024;

/// Addresses that a program tests; it would grow too long with many more.
const ADDRESSES_MAX: usize = 64;

/// How often the kernel is asked again to send what it has in its ring, when it had no room.
const KICKS: usize = 4;

/// For a queue that somebody has: two seconds in all.
const BUSY_TRIES: usize = 40;
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// How the kernel runs the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XdpMode {
    /// In the driver, before a packet has cost anything; not every driver can.
    Native,
    /// Behind the driver, on any interface.
    Generic,
}

/// Why an interface cannot be used; it is as before.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum XdpError {
    /// No such interface.
    #[error("there is no interface `{interface}`; `ip link` lists those of this machine")]
    NoInterface {
        /// As given.
        interface: String,
    },
    /// An address that is not one.
    #[error(
        "AF_XDP cannot listen on {address}: it takes packets before the machine's addresses are looked at; list each address of the \
         interface in `listen` of [dns] (at most 64)"
    )]
    Address {
        /// The first.
        address: SocketAddr,
    },
    /// No queue, one twice, or a number that no interface has.
    #[error("`queues` of [dns.xdp] is a list of different numbers, at least one, each below 1024")]
    Queues,
    /// The user may not.
    #[error(
        "AF_XDP on `{interface}` is not permitted ({step}); it needs CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF (systemd: \
         AmbientCapabilities=), or leave out [dns.xdp]"
    )]
    NotPermitted {
        /// Which.
        interface: String,
        /// What was tried.
        step: &'static str,
    },
    /// Anything else.
    #[error(
        "AF_XDP on `{interface}` failed ({step}); is the queue there and free, and can the driver do this mode? `mode = \"generic\"` works \
         everywhere; or leave out [dns.xdp]"
    )]
    Failed {
        /// Which.
        interface: String,
        /// What was tried.
        step: &'static str,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// The program on an interface, while this lives.
#[derive(Debug)]
struct Program {
    _link: OwnedFd,
    _program: OwnedFd,
    _map: OwnedFd,
}

/// One queue of an interface.
pub struct Xdp {
    queue: u32,
    dropped: u64,
    /// Replies lie in the ring that the kernel had no room to begin with.
    is_unsent: bool,
    reply: Box<[u8; REPLY_BYTES_MAX]>,
    received: HeapSlab,
    sending: HeapSlab,
    rings: WakableRings,
    socket: XdpSocket,
    // Behind everything that points into it or makes the kernel write into it: fields are dropped in order.
    memory: Umem,
    program: Option<Arc<Program>>,
}

// SAFETY: its pointers lead to memory that it owns, mapped for the whole process; no part is tied to a thread, and nothing is shared with
// another value but the program's descriptors.
unsafe impl Send for Xdp {}

impl std::fmt::Debug for Xdp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Xdp")
            .field("queue", &self.queue)
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

impl Xdp {
    /// Takes UDP to these addresses from these queues of an interface: one value for each queue, in their order.
    ///
    /// # Errors
    ///
    /// [`XdpError`]; nothing is left behind then.
    pub fn open(
        interface: &str,
        queues: &[u32],
        mode: XdpMode,
        listen: &[SocketAddr],
    ) -> Result<Vec<Xdp>, XdpError> {
        let failed = |step| move |source: io::Error| failure(interface, step, source);
        check(queues, listen)?;
        let index = index_of(interface)?;
        let map = bpf::socket_map(QUEUES_MAX).map_err(failed("making the map of sockets"))?;
        let mut opened = Vec::new();
        for queue in queues {
            let xdp = Xdp::open_queue_in_time(index, *queue)
                .map_err(|(step, source)| failure(interface, step, source))?;
            bpf::set_socket(map.as_fd(), *queue, xdp.descriptor()).map_err(failed("entering a socket"))?;
            opened.push(xdp);
        }
        let instructions = program::program(listen, std::os::fd::AsRawFd::as_raw_fd(&map));
        let program = bpf::load(&instructions).map_err(failed("loading the program"))?;
        let flags = match mode {
            XdpMode::Generic => 1 << 1,
            XdpMode::Native => 1 << 2,
        };
        let link = bpf::link(program.as_fd(), index, flags).map_err(failed("putting the program on it"))?;
        let program = Arc::new(Program { _link: link, _program: program, _map: map });
        for xdp in &mut opened {
            xdp.program = Some(program.clone());
        }
        Ok(opened)
    }

    /// The kernel takes a queue back a moment after the process that had it has ended.
    fn open_queue_in_time(interface: u32, queue: u32) -> Result<Xdp, (&'static str, io::Error)> {
        for _ in 0..BUSY_TRIES {
            match Xdp::open_queue(interface, queue) {
                Err((_, why)) if why.kind() == io::ErrorKind::ResourceBusy => {
                    std::thread::park_timeout(BUSY_PAUSE);
                }
                other => return other,
            }
        }
        Xdp::open_queue(interface, queue)
    }

    fn open_queue(interface: u32, queue: u32) -> Result<Xdp, (&'static str, io::Error)> {
        let in_words = |step| move |why: ::xdp::error::Error| (step, io::Error::other(why.to_string()));
        let memory =
            UmemCfgBuilder { frame_size: FrameSize::TwoK, frame_count: FRAMES, ..Default::default() };
        let memory = memory.build().map_err(in_words("laying out its memory"))?;
        let mut memory = Umem::map(memory).map_err(|why| ("mapping its memory", why))?;
        let rings =
            RingConfigBuilder { rx_count: RECEIVE, tx_count: SEND, fill_count: FILL, completion_count: FILL };
        let rings = rings.build().map_err(in_words("laying out its rings"))?;
        let mut socket = XdpSocketBuilder::new().map_err(socket_error("opening an XDP socket"))?;
        let built = socket.build_wakable_rings(&memory, rings);
        let (mut rings, mut flags) = built.map_err(socket_error("making its rings"))?;
        flags.force_copy();
        // SAFETY: the memory is a field of the value that owns the socket, and behind it: it lives longer.
        let filled = unsafe { rings.fill_ring.enqueue(&mut memory, FILL as usize, false) };
        filled.map_err(|why| ("filling its ring", why))?;
        let socket = socket
            .bind(::xdp::nic::NicIndex::new(interface), queue, flags)
            .map_err(socket_error("binding to a queue"))?;
        Ok(Xdp {
            queue,
            dropped: 0,
            is_unsent: false,
            reply: Box::new([0; REPLY_BYTES_MAX]),
            received: HeapSlab::with_capacity(BATCH),
            sending: HeapSlab::with_capacity(BATCH),
            rings,
            socket,
            memory,
            program: None,
        })
    }

    /// The queue that it serves.
    pub fn queue(&self) -> u32 {
        self.queue
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        // SAFETY: the socket is open as long as self is.
        unsafe { BorrowedFd::borrow_raw(self.socket.raw_fd()) }
    }

    fn receive(&mut self) -> usize {
        let Some(ring) = &mut self.rings.rx_ring else { return 0 };
        // SAFETY: what is received is answered or freed within this turn, and the memory lives longer than that.
        unsafe { ring.recv(&self.memory, &mut self.received) }
    }

    fn send(&mut self) -> io::Result<()> {
        let mut sent = Ok(());
        if self.sending.len() > 0
            && let Some(ring) = &mut self.rings.tx_ring
        {
            // SAFETY: the memory is a field of self, dropped behind the socket.
            sent = unsafe { ring.send(&mut self.sending, true) }.map(drop);
        } else if self.is_unsent {
            sent = kick(self.socket.raw_fd());
        }
        for _ in 0..KICKS {
            if sent.as_ref().is_err_and(is_no_room) {
                sent = kick(self.socket.raw_fd());
            }
        }
        self.is_unsent = sent.as_ref().is_err_and(is_no_room);
        // The ring was full.
        while let Some(packet) = self.sending.pop_back() {
            self.dropped += 1;
            self.memory.free_packet(packet);
        }
        if self.is_unsent { Ok(()) } else { sent }
    }

    /// Takes back the frames that are sent, and gives the kernel as many to receive into as it takes.
    fn refill(&mut self) -> io::Result<()> {
        self.rings.completion_ring.dequeue(&mut self.memory, BATCH * 2);
        let free = self.memory.allocatable().min(BATCH * 2);
        if free > 0 {
            // SAFETY: as in `open_queue`.
            unsafe { self.rings.fill_ring.enqueue(&mut self.memory, free, false) }?;
        }
        Ok(())
    }
}

impl Datagrams for Xdp {
    fn turn_ahead(
        &mut self,
        wait: Duration,
        _: &mut Ahead<'_>,
        answer: &mut Answering<'_>,
    ) -> io::Result<usize> {
        let mut came = self.receive();
        if came == 0 {
            self.socket.poll_read(PollTimeout::new(Some(wait)))?;
            came = self.receive();
        }
        while let Some(mut packet) = self.received.pop_back() {
            let Some(query) = frame::read(&packet) else {
                self.memory.free_packet(packet);
                continue;
            };
            let at = query.payload.start;
            let len = answer(&packet[query.payload], query.from, &mut self.reply[..]);
            let end = at + len.min(REPLY_BYTES_MAX);
            let grow = end.cast_signed() as i32 - packet.len().cast_signed() as i32;
            if len == 0 || packet.adjust_tail(grow).is_err() {
                self.memory.free_packet(packet);
                continue;
            }
            packet[at..].copy_from_slice(&self.reply[..end - at]);
            frame::turn_round(&mut packet, at);
            if let Some(packet) = self.sending.push_front(packet) {
                self.memory.free_packet(packet);
            }
        }
        self.send()?;
        self.refill()?;
        Ok(came)
    }

    fn dropped(&self) -> u64 {
        // Without statistics there is still our own count.
        let kernel = self.socket.statistics().map_or(0, |of| of.rx_dropped + of.rx_ring_full);
        self.dropped + kernel
    }
}

fn check(queues: &[u32], listen: &[SocketAddr]) -> Result<(), XdpError> {
    let mut sorted = queues.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    if queues.is_empty() || sorted.len() != queues.len() || sorted.last() >= Some(&QUEUES_MAX) {
        return Err(XdpError::Queues);
    }
    let is_wrong = |address: &&SocketAddr| {
        address.ip().is_unspecified() || address.ip().is_multicast() || address.port() == 0
    };
    let wrong = listen.iter().find(is_wrong).or_else(|| listen.get(ADDRESSES_MAX));
    match wrong {
        Some(address) => Err(XdpError::Address { address: *address }),
        None => Ok(()),
    }
}

fn index_of(interface: &str) -> Result<u32, XdpError> {
    let none = || XdpError::NoInterface { interface: interface.to_owned() };
    let name = CString::new(interface).map_err(|_| none())?;
    let found = ::xdp::nic::NicIndex::lookup_by_name(&name).map_err(|_| none())?;
    found.map(u32::from).ok_or_else(none)
}

fn failure(interface: &str, step: &'static str, source: io::Error) -> XdpError {
    let interface = interface.to_owned();
    if source.kind() == io::ErrorKind::PermissionDenied {
        XdpError::NotPermitted { interface, step }
    } else {
        XdpError::Failed { interface, step, source }
    }
}

/// The system's error out of the library's.
fn socket_error(step: &'static str) -> impl Fn(::xdp::socket::SocketError) -> (&'static str, io::Error) {
    use ::xdp::socket::SocketError;
    move |why| {
        let inner = match why {
            SocketError::SocketCreation(inner)
            | SocketError::Bind(inner)
            | SocketError::SetSockOpt { inner, .. }
            | SocketError::GetSockOpt { inner, .. }
            | SocketError::RingMap { inner, .. } => inner,
        };
        (step, inner)
    }
}

fn is_no_room(why: &io::Error) -> bool {
    matches!(why.raw_os_error(), Some(libc::EAGAIN | libc::EBUSY | libc::ENOBUFS))
}

/// Asks the kernel to go on sending.
fn kick(socket: std::os::fd::RawFd) -> io::Result<()> {
    // SAFETY: no memory is given; the socket is open, and with a closed one it would be an error.
    let result =
        unsafe { libc::sendto(socket, std::ptr::null(), 0, libc::MSG_DONTWAIT, std::ptr::null(), 0) };
    if result >= 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(interface: &str, queues: &[u32], listen: &str) -> String {
        let listen: Vec<SocketAddr> = vec![listen.parse().unwrap()];
        Xdp::open(interface, queues, XdpMode::Generic, &listen).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_is_told_before_anything_is_touched() {
        assert!(told("eth-none", &[0], "192.0.2.1:53").starts_with("there is no interface `eth-none`"));
        assert!(told("lo", &[0], "0.0.0.0:53").starts_with("AF_XDP cannot listen on 0.0.0.0:53"));
        assert!(told("lo", &[0], "[::]:53").starts_with("AF_XDP cannot listen on [::]:53"));
        for queues in [&[][..], &[1, 1], &[QUEUES_MAX]] {
            assert!(told("lo", queues, "192.0.2.1:53").starts_with("`queues`"));
        }
    }
}
