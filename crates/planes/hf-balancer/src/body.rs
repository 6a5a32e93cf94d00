//! Bodies on their way through: to an endpoint, and back to the client.

use std::cell::Cell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use hf_telemetry::Outcome;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Instant;

use crate::alone::{Alone, Broken};
use crate::client_state::UnderWay;
use crate::deadline::{Timer, Timers};
use crate::grpc;
use crate::lease::Lease;
use crate::piece::Piece;
use crate::stuck::Streaming;

/// A request's body on its way to an endpoint.
#[derive(Debug)]
pub enum RequestBody {
    /// None: may be sent any number of times.
    Empty,
    /// Read whole: may be sent any number of times.
    Whole(Bytes),
    /// Streamed once. Boxed: most requests have none, and each is moved a few times.
    Streamed(Box<Streamed>),
}

/// A body that is passed on as it comes.
#[derive(Debug)]
pub struct Streamed {
    /// What was read of it already.
    at_hand: VecDeque<Bytes>,
    /// What it ended with, or how it broke, seen when that was read.
    next: Option<Result<Frame<Bytes>, BodyError>>,
    incoming: Incoming,
    left: Option<u64>,
    fate: Rc<Cell<Fate>>,
}

/// How far a streamed body has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fate {
    /// It comes, or has come whole.
    #[default]
    Coming,
    /// It has more bytes than it may.
    TooLong,
    /// The client broke off.
    BrokenOff,
}

/// Why a request's body is not passed on any further.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The client broke off.
    #[error("the request's body did not come whole")]
    BrokenOff(#[source] hyper::Error),
    /// It has more bytes than it may.
    #[error("the request's body is longer than it may be")]
    TooLong,
}

impl RequestBody {
    /// Whether it can be sent more than once.
    pub fn is_repeatable(&self) -> bool {
        !matches!(self, RequestBody::Streamed(_))
    }

    /// The same body once more, where that is possible.
    pub fn again(&self) -> Option<RequestBody> {
        match self {
            RequestBody::Empty => Some(RequestBody::Empty),
            RequestBody::Whole(bytes) => Some(RequestBody::Whole(bytes.clone())),
            RequestBody::Streamed(_) => None,
        }
    }
}

impl Streamed {
    /// Passes `incoming` on, of at most `max` bytes. What becomes of it is seen in `fate`.
    pub fn new(incoming: Incoming, max: Option<u64>, fate: Rc<Cell<Fate>>) -> Self {
        Streamed { at_hand: VecDeque::new(), next: None, incoming, left: max, fate }
    }

    /// Reads what is there without waiting, up to `max` bytes; all of it if that is the whole body. What was read and is not the whole comes
    /// first later.
    pub fn read_at_hand(&mut self, max: usize) -> Option<Bytes> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut length = 0;
        loop {
            match self.poll_incoming(&mut cx) {
                Poll::Ready(None) => break,
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) => {
                        length += bytes.len();
                        self.at_hand.push_back(bytes);
                        if length > max {
                            return None;
                        }
                    }
                    Err(trailers) => {
                        self.next = Some(Ok(trailers));
                        return None;
                    }
                },
                Poll::Ready(Some(Err(error))) => {
                    self.next = Some(Err(error));
                    return None;
                }
                Poll::Pending => return None,
            }
        }
        if self.at_hand.len() == 1 {
            return self.at_hand.pop_front();
        }
        let mut whole = Vec::with_capacity(length);
        self.at_hand.drain(..).for_each(|bytes| whole.extend_from_slice(&bytes));
        Some(whole.into())
    }

    /// The next piece.
    pub fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(bytes) = self.at_hand.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        if let Some(next) = self.next.take() {
            return Poll::Ready(Some(next));
        }
        self.poll_incoming(cx)
    }

    /// Whether all of it was given out.
    pub fn is_end_stream(&self) -> bool {
        self.at_hand.is_empty() && self.next.is_none() && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = self.incoming.size_hint();
        let at_hand: u64 = self.at_hand.iter().map(|bytes| bytes.len() as u64).sum();
        if let Some(rest) = hint.exact() {
            return SizeHint::with_exact(rest + at_hand);
        }
        hint.set_lower(hint.lower() + at_hand);
        hint
    }

    fn poll_incoming(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.incoming).poll_frame(cx).map(|frame| {
            Some(match frame? {
                Ok(frame) => {
                    let length = frame.data_ref().map_or(0, Bytes::len) as u64;
                    if let Some(left) = &mut self.left {
                        let Some(rest) = left.checked_sub(length) else {
                            self.fate.set(Fate::TooLong);
                            return Some(Err(BodyError::TooLong));
                        };
                        *left = rest;
                    }
                    Ok(frame)
                }
                Err(error) => {
                    self.fate.set(Fate::BrokenOff);
                    Err(BodyError::BrokenOff(error))
                }
            })
        })
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            RequestBody::Empty => Poll::Ready(None),
            RequestBody::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            RequestBody::Streamed(streamed) => streamed.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            RequestBody::Empty => true,
            RequestBody::Whole(bytes) => bytes.is_empty(),
            RequestBody::Streamed(streamed) => streamed.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            RequestBody::Empty => SizeHint::with_exact(0),
            RequestBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            RequestBody::Streamed(streamed) => streamed.size_hint(),
        }
    }
}

/// Where an answer's body comes from.
#[derive(Debug)]
pub enum Reply {
    /// From the connection of HTTP/1.1 that is lent.
    Alone,
    /// From a stream of HTTP/2.
    OneOfMany(Incoming),
}

/// Why an answer broke off in the middle; the client's connection is cut, so that it cannot take the part for the whole.
#[derive(Debug, thiserror::Error)]
pub enum BrokenOff {
    /// The endpoint's connection ended.
    #[error("the endpoint's connection ended within its answer")]
    Endpoint(#[source] Broken),
    /// The endpoint fell silent.
    #[error("the endpoint sent nothing for {0:?} within its answer")]
    Silent(Duration),
    /// The request as a whole has taken too long.
    #[error("the request has taken as long as it may")]
    TooLate,
}

/// An answer's body on its way to the client. The endpoint's connection is kept again at its last byte.
#[derive(Debug)]
pub struct ReplyBody {
    from: From,
    under_way: Option<UnderWay>,
}

#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "nearly all are the large one; a box would cost each of them an allocation"
)]
enum From {
    Us(Bytes),
    Endpoint(FromEndpoint),
}

/// How an endpoint's answer is passed on.
#[derive(Debug)]
pub struct Passing {
    /// Where deadlines come from.
    pub timers: Rc<Timers>,
    /// How long the endpoint may be silent.
    pub idle: Duration,
    /// When the whole request must be over.
    pub until: Option<Instant>,
    /// Whether the last word on it comes in trailers.
    pub is_grpc: bool,
}

#[derive(Debug)]
struct FromEndpoint {
    reply: Reply,
    lease: Option<Lease>,
    passing: Passing,
    /// Since when the endpoint is silent.
    waiting_since: Option<Instant>,
    timer: Option<Timer>,
    /// Who sees to it that a client of HTTP/2 takes it.
    streaming: Option<Rc<Streaming>>,
}

impl ReplyBody {
    /// An endpoint's answer.
    pub fn of_endpoint(reply: Reply, lease: Lease, passing: Passing, under_way: UnderWay) -> Self {
        ReplyBody {
            from: From::Endpoint(FromEndpoint::new(reply, lease, passing)),
            under_way: Some(under_way),
        }
    }

    /// The same, on a stream of HTTP/2.
    pub fn on_stream(reply: Reply, lease: Lease, passing: Passing, under_way: UnderWay) -> Self {
        let mut from = FromEndpoint::new(reply, lease, passing);
        let lease = from.lease.as_ref();
        from.streaming =
            lease.map(|lease| Streaming::begin(lease.open(), under_way.state(), from.passing.idle));
        ReplyBody { from: From::Endpoint(from), under_way: Some(under_way) }
    }

    /// An endpoint's answer that nobody wants: it is read for the sake of its connection.
    pub fn unwanted(reply: Reply, lease: Lease) -> Self {
        let passing =
            Passing { timers: Rc::default(), idle: Duration::from_mins(1), until: None, is_grpc: false };
        ReplyBody { from: From::Endpoint(FromEndpoint::new(reply, lease, passing)), under_way: None }
    }

    /// Nothing.
    pub fn nothing() -> Self {
        ReplyBody { from: From::Us(Bytes::new()), under_way: None }
    }

    /// Our own words.
    pub fn of_us(text: Bytes, under_way: UnderWay) -> Self {
        ReplyBody { from: From::Us(text), under_way: Some(under_way) }
    }
}

impl FromEndpoint {
    fn new(reply: Reply, lease: Lease, passing: Passing) -> Self {
        let lease = Some(lease);
        let mut from =
            FromEndpoint { reply, lease, passing, waiting_since: None, timer: None, streaming: None };
        if from.is_end_stream() {
            from.keep();
        }
        from
    }

    fn keep(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.keep();
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.reply {
            Reply::Alone => self.lease.as_ref().and_then(Lease::alone).is_none_or(Alone::is_answered),
            Reply::OneOfMany(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.reply {
            Reply::Alone => {
                let alone = self.lease.as_ref().and_then(Lease::alone);
                alone.map_or_else(|| SizeHint::with_exact(0), Alone::size_hint)
            }
            Reply::OneOfMany(incoming) => incoming.size_hint(),
        }
    }

    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match &mut self.reply {
            Reply::Alone => {
                let alone = self.lease.as_mut().and_then(Lease::alone_mut);
                alone.map_or(Poll::Ready(None), |alone| alone.poll_frame(cx))
            }
            Reply::OneOfMany(incoming) => {
                let lease = self.lease.as_ref();
                let broken = |error| match lease {
                    Some(lease) => lease.broken(error),
                    None => Broken::Hyper(error),
                };
                Pin::new(incoming).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(broken)))
            }
        }
    }

    fn give_up(&mut self, outcome: Outcome) {
        if let Some(mut lease) = self.lease.take() {
            lease.note(outcome);
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let reply = self.poll_reply(cx);
        if let Some(streaming) = &self.streaming {
            streaming.asked(reply.is_pending());
        }
        let Poll::Ready(frame) = reply else {
            return self.poll_silence(cx).map(|broken| Some(Err(broken)));
        };
        self.waiting_since = None;
        match &frame {
            Some(Err(error)) => self.give_up(error.outcome()),
            None => self.keep(),
            Some(Ok(frame)) => {
                if let Some(lease) = &mut self.lease {
                    lease.moved(0, frame.data_ref().map_or(0, Bytes::len) as u64);
                    if let Some(trailers) = frame.trailers_ref().filter(|_| self.passing.is_grpc) {
                        lease.note(grpc::outcome(trailers));
                    }
                }
                if self.is_end_stream() {
                    self.keep();
                }
            }
        }
        Poll::Ready(frame.map(|frame| frame.map_err(BrokenOff::Endpoint)))
    }

    /// Ready when nothing came for too long.
    fn poll_silence(&mut self, cx: &mut Context<'_>) -> Poll<BrokenOff> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        let silent_at = since + self.passing.idle;
        let is_late = self.passing.until.is_some_and(|until| until < silent_at);
        let at = self.passing.until.map_or(silent_at, |until| until.min(silent_at));
        let timer = self.timer.get_or_insert_with(|| self.passing.timers.lend(at));
        timer.set(at);
        timer.poll(cx).map(|()| {
            self.give_up(Outcome::TimedOut);
            if is_late { BrokenOff::TooLate } else { BrokenOff::Silent(self.passing.idle) }
        })
    }
}

impl Body for ReplyBody {
    type Data = Piece;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Piece>, BrokenOff>>> {
        let frame = match &mut self.from {
            From::Us(text) => {
                let text = std::mem::take(text);
                Poll::Ready((!text.is_empty()).then(|| Ok(Frame::data(Piece::new(text, None)))))
            }
            From::Endpoint(endpoint) => {
                let frame = endpoint.poll_frame(cx);
                let piece = |bytes| Piece::new(bytes, endpoint.streaming.clone());
                frame.map_ok(|frame| frame.map_data(piece))
            }
        };
        if matches!(frame, Poll::Ready(None)) {
            self.under_way = None;
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        match &self.from {
            From::Us(text) => text.is_empty(),
            From::Endpoint(endpoint) => endpoint.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.from {
            From::Us(text) => SizeHint::with_exact(text.len() as u64),
            From::Endpoint(endpoint) => endpoint.size_hint(),
        }
    }
}
