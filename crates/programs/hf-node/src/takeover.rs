//! One process of a node after another, without a client of its balancer noticing.
//!
//! The new process calls the old one at its door, a Unix socket, and this is said, in this order:
//! 1. new: *give*. Old: every listener of its balancer, then *that is all*. Both serve them from now on; connections wait in one queue.
//! 2. new, as soon as it has read its files: *let go*. The old one ends all that writes (ledger, disk, feed, API, checker, DNS, status) and lets the
//!    data folder go; its balancer goes on with the last snapshot. Old: *let go*.
//! 3. new starts from the folder, serves, and says *serving*. The old one accepts nobody any more, lets its clients finish for
//!    `drain`, and ends.
//!
//! A new process that fails before 2 changes nothing. One that fails between 2 and 3 leaves the old one balancing by its last snapshot and
//! without the rest, which it says at ERROR; it takes the next call as if nothing had been.
//!
//! A call waits [`PATIENCE`] for each answer; letting go has as long as the node's parts have to end.
//!
//! Not here: sockets over sockets (`hf-stream`), who ends when (`parts`).

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_balancer::{Handover, NamedListener};
use hf_config::node::NodeConfig;
use hf_stream::handover::{Channel, Door, SOCKETS_MAX};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::{error, info, warn};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a new process may take from its folder to its first client.
const START_PATIENCE: Duration = Duration::from_mins(5);

const GIVE: u8 = 1;
const LISTENERS: u8 = 2;
const ALL: u8 = 3;
const LET_GO: u8 = 4;
const SERVING: u8 = 5;

/// Why a node could not take over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TakeoverError {
    /// Nobody answers at the door.
    #[error("{}: no running node to take over from; start without `--takeover`, or look at `handover_socket` of [balancer]", .path.display())]
    Nobody {
        /// The door.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It answered and then did not keep to the order.
    #[error("the running node at {} did not hand over while it was asked to {step}; it goes on, see its log", .path.display())]
    Broken {
        /// The door.
        path: PathBuf,
        /// What it was asked.
        step: &'static str,
        /// What went wrong.
        #[source]
        source: io::Error,
    },
}

/// Where a node's successor calls.
pub fn door(config: &NodeConfig) -> PathBuf {
    config.balancer.handover_socket.clone().unwrap_or_else(|| config.data_dir.join("balancer.sock"))
}

/// A running node that is being taken over from.
#[derive(Debug)]
pub struct Predecessor {
    channel: Channel,
    path: PathBuf,
}

impl Predecessor {
    /// Calls the running node, and takes its listeners. Blocks.
    pub fn call(path: &Path) -> Result<(Predecessor, Vec<NamedListener>), TakeoverError> {
        let channel = Channel::call(path, PATIENCE)
            .map_err(|source| TakeoverError::Nobody { path: path.to_owned(), source })?;
        let called = Predecessor { channel, path: path.to_owned() };
        let taken = called.take().map_err(|source| called.broken("give its listeners", source))?;
        Ok((called, taken))
    }

    fn take(&self) -> io::Result<Vec<NamedListener>> {
        self.channel.send(GIVE, b"", &[])?;
        let mut taken = Vec::new();
        loop {
            let message = self.channel.receive()?;
            match message.kind {
                ALL => return Ok(taken),
                LISTENERS => {
                    let names = String::from_utf8_lossy(&message.bytes).into_owned();
                    let listeners = message.sockets.into_iter().map(TcpListener::from);
                    taken.extend(
                        names
                            .lines()
                            .zip(listeners)
                            .map(|(name, listener)| NamedListener { name: name.to_owned(), listener }),
                    );
                }
                other => return Err(unexpected(other)),
            }
        }
    }

    /// Has it let the data folder go. Blocks.
    pub fn let_go(&self) -> Result<(), TakeoverError> {
        let letting = || {
            self.channel.send(LET_GO, b"", &[])?;
            match self.channel.receive()?.kind {
                LET_GO => Ok(()),
                other => Err(unexpected(other)),
            }
        };
        letting().map_err(|source| self.broken("let its data folder go", source))
    }

    /// Tells it that it is not needed any more. Blocks.
    pub fn serving(self) -> Result<(), TakeoverError> {
        self.channel.send(SERVING, b"", &[]).map_err(|source| self.broken("leave", source))
    }

    fn broken(&self, step: &'static str, source: io::Error) -> TakeoverError {
        TakeoverError::Broken { path: self.path.clone(), step, source }
    }
}

fn unexpected(kind: u8) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("it said {kind}, which is not in its turn"))
}

/// Asks the node to let its data folder go; the answer comes when it has.
pub type LetGo = mpsc::Sender<oneshot::Sender<()>>;

/// Answers successors until `stopped` or until one of them serves: then the node is told to end by `end`.
pub async fn answer(
    path: PathBuf,
    handover: Handover,
    let_go: LetGo,
    end: watch::Sender<bool>,
    mut stopped: watch::Receiver<bool>,
) {
    let calls = async {
        let opened = tokio::task::spawn_blocking({
            let path = path.clone();
            move || Door::open(&path)
        });
        let door = opened.await.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))?;
        let listener = door.listener()?;
        listener.set_nonblocking(true)?;
        let listener = tokio::net::UnixListener::from_std(listener)?;
        loop {
            let (stream, _) = listener.accept().await?;
            if hand_over(stream.into_std()?, &handover, &let_go).await {
                info!("a new process serves; this one lets its clients finish and ends");
                end.send_replace(true);
                return Ok::<(), io::Error>(());
            }
        }
    };
    tokio::select! {
        ended = calls => if let Err(error) = ended {
            warn!(path = %path.display(), %error, "no new process can take over from this one; see `handover_socket` of [balancer]");
        },
        _ = stopped.wait_for(|stop| *stop) => return,
    }
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// One conversation; true when the other one serves.
async fn hand_over(stream: UnixStream, handover: &Handover, let_go: &LetGo) -> bool {
    let Some(listeners) = handover.listeners().await else { return false };
    let count = listeners.len();
    let give = move || {
        let channel = Channel::over(stream, PATIENCE)?;
        expect(&channel, GIVE)?;
        for some in listeners.chunks(SOCKETS_MAX) {
            let names: String = some.iter().map(|named| format!("{}\n", named.name)).collect();
            let sockets: Vec<_> = some.iter().map(|named| named.listener.as_fd()).collect();
            channel.send(LISTENERS, names.as_bytes(), &sockets)?;
        }
        channel.send(ALL, b"", &[])?;
        expect(&channel, LET_GO)?;
        Ok(channel)
    };
    let channel = match blocking(give).await {
        Ok(channel) => channel,
        Err(error) => {
            warn!(%error, "a new process began to take over and did not go on; nothing has changed");
            return false;
        }
    };
    info!(listeners = count, "a new process takes over; the balancer goes on until it serves");
    let (gone_to, gone) = oneshot::channel();
    if let_go.send(gone_to).await.is_err() || gone.await.is_err() {
        return false;
    }
    let wait = move || {
        channel.send(LET_GO, b"", &[])?;
        channel.set_patience(START_PATIENCE)?;
        expect(&channel, SERVING)
    };
    match blocking(wait).await {
        Ok(()) => true,
        Err(error) => {
            error!(%error, "the new process did not come to serve; this one balances by its last snapshot and does nothing else: start the new one again with `--takeover`");
            false
        }
    }
}

fn expect(channel: &Channel, kind: u8) -> io::Result<()> {
    match channel.receive()?.kind {
        same if same == kind => Ok(()),
        other => Err(unexpected(other)),
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
}
