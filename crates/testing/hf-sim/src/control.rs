//! The ledger's writer, as `hf_control_plane::Control` works, over a ledger whose disk fails.
//!
//! 1. One entry at a time: stamp, encode, append (durable), apply, publish, answer; after a failed append nothing is applied.
//! 2. A restart reads checkpoint and entries from the disk, and nothing else survives it.
//! 3. Beside it stands what is true: every intent that was ever committed, and every answer that was ever given.
//!
//! Not here: queues and tasks of the real writer; the pure parts (state machine, codec, checkpoint) are the real ones.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use hf_control::{Command, Entry, Intent, Outcome, State};
use hf_ledger::{Ledger, MemoryLedger};
use hf_model::{EstateId, Operator, RequestId, Revision, Timestamp};

/// How the ledger's disk behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerDisk {
    /// It works.
    Fine,
    /// It refuses; nothing is written.
    Refuses,
    /// It does not say whether it wrote; the ledger answers nothing more until a restart.
    Unsure,
}

/// A change that waits.
#[derive(Clone, Debug)]
pub struct Job {
    /// The token.
    pub request: RequestId,
    /// What for.
    pub command: Command,
}

/// An entry between append and answer.
#[derive(Clone, Debug)]
pub struct InFlight {
    entry: Entry,
    bytes: Vec<u8>,
    /// Answered already: only with the planted fault.
    is_answered: bool,
}

/// The running process.
#[derive(Debug, Default)]
pub struct Writer {
    /// What it has applied.
    pub state: State,
    queue: VecDeque<Job>,
    in_flight: Option<InFlight>,
    expire_not_before_ms: u64,
    entries_since_checkpoint: u64,
    is_poisoned: bool,
}

/// Disk, process, and the truth about both.
#[derive(Debug)]
pub struct Control {
    ledger: MemoryLedger,
    /// How the disk behaves now.
    pub disk: LedgerDisk,
    /// The process, while it runs.
    pub writer: Option<Writer>,
    /// All that was ever committed, applied from the bytes.
    shadow: State,
    /// The intent of every revision.
    pub truth: BTreeMap<u64, Arc<Intent>>,
    /// Every answer that was given.
    pub acknowledged: BTreeMap<RequestId, Outcome>,
    checkpoint_entries: u64,
    expires: u64,
}

/// What became of an append.
#[derive(Debug)]
pub struct Done {
    /// Whose.
    pub request: RequestId,
    /// The outcome; none after a failure.
    pub outcome: Option<Outcome>,
}

/// The answer of a future that never waits.
pub(crate) fn at_once<T>(mut future: hf_ledger::BoxFuture<'_, T>) -> T {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the ledger in memory never waits"),
    }
}

impl Control {
    /// An empty ledger, no process.
    pub fn new(checkpoint_entries: u64) -> Control {
        Control {
            ledger: MemoryLedger::default(),
            disk: LedgerDisk::Fine,
            writer: None,
            shadow: State::default(),
            truth: BTreeMap::new(),
            acknowledged: BTreeMap::new(),
            checkpoint_entries,
            expires: 0,
        }
    }

    /// Puts a change into the queue; false if no process runs.
    pub fn submit(&mut self, job: Job) -> bool {
        let Some(writer) = &mut self.writer else { return false };
        writer.queue.push_back(job);
        true
    }

    /// Begins the next append if none is under way and one is due. True if it did.
    pub fn begin(&mut self, now_ms: u64, wall: Timestamp) -> bool {
        let Some(writer) = &mut self.writer else { return false };
        if writer.in_flight.is_some() {
            return false;
        }
        let is_due = writer.state.next_end().is_some_and(|end| end <= wall);
        let entry = if is_due && now_ms >= writer.expire_not_before_ms {
            self.expires += 1;
            let request =
                RequestId::new(&format!("expire-{:016x}", self.expires)).expect("hexadecimal digits");
            Entry {
                request,
                stamp: wall,
                by: Operator::new("holdfast"),
                from: None,
                command: Command::Expire,
            }
        } else {
            let Some(Job { request, command }) = writer.queue.pop_front() else { return false };
            Entry { request, stamp: wall, by: Operator::new("ann"), from: None, command }
        };
        let bytes = hf_codec::encode_entry(&entry).expect("a simulated entry is small");
        writer.in_flight = Some(InFlight { entry, bytes, is_answered: false });
        true
    }

    /// The planted fault: answers what is not on the disk yet.
    pub fn answer_early(&mut self) -> Option<Done> {
        let writer = self.writer.as_mut()?;
        let in_flight = writer.in_flight.as_mut()?;
        in_flight.is_answered = true;
        let mut state = writer.state.clone();
        let (outcome, _) = state.apply(Revision(state.revision.0 + 1), &in_flight.entry);
        let request = in_flight.entry.request.clone();
        self.acknowledged.insert(request.clone(), outcome.clone());
        Some(Done { request, outcome: Some(outcome) })
    }

    /// The disk has done, or not done, what was asked. `kept` is a coin for a disk that does not say.
    pub fn finish(&mut self, now_ms: u64, kept: bool) -> Result<Option<Done>, String> {
        let Some(writer) = &mut self.writer else { return Ok(None) };
        let Some(InFlight { entry, bytes, is_answered }) = writer.in_flight.take() else { return Ok(None) };
        let request = entry.request.clone();
        if writer.is_poisoned || self.disk != LedgerDisk::Fine {
            if !writer.is_poisoned && self.disk == LedgerDisk::Unsure {
                writer.is_poisoned = true;
                if kept {
                    at_once(Ledger::append(&self.ledger, bytes)).expect("a simulated entry is small");
                }
            }
            if entry.command == Command::Expire {
                writer.expire_not_before_ms = now_ms + 1_000;
            }
            return Ok(Some(Done { request, outcome: None }));
        }
        let revision =
            at_once(Ledger::append(&self.ledger, bytes.clone())).expect("a simulated entry is small");
        let (outcome, _) = writer.state.apply(revision, &entry);
        writer.entries_since_checkpoint += 1;
        let of_bytes = self.commit_truth(revision, &bytes)?;
        if of_bytes != outcome {
            return Err(format!(
                "entry {revision}: the bytes lead to {of_bytes:?}, the command to {outcome:?}"
            ));
        }
        if !is_answered {
            self.acknowledged.insert(request.clone(), outcome.clone());
        }
        self.checkpoint_if_due()?;
        Ok(Some(Done { request, outcome: Some(outcome) }))
    }

    fn commit_truth(&mut self, revision: Revision, bytes: &[u8]) -> Result<Outcome, String> {
        let entry = hf_codec::decode_entry(bytes).map_err(|error| format!("entry {revision}: {error}"))?;
        let (outcome, _) = self.shadow.apply(revision, &entry);
        self.truth.insert(revision.0, Arc::new(self.shadow.intent()));
        Ok(outcome)
    }

    fn checkpoint_if_due(&mut self) -> Result<(), String> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        if writer.entries_since_checkpoint < self.checkpoint_entries {
            return Ok(());
        }
        writer.entries_since_checkpoint = 0;
        let bytes = hf_codec::encode_state(&writer.state).map_err(|error| format!("checkpoint: {error}"))?;
        at_once(self.ledger.checkpoint(writer.state.revision, bytes))
            .map_err(|error| format!("checkpoint: {error}"))
    }

    /// SIGKILL. An append under way is on the disk or not: `kept` is the coin.
    pub fn kill(&mut self, kept: bool) {
        let Some(writer) = self.writer.take() else { return };
        let Some(in_flight) = writer.in_flight else { return };
        if kept && !writer.is_poisoned && self.disk != LedgerDisk::Refuses {
            at_once(Ledger::append(&self.ledger, in_flight.bytes)).expect("a simulated entry is small");
        }
    }

    /// Starts the process: reads what the disk has, and compares it with the truth. `forgets` is a planted fault.
    pub fn start(&mut self, forgets: bool) -> Result<(), String> {
        let mut writer = Writer::default();
        loop {
            let page = at_once(self.ledger.follow(writer.state.revision))
                .map_err(|error| format!("the ledger cannot be read: {error}"))?;
            if let Some((revision, bytes)) = page.checkpoint {
                writer.state =
                    hf_codec::decode_state(&bytes).map_err(|error| format!("checkpoint: {error}"))?;
                if writer.state.revision != revision {
                    return Err(format!("the checkpoint at {revision} is of {}", writer.state.revision));
                }
                writer.entries_since_checkpoint = 0;
            }
            for (revision, bytes) in page.entries {
                if revision.0 != writer.state.revision.0 + 1 {
                    return Err(format!("the ledger gave entry {revision} after {}", writer.state.revision));
                }
                let entry =
                    hf_codec::decode_entry(&bytes).map_err(|error| format!("entry {revision}: {error}"))?;
                writer.state.apply(revision, &entry);
                writer.entries_since_checkpoint += 1;
                if revision > self.shadow.revision {
                    self.commit_truth(revision, &bytes)?;
                }
            }
            if !page.more {
                break;
            }
        }
        if forgets {
            writer.state.requests.clear();
        }
        self.check_nothing_lost(&writer.state)?;
        self.writer = Some(writer);
        Ok(())
    }

    /// Acknowledged writes are never lost.
    fn check_nothing_lost(&self, state: &State) -> Result<(), String> {
        for (request, outcome) in &self.acknowledged {
            match state.requests.get(request) {
                Some(kept) if kept.outcome == *outcome => {}
                Some(kept) => {
                    return Err(format!(
                        "{request} was answered {outcome:?}; after the restart it is {kept:?}"
                    ));
                }
                None => {
                    return Err(format!("{request} was answered {outcome:?} and is lost after the restart"));
                }
            }
        }
        if *state != self.shadow {
            return Err(format!(
                "the restart came to another state at revision {} than what was committed, {}",
                state.revision, self.shadow.revision
            ));
        }
        Ok(())
    }

    /// Whether the ledger answers nothing more until a restart.
    pub fn is_poisoned(&self) -> bool {
        self.writer.as_ref().is_some_and(|writer| writer.is_poisoned)
    }

    /// The estate that acts are signed for.
    pub fn estate_id(&self) -> EstateId {
        self.shadow.estate_id
    }

    /// The newest revision committed.
    pub fn newest(&self) -> Revision {
        self.shadow.revision
    }

    /// The intent of the running process.
    pub fn intent(&self) -> Option<Arc<Intent>> {
        self.truth.get(&self.writer.as_ref()?.state.revision.0).cloned()
    }
}
