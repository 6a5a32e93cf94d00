//! Killed at any moment, the ledger comes back with every acknowledged entry and no half of one.
//!
//! This test starts itself again as the process that is killed: with `HF_LEDGER_VICTIM=<path>` set, the test
//! `victim` appends numbered entries and prints the position of each after it was acknowledged.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use hf_ledger::{Ledger, RedbLedger};
use hf_model::Revision;

const KILLS: u32 = 220;
/// No victim takes this long to begin.
const DEADLINE: Duration = Duration::from_mins(1);
const VICTIM: &str = "HF_LEDGER_VICTIM";

/// Entries of all sizes: a few bytes, a page, more than a page, now and then much more, so that the file grows.
fn entry(at: u64) -> Vec<u8> {
    let len = match at % 50 {
        0 => 300_000,
        n if n % 7 == 0 => 9_000,
        n => 40 + n as usize * 13,
    };
    let mut bytes = at.to_be_bytes().to_vec();
    bytes.resize(8 + len, at as u8);
    bytes
}

/// Not a test of its own: the process that is killed. Does nothing when it is run with the others.
#[test]
fn victim() {
    let Ok(path) = std::env::var(VICTIM) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let ledger = RedbLedger::open(Path::new(&path)).unwrap();
    runtime.block_on(async {
        loop {
            let next = ledger.barrier().await.unwrap().0 + 1;
            let at = Ledger::append(&ledger, entry(next)).await.unwrap();
            assert_eq!(at.0, next);
            // One write straight to the pipe: what the parent reads was acknowledged, whenever the kill comes.
            std::io::stderr().write_all(format!("acknowledged {at}\n").as_bytes()).unwrap();
            if next % 97 == 0 {
                ledger.checkpoint(Revision(next - 10), next.to_be_bytes().to_vec()).await.unwrap();
            }
        }
    });
}

struct Dice(u64);

impl Dice {
    /// xorshift64*: small, and the same everywhere.
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % below
    }
}

/// When the victim dies.
#[derive(Clone, Copy)]
enum Death {
    /// This long after its start: while it starts, opens the file, or appends.
    AfterStart(Duration),
    /// This long after its first acknowledged entry.
    AfterFirst(Duration),
}

/// Lets the victim live, then kills it. Answers the last position that it acknowledged, if any.
fn live_and_die(path: &Path, death: Death) -> Option<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["victim", "--exact", "--nocapture", "--test-threads=1"])
        .env(VICTIM, path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pipe = child.stderr.take().unwrap();
    let (first, has_first) = mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut last = None;
        let mut other = String::new();
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            match line.strip_prefix("acknowledged ").and_then(|number| number.parse().ok()) {
                Some(number) => last = Some(number),
                None => other.push_str(&line),
            }
            let _ = first.send(());
        }
        (last, other)
    });
    let life = match death {
        Death::AfterStart(life) => life,
        Death::AfterFirst(life) => {
            has_first.recv_timeout(DEADLINE).expect("the victim appends");
            life
        }
    };
    // The moment of death is what is drawn here; nothing is waited for.
    std::thread::park_timeout(life);
    let ended = child.try_wait().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let (last, other) = reader.join().unwrap();
    assert!(ended.is_none(), "the victim ended by itself: {other}");
    last
}

async fn check(ledger: &RedbLedger, acknowledged: u64) -> u64 {
    let newest = ledger.barrier().await.unwrap();
    assert!(newest.0 >= acknowledged, "entry {acknowledged} was acknowledged, the ledger ends at {newest}");
    assert!(newest.0 <= acknowledged + 1, "one writer leaves one entry open; {acknowledged} < {newest}");
    let mut after = Revision(0);
    loop {
        let page = ledger.follow(after).await.unwrap();
        if let Some((at, state)) = &page.checkpoint {
            assert_eq!(*state, (at.0 + 10).to_be_bytes(), "the checkpoint is the one of its position");
        }
        let mut expected = page.checkpoint.as_ref().map_or(after.0, |(at, _)| at.0);
        for (at, bytes) in &page.entries {
            expected += 1;
            assert_eq!(at.0, expected, "no gap");
            assert!(*bytes == entry(expected), "entry {expected} is whole");
        }
        after = page.reached(after);
        if !page.more {
            assert_eq!(after, newest);
            return newest.0;
        }
    }
}

#[test]
fn killed_hundreds_of_times_it_keeps_every_acknowledged_entry() {
    let seed: u64 = std::env::var("HF_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| std::process::id().into());
    println!("HF_SEED={seed}");
    let mut dice = Dice(seed * 2 + 1);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("ledger.redb");
    let began = Instant::now();
    let (mut acknowledged, mut lives) = (0, 0);
    for kill in 0..KILLS {
        if dice.roll(20) == 0 && kill > 0 {
            // Begin anew now and then, so that death during creation is met too.
            std::fs::remove_file(&path).unwrap_or_default();
            acknowledged = 0;
        }
        let life = Duration::from_micros(dice.roll(60_000));
        let death = if dice.roll(3) == 0 { Death::AfterStart(life) } else { Death::AfterFirst(life) };
        if let Some(last) = live_and_die(&path, death) {
            acknowledged = last;
            lives += 1;
        }
        let ledger = RedbLedger::open(&path).unwrap();
        acknowledged = runtime.block_on(check(&ledger, acknowledged));
    }
    println!(
        "{KILLS} kills, {lives} while appending, {acknowledged} entries at the end, {:?}",
        began.elapsed()
    );
    assert!(lives > KILLS / 2, "{lives} lives");
}
