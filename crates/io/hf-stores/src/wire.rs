//! One request over one connection, with TLS where the address says so, and a bounded answer.

use std::sync::Arc;

use bytes::Bytes;
use hf_config::node::Url;
use hf_sigv4::{Keys, Unsigned, sign};
use http::header::{ACCEPT_ENCODING, CONNECTION, HOST, LOCATION, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{BYTES_MAX, Door, shown};

/// What is asked.
pub(crate) struct Ask<'a> {
    pub(crate) method: Method,
    /// Who; its path is not looked at.
    pub(crate) to: &'a Url,
    /// Path and query.
    pub(crate) target: String,
    /// Beside `Host`.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
    pub(crate) of_the_answer: Body,
}

/// What becomes of an answer's body.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// Nobody looks at it.
    Left,
    /// All of it, [`BYTES_MAX`] at most.
    Read,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// Where a redirect points to.
    location: Option<String>,
    /// What a status page of Holdfast says of a zone, in `Holdfast-State`.
    pub(crate) state: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The status for people, and where a redirect would have led.
    pub(crate) fn told(&self) -> String {
        match &self.location {
            Some(location) if self.status.is_redirection() => {
                let location = location.split('?').next().unwrap_or_default();
                format!("{} to {}, and redirects are not followed", self.status, shown(location))
            }
            _ => self.status.to_string(),
        }
    }
}

/// The `Host` header: without the port where that is the scheme's own, as stores expect it under a signature.
pub(crate) fn host(url: &Url) -> String {
    let authority = url.authority();
    let own = if url.secure { ":443" } else { ":80" };
    authority.strip_suffix(own).map_or(authority.clone(), str::to_owned)
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// Asks once.
pub(crate) async fn ask(question: Ask<'_>, door: &Door<'_>) -> Result<Answer, String> {
    let to = question.to;
    let mut request = Request::builder()
        .method(question.method)
        .uri(question.target)
        .header(HOST, host(to))
        .header(USER_AGENT, concat!("holdfast/", env!("CARGO_PKG_VERSION")))
        .header(ACCEPT_ENCODING, "identity")
        .header(CONNECTION, "close");
    for (name, value) in question.headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(question.body));
    let request =
        request.map_err(|error| format!("the request to {} cannot be written: {error}", host(to)))?;
    let stream = connect(to, door).await?;
    let stream: Box<dyn Stream> = if to.secure { secure(stream, to, door).await? } else { Box::new(stream) };
    exchange(stream, request, to, question.of_the_answer).await
}

async fn connect(to: &Url, door: &Door<'_>) -> Result<TcpStream, String> {
    let failed = |error: std::io::Error| {
        format!("no connection to {}: {error}; see whether it runs and is reached", to.authority())
    };
    let addresses = door.disk.lookup(&to.host, to.port).await?.map_err(failed)?;
    let stream = TcpStream::connect(&addresses[..]).await.map_err(failed)?;
    let _ = stream.set_nodelay(true); // only slower without
    Ok(stream)
}

async fn secure(stream: TcpStream, to: &Url, door: &Door<'_>) -> Result<Box<dyn Stream>, String> {
    let failed = |what: &str| format!("TLS with {}: {what}", to.authority());
    let mut roots = RootCertStore::empty();
    match &door.access.ca {
        Some(file) => {
            let mend = "write PEM certificates there";
            let unreadable = |error: &dyn std::fmt::Display| format!("{}: {error}; {mend}", file.display());
            let pem = door.disk.read(file, mend).await?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|error| unreadable(&error))?;
                roots.add(certificate).map_err(|error| unreadable(&error))?;
            }
            if roots.is_empty() {
                return Err(unreadable(&"no certificate is in it"));
            }
        }
        None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(&error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(to.host.clone()).map_err(|error| failed(&error.to_string()))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    match stream {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(failed(&format!("{error}; see its certificate, or name its authority in `ca`"))),
    }
}

async fn exchange(
    stream: Box<dyn Stream>,
    request: Request<Full<Bytes>>,
    to: &Url,
    of_the_answer: Body,
) -> Result<Answer, String> {
    let broke = |error: hyper::Error| {
        format!("{} broke off, or speaks no HTTP: {error}; see its log", to.authority())
    };
    let mut builder = http1::Builder::new();
    builder.max_buf_size(BYTES_MAX);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(broke)?;
    let talk = async {
        let answer = sender.send_request(request).await.map_err(broke)?;
        let status = answer.status();
        let location = answer.headers().get(LOCATION);
        let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let state = answer.headers().get("holdfast-state");
        let state = state.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        let mut body = Vec::new();
        if of_the_answer == Body::Read {
            let mut frames = answer.into_body();
            while let Some(frame) = frames.frame().await {
                body.extend(frame.map_err(broke)?.into_data().unwrap_or_default());
                if body.len() > BYTES_MAX {
                    return Err(format!(
                        "{} answered with more than 64 KiB; see what stands there",
                        to.authority()
                    ));
                }
            }
        }
        Ok(Answer { status, location, state, body })
    };
    // The connection is driven only while somebody waits for it, and goes with this. What breaks it reaches the talk too, behind all that came
    // whole.
    let driven = async {
        let _ = connection.await;
        std::future::pending::<std::convert::Infallible>().await
    };
    tokio::select! {
        told = talk => told,
        never = driven => match never {},
    }
}

/// The headers that sign a request, with the secret as it stands in its file now; none if nobody in particular asks.
pub(crate) async fn signed(
    request: &Unsigned<'_>,
    door: &Door<'_>,
) -> Result<Vec<(&'static str, String)>, String> {
    let Some(credentials) = &door.access.credentials else { return Ok(Vec::new()) };
    let file = &credentials.secret_file;
    let mend =
        "write the secret access key there, in one line, and a session token in a second if it needs one";
    let bytes = door.disk.read(file, mend).await?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default();
    let mut lines = text.trim().lines().map(str::trim);
    let (secret, token, more) = (lines.next().unwrap_or_default(), lines.next(), lines.next());
    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_plain(secret) || !token.is_none_or(is_plain) || more.is_some() {
        return Err(format!("{}: it is no secret access key; {mend}", file.display()));
    }
    let keys = Keys { access_key_id: &credentials.access_key_id, secret, session_token: token };
    Ok(sign(request, keys, door.now))
}
