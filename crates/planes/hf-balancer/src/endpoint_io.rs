//! A connection to an endpoint below HTTP: TCP, what PROXY header it begins with, TLS if the pool wants it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use hf_config::estate::ProxyVersion;
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::manner::Manner;

/// Between whom a request travels: what a PROXY header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Between {
    /// The client.
    pub source: SocketAddr,
    /// Where it came to.
    pub destination: SocketAddr,
}

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The endpoint's machine said no, or nothing.
    #[error("{0}")]
    Endpoint(#[source] io::Error),
    /// This machine is out of something, such as descriptors or ports: no fault of the endpoint.
    #[error("this balancer cannot open a connection: {0}")]
    Us(#[source] io::Error),
}

/// Bytes to and from an endpoint.
#[derive(Debug)]
pub enum EndpointIo {
    /// As they are.
    Plain(TcpStream),
    /// Enciphered. Boxed: it is several times as large.
    Tls(Box<TlsStream<TcpStream>>),
}

impl EndpointIo {
    /// Whether the endpoint has said nothing since it was read last, and has not closed the connection, as far as the runtime knows. Costs a
    /// system call only where the runtime has heard of something.
    pub fn is_quiet(&mut self) -> bool {
        let mut byte = [0; 1];
        match self {
            EndpointIo::Plain(stream) => {
                matches!(stream.try_read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            // What TLS says of itself (new tickets) is taken in.
            EndpointIo::Tls(stream) => {
                let mut cx = Context::from_waker(Waker::noop());
                Pin::new(stream).poll_read(&mut cx, &mut ReadBuf::new(&mut byte)).is_pending()
            }
        }
    }
}

/// Opens a connection; the caller bounds the time.
pub async fn connect(
    address: SocketAddr,
    manner: &Manner,
    between: Option<Between>,
) -> Result<EndpointIo, ConnectError> {
    let mut stream = TcpStream::connect(address).await.map_err(whose_fault)?;
    prepare(&stream, manner.patience.unacknowledged).map_err(ConnectError::Us)?;
    if let (Some(version), Some(between)) = (manner.says.proxy_protocol, between) {
        let header = proxy_header(version, between);
        stream.write_all(&header).await.map_err(ConnectError::Endpoint)?;
    }
    let Some((connector, name)) = manner.tls(address) else {
        return Ok(EndpointIo::Plain(stream));
    };
    let stream = connector.connect(name, stream).await.map_err(ConnectError::Endpoint)?;
    if manner.is_http2() && stream.get_ref().1.alpn_protocol() != Some(b"h2") {
        let text =
            "its TLS does not offer HTTP/2 (ALPN h2); turn that on there, or set endpoint_http = \"1.1\"";
        return Err(ConnectError::Endpoint(io::Error::other(text)));
    }
    Ok(EndpointIo::Tls(Box::new(stream)))
}

fn proxy_header(version: ProxyVersion, between: Between) -> Vec<u8> {
    let mut header = Vec::with_capacity(hf_stream::proxy::V1_BYTES_MAX);
    match version {
        ProxyVersion::V1 => hf_stream::proxy::write_v1(between.source, between.destination, &mut header),
        ProxyVersion::V2 => {
            hf_stream::proxy::write_v2(between.source, between.destination, None, &mut header);
        }
    }
    header
}

/// Errors of `connect` that this machine itself causes.
fn whose_fault(error: io::Error) -> ConnectError {
    match error.kind() {
        io::ErrorKind::AddrInUse | io::ErrorKind::AddrNotAvailable | io::ErrorKind::OutOfMemory => {
            ConnectError::Us(error)
        }
        // EMFILE and ENFILE have no kind of their own.
        _ if matches!(error.raw_os_error(), Some(23 | 24)) => ConnectError::Us(error),
        _ => ConnectError::Endpoint(error),
    }
}

fn prepare(stream: &TcpStream, unacknowledged: Duration) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_user_timeout(Some(unacknowledged))?;
    // A zone may fall silent after it took a request and before it answers: only keepalive notices.
    let keepalive =
        TcpKeepalive::new().with_time(Duration::from_secs(5)).with_interval(Duration::from_secs(1));
    socket.set_tcp_keepalive(&keepalive)
}

impl AsyncRead for EndpointIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut *self {
            EndpointIo::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            EndpointIo::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for EndpointIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut *self {
            EndpointIo::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            EndpointIo::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut *self {
            EndpointIo::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
            EndpointIo::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            EndpointIo::Plain(stream) => stream.is_write_vectored(),
            EndpointIo::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            EndpointIo::Plain(stream) => Pin::new(stream).poll_flush(cx),
            EndpointIo::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut *self {
            EndpointIo::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            EndpointIo::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
