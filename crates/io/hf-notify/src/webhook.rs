//! A POST by the Standard Webhooks specification (standardwebhooks.com).
//!
//! 1. `webhook-id` is the notice's, `webhook-timestamp` the second of this attempt, `webhook-signature` `v1,` and HMAC-SHA256 in base64 over
//!    `id.timestamp.body`, with the bytes behind `whsec_`.
//! 2. Any 2xx is a receipt. No redirect is followed: it would hand the notice to whom nobody named.
//! 3. 400, 409, 410, 413, 415 and 422 are a word on this notice; all else may be better later.
//! 4. Of the answer's body so much is read as is shown, no more.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hf_config::node::Url;
use hf_model::Timestamp;
use http::header::{CONNECTION, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use ring::hmac;

use crate::connect::{Stream, connect, secure};
use crate::{Failed, Notice};

/// What of an answer's body is shown.
const SHOWN: usize = 200;

/// Delivers once.
pub async fn post(
    url: &Url,
    secret_file: Option<&Path>,
    ca: Option<&Path>,
    notice: &Notice,
    now: Timestamp,
) -> Result<(), Failed> {
    let body = notice.json();
    let second = now.0 / 1_000;
    let mut request = Request::post(&url.path)
        .header(HOST, url.authority())
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("holdfast/", env!("CARGO_PKG_VERSION")))
        .header(CONNECTION, "close")
        .header("webhook-id", &notice.id)
        .header("webhook-timestamp", second);
    if let Some(file) = secret_file {
        let secret = read_secret(file).await?;
        request = request.header("webhook-signature", sign(&secret, &notice.id, second, &body));
    }
    let request = request
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| Failed::new(format!("the request cannot be written: {error}")))?;
    let stream = connect(url).await?;
    let stream: Box<dyn Stream> = if url.secure { secure(stream, url, ca).await? } else { Box::new(stream) };
    exchange(stream, request, url).await
}

async fn exchange(stream: Box<dyn Stream>, request: Request<Full<Bytes>>, url: &Url) -> Result<(), Failed> {
    let broke =
        |error: hyper::Error| Failed::new(format!("the connection to {} broke: {error}", url.authority()));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broke)?;
    let talk = async {
        let answer = sender.send_request(request).await.map_err(broke)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let location = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
        let mut body = answer.into_body();
        let mut shown = Vec::new();
        while shown.len() < SHOWN
            && let Some(Ok(frame)) = body.frame().await
        {
            shown.extend(frame.into_data().unwrap_or_default());
        }
        shown.truncate(SHOWN);
        Err(refused(status, location.as_deref(), &String::from_utf8_lossy(&shown), url))
    };
    // The connection is driven only while somebody waits for it, and goes with this.
    tokio::select! {
        told = talk => told,
        Err(error) = connection => Err(broke(error)),
    }
}

fn refused(status: StatusCode, location: Option<&str>, said: &str, url: &Url) -> Failed {
    let plain = |text: &str| -> String {
        text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect()
    };
    let more = match location.filter(|_| status.is_redirection()) {
        Some(to) => format!(" to {}; write that address: redirects are not followed", plain(to)),
        None if status.is_redirection() => " to nowhere; redirects are not followed".to_owned(),
        None => format!(": {}", plain(said).trim()),
    };
    Failed {
        words: format!("{} answered {status}{more}", url.authority()),
        is_rejected: matches!(status.as_u16(), 400 | 409 | 410 | 413 | 415 | 422),
    }
}

async fn read_secret(file: &Path) -> Result<Vec<u8>, Failed> {
    let failed = |what: &str| Failed::new(format!("{}: {what}", file.display()));
    let text = tokio::fs::read_to_string(file).await.map_err(|error| failed(&error.to_string()))?;
    let text = text.trim();
    let bytes = BASE64_STANDARD.decode(text.strip_prefix("whsec_").unwrap_or(text));
    let good = bytes.ok().filter(|bytes| (24..=64).contains(&bytes.len()));
    good.ok_or_else(|| failed("a secret is `whsec_` and 24 to 64 bytes in base64; write it anew"))
}

/// The signature of one attempt.
pub fn sign(secret: &[u8], id: &str, second: u64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, format!("{id}.{second}.{body}").as_bytes());
    format!("v1,{}", BASE64_STANDARD.encode(tag))
}

#[cfg(test)]
mod tests;
