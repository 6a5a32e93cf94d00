//! What only a ledger in etcd has: several writers, members that die, other people's keys, compaction.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

mod member;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use hf_ledger::{
    EtcdLedger, Fate, GENESIS, Journal, JournalLine, Journalled, Ledger, LedgerError, Pace, limits, verify,
};
use hf_model::Revision;
use member::{Cluster, patient, until};
use tokio::time::{Instant, timeout};

/// Does what finds no quorum, in virtual time: what came of it. It has to be over at the deadline of one call, of however many members
/// there are and however many questions it would ask. Who is asked when is tested beside the client.
async fn over_in_one_call<T>(call: impl Future<Output = T>) -> T {
    tokio::time::pause();
    let began = Instant::now();
    let outcome = call.await;
    let took = began.elapsed();
    tokio::time::resume();
    let deadline = Pace::default().call;
    assert!(took <= deadline + TICK, "{took:?}");
    outcome
}

/// What a timer may be late by, in virtual time too.
const TICK: Duration = Duration::from_millis(1);

async fn append(ledger: &EtcdLedger, text: &str) -> u64 {
    Ledger::append(ledger, text.as_bytes().to_vec()).await.unwrap().0
}

/// All entries, as texts, with the first one's position.
async fn all(ledger: &EtcdLedger) -> (u64, Vec<String>) {
    let (mut after, mut begin, mut texts) = (Revision(0), 0, Vec::new());
    loop {
        let page = ledger.follow(after).await.unwrap();
        if let Some((at, _)) = &page.checkpoint {
            begin = at.0;
        }
        let mut position = page.checkpoint.as_ref().map_or(after, |(at, _)| *at);
        for (at, bytes) in &page.entries {
            assert_eq!(at.0, position.0 + 1, "no gap");
            position = *at;
            texts.push(String::from_utf8(bytes.clone()).unwrap());
        }
        after = page.reached(after);
        if !page.more {
            return (begin + 1, texts);
        }
    }
}

async fn lines(ledger: &EtcdLedger) -> Vec<Journalled> {
    let mut all: Vec<Journalled> = Vec::new();
    loop {
        let after = all.last().map_or(0, |line| line.position);
        let page = Journal::read(ledger, after, usize::MAX).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_writers_race_and_every_entry_is_there_once() {
    const EACH: usize = 200;
    let cluster = Cluster::start(1).await;
    let mut writers = Vec::new();
    for writer in 0..5 {
        let ledger = cluster.ledger().await;
        writers.push(tokio::spawn(async move {
            let mut told = Vec::new();
            for number in 0..EACH {
                let text = format!("{writer}/{number}");
                loop {
                    match Ledger::append(&ledger, text.clone().into_bytes()).await {
                        Ok(at) => break told.push((at.0, text)),
                        // Nothing was written: it lost too many races in a row.
                        Err(LedgerError::Unavailable { fate: Fate::NotWritten, .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            }
            told
        }));
    }
    let mut told = Vec::new();
    for writer in writers {
        told.extend(writer.await.unwrap());
    }
    told.sort();
    let reader = cluster.ledger().await;
    let (begin, found) = all(&reader).await;
    assert_eq!((begin, found.len()), (1, 5 * EACH));
    let found: Vec<(u64, String)> = (1..).zip(found).collect();
    assert_eq!(found, told, "each is where its writer was told, once");
}

#[tokio::test]
async fn writers_of_one_journal_tell_of_each_revision_once() {
    let cluster = Cluster::start(1).await;
    let mut writers = Vec::new();
    for writer in 0..5 {
        let ledger = cluster.ledger().await;
        writers.push(tokio::spawn(async move {
            for revision in 1..=50 {
                let line = |part: &str| JournalLine {
                    revision: Some(Revision(revision)),
                    bytes: format!("{revision}{part}").into_bytes(),
                };
                let own = JournalLine { revision: None, bytes: format!("by {writer}").into_bytes() };
                Journal::append(&ledger, vec![line("a"), line("b"), own]).await.unwrap();
            }
        }));
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let ledger = cluster.ledger().await;
    let found = lines(&ledger).await;
    verify(Some(GENESIS), &found).unwrap();
    let told: Vec<String> = found
        .iter()
        .filter(|line| line.revision.is_some())
        .map(|line| String::from_utf8(line.bytes.clone()).unwrap())
        .collect();
    let want: Vec<String> = (1..=50).flat_map(|n| [format!("{n}a"), format!("{n}b")]).collect();
    assert_eq!(told, want);
    assert_eq!(found.len(), 100 + 5 * 50);
}

#[tokio::test]
async fn one_member_of_three_may_die_and_two_may_not() {
    let mut cluster = Cluster::start(3).await;
    let ledger = cluster.ledger_at(Pace::default()).await;
    assert_eq!(append(&ledger, "one").await, 1);

    // Whichever died, the leader perhaps: after an election at most, writes go on.
    cluster.members[0].kill();
    let mut text = 0;
    until("a write with two of three", async || {
        text += 1;
        match Ledger::append(&ledger, format!("two {text}").into_bytes()).await {
            Ok(_) => true,
            Err(LedgerError::Unavailable { .. }) => false,
            Err(error) => panic!("{error}"),
        }
    })
    .await;
    let with_two = ledger.barrier().await.unwrap();

    cluster.members[1].kill();
    let refused = over_in_one_call(Ledger::append(&ledger, b"nobody".to_vec())).await.unwrap_err();
    assert!(matches!(refused, LedgerError::Unavailable { .. }), "{refused}");
    let refused = over_in_one_call(ledger.barrier()).await.unwrap_err();
    assert!(matches!(refused, LedgerError::Unavailable { fate: Fate::NotWritten, .. }), "{refused}");
    // The same by the clock on the wall, in which the member that is left has time to say no.
    let refused = ledger.barrier().await.unwrap_err();
    assert!(matches!(refused, LedgerError::Unavailable { fate: Fate::NotWritten, .. }), "{refused}");
    assert!(ledger.follow(Revision(0)).await.is_err());
    assert!(Journal::append(&ledger, vec![JournalLine { revision: None, bytes: vec![] }]).await.is_err());

    cluster.members[0].start();
    until("a quorum again", async || ledger.barrier().await.is_ok()).await;
    let (_, before) = all(&ledger).await;
    let at = append(&ledger, "three").await;
    let (begin, found) = all(&ledger).await;
    assert_eq!((begin, found.len() as u64), (1, at), "no gap and nothing half");
    assert_eq!(found.last().unwrap(), "three");
    assert!(at > with_two.0 && found[..before.len()] == before[..]);
    // What may or may not be there is there once at most.
    assert!(found.iter().filter(|text| *text == "nobody").count() <= 1);
    assert_eq!(found[0], "one");
}

#[tokio::test]
async fn a_member_that_falls_silent_is_left() {
    let cluster = Cluster::start(3).await;
    let ledger = cluster.ledger().await;
    append(&ledger, "one").await;
    // A follower: with the leader it would be an election too.
    let leads = |at: usize| {
        let endpoint = cluster.members[at].client.to_string();
        let status = member::etcdctl(&["--endpoints", &endpoint, "endpoint", "status", "-w", "json"]);
        let after = |key: &str| {
            let rest = &status[status.find(key).unwrap() + key.len()..];
            rest.split(|c: char| !c.is_ascii_digit()).find(|text| !text.is_empty()).unwrap().to_owned()
        };
        after("\"member_id\":") == after("\"leader\":")
    };
    let follower = (0..3).find(|at| !leads(*at)).unwrap();
    let mut config = cluster.config();
    config.endpoints.rotate_left(follower);
    // A call that waited for it would end with an error: only the turn to another member helps, and that comes after `hedge`.
    let ledger = member::open(&config);
    append(&ledger, "two").await; // over the follower, which is asked first
    cluster.members[follower].pause(true);
    let at = append(&ledger, "three").await;
    cluster.members[follower].pause(false);
    assert_eq!(at, 3);
}

#[tokio::test]
async fn whoever_waits_hears_of_other_writers_over_the_watch() {
    let cluster = Cluster::start(1).await;
    // The poll would not come in time.
    let pace = Pace { poll: Duration::from_hours(1), ..patient() };
    let (writer, reader) = (cluster.ledger().await, cluster.ledger_at(pace).await);
    let mut newest = reader.newest();
    append(&writer, "zero").await;
    until("the watch is there", async || *reader.newest().borrow() == Revision(1)).await;
    for at in 2..20 {
        newest.borrow_and_update();
        assert_eq!(append(&writer, "x").await, at);
        timeout(Duration::from_secs(30), newest.wait_for(|newest| newest.0 >= at)).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_watch_goes_on_over_restarts_and_compaction() {
    let mut cluster = Cluster::start(1).await;
    let pace = Pace { poll: Duration::from_millis(200), ..patient() };
    let (writer, reader) = (cluster.ledger().await, cluster.ledger_at(pace).await);
    for _ in 0..10 {
        append(&writer, "x").await;
    }
    until("ten are heard of", async || reader.newest().borrow().0 == 10).await;
    for round in 1..=3 {
        // The reader's watch dies with the member; what it would go on from is compacted away meanwhile.
        cluster.members[0].kill();
        cluster.members[0].start();
        until("etcd is back", async || writer.barrier().await.is_ok()).await;
        for _ in 0..10 {
            append(&writer, "x").await;
        }
        let now = cluster.etcdctl(&["get", "/holdfast/head", "-w", "json"]);
        let revision = &now[now.find("\"revision\":").unwrap() + 11..];
        let revision = revision.split(|c: char| !c.is_ascii_digit()).next().unwrap();
        cluster.etcdctl(&["compact", revision]);
        until("the reader hears of it", async || reader.newest().borrow().0 == 10 + round * 10).await;
        assert_eq!(all(&reader).await.1.len() as u64, 10 + round * 10);
    }
}

#[tokio::test]
async fn a_reader_behind_the_trim_recovers() {
    let cluster = Cluster::start(1).await;
    let (writer, reader) = (cluster.ledger().await, cluster.ledger().await);
    for at in 1..=20 {
        append(&writer, &format!("entry {at}")).await;
    }
    // A reader hears of an entry by its watch, a moment after the writer.
    until("all are heard of", async || reader.newest().borrow().0 == 20).await;
    assert_eq!(reader.follow(Revision(0)).await.unwrap().entries.len(), 20);
    let state = vec![7; 3 << 20];
    writer.checkpoint(Revision(15), state.clone()).await.unwrap();
    let page = reader.follow(Revision(4)).await.unwrap();
    assert_eq!(page.checkpoint, Some((Revision(15), state)));
    assert_eq!(page.entries.len(), 5);
    assert_eq!(cluster.keys("/holdfast/log/").len(), 5, "the rest is trimmed");
    assert_eq!(reader.follow(Revision(15)).await.unwrap().checkpoint, None);
    // A newer one replaces it, an older one is refused, and neither leaves its chunks behind.
    reader.checkpoint(Revision(18), b"small".to_vec()).await.unwrap();
    let refused = writer.checkpoint(Revision(16), b"old".to_vec()).await.unwrap_err();
    assert!(matches!(refused, LedgerError::CheckpointOutside { oldest: Revision(18), .. }), "{refused}");
    assert_eq!(cluster.keys("/holdfast/chunk/").len(), 1);
    assert_eq!(append(&writer, "next").await, 21);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoints_at_once_leave_the_newest_and_a_readable_log() {
    let cluster = Cluster::start(1).await;
    let mut nodes = Vec::new();
    for _ in 0..5 {
        nodes.push(cluster.ledger().await);
    }
    for at in 1..=50 {
        append(&nodes[0], &at.to_string()).await;
    }
    let mut tasks = Vec::new();
    for (at, node) in nodes.iter().cloned().enumerate() {
        tasks.push(tokio::spawn(async move {
            for step in 0..8 {
                let at = Revision((10 + 5 * step + at) as u64);
                match node.checkpoint(at, at.to_string().into_bytes()).await {
                    Ok(()) | Err(LedgerError::CheckpointOutside { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
                let page = node.follow(Revision(0)).await.unwrap();
                let (held, state) = page.checkpoint.clone().unwrap();
                assert_eq!(state, held.to_string().into_bytes());
                assert_eq!(page.reached(Revision(0)), Revision(50));
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(nodes[0].last_checkpoint().await.unwrap(), Revision(49));
    assert_eq!(cluster.keys("/holdfast/chunk/").len(), 1, "the chunks of the others are gone");
}

#[tokio::test]
async fn large_entries_lie_in_chunks_and_lost_chunks_are_swept() {
    let cluster = Cluster::start(1).await;
    // Thirty polls from one sweep to the next.
    let pace = Pace { poll: Duration::from_millis(20), sweep: Duration::from_millis(100), ..patient() };
    let ledger = cluster.ledger_at(pace).await;
    let large: Vec<u8> = (0..5 << 20).map(|at: u32| (at >> 8) as u8).collect();
    append(&ledger, "small").await;
    assert_eq!(Ledger::append(&ledger, large.clone()).await.unwrap(), Revision(2));
    let page = cluster.ledger().await.follow(Revision(0)).await.unwrap();
    assert_eq!(page.entries[1], (Revision(2), large));
    assert_eq!(cluster.keys("/holdfast/chunk/").len(), 5);
    // A writer died before it named what it had written.
    let lost = format!("/holdfast/chunk/{}/00000000", "ab".repeat(16));
    cluster.etcdctl(&["put", &lost, "half"]);
    until("the lost chunk is swept", async || cluster.keys("/holdfast/chunk/").len() == 5).await;
    assert!(!cluster.keys("/holdfast/chunk/").contains(&lost));
    ledger.follow(Revision(0)).await.unwrap();
    // Trimmed, the entry leaves its chunks too.
    ledger.checkpoint(Revision(2), b"state".to_vec()).await.unwrap();
    until("the trimmed entry's chunks are swept", async || cluster.keys("/holdfast/chunk/").len() == 1).await;
    assert_eq!(ledger.follow(Revision(0)).await.unwrap().checkpoint, Some((Revision(2), b"state".to_vec())));
}

#[tokio::test]
async fn other_peoples_keys_are_left_alone() {
    let cluster = Cluster::start(1).await;
    cluster.etcdctl(&["put", "/holdfast/users/ann", "hers"]);
    let ledger = member::open(&cluster.config());
    let refused = ledger.barrier().await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "etcd /holdfast/: this is not a Holdfast ledger that this program reads: the key /holdfast/users/ann is there, and \
         /holdfast/format is not; check the prefix, and give each estate one of its own"
    );
    assert!(matches!(Ledger::append(&ledger, vec![]).await, Err(LedgerError::NotALedger { .. })));
    assert_eq!(cluster.keys("").len(), 1, "nothing was written");

    for (value, said) in [("mine", "is not ours"), ("holdfast-ledger 2 x", "run the newer version")] {
        cluster.etcdctl(&["put", "/holdfast/format", value]);
        let refused = member::open(&cluster.config()).follow(Revision(0)).await.unwrap_err();
        assert!(refused.to_string().contains(said), "{refused}");
    }
    // Beside them there is room: another prefix of the same etcd.
    let mut config = cluster.config();
    config.prefix = "/holdfast-2/".to_owned();
    assert_eq!(append(&member::open(&config), "x").await, 1);
}

#[tokio::test]
async fn an_etcd_that_was_emptied_or_went_back_is_found_out() {
    let cluster = Cluster::start(1).await;
    let ledger = cluster.ledger().await;
    for text in ["one", "two", "three"] {
        append(&ledger, text).await;
    }
    // An old copy was put back: the head went back.
    cluster.etcdctl(&["put", "/holdfast/head", &format!("{:020}", 1)]);
    for refused in [
        Ledger::append(&ledger, b"four".to_vec()).await.unwrap_err(),
        ledger.barrier().await.unwrap_err(),
        ledger.follow(Revision(0)).await.unwrap_err(),
    ] {
        assert!(matches!(refused, LedgerError::Ahead { newest: Revision(1), .. }), "{refused}");
    }
    // Emptied, and begun anew by another node.
    cluster.etcdctl(&["del", "--prefix", "/holdfast/"]);
    let refused = Ledger::append(&ledger, b"four".to_vec()).await.unwrap_err();
    assert!(refused.to_string().contains("no other ledger is under this prefix now"), "{refused}");
    let other = cluster.ledger().await;
    assert_eq!(append(&other, "another").await, 1);
    for refused in [
        Ledger::append(&ledger, b"four".to_vec()).await.unwrap_err(),
        ledger.barrier().await.unwrap_err(),
        ledger.follow(Revision(0)).await.unwrap_err(),
        ledger.checkpoint(Revision(1), vec![]).await.unwrap_err(),
        Journal::append(&ledger, vec![JournalLine { revision: None, bytes: vec![] }]).await.unwrap_err(),
    ] {
        assert!(refused.to_string().contains("another ledger is under this prefix now"), "{refused}");
    }
    assert_eq!(all(&other).await.1, ["another"]);
}

#[tokio::test]
async fn damage_is_named() {
    let cluster = Cluster::start(1).await;
    let ledger = cluster.ledger().await;
    for text in ["one", "two", "three"] {
        append(&ledger, text).await;
    }
    let key = |at: u64| format!("/holdfast/log/{at:020}");
    cluster.etcdctl(&["put", &key(2), "other bytes"]);
    let said = ledger.follow(Revision(0)).await.unwrap_err().to_string();
    assert!(said.contains("the digest of entry 2 does not match its bytes"), "{said}");
    cluster.etcdctl(&["del", &key(2)]);
    let said = ledger.follow(Revision(0)).await.unwrap_err().to_string();
    assert!(said.contains("entry 2 is missing"), "{said}");
    cluster.etcdctl(&["del", &key(3)]);
    let said = ledger.follow(Revision(0)).await.unwrap_err().to_string();
    assert!(said.contains("entry 2 is missing before the head, 3"), "{said}");
}

#[tokio::test]
async fn a_lost_ledger_is_kept_aside_whole() {
    let cluster = Cluster::start(1).await;
    let ledger = cluster.ledger().await;
    let large = vec![5; 2 << 20];
    for text in ["one", "two", "three"] {
        append(&ledger, text).await;
    }
    ledger.checkpoint(Revision(1), b"state of one".to_vec()).await.unwrap();
    Ledger::append(&ledger, large.clone()).await.unwrap();
    let kept = ledger.restart_at(Revision(58), b"anew".to_vec(), "lost-1".to_owned()).await.unwrap();
    assert_eq!(kept.unwrap().to_str(), Some("/holdfast/aside-lost-1/"));
    assert_eq!(append(&ledger, "next").await, 59);
    let again = ledger.restart_at(Revision(90), b"anew".to_vec(), "lost-1".to_owned()).await.unwrap_err();
    assert!(matches!(again, LedgerError::Io { .. }), "what is kept is never overwritten: {again}");

    // What is kept is a ledger but for its name: given one, it can be read.
    let format = cluster.etcdctl(&["get", "--print-value-only", "/holdfast/format"]);
    cluster.etcdctl(&["put", "/holdfast/aside-lost-1/format", format.trim()]);
    let mut config = cluster.config();
    config.prefix = "/holdfast/aside-lost-1/".to_owned();
    let old = member::open(&config).follow(Revision(0)).await.unwrap();
    assert_eq!(old.checkpoint, Some((Revision(1), b"state of one".to_vec())));
    let texts: Vec<_> = old.entries.iter().map(|(at, entry)| (at.0, entry.clone())).collect();
    assert_eq!(texts, [(2, b"two".to_vec()), (3, b"three".to_vec()), (4, large)]);
}

#[tokio::test]
async fn a_full_etcd_says_so_and_how_to_mend_it() {
    let quota = ["--quota-backend-bytes".to_owned(), (8 << 20).to_string()];
    let cluster = Cluster::start_with(1, "http", &quota).await;
    let ledger = cluster.ledger().await;
    let mut failed = None;
    for at in 0..40 {
        match Ledger::append(&ledger, vec![7; 1 << 20]).await {
            Ok(found) => assert_eq!(found.0, at + 1),
            Err(error) => {
                failed = Some((at, error));
                break;
            }
        }
    }
    let (at, error) = failed.expect("8 MiB are full some time");
    let LedgerError::Full { source, .. } = &error else { panic!("{error}") };
    assert!(source.to_string().contains("disarm the alarm"), "{source}");
    assert_eq!(ledger.barrier().await.unwrap(), Revision(at), "reads go on, and nothing half is there");
    assert_eq!(ledger.follow(Revision(0)).await.unwrap().reached(Revision(0)), Revision(at));
}

#[tokio::test]
async fn the_bound_of_the_journal_holds_with_small_calls_too() {
    let cluster = Cluster::start(1).await;
    let ledger = cluster.ledger().await;
    let batch =
        |count: u64| (0..count).map(|_| JournalLine { revision: None, bytes: b"x".to_vec() }).collect();
    for _ in 0..limits::JOURNAL_LINES / 10_000 {
        Journal::append(&ledger, batch(10_000)).await.unwrap();
    }
    for _ in 0..20 {
        Journal::append(&ledger, batch(1)).await.unwrap();
    }
    let found = lines(&ledger).await;
    let positions: BTreeSet<u64> = found.iter().map(|line| line.position).collect();
    assert_eq!(positions.len() as u64, limits::JOURNAL_LINES);
    assert_eq!(positions.first(), Some(&21));
    verify(None, &found).unwrap();
}

#[tokio::test]
async fn nobody_there_is_told_in_time_and_over_as_soon_as_somebody_is() {
    let mut cluster = Cluster::start(1).await;
    drop(cluster.ledger().await); // killed before it is ready, it would not start again
    cluster.members[0].kill();
    let ledger = Arc::new(EtcdLedger::open(&cluster.config()).unwrap());
    let refused = over_in_one_call(Ledger::append(&*ledger, b"x".to_vec())).await.unwrap_err();
    let said = refused.to_string();
    assert!(said.contains("refused") && said.ends_with("nothing was written; try again"), "{said}");
    cluster.members[0].start();
    until("it is there", async || ledger.barrier().await.is_ok()).await;
    assert_eq!(append(&ledger, "x").await, 1);
}
