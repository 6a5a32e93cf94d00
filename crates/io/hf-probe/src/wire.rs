//! Connections of probes, with and without TLS.
//!
//! A connection ends with a reset (`SO_LINGER` 0): the side that closes first would otherwise keep the
//! connection in TIME_WAIT for a minute, and a thousand probes a second would keep sixty thousand of them, here or at the endpoint. What we
//! wanted to know is known by then, and a reset also stops an endpoint that still sends. It is what load balancers' TCP checks do.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hf_config::estate::{CheckTls, EndpointHttp};
use rustix::io::Errno;
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{AddressFamily, SocketFlags, SocketType};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::failure::{Outcome, ProbeFailure, of_connect};
use crate::probe::Asked;
use crate::progress::Step;
use crate::tls;

/// A connection.
#[derive(Debug)]
pub enum Wire {
    /// Plain.
    Plain(TcpStream),
    /// Over TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

/// What a connection is for.
#[derive(Clone, Copy, Debug)]
pub struct Purpose<'a> {
    /// TLS, if it is spoken.
    pub tls: Option<&'a CheckTls>,
    /// The host that will be asked for.
    pub host: Option<&'a str>,
    /// The version of HTTP that is told to the other side, if HTTP is spoken.
    pub http: Option<EndpointHttp>,
}

/// Connects to where the check says.
pub async fn open(asked: &Asked<'_>, purpose: Purpose<'_>) -> Result<Wire, Outcome> {
    asked.progress.at(Step::Connecting);
    let stream = connect(asked.at).await.map_err(|error| of_connect(&error))?;
    // One request in one piece is not held back by Nagle; what takes several is.
    let in_pieces = purpose.tls.is_some() || purpose.http == Some(EndpointHttp::Http2);
    if in_pieces {
        stream.set_nodelay(true).map_err(|error| of_connect(&error))?;
    }
    let Some(check) = purpose.tls else { return Ok(Wire::Plain(stream)) };
    let config = asked.tools.tls(check, purpose.http).map_err(Outcome::Unmeasured)?;
    let name = tls::name(check, purpose.host, asked.at.ip());
    asked.progress.at(Step::Tls);
    let stream = TlsConnector::from(config).connect(name, stream).await;
    let stream = stream.map_err(|error| Outcome::Bad(ProbeFailure::Tls(error.to_string())))?;
    if purpose.http == Some(EndpointHttp::Http2) && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        return Err(Outcome::Bad(ProbeFailure::NoHttp2Offered));
    }
    Ok(Wire::Tls(Box::new(stream)))
}

/// A TCP connection that ends with a reset.
pub async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let (stream, stands) = begin(address)?;
    let stream = TcpStream::from_std(stream)?;
    if !stands {
        stands_now(&stream).await?;
    }
    Ok(stream)
}

/// Whether a connection can be had; it is reset at once.
pub async fn reach(address: SocketAddr) -> io::Result<()> {
    let (stream, stands) = begin(address)?;
    if !stands {
        stands_now(&TcpStream::from_std(stream)?).await?;
    }
    Ok(())
}

/// Begins to connect; with it whether the connection stands already.
///
/// To this machine it does, or is refused: who asks once more is told so, which is cheaper than to wait for what has happened. Elsewhere asking
/// costs next to nothing beside the rest.
fn begin(address: SocketAddr) -> io::Result<(std::net::TcpStream, bool)> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = rustix::net::socket_with(family, SocketType::STREAM, flags, None)?;
    set_socket_linger(&socket, Some(Duration::ZERO))?;
    let mut told = rustix::net::connect(&socket, &address);
    if told == Err(Errno::INPROGRESS) {
        told = rustix::net::connect(&socket, &address);
    }
    let stands = match told {
        Ok(()) => true,
        Err(Errno::INPROGRESS | Errno::ALREADY | Errno::INTR) => false,
        Err(why) => return Err(why.into()),
    };
    Ok((socket.into(), stands))
}

/// Waits until it does, or cannot.
async fn stands_now(stream: &TcpStream) -> io::Result<()> {
    stream.writable().await?;
    stream.take_error()?.map_or(Ok(()), Err)
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Wire::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Wire::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Wire::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Wire::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            Wire::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Wire::Plain(stream) => stream.is_write_vectored(),
            Wire::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
