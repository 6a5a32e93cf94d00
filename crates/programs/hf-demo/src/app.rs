//! The web application of the demo: a guest book with a `/healthz`, several instances in each zone.
//!
//! A user's program, not a part of Holdfast: it knows nothing of shifts. It can be made erroneous, slow or dead, and counts what
//! arrives, so that the report can say when the last request reached a zone.
//!
//! - `GET /` the book as JSON, with the zone that answers · `POST /` adds the body as a line · `GET /healthz` `ok`.
//! - Bounds: 1,000 lines of 1,000 bytes (older ones go), 10,000 connections an instance.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hf_clock::Clock;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Marks the requests of the plain pool, so that they do not count as ours.
pub const PLAIN_HEADER: &str = "x-demo-plain";
/// Names the zone that answered.
pub const ZONE_HEADER: &str = "x-zone";

/// How a zone's application behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Answers at once.
    Well,
    /// Half of the answers are errors, those of `/healthz` too.
    Erroneous,
    /// Every answer takes a second and a half, those of `/healthz` too.
    Slow,
}

/// What one zone's instances share.
#[derive(Debug)]
pub struct ZoneApp {
    zone: &'static str,
    clock: Clock,
    mood: AtomicU8,
    served: AtomicU64,
    last_request_ms: AtomicU64,
    book: Mutex<VecDeque<String>>,
}

impl ZoneApp {
    /// An application that answers well.
    pub fn new(zone: &'static str, clock: Clock) -> Arc<Self> {
        Arc::new(ZoneApp {
            zone,
            clock,
            mood: AtomicU8::new(0),
            served: AtomicU64::new(0),
            last_request_ms: AtomicU64::new(0),
            book: Mutex::new(VecDeque::new()),
        })
    }

    /// The zone's name.
    pub fn zone(&self) -> &'static str {
        self.zone
    }

    /// Changes how it behaves.
    pub fn set_mood(&self, mood: Mood) {
        self.mood.store(mood as u8, Ordering::Relaxed);
    }

    /// How it behaves.
    pub fn mood(&self) -> Mood {
        match self.mood.load(Ordering::Relaxed) {
            1 => Mood::Erroneous,
            2 => Mood::Slow,
            _ => Mood::Well,
        }
    }

    /// Requests through Holdfast that arrived so far: not health checks, not the plain pool's.
    pub fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// When the last of them arrived, milliseconds since 1970; 0 for never.
    pub fn last_request_ms(&self) -> u64 {
        self.last_request_ms.load(Ordering::Relaxed)
    }

    /// Answers, and names the zone in a header: the crowd tells by it who served.
    async fn respond(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let mut response = self.answer(request).await;
        response.headers_mut().insert(ZONE_HEADER, http::HeaderValue::from_static(self.zone));
        response
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let is_check = request.uri().path() == "/healthz";
        if !is_check && !request.headers().contains_key(PLAIN_HEADER) {
            self.last_request_ms.fetch_max(self.clock.now().0, Ordering::Relaxed);
            self.served.fetch_add(1, Ordering::Relaxed);
        }
        match self.mood() {
            Mood::Slow => tokio::time::sleep(Duration::from_millis(1_500)).await,
            Mood::Erroneous if hf_clock::random_seed().is_multiple_of(2) => {
                return plain(StatusCode::INTERNAL_SERVER_ERROR, "the guest book is in flames\n".into());
            }
            Mood::Well | Mood::Erroneous => {}
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/healthz") => plain(StatusCode::OK, "ok\n".into()),
            (&Method::GET, "/") => self.read(),
            (&Method::POST, "/") => match Limited::new(request.into_body(), 1_000).collect().await {
                Ok(body) => self.write(&body.to_bytes()),
                Err(_) => plain(StatusCode::PAYLOAD_TOO_LARGE, "a line has at most 1000 bytes\n".into()),
            },
            (_, "/" | "/healthz") => plain(StatusCode::METHOD_NOT_ALLOWED, "GET or POST\n".into()),
            _ => plain(StatusCode::NOT_FOUND, "there are / and /healthz\n".into()),
        }
    }

    fn read(&self) -> Response<Full<Bytes>> {
        let book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<&String> = book.iter().rev().take(20).collect();
        let page = serde_json::json!({ "zone": self.zone, "served": self.served(), "lines": lines });
        plain(StatusCode::OK, format!("{page}\n"))
    }

    fn write(&self, line: &[u8]) -> Response<Full<Bytes>> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if book.len() >= 1_000 {
            book.pop_front();
        }
        book.push_back(String::from_utf8_lossy(line).into_owned());
        plain(StatusCode::CREATED, format!("{{\"zone\":\"{}\"}}\n", self.zone))
    }
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
}

/// A zone's instances while they run; dropped, they die at once with all their connections.
#[derive(Debug)]
pub struct Instances {
    _tasks: JoinSet<()>,
}

impl Instances {
    /// Opens the instances' listeners and serves on them.
    pub async fn start(app: &Arc<ZoneApp>, addresses: &[SocketAddr]) -> std::io::Result<Instances> {
        let mut tasks = JoinSet::new();
        for address in addresses {
            let listener = listen(*address)?;
            let app = app.clone();
            tasks.spawn(serve(listener, app));
        }
        tokio::task::yield_now().await;
        Ok(Instances { _tasks: tasks })
    }
}

/// Reuses the address at once, since a killed zone comes back while old connections still wait.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1_024)
}

async fn serve(listener: TcpListener, app: Arc<ZoneApp>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < 10_000 => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let app = app.clone();
                connections.spawn(async move {
                    let service = service_fn(move |request| {
                        let app = app.clone();
                        async move { Ok::<_, Infallible>(app.respond(request).await) }
                    });
                    // A client that goes away in the middle is its own business.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .timer(TokioTimer::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
            _ = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}
