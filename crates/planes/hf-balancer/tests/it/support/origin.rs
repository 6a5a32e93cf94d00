//! Endpoints: a small web application that says its name, and one that speaks bytes by script.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// A web application. `/` says its name, `/fields` the request's fields, `/echo` gives the body back as it comes, `/held` waits for
/// [`Origin::release`], `/held-body` sends its head at once and waits with the rest, `/status/NNN` answers so, `/late` after [`Origin::set_late`], `/odd` has odd fields, `/endless`
/// has a body that never pauses and never ends.
#[derive(Clone, Debug)]
pub struct Origin {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    name: String,
    requests: AtomicUsize,
    connections: AtomicUsize,
    accepted: AtomicUsize,
    held: AtomicUsize,
    sick: AtomicBool,
    late: Mutex<Duration>,
    released: watch::Sender<bool>,
    /// Ends the listener and all connections.
    dead: watch::Sender<bool>,
    targets: Mutex<Vec<String>>,
}

impl Origin {
    pub fn start(name: &str) -> Self {
        Self::start_at(name, "127.0.0.1:0".parse().unwrap())
    }

    pub fn start_at(name: &str, address: SocketAddr) -> Self {
        // A queue that holds a whole crowd, so that tests of the balancer do not fail by an endpoint's own limit.
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(4_096).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            requests: AtomicUsize::new(0),
            connections: AtomicUsize::new(0),
            accepted: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            sick: AtomicBool::new(false),
            late: Mutex::default(),
            released: watch::Sender::new(false),
            dead: watch::Sender::new(false),
            targets: Mutex::default(),
        });
        tokio::spawn(accept(listener, shared.clone()));
        Origin { address, shared }
    }

    /// Requests so far, health checks apart.
    pub fn requests(&self) -> usize {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Connections open now.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Connections ever accepted.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Requests that wait for [`Origin::release`].
    pub fn held(&self) -> usize {
        self.shared.held.load(Ordering::SeqCst)
    }

    /// Lets held requests go on.
    pub fn release(&self) {
        self.shared.released.send_replace(true);
    }

    /// Health checks fail from now on, or not.
    pub fn set_sick(&self, sick: bool) {
        self.shared.sick.store(sick, Ordering::SeqCst);
    }

    /// `/late` answers after so long.
    pub fn set_late(&self, late: Duration) {
        *self.shared.late.lock().unwrap() = late;
    }

    /// Ends the listener and all connections; the port is free then.
    pub async fn die(&self) {
        self.shared.dead.send_replace(true);
        self.shared.dead.closed().await;
    }

    /// What was asked for, in order of arrival.
    pub fn targets(&self) -> Vec<String> {
        self.shared.targets.lock().unwrap().clone()
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut dead = shared.dead.subscribe();
    loop {
        tokio::select! {
            _ = dead.wait_for(|dead| *dead) => return,
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                tokio::spawn(serve(stream, shared.clone()));
            }
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    shared.connections.fetch_add(1, Ordering::SeqCst);
    shared.accepted.fetch_add(1, Ordering::SeqCst);
    let mut dead = shared.dead.subscribe();
    let service = service_fn(|request| answer(request, shared.clone()));
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        _ = connection => {}
        _ = dead.wait_for(|dead| *dead) => {}
    }
    shared.connections.fetch_sub(1, Ordering::SeqCst);
}

type Body = BoxBody<Bytes, hyper::Error>;

fn text(text: impl Into<Bytes>) -> Response<Body> {
    Response::new(Full::new(text.into()).map_err(|never| match never {}).boxed())
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    if path == "/healthz" {
        let mut response = text("ok");
        if shared.sick.load(Ordering::SeqCst) {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        return Ok(response);
    }
    shared.requests.fetch_add(1, Ordering::SeqCst);
    shared.targets.lock().unwrap().push(format!("{} {}", request.method(), request.uri()));
    let mut response = match path.as_str() {
        "/fields" => {
            let mut lines: Vec<String> = request
                .headers()
                .iter()
                .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
                .collect();
            lines.sort();
            text(lines.join("\n"))
        }
        "/late" => {
            let late = *shared.late.lock().unwrap();
            tokio::time::sleep(late).await;
            text(shared.name.clone())
        }
        "/echo" => Response::new(request.into_body().boxed()),
        "/held" => {
            hold(&shared).await;
            text(shared.name.clone())
        }
        "/held-body" => {
            let (head, name) = (Bytes::from_static(b"begun "), shared.name.clone());
            let rest = shared.clone();
            let (sender, receiver) = tokio::sync::mpsc::channel(1);
            tokio::spawn(async move {
                let _ = sender.send(head).await;
                hold(&rest).await;
                let _ = sender.send(Bytes::from(name)).await;
            });
            Response::new(Pieces(receiver).boxed())
        }
        "/endless" => Response::new(Endless.boxed()),
        "/odd" => {
            let mut response = text("odd");
            for (name, value) in [
                ("connection", "x-hop"),
                ("x-hop", "1"),
                ("keep-alive", "5"),
                ("x-passes", "1"),
                ("via", "1.1 x"),
            ] {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
        path if path.starts_with("/status/") => {
            let mut response = text("as asked");
            *response.status_mut() = path["/status/".len()..].parse().unwrap();
            response
        }
        _ => text(shared.name.clone()),
    };
    response.headers_mut().insert("x-origin", shared.name.parse().unwrap());
    Ok(response)
}

async fn hold(shared: &Shared) {
    shared.held.fetch_add(1, Ordering::SeqCst);
    let _ = shared.released.subscribe().wait_for(|released| *released).await;
    shared.held.fetch_sub(1, Ordering::SeqCst);
}

struct Endless;

impl hyper::body::Body for Endless {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, hyper::Error>>> {
        static PIECE: [u8; 64 << 10] = [b'x'; 64 << 10];
        std::task::Poll::Ready(Some(Ok(hyper::body::Frame::data(Bytes::from_static(&PIECE)))))
    }
}

struct Pieces(tokio::sync::mpsc::Receiver<Bytes>);

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Bytes>, hyper::Error>>> {
        self.0.poll_recv(cx).map(|piece| piece.map(|bytes| Ok(hyper::body::Frame::data(bytes))))
    }
}

/// An endpoint that reads a request's head and answers with bytes, then closes; or says nothing and closes.
#[derive(Clone, Debug)]
pub struct RawOrigin {
    pub address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl RawOrigin {
    /// Answers each connection's first request with `answer`, then closes; with `None` it closes without a word.
    pub async fn start(answer: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = heads.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                seen.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
                if let Some(answer) = answer {
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
            }
        });
        RawOrigin { address, heads }
    }

    /// The heads of requests so far.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}
