//! `holdfast serve`: a node, in the foreground, and its word with the service manager.

use std::path::Path;

use hf_balancer::NamedListener;
use hf_node::{Before, LostLedger};
use hf_stream::systemd::{Activated, Manager, Tell, activated};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{read_file, runtime, stop_signal};
use crate::args::ServeArgs;
use crate::failure::Failure;

/// Runs the node of a file until a signal ends it, or a new process takes over.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    let shown = args.config.display().to_string();
    let text = read_file(&args.config)?;
    let config =
        hf_config::read_node(&shown, &text).map_err(|problems| Failure::Usage(problems.to_string()))?;
    hf_telemetry::log::init(&args.log, args.log_json)
        .map_err(|error| Failure::Usage(format!("--log: {error}")))?;
    let folder = match args.config.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    open_files();
    let manager = Manager::from_env();
    // Before other threads run: it takes the sockets out of the environment.
    let before = Before { takeover: args.takeover, listeners: listeners(activated()) };
    runtime(true)?.block_on(async {
        let stop = stop_signal(args.until_stdin_closes);
        let lost = if args.adopt_intent { LostLedger::Adopt } else { LostLedger::Refuse };
        let (serving, serves) = watch::channel(false);
        tokio::spawn(watchdog(manager.clone(), serves.clone()));
        tokio::spawn(successors(manager.clone(), serves));
        tokio::spawn(say_stopping(manager.clone(), stop.clone()));
        let (takeover, told) = (args.takeover, manager.clone());
        let ready = move |_: &hf_node::NodeHandle| {
            let ready = if takeover { Tell::ReadyAsMain(std::process::id()) } else { Tell::Ready };
            tell(&told, &ready);
            serving.send_replace(true);
        };
        hf_node::run_after(config, folder, hf_clock::Clock::system(), lost, before, stop, ready)
            .await
            .map_err(|error| Failure::Refused(error.to_string()))
    })
}

/// As many files as the system allows: the soft limit that most systems give (1,024) is for programs of another age. The checker goes by it.
fn open_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, limit = limit.current, "the number of files that may be open cannot be raised to the hard limit");
    }
}

/// The manager's TCP sockets; of others it is said that they are not used.
fn listeners(activated: Activated) -> Vec<NamedListener> {
    let udp = activated.udp.into_iter().map(|(name, _)| name);
    for name in udp.chain(activated.others) {
        tracing::warn!(%name, "a socket of the service manager is not used: only TCP listeners of pools are");
    }
    activated.tcp.into_iter().map(|(name, listener)| NamedListener { name, listener }).collect()
}

/// A manager that does not hear us is its own matter: the node serves all the same.
fn tell(manager: &Manager, what: &Tell) {
    if let Err(error) = manager.tell(what) {
        tracing::warn!(%error, "the service manager cannot be told how this node is");
    }
}

/// Says that we live, as often as the manager wants to hear it.
async fn watchdog(manager: Manager, mut serves: watch::Receiver<bool>) {
    let Some(every) = manager.watchdog() else { return };
    if serves.wait_for(|serves| *serves).await.is_err() {
        return;
    }
    let mut tick = tokio::time::interval(every);
    loop {
        tick.tick().await;
        tell(&manager, &Tell::Alive);
    }
}

/// At SIGUSR2 starts this program anew, as it lies on the disk now, to take over from us.
async fn successors(manager: Manager, mut serves: watch::Receiver<bool>) {
    let Ok(mut wanted) = signal(SignalKind::user_defined2()) else { return };
    if serves.wait_for(|serves| *serves).await.is_err() {
        return;
    }
    while wanted.recv().await.is_some() {
        tell(&manager, &Tell::Reloading);
        let ended = match successor() {
            Ok(mut child) => child.wait().await.map(|status| status.to_string()),
            Err(error) => Err(error),
        };
        // One that serves outlives us.
        let how = ended.unwrap_or_else(|error| error.to_string());
        tracing::error!(%how, "the new process did not take over; this one goes on");
        tell(&manager, &Tell::Ready);
    }
}

/// This program with the same arguments, to take over.
fn successor() -> std::io::Result<tokio::process::Child> {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_else(|| "holdfast".into());
    let mut command = tokio::process::Command::new(program);
    command.args(arguments.filter(|argument| argument != "--takeover" && argument != "--adopt-intent"));
    // The watchdog named the process that it meant.
    command.arg("--takeover").env_remove("WATCHDOG_PID").spawn()
}

/// Said only when we were told to stop: who ends because a new process serves does not stop the service.
async fn say_stopping(manager: Manager, mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_ok() {
        tell(&manager, &Tell::Stopping);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_files_as_the_system_allows() {
        let limit = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: Some(256), ..limit }).unwrap();
        open_files();
        assert_eq!(getrlimit(Resource::Nofile), Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
}
