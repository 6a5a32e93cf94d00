//! TCP (RFC 7766): queries one after another on a connection, as many as the asker likes, each answered at once.
//!
//! There is room for [`CONNECTIONS_MAX`] connections over all listeners. A new one beyond that closes the one that has been
//! quiet longest, so that askers who only hold connections open cannot keep others out.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hf_wire::Transport;
use tokio::io::{AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{trace, warn};

use crate::respond::Responder;

/// Connections open at once, over all listeners.
pub(crate) const CONNECTIONS_MAX: usize = 1_000;

/// For a whole query to arrive, and for a reply to be taken.
pub(crate) const IDLE_MAX: Duration = Duration::from_secs(10);

/// After an error of the listener itself, such as too many open files.
const PAUSE_AFTER_ERROR: Duration = Duration::from_millis(100);

/// Who is connected, and since when each has been quiet.
#[derive(Debug, Default)]
pub(crate) struct Connections {
    open: Mutex<BTreeMap<u64, Arc<Connection>>>,
    /// Grows with every connection and every query: an order, not a time.
    turn: AtomicU64,
}

#[derive(Debug)]
struct Connection {
    last_turn: AtomicU64,
    close: Notify,
}

impl Connections {
    fn next_turn(&self) -> u64 {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }

    /// Enters a connection; if that is one too many, tells the quietest to close. Returns its key, itself, and whether another
    /// had to go.
    fn enter(&self) -> (u64, Arc<Connection>, bool) {
        let turn = self.next_turn();
        let entered = Arc::new(Connection { last_turn: AtomicU64::new(turn), close: Notify::new() });
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let mut evicted = false;
        if open.len() >= CONNECTIONS_MAX {
            let quietest =
                open.iter().min_by_key(|(_, connection)| connection.last_turn.load(Ordering::Relaxed));
            if let Some(key) = quietest.map(|(key, _)| *key)
                && let Some(connection) = open.remove(&key)
            {
                connection.close.notify_one();
                evicted = true;
            }
        }
        open.insert(turn, entered.clone());
        (turn, entered, evicted)
    }

    fn leave(&self, key: u64) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
    }
}

/// Accepts and serves until it is dropped; its connections end with it.
pub(crate) async fn serve(listener: TcpListener, responder: Arc<Responder>, connections: Arc<Connections>) {
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, client)) => {
                    responder.counters.connections.add_one();
                    tasks.spawn(connection(stream, client.ip(), responder.clone(), connections.clone()));
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
    client: IpAddr,
    responder: Arc<Responder>,
    connections: Arc<Connections>,
) {
    let (key, entered, evicted) = connections.enter();
    if evicted {
        responder.counters.connections_evicted.add_one();
    }
    tokio::select! {
        ended = converse(stream, client, &responder, &connections, &entered) => {
            if let Err(why) = ended {
                trace!(%client, %why, "a TCP connection ended");
            }
        }
        () = entered.close.notified() => {}
    }
    connections.leave(key);
}

async fn converse(
    mut stream: TcpStream,
    client: IpAddr,
    responder: &Responder,
    connections: &Connections,
    entered: &Connection,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    let mut query = Vec::new();
    loop {
        timeout(IDLE_MAX, read_framed(&mut reader, &mut query)).await??;
        entered.last_turn.store(connections.next_turn(), Ordering::Relaxed);
        // What gets no reply is not DNS; waiting for more of it is no use.
        let Some(reply) = responder.respond(&query, client, Transport::Tcp) else { return Ok(()) };
        let mut framed = Vec::with_capacity(2 + reply.len());
        framed.extend_from_slice(&(reply.len() as u16).to_be_bytes());
        framed.extend_from_slice(&reply);
        timeout(IDLE_MAX, writer.write_all(&framed)).await??;
    }
}

/// Reads two bytes of length and as many bytes of message.
async fn read_framed(reader: &mut (impl AsyncReadExt + Unpin), message: &mut Vec<u8>) -> io::Result<()> {
    let len = reader.read_u16().await?;
    message.resize(usize::from(len), 0);
    reader.read_exact(message).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_connection_closes_the_one_that_was_quiet_longest() {
        let connections = Connections::default();
        let all: Vec<_> = (0..CONNECTIONS_MAX).map(|_| connections.enter()).collect();
        assert!(all.iter().all(|(.., evicted)| !evicted));
        all[0].1.last_turn.store(connections.next_turn(), Ordering::Relaxed);
        let (newest, _, evicted) = connections.enter();
        assert!(evicted);
        let open = connections.open.lock().unwrap();
        assert_eq!(open.len(), CONNECTIONS_MAX);
        assert!(open.contains_key(&all[0].0) && !open.contains_key(&all[1].0) && open.contains_key(&newest));
    }
}
