//! One connection: requests in, answers out as they are ready.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::connections::Seat;
use super::room::{Answer, Answers, OWN_REQUEST_BYTES, Room};
use super::{IDLE_MAX, OUTSTANDING_MAX};
use crate::grace::Unsent;
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
    let unsent = Unsent::default();
    let reading = read(reader, client, via, requests, seat, (answers, &unsent));
    // When the reader has ended and all that was under way is answered, the writer ends too.
    tokio::try_join!(reading, write(writer, waiting, &unsent)).map(|_| ())
}

async fn read(
    mut reader: impl AsyncRead + Unpin,
    client: SocketAddr,
    via: Via,
    requests: &Arc<Requests>,
    seat: &Seat,
    (answers, unsent): (Answers, &Unsent),
) -> io::Result<()> {
    let under_way = Arc::new(Semaphore::new(OUTSTANDING_MAX));
    // They end with the connection.
    let mut slow = JoinSet::new();
    let mut incoming = Incoming::new(seat.room().clone());
    let mut idle_at = Instant::now() + IDLE_MAX;
    loop {
        let Some(message) = incoming.frames.next() else {
            match timeout_at(idle_at, incoming.read(&mut reader)).await {
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
        let number = unsent.begin(requests.responder.current.grace.leave());
        match requests.take(message, client, via) {
            Outcome::Ignored => return Ok(()),
            Outcome::Answer(answer) => {
                if answers.send_numbered(answer, Some(number)).await.is_err() {
                    return Ok(());
                }
            }
            Outcome::Slow(work) => {
                // What it answers is no look-up of now.
                unsent.end(number);
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

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut waiting: mpsc::Receiver<Answer>,
    unsent: &Unsent,
) -> io::Result<()> {
    let mut framed = Vec::new();
    // They are given back when the bytes have gone.
    let (mut places, mut numbers) = (Vec::new(), Vec::new());
    while let Some(Answer { bytes, place, unsent: number }) = waiting.recv().await {
        frame(&bytes, &mut framed);
        drop(bytes);
        places.push(place);
        numbers.extend(number);
        // What is ready goes in one piece.
        while framed.len() < READ_BYTES
            && let Ok(Answer { bytes, place, unsent: number }) = waiting.try_recv()
        {
            frame(&bytes, &mut framed);
            places.push(place);
            numbers.extend(number);
        }
        let writing = timeout(IDLE_MAX, async {
            writer.write_all(&framed).await?;
            writer.flush().await
        });
        unsent.while_written(tokio::task::unconstrained(writing)).await??;
        numbers.drain(..).for_each(|number| unsent.end(number));
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

/// What one connection keeps of requests.
struct Incoming {
    frames: Frames,
    room: Room,
    /// What a long request holds of the room for all.
    long: Option<OwnedSemaphorePermit>,
}

impl Incoming {
    fn new(room: Room) -> Incoming {
        Incoming { frames: Frames::default(), room, long: None }
    }

    /// Reads what is there, at most [`READ_BYTES`], once all messages that are whole are taken. Nothing is lost when it is dropped before its end.
    async fn read(&mut self, reader: &mut (impl AsyncRead + Unpin)) -> io::Result<usize> {
        let pending = self.frames.settle();
        self.give_back(pending);
        let held = OWN_REQUEST_BYTES + self.long.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if pending >= held {
            match (&mut self.long, self.room.for_request(READ_BYTES).await) {
                (Some(long), Some(more)) => long.merge(more),
                (long, more) => *long = more,
            }
        }
        reader.read_buf(self.frames.room()).await
    }

    /// What was for a message that is taken is for others now, even if a bit of the next one is there.
    fn give_back(&mut self, pending: usize) {
        let need = pending.saturating_sub(OWN_REQUEST_BYTES).next_multiple_of(READ_BYTES);
        if let Some(long) = &mut self.long
            && long.num_permits() > need
        {
            drop(long.split(long.num_permits() - need));
        }
    }
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

    /// Lets go of what was taken, and says how many bytes of a message that is not whole yet are left.
    fn settle(&mut self) -> usize {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.shrink_to(self.bytes.len() + READ_BYTES);
        self.bytes.len()
    }

    /// Room to read into, [`READ_BYTES`] behind what is not a whole message yet: at most one message and a bit.
    fn room(&mut self) -> &mut Vec<u8> {
        self.settle();
        self.bytes.reserve_exact(READ_BYTES);
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::super::room::REQUEST_BYTES_MAX;
    use super::*;

    #[tokio::test]
    async fn a_bit_of_the_next_message_keeps_no_room_of_the_one_before() {
        let room = Room::default();
        let mut incoming = Incoming::new(room.clone());
        let (mut client, mut server) = tokio::io::duplex(1 << 20);
        for (next, kept) in [(1, 0), (OWN_REQUEST_BYTES, READ_BYTES), (3 * READ_BYTES + 1, 3 * READ_BYTES)] {
            let mut sent = Vec::new();
            frame(&vec![7; 60_000], &mut sent);
            // Of a message that is as long.
            sent.extend_from_slice(&sent.clone()[..next]);
            client.write_all(&sent).await.unwrap();
            let (mut read, mut taken) = (0, 0);
            loop {
                taken +=
                    std::iter::from_fn(|| incoming.frames.next()).map(|message| message.len()).sum::<usize>();
                if read == sent.len() {
                    break;
                }
                read += incoming.read(&mut server).await.unwrap();
                let held = REQUEST_BYTES_MAX - room.request_bytes_left();
                assert!(
                    held + 2 * READ_BYTES >= incoming.frames.bytes.capacity(),
                    "what is beyond its own is held"
                );
            }
            assert_eq!(taken, 60_000);
            // There is nothing to read: it stops there.
            let reading = tokio::time::timeout(std::time::Duration::ZERO, incoming.read(&mut server));
            assert!(reading.await.is_err());
            assert_eq!(REQUEST_BYTES_MAX - room.request_bytes_left(), kept);
            assert!(incoming.frames.bytes.capacity() <= next + READ_BYTES);
            incoming = Incoming::new(room.clone());
        }
        assert_eq!(room.request_bytes_left(), REQUEST_BYTES_MAX);
    }

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
