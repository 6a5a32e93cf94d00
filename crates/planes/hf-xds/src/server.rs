//! Connections: HTTP/2, plain or over TLS, kept alive by heartbeats.
//!
//! 1. At most [`CONNECTIONS`] at a time, more wait in the system's queue; [`STREAMS`] on all of them, [`STREAMS_PER_CONNECTION`] on one.
//! 2. A heartbeat (an HTTP/2 PING) goes out every [`HEARTBEAT`]; a connection that does not answer it within another is closed.
//! 3. A stop is announced (GOAWAY), streams end with a status, then all is cut.
//!
//! Not here: streams (`stream`), certificates (`hf-api`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::{Ping, PingPong};
use hf_api::serve::{Listener, stopped};
use hf_api::tls::ServerTls;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::debug;

use crate::stream::{self, Shared};

/// Connections at a time.
pub const CONNECTIONS: usize = 10_000;
/// Streams at a time.
pub const STREAMS: usize = 20_000;
/// Streams of one connection: an Envoy with a single-type stream for each of its clusters.
const STREAMS_PER_CONNECTION: u32 = 1_000;
/// Between two heartbeats, and for the answer to one.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// For a connection to say that it speaks HTTP/2.
const HANDSHAKE: Duration = Duration::from_secs(5);
/// For streams to end once a stop is announced.
const FAREWELL: Duration = Duration::from_secs(1);
/// After the system could not accept a connection until the next attempt.
const PAUSE: Duration = Duration::from_millis(100);
/// What one stream may have on its way to us.
const WINDOW: u32 = 256 << 10;
/// Bytes of a request's head.
const HEAD_BYTES_MAX: u32 = 16 << 10;

/// Serves until a stop is announced.
pub async fn serve(listener: Listener, tls: Option<ServerTls>, mut shared: Shared) {
    let listener = listener.into_inner();
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    let mut running = JoinSet::new();
    let watching = async {
        match &tls {
            Some(tls) => tls.watch().await,
            None => std::future::pending().await,
        }
    };
    let accepting = async {
        loop {
            let permit = room.clone().acquire_owned().await.expect("the semaphore is never closed");
            let accepted = tokio::select! {
                biased;
                () = stopped(&mut shared.shutdown) => return,
                Some(_) = running.join_next() => continue, // collects what has ended
                accepted = listener.accept() => accepted,
            };
            let Ok((stream, peer)) = accepted else {
                sleep(PAUSE).await;
                continue;
            };
            let (shared, tls) = (shared.clone(), tls.clone());
            running.spawn(async move {
                accepted_one(stream, peer, tls, shared).await;
                drop(permit);
            });
        }
    };
    tokio::select! {
        () = accepting => {}
        () = watching => {}
    }
    drop(listener);
    let all_ended = async { while running.join_next().await.is_some() {} };
    let _ = timeout(FAREWELL, all_ended).await; // what is left is cut when `running` goes
}

async fn accepted_one(stream: TcpStream, peer: SocketAddr, tls: Option<ServerTls>, mut shared: Shared) {
    let _ = stream.set_nodelay(true); // only slower without
    let Some(tls) = tls else { return connection(stream, peer, shared).await };
    let shaken = tokio::select! {
        () = stopped(&mut shared.shutdown) => None,
        shaken = tls.accept(stream) => shaken,
    };
    if let Some((stream, _)) = shaken {
        connection(stream, peer, shared).await;
    }
}

async fn connection(io: impl AsyncRead + AsyncWrite + Unpin, peer: SocketAddr, mut shared: Shared) {
    let mut builder = h2::server::Builder::new();
    builder
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(4 * WINDOW)
        .max_header_list_size(HEAD_BYTES_MAX);
    let Ok(Ok(mut connection)) = timeout(HANDSHAKE, builder.handshake::<_, Bytes>(io)).await else { return };
    let (answered, heartbeats) = watch::channel(());
    let beating = beat(connection.ping_pong(), answered);
    let mut beating = std::pin::pin!(beating);
    let mut streams = JoinSet::new();
    let mut leaving = false;
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    let (heartbeats, shared) = (heartbeats.clone(), shared.clone());
                    streams.spawn(stream::serve(request, respond, peer, heartbeats, shared));
                }
                // A broken connection is the other side's affair: its streams end by it.
                Some(Err(_)) | None => break,
            },
            Some(_) = streams.join_next() => {}
            () = beating.as_mut() => {
                debug!(%peer, "an xDS client does not answer; its connection is closed");
                break;
            }
            () = stopped(&mut shared.shutdown), if !leaving => {
                leaving = true;
                connection.graceful_shutdown();
            }
        }
    }
    drop(connection);
    let all_ended = async { while streams.join_next().await.is_some() {} };
    let _ = timeout(FAREWELL, all_ended).await; // they see the end by themselves
}

/// Ends when a heartbeat is not answered.
async fn beat(pings: Option<PingPong>, answered: watch::Sender<()>) {
    let Some(mut pings) = pings else { return std::future::pending().await };
    loop {
        sleep(HEARTBEAT).await;
        match timeout(HEARTBEAT, pings.ping(Ping::opaque())).await {
            Ok(Ok(_)) => answered.send_replace(()),
            Ok(Err(_)) | Err(_) => return,
        }
    }
}
