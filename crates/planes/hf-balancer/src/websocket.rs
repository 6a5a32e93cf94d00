//! A WebSocket's way from the endpoint to the client, watched so that it can be closed between two frames.
//!
//! 1. Bytes pass as they are; of each frame only the head is looked at, to know where the next one begins (RFC 6455 5.2).
//! 2. When the connection is due, the frame under way is let through, then the client gets a close frame with status 1012 (service restart), then
//!    the end of the stream. Browsers come back then; where to is decided anew.
//! 3. Between the fragments of a message is between frames, too: control frames may stand there (5.4).
//!
//! Not here: when it is due and how long the client may take to answer (`tunnel`).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Close, 2 bytes: 1012.
const CLOSE: &[u8] = &[0x88, 0x02, 0x03, 0xF4];

/// Where in the stream of frames we are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frames {
    /// Bytes of the head so far; the first two say how long it is.
    head: [u8; 10],
    head_length: usize,
    /// Of the payload, and of the mask before it.
    left: u64,
}

impl Frames {
    /// Whether a frame has just ended.
    pub fn is_between(&self) -> bool {
        self.head_length == 0 && self.left == 0
    }

    /// Takes bytes up to the end of a frame; how many there were. All of them, if it does not end in them.
    pub fn take_one(&mut self, bytes: &[u8]) -> usize {
        let mut at = 0;
        while at < bytes.len() {
            if self.left > 0 {
                let some = self.left.min((bytes.len() - at) as u64);
                self.left -= some;
                at += some as usize;
            } else {
                self.head[self.head_length] = bytes[at];
                self.head_length += 1;
                at += 1;
                let Some(left) = self.payload() else { continue };
                (self.left, self.head_length) = (left, 0);
            }
            if self.is_between() {
                break;
            }
        }
        at
    }

    /// Takes all of it.
    pub fn take(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.take_one(bytes);
            bytes = &bytes[taken..];
        }
    }

    /// What follows the head, once that is whole.
    fn payload(&self) -> Option<u64> {
        let [_, second, ..] = self.head;
        if self.head_length < 2 {
            return None;
        }
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let length = match second & 0x7f {
            126 if self.head_length < 4 => return None,
            126 => u64::from(u16::from_be_bytes([self.head[2], self.head[3]])),
            127 if self.head_length < 10 => return None,
            127 => self.head[2..].iter().fold(0, |length, byte| (length << 8) | u64::from(*byte)),
            short => u64::from(short),
        };
        Some(length.saturating_add(mask))
    }
}

/// The endpoint's side of a WebSocket, or of another upgrade.
#[derive(Debug)]
pub struct Watched<Io, Due> {
    io: Io,
    frames: Frames,
    /// Ready when the connection is to be closed; none once it was.
    due: Option<Pin<Box<Due>>>,
    closing: Option<Closing>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    /// Once the frame under way has ended.
    AfterFrame,
    /// So many bytes of the close frame were handed out.
    Saying(usize),
}

impl<Io, Due> Watched<Io, Due> {
    /// Watches what `io` reads until `due`.
    pub fn new(io: Io, due: Due) -> Self {
        Watched { io, frames: Frames::default(), due: Some(Box::pin(due)), closing: None }
    }
}

impl<Io: AsyncRead + Unpin, Due: Future<Output = ()>> AsyncRead for Watched<Io, Due> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(due) = &mut this.due
            && due.as_mut().poll(cx).is_ready()
        {
            this.due = None;
            this.closing = Some(Closing::AfterFrame);
        }
        if this.closing == Some(Closing::AfterFrame) && this.frames.is_between() {
            this.closing = Some(Closing::Saying(0));
        }
        if let Some(Closing::Saying(said)) = &mut this.closing {
            let more = buf.remaining().min(CLOSE.len() - *said);
            buf.put_slice(&CLOSE[*said..*said + more]);
            *said += more;
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        let new = &buf.filled()[before..];
        if this.closing.is_some() {
            let taken = this.frames.take_one(new);
            buf.set_filled(before + taken);
        } else {
            this.frames.take(new);
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin, Due> AsyncWrite for Watched<Io, Due> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// Frames of these lengths, masked or not.
    fn frames(of: &[(usize, bool)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (length, is_masked) in of {
            let mask = if *is_masked { 0x80 } else { 0 };
            bytes.push(0x82);
            match length {
                0..126 => bytes.push(mask + *length as u8),
                126..65_536 => {
                    bytes.push(mask + 126);
                    bytes.extend((*length as u16).to_be_bytes());
                }
                _ => {
                    bytes.push(mask + 127);
                    bytes.extend((*length as u64).to_be_bytes());
                }
            }
            bytes.extend(std::iter::repeat_n(0x88, length + if *is_masked { 4 } else { 0 }));
        }
        bytes
    }

    #[test]
    fn borders_are_found_however_the_bytes_come() {
        let lengths = [(0, false), (5, true), (125, false), (126, true), (70_000, false), (0, true)];
        let bytes = frames(&lengths);
        for size in [1, 2, 3, 7, 1_000, bytes.len()] {
            let (mut of, mut borders, mut at) = (Frames::default(), 0, 0);
            while at < bytes.len() {
                let end = (at + size).min(bytes.len());
                at += of.take_one(&bytes[at..end]);
                borders += usize::from(of.is_between());
            }
            assert_eq!(borders, lengths.len(), "pieces of {size}");
        }
    }

    #[test]
    fn a_length_without_end_is_no_trouble() {
        let mut of = Frames::default();
        of.take(&[0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]);
        assert!(!of.is_between());
    }

    #[tokio::test]
    async fn the_frame_under_way_goes_first_then_the_close() {
        let (mut endpoint, ours) = tokio::io::duplex(1_024);
        let (now, due) = tokio::sync::oneshot::channel::<()>();
        let mut watched = Watched::new(ours, async move { drop(due.await) });
        let bytes = frames(&[(10, false), (10, false)]);
        endpoint.write_all(&bytes[..8]).await.unwrap();
        let mut got = vec![0; 8];
        watched.read_exact(&mut got).await.unwrap();
        now.send(()).unwrap();
        // In the middle of the first frame: it is let through, the second one is not.
        endpoint.write_all(&bytes[8..]).await.unwrap();
        watched.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, [&bytes[..12], CLOSE].concat());
    }

    #[tokio::test]
    async fn an_idle_one_is_closed_at_once() {
        let (_endpoint, ours) = tokio::io::duplex(1_024);
        let mut watched = Watched::new(ours, std::future::ready(()));
        let mut got = Vec::new();
        watched.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, CLOSE);
    }
}
