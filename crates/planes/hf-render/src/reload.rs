//! The command that makes a file's reader read it again.
//!
//! 1. No shell: the program gets its arguments as they are written, an environment of `PATH` alone, nothing to read, `/` as its folder and a
//!    process group of its own.
//! 2. At its time-out the group is killed. Of its output the first [`OUTPUT_BYTES`] are logged, the rest is thrown away.
//! 3. It is the owner of the machine who wrote it: the node's file is the only place where a command can stand.
//!
//! Not here: when it runs, and again (`run`).

use std::pin::pin;
use std::process::Stdio;
use std::time::Duration;

use hf_config::node::Reload;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// Of each of its two outputs.
const OUTPUT_BYTES: u64 = 2_048;
/// For what is in its pipes when it has ended.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// Why its reader may not have read the file.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// Not there, or not allowed.
    #[error(
        "{program} cannot be run: {source}; change `reload` in the node's file, or let this process run it"
    )]
    Spawn {
        /// The program.
        program: String,
        /// The system's word.
        #[source]
        source: std::io::Error,
    },
    /// It ended badly.
    #[error("{program} ended with {status}: {said}")]
    Failed {
        /// The program.
        program: String,
        /// Its exit status, or its signal.
        status: String,
        /// The start of what it wrote.
        said: String,
    },
    /// It did not end.
    #[error("{program} did not end within {after:?} and was killed; it said: {said}")]
    Slow {
        /// The program.
        program: String,
        /// Its time.
        after: Duration,
        /// The start of what it wrote.
        said: String,
    },
}

/// Runs it to its end; what it said.
pub async fn reload(reload: &Reload) -> Result<String, ReloadError> {
    let program = reload.command.first().cloned().unwrap_or_default();
    let spawned = Command::new(&program)
        .args(reload.command.iter().skip(1))
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn();
    let mut group = match spawned {
        Ok(child) => Group(child),
        Err(source) => return Err(ReloadError::Spawn { program, source }),
    };
    let (out, err) = (group.0.stdout.take(), group.0.stderr.take());
    let (mut said_out, mut said_err) = (Vec::new(), Vec::new());
    let ended = {
        let mut outputs = pin!(async {
            tokio::join!(read(out, &mut said_out), read(err, &mut said_err));
        });
        let mut is_read = false;
        let ended = timeout(reload.timeout, async {
            tokio::select! {
                status = group.0.wait() => return status,
                () = &mut outputs => is_read = true,
            }
            group.0.wait().await
        })
        .await;
        // What it wrote last. Not until the end of it: what the command leaves running may hold it open for good.
        if !is_read {
            let _ = timeout(LAST_WORDS, outputs).await;
        }
        ended
    };
    let said = first_words(&[said_out, said_err].concat());
    match ended {
        Ok(Ok(status)) if status.success() => Ok(said),
        Ok(Ok(status)) => Err(ReloadError::Failed { program, status: status.to_string(), said }),
        Ok(Err(source)) => Err(ReloadError::Spawn { program, source }),
        Err(_) => Err(ReloadError::Slow { program, after: reload.timeout, said }),
    }
}

/// Keeps the start, reads the rest away: a full pipe would hold the command up.
async fn read(from: Option<impl AsyncRead + Unpin>, into: &mut Vec<u8>) {
    let Some(mut from) = from else { return };
    let mut piece = [0; 1_024];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        let room = (OUTPUT_BYTES as usize).saturating_sub(into.len());
        into.extend_from_slice(&piece[..count.min(room)]);
    }
}

fn first_words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let said = text.trim().replace('\n', " / ");
    if said.is_empty() { "nothing".to_owned() } else { said }
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

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(script: &str, timeout_ms: u64) -> String {
        let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        match reload(&Reload { command, timeout: Duration::from_millis(timeout_ms) }).await {
            Ok(said) => format!("well: {said}"),
            Err(problem) => problem.to_string(),
        }
    }

    #[tokio::test]
    async fn a_command_is_judged_by_its_end() {
        assert_eq!(run("echo one; echo two", 20_000).await, "well: one / two");
        assert_eq!(run("echo no >&2; exit 3", 20_000).await, "/bin/sh ended with exit status: 3: no");
        assert_eq!(
            run("env | grep -v ^PWD= | grep -v ^_=", 20_000).await,
            "well: PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        );
        let missing =
            Reload { command: vec!["/no/such/program".to_owned()], timeout: Duration::from_secs(20) };
        let problem = reload(&missing).await.unwrap_err().to_string();
        assert!(problem.starts_with("/no/such/program cannot be run: No such file"), "{problem}");
    }

    #[tokio::test]
    async fn one_that_hangs_is_killed_and_one_that_writes_much_is_not_held_up() {
        let begun = std::time::Instant::now();
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let script = format!("echo begun; : > {}; sleep 600 & sleep 600", mark.display());
        let slow = tokio::spawn(async move { run(&script, 60_000).await });
        while !mark.exists() {
            assert!(begun.elapsed() < Duration::from_mins(1), "it has not begun");
            tokio::task::yield_now().await;
        }
        // Its time runs out now, however long it took to begin.
        tokio::time::pause();
        let told = "/bin/sh did not end within 60s and was killed; it said: begun";
        assert_eq!(slow.await.unwrap(), told);
        tokio::time::resume();
        let much = run("yes | head -c 1000000", 60_000).await;
        assert!(much.starts_with("well: y / y") && much.len() < 8_000, "{}", much.len());
        // A child that stays and holds the output open is none of our business.
        assert_eq!(run("sleep 3 & echo left", 60_000).await, "well: left");
        assert!(begun.elapsed() < Duration::from_mins(1));
    }
}
