//! The log: appending behind others, and reading pages.
//!
//! Not here: checkpoints and large things (`checkpoints`), what an entry's key holds (`keys`).

use hf_model::Revision;
use tokio::time::Instant;

use super::Engine;
use super::client::Failure;
use super::keys::{self, Body, Chunks, EntryValue, INLINE_BYTES, Id};
use super::wire::{KeyValue, RangeRequest, RangeResponse, TxnRequest, exists, get, has_value, put, range};
use crate::error::{Fate, LedgerError};
use crate::seam::{Followed, limits};

/// Entries of one answer of etcd: four megabytes at most, since large entries lie elsewhere.
const RANGE_ENTRIES: i64 = 256;
/// Times that a page is begun anew because etcd compacted what it was reading.
const PAGE_TRIES: usize = 5;

/// Why a page could not be read.
pub(super) enum ReadError {
    /// Begin anew.
    Moved,
    Final(LedgerError),
}

impl Engine {
    pub(super) async fn append(&self, entry: Vec<u8>) -> Result<Revision, LedgerError> {
        let format = self.format().await?;
        let id = keys::new_id();
        let body = if entry.len() <= INLINE_BYTES {
            Body::Whole(entry)
        } else {
            Body::Chunked(self.put_chunks(id, &entry).await?)
        };
        let value = EntryValue { id, body };
        let _turn = self.appending.lock().await;
        // Each lost race costs a way to etcd and back; a new one is not begun for ever.
        let give_up = Instant::now() + 2 * self.pace.call;
        let mut known = self.newest.borrow().0;
        // With others' entries before it that our reader has yet to read, it is kept for it too.
        let mut is_known = self.told().is_empty();
        loop {
            let tried = self.append_behind(format, &value, known).await?;
            is_known &= matches!(tried, Tried::Appended(_));
            match tried {
                Tried::Appended(at) => {
                    match value.body {
                        _ if is_known => self.told().know(at),
                        Body::Whole(entry) => self.told().hear(at, entry),
                        Body::Chunked(_) => {}
                    }
                    self.reached(Revision(at));
                    return Ok(Revision(at));
                }
                Tried::Lost(head) if Instant::now() < give_up => known = head,
                Tried::Lost(_) => return Err(self.unavailable("other writers were faster each time")),
            }
        }
    }

    /// One attempt to put `value` behind position `known`.
    async fn append_behind(
        &self,
        format: &[u8],
        value: &EntryValue,
        known: u64,
    ) -> Result<Tried, LedgerError> {
        let at =
            known.checked_add(1).ok_or_else(|| self.damaged("the head is the largest number".to_owned()))?;
        let mut compare = vec![
            has_value(self.keys.format(), format.to_vec()),
            has_value(self.keys.head(), keys::head_value(known)),
        ];
        let mut failure = vec![get(self.keys.format()), get(self.keys.head()), get(self.keys.entry(at))];
        if let Body::Chunked(Chunks { id, count, .. }) = &value.body {
            // Swept all at once, so that the last one stands for all.
            let last = self.keys.chunk(id, count - 1);
            compare.push(exists(&*last));
            failure.push(range(RangeRequest {
                key: last.into_bytes(),
                keys_only: true,
                ..RangeRequest::default()
            }));
        }
        let success =
            vec![put(self.keys.entry(at), value.seal(at)), put(self.keys.head(), keys::head_value(at))];
        let outcome = self.write(TxnRequest { compare, success, failure }).await?;
        let mut found = outcome.response;
        if found.succeeded {
            return Ok(Tried::Appended(at));
        }
        self.check_format(format, found.one(0).as_ref().map(|found| &*found.value))?;
        let head = self.head_of(found.one(1))?;
        if head.0 < known {
            return Err(LedgerError::Ahead { after: Revision(known), newest: head });
        }
        self.reached(head);
        if head.0 == known {
            return Err(self.unavailable("its chunks were swept away before it was whole"));
        }
        match found.one(2).map(|there| self.entry_value(at, &there.value)).transpose()? {
            Some(there) if there.id == value.id => Ok(Tried::Appended(at)),
            Some(EntryValue { body: Body::Whole(entry), .. }) => {
                self.told().hear(at, entry);
                Ok(Tried::Lost(head.0))
            }
            // Trimmed already: if we were there, nothing tells.
            None if outcome.in_doubt => Err(LedgerError::Unavailable {
                place: self.place.clone(),
                fate: Fate::Unknown,
                why: format!("the answer was lost, and entry {at} is in a checkpoint already"),
            }),
            Some(_) | None => Ok(Tried::Lost(head.0)),
        }
    }

    pub(super) async fn barrier(&self) -> Result<Revision, LedgerError> {
        let known = *self.newest.borrow();
        let format = self.format().await?;
        let mut found = self.read(vec![get(self.keys.format()), get(self.keys.head())]).await?;
        self.check_format(format, found.one(0).as_ref().map(|found| &*found.value))?;
        let head = self.head_of(found.one(1))?;
        if head < known {
            return Err(LedgerError::Ahead { after: known, newest: head });
        }
        self.reached(head);
        Ok(head)
    }

    pub(super) async fn follow(&self, after: Revision) -> Result<Followed, LedgerError> {
        let newest = *self.newest.borrow();
        if let Some(page) = self.told().take(after, newest) {
            return Ok(page);
        }
        for _ in 0..PAGE_TRIES {
            match self.page(after).await {
                Ok(page) => {
                    self.told().know(page.reached(after).0);
                    return Ok(page);
                }
                Err(ReadError::Moved) => {}
                Err(ReadError::Final(error)) => return Err(error),
            }
        }
        Err(self.explain(Failure::Compacted))
    }

    /// One page, all of it as of one moment.
    async fn page(&self, after: Revision) -> Result<Followed, ReadError> {
        let known = *self.newest.borrow();
        let format = self.format().await?;
        let first = self.entries_after(after.0, 0);
        let ops =
            vec![get(self.keys.format()), get(self.keys.head()), get(self.keys.checkpoint()), range(first)];
        let mut found = self.read(ops).await?;
        let moment = found.revision();
        self.check_format(format, found.one(0).as_ref().map(|found| &*found.value))?;
        let head = self.head_of(found.one(1))?;
        if head < known.max(after) {
            return Err(LedgerError::Ahead { after: known.max(after), newest: head }.into());
        }
        self.reached(head);
        let mut page = Followed::default();
        let mut range = found.range(3);
        if let Some((at, chunks)) = self.manifest_of(found.one(2))?.filter(|(at, _)| *at > after.0) {
            page.checkpoint = Some((Revision(at), self.get_chunks(&self.keys, &chunks, moment).await?));
            range = self.range(self.entries_after(at, moment)).await?;
        }
        let mut position = page.reached(after).0;
        let mut bytes = 0;
        let mut waiting = range.kvs.into_iter();
        while position < head.0 {
            if page.entries.len() == limits::PAGE_ENTRIES || bytes >= limits::PAGE_BYTES {
                page.more = true;
                break;
            }
            let Some(next) = waiting.next() else {
                let more = self.range(self.entries_after(position, moment)).await?;
                if more.kvs.is_empty() {
                    return Err(self
                        .damaged(format!("entry {} is missing before the head, {head}", position + 1))
                        .into());
                }
                waiting = more.kvs.into_iter();
                continue;
            };
            position += 1;
            let entry = self.entry(position, &next, moment).await?;
            bytes += entry.len();
            page.entries.push((Revision(position), entry));
        }
        Ok(page)
    }

    /// The entry under a key that has to be the one of `position`.
    async fn entry(&self, position: u64, found: &KeyValue, moment: i64) -> Result<Vec<u8>, ReadError> {
        if self.keys.position(&found.key) != Some(position) {
            let key = String::from_utf8_lossy(&found.key).into_owned();
            return Err(self.damaged(format!("entry {position} is missing before the key {key}")).into());
        }
        match self.entry_value(position, &found.value)?.body {
            Body::Whole(entry) => Ok(entry),
            Body::Chunked(chunks) => self.get_chunks(&self.keys, &chunks, moment).await,
        }
    }

    pub(super) fn entry_value(&self, at: u64, sealed: &[u8]) -> Result<EntryValue, LedgerError> {
        EntryValue::open(at, sealed)
            .ok_or_else(|| self.damaged(format!("the digest of entry {at} does not match its bytes")))
    }

    /// A request for entries after `after`, as of a moment of etcd (0: now).
    pub(super) fn entries_after(&self, after: u64, moment: i64) -> RangeRequest {
        RangeRequest {
            key: self.keys.entry(after.saturating_add(1)).into_bytes(),
            range_end: super::end_of(&self.keys.log()),
            limit: RANGE_ENTRIES,
            revision: moment,
            keys_only: false,
        }
    }

    /// Several keys; [`ReadError::Moved`] when that moment is compacted.
    pub(super) async fn range(&self, request: RangeRequest) -> Result<RangeResponse, ReadError> {
        match self.try_read(vec![range(request)]).await {
            Ok(mut found) => Ok(found.range(0)),
            Err(Failure::Compacted) => Err(ReadError::Moved),
            Err(failure) => Err(self.explain(failure).into()),
        }
    }

    pub(super) fn head_of(&self, found: Option<KeyValue>) -> Result<Revision, LedgerError> {
        let head = found.and_then(|found| keys::head_of(&found.value));
        head.map(Revision)
            .ok_or_else(|| self.damaged(format!("the key {} is missing or not ours", self.keys.head())))
    }

    /// Which chunks are named by nothing but `id`: for tests and sweeps.
    pub(super) fn chunk_id(value: &EntryValue) -> Option<Id> {
        match &value.body {
            Body::Whole(_) => None,
            Body::Chunked(chunks) => Some(chunks.id),
        }
    }
}

/// How one attempt ended.
enum Tried {
    Appended(u64),
    /// Somebody else was there first; the head is here now.
    Lost(u64),
}

impl From<LedgerError> for ReadError {
    fn from(error: LedgerError) -> Self {
        ReadError::Final(error)
    }
}
