//! One UDP socket: receive, answer, send, without waiting in between.

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
        let mut served = match socket.readable().await {
            Ok(()) => Ok(()),
            Err(why) => Err(why),
        };
        for _ in 0..BATCH {
            match socket.try_recv_from(&mut buffer) {
                Ok((len, client)) => {
                    let Some(reply) = responder.respond(&buffer[..len], client.ip(), Transport::Udp) else {
                        continue;
                    };
                    if socket.try_send_to(&reply, client).is_err() {
                        responder.counters.dropped.add_one();
                    }
                }
                Err(why) if why.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(why) => {
                    served = Err(why);
                    break;
                }
            }
        }
        if let Err(why) = served {
            warn!(%why, "a UDP socket of DNS failed to receive; trying again");
            tokio::time::sleep(PAUSE_AFTER_ERROR).await;
        }
        tokio::task::yield_now().await;
    }
}
