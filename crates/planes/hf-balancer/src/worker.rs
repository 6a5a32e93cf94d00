//! One worker: a thread with its own runtime, its own listener of every pool, its own kept connections.
//!
//! Nothing is shared between workers on the path of a request but the route, an endpoint's health and its load.
//!
//! At its bound of client connections a worker accepts, says 503 and closes.

use std::cell::{Cell, RefCell};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use hf_config::estate::Protocol;
use hf_telemetry::Activity;
use http::header::HeaderValue;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::LocalOptions;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::spawn_local;
use tokio::time::MissedTickBehavior;

use crate::access_log::AccessLog;
use crate::budget::{Budgets, Granted};
use crate::config::BalancerConfig;
use crate::endpoint::Endpoint;
use crate::front::{Front, Phase};
use crate::handshakes::Handshakes;
pub use crate::kept::KeptShared;
use crate::kept::{Kept, Lines};
use crate::manner::Manner;
use crate::serve::serve;

/// How often idle endpoint connections are looked through.
const SWEEP: Duration = Duration::from_millis(500);

/// A request's name, and the memory from which names are cut.
const ID_BYTES: usize = 32;
const IDS_BYTES: usize = 64 * ID_BYTES;

/// As much as a record of TLS carries.
const SCRATCH_BYTES: usize = 16 << 10;

/// The whole answer to a client beyond the bound.
const FULL: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 55\r\n\
retry-after: 5\r\nconnection: close\r\n\r\nthis balancer has all the connections that it may have\n";

/// A listener for one worker.
#[derive(Debug)]
pub struct Opened {
    /// What it is for.
    pub front: Arc<Front>,
    /// This worker's socket.
    pub listener: std::net::TcpListener,
}

/// One worker's own things.
#[derive(Debug)]
pub struct Worker {
    /// What its endpoint connections share.
    pub shared: Rc<KeptShared>,
    /// Its endpoint connections.
    pub lines: Lines,
    /// What retries it has left.
    pub budgets: Budgets,
    /// Handshakes with clients; none without certificates.
    pub tls: Option<Arc<ServerConfig>>,
    /// Those in progress.
    pub handshakes: Rc<Handshakes>,
    /// Where round-trip times of clients go.
    pub activity: Arc<Activity>,
    /// Where requests are written down.
    pub access_log: Option<AccessLog>,
    /// Over how long idle clients are sent away.
    pub spread: Duration,
    /// How long a connection of HTTP/1.1 is idle before it rests.
    pub rest_after: Duration,
    /// Where bytes of connections that rest are read to.
    pub scratch: RefCell<Box<[u8]>>,
    /// Whether the balancer takes traffic yet.
    begun: watch::Receiver<bool>,
    ids: RefCell<BytesMut>,
    chance: Cell<u64>,
    clients: Cell<usize>,
    gone: Notify,
}

/// A worker's thread, seen from outside.
#[derive(Debug)]
pub struct Handle {
    /// Takes new listeners; closed, the worker ends once its clients are gone.
    pub listeners: mpsc::Sender<Opened>,
    /// The newest snapshot that this worker obeys: no request that it hands over afterwards was decided by an older one.
    pub obeyed: watch::Receiver<u64>,
    /// Says when the thread's work has ended.
    pub ended: oneshot::Receiver<()>,
    /// The thread itself; join it after `ended` spoke.
    pub thread: std::thread::JoinHandle<()>,
}

impl Handle {
    /// Starts a worker's thread. `granted` is of all workers, `told` tells of every new snapshot, `begun` whether clients are accepted yet.
    pub fn start(
        number: usize,
        config: &BalancerConfig,
        tls: Option<Arc<ServerConfig>>,
        granted: Arc<Granted>,
        told: watch::Receiver<u64>,
        begun: watch::Receiver<bool>,
    ) -> io::Result<Handle> {
        let (listeners, opened) = mpsc::channel(64);
        let (end, ended) = oneshot::channel();
        let (obey, obeyed) = watch::channel(0);
        let (built, is_built) = std::sync::mpsc::channel();
        let config = config.clone();
        let thread = std::thread::Builder::new().name(format!("hf-balancer-{number}")).spawn(move || {
            // One that knows its only thread: a task that is woken takes no lock.
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build_local(LocalOptions::default());
            let runtime = match runtime {
                Ok(runtime) => runtime,
                Err(error) => return drop(built.send(Err(error))),
            };
            let _ = built.send(Ok(()));
            runtime.block_on(async {
                Rc::new(Worker::new(&config, tls, granted, begun)).run(opened, told, obey).await;
            });
            // Dropping the runtime cuts what is left.
            drop(runtime);
            let _ = end.send(());
        })?;
        is_built.recv().unwrap_or_else(|_| Err(io::Error::other("a worker's thread ended at once")))?;
        Ok(Handle { listeners, obeyed, ended, thread })
    }
}

impl Worker {
    fn new(
        config: &BalancerConfig,
        tls: Option<Arc<ServerConfig>>,
        granted: Arc<Granted>,
        begun: watch::Receiver<bool>,
    ) -> Self {
        let shared = KeptShared {
            limits: config.limits.clone(),
            drain: config.drain,
            clock: config.clock.clone(),
            idle_total: Cell::new(0),
            timers: Rc::default(),
        };
        let shared = Rc::new(shared);
        Worker {
            lines: Lines::new(shared.clone()),
            shared,
            budgets: Budgets::new(granted),
            tls,
            handshakes: Handshakes::new(config.limits.handshakes_per_worker),
            activity: config.activity.clone(),
            access_log: config.access_log.clone(),
            spread: config.limits.spread,
            rest_after: config.limits.rest_after,
            scratch: RefCell::new(vec![0; SCRATCH_BYTES].into()),
            begun,
            ids: RefCell::default(),
            chance: Cell::new(hf_clock::random_seed()),
            clients: Cell::new(0),
            gone: Notify::new(),
        }
    }

    async fn run(
        self: Rc<Self>,
        mut opened: mpsc::Receiver<Opened>,
        mut told: watch::Receiver<u64>,
        obey: watch::Sender<u64>,
    ) {
        let mut sweep = tokio::time::interval(SWEEP);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                changed = told.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let number = *told.borrow_and_update();
                    self.lines.sweep();
                    // From its last look at an endpoint's standing to its hand-over a request does not wait. So when this task
                    // has its turn on the worker's only thread, no request is between the two.
                    obey.send_replace(number);
                }
                open = opened.recv() => match open {
                    Some(open) => self.open(open),
                    None => break,
                },
                _ = sweep.tick() => self.lines.sweep(),
            }
        }
        // Every connection knows by its front's phase how long it may go on.
        while self.clients.get() > 0 {
            self.gone.notified().await;
        }
    }

    fn open(self: &Rc<Self>, opened: Opened) {
        match TcpListener::from_std(opened.listener) {
            Ok(listener) => drop(spawn_local(accept(self.clone(), opened.front, listener))),
            Err(error) => {
                tracing::error!(address = %opened.front.local, %error, "a worker cannot use its listener; the others go on");
            }
        }
    }

    /// This worker's connections to `endpoint`, spoken to in this manner.
    pub fn kept(&self, endpoint: &Arc<Endpoint>, manner: &Arc<Manner>) -> Rc<Kept> {
        self.lines.to(endpoint, manner)
    }

    /// A number by chance (SplitMix64): for choices, not for secrets.
    pub fn chance(&self) -> u64 {
        let state = self.chance.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.chance.set(state);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A name for a request that came without one.
    pub fn new_request_id(&self) -> HeaderValue {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut block = self.ids.borrow_mut();
        if block.capacity() < ID_BYTES {
            // Ids are cut from one piece of memory, so that a copy of one costs none.
            *block = BytesMut::with_capacity(IDS_BYTES);
        }
        for chance in [self.chance(), self.chance()] {
            let digit = |at: u32| DIGITS[(chance >> (60 - 4 * at)) as usize & 15];
            block.extend_from_slice(&std::array::from_fn::<u8, 16, _>(|at| digit(at as u32)));
        }
        HeaderValue::from_maybe_shared(block.split().freeze()).expect("hexadecimal digits are plain text")
    }
}

/// One more client connection of a worker, and of one of its listeners.
#[derive(Debug)]
pub struct Counted {
    worker: Rc<Worker>,
    of_front: Rc<Cell<usize>>,
}

impl Counted {
    fn new(worker: &Rc<Worker>, of_front: &Rc<Cell<usize>>) -> Self {
        worker.clients.set(worker.clients.get() + 1);
        of_front.set(of_front.get() + 1);
        Counted { worker: worker.clone(), of_front: of_front.clone() }
    }

    /// Whose.
    pub fn worker(&self) -> &Rc<Worker> {
        &self.worker
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.of_front.set(self.of_front.get() - 1);
        self.worker.clients.set(self.worker.clients.get() - 1);
        self.worker.gone.notify_one();
    }
}

async fn accept(worker: Rc<Worker>, front: Arc<Front>, listener: TcpListener) {
    let mut phase = front.watch_phase();
    let of_front = Rc::new(Cell::new(0));
    // Clients wait in the kernel's queue until then; who dropped the sender has begun, or ends.
    let _ = worker.begun.clone().wait_for(|begun| *begun).await;
    loop {
        let closing = *phase.borrow_and_update() == Phase::Closing;
        tokio::select! {
            biased;
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => admit(&worker, &of_front, &front, stream, peer),
                Err(error) => rest_after(&front, &error).await,
            },
            // Asked after `accept`: clients that the kernel has already greeted are served.
            () = std::future::ready(()), if closing => return,
            changed = phase.changed() => if changed.is_err() {
                return;
            },
        }
    }
}

/// A client that hung up at once is nothing; without descriptors a moment's rest lets some come free.
async fn rest_after(front: &Front, error: &io::Error) {
    if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
        tracing::error!(address = %front.local, %error, "cannot accept a client; raise the limit of open files if it says so");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn admit(
    worker: &Rc<Worker>,
    of_front: &Rc<Cell<usize>>,
    front: &Arc<Front>,
    stream: TcpStream,
    peer: SocketAddr,
) {
    let table = front.table();
    let listening = &table.listening;
    let is_full = worker.clients.get() >= worker.shared.limits.connections_per_worker
        || of_front.get() >= listening.bounds.client_connections as usize;
    if is_full {
        tracing::debug!(%peer, address = %front.local, "client turned away: there are all the connections that may be");
        if listening.protocol == Protocol::Http && !listening.options.tls {
            let _ = stream.try_write(FULL);
        }
        return;
    }
    let _ = stream.set_nodelay(true);
    let counted = Counted::new(worker, of_front);
    match listening.protocol {
        Protocol::Http => drop(spawn_local(serve(counted, front.clone(), stream, peer))),
        Protocol::Tcp | Protocol::Tls => {
            let (worker, front) = (worker.clone(), front.clone());
            drop(spawn_local(async move {
                crate::tcp::serve(worker, front, stream, peer).await;
                drop(counted);
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_a_full_worker_has_its_length() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{} bytes", body.len());
    }
}
