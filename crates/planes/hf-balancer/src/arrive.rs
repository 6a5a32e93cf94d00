//! What comes before an HTTP client's first request: a PROXY header, a TLS handshake.
//!
//! 1. Where the listener wants a PROXY header, a connection without one is closed, and so is one from outside `proxy_from`. What the header says
//!    of the client is believed; the connection itself counts where it names nobody.
//! 2. TLS then, with the certificates of the moment; ALPN chooses between HTTP/2 and HTTP/1.1.
//! 3. Of handshakes there is a bound ([`Handshakes`](crate::handshakes::Handshakes)).
//! 4. All of it must be done within `patience.header`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hf_stream::proxy::{self, Header, Parsed, ProxyError};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::client::{Client, canonical};
use crate::client_stream::ClientStream;
use crate::front::Listening;
use crate::worker::Worker;

/// What one look at a PROXY header takes: nearly every one fits.
const PEEK_BYTES: usize = 536;

/// HTTP/2 in a TLS handshake.
pub const ALPN_H2: &[u8] = b"h2";
/// HTTP/1.1 in a TLS handshake.
pub const ALPN_HTTP1: &[u8] = b"http/1.1";

/// Why a client gets no further.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It ended, or what it sent is no TLS that we speak.
    #[error("{0}")]
    Broken(#[from] io::Error),
    /// It took too long.
    #[error("it had not said what it wants within {0:?}")]
    Silent(Duration),
    /// Its PROXY header is none.
    #[error("{0}")]
    Proxy(#[from] ProxyError),
    /// It may not send one.
    #[error("it is not within `proxy_from`, and its listener only takes connections from there")]
    Stranger,
    /// There are as many handshakes as may be.
    #[error("there are all the TLS handshakes in progress that may be")]
    Crowded,
    /// The pool wants TLS and this node cannot.
    #[error("this node has no certificate; name some in `certificates` of [balancer]")]
    NoCertificate,
}

/// A client that may begin to ask.
#[derive(Debug)]
pub struct Arrived {
    /// Its bytes.
    pub stream: ClientStream,
    /// Who it is.
    pub client: Client,
    /// Whether it chose HTTP/2; none: its first bytes tell.
    pub speaks_http2: Option<bool>,
}

/// Whether anything comes before a client's first request.
pub fn is_wanted(listening: &Listening) -> bool {
    listening.options.tls || listening.options.proxy_protocol.required
}

/// Reads what comes first.
pub async fn arrive(
    stream: TcpStream,
    mut client: Client,
    listening: &Listening,
    worker: &Worker,
) -> Result<Arrived, Refused> {
    let patience = listening.patience.header;
    let arriving = async {
        if listening.options.proxy_protocol.required {
            take_proxy_header(&stream, &mut client, listening).await?;
        }
        if !listening.options.tls {
            return Ok(Arrived { stream: ClientStream::plain(stream), client, speaks_http2: None });
        }
        let config = worker.tls.clone().ok_or(Refused::NoCertificate)?;
        // The first bytes are waited for without a turn: who says nothing takes none.
        stream.readable().await?;
        let turn = worker.handshakes.begin().ok_or(Refused::Crowded)?;
        let stream = tokio::select! {
            biased;
            greeted = TlsAcceptor::from(config).accept(stream) => greeted?,
            () = turn.cut() => return Err(Refused::Crowded),
        };
        drop(turn);
        let session = stream.get_ref().1;
        client.over_tls = true;
        client.server_name = session.server_name().map(|name| Arc::from(name.to_ascii_lowercase()));
        let speaks_http2 = session.alpn_protocol() == Some(ALPN_H2);
        let stream = ClientStream::tls(stream);
        Ok(Arrived { stream, client, speaks_http2: Some(speaks_http2) })
    };
    tokio::time::timeout(patience, arriving).await.unwrap_or(Err(Refused::Silent(patience)))
}

/// Takes the header off the stream, and not a byte more: what comes next is for TLS.
async fn take_proxy_header(
    stream: &TcpStream,
    client: &mut Client,
    listening: &Listening,
) -> Result<(), Refused> {
    if !listening.trusts(client.peer.ip()) {
        return Err(Refused::Stranger);
    }
    let mut seen: Vec<u8> = Vec::new();
    let mut peeked = [0; PEEK_BYTES];
    loop {
        let count = stream.peek(&mut peeked).await?;
        if count == 0 {
            return Err(Refused::Broken(io::ErrorKind::UnexpectedEof.into()));
        }
        let had = seen.len();
        seen.extend_from_slice(&peeked[..count]);
        match proxy::parse(&seen)? {
            // All of it belongs to the header. The parser has a bound.
            Parsed::NeedMore => take(stream, &mut peeked[..count]).await?,
            Parsed::Done(header, used) => {
                take(stream, &mut peeked[..used - had]).await?;
                if let Header::Proxied { source, destination, authority } = header {
                    client.peer = canonical(source);
                    client.destination = canonical(destination);
                    client.server_name = authority.map(Arc::from);
                }
                return Ok(());
            }
        }
    }
}

async fn take(stream: &TcpStream, mut room: &mut [u8]) -> io::Result<()> {
    while !room.is_empty() {
        stream.readable().await?;
        match stream.try_read(room) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => room = &mut room[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
