//! Endpoints of HTTP/2: a small application, and a server whose every stream is decided by the test.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;

/// An application. `/` says version, scheme, authority and name; `/echo` gives the body back; `/held` waits for [`Origin2::release`]; `/call/N` is a call of
/// gRPC that ends with status N in the trailers; `/endless` never ends.
#[derive(Clone)]
pub struct Origin2 {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    requests: AtomicUsize,
    connections: AtomicUsize,
    accepted: AtomicUsize,
    held: AtomicUsize,
    released: watch::Sender<bool>,
    takes_connect: AtomicBool,
    fields: Mutex<HeaderMap>,
}

impl Origin2 {
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// Over TLS if that is given.
    pub async fn start_with(tls: Option<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            requests: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            released: watch::Sender::new(false),
            takes_connect: AtomicBool::new(false),
            fields: Mutex::default(),
        });
        let origin = Origin2 { address, shared: shared.clone() };
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (shared, tls) = (shared.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, shared).await;
                            }
                        }
                        None => serve(stream, shared).await,
                    }
                });
            }
        });
        origin
    }

    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    pub fn held(&self) -> usize {
        self.shared.held.load(Ordering::SeqCst)
    }

    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// From now on WebSockets come as an extended CONNECT; every message is sent back.
    pub fn take_websockets(&self) {
        self.shared.takes_connect.store(true, Ordering::SeqCst);
    }

    /// The fields of the last request.
    pub fn fields(&self) -> HeaderMap {
        self.shared.fields.lock().unwrap().clone()
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, shared: Arc<Shared>) {
    shared.connections.fetch_add(1, Ordering::SeqCst);
    shared.accepted.fetch_add(1, Ordering::SeqCst);
    let of = shared.clone();
    let service = service_fn(move |request| answer(request, of.clone()));
    let mut builder = http2::Builder::new(TokioExecutor::new());
    if shared.takes_connect.load(Ordering::SeqCst) {
        builder.enable_connect_protocol();
    }
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
    shared.connections.fetch_sub(1, Ordering::SeqCst);
}

type Body = BoxBody<Bytes, hyper::Error>;

fn text(text: impl Into<Bytes>) -> Response<Body> {
    Response::new(Full::new(text.into()).map_err(|never| match never {}).boxed())
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Infallible> {
    shared.requests.fetch_add(1, Ordering::SeqCst);
    *shared.fields.lock().unwrap() = request.headers().clone();
    let uri = request.uri().clone();
    let protocol = request.extensions().get::<hyper::ext::Protocol>();
    if protocol.is_some_and(|protocol| protocol.as_str() == "websocket") && uri.path() == "/chat" {
        tokio::spawn(async move {
            let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
            let mut socket =
                WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
            while let Some(Ok(message)) = socket.next().await {
                if (message.is_text() || message.is_binary()) && socket.send(message).await.is_err() {
                    return;
                }
            }
        });
        return Ok(text(""));
    }
    Ok(match uri.path() {
        "/echo" => Response::new(request.into_body().boxed()),
        "/held" => {
            shared.held.fetch_add(1, Ordering::SeqCst);
            let _ = shared.released.subscribe().wait_for(|released| *released).await;
            shared.held.fetch_sub(1, Ordering::SeqCst);
            text("held")
        }
        "/endless" => {
            let piece = || Ok(Frame::data(Bytes::from_static(&[b'x'; 16 << 10])));
            Response::new(BodyExt::boxed(StreamBody::new(futures_util::stream::repeat_with(piece))))
        }
        path if path.starts_with("/call/") => {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", path["/call/".len()..].parse().unwrap());
            let body = request.into_body().collect().await.unwrap().to_bytes();
            let frames = [Ok(Frame::data(body)), Ok(Frame::trailers(trailers))];
            let mut response =
                Response::new(BodyExt::boxed(StreamBody::new(futures_util::stream::iter(frames))));
            response.headers_mut().insert("content-type", "application/grpc".parse().unwrap());
            response
        }
        _ => {
            let (scheme, authority) =
                (uri.scheme_str().unwrap_or("-"), uri.authority().map_or("-", |of| of.as_str()));
            text(format!("{:?} {scheme} {authority}", request.version()))
        }
    })
}
