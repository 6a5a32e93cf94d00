//! Programs that run beside a test and die with it, and all that they started.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::family::{kill_family, without_inherited};
use crate::wait::wait_for;
use crate::world::DEADLINE;

/// A program that is killed (SIGKILL) with all that it started when it is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// Where its standard error goes.
    pub log: PathBuf,
}

impl Running {
    /// Starts `command` with both outputs appended to `log`.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(command: Command, log: &Path) -> Running {
        let mut command = without_inherited(command);
        let open = || std::fs::OpenOptions::new().create(true).append(true).open(log).expect("a log file");
        let child =
            command.stdin(Stdio::null()).stdout(open()).stderr(open()).spawn().unwrap_or_else(|error| {
                panic!("cannot run {command:?}: {error}; ./test installs what is needed")
            });
        Running { child, log: log.to_owned() }
    }

    /// Kills it and all that it started, and waits until they are gone.
    pub fn kill(mut self) {
        self.end();
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    ///
    /// # Panics
    ///
    /// When it has ended and that was seen.
    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(id, signal).unwrap_or_else(|error| panic!("{signal} to {id}: {error}; {}", self.text()));
    }

    /// Whether it has ended, and how.
    pub fn ended(&mut self) -> Option<std::process::ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// Waits until it has ended by itself, as one that was told to.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn wait(mut self) {
        wait_for("a process to end", DEADLINE, || self.ended().ok_or_else(|| self.text()));
    }

    /// What it has written so far.
    pub fn text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn end(&mut self) {
        // Once it was seen to have ended, its number may be somebody else's.
        if matches!(self.child.try_wait(), Ok(None)) {
            kill_family(self.child.id());
        }
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs a program to its end.
///
/// # Panics
///
/// When it cannot be started.
pub fn output(command: &mut Command) -> Output {
    command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("cannot run {command:?}: {error}; ./test installs what is needed"))
}

/// Runs a program that must end well, and gives its standard output.
///
/// # Panics
///
/// When it cannot be started or ends badly.
pub fn must(command: &mut Command) -> String {
    let output = output(command);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} ended with {}: {error}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The built `holdfast`, beside this test's own program, or this program of `target/PROFILE`.
///
/// # Panics
///
/// When it was not built.
pub fn holdfast() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let folder = test.parent().expect("target/PROFILE, or its deps");
    let folder = if folder.ends_with("deps") { folder.parent().expect("target/PROFILE") } else { folder };
    let program = folder.join("holdfast");
    assert!(program.exists(), "{} is not there; run `cargo build -p holdfast` first", program.display());
    program
}
