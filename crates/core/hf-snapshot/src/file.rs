//! The last good snapshot as bytes, for the node's own disk.
//!
//! | bytes | |
//! |---|---|
//! | 8 | magic: `HFSNAP\r\n`, so that a copy that rewrites line ends shows |
//! | 4 | version of the format |
//! | 8 | length of the whole file |
//! | 8 | number |
//! | 8 | made at, milliseconds |
//! | 4 + n, three times | intent, break-glass shifts, verdicts: length and bytes as `hf-codec` writes them |
//! | 32 | SHA-256 of everything before it |
//!
//! 1. Numbers are big-endian. Magic, version, length and the checksum at the end are in every version, so that a damaged
//!    file and a newer one are told apart.
//! 2. The decision is not kept: the program that boots decides anew, at the time that it is told.
//! 3. What fails to read is refused as a whole. Half a snapshot could move traffic.
//!
//! Not here: the file itself, its atomic replacement (`hf-feed`).

use std::sync::Arc;

use hf_codec::CodecError;
use hf_config::Problems;
use hf_health::Verdicts;
use hf_model::{Digest, Timestamp};

use crate::Snapshot;

const MAGIC: &[u8; 8] = b"HFSNAP\r\n";
const VERSION: u32 = 1;
const CHECKSUM_BYTES: usize = 32;
/// Magic, version, length.
const HEAD_BYTES: usize = 8 + 4 + 8;

/// The largest file: the largest parts and what is around them.
pub const FILE_BYTES: usize = hf_codec::limits::INTENT_BYTES
    + hf_codec::limits::BREAK_GLASS_LIST_BYTES
    + hf_codec::limits::TABLE_BYTES
    + 128;

/// Why bytes are not a snapshot. None of them was used.
///
/// The node starts as if it had none: it takes the next snapshot that the feed brings, and the file is written anew.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// No bytes at all.
    #[error("the snapshot is empty; remove the file, the node writes a new one")]
    Empty,
    /// It begins otherwise.
    #[error("this is not a snapshot of Holdfast; look whether another file lies in its place, or remove it")]
    Foreign,
    /// Bytes are missing at the end.
    #[error(
        "the snapshot is cut short: it has {found} of {expected} bytes; remove the file, the node writes a new one"
    )]
    Truncated {
        /// By its own word; the least that there can be if it ends before that.
        expected: u64,
        /// What there is.
        found: u64,
    },
    /// The checksum is that of other bytes.
    #[error(
        "the snapshot is damaged: its checksum is {found}, its bytes have {computed}; \
         remove the file, the node writes a new one, and look at the disk"
    )]
    Damaged {
        /// At its end.
        found: String,
        /// Of its bytes.
        computed: String,
    },
    /// A newer program wrote it.
    #[error(
        "the snapshot was written by a newer Holdfast: format {found}, this one reads {VERSION}; \
         run that version, or remove the file"
    )]
    Newer {
        /// Its format.
        found: u32,
    },
    /// The checksum is right, and yet a part does not read.
    #[error("the snapshot's {part} cannot be read; remove the file, the node writes a new one")]
    Part {
        /// Which.
        part: &'static str,
        /// What is wrong with it.
        #[source]
        source: CodecError,
    },
    /// The checksum is right, and yet the parts do not fill the file.
    #[error("the snapshot's parts do not fit its length; remove the file, the node writes a new one")]
    Layout,
    /// Its estate is none for this program.
    #[error(
        "the snapshot's estate cannot be read by this version; run the version that wrote it, or remove the file"
    )]
    Estate(#[source] Problems),
}

impl Snapshot {
    /// Writes what a node must know to boot without anybody. Equal inputs have equal bytes.
    ///
    /// # Errors
    ///
    /// When a part is beyond its bound: then it could not have come here over the feed either.
    pub fn encode(&self) -> Result<Vec<u8>, CodecError> {
        let parts = [
            hf_codec::encode_intent(&self.intent)?,
            hf_codec::encode_break_glass_list(&self.break_glass)?,
            hf_codec::encode_verdicts(self.estate.digest, &self.verdicts)?,
        ];
        let len = HEAD_BYTES + 16 + parts.iter().map(|part| 4 + part.len()).sum::<usize>() + CHECKSUM_BYTES;
        let mut bytes = Vec::with_capacity(len);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        bytes.extend_from_slice(&(len as u64).to_be_bytes());
        bytes.extend_from_slice(&self.number.to_be_bytes());
        bytes.extend_from_slice(&self.made_at.0.to_be_bytes());
        for part in &parts {
            bytes.extend_from_slice(&(part.len() as u32).to_be_bytes());
            bytes.extend_from_slice(part);
        }
        let checksum = Digest::of(&bytes);
        bytes.extend_from_slice(&checksum.0);
        Ok(bytes)
    }

    /// Reads what [`Snapshot::encode`] wrote and decides anew for `now`; number and time of making stay.
    ///
    /// Verdicts on another version of the estate are dropped: unknown is not unhealthy.
    pub fn decode(bytes: &[u8], now: Timestamp) -> Result<Snapshot, DecodeError> {
        let mut rest = Rest(check_envelope(bytes)?);
        let number = rest.number()?;
        let made_at = Timestamp(rest.number()?);
        let part = |part| move |source| DecodeError::Part { part, source };
        let intent = hf_codec::decode_intent(rest.part()?).map_err(part("intent"))?;
        let break_glass =
            hf_codec::decode_break_glass_list(rest.part()?).map_err(part("list of break-glass shifts"))?;
        let (verdicts_of, verdicts) = hf_codec::decode_verdicts(rest.part()?).map_err(part("verdicts"))?;
        if !rest.0.is_empty() {
            return Err(DecodeError::Layout);
        }
        let estate = intent.read_estate().map_err(DecodeError::Estate)?;
        let verdicts =
            if verdicts_of == estate.digest { verdicts } else { Verdicts::unknown(estate.subject_count()) };
        let built = Snapshot::build(number, now, Arc::new(intent), Arc::new(estate), break_glass, verdicts);
        Ok(Snapshot { made_at, ..built })
    }
}

/// What lies between head and checksum, once both are right.
fn check_envelope(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    let shown = bytes.len().min(MAGIC.len());
    if bytes[..shown] != MAGIC[..shown] {
        return Err(DecodeError::Foreign);
    }
    let least = (HEAD_BYTES + CHECKSUM_BYTES) as u64;
    let truncated = |expected| DecodeError::Truncated { expected, found: bytes.len() as u64 };
    let Some((head, _)) = bytes.split_first_chunk::<HEAD_BYTES>() else { return Err(truncated(least)) };
    let [_, _, _, _, _, _, _, _, v0, v1, v2, v3, len @ ..] = *head;
    let (version, len) = (u32::from_be_bytes([v0, v1, v2, v3]), u64::from_be_bytes(len));
    if (bytes.len() as u64) < len.max(least) {
        return Err(truncated(len.max(least)));
    }
    let (body, found) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or_else(|| truncated(least))?;
    let (found, computed) = (Digest(*found), Digest::of(body));
    if found != computed {
        return Err(DecodeError::Damaged { found: found.short(), computed: computed.short() });
    }
    if version > VERSION {
        return Err(DecodeError::Newer { found: version });
    }
    if version != VERSION || bytes.len() as u64 != len {
        return Err(DecodeError::Layout);
    }
    Ok(&body[HEAD_BYTES..])
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn number(&mut self) -> Result<u64, DecodeError> {
        let (number, rest) = self.0.split_first_chunk().ok_or(DecodeError::Layout)?;
        self.0 = rest;
        Ok(u64::from_be_bytes(*number))
    }

    fn part(&mut self) -> Result<&'a [u8], DecodeError> {
        let (len, rest) = self.0.split_first_chunk().ok_or(DecodeError::Layout)?;
        let (part, rest) =
            rest.split_at_checked(u32::from_be_bytes(*len) as usize).ok_or(DecodeError::Layout)?;
        self.0 = rest;
        Ok(part)
    }
}

#[cfg(test)]
mod tests;
