//! Pools of bytes: TCP, and TLS that ends at the endpoints.
//!
//! 1. What comes before the bytes is read first, within `patience.header`: a PROXY header where the listener wants one, and the TLS hello
//!    where the server name chooses the pool ([`arrival`]). A TCP pool without both is connected at once: in many protocols the server
//!    speaks first.
//! 2. The endpoint is chosen as for a request. A connection that does not come about within `patience.connect` is tried once more, in
//!    another zone if there is one; nothing was sent yet, so that is always safe.
//! 3. A shift binds every connection after it: the endpoint's standing is looked at once more when the connection is there.
//! 4. When an endpoint's zone is left, or this balancer's own, or the listener goes, its connections may end by themselves for `drain`;
//!    then they are cut ([`session`]).
//! 5. A client for whom there is no endpoint is reset at once: it can go elsewhere instead of taking an empty answer for one.
//!
//! Bounds: client connections per worker, connections per endpoint and connections being opened are those of the pool; at the first
//! one and at the second the client is reset, at the third it waits within `patience.connect`.
//!
//! Not here: moving bytes (`hf-stream`), who may serve (`hf-balance`).

mod arrival;
mod session;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use hf_config::estate::Protocol;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::arrive::{self, Arrived};
use crate::client::Client;
use crate::client_stream::ClientStream;
use crate::front::Front;
use crate::worker::Worker;

/// A client that is to be carried.
pub struct Guest {
    /// Its bytes.
    pub stream: ClientStream,
    /// Who it is.
    pub client: Client,
    /// What was read of its bytes already.
    pub first: Vec<u8>,
}

/// Serves one client connection to its end.
pub async fn serve(worker: Rc<Worker>, front: Arc<Front>, stream: TcpStream, peer: SocketAddr) {
    // Both boxed, so that a session does not keep the room that its beginning needed.
    let guest = match Box::pin(receive(&worker, &front, stream, peer)).await {
        Ok(guest) => guest,
        Err(refused) => {
            tracing::debug!(%peer, address = %front.local, %refused, "client refused");
            return;
        }
    };
    let opened = Box::pin(session::open(&worker, &front, &guest.client)).await;
    match opened {
        Ok(opened) => session::carry(&worker, &front, opened, guest).await,
        Err(nobody) => {
            tracing::debug!(%peer, address = %front.local, %nobody, "client turned away");
            reset(guest.stream.socket());
        }
    }
}

/// Reads what comes before a client's bytes, and the name among them where it chooses the pool.
async fn receive(
    worker: &Worker,
    front: &Front,
    stream: TcpStream,
    peer: SocketAddr,
) -> Result<Guest, Box<dyn std::error::Error>> {
    let listening = front.table().listening.clone();
    let client = Client::direct(peer, front.local);
    let Arrived { stream, mut client, .. } = if arrive::is_wanted(&listening) {
        arrive::arrive(stream, client, &listening, worker).await?
    } else {
        Arrived { stream: ClientStream::plain(stream), client, speaks_http2: None }
    };
    client.zone = listening.places.zone_of(client.peer.ip());
    let mut first = Vec::new();
    if listening.protocol == Protocol::Tls {
        let patience = listening.patience.header;
        let reading = arrival::read_name(stream.socket());
        let read = tokio::time::timeout_at(Instant::now() + patience, reading).await;
        let name = read.map_err(|_| arrive::Refused::Silent(patience))??;
        client.server_name = name.0.map(Arc::from);
        client.over_tls = true;
        first = name.1;
    }
    Ok(Guest { stream, client, first })
}

/// Makes the coming close a reset, so that nobody takes it for the end of an answer.
fn reset(stream: &TcpStream) {
    // A connection that is gone already needs none.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
