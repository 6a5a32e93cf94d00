//! The servers: a bare echo and our node, each in a folder of its own and on core 0. Peers are in `peers`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::content::{Content, write};
use crate::process::Program;
use crate::{Told, cores, cpu, pace};

/// For a node to take its first write.
const READY: Duration = Duration::from_mins(1);

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// What the report calls it.
    pub name: String,
    /// Where it answers.
    pub address: SocketAddr,
    /// Where its files are.
    pub folder: PathBuf,
    /// When its process began.
    pub started: Instant,
    program: Program,
}

impl Server {
    /// The process that serves; with a wrapper such as `ip netns exec` it is the same one, since that replaces itself.
    pub fn pid(&self) -> Told<u32> {
        self.program.pid().ok_or_else(|| format!("{} does not run", self.name))
    }

    /// Its memory.
    pub fn memory_mb(&self) -> f64 {
        self.program.pid().map_or(0.0, cpu::memory_mb)
    }

    /// The most memory that one of its processes has had.
    pub fn memory_max_mb(&self) -> f64 {
        self.program.pid().map_or(0.0, cpu::memory_max_mb)
    }

    /// What it wrote last, for an error.
    pub fn last_words(&self) -> String {
        self.program.last_words()
    }

    /// Our node's API.
    pub fn api(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.address.port() + 1_000))
    }

    /// What its API takes writes with.
    pub fn token(&self) -> Told<String> {
        let path = self.folder.join("data/operator.token");
        let token = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(token.trim().to_owned())
    }

    pub(super) fn start(name: &str, address: SocketAddr, command: &[String], folder: &Path) -> Told<Server> {
        let (path, arguments) = command.split_first().ok_or("no command")?;
        let log = folder.join("log");
        let start = || Program::start(Path::new(path), arguments.to_vec(), log.clone());
        let started = Instant::now();
        let program = cores::on_core_0(start)??;
        Ok(Server { name: name.to_owned(), address, folder: folder.to_owned(), started, program })
    }

    /// The bare echo: this program.
    pub fn echo(wrap: &[String], address: SocketAddr, folder: &Path) -> Told<Server> {
        let own = std::env::current_exe().map_err(|error| format!("this program's own path: {error}"))?;
        // A test of it lies one folder deeper than the program itself.
        let found =
            own.ancestors().skip(1).take(2).map(|folder| folder.join("dns")).find(|path| path.is_file());
        let own = found.ok_or_else(|| format!("the program `dns` is not beside {}", own.display()))?;
        let folder = made(folder, "echo")?;
        let command = [wrap, &[own.display().to_string(), "--echo".to_owned(), address.to_string()]].concat();
        Server::start("echo", address, &command, &folder)
    }

    /// Our node.
    pub fn holdfast(
        name: &str,
        wrap: &[String],
        holdfast: &Path,
        (address, content): (SocketAddr, Content),
        more_dns: &str,
        folder: &Path,
    ) -> Told<Server> {
        let folder = made(folder, name)?;
        let seal = if matches!(content, Content::Signed(_)) { "seal_file = \"seal.key\"\n" } else { "" };
        let node = format!(
            "[node]\nid = \"bench\"\nzone = \"az1\"\ndata_dir = \"data\"\nroles = [{roles}]\nestate = \"estate.toml\"\n\
             [api]\nlisten = \"127.0.0.1:{api}\"\n[feed]\nlisten = \"127.0.0.1:{feed}\"\n\
             [dns]\nlisten = \"{address}\"\nworkers = {workers}\nzone_dir = \"{zones}\"\n{seal}{more_dns}",
            roles = content.roles(),
            workers = content.workers(),
            api = address.port() + 1_000,
            feed = address.port() + 2_000,
            zones = folder.display(),
        );
        write(&folder.join("node.toml"), &node)?;
        content.write_into(&folder)?;
        let serve = [text(holdfast), "serve".to_owned(), "-c".to_owned(), text(&folder.join("node.toml"))];
        let server = Server::start(name, address, &[wrap, &serve].concat(), &folder)?;
        if matches!(content, Content::Signed(_)) {
            server.sign(holdfast, content.zone())?;
        }
        Ok(server)
    }

    /// Makes the key of its hosted zone, as soon as the node takes it.
    fn sign(&self, holdfast: &Path, zone: &str) -> Told<()> {
        let began = Instant::now();
        loop {
            let mut command = Command::new(holdfast);
            command.args(["dnssec", "enable", &format!("{zone}."), "--seal-file"]);
            command.arg(self.folder.join("seal.key")).stdin(Stdio::null());
            command.env("HOLDFAST_ENDPOINTS", format!("http://{}", self.api()));
            command.env("HOLDFAST_TOKEN", self.token().unwrap_or_default());
            let output =
                command.output().map_err(|error| format!("cannot run {}: {error}", text(holdfast)))?;
            if output.status.success() {
                return Ok(());
            }
            if began.elapsed() > READY {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                return Err(format!("{zone} cannot be signed: {why}; the node says:\n{}", self.last_words()));
            }
            pace::pause(Duration::from_millis(100));
        }
    }
}

/// A folder in this one.
pub fn made(folder: &Path, name: &str) -> Told<PathBuf> {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

/// A path for a configuration.
pub fn text(path: &Path) -> String {
    path.display().to_string()
}
