//! The servers: a bare echo, our node, and the peers that are installed, each in a folder of its own and on core 0.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::process::Program;
use crate::{Told, cores, cpu};

/// What a server serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// `h0000000.small.test` and up, A and AAAA, in the estate.
    Small(u32),
    /// `h0000000.big.test` and up, A and AAAA, in a file of the node.
    Big(u32),
    /// `h0000000.policy.test` and up, A, each a pool of nine endpoints in three zones.
    Policy(u32),
}

impl Content {
    /// The hosted zone, without the last dot.
    pub fn zone(self) -> &'static str {
        match self {
            Content::Small(_) => "small.test",
            Content::Big(_) => "big.test",
            Content::Policy(_) => "policy.test",
        }
    }

    /// How many names it has.
    pub fn names(self) -> u32 {
        let (Content::Small(names) | Content::Big(names) | Content::Policy(names)) = self;
        names
    }

    /// The hosted zone as a master file.
    fn master_file(self) -> String {
        let zone = self.zone();
        let mut text = format!(
            "$ORIGIN {zone}.\n$TTL 300\n@ IN SOA ns.{zone}. hostmaster.{zone}. 1 7200 900 1209600 60\n@ IN NS ns.{zone}.\nns IN A 192.0.2.53\n"
        );
        for number in 0..self.names() {
            let [_, a, b, c] = number.to_be_bytes();
            // Written without allocation: there may be millions.
            let _ = writeln!(text, "h{number:07} IN A 10.{a}.{b}.{c}");
            let _ = writeln!(text, "h{number:07} IN AAAA 2001:db8::{a:x}:{b:x}{c:02x}");
        }
        text
    }
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// What the report calls it.
    pub name: String,
    /// Where it answers.
    pub address: SocketAddr,
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

    /// What it wrote last, for an error.
    pub fn last_words(&self) -> String {
        self.program.last_words()
    }

    fn start(name: &str, address: SocketAddr, command: &[String], folder: &Path) -> Told<Server> {
        let (path, arguments) = command.split_first().ok_or("no command")?;
        let log = folder.join("log");
        let start = || Program::start(Path::new(path), arguments.to_vec(), log.clone());
        Ok(Server { name: name.to_owned(), address, program: cores::on_core_0(start)?? })
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
        let ip = address.ip();
        let node = format!(
            "[node]\nid = \"bench\"\nzone = \"az1\"\ndata_dir = \"data\"\nroles = [\"control\", \"dns\"]\nestate = \"estate.toml\"\n\
             [api]\nlisten = \"127.0.0.1:{api}\"\n[feed]\nlisten = \"127.0.0.1:{feed}\"\n\
             [dns]\nlisten = \"{ip}:{port}\"\nworkers = 1\nzone_dir = \"{zones}\"\n{more_dns}",
            port = address.port(),
            api = address.port() + 1_000,
            feed = address.port() + 2_000,
            zones = folder.display(),
        );
        write(&folder.join("node.toml"), &node)?;
        write(&folder.join("estate.toml"), &estate(content))?;
        if !matches!(content, Content::Policy(_)) {
            write(&folder.join(format!("{}.zone", content.zone())), &content.master_file())?;
        }
        let serve = [
            holdfast.display().to_string(),
            "serve".to_owned(),
            "-c".to_owned(),
            text(&folder.join("node.toml")),
        ];
        Server::start(name, address, &[wrap, &serve].concat(), &folder)
    }

    /// Those of the peers that are installed, on ports from this one up.
    pub fn peers(first: SocketAddr, content: Content, folder: &Path) -> Told<Vec<Server>> {
        let mut servers = Vec::new();
        for (at, (name, program)) in
            [("knot", "knotd"), ("nsd", "nsd"), ("gdnsd", "gdnsd")].into_iter().enumerate()
        {
            let Some(program) = installed(program) else { continue };
            let address = SocketAddr::new(first.ip(), first.port() + at as u16);
            let folder = made(folder, name)?;
            let zone = content.zone();
            std::fs::create_dir_all(folder.join("zones")).map_err(|error| error.to_string())?;
            let file = if name == "gdnsd" { zone.to_owned() } else { format!("{zone}.zone") };
            write(&folder.join("zones").join(file), &content.master_file())?;
            let (ip, port, place) = (address.ip(), address.port(), text(&folder));
            let (config, command) = match name {
                "knot" => (
                    format!(
                        "server:\n    rundir: \"{place}\"\n    user: root:root\n    udp-workers: 1\n    tcp-workers: 1\n    background-workers: 1\n    listen: [{ip}@{port}]\n\
                         database:\n    storage: \"{place}\"\ntemplate:\n  - id: default\n    storage: \"{place}/zones\"\n    zonefile-sync: -1\n    zonefile-load: whole\n    journal-content: none\n\
                         zone:\n  - domain: {zone}\n    file: {zone}.zone\n"
                    ),
                    vec![program, "-c".to_owned(), format!("{place}/config")],
                ),
                "nsd" => (
                    format!(
                        "server:\n  ip-address: {ip}@{port}\n  server-count: 1\n  username: \"\"\n  zonesdir: \"{place}/zones\"\n  pidfile: \"{place}/pid\"\n  xfrdfile: \"{place}/xfrd\"\n  zonelistfile: \"{place}/list\"\n  minimal-responses: yes\n  rrl-ratelimit: 0\n\
                         remote-control:\n  control-enable: no\nzone:\n  name: {zone}\n  zonefile: {zone}.zone\n"
                    ),
                    vec![program, "-d".to_owned(), "-c".to_owned(), format!("{place}/config")],
                ),
                _ => (
                    format!(
                        "options => {{ listen => [\"{ip}:{port}\"], udp_threads => 1, tcp_threads => 1, run_dir => \"{place}/run\", state_dir => \"{place}/state\" }}\n"
                    ),
                    vec![program, "-c".to_owned(), place.clone(), "start".to_owned()],
                ),
            };
            write(&folder.join("config"), &config)?;
            servers.push(Server::start(name, address, &command, &folder)?);
        }
        Ok(servers)
    }
}

fn estate(content: Content) -> String {
    let zone = content.zone();
    let mut text = "[[region]]\nid = \"home\"\n".to_owned();
    for az in 1..=3 {
        let _ = write!(text, "[[zone]]\nid = \"az{az}\"\nregion = \"home\"\n");
    }
    match content {
        Content::Small(_) => {
            let _ = write!(text, "[[hosted_zone]]\nname = \"{zone}.\"\nfile = \"{zone}.zone\"\n");
        }
        Content::Big(_) => {
            let _ = write!(text, "[[hosted_zone]]\nname = \"{zone}.\"\nsource = \"node\"\n");
        }
        Content::Policy(names) => {
            let _ = write!(text, "[[hosted_zone]]\nname = \"{zone}.\"\n");
            for name in 0..names {
                let _ = write!(text, "[[pool]]\nname = \"p{name}\"\nendpoints = [\n");
                for (az, host) in (1..=3).flat_map(|az| (1..=3).map(move |host| (az, host))) {
                    let weight = 10 * host;
                    let _ = writeln!(
                        text,
                        "  {{ address = \"10.{az}.{name}.{host}:80\", zone = \"az{az}\", weight = {weight} }},"
                    );
                }
                let _ = write!(
                    text,
                    "]\n[[record]]\nname = \"h{name:07}.{zone}.\"\ntype = \"A\"\nttl = \"5s\"\nanswer = {{ pool = \"p{name}\" }}\nchoose = [\"open\", \"weighted\", \"take 3\"]\n"
                );
            }
        }
    }
    text
}

fn made(folder: &Path, name: &str) -> Told<PathBuf> {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

fn write(path: &Path, text: &str) -> Told<()> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn installed(program: &str) -> Option<String> {
    ["/usr/sbin", "/usr/bin", "/usr/local/sbin"]
        .iter()
        .map(|folder| format!("{folder}/{program}"))
        .find(|path| Path::new(path).is_file())
}
