//! One UDP socket: receive, answer, send, without waiting in between.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hf_wire::Transport;
use tokio::net::UdpSocket;
use tracing::warn;

use crate::respond::Responder;

/// A longer query is cut here and then refused as malformed; real ones stay far below.
const QUERY_BYTES_MAX: usize = 4_096;

/// Packets answered before other tasks get their turn.
const BATCH: usize = 64;

/// After an error of the socket itself: long enough not to fill the log, short enough to be missed by few.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// Serves until it is dropped.
pub(crate) async fn serve(socket: UdpSocket, responder: Arc<Responder>) {
    let mut buffer = vec![0; QUERY_BYTES_MAX];
    loop {
        let served = match socket.readable().await {
            Ok(()) => serve_batch(&socket, &responder, &mut buffer),
            Err(why) => Err(why),
        };
        match served {
            Ok(Left::Nothing) => {}
            Ok(Left::Perhaps) => tokio::task::yield_now().await,
            Err(why) => {
                warn!(%why, "a UDP socket of DNS failed to receive; trying again");
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            }
        }
    }
}

/// Whether packets may be waiting.
enum Left {
    Nothing,
    Perhaps,
}

fn serve_batch(socket: &UdpSocket, responder: &Responder, buffer: &mut [u8]) -> io::Result<Left> {
    for _ in 0..BATCH {
        let (len, client) = match socket.try_recv_from(buffer) {
            Ok(received) => received,
            Err(why) if why.kind() == io::ErrorKind::WouldBlock => return Ok(Left::Nothing),
            Err(why) => return Err(why),
        };
        if let Some(reply) = responder.respond(&buffer[..len], client.ip(), Transport::Udp)
            && socket.try_send_to(&reply, client).is_err()
        {
            responder.counters.dropped.add_one();
        }
    }
    Ok(Left::Perhaps)
}
