//! A tower layer that refuses new work while the zone is away (feature `tower`).
//!
//! 1. 503 with `Retry-After`, before the service is asked; requests under way go on.
//! 2. A request counts as in hand until its answer is there, and is told as `running`; what of a body is still sent then is not counted.
//! 3. The layer's own answers have an empty body (`Default`), so that it fits any body's type.
//!
//! Not here: when that is (`server`). Put health checks and requests of your own people outside of it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Request, Response, StatusCode};
use tower_layer::Layer;
use tower_service::Service;

use crate::client::Holdfast;
use crate::gate::{Gate, InHand};

/// Refuses new work while a zone is away.
///
/// ```
/// # use holdfast_client::{Holdfast, RefuseLayer};
/// # use tower_layer::Layer;
/// # fn example<S>(holdfast: &Holdfast, service: S) {
/// let service = RefuseLayer::new(holdfast, "use1-az1").layer(service);
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RefuseLayer {
    holdfast: Holdfast,
    gate: Gate,
}

impl RefuseLayer {
    /// For a server in this zone, by id or alias.
    pub fn new(holdfast: &Holdfast, zone: impl Into<String>) -> Self {
        RefuseLayer { holdfast: holdfast.clone(), gate: holdfast.gate(zone) }
    }
}

impl<S> Layer<S> for RefuseLayer {
    type Service = Refuse<S>;

    fn layer(&self, inner: S) -> Refuse<S> {
        Refuse { inner, layer: self.clone() }
    }
}

/// A service behind a [`RefuseLayer`].
#[derive(Clone, Debug)]
pub struct Refuse<S> {
    inner: S,
    layer: RefuseLayer,
}

impl<S, B, R> Service<Request<B>> for Refuse<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = RefuseFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let RefuseLayer { holdfast, gate } = &self.layer;
        match gate.try_pass() {
            Some(in_hand) => RefuseFuture::Served(Box::pin(self.inner.call(request)), in_hand),
            None => RefuseFuture::Refused(holdfast.health(gate.zone()).retry_after_s),
        }
    }
}

/// What [`Refuse`] answers.
#[derive(Debug)]
pub enum RefuseFuture<F> {
    /// Without asking the service.
    Refused(Option<u64>),
    /// As the service does.
    Served(Pin<Box<F>>, InHand),
}

impl<F, R, E> Future for RefuseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Default,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.get_mut() {
            RefuseFuture::Served(served, _) => Poll::Ready(ready!(served.as_mut().poll(context))),
            RefuseFuture::Refused(retry_after_s) => {
                let mut response = Response::new(R::default());
                *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
                if let Some(seconds) = retry_after_s {
                    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(*seconds));
                }
                Poll::Ready(Ok(response))
            }
        }
    }
}
