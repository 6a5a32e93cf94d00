//! One connection: requests in, answers out as they are ready.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::connections::Seat;
use super::{IDLE_MAX, OUTSTANDING_MAX};
use crate::requests::{Outcome, Requests, Via};

/// Answers that wait to be taken; while there are so many, nothing more is read.
const ANSWERS_WAITING_MAX: usize = 8;

/// What is read at once. Most requests are far smaller; larger ones make the buffer grow for their time.
const READ_BYTES: usize = 2_048;

/// Talks until the other side has had enough, or too little to say.
pub(crate) async fn converse(
    stream: impl AsyncRead + AsyncWrite,
    client: SocketAddr,
    via: Via,
    requests: &Arc<Requests>,
    seat: &Seat,
) -> io::Result<()> {
    let (reader, writer) = tokio::io::split(stream);
    let (answers, waiting) = mpsc::channel(ANSWERS_WAITING_MAX);
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
    answers: mpsc::Sender<Vec<u8>>,
) -> io::Result<()> {
    let under_way = Arc::new(Semaphore::new(OUTSTANDING_MAX));
    // They end with the connection.
    let mut slow = JoinSet::new();
    let mut frames = Frames::default();
    let mut idle_at = Instant::now() + IDLE_MAX;
    loop {
        let Some(message) = frames.next() else {
            let room = frames.room();
            match timeout_at(idle_at, reader.read_buf(room)).await {
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

async fn write(mut writer: impl AsyncWrite + Unpin, mut waiting: mpsc::Receiver<Vec<u8>>) -> io::Result<()> {
    let mut framed = Vec::new();
    while let Some(answer) = waiting.recv().await {
        framed.clear();
        frame(&answer, &mut framed);
        // What is ready goes in one piece.
        while framed.len() < READ_BYTES
            && let Ok(answer) = waiting.try_recv()
        {
            frame(&answer, &mut framed);
        }
        timeout(IDLE_MAX, async {
            writer.write_all(&framed).await?;
            writer.flush().await
        })
        .await??;
        framed.shrink_to(READ_BYTES * 2);
    }
    let _ = timeout(IDLE_MAX, writer.shutdown()).await?;
    Ok(())
}

fn frame(answer: &[u8], framed: &mut Vec<u8>) {
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

    /// Room to read into, behind what is not a whole message yet: at most one message and a bit.
    fn room(&mut self) -> &mut Vec<u8> {
        self.bytes.drain(..self.at);
        self.at = 0;
        if self.bytes.is_empty() {
            self.bytes.shrink_to(READ_BYTES);
        }
        self.bytes.reserve(READ_BYTES);
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
