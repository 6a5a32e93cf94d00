//! A probe over TCP: a connection, and what is said over it if the check says so.
//!
//! Most checks ask for a connection and no more. Theirs is the short way: no room for an answer, and where the connection stands at once, nothing to wait at.

use hf_config::estate::TcpCheck;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::body::{BODY_BYTES, Search};
use crate::failure::{Outcome, ProbeFailure, first_words, of_connect};
use crate::probe::Asked;
use crate::progress::Step;
use crate::wire::{self, Purpose};

/// Whether there is a connection; and whether it says what it should, if the check says what.
pub async fn ask(asked: &Asked<'_>, tcp: &TcpCheck) -> Outcome {
    if tcp.tls.is_none() && tcp.send.is_none() && tcp.expect.is_none() {
        asked.progress.at(Step::Connecting);
        return match wire::reach(asked.at).await {
            Ok(()) => Outcome::Good,
            Err(error) => of_connect(&error),
        };
    }
    Box::pin(talk(asked, tcp)).await
}

/// Connects, sends, reads until the text is found, 64 KiB are read or the other side ends.
async fn talk(asked: &Asked<'_>, tcp: &TcpCheck) -> Outcome {
    let purpose = Purpose { tls: tcp.tls.as_ref(), host: None, http: None };
    let mut wire = match wire::open(asked, purpose).await {
        Ok(wire) => wire,
        Err(outcome) => return outcome,
    };
    asked.progress.at(Step::Answer);
    if let Some(text) = &tcp.send {
        let sent = async {
            wire.write_all(text.as_bytes()).await?;
            wire.flush().await
        };
        if sent.await.is_err() {
            return Outcome::Bad(ProbeFailure::ClosedEarly);
        }
    }
    let Some(text) = &tcp.expect else { return Outcome::Good };
    let (mut search, mut buffer) = (Search::for_text(text), [0; 4_096]);
    while search.read() < BODY_BYTES {
        match wire.read(&mut buffer).await {
            // A reset after the last bytes ends what was said, too: what counts is what came.
            Ok(0) | Err(_) => break,
            Ok(len) => {
                if search.take(&buffer[..len]) {
                    return Outcome::Good;
                }
            }
        }
    }
    Outcome::Bad(ProbeFailure::Said { want: first_words(text), read: search.read() })
}
