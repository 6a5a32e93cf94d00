//! A bounded HTTP/1.1 listener for the API and the zone status.
//!
//! 1. The port is opened first: a port that is taken or not permitted is said at start, with the address and the mend.
//! 2. At most `connections` at a time; more wait in the system's queue. An idle or slow head ends a connection after 30 s.
//! 3. A stop is announced (`Connection: close`), running answers have five seconds, then all is cut.
//! 4. Requests carry the other side's address as an extension: [`Peer`]; with TLS ([`Listener::with_tls`]) also whom its
//!    certificate names: [`PeerNames`].
//! 5. A handshake has five seconds, at most 128 are under way; a connection that has not finished its own counts as one.
//!
//! Not here: routes and bodies (`hf-control-plane`, `hf-status`), the data path's HTTP (`hf-balancer`).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::Service;
use hyper_util::rt::{TokioIo, TokioTimer};
pub use hyper_util::service::TowerToHyperService;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::tls::ServerTls;

/// Connections that wait in the kernel.
const BACKLOG: u32 = 1_024;
/// For a request's head to arrive, idle time before it included.
const HEAD: Duration = Duration::from_secs(30);
/// For running answers to end once a stop is announced.
const FAREWELL: Duration = Duration::from_secs(5);
/// After the system could not accept a connection (no file descriptors left, say) until the next attempt.
const PAUSE: Duration = Duration::from_millis(100);

/// The address of the other side; an extension of every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub SocketAddr);

/// Whom the other side's verified certificate names: its DNS names and its common name; an extension of requests over TLS
/// whose client showed one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerNames(pub Arc<[String]>);

/// Why a port could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("{what}: cannot listen on {address}: {}", mend(source.kind()))]
pub struct BindError {
    /// The listener's name in the node file, such as `api_listen`.
    pub what: &'static str,
    /// The address.
    pub address: SocketAddr,
    /// The system's word.
    #[source]
    pub source: io::Error,
}

fn mend(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::AddrInUse => {
            "another process has this port; stop that one or give this node another port"
        }
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need a permission; use a higher port, or give the program CAP_NET_BIND_SERVICE"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; use one that it has, or 127.0.0.1"
        }
        _ => "the system refused; check address and port",
    }
}

/// An open port that nobody answers yet.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<ServerTls>,
}

/// Opens a port. `what` is the listener's name in the node file, for the error.
#[allow(clippy::unused_async, reason = "a port is opened within a runtime; async says so")]
pub async fn listen(what: &'static str, address: SocketAddr) -> Result<Listener, BindError> {
    let failed = |source| BindError { what, address, source };
    let listener = open(address).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok(Listener { listener, address, tls: None })
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    if address.is_ipv6() {
        // So that 0.0.0.0 and [::] can have the same port, whoever listens there.
        SockRef::from(&socket).set_only_v6(true)?;
    }
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

impl Listener {
    /// The address, with the port that port 0 became.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The socket, for those who speak something else than HTTP/1.1 on it.
    pub fn into_inner(self) -> TcpListener {
        self.listener
    }

    /// Answers over TLS only; certificates that change are read again.
    #[must_use]
    pub fn with_tls(self, tls: ServerTls) -> Listener {
        Listener { tls: Some(tls), ..self }
    }

    /// Answers until `shutdown` becomes true or its sender is gone.
    pub async fn serve<S, B>(self, service: S, connections: usize, mut shutdown: watch::Receiver<bool>)
    where
        S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
        S::Future: Send + 'static,
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let permits = Arc::new(Semaphore::new(connections));
        let mut running = JoinSet::new();
        let tls = self.tls;
        let _watch = tls.clone().map(|tls| AbortOnDrop(tokio::spawn(async move { tls.watch().await })));
        loop {
            let accept = async {
                let permit = permits.clone().acquire_owned().await.expect("the semaphore is never closed");
                (self.listener.accept().await, permit)
            };
            let (accepted, permit) = tokio::select! {
                biased;
                () = stopped(&mut shutdown) => break,
                Some(_) = running.join_next() => continue, // collects what has ended
                accepted = accept => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let (service, mut shutdown, tls) = (service.clone(), shutdown.clone(), tls.clone());
                    running.spawn(async move {
                        let _ = stream.set_nodelay(true); // only slower without
                        let Some(tls) = tls else {
                            connection(stream, (peer, None), service, shutdown).await;
                            return drop(permit);
                        };
                        let shaken = tokio::select! {
                            () = stopped(&mut shutdown) => None,
                            shaken = tls.accept(stream) => shaken,
                        };
                        if let Some((stream, names)) = shaken {
                            let names = (!names.is_empty()).then_some(PeerNames(names));
                            connection(stream, (peer, names), service, shutdown).await;
                        }
                        drop(permit);
                    });
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        }
        drop(self.listener);
        let all_ended = async { while running.join_next().await.is_some() {} };
        let _ = timeout(FAREWELL, all_ended).await; // what is left is cut when `running` goes
    }
}

/// Waits until a stop is announced.
pub async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|stop| *stop).await; // an error means that the sender is gone: stop too
}

/// Ends a task when what needs it is over, however that ends.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn connection<I, S, B>(
    stream: I,
    (peer, names): (SocketAddr, Option<PeerNames>),
    service: S,
    mut shutdown: watch::Receiver<bool>,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Service<Request<Incoming>, Response = Response<B>> + Send + 'static,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    S::Future: Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let with_peer = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        if let Some(names) = &names {
            request.extensions_mut().insert(names.clone());
        }
        service.call(request)
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(64 << 10);
    let served = builder.serve_connection(TokioIo::new(stream), with_peer).with_upgrades();
    let mut served = std::pin::pin!(served);
    // A broken connection is the other side's affair: nothing to report.
    tokio::select! {
        _ = served.as_mut() => {}
        () = stopped(&mut shutdown) => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
}

#[cfg(test)]
mod tests;
