//! Upgrades: a request that asks for another protocol on its connection, and the bytes after the endpoint agreed (RFC 9110 7.8).
//!
//! 1. `Upgrade` passes for requests without a body to pools whose endpoints speak HTTP/1.1, for any protocol but `h2c`: that would hide requests
//!    from us. The fields are put together anew from the protocol's name. Else the request goes on without it.
//! 2. A WebSocket may come and go either way: as an upgrade of HTTP/1.1, or over HTTP/2 as an extended CONNECT (RFC 8441). Where the versions differ
//!    we do what the other side leaves out: the key and its answer.
//! 3. With 101 both connections are relayed as they are, until both are done or nothing comes for `tunnel_idle`.
//! 4. When the endpoint's zone, or ours, was left for `drain`, a WebSocket is closed with 1012 between two frames and cut [`CLOSE_PATIENCE`] later;
//!    other protocols are cut.

use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use hf_stream::{Meter, Relaying, relay};
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderName, HeaderValue, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use hyper::ext::Protocol;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::body::{Reply, ReplyBody};
use crate::client_state::UnderWay;
use crate::endpoint::Standing;
use crate::front::Phase;
use crate::lease::Lease;
use crate::websocket::Watched;
use crate::worker::KeptShared;

const SEC_WEBSOCKET_KEY: HeaderName = HeaderName::from_static("sec-websocket-key");
const SEC_WEBSOCKET_ACCEPT: HeaderName = HeaderName::from_static("sec-websocket-accept");

/// How long a client may take to answer a close frame.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

/// How long both sides may take to become a tunnel once the endpoint agreed.
const OPENING: Duration = Duration::from_secs(10);

/// An upgrade that a client asks for.
#[derive(Debug)]
pub struct Upgrade {
    protocol: HeaderValue,
    client: OnUpgrade,
    /// How the client asks.
    over_http2: bool,
    /// Whether the endpoint is asked over HTTP/2.
    to_http2: bool,
    /// What an endpoint of HTTP/2 is not asked to answer.
    key: Option<HeaderValue>,
}

impl Upgrade {
    /// What `request` asks for; the fields that say so are gone then, and put back by [`Upgrade::ask`] for endpoints that speak HTTP/2 or HTTP/1.1.
    pub fn take(request: &mut Request<Incoming>, to_http2: bool) -> Option<Upgrade> {
        if request.method() == Method::CONNECT {
            return Self::take_extended(request, to_http2);
        }
        let protocol = asked_for(request.headers())?;
        if request.version() != Version::HTTP_11 || request.body().size_hint().exact() != Some(0) {
            return None;
        }
        let is_websocket = protocol.as_bytes().eq_ignore_ascii_case(b"websocket");
        if to_http2 && !(is_websocket && request.method() == Method::GET) {
            return None;
        }
        let key = request.headers().get(SEC_WEBSOCKET_KEY).cloned();
        Some(Upgrade { protocol, client: hyper::upgrade::on(request), over_http2: false, to_http2, key })
    }

    fn take_extended(request: &mut Request<Incoming>, to_http2: bool) -> Option<Upgrade> {
        let protocol = request.extensions().get::<Protocol>()?;
        if !protocol.as_str().eq_ignore_ascii_case("websocket") {
            return None;
        }
        let client = hyper::upgrade::on(&mut *request);
        *request.method_mut() = Method::GET;
        request.headers_mut().remove(CONTENT_LENGTH);
        let protocol = HeaderValue::from_static("websocket");
        Some(Upgrade { protocol, client, over_http2: true, to_http2, key: None })
    }

    /// The status by which the endpoint agrees.
    pub fn agreed(&self) -> StatusCode {
        if self.to_http2 { StatusCode::OK } else { StatusCode::SWITCHING_PROTOCOLS }
    }

    /// Whether it is a WebSocket.
    fn is_websocket(&self) -> bool {
        self.protocol.as_bytes().eq_ignore_ascii_case(b"websocket")
    }

    /// Asks the endpoint for it. `nonce` is for a WebSocket that came without a key.
    pub fn ask(&self, request: &mut Parts, nonce: [u64; 2]) {
        let fields = &mut request.headers;
        if self.to_http2 {
            fields.remove(SEC_WEBSOCKET_KEY);
            request.method = Method::CONNECT;
            request.extensions.insert(Protocol::from_static("websocket"));
            return;
        }
        fields.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        fields.insert(UPGRADE, self.protocol.clone());
        if self.over_http2 {
            let [first, second] = nonce.map(u64::to_be_bytes);
            let key = base64_of_16([first, second].concat().try_into().unwrap_or_default());
            fields.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_bytes(&key).expect("base64 is plain text"));
            fields.insert("sec-websocket-version", HeaderValue::from_static("13"));
        }
    }
}

/// The protocol that `Connection` and `Upgrade` ask for together.
fn asked_for(fields: &HeaderMap) -> Option<HeaderValue> {
    let mut protocols = fields.get_all(UPGRADE).iter();
    let protocol = protocols.next()?;
    let names =
        fields.get_all(CONNECTION).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let is_nominated = names.map(<[u8]>::trim_ascii).any(|name| name.eq_ignore_ascii_case(b"upgrade"));
    let is_one = protocols.next().is_none() && !protocol.as_bytes().contains(&b',');
    let hides_requests = protocol.as_bytes().trim_ascii().eq_ignore_ascii_case(b"h2c");
    (is_nominated && is_one && !hides_requests).then(|| protocol.clone())
}

/// What a WebSocket's server answers to a key (RFC 6455 4.2.2).
fn accepted(key: &HeaderValue) -> HeaderValue {
    let mut text = key.as_bytes().trim_ascii().to_vec();
    text.extend_from_slice(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, &text);
    let mut out = [b'='; 28];
    base64(digest.as_ref(), &mut out);
    HeaderValue::from_bytes(&out).expect("base64 is plain text")
}

/// RFC 4648 of 16 bytes.
fn base64_of_16(bytes: [u8; 16]) -> [u8; 24] {
    let mut out = [b'='; 24];
    base64(&bytes, &mut out);
    out
}

/// RFC 4648 into room that is filled with `=`, four for each three.
fn base64(bytes: &[u8], out: &mut [u8]) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (three, four) in bytes.chunks(3).zip(out.chunks_mut(4)) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - three.len()));
        for (at, letter) in four.iter_mut().enumerate().take(three.len() + 1) {
            *letter = LETTERS[(bits >> (18 - 6 * at)) as usize & 63];
        }
    }
}

/// When a tunnel has to end.
#[derive(Debug)]
pub struct Surroundings {
    /// Of the endpoint.
    pub standing: watch::Receiver<Standing>,
    /// Of the listener.
    pub phase: watch::Receiver<Phase>,
    /// Without a byte.
    pub idle: Duration,
    /// What this worker's connections share.
    pub shared: Rc<KeptShared>,
}

/// The endpoint's side: a connection of its own, or a stream of one.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// Answers that the endpoint agreed, and relays from then on. The request is under way as long as the tunnel is.
pub fn open(
    mut response: Response<Reply>,
    lease: Lease,
    upgrade: Upgrade,
    surroundings: Surroundings,
    under_way: UnderWay,
) -> Response<ReplyBody> {
    let over_http2 = hyper::upgrade::on(&mut response);
    let protocol = response.headers().get(UPGRADE).cloned().unwrap_or_else(|| upgrade.protocol.clone());
    let (mut parts, _) = response.into_parts();
    crate::headers::prepare_answer(&mut parts.headers);
    parts.headers.remove(CONTENT_LENGTH);
    if upgrade.over_http2 {
        parts.status = StatusCode::OK;
        parts.version = Version::HTTP_2;
        parts.headers.remove(SEC_WEBSOCKET_ACCEPT);
    } else {
        parts.status = StatusCode::SWITCHING_PROTOCOLS;
        if let Some(key) = upgrade.key.as_ref().filter(|_| upgrade.to_http2) {
            parts.headers.insert(SEC_WEBSOCKET_ACCEPT, accepted(key));
        }
        parts.version = Version::HTTP_11;
        parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        parts.headers.insert(UPGRADE, protocol);
    }
    tokio::task::spawn_local(async move {
        carry(over_http2, upgrade, lease, surroundings).await;
        drop(under_way);
    });
    Response::from_parts(parts, ReplyBody::nothing())
}

async fn carry(over_http2: OnUpgrade, upgrade: Upgrade, mut lease: Lease, around: Surroundings) {
    let is_websocket = upgrade.is_websocket();
    let alone = lease.take_alone();
    let opening = tokio::time::timeout(OPENING, async {
        let client = TokioIo::new(upgrade.client.await?);
        let endpoint: Box<dyn Stream> = match alone {
            Some(alone) => alone,
            None => Box::new(TokioIo::new(over_http2.await?)),
        };
        hyper::Result::Ok((client, endpoint))
    });
    let Ok(Ok((client, endpoint))) = opening.await else {
        tracing::debug!(endpoint = %lease.endpoint().key.address, "a side went away before its upgrade was done");
        return;
    };
    let meter = Meter::default();
    let relaying = Relaying::new(around.idle, &meter);
    let due = Due::watch(&around);
    let relayed = if is_websocket {
        let endpoint = Watched::new(endpoint, due.clone().over(Duration::ZERO));
        relay(client, endpoint, relaying, due.over(CLOSE_PATIENCE)).await
    } else {
        relay(client, endpoint, relaying, due.over(Duration::ZERO)).await
    };
    lease.moved(relayed.up_bytes, relayed.down_bytes);
    tracing::debug!(endpoint = %lease.endpoint().key.address, ended = ?relayed.ended, "tunnel ended");
}

/// Becomes ready when the endpoint or the listener was left for long enough.
#[derive(Clone)]
struct Due {
    standing: watch::Receiver<Standing>,
    phase: watch::Receiver<Phase>,
    drain: Duration,
}

impl Due {
    fn watch(around: &Surroundings) -> Self {
        Due { standing: around.standing.clone(), phase: around.phase.clone(), drain: around.shared.drain }
    }

    /// Ready `after` so long beyond `drain`.
    fn over(mut self, after: Duration) -> Pin<Box<dyn Future<Output = ()>>> {
        Box::pin(async move {
            let mut left_since: Option<Instant> = None;
            loop {
                let is_left = *self.standing.borrow_and_update() == Standing::Leaving
                    || *self.phase.borrow_and_update() != Phase::Open;
                left_since = is_left.then(|| left_since.unwrap_or_else(Instant::now));
                let at = left_since.map(|since| since + self.drain + after);
                tokio::select! {
                    changed = self.standing.changed() => if changed.is_err() { return },
                    changed = self.phase.changed() => if changed.is_err() { return },
                    () = tokio::time::sleep_until(at.unwrap_or_else(Instant::now)), if at.is_some() => return,
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(fields: &[(&'static str, &'static str)], want: Option<&str>) {
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, HeaderValue::from_static(value));
        }
        assert_eq!(asked_for(&map).as_ref().map(|value| value.to_str().unwrap()), want, "{fields:?}");
    }

    #[test]
    fn an_upgrade_is_asked_for_by_two_fields_and_never_to_h2c() {
        check(&[("connection", "Upgrade"), ("upgrade", "websocket")], Some("websocket"));
        check(&[("connection", "keep-alive, upgrade"), ("upgrade", "x/1")], Some("x/1"));
        check(&[("upgrade", "websocket")], None);
        check(&[("connection", "upgrade")], None);
        check(&[("connection", "upgrade"), ("upgrade", "h2c")], None);
        check(&[("connection", "upgrade"), ("upgrade", "websocket, h2c")], None);
        check(&[("connection", "upgrade"), ("upgrade", "websocket"), ("upgrade", "h2c")], None);
    }

    #[test]
    fn keys_are_base64() {
        assert_eq!(&base64_of_16(*b"the sample nonce"), b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(&base64_of_16([0; 16]), b"AAAAAAAAAAAAAAAAAAAAAA==");
        // The example of RFC 6455 1.3.
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accepted(&key), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }
}
