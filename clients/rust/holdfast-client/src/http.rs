//! HTTP/1.1 to one place: a connection, a request, a bounded answer.
//!
//! 1. Everything has a time limit: to connect, to be answered, to have the whole body.
//! 2. Redirects are not followed: an answer of somebody else is no answer of the endpoint.
//! 3. One connection is kept for polls and acknowledgements; one that went meanwhile is opened anew, once.
//! 4. Proxies of the environment are not used: an evacuation does not hang on one.
//!
//! Not here: what is asked (`link`, `zone`), TLS (`tls`).

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::header::{HOST, HeaderMap, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::endpoint::Endpoint;
use crate::tls::Tls;

/// Bytes of an answer that says why not, shown at most.
const SHOWN: usize = 200;

/// Why a request was not answered as wanted.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Nobody there.
    #[error("cannot connect: {0}")]
    Unreachable(std::io::Error),
    /// Not known by its certificate, or no TLS there.
    #[error("TLS: {0}")]
    Tls(String),
    /// Took too long.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// The connection broke, or no HTTP was spoken.
    #[error("HTTP: {0}")]
    Broken(String),
    /// Answered, but not with what was asked for.
    #[error("answered {status}{shown}")]
    Status {
        /// Of the answer.
        status: u16,
        /// The beginning of what it says.
        shown: String,
        /// When to come again.
        retry_after: Option<Duration>,
    },
    /// More than is taken.
    #[error("answered with more than {0} bytes")]
    TooLong(usize),
    /// What came is no table.
    #[error(transparent)]
    BadTable(#[from] crate::wire::BadTable),
    /// The stream of events ended, or is none.
    #[error("{0}")]
    Ended(String),
}

impl HttpError {
    /// When the server wants to be asked again.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            HttpError::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// One connection; it ends when this is dropped.
#[derive(Debug)]
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: AbortHandle,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// Opens a connection.
pub async fn connect(endpoint: &Endpoint, tls: &Tls, patience: Duration) -> Result<Connection, HttpError> {
    let open = async {
        let stream = TcpStream::connect((endpoint.name.as_str(), endpoint.port))
            .await
            .map_err(HttpError::Unreachable)?;
        // Requests are small and wait for answers.
        let _ = stream.set_nodelay(true);
        if endpoint.is_tls {
            over(tls.connect(&endpoint.name, stream).await?).await
        } else {
            over(stream).await
        }
    };
    timeout(patience, open).await.map_err(|_| HttpError::TimedOut(patience))?
}

async fn over<S>(stream: S) -> Result<Connection, HttpError>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(64 << 10)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| broken(&error))?;
    // Its errors come out where the answer is awaited too.
    let driver = tokio::spawn(async move { drop(connection.await) }).abort_handle();
    Ok(Connection { sender, driver })
}

fn broken(error: &hyper::Error) -> HttpError {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    HttpError::Broken(format!("{error}{cause}"))
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// `GET`, `POST`, `PUT`.
    pub method: Method,
    /// Path and query, after the endpoint's own path.
    pub path: String,
    /// Further headers; names in small letters.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: Bytes,
}

impl Question {
    /// A `GET`.
    pub fn get(path: impl Into<String>) -> Self {
        Question { method: Method::GET, path: path.into(), headers: Vec::new(), body: Bytes::new() }
    }

    /// With one more header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn request(&self, endpoint: &Endpoint) -> Result<Request<Full<Bytes>>, HttpError> {
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(format!("{}{}", endpoint.prefix, self.path))
            .header(HOST, &endpoint.authority)
            .header(USER_AGENT, concat!("holdfast-client/", env!("CARGO_PKG_VERSION")));
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        // What a caller has put into a path or header may not be one.
        request.body(Full::new(self.body.clone())).map_err(|error| HttpError::Broken(error.to_string()))
    }
}

/// An answer with its whole body.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as long as was allowed.
    pub body: Bytes,
}

impl Answer {
    /// The answer as an error that shows it.
    pub fn refused(&self) -> HttpError {
        // On one line, and nothing that a terminal would obey.
        let plain = |one: char| if one.is_control() { ' ' } else { one };
        let text: String =
            String::from_utf8_lossy(&self.body).trim().chars().take(SHOWN).map(plain).collect();
        let place = self.headers.get("location").and_then(|to| to.to_str().ok());
        let shown = match (place, text.as_str()) {
            (Some(to), _) => format!(" to {}; redirects are not followed, name that URL", cut(to)),
            (None, "") => String::new(),
            (None, text) => format!(": {text}"),
        };
        HttpError::Status { status: self.status.as_u16(), shown, retry_after: retry_after(&self.headers) }
    }

    /// The same of who should be a status endpoint: one says what it knows of the zone with each answer, also where it knows nothing.
    pub fn refused_by_status(&self) -> HttpError {
        match self.refused() {
            HttpError::Status { status: 404, shown, retry_after }
                if !self.headers.contains_key("holdfast-state") =>
            {
                let shown = format!("{shown}; is the URL a status endpoint's, such as http://NODE:7601?");
                HttpError::Status { status: 404, shown, retry_after }
            }
            other => other,
        }
    }
}

fn cut(text: &str) -> &str {
    text.get(..SHOWN).unwrap_or(text)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    // The form with a date is for people's browsers; ours are seconds.
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

impl Connection {
    /// Asks and gives the answer's head; the body is still to come, while this connection stands.
    pub async fn begin(
        &mut self,
        endpoint: &Endpoint,
        question: &Question,
    ) -> Result<Response<Incoming>, HttpError> {
        self.sender.ready().await.map_err(|error| broken(&error))?;
        self.sender.send_request(question.request(endpoint)?).await.map_err(|error| broken(&error))
    }

    /// Asks and takes the whole answer.
    pub async fn ask(
        &mut self,
        endpoint: &Endpoint,
        question: &Question,
        bytes_max: usize,
    ) -> Result<Answer, HttpError> {
        let (head, body) = self.begin(endpoint, question).await?.into_parts();
        let body = whole(body, bytes_max).await?;
        Ok(Answer { status: head.status, headers: head.headers, body })
    }
}

/// A whole body.
pub async fn whole(mut body: Incoming, bytes_max: usize) -> Result<Bytes, HttpError> {
    let mut taken = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|error| broken(&error))?.into_data() else { continue };
        if taken.len() + data.len() > bytes_max {
            return Err(HttpError::TooLong(bytes_max));
        }
        taken.extend_from_slice(&data);
    }
    Ok(taken.into())
}

/// Asks once, on a connection of its own.
pub async fn once(
    endpoint: &Endpoint,
    tls: &Tls,
    question: &Question,
    bytes_max: usize,
    patience: Duration,
) -> Result<Answer, HttpError> {
    let work = async { connect(endpoint, tls, patience).await?.ask(endpoint, question, bytes_max).await };
    timeout(patience, work).await.map_err(|_| HttpError::TimedOut(patience))?
}

/// Asks one endpoint again and again over a connection that is kept.
#[derive(Debug)]
pub struct Caller {
    endpoint: Endpoint,
    tls: Tls,
    patience: Duration,
    kept: Mutex<Option<Connection>>,
}

impl Caller {
    /// Of one endpoint; nothing is opened yet.
    pub fn new(endpoint: Endpoint, tls: Tls, patience: Duration) -> Self {
        Caller { endpoint, tls, patience, kept: Mutex::new(None) }
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// A connection for a stream of events, beside the one that is kept.
    pub async fn connect(&self) -> Result<Connection, HttpError> {
        connect(&self.endpoint, &self.tls, self.patience).await
    }

    /// Asks and takes the whole answer; questions go one after another.
    pub async fn call(&self, question: &Question, bytes_max: usize) -> Result<Answer, HttpError> {
        let work = async {
            let mut kept = self.kept.lock().await;
            // Taken out: whoever gives up on the way leaves no half-read connection behind.
            if let Some(mut connection) = kept.take().filter(|connection| !connection.sender.is_closed())
                && let Ok(answer) = connection.ask(&self.endpoint, question, bytes_max).await
            {
                *kept = Some(connection);
                return Ok(answer);
            }
            let mut connection = self.connect().await?;
            let answer = connection.ask(&self.endpoint, question, bytes_max).await?;
            *kept = Some(connection);
            Ok(answer)
        };
        timeout(self.patience, work).await.map_err(|_| HttpError::TimedOut(self.patience))?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, headers: &[(&'static str, &'static str)], body: &'static str) -> String {
        let headers = headers.iter().map(|(name, value)| {
            (hyper::header::HeaderName::from_static(name), hyper::header::HeaderValue::from_static(value))
        });
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer { status, headers: headers.collect(), body: Bytes::from_static(body.as_bytes()) };
        answer.refused_by_status().to_string()
    }

    #[test]
    fn an_answer_that_refuses_is_shown_on_one_line_with_its_mend() {
        assert_eq!(refused(500, &[], " <h1>\n\u{1b}[31mno "), "answered 500: <h1>  [31mno");
        assert_eq!(
            refused(302, &[("location", "https://x/")], ""),
            "answered 302 to https://x/; redirects are not followed, name that URL"
        );
        assert_eq!(
            refused(404, &[], "no route"),
            "answered 404: no route; is the URL a status endpoint's, such as http://NODE:7601?"
        );
        assert_eq!(
            refused(404, &[("holdfast-state", "unknown")], "no pool"),
            "answered 404: no pool",
            "that is one"
        );
    }
}
