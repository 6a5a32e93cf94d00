//! Frames: how messages lie on a connection.
//!
//! 1. A header of 17 bytes (`HFD`, version, kind, length, the first 8 bytes of the payload's SHA-256), then the payload.
//! 2. Every kind has a bound on its length, checked before a byte of it is read; memory grows with what really came.
//! 3. A frame that is not right ends its connection: after it nothing that follows can be trusted. One of a kind that is not known
//!    is passed over: nodes of two versions run side by side during an upgrade.
//!
//! Not here: what payloads mean (`message`).

use std::io;
use std::time::Duration;

use hf_model::Digest;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::timeout;

/// The version of frames and messages that this program speaks.
pub const VERSION: u8 = 2;
const MAGIC: [u8; 3] = *b"HFD";
/// Bytes before the payload.
pub const HEADER_LEN: usize = 17;
/// Room made for a payload before any of it has come.
const PIECE: usize = 64 << 10;
/// Bytes of any payload at most.
const LEN_MAX: usize = hf_codec::limits::INTENT_BYTES + 8 + 32;

/// What a frame carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Who speaks: the first frame of each side.
    Hello,
    /// All intent at one revision.
    Intent,
    /// The same, when it is long: all but its base, which it names.
    IntentHead,
    /// A base, for a peer that asked for it.
    IntentBase,
    /// "Send me this base": a digest.
    AskBase,
    /// What one checker sees.
    Table,
    /// What a node says of itself.
    Report,
    /// All break-glass acts that it knows.
    BreakGlass,
    /// One second as a balancer saw it.
    Second,
    /// How far a balancer's clients are.
    Latencies,
    /// What a node heard of consumers of zone status.
    Consumers,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 11] = [
        Kind::Hello,
        Kind::Intent,
        Kind::IntentHead,
        Kind::IntentBase,
        Kind::AskBase,
        Kind::Table,
        Kind::Report,
        Kind::BreakGlass,
        Kind::Second,
        Kind::Latencies,
        Kind::Consumers,
    ];

    fn number(self) -> u8 {
        match self {
            Kind::Hello => 1,
            Kind::Intent => 2,
            Kind::Table => 3,
            Kind::Report => 4,
            Kind::BreakGlass => 5,
            Kind::IntentHead => 6,
            Kind::IntentBase => 7,
            Kind::AskBase => 8,
            Kind::Second => 9,
            Kind::Latencies => 10,
            Kind::Consumers => 11,
        }
    }

    /// Bytes of a payload at most: for intent what its codec allows and the revision before it, 4 MiB for seconds, half a MiB for consumers, 1 MiB
    /// for the rest.
    pub fn len_max(self) -> usize {
        match self {
            Kind::Intent | Kind::IntentHead | Kind::IntentBase => LEN_MAX,
            Kind::AskBase => 32,
            Kind::Second => 4 << 20,
            Kind::Consumers => crate::consumers::BYTES_MAX,
            Kind::Hello | Kind::Table | Kind::Report | Kind::BreakGlass | Kind::Latencies => 1 << 20,
        }
    }
}

/// Why what came is not a frame.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Something else talks there.
    #[error(
        "what came is not the feed's protocol; does `peers` point at another service, or at a TLS feed from a plain one?"
    )]
    NotOurs,
    /// Another version of the protocol.
    #[error(
        "it speaks version {0} of the feed, this program version {VERSION}; upgrade the older of the two nodes"
    )]
    Version(u8),
    /// A kind that is not known.
    #[error("a frame of unknown kind {0}; upgrade the older of the two nodes")]
    Kind(u8),
    /// Of a kind that is not known, and longer than any may be.
    #[error("a frame of unknown kind {kind} and {len} bytes, {LEN_MAX} are the most that any may have")]
    UnknownTooLong {
        /// The number of its kind.
        kind: u8,
        /// Its length as stated.
        len: usize,
    },
    /// Longer than its kind may be.
    #[error("a frame of {len} bytes, {kind:?} may have {} at most", .kind.len_max())]
    TooLong {
        /// What it says it is.
        kind: Kind,
        /// Its length as stated.
        len: usize,
    },
    /// The bytes are not those that were sent.
    #[error("a {0:?} frame was damaged on its way")]
    Damaged(Kind),
    /// Nothing came for too long.
    #[error("silent for {} ms", .0.as_millis())]
    Silent(Duration),
    /// The connection broke.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A whole frame as bytes; none if the payload is longer than its kind may be.
pub fn encode(kind: Kind, payload: &[u8]) -> Option<Vec<u8>> {
    if payload.len() > kind.len_max() {
        return None;
    }
    let mut bytes = Vec::with_capacity(HEADER_LEN + payload.len());
    bytes.extend_from_slice(&MAGIC);
    bytes.push(VERSION);
    bytes.push(kind.number());
    bytes.extend_from_slice(&(payload.len() as u32).to_be_bytes());
    bytes.extend_from_slice(&Digest::of(payload).0[..8]);
    bytes.extend_from_slice(payload);
    Some(bytes)
}

/// Reads one frame, the first of a kind that is known; each piece of it may keep us waiting for `patience`. Not safe to cancel: a frame begun must be read to
/// its end.
pub async fn read<R: AsyncRead + Unpin>(
    from: &mut R,
    patience: Duration,
) -> Result<(Kind, Vec<u8>), FrameError> {
    loop {
        let header = read_exactly(from, HEADER_LEN, patience).await?;
        let header: &[u8; HEADER_LEN] = header.as_slice().try_into().expect("as long as asked for");
        match parse_header(header)? {
            Header::Known(kind, len) => {
                let payload = read_exactly(from, len, patience).await?;
                check_payload(kind, header, &payload)?;
                return Ok((kind, payload));
            }
            Header::Unknown(kind, mut left) => {
                tracing::debug!(kind, len = left, "feed: a frame of an unknown kind is passed over");
                while left > 0 {
                    left -= read_exactly(from, left.min(PIECE), patience).await?.len();
                }
            }
        }
    }
}

/// Reads bytes that are one frame, no more and no less.
pub fn decode(bytes: &[u8]) -> Result<(Kind, &[u8]), FrameError> {
    let short = || FrameError::from(io::Error::from(io::ErrorKind::UnexpectedEof));
    let (header, payload) = bytes.split_first_chunk::<HEADER_LEN>().ok_or_else(short)?;
    let (kind, len) = match parse_header(header)? {
        Header::Known(kind, len) => (kind, len),
        Header::Unknown(kind, _) => return Err(FrameError::Kind(kind)),
    };
    if payload.len() != len {
        return Err(short());
    }
    check_payload(kind, header, payload)?;
    Ok((kind, payload))
}

fn check_payload(kind: Kind, header: &[u8; HEADER_LEN], payload: &[u8]) -> Result<(), FrameError> {
    if Digest::of(payload).0[..8] == header[9..] { Ok(()) } else { Err(FrameError::Damaged(kind)) }
}

/// Memory grows with what comes, not with what was announced.
async fn read_exactly<R: AsyncRead + Unpin>(
    from: &mut R,
    len: usize,
    patience: Duration,
) -> Result<Vec<u8>, FrameError> {
    let mut bytes = Vec::with_capacity(len.min(PIECE));
    while bytes.len() < len {
        let mut rest = (&mut *from).take((len - bytes.len()) as u64);
        match timeout(patience, rest.read_buf(&mut bytes)).await {
            Err(_) => return Err(FrameError::Silent(patience)),
            Ok(Err(error)) => return Err(error.into()),
            Ok(Ok(0)) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(Ok(_)) => {}
        }
    }
    Ok(bytes)
}

enum Header {
    Known(Kind, usize),
    /// The number of a kind that only another version knows.
    Unknown(u8, usize),
}

fn parse_header(header: &[u8; HEADER_LEN]) -> Result<Header, FrameError> {
    if header[..3] != MAGIC {
        return Err(FrameError::NotOurs);
    }
    if header[3] != VERSION {
        return Err(FrameError::Version(header[3]));
    }
    let len = u32::from_be_bytes([header[5], header[6], header[7], header[8]]) as usize;
    match Kind::ALL.into_iter().find(|kind| kind.number() == header[4]) {
        Some(kind) if len > kind.len_max() => Err(FrameError::TooLong { kind, len }),
        Some(kind) => Ok(Header::Known(kind, len)),
        None if len > LEN_MAX => Err(FrameError::UnknownTooLong { kind: header[4], len }),
        None => Ok(Header::Unknown(header[4], len)),
    }
}

#[cfg(test)]
mod tests;
