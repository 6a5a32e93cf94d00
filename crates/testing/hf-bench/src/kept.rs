//! Clients that keep their connection: one question at a time, and as little around it as can be.
//!
//! The same method for both sides of a comparison: HTTP/1.1 with JSON to our API, HTTP/2 with protobuf (gRPC) to etcd, each in the
//! form that its own clients use; a connection to each process, made before the first sample.
//!
//! Not here: our own client (`hf_api::Client`), which connects anew each time, races endpoints and retries.

use std::net::SocketAddr;

use bytes::{BufMut, Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::{http1, http2};
use hyper::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::net::TcpStream;

use crate::Told;

async fn connect(address: SocketAddr) -> Told<TokioIo<TcpStream>> {
    let stream = TcpStream::connect(address).await.map_err(|error| format!("{address}: {error}"))?;
    stream.set_nodelay(true).map_err(|error| format!("{address}: {error}"))?;
    Ok(TokioIo::new(stream))
}

/// A node's API.
#[derive(Debug)]
pub struct Api {
    address: SocketAddr,
    token: String,
    sender: http1::SendRequest<Full<Bytes>>,
}

impl Api {
    /// Connects.
    pub async fn connect(address: SocketAddr, token: String) -> Told<Api> {
        let told = |error: hyper::Error| format!("{address}: {error}");
        let (sender, connection) = http1::handshake(connect(address).await?).await.map_err(told)?;
        tokio::spawn(connection); // ends with the sender; a failure is told by the next question
        Ok(Api { address, token, sender })
    }

    /// One write; its answer when it is 200.
    pub async fn post(&mut self, path: &str, body: Bytes) -> Told<Bytes> {
        let address = self.address;
        let told = |error: &dyn std::fmt::Display| format!("{address}{path}: {error}");
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header("host", address.to_string())
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.token))
            .body(Full::new(body))
            .map_err(|error| told(&error))?;
        self.sender.ready().await.map_err(|error| told(&error))?;
        let answer = self.sender.send_request(request).await.map_err(|error| told(&error))?;
        let status = answer.status();
        let body = answer.into_body().collect().await.map_err(|error| told(&error))?.to_bytes();
        if status.is_success() {
            return Ok(body);
        }
        Err(told(&format_args!("{status}: {}", String::from_utf8_lossy(&body))))
    }
}

/// A member of etcd.
#[derive(Debug)]
pub struct Member {
    address: SocketAddr,
    sender: http2::SendRequest<Full<Bytes>>,
}

impl Member {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Told<Member> {
        let told = |error: hyper::Error| format!("{address}: {error}");
        let stream = connect(address).await?;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.map_err(told)?;
        tokio::spawn(connection); // ends with the sender; a failure is told by the next question
        Ok(Member { address, sender })
    }

    /// One call of gRPC.
    pub async fn call<A: Message + Default>(&mut self, path: &str, question: &impl Message) -> Told<A> {
        let address = self.address;
        let told = |error: &dyn std::fmt::Display| format!("{address}{path}: {error}");
        let mut framed = BytesMut::with_capacity(5 + question.encoded_len());
        framed.put_u8(0);
        framed.put_u32(u32::try_from(question.encoded_len()).map_err(|error| told(&error))?);
        question.encode(&mut framed).map_err(|error| told(&error))?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("http://{address}{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .body(Full::new(framed.freeze()))
            .map_err(|error| told(&error))?;
        self.sender.ready().await.map_err(|error| told(&error))?;
        let answer = self.sender.send_request(request).await.map_err(|error| told(&error))?;
        let head = answer.headers().clone();
        let whole = answer.into_body().collect().await.map_err(|error| told(&error))?;
        let trailers = whole.trailers().cloned().unwrap_or(head);
        if trailers.get("grpc-status").is_none_or(|status| status != "0") {
            return Err(told(&format_args!(
                "gRPC {:?} {:?}",
                trailers.get("grpc-status"),
                trailers.get("grpc-message")
            )));
        }
        let bytes = whole.to_bytes();
        A::decode(bytes.get(5..).unwrap_or_default()).map_err(|error| told(&error))
    }
}
