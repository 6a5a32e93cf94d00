//! A message of NATS, by its text protocol: INFO, CONNECT, HPUB, PING, and PONG as the receipt.
//!
//! 1. The server has taken the message when it answers the PING behind it; an `-ERR` before that says why it has not.
//! 2. The notice's id goes as `Nats-Msg-Id`: a JetStream stream keeps repetitions out. A server without headers gets none.
//! 3. TLS begins behind INFO, where the address or the server asks for it.
//! 4. Lines of the server are bounded; what is not understood is passed over.

use std::path::Path;

use hf_config::node::Url;
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use crate::connect::{Stream, connect, secure};
use crate::{Failed, Notice};

/// Bytes of a server's line at most; an INFO of a large cluster has some thousand.
const LINE_MAX: u64 = 64 << 10;
/// Lines before the receipt at most.
const LINES_MAX: usize = 64;

/// What of INFO matters.
#[derive(Deserialize, Debug, Default, PartialEq, Eq)]
#[serde(default)]
struct Info {
    headers: bool,
    tls_required: bool,
    max_payload: Option<u64>,
}

/// Delivers once.
pub async fn publish(
    server: &Url,
    subject: &str,
    credentials_file: Option<&Path>,
    ca: Option<&Path>,
    notice: &Notice,
) -> Result<(), Failed> {
    let failed = |what: &str| Failed::new(format!("NATS at {}: {what}", server.authority()));
    let broke = |error: std::io::Error| failed(&format!("the connection broke: {error}"));
    let credentials = match credentials_file {
        Some(file) => tokio::fs::read_to_string(file)
            .await
            .map_err(|error| Failed::new(format!("{}: {error}", file.display())))?,
        None => String::new(),
    };
    let credentials = credentials.trim();
    let mut stream = connect(server).await?;
    let first = first_line(&mut stream).await.map_err(broke)?;
    let info =
        first.strip_prefix("INFO ").ok_or_else(|| failed("it does not begin with INFO; is it NATS?"))?;
    let info: Info = serde_json::from_str(info).map_err(|error| failed(&format!("its INFO: {error}")))?;
    let is_secure = server.secure || info.tls_required;
    let stream: Box<dyn Stream> =
        if is_secure { secure(stream, server, ca).await? } else { Box::new(stream) };
    let body = notice.json();
    if info.max_payload.is_some_and(|most| (body.len() as u64) > most) {
        return Err(Failed { is_rejected: true, ..failed("the notice is longer than its max_payload") });
    }
    let (user, token) = match credentials.split_once(':') {
        Some(pair) => (Some(pair), None),
        None => (None, (!credentials.is_empty()).then_some(credentials)),
    };
    let mut connect = serde_json::json!({
        "verbose": false, "pedantic": false, "tls_required": is_secure, "name": "holdfast", "lang": "rust",
        "version": env!("CARGO_PKG_VERSION"), "protocol": 1, "headers": info.headers,
    });
    if let Some((user, password)) = user {
        connect["user"] = user.into();
        connect["pass"] = password.into();
    } else if let Some(token) = token {
        connect["auth_token"] = token.into();
    }
    let subject = format!("{subject}.{}", notice.kind.as_str());
    let publish = message(&subject, &notice.id, &body, info.headers);
    let mut stream = BufReader::new(stream);
    stream.write_all(format!("CONNECT {connect}\r\n{publish}PING\r\n").as_bytes()).await.map_err(broke)?;
    stream.flush().await.map_err(broke)?;
    for _ in 0..LINES_MAX {
        let mut line = Vec::new();
        (&mut stream).take(LINE_MAX).read_until(b'\n', &mut line).await.map_err(broke)?;
        if !line.ends_with(b"\n") {
            return Err(failed("it closed the connection, or its line is too long; see its log"));
        }
        let line = String::from_utf8_lossy(&line);
        match line.split_ascii_whitespace().next() {
            Some("PONG") => return Ok(()),
            Some("PING") => stream.write_all(b"PONG\r\n").await.map_err(broke)?,
            Some("-ERR") => {
                let why: String = line.trim_start_matches("-ERR").trim().chars().take(200).collect();
                return Err(failed(&format!(
                    "it refuses: {why}; see `credentials_file` and what they may publish"
                )));
            }
            _ => {} // +OK, INFO again
        }
    }
    Err(failed("it says much and does not answer"))
}

/// The line before TLS may begin: nothing behind it may be read.
async fn first_line(stream: &mut tokio::net::TcpStream) -> std::io::Result<String> {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        if line.len() as u64 >= LINE_MAX {
            return Err(std::io::Error::other("its first line is too long"));
        }
        line.push(stream.read_u8().await?);
    }
    Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
}

fn message(subject: &str, id: &str, body: &str, headers: bool) -> String {
    if !headers {
        return format!("PUB {subject} {}\r\n{body}\r\n", body.len());
    }
    let head = format!("NATS/1.0\r\nNats-Msg-Id: {id}\r\n\r\n");
    format!("HPUB {subject} {} {}\r\n{head}{body}\r\n", head.len(), head.len() + body.len())
}

#[cfg(test)]
mod tests;
