//! Files that are not what they should be, and what is said of them.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use hf_ledger::{GENESIS, Journal, JournalLine, Ledger, LedgerError, OpenError, RedbLedger, verify};
use hf_model::{Digest, Revision};
use redb::{Database, TableDefinition};

type Entries<'txn> = redb::Table<'txn, u64, &'static [u8]>;

fn refused(path: &Path) -> OpenError {
    RedbLedger::open(path).err().expect("refused")
}

/// What is said, with the path and the bracketed detail of other people's words cut out.
fn check(path: &Path, want: &str) {
    let said = refused(path).to_string();
    let said = said.strip_prefix(&format!("{}: ", path.display())).expect("begins with the path");
    assert_eq!(said, want);
}

const MOVE_AWAY: &str = "check the path, or move the file away to begin a new ledger";

#[tokio::test]
async fn a_new_ledger_is_for_its_owner_only_and_leaves_nothing_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let ledger = RedbLedger::open(&path).unwrap();
    Ledger::append(&ledger, b"one".to_vec()).await.unwrap();
    drop(ledger);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    let ledger = RedbLedger::open(&path).unwrap();
    let page = ledger.follow(Revision(0)).await.unwrap();
    assert_eq!(page.entries, [(Revision(1), b"one".to_vec())]);
}

#[test]
fn a_second_process_is_told_who_is_in_the_way() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let first = RedbLedger::open(&path).unwrap();
    check(
        &path,
        "another process has this ledger open; stop that one, or give this node a data_dir of its own",
    );
    drop(first);
    RedbLedger::open(&path).unwrap();
}

#[test]
fn other_files_are_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("notes.txt");
    std::fs::write(&path, "these are my notes\n".repeat(1_000)).unwrap();
    check(
        &path,
        &format!("this is not a Holdfast ledger (Not a redb database: magic number mismatch); {MOVE_AWAY}"),
    );
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("these are my notes\n"));

    std::fs::write(&path, "").unwrap();
    check(&path, &format!("this is not a Holdfast ledger (the file is empty); {MOVE_AWAY}"));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
}

#[test]
fn another_programs_database_is_not_ours() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("other.redb");
    drop(Database::create(&path).unwrap());
    assert!(matches!(refused(&path), OpenError::NotALedger { .. }));
    let database = Database::create(&path).unwrap();
    let txn = database.begin_write().unwrap();
    let table: TableDefinition<u64, &str> = TableDefinition::new("entries");
    txn.open_table(table).unwrap().insert(1, "theirs").unwrap();
    txn.commit().unwrap();
    drop(database);
    assert!(matches!(refused(&path), OpenError::NotALedger { .. }));
}

#[test]
fn a_ledger_of_a_newer_program_is_not_touched() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    drop(RedbLedger::open(&path).unwrap());
    let database = Database::create(&path).unwrap();
    let txn = database.begin_write().unwrap();
    let meta: TableDefinition<&str, u64> = TableDefinition::new("holdfast-ledger");
    txn.open_table(meta).unwrap().insert("format", 3).unwrap();
    txn.commit().unwrap();
    drop(database);
    check(&path, "this ledger has format 3, this program reads 2; run the newer version of holdfast");
}

#[tokio::test]
async fn an_entry_that_was_changed_behind_our_back_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let ledger = RedbLedger::open(&path).unwrap();
    for text in ["one", "two", "three"] {
        Ledger::append(&ledger, text.as_bytes().to_vec()).await.unwrap();
    }
    drop(ledger);
    let entries: TableDefinition<u64, &[u8]> = TableDefinition::new("entries");
    let change = |work: &dyn Fn(&mut Entries<'_>)| {
        let database = Database::create(&path).unwrap();
        let txn = database.begin_write().unwrap();
        work(&mut txn.open_table(entries).unwrap());
        txn.commit().unwrap();
    };
    let said = |what: &str| {
        check(
            &path,
            &format!(
                "the ledger is damaged: {what}; put back a copy of the file, or move it away and apply the estate \
                 again (nodes keep serving from their own snapshots meanwhile)"
            ),
        );
    };
    let value =
        |table: &Entries<'_>, at: u64| redb::ReadableTable::get(table, at).unwrap().unwrap().value().to_vec();
    change(&|table| {
        let mut two = value(table, 2);
        *two.last_mut().unwrap() ^= 1;
        table.insert(2, &*two).unwrap();
    });
    said("the digest of entry 2 does not match its bytes");
    change(&|table| {
        let three = value(table, 3);
        table.insert(2, &*three).unwrap();
    });
    said("entry 2 holds what was written as 3");
    change(&|table| drop(table.remove(2).unwrap()));
    said("entry 3 follows entry 1");
}

#[test]
fn what_the_system_refuses_is_passed_on_with_the_place() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("no/such/directory/ledger.redb");
    check(
        &missing,
        "cannot open the ledger; check that the directory exists and that this user may write there",
    );
    assert!(matches!(refused(directory.path()), OpenError::Io { .. }), "a directory is no file");
}

#[tokio::test]
async fn a_lost_ledger_is_kept_whole_beside_the_one_that_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let ledger = RedbLedger::open(&path).unwrap();
    Ledger::append(&ledger, b"old".to_vec()).await.unwrap();
    let kept = ledger.restart_at(Revision(9), b"state".to_vec(), "lost-1".to_owned()).await.unwrap();
    let kept = kept.expect("there is a file");
    assert_eq!(kept, directory.path().join("ledger.redb-lost-1"));
    assert_eq!(Ledger::append(&ledger, b"new".to_vec()).await.unwrap(), Revision(10));
    let again = ledger.restart_at(Revision(20), b"state".to_vec(), "lost-1".to_owned()).await;
    assert!(matches!(again, Err(LedgerError::Io { .. })), "what is kept is never overwritten: {again:?}");
    drop(ledger);
    let old = RedbLedger::open(&kept).unwrap().follow(Revision(0)).await.unwrap();
    assert_eq!(old.entries, [(Revision(1), b"old".to_vec())]);
    let new = RedbLedger::open(&path).unwrap().follow(Revision(0)).await.unwrap();
    assert_eq!(new.checkpoint, Some((Revision(9), b"state".to_vec())));
    assert_eq!(new.entries, [(Revision(10), b"new".to_vec())]);
}

#[tokio::test]
async fn a_damaged_line_of_the_journal_is_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let ledger = RedbLedger::open(&path).unwrap();
    let line = |text: &str| JournalLine { revision: None, bytes: text.as_bytes().to_vec() };
    Journal::append(&ledger, ["one", "two", "three"].map(line).to_vec()).await.unwrap();
    drop(ledger);
    let database = Database::open(&path).unwrap();
    let txn = database.begin_write().unwrap();
    let journal: TableDefinition<u64, &[u8]> = TableDefinition::new("journal");
    txn.open_table(journal).unwrap().insert(2, &b"damage"[..]).unwrap();
    txn.commit().unwrap();
    drop(database);
    let ledger = RedbLedger::open(&path).unwrap();
    let lines = Journal::read(&ledger, 0, 2).await.unwrap();
    let found: Vec<_> = lines.iter().map(|line| (line.position, &*line.bytes)).collect();
    assert_eq!(found, [(1, &b"one"[..]), (3, &b"three"[..])]);
}

/// A line as format 1 sealed it: digest, position, revision, bytes.
fn old_line(position: u64, revision: u64, text: &str) -> Vec<u8> {
    let sealed = [&position.to_be_bytes()[..], &revision.to_be_bytes(), text.as_bytes()].concat();
    [&Digest::of(&sealed).0[..], &sealed].concat()
}

#[tokio::test]
async fn a_file_from_before_the_chain_is_given_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let ledger = RedbLedger::open(&path).unwrap();
    Ledger::append(&ledger, b"one".to_vec()).await.unwrap();
    drop(ledger);
    let database = Database::open(&path).unwrap();
    let txn = database.begin_write().unwrap();
    let meta: TableDefinition<&str, u64> = TableDefinition::new("holdfast-ledger");
    let journal: TableDefinition<u64, &[u8]> = TableDefinition::new("journal");
    let chain: TableDefinition<(), &[u8]> = TableDefinition::new("journal-chain");
    txn.open_table(meta).unwrap().insert("format", 1).unwrap();
    txn.delete_table(chain).unwrap();
    for (position, revision, text) in [(4, 7, "four"), (5, 0, "five"), (6, 8, "six")] {
        txn.open_table(journal).unwrap().insert(position, &*old_line(position, revision, text)).unwrap();
    }
    txn.commit().unwrap();
    drop(database);
    for line in [7, 8] {
        let ledger = RedbLedger::open(&path).unwrap();
        let lines = Journal::read(&ledger, 0, 10).await.unwrap();
        let found: Vec<_> = lines.iter().map(|line| (line.position, line.revision, &*line.bytes)).collect();
        assert_eq!(
            found[..3],
            [(4, Some(Revision(7)), &b"four"[..]), (5, None, b"five"), (6, Some(Revision(8)), b"six")]
        );
        verify(Some(GENESIS), &lines).unwrap();
        let line = JournalLine { revision: None, bytes: line.to_string().into_bytes() };
        Journal::append(&ledger, vec![line]).await.unwrap();
        verify(Some(GENESIS), &Journal::read(&ledger, 0, 10).await.unwrap()).unwrap();
    }
}
