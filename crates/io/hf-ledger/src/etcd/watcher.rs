//! The one watch of a ledger: what others append, that the head has moved, how far the journal is.
//!
//! 1. Read the head, watch from that moment of etcd on. Entries come with the watch, before the head that counts them, and wait to be
//!    read (`told`). A ledger that is replaced ends the watch, and no new one begins for it. When the watch ends, whatever the reason, do both again at the next member: so
//!    nothing is missed, and a watch that etcd compacted away is no special case.
//! 2. Beside it the head is read every [`Pace::poll`](super::Pace::poll). What the poll saw and the watch did not tell until the next
//!    poll shows that the watch is deaf: it is begun anew at the next member. Until then the poll tells.
//! 3. On the same beat, and seldom, chunks that nobody names are swept.
//!
//! Not here: reading what was not told (`log`).

use std::sync::Arc;

use hf_model::Revision;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::Engine;
use super::channel::Answers;
use super::keys::{Body, EntryValue, head_of};
use super::wire::{Event, WatchResponse, get};
use crate::error::LedgerError;

/// etcd's word for an event that takes a key out.
const DELETED: i32 = 1;
/// Polls from one sweep to the next.
const POLLS_A_SWEEP: u32 = 30;

/// Watches until it is aborted.
pub async fn run(engine: Arc<Engine>) {
    let mut state = State { engine, turn: 0, polls: 0, is_away: false };
    loop {
        match state.begin().await {
            Ok((answers, head)) => {
                let why = state.listen(answers, head).await;
                tracing::debug!(place = state.engine.place, why, "the watch of the ledger begins anew");
            }
            Err(problem) => {
                state.tell(Some(&problem));
                tokio::time::sleep(state.engine.pace.hedge).await;
            }
        }
        state.turn = state.turn.wrapping_add(1);
    }
}

struct State {
    engine: Arc<Engine>,
    /// Which member has the watch.
    turn: usize,
    polls: u32,
    is_away: bool,
}

impl State {
    /// A watch, and the head that it begins at.
    async fn begin(&mut self) -> Result<(Answers, Revision), String> {
        let engine = &self.engine;
        let said = |error: LedgerError| error.to_string();
        engine.told().forget();
        let format = engine.format().await.map_err(said)?;
        let ops = vec![get(engine.keys.format()), get(engine.keys.head())];
        let mut found = engine.read(ops).await.map_err(said)?;
        let known = found.one(0);
        engine.check_format(format, known.as_ref().map(|found| &*found.value)).map_err(said)?;
        let head = engine.head_of(found.one(1)).map_err(said)?;
        engine.reached(head);
        let watch = engine.client.watch(self.turn, engine.keys.followed(), found.revision() + 1);
        match timeout(engine.pace.call, watch).await {
            Ok(Ok(answers)) => Ok((answers, head)),
            Ok(Err(error)) => {
                engine.client.forget_token();
                Err(error.to_string())
            }
            Err(_) => Err("no answer to a watch".to_owned()),
        }
    }

    /// Listens until the watch is of no use any more; answers why.
    async fn listen(&mut self, mut answers: Answers, begin: Revision) -> String {
        let poll = self.engine.pace.poll;
        let mut polls = interval_at(Instant::now() + poll, poll);
        polls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What the watch told, and what a poll saw.
        let (mut told, mut seen) = (begin, begin);
        loop {
            tokio::select! {
                answer = answers.next::<WatchResponse>() => match answer {
                    Ok(Some(answer)) if !answer.canceled && answer.compact_revision == 0 => {
                        match self.hear(&answer.events) {
                            Ok(Some(head)) => {
                                told = told.max(head);
                                self.engine.reached(told);
                            }
                            Ok(None) => {}
                            Err(why) => return why,
                        }
                    }
                    Ok(Some(answer)) => {
                        self.engine.client.forget_token();
                        return format!("etcd ended it: {}", answer.cancel_reason);
                    }
                    Ok(None) => return "etcd ended it".to_owned(),
                    Err(error) => return error.to_string(),
                },
                _ = polls.tick() => {
                    if told < seen {
                        return "it did not tell of what a poll saw".to_owned();
                    }
                    match self.engine.barrier().await {
                        Ok(head) => {
                            seen = head;
                            self.tell(None);
                        }
                        Err(error) => self.tell(Some(&error.to_string())),
                    }
                    self.polls = self.polls.wrapping_add(1);
                    if self.polls.is_multiple_of(POLLS_A_SWEEP) {
                        self.sweep().await;
                    }
                }
            }
        }
    }

    /// Keeps what the watch tells; answers the head, if it was moved.
    fn hear(&self, events: &[Event]) -> Result<Option<Revision>, String> {
        let engine = &self.engine;
        let mut head = None;
        for Event { kind, kv } in events {
            let Some(kv) = kv else { continue };
            if kv.key == engine.keys.format().as_bytes() {
                engine.told().forget();
                return Err("the ledger under this prefix is replaced".to_owned());
            }
            if *kind == DELETED {
                continue; // trimmed
            }
            if kv.key == engine.keys.head().as_bytes() {
                head = head_of(&kv.value).map(Revision);
            } else if kv.key == engine.keys.journal_head().as_bytes() {
                engine.journal_seen(kv);
            } else if let Some(at) = engine.keys.position(&kv.key)
                && let Some(EntryValue { body: Body::Whole(entry), .. }) = EntryValue::open(at, &kv.value)
            {
                engine.told().hear(at, entry);
            }
        }
        Ok(head)
    }

    async fn sweep(&self) {
        match self.engine.sweep().await {
            Ok(0) => {}
            Ok(swept) => tracing::debug!(swept, "chunks that nothing names were taken out of etcd"),
            Err(error) => tracing::debug!(%error, "chunks that nothing names could not be looked for"),
        }
    }

    /// Says once that etcd is away, and once that it is back.
    fn tell(&mut self, problem: Option<&str>) {
        let place = &self.engine.place;
        match problem {
            Some(problem) if !self.is_away => {
                tracing::warn!(place, problem, "the ledger cannot be read; trying on");
            }
            None if self.is_away => tracing::info!(place, "the ledger can be read again"),
            _ => {}
        }
        self.is_away = problem.is_some();
    }
}
