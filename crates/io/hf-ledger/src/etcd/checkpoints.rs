//! Checkpoints, beginning anew, and the chunks of large things.
//!
//! 1. A checkpoint's chunks are written first. One transaction then names them, if nobody has named newer ones since we looked, and
//!    trims the log and the chunks of the one before.
//! 2. Beginning anew copies head, log and checkpoint under `aside-<name>/` first. One transaction then puts the new state in their
//!    place, if the head has not moved since.
//! 3. Chunks that nobody names are swept away after a while: of an append whose writer died, of entries that were trimmed. The sweep
//!    compares what it looked at, and whoever names chunks compares that they exist: neither can break the other.
//!
//! Not here: pages of the log (`log`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use hf_model::{Digest, Revision};
use tokio::time::Instant;

use super::Engine;
use super::keys::{self, CHUNK_BYTES, Chunks, Id, Keys};
use super::log::ReadError;
use super::wire::{
    KeyValue, RangeRequest, RequestOp, TxnRequest, delete, end_of, exists, get, has_value, put, range,
    unchanged_since,
};
use crate::error::LedgerError;
use crate::seam::limits;

/// Chunks of one answer.
const RANGE_CHUNKS: u32 = 4;
/// Keys that one sweep looks at.
const SWEEP_KEYS: i64 = 5_000;
/// Bytes and keys of one transaction that copies: etcd takes 1.5 MiB and 128 operations.
const COPY_BYTES: usize = 1 << 20;
const COPY_KEYS: usize = 100;

/// Which checkpoint there is, and etcd's revision of its key.
struct Standing {
    head: Revision,
    manifest: Option<(u64, Chunks)>,
    manifest_revision: i64,
    moment: i64,
}

impl Engine {
    async fn standing(&self, format: &[u8]) -> Result<Standing, LedgerError> {
        let ops = vec![get(self.keys.format()), get(self.keys.head()), get(self.keys.checkpoint())];
        let mut found = self.read(ops).await?;
        self.check_format(format, found.one(0).as_ref().map(|found| &*found.value))?;
        let head = self.head_of(found.one(1))?;
        let checkpoint = found.one(2);
        let manifest_revision = checkpoint.as_ref().map_or(0, |found| found.mod_revision);
        let manifest = self.manifest_of(checkpoint)?;
        Ok(Standing { head, manifest, manifest_revision, moment: found.revision() })
    }

    pub(super) async fn last_checkpoint(&self) -> Result<Revision, LedgerError> {
        let standing = self.standing(self.format().await?).await?;
        Ok(Revision(standing.manifest.map_or(0, |(at, _)| at)))
    }

    pub(super) async fn checkpoint(&self, at: Revision, state: &[u8]) -> Result<(), LedgerError> {
        let format = self.format().await?;
        let mut named = None;
        loop {
            let standing = self.standing(format).await?;
            let oldest = Revision(standing.manifest.map_or(0, |(at, _)| at));
            // From here on a checkpoint stands for these, to our readers as well.
            self.told().know(oldest.0);
            if let (Some((_, now)), Some(ours)) = (standing.manifest, &named)
                && now == *ours
            {
                return Ok(()); // done, and the answer was lost
            }
            if at < oldest || at > standing.head {
                if let Some(Chunks { id, .. }) = named {
                    self.drop_chunks(&id).await;
                }
                return Err(LedgerError::CheckpointOutside { at, oldest, newest: standing.head });
            }
            let chunks = match named {
                Some(chunks) => chunks,
                None => self.put_chunks(keys::new_id(), state).await?,
            };
            named = Some(chunks);
            let mut success = vec![
                put(self.keys.checkpoint(), keys::seal_manifest(at.0, &chunks)),
                delete(self.keys.entry(0), self.keys.entry(at.0.saturating_add(1)).into_bytes()),
            ];
            success.extend(standing.manifest.map(|(_, old)| self.deletion(&old.id)));
            let compare = vec![
                has_value(self.keys.format(), format.to_vec()),
                unchanged_since(self.keys.checkpoint(), standing.manifest_revision),
                exists(self.keys.chunk(&chunks.id, chunks.count - 1)),
            ];
            if self.write(TxnRequest { compare, success, failure: vec![] }).await?.response.succeeded {
                self.told().know(at.0);
                return Ok(());
            }
            let last = self.keys.chunk(&chunks.id, chunks.count - 1);
            if self.read(vec![get_key(last)]).await?.one(0).is_none() {
                // Swept, or the checkpoint was ours and a newer one has replaced it: the next look tells.
                named = None;
            }
        }
    }

    /// Copies what there is aside, then puts the state as of `at` in its place. Answers where the copy is.
    pub(super) async fn restart_at(
        &self,
        at: Revision,
        state: &[u8],
        aside: &str,
    ) -> Result<String, LedgerError> {
        let format = self.format().await?;
        let standing = self.standing(format).await?;
        if at <= standing.head {
            return Err(LedgerError::NotAfter { at, newest: standing.head });
        }
        let aside = self.keys.aside(aside);
        self.keep_aside(&aside, &standing).await?;
        let chunks = self.put_chunks(keys::new_id(), state).await?;
        let mut success = vec![
            put(self.keys.checkpoint(), keys::seal_manifest(at.0, &chunks)),
            put(self.keys.head(), keys::head_value(at.0)),
            delete(self.keys.log(), end_of(&self.keys.log())),
        ];
        success.extend(standing.manifest.map(|(_, old)| self.deletion(&old.id)));
        let compare = vec![
            has_value(self.keys.format(), format.to_vec()),
            has_value(self.keys.head(), keys::head_value(standing.head.0)),
            unchanged_since(self.keys.checkpoint(), standing.manifest_revision),
            exists(self.keys.chunk(&chunks.id, chunks.count - 1)),
        ];
        let failure = vec![get(self.keys.head()), get(self.keys.checkpoint())];
        let mut found = self.write(TxnRequest { compare, success, failure }).await?.response;
        if !found.succeeded {
            let head = self.head_of(found.one(0))?;
            let is_ours = self.manifest_of(found.one(1))?.is_some_and(|(_, named)| named == chunks);
            if !is_ours {
                self.drop_chunks(&chunks.id).await;
                return Err(if at <= head {
                    LedgerError::NotAfter { at, newest: head }
                } else {
                    self.unavailable("somebody wrote to the ledger while it was copied aside")
                });
            }
        }
        self.reached(at);
        Ok(aside.prefix().to_owned())
    }

    /// Copies head, log, checkpoint and their chunks under `aside`; the head last, which marks it as whole.
    async fn keep_aside(&self, aside: &Keys, standing: &Standing) -> Result<(), LedgerError> {
        if self.read(vec![get_key(aside.head())]).await?.one(0).is_some() {
            let why = format!("{} is there already", aside.prefix());
            let source = io::Error::new(io::ErrorKind::AlreadyExists, why);
            return Err(LedgerError::Io { place: self.place.clone(), source });
        }
        let mut copied = Copied::default();
        let mut chunked: Vec<Chunks> = standing.manifest.iter().map(|(_, chunks)| *chunks).collect();
        if let Some((at, chunks)) = &standing.manifest {
            copied.add(aside.checkpoint(), keys::seal_manifest(*at, chunks));
        }
        let mut position = standing.manifest.map_or(0, |(at, _)| at);
        while position < standing.head.0 {
            let found = self.now(self.range(self.entries_after(position, standing.moment)).await)?;
            if found.kvs.is_empty() {
                break; // a hole: what is there is kept
            }
            for found in found.kvs {
                let Some(at) = self.keys.position(&found.key) else { continue };
                position = at;
                if let Ok(value) = self.entry_value(at, &found.value)
                    && let super::keys::Body::Chunked(chunks) = value.body
                {
                    chunked.push(chunks);
                }
                if copied.add(aside.entry(at), found.value) {
                    self.write_copies(&mut copied).await?;
                }
            }
        }
        self.write_copies(&mut copied).await?;
        for chunks in chunked {
            for number in 0..chunks.count.min(max_chunks()) {
                let key = self.keys.chunk(&chunks.id, number);
                let request = RangeRequest {
                    key: key.into_bytes(),
                    revision: standing.moment,
                    ..RangeRequest::default()
                };
                for found in self.now(self.range(request).await)?.kvs {
                    copied.add(aside.chunk(&chunks.id, number), found.value);
                    self.write_copies(&mut copied).await?;
                }
            }
        }
        copied.add(aside.head(), keys::head_value(standing.head.0));
        self.write_copies(&mut copied).await
    }

    async fn write_copies(&self, copied: &mut Copied) -> Result<(), LedgerError> {
        let Copied { ops, .. } = std::mem::take(copied);
        if !ops.is_empty() {
            self.write(TxnRequest::read(ops)).await?;
        }
        Ok(())
    }

    fn now<T>(&self, read: Result<T, ReadError>) -> Result<T, LedgerError> {
        read.map_err(|error| match error {
            ReadError::Moved => self.unavailable("etcd compacted what was being read; try again"),
            ReadError::Final(error) => error,
        })
    }

    pub(super) fn manifest_of(&self, found: Option<KeyValue>) -> Result<Option<(u64, Chunks)>, LedgerError> {
        let Some(found) = found else { return Ok(None) };
        let opened = keys::open_manifest(&found.value);
        opened
            .map(Some)
            .ok_or_else(|| self.damaged("the digest of the checkpoint does not match its bytes".to_owned()))
    }

    /// Writes `bytes` as chunks that nothing names yet.
    pub(super) async fn put_chunks(&self, id: Id, bytes: &[u8]) -> Result<Chunks, LedgerError> {
        let chunks = Chunks::of(id, bytes);
        for number in 0..chunks.count {
            let from = number as usize * CHUNK_BYTES;
            let part = &bytes[from..bytes.len().min(from + CHUNK_BYTES)];
            let request = TxnRequest::read(vec![put(self.keys.chunk(&id, number), part.to_vec())]);
            self.write(request).await.map_err(|error| match error {
                // Whatever became of the chunk: what it belongs to is not there.
                LedgerError::Unavailable { why, .. } => self.unavailable(&why),
                error => error,
            })?;
        }
        Ok(chunks)
    }

    /// What lies in chunks, as of a moment of etcd.
    pub(super) async fn get_chunks(
        &self,
        keys: &Keys,
        chunks: &Chunks,
        moment: i64,
    ) -> Result<Vec<u8>, ReadError> {
        let damaged = |what: String| ReadError::from(self.damaged(what));
        if chunks.len > limits::CHECKPOINT_BYTES as u64 || chunks.count > max_chunks() {
            return Err(damaged(format!(
                "something of {} bytes is named, more than there may be",
                chunks.len
            )));
        }
        let mut bytes = Vec::with_capacity(chunks.len as usize);
        let mut number = 0;
        while number < chunks.count {
            let end = chunks.count.min(number + RANGE_CHUNKS);
            let request = RangeRequest {
                key: keys.chunk(&chunks.id, number).into_bytes(),
                range_end: keys.chunk(&chunks.id, end).into_bytes(),
                revision: moment,
                ..RangeRequest::default()
            };
            let found = self.range(request).await?.kvs;
            if found.len() as u32 != end - number {
                return Err(damaged(format!("chunks {number} to {} are not all there", end - 1)));
            }
            for found in &found {
                bytes.extend_from_slice(&found.value);
            }
            number = end;
        }
        if Digest::of(&bytes) != chunks.digest {
            return Err(damaged("the digest of what lies in chunks does not match its bytes".to_owned()));
        }
        Ok(bytes)
    }

    fn deletion(&self, id: &Id) -> RequestOp {
        let all = self.keys.chunks_of(id);
        delete(&*all, end_of(&all))
    }

    /// Takes out chunks of ours that will not be named; if that fails, a sweep does it.
    async fn drop_chunks(&self, id: &Id) {
        let _ = self.write(TxnRequest::read(vec![self.deletion(id)])).await;
    }

    /// Sweeps once; answers how many things' chunks it took out.
    pub(super) async fn sweep(&self) -> Result<usize, LedgerError> {
        let format = self.format().await?;
        let standing = self.standing(format).await?;
        let all = self.keys.chunks();
        let request = RangeRequest {
            key: all.as_bytes().to_vec(),
            range_end: end_of(&all),
            limit: SWEEP_KEYS,
            revision: standing.moment,
            keys_only: true,
        };
        let found = self.now(self.range(request).await)?.kvs;
        let mut unnamed: BTreeSet<Id> =
            found.iter().filter_map(|found| self.keys.owner(&found.key)).collect();
        if let Some((_, chunks)) = standing.manifest {
            unnamed.remove(&chunks.id);
        }
        let mut position = standing.manifest.map_or(0, |(at, _)| at);
        while !unnamed.is_empty() && position < standing.head.0 {
            let found = self.now(self.range(self.entries_after(position, standing.moment)).await)?.kvs;
            let Some(last) = found.last().and_then(|last| self.keys.position(&last.key)) else { break };
            for found in &found {
                let at = self.keys.position(&found.key).unwrap_or_default();
                if let Some(id) = Engine::chunk_id(&self.entry_value(at, &found.value)?) {
                    unnamed.remove(&id);
                }
            }
            position = last;
        }
        let now = Instant::now();
        let due: Vec<Id> = {
            let mut known = self.unnamed.lock().await;
            let since: BTreeMap<Id, Instant> =
                unnamed.iter().map(|id| (*id, known.get(id).copied().unwrap_or(now))).collect();
            *known = since;
            known.iter().filter(|(_, since)| now - **since >= self.pace.sweep).map(|(id, _)| *id).collect()
        };
        for id in &due {
            let compare = vec![
                has_value(self.keys.format(), format.to_vec()),
                has_value(self.keys.head(), keys::head_value(standing.head.0)),
                unchanged_since(self.keys.checkpoint(), standing.manifest_revision),
            ];
            // Not carried out when somebody was faster: then the next sweep looks again.
            self.write(TxnRequest { compare, success: vec![self.deletion(id)], failure: vec![] }).await?;
        }
        Ok(due.len())
    }
}

fn max_chunks() -> u32 {
    limits::CHECKPOINT_BYTES.div_ceil(CHUNK_BYTES) as u32
}

fn get_key(key: String) -> RequestOp {
    range(RangeRequest { key: key.into_bytes(), keys_only: true, ..RangeRequest::default() })
}

/// Copies that wait to be written in one transaction.
#[derive(Default)]
struct Copied {
    ops: Vec<RequestOp>,
    bytes: usize,
}

impl Copied {
    /// Whether it is time to write them.
    fn add(&mut self, key: String, value: Vec<u8>) -> bool {
        self.bytes += key.len() + value.len();
        self.ops.push(put(key, value));
        self.bytes >= COPY_BYTES - (32 << 10) || self.ops.len() >= COPY_KEYS
    }
}
