//! A client's socket as hyper sees it: watched for framing, never waiting for ever.
//!
//! 1. Bytes that [`Framing`] refuses never reach hyper. In their place it gets a request of ours that is answered with the refusal, or,
//!    where the head's beginning is with hyper already or a body is malformed, what it answers with 400 itself.
//! 2. Every wait for the client has an end: for a head, within a body, for the client to take its answer. Waiting for the next
//!    request is not looked at here: a connection that is idle is taken away from hyper (`serve`).
//! 3. A client that ends its sending side after a whole request gets its answer: hyper, which would take it for gone, hears of the end when
//!    nothing is under way any more. Every [`LOOK`] it is seen whether the client is gone indeed; then the request is taken back.
//! 4. HTTP/2 has its own framing and its own idea of idle; only writes are watched. After an upgrade nothing is.
//!
//! One timer a connection, made when a wait begins that may be too long, moved only when it fires or must fire earlier: a request
//! that comes whole and is taken at once costs no timer work.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hf_config::estate::Patience;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::client_state::ConnectionState;
use crate::client_stream::ClientStream;
use crate::framing::{Framing, POISON, RefusedAt};

/// How often it is seen whether a half-closed client is gone.
const LOOK: Duration = Duration::from_millis(250);

/// The socket of one client.
#[derive(Debug)]
pub struct ClientIo {
    stream: ClientStream,
    /// What was read before hyper came, and how much of it was handed out.
    before: (Vec<u8>, usize),
    /// None for HTTP/2.
    framing: Option<Framing>,
    state: Arc<ConnectionState>,
    /// Requests that had begun on the connection when hyper came.
    begun_before: u32,
    /// The next look at a client that ended its sending side.
    half_closed: Option<Pin<Box<Sleep>>>,
    header: Duration,
    body_idle: Duration,
    instead: Option<Instead>,
    /// Since when a read waits; none after bytes came.
    reading_since: Option<Instant>,
    head_since: Option<Instant>,
    writing_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

/// What hyper gets in place of refused bytes, and how much of it was handed out.
#[derive(Debug)]
struct Instead {
    bytes: &'static [u8],
    given: usize,
    /// Whether the stream is at its end then; else it is hyper who ends it, after its answer.
    then_end: bool,
}

impl ClientIo {
    /// Watches `stream` for HTTP/1.1; `before` was read from it already.
    pub fn http1(
        stream: ClientStream,
        before: Vec<u8>,
        patience: &Patience,
        header_bytes: usize,
        state: Arc<ConnectionState>,
    ) -> Self {
        let framing = Some(Framing::new(header_bytes));
        ClientIo { framing, ..Self::http2(stream, before, patience, state) }
    }

    /// Lets HTTP/2 pass.
    pub fn http2(
        stream: ClientStream,
        before: Vec<u8>,
        patience: &Patience,
        state: Arc<ConnectionState>,
    ) -> Self {
        ClientIo {
            stream,
            before: (before, 0),
            framing: None,
            begun_before: state.begun(),
            half_closed: None,
            state,
            header: patience.header,
            body_idle: patience.body_idle,
            instead: None,
            reading_since: None,
            head_since: None,
            writing_since: None,
            timer: None,
        }
    }

    /// The stream itself. Bytes that were read before and not handed out are lost.
    pub fn into_stream(self) -> ClientStream {
        self.stream
    }

    /// Whether all that came was whole requests, and one of them has no answer yet.
    fn awaits_answer(&self) -> bool {
        let Some(framing) = &self.framing else { return false };
        let begun = self.state.begun().wrapping_sub(self.begun_before);
        framing.between_requests() && (self.state.is_busy() || framing.heads() != begun)
    }

    /// Keeps the end of the client's sending side from hyper while it waits for an answer and is there.
    fn poll_half_closed(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let look = self.half_closed.get_or_insert_with(|| {
            self.stream.ask_whether_there();
            Box::pin(tokio::time::sleep(Duration::ZERO))
        });
        while look.as_mut().poll(cx).is_ready() {
            if !self.stream.may_listen() {
                return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
            }
            look.as_mut().reset(Instant::now() + LOOK);
        }
        Poll::Pending
    }

    fn hand_out_instead(&mut self, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Some(instead) = &mut self.instead else { return Poll::Pending };
        let more = buf.remaining().min(instead.bytes.len() - instead.given);
        buf.put_slice(&instead.bytes[instead.given..instead.given + more]);
        instead.given += more;
        if more == 0 && !instead.then_end {
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }

    /// When the present wait for the client must end; none while nothing is asked of it.
    fn deadline(&self) -> Option<Instant> {
        let read = match &self.framing {
            Some(framing) if framing.in_head() => self.head_since.map(|since| since + self.header),
            Some(framing) if !framing.between_requests() => {
                self.reading_since.map(|since| since + self.body_idle)
            }
            _ => None,
        };
        let write = self.writing_since.map(|since| since + self.body_idle);
        match (read, write) {
            (Some(read), Some(write)) => Some(read.min(write)),
            (one, other) => one.or(other),
        }
    }

    /// Ready when the present wait has lasted too long.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let Some(deadline) = self.deadline() else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        if timer.deadline() > deadline {
            timer.as_mut().reset(deadline);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    }

    fn wait_to_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(framing) = &self.framing else { return Poll::Pending };
        if framing.between_requests() {
            if self.writing_since.is_none() {
                return Poll::Pending;
            }
        } else {
            self.reading_since.get_or_insert_with(Instant::now);
        }
        self.poll_deadline(cx).map(Err)
    }

    fn wait_to_write<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.writing_since.get_or_insert_with(Instant::now);
        self.state.set_writing(true);
        self.poll_deadline(cx).map(Err)
    }

    fn has_written(&mut self) {
        if self.writing_since.take().is_some() {
            self.state.set_writing(false);
        }
    }

    /// Bytes from the socket, or from what was read before.
    fn poll_bytes(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let (before, given) = &mut self.before;
        if *given == before.len() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let more = buf.remaining().min(before.len() - *given);
        buf.put_slice(&before[*given..*given + more]);
        *given += more;
        if *given == before.len() {
            self.before = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.instead.is_some() {
            return this.hand_out_instead(buf);
        }
        let had = buf.filled().len();
        let is_tunnel = this.state.is_tunnel();
        let Poll::Ready(read) = this.poll_bytes(cx, buf) else {
            return if is_tunnel { Poll::Pending } else { this.wait_to_read(cx) };
        };
        read?;
        if buf.filled().len() == had && !is_tunnel && this.awaits_answer() {
            return this.poll_half_closed(cx);
        }
        let Some(framing) = this.framing.as_mut().filter(|_| !is_tunnel) else { return Poll::Ready(Ok(())) };
        let was_in_head = framing.in_head();
        this.reading_since = None;
        if let Err(RefusedAt { good, why, from_start }) = framing.take(&buf.filled()[had..]) {
            tracing::debug!(?why, peer = ?this.stream.socket().peer_addr().ok(), "refused what can be read in two ways");
            this.state.refuse();
            this.state.set_reading(true);
            buf.set_filled(had + good);
            this.instead = Some(Instead {
                bytes: if from_start { why.as_request() } else { POISON },
                given: 0,
                then_end: !from_start,
            });
            if good == 0 {
                // Nothing handed out would mean "end of stream".
                return this.hand_out_instead(buf);
            }
            return Poll::Ready(Ok(()));
        }
        if !was_in_head {
            this.head_since = framing.in_head().then(Instant::now);
        }
        this.state.set_reading(!framing.between_requests());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Poll::Ready(wrote) = Pin::new(&mut self.stream).poll_write(cx, bytes) else {
            return if self.state.is_tunnel() { Poll::Pending } else { self.wait_to_write(cx) };
        };
        self.has_written();
        Poll::Ready(wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Poll::Ready(wrote) = Pin::new(&mut self.stream).poll_write_vectored(cx, slices) else {
            return if self.state.is_tunnel() { Poll::Pending } else { self.wait_to_write(cx) };
        };
        self.has_written();
        Poll::Ready(wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.half_closed.is_some() && !self.state.is_busy() {
            // hyper waits to be told of bytes: it shall hear of the end now.
            self.half_closed = None;
            cx.waker().wake_by_ref();
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
