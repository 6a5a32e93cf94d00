//! One HTTP client connection from its acceptance to its end.
//!
//! 1. What comes first is read (`arrive`), then the first bytes tell whether it is HTTP/1.1 or HTTP/2.
//! 2. HTTP/1.1 that has been idle for a while ([`Limits::rest_after`](crate::Limits::rest_after)) rests: hyper and its buffers are let go,
//!    and only the socket and what is known of the client stay (a few hundred bytes) until the next bytes come. A client that asks all the time never gets there.
//! 3. Sent away ([`Departure`]), a connection that rests is closed, any other after its next answer or once it rests: the next request of who was
//!    busy a moment ago may be on its way, and a close would cross it. HTTP/2 gets a GOAWAY, requests under way are finished.
//! 4. After a refusal, and where the client broke the rules, what it still sends is read and thrown away for a moment: closing at once would reset
//!    the connection and take our answer with it.
//!
//! Not here: requests (`exchange`), what is watched in the bytes (`client_io`).

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::CONNECTION;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::access_log::Asked;
use crate::arrive::{self, Arrived};
use crate::body::ReplyBody;
use crate::client::Client;
use crate::client_io::ClientIo;
use crate::client_state::ConnectionState;
use crate::client_stream::{ClientStream, Measured};
use crate::departure::{Departure, Due};
use crate::exchange::ClientConnection;
use crate::framing::{REFUSED_METHOD, Refused};
use crate::front::{Front, Listening};
use crate::http2;
use crate::refuse::Refusal;
use crate::stuck::Stuck;
use crate::worker::{Counted, Worker};

/// How long, and of how much, a refused client's bytes are thrown away.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1 << 20;
/// The smallest buffer that hyper takes.
const BUFFER_BYTES_MIN: usize = 8_192;
/// How HTTP/2 begins (RFC 9113 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// One of so many connections is measured.
const MEASURED_EVERY: u64 = 16;

/// Serves one client connection to its end.
pub async fn serve(counted: Counted, front: Arc<Front>, stream: TcpStream, peer: std::net::SocketAddr) {
    let worker = counted.worker().clone();
    let listening = front.table().listening.clone();
    let client = Client::direct(peer, front.local);
    let arrived = if arrive::is_wanted(&listening) {
        // Boxed: a handshake needs more room than the connection afterwards.
        Box::pin(arrive::arrive(stream, client, &listening, &worker)).await
    } else {
        Ok(Arrived { stream: ClientStream::plain(stream), client, speaks_http2: None })
    };
    let Arrived { mut stream, mut client, speaks_http2 } = match arrived {
        Ok(arrived) => arrived,
        Err(refused) => {
            tracing::debug!(%peer, address = %front.local, %refused, "client refused");
            return;
        }
    };
    client.behind_trusted = listening.trusts(peer.ip().to_canonical());
    client.zone = listening.places.zone_of(client.peer.ip());
    if let Some(measured) = measured(&worker, &client, peer) {
        stream.measure(measured);
    }
    let state = Arc::new(ConnectionState::new());
    let departure = Departure::new(&front, &worker, listening.patience.header);
    let requests = Rc::new(ClientConnection::new(worker.clone(), front, state.clone(), client));
    Session { worker, listening, state, requests, departure }.run(stream, speaks_http2).await;
    drop(counted);
}

/// Whose way is measured: of few connections, and not where somebody stands between.
fn measured(worker: &Worker, client: &Client, peer: std::net::SocketAddr) -> Option<Measured> {
    let is_chosen =
        worker.chance().is_multiple_of(MEASURED_EVERY) && client.peer.ip() == peer.ip().to_canonical();
    let (activity, clock) = (worker.activity.clone(), worker.shared.clock.clone());
    is_chosen.then(|| Measured { client: client.peer.ip(), activity, clock })
}

/// What a connection keeps while it lives.
struct Session {
    worker: Rc<Worker>,
    listening: Arc<Listening>,
    state: Arc<ConnectionState>,
    requests: Rc<ClientConnection>,
    departure: Departure,
}

/// What happened to a connection that hyper has.
enum Turn {
    Ended(hyper::Result<()>),
    Due(Due),
    Idle,
}

impl Session {
    async fn run(mut self, mut stream: ClientStream, speaks_http2: Option<bool>) {
        let mut speaks_http2 = speaks_http2;
        if speaks_http2 == Some(true) {
            return Box::pin(self.http2(stream, Vec::new())).await;
        }
        loop {
            let Some(mut bytes) = self.rest(&mut stream).await else { return };
            if speaks_http2.is_none() {
                if !self.read_preface(&mut stream, &mut bytes).await {
                    return;
                }
                if bytes.starts_with(PREFACE) {
                    return Box::pin(self.http2(stream, bytes)).await;
                }
                speaks_http2 = Some(false);
            }
            let Some(back) = Box::pin(self.http1(stream, bytes)).await else { break };
            stream = back;
        }
        if self.state.is_tunnel() {
            self.state.tunnel_ended().await;
        }
    }

    /// Waits for bytes with nothing but the socket; none when the connection is to end.
    async fn rest(&mut self, stream: &mut ClientStream) -> Option<Vec<u8>> {
        if self.state.is_to_close() && !stream.has_unread_bytes() {
            return close(stream).await;
        }
        let until = self.state.idle_since() + self.listening.patience.client_idle;
        let mut idle = pin!(tokio::time::sleep_until(until));
        loop {
            tokio::select! {
                biased;
                bytes = read_some(&self.worker, stream) => return bytes,
                due = self.departure.due(&self.worker, &self.state) => match due {
                    // What is here already is answered instead of reset.
                    Due::Close if !stream.has_unread_bytes() => break,
                    Due::Cut => return None,
                    Due::Close | Due::Stay => {}
                },
                () = &mut idle => break,
            }
        }
        close(stream).await
    }

    /// Reads on while the bytes may yet become the beginning of HTTP/2; false if the connection ended.
    async fn read_preface(&mut self, stream: &mut ClientStream, bytes: &mut Vec<u8>) -> bool {
        let until = Instant::now() + self.listening.patience.header;
        while bytes.len() < PREFACE.len() && PREFACE.starts_with(bytes) {
            let more = tokio::time::timeout_at(until, read_some(&self.worker, stream)).await;
            let Ok(Some(more)) = more else { return false };
            bytes.extend_from_slice(&more);
        }
        true
    }

    /// Serves HTTP/1.1 until it has been idle for a while; the stream is back then. None: it has ended.
    async fn http1(&mut self, stream: ClientStream, before: Vec<u8>) -> Option<ClientStream> {
        let patience = &self.listening.patience;
        let header_bytes = (self.listening.bounds.header_bytes as usize).max(BUFFER_BYTES_MIN);
        let io = ClientIo::http1(stream, before, patience, header_bytes, self.state.clone());
        let (requests, state) = (self.requests.clone(), self.state.clone());
        let service = service_fn(move |request| answer1(requests.clone(), state.clone(), request));
        let mut connection = http1::Builder::new()
            .max_buf_size(header_bytes)
            .max_header_size(header_bytes)
            .serve_connection(TokioIo::new(io), service)
            .with_upgrades();
        let mut idle = IdleTimer::new(self.worker.rest_after);
        let mut stuck = Stuck::default();
        loop {
            let turn = tokio::select! {
                biased;
                turn = poll_fn(|cx| match Pin::new(&mut connection).poll(cx) {
                    Poll::Ready(ended) => Poll::Ready(Turn::Ended(ended)),
                    Poll::Pending if stuck.poll(&self.requests.answering, &self.state, cx).is_ready() => {
                        tracing::debug!("client cut: it does not take its answer, whose zone was left");
                        Poll::Ready(Turn::Due(Due::Cut))
                    }
                    Poll::Pending => idle.poll(&self.state, cx).map(|()| Turn::Idle),
                }) => turn,
                due = self.departure.due(&self.worker, &self.state) => Turn::Due(due),
            };
            match turn {
                Turn::Ended(ended) => {
                    if let Err(error) = &ended {
                        tracing::debug!(%error, "client connection ended");
                    }
                    if ended.is_err() || self.state.is_refused() {
                        linger(&self.worker, connection.into_parts()?.io.into_inner().into_stream()).await;
                    }
                    return None;
                }
                Turn::Idle => {
                    return Some(connection.into_parts()?.io.into_inner().into_stream());
                }
                // Done once it rests; until then every answer says so.
                Turn::Due(Due::Close) => self.state.close_when_idle(true),
                Turn::Due(Due::Stay) => self.state.close_when_idle(false),
                Turn::Due(Due::Cut) => return None,
            }
        }
    }

    /// Serves HTTP/2 to its end.
    async fn http2(&mut self, stream: ClientStream, before: Vec<u8>) {
        let Listening { patience, bounds, .. } = &*self.listening;
        let io = ClientIo::http2(stream, before, patience, self.state.clone());
        let (requests, state) = (self.requests.clone(), self.state.clone());
        let service = service_fn(move |request| answer2(requests.clone(), state.clone(), request));
        let mut connection =
            pin!(http2::builder(bounds, patience).serve_connection(TokioIo::new(io), service));
        let mut idle = pin!(tokio::time::sleep(patience.client_idle));
        let mut is_leaving = false;
        loop {
            let turn = tokio::select! {
                biased;
                ended = connection.as_mut() => Turn::Ended(ended),
                due = self.departure.due(&self.worker, &self.state) => Turn::Due(due),
                () = poll_fn(|_| if self.state.is_rapidly_reset() { Poll::Ready(()) } else { Poll::Pending }) => {
                    tracing::debug!("client cut: it takes back nearly all of its requests");
                    return;
                }
                () = self.state.until_cut() => {
                    tracing::debug!("client cut: it takes nothing of what it was sent");
                    return;
                }
                () = idle.as_mut() => Turn::Idle,
            };
            match turn {
                Turn::Ended(Ok(())) => break,
                Turn::Ended(Err(error)) => {
                    tracing::debug!(%error, "client connection ended");
                    break;
                }
                Turn::Due(Due::Close) => {
                    is_leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
                Turn::Due(Due::Stay) => {}
                Turn::Due(Due::Cut) => return,
                Turn::Idle => {
                    let until = self.state.idle_since() + patience.client_idle;
                    if self.state.is_busy() {
                        idle.as_mut().reset(Instant::now() + patience.client_idle);
                    } else if until > Instant::now() {
                        idle.as_mut().reset(until);
                    } else if is_leaving {
                        return;
                    } else {
                        is_leaving = true;
                        connection.as_mut().graceful_shutdown();
                        idle.as_mut().reset(Instant::now() + patience.header);
                    }
                }
            }
        }
    }
}

/// Says when a connection has been idle for so long that it rests. Armed when it becomes idle and left alone by requests: a busy connection pays for a
/// few timers a second, not for one a request.
struct IdleTimer {
    after: Duration,
    sleep: Pin<Box<Sleep>>,
    is_armed: bool,
}

impl IdleTimer {
    fn new(after: Duration) -> Self {
        IdleTimer { after, sleep: Box::pin(tokio::time::sleep(after)), is_armed: false }
    }

    fn poll(&mut self, state: &ConnectionState, cx: &mut Context<'_>) -> Poll<()> {
        let is_idle = !state.is_busy() && !state.is_waiting();
        if !self.is_armed {
            if !is_idle {
                return Poll::Pending;
            }
            self.sleep.as_mut().reset(state.idle_since() + self.after);
            self.is_armed = true;
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if !is_idle {
                self.is_armed = false;
                return Poll::Pending;
            }
            let until = state.idle_since() + self.after;
            if until <= Instant::now() {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(until);
        }
        Poll::Pending
    }
}

/// Reads what is there into the worker's scratch room, and keeps no more than that.
async fn read_some(worker: &Worker, stream: &mut ClientStream) -> Option<Vec<u8>> {
    poll_fn(|cx| {
        let mut scratch = worker.scratch.borrow_mut();
        let mut buf = ReadBuf::new(&mut scratch);
        match Pin::new(&mut *stream).poll_read(cx, &mut buf) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) if !buf.filled().is_empty() => Poll::Ready(Some(buf.filled().to_vec())),
            Poll::Ready(_) => Poll::Ready(None),
        }
    })
    .await
}

/// Ends an idle connection, with TLS by a word of TLS. Boxed: nobody is idle in it.
fn close(stream: &mut ClientStream) -> Pin<Box<dyn Future<Output = Option<Vec<u8>>> + '_>> {
    Box::pin(async {
        let _ = tokio::time::timeout(LINGER, stream.shutdown()).await;
        None
    })
}

/// Closes our side, and throws away what comes for a moment.
async fn linger(worker: &Worker, mut stream: ClientStream) {
    let lingering = async {
        let _ = stream.shutdown().await;
        let mut thrown = 0;
        while thrown < LINGER_BYTES
            && let Some(bytes) = read_some(worker, &mut stream).await
        {
            thrown += bytes.len();
        }
    };
    let _ = tokio::time::timeout(LINGER, lingering).await;
}

type Answered = Result<Response<ReplyBody>, std::convert::Infallible>;

/// Answers a request of HTTP/1.1, or what stands for one that was refused.
async fn answer1(
    requests: Rc<ClientConnection>,
    state: Arc<ConnectionState>,
    request: Request<Incoming>,
) -> Answered {
    if request.method().as_str() == REFUSED_METHOD {
        let why = Refused::of_request(request.uri().path());
        let status = StatusCode::from_u16(why.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = Refusal::new(status, why.words()).answer(None, state.request());
        response.headers_mut().insert(CONNECTION, http::HeaderValue::from_static("close"));
        return Ok(response);
    }
    let answer = answer_logged(requests, request).await;
    if let Ok(response) = &answer {
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            state.become_tunnel();
        } else if response.status().is_client_error() && response.headers().contains_key(CONNECTION) {
            state.refuse();
        }
    }
    answer
}

/// Answers, and writes it down where that is wanted.
async fn answer_logged(requests: Rc<ClientConnection>, request: Request<Incoming>) -> Answered {
    let Some(log) = requests.worker.access_log.clone() else { return requests.answer(request).await };
    let asked = Asked::of(&request);
    let answer = requests.clone().answer(request).await;
    if let Ok(response) = &answer {
        let now = requests.worker.shared.clock.now();
        log.tell(asked.line(now, requests.client.peer.ip(), response.status()));
    }
    answer
}

/// Counts a request of HTTP/2 as taken back unless its answer begins.
struct TakenBack(Arc<ConnectionState>, bool);

impl Drop for TakenBack {
    fn drop(&mut self) {
        self.0.stream_ended(self.1);
    }
}

/// Answers a request of HTTP/2.
async fn answer2(
    requests: Rc<ClientConnection>,
    state: Arc<ConnectionState>,
    request: Request<Incoming>,
) -> Answered {
    let mut taken_back = TakenBack(state, true);
    let mut response = match http2::plain_form(request) {
        Ok(request) => answer_logged(requests, request).await?,
        Err(refusal) => refusal.answer(None, taken_back.0.request()),
    };
    taken_back.1 = false;
    // A field of HTTP/1.1: the connection is told by GOAWAY.
    response.headers_mut().remove(CONNECTION);
    Ok(response)
}
