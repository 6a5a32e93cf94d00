//! A probe by a program of the machine's own: exit status 0 is good.
//!
//! 1. Only programs that the node file allows run; elsewhere the check is not measured.
//! 2. No shell: the program gets its arguments as they are written, an empty environment but for `HOLDFAST_CHECK`, `HOLDFAST_RUN` and `PATH`, nothing to
//!    read, `/` as its folder, and a process group of its own.
//! 3. The whole group is killed when the program has ended by itself, at the time-out, and when the probe is given up for another reason: the check is
//!    gone or disabled, the node stops. So is what has this run's own `HOLDFAST_RUN` in its environment, whatever group, session or parent it took: a daemon.
//!    At the time-out and when it is given up all that still descends from the program goes too. Beyond reach is a daemon that threw its environment away or became
//!    another user, and everybody once the node itself was killed. The unit or container that the node runs in ends those.
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
use crate::processes::{descendants, kill_marked};
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
    let run = format!("{:032x}", u128::from_ne_bytes(hf_clock::random_bytes()));
    let spawned = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOLDFAST_CHECK", asked.check.name.as_str())
        .env(RUN, &run)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let mut group = match spawned {
        Ok(child) => Group { child, mark: format!("{RUN}={run}") },
        Err(error) => {
            return Outcome::Unmeasured(format!(
                "{program} cannot be run: {error}; put a program there that this node may execute, or take it from `allow_commands`"
            ));
        }
    };
    let (out, err) = (group.child.stdout.take(), group.child.stderr.take());
    // Whoever stays behind holds the pipes open: it goes before their end is waited for.
    let ended = match tokio::join!(read(out), read(err), group.kill_rest()) {
        (Ok(out), Ok(err), Ok(())) => {
            group.child.wait().await.map(|status| (status, if out.is_empty() { err } else { out }))
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

/// The variable that is different for each run: who has it was started by that run.
const RUN: &str = "HOLDFAST_RUN";

/// A child, its process group and whoever has its mark, killed when dropped before it has ended.
struct Group {
    child: Child,
    /// As it stands in the environment.
    mark: String,
}

impl Group {
    /// The leader, while its number cannot be somebody else's: it was not waited for yet.
    fn leader(&self) -> Option<Pid> {
        self.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw)
    }

    /// Waits until the leader has ended, and kills what it left. The leader is not waited for before that: its number stays the group's.
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
        kill_marked(leader, &self.mark);
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
        kill_marked(leader, &self.mark);
    }
}
