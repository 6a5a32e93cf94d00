//! gRPC on one HTTP/2 stream, the server's side: messages in, messages out, a status at the end.
//!
//! 1. A message is a byte 0, its length in four bytes, its bytes. A packed one (byte 1) is refused: we offer no packing.
//! 2. A message in has at most [`MESSAGE_BYTES_MAX`] bytes, and a client has at most that and a window more on its way unread. The room for what of one
//!    has come, beyond [`UNCOUNTED`], comes out of the budget for all clients. No message's room outlives it for the sake of a few bytes behind it.
//! 3. A client that takes nothing for a time ([`STALLED_AFTER`]) is left: the stream is reset with ENHANCE_YOUR_CALM, which gRPC tells as
//!    RESOURCE_EXHAUSTED. Trailers would wait behind what it does not take.
//!
//! Not here: what the messages say (`messages`), which of them are sent (`session`).

use std::future::poll_fn;
use std::ops::Range;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use prost::Message;
use tokio::time::timeout;

use crate::budget::{Share, Spent};

/// Bytes of one message of a client: 10,000 names of pools, several times over.
pub const MESSAGE_BYTES_MAX: usize = 2 << 20;
/// What a client may always have here of a message that has not come whole: more than most messages have.
const UNCOUNTED: usize = 4 << 10;
/// For a client to take anything at all of what it is sent.
pub const STALLED_AFTER: Duration = Duration::from_secs(10);
/// Handed to the connection in one piece.
const CHUNK: usize = 64 << 10;

/// gRPC's words for how a call ended; numbers are the protocol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// As it should.
    Ok = 0,
    /// The client asked for what makes no sense.
    InvalidArgument = 3,
    /// Too much.
    ResourceExhausted = 8,
    /// No such call.
    Unimplemented = 12,
    /// Not now, or not here any more; another node may do.
    Unavailable = 14,
}

/// Why nothing more can be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// More than we take.
    #[error("a message of {0} bytes; at most {MESSAGE_BYTES_MAX} are taken, ask for less by name")]
    TooLong(usize),
    /// More than there is room for, with those of others.
    #[error("this node has no memory for so long a message now; ask for less by name, or ask another node")]
    NoMemory,
    /// Packed.
    #[error("a compressed message; send it as it is (`grpc-encoding: identity`)")]
    Packed,
    /// No protobuf.
    #[error("a message that is none of the service's: {0}")]
    Malformed(#[from] prost::DecodeError),
    /// The stream or its connection broke.
    #[error("the stream broke")]
    Broken(#[source] h2::Error),
}

impl ReadError {
    /// What the client is told.
    pub fn code(&self) -> Code {
        match self {
            ReadError::TooLong(_) | ReadError::NoMemory => Code::ResourceExhausted,
            ReadError::Packed => Code::Unimplemented,
            ReadError::Malformed(_) => Code::InvalidArgument,
            ReadError::Broken(_) => Code::Unavailable,
        }
    }

    /// Whether the client itself ended the stream on purpose.
    pub fn is_farewell(&self) -> bool {
        matches!(self, ReadError::Broken(error)
            if error.is_reset() && error.is_remote() && matches!(error.reason(), Some(Reason::CANCEL | Reason::NO_ERROR)))
    }
}

/// Messages of a client.
#[derive(Debug)]
pub struct Reader {
    body: RecvStream,
    read: Unread,
    /// What of its room is counted.
    held: Share,
}

impl Reader {
    /// Reads from a request's body.
    pub fn new(body: RecvStream, held: Share) -> Reader {
        Reader { body, read: Unread::default(), held }
    }

    /// The next message; none when the client has said its last. Dropped while it waits, it loses nothing.
    pub async fn next<M: Message + Default>(&mut self) -> Result<Option<M>, ReadError> {
        loop {
            if let Some(range) = self.read.whole_message()? {
                let message = M::decode(&self.read.bytes[range]);
                self.read.forget_used();
                // Less than before, so it can be had.
                let _ = self.held.hold(self.read.room().saturating_sub(UNCOUNTED));
                return Ok(Some(message?));
            }
            let Some(read) = self.body.data().await else { return Ok(None) };
            let data = read.map_err(ReadError::Broken)?;
            self.body.flow_control().release_capacity(data.len()).map_err(ReadError::Broken)?;
            let room = self.read.room_with(data.len());
            let held = self.held.hold(room.saturating_sub(UNCOUNTED));
            held.map_err(|Spent| ReadError::NoMemory)?;
            self.read.take(&data, room);
        }
    }
}

/// What a client has sent and is not read.
#[derive(Debug, Default)]
struct Unread {
    bytes: Vec<u8>,
    /// So many of them are used.
    used: usize,
}

impl Unread {
    /// The bytes of the next message, if it is whole: they are used then.
    fn whole_message(&mut self) -> Result<Option<Range<usize>>, ReadError> {
        let Some((head, rest)) = self.bytes[self.used..].split_first_chunk::<5>() else { return Ok(None) };
        let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if head[0] != 0 {
            return Err(ReadError::Packed);
        }
        if len > MESSAGE_BYTES_MAX {
            return Err(ReadError::TooLong(len));
        }
        if rest.len() < len {
            return Ok(None);
        }
        let begin = self.used + 5;
        self.used = begin + len;
        Ok(Some(begin..begin + len))
    }

    /// The rest goes to a room of its own once it is no more than what was used: so each byte is copied about once, however small messages are.
    fn forget_used(&mut self) {
        if self.used >= self.bytes.len() - self.used {
            self.bytes = self.bytes[self.used..].to_vec();
            self.used = 0;
        }
    }

    /// What it takes of memory.
    fn room(&self) -> usize {
        self.bytes.capacity()
    }

    /// What it will take with so many bytes more: twice as much each time, so that a long message is not copied for each piece of it.
    fn room_with(&self, more: usize) -> usize {
        let needed = self.bytes.len() + more;
        if needed <= self.room() { self.room() } else { needed.max(2 * self.room()) }
    }

    /// Takes what came, in so much room.
    fn take(&mut self, data: &[u8], room: usize) {
        self.bytes.reserve_exact(room - self.bytes.len());
        self.bytes.extend_from_slice(data);
    }
}

/// Why a message did not go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The client takes nothing; it was left.
    Stalled,
    /// The client is gone.
    Gone,
}

/// Messages to a client.
#[derive(Debug)]
pub struct Writer {
    stream: SendStream<Bytes>,
    stalled_after: Duration,
}

impl Writer {
    /// Begins the answer, to a client that may take nothing for so long.
    pub fn begin(mut respond: SendResponse<Bytes>, stalled_after: Duration) -> Result<Writer, h2::Error> {
        let stream = respond.send_response(head(), false)?;
        Ok(Writer { stream, stalled_after })
    }

    /// Sends a message, as fast as the client takes it.
    pub async fn send(&mut self, message: &impl Message) -> Result<(), SendError> {
        let mut rest = framed(message);
        while !rest.is_empty() {
            self.stream.reserve_capacity(rest.len().min(CHUNK));
            let room = match self.stream.capacity() {
                0 => match timeout(self.stalled_after, poll_fn(|context| self.stream.poll_capacity(context)))
                    .await
                {
                    Ok(Some(Ok(room))) => room,
                    Ok(None | Some(Err(_))) => return Err(SendError::Gone),
                    Err(_) => {
                        self.stream.send_reset(Reason::ENHANCE_YOUR_CALM);
                        return Err(SendError::Stalled);
                    }
                },
                room => room,
            };
            let piece = rest.split_to(room.min(rest.len()));
            if !piece.is_empty() {
                self.stream.send_data(piece, false).map_err(|_| SendError::Gone)?;
            }
        }
        Ok(())
    }

    /// Ends the answer.
    pub fn end(mut self, code: Code, message: &str) {
        let mut trailers = HeaderMap::new();
        status(&mut trailers, code, message);
        // A client that is gone needs none.
        let _ = self.stream.send_trailers(trailers);
    }
}

/// Answers a call that does not come about.
pub fn refuse(mut respond: SendResponse<Bytes>, code: Code, message: &str) {
    let mut head = head();
    status(head.headers_mut(), code, message);
    // A client that is gone needs none.
    let _ = respond.send_response(head, true);
}

/// Answers what is no gRPC at all.
pub fn refuse_http(mut respond: SendResponse<Bytes>, code: StatusCode) {
    let mut response = Response::new(());
    *response.status_mut() = code;
    // A client that is gone needs none.
    let _ = respond.send_response(response, true);
}

fn head() -> Response<()> {
    let mut head = Response::new(());
    head.headers_mut().insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    head
}

fn status(headers: &mut HeaderMap, code: Code, message: &str) {
    headers.insert("grpc-status", HeaderValue::from(code as i32));
    if let Ok(message) = HeaderValue::from_str(&escaped(message))
        && !message.is_empty()
    {
        headers.insert("grpc-message", message);
    }
}

/// Printable ASCII as it is, all else and `%` as `%25` and the like.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' '..=b'~' if byte != b'%' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// A framed message.
fn framed(message: &impl Message) -> Bytes {
    let len = message.encoded_len();
    let mut framed = BytesMut::with_capacity(5 + len);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(len).expect("an estate's resources are far below 4 GiB"));
    message.encode(&mut framed).expect("the buffer grows");
    framed.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_people_pass_through_a_header() {
        assert_eq!(escaped("100 % of\nit \u{e9}"), "100 %25 of%0Ait %C3%A9");
    }

    /// A message of so many bytes.
    fn of(len: usize) -> Vec<u8> {
        let mut framed = vec![0];
        framed.extend_from_slice(&u32::try_from(len).unwrap().to_be_bytes());
        framed.resize(5 + len, b'x');
        framed
    }

    fn take(unread: &mut Unread, data: &[u8]) {
        let room = unread.room_with(data.len());
        unread.take(data, room);
        assert_eq!(unread.room(), room, "what is counted is what is taken");
    }

    #[test]
    fn a_byte_behind_a_long_message_does_not_keep_its_room() {
        let mut unread = Unread::default();
        let mut sent = of(MESSAGE_BYTES_MAX);
        sent.push(0);
        for piece in sent.chunks(16 << 10) {
            assert!(unread.whole_message().unwrap().is_none());
            take(&mut unread, piece);
        }
        assert_eq!(unread.whole_message().unwrap(), Some(5..5 + MESSAGE_BYTES_MAX));
        unread.forget_used();
        assert_eq!((unread.bytes.len(), unread.room()), (1, 1));
    }

    #[test]
    fn small_messages_that_came_together_are_read_in_turn_in_a_room_that_shrinks() {
        let (mut unread, mut moved, mut seen) = (Unread::default(), 0, 0);
        take(&mut unread, &of(3).repeat(10_000));
        while unread.whole_message().unwrap().is_some() {
            seen += 1;
            let before = unread.used;
            unread.forget_used();
            if before > 0 && unread.used == 0 {
                moved += unread.bytes.len();
            }
            let rest = unread.bytes.len() - unread.used;
            assert!(unread.room() <= 2 * rest, "{seen}");
        }
        assert_eq!((seen, unread.room()), (10_000, 0));
        assert!(moved <= 80_000, "copied {moved}");
    }
}
