//! The tables inside redb, and one function for each thing that is done to them in one transaction.
//!
//! `entries` and `checkpoint` hold sealed frames (`frame`), `journal` and its newest link too; `meta` says what the file is.
//! A file of format 1, whose journal has no chain, is given one when it is opened.
//!
//! Not here: failures of the disk and what to do about them (`redb_engine`).

use hf_model::{Digest, Revision};
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use crate::chain::{GENESIS, link};
use crate::error::LedgerError;
use crate::frame;
use crate::seam::{Followed, JournalLine, Journalled, limits};

/// The newest format that we read and the one that we write.
pub const FORMAT: u64 = 2;
/// The format before the journal had a chain.
const FORMAT_WITHOUT_CHAIN: u64 = 1;

const META: TableDefinition<&str, u64> = TableDefinition::new("holdfast-ledger");
const ENTRIES: TableDefinition<u64, &[u8]> = TableDefinition::new("entries");
const CHECKPOINT: TableDefinition<(), &[u8]> = TableDefinition::new("checkpoint");
const JOURNAL: TableDefinition<u64, &[u8]> = TableDefinition::new("journal");
/// The newest link, sealed for its position; apart from the lines, so that a damaged line does not end the chain.
const CHAIN: TableDefinition<(), &[u8]> = TableDefinition::new("journal-chain");
const META_FORMAT: &str = "format";
/// The newest revision that the journal tells of; outlives its lines.
const META_JOURNALLED: &str = "journalled";

/// Why a transaction did not happen.
#[derive(Debug)]
pub enum Fault {
    /// redb or the disk below it.
    Redb(redb::Error),
    /// A frame, or the order of positions, is not what was written.
    Damaged(String),
    /// The file is a redb file and not one of ours.
    Foreign(String),
    /// A newer program's file.
    Newer(u64),
    /// The request itself is wrong.
    Refused(LedgerError),
}

macro_rules! from_redb {
    ($($error:ty),*) => { $(impl From<$error> for Fault {
        fn from(error: $error) -> Self {
            Fault::Redb(error.into())
        }
    })* };
}
from_redb!(
    redb::TransactionError,
    redb::TableError,
    redb::StorageError,
    redb::CommitError,
    redb::DatabaseError
);

/// Makes an empty redb file a ledger.
pub fn initialise(db: &Database) -> Result<(), Fault> {
    let txn = begin(db)?;
    txn.open_table(META)?.insert(META_FORMAT, FORMAT)?;
    txn.open_table(ENTRIES)?;
    txn.open_table(CHECKPOINT)?;
    txn.open_table(JOURNAL)?;
    txn.open_table(CHAIN)?;
    Ok(txn.commit()?)
}

/// Brings a file of an older format to ours, in one step; leaves all others alone.
pub fn upgrade(db: &Database) -> Result<(), Fault> {
    let read = db.begin_read()?;
    let Ok(meta) = read.open_table(META) else { return Ok(()) };
    if meta.get(META_FORMAT)?.map(|format| format.value()) != Some(FORMAT_WITHOUT_CHAIN) {
        return Ok(());
    }
    let old = read.open_table(JOURNAL)?;
    let txn = begin(db)?;
    {
        let mut journal = txn.open_table(JOURNAL)?;
        let (mut chain, mut newest) = (GENESIS, 0);
        for item in old.iter()? {
            let (key, value) = item?;
            newest = key.value();
            // A damaged line stays one: it gets no link, and the chain goes on behind it.
            let line = opened("journal line", newest, value.value()).ok();
            let Some((revision, bytes)) = line.and_then(|bytes| bytes.split_first_chunk()) else { continue };
            let revision = revision_of(*revision);
            chain = link(chain, newest, revision, bytes);
            journal.insert(newest, &*frame::seal(newest, &line_bytes(revision, chain, bytes)))?;
        }
        txn.open_table(CHAIN)?.insert((), &*frame::seal(newest, &chain.0))?;
        txn.open_table(META)?.insert(META_FORMAT, FORMAT)?;
    }
    Ok(txn.commit()?)
}

/// Whether the file holds no table at all: it was never made a ledger.
pub fn is_blank(db: &Database) -> Result<bool, Fault> {
    Ok(db.begin_read()?.list_tables()?.next().is_none())
}

/// Reads everything once: the format, every frame, the order of positions. Answers the newest position.
pub fn verify(db: &Database) -> Result<Revision, Fault> {
    let txn = db.begin_read()?;
    let meta = match txn.open_table(META) {
        Ok(meta) => meta,
        Err(redb::TableError::Storage(error)) => return Err(error.into()),
        Err(error) => return Err(Fault::Foreign(error.to_string())),
    };
    match meta.get(META_FORMAT)?.map(|format| format.value()) {
        Some(FORMAT) => {}
        Some(found) if found > FORMAT => return Err(Fault::Newer(found)),
        found => return Err(Fault::Foreign(format!("its format is {found:?}"))),
    }
    let mut newest = checkpoint_of(&txn.open_table(CHECKPOINT)?)?.map_or(0, |(at, _)| at);
    for item in txn.open_table(ENTRIES)?.iter()? {
        let (key, value) = item?;
        if key.value() != newest + 1 {
            return Err(Fault::Damaged(format!("entry {} follows entry {newest}", key.value())));
        }
        newest += 1;
        opened("entry", newest, value.value())?;
    }
    txn.open_table(JOURNAL)?.first()?;
    Ok(Revision(newest))
}

/// Adds one entry at `at`.
pub fn append(db: &Database, at: Revision, entry: &[u8]) -> Result<(), Fault> {
    let sealed = frame::seal(at.0, entry);
    let txn = begin(db)?;
    txn.open_table(ENTRIES)?.insert(at.0, &*sealed)?;
    Ok(txn.commit()?)
}

/// Takes out every entry after `at`.
pub fn cut_after(db: &Database, at: Revision) -> Result<(), Fault> {
    let txn = begin(db)?;
    txn.open_table(ENTRIES)?.retain_in(at.0.saturating_add(1).., |_, _| false)?;
    Ok(txn.commit()?)
}

/// The newest position.
pub fn newest(db: &Database) -> Result<Revision, Fault> {
    let txn = db.begin_read()?;
    let last = txn.open_table(ENTRIES)?.last()?.map(|(key, _)| key.value());
    match last {
        Some(last) => Ok(Revision(last)),
        None => Ok(Revision(checkpoint_of(&txn.open_table(CHECKPOINT)?)?.map_or(0, |(at, _)| at))),
    }
}

/// One page after `after`.
pub fn follow(db: &Database, after: Revision) -> Result<Followed, Fault> {
    let txn = db.begin_read()?;
    let trimmed = checkpoint_of(&txn.open_table(CHECKPOINT)?)?.filter(|(at, _)| *at > after.0);
    let mut page =
        Followed { checkpoint: trimmed.map(|(at, state)| (Revision(at), state)), ..Followed::default() };
    let mut position = page.reached(after).0;
    let mut bytes = 0;
    for item in txn.open_table(ENTRIES)?.range(position.saturating_add(1)..)? {
        let (key, value) = item?;
        if page.entries.len() == limits::PAGE_ENTRIES || bytes >= limits::PAGE_BYTES {
            page.more = true;
            break;
        }
        position += 1;
        if key.value() != position {
            return Err(Fault::Damaged(format!("entry {position} is missing before entry {}", key.value())));
        }
        let entry = opened("entry", position, value.value())?.to_vec();
        bytes += entry.len();
        page.entries.push((Revision(position), entry));
    }
    if page.entries.is_empty() && page.checkpoint.is_none() {
        let newest = newest(db)?;
        if after > newest {
            return Err(Fault::Refused(LedgerError::Ahead { after, newest }));
        }
    }
    Ok(page)
}

/// Stores a checkpoint and trims.
pub fn checkpoint(db: &Database, at: Revision, state: &[u8]) -> Result<(), Fault> {
    let newest = newest(db)?;
    let sealed = frame::seal(at.0, state);
    let txn = begin(db)?;
    {
        let mut table = txn.open_table(CHECKPOINT)?;
        let oldest = Revision(checkpoint_of(&table)?.map_or(0, |(at, _)| at));
        if at < oldest || at > newest {
            return Err(Fault::Refused(LedgerError::CheckpointOutside { at, oldest, newest }));
        }
        table.insert((), &*sealed)?;
        txn.open_table(ENTRIES)?.retain_in(..=at.0, |_, _| false)?;
    }
    Ok(txn.commit()?)
}

/// The position of the checkpoint.
pub fn last_checkpoint(db: &Database) -> Result<Revision, Fault> {
    let txn = db.begin_read()?;
    Ok(Revision(checkpoint_of(&txn.open_table(CHECKPOINT)?)?.map_or(0, |(at, _)| at)))
}

/// Puts the state as of `at`, after the newest entry, in the place of everything.
pub fn restart_at(db: &Database, at: Revision, state: &[u8]) -> Result<(), Fault> {
    let sealed = frame::seal(at.0, state);
    let txn = begin(db)?;
    txn.open_table(CHECKPOINT)?.insert((), &*sealed)?;
    txn.open_table(ENTRIES)?.retain(|_, _| false)?;
    Ok(txn.commit()?)
}

/// Adds the lines that are new, trims the oldest, answers the newest position.
pub fn journal_append(db: &Database, lines: &[JournalLine]) -> Result<u64, Fault> {
    let txn = begin(db)?;
    let (before, newest);
    {
        let mut meta = txn.open_table(META)?;
        let mut table = txn.open_table(JOURNAL)?;
        let seen = meta.get(META_JOURNALLED)?.map_or(0, |seen| seen.value());
        let mut position = table.last()?.map_or(0, |(key, _)| key.value());
        let mut link_at = txn.open_table(CHAIN)?;
        let mut chain = chain_of(&link_at)?;
        before = position;
        for line in lines.iter().filter(|line| line.revision.is_none_or(|revision| revision.0 > seen)) {
            position += 1;
            let revision = line.revision.filter(|revision| revision.0 > 0);
            chain = link(chain, position, revision, &line.bytes);
            table.insert(position, &*frame::seal(position, &line_bytes(revision, chain, &line.bytes)))?;
        }
        newest = position;
        if newest > before {
            link_at.insert((), &*frame::seal(newest, &chain.0))?;
            let told = lines.iter().filter_map(|line| line.revision).max().map_or(0, |revision| revision.0);
            meta.insert(META_JOURNALLED, told.max(seen))?;
            let gone = newest.saturating_sub(limits::JOURNAL_LINES);
            table.retain_in(..=gone, |_, _| false)?;
        }
    }
    // A replay brings nothing new: no commit, no fsync.
    if newest == before {
        txn.abort()?;
    } else {
        txn.commit()?;
    }
    Ok(newest)
}

/// Up to `limit` lines after `after`. A damaged one is named and passed over: the next may be good.
pub fn journal_read(db: &Database, after: u64, limit: usize) -> Result<Vec<Journalled>, Fault> {
    let txn = db.begin_read()?;
    let table = txn.open_table(JOURNAL)?;
    let mut lines = Vec::new();
    let mut len = 0;
    for item in table.range(after.saturating_add(1)..)? {
        if lines.len() == limit || len >= limits::JOURNAL_PAGE_BYTES {
            break;
        }
        let (key, value) = item?;
        let position = key.value();
        let line = opened("journal line", position, value.value()).ok();
        let Some((revision, chain, bytes)) = line.and_then(line_of) else {
            tracing::warn!(
                position,
                "a line of the journal is damaged; it is not shown, and the ledger is not affected"
            );
            continue;
        };
        len += bytes.len();
        lines.push(Journalled { position, revision, bytes: bytes.to_vec(), chain });
    }
    Ok(lines)
}

/// The newest journal position.
pub fn journal_newest(db: &Database) -> Result<u64, Fault> {
    let txn = db.begin_read()?;
    Ok(txn.open_table(JOURNAL)?.last()?.map_or(0, |(key, _)| key.value()))
}

/// What is sealed for one line: revision, link, bytes. Revision 0 stands for none: it is the state before the first entry, of which
/// there is nothing to tell.
fn line_bytes(revision: Option<Revision>, chain: Digest, bytes: &[u8]) -> Vec<u8> {
    let revision = revision.map_or(0, |revision| revision.0);
    [&revision.to_be_bytes()[..], &chain.0, bytes].concat()
}

fn line_of(sealed: &[u8]) -> Option<(Option<Revision>, Digest, &[u8])> {
    let (revision, rest) = sealed.split_first_chunk()?;
    let (chain, bytes) = rest.split_first_chunk()?;
    Some((revision_of(*revision), Digest(*chain), bytes))
}

fn revision_of(bytes: [u8; 8]) -> Option<Revision> {
    Some(u64::from_be_bytes(bytes)).filter(|revision| *revision > 0).map(Revision)
}

/// The newest link.
fn chain_of(table: &impl ReadableTable<(), &'static [u8]>) -> Result<Digest, Fault> {
    let Some(sealed) = table.get(())? else { return Ok(GENESIS) };
    match frame::open(sealed.value()).and_then(|(_, link)| link.try_into().ok()) {
        Some(link) => Ok(Digest(link)),
        None => {
            Err(Fault::Damaged("the newest link of the journal's chain does not match its digest".to_owned()))
        }
    }
}

fn begin(db: &Database) -> Result<WriteTransaction, Fault> {
    let mut txn = db.begin_write()?;
    // The default, said aloud: a commit returns after its fsync.
    txn.set_durability(redb::Durability::Immediate).map_err(|error| Fault::Redb(error.into()))?;
    Ok(txn)
}

fn opened<'a>(kind: &str, at: u64, sealed: &'a [u8]) -> Result<&'a [u8], Fault> {
    match frame::open(sealed) {
        Some((position, bytes)) if position == at => Ok(bytes),
        Some((position, _)) => {
            Err(Fault::Damaged(format!("{kind} {at} holds what was written as {position}")))
        }
        None => Err(Fault::Damaged(format!("the digest of {kind} {at} does not match its bytes"))),
    }
}

fn checkpoint_of(table: &impl ReadableTable<(), &'static [u8]>) -> Result<Option<(u64, Vec<u8>)>, Fault> {
    let Some(sealed) = table.get(())? else { return Ok(None) };
    match frame::open(sealed.value()) {
        Some((at, state)) => Ok(Some((at, state.to_vec()))),
        None => Err(Fault::Damaged("the digest of the checkpoint does not match its bytes".to_owned())),
    }
}
