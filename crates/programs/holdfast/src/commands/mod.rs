//! One file a command; each prints what a library answers.

pub mod access;
pub mod cert;
pub mod check;
pub mod consumers;
pub mod control;
pub mod demo;
pub mod deploy;
pub mod detect;
pub mod dns_answers;
pub mod dnssec;
pub mod endpoint;
pub mod estate;
pub mod explain;
pub mod generate;
pub mod health;
pub mod hosted_zones;
pub mod journal;
pub mod pin;
pub mod practice;
pub mod runbook;
pub mod serve;
pub mod shift;
pub mod status;
mod wait;
pub mod watch;
pub mod whatif;

use std::future::Future;
use std::path::Path;

use crate::failure::Failure;

/// Every sort of finding of the detectors, as the API tells it: what the control plane's test of its words wrote.
#[cfg(test)]
const GRAY_TOLD: &str = include_str!("../../../../planes/hf-control-plane/golden/gray-told.json");

/// Runs a short command on one thread.
pub fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = runtime(false)?;
    let done = runtime.block_on(command);
    // A look-up of a name may hang long after another endpoint has answered: nobody waits for it.
    runtime.shutdown_background();
    done
}

/// The shortest turns that the kernel gives. What a node decides is little work that must not wait behind a busy thread of its own, one that
/// answers DNS above all (`hf-dns`, whose turns are longer); the share of a core stays what it was.
const TURN: std::time::Duration = std::time::Duration::from_micros(100);

fn runtime(all_cores: bool) -> Result<tokio::runtime::Runtime, Failure> {
    let mut builder = if all_cores {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        // An older kernel, or one that refuses: turns are as long as anybody's.
        let come_soon = || drop(hf_datagram::come_soon(TURN));
        come_soon();
        builder.on_thread_start(come_soon);
        builder
    } else {
        tokio::runtime::Builder::new_current_thread()
    };
    builder
        .enable_all()
        .build()
        .map_err(|error| Failure::Refused(format!("cannot start the runtime: {error}")))
}

/// A file that the user named; not there or not readable is bad usage.
fn read_file(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        let mend = match error.kind() {
            std::io::ErrorKind::NotFound => "; check the path",
            std::io::ErrorKind::InvalidData => "; it must be UTF-8 text",
            _ => "",
        };
        Failure::Usage(format!("{}: {error}{mend}", path.display()))
    })
}

/// Becomes true at Ctrl-C, at SIGTERM, or when standard input closes if that is wanted.
fn stop_signal(until_stdin_closes: bool) -> tokio::sync::watch::Receiver<bool> {
    use tokio::signal::unix::{SignalKind, signal};
    let (stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(async move {
        let (Ok(mut terminate), Ok(mut hang_up)) =
            (signal(SignalKind::terminate()), signal(SignalKind::hangup()))
        else {
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
            () = stdin_closed(), if until_stdin_closes => {}
        }
        stop.send_replace(true);
        // The receivers may be slow to leave: keep the sender, so that they never mistake its end for one more signal.
        stop.closed().await;
    });
    stopped
}

async fn stdin_closed() {
    use tokio::io::AsyncReadExt as _;
    let mut stdin = tokio::io::stdin();
    let mut buffer = [0; 64];
    while !matches!(stdin.read(&mut buffer).await, Ok(0) | Err(_)) {}
}
