//! A connection of HTTP/1.1 to an endpoint, driven by the request that has it.
//!
//! hyper's client gives each connection a task of its own, to which a request goes through a channel and from which the answer's head and its
//! body come back through two others: four turns of the runtime and a dozen allocations for a small request, and as much processor time as
//! all else that we do for it. Here whoever waits for the answer reads and writes the socket himself.
//!
//! 1. A request goes out in one write, and a small answer comes in by one read: both through rooms that all connections of a thread share. What does
//!    not fit or is not taken at once is kept with the connection.
//! 2. The answer may come before the request has gone out; then both go on side by side, and the connection is not used again unless the request
//!    was whole when the answer was.
//! 3. A connection at rest has no task that watches it: whether its endpoint has closed it is seen when it is lent, without a system call, and by
//!    the sweep of idle connections.
//! 4. A request is at hand again, unread, as long as no byte of it was taken by the socket.
//! 5. What [`Open::cut`] cuts breaks at once, wherever it stands.
//!
//! Not here: form of heads (`head`), of bodies (`coming`, `going`), which connection (`kept`).

mod coming;
mod going;
mod head;

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use bytes::{Buf, Bytes, BytesMut};
use hf_telemetry::Outcome;
use http::{Method, Request, Response};
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::body::RequestBody;
use crate::endpoint_io::EndpointIo;
use crate::kept::Open;

use coming::Coming;
use going::Going;
use head::Read;

/// As much as a record of TLS carries.
const ROOM_BYTES: usize = 16 << 10;
/// What is read of a long body at once.
const PIECE_BYTES: usize = 64 << 10;

thread_local! {
    static READ_ROOM: RefCell<Box<[u8]>> = RefCell::new(vec![0; ROOM_BYTES].into());
    static WRITE_ROOM: RefCell<Vec<u8>> = RefCell::default();
}

/// Why there is no answer, or not all of it.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// As hyper tells it, of HTTP/2.
    #[error("{0}")]
    Hyper(#[source] hyper::Error),
    /// The socket broke.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// The endpoint closed it before its answer was whole.
    #[error("the connection ended before the answer did")]
    Ended,
    /// What it sent is no answer.
    #[error("its answer is malformed: {0}")]
    Malformed(&'static str),
    /// The request's body did not come, or not as it should.
    #[error("the request's body broke off")]
    Body,
    /// Nothing may go there any more.
    #[error("it was cut: its zone was left and `drain` has passed")]
    Cut,
}

impl Broken {
    /// Whether the endpoint closed the connection, as it may between two requests.
    pub fn is_end(&self) -> bool {
        match self {
            Broken::Ended => true,
            // Of TLS without its closing word: what most servers do.
            Broken::Io(error) => matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset
                    | io::ErrorKind::ConnectionAborted
                    | io::ErrorKind::BrokenPipe
                    | io::ErrorKind::UnexpectedEof
            ),
            Broken::Hyper(_) | Broken::Malformed(_) | Broken::Body | Broken::Cut => false,
        }
    }

    /// What it counts as at the endpoint: what a client or we broke off is no fault there.
    pub fn outcome(&self) -> Outcome {
        match self {
            Broken::Body | Broken::Cut => Outcome::ClientGone,
            Broken::Hyper(_) | Broken::Io(_) | Broken::Ended | Broken::Malformed(_) => Outcome::Reset,
        }
    }
}

/// A request that got no answer.
#[derive(Debug)]
pub struct NotAnswered {
    /// Whether not a byte of it has gone out: then it is whole again where it came from.
    pub unsent: bool,
    /// Whether anything of an answer had come.
    pub was_heard: bool,
    /// Why.
    pub error: Broken,
}

/// A connection of HTTP/1.1 that carries one request at a time.
#[derive(Debug)]
pub struct Alone {
    io: EndpointIo,
    open: Rc<Open>,
    /// Of a head, what has come so far.
    partial: Vec<u8>,
    /// What was read beyond what was given out.
    rest: Bytes,
    /// Where long bodies are read to.
    piece: BytesMut,
    coming: Coming,
    going: Going,
    /// Whether anything of the answer under way has come.
    was_heard: bool,
    /// Whether both sides want to use it again.
    stays: bool,
    /// How the answer broke off, until that is told.
    failed: Option<Broken>,
}

impl Alone {
    /// A connection that has carried nothing yet.
    pub fn new(io: EndpointIo, open: Rc<Open>) -> Self {
        Alone {
            io,
            open,
            partial: Vec::new(),
            rest: Bytes::new(),
            piece: BytesMut::new(),
            coming: Coming::Nothing,
            going: Going::nothing(),
            was_heard: false,
            stays: true,
            failed: None,
        }
    }

    /// Its place among the open ones.
    pub fn open(&self) -> &Rc<Open> {
        &self.open
    }

    /// Whether the next request may have it: nothing is under way, and the endpoint has not closed it as far as this process knows.
    pub fn is_free(&mut self) -> bool {
        self.is_at_rest() && self.io.is_quiet()
    }

    /// Whether the last request and its answer are over, and it may be used again.
    pub fn is_at_rest(&self) -> bool {
        self.stays
            && !self.open.was_cut()
            && self.coming.is_over()
            && self.going.is_over()
            && self.rest.is_empty()
    }

    /// Sends a request and waits for the head of its answer. The body of `request` is gone afterwards if it is streamed.
    pub async fn send(&mut self, request: &mut Request<RequestBody>) -> Result<Response<()>, NotAnswered> {
        let is_head = request.method() == Method::HEAD;
        let mut began = false;
        poll_fn(|cx| {
            if !began {
                began = true;
                if let Err(error) = self.begin(cx, request) {
                    let error = error.into();
                    return Poll::Ready(Err(NotAnswered { unsent: true, was_heard: false, error }));
                }
            }
            let answer = ready!(self.poll_answer(cx, is_head));
            Poll::Ready(answer.map_err(|error| {
                // A peer that has gone away may be noticed by the read alone.
                let unsent = !self.going.has_begun() && matches!(error, Broken::Io(_));
                if unsent {
                    self.going.give_back(request.body_mut());
                }
                NotAnswered { unsent, was_heard: self.was_heard, error }
            }))
        })
        .await
    }

    /// Writes the head, and with it as much of the body as is at hand and fits.
    fn begin(&mut self, cx: &mut Context<'_>, request: &mut Request<RequestBody>) -> io::Result<()> {
        self.coming = Coming::Head;
        self.was_heard = false;
        WRITE_ROOM.with_borrow_mut(|room| {
            room.clear();
            let form = head::write(request, room);
            self.going = Going::new(form, request.body_mut(), room, ROOM_BYTES);
            match Pin::new(&mut self.io).poll_write(cx, room) {
                Poll::Ready(Ok(count)) => {
                    self.going.keep_rest(room, count);
                    Ok(())
                }
                Poll::Pending => {
                    self.going.keep_rest(room, 0);
                    Ok(())
                }
                Poll::Ready(Err(error)) => {
                    self.stays = false;
                    self.going.give_back(request.body_mut());
                    Err(error)
                }
            }
        })
    }

    fn poll_answer(&mut self, cx: &mut Context<'_>, is_head: bool) -> Poll<Result<Response<()>, Broken>> {
        self.poll_going(cx)?;
        loop {
            let Poll::Ready(read) = self.poll_head(cx)? else { return self.wait(cx) };
            let Read { response, framing, stays } = head::made(&read, is_head)?;
            if response.status().is_informational()
                && response.status() != http::StatusCode::SWITCHING_PROTOCOLS
            {
                self.partial = std::mem::take(&mut self.rest).into();
                continue;
            }
            self.stays &= stays;
            self.coming = framing;
            return Poll::Ready(Ok(response));
        }
    }

    /// The bytes of a head; what came after it is in `rest`.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, Broken>> {
        loop {
            if let Some(length) = head::length(&self.partial)? {
                let mut head = Bytes::from(std::mem::take(&mut self.partial));
                self.rest = head.split_off(length);
                return Poll::Ready(Ok(head));
            }
            let whole = READ_ROOM.with_borrow_mut(|room| {
                let mut buf = ReadBuf::new(room);
                if let Err(error) = ready!(Pin::new(&mut self.io).poll_read(cx, &mut buf)) {
                    return Poll::Ready(Err(Broken::Io(error)));
                }
                let bytes = buf.filled();
                if bytes.is_empty() {
                    return Poll::Ready(Err(Broken::Ended));
                }
                self.was_heard = true;
                if self.partial.is_empty()
                    && let Some(length) = head::length(bytes)?
                {
                    let mut head = Bytes::copy_from_slice(bytes);
                    self.rest = head.split_off(length);
                    return Poll::Ready(Ok(Some(head)));
                }
                self.partial.extend_from_slice(bytes);
                Poll::Ready(Ok(None))
            });
            if let Some(head) = ready!(whole)? {
                return Poll::Ready(Ok(head));
            }
        }
    }

    /// Sends on what has not gone out yet. A socket that takes no more is told by what it still says, or does not say.
    fn poll_going(&mut self, cx: &mut Context<'_>) -> Result<(), Broken> {
        if self.going.is_over() {
            return Ok(());
        }
        match self.going.poll(&mut self.io, cx) {
            Poll::Pending | Poll::Ready(Ok(())) => Ok(()),
            Poll::Ready(Err(going::Stopped::Body)) => {
                self.stays = false;
                Err(Broken::Body)
            }
            Poll::Ready(Err(going::Stopped::Socket(error))) => {
                self.stays = false;
                if self.going.has_begun() { Ok(()) } else { Err(Broken::Io(error)) }
            }
        }
    }

    /// To be woken by the socket, or when it is cut.
    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Broken>> {
        if self.open.is_cut(cx) {
            self.stays = false;
            return Poll::Ready(Err(Broken::Cut));
        }
        Poll::Pending
    }

    /// The next piece of the answer's body.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        // Not only where it waits: an answer that comes faster than the client takes it never does.
        if self.open.was_cut() && !self.coming.is_over() {
            return self.broken(cx, Broken::Cut);
        }
        if let Err(error) = self.poll_going(cx) {
            return self.broken(cx, error);
        }
        loop {
            match self.coming.take(&mut self.rest) {
                Ok(coming::Taken::Frame(frame)) => return Poll::Ready(Some(Ok(frame))),
                Ok(coming::Taken::Over) => return Poll::Ready(None),
                Ok(coming::Taken::More) => {}
                Err(why) => return self.broken(cx, Broken::Malformed(why)),
            }
            match self.poll_more(cx) {
                Poll::Ready(Ok(0)) if self.coming.ends_with_connection() => {
                    self.coming = Coming::Nothing;
                    self.stays = false;
                    return Poll::Ready(None);
                }
                Poll::Ready(Ok(0)) => return self.broken(cx, Broken::Ended),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return self.broken(cx, Broken::Io(error)),
                Poll::Pending => return self.wait(cx).map(Some),
            }
        }
    }

    /// Told at the next turn: what the client's side has not written yet goes out before it hears of the end.
    fn broken<T>(&mut self, cx: &Context<'_>, error: Broken) -> Poll<T> {
        self.stays = false;
        self.failed = Some(error);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Reads on into `rest`.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        // A little more than will come: a read that fills its room would be followed by one for nothing.
        let wanted = self.coming.left().map_or(ROOM_BYTES, |left| left.min(PIECE_BYTES as u64) as usize) + 64;
        self.piece.reserve(wanted);
        let count = {
            let mut reading =
                std::pin::pin!(tokio::io::AsyncReadExt::read_buf(&mut self.io, &mut self.piece));
            ready!(reading.as_mut().poll(cx))?
        };
        self.rest = self.piece.split().freeze();
        Poll::Ready(Ok(count))
    }

    /// Whether the answer's body is over.
    pub fn is_answered(&self) -> bool {
        self.coming.is_over()
    }

    /// How much of the answer's body is to come.
    pub fn size_hint(&self) -> SizeHint {
        if self.coming.is_over() {
            return SizeHint::with_exact(0);
        }
        self.coming.left().map_or_else(SizeHint::default, SizeHint::with_exact)
    }

    /// Lets go of what only a request needs.
    pub fn rest(&mut self) {
        self.piece = BytesMut::new();
        self.open.forget();
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        // TLS ends with a word of its own; whether the socket takes it at once matters to nobody any more.
        if let EndpointIo::Tls(stream) = &mut self.io {
            let _ = Pin::new(stream).poll_shutdown(&mut Context::from_waker(Waker::noop()));
        }
    }
}

/// After an upgrade: the bytes as they are, beginning with those that came with the endpoint's answer.
impl AsyncRead for Alone {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let more = buf.remaining().min(self.rest.len());
        buf.put_slice(&self.rest[..more]);
        self.rest.advance(more);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Alone {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
