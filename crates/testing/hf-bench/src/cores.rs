//! Which core runs what: servers on core 0, what loads them on core 1.

use std::process::{Command, Stdio};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::{Pid, gettid};

use crate::Told;

/// This thread and what it starts: core 1, before all else if it may.
///
/// # Errors
///
/// Without a second core.
pub fn pin_this_thread() -> Told<()> {
    pin(1)?;
    prefer(&["-r", "-p", "10"]);
    Ok(())
}

/// This thread: before the one above too, if it may. For what seldom has something to do.
pub fn come_first() {
    prefer(&["-r", "-p", "20"]);
}

/// This thread: behind the first one, before other programs.
pub fn stand_back() {
    prefer(&["-r", "-p", "5"]);
}

/// Runs something with this thread on core 0, so that a process that is started there stays there.
///
/// # Errors
///
/// Without a second core.
pub fn on_core_0<T>(work: impl FnOnce() -> T) -> Told<T> {
    pin(0)?;
    let made = work();
    pin(1)?;
    Ok(made)
}

fn pin(core: usize) -> Told<()> {
    let mut cores = CpuSet::new();
    let told = |error| format!("cannot stay on core {core}: {error}; this benchmark needs two cores");
    cores.set(core).map_err(told)?;
    sched_setaffinity(Pid::from_raw(0), &cores).map_err(told)
}

/// Without root it stays as it is: figures are then noisier.
fn prefer(how: &[&str]) {
    let mut chrt = Command::new("chrt");
    chrt.args(how).arg(gettid().to_string());
    let _ = chrt.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}
