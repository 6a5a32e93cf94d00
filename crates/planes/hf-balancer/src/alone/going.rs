//! A request on its way out: what the socket has not taken yet, and the body that follows the head.
//!
//! Not more than one piece of a streamed body is held: who takes slowly is sent slowly.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::header::HeaderName;
use tokio::io::AsyncWrite;

use super::coming::size_line;
use super::head;
use crate::body::{RequestBody, Streamed};

/// How a request's body goes out.
#[derive(Debug)]
pub enum Form {
    /// There is none.
    None {
        /// Whether that is said.
        says_so: bool,
    },
    /// So many bytes.
    Length(u64),
    /// In chunks.
    Chunked {
        /// Fields that may follow it.
        trailers: Vec<HeaderName>,
    },
}

/// Why no more goes out.
#[derive(Debug)]
pub enum Stopped {
    /// The body broke off, or is not as long as was said.
    Body,
    /// The endpoint takes no more.
    Socket(io::Error),
}

/// What is on its way.
#[derive(Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is a fact of its own; no two are one state")]
pub struct Going {
    form: Form,
    /// Comes first.
    bytes: Vec<u8>,
    taken: usize,
    /// Comes then.
    piece: Bytes,
    /// Comes after that.
    body: Option<Box<Streamed>>,
    /// The last chunk's end was not written yet.
    owes_line_end: bool,
    is_flushed: bool,
    has_begun: bool,
    stopped: bool,
}

impl Going {
    /// Nothing.
    pub fn nothing() -> Self {
        Going {
            form: Form::None { says_so: false },
            bytes: Vec::new(),
            taken: 0,
            piece: Bytes::new(),
            body: None,
            owes_line_end: false,
            is_flushed: true,
            has_begun: true,
            stopped: false,
        }
    }

    /// `body` after a head that is in `room`; a whole body joins it there if it fits.
    pub fn new(form: Form, body: &mut RequestBody, room: &mut Vec<u8>, room_bytes: usize) -> Self {
        let mut going = Going { form, has_begun: false, is_flushed: false, ..Going::nothing() };
        match body {
            RequestBody::Empty => {}
            RequestBody::Whole(bytes) if room.len() + bytes.len() <= room_bytes => {
                room.extend_from_slice(bytes);
            }
            RequestBody::Whole(bytes) => going.piece = bytes.clone(),
            RequestBody::Streamed(_) => {
                if let RequestBody::Streamed(streamed) = std::mem::replace(body, RequestBody::Empty) {
                    going.body = Some(streamed);
                }
            }
        }
        going
    }

    /// The socket took `count` bytes of `room`.
    pub fn keep_rest(&mut self, room: &[u8], count: usize) {
        self.has_begun |= count > 0;
        self.bytes.extend_from_slice(&room[count..]);
    }

    /// Whether any of it was taken.
    pub fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether all of it was, or no more will be.
    pub fn is_over(&self) -> bool {
        self.stopped
            || (self.is_flushed && self.bytes.is_empty() && self.piece.is_empty() && self.body.is_none())
    }

    /// Puts a streamed body back of which nothing was taken.
    pub fn give_back(&mut self, to: &mut RequestBody) {
        if let Some(streamed) = self.body.take() {
            *to = RequestBody::Streamed(streamed);
        }
        self.stopped = true;
    }

    /// Sends what there is.
    pub fn poll(
        &mut self,
        io: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Stopped>> {
        let sent = self.poll_all(io, cx);
        if let Poll::Ready(Err(_)) = &sent {
            self.stopped = true;
        }
        sent
    }

    fn poll_all(
        &mut self,
        io: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), Stopped>> {
        loop {
            ready!(self.poll_written(io, cx)).map_err(Stopped::Socket)?;
            if self.body.is_none() {
                ready!(Pin::new(&mut *io).poll_flush(cx)).map_err(Stopped::Socket)?;
                self.is_flushed = true;
                return Poll::Ready(Ok(()));
            }
            if self.poll_piece(cx)?.is_pending() {
                if self.owes_line_end {
                    // A chunk is whole only with its line's end, and what comes next may be long in coming.
                    self.end_line();
                    continue;
                }
                // With TLS what was written may still lie with us.
                let _ = Pin::new(&mut *io).poll_flush(cx);
                return Poll::Pending;
            }
        }
    }

    fn poll_written(
        &mut self,
        io: &mut (impl AsyncWrite + Unpin),
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let (first, then) = (&self.bytes[self.taken..], &self.piece[..]);
            let wrote = match (first.is_empty(), then.is_empty()) {
                (true, true) => break,
                (false, false) => {
                    let slices = [io::IoSlice::new(first), io::IoSlice::new(then)];
                    Pin::new(&mut *io).poll_write_vectored(cx, &slices)
                }
                (false, true) => Pin::new(&mut *io).poll_write(cx, first),
                (true, false) => Pin::new(&mut *io).poll_write(cx, then),
            };
            let count = ready!(wrote)?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.has_begun = true;
            let of_first = count.min(first.len());
            self.taken += of_first;
            self.piece.advance(count - of_first);
        }
        if self.taken > 0 {
            (self.bytes, self.taken) = (Vec::new(), 0);
        }
        Poll::Ready(Ok(()))
    }

    /// Takes the next piece of the body.
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, Stopped> {
        let Some(body) = &mut self.body else { return Ok(Poll::Ready(())) };
        let Poll::Ready(frame) = body.poll_frame(cx) else { return Ok(Poll::Pending) };
        match frame {
            Some(Err(_)) => return Err(Stopped::Body),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => self.send(data)?,
                Err(frame) => self.end(Some(&frame.into_trailers().unwrap_or_default()))?,
            },
            None => self.end(None)?,
        }
        Ok(Poll::Ready(()))
    }

    fn send(&mut self, data: Bytes) -> Result<(), Stopped> {
        if let Form::Length(left) = &mut self.form {
            *left = left.checked_sub(data.len() as u64).ok_or(Stopped::Body)?;
        } else if !data.is_empty() {
            self.end_line();
            size_line(data.len(), &mut self.bytes);
            self.owes_line_end = true;
        }
        self.piece = data;
        // The end of it may be known already.
        if matches!(self.form, Form::Length(0)) && self.body.as_ref().is_some_and(|body| body.is_end_stream())
        {
            self.body = None;
        }
        Ok(())
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.owes_line_end) {
            self.bytes.extend_from_slice(b"\r\n");
        }
    }

    fn end(&mut self, fields: Option<&http::HeaderMap>) -> Result<(), Stopped> {
        self.body = None;
        match &self.form {
            Form::Length(left) if *left > 0 => return Err(Stopped::Body),
            Form::Length(_) | Form::None { .. } => return Ok(()),
            Form::Chunked { .. } => {}
        }
        self.end_line();
        self.bytes.extend_from_slice(b"0\r\n");
        if let Form::Chunked { trailers } = &self.form {
            for (name, value) in fields.into_iter().flatten().filter(|(name, _)| trailers.contains(name)) {
                head::field(name, value, &mut self.bytes);
            }
        }
        self.bytes.extend_from_slice(b"\r\n");
        Ok(())
    }
}
