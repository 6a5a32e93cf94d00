//! The port: opened first, with options that every connection inherits, so that taking one costs no more than the call that takes it.
//!
//! 1. Nothing waits for more bytes (TCP_NODELAY). What is not acknowledged for 30 s ends a connection: a machine that is gone says nothing.
//! 2. The system holds at most 64 KiB of what a connection has not taken, and 32 KiB of what it sent: of 50,000 that do nothing right, that is
//!    the most.
//! 3. The queue of connections that wait is as long as the system allows (`net.core.somaxconn`): all watchers come back at once after a restart.
//! 4. Who is not let in is told so, a few at a time; beyond that a connection is closed without a word.
//!
//! Not here: what is done with connections (`connection`).

use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use hf_api::serve::BindError;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep};
use tracing::warn;

use crate::connection;
use crate::shared::Shared;

/// Cut by the system to what it allows.
const BACKLOG: i32 = 65_535;
/// The system doubles these for its own book-keeping.
const SEND_BYTES: usize = 32 << 10;
const RECEIVE_BYTES: usize = 16 << 10;
/// Without an acknowledgement of what was sent.
const DEAF: Duration = Duration::from_secs(30);
/// After the system could not give a connection (no files left, say) until the next attempt.
const PAUSE: Duration = Duration::from_millis(100);
/// Between two words about that.
const WARNED: Duration = Duration::from_mins(1);

/// Opens the port.
pub fn open(address: SocketAddr) -> Result<std::net::TcpListener, BindError> {
    socket(address).map_err(|source| BindError { what: "status_listen", address, source })
}

fn socket(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // So that 0.0.0.0 and [::] can have the same port, whoever listens there.
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_tcp_user_timeout(Some(DEAF))?;
    socket.set_send_buffer_size(SEND_BYTES)?;
    socket.set_recv_buffer_size(RECEIVE_BYTES)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Takes connections for ever.
pub async fn accept(shared: &Rc<Shared>, listener: &TcpListener) {
    let refused = Rc::new(());
    let mut warned_at: Option<Instant> = None;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => take(shared, stream, peer, &refused),
            Err(error) => {
                if warned_at.is_none_or(|at| at.elapsed() >= WARNED) {
                    warned_at = Some(Instant::now());
                    warn!(%error, "zone status cannot take connections; if files are short, raise LimitNOFILE");
                }
                sleep(PAUSE).await;
            }
        }
    }
}

fn take(shared: &Rc<Shared>, stream: TcpStream, peer: SocketAddr, refused: &Rc<()>) {
    match shared.bounds.admit(peer.ip()) {
        Ok(admitted) => drop(spawn_local(connection::serve(shared.clone(), stream, admitted))),
        Err(why) if Rc::strong_count(refused) <= shared.bounds.limits().refused_max => {
            shared.counts.count(why.event());
            let (shared, one) = (shared.clone(), refused.clone());
            spawn_local(async move {
                connection::refuse(shared, stream, why).await;
                drop(one);
            });
        }
        Err(why) => shared.counts.count(why.event()),
    }
}
