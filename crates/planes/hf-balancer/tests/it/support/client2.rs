//! A client of HTTP/2 with one connection.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::client::Answer;
use super::{until, within};

/// One connection.
#[derive(Clone)]
pub struct Http2 {
    sender: SendRequest<Full<Bytes>>,
    ended: Arc<AtomicBool>,
}

impl Http2 {
    /// With prior knowledge.
    pub async fn open(to: SocketAddr) -> Self {
        Self::over(TcpStream::connect(to).await.unwrap()).await
    }

    /// Over a stream that is there already.
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) =
            Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await.unwrap();
        let ended = Arc::new(AtomicBool::new(false));
        let tell = ended.clone();
        tokio::spawn(async move {
            let _ = connection.await;
            tell.store(true, Ordering::SeqCst);
        });
        Http2 { sender, ended }
    }

    /// Sends a request as it is.
    pub async fn send(&mut self, request: Request<Full<Bytes>>) -> hyper::Result<Response<Incoming>> {
        self.sender.ready().await?;
        self.sender.send_request(request).await
    }

    /// A request for `service.test`.
    pub async fn ask(&mut self, method: &str, path: &str, body: impl Into<Bytes>) -> hyper::Result<Answer> {
        let request = Request::builder()
            .method(method)
            .uri(format!("http://service.test{path}"))
            .body(Full::new(body.into()))
            .unwrap();
        let (parts, body) = self.send(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        within("an answer", self.ask("GET", path, "")).await.unwrap()
    }

    /// Waits for the connection's end.
    pub async fn closed(&self) {
        until("the connection has ended", || async { self.ended.load(Ordering::SeqCst) }).await;
    }
}
