//! Frames of RFC 6455, as much as a server needs that sends texts and hears short ones.
//!
//! 1. What is sent is one whole frame, made once and written to as many as watch.
//! 2. What is heard is bounded: a message has at most [`MESSAGE_BYTES_MAX`], in at most as many frames as come; of more nothing is kept.
//! 3. What breaks the protocol ends the connection with the code that the RFC has for it (section 7.4.1).
//! 4. A reader holds nothing while nothing is half heard.
//!
//! Why our own: a library's connection holds buffers of kilobytes for each of 50,000 watchers that hardly ever say a word, and copies
//! each table for each of them.
//!
//! Not here: extensions (none is offered), texts' meaning (`acknowledge`).

use base64::Engine as _;
use bytes::Bytes;
use sha1::{Digest as _, Sha1};

/// Bytes of a message that a watcher may send: an acknowledgement.
pub const MESSAGE_BYTES_MAX: usize = 4_096;
/// Payload of a control frame at most (RFC 6455, section 5.5).
const CONTROL_BYTES_MAX: usize = 125;

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const FIN: u8 = 0x80;

/// What the `Sec-WebSocket-Accept` of a handshake is (RFC 6455, section 4.2.2).
pub fn accept_of(key: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    base64::engine::general_purpose::STANDARD.encode(hash.finalize())
}

/// Whether this may be a `Sec-WebSocket-Key`: sixteen bytes in base64.
pub fn is_key(key: &str) -> bool {
    base64::engine::general_purpose::STANDARD.decode(key).is_ok_and(|bytes| bytes.len() == 16)
}

/// One text as a frame of a server.
pub fn text(text: &str) -> Bytes {
    frame(TEXT, text.as_bytes())
}

/// The answer to a ping.
pub fn pong(payload: &[u8]) -> Bytes {
    frame(PONG, &payload[..payload.len().min(CONTROL_BYTES_MAX)])
}

/// A ping, so that a client shows that it still reads.
pub fn ping() -> Bytes {
    frame(PING, &[])
}

/// The end, with its reason in words; cut to what a control frame holds.
pub fn close(code: u16, reason: &str) -> Bytes {
    let mut end = reason.len().min(CONTROL_BYTES_MAX - 2);
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    frame(CLOSE, &[&code.to_be_bytes(), &reason.as_bytes()[..end]].concat())
}

fn frame(opcode: u8, payload: &[u8]) -> Bytes {
    let mut bytes = Vec::with_capacity(payload.len() + 10);
    bytes.push(FIN | opcode);
    match payload.len() {
        len @ 0..=125 => bytes.push(len as u8),
        len @ 126..=0xFFFF => {
            bytes.push(126);
            bytes.extend_from_slice(&(len as u16).to_be_bytes());
        }
        len => {
            bytes.push(127);
            bytes.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes.into()
}

/// What a client said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A whole text.
    Text(String),
    /// Wants the same bytes back.
    Ping(Vec<u8>),
    /// Still there.
    Pong,
    /// Goes; with its code, if it has one.
    Close(Option<u16>),
}

/// Why a connection cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    /// Not as the RFC has it.
    #[error("{0}")]
    Protocol(&'static str),
    /// Binary messages mean nothing here.
    #[error("messages here are texts; send text frames")]
    Binary,
    /// Bytes that are no text.
    #[error("the text is not UTF-8")]
    NotText,
    /// More than is taken.
    #[error("a message has at most 4096 bytes here")]
    TooLong,
}

impl BadFrame {
    /// The code to close with.
    pub fn code(self) -> u16 {
        match self {
            BadFrame::Protocol(_) => 1002,
            BadFrame::Binary => 1003,
            BadFrame::NotText => 1007,
            BadFrame::TooLong => 1009,
        }
    }
}

/// Reads what a client sends, in whatever pieces it comes.
#[derive(Debug, Default)]
pub struct Reader {
    /// What is half heard; none most of the time.
    half: Option<Box<Half>>,
}

#[derive(Debug, Default)]
struct Half {
    /// Bytes of a frame that is not whole.
    bytes: Vec<u8>,
    /// The message so far, while one comes in several frames.
    message: Option<Vec<u8>>,
}

/// A frame's head.
struct Head {
    is_last: bool,
    opcode: u8,
    mask: [u8; 4],
    payload: std::ops::Range<usize>,
}

impl Reader {
    /// Takes what came, and says what is whole by it, one after the other. After an error or a close nothing more counts.
    pub fn take(&mut self, came: &[u8], mut heard: impl FnMut(Heard)) -> Result<(), BadFrame> {
        let mut half = self.half.take().unwrap_or_default();
        let held = std::mem::take(&mut half.bytes);
        let joined;
        let mut rest = if held.is_empty() {
            came
        } else {
            joined = [&held, came].concat();
            &joined
        };
        while let Some(head) = head(rest, half.message.as_ref().map_or(0, Vec::len))? {
            let mut payload = rest[head.payload.clone()].to_vec();
            rest = &rest[head.payload.end..];
            for (byte, key) in payload.iter_mut().zip(head.mask.iter().cycle()) {
                *byte ^= key;
            }
            match head.opcode {
                PING => heard(Heard::Ping(payload)),
                PONG => heard(Heard::Pong),
                CLOSE => {
                    heard(Heard::Close(closing(&payload)?));
                    return Ok(());
                }
                opcode => {
                    let message = match (opcode, half.message.take()) {
                        (CONTINUATION, Some(mut message)) => {
                            message.extend_from_slice(&payload);
                            message
                        }
                        (CONTINUATION, None) => {
                            return Err(BadFrame::Protocol("a message does not begin with a continuation"));
                        }
                        (_, Some(_)) => {
                            return Err(BadFrame::Protocol("a message ends before the next one begins"));
                        }
                        (_, None) => payload,
                    };
                    if head.is_last {
                        heard(Heard::Text(String::from_utf8(message).map_err(|_| BadFrame::NotText)?));
                    } else {
                        half.message = Some(message);
                    }
                }
            }
        }
        half.bytes = rest.to_vec();
        if !half.bytes.is_empty() || half.message.is_some() {
            self.half = Some(half);
        }
        Ok(())
    }
}

/// The head of a frame whose end has come too; none while more must come. `before` are the bytes of the message so far.
fn head(bytes: &[u8], before: usize) -> Result<Option<Head>, BadFrame> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    let (is_last, opcode) = (first & FIN != 0, first & 0x0F);
    if first & 0x70 != 0 {
        return Err(BadFrame::Protocol("no extension was agreed, so reserved bits are zero"));
    }
    if second & 0x80 == 0 {
        return Err(BadFrame::Protocol("a client masks its frames"));
    }
    let short = usize::from(second & 0x7F);
    match opcode {
        BINARY => return Err(BadFrame::Binary),
        CLOSE | PING | PONG if !is_last => {
            return Err(BadFrame::Protocol("a control frame is not divided"));
        }
        CLOSE | PING | PONG if short > CONTROL_BYTES_MAX => {
            return Err(BadFrame::Protocol("a control frame has at most 125 bytes"));
        }
        CONTINUATION | TEXT | CLOSE | PING | PONG => {}
        _ => return Err(BadFrame::Protocol("this kind of frame is not known")),
    }
    let (len, long) = match (short, rest) {
        (126, [a, b, ..]) => (u64::from(u16::from_be_bytes([*a, *b])), 2),
        (127, rest) => match rest.first_chunk() {
            Some(long) => (u64::from_be_bytes(*long), 8),
            None => return Ok(None),
        },
        (126, _) => return Ok(None),
        (short, _) => (short as u64, 0),
    };
    let is_control = opcode & 0x8 != 0;
    let room = if is_control { CONTROL_BYTES_MAX } else { MESSAGE_BYTES_MAX - before.min(MESSAGE_BYTES_MAX) };
    let len = usize::try_from(len).ok().filter(|len| *len <= room).ok_or(BadFrame::TooLong)?;
    let begin = 2 + long + 4;
    let payload = begin..begin + len;
    let Some(&[a, b, c, d]) = bytes.get(begin - 4..begin) else { return Ok(None) };
    let is_whole = bytes.len() >= payload.end;
    Ok(is_whole.then_some(Head { is_last, opcode, mask: [a, b, c, d], payload }))
}

fn closing(payload: &[u8]) -> Result<Option<u16>, BadFrame> {
    match payload {
        [] => Ok(None),
        [_] => Err(BadFrame::Protocol("a close has a code of two bytes or none")),
        [a, b, reason @ ..] => {
            let code = u16::from_be_bytes([*a, *b]);
            if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
                return Err(BadFrame::Protocol("this code does not close a connection"));
            }
            std::str::from_utf8(reason).map_err(|_| BadFrame::NotText)?;
            Ok(Some(code))
        }
    }
}

#[cfg(test)]
mod tests;
