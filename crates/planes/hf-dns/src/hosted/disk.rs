//! Versions of hosted zones on disk, one file for each: those of secondaries are served at boot, those of node files when the file is bad then.
//!
//! 1. A file is replaced whole, by rename, after it was synced: a crash leaves the one before. It is synced piece by piece while it is written: whoever
//!    syncs something else at that moment, the ledger above all, waits for a piece and not for a large zone.
//! 2. Layout: magic, then a digest over all that follows; the second at which the primary was last seen to have this version; the apex; then
//!    records (owner, type, TTL, data), each with its lengths, the SOA first.
//! 3. A file that is not as it was written is left aside: an unreadable copy must not keep a node from starting.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use hf_hosted::{Builder, Contents};
use hf_model::{Digest, Timestamp, WireName};
use tracing::error;

/// What files begin with; the last character is the version of the layout.
const MAGIC: &[u8; 8] = b"HFHOSTD1";

/// A digest's length.
const DIGEST_BYTES: usize = 32;

/// What is written before the disk has to have it.
const PIECE_BYTES: usize = 4 << 20;

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
    decode(&fs::read(path)?).ok_or(DiskError::NotOurs)
}

fn decode(bytes: &[u8]) -> Option<Saved> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (digest, body) = rest.split_at_checked(DIGEST_BYTES)?;
    if digest_of(body) != *digest {
        return None;
    }
    let (seen_at, mut rest) = body.split_first_chunk::<8>()?;
    let apex = WireName::from_wire(part(&mut rest)?).ok()?;
    let mut builder = Builder::new(&apex);
    while !rest.is_empty() {
        let owner = part(&mut rest)?;
        let (fixed, behind) = rest.split_first_chunk::<6>()?;
        rest = behind;
        let rtype = u16::from_be_bytes([fixed[0], fixed[1]]);
        let ttl = u32::from_be_bytes([fixed[2], fixed[3], fixed[4], fixed[5]]);
        builder.push(owner, rtype, ttl, part(&mut rest)?).ok()?;
    }
    let contents = builder.finish().ok()?;
    super::place(&contents);
    Some(Saved { contents, seen_at: Timestamp(u64::from_be_bytes(*seen_at)) })
}

/// Two bytes of length and what they measure.
fn part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, behind) = rest.split_first_chunk::<2>()?;
    let (part, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    *rest = behind;
    Some(part)
}

fn encode(contents: &Contents, seen_at: Timestamp) -> Vec<u8> {
    let mut body = MAGIC.to_vec();
    body.extend_from_slice(&[0; DIGEST_BYTES]);
    body.extend_from_slice(&seen_at.0.to_be_bytes());
    let put = |body: &mut Vec<u8>, part: &[u8]| {
        body.extend_from_slice(&(part.len() as u16).to_be_bytes());
        body.extend_from_slice(part);
    };
    put(&mut body, contents.apex().as_wire());
    let mut owner = Vec::new();
    for record in contents.records() {
        owner.clear();
        record.write_owner(&mut owner);
        put(&mut body, &owner);
        body.extend_from_slice(&record.rtype.to_be_bytes());
        body.extend_from_slice(&record.ttl.to_be_bytes());
        put(&mut body, record.rdata);
    }
    let digest = digest_of(&body[MAGIC.len() + DIGEST_BYTES..]);
    body[MAGIC.len()..][..DIGEST_BYTES].copy_from_slice(&digest);
    body
}

fn digest_of(body: &[u8]) -> [u8; DIGEST_BYTES] {
    Digest::of(body).0
}

/// Saves a version in place of the one before; blocks.
pub(crate) fn save(folder: &Path, contents: &Contents, seen_at: Timestamp) -> Result<(), DiskError> {
    replace(folder, &file(folder, contents.apex(), EXTENSION), &encode(contents, seen_at))?;
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
    let bytes = encode(contents, changed_at);
    let mut head = [0; MAGIC.len() + DIGEST_BYTES];
    let is_there = fs::File::open(&path).and_then(|mut file| file.read_exact(&mut head)).is_ok();
    let len = fs::metadata(&path).map_or(0, |metadata| metadata.len());
    if !(is_there && bytes.starts_with(&head) && len == bytes.len() as u64) {
        replace(folder, &path, &bytes)?;
    }
    Ok(())
}

/// Writes a file beside, then puts it in place.
pub(crate) fn replace(folder: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let beside = path.with_extension("new");
    let mut file = fs::File::create(&beside)?;
    for piece in bytes.chunks(PIECE_BYTES) {
        file.write_all(piece)?;
        file.sync_data()?;
    }
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
        let good = encode(&contents(), Timestamp(5));
        assert!(decode(&good).is_some());
        for at in 0..good.len() {
            let mut changed = good.clone();
            changed[at] ^= 1;
            assert!(decode(&changed).is_none(), "{at}");
            assert!(decode(&good[..at]).is_none(), "{at}");
        }
    }
}
