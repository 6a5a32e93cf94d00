//! Disks that fail: in the middle, once, for ever, without room, without a word.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

mod disk;

use std::io::ErrorKind;

use disk::{Dice, Disk, Fault};
use hf_ledger::{Journal, JournalLine, Ledger, LedgerError, OpenError, RedbLedger};
use hf_model::Revision;

fn open(disk: &Disk) -> Result<RedbLedger, OpenError> {
    let disk = disk.clone();
    RedbLedger::open_backend("test disk", move || Ok(Box::new(disk.clone())))
}

/// Entry `at`: bytes that are its own, of sizes below and above a page.
fn entry(at: u64) -> Vec<u8> {
    let mut bytes = at.to_be_bytes().to_vec();
    bytes.resize(20 + (at % 3) as usize * 3_000, at as u8);
    bytes
}

/// A ledger's entries; panics when one is not whole or not at its place.
async fn entries(ledger: &RedbLedger) -> u64 {
    let page = ledger.follow(Revision(0)).await.unwrap();
    let mut expected = page.checkpoint.map_or(0, |(at, _)| at.0);
    for (at, bytes) in &page.entries {
        expected += 1;
        assert_eq!(at.0, expected);
        assert!(*bytes == entry(expected), "entry {expected} is whole");
    }
    assert!(!page.more);
    assert_eq!(ledger.barrier().await.unwrap(), Revision(expected));
    expected
}

/// A disk with three acknowledged entries on it.
async fn disk_with_three() -> Disk {
    let disk = Disk::default();
    let ledger = open(&disk).unwrap();
    for at in 1..=3 {
        Ledger::append(&ledger, entry(at)).await.unwrap();
    }
    drop(ledger);
    disk
}

/// Appends, checkpoints and journals until something fails. Answers the newest acknowledged position.
async fn work(ledger: &RedbLedger) -> u64 {
    let mut acknowledged = 3;
    while acknowledged < 10 {
        match Ledger::append(ledger, entry(acknowledged + 1)).await {
            Ok(at) => {
                acknowledged += 1;
                assert_eq!(at.0, acknowledged);
            }
            Err(_) => return acknowledged,
        }
        let line = JournalLine { revision: Some(Revision(acknowledged)), bytes: b"done".to_vec() };
        if Journal::append(ledger, vec![line]).await.is_err() {
            return acknowledged;
        }
        if acknowledged == 6 && ledger.checkpoint(Revision(4), b"four".to_vec()).await.is_err() {
            return acknowledged;
        }
    }
    acknowledged
}

/// How many changes and syncs [`work`] makes on a good disk.
async fn length_of_work() -> (u64, u64) {
    let disk = disk_with_three().await;
    let ledger = open(&disk).unwrap();
    disk.set(Fault::None);
    assert_eq!(work(&ledger).await, 10);
    disk.counted()
}

#[tokio::test]
async fn a_power_cut_at_any_write_leaves_every_acknowledged_entry_and_no_half_one() {
    let (changes, _) = length_of_work().await;
    assert!(changes > 30, "{changes}");
    for at in 0..=changes {
        for seed in 0..6 {
            let disk = disk_with_three().await;
            let ledger = open(&disk).unwrap();
            disk.set(Fault::From { at, kind: ErrorKind::Other });
            let acknowledged = work(&ledger).await;
            drop(ledger);
            let left = disk.after_power_cut(&mut Dice::new(at * 100 + seed));
            let ledger = open(&left).unwrap_or_else(|error| panic!("cut at {at}, seed {seed}: {error}"));
            let found = entries(&ledger).await;
            assert!(
                found == acknowledged || found == acknowledged + 1,
                "cut at {at}, seed {seed}: {acknowledged} acknowledged, {found} found"
            );
            assert_eq!(Ledger::append(&ledger, entry(found + 1)).await.unwrap(), Revision(found + 1));
        }
    }
}

#[tokio::test]
async fn after_one_failed_write_nothing_was_added_and_the_next_append_works() {
    let (changes, _) = length_of_work().await;
    let mut failures = 0;
    for at in 0..=changes {
        let disk = disk_with_three().await;
        let ledger = open(&disk).unwrap();
        disk.set(Fault::Once { at, kind: ErrorKind::Other });
        let acknowledged = work(&ledger).await;
        failures += u64::from(acknowledged < 10);
        // Where the failing write was never reached, it does not come now.
        disk.set(Fault::None);
        assert_eq!(entries(&ledger).await, acknowledged, "failed at {at}");
        let next = Ledger::append(&ledger, entry(acknowledged + 1)).await.unwrap();
        assert_eq!(next, Revision(acknowledged + 1));
        drop(ledger);
        assert_eq!(entries(&open(&disk).unwrap()).await, acknowledged + 1, "failed at {at}");
    }
    assert!(failures > changes / 2, "{failures} of {changes} failures were met");
}

#[tokio::test]
async fn a_failed_write_says_that_nothing_was_added() {
    let disk = disk_with_three().await;
    let ledger = open(&disk).unwrap();
    disk.set(Fault::Once { at: 0, kind: ErrorKind::Other });
    let error = Ledger::append(&ledger, entry(4)).await.unwrap_err();
    assert!(matches!(error, LedgerError::Io { .. }), "{error}");
    assert!(error.to_string().starts_with("test disk: "), "{error}");
}

#[tokio::test]
async fn a_failed_sync_is_final_until_a_restart_reads_what_is_there() {
    let (_, syncs) = length_of_work().await;
    for at in 0..syncs {
        for seed in 0..10 {
            let disk = disk_with_three().await;
            let ledger = open(&disk).unwrap();
            disk.set(Fault::Sync { at });
            let acknowledged = work(&ledger).await;
            let error = Ledger::append(&ledger, entry(99)).await.unwrap_err();
            assert!(matches!(error, LedgerError::Unknown { .. }), "sync {at}: {error}");
            assert!(matches!(ledger.follow(Revision(0)).await, Err(LedgerError::Unknown { .. })));
            assert!(matches!(ledger.barrier().await, Err(LedgerError::Unknown { .. })));
            drop(ledger);
            let left = disk.after_power_cut(&mut Dice::new(at * 100 + seed));
            let found = entries(&open(&left).unwrap()).await;
            assert!(found == acknowledged || found == acknowledged + 1, "sync {at}, seed {seed}");
        }
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_serves_again_once_there_is_room() {
    let disk = disk_with_three().await;
    let ledger = open(&disk).unwrap();
    let len = disk.bytes().len() as u64;
    disk.set(Fault::Full { len });
    let mut acknowledged = 3;
    let error = loop {
        match Ledger::append(&ledger, entry(acknowledged + 1)).await {
            Ok(_) => acknowledged += 1,
            Err(error) => break error,
        }
        assert!(acknowledged < 100_000, "the disk never filled");
    };
    assert!(matches!(error, LedgerError::Full { .. }), "{error}");
    assert_eq!(
        error.to_string(),
        "test disk: no room on the disk, nothing was written; free some space and try again"
    );
    // It goes on refusing, and reading goes on.
    for _ in 0..3 {
        let error = Ledger::append(&ledger, vec![1; 1 << 20]).await.unwrap_err();
        assert!(matches!(error, LedgerError::Full { .. }), "{error}");
        assert_eq!(ledger.barrier().await.unwrap(), Revision(acknowledged));
        let page = ledger.follow(Revision(acknowledged - 1)).await.unwrap();
        assert_eq!(page.entries, [(Revision(acknowledged), entry(acknowledged))]);
    }
    disk.set(Fault::None);
    assert_eq!(Ledger::append(&ledger, entry(acknowledged + 1)).await.unwrap(), Revision(acknowledged + 1));
    drop(ledger);
    let ledger = open(&disk).unwrap();
    assert_eq!(ledger.barrier().await.unwrap(), Revision(acknowledged + 1));
}

#[tokio::test]
async fn a_flipped_bit_is_found_or_changes_nothing() {
    let disk = disk_with_three().await;
    let good = disk.bytes();
    let mut dice = Dice::new(7);
    let used = good.iter().rposition(|byte| *byte != 0).unwrap() as u64 + 1;
    let (mut refused, mut harmless) = (0, 0);
    for round in 0..1_500 {
        // The head of the file first, bit by bit; then anywhere.
        let bit = if round < 64 * 8 { round } else { dice.roll(used * 8) };
        let mut bytes = good.clone();
        bytes[bit as usize / 8] ^= 1 << (bit % 8);
        match open(&Disk::holding(bytes)) {
            Ok(ledger) => {
                let found = entries(&ledger).await;
                assert!((2..=3).contains(&found), "bit {bit}: {found} entries");
                // One bit of redb's head says which of two commits is the newer one: the last one may be taken back.
                assert!(found == 3 || bit < 64 * 8, "bit {bit}: an entry is gone");
                harmless += 1;
            }
            Err(OpenError::Damaged { .. } | OpenError::NotALedger { .. } | OpenError::Io { .. }) => {
                refused += 1;
            }
            Err(other) => panic!("bit {bit}: {other}"),
        }
    }
    assert!(refused > 100, "{refused} refused, {harmless} harmless");
}

#[tokio::test]
async fn a_file_cut_short_anywhere_is_refused() {
    let good = disk_with_three().await.bytes();
    for part in 1..16 {
        let cut = good[..good.len() * part / 16].to_vec();
        let error = open(&Disk::holding(cut)).err().unwrap_or_else(|| panic!("cut at {part}/16"));
        assert!(
            matches!(error, OpenError::Damaged { .. } | OpenError::NotALedger { .. }),
            "{part}/16: {error}"
        );
    }
}
