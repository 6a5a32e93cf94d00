//! One exchange over a runtime socket of HAProxy: commands out, the whole answer in.
//!
//! Without its prompt HAProxy answers one line and closes; commands in a line are parted by semicolons. An exchange has
//! [`PATIENCE`], an answer [`ANSWER_BYTES`].
//!
//! Not here: what is said (`servers`).

use std::io;
use std::time::Duration;

use hf_config::node::SocketPlace;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;

/// For one exchange, from connecting to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Some 100,000 servers.
const ANSWER_BYTES: u64 = 16 << 20;
/// Bytes of one line: HAProxy reads into 16 KiB.
const LINE_BYTES: usize = 8_000;

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// Nobody there.
    #[error("cannot reach HAProxy's runtime socket {place}: {}", mend(source.kind()))]
    Connect {
        /// Where it should be.
        place: String,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// It broke off.
    #[error("HAProxy's runtime socket {place} broke off")]
    Broke {
        /// Where it is.
        place: String,
        /// The system's word.
        #[source]
        source: io::Error,
    },
    /// It took too long.
    #[error(
        "HAProxy's runtime socket {place} did not answer within {PATIENCE:?}; look whether HAProxy hangs"
    )]
    Slow {
        /// Where it is.
        place: String,
    },
    /// It said too much.
    #[error(
        "HAProxy's runtime socket {place} answered with more than {ANSWER_BYTES} bytes; name its backends in `backends`"
    )]
    TooLong {
        /// Where it is.
        place: String,
    },
}

fn mend(kind: io::ErrorKind) -> &'static str {
    match kind {
        io::ErrorKind::NotFound => {
            "there is no such file; look whether HAProxy runs and has `stats socket` there"
        }
        io::ErrorKind::PermissionDenied => {
            "this process may not; give its user the socket with `user`, `group` and `mode` of `stats socket`"
        }
        io::ErrorKind::ConnectionRefused => "nobody listens there; look whether HAProxy runs",
        _ => "the system refused; look whether HAProxy runs and `socket` is right",
    }
}

/// Says all commands and gives the answers, one behind the other.
pub async fn exchange(place: &SocketPlace, commands: &[String]) -> Result<String, ExchangeError> {
    let mut answers = String::new();
    for line in lines(commands) {
        let answer = timeout(PATIENCE, one_line(place, &line)).await;
        answers.push_str(&answer.map_err(|_| ExchangeError::Slow { place: place.to_string() })??);
    }
    Ok(answers)
}

/// As many commands in a line as it takes.
fn lines(commands: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for command in commands {
        match lines.last_mut() {
            Some(line) if line.len() + 2 + command.len() < LINE_BYTES => {
                line.push_str("; ");
                line.push_str(command);
            }
            _ => lines.push(command.clone()),
        }
    }
    lines
}

async fn one_line(place: &SocketPlace, line: &str) -> Result<String, ExchangeError> {
    let connect = |source| ExchangeError::Connect { place: place.to_string(), source };
    match place {
        SocketPlace::Path(path) => ask(place, UnixStream::connect(path).await.map_err(connect)?, line).await,
        SocketPlace::Address(at) => ask(place, TcpStream::connect(at).await.map_err(connect)?, line).await,
    }
}

async fn ask(
    place: &SocketPlace,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    line: &str,
) -> Result<String, ExchangeError> {
    let broke = |source| ExchangeError::Broke { place: place.to_string(), source };
    stream.write_all(format!("{line}\n").as_bytes()).await.map_err(broke)?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES + 1).read_to_end(&mut answer).await.map_err(broke)?;
    if answer.len() as u64 > ANSWER_BYTES {
        return Err(ExchangeError::TooLong { place: place.to_string() });
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_share_lines_up_to_a_bound() {
        let commands: Vec<String> =
            (0..1_000).map(|at| format!("set server web/server-{at} state drain")).collect();
        let lines = lines(&commands);
        assert!(lines.len() > 1 && lines.iter().all(|line| line.len() < LINE_BYTES));
        assert_eq!(lines.join("; "), commands.join("; "));
    }
}
