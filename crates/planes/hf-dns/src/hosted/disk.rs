//! Versions of hosted zones on disk, one file for each: those of secondaries are served at boot, those of node files when the file is bad then.
//!
//! 1. A file is replaced whole, by rename, after it was synced: a crash leaves the one before. It is synced piece by piece while it is written: whoever
//!    syncs something else at that moment, the ledger above all, waits for a piece and not for a large zone.
//! 2. Layout: magic, then a digest over all that follows; the second at which the primary was last seen to have this version; the apex; then
//!    records (owner, type, TTL, data), each with its lengths, the SOA first.
//! 3. It is read and written in pieces: beside the zone itself a large one takes no memory. So it goes through twice when it is written, the first time for its digest.
//! 4. A file that is not as it was written is left aside: an unreadable copy must not keep a node from starting.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use hf_hosted::{Builder, Contents};
use hf_model::{Digesting, Timestamp, WireName};
use tracing::error;

/// What files begin with; the last character is the version of the layout.
const MAGIC: &[u8; 8] = b"HFHOSTD1";

/// A digest's length.
const DIGEST_BYTES: usize = 32;

/// What is written before the disk has to have it.
const SYNCED_BYTES: usize = 4 << 20;

/// What is read and written at once.
const PIECE_BYTES: usize = 256 << 10;

/// Copies of secondaries.
const EXTENSION: &str = "copy";

/// The last good version of a node's own master file.
const OF_NODE_FILE: &str = "good";

/// A version and when it was seen.
pub(crate) struct Saved {
    pub(crate) contents: Contents,
    pub(crate) seen_at: Timestamp,
}

/// Why a file is not one of ours.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiskError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it is not a copy of a hosted zone, or was changed since it was written")]
    NotOurs,
}

/// Reads every copy of a folder; none when there is no folder.
pub(crate) fn read_all(folder: &Path) -> Vec<Saved> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let files = entries.flatten().map(|entry| entry.path());
    let copies = files.filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION));
    let mut saved = Vec::new();
    for path in copies {
        match read(&path) {
            Ok(copy) => saved.push(copy),
            Err(problem) => error!(
                file = %path.display(), %problem,
                "a hosted zone's copy cannot be read and is not served until a primary gives it anew"
            ),
        }
    }
    saved
}

fn read(path: &Path) -> Result<Saved, DiskError> {
    decode(fs::File::open(path)?)
}

fn decode(file: impl Read) -> Result<Saved, DiskError> {
    let mut pieces = Pieces::new(file);
    let mut digest = [0; DIGEST_BYTES];
    let head = pieces.next(MAGIC.len() + DIGEST_BYTES)?;
    digest.copy_from_slice(head.strip_prefix(MAGIC).ok_or(DiskError::NotOurs)?);
    pieces.digesting = Digesting::default();
    let seen_at = u64::from_be_bytes(*pieces.next(8)?.first_chunk().ok_or(DiskError::NotOurs)?);
    let apex = WireName::from_wire(pieces.part()?).map_err(|_| DiskError::NotOurs)?;
    let mut builder = Builder::new(&apex);
    let mut owner = Vec::new();
    while !pieces.is_over()? {
        owner.clear();
        owner.extend_from_slice(pieces.part()?);
        let [t0, t1, ttl @ ..] = *pieces.next(6)?.first_chunk::<6>().ok_or(DiskError::NotOurs)?;
        let (rtype, ttl) = (u16::from_be_bytes([t0, t1]), u32::from_be_bytes(ttl));
        builder.push(&owner, rtype, ttl, pieces.part()?).map_err(|_| DiskError::NotOurs)?;
    }
    if pieces.digesting.end().0 != digest {
        return Err(DiskError::NotOurs);
    }
    let contents = builder.finish().map_err(|_| DiskError::NotOurs)?;
    Ok(Saved { contents, seen_at: Timestamp(seen_at) })
}

/// A file of ours as it is read.
struct Pieces<F> {
    file: F,
    buffer: Vec<u8>,
    at: usize,
    /// Of all that was taken from the file since it was begun with.
    digesting: Digesting,
}

impl<F: Read> Pieces<F> {
    fn new(file: F) -> Self {
        Pieces { file, buffer: Vec::with_capacity(PIECE_BYTES), at: 0, digesting: Digesting::default() }
    }

    /// Whether nothing follows.
    fn is_over(&mut self) -> io::Result<bool> {
        if self.at == self.buffer.len() {
            self.fill(1)?;
        }
        Ok(self.at == self.buffer.len())
    }

    /// The next bytes, which must be there.
    fn next(&mut self, len: usize) -> Result<&[u8], DiskError> {
        if self.buffer.len() - self.at < len {
            self.fill(len)?;
        }
        let bytes = self.buffer.get(self.at..self.at + len).ok_or(DiskError::NotOurs)?;
        self.at += len;
        self.digesting.take(bytes);
        Ok(bytes)
    }

    /// Two bytes of length and what they measure.
    fn part(&mut self) -> Result<&[u8], DiskError> {
        let len = self.next(2)?;
        let len = usize::from(u16::from_be_bytes([len[0], len[1]]));
        self.next(len)
    }

    /// Reads on until so many bytes are there, or the file ends.
    fn fill(&mut self, len: usize) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        while self.buffer.len() < len {
            let room = PIECE_BYTES.saturating_sub(self.buffer.len()).max(1) as u64;
            if self.file.by_ref().take(room).read_to_end(&mut self.buffer)? == 0 {
                break;
            }
        }
        Ok(())
    }
}

/// All that follows the digest, in pieces of about [`PIECE_BYTES`].
fn encode(
    contents: &Contents,
    seen_at: Timestamp,
    mut take: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut piece = Vec::with_capacity(PIECE_BYTES + 2 * usize::from(u16::MAX));
    let put = |piece: &mut Vec<u8>, part: &[u8]| {
        piece.extend_from_slice(&(part.len() as u16).to_be_bytes());
        piece.extend_from_slice(part);
    };
    piece.extend_from_slice(&seen_at.0.to_be_bytes());
    put(&mut piece, contents.apex().as_wire());
    let mut owner = Vec::new();
    for record in contents.records() {
        owner.clear();
        record.write_owner(&mut owner);
        put(&mut piece, &owner);
        piece.extend_from_slice(&record.rtype.to_be_bytes());
        piece.extend_from_slice(&record.ttl.to_be_bytes());
        put(&mut piece, record.rdata);
        if piece.len() >= PIECE_BYTES {
            take(&piece)?;
            piece.clear();
        }
    }
    take(&piece)
}

/// What a version's file begins with, and how long it is.
fn head_of(contents: &Contents, seen_at: Timestamp) -> io::Result<(Vec<u8>, u64)> {
    let (mut digesting, mut len) = (Digesting::default(), 0);
    encode(contents, seen_at, |piece| {
        digesting.take(piece);
        len += piece.len() as u64;
        Ok(())
    })?;
    let head = [&MAGIC[..], &digesting.end().0].concat();
    let len = len + head.len() as u64;
    Ok((head, len))
}

fn write(folder: &Path, path: &Path, head: &[u8], contents: &Contents, seen_at: Timestamp) -> io::Result<()> {
    replace_with(folder, path, |file| {
        file.write_all(head)?;
        let mut unsynced = 0;
        encode(contents, seen_at, |piece| {
            file.write_all(piece)?;
            unsynced += piece.len();
            if unsynced >= SYNCED_BYTES {
                file.sync_data()?;
                unsynced = 0;
            }
            Ok(())
        })
    })
}

/// Saves a version in place of the one before; blocks.
pub(crate) fn save(folder: &Path, contents: &Contents, seen_at: Timestamp) -> Result<(), DiskError> {
    let (head, _) = head_of(contents, seen_at)?;
    write(folder, &file(folder, contents.apex(), EXTENSION), &head, contents, seen_at)?;
    Ok(())
}

/// The last good version of a node's own master file, if there was one; blocks.
pub(crate) fn read_good(folder: &Path, apex: &WireName) -> Result<Option<Contents>, DiskError> {
    let path = file(folder, apex, OF_NODE_FILE);
    if !path.exists() {
        return Ok(None);
    }
    let saved = read(&path)?;
    Ok((*saved.contents.apex() == apex.folded()).then_some(saved.contents))
}

/// Keeps a good version of a node's own master file, which was changed at `changed_at`; blocks. Nothing is written when it is there already.
pub(crate) fn save_good(folder: &Path, contents: &Contents, changed_at: Timestamp) -> Result<(), DiskError> {
    let path = file(folder, contents.apex(), OF_NODE_FILE);
    let (head, len) = head_of(contents, changed_at)?;
    let mut there = [0; MAGIC.len() + DIGEST_BYTES];
    let is_read = fs::File::open(&path).and_then(|mut file| file.read_exact(&mut there)).is_ok();
    let len_there = fs::metadata(&path).map_or(0, |metadata| metadata.len());
    if !(is_read && there == *head && len_there == len) {
        write(folder, &path, &head, contents, changed_at)?;
    }
    Ok(())
}

/// Writes a small file beside, then puts it in place.
pub(crate) fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace_with(folder, path, |file| file.write_all(bytes))
}

/// Lets a file be written beside, then puts it in place.
fn replace_with(
    folder: &Path,
    path: &Path,
    write: impl FnOnce(&mut fs::File) -> io::Result<()>,
) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside)?;
    write(&mut file)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    fs::File::open(folder)?.sync_all()
}

/// Removes a zone's copies, if there are any.
pub(crate) fn remove(folder: &Path, apex: &WireName) {
    for extension in [EXTENSION, OF_NODE_FILE] {
        let path = file(folder, apex, extension);
        if let Err(problem) = fs::remove_file(&path)
            && problem.kind() != io::ErrorKind::NotFound
        {
            error!(file = %path.display(), %problem, "the copy of a hosted zone that is no longer in the estate cannot be removed; remove it");
        }
    }
}

/// Names of hosted zones are letters, digits, '-', '_' and '*': safe in a file's name, which never begins with '.'.
fn file(folder: &Path, apex: &WireName, extension: &str) -> PathBuf {
    let name: String = apex.folded().to_string();
    let safe =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '+' });
    folder.join(format!("zone-{}{extension}", safe.collect::<String>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents() -> Contents {
        let text = b"$TTL 60\n@ SOA ns hostmaster 7 1 2 3 4\n@ NS ns\nwww A 192.0.2.1\nwww A 192.0.2.2\n* TXT \"x\"\n";
        let apex = WireName::from_wire(b"\x07example\x04test\0").unwrap();
        hf_hosted::master::read_zone_file(&apex, text).unwrap()
    }

    #[test]
    fn what_is_saved_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("hosted");
        assert!(read_all(&inner).is_empty());
        save(&inner, &contents(), Timestamp(5)).unwrap();
        save(&inner, &contents(), Timestamp(6)).unwrap();
        let saved = read_all(&inner);
        assert_eq!((saved.len(), saved[0].seen_at, saved[0].contents.serial()), (1, Timestamp(6), 7));
        assert!(hf_hosted::history::diff(&contents(), &saved[0].contents).is_empty());
        remove(&inner, contents().apex());
        assert!(read_all(&inner).is_empty());
    }

    #[test]
    fn the_last_good_version_of_a_node_file_is_written_once() {
        use std::os::unix::fs::MetadataExt;
        let folder = tempfile::tempdir().unwrap();
        let apex = contents().apex().clone();
        assert!(read_good(folder.path(), &apex).unwrap().is_none());
        let inode = || fs::metadata(file(folder.path(), &apex, OF_NODE_FILE)).unwrap().ino();
        save_good(folder.path(), &contents(), Timestamp(5)).unwrap();
        let first = inode();
        save_good(folder.path(), &contents(), Timestamp(5)).unwrap();
        assert_eq!(inode(), first);
        save_good(folder.path(), &contents(), Timestamp(6)).unwrap();
        assert_ne!(inode(), first);
        let good = read_good(folder.path(), &apex).unwrap().unwrap();
        assert!(hf_hosted::history::diff(&contents(), &good).is_empty());
        assert!(read_all(folder.path()).is_empty(), "it is no secondary's");
        fs::write(file(folder.path(), &apex, OF_NODE_FILE), "spoilt").unwrap();
        assert!(read_good(folder.path(), &apex).is_err());
        remove(folder.path(), &apex);
        assert!(read_good(folder.path(), &apex).unwrap().is_none());
    }

    #[test]
    fn a_changed_file_is_left_aside() {
        let (contents, seen_at) = (contents(), Timestamp(5));
        let (mut good, len) = head_of(&contents, seen_at).unwrap();
        encode(&contents, seen_at, |piece| good.write_all(piece)).unwrap();
        assert_eq!(good.len() as u64, len);
        assert!(decode(&good[..]).is_ok());
        for at in 0..good.len() {
            let mut changed = good.clone();
            changed[at] ^= 1;
            assert!(decode(&changed[..]).is_err(), "{at}");
            assert!(decode(&good[..at]).is_err(), "{at}");
        }
    }

    /// Gives a few bytes at a time.
    struct Dripping<'a>(&'a [u8]);

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = buffer.len().min(self.0.len()).min(1_000);
            buffer[..len].copy_from_slice(&self.0[..len]);
            self.0 = &self.0[len..];
            Ok(len)
        }
    }

    #[test]
    fn a_zone_of_many_pieces_is_read_as_it_was() {
        let apex = contents().apex().clone();
        let mut builder = Builder::new(&apex);
        for n in 0..40_000_u32 {
            let owner = [&[8][..], format!("h{n:07}").as_bytes(), apex.as_wire()].concat();
            builder.push(&owner, 16, n, &[7; 20]).unwrap();
        }
        builder.push(apex.as_wire(), 16, 1, &vec![1; 60_000]).unwrap();
        let large = builder.finish().unwrap();
        let (mut file, len) = head_of(&large, Timestamp(5)).unwrap();
        encode(&large, Timestamp(5), |piece| file.write_all(piece)).unwrap();
        assert!(len > 4 * PIECE_BYTES as u64, "{len}");
        for read in [decode(&file[..]), decode(Dripping(&file))] {
            assert!(hf_hosted::history::diff(&large, &read.unwrap().contents).is_empty());
        }
    }
}
