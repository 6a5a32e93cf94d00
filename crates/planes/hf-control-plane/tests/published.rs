//! What a read after a barrier finds, while others write: never less than the barrier promised.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use std::sync::Arc;

use hf_clock::Clock;
use hf_config::estate::EstateBundle;
use hf_control::Command;
use hf_control_plane::Control;
use hf_ledger::MemoryLedger;
use hf_model::{Operator, RequestId, Timestamp};

/// Entries while somebody reads: with the order turned round three of ten runs of 1,000 failed.
const ENTRIES: u64 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revision_of_a_barrier_is_in_the_intent_at_once() {
    let ledger = Arc::new(MemoryLedger::default());
    let control = Control::start(ledger.clone(), ledger, Clock::manual(Timestamp(1))).await.unwrap();
    let writer = control.clone();
    let writes = tokio::spawn(async move {
        for number in 0..ENTRIES {
            let toml = format!("# {number}\n[[region]]\nid = \"r\"\n");
            let bundle = EstateBundle { toml, ..EstateBundle::default() };
            let request = RequestId::new(&format!("write-{number}")).unwrap();
            let command = Command::ApplyEstate { bundle, if_match: None };
            writer.submit(Operator::new("ann"), request, command).await.unwrap();
        }
    });
    while !writes.is_finished() {
        let promised = control.barrier().await.unwrap();
        let found = control.intent().borrow().revision;
        assert!(found >= promised, "a barrier said {promised}, and the intent has {found}");
    }
    writes.await.unwrap();
}
