//! Bodies on their way through: to an endpoint, and back to the client.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Sleep;

use crate::client_state::UnderWay;
use crate::kept::Lease;

/// A request's body on its way to an endpoint.
#[derive(Debug)]
pub enum RequestBody {
    /// None: may be sent any number of times.
    Empty,
    /// Read whole: may be sent any number of times.
    Whole(Bytes),
    /// Streamed once.
    Streamed(Incoming),
}

impl RequestBody {
    /// The same body once more, where that is possible.
    pub fn again(&self) -> Option<RequestBody> {
        match self {
            RequestBody::Empty => Some(RequestBody::Empty),
            RequestBody::Whole(bytes) => Some(RequestBody::Whole(bytes.clone())),
            RequestBody::Streamed(_) => None,
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut *self {
            RequestBody::Empty => Poll::Ready(None),
            RequestBody::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            RequestBody::Streamed(incoming) => Pin::new(incoming).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            RequestBody::Empty => true,
            RequestBody::Whole(bytes) => bytes.is_empty(),
            RequestBody::Streamed(incoming) => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            RequestBody::Empty => SizeHint::with_exact(0),
            RequestBody::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            RequestBody::Streamed(incoming) => incoming.size_hint(),
        }
    }
}

/// Why an answer broke off in the middle; the client's connection is cut, so that it cannot take the part for the whole.
#[derive(Debug, thiserror::Error)]
pub enum BrokenOff {
    /// The endpoint's connection ended.
    #[error("the endpoint's connection ended within its answer")]
    Endpoint(#[source] hyper::Error),
    /// The endpoint fell silent.
    #[error("the endpoint sent nothing for {0:?} within its answer")]
    Silent(Duration),
}

/// An answer's body on its way to the client. The endpoint's connection is kept again at its last byte.
#[derive(Debug)]
pub struct ReplyBody {
    from: From,
    _under_way: UnderWay,
}

#[derive(Debug)]
enum From {
    Us(Bytes),
    Endpoint { incoming: Incoming, lease: Option<Lease>, idle: Duration, timer: Option<Pin<Box<Sleep>>> },
}

impl ReplyBody {
    /// An endpoint's answer; `idle` is how long it may be silent.
    pub fn of_endpoint(incoming: Incoming, lease: Lease, idle: Duration, under_way: UnderWay) -> Self {
        let mut lease = Some(lease);
        if incoming.is_end_stream() {
            keep(&mut lease);
        }
        ReplyBody { from: From::Endpoint { incoming, lease, idle, timer: None }, _under_way: under_way }
    }

    /// Our own words.
    pub fn of_us(text: Bytes, under_way: UnderWay) -> Self {
        ReplyBody { from: From::Us(text), _under_way: under_way }
    }
}

fn keep(lease: &mut Option<Lease>) {
    if let Some(lease) = lease.take() {
        lease.keep();
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        match &mut self.from {
            From::Us(text) => {
                let text = std::mem::take(text);
                Poll::Ready((!text.is_empty()).then(|| Ok(Frame::data(text))))
            }
            From::Endpoint { incoming, lease, idle, timer } => {
                let Poll::Ready(frame) = Pin::new(&mut *incoming).poll_frame(cx) else {
                    let timer = timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(*idle)));
                    ready!(timer.as_mut().poll(cx));
                    if let Some(lease) = lease.take() {
                        lease.broke_off();
                    }
                    return Poll::Ready(Some(Err(BrokenOff::Silent(*idle))));
                };
                *timer = None;
                match &frame {
                    Some(Err(_)) => {
                        if let Some(lease) = lease.take() {
                            lease.broke_off();
                        }
                    }
                    None => keep(lease),
                    Some(Ok(_)) if incoming.is_end_stream() => keep(lease),
                    Some(Ok(_)) => {}
                }
                Poll::Ready(frame.map(|frame| frame.map_err(BrokenOff::Endpoint)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.from {
            From::Us(text) => text.is_empty(),
            From::Endpoint { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.from {
            From::Us(text) => SizeHint::with_exact(text.len() as u64),
            From::Endpoint { incoming, .. } => incoming.size_hint(),
        }
    }
}
