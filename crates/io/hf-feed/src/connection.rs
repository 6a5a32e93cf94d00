//! One connection between two nodes, whoever dialled.
//!
//! 1. Hello first, both ways; then every beat table, report and break-glass acts, every tenth beat intent. What changes is
//!    sent at once, except intent to a peer that is known to have it: because it sent it, or reports that it obeys it. Of a long one goes
//!    the head; a peer that lacks its base asks for it (`bases`).
//! 2. No queue: what is sent is the newest there is when the socket takes it. A peer that takes nothing for five beats, or
//!    says nothing for five of its own, is cut off; so is one whose bytes are wrong.
//! 3. Nothing here waits for another connection.
//!
//! Not here: dialling and accepting (`feed`), what is due when (`pace`), what a message means (`hf-node`).

use std::collections::BTreeSet;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hf_model::{Digest, NodeId, Revision};
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use crate::bases::{Bases, Intake, Taken};
use crate::frame::{self, FrameError, Kind};
use crate::message::{self, Frames, Hello, Incoming, Outgoing, Peer, Read};
use crate::pace::Pace;
use crate::tls::is_for_node;

/// Beats of silence, or of a full socket, until a connection is given up.
const PATIENCE_BEATS: u32 = 5;
/// The least patience: at quick beats a busy machine must not look like a dead one.
const PATIENCE_MIN: Duration = Duration::from_secs(1);
/// How long hellos may take.
const HELLO_TIMEOUT: Duration = Duration::from_secs(3);
/// Bytes handed to the socket at a time; each such piece has its own time-out, so that a long intent may take long.
const PIECE: usize = 64 << 10;

/// A part of an intent of so many bytes is read off the runtime's threads.
const LONG: usize = 64 << 10;
/// A base is sent to one peer no more often than this, however often it asks.
const BASE_AGAIN: Duration = Duration::from_millis(100);
/// Orders of the reading half to the writing half that wait; what is more is dropped, and asked again on the next beat.
const ORDERS: usize = 4;

/// What all connections of a node share.
#[derive(Clone, Debug)]
pub struct Shared {
    pub hello: Arc<Hello>,
    pub beat: Duration,
    pub outgoing: watch::Receiver<Outgoing>,
    pub frames: watch::Receiver<Frames>,
    pub incoming: mpsc::Sender<Incoming>,
    pub bases: Arc<Bases>,
}

/// What the two halves of a connection share.
struct Between {
    peer: Arc<Peer>,
    /// The newest revision that the peer is known to have.
    peer_has: AtomicU64,
    intake: Arc<Mutex<Intake>>,
    orders: mpsc::Sender<Order>,
}

/// What the reading half wants sent.
#[derive(Clone, Copy, Debug)]
enum Order {
    /// A question for this base.
    Ask(Digest),
    /// This base.
    Serve(Digest),
}

/// How a connection ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The other end is this very process.
    #[error("it is this node itself")]
    Myself,
    /// Another process has this node's name.
    #[error("another process calls itself `{0}` too; give each node its own `id`")]
    SameName(NodeId),
    /// The certificate names another node.
    #[error(
        "it calls itself `{0}` and its certificate does not; issue that node's certificate with the DNS name `{0}`"
    )]
    OtherCertificate(NodeId),
    /// Its bytes are wrong.
    #[error("it sent something wrong: {0}")]
    Garbage(String),
    /// It says nothing.
    #[error("silent for {} ms", .0.as_millis())]
    Silent(Duration),
    /// It takes nothing.
    #[error("it took nothing for {} ms", .0.as_millis())]
    Stuck(Duration),
    /// The connection broke or was closed.
    #[error("{0}")]
    Broken(io::Error),
    /// This node is shutting down.
    #[error("shutting down")]
    Shutdown,
}

impl From<FrameError> for Ended {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Silent(length) => Ended::Silent(length),
            FrameError::Io(error) => Ended::Broken(error),
            wrong => Ended::Garbage(wrong.to_string()),
        }
    }
}

/// Runs one connection to its end. Calls `known` once the other end has said who it is.
pub async fn run<S: AsyncRead + AsyncWrite>(
    stream: S,
    certificate: Option<CertificateDer<'static>>,
    shared: Shared,
    known: impl FnOnce(&Peer),
) -> Ended {
    let (mut from, mut to) = tokio::io::split(stream);
    let hellos = async {
        let hello = shared.hello.encode();
        tokio::try_join!(send(&mut to, &hello, HELLO_TIMEOUT), receive_hello(&mut from, &shared))
    };
    let (peer, patience) = match timeout(HELLO_TIMEOUT, hellos).await {
        Err(_) => return Ended::Silent(HELLO_TIMEOUT),
        Ok(Err(ended)) => return ended,
        Ok(Ok(((), hello))) => hello,
    };
    if certificate.is_some_and(|certificate| !is_for_node(&certificate, &peer.node)) {
        return Ended::OtherCertificate(peer.node);
    }
    known(&peer);
    let (orders, ordered) = mpsc::channel(ORDERS);
    let between = Between {
        peer: Arc::new(peer),
        peer_has: AtomicU64::new(0),
        intake: Arc::new(Mutex::new(Intake::new(shared.bases.clone()))),
        orders,
    };
    tokio::select! {
        ended = read_all(&mut from, patience, &shared, &between) => ended,
        ended = write_all(&mut to, &shared, &between, ordered) => ended,
    }
}

async fn receive_hello<R: AsyncRead + Unpin>(
    from: &mut R,
    shared: &Shared,
) -> Result<(Peer, Duration), Ended> {
    let (kind, payload) = frame::read(from, HELLO_TIMEOUT).await?;
    if kind != Kind::Hello {
        return Err(Ended::Garbage(format!("{kind:?} before hello")));
    }
    let (peer, nonce, beat) = Hello::decode(&payload).map_err(Ended::Garbage)?;
    if nonce == shared.hello.nonce {
        return Err(Ended::Myself);
    }
    if peer.node.as_str() == shared.hello.node {
        return Err(Ended::SameName(peer.node));
    }
    Ok((peer, patience(beat)))
}

fn patience(beat: Duration) -> Duration {
    (beat * PATIENCE_BEATS).max(PATIENCE_MIN)
}

async fn read_all<R: AsyncRead + Unpin>(
    from: &mut R,
    patience: Duration,
    shared: &Shared,
    between: &Between,
) -> Ended {
    let mut told = BTreeSet::new();
    loop {
        let (kind, payload) = match frame::read(from, patience).await {
            Ok(frame) => frame,
            Err(error) => return error.into(),
        };
        let known = shared.known();
        let is_intent = matches!(kind, Kind::Intent | Kind::IntentHead);
        let is_rival = is_intent && message::is_rival(&payload, &shared.frames.borrow());
        let known = if is_rival { Revision(known.0.saturating_sub(1)) } else { known };
        let taken = match kind {
            Kind::IntentHead | Kind::IntentBase | Kind::AskBase => between.take(kind, payload, known).await,
            kind => Taken::Read(message::decode(kind, payload, &between.peer, known).await),
        };
        let read = match taken {
            Taken::Read(read) => read,
            Taken::Waits(revision) => {
                between.has(revision);
                continue;
            }
            Taken::Ask(digest) => {
                between.order(Order::Ask(digest));
                continue;
            }
            Taken::Asked(digest) => {
                between.order(Order::Serve(digest));
                continue;
            }
            Taken::PassedOver => continue,
        };
        let message = match read {
            Read::Message(message) => message,
            Read::Newer(problem) => {
                if told.insert(kind) {
                    tracing::warn!(node = %between.peer.node, ?kind, %problem, "feed: a node says what this one cannot read");
                }
                continue;
            }
            Read::Wrong(problem) => return Ended::Garbage(format!("{kind:?}: {problem}")),
        };
        if let Some(revision) = message.sender_has() {
            between.has(revision);
        }
        if shared.incoming.send(Incoming { from: between.peer.clone(), message }).await.is_err() {
            return Ended::Shutdown;
        }
    }
}

impl Shared {
    /// The newest revision of which the intent is here.
    fn known(&self) -> Revision {
        self.outgoing.borrow().intent.as_ref().map_or(Revision(0), |intent| intent.revision)
    }
}

impl Between {
    fn has(&self, revision: Revision) {
        self.peer_has.fetch_max(revision.0, Ordering::Relaxed);
    }

    /// Full: dropped. What is asked for is asked for again on the next beat.
    fn order(&self, order: Order) {
        let _ = self.orders.try_send(order);
    }

    /// Takes a part of an intent, a long one off the runtime's threads.
    async fn take(&self, kind: Kind, payload: Vec<u8>, known: Revision) -> Taken {
        if payload.len() < LONG {
            return lock(&self.intake).take(kind, &payload, &self.peer, known);
        }
        let (intake, peer) = (self.intake.clone(), self.peer.clone());
        let taken = tokio::task::spawn_blocking(move || lock(&intake).take(kind, &payload, &peer, known));
        taken.await.expect("reading a part of an intent does not panic")
    }
}

/// What is in it is whole after every step; a panic elsewhere changes nothing.
fn lock(intake: &Mutex<Intake>) -> MutexGuard<'_, Intake> {
    intake.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn write_all<W: AsyncWrite + Unpin>(
    to: &mut W,
    shared: &Shared,
    between: &Between,
    mut ordered: mpsc::Receiver<Order>,
) -> Ended {
    let patience = patience(shared.beat);
    let mut frames = shared.frames.clone();
    let mut beats = interval_at(Instant::now() + shared.beat, shared.beat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pace = Pace::towards(&between.peer.roles);
    let mut served = None;
    let mut begins = true;
    loop {
        let due = tokio::select! {
            biased;
            // It begins with a whole beat: a change that came before that would be sent, and then all of it again.
            () = std::future::ready(()), if begins => {
                begins = false;
                pace.on_beat(&frames.borrow_and_update().clone())
            }
            _ = beats.tick() => {
                if let Err(ended) = lacking(to, shared, between, patience).await {
                    return ended;
                }
                pace.on_beat(&frames.borrow_and_update().clone())
            }
            changed = frames.changed() => match changed {
                Ok(()) => {
                    let peer_has = Revision(between.peer_has.load(Ordering::Relaxed));
                    pace.on_change(&frames.borrow_and_update().clone(), peer_has)
                }
                Err(_) => return Ended::Shutdown,
            },
            Some(order) = ordered.recv() => match order {
                Order::Ask(digest) => frame::encode(Kind::AskBase, &digest.0).map(Into::into).into_iter().collect(),
                Order::Serve(_) if served.is_some_and(|at: Instant| Instant::now() < at + BASE_AGAIN) => continue,
                Order::Serve(digest) => {
                    served = Some(Instant::now());
                    // Another one than ours: the peer has an older head, and gets ours with the next change or beat.
                    let base = frames.borrow().base.clone().filter(|(ours, _)| *ours == digest);
                    base.map(|(_, frame)| frame).into_iter().collect()
                }
            },
        };
        for frame in due {
            if let Err(ended) = send(to, &frame, patience).await {
                return ended;
            }
        }
    }
}

/// On a beat: what the newest head of the peer still lacks is asked for, or came over another connection.
async fn lacking<W: AsyncWrite + Unpin>(
    to: &mut W,
    shared: &Shared,
    between: &Between,
    patience: Duration,
) -> Result<(), Ended> {
    let known = shared.known();
    // Held: the reading half is at it just now.
    let taken = between.intake.try_lock().ok().and_then(|mut intake| intake.on_beat(known));
    match taken {
        Some(Taken::Ask(digest)) => match frame::encode(Kind::AskBase, &digest.0) {
            Some(frame) => send(to, &frame, patience).await,
            None => Ok(()),
        },
        Some(Taken::Read(Read::Message(message))) => {
            let incoming = Incoming { from: between.peer.clone(), message };
            shared.incoming.send(incoming).await.map_err(|_| Ended::Shutdown)
        }
        Some(Taken::Read(Read::Wrong(problem))) => Err(Ended::Garbage(problem)),
        _ => Ok(()),
    }
}

async fn send<W: AsyncWrite + Unpin>(to: &mut W, frame: &[u8], patience: Duration) -> Result<(), Ended> {
    for piece in frame.chunks(PIECE) {
        match timeout(patience, to.write_all(piece)).await {
            Err(_) => return Err(Ended::Stuck(patience)),
            Ok(written) => written.map_err(Ended::Broken)?,
        }
    }
    match timeout(patience, to.flush()).await {
        Err(_) => Err(Ended::Stuck(patience)),
        Ok(flushed) => flushed.map_err(Ended::Broken),
    }
}
