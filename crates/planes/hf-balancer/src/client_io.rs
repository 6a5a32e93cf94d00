//! A client's socket as hyper sees it: watched for framing, never waiting for ever, closed between requests when asked.
//!
//! 1. Bytes that [`Framing`] refuses never reach hyper.
//! 2. Every wait has an end: for a head, within a body, for the next request, for the client to take its answer.
//! 3. To close a kept connection hyper is told "end of stream" while no request is under way and none has arrived. The socket is looked at
//!    once more right before, so that a request that is already here is answered instead of reset.
//!
//! One timer a connection, moved only when it fires or must fire earlier: a request costs no timer work.

use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::client_state::ConnectionState;
use crate::config::Limits;
use crate::framing::{Framing, POISON};

/// The socket of one client.
#[derive(Debug)]
pub struct ClientIo {
    stream: TcpStream,
    framing: Framing,
    state: Arc<ConnectionState>,
    patience: Patience,
    /// How much of [`POISON`] was handed out, once something was refused.
    poisoned: Option<usize>,
    /// Since when a read waits; none after bytes came.
    reading_since: Option<Instant>,
    head_since: Option<Instant>,
    writing_since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

#[derive(Debug)]
struct Patience {
    header: Duration,
    body_idle: Duration,
    client_idle: Duration,
}

impl ClientIo {
    /// Watches `stream`.
    pub fn new(stream: TcpStream, limits: &Limits, state: Arc<ConnectionState>) -> Self {
        ClientIo {
            stream,
            framing: Framing::new(limits.header_bytes),
            state,
            patience: Patience {
                header: limits.header,
                body_idle: limits.body_idle,
                client_idle: limits.client_idle,
            },
            poisoned: None,
            reading_since: None,
            head_since: None,
            writing_since: None,
            timer: None,
        }
    }

    fn hand_out_poison(&mut self, buf: &mut ReadBuf<'_>) {
        let given = self.poisoned.unwrap_or(0);
        let more = buf.remaining().min(POISON.len() - given);
        buf.put_slice(&POISON[given..given + more]);
        self.poisoned = Some(given + more);
    }

    /// Whether the client has sent something that was not read yet, asked of the kernel itself: the runtime's own
    /// knowledge is as old as its last turn.
    fn has_unread_bytes(&self) -> bool {
        let mut byte = [MaybeUninit::uninit(); 1];
        socket2::SockRef::from(&self.stream).peek(&mut byte).is_ok_and(|count| count > 0)
    }

    /// When the present wait for the client must end; none while a request is under way and nothing is asked of the client.
    fn deadline(&self) -> Option<Instant> {
        let read = if self.framing.in_head() {
            self.head_since.map(|since| since + self.patience.header)
        } else if !self.framing.between_requests() {
            self.reading_since.map(|since| since + self.patience.body_idle)
        } else if self.state.is_busy() {
            None
        } else {
            Some(self.state.idle_since() + self.patience.client_idle)
        };
        let write = self.writing_since.map(|since| since + self.patience.body_idle);
        match (read, write) {
            (Some(read), Some(write)) => Some(read.min(write)),
            (one, other) => one.or(other),
        }
    }

    /// Ready when the present wait has lasted too long.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        let deadline = self.deadline();
        // hyper reads once while a request is under way, to hear the client hang up, and not again when the answer is out.
        // So the timer runs then, too: it makes hyper read again, and the idle time is looked at.
        let wake_at = deadline.unwrap_or_else(|| Instant::now() + self.patience.client_idle);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(wake_at)));
        if timer.deadline() > wake_at {
            timer.as_mut().reset(wake_at);
        }
        while timer.as_mut().poll(cx).is_ready() {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            timer.as_mut().reset(wake_at);
        }
        Poll::Pending
    }

    fn wait_to_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let is_idle = self.framing.between_requests() && !self.state.is_busy();
        let is_flushed = self.writing_since.is_none();
        if self.state.is_to_close() && is_idle && is_flushed && !self.has_unread_bytes() {
            return Poll::Ready(Ok(()));
        }
        self.reading_since.get_or_insert_with(Instant::now);
        self.poll_deadline(cx).map(Err)
    }

    fn wait_to_write<T>(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.writing_since.get_or_insert_with(Instant::now);
        self.poll_deadline(cx).map(Err)
    }
}

impl AsyncRead for ClientIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.poisoned.is_some() {
            this.hand_out_poison(buf);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(cx, buf) else {
            return this.wait_to_read(cx);
        };
        read?;
        let was_in_head = this.framing.in_head();
        this.reading_since = None;
        if let Err((good, why)) = this.framing.take(&buf.filled()[before..]) {
            tracing::debug!(?why, peer = ?this.stream.peer_addr().ok(), "refused a request that can be read in two ways");
            buf.set_filled(before + good);
            this.poisoned = Some(0);
            if good == 0 {
                // Nothing handed out would mean "end of stream".
                this.hand_out_poison(buf);
            }
            return Poll::Ready(Ok(()));
        }
        if !was_in_head {
            this.head_since = this.framing.in_head().then(Instant::now);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ClientIo {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Poll::Ready(wrote) = Pin::new(&mut self.stream).poll_write(cx, bytes) else {
            return self.wait_to_write(cx);
        };
        self.writing_since = None;
        Poll::Ready(wrote)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Poll::Ready(wrote) = Pin::new(&mut self.stream).poll_write_vectored(cx, slices) else {
            return self.wait_to_write(cx);
        };
        self.writing_since = None;
        Poll::Ready(wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_shutdown(cx));
        Poll::Ready(result)
    }
}
