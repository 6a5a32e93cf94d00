//! One worker: a thread with its own runtime, its own listener of every pool, its own kept connections.
//!
//! Nothing is shared between workers on the path of a request but the route, an endpoint's health and its load.
//!
//! At its bound of client connections a worker accepts, says 503 and closes.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, MissedTickBehavior};

use crate::budget::RetryBudget;
use crate::client_io::ClientIo;
use crate::client_state::ConnectionState;
use crate::config::BalancerConfig;
use crate::endpoint::Endpoint;
use crate::exchange::ClientConnection;
use crate::front::{Front, Phase};
use crate::kept::{Kept, KeptShared};

/// How often idle endpoint connections are looked through.
const SWEEP: Duration = Duration::from_millis(500);

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
    /// What retries it has left.
    pub budget: RetryBudget,
    spread: Duration,
    kept: RefCell<HashMap<u64, Rc<Kept>>>,
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
    /// Starts a worker's thread. `told` tells of every new snapshot.
    pub fn start(number: usize, config: &BalancerConfig, told: watch::Receiver<u64>) -> io::Result<Handle> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (listeners, opened) = mpsc::channel(64);
        let (end, ended) = oneshot::channel();
        let (obey, obeyed) = watch::channel(0);
        let config = config.clone();
        let thread = std::thread::Builder::new().name(format!("hf-balancer-{number}")).spawn(move || {
            LocalSet::new().block_on(&runtime, async {
                Rc::new(Worker::new(&config)).run(opened, told, obey).await;
            });
            // Dropping the runtime cuts what is left.
            drop(runtime);
            let _ = end.send(());
        })?;
        Ok(Handle { listeners, obeyed, ended, thread })
    }
}

impl Worker {
    fn new(config: &BalancerConfig) -> Self {
        let shared = KeptShared {
            limits: config.limits.clone(),
            drain: config.drain,
            clock: config.clock.clone(),
            idle_total: Cell::new(0),
        };
        Worker {
            shared: Rc::new(shared),
            budget: RetryBudget::new(),
            spread: config.limits.spread,
            kept: RefCell::default(),
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
                    self.sweep();
                    // From its last look at an endpoint's standing to its hand-over a request does not wait. So when this task
                    // has its turn on the worker's only thread, no request is between the two.
                    obey.send_replace(number);
                }
                open = opened.recv() => match open {
                    Some(open) => self.open(open),
                    None => break,
                },
                _ = sweep.tick() => self.sweep(),
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

    fn sweep(&self) {
        let now = Instant::now();
        self.kept.borrow_mut().retain(|_, kept| {
            kept.sweep(now);
            // Held by nobody else, idle and not in service: forget it.
            kept.endpoint.serves() || kept.idle_count() > 0 || Rc::strong_count(kept) > 1
        });
    }

    /// This worker's connections to `endpoint`.
    pub fn kept(&self, endpoint: &Arc<Endpoint>) -> Rc<Kept> {
        let mut kept = self.kept.borrow_mut();
        let new = || Rc::new(Kept::new(endpoint.clone(), self.shared.clone()));
        kept.entry(endpoint.id).or_insert_with(new).clone()
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
        let text = format!("{:016x}{:016x}", self.chance(), self.chance());
        HeaderValue::from_str(&text).expect("hexadecimal digits are plain text")
    }
}

/// One more client connection of a worker.
struct Client(Rc<Worker>);

impl Client {
    fn new(worker: &Rc<Worker>) -> Self {
        worker.clients.set(worker.clients.get() + 1);
        Client(worker.clone())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.0.clients.set(self.0.clients.get() - 1);
        self.0.gone.notify_one();
    }
}

async fn accept(worker: Rc<Worker>, front: Arc<Front>, listener: TcpListener) {
    let mut phase = front.watch_phase();
    loop {
        let closing = *phase.borrow_and_update() == Phase::Closing;
        tokio::select! {
            biased;
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => admit(&worker, &front, stream, peer),
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

fn admit(worker: &Rc<Worker>, front: &Arc<Front>, stream: TcpStream, peer: SocketAddr) {
    if worker.clients.get() >= worker.shared.limits.connections_per_worker {
        tracing::debug!(%peer, "client turned away: this worker has all the connections that it may have");
        let _ = stream.try_write(FULL);
        return;
    }
    let _ = stream.set_nodelay(true);
    spawn_local(serve(Client::new(worker), front.clone(), stream, peer));
}

/// Serves one client connection to its end.
async fn serve(client: Client, front: Arc<Front>, stream: TcpStream, peer: SocketAddr) {
    let worker = &client.0;
    let limits = &worker.shared.limits;
    let state = Arc::new(ConnectionState::new());
    let io = TokioIo::new(ClientIo::new(stream, limits, state.clone()));
    let mut phases = front.watch_phase();
    let mut phase = *phases.borrow_and_update();
    let who = crate::client::Client::direct(peer, front.local);
    let shared = Rc::new(ClientConnection::new(worker.clone(), front, state.clone(), who));
    let service = service_fn(move |request| shared.clone().answer(request));
    let connection = http1::Builder::new()
        .max_buf_size(limits.header_bytes)
        .max_header_size(limits.header_bytes)
        .serve_connection(io, service);
    let mut connection = std::pin::pin!(connection);

    // When to send an idle client away. Who lost a kept connection asks again by itself; who lost a new one before its first
    // answer reports a failure. So a connection that has carried nothing has as long as a head may take.
    let unused_until = Instant::now() + limits.header;
    let send_away_at = || {
        let share = worker.chance() as f64 / u64::MAX as f64;
        let at = Instant::now() + worker.spread.mul_f64(share);
        if state.is_used() { at } else { at.max(unused_until) }
    };
    let mut close_at = (phase != Phase::Open).then(send_away_at);
    let mut cut_at = (phase == Phase::Closing).then(|| Instant::now() + worker.shared.drain);
    loop {
        let next = [close_at, cut_at].into_iter().flatten().min();
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%peer, %error, "client connection ended");
                }
                return;
            }
            changed = phases.changed() => {
                if changed.is_err() {
                    return;
                }
                let was = std::mem::replace(&mut phase, *phases.borrow_and_update());
                match phase {
                    Phase::Open => {
                        close_at = None;
                        state.close_when_idle(false);
                    }
                    Phase::Away | Phase::Closing if was == Phase::Open => {
                        close_at = Some(send_away_at());
                    }
                    Phase::Away | Phase::Closing => {}
                }
                if phase == Phase::Closing {
                    cut_at = Some(Instant::now() + worker.shared.drain);
                }
            }
            () = tokio::time::sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                let now = Instant::now();
                if cut_at.is_some_and(|at| at <= now) {
                    tracing::info!(%peer, "client cut: its listener closed and `drain` has passed");
                    return;
                }
                if close_at.take_if(|at| *at <= now).is_some() {
                    state.close_when_idle(true);
                    // The next turn of this loop polls the connection, which sees the wish.
                }
            }
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
