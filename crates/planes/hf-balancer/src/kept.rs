//! One worker's connections to endpoints: opened, lent to one request at a time, kept for the next.
//!
//! 1. A connection is kept after a whole answer, within the bounds of [`Limits`], while its endpoint serves; the newest is lent first.
//! 2. When an endpoint no longer serves its idle connections are closed at once; when its zone was left, those under way are cut
//!    after `drain`.
//! 3. A request is handed over only after one more look at the endpoint's standing: opening a connection takes time in which the
//!    zone may have been left.
//!
//! Not here: which endpoint (`hf-balance`), what is sent.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hf_clock::Clock;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper_util::rt::TokioIo;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::body::RequestBody;
use crate::config::Limits;
use crate::endpoint::{Endpoint, Standing};

/// The endpoint connections of one worker to one endpoint.
#[derive(Debug)]
pub struct Kept {
    /// Whose.
    pub endpoint: Arc<Endpoint>,
    idle: RefCell<VecDeque<Idle>>,
    /// Requests that wait for a turn to connect get one in their order; as many wait as the endpoint's load allows.
    connecting: Semaphore,
    shared: Rc<KeptShared>,
}

/// What all of one worker's [`Kept`] share.
#[derive(Debug)]
pub struct KeptShared {
    /// Bounds and patience.
    pub limits: Limits,
    /// How long requests at an endpoint that was left may go on.
    pub drain: Duration,
    /// Stamps of activity.
    pub clock: Clock,
    /// Idle connections of this worker.
    pub idle_total: Cell<usize>,
}

#[derive(Debug)]
struct Idle {
    sender: SendRequest<RequestBody>,
    since: Instant,
}

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The endpoint's machine said no, or nothing.
    #[error("{0}")]
    Endpoint(#[source] io::Error),
    /// This machine is out of something, such as descriptors or ports: no fault of the endpoint.
    #[error("this balancer cannot open a connection: {0}")]
    Us(#[source] io::Error),
}

impl Kept {
    /// None yet.
    pub fn new(endpoint: Arc<Endpoint>, shared: Rc<KeptShared>) -> Self {
        let connecting = Semaphore::new(shared.limits.connecting_per_endpoint.max(1));
        Kept { endpoint, idle: RefCell::default(), connecting, shared }
    }

    /// Lends a connection: a kept one unless `fresh` is asked for, else a new one.
    pub async fn lend(self: &Rc<Self>, fresh: bool) -> Result<Lease, ConnectError> {
        let load = Load::new(self.endpoint.clone());
        let kept = if fresh { None } else { self.take_idle() };
        let (sender, was_kept) = if let Some(sender) = kept {
            (sender, true)
        } else {
            let limit = self.shared.limits.connect;
            let silent =
                || io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {limit:?}"));
            let got = tokio::time::timeout(limit, self.connect_in_turn(fresh)).await;
            got.unwrap_or_else(|_| Err(ConnectError::Endpoint(silent())))?
        };
        Ok(Lease { sender, kept: self.clone(), was_kept, _load: load })
    }

    /// Waits for a turn to connect; true when a kept connection came free meanwhile.
    async fn connect_in_turn(
        self: &Rc<Self>,
        fresh: bool,
    ) -> Result<(SendRequest<RequestBody>, bool), ConnectError> {
        let _turn = self.connecting.acquire().await.expect("the semaphore is never closed");
        if !fresh && let Some(sender) = self.take_idle() {
            return Ok((sender, true));
        }
        let stream = TcpStream::connect(self.endpoint.key.address).await.map_err(whose_fault)?;
        prepare(&stream, &self.shared.limits).map_err(ConnectError::Us)?;
        let (sender, connection) = Builder::new()
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| ConnectError::Us(io::Error::other(error)))?;
        self.endpoint.activity.connection_opened();
        tokio::task::spawn_local(attend(connection, Open { kept: self.clone() }));
        Ok((sender, false))
    }

    fn take_idle(&self) -> Option<SendRequest<RequestBody>> {
        let mut idle = self.idle.borrow_mut();
        let had = idle.len();
        idle.retain(|kept| !kept.sender.is_closed());
        // One that is not ready yet still sends the end of an earlier request's body.
        let ready = idle.iter().rposition(|kept| kept.sender.is_ready());
        let taken = ready.and_then(|at| idle.remove(at));
        self.count(had, idle.len());
        taken.map(|kept| kept.sender)
    }

    fn count(&self, had: usize, has: usize) {
        let total = &self.shared.idle_total;
        total.set(total.get() + has - had);
    }

    fn put_back(&self, sender: SendRequest<RequestBody>) {
        let limits = &self.shared.limits;
        let mut idle = self.idle.borrow_mut();
        let room =
            idle.len() < limits.kept_per_endpoint && self.shared.idle_total.get() < limits.kept_per_worker;
        if room && self.endpoint.serves() && !sender.is_closed() {
            idle.push_back(Idle { sender, since: Instant::now() });
            self.count(0, 1);
        }
    }

    /// Closes idle connections: all if the endpoint no longer serves, else those that were idle for too long.
    pub fn sweep(&self, now: Instant) {
        let serves = self.endpoint.serves();
        let mut idle = self.idle.borrow_mut();
        let had = idle.len();
        idle.retain(|kept| {
            serves
                && !kept.sender.is_closed()
                && now.saturating_duration_since(kept.since) < self.shared.limits.kept_idle
        });
        self.count(had, idle.len());
    }

    /// Idle connections now.
    pub fn idle_count(&self) -> usize {
        self.idle.borrow().len()
    }
}

/// Errors of `connect` that this machine itself causes.
fn whose_fault(error: io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory => {
            ConnectError::Us(error)
        }
        // EMFILE and ENFILE have no kind of their own.
        _ if matches!(error.raw_os_error(), Some(23 | 24)) => ConnectError::Us(error),
        _ => ConnectError::Endpoint(error),
    }
}

fn prepare(stream: &TcpStream, limits: &Limits) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_user_timeout(Some(limits.unacknowledged))?;
    // A zone may fall silent after it took a request and before it answers: only keepalive notices.
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(5)).with_interval(Duration::from_secs(1));
    socket.set_tcp_keepalive(&keepalive)
}

/// Counts a connection as open while it lives.
struct Open {
    kept: Rc<Kept>,
}

impl Drop for Open {
    fn drop(&mut self) {
        let now = self.kept.shared.clock.now();
        self.kept.endpoint.activity.connection_closed(now);
    }
}

/// Drives one connection to its end, and cuts it when its endpoint was left for longer than `drain`.
async fn attend(connection: Connection<TokioIo<TcpStream>, RequestBody>, open: Open) {
    let drain = open.kept.shared.drain;
    let mut standing = open.kept.endpoint.watch_standing();
    let mut cut_at = (*standing.borrow_and_update() == Standing::Leaving).then(|| Instant::now() + drain);
    let mut connection = std::pin::pin!(connection);
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(endpoint = %open.kept.endpoint.key.address, %error, "endpoint connection ended");
                }
                return;
            }
            changed = standing.changed() => {
                if changed.is_err() {
                    return;
                }
                let leaving = *standing.borrow_and_update() == Standing::Leaving;
                cut_at = leaving.then(|| cut_at.unwrap_or_else(|| Instant::now() + drain));
            }
            () = tokio::time::sleep_until(cut_at.unwrap_or_else(Instant::now)), if cut_at.is_some() => {
                tracing::info!(
                    endpoint = %open.kept.endpoint.key.address,
                    zone = %open.kept.endpoint.key.zone,
                    ?drain,
                    "request cut: its zone was left and `drain` has passed"
                );
                return;
            }
        }
    }
}

/// One more request under way at an endpoint.
#[derive(Debug)]
struct Load(Arc<Endpoint>);

impl Load {
    fn new(endpoint: Arc<Endpoint>) -> Self {
        endpoint.in_flight.fetch_add(1, Ordering::Relaxed);
        Load(endpoint)
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection lent to one request. Dropped without [`Lease::keep`] it is closed.
#[derive(Debug)]
pub struct Lease {
    /// Sends the request.
    pub sender: SendRequest<RequestBody>,
    kept: Rc<Kept>,
    /// Whether it carried a request before.
    pub was_kept: bool,
    _load: Load,
}

impl Lease {
    /// Whose connection.
    pub fn endpoint(&self) -> &Arc<Endpoint> {
        &self.kept.endpoint
    }

    /// The answer came whole: keeps the connection for the next request.
    pub fn keep(self) {
        self.kept.put_back(self.sender);
    }

    /// The endpoint broke off: counts against it, unless we cut it ourselves.
    pub fn broke_off(self) {
        note_failure(&self.kept.endpoint);
    }
}

/// Counts a refused, silent or reset connection against its endpoint; not when the endpoint was left, since we cut there.
pub fn note_failure(endpoint: &Endpoint) {
    endpoint.activity.request_failed();
    if endpoint.standing() != Standing::Leaving && endpoint.health.failed() {
        tracing::warn!(
            pool = %endpoint.key.pool,
            endpoint = %endpoint.key.address,
            zone = %endpoint.key.zone,
            "endpoint taken out by this balancer: three connections in a row failed"
        );
    }
}
