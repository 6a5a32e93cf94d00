//! A probe by a program of the machine's own: exit status 0 is good.
//!
//! 1. Only programs that the node file allows run; elsewhere the check is not measured.
//! 2. No shell: the program gets its arguments as they are written, an empty environment but for `HOLDFAST_CHECK` and `PATH`, nothing to
//!    read, `/` as its folder, and a process group of its own.
//! 3. At the time-out the whole group is killed, also when the probe is given up for another reason. What a program leaves behind when it
//!    ends by itself is its own matter.
//! 4. At most [`COMMANDS`](crate::tools::COMMANDS) run at a time; of the output the first line is told, and more than 64 KiB is a failure.

use std::process::Stdio;

use hf_config::estate::CommandCheck;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
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
    let ended = match tokio::join!(read(out), read(err)) {
        (Ok(out), Ok(err)) => {
            group.0.wait().await.map(|status| (status, if out.is_empty() { err } else { out }))
        }
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

/// A child and its process group, killed when dropped before it has ended.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        // None once it was waited for: the number may be somebody else's by then.
        let leader = self.0.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        if let Some(leader) = leader {
            // Gone already is as good.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}
