//! What a program of a test starts in its turn: it ends with it, and holds nothing of what was open before.
//!
//! 1. A master that is killed leaves its workers, which serve on and keep files, ports and locks. So all of a family is stopped first, parents
//!    before children, until nobody new is found; then all are killed.
//! 2. Descriptors that this process has from whoever started it (a lock, say) are closed for programs of tests. What Rust opens closes itself.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait::wait_for;

/// How long processes that were killed may take to be gone.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// `O_CLOEXEC` as `/proc/PID/fdinfo` has it.
const CLOSES_ITSELF: u32 = 0o2_000_000;

/// Kills a process and all that it started, directly or not.
///
/// # Panics
///
/// When one of them does not go, unless the test fails already.
pub fn kill_family(head: u32) {
    let mut family = vec![head];
    signal(head, Signal::SIGSTOP);
    loop {
        let new: Vec<u32> = children(&family);
        if new.is_empty() {
            break;
        }
        for process in &new {
            signal(*process, Signal::SIGSTOP);
        }
        family.extend(new);
    }
    kill_all(&family);
    // The first one is ours to be waited for.
    wait_until_gone(&family[1..]);
}

/// Kills these.
pub(crate) fn kill_all(processes: &[u32]) {
    for process in processes {
        signal(*process, Signal::SIGKILL);
    }
}

fn wait_until_gone(processes: &[u32]) {
    if std::thread::panicking() {
        return;
    }
    wait_for("what a program started to be gone", GONE_WITHIN, || {
        let left: Vec<String> =
            processes.iter().filter(|process| is_running(**process)).map(|process| told(*process)).collect();
        if left.is_empty() { Ok(()) } else { Err(left.join("; ")) }
    });
}

fn signal(process: u32, signal: Signal) {
    if let Ok(process) = i32::try_from(process) {
        // Who has ended is as good.
        let _ = kill(Pid::from_raw(process), signal);
    }
}

/// Those who run and whose parent is one of these, without these.
fn children(of: &[u32]) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let processes = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    processes
        .filter(|process| !of.contains(process))
        .filter(|process| stat(*process).is_some_and(|(_, parent)| of.contains(&parent)))
        .collect()
}

/// State and parent, by `/proc/PID/stat`; the name before them may have blanks and brackets in it.
fn stat(process: u32) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Whether it is there, and more than a line that its parent has not read.
pub(crate) fn is_running(process: u32) -> bool {
    stat(process).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

/// A process for people.
pub(crate) fn told(process: u32) -> String {
    let line = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    format!("{process}: {}", words.join(" ").trim())
}

/// The same command without descriptors that whoever started this process left open.
pub fn without_inherited(command: Command) -> Command {
    let open = inherited();
    if open.is_empty() {
        return command;
    }
    let close: String = open.iter().map(|number| format!("exec {number}>&-; ")).collect();
    let mut closing = Command::new("bash");
    closing.args(["-c", &format!("{close}exec \"$@\""), "bash"]);
    closing.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => closing.env(name, value),
            None => closing.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        closing.current_dir(folder);
    }
    closing
}

/// Descriptors of this process, but the first three, that a program it starts would have.
fn inherited() -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc/self/fdinfo") else { return Vec::new() };
    let numbers = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let stays_open = |number: &u32| {
        let text = std::fs::read_to_string(Path::new("/proc/self/fdinfo").join(number.to_string()));
        let flags = text.ok().and_then(|text| {
            let flags = text.lines().find_map(|line| line.strip_prefix("flags:"))?;
            u32::from_str_radix(flags.trim(), 8).ok()
        });
        flags.is_some_and(|flags| flags & CLOSES_ITSELF == 0)
    };
    numbers.filter(|number| *number > 2).filter(stays_open).collect()
}

#[cfg(test)]
mod tests {
    use std::process::Stdio;

    use super::*;
    use crate::process::Running;
    use crate::world::DEADLINE;

    /// A program with a child and a child of that, as nginx and its workers: the number of the last one.
    fn start(folder: &Path) -> (Running, u32) {
        let mut command = Command::new("sh");
        let file = folder.join("grandchild");
        let script =
            format!("sh -c 'sleep 1000 & echo $! >{0}.new && mv {0}.new {0}; wait' & wait", file.display());
        command.args(["-c", &script]);
        let running = Running::start(command, &folder.join("log"));
        let number = wait_for("a grandchild", DEADLINE, || {
            let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
            text.trim().parse().map_err(|_| text)
        });
        (running, number)
    }

    #[test]
    fn nobody_of_a_family_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let (running, grandchild) = start(folder.path());
        assert!(is_running(grandchild));
        let head = running.id();
        drop(running);
        assert!(!is_running(grandchild) && !is_running(head), "{}", told(grandchild));
    }

    /// As with a lock that `flock` took before it started the tests.
    #[test]
    fn what_was_open_before_is_closed() {
        let folder = tempfile::tempdir().expect("a folder");
        let lock = folder.path().join("lock");
        let me = std::env::current_exe().expect("this test");
        let mut outer = Command::new("bash");
        outer.args([
            "-c",
            "exec 7>\"$1\"; exec 12>\"$1\"; exec \"$2\" --exact family::tests::tells_what_is_open",
            "bash",
        ]);
        outer.arg(&lock).arg(me).arg("--nocapture").env("HF_E2E_TELLS", folder.path());
        let told = outer.stdin(Stdio::null()).output().expect("bash runs");
        assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
        let open = std::fs::read_to_string(folder.path().join("open")).expect("what it told");
        assert_eq!(open, "before [7, 12], in a program []\n");
    }

    /// Only the test above has it do anything.
    #[test]
    fn tells_what_is_open() {
        let Some(folder) = std::env::var_os("HF_E2E_TELLS") else { return };
        let folder = Path::new(&folder);
        // Whoever started these tests may have left more.
        let mut before: Vec<u32> =
            inherited().into_iter().filter(|number| [7, 12].contains(number)).collect();
        before.sort_unstable();
        let mut command = Command::new("sh");
        command.args(["-c", "for fd in 7 12; do [ ! -e /proc/self/fd/$fd ] || echo $fd; done"]);
        let running = Running::start(command, &folder.join("program"));
        running.wait();
        let after: Vec<u32> = std::fs::read_to_string(folder.join("program"))
            .expect("its log")
            .lines()
            .map(|line| line.parse().expect("a number"))
            .collect();
        let told = format!("before {before:?}, in a program {after:?}\n");
        std::fs::write(folder.join("open"), told).expect("a file of the test's own");
    }
}
