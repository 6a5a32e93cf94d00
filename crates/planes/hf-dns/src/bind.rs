//! The ports: UDP and TCP of every listener, opened before anything else.
//!
//! UDP gets one socket for each core, which share the port (`SO_REUSEPORT`); the kernel spreads askers over them. Sockets that
//! share would also share with another program of the same user, so a first one that does not share tells whether the port is free.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

use crate::counters::Counters;

/// More sockets than this only spread few packets thinner.
const UDP_SOCKETS_MAX: usize = 16;

/// Room for a burst while all workers are busy; the kernel may grant less.
const UDP_RECEIVE_BUFFER_BYTES: usize = 1 << 20;

/// Connections that wait to be accepted.
const TCP_BACKLOG: i32 = 1_024;

/// With port 0 the system picks a UDP port whose TCP twin may be taken; then it picks again.
const FREE_PORT_TRIES: usize = 16;

/// Which kind of port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// Streams.
    Tcp,
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        })
    }
}

/// Why a port could not be opened; none is left open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Somebody has it.
    #[error(
        "DNS cannot listen on {address} ({transport}): the port is taken; stop the program that has it (a local resolver, \
         perhaps) or change `listen` of [dns]"
    )]
    Taken {
        /// Which.
        address: SocketAddr,
        /// Which kind.
        transport: Transport,
    },
    /// The user may not.
    #[error(
        "DNS cannot listen on {address} ({transport}): not permitted; ports below 1024 need CAP_NET_BIND_SERVICE (systemd: \
         AmbientCapabilities=CAP_NET_BIND_SERVICE), or choose a higher port in `listen` of [dns]"
    )]
    NotPermitted {
        /// Which.
        address: SocketAddr,
        /// Which kind.
        transport: Transport,
    },
    /// Not an address of this machine.
    #[error(
        "DNS cannot listen on {address} ({transport}): this machine does not have that address; give it one or change \
         `listen` of [dns]"
    )]
    NotHere {
        /// Which.
        address: SocketAddr,
        /// Which kind.
        transport: Transport,
    },
    /// Anything else.
    #[error("DNS cannot listen on {address} ({transport}); change `listen` of [dns] or mend the cause")]
    Other {
        /// Which.
        address: SocketAddr,
        /// Which kind.
        transport: Transport,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

impl BindError {
    fn new(address: SocketAddr, transport: Transport, source: std::io::Error) -> Self {
        match source.kind() {
            ErrorKind::AddrInUse => BindError::Taken { address, transport },
            ErrorKind::PermissionDenied => BindError::NotPermitted { address, transport },
            ErrorKind::AddrNotAvailable => BindError::NotHere { address, transport },
            _ => BindError::Other { address, transport, source },
        }
    }
}

/// Open ports, not served yet.
#[derive(Debug)]
pub struct Bound {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) udp: Vec<UdpSocket>,
    pub(crate) tcp: Vec<TcpListener>,
    pub(crate) counters: Arc<Counters>,
}

impl Bound {
    /// Where it listens, UDP and TCP alike, in the order that was asked for; port 0 is replaced by the real one.
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The counts; they go on while it runs.
    pub fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }
}

/// Opens UDP and TCP of every address.
///
/// # Errors
///
/// [`BindError`] for the first that cannot be opened; those before it are closed again.
pub async fn bind(listen: &[SocketAddr]) -> Result<Bound, BindError> {
    let mut bound =
        Bound { addresses: Vec::new(), udp: Vec::new(), tcp: Vec::new(), counters: Arc::default() };
    for address in listen {
        let (udp, tcp) = open(*address)?;
        bound.addresses.push(tcp.local_addr().map_err(|why| BindError::new(*address, Transport::Tcp, why))?);
        bound.udp.extend(udp);
        bound.tcp.push(tcp);
    }
    Ok(bound)
}

fn open(address: SocketAddr) -> Result<(Vec<UdpSocket>, TcpListener), BindError> {
    let mut tries = if address.port() == 0 { FREE_PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let udp = open_udp(address).map_err(|why| BindError::new(address, Transport::Udp, why))?;
        let same = udp.first().map_or(Ok(address), UdpSocket::local_addr);
        let tcp = same.and_then(open_tcp).map_err(|why| BindError::new(address, Transport::Tcp, why));
        match tcp {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(BindError::Taken { .. }) if tries > 0 => {}
            Err(why) => return Err(why),
        }
    }
}

fn open_udp(address: SocketAddr) -> std::io::Result<Vec<UdpSocket>> {
    let free = socket(address, Type::DGRAM, Protocol::UDP)?;
    free.bind(&address.into())?;
    let address = free.local_addr()?.as_socket().unwrap_or(address);
    drop(free);
    let count = std::thread::available_parallelism().map_or(1, usize::from).min(UDP_SOCKETS_MAX);
    let shared = |_| {
        let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
        socket.set_reuse_port(true)?;
        // Best effort: with less room a burst loses packets, and askers ask again.
        let _ = socket.set_recv_buffer_size(UDP_RECEIVE_BUFFER_BYTES);
        socket.bind(&address.into())?;
        UdpSocket::from_std(socket.into())
    };
    (0..count).map(shared).collect()
}

fn open_tcp(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = socket(address, Type::STREAM, Protocol::TCP)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(TCP_BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if address.is_ipv6() {
        // So that 0.0.0.0 and [::] can be listed beside one another.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}
