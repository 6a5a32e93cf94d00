//! The ports: UDP and TCP of every listener, opened before anything else.
//!
//! 1. UDP gets one socket for each worker, which share the port (`SO_REUSEPORT`); the kernel spreads askers over them. Sockets that
//!    share would also share with another program of the same user, so a first one that does not share tells whether the port is free.
//! 2. With `[dns.xdp]` the interface's queues are taken too, a worker each. The sockets stay: what AF_XDP leaves to the stack arrives there.

use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;

use hf_config::node::{DnsConfig, XdpMode};
use hf_datagram::{Datagrams, Sockets, Xdp, XdpError};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::counters::Counters;
use crate::current::Current;
use crate::names::Names;

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
    /// The interface of `[dns.xdp]` cannot be used.
    #[error(transparent)]
    Xdp(#[from] XdpError),
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

/// A worker's way in and out, and the socket by which the async side answers what the worker leaves to it.
pub(crate) struct WorkerPort {
    pub(crate) datagrams: Box<dyn Datagrams>,
    pub(crate) replies: Arc<UdpSocket>,
}

impl std::fmt::Debug for WorkerPort {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WorkerPort").field("replies", &self.replies).finish_non_exhaustive()
    }
}

/// Open ports, not served yet.
#[derive(Debug)]
pub struct Bound {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) workers: Vec<WorkerPort>,
    pub(crate) tcp: Vec<TcpListener>,
    /// For DNS over TLS.
    pub(crate) dot: Vec<TcpListener>,
    dot_addresses: Vec<SocketAddr>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) current: Arc<Current>,
}

impl Bound {
    /// Where it listens, UDP and TCP alike, in the order that was asked for; port 0 is replaced by the real one.
    pub fn local_addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Where it listens for DNS over TLS, in the order that was asked for; port 0 is replaced by the real one.
    pub fn tls_addresses(&self) -> &[SocketAddr] {
        &self.dot_addresses
    }

    /// The counts; they go on while it runs.
    pub fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }

    /// The number of the snapshot that answers come from, and from none before it: no worker and no stream that is read gives an older answer any more. A stream
    /// whose asker does not take its answers at once is left out: what it was answered before may go out after this, when the asker reads.
    /// 0 before the first; it goes on while it runs.
    pub fn in_force(&self) -> watch::Receiver<u64> {
        self.current.in_force()
    }

    /// What each steered name answers; it goes on while it runs.
    pub fn names(&self) -> Names {
        Names(self.current.clone())
    }
}

/// Opens UDP and TCP of every address, and the queues of `[dns.xdp]`.
///
/// # Errors
///
/// [`BindError`] for the first that cannot be opened; those before it are closed again.
pub async fn bind(config: &DnsConfig) -> Result<Bound, BindError> {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from).min(UDP_SOCKETS_MAX);
    let count = config.workers.map_or_else(cores, usize::from).max(1);
    let reply_bytes_max = usize::from(config.udp_payload_max.max(512));
    let (mut addresses, mut workers, mut tcp) = (Vec::new(), Vec::new(), Vec::new());
    for address in &config.listen {
        let (udp, listener) = open(*address, count)?;
        let failed = |transport| move |why| BindError::new(*address, transport, why);
        addresses.push(listener.local_addr().map_err(failed(Transport::Tcp))?);
        tcp.push(listener);
        for socket in udp {
            workers.push(worker_port(socket, reply_bytes_max).map_err(failed(Transport::Udp))?);
        }
    }
    if let Some(wanted) = &config.xdp {
        let mode = match wanted.mode {
            XdpMode::Native => hf_datagram::XdpMode::Native,
            XdpMode::Generic => hf_datagram::XdpMode::Generic,
        };
        for queue in Xdp::open(&wanted.interface, &wanted.queues, mode, &addresses)? {
            // Any of our sockets will do: what AF_XDP took came to one of their addresses.
            let Some(first) = workers.first() else { break };
            let replies = first.replies.clone();
            workers.push(WorkerPort { datagrams: Box::new(queue), replies });
        }
    }
    let (mut dot, mut dot_addresses) = (Vec::new(), Vec::new());
    for address in config.tls.iter().flat_map(|tls| &tls.listen) {
        let failed = |why| BindError::new(*address, Transport::Tcp, why);
        let listener = open_tcp(*address).map_err(failed)?;
        dot_addresses.push(listener.local_addr().map_err(failed)?);
        dot.push(listener);
    }
    let counters = Arc::new(Counters::new(workers.len()));
    let current = Arc::new(Current::new(workers.len()));
    Ok(Bound { addresses, workers, tcp, dot, dot_addresses, counters, current })
}

fn worker_port(socket: Socket, reply_bytes_max: usize) -> std::io::Result<WorkerPort> {
    let socket = UdpSocket::from(socket);
    let replies = Arc::new(socket.try_clone()?);
    Ok(WorkerPort { datagrams: Box::new(Sockets::new(socket, reply_bytes_max)?), replies })
}

fn open(address: SocketAddr, count: usize) -> Result<(Vec<Socket>, TcpListener), BindError> {
    let mut tries = if address.port() == 0 { FREE_PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let udp = open_udp(address, count).map_err(|why| BindError::new(address, Transport::Udp, why))?;
        let local = udp.first().and_then(|socket| socket.local_addr().ok()?.as_socket());
        let tcp =
            open_tcp(local.unwrap_or(address)).map_err(|why| BindError::new(address, Transport::Tcp, why));
        match tcp {
            Ok(tcp) => return Ok((udp, tcp)),
            Err(BindError::Taken { .. }) if tries > 0 => {}
            Err(why) => return Err(why),
        }
    }
}

fn open_udp(address: SocketAddr, count: usize) -> std::io::Result<Vec<Socket>> {
    let free = socket(address, Type::DGRAM, Protocol::UDP)?;
    free.bind(&address.into())?;
    let address = free.local_addr()?.as_socket().unwrap_or(address);
    drop(free);
    let shared = |_| {
        let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
        socket.set_reuse_port(true)?;
        // Best effort: with less room a burst loses packets, and askers ask again.
        let _ = socket.set_recv_buffer_size(UDP_RECEIVE_BUFFER_BYTES);
        socket.bind(&address.into())?;
        Ok(socket)
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
