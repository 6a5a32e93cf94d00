//! DNS over TCP (RFC 7766) and over TLS (RFC 7858).
//!
//! 1. There is room for [`CONNECTIONS_MAX`] connections over all listeners. A new one beyond that closes the one that has been quiet
//!    longest, so that askers who only hold connections open cannot keep others out.
//! 2. A connection has at most [`OUTSTANDING_MAX`] slow requests (transfers, updates) under way; while it has, nothing more is read from it.
//!    Each is answered when it is ready, so answers may come in another order than the questions.
//! 3. What waits in memory for a connection comes out of room for all, beside a little that each has always (`room`).
//! 4. [`IDLE_MAX`] for a whole request to arrive while nothing is under way, and for an answer to be taken.
//! 5. Who sends what gets no answer is not speaking DNS, and is let go.
//!
//! Not here: what an answer is (`requests`).

mod connection;
mod connections;
mod room;
mod tls;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tracing::{error, trace, warn};

pub(crate) use connections::Connections;
pub(crate) use room::{Answers, Gone, Room};
pub use tls::{DotTls, TlsError};

use crate::requests::{Requests, Via};

/// Connections open at once, over all listeners.
pub(crate) const CONNECTIONS_MAX: usize = 1_000;

/// Slow requests under way on one connection.
pub(crate) const OUTSTANDING_MAX: usize = 64;

/// For a whole request to arrive, and for an answer to be taken. Resolvers that keep connections open for longer ask by keepalive, and are
/// told this.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(10);

/// From a connection to the end of its TLS handshake.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// After an error of the listener itself, such as too many open files.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// Accepts and serves until it is dropped; its connections end with it.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<DotTls>,
    requests: Arc<Requests>,
    connections: Arc<Connections>,
) {
    // Its readiness was told to the runtime that it was bound on; from now on it is told to this one.
    let listener = match listener.into_std().and_then(TcpListener::from_std) {
        Ok(listener) => listener,
        Err(why) => {
            error!(%why, "DNS over TCP cannot be served at one of its ports; start the node again");
            return std::future::pending().await;
        }
    };
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    requests.counters().connections.add_one();
                    tasks.spawn(connection(stream, tls.clone(), requests.clone(), connections.clone()));
                }
                Err(why) => {
                    warn!(%why, "DNS over TCP failed to accept a connection; trying again");
                    tokio::time::sleep(PAUSE_AFTER_ERROR).await;
                }
            },
            Some(_) = tasks.join_next() => {}
        }
    }
}

async fn connection(
    stream: TcpStream,
    tls: Option<DotTls>,
    requests: Arc<Requests>,
    connections: Arc<Connections>,
) {
    let (seat, evicted) = connections.enter();
    if evicted {
        requests.counters().connections_evicted.add_one();
    }
    let talk = async {
        let client = stream.peer_addr()?;
        stream.set_nodelay(true)?;
        match tls {
            None => connection::converse(stream, client, Via::Tcp, &requests, &seat).await,
            Some(tls) => {
                let stream = tokio::time::timeout(HANDSHAKE_MAX, tls.accept(stream)).await??;
                connection::converse(stream, client, Via::Tls, &requests, &seat).await
            }
        }
    };
    let ended: io::Result<()> = tokio::select! {
        ended = talk => ended,
        () = seat.told_to_leave() => Ok(()),
    };
    if let Err(why) = ended {
        trace!(%why, "a connection ended");
    }
}
