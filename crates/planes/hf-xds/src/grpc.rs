//! gRPC on one HTTP/2 stream, the server's side: messages in, messages out, a status at the end.
//!
//! 1. A message is a byte 0, its length in four bytes, its bytes. A packed one (byte 1) is refused: we offer no packing.
//! 2. A message in has at most [`MESSAGE_BYTES_MAX`] bytes, and a client has at most that and a window more on its way unread. What of one has come,
//!    beyond [`UNCOUNTED`], comes out of the budget for all clients.
//! 3. A client that takes nothing for [`STALLED_AFTER`] is left: the stream is reset with ENHANCE_YOUR_CALM, which gRPC tells as
//!    RESOURCE_EXHAUSTED. Trailers would wait behind what it does not take.
//!
//! Not here: what the messages say (`messages`), which of them are sent (`session`).

use std::future::poll_fn;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};
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
pub const STALLED_AFTER: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 10 });
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
    read: BytesMut,
    /// What of `read` is counted.
    held: Share,
}

impl Reader {
    /// Reads from a request's body.
    pub fn new(body: RecvStream, held: Share) -> Reader {
        Reader { body, read: BytesMut::new(), held }
    }

    /// The next message; none when the client has said its last. Dropped while it waits, it loses nothing.
    pub async fn next<M: Message + Default>(&mut self) -> Result<Option<M>, ReadError> {
        loop {
            if let Some(message) = self.whole_message()? {
                if self.read.is_empty() {
                    self.read = BytesMut::new(); // the room of a long message is not kept for the next
                }
                // Less than before, so it can be had.
                let _ = self.held.hold(self.read.len().saturating_sub(UNCOUNTED));
                return Ok(Some(M::decode(message)?));
            }
            let Some(read) = self.body.data().await else { return Ok(None) };
            let data = read.map_err(ReadError::Broken)?;
            self.body.flow_control().release_capacity(data.len()).map_err(ReadError::Broken)?;
            let held = self.held.hold((self.read.len() + data.len()).saturating_sub(UNCOUNTED));
            held.map_err(|Spent| ReadError::NoMemory)?;
            self.read.extend_from_slice(&data);
        }
    }

    fn whole_message(&mut self) -> Result<Option<Bytes>, ReadError> {
        let Some((head, _)) = self.read.split_first_chunk::<5>() else { return Ok(None) };
        let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
        if head[0] != 0 {
            return Err(ReadError::Packed);
        }
        if len > MESSAGE_BYTES_MAX {
            return Err(ReadError::TooLong(len));
        }
        if self.read.len() < 5 + len {
            return Ok(None);
        }
        self.read.advance(5);
        Ok(Some(self.read.split_to(len).freeze()))
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
pub struct Writer(SendStream<Bytes>);

impl Writer {
    /// Begins the answer.
    pub fn begin(mut respond: SendResponse<Bytes>) -> Result<Writer, h2::Error> {
        respond.send_response(head(), false).map(Writer)
    }

    /// Sends a message, as fast as the client takes it.
    pub async fn send(&mut self, message: &impl Message) -> Result<(), SendError> {
        let mut rest = framed(message);
        while !rest.is_empty() {
            self.0.reserve_capacity(rest.len().min(CHUNK));
            let room = match self.0.capacity() {
                0 => match timeout(STALLED_AFTER, poll_fn(|context| self.0.poll_capacity(context))).await {
                    Ok(Some(Ok(room))) => room,
                    Ok(None | Some(Err(_))) => return Err(SendError::Gone),
                    Err(_) => {
                        self.0.send_reset(Reason::ENHANCE_YOUR_CALM);
                        return Err(SendError::Stalled);
                    }
                },
                room => room,
            };
            let piece = rest.split_to(room.min(rest.len()));
            if !piece.is_empty() {
                self.0.send_data(piece, false).map_err(|_| SendError::Gone)?;
            }
        }
        Ok(())
    }

    /// Ends the answer.
    pub fn end(mut self, code: Code, message: &str) {
        let mut trailers = HeaderMap::new();
        status(&mut trailers, code, message);
        // A client that is gone needs none.
        let _ = self.0.send_trailers(trailers);
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
}
