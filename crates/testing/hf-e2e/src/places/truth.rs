//! The truth: every entry of the ledger, read from etcd as it comes and applied by the product's own state machine; rules are counted anew.
//!
//! 1. Entries come in order and without a gap; what was read at a position once is there for good.
//! 2. At every revision each safety rule holds whose controls were turned, unless the entry names it.
//! 3. It reads behind the ledger's own seam, from all members, whatever the control nodes say.
//!
//! Not here: what clients were answered (`clients`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hf_config::estate::Enough;
use hf_config::node::EtcdConfig;
use hf_control::{Board, Command, Entry, Outcome, RuleKind, RuleRef, SafetyRule, State};
use hf_ledger::{EtcdLedger, Ledger};
use hf_model::{ControlId, RequestId, Revision, Switch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Between two looks while nothing is heard.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What the ledger has said so far.
#[derive(Debug, Default)]
pub struct Told {
    /// The state that all entries make.
    pub state: State,
    /// Who asked for each revision, and what became of it.
    pub outcomes: BTreeMap<u64, (RequestId, Outcome)>,
    /// Rules that were checked at a revision.
    pub rules_checked: u64,
    /// What is wrong; the first is kept.
    pub wrong: Option<String>,
}

/// One who follows the ledger.
pub struct Truth {
    told: Arc<Mutex<Told>>,
    ledger: EtcdLedger,
    task: JoinHandle<()>,
}

impl Truth {
    /// Begins to follow. Within a runtime whose threads reach etcd.
    pub fn follow(config: &EtcdConfig) -> Truth {
        let ledger = EtcdLedger::open(config).expect("no files to read");
        let told = Arc::new(Mutex::new(Told::default()));
        let task = tokio::spawn(run(ledger.clone(), told.clone()));
        Truth { told, ledger, task }
    }

    /// Looks at what was told.
    pub fn look<T>(&self, at: impl FnOnce(&Told) -> T) -> T {
        at(&self.told.lock().expect("nobody panics with it"))
    }

    /// The ledger's newest position, as a quorum of etcd says.
    pub async fn newest(&self) -> Result<Revision, String> {
        self.ledger.barrier().await.map_err(|error| error.to_string())
    }
}

impl Drop for Truth {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(ledger: EtcdLedger, told: Arc<Mutex<Told>>) {
    let mut newest = ledger.newest();
    loop {
        let after = told.lock().expect("nobody panics with it").state.revision;
        // Without a quorum there is nothing to read: it comes later.
        let more = match ledger.follow(after).await {
            Err(_) => false,
            Ok(page) => {
                let told = &mut told.lock().expect("nobody panics with it");
                if page.checkpoint.is_some() {
                    told.wrong.get_or_insert(format!("entries after {after} are gone before they were read"));
                    return;
                }
                for (revision, bytes) in &page.entries {
                    if let Err(what) = take(told, *revision, bytes) {
                        told.wrong.get_or_insert(format!("revision {revision}: {what}"));
                        return;
                    }
                }
                page.more
            }
        };
        if !more {
            let _ = timeout(LOOK_AGAIN, newest.changed()).await; // heard or not, it looks
        }
    }
}

fn take(told: &mut Told, revision: Revision, bytes: &[u8]) -> Result<(), String> {
    if revision.0 != told.state.revision.0 + 1 {
        return Err(format!("it comes after revision {}", told.state.revision));
    }
    let entry = hf_codec::decode_entry(bytes).map_err(|error| error.to_string())?;
    let before = told.state.board.clone();
    let (outcome, _) = told.state.apply(revision, &entry);
    told.rules_checked += check_rules(&before, &told.state.board, &entry)?;
    told.outcomes.insert(revision.0, (entry.request, outcome));
    Ok(())
}

/// Every rule with a say over what an entry turned holds; how many they were.
fn check_rules(before: &Board, after: &Board, entry: &Entry) -> Result<u64, String> {
    let named: BTreeSet<String> = match &entry.command {
        Command::SetControls { rule_overrides, .. } => {
            rule_overrides.iter().map(RuleRef::to_string).collect()
        }
        _ => BTreeSet::new(),
    };
    let is_turned = |id: &&ControlId| {
        let (old, new) = (before.controls.get(id), after.controls.get(id));
        matches!((old, new), (Some(old), Some(new)) if old.to != new.to)
    };
    let mut checked = 0;
    for rule in after.rules.values() {
        let is_named = named.iter().any(|text| text.rsplit('/').next() == Some(rule.name.as_str()));
        if is_named || rule.kind.guarded().iter().find(is_turned).is_none() {
            continue;
        }
        checked += 1;
        let (board, when) = match rule.kind {
            RuleKind::Assert { .. } => (after, "after"),
            RuleKind::Gate { .. } => (before, "before"),
        };
        if !holds(rule, board) {
            return Err(format!("safety rule {} does not hold {when} it: {}", rule.name, entry.command));
        }
    }
    Ok(checked)
}

/// Whether enough of the controls that a rule counts are on: a count of our own.
fn holds(rule: &SafetyRule, board: &Board) -> bool {
    let counted = rule.kind.counted();
    let is_on = |id: &&ControlId| board.controls.get(id).is_some_and(|control| control.to == Switch::On);
    let on = counted.iter().filter(is_on).count();
    let is_enough = match rule.test.on {
        Enough::AtLeast(least) => on >= usize::from(least),
        Enough::All => on >= counted.len(),
        Enough::Any => on >= 1,
    };
    is_enough != rule.test.inverted
}
