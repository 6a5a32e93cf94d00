//! Processes that a command has started, found in `/proc`: by who their parent is, and by a mark in their environment.
//!
//! 1. A parent that ends hands its children to another: whoever left both group and parent behind is found by the mark alone, which all inherit.
//! 2. A mark is looked for among processes that began after the command did: their numbers are higher, or beyond where numbers began anew.
//! 3. Where the system does not tell (no `/proc`, another user's process) nobody is found.

use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// Processes of one command that are killed one by one at most; the group is killed whole, however many it has.
const PROCESSES: usize = 1_000;

/// How often those with a mark are looked for at most: until all that were found were known before, and nobody was between two programs. One that starts others meanwhile is found with them the next time.
const ROUNDS: usize = 8;

/// Between two looks when somebody is about to become another program: for that moment its environment is empty.
const PAUSE: Duration = Duration::from_millis(1);

/// Kills all with this mark (`NAME=value`) in their environment that began after this process, which was not waited for yet.
pub fn kill_marked(after: Pid, mark: &str) {
    let mut killed: Vec<Pid> = Vec::new();
    for _ in 0..ROUNDS {
        let (before, mut is_clear) = (killed.len(), true);
        for process in later(after) {
            if killed.len() > PROCESSES {
                return;
            }
            if !killed.contains(&process) {
                match kill_if_marked(process, mark) {
                    Seen::Killed => killed.push(process),
                    Seen::Other => {}
                    Seen::Empty => is_clear = false,
                }
            }
        }
        if killed.len() == before && is_clear {
            return;
        }
        if !is_clear {
            std::thread::park_timeout(PAUSE);
        }
    }
}

enum Seen {
    /// It had the mark.
    Killed,
    /// It has none, or is gone.
    Other,
    /// It has no environment: it is between two programs, or threw it away.
    Empty,
}

/// By a descriptor that was opened before the mark was seen: a number may be another process' by the time of the kill, a descriptor never is.
fn kill_if_marked(process: Pid, mark: &str) -> Seen {
    let Ok(descriptor) = pidfd_open(process, PidfdFlags::empty()) else { return Seen::Other };
    let Ok(environment) = std::fs::read(format!("/proc/{}/environ", process.as_raw_pid())) else {
        return Seen::Other;
    };
    if environment.is_empty() && is_program(process) {
        return Seen::Empty;
    }
    if !environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes()) {
        return Seen::Other;
    }
    // Gone already is as good.
    let _ = pidfd_send_signal(descriptor, Signal::KILL);
    Seen::Killed
}

/// Neither a thread of the kernel (a child of process 2) nor one that has ended.
fn is_program(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_pid())).unwrap_or_default();
    let mut after_name = stat.rsplit(')').next().unwrap_or_default().split_ascii_whitespace();
    let (state, parent) = (after_name.next(), after_name.next());
    !matches!(state, None | Some("Z" | "X")) && parent != Some("2")
}

/// Processes that began after this one, in no order.
fn later(after: Pid) -> impl Iterator<Item = Pid> {
    let after = after.as_raw_pid();
    let newest = newest().unwrap_or(i32::MAX);
    let is_later = move |id: &i32| *id > after || (newest < after && *id <= newest);
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    ids.filter(is_later).filter_map(Pid::from_raw)
}

/// The number that was given to a process last, the last word of `/proc/loadavg`: lower than one's own when numbers began anew.
fn newest() -> Option<i32> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_ascii_whitespace().last()?.parse().ok()
}

/// All that descends from a process, nearest first; empty where the system does not tell.
pub fn descendants(of: Pid) -> Vec<Pid> {
    let mut found = vec![of];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        at += 1;
        let Ok(threads) = std::fs::read_dir(format!("/proc/{parent}/task")) else { continue };
        for thread in threads.flatten() {
            let told = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            found.extend(told.split_ascii_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)));
        }
        if found.len() > PROCESSES {
            break;
        }
    }
    found.truncate(PROCESSES);
    found.split_off(1)
}
