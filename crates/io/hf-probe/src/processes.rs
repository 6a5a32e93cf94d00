//! Processes that a command has started, found in `/proc`: by who their parent is, and by a mark in their environment.
//!
//! 1. A parent that ends hands its children to another: whoever left both group and parent behind is found by the mark alone, which all inherit.
//! 2. A mark is looked for among processes that began after the command did: their numbers are higher, or beyond where numbers began anew.
//! 3. Where the system does not tell (no `/proc`, another user's process) nobody is found.

use rustix::process::{Pid, Signal, kill_process};

/// Processes of one command that are killed one by one at most; the group is killed whole, however many it has.
const PROCESSES: usize = 1_000;

/// How often those with a mark are looked for: until all that were found were known before. One that starts others meanwhile is found with them the next time.
const ROUNDS: usize = 8;

/// Kills all with this mark (`NAME=value`) in their environment that began after this process, which was not waited for yet.
pub fn kill_marked(after: Pid, mark: &str) {
    let mut killed: Vec<Pid> = Vec::new();
    for _ in 0..ROUNDS {
        let found = marked(after, mark);
        let fresh: Vec<Pid> = found.into_iter().filter(|process| !killed.contains(process)).collect();
        if fresh.is_empty() || killed.len() > PROCESSES {
            return;
        }
        for process in &fresh {
            // Gone already is as good.
            let _ = kill_process(*process, Signal::KILL);
        }
        killed.extend(fresh);
    }
}

fn marked(after: Pid, mark: &str) -> Vec<Pid> {
    let after = after.as_raw_pid();
    let newest = newest().unwrap_or(i32::MAX);
    let is_later = |id: i32| id > after || (newest < after && id <= newest);
    let Ok(all) = std::fs::read_dir("/proc") else { return Vec::new() };
    let ids = all.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let has_mark = |id: &i32| {
        let environment = std::fs::read(format!("/proc/{id}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    ids.filter(|id| is_later(*id)).filter(has_mark).filter_map(Pid::from_raw).take(PROCESSES).collect()
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
