//! What processes have used of the processors, from `/proc/PID/stat`, and how busy the machine is.

use std::path::PathBuf;
use std::time::Duration;

/// A tick of `/proc/PID/stat`: USER_HZ is 100 on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// Processor time of these processes so far, in user mode and in the kernel. A process that is gone counts for nothing.
pub fn used(pids: impl IntoIterator<Item = u32>) -> Duration {
    pids.into_iter().filter_map(ticks).sum::<u32>() * TICK
}

/// What all threads of a process and of its children have run so far, to the nanosecond, from `/proc/PID/task/*/schedstat`. Zero for one
/// that is gone. (NSD serves from a child.)
pub fn ran(pid: u32) -> Duration {
    let of = |thread: &PathBuf| {
        let text = std::fs::read_to_string(thread.join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    };
    family(pid).into_iter().flat_map(threads).filter_map(|thread| of(&thread)).sum()
}

/// What the threads of a process whose names begin so have run so far, to the nanosecond.
pub fn ran_named(pid: u32, names: &str) -> Duration {
    let of = |thread: &PathBuf| {
        let name = std::fs::read_to_string(thread.join("comm")).ok()?;
        let text = std::fs::read_to_string(thread.join("schedstat")).ok()?;
        text.split(' ').next().filter(|_| name.starts_with(names))?.parse().ok().map(Duration::from_nanos)
    };
    threads(pid).iter().filter_map(of).sum()
}

/// How long the threads of a process whose names begin so were ready and had no core so far, from `/proc/PID/task/*/schedstat`.
pub fn waited(pid: u32, names: &str) -> Duration {
    let of = |thread: &PathBuf| {
        let name = std::fs::read_to_string(thread.join("comm")).ok()?;
        let text = std::fs::read_to_string(thread.join("schedstat")).ok()?;
        text.split(' ').nth(1).filter(|_| name.starts_with(names))?.parse().ok().map(Duration::from_nanos)
    };
    threads(pid).iter().filter_map(of).sum()
}

/// A process, its children, and theirs.
fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut at = 0;
    while let Some(parent) = all.get(at).copied() {
        for thread in threads(parent) {
            let children = std::fs::read_to_string(thread.join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
        }
        at += 1;
    }
    all
}

fn threads(pid: u32) -> Vec<PathBuf> {
    let found = std::fs::read_dir(format!("/proc/{pid}/task"));
    found.map_or_else(|_| Vec::new(), |threads| threads.flatten().map(|thread| thread.path()).collect())
}

/// Memory of a process and its children in MB: their own pages and their part of those that they share.
pub fn memory_mb(pid: u32) -> f64 {
    family(pid).into_iter().map(pages_mb).sum()
}

/// The most memory that a process or one of its children has had in MB: of those that share most of it, one.
pub fn memory_max_mb(pid: u32) -> f64 {
    family(pid).into_iter().map(most_mb).fold(0.0, f64::max)
}

fn most_mb(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: f64 =
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or_default();
    kilobytes / 1024.0
}

fn pages_mb(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kilobytes: f64 =
        line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or_default();
    kilobytes / 1024.0
}

fn ticks(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    ticks_in(&stat)
}

/// Fields 14 and 15; the second one, the program's name, may have spaces and parentheses in it.
fn ticks_in(stat: &str) -> Option<u32> {
    let mut after_name = stat.rsplit_once(')')?.1.split_whitespace();
    let user: u32 = after_name.nth(11)?.parse().ok()?;
    let system: u32 = after_name.next()?.parse().ok()?;
    Some(user + system)
}

/// For how long the machine under this one has kept cores 0 and 1 from it so far, in steps of 10 ms: what waits then looks slow, and is not.
pub fn stolen() -> [Duration; 2] {
    stolen_in(&std::fs::read_to_string("/proc/stat").unwrap_or_default())
}

/// What was stolen of the two since then, in milliseconds.
pub fn stolen_since(before: [Duration; 2]) -> [u64; 2] {
    let now = stolen();
    [0, 1].map(|core| now[core].saturating_sub(before[core]).as_millis().try_into().unwrap_or(u64::MAX))
}

/// The eighth figure of a core's line.
fn stolen_in(stat: &str) -> [Duration; 2] {
    ["cpu0 ", "cpu1 "].map(|core| {
        let line = stat.lines().find_map(|line| line.strip_prefix(core));
        let ticks = line.and_then(|line| line.split_whitespace().nth(7)?.parse::<u32>().ok());
        ticks.unwrap_or_default() * TICK
    })
}

/// Processes that wanted to run, on average over the last minute.
pub fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or_default()
}

/// The machine in a few words.
pub fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpuinfo = read("/proc/cpuinfo");
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, model)| model).to_owned();
    let cores = cpuinfo.lines().filter(|line| line.starts_with("processor")).count();
    format!("{cores} cores of {model}, Linux {}", read("/proc/sys/kernel/osrelease").trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_spaces_is_no_field() {
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 1 0 100 0 0";
        assert_eq!(ticks_in(stat), Some(300));
        assert!(ticks(std::process::id()).is_some());
    }

    #[test]
    fn what_was_stolen_is_told_of_each_core() {
        let stat =
            "cpu  1 2 3 4 5 6 7 30 0 0\ncpu0 1 2 3 4 5 6 7 10 0 0\ncpu1 1 2 3 4 5 6 7 20 0 0\nintr 1\n";
        assert_eq!(stolen_in(stat), [10, 20].map(|ticks| ticks * TICK));
        assert_eq!(stolen_in(""), [Duration::ZERO; 2]);
    }
}
