//! Long intents in two parts: who has which base, and who asks for it.
//!
//! 1. An intent whose base (estate and board) is [`LONG`] or more travels as its head, which names the base; a shift or a turned control
//!    then costs what it changes, however large the estate is.
//! 2. Whoever gets a head and lacks its base asks the sender for it, once, and again on every beat while it lacks it. Of several
//!    connections that brought such a head one asks at a time: a base is long, and needed once.
//! 3. A base that nobody asked for is passed over: a peer cannot make us keep what it likes.
//! 4. The newest [`KEPT`] bases are kept: the estate in force, the one that comes, and some of before, for peers that are behind.
//!
//! Not here: sockets (`connection`), the bytes of either part (`hf-codec`).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hf_codec::{CodecError, IntentBase, base_of_head};
use hf_control::Intent;
use hf_model::{Digest, Revision};
use tokio::time::Instant;

use crate::frame::Kind;
use crate::message::{Message, Peer, Read, read, read_intent, revision_of};

/// Bytes of a base from which on an intent goes in two parts.
const LONG: usize = 16 << 10;
/// Bases that are kept.
const KEPT: usize = 4;
/// After this long another connection may ask for what the first one has not brought.
const ASK_ELSEWHERE: Duration = Duration::from_millis(500);

/// The bases that a node knows, shared by its connections.
#[derive(Debug, Default)]
pub struct Bases(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Newest first.
    bases: VecDeque<Arc<IntentBase>>,
    /// What was asked for last, and when.
    asked: Option<(Digest, Instant)>,
}

/// A long intent in two parts.
pub(crate) struct Split {
    pub(crate) base: Arc<IntentBase>,
    pub(crate) head: Vec<u8>,
}

impl Bases {
    /// A long intent's base and head; none for a short one.
    pub(crate) fn split(&self, intent: &Intent) -> Result<Option<Split>, CodecError> {
        let known = self.with(|known| known.bases.iter().find(|base| base.is_of(intent)).cloned());
        let base = if let Some(base) = known {
            base
        } else {
            let base = Arc::new(IntentBase::of(intent)?);
            self.keep(base.clone());
            base
        };
        if base.bytes().len() < LONG {
            return Ok(None);
        }
        let head = base.head(intent)?;
        Ok(Some(Split { base, head }))
    }

    fn get(&self, digest: Digest) -> Option<Arc<IntentBase>> {
        self.with(|known| known.bases.iter().find(|base| base.digest() == digest).cloned())
    }

    fn keep(&self, base: Arc<IntentBase>) {
        self.with(|known| {
            known.bases.retain(|old| old.digest() != base.digest());
            known.bases.push_front(base);
            known.bases.truncate(KEPT);
        });
    }

    /// Whether this one asks: nobody has asked for the same just now.
    fn may_ask(&self, digest: Digest) -> bool {
        let now = Instant::now();
        self.with(|known| {
            let is_asked = known.asked.is_some_and(|(asked, at)| asked == digest && now < at + ASK_ELSEWHERE);
            if !is_asked {
                known.asked = Some((digest, now));
            }
            !is_asked
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Known) -> T) -> T {
        // What is in it is whole after every step; a panic elsewhere changes nothing.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What one connection waits for.
#[derive(Debug)]
pub struct Intake {
    bases: Arc<Bases>,
    /// The newest head whose base is not here.
    pending: Option<(Digest, Vec<u8>)>,
}

/// What became of a frame.
#[derive(Debug)]
pub enum Taken {
    /// It was read.
    Read(Read),
    /// Ask the peer for this base.
    Ask(Digest),
    /// The peer asks for this base.
    Asked(Digest),
    /// A head whose base is asked for elsewhere; the sender has this revision.
    Waits(Revision),
    /// A base that nobody asked for.
    PassedOver,
}

impl Intake {
    /// Of a new connection.
    pub fn new(bases: Arc<Bases>) -> Self {
        Intake { bases, pending: None }
    }

    /// Takes a frame's payload. An intent up to revision `known` is not read further than that.
    pub fn take(&mut self, kind: Kind, payload: &[u8], from: &Peer, known: Revision) -> Taken {
        match kind {
            Kind::IntentHead => self.head(payload, known),
            Kind::IntentBase => self.base(payload, known),
            Kind::AskBase => match payload.try_into() {
                Ok(digest) => Taken::Asked(Digest(digest)),
                Err(_) => Taken::Read(Read::Wrong("a question for a base without its name".to_owned())),
            },
            Kind::Hello
            | Kind::Intent
            | Kind::Table
            | Kind::Report
            | Kind::BreakGlass
            | Kind::Second
            | Kind::Latencies
            | Kind::Consumers => Taken::Read(read(kind, payload, from, known)),
        }
    }

    /// What a beat brings: the question for the base that is still lacking, or the head that it came for over another connection.
    pub fn on_beat(&mut self, known: Revision) -> Option<Taken> {
        let (digest, _) = self.pending.as_ref()?;
        if let Some(base) = self.bases.get(*digest) {
            let (_, head) = self.pending.take()?;
            return Some(Taken::Read(read_intent(&head, known, |head| base.with_head(head))));
        }
        self.bases.may_ask(*digest).then_some(Taken::Ask(*digest))
    }

    fn head(&mut self, payload: &[u8], known: Revision) -> Taken {
        let (Some(revision), Some(digest)) = (revision_of(payload), payload.get(8..).and_then(base_of_head))
        else {
            return Taken::Read(Read::Wrong("a head without its revision and base".to_owned()));
        };
        if revision <= known {
            return Taken::Read(Read::Message(Message::Intent { revision, intent: None }));
        }
        if let Some(base) = self.bases.get(digest) {
            self.pending = None;
            return Taken::Read(read_intent(payload, known, |head| base.with_head(head)));
        }
        self.pending = Some((digest, payload.to_vec()));
        if self.bases.may_ask(digest) { Taken::Ask(digest) } else { Taken::Waits(revision) }
    }

    fn base(&mut self, payload: &[u8], known: Revision) -> Taken {
        let Some((digest, head)) = self.pending.take() else { return Taken::PassedOver };
        if Digest::of(payload) != digest {
            self.pending = Some((digest, head));
            return Taken::PassedOver;
        }
        match IntentBase::read(payload) {
            Ok(base) => {
                let base = Arc::new(base);
                self.bases.keep(base.clone());
                Taken::Read(read_intent(&head, known, |head| base.with_head(head)))
            }
            Err(error) => Taken::Read(Read::of_codec(&error)),
        }
    }
}

#[cfg(test)]
mod tests;
