//! What every engine does alike: one suite, run against each of them.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

mod member;

use std::any::Any;
use std::sync::Arc;

use hf_ledger::{
    Followed, GENESIS, Journal, JournalLine, Ledger, LedgerError, MemoryLedger, RedbLedger, limits, verify,
};
use hf_model::Revision;

trait Engine: Ledger + Journal {}
impl<T: Ledger + Journal> Engine for T {}

/// A fresh engine and what has to live as long as it.
struct Fresh {
    engine: Arc<dyn Engine>,
    _around: Option<Box<dyn Any>>,
}

fn memory() -> Fresh {
    Fresh { engine: Arc::new(MemoryLedger::default()), _around: None }
}

fn redb() -> Fresh {
    let directory = tempfile::tempdir().unwrap();
    let engine = RedbLedger::open(directory.path().join("ledger.redb")).unwrap();
    Fresh { engine: Arc::new(engine), _around: Some(Box::new(directory)) }
}

async fn etcd() -> Fresh {
    let cluster = member::Cluster::start(1).await;
    let engine = cluster.ledger().await;
    Fresh { engine: Arc::new(engine), _around: Some(Box::new(cluster)) }
}

macro_rules! for_every_engine {
    ($($rule:ident)*) => {
        mod on_memory { $( #[tokio::test] async fn $rule() { let fresh = super::memory(); super::$rule(&*fresh.engine).await; } )* }
        mod on_redb { $( #[tokio::test] async fn $rule() { let fresh = super::redb(); super::$rule(&*fresh.engine).await; } )* }
        mod on_etcd { $( #[tokio::test] async fn $rule() { let fresh = super::etcd().await; super::$rule(&*fresh.engine).await; } )* }
    };
}

for_every_engine! {
    an_empty_ledger_stands_at_zero
    positions_grow_by_one
    a_reader_gets_everything_in_order_by_pages
    a_page_ends_at_its_size_and_holds_at_least_one_entry
    appends_at_once_get_one_position_each
    a_checkpoint_takes_the_place_of_what_it_holds
    a_checkpoint_lies_inside_the_log
    the_last_checkpoint_is_known
    positions_go_on_after_everything_was_trimmed
    a_lost_log_begins_anew_after_what_readers_hold
    a_reader_ahead_of_the_log_is_told
    what_is_too_large_is_refused
    whoever_waits_is_told_of_the_newest
    the_journal_keeps_lines_in_order
    the_journal_skips_what_it_has
    the_journal_is_bounded
    a_chain_goes_through_the_journal
    what_the_journal_refuses
    a_page_of_the_journal_has_a_bound_in_bytes
}

async fn a_lost_log_begins_anew_after_what_readers_hold(engine: &dyn Engine) {
    append(engine, "one").await;
    append(engine, "two").await;
    let refused = engine.restart_at(Revision(2), entry("state"), "lost".to_owned()).await.unwrap_err();
    let (at, newest) = (Revision(2), Revision(2));
    assert!(
        matches!(refused, LedgerError::NotAfter { at: a, newest: n } if (a, n) == (at, newest)),
        "{refused}"
    );
    engine.restart_at(Revision(58), entry("state"), "lost".to_owned()).await.unwrap();
    assert_eq!(*engine.newest().borrow(), Revision(58));
    assert_eq!(append(engine, "next").await, 59);
    for after in [0, 2, 57] {
        let found = engine.follow(Revision(after)).await.unwrap();
        assert_eq!(found.checkpoint, Some((Revision(58), entry("state"))));
        assert_eq!(found.entries, [(Revision(59), entry("next"))]);
    }
}

fn entry(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

async fn append(engine: &dyn Engine, text: &str) -> u64 {
    Ledger::append(engine, entry(text)).await.unwrap().0
}

async fn follow(engine: &dyn Engine, after: u64) -> Followed {
    engine.follow(Revision(after)).await.unwrap()
}

/// The page in short: `checkpoint@2=state 3=c 4=d`.
fn short(page: &Followed) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let checkpoint = page.checkpoint.iter().map(|(at, state)| format!("checkpoint@{at}={}", text(state)));
    let entries = page.entries.iter().map(|(at, entry)| format!("{at}={}", text(entry)));
    checkpoint.chain(entries).collect::<Vec<_>>().join(" ")
}

async fn an_empty_ledger_stands_at_zero(engine: &dyn Engine) {
    assert_eq!(engine.barrier().await.unwrap(), Revision(0));
    assert_eq!(follow(engine, 0).await, Followed::default());
    assert_eq!(engine.newest_position().await.unwrap(), 0);
    assert_eq!(Journal::read(engine, 0, 10).await.unwrap(), vec![]);
    assert_eq!(*engine.newest().borrow(), Revision(0));
}

async fn positions_grow_by_one(engine: &dyn Engine) {
    for at in 1..=5 {
        assert_eq!(append(engine, "x").await, at);
        assert_eq!(engine.barrier().await.unwrap(), Revision(at));
    }
    assert_eq!(append(engine, "").await, 6, "an empty entry is an entry");
}

async fn a_reader_gets_everything_in_order_by_pages(engine: &dyn Engine) {
    let count = limits::PAGE_ENTRIES as u64 + 5;
    for at in 1..=count {
        append(engine, &at.to_string()).await;
    }
    let first = follow(engine, 0).await;
    assert_eq!(first.entries.len(), limits::PAGE_ENTRIES);
    assert!(first.more);
    assert_eq!(first.reached(Revision(0)), Revision(1_000));
    let second = follow(engine, 1_000).await;
    assert_eq!(short(&second), "1001=1001 1002=1002 1003=1003 1004=1004 1005=1005");
    assert!(!second.more);
    let positions: Vec<u64> = first.entries.iter().map(|(at, _)| at.0).collect();
    assert_eq!(positions, (1..=1_000).collect::<Vec<_>>());
    assert_eq!(follow(engine, count).await, Followed::default());
}

async fn a_page_ends_at_its_size_and_holds_at_least_one_entry(engine: &dyn Engine) {
    for _ in 0..4 {
        Ledger::append(engine, vec![7; limits::ENTRY_BYTES]).await.unwrap();
    }
    let page = follow(engine, 0).await;
    assert_eq!((page.entries.len(), page.more), (2, true));
    let page = follow(engine, 2).await;
    assert_eq!((page.entries.len(), page.more), (2, false));
}

async fn appends_at_once_get_one_position_each(engine: &dyn Engine) {
    let mut at: Vec<u64> = Vec::new();
    let calls: Vec<_> = (0..20).map(|n| Ledger::append(engine, entry(&n.to_string()))).collect();
    for call in calls {
        at.push(call.await.unwrap().0);
    }
    at.sort_unstable();
    assert_eq!(at, (1..=20).collect::<Vec<_>>());
}

async fn a_checkpoint_takes_the_place_of_what_it_holds(engine: &dyn Engine) {
    for text in ["a", "b", "c", "d"] {
        append(engine, text).await;
    }
    engine.checkpoint(Revision(2), entry("ab")).await.unwrap();
    assert_eq!(short(&follow(engine, 0).await), "checkpoint@2=ab 3=c 4=d");
    assert_eq!(short(&follow(engine, 1).await), "checkpoint@2=ab 3=c 4=d");
    assert_eq!(short(&follow(engine, 2).await), "3=c 4=d");
    assert_eq!(short(&follow(engine, 3).await), "4=d");
    engine.checkpoint(Revision(2), entry("AB")).await.unwrap();
    assert_eq!(short(&follow(engine, 0).await), "checkpoint@2=AB 3=c 4=d");
    engine.checkpoint(Revision(4), entry("abcd")).await.unwrap();
    assert_eq!(short(&follow(engine, 0).await), "checkpoint@4=abcd");
    assert_eq!(short(&follow(engine, 4).await), "");
}

async fn a_checkpoint_lies_inside_the_log(engine: &dyn Engine) {
    append(engine, "a").await;
    append(engine, "b").await;
    engine.checkpoint(Revision(1), entry("a")).await.unwrap();
    for at in [0, 3, u64::MAX] {
        let refused = engine.checkpoint(Revision(at), entry("?")).await.unwrap_err();
        let LedgerError::CheckpointOutside { oldest: Revision(1), newest: Revision(2), .. } = refused else {
            panic!("{at}: {refused}");
        };
    }
    assert_eq!(short(&follow(engine, 0).await), "checkpoint@1=a 2=b");
}

async fn the_last_checkpoint_is_known(engine: &dyn Engine) {
    assert_eq!(engine.last_checkpoint().await.unwrap(), Revision(0));
    append(engine, "a").await;
    append(engine, "b").await;
    engine.checkpoint(Revision(1), entry("a")).await.unwrap();
    assert_eq!(engine.last_checkpoint().await.unwrap(), Revision(1));
    engine.restart_at(Revision(9), entry("state"), "lost".to_owned()).await.unwrap();
    assert_eq!(engine.last_checkpoint().await.unwrap(), Revision(9));
}

async fn positions_go_on_after_everything_was_trimmed(engine: &dyn Engine) {
    append(engine, "a").await;
    engine.checkpoint(Revision(1), entry("a")).await.unwrap();
    assert_eq!(engine.barrier().await.unwrap(), Revision(1));
    assert_eq!(append(engine, "b").await, 2);
    assert_eq!(short(&follow(engine, 1).await), "2=b");
}

async fn a_reader_ahead_of_the_log_is_told(engine: &dyn Engine) {
    append(engine, "a").await;
    for after in [2, u64::MAX] {
        let error = engine.follow(Revision(after)).await.unwrap_err();
        assert!(matches!(error, LedgerError::Ahead { newest: Revision(1), .. }), "{error}");
    }
}

async fn what_is_too_large_is_refused(engine: &dyn Engine) {
    let error = Ledger::append(engine, vec![0; limits::ENTRY_BYTES + 1]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "an entry has at most 17825792 bytes, this one has 17825793; make it smaller"
    );
    let error = engine.checkpoint(Revision(0), vec![0; limits::CHECKPOINT_BYTES + 1]).await.unwrap_err();
    assert!(matches!(error, LedgerError::TooLarge { what: "a checkpoint", .. }), "{error}");
    assert_eq!(engine.barrier().await.unwrap(), Revision(0));
}

async fn whoever_waits_is_told_of_the_newest(engine: &dyn Engine) {
    let mut newest = engine.newest();
    append(engine, "a").await;
    newest.changed().await.unwrap();
    assert_eq!(*newest.borrow_and_update(), Revision(1));
    assert_eq!(short(&follow(engine, 0).await), "1=a");
}

fn line(revision: Option<u64>, text: &str) -> JournalLine {
    JournalLine { revision: revision.map(Revision), bytes: entry(text) }
}

async fn journal(engine: &dyn Engine, after: u64, limit: usize) -> String {
    let lines = Journal::read(engine, after, limit).await.unwrap();
    let short = |line: &hf_ledger::Journalled| {
        let revision = line.revision.map_or_else(|| "-".to_owned(), |revision| revision.to_string());
        format!("{}/{revision}={}", line.position, String::from_utf8_lossy(&line.bytes))
    };
    lines.iter().map(short).collect::<Vec<_>>().join(" ")
}

async fn the_journal_keeps_lines_in_order(engine: &dyn Engine) {
    let lines = vec![line(Some(1), "shift"), line(Some(1), "again"), line(None, "sick")];
    assert_eq!(Journal::append(engine, lines).await.unwrap(), 3);
    assert_eq!(Journal::append(engine, vec![line(None, "well")]).await.unwrap(), 4);
    assert_eq!(journal(engine, 0, 10).await, "1/1=shift 2/1=again 3/-=sick 4/-=well");
    assert_eq!(journal(engine, 2, 1).await, "3/-=sick");
    assert_eq!(journal(engine, 4, 10).await, "");
    assert_eq!(journal(engine, u64::MAX, 10).await, "");
    assert_eq!(journal(engine, 0, 0).await, "");
    assert_eq!(engine.newest_position().await.unwrap(), 4);
}

async fn the_journal_skips_what_it_has(engine: &dyn Engine) {
    Journal::append(engine, vec![line(Some(1), "a"), line(Some(3), "c")]).await.unwrap();
    let replay = vec![line(Some(1), "a"), line(Some(2), "b"), line(Some(3), "c")];
    assert_eq!(Journal::append(engine, replay).await.unwrap(), 2);
    let more = vec![line(Some(3), "c"), line(None, "sick"), line(Some(4), "d")];
    assert_eq!(Journal::append(engine, more).await.unwrap(), 4);
    assert_eq!(journal(engine, 0, 10).await, "1/1=a 2/3=c 3/-=sick 4/4=d");
}

async fn the_journal_is_bounded(engine: &dyn Engine) {
    let batch = limits::JOURNAL_BATCH as u64;
    Journal::append(engine, vec![line(Some(9), "first")]).await.unwrap();
    for _ in 0..limits::JOURNAL_LINES / batch {
        Journal::append(engine, vec![line(None, "x"); batch as usize]).await.unwrap();
    }
    assert_eq!(engine.newest_position().await.unwrap(), limits::JOURNAL_LINES + 1);
    assert_eq!(journal(engine, 0, 1).await, "2/-=x", "the oldest line is gone");
    assert_eq!(Journal::read(engine, 0, usize::MAX).await.unwrap().len(), limits::JOURNAL_PAGE);
    // The chain goes on from the oldest that is left.
    let (mut chain, mut after) = (None, 0);
    loop {
        let page = Journal::read(engine, after, usize::MAX).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.position;
        chain = Some(verify(chain, &page).unwrap());
    }
    assert_eq!(after, limits::JOURNAL_LINES + 1);
    // What it once told of stays told, although the line is gone.
    Journal::append(engine, vec![line(Some(9), "first")]).await.unwrap();
    assert_eq!(engine.newest_position().await.unwrap(), limits::JOURNAL_LINES + 1);
}

async fn a_chain_goes_through_the_journal(engine: &dyn Engine) {
    Journal::append(engine, vec![line(Some(1), "a"), line(None, "b"), line(Some(0), "c")]).await.unwrap();
    Journal::append(engine, vec![line(Some(1), "a")]).await.unwrap();
    Journal::append(engine, vec![line(Some(2), "d")]).await.unwrap();
    let lines = Journal::read(engine, 0, 10).await.unwrap();
    assert_eq!(lines.len(), 3, "what is skipped has no link");
    let newest = verify(Some(GENESIS), &lines).unwrap();
    assert_eq!(newest, lines[2].chain);
    assert_eq!(verify(Some(lines[0].chain), &Journal::read(engine, 1, 10).await.unwrap()), Ok(newest));
}

async fn what_the_journal_refuses(engine: &dyn Engine) {
    let long = JournalLine { revision: None, bytes: vec![b'x'; limits::LINE_BYTES + 1] };
    assert!(matches!(Journal::append(engine, vec![long]).await.unwrap_err(), LedgerError::TooLarge { .. }));
    let many = vec![line(None, "x"); limits::JOURNAL_BATCH + 1];
    assert!(matches!(Journal::append(engine, many).await.unwrap_err(), LedgerError::TooManyLines { .. }));
    assert_eq!(engine.newest_position().await.unwrap(), 0);
}

async fn a_page_of_the_journal_has_a_bound_in_bytes(engine: &dyn Engine) {
    let line = || JournalLine { revision: None, bytes: vec![b'x'; limits::LINE_BYTES] };
    Journal::append(engine, (0..100).map(|_| line()).collect()).await.unwrap();
    let (mut pages, mut after) = (Vec::new(), 0);
    loop {
        let page = Journal::read(engine, after, 10_000).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.position;
        pages.push(page.len());
    }
    assert_eq!(pages[0], limits::JOURNAL_PAGE_BYTES / limits::LINE_BYTES);
    assert_eq!((pages.iter().sum::<usize>(), after), (100, 100));
}
