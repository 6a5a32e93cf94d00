//! The name in the first bytes of a TLS client, which chooses the pool.
//!
//! 1. The whole hello must be there within `patience.header`; at most [`HELLO_BYTES_MAX`] bytes are read for it.
//! 2. What was read goes to the endpoint first, as it came.
//!
//! Not here: what comes before it (`arrive`).

use std::io;

use hf_stream::hello::{self, HELLO_BYTES_MAX, Hello, HelloError};
use tokio::net::TcpStream;

/// What one read asks for: nearly every hello fits.
const READ_BYTES: usize = 2_048;

/// Why a client is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It broke off.
    #[error("it ended in the middle of its TLS client hello")]
    Ended(#[source] io::Error),
    /// Its TLS hello is none.
    #[error("{0}")]
    Hello(#[from] HelloError),
}

/// Reads the name, and gives it with all that was read.
pub async fn read_name(stream: &TcpStream) -> Result<(Option<String>, Vec<u8>), Refused> {
    let mut read = Vec::new();
    loop {
        match hello::server_name(&read)? {
            Hello::NeedMore => read_more(stream, &mut read).await.map_err(Refused::Ended)?,
            Hello::Name(name) => return Ok((name, read)),
        }
    }
}

async fn read_more(stream: &TcpStream, into: &mut Vec<u8>) -> io::Result<()> {
    // At its bound the parser ends it before.
    let room = HELLO_BYTES_MAX.saturating_sub(into.len()).min(READ_BYTES);
    loop {
        stream.readable().await?;
        let begin = into.len();
        into.resize(begin + room, 0);
        let read = stream.try_read(&mut into[begin..]);
        into.truncate(begin + read.as_ref().map_or(0, |count| *count));
        match read {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}
