//! Clients: one request a connection, many requests a connection, and bytes as they are.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::within;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// A field as text, empty without it.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A connection that is kept.
pub struct Kept {
    sender: SendRequest<Full<Bytes>>,
}

impl Kept {
    pub async fn open(to: SocketAddr) -> Self {
        Self::over(TcpStream::connect(to).await.unwrap()).await
    }

    /// Over a stream that is there already.
    pub async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Kept { sender }
    }

    /// Sends one request; an error if the connection was gone or broke.
    pub async fn send(&mut self, method: &str, path: &str, body: &str) -> hyper::Result<Answer> {
        self.send_to("service.test", method, path, body).await
    }

    /// The same for another host.
    pub async fn send_to(
        &mut self,
        host: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> hyper::Result<Answer> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", host)
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .unwrap();
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    /// Sends a GET with more fields.
    pub async fn send_with(&mut self, path: &str, fields: &[(&str, &str)]) -> hyper::Result<Answer> {
        let mut request = Request::get(path).header("host", "service.test");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        self.sender.ready().await?;
        let response = self.sender.send_request(request.body(Full::new(Bytes::new())).unwrap()).await?;
        let (parts, body) = response.into_parts();
        let body = String::from_utf8_lossy(&body.collect().await?.to_bytes()).into_owned();
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        within("an answer", self.send("GET", path, "")).await.unwrap()
    }

    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Waits for the other side to close it.
    pub async fn closed(&mut self) {
        within("the connection's end", async {
            while self.sender.ready().await.is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// One GET on its own connection.
pub async fn get(to: SocketAddr, path: &str) -> Answer {
    Kept::open(to).await.get(path).await
}

/// One GET with more fields on its own connection.
pub async fn get_with(to: SocketAddr, path: &str, fields: &[(&str, &str)]) -> Answer {
    within("an answer", Kept::open(to).await.send_with(path, fields)).await.unwrap()
}

/// One POST on its own connection.
pub async fn post(to: SocketAddr, path: &str, body: &str) -> Answer {
    within("an answer", Kept::open(to).await.send("POST", path, body)).await.unwrap()
}

/// Sends bytes as they are, and reads to the end of the stream.
pub async fn raw(to: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is an end, too.
    let _ = within("the end of the stream", stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}
