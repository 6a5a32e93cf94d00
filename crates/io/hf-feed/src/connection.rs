//! One connection between two nodes, whoever dialled.
//!
//! 1. Hello first, both ways; then every beat table, report and break-glass acts, every tenth beat intent. What changes is
//!    sent at once, except intent to a peer that is known to have it: because it sent it, or reports that it obeys it. A long one waits
//!    for a few milliseconds, by chance, so that of several nodes that have it one sends it and the others hear that it is there.
//! 2. No queue: what is sent is the newest there is when the socket takes it. A peer that takes nothing for five beats, or
//!    says nothing for five of its own, is cut off; so is one whose bytes are wrong.
//! 3. Nothing here waits for another connection.
//!
//! Not here: dialling and accepting (`feed`), what is due when (`pace`), what a message means (`hf-node`).

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hf_model::{NodeId, Revision};
use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

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

/// An intent of so many bytes is long.
const LONG: usize = 64 << 10;
/// How long a long intent that changed waits at most, by chance: less than reading one takes a slow node.
const HOLD_MAX: Duration = Duration::from_millis(20);

/// What all connections of a node share.
#[derive(Clone, Debug)]
pub struct Shared {
    pub hello: Arc<Hello>,
    pub beat: Duration,
    pub outgoing: watch::Receiver<Outgoing>,
    pub frames: watch::Receiver<Frames>,
    pub incoming: mpsc::Sender<Incoming>,
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
    let peer_has = AtomicU64::new(0);
    tokio::select! {
        ended = read_all(&mut from, Arc::new(peer), patience, &shared, &peer_has) => ended,
        ended = write_all(&mut to, &shared, &peer_has) => ended,
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
    peer: Arc<Peer>,
    patience: Duration,
    shared: &Shared,
    peer_has: &AtomicU64,
) -> Ended {
    let mut told = BTreeSet::new();
    loop {
        let (kind, payload) = match frame::read(from, patience).await {
            Ok(frame) => frame,
            Err(error) => return error.into(),
        };
        let known = shared.outgoing.borrow().intent.as_ref().map_or(Revision(0), |intent| intent.revision);
        let is_rival = kind == Kind::Intent && message::is_rival(&payload, &shared.frames.borrow());
        let known = if is_rival { Revision(known.0.saturating_sub(1)) } else { known };
        let message = match message::decode(kind, payload, &peer, known).await {
            Read::Message(message) => message,
            Read::Newer(problem) => {
                if told.insert(kind) {
                    tracing::warn!(node = %peer.node, ?kind, %problem, "feed: a node says what this one cannot read");
                }
                continue;
            }
            Read::Wrong(problem) => return Ended::Garbage(format!("{kind:?}: {problem}")),
        };
        if let Some(revision) = message.sender_has() {
            peer_has.fetch_max(revision.0, Ordering::Relaxed);
        }
        if shared.incoming.send(Incoming { from: peer.clone(), message }).await.is_err() {
            return Ended::Shutdown;
        }
    }
}

async fn write_all<W: AsyncWrite + Unpin>(to: &mut W, shared: &Shared, peer_has: &AtomicU64) -> Ended {
    let patience = patience(shared.beat);
    let mut frames = shared.frames.clone();
    let mut beats = interval(shared.beat);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pace = Pace::default();
    let mut held: Option<Held> = None;
    loop {
        let is_beat = tokio::select! {
            _ = beats.tick() => true,
            changed = frames.changed() => match changed {
                Ok(()) => false,
                Err(_) => return Ended::Shutdown,
            },
            () = until(held.as_ref()) => {
                if let Some(Held { revision, frame, .. }) = held.take()
                    && peer_has.load(Ordering::Relaxed) < revision.0
                    && let Err(ended) = send(to, &frame, patience).await
                {
                    return ended;
                }
                continue;
            }
        };
        let next = frames.borrow_and_update().clone();
        let mut due = if is_beat {
            pace.on_beat(&next)
        } else {
            pace.on_change(&next, Revision(peer_has.load(Ordering::Relaxed)))
        };
        if !is_beat && let Some(long) = Held::of(&next, &due, shared.hello.nonce) {
            due.pop();
            let at = held.map_or(long.at, |held| held.at.min(long.at));
            held = Some(Held { at, ..long });
        }
        for frame in due {
            if let Err(ended) = send(to, &frame, patience).await {
                return ended;
            }
        }
    }
}

/// A long intent that waits for a moment of chance: whoever is connected with several nodes that have it needs it once.
struct Held {
    at: Instant,
    revision: Revision,
    frame: Arc<[u8]>,
}

impl Held {
    /// The intent that is due, if it is long; it comes last.
    fn of(next: &Frames, due: &[Arc<[u8]>], nonce: u64) -> Option<Held> {
        let (revision, frame) = next.intent.as_ref()?;
        let is_due = due.last().is_some_and(|last| Arc::ptr_eq(last, frame));
        if !is_due || frame.len() < LONG {
            return None;
        }
        // By this process's random number: another moment at each node, and with each revision.
        let part = (nonce ^ revision.0).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
        Some(Held {
            at: Instant::now() + HOLD_MAX * part as u32 / 255,
            revision: *revision,
            frame: frame.clone(),
        })
    }
}

/// Until it is time; for ever, when nothing is held.
async fn until(held: Option<&Held>) {
    match held {
        Some(held) => sleep_until(held.at).await,
        None => std::future::pending().await,
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
