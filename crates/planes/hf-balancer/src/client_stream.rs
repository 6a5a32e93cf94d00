//! A client's socket, with TLS or without; measures the way to the client when it ends.

use std::cell::RefCell;
use std::io;
use std::mem::MaybeUninit;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hf_clock::Clock;
use hf_telemetry::Activity;
use socket2::TcpKeepalive;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// How often the system of a half-closed client is asked.
const ASK_AFTER: Duration = Duration::from_secs(5);

/// One client's bytes.
#[derive(Debug)]
pub struct ClientStream {
    io: Io,
    /// For one connection of several; boxed, since most have none.
    measured: Option<Box<Measured>>,
    /// Its TLS ended without a word of TLS.
    was_torn: bool,
}

#[derive(Debug)]
enum Io {
    Plain(TcpStream),
    /// Boxed: an idle connection without TLS shall not pay for it.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Where the round-trip time of a connection goes at its end.
#[derive(Debug)]
pub struct Measured {
    /// Whose way it is.
    pub client: IpAddr,
    /// Where all clients' are.
    pub activity: Arc<Activity>,
    /// Stamps it.
    pub clock: Clock,
}

impl ClientStream {
    /// Without TLS.
    pub fn plain(stream: TcpStream) -> Self {
        ClientStream { io: Io::Plain(stream), measured: None, was_torn: false }
    }

    /// After a handshake.
    pub fn tls(stream: TlsStream<TcpStream>) -> Self {
        ClientStream { io: Io::Tls(Box::new(stream)), measured: None, was_torn: false }
    }

    /// Asks for a sample at its end.
    pub fn measure(&mut self, measured: Measured) {
        self.measured = Some(Box::new(measured));
    }

    /// The socket below.
    pub fn socket(&self) -> &TcpStream {
        match &self.io {
            Io::Plain(stream) => stream,
            Io::Tls(stream) => stream.get_ref().0,
        }
    }

    /// The socket, where its bytes are the client's own.
    pub fn plain_socket(&self) -> Option<&TcpStream> {
        match &self.io {
            Io::Plain(stream) => Some(stream),
            Io::Tls(_) => None,
        }
    }

    /// Whether a client that ended its sending side may still wait for an answer. One that is gone says so by a reset, or, with TLS, by
    /// the end of the connection below: who only closes its half of TLS keeps that open.
    pub fn may_listen(&self) -> bool {
        let socket = self.socket();
        if self.was_torn || !matches!(socket.take_error(), Ok(None)) {
            return false;
        }
        let mut byte = [MaybeUninit::uninit(); 1];
        match &self.io {
            Io::Plain(_) => true,
            Io::Tls(_) => !matches!(socket2::SockRef::from(socket).peek(&mut byte), Ok(0)),
        }
    }

    /// Has the system ask whether the client is still there: one that is gone for good answers with a reset once its system has forgotten
    /// the connection (after a minute, on Linux).
    pub fn ask_whether_there(&self) {
        let often = TcpKeepalive::new().with_time(ASK_AFTER).with_interval(ASK_AFTER);
        // Without it silence lasts until the answer is written.
        let _ = socket2::SockRef::from(self.socket()).set_tcp_keepalive(&often);
    }

    /// Whether the client has sent something that was not read yet, asked of the kernel itself: the runtime's own
    /// knowledge is as old as its last turn.
    pub fn has_unread_bytes(&self) -> bool {
        let mut byte = [MaybeUninit::uninit(); 1];
        socket2::SockRef::from(self.socket()).peek(&mut byte).is_ok_and(|count| count > 0)
    }
}

/// As much is copied rather than written in pieces: for a small answer writev(2) costs the kernel more than send(2), and the copy next to
/// nothing.
const GATHERED_BYTES: usize = 4 << 10;

thread_local! {
    static GATHERED: RefCell<Vec<u8>> = RefCell::default();
}

fn write_gathered(
    stream: &mut TcpStream,
    cx: &mut Context<'_>,
    slices: &[io::IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    match slices {
        [one] => Pin::new(stream).poll_write(cx, one),
        _ if slices.iter().map(|slice| slice.len()).sum::<usize>() > GATHERED_BYTES => {
            Pin::new(stream).poll_write_vectored(cx, slices)
        }
        _ => GATHERED.with_borrow_mut(|all| {
            all.clear();
            for slice in slices {
                all.extend_from_slice(slice);
            }
            Pin::new(stream).poll_write(cx, all)
        }),
    }
}

impl Drop for ClientStream {
    fn drop(&mut self) {
        let Some(measured) = &self.measured else { return };
        let (now, latencies) = (measured.clock.now(), measured.activity.latencies());
        if latencies.wants(now)
            && let Some(rtt) = hf_stream::round_trip(self.socket())
        {
            latencies.sample(measured.client, rtt, now);
        }
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Io::Tls(stream) => match Pin::new(stream).poll_read(cx, buf) {
                // Many clients close without a word of TLS; whether a request is whole, HTTP itself tells.
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    self.was_torn = true;
                    Poll::Ready(Ok(()))
                }
                other => other,
            },
        }
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Io::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match &mut self.io {
            Io::Plain(stream) => write_gathered(stream, cx, slices),
            Io::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Io::Plain(stream) => stream.is_write_vectored(),
            Io::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Io::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.io {
            Io::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Io::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
