//! Requests from core 1, and what came back.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, spawn_local};
use tokio_rustls::TlsConnector;

use super::endpoint::end_of_head;
use super::tls::NAME;
use crate::{Told, cpu};

/// To be told that a server serves.
const DEADLINE: Duration = Duration::from_secs(30);
/// Streams of one HTTP/2 connection.
const STREAMS: usize = 16;

/// What is asked, and how.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where the proxy listens.
    pub address: SocketAddr,
    /// Over TLS.
    pub tls: Option<Arc<ClientConfig>>,
    /// The path.
    pub path: &'static str,
    /// Connections at the same time.
    pub connections: usize,
    /// How they are used.
    pub kind: Kind,
}

/// How connections are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTTP/1.1, request after request.
    Kept,
    /// HTTP/1.1, one request each.
    Single,
    /// HTTP/2, many streams.
    Http2,
}

/// What a load did.
#[derive(Clone, Debug, Default)]
pub struct Fired {
    /// Whole answers.
    pub done: u64,
    /// Requests that got none.
    pub failed: u64,
    /// Microseconds of the proxy for an answer.
    pub us_per_request: f64,
    /// Answers a second.
    pub per_second: f64,
    /// Sorted.
    pub latencies_us: Vec<u32>,
}

/// What the connections of a load count.
#[derive(Debug, Default)]
pub struct Count {
    pub done: Cell<u64>,
    pub failed: Cell<u64>,
    pub latencies_us: RefCell<Vec<u32>>,
}

impl Count {
    /// One request came to its end.
    pub fn add(&self, since: Instant, is_good: bool) {
        let of = if is_good { &self.done } else { &self.failed };
        of.set(of.get() + 1);
        if is_good {
            self.latencies_us.borrow_mut().push(since.elapsed().as_micros() as u32);
        }
    }

    /// Measures the proxy for so long.
    pub async fn over(&self, length: Duration, proxy: u32) -> Fired {
        self.take();
        let (began, before) = (Instant::now(), cpu::ran(proxy));
        tokio::time::sleep(length).await;
        let (used, passed) = (cpu::ran(proxy).saturating_sub(before), began.elapsed());
        let mut fired = self.take();
        fired.us_per_request = used.as_secs_f64() * 1e6 / fired.done.max(1) as f64;
        fired.per_second = fired.done as f64 / passed.as_secs_f64();
        fired.latencies_us.sort_unstable();
        fired
    }

    fn take(&self) -> Fired {
        Fired {
            done: self.done.take(),
            failed: self.failed.take(),
            latencies_us: self.latencies_us.take(),
            ..Fired::default()
        }
    }
}

/// A connection that speaks HTTP/1.1.
pub struct Connection {
    stream: Box<dyn Stream>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

impl Load {
    async fn stream(&self) -> std::io::Result<Box<dyn Stream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(stream)) };
        let name = ServerName::try_from(NAME).map_err(std::io::Error::other)?;
        Ok(Box::new(TlsConnector::from(tls.clone()).connect(name, stream).await?))
    }

    /// Opens a connection for HTTP/1.1.
    pub async fn open(&self) -> std::io::Result<Connection> {
        let close = if self.kind == Kind::Single { "connection: close\r\n" } else { "" };
        let request = format!(
            "GET {} HTTP/1.1\r\nhost: {NAME}\r\nuser-agent: bench\r\naccept: */*\r\n{close}\r\n",
            self.path
        );
        Ok(Connection {
            stream: self.stream().await?,
            request: request.into_bytes(),
            answer: Vec::with_capacity(1 << 10),
        })
    }

    /// Waits until the proxy gives a right answer.
    pub async fn first_answer(&self) -> Told<()> {
        let began = Instant::now();
        loop {
            let last = match self.first_try().await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            if began.elapsed() > DEADLINE {
                return Err(format!("no right answer within {DEADLINE:?}: {last}"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn first_try(&self) -> std::io::Result<()> {
        if self.kind != Kind::Http2 {
            return self.open().await?.ask().await;
        }
        let mut sender = self.http2().await?;
        ask_http2(&mut sender, self.path).await.map_err(std::io::Error::other)
    }

    async fn http2(&self) -> std::io::Result<http2::SendRequest<Empty<Bytes>>> {
        let stream = self.stream().await?;
        let handshake = http2::Builder::new(OnThisThread).handshake(TokioIo::new(stream)).await;
        let (sender, connection) = handshake.map_err(std::io::Error::other)?;
        spawn_local(async move {
            let _ = connection.await;
        });
        Ok(sender)
    }

    /// Each connection asks again as soon as it has its answer.
    pub async fn closed(&self, length: Duration, proxy: u32) -> Fired {
        let count = Rc::new(Count::default());
        let tasks: Vec<JoinHandle<()>> = (0..self.connections)
            .map(|_| {
                let (load, count) = (self.clone(), count.clone());
                spawn_local(async move {
                    match load.kind {
                        Kind::Http2 => load.ask_over_http2(&count).await,
                        _ => load.ask_over_http1(&count).await,
                    }
                })
            })
            .collect();
        tokio::time::sleep(length / 4).await;
        let fired = count.over(length, proxy).await;
        tasks.iter().for_each(JoinHandle::abort);
        for task in tasks {
            let _ = task.await;
        }
        fired
    }

    async fn ask_over_http1(&self, count: &Count) {
        let mut kept: Option<Connection> = None;
        loop {
            let since = Instant::now();
            let connection = match kept.take() {
                Some(connection) => Ok(connection),
                None => self.open().await,
            };
            let Ok(mut connection) = connection else {
                count.add(since, false);
                tokio::task::yield_now().await;
                continue;
            };
            let is_good = connection.ask().await.is_ok();
            count.add(since, is_good);
            if is_good && self.kind == Kind::Kept {
                kept = Some(connection);
            }
        }
    }

    async fn ask_over_http2(&self, count: &Rc<Count>) {
        let Ok(sender) = self.http2().await else {
            count.add(Instant::now(), false);
            return;
        };
        let streams: Vec<JoinHandle<()>> = (0..STREAMS)
            .map(|_| {
                let (mut sender, count, path) = (sender.clone(), count.clone(), self.path);
                spawn_local(async move {
                    loop {
                        let since = Instant::now();
                        let asked = ask_http2(&mut sender, path).await;
                        count.add(since, asked.is_ok());
                        if asked.is_err() {
                            return;
                        }
                    }
                })
            })
            .collect();
        let ends = Ends(streams);
        std::future::pending::<()>().await;
        drop(ends);
    }
}

/// Tasks that end with the one that began them.
struct Ends(Vec<JoinHandle<()>>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.iter().for_each(JoinHandle::abort);
    }
}

async fn ask_http2(sender: &mut http2::SendRequest<Empty<Bytes>>, path: &str) -> Result<(), String> {
    let request = Request::get(format!("http://{NAME}{path}")).body(Empty::new());
    let request = request.map_err(|error| error.to_string())?;
    sender.ready().await.map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    if response.status() != 200 {
        return Err(format!("answered {}", response.status()));
    }
    response.into_body().collect().await.map_err(|error| error.to_string())?;
    Ok(())
}

impl Connection {
    /// One request and its whole answer.
    pub async fn ask(&mut self) -> std::io::Result<()> {
        let broken = |what: &str| std::io::Error::other(what.to_owned());
        self.stream.write_all(&self.request).await?;
        self.answer.clear();
        let end = loop {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(broken("the connection ended before an answer"));
            }
            if let Some(end) = end_of_head(&self.answer) {
                break end;
            }
        };
        let head = String::from_utf8_lossy(&self.answer[..end]).to_ascii_lowercase();
        if !head.starts_with("http/1.1 200 ") {
            return Err(std::io::Error::other(head));
        }
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        let length: usize = length.ok_or_else(|| broken("an answer without a length"))?;
        while self.answer.len() < end + length {
            if self.stream.read_buf(&mut self.answer).await? == 0 {
                return Err(broken("the connection ended within an answer"));
            }
        }
        Ok(())
    }
}

/// Spawns on the thread that it is on.
#[derive(Clone, Copy, Debug)]
struct OnThisThread;

impl<F: Future + 'static> hyper::rt::Executor<F> for OnThisThread
where
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        spawn_local(future);
    }
}
