//! One connection: requests in, answers out as they are ready.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::connections::Seat;
use super::room::{Answer, Answers, OWN_REQUEST_BYTES};
use super::{IDLE_MAX, OUTSTANDING_MAX};
use crate::requests::{Outcome, Requests, Via};

/// Answers that wait to be taken; while there are so many, nothing more is read.
const ANSWERS_WAITING_MAX: usize = 8;

/// What is read at once, and sent in one piece if it is ready.
const READ_BYTES: usize = OWN_REQUEST_BYTES;

/// Talks until the other side has had enough, or too little to say.
pub(crate) async fn converse(
    stream: impl AsyncRead + AsyncWrite,
    client: SocketAddr,
    via: Via,
    requests: &Arc<Requests>,
    seat: &Seat,
) -> io::Result<()> {
    let (reader, writer) = tokio::io::split(stream);
    let (answers, waiting) = Answers::new(seat.room().clone(), ANSWERS_WAITING_MAX);
    let reading = read(reader, client, via, requests, seat, answers);
    // When the reader has ended and all that was under way is answered, the writer ends too.
    tokio::try_join!(reading, write(writer, waiting)).map(|_| ())
}

async fn read(
    mut reader: impl AsyncRead + Unpin,
    client: SocketAddr,
    via: Via,
    requests: &Arc<Requests>,
    seat: &Seat,
    answers: Answers,
) -> io::Result<()> {
    let under_way = Arc::new(Semaphore::new(OUTSTANDING_MAX));
    // They end with the connection.
    let mut slow = JoinSet::new();
    let mut frames = Frames::default();
    // What a long request holds of the room for all.
    let mut long: Option<OwnedSemaphorePermit> = None;
    let mut idle_at = Instant::now() + IDLE_MAX;
    loop {
        let Some(message) = frames.next() else {
            let pending = frames.pending();
            if pending == 0 {
                long = None;
            }
            let reading = async {
                let held = OWN_REQUEST_BYTES + long.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
                if pending >= held {
                    match (&mut long, seat.room().for_request(READ_BYTES).await) {
                        (Some(long), Some(more)) => long.merge(more),
                        (long, more) => *long = more,
                    }
                }
                reader.read_buf(frames.room()).await
            };
            match timeout_at(idle_at, reading).await {
                Ok(Ok(0)) => break,
                Ok(Ok(_)) => {}
                Ok(Err(why)) => return Err(why),
                Err(_) if under_way.available_permits() < OUTSTANDING_MAX => {
                    idle_at = Instant::now() + IDLE_MAX;
                }
                Err(late) => return Err(late.into()),
            }
            continue;
        };
        seat.spoke();
        match requests.take(message, client, via) {
            Outcome::Ignored => return Ok(()),
            Outcome::Answer(answer) => {
                if answers.send(answer).await.is_err() {
                    return Ok(());
                }
            }
            Outcome::Slow(work) => {
                while slow.try_join_next().is_some() {}
                let Ok(permit) = under_way.clone().acquire_owned().await else { return Ok(()) };
                let answers = answers.clone();
                slow.spawn(async move {
                    let _permit = permit;
                    work.run(&answers).await;
                });
            }
        }
        idle_at = Instant::now() + IDLE_MAX;
    }
    // The other side has said all; it still listens.
    while slow.join_next().await.is_some() {}
    Ok(())
}

async fn write(mut writer: impl AsyncWrite + Unpin, mut waiting: mpsc::Receiver<Answer>) -> io::Result<()> {
    let mut framed = Vec::new();
    // They are given back when the bytes have gone.
    let mut places = Vec::new();
    while let Some(Answer { bytes, place }) = waiting.recv().await {
        frame(&bytes, &mut framed);
        drop(bytes);
        places.push(place);
        // What is ready goes in one piece.
        while framed.len() < READ_BYTES
            && let Ok(Answer { bytes, place }) = waiting.try_recv()
        {
            frame(&bytes, &mut framed);
            places.push(place);
        }
        timeout(IDLE_MAX, async {
            writer.write_all(&framed).await?;
            writer.flush().await
        })
        .await??;
        framed.clear();
        framed.shrink_to(READ_BYTES);
        places.clear();
    }
    let _ = timeout(IDLE_MAX, writer.shutdown()).await?;
    Ok(())
}

fn frame(answer: &[u8], framed: &mut Vec<u8>) {
    framed.reserve_exact(2 + answer.len());
    framed.extend_from_slice(&(answer.len() as u16).to_be_bytes());
    framed.extend_from_slice(answer);
}

/// Bytes as they come, cut into messages.
#[derive(Debug, Default)]
struct Frames {
    bytes: Vec<u8>,
    /// Where the next message begins.
    at: usize,
}

impl Frames {
    fn next(&mut self) -> Option<Vec<u8>> {
        let (len, rest) = self.bytes[self.at..].split_first_chunk::<2>()?;
        let len = usize::from(u16::from_be_bytes(*len));
        let message = rest.get(..len)?.to_vec();
        self.at += 2 + len;
        Some(message)
    }

    /// Bytes of a message that is not whole yet.
    fn pending(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Room to read into, [`READ_BYTES`] behind what is not a whole message yet: at most one message and a bit.
    fn room(&mut self) -> &mut Vec<u8> {
        self.bytes.drain(..self.at);
        self.at = 0;
        if self.bytes.is_empty() {
            self.bytes.shrink_to(READ_BYTES);
        }
        self.bytes.reserve_exact(READ_BYTES);
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_whatever_pieces_they_came_in() {
        let mut sent = Vec::new();
        let messages: [&[u8]; 4] = [b"one", b"", &[7; 5_000], b"four"];
        for message in messages {
            frame(message, &mut sent);
        }
        for piece in [1, 2, 3, 7, 4_096, 10_000] {
            let mut frames = Frames::default();
            let mut got = Vec::new();
            for piece in sent.chunks(piece) {
                frames.room().extend_from_slice(piece);
                got.extend(std::iter::from_fn(|| frames.next()));
            }
            assert_eq!(got, messages, "{piece}");
        }
    }
}
