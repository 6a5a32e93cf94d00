//! One worker's connections to endpoints: opened, lent to requests, kept for the next.
//!
//! 1. HTTP/1.1: a connection carries one request at a time and is kept after a whole answer, while its endpoint serves; the newest is
//!    lent first. One that the endpoint closes at rest goes when it is its turn, or with the next sweep.
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
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hf_clock::Clock;
use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::alone::Alone;
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

/// How often they are looked for while somebody waits for them.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

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
    /// Those of HTTP/1.1 that are open, and some that were.
    alone: RefCell<Vec<Weak<Open>>>,
    /// Who cuts them.
    cutter: RefCell<Option<AbortHandle>>,
    /// Requests that wait for a turn to connect get one in their order; as many wait as the endpoint's load allows.
    connecting: Semaphore,
    /// What all of the worker's share.
    pub shared: Rc<KeptShared>,
}

#[derive(Debug)]
struct Idle {
    line: Box<Alone>,
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
    /// Whether somebody wants to know, and who finds out.
    is_asked: Cell<bool>,
    task: RefCell<Option<Waker>>,
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
        self.of.is_asked.set(true);
        while !self.of.takes_connect.get() {
            // hyper reads the settings in a task of its own, which tells nobody: whoever may look is sent to look.
            if let Some(task) = &*self.of.task.borrow() {
                task.wake_by_ref();
            }
            let _ = tokio::time::timeout(LOOK_AGAIN, self.of.learned.notified()).await;
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
            alone: RefCell::default(),
            cutter: RefCell::default(),
            connecting: Semaphore::new(turns as usize),
            shared,
        }
    }

    /// Lends a kept connection at once, unless a fresh one is asked for.
    pub fn lend_kept(self: &Rc<Self>, fresh: bool, between: Between) -> Option<Lease> {
        let (line, open) =
            if fresh { None } else { self.take(self.manner.is_per_client().then_some(between)) }?;
        Some(Lease::new(line, self.clone(), true, Load::new(self.endpoint.clone()), open))
    }

    /// Lends a new connection, or one that comes free while it waits for its turn to open one.
    pub async fn lend(self: &Rc<Self>, fresh: bool, between: Between) -> Result<Lease, ConnectError> {
        let load = Load::new(self.endpoint.clone());
        let between = self.manner.is_per_client().then_some(between);
        let limit = self.manner.patience.connect;
        let silent = || io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {limit:?}"));
        let until = Instant::now() + limit;
        let opening = self.connect_in_turn(fresh, between);
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
        let open = Open::new(self);
        self.watch(&open);
        Ok((Line::Alone(Box::new(Alone::new(io, open.clone()))), open, false))
    }

    /// Sees to it that a connection is cut `drain` after its zone was left.
    fn watch(self: &Rc<Self>, open: &Rc<Open>) {
        let mut alone = self.alone.borrow_mut();
        if alone.len() == alone.capacity() {
            alone.retain(|open| open.strong_count() > 0);
        }
        alone.push(Rc::downgrade(open));
        self.cutter.borrow_mut().get_or_insert_with(|| {
            let cutting =
                cut_when_left(Rc::downgrade(self), self.endpoint.watch_standing(), self.shared.drain);
            tokio::task::spawn_local(cutting).abort_handle()
        });
    }

    fn cut(&self) {
        let left: Vec<Rc<Open>> = self.alone.borrow().iter().filter_map(Weak::upgrade).collect();
        if left.is_empty() {
            return;
        }
        let (key, drain) = (&self.endpoint.key, self.shared.drain);
        tracing::info!(endpoint = %key.address, zone = %key.zone, ?drain, count = left.len(),
            "requests cut: their zone was left and `drain` has passed");
        for open in &left {
            open.cut();
        }
    }

    async fn greet_http2(
        self: &Rc<Self>,
        io: EndpointIo,
        between: Option<Between>,
    ) -> hyper::Result<(Line, Rc<Open>)> {
        let open = Open::new(self);
        let (sender, connection) = http2::Builder::new(LocalTasks)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES * 16)
            .max_header_list_size(self.manner.bounds.header_bytes)
            .handshake(TokioIo::new(Cuttable { io, open: open.clone() }))
            .await?;
        let shared = Rc::new(Shared {
            sender,
            open: Rc::downgrade(&open),
            between,
            streams: Cell::new(0),
            streams_max: Cell::new(self.manner.bounds.streams_per_connection.max(1)),
            since: Cell::new(Instant::now()),
            takes_connect: Cell::new(false),
            learned: Notify::new(),
            is_asked: Cell::new(false),
            task: RefCell::default(),
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
                    shared.task.borrow_mut().get_or_insert_with(|| cx.waker().clone());
                    if looks > 0 || shared.is_asked.get() {
                        looks = looks.saturating_sub(1);
                        if connection.is_extended_connect_protocol_enabled() {
                            looks = 0;
                            shared.is_asked.set(false);
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
            if idle[at].between != between {
                continue;
            }
            let mut taken = idle.remove(at)?;
            self.shared.idle_total.set(self.shared.idle_total.get() - 1);
            if taken.line.is_free() {
                let open = taken.line.open().clone();
                return Some((Line::Alone(taken.line), open));
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
    pub fn put_back(&self, mut line: Box<Alone>, between: Option<Between>) {
        if !line.is_at_rest() {
            return;
        }
        let mut idle = self.idle.borrow_mut();
        let total = &self.shared.idle_total;
        let room = idle.len() < self.manner.bounds.kept_per_endpoint as usize
            && total.get() < self.shared.limits.kept_per_worker;
        if room && self.endpoint.serves() {
            line.rest();
            idle.push_back(Idle { line, between, since: Instant::now() });
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
        idle.retain_mut(|kept| is_young(kept.since) && kept.line.is_free());
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
        if let Some(cutter) = self.cutter.take() {
            cutter.abort();
        }
    }
}

/// Cuts connections of HTTP/1.1 whenever their endpoint was left for `drain`.
async fn cut_when_left(kept: Weak<Kept>, mut standing: watch::Receiver<Standing>, drain: Duration) {
    loop {
        if standing.wait_for(|standing| *standing == Standing::Leaving).await.is_err() {
            return;
        }
        let comes_back = standing.wait_for(|standing| *standing != Standing::Leaving);
        if tokio::time::timeout(drain, comes_back).await.is_err() {
            let Some(kept) = kept.upgrade() else { return };
            kept.cut();
            drop(kept);
            if standing.wait_for(|standing| *standing != Standing::Leaving).await.is_err() {
                return;
            }
        }
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

/// The socket of a connection of HTTP/2. hyper drives it in a task of its own, which goes on with streams under way when all else is gone: so it is
/// the socket that breaks when the connection is cut.
#[derive(Debug)]
struct Cuttable {
    io: EndpointIo,
    open: Rc<Open>,
}

impl AsyncRead for Cuttable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.open.is_cut(cx) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// Counts a connection as open while it lives: while it is attended, or what it became is in use.
#[derive(Debug)]
pub struct Open {
    endpoint: Arc<Endpoint>,
    shared: Rc<KeptShared>,
    is_cut: Cell<bool>,
    /// Who waits for its endpoint.
    waiting: RefCell<Option<Waker>>,
    /// Who waits for something else, and wants to know when it is cut.
    told: Notify,
}

impl Open {
    fn new(kept: &Kept) -> Rc<Self> {
        kept.endpoint.activity.connection_opened();
        Rc::new(Open {
            endpoint: kept.endpoint.clone(),
            shared: kept.shared.clone(),
            is_cut: Cell::new(false),
            waiting: RefCell::default(),
            told: Notify::new(),
        })
    }

    /// Ends what is under way on it.
    fn cut(&self) {
        self.is_cut.set(true);
        if let Some(waiting) = self.waiting.take() {
            waiting.wake();
        }
        self.told.notify_waiters();
    }

    /// Waits until it is cut.
    pub async fn cut_off(&self) {
        let mut told = pin!(self.told.notified());
        told.as_mut().enable();
        if !self.is_cut.get() {
            told.await;
        }
    }

    /// Whether it was cut; if not, the task is woken when it is.
    pub fn is_cut(&self, cx: &Context<'_>) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waiting = Some(cx.waker().clone());
        }
        self.is_cut.get()
    }

    /// Whether it was cut, for who does not wait.
    pub fn was_cut(&self) -> bool {
        self.is_cut.get()
    }

    /// Nobody waits any more.
    pub fn forget(&self) {
        self.waiting.take();
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.endpoint.activity.connection_closed(self.shared.clock.now());
    }
}

/// Drives one connection of HTTP/2 to its end, and cuts it when its endpoint was left for longer than `drain`.
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
                    "requests cut: their zone was left and `drain` has passed"
                );
                // Before its streams break: they shall know why.
                open.cut();
                return;
            }
        }
    }
}
