//! One worker's connections to endpoints: opened, lent to requests, kept for the next.
//!
//! 1. HTTP/1.1: a connection carries one request at a time and is kept after a whole answer, while its endpoint serves; the newest is
//!    lent first.
//! 2. HTTP/2: a connection carries as many requests as both sides allow; another is opened when all are full, at most
//!    [`SHARED_MAX`] of them; beyond that requests wait in the connections for a free stream.
//! 3. A connection that began with a client's address (PROXY protocol) serves that client only.
//! 4. When an endpoint no longer serves its idle connections are closed at once, those of HTTP/2 after their last answer; when its zone was
//!    left, those under way are cut after `drain`.
//! 5. A request is handed over only after one more look at the endpoint's standing: opening a connection takes time in which the
//!    zone may have been left.
//!
//! Not here: which endpoint (`hf-balance`), what is sent, TCP and TLS (`endpoint_io`).

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::hash::{BuildHasherDefault, Hasher};
use std::io;
use std::pin::pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use hf_clock::Clock;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::TokioIo;
use tokio::sync::{Notify, Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::body::RequestBody;
use crate::config::Limits;
use crate::deadline::Timers;
use crate::endpoint::{Endpoint, Standing};
use crate::endpoint_io::{self, Between, ConnectError, EndpointIo};
use crate::lease::{Lease, Line, Load};
use crate::manner::Manner;

/// HTTP/2 connections of one worker to one endpoint.
const SHARED_MAX: usize = 8;

/// What a stream of HTTP/2 may send before we have read it; 16 times that for a connection.
const WINDOW_BYTES: u32 = 256 << 10;

/// An endpoint's settings are its first frame: after so many turns of a connection they have come, and nobody looks for them any more.
const SETTINGS_WITHIN: u8 = 32;

/// What all of one worker's connections share.
#[derive(Debug)]
pub struct KeptShared {
    /// Bounds of the worker.
    pub limits: Limits,
    /// How long requests at an endpoint that was left may go on.
    pub drain: Duration,
    /// Stamps of activity.
    pub clock: Clock,
    /// Idle connections of this worker.
    pub idle_total: Cell<usize>,
    /// Deadlines of requests.
    pub timers: Rc<Timers>,
}

/// All endpoint connections of one worker.
#[derive(Debug)]
pub struct Lines {
    shared: Rc<KeptShared>,
    of: RefCell<HashMap<u64, Rc<Kept>, BuildHasherDefault<ById>>>,
}

impl Lines {
    /// None yet.
    pub fn new(shared: Rc<KeptShared>) -> Self {
        Lines { shared, of: RefCell::default() }
    }

    /// The connections to `endpoint`; those of another manner are let go.
    pub fn to(&self, endpoint: &Arc<Endpoint>, manner: &Arc<Manner>) -> Rc<Kept> {
        let mut of = self.of.borrow_mut();
        if let Some(kept) = of.get(&endpoint.id) {
            if Arc::ptr_eq(&kept.manner, manner) {
                return kept.clone();
            }
            kept.close_idle();
        }
        let kept = Rc::new(Kept::new(endpoint.clone(), manner.clone(), self.shared.clone()));
        of.insert(endpoint.id, kept.clone());
        kept
    }

    /// Closes what is idle for too long or leads where nothing serves any more.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.of.borrow_mut().retain(|_, kept| {
            kept.sweep(now);
            // Held by nobody else, idle and not in service: forget it.
            kept.endpoint.serves() || !kept.is_empty() || Rc::strong_count(kept) > 1
        });
    }
}

/// Endpoints have numbers of ours: they need no hash that strangers cannot guess.
#[derive(Debug, Default)]
pub struct ById(u64);

impl Hasher for ById {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// The connections of one worker to one endpoint.
#[derive(Debug)]
pub struct Kept {
    /// Whose.
    pub endpoint: Arc<Endpoint>,
    /// How it is spoken to.
    pub manner: Arc<Manner>,
    idle: RefCell<VecDeque<Idle>>,
    many: RefCell<Vec<Rc<Shared>>>,
    /// Requests that wait for a turn to connect get one in their order; as many wait as the endpoint's load allows.
    connecting: Semaphore,
    /// What all of the worker's share.
    pub shared: Rc<KeptShared>,
}

#[derive(Debug)]
struct Idle {
    sender: http1::SendRequest<RequestBody>,
    open: Weak<Open>,
    between: Option<Between>,
    since: Instant,
}

/// A connection of HTTP/2.
#[derive(Debug)]
pub struct Shared {
    sender: http2::SendRequest<RequestBody>,
    open: Weak<Open>,
    between: Option<Between>,
    streams: Cell<u32>,
    streams_max: Cell<u32>,
    since: Cell<Instant>,
    /// Whether the endpoint takes an extended CONNECT (RFC 8441), and word of that.
    takes_connect: Cell<bool>,
    learned: Notify,
}

/// One stream of it.
#[derive(Debug)]
pub struct Stream {
    of: Rc<Shared>,
}

impl Stream {
    fn new(of: &Rc<Shared>) -> Self {
        of.streams.set(of.streams.get() + 1);
        Stream { of: of.clone() }
    }

    /// Waits for the endpoint's word that it takes an extended CONNECT; its settings may still be on their way.
    pub async fn takes_connect(&self) {
        while !self.of.takes_connect.get() {
            self.of.learned.notified().await;
        }
    }

    /// What sends a request on it.
    pub fn sender(&self) -> http2::SendRequest<RequestBody> {
        self.of.sender.clone()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.of.streams.set(self.of.streams.get() - 1);
        if self.of.streams.get() == 0 {
            self.of.since.set(Instant::now());
        }
    }
}

impl Kept {
    fn new(endpoint: Arc<Endpoint>, manner: Arc<Manner>, shared: Rc<KeptShared>) -> Self {
        // One at a time where the first connection serves all who wait.
        let turns = if manner.is_http2() { 1 } else { manner.bounds.connecting_per_endpoint.max(1) };
        Kept {
            endpoint,
            manner,
            idle: RefCell::default(),
            many: RefCell::default(),
            connecting: Semaphore::new(turns as usize),
            shared,
        }
    }

    /// Lends a connection: a kept one unless `fresh` is asked for, else a new one.
    pub async fn lend(self: &Rc<Self>, fresh: bool, between: Between) -> Result<Lease, ConnectError> {
        let load = Load::new(self.endpoint.clone());
        let between = self.manner.is_per_client().then_some(between);
        if !fresh && let Some((line, open)) = self.take(between) {
            return Ok(Lease::new(line, self.clone(), true, load, open));
        }
        let limit = self.manner.patience.connect;
        let silent = || io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {limit:?}"));
        let until = Instant::now() + limit;
        // Boxed: a handshake needs more room than all the rest of a request, and few requests wait for one.
        let opening = Box::pin(self.connect_in_turn(fresh, between));
        let opening = self.shared.timers.within(until, opening).await;
        let (line, open, was_kept) = opening.unwrap_or_else(|_| Err(ConnectError::Endpoint(silent())))?;
        Ok(Lease::new(line, self.clone(), was_kept, load, open))
    }

    /// Waits for a turn to connect; true when a kept connection came free meanwhile.
    async fn connect_in_turn(
        self: &Rc<Self>,
        fresh: bool,
        between: Option<Between>,
    ) -> Result<(Line, Rc<Open>, bool), ConnectError> {
        let _turn = self.turn_to_connect().await;
        // The last one's turn may have opened what serves us, too.
        if (!fresh || self.manner.is_http2())
            && let Some((line, open)) = self.take(between)
        {
            return Ok((line, open, true));
        }
        let io = endpoint_io::connect(self.endpoint.key.address, &self.manner, between).await?;
        let broken = |error| ConnectError::Endpoint(io::Error::other(error));
        if self.manner.is_http2() {
            let (line, open) = self.greet_http2(io, between).await.map_err(broken)?;
            return Ok((line, open, false));
        }
        let (sender, connection) = http1::handshake(TokioIo::new(io)).await.map_err(broken)?;
        let open = Open::new(self);
        tokio::task::spawn_local(attend(connection.with_upgrades(), open.clone()));
        Ok((Line::Alone(sender), open, false))
    }

    async fn greet_http2(
        self: &Rc<Self>,
        io: EndpointIo,
        between: Option<Between>,
    ) -> hyper::Result<(Line, Rc<Open>)> {
        let (sender, connection) = http2::Builder::new(LocalTasks)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES * 16)
            .max_header_list_size(self.manner.bounds.header_bytes)
            .handshake(TokioIo::new(io))
            .await?;
        let open = Open::new(self);
        let shared = Rc::new(Shared {
            sender,
            open: Rc::downgrade(&open),
            between,
            streams: Cell::new(0),
            streams_max: Cell::new(self.manner.bounds.streams_per_connection.max(1)),
            since: Cell::new(Instant::now()),
            takes_connect: Cell::new(false),
            learned: Notify::new(),
        });
        let (bound, weak) = (self.manner.bounds.streams_per_connection, Rc::downgrade(&shared));
        let watched = async move {
            let mut connection = pin!(connection);
            let mut looks = SETTINGS_WITHIN;
            poll_fn(|cx| {
                let ended = connection.as_mut().poll(cx);
                if ended.is_pending()
                    && let Some(shared) = weak.upgrade()
                {
                    let theirs = u32::try_from(connection.current_max_send_streams()).unwrap_or(u32::MAX);
                    shared.streams_max.set(theirs.min(bound).max(1));
                    if looks > 0 {
                        looks -= 1;
                        if connection.is_extended_connect_protocol_enabled() {
                            looks = 0;
                            shared.takes_connect.set(true);
                            shared.learned.notify_waiters();
                        }
                    }
                }
                ended
            })
            .await
        };
        tokio::task::spawn_local(attend(watched, open.clone()));
        if self.endpoint.serves() {
            self.many.borrow_mut().push(shared.clone());
        }
        Ok((Line::OneOfMany(Stream::new(&shared)), open))
    }

    /// Waits for a turn to connect, for who opens connections of his own.
    pub async fn turn_to_connect(&self) -> SemaphorePermit<'_> {
        self.connecting.acquire().await.expect("the semaphore is never closed")
    }

    fn take(&self, between: Option<Between>) -> Option<(Line, Rc<Open>)> {
        if self.manner.is_http2() {
            return self.take_stream(between);
        }
        let mut idle = self.idle.borrow_mut();
        // The newest first, and what has ended meanwhile goes.
        let mut at = idle.len();
        while at > 0 {
            at -= 1;
            let kept = &idle[at];
            if kept.sender.is_closed() {
                idle.remove(at);
                self.shared.idle_total.set(self.shared.idle_total.get() - 1);
                continue;
            }
            // One that is not ready yet still sends the end of an earlier request's body.
            if kept.sender.is_ready() && kept.between == between {
                let taken = idle.remove(at)?;
                self.shared.idle_total.set(self.shared.idle_total.get() - 1);
                let Some(open) = taken.open.upgrade() else { continue };
                return Some((Line::Alone(taken.sender), open));
            }
        }
        None
    }

    fn take_stream(&self, between: Option<Between>) -> Option<(Line, Rc<Open>)> {
        let mut many = self.many.borrow_mut();
        many.retain(|shared| !shared.sender.is_closed());
        let has_room = |shared: &&Rc<Shared>| {
            shared.between == between && shared.streams.get() < shared.streams_max.get()
        };
        let found = many.iter().find(has_room).or_else(|| {
            let mine = many.iter().filter(|shared| shared.between == between);
            let emptiest = mine.min_by_key(|shared| shared.streams.get());
            emptiest.filter(|_| many.len() >= SHARED_MAX)
        })?;
        Some((Line::OneOfMany(Stream::new(found)), found.open.upgrade()?))
    }

    /// Keeps a connection whose answer came whole.
    pub fn put_back(
        &self,
        sender: http1::SendRequest<RequestBody>,
        open: &Rc<Open>,
        between: Option<Between>,
    ) {
        let mut idle = self.idle.borrow_mut();
        let total = &self.shared.idle_total;
        let room = idle.len() < self.manner.bounds.kept_per_endpoint as usize
            && total.get() < self.shared.limits.kept_per_worker;
        if room && self.endpoint.serves() && !sender.is_closed() {
            idle.push_back(Idle { sender, open: Rc::downgrade(open), between, since: Instant::now() });
            total.set(total.get() + 1);
        }
    }

    /// Takes no more requests on a connection of HTTP/2 that its endpoint is closing.
    pub fn retire(&self, stream: &Stream) {
        self.many.borrow_mut().retain(|shared| !Rc::ptr_eq(shared, &stream.of));
    }

    fn close_idle(&self) {
        let had = std::mem::take(&mut *self.idle.borrow_mut()).len();
        self.shared.idle_total.set(self.shared.idle_total.get() - had);
        // Those of HTTP/2 end with their last request.
        self.many.borrow_mut().clear();
    }

    fn sweep(&self, now: Instant) {
        if !self.endpoint.serves() {
            self.close_idle();
            return;
        }
        let patience = self.manner.patience.kept_idle;
        let is_young = |since: Instant| now.saturating_duration_since(since) < patience;
        let mut idle = self.idle.borrow_mut();
        let had = idle.len();
        idle.retain(|kept| !kept.sender.is_closed() && is_young(kept.since));
        self.shared.idle_total.set(self.shared.idle_total.get() + idle.len() - had);
        self.many.borrow_mut().retain(|shared| {
            !shared.sender.is_closed() && (shared.streams.get() > 0 || is_young(shared.since.get()))
        });
    }

    fn is_empty(&self) -> bool {
        self.idle.borrow().is_empty() && self.many.borrow().is_empty()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.close_idle();
    }
}

/// Tasks of HTTP/2 run on the worker's own thread.
#[derive(Clone, Copy, Debug)]
struct LocalTasks;

impl<F: Future + 'static> hyper::rt::Executor<F> for LocalTasks
where
    F::Output: 'static,
{
    fn execute(&self, task: F) {
        tokio::task::spawn_local(task);
    }
}

/// Counts a connection as open while it lives: while it is attended, or what it became is in use.
#[derive(Debug)]
pub struct Open {
    endpoint: Arc<Endpoint>,
    shared: Rc<KeptShared>,
}

impl Open {
    fn new(kept: &Kept) -> Rc<Self> {
        kept.endpoint.activity.connection_opened();
        Rc::new(Open { endpoint: kept.endpoint.clone(), shared: kept.shared.clone() })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.endpoint.activity.connection_closed(self.shared.clock.now());
    }
}

/// Drives one connection to its end, and cuts it when its endpoint was left for longer than `drain`.
async fn attend(connection: impl Future<Output = hyper::Result<()>>, open: Rc<Open>) {
    let drain = open.shared.drain;
    let mut standing = open.endpoint.watch_standing();
    let mut cut_at = (*standing.borrow_and_update() == Standing::Leaving).then(|| Instant::now() + drain);
    let mut connection = pin!(connection);
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(endpoint = %open.endpoint.key.address, %error, "endpoint connection ended");
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
                    endpoint = %open.endpoint.key.address,
                    zone = %open.endpoint.key.zone,
                    ?drain,
                    "request cut: its zone was left and `drain` has passed"
                );
                return;
            }
        }
    }
}
