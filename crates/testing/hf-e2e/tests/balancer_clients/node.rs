//! One real node with a balancer at a loopback address of its own, for other people's clients to ask.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hf_e2e::process::{Running, holdfast, must, output};
use hf_e2e::wait_for;
use hf_e2e::world::DEADLINE;

/// The running node: zone `az1` of the zones `az1` and `az2`.
pub struct Node {
    folder: tempfile::TempDir,
    running: Running,
    /// Whatever a test listens at stands here, too: nobody else uses it.
    pub address: String,
}

impl Node {
    /// Starts a node with these pools, in which `ADDRESS` is its address, and waits until `port` takes connections.
    /// `balancer` stands in the node file's `[balancer]`; files that it names can be put there by `prepare`.
    pub fn start(number: u8, pools: &str, balancer: &str, port: u16, prepare: impl FnOnce(&Path)) -> Node {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = format!("127.79.{number}.{}", 1 + std::process::id() % 250);
        let node = format!(
            "[node]\nid = \"lone\"\nzone = \"az1\"\ndata_dir = \"data\"\nroles = [\"control\", \"balancer\"]\nestate = \"estate.toml\"\n\
             [api]\nlisten = \"{address}:7600\"\nplain = true\n[feed]\nlisten = \"{address}:7602\"\n[balancer]\naddress = \"{address}\"\n{balancer}\n"
        );
        let estate = format!(
            "[[region]]\nid = \"home\"\n[[zone]]\nid = \"az1\"\nregion = \"home\"\n[[zone]]\nid = \"az2\"\nregion = \"home\"\n{}",
            pools.replace("ADDRESS", &address)
        );
        std::fs::write(folder.path().join("node.toml"), node).expect("the node file");
        std::fs::write(folder.path().join("estate.toml"), estate).expect("the estate file");
        prepare(folder.path());
        let mut command = Command::new(holdfast());
        command.args(["serve", "-c"]).arg(folder.path().join("node.toml"));
        let running = Running::start(command, &folder.path().join("log"));
        let mut node = Node { folder, running, address };
        wait_for("the balancer to listen", DEADLINE, || {
            assert!(node.running.ended().is_none(), "the node has ended:\n{}", node.log());
            TcpStream::connect(node.at(port)).map(drop).map_err(|error| format!("{error}\n{}", node.log()))
        });
        node
    }

    /// A file of the node's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A port of its address.
    pub fn at(&self, port: u16) -> SocketAddr {
        format!("{}:{port}", self.address).parse().expect("an address")
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.running.id()
    }

    /// Its memory that is in use, in KiB.
    pub fn memory_kib(&self) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.running.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).expect("a process that runs")
    }

    /// Nothing that would wake anybody was logged, and it runs.
    pub fn nothing_went_wrong(&mut self) {
        let log = self.log();
        assert!(self.running.ended().is_none(), "the node has ended:\n{log}");
        assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
    }

    /// A command that finds this node as an operator's would.
    pub fn as_operator(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let token = std::fs::read_to_string(self.path("data/operator.token")).unwrap_or_default();
        let mut command = Command::new(program);
        command
            .env("HOLDFAST_ENDPOINTS", format!("http://{}:7600", self.address))
            .env("HOLDFAST_TOKEN", token.trim())
            // Nobody's runbook.
            .env_remove("HOLDFAST_RUNBOOK")
            .env("HOME", self.folder.path())
            .env("HOLDFAST", holdfast());
        command
    }

    /// A script of `balancer/`, with this node's address as its first argument.
    pub fn script(&self, script: &str, arguments: &[&str]) -> Command {
        let python = root().join("target/balancer/bin/python");
        assert!(python.exists(), "{} is not there; `./test` installs it", python.display());
        let mut command = self.as_operator(python);
        command
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(root().join("crates/testing/hf-e2e/balancer").join(script))
            .arg(&self.address)
            .args(arguments);
        command
    }

    /// Runs a script of `balancer/` that must say that all is well.
    pub fn passes(&self, script: &str, arguments: &[&str]) {
        self.ended_well(script, &output(&mut self.script(script, arguments)));
    }

    /// What was printed is shown, and it ended with 0.
    pub fn ended_well(&self, what: &str, told: &Output) {
        println!("{}", String::from_utf8_lossy(&told.stdout));
        let error = String::from_utf8_lossy(&told.stderr);
        assert!(
            told.status.success(),
            "{what}: {}; what it found is above\n{error}\nthe node's log:\n{}",
            told.status,
            self.log()
        );
    }
}

/// Lets this process, and the nodes that it starts afterwards, open as many files as the system allows: how many.
pub fn open_files_max() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").expect("our limits");
    let files = limits.lines().find(|line| line.starts_with("Max open files")).expect("that of files");
    let most: usize = files.split_whitespace().nth(4).and_then(|most| most.parse().ok()).expect("a number");
    let own = std::process::id().to_string();
    must(Command::new("prlimit").args(["--pid", &own]).arg(format!("--nofile={most}:{most}")));
    most
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..")
}
