//! Where what lies under the prefix, and how one value looks.
//!
//! ```text
//! format                         what this is, and this ledger's own id: every write compares it
//! head                           the newest position, 20 digits: every append compares it
//! log/<20 digits>                one entry, sealed for its position: small ones whole, large ones as the name of their chunks
//! checkpoint                     the name of the newest checkpoint's chunks, sealed for its position
//! chunk/<id>/<8 digits>          1 MiB of something large; written before its name is
//! journal-head                   the journal's newest position, link, and revision that it tells of
//! journal/<20 digits>            lines of the journal, up to the one of that position
//! aside-<name>/…                 what the ledger was before it began anew: head, log, checkpoint and chunk as above
//! ```
//! 1. Numbers in keys have all their digits, so that the order of keys is theirs.
//! 2. Every value carries a digest that covers its position (`frame`); the digest of chunks is in their name.
//!
//! Not here: transactions (`log`, `checkpoints`, `lines`).

use std::ops::Range;

use hf_model::Digest;

use crate::frame;

/// The format that we write, and the newest that we read.
pub const FORMAT: u64 = 1;
/// Bytes of one chunk: below the request limit of etcd's default set-up (1.5 MiB), with room for its key.
pub const CHUNK_BYTES: usize = 1 << 20;
/// The largest entry that is kept whole: a page of them stays small.
pub const INLINE_BYTES: usize = 16 << 10;

/// A random name: of an append, of some chunks, of a ledger.
pub type Id = [u8; 16];

pub fn new_id() -> Id {
    hf_clock::random_bytes()
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Id> {
    (text.len() == 32 && text.is_ascii()).then(|| u128::from_str_radix(text, 16).ok())?.map(u128::to_be_bytes)
}

/// The keys of one ledger.
#[derive(Clone, Debug)]
pub struct Keys {
    prefix: String,
}

impl Keys {
    pub fn new(prefix: &str) -> Self {
        Keys { prefix: prefix.to_owned() }
    }

    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    fn under(&self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    pub fn format(&self) -> String {
        self.under("format")
    }

    pub fn head(&self) -> String {
        self.under("head")
    }

    /// What a node watches to follow the others: the key `format`, both heads, and all that is put behind them.
    pub fn followed(&self) -> Range<String> {
        self.format()..self.under("log0")
    }

    pub fn checkpoint(&self) -> String {
        self.under("checkpoint")
    }

    pub fn entry(&self, at: u64) -> String {
        self.under(&format!("log/{at:020}"))
    }

    /// All entries.
    pub fn log(&self) -> String {
        self.under("log/")
    }

    /// The position in an entry's key.
    pub fn position(&self, key: &[u8]) -> Option<u64> {
        digits(std::str::from_utf8(key).ok()?.strip_prefix(&self.prefix)?.strip_prefix("log/")?)
    }

    pub fn journal_head(&self) -> String {
        self.under("journal-head")
    }

    pub fn lines(&self, up_to: u64) -> String {
        self.under(&format!("journal/{up_to:020}"))
    }

    /// The position in a segment's key.
    pub fn lines_up_to(&self, key: &[u8]) -> Option<u64> {
        digits(std::str::from_utf8(key).ok()?.strip_prefix(&self.prefix)?.strip_prefix("journal/")?)
    }

    pub fn journal(&self) -> String {
        self.under("journal/")
    }

    /// All chunks of everything.
    pub fn chunks(&self) -> String {
        self.under("chunk/")
    }

    /// All chunks of one thing.
    pub fn chunks_of(&self, id: &Id) -> String {
        self.under(&format!("chunk/{}/", hex(id)))
    }

    pub fn chunk(&self, id: &Id, number: u32) -> String {
        self.under(&format!("chunk/{}/{number:08}", hex(id)))
    }

    /// Whose chunk a key is.
    pub fn owner(&self, key: &[u8]) -> Option<Id> {
        let rest = std::str::from_utf8(key).ok()?.strip_prefix(&self.prefix)?.strip_prefix("chunk/")?;
        unhex(rest.split_once('/')?.0)
    }

    /// The same keys at another place, for what is kept aside.
    pub fn aside(&self, name: &str) -> Keys {
        Keys { prefix: self.under(&format!("aside-{name}/")) }
    }
}

fn digits(text: &str) -> Option<u64> {
    (text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

/// What the key `head` holds.
pub fn head_value(newest: u64) -> Vec<u8> {
    format!("{newest:020}").into_bytes()
}

pub fn head_of(value: &[u8]) -> Option<u64> {
    digits(std::str::from_utf8(value).ok()?)
}

/// What the key `format` holds.
pub fn format_value(id: &Id) -> Vec<u8> {
    format!("holdfast-ledger {FORMAT} {}", hex(id)).into_bytes()
}

/// What a key `format` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Ours,
    Newer(u64),
    Foreign,
}

pub fn format_of(value: &[u8]) -> Format {
    let Ok(text) = std::str::from_utf8(value) else { return Format::Foreign };
    let mut words = text.split(' ');
    match (words.next(), words.next().and_then(|number| number.parse().ok())) {
        (Some("holdfast-ledger"), Some(FORMAT)) if words.next().is_some_and(|id| unhex(id).is_some()) => {
            Format::Ours
        }
        (Some("holdfast-ledger"), Some(newer)) if newer > FORMAT => Format::Newer(newer),
        _ => Format::Foreign,
    }
}

/// Which chunks hold something large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunks {
    pub id: Id,
    pub count: u32,
    pub len: u64,
    pub digest: Digest,
}

impl Chunks {
    /// Names the chunks of `bytes`; there is at least one.
    pub fn of(id: Id, bytes: &[u8]) -> Self {
        let count = bytes.len().div_ceil(CHUNK_BYTES).max(1) as u32;
        Chunks { id, count, len: bytes.len() as u64, digest: Digest::of(bytes) }
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id);
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(&self.len.to_be_bytes());
        out.extend_from_slice(&self.digest.0);
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (id, rest) = bytes.split_first_chunk()?;
        let (count, rest) = rest.split_first_chunk()?;
        let (len, rest) = rest.split_first_chunk()?;
        let digest = Digest(rest.try_into().ok()?);
        Some(Chunks { id: *id, count: u32::from_be_bytes(*count), len: u64::from_be_bytes(*len), digest })
    }
}

/// What an entry's key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryValue {
    /// Whose append it was.
    pub id: Id,
    pub body: Body,
}

/// The entry, or where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    Whole(Vec<u8>),
    Chunked(Chunks),
}

impl EntryValue {
    pub fn seal(&self, at: u64) -> Vec<u8> {
        let mut bytes = self.id.to_vec();
        match &self.body {
            Body::Whole(entry) => {
                bytes.push(0);
                bytes.extend_from_slice(entry);
            }
            Body::Chunked(chunks) => {
                bytes.push(1);
                chunks.encode(&mut bytes);
            }
        }
        frame::seal(at, &bytes)
    }

    /// None when it is not what was sealed for position `at`.
    pub fn open(at: u64, sealed: &[u8]) -> Option<Self> {
        let (position, bytes) = frame::open(sealed)?;
        let (id, rest) = bytes.split_first_chunk()?;
        let body = match rest.split_first()? {
            (0, entry) => Body::Whole(entry.to_vec()),
            (1, chunks) => Body::Chunked(Chunks::decode(chunks)?),
            _ => return None,
        };
        (position == at).then_some(EntryValue { id: *id, body })
    }
}

/// What the key `checkpoint` holds.
pub fn seal_manifest(at: u64, chunks: &Chunks) -> Vec<u8> {
    let mut bytes = Vec::new();
    chunks.encode(&mut bytes);
    frame::seal(at, &bytes)
}

pub fn open_manifest(sealed: &[u8]) -> Option<(u64, Chunks)> {
    let (at, bytes) = frame::open(sealed)?;
    Some((at, Chunks::decode(bytes)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_their_numbers_do() {
        let keys = Keys::new("/holdfast/");
        assert_eq!(keys.entry(7), "/holdfast/log/00000000000000000007");
        assert!(keys.entry(9) < keys.entry(10) && keys.entry(u64::MAX - 1) < keys.entry(u64::MAX));
        assert_eq!(keys.position(keys.entry(u64::MAX).as_bytes()), Some(u64::MAX));
        for other in ["/holdfast/log/7", "/holdfast/head", "/other/log/00000000000000000007", "\u{ff}"] {
            assert_eq!(keys.position(other.as_bytes()), None, "{other}");
        }
        let id = [0xab; 16];
        assert_eq!(keys.owner(keys.chunk(&id, 3).as_bytes()), Some(id));
        assert_eq!(keys.owner(b"/holdfast/chunk/short/00000000"), None);
        assert_eq!(keys.aside("lost-1").head(), "/holdfast/aside-lost-1/head");
    }

    #[test]
    fn values_come_back_as_they_were() {
        let chunks = Chunks::of([7; 16], &vec![1; CHUNK_BYTES + 1]);
        assert_eq!((chunks.count, Chunks::of([7; 16], b"").count), (2, 1));
        for body in [Body::Whole(b"entry".to_vec()), Body::Whole(Vec::new()), Body::Chunked(chunks)] {
            let value = EntryValue { id: [9; 16], body };
            assert_eq!(EntryValue::open(3, &value.seal(3)).as_ref(), Some(&value));
            assert_eq!(EntryValue::open(4, &value.seal(3)), None, "another position");
        }
        assert_eq!(open_manifest(&seal_manifest(5, &chunks)), Some((5, chunks)));
        assert_eq!(open_manifest(b"damage"), None);
        assert_eq!(head_of(&head_value(12)), Some(12));
        assert_eq!(head_of(b"12"), None);
    }

    #[test]
    fn what_is_not_ours_is_seen() {
        assert_eq!(format_of(&format_value(&[1; 16])), Format::Ours);
        assert_eq!(format_of(b"holdfast-ledger 2 and more"), Format::Newer(2));
        for other in [&b"holdfast-ledger 1"[..], b"holdfast-ledger 0 x", b"", b"\xff", b"{}"] {
            assert_eq!(format_of(other), Format::Foreign);
        }
    }
}
