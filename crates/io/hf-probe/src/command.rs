//! A probe by a program of the machine's own: exit status 0 is good.
//!
//! 1. Only programs that the node file allows run; elsewhere the check is not measured.
//! 2. No shell: the program gets its arguments as they are written, an empty environment but for `HOLDFAST_CHECK` and `PATH`, nothing to
//!    read, `/` as its folder, and a process group of its own.
//! 3. The whole group is killed when the program has ended by itself, at the time-out, and when the probe is given up for another reason: the check is
//!    gone or disabled, the node stops. At the time-out and when it is given up all that still descends from the program goes too, also what
//!    changed its group or session. What left the group is beyond reach once its parent has ended, and so is what had left it when the
//!    program ended by itself: a daemon. Nobody is reached after the node itself was killed. The unit or container that the node runs in ends those.
//! 4. At most [`COMMANDS`](crate::tools::COMMANDS) run at a time; of the output the first line is told, and more than 64 KiB is a failure.

use std::io;
use std::process::Stdio;

use hf_config::estate::CommandCheck;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, kill_process_group, pidfd_open};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncReadExt, Interest};
use tokio::process::{Child, Command};

use crate::body::BODY_BYTES;
use crate::failure::{Outcome, ProbeFailure, first_words};
use crate::probe::Asked;
use crate::progress::Step;

/// Runs the command.
pub async fn ask(asked: &Asked<'_>, check: &CommandCheck) -> Outcome {
    let Some((program, arguments)) = check.command.split_first() else {
        return Outcome::Unmeasured("the check has no command".to_owned());
    };
    if !asked.tools.allows(program) {
        return Outcome::Unmeasured(format!(
            "this node does not allow checks to run {program}; add it to `allow_commands` in [checker] of its file"
        ));
    }
    asked.progress.at(Step::Waiting);
    let Ok(_leave) = asked.tools.running().acquire().await else {
        return Outcome::Unmeasured("the checker is ending".to_owned());
    };
    asked.progress.at(Step::Running);
    let spawned = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOLDFAST_CHECK", asked.check.name.as_str())
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let mut group = match spawned {
        Ok(child) => Group(child),
        Err(error) => return Outcome::Unmeasured(format!("{program} cannot be run: {error}")),
    };
    let (out, err) = (group.0.stdout.take(), group.0.stderr.take());
    // Whoever stays behind holds the pipes open: it goes before their end is waited for.
    let ended = match tokio::join!(read(out), read(err), group.kill_rest()) {
        (Ok(out), Ok(err), Ok(())) => {
            group.0.wait().await.map(|status| (status, if out.is_empty() { err } else { out }))
        }
        (_, _, Err(error)) => Err(error),
        _ => return Outcome::Bad(ProbeFailure::OutputTooLong { max_bytes: BODY_BYTES }),
    };
    match ended {
        Err(error) => Outcome::Unmeasured(format!("{program} was lost sight of: {error}")),
        Ok((status, _)) if status.success() => Outcome::Good,
        Ok((status, output)) => {
            let text = String::from_utf8_lossy(&output).into_owned();
            let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it said nothing");
            Outcome::Bad(ProbeFailure::Command { status: status.to_string(), said: first_words(line) })
        }
    }
}

/// More came than is read.
struct TooLong;

async fn read(from: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, TooLong> {
    let mut bytes = Vec::new();
    let Some(from) = from else { return Ok(bytes) };
    // A pipe that breaks has told what it had to.
    let _ = from.take(BODY_BYTES as u64 + 1).read_to_end(&mut bytes).await;
    if bytes.len() > BODY_BYTES { Err(TooLong) } else { Ok(bytes) }
}

/// Processes of one command that are killed one by one at most; the group is killed whole, however many it has.
const DESCENDANTS: usize = 1_000;

/// A child and its process group, killed when dropped before it has ended.
struct Group(Child);

impl Group {
    /// The leader, while its number cannot be somebody else's: it was not waited for yet.
    fn leader(&self) -> Option<Pid> {
        self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
    }

    /// Waits until the leader has ended, and kills what it left in its group. The leader is not waited for before that: its number stays the group's.
    async fn kill_rest(&self) -> io::Result<()> {
        let Some(leader) = self.leader() else { return Ok(()) };
        #[expect(
            deprecated,
            reason = "its successor is unsafe, for files whose number changes; an OwnedFd's does not"
        )]
        let ended = AsyncFd::with_interest(pidfd_open(leader, PidfdFlags::empty())?, Interest::READABLE)?;
        let _ready = ended.readable().await?;
        // None there is as good.
        let _ = kill_process_group(leader, Signal::KILL);
        Ok(())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let Some(leader) = self.leader() else { return };
        let descendants = descendants(leader);
        // Gone already is as good.
        let _ = kill_process_group(leader, Signal::KILL);
        for process in descendants {
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

/// All that descends from a process, nearest first; empty where the system does not tell.
fn descendants(of: Pid) -> Vec<Pid> {
    let mut found = vec![of];
    let mut at = 0;
    while let Some(parent) = found.get(at).copied() {
        at += 1;
        let Ok(threads) = std::fs::read_dir(format!("/proc/{parent}/task")) else { continue };
        for thread in threads.flatten() {
            let told = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
            found.extend(told.split_ascii_whitespace().filter_map(|id| Pid::from_raw(id.parse().ok()?)));
        }
        if found.len() > DESCENDANTS {
            break;
        }
    }
    found.truncate(DESCENDANTS);
    found.split_off(1)
}
