//! Programs that run beside a benchmark and die with it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Told;

/// A program that can be killed and started again; killed (SIGKILL) when it is dropped.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    child: Option<Child>,
}

impl Program {
    /// Starts `path`, with both outputs appended to `log`.
    pub fn start(path: &Path, arguments: Vec<String>, log: PathBuf) -> Told<Program> {
        let mut program = Program { path: path.to_owned(), arguments, log, child: None };
        program.start_again()?;
        Ok(program)
    }

    /// Starts it again, with the same arguments.
    pub fn start_again(&mut self) -> Told<()> {
        self.kill();
        let told = |error: std::io::Error| format!("cannot run {}: {error}", self.path.display());
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log).map_err(told)?;
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).env_remove("HOLDFAST_TOKEN").stdin(Stdio::null());
        command.stdout(log.try_clone().map_err(told)?).stderr(log);
        self.child = Some(command.spawn().map_err(told)?);
        Ok(())
    }

    /// Kills it and waits until it is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have died by itself: gone is gone.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Its process id; none while it does not run.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// The last lines that it wrote.
    pub fn last_words(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The first line that a program says of its version.
pub fn version(program: &Path) -> Told<String> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("cannot run {}: {error}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

/// The built `holdfast`, in the folder of this program or, for tests, the one above it.
pub fn holdfast() -> Told<PathBuf> {
    let own = std::env::current_exe().map_err(|error| format!("this program's own path: {error}"))?;
    let mut folders = own.ancestors().skip(1).take(2).map(|folder| folder.join("holdfast"));
    folders.find(|path| path.is_file()).ok_or_else(|| {
        "there is no holdfast beside this program; build it in the same profile (`cargo build --release -p holdfast`), or name it with --holdfast".to_owned()
    })
}
