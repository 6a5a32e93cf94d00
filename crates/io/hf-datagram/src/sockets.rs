//! A UDP socket, read and written in batches (`recvmmsg`, `sendmmsg`).
//!
//! The message headers that both calls want point into boxes that live and die with the socket, so they are written once; a turn only
//! touches the fields that the kernel or a reply has changed.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr;
use std::time::Duration;

use crate::{Ahead, Answering, BATCH, DATAGRAM_BYTES_MAX, Datagrams};

/// From one buffer to the next: not a multiple of a page, or all buffers would fight for the same lines of the first cache.
const QUERY_STRIDE: usize = DATAGRAM_BYTES_MAX + 128;

/// One UDP socket and the buffers of its worker.
pub struct Sockets {
    socket: UdpSocket,
    wait: Option<Duration>,
    reply_stride: usize,
    reply_bytes_max: usize,
    dropped: u64,
    queries: Box<[u8]>,
    replies: Box<[u8]>,
    askers: Box<[libc::sockaddr_storage; BATCH]>,
    incoming: Box<[libc::mmsghdr; BATCH]>,
    outgoing: Box<[libc::mmsghdr; BATCH]>,
    // Only pointed at by the headers.
    _incoming_places: Box<[libc::iovec; BATCH]>,
    outgoing_places: Box<[libc::iovec; BATCH]>,
}

// SAFETY: all raw pointers in it point into boxes that it owns and that move with it; nothing of it is tied to a thread.
unsafe impl Send for Sockets {}

impl std::fmt::Debug for Sockets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sockets").field("socket", &self.socket).finish_non_exhaustive()
    }
}

impl Sockets {
    /// Takes a bound socket. Replies have room for `reply_bytes_max` bytes.
    ///
    /// # Errors
    ///
    /// When the socket cannot be made to wait.
    pub fn new(socket: UdpSocket, reply_bytes_max: usize) -> io::Result<Sockets> {
        socket.set_nonblocking(false)?;
        let reply_stride = reply_bytes_max.next_multiple_of(64) + 64;
        let mut queries = vec![0; QUERY_STRIDE * BATCH].into_boxed_slice();
        let replies = vec![0; reply_stride * BATCH].into_boxed_slice();
        // SAFETY: these are plain C structures; all zeros is a value of each.
        let (mut askers, mut incoming, outgoing) = unsafe {
            (
                Box::new(std::mem::zeroed::<[libc::sockaddr_storage; BATCH]>()),
                Box::new(std::mem::zeroed::<[libc::mmsghdr; BATCH]>()),
                Box::new(std::mem::zeroed::<[libc::mmsghdr; BATCH]>()),
            )
        };
        let nowhere = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        let mut incoming_places = Box::new([nowhere; BATCH]);
        let outgoing_places = Box::new([nowhere; BATCH]);
        for at in 0..BATCH {
            incoming_places[at] = libc::iovec {
                iov_base: queries[at * QUERY_STRIDE..].as_mut_ptr().cast(),
                iov_len: DATAGRAM_BYTES_MAX,
            };
            let head = &mut incoming[at].msg_hdr;
            head.msg_name = ptr::from_mut(&mut askers[at]).cast();
            head.msg_namelen = ADDRESS_BYTES;
            head.msg_iov = &raw mut incoming_places[at];
            head.msg_iovlen = 1;
        }
        Ok(Sockets {
            socket,
            wait: None,
            reply_stride,
            reply_bytes_max,
            dropped: 0,
            queries,
            replies,
            askers,
            incoming,
            outgoing,
            _incoming_places: incoming_places,
            outgoing_places,
        })
    }

    fn receive(&mut self, wait: Duration) -> io::Result<usize> {
        if self.wait != Some(wait) {
            // Zero would mean for ever.
            self.socket.set_read_timeout(Some(wait.max(Duration::from_micros(1))))?;
            self.wait = Some(wait);
        }
        // SAFETY: BATCH headers are there; each points at one place of DATAGRAM_BYTES_MAX bytes and at one address, all owned by self
        // and borrowed by nobody now.
        let came = unsafe {
            libc::recvmmsg(
                self.socket.as_raw_fd(),
                self.incoming.as_mut_ptr(),
                BATCH as u32,
                libc::MSG_WAITFORONE,
                ptr::null_mut(),
            )
        };
        if let Ok(came) = usize::try_from(came) {
            return Ok(came);
        }
        match io::Error::last_os_error() {
            why if matches!(why.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => Ok(0),
            why => Err(why),
        }
    }

    fn send(&mut self, count: usize) {
        let mut done = 0;
        while done < count {
            let rest = &mut self.outgoing[done..count];
            // SAFETY: each of these headers points at one reply and one address owned by self; both outlive the call.
            let sent = unsafe {
                libc::sendmmsg(
                    self.socket.as_raw_fd(),
                    rest.as_mut_ptr(),
                    rest.len() as u32,
                    libc::MSG_DONTWAIT,
                )
            };
            if let Ok(sent) = usize::try_from(sent) {
                done += sent.max(1);
                continue;
            }
            match io::Error::last_os_error().kind() {
                io::ErrorKind::Interrupted => {}
                io::ErrorKind::WouldBlock => {
                    self.dropped += (count - done) as u64;
                    return;
                }
                // This one cannot be sent (a firewall, no route); the next ones perhaps can.
                _ => {
                    self.dropped += 1;
                    done += 1;
                }
            }
        }
    }
}

impl Datagrams for Sockets {
    fn turn_ahead(
        &mut self,
        wait: Duration,
        ahead: &mut Ahead<'_>,
        answer: &mut Answering<'_>,
    ) -> io::Result<usize> {
        let came = self.receive(wait)?;
        if came > 1 {
            let (heads, queries) = (&self.incoming[..came], &self.queries);
            ahead(&mut heads.iter().enumerate().map(|(at, head)| {
                &queries[at * QUERY_STRIDE..][..(head.msg_len as usize).min(DATAGRAM_BYTES_MAX)]
            }));
        }
        let mut count = 0;
        for at in 0..came {
            let head = &mut self.incoming[at];
            let name_bytes = std::mem::replace(&mut head.msg_hdr.msg_namelen, ADDRESS_BYTES);
            let len = (head.msg_len as usize).min(DATAGRAM_BYTES_MAX);
            let Some(from) = address(&self.askers[at]) else { continue };
            let query = &self.queries[at * QUERY_STRIDE..][..len];
            let reply = &mut self.replies[count * self.reply_stride..][..self.reply_bytes_max];
            let reply_len = answer(query, from, reply).min(reply.len());
            if reply_len == 0 {
                continue;
            }
            self.outgoing_places[count] =
                libc::iovec { iov_base: reply.as_mut_ptr().cast(), iov_len: reply_len };
            let head = &mut self.outgoing[count].msg_hdr;
            head.msg_name = ptr::from_mut(&mut self.askers[at]).cast();
            head.msg_namelen = name_bytes;
            head.msg_iov = &raw mut self.outgoing_places[count];
            head.msg_iovlen = 1;
            count += 1;
        }
        self.send(count);
        Ok(came)
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// Sends one datagram by a socket that somebody else may be waiting at, without waiting itself.
///
/// # Errors
///
/// What the system says; a full socket is [`io::ErrorKind::WouldBlock`].
pub fn send_now(socket: &UdpSocket, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
    socket2::SockRef::from(socket).send_to_with_flags(datagram, &to.into(), libc::MSG_DONTWAIT).map(drop)
}

/// From now on what is sent by the socket is cut into datagrams of so many bytes (`UDP_SEGMENT`): many go out with one call. For load generators:
/// all of them go to one address.
///
/// # Errors
///
/// What the system says; kernels before 4.18 do not know how.
pub fn send_in_segments(socket: &UdpSocket, bytes: u16) -> io::Result<()> {
    let value = libc::c_int::from(bytes);
    // SAFETY: the value is an int that outlives the call, and its size is given.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_UDP,
            libc::UDP_SEGMENT,
            ptr::from_ref(&value).cast(),
            size_of_val(&value) as libc::socklen_t,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

const ADDRESS_BYTES: libc::socklen_t = size_of::<libc::sockaddr_storage>() as libc::socklen_t;

fn address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match libc::c_int::from(storage.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says what it is, and a sockaddr_storage has room and alignment for every kind of address.
            let of = unsafe { &*ptr::from_ref(storage).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(of.sin_addr.s_addr.to_ne_bytes());
            Some(SocketAddrV4::new(ip, u16::from_be(of.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let of = unsafe { &*ptr::from_ref(storage).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(of.sin6_addr.s6_addr);
            let port = u16::from_be(of.sin6_port);
            Some(SocketAddrV6::new(ip, port, of.sin6_flowinfo, of.sin6_scope_id).into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
