//! The nodes of the world: real `holdfast serve` processes, killed and started again.
//!
//! Each child's log goes to a file beside its data. Dropped, the children are killed and waited for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::DemoError;

/// The running nodes by name: the zones' and `control`.
#[derive(Debug)]
pub struct Children {
    program: PathBuf,
    folder: PathBuf,
    running: BTreeMap<String, Child>,
}

impl Children {
    /// Nobody runs yet; node files are looked for in `folder` as `NAME.toml`.
    pub fn new(program: PathBuf, folder: &Path) -> Self {
        Children { program, folder: folder.to_owned(), running: BTreeMap::new() }
    }

    /// Starts a node, or leaves it when it runs.
    pub fn start(&mut self, name: &str) -> Result<(), DemoError> {
        if self.is_running(name) {
            return Ok(());
        }
        let log_path = self.log(name);
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&log_path);
        let log = log.map_err(|source| DemoError::Write { path: log_path, source })?;
        let mut command = Command::new(&self.program);
        command
            .arg("serve")
            .arg("-c")
            .arg(self.folder.join(format!("{name}.toml")))
            // A child that outlives us would keep the ports: it goes when our end of its standard input does.
            .arg("--until-stdin-closes")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log);
        let child =
            command.spawn().map_err(|source| DemoError::Spawn { program: self.program.clone(), source })?;
        self.running.insert(name.to_owned(), child);
        Ok(())
    }

    /// Kills a node at once (SIGKILL) and waits until it is gone.
    pub fn kill(&mut self, name: &str) {
        if let Some(mut child) = self.running.remove(name) {
            // It may have died by itself; either way it is gone after the wait.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Whether a node runs.
    pub fn is_running(&mut self, name: &str) -> bool {
        match self.running.get_mut(name).map(Child::try_wait) {
            Some(Ok(None)) => true,
            Some(_) => {
                self.running.remove(name);
                false
            }
            None => false,
        }
    }

    /// Where a node's log is.
    pub fn log(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.log"))
    }

    /// The last lines of a node's log, for an error message.
    pub fn log_tail(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.log(name)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(8)..].join("\n")
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        let names: Vec<String> = self.running.keys().cloned().collect();
        for name in names {
            self.kill(&name);
        }
    }
}
