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

/// This thread: behind the two above, as far before other programs as may be without keeping them from the core. The kernel's own threads there are among
/// those: kept from it for a second, they take it for 50 ms in one piece, from the two above as well (`fair_server`).
pub fn stand_back() {
    prefer(&["-o", "-p", "0"]);
    let mut renice = Command::new("renice");
    renice.args(["-n", "-20", "-p", &gettid().to_string()]);
    let _ = renice.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// The kernel shares a core between sessions first, and only then between their threads: this program's session, before other programs while this lives, if it may.
#[derive(Debug)]
pub struct SessionFirst {
    before: Option<String>,
}

const AUTOGROUP: &str = "/proc/self/autogroup";

impl SessionFirst {
    /// From now on.
    pub fn begin() -> SessionFirst {
        // Such as `/autogroup-70 nice 0`.
        let told = std::fs::read_to_string(AUTOGROUP).unwrap_or_default();
        let before = told.rsplit(' ').next().map(|nice| nice.trim().to_owned());
        let is_first = std::fs::write(AUTOGROUP, "-20").is_ok();
        SessionFirst { before: before.filter(|_| is_first) }
    }
}

impl Drop for SessionFirst {
    fn drop(&mut self) {
        if let Some(before) = &self.before {
            // It was there before, so it may be there again.
            let _ = std::fs::write(AUTOGROUP, before);
        }
    }
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
