//! Opens the ledger that the node file names, and starts its writer.
//!
//! 1. An embedded ledger that cannot be opened is a problem of the start: nobody but this machine can mend it.
//! 2. A ledger in etcd may be out of reach when the node starts: the writer starts all the same and reads it as soon as it can. What
//!    no waiting mends (files, a prefix that is not ours, a wrong password) is a problem of the start if etcd can be asked.
//!
//! Not here: what becomes of a node without a ledger (`node`).

use std::path::PathBuf;
use std::sync::Arc;

use hf_clock::Clock;
use hf_config::node::{EtcdConfig, LedgerConfig, NodeConfig};
use hf_control_plane::{Control, Gate, StartError};
use hf_ledger::{EtcdLedger, Journal, Ledger, LedgerError, RedbLedger};
use tokio::sync::watch;
use tracing::warn;

use crate::boot;

/// The writer and the journal of a node with the control role.
pub async fn start(
    config: &NodeConfig,
    clock: Clock,
    gate: watch::Receiver<Gate>,
) -> Result<(Control, Arc<dyn Journal>), String> {
    match &config.ledger {
        LedgerConfig::Embedded => {
            let path = config.data_dir.join("ledger.redb");
            let opened = tokio::task::spawn_blocking(move || RedbLedger::open(path)).await;
            let ledger =
                opened.expect("opening a file does not panic").map_err(|error| boot::describe(&error))?;
            let ledger = Arc::new(ledger);
            let control = Control::start_behind(ledger.clone(), ledger.clone(), clock, gate).await;
            Ok((control.map_err(|error| boot::describe(&error))?, ledger))
        }
        LedgerConfig::Etcd(config) => {
            let ledger = Arc::new(EtcdLedger::open(config).map_err(|error| boot::describe(&error))?);
            // What is wrong with more than the way there is a problem of the start.
            match ledger.barrier().await {
                Ok(_) | Err(LedgerError::Unavailable { .. }) => {}
                Err(problem) => return Err(boot::describe(&problem)),
            }
            let started =
                Control::start_behind(ledger.clone(), ledger.clone(), clock.clone(), gate.clone()).await;
            match started {
                Ok(control) => Ok((control, ledger)),
                Err(StartError::Ledger(problem @ LedgerError::Unavailable { .. })) => {
                    warn!(%problem, "the control role starts without its ledger, and reads it as soon as it can");
                    Ok((Control::start_unread(ledger.clone(), ledger.clone(), clock, gate), ledger))
                }
                Err(problem) => Err(boot::describe(&problem)),
            }
        }
    }
}

/// Looks up the files of `[ledger]` with `from_base`.
pub fn resolve(config: &mut LedgerConfig, from_base: impl Fn(&mut PathBuf)) {
    let LedgerConfig::Etcd(EtcdConfig { login, tls, .. }) = config else { return };
    if let Some(login) = login {
        from_base(&mut login.password_file);
    }
    if let Some(tls) = tls {
        from_base(&mut tls.ca);
        if let Some(own) = &mut tls.own {
            from_base(&mut own.certificate);
            from_base(&mut own.key);
        }
    }
}
