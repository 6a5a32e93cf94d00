//! The feed of one node: its listener, the connections it dials, and what they share.
//!
//! 1. Both sides of a connection do the same; who dialled makes no difference, and two connections between the same nodes do
//!    no harm: what comes twice is known the second time.
//! 2. Connections that come in are bounded ([`CONNECTIONS_MAX`]); one too many is closed at once and the others stay.
//! 3. A peer that cannot be reached is dialled again and again, 200 ms to 2 s apart with jitter, for ever. That it is away is
//!    logged once, that it is back too.
//! 4. A feed whose certificates cannot be used says nothing in plain text instead: it closes what comes in, reads the files again
//!    every 30 s ([`CERTIFICATES_AGAIN`]), and begins when they are right ([`Feed::bind_without_certificates`]).
//!
//! Not here: names of peers (addresses only: no DNS on the way of an evacuation), what is sent (`message`).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hf_config::node::{Role, TlsConfig};
use hf_model::{NodeId, Timestamp, ZoneId};
use rustls_pki_types::ServerName;
use socket2::SockRef;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, error, info, warn};

use crate::bases::Bases;
use crate::connection::{self, Ended, Shared};
use crate::message::{Frames, Hello, Incoming, Outgoing, encode_all};
use crate::tls::{Tls, TlsError};

/// Connections that other nodes may have open to this one.
pub const CONNECTIONS_MAX: usize = 256;
/// Connections that wait in the kernel.
const BACKLOG: u32 = 1_024;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const TLS_TIMEOUT: Duration = Duration::from_secs(3);
const BACK_OFF_MIN: Duration = Duration::from_millis(200);
const BACK_OFF_MAX: Duration = Duration::from_secs(2);
/// Between two attempts to read certificates that could not be used at the start.
pub const CERTIFICATES_AGAIN: Duration = Duration::from_secs(30);

/// Tells the time, to judge certificates by: this crate reads no clock.
#[derive(Clone)]
pub struct Now(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Now {
    /// Asks `now` each time.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Now(Arc::new(now))
    }

    /// The time.
    pub fn get(&self) -> Timestamp {
        (self.0)()
    }
}

impl std::fmt::Debug for Now {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Now")
    }
}

/// How a node takes part in the feed.
#[derive(Clone, Debug)]
pub struct FeedConfig {
    /// Its id.
    pub node: NodeId,
    /// Where it runs.
    pub zone: Option<ZoneId>,
    /// What it does.
    pub roles: Vec<Role>,
    /// The version of its program.
    pub version: String,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whom it dials. Its own address among them does no harm.
    pub peers: Vec<SocketAddr>,
    /// Certificates; without them connections are plain.
    pub tls: Option<TlsConfig>,
    /// Between two full sets of messages.
    pub beat: Duration,
    /// The time, to judge certificates by.
    pub now: Now,
    /// A random number: jitter of the back-off and the name of this process.
    pub seed: u64,
}

/// Why the feed cannot begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The port cannot be opened.
    #[error("feed: cannot listen on {address}: {source}; {}", mend(.source))]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The certificates are not right.
    #[error("feed: {0}")]
    Tls(#[from] TlsError),
}

fn mend(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "stop the program that has the port (`ss -ltnp` names it) or change `listen` under `[feed]` in the node file"
        }
        io::ErrorKind::PermissionDenied => {
            "choose a port from 1024 up, or give the program CAP_NET_BIND_SERVICE"
        }
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; `ip address` lists those it has"
        }
        _ => "change `listen` under `[feed]` in the node file",
    }
}

/// A feed whose port is open.
#[derive(Debug)]
pub struct Feed {
    config: FeedConfig,
    listener: TcpListener,
    tls: Option<Result<Tls, TlsError>>,
    problem: watch::Sender<Option<String>>,
}

impl Feed {
    /// Reads the certificates and opens the port.
    pub async fn bind(config: FeedConfig) -> Result<Feed, BindError> {
        let feed = Self::bind_without_certificates(config).await?;
        match feed.tls {
            Some(Err(problem)) => Err(problem.into()),
            _ => Ok(feed),
        }
    }

    /// Opens the port; certificates that cannot be used are read again while it runs (rule 4), and [`Feed::problem`] says so.
    ///
    /// For a node that has something to serve already: an expired certificate, or a clock that is wrong at boot, costs it the
    /// feed and nothing else.
    #[expect(clippy::unused_async, reason = "a port is opened within a runtime; async says so")]
    pub async fn bind_without_certificates(config: FeedConfig) -> Result<Feed, BindError> {
        let tls = config.tls.as_ref().map(|files| Tls::load(files, &config.node, config.now.get()));
        let address = config.listen;
        let listener = listen(address).map_err(|source| BindError::Listen { address, source })?;
        let problem = tls.as_ref().and_then(|tls| tls.as_ref().err()).map(ToString::to_string);
        Ok(Feed { config, listener, tls, problem: watch::Sender::new(problem) })
    }

    /// Why nothing goes over this feed; none when it works.
    pub fn problem(&self) -> watch::Receiver<Option<String>> {
        self.problem.subscribe()
    }

    /// Where it really listens: port 0 has become a port.
    pub fn local_address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap_or(self.config.listen)
    }

    /// Runs until `shutdown` says true or is dropped.
    pub async fn run(
        self,
        outgoing: watch::Receiver<Outgoing>,
        incoming: mpsc::Sender<Incoming>,
        mut shutdown: watch::Receiver<bool>,
    ) {
        let Feed { config, listener, tls, problem } = self;
        let tls = match tls {
            Some(Err(first)) => {
                error!(problem = %first, "the feed does not begin; this node hears nobody until its certificates are right");
                tokio::select! {
                    _ = shutdown.wait_for(|stop| *stop) => return,
                    tls = certificates(&config, &listener, &problem) => Some(tls),
                }
            }
            Some(Ok(tls)) => Some(tls),
            None => None,
        };
        let (frames_to, frames) = watch::channel(Frames::default());
        let bases = Arc::new(Bases::default());
        let hello = Hello {
            node: config.node.to_string(),
            zone: config.zone.as_ref().map(ToString::to_string),
            roles: config.roles.iter().map(|role| role.as_str().to_owned()).collect(),
            version: config.version.clone(),
            nonce: config.seed,
            beat_ms: u64::try_from(config.beat.as_millis()).unwrap_or(u64::MAX),
        };
        let shared = Shared {
            hello: Arc::new(hello),
            beat: config.beat,
            outgoing: outgoing.clone(),
            frames,
            incoming,
            bases: bases.clone(),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(encode_all(outgoing, frames_to, bases));
        tasks.spawn(accept_all(listener, tls.clone(), shared.clone()));
        for (number, peer) in config.peers.iter().enumerate() {
            let jitter = Jitter(config.seed.wrapping_add(number as u64));
            tasks.spawn(dial_for_ever(*peer, tls.clone(), shared.clone(), jitter));
        }
        // An error means that whoever would say so is gone: the same as having said so.
        let _ = shutdown.wait_for(|stop| *stop).await;
        tasks.shutdown().await;
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    if address.is_ipv6() {
        // So that 0.0.0.0 and [::] can have the same port, whoever listens there.
        SockRef::from(&socket).set_only_v6(true)?;
    }
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Waits until the certificates can be used. Whoever connects meanwhile is sent away, so that it comes again later.
async fn certificates(
    config: &FeedConfig,
    listener: &TcpListener,
    problem: &watch::Sender<Option<String>>,
) -> Tls {
    let files = config.tls.as_ref().expect("only a feed with certificates waits for them");
    let mut again = Box::pin(sleep(CERTIFICATES_AGAIN));
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(unheard) => drop(unheard),
                Err(_) => sleep(BACK_OFF_MIN).await,
            },
            () = &mut again => {
                match Tls::load(files, &config.node, config.now.get()) {
                    Ok(tls) => {
                        info!("the feed's certificates are right; it begins");
                        problem.send_replace(None);
                        return tls;
                    }
                    Err(still) => {
                        debug!(problem = %still, "the feed's certificates cannot be used yet");
                        problem.send_replace(Some(still.to_string()));
                    }
                }
                again = Box::pin(sleep(CERTIFICATES_AGAIN));
            }
        }
    }
}

async fn accept_all(listener: TcpListener, tls: Option<Tls>, shared: Shared) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Tasks in the set end with it, so that none outlives the feed.
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: accepting again at once would only burn time.
                warn!(%error, "the feed cannot accept a connection");
                sleep(BACK_OFF_MIN).await;
                continue;
            }
        };
        let Ok(permit) = room.clone().try_acquire_owned() else {
            warn!(%address, max = CONNECTIONS_MAX, "too many feed connections; this one is closed");
            continue;
        };
        let (tls, shared) = (tls.clone(), shared.clone());
        connections.spawn(async move {
            let ended = accept(stream, address, tls, shared).await;
            log_end(address, &ended);
            drop(permit);
        });
    }
}

async fn accept(stream: TcpStream, address: SocketAddr, tls: Option<Tls>, shared: Shared) -> Ended {
    let _ = stream.set_nodelay(true);
    let log = |peer: &crate::Peer| info!(%address, node = %peer.node, "feed: a node has connected");
    let Some(tls) = tls else { return connection::run(stream, None, shared, log).await };
    match timeout(TLS_TIMEOUT, tls.acceptor.accept(stream)).await {
        Err(_) => Ended::Silent(TLS_TIMEOUT),
        Ok(Err(error)) => Ended::Garbage(format!("no TLS of ours: {error}")),
        Ok(Ok(stream)) => {
            let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let certificate = shown.map(|certificate| certificate.clone().into_owned());
            connection::run(stream, certificate, shared, log).await
        }
    }
}

/// Dials one peer until the feed ends, or until it turns out to be this node itself.
async fn dial_for_ever(address: SocketAddr, tls: Option<Tls>, shared: Shared, mut jitter: Jitter) {
    let mut back_off = BACK_OFF_MIN;
    let mut is_told = false;
    loop {
        let mut met = None;
        let ended = dial(address, tls.as_ref(), &shared, &mut met).await;
        match ended {
            Ended::Myself => {
                debug!(%address, "feed: a peer of this node is the node itself; it is not dialled again");
                return;
            }
            Ended::Shutdown => return,
            // A connection that stood for a while begins the back-off anew.
            _ if met.is_some_and(|since: Instant| since.elapsed() > BACK_OFF_MAX) => {
                back_off = BACK_OFF_MIN;
                is_told = false;
            }
            _ => {}
        }
        if is_told {
            debug!(%address, %ended, "feed: still no connection to a peer");
        } else {
            warn!(%address, %ended, "feed: no connection to a peer; it is dialled until it is back");
            is_told = true;
        }
        sleep(jitter.spread(back_off)).await;
        back_off = (back_off * 2).min(BACK_OFF_MAX);
    }
}

async fn dial(address: SocketAddr, tls: Option<&Tls>, shared: &Shared, met: &mut Option<Instant>) -> Ended {
    let stream = match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
        Err(_) => return Ended::Silent(CONNECT_TIMEOUT),
        Ok(Err(error)) => return Ended::Broken(error),
        Ok(Ok(stream)) => stream,
    };
    let _ = stream.set_nodelay(true);
    let log = |peer: &crate::Peer| {
        *met = Some(Instant::now());
        info!(%address, node = %peer.node, "feed: connected to a node");
    };
    let Some(tls) = tls else { return connection::run(stream, None, shared.clone(), log).await };
    // The name is not compared (see `tls`), but the protocol wants one.
    let name = ServerName::IpAddress(address.ip().into());
    match timeout(TLS_TIMEOUT, tls.connector.connect(name, stream)).await {
        Err(_) => Ended::Silent(TLS_TIMEOUT),
        Ok(Err(error)) => Ended::Garbage(format!("no TLS of ours: {error}")),
        Ok(Ok(stream)) => {
            let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
            let certificate = shown.map(|certificate| certificate.clone().into_owned());
            connection::run(stream, certificate, shared.clone(), log).await
        }
    }
}

fn log_end(address: SocketAddr, ended: &Ended) {
    match ended {
        Ended::Garbage(_) | Ended::SameName(_) | Ended::OtherCertificate(_) => {
            warn!(%address, %ended, "feed: a connection was refused");
        }
        Ended::Silent(_) | Ended::Stuck(_) => warn!(%address, %ended, "feed: a connection was given up"),
        Ended::Broken(_) => info!(%address, %ended, "feed: a node has gone"),
        Ended::Myself | Ended::Shutdown => debug!(%address, %ended, "feed: a connection was closed"),
    }
}

/// Chance that is good enough to keep nodes from dialling in step (splitmix64).
struct Jitter(u64);

impl Jitter {
    /// Half of `length` to the whole of it.
    fn spread(&mut self, length: Duration) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let half = length / 2;
        half + half.mul_f64((mixed >> 11) as f64 / (1_u64 << 53) as f64)
    }
}

#[cfg(test)]
mod tests;
