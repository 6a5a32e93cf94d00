//! The journal in etcd: written by several nodes, each line once.
//!
//! 1. Lines lie in segments; a segment's key is its last position. The key `journal-head` has the newest position and link, and which
//!    revisions are told of. One transaction compares it, puts the segments, moves it and trims: so positions and links have
//!    one order, whoever writes.
//! 2. All nodes journal the same lines of the same entries. Whoever comes second finds the revision told of and leaves it out. When
//!    the lines of a call need several transactions, the head tells how many lines of a revision are there already.
//! 3. The head carries a random id of its writer's transaction: an answer that was lost is found out by it.
//! 4. The watch tells each node of the head: so a node knows without asking what others have written.
//!
//! Not here: what lines say (`hf-codec`), links (`chain`).

use std::collections::BTreeMap;
use std::sync::PoisonError;

use hf_model::{Digest, Revision};
use tokio::time::Instant;

use super::Engine;
use super::keys::{self, Id};
use super::wire::{
    KeyValue, RangeRequest, TxnRequest, delete, end_of, get, has_value, put, range, unchanged_since,
};
use crate::chain::{GENESIS, link};
use crate::error::LedgerError;
use crate::frame;
use crate::seam::{JournalLine, Journalled, limits};

/// A segment ends when it has this many bytes; it holds at least one line.
const SEGMENT_BYTES: usize = 64 << 10;
/// Bytes of one transaction: below etcd's request limit with room for one more segment.
const TXN_BYTES: usize = (1 << 20) - SEGMENT_BYTES - limits::LINE_BYTES;
/// Segments of one answer: 20 MiB at most.
const RANGE_SEGMENTS: i64 = 64;

/// What the key `journal-head` holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalHead {
    position: u64,
    chain: Digest,
    /// Everything up to this revision is told of.
    told: u64,
    /// Of this revision, this many lines are there and more are to come.
    part: (u64, u32),
    /// Of the transaction that wrote it.
    id: Id,
    /// etcd's revision of the key; 0: there is none.
    mod_revision: i64,
}

impl JournalHead {
    fn empty() -> Self {
        JournalHead { position: 0, chain: GENESIS, told: 0, part: (0, 0), id: [0; 16], mod_revision: 0 }
    }

    fn seal(&self) -> Vec<u8> {
        let mut bytes = self.chain.0.to_vec();
        bytes.extend_from_slice(&self.told.to_be_bytes());
        bytes.extend_from_slice(&self.part.0.to_be_bytes());
        bytes.extend_from_slice(&self.part.1.to_be_bytes());
        bytes.extend_from_slice(&self.id);
        frame::seal(self.position, &bytes)
    }

    fn open(sealed: &[u8], mod_revision: i64) -> Option<Self> {
        let (position, bytes) = frame::open(sealed)?;
        let (chain, rest) = bytes.split_first_chunk()?;
        let (told, rest) = rest.split_first_chunk()?;
        let (part, rest) = rest.split_first_chunk()?;
        let (count, rest) = rest.split_first_chunk()?;
        Some(JournalHead {
            position,
            chain: Digest(*chain),
            told: u64::from_be_bytes(*told),
            part: (u64::from_be_bytes(*part), u32::from_be_bytes(*count)),
            id: rest.try_into().ok()?,
            mod_revision,
        })
    }

    /// Whether the `ordinal`th line of its revision is to be written.
    fn wants(&self, line: &Pending<'_>) -> bool {
        let Some(revision) = line.revision else { return true };
        revision > self.told && !(revision == self.part.0 && line.ordinal < self.part.1)
    }
}

/// A line that is to be written.
#[derive(Clone, Copy)]
struct Pending<'l> {
    /// None for lines of no entry.
    revision: Option<u64>,
    /// Which of the call's lines of this revision it is.
    ordinal: u32,
    bytes: &'l [u8],
}

fn pending(lines: &[JournalLine]) -> Vec<Pending<'_>> {
    let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
    let mut all = Vec::with_capacity(lines.len());
    for line in lines {
        let revision = line.revision.map(|revision| revision.0);
        let count = counts.entry(revision.unwrap_or_default()).or_default();
        all.push(Pending { revision, ordinal: *count, bytes: &line.bytes });
        *count += 1;
    }
    all
}

/// What one transaction writes.
struct Step {
    segments: Vec<(u64, Vec<u8>)>,
    head: JournalHead,
    /// How many of the pending lines are in it.
    taken: usize,
}

/// As many of `lines` as one transaction takes, behind `head`.
fn step(head: &JournalHead, lines: &[Pending<'_>]) -> Step {
    let mut next = JournalHead { id: keys::new_id(), ..*head };
    let mut segments: Vec<(u64, Vec<u8>)> = Vec::new();
    let (mut segment, mut bytes, mut taken) = (Vec::new(), 0, 0);
    for line in lines {
        if bytes >= TXN_BYTES {
            break;
        }
        let before = segment.len();
        if segment.is_empty() {
            segment.extend_from_slice(&(next.position + 1).to_be_bytes());
        }
        next.position += 1;
        let revision = line.revision.filter(|revision| *revision > 0).map(Revision);
        next.chain = link(next.chain, next.position, revision, line.bytes);
        segment.extend_from_slice(&revision.map_or(0, |revision| revision.0).to_be_bytes());
        segment.extend_from_slice(&next.chain.0);
        segment.extend_from_slice(&(line.bytes.len() as u32).to_be_bytes());
        segment.extend_from_slice(line.bytes);
        bytes += segment.len() - before;
        taken += 1;
        if segment.len() >= SEGMENT_BYTES {
            segments.push((next.position, std::mem::take(&mut segment)));
        }
    }
    if !segment.is_empty() {
        segments.push((next.position, segment));
    }
    let (done, rest) = lines.split_at(taken);
    // What is told of ends before the first revision that is not whole.
    let open = rest.iter().filter_map(|line| line.revision).min();
    let told =
        done.iter().filter_map(|line| line.revision).filter(|told| open.is_none_or(|open| *told < open));
    next.told = told.max().unwrap_or_default().max(head.told);
    if let Some(first) = rest.iter().find(|line| line.revision.is_some() && line.revision == open)
        && first.ordinal > 0
    {
        next.part = (first.revision.unwrap_or_default(), first.ordinal);
    }
    Step { segments, head: next, taken }
}

/// The lines of a segment; none if it is not what was written up to `up_to`.
fn lines_of(up_to: u64, sealed: &[u8]) -> Option<Vec<Journalled>> {
    let (at, bytes) = frame::open(sealed)?;
    let (first, mut rest) = bytes.split_first_chunk()?;
    let mut position = u64::from_be_bytes(*first);
    let mut lines = Vec::new();
    while let Some((revision, after)) = rest.split_first_chunk() {
        let (chain, after) = after.split_first_chunk()?;
        let (len, after) = after.split_first_chunk()?;
        let (bytes, after) = after.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        let revision = Some(u64::from_be_bytes(*revision)).filter(|revision| *revision > 0).map(Revision);
        lines.push(Journalled { position, revision, bytes: bytes.to_vec(), chain: Digest(*chain) });
        position = position.checked_add(1)?;
        rest = after;
    }
    (at == up_to && rest.is_empty() && lines.last().is_some_and(|last| last.position == up_to))
        .then_some(lines)
}

impl Engine {
    pub(super) async fn journal_append(&self, lines: &[JournalLine]) -> Result<u64, LedgerError> {
        let format = self.format().await?;
        let mut known = self.journal.lock().await;
        let mut head = match *known {
            Some(head) => self.seen().filter(|seen| seen.mod_revision > head.mod_revision).unwrap_or(head),
            None => self.journal_head(format).await?,
        };
        let mut rest: Vec<Pending<'_>> = pending(lines);
        rest.retain(|line| head.wants(line));
        let give_up = Instant::now() + 2 * self.pace.call;
        let mut is_late = false;
        while !rest.is_empty() {
            if is_late {
                return Err(self.unavailable("other writers of the journal were faster each time"));
            }
            let Step { segments, head: next, taken } = step(&head, &rest);
            let gone = next.position.saturating_sub(limits::JOURNAL_LINES);
            let mut success = vec![put(self.keys.journal_head(), next.seal())];
            success.extend(
                segments
                    .iter()
                    .map(|(up_to, segment)| put(self.keys.lines(*up_to), frame::seal(*up_to, segment))),
            );
            if gone > 0 {
                success.push(delete(self.keys.lines(0), self.keys.lines(gone + 1).into_bytes()));
            }
            let compare = vec![
                has_value(self.keys.format(), format.to_vec()),
                unchanged_since(self.keys.journal_head(), head.mod_revision),
            ];
            let failure = vec![get(self.keys.format()), get(self.keys.journal_head())];
            // After a failure it is not known which head there is.
            *known = None;
            let mut found = self.write(TxnRequest { compare, success, failure }).await?.response;
            let seen = if found.succeeded {
                JournalHead { mod_revision: found.revision(), ..next }
            } else {
                self.check_format(format, found.one(0).as_ref().map(|found| &*found.value))?;
                self.opened_head(found.one(1))?
            };
            *known = Some(seen);
            if seen.id == next.id {
                rest.drain(..taken);
            } else {
                rest.retain(|line| seen.wants(line));
                is_late = Instant::now() >= give_up;
            }
            head = seen;
        }
        *known = Some(head);
        Ok(head.position)
    }

    async fn journal_head(&self, format: &[u8]) -> Result<JournalHead, LedgerError> {
        let mut found = self.read(vec![get(self.keys.format()), get(self.keys.journal_head())]).await?;
        self.check_format(format, found.one(0).as_ref().map(|found| &*found.value))?;
        self.opened_head(found.one(1))
    }

    fn seen(&self) -> Option<JournalHead> {
        *self.journal_seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The watch tells of the journal's head. One that cannot be read is told when it is needed.
    pub(super) fn journal_seen(&self, found: &KeyValue) {
        let head = JournalHead::open(&found.value, found.mod_revision);
        *self.journal_seen.lock().unwrap_or_else(PoisonError::into_inner) = head;
    }

    pub(super) fn journal_told(&self) -> Revision {
        Revision(self.seen().map_or(0, |seen| seen.told))
    }

    fn opened_head(&self, found: Option<KeyValue>) -> Result<JournalHead, LedgerError> {
        let Some(found) = found else { return Ok(JournalHead::empty()) };
        JournalHead::open(&found.value, found.mod_revision).ok_or_else(|| {
            self.damaged("the digest of the journal's head does not match its bytes".to_owned())
        })
    }

    pub(super) async fn journal_newest(&self) -> Result<u64, LedgerError> {
        Ok(self.journal_head(self.format().await?).await?.position)
    }

    pub(super) async fn journal_read(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<Journalled>, LedgerError> {
        let format = self.format().await?;
        let mut lines: Vec<Journalled> = Vec::new();
        let (mut after, mut len) = (after, 0);
        loop {
            let request = RangeRequest {
                key: self.keys.lines(after.saturating_add(1)).into_bytes(),
                range_end: end_of(&self.keys.journal()),
                limit: RANGE_SEGMENTS,
                ..RangeRequest::default()
            };
            let ops = vec![get(self.keys.format()), get(self.keys.journal_head()), range(request)];
            let mut found = self.read(ops).await?;
            self.check_format(format, found.one(0).as_ref().map(|found| &*found.value))?;
            let gone = self.opened_head(found.one(1))?.position.saturating_sub(limits::JOURNAL_LINES);
            let segments = found.range(2);
            for segment in &segments.kvs {
                let up_to = self.keys.lines_up_to(&segment.key).unwrap_or_default();
                let Some(found) = lines_of(up_to, &segment.value) else {
                    let key = String::from_utf8_lossy(&segment.key);
                    tracing::warn!(%key, "lines of the journal are damaged; they are not shown, and the ledger is not affected");
                    continue;
                };
                for line in found.into_iter().filter(|line| line.position > after.max(gone)) {
                    if lines.len() == limit || len >= limits::JOURNAL_PAGE_BYTES {
                        return Ok(lines);
                    }
                    len += line.bytes.len();
                    lines.push(line);
                }
            }
            let last = segments.kvs.last().and_then(|last| self.keys.lines_up_to(&last.key));
            match last {
                Some(last) if segments.more => after = last,
                _ => return Ok(lines),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(revision: Option<u64>, len: usize) -> JournalLine {
        JournalLine { revision: revision.map(Revision), bytes: vec![b'x'; len] }
    }

    /// Everything that one call writes, by transaction.
    fn all_steps(lines: &[JournalLine]) -> Vec<JournalHead> {
        let (mut head, mut rest) = (JournalHead::empty(), pending(lines));
        let mut heads = Vec::new();
        while !rest.is_empty() {
            let step = step(&head, &rest);
            for (up_to, segment) in &step.segments {
                assert!(lines_of(*up_to, &frame::seal(*up_to, segment)).is_some());
            }
            rest.drain(..step.taken);
            head = step.head;
            heads.push(head);
        }
        heads
    }

    #[test]
    fn a_head_comes_back_as_it_was() {
        let head = JournalHead { position: 7, part: (3, 2), told: 2, ..JournalHead::empty() };
        assert_eq!(JournalHead::open(&head.seal(), 0), Some(head));
        assert_eq!(JournalHead::open(b"damage", 0), None);
    }

    #[test]
    fn a_revision_in_two_transactions_is_told_of_with_the_second() {
        let big = 40 << 10;
        let lines: Vec<JournalLine> = std::iter::once(line(Some(4), 1))
            .chain((0..20).map(|_| line(Some(5), big)))
            .chain([line(None, 1), line(Some(6), 1)])
            .collect();
        let heads = all_steps(&lines);
        assert_eq!(heads.len(), 2);
        assert_eq!((heads[0].told, heads[0].part.0), (4, 5));
        let there = heads[0].part.1;
        assert!(there > 0 && there < 20);
        // Somebody else who journals the same now goes on where the first stopped.
        let mut rest = pending(&lines);
        rest.retain(|line| heads[0].wants(line));
        assert_eq!(rest.len() as u32, (20 - there) + 2);
        assert_eq!((heads[1].told, heads[1].position), (6, 23));
        assert!(
            pending(&lines).iter().filter(|line| line.revision.is_some()).all(|line| !heads[1].wants(line))
        );
    }

    #[test]
    fn a_segment_that_was_changed_is_not_read() {
        let step = step(&JournalHead::empty(), &pending(&[line(Some(1), 3), line(None, 0)]));
        let (up_to, segment) = &step.segments[0];
        let sealed = frame::seal(*up_to, segment);
        assert_eq!(lines_of(*up_to, &sealed).map(|lines| lines.len()), Some(2));
        assert!(lines_of(up_to + 1, &sealed).is_none());
        assert!(lines_of(*up_to, &frame::seal(*up_to, &segment[..segment.len() - 1])).is_none());
    }
}
