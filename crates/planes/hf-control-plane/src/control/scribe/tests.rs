use std::sync::Mutex;

use hf_ledger::{BoxFuture, Journalled, LedgerError, MemoryLedger};
use hf_model::Revision;
use tokio::sync::Semaphore;

use super::*;

/// A journal that counts its writes, may be held up, and may know of what others wrote.
struct Slow {
    ledger: MemoryLedger,
    may_write: Semaphore,
    writes: Mutex<Vec<usize>>,
    told: Mutex<Revision>,
}

impl Slow {
    fn new(may_write: usize) -> Arc<Slow> {
        let may_write = Semaphore::new(may_write);
        Arc::new(Slow {
            ledger: MemoryLedger::default(),
            may_write,
            writes: Mutex::default(),
            told: Mutex::default(),
        })
    }

    fn writes(&self) -> Vec<usize> {
        self.writes.lock().unwrap().clone()
    }
}

impl Journal for Slow {
    fn append(&self, lines: Vec<JournalLine>) -> BoxFuture<'_, Result<u64, LedgerError>> {
        Box::pin(async move {
            self.may_write.acquire().await.unwrap().forget();
            self.writes.lock().unwrap().push(lines.len());
            Journal::append(&self.ledger, lines).await
        })
    }

    fn read(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Journalled>, LedgerError>> {
        Journal::read(&self.ledger, after, limit)
    }

    fn newest_position(&self) -> BoxFuture<'_, Result<u64, LedgerError>> {
        self.ledger.newest_position()
    }

    fn told(&self) -> Revision {
        *self.told.lock().unwrap()
    }
}

fn line(revision: u64) -> JournalLine {
    JournalLine { revision: Some(Revision(revision)), bytes: vec![b'x'] }
}

async fn after(scribe: &mut Scribe, wait: Duration) {
    tokio::time::advance(wait).await;
    scribe.begin_if_due();
    if scribe.writing.is_some() {
        scribe.written().await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_writes_alone_writes_at_once() {
    let journal = Slow::new(10);
    let mut scribe = Scribe::new(journal.clone());
    scribe.push(line(1), Whose::OursAlone);
    after(&mut scribe, Duration::ZERO).await;
    assert_eq!((journal.writes(), scribe.is_empty()), (vec![1], true));
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_one_write_and_others_lines_go_along() {
    let journal = Slow::new(10);
    let mut scribe = Scribe::new(journal.clone());
    scribe.push(line(1), Whose::Theirs);
    for revision in 2..=5 {
        scribe.push(line(revision), Whose::Ours);
        after(&mut scribe, OWN_FIRST / 10).await;
    }
    assert_eq!(journal.writes(), Vec::<usize>::new());
    after(&mut scribe, OWN_FIRST).await;
    assert_eq!(journal.writes(), [5]);
}

#[tokio::test(start_paused = true)]
async fn lines_of_others_are_left_to_them_for_a_while() {
    let journal = Slow::new(10);
    let mut scribe = Scribe::new(journal.clone());
    scribe.push(line(1), Whose::Theirs);
    scribe.push(line(2), Whose::Theirs);
    after(&mut scribe, OTHERS_LATE / 2).await;
    *journal.told.lock().unwrap() = Revision(1);
    after(&mut scribe, OTHERS_LATE * 2).await;
    assert_eq!(journal.writes(), [1], "one was written by its own node, the other's node has died");
}

#[tokio::test(start_paused = true)]
async fn what_comes_during_a_write_goes_with_the_next() {
    let journal = Slow::new(0);
    let mut scribe = Scribe::new(journal.clone());
    scribe.push(line(1), Whose::OursAlone);
    scribe.begin_if_due();
    scribe.push(line(2), Whose::OursAlone);
    scribe.begin_if_due();
    assert_eq!(scribe.wake_at(), None, "one write at a time");
    journal.may_write.add_permits(2);
    scribe.write_all().await;
    assert_eq!((journal.writes(), scribe.is_empty()), (vec![1, 1], true));
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_keeps_its_lines() {
    let journal = Slow::new(0);
    let mut scribe = Scribe::new(journal.clone());
    scribe.push(line(1), Whose::OursAlone);
    scribe.write_all().await; // ends with its patience
    assert!(!scribe.is_empty() && scribe.wake_at().is_some_and(|again| again > Instant::now()));
    journal.may_write.add_permits(1);
    after(&mut scribe, RETRY).await;
    assert_eq!((journal.writes(), scribe.is_empty()), (vec![1], true));
}
