//! Listening sockets: one for each worker on the same port, shared out by the kernel (SO_REUSEPORT).
//!
//! SO_REUSEPORT lets two processes of one user share a port without a word. So the first listener asks for the port without it, and is told to
//! share once it has it: what another process holds is reported, not shared. A socket that only tries the port and is closed again would not do:
//! clients that reach it are cut off, and a program that this process starts meanwhile (a reload command, a check) keeps it until it runs.

use std::io;
use std::net::{SocketAddr, TcpListener};

use hf_model::PoolName;
use socket2::{Domain, Protocol, Socket, Type};

/// Connections that wait in the kernel for one worker. The kernel lowers it to `net.core.somaxconn`.
const BACKLOG: i32 = 4_096;

/// Why a pool's listener could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// Somebody else listens there.
    #[error(
        "pool {pool} cannot listen on {address}: another process listens there; stop it, or change the pool's `listen` or this node's `balancer_address`"
    )]
    Taken {
        /// Whose listener.
        pool: PoolName,
        /// Where.
        address: SocketAddr,
    },
    /// The port is privileged.
    #[error(
        "pool {pool} cannot listen on {address}: not permitted; use a port from 1024 up, or give the program CAP_NET_BIND_SERVICE"
    )]
    NotPermitted {
        /// Whose listener.
        pool: PoolName,
        /// Where.
        address: SocketAddr,
    },
    /// The address is not this machine's.
    #[error(
        "pool {pool} cannot listen on {address}: this machine has no such address; change the pool's `listen` or this node's `balancer_address`"
    )]
    NotLocal {
        /// Whose listener.
        pool: PoolName,
        /// Where.
        address: SocketAddr,
    },
    /// Anything else.
    #[error("pool {pool} cannot listen on {address}")]
    Other {
        /// Whose listener.
        pool: PoolName,
        /// Where.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// TLS without certificates.
    #[error(
        "pool {pool} wants TLS (`tls = true`), and this node has no certificates; name some in `certificates` of [balancer]"
    )]
    NoCertificates {
        /// Whose listener.
        pool: PoolName,
    },
    /// A pool that wants tickets, on a node that cannot check them.
    #[error(
        "pool {pool} wants tickets (`assigned`), and this node cannot check them; name the key of all nodes in `ticket_key_file` of [balancer]"
    )]
    NoTicketKey {
        /// Whose listener.
        pool: PoolName,
    },
    /// The cryptography does not work here.
    #[error("TLS cannot be set up")]
    Tls(#[source] rustls::Error),
    /// A worker thread could not be started.
    #[error("the balancer's threads cannot be started")]
    Threads(#[source] io::Error),
}

/// Opens `count` listeners that share `address`; port 0 takes a free one, the same for all.
pub fn open(pool: &PoolName, address: SocketAddr, count: usize) -> Result<Vec<TcpListener>, BindError> {
    open_all(address, count).map_err(|source| {
        let pool = pool.clone();
        match source.kind() {
            io::ErrorKind::AddrInUse => BindError::Taken { pool, address },
            io::ErrorKind::PermissionDenied => BindError::NotPermitted { pool, address },
            io::ErrorKind::AddrNotAvailable => BindError::NotLocal { pool, address },
            _ => BindError::Other { pool, address, source },
        }
    })
}

/// Uses listeners that are open at `address` already: all of them, and at least `count`; where there are fewer some are shared.
pub fn adopt(
    pool: &PoolName,
    address: SocketAddr,
    given: Vec<TcpListener>,
    count: usize,
) -> Result<Vec<TcpListener>, BindError> {
    let shared = count.saturating_sub(given.len());
    let copies = given.iter().cycle().take(shared).map(TcpListener::try_clone);
    let copies: Result<Vec<TcpListener>, io::Error> = copies.collect();
    let all = copies.map(|copies| given.into_iter().chain(copies).collect::<Vec<_>>());
    let ready = all.and_then(|all| {
        all.iter().try_for_each(|listener| listener.set_nonblocking(true))?;
        Ok(all)
    });
    ready.map_err(|source| BindError::Other { pool: pool.clone(), address, source })
}

fn open_all(mut address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::with_capacity(count);
    for _ in 0..count {
        let socket = bound(address, !listeners.is_empty())?;
        // Only `listen` finds a listener of another process that was bound with SO_REUSEADDR.
        socket.listen(BACKLOG)?;
        socket.set_reuse_port(true)?;
        let listener = TcpListener::from(socket);
        address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(listeners)
}

fn bound(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        // So that 0.0.0.0 and [::] can have the same port, in two pools of one estate too.
        socket.set_only_v6(true)?;
    }
    // Connections of an earlier run in TIME_WAIT do not keep us from the port; a listener does.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    fn pool() -> PoolName {
        PoolName::new("web").unwrap()
    }

    #[test]
    fn workers_share_a_port_and_nobody_else_does() {
        let ours = open(&pool(), "127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let address = ours[0].local_addr().unwrap();
        assert!(ours.iter().all(|listener| listener.local_addr().unwrap() == address));
        let error = open(&pool(), address, 1).unwrap_err();
        assert!(matches!(error, BindError::Taken { .. }), "{error}");
        drop(ours);
        open(&pool(), address, 2).unwrap();
    }

    /// A process between its birth and its program has all that was open, so a listener that is closed here is there for a moment longer.
    #[test]
    fn a_program_that_is_started_meanwhile_takes_no_port() {
        let port = open(&pool(), "127.0.0.1:0".parse().unwrap(), 1).unwrap()[0].local_addr().unwrap().port();
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !is_over.load(Ordering::Relaxed) {
                        assert!(Command::new("true").status().unwrap().success());
                    }
                });
            }
            // Each at an address of its own: what such a process holds of the one before is not asked for again.
            let each = |number: u16| {
                let [high, low] = number.to_be_bytes();
                let address = SocketAddr::from(([127, 81, high, low], port));
                open(&pool(), address, 2).map_err(|error| error.to_string()).map(drop)
            };
            let failed: Vec<String> = (1..=3_000).filter_map(|number| each(number).err()).collect();
            is_over.store(true, Ordering::Relaxed);
            assert!(failed.is_empty(), "{} of 3,000: {}", failed.len(), failed[0]);
        });
    }

    #[test]
    fn each_worker_gets_its_part_of_the_connections() {
        let ours = open(&pool(), "127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let address = ours[0].local_addr().unwrap();
        let clients: Vec<TcpStream> = (0..120).map(|_| TcpStream::connect(address).unwrap()).collect();
        let taken = |listener: &TcpListener| std::iter::from_fn(|| listener.accept().ok()).count();
        let each: Vec<usize> = ours.iter().map(taken).collect();
        assert!(each.iter().sum::<usize>() == clients.len() && !each.contains(&0), "{each:?}");
    }

    #[test]
    fn both_families_have_the_same_port() {
        let six = open(&pool(), "[::]:0".parse().unwrap(), 2).unwrap();
        let port = six[0].local_addr().unwrap().port();
        open(&pool(), SocketAddr::from(([0, 0, 0, 0], port)), 2).unwrap();
    }

    #[test]
    fn an_address_of_another_machine_is_named() {
        let error = open(&pool(), "192.0.2.1:8080".parse().unwrap(), 1).unwrap_err();
        assert!(matches!(error, BindError::NotLocal { .. }), "{error}");
        assert!(error.to_string().contains("192.0.2.1:8080"));
    }
}
