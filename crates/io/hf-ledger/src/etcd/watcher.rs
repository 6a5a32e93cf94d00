//! The one watch of a ledger: tells those who wait that the head has moved.
//!
//! 1. Read the head, watch from that moment of etcd on. When the watch ends, whatever the reason, do both again at the next member: so
//!    nothing is missed, and a watch that etcd compacted away is no special case.
//! 2. Beside it the head is read every [`Pace::poll`](super::Pace::poll). What the poll saw and the watch did not tell until the next
//!    poll shows that the watch is deaf: it is begun anew at the next member. Until then the poll tells.
//! 3. On the same beat, and seldom, chunks that nobody names are swept.
//!
//! Not here: reading what is new (`hf-control-plane` asks for it).

use std::sync::Arc;

use hf_model::Revision;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::Engine;
use super::channel::Answers;
use super::keys::head_of;
use super::wire::{WatchResponse, get};
use crate::error::LedgerError;

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
        engine.format().await.map_err(said)?;
        let mut found = engine.read(vec![get(engine.keys.head())]).await.map_err(said)?;
        let head = engine.head_of(found.one(0)).map_err(said)?;
        engine.reached(head);
        let key = engine.keys.head();
        let watch = engine.client.watch(self.turn, &key, found.revision() + 1);
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
                        let heads = answer.events.iter().filter_map(|event| event.kv.as_ref());
                        if let Some(head) = heads.filter_map(|kv| head_of(&kv.value)).max() {
                            told = told.max(Revision(head));
                            self.engine.reached(told);
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
