//! The world of five places: etcd and a control node in each, twenty data planes in three zones, all real processes in namespaces.
//!
//! 1. A place is a namespace with an etcd member and a control node; what both keep is in the place's folder `disk`.
//! 2. A zone is a namespace with the data planes of that zone, each under an address of its own.
//! 3. Whoever asks is in the clients' namespace: the thread that builds the world enters it, and every thread that it starts.
//! 4. Processes die with that thread, namespaces and mounts with the world; what a killed run has left, the next one removes.
//!
//! Not here: harm (`faults`), those who ask (`clients`), what must hold (`truth`, `watch`, `run`).

pub mod clients;
pub mod etcd;
pub mod faults;
pub mod layout;
pub mod measure;
pub mod run;
pub mod truth;
pub mod watch;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use hf_api::{ApplyEstate, Client};
use nix::sys::signal::Signal;

use crate::clock;
use crate::netns::{Network, enter};
use crate::process::{Running, holdfast, must, output};
use crate::wait::wait_for;
use etcd::Joins;
use layout::{
    CLIENT, CLIENT_ADDRESS, PLACES, PLANES, ZONES, api, control_name, control_node, estate, etcd_client,
    member_name, place_address, place_name, plane_address, plane_name, plane_node, tells_status, zone_of,
};

/// How long anything may take to become so on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(40);
/// Room on the disk of a place whose disk will be full: etcd's files of 64 MB, two of them, and some.
const SMALL_DISK: &str = "size=256m";

/// What the folders of worlds begin with; the process that made them follows.
const FOLDER: &str = "holdfast-places-";

/// What is special about a world.
#[derive(Clone, Copy, Debug, Default)]
pub struct Special {
    /// The place whose control node has a clock that can be set.
    pub odd_clock: Option<usize>,
    /// The place with a disk of its own that can be filled.
    pub small_disk: Option<usize>,
}

/// The running world.
pub struct Places {
    running: BTreeMap<String, Running>,
    special: Special,
    token: String,
    break_glass_key: String,
    /// For those who ask; its threads are in the clients' namespace.
    pub runtime: tokio::runtime::Runtime,
    /// The namespaces.
    pub network: Network,
    folder: tempfile::TempDir,
}

impl Places {
    /// Builds the namespaces and files. Nothing runs yet.
    ///
    /// # Panics
    ///
    /// Without root, or without a program that is needed.
    pub fn build(special: Special) -> Places {
        remove_orphans();
        let prefix = format!("{FOLDER}{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir().expect("a temporary folder");
        let mut network = Network::new();
        for place in 0..PLACES {
            network.add(&place_name(place), &place_address(place).to_string());
        }
        for plane in 0..PLANES {
            let (zone, address) = (ZONES[zone_of(plane)], plane_address(plane).to_string());
            if plane < ZONES.len() {
                network.add(zone, &address);
            } else {
                network.add_address(zone, &address);
            }
        }
        network.add(CLIENT, &CLIENT_ADDRESS.to_string());
        enter(&network, CLIENT);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        let mut world = Places {
            running: BTreeMap::new(),
            special,
            token: String::new(),
            break_glass_key: String::new(),
            runtime,
            network,
            folder,
        };
        world.write_files();
        world
    }

    /// Builds the world, starts everything, puts the estate in force and waits until every plane obeys it.
    pub fn start(special: Special) -> Places {
        let mut world = Places::build(special);
        for place in 0..PLACES {
            world.start_member(place, Joins::Founder);
        }
        wait_for("etcd's leader", DEADLINE, || world.leader().ok_or_else(|| world.tail("m1", 5)));
        for place in 0..PLACES {
            world.start_control(place);
        }
        for plane in 0..PLANES {
            world.start_plane(plane);
        }
        let apply = ApplyEstate { toml: estate(), ..ApplyEstate::default() };
        let client = world.client(&(0..PLACES).collect::<Vec<_>>());
        wait_for("the estate to be taken", DEADLINE, || {
            world.runtime.block_on(client.apply_estate(&apply)).map_err(|error| error.to_string())
        });
        world.wait_for_planes("obey the estate", |status| status.zones.len() == ZONES.len());
        world
    }

    fn write_files(&mut self) {
        let certs = self.folder().join("certs");
        must(Command::new(holdfast()).args(["cert", "authority"]).arg(&certs));
        let nodes = (0..PLACES).map(|place| (control_name(place), place_address(place)));
        let nodes = nodes.chain((0..PLANES).map(|plane| (plane_name(plane), plane_address(plane))));
        for (node, own) in nodes.chain([("watcher".to_owned(), CLIENT_ADDRESS)]) {
            let mut command = Command::new(holdfast());
            command.args(["cert", "node", &node, "--address", &own.to_string(), "--folder"]).arg(&certs);
            must(&mut command);
        }
        let access = self.folder().join("access.toml");
        let edit = |words: &[&str]| {
            must(Command::new(holdfast()).arg("access").arg("--file").arg(&access).args(words))
        };
        let roles = ["read", "operate", "administer", "break-glass"].map(|role| format!("--role={role}"));
        let mut words = vec!["add", "tester"];
        words.extend(roles.iter().map(String::as_str));
        edit(&words);
        edit(&["token", "tester"]).trim().clone_into(&mut self.token);
        self.break_glass_key = self.make_runbook();
        for place in 0..PLACES {
            std::fs::create_dir_all(self.disk(place)).expect("a folder for the place's disk");
            if self.special.small_disk == Some(place) {
                let mut mount = Command::new("mount");
                must(mount.args(["-t", "tmpfs", "-o", SMALL_DISK, "tmpfs"]).arg(self.disk(place)));
            }
            let text = format!("{}\n{}", control_node(place), layout::break_glass_key(&self.break_glass_key));
            write(&self.place(place).join("node.toml"), &text);
            write(&self.place(place).join("clock"), "+0");
        }
        for plane in 0..PLANES {
            std::fs::create_dir_all(self.plane(plane)).expect("a folder for the plane");
            write(&self.plane(plane).join("node.toml"), &plane_node(plane, &self.break_glass_key));
        }
    }

    /// Makes the operator's runbook: all control nodes, and of the planes the first of each zone and one more; gives the public key.
    fn make_runbook(&self) -> String {
        let mut command = Command::new(holdfast());
        command.args(["runbook", "init", "--operator", "operator"]);
        for place in 0..PLACES {
            command.args(["--endpoint", &api(place_address(place))]);
        }
        for plane in 0..PLANES {
            command.args(["--node", &api(plane_address(plane))]);
        }
        let told = must(command.arg("--runbook").arg(self.folder().join("runbook.toml")));
        let key = told.lines().find_map(|line| line.strip_prefix("public_key = \"")).expect("the public key");
        key.trim_end_matches('"').to_owned()
    }

    /// The world's folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A place's folder.
    pub fn place(&self, place: usize) -> PathBuf {
        self.folder().join(place_name(place))
    }

    /// What a place keeps.
    pub fn disk(&self, place: usize) -> PathBuf {
        self.place(place).join("disk")
    }

    /// A plane's folder.
    pub fn plane(&self, plane: usize) -> PathBuf {
        self.folder().join(plane_name(plane))
    }

    /// The credential that all nodes take.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Starts a member of etcd.
    pub fn start_member(&mut self, place: usize, joins: Joins) {
        let mut command = self.guarded(&place_name(place));
        command.arg("etcd").args(etcd::arguments(place, &self.disk(place).join("etcd"), joins));
        self.run(&member_name(place), command);
    }

    /// Starts a control node.
    pub fn start_control(&mut self, place: usize) {
        let mut command = self.guarded(&place_name(place));
        if self.special.odd_clock == Some(place) {
            command.arg("env").args(clock::arguments(&self.place(place).join("clock")));
        }
        command.arg(holdfast()).args(["serve", "-c"]).arg(self.place(place).join("node.toml"));
        self.run(&control_name(place), command);
    }

    /// Starts a data plane.
    pub fn start_plane(&mut self, plane: usize) {
        let mut command = self.guarded(ZONES[zone_of(plane)]);
        command.arg(holdfast()).args(["serve", "-c"]).arg(self.plane(plane).join("node.toml"));
        self.run(&plane_name(plane), command);
    }

    /// A command in a namespace whose process dies with this thread, however that ends.
    fn guarded(&self, namespace: &str) -> Command {
        let mut command = self.network.command(namespace, "setpriv");
        command.args(["--pdeathsig", "KILL"]);
        command
    }

    fn run(&mut self, name: &str, command: Command) {
        let log = self.log_file(name);
        self.running.insert(name.to_owned(), Running::start(command, &log));
    }

    fn log_file(&self, name: &str) -> PathBuf {
        self.folder().join(format!("{name}.log"))
    }

    /// Whether a process runs (or stands still).
    pub fn is_running(&mut self, name: &str) -> bool {
        self.running.get_mut(name).is_some_and(|running| running.ended().is_none())
    }

    /// Kills a process with SIGKILL; one that has ended already is as good.
    pub fn kill(&mut self, name: &str) {
        self.running.remove(name);
    }

    /// Sends a process a signal.
    pub fn signal(&self, name: &str, signal: Signal) {
        let running = self.running.get(name).expect("a process of this world");
        let id = nix::unistd::Pid::from_raw(i32::try_from(running.id()).expect("a process id"));
        // It may have ended on its own.
        let _ = nix::sys::signal::kill(id, signal);
    }

    /// A client of some control nodes.
    pub fn client(&self, places: &[usize]) -> Client {
        let endpoints = places.iter().map(|place| api(place_address(*place))).collect();
        Client::new(endpoints, Some(self.token.clone())).expect("endpoints as they should be")
    }

    /// A client of one plane.
    pub fn plane_client(&self, plane: usize) -> Client {
        Client::new(vec![api(plane_address(plane))], Some(self.token.clone())).expect("an endpoint")
    }

    /// Until every plane's own status is so.
    pub fn wait_for_planes(&self, what: &str, is_so: impl Fn(&hf_api::Status) -> bool) {
        for plane in 0..PLANES {
            let (name, client) = (plane_name(plane), self.plane_client(plane));
            wait_for(&format!("{name} to {what}"), DEADLINE, || {
                let status = self.runtime.block_on(client.status()).map_err(|error| error.to_string())?;
                if is_so(&status) { Ok(()) } else { Err(format!("revision {}", status.revision)) }
            });
        }
    }

    /// Which zones a plane sends to, as those see it who ask it: zone status, or DNS.
    pub fn serves(&self, plane: usize) -> Result<[bool; ZONES.len()], String> {
        let name = plane_name(plane);
        if tells_status(plane) {
            let mut open = [false; ZONES.len()];
            for (zone, open) in ZONES.iter().zip(&mut open) {
                let url = format!("http://{}:7601/status/{zone}", plane_address(plane));
                let mut curl = Command::new("curl");
                let told = output(curl.args([
                    "-s",
                    "--max-time",
                    "3",
                    "-o",
                    "/dev/null",
                    "-w",
                    "%{http_code}",
                    &url,
                ]));
                *open = match String::from_utf8_lossy(&told.stdout).as_ref() {
                    "200" => true,
                    "500" => false,
                    other => return Err(format!("{name} answers {other} for {zone}")),
                };
            }
            return Ok(open);
        }
        let mut dig = Command::new("dig");
        let server = format!("@{}", plane_address(plane));
        let told = output(dig.args(["+short", "+time=2", "+tries=2", &server, layout::NAME, "A"]));
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        if !told.status.success() || text.trim().is_empty() {
            return Err(format!("{name} answers {text:?}"));
        }
        Ok(std::array::from_fn(|zone| text.lines().any(|line| line == layout::endpoint(zone).to_string())))
    }

    /// Runs `holdfast` as an operator with the runbook.
    pub fn cli(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(holdfast());
        let runbook = self.folder().join("runbook.toml");
        output(command.args(arguments).env("HOLDFAST_TOKEN", &self.token).env("HOLDFAST_RUNBOOK", runbook))
    }

    /// All names of processes that were ever started.
    fn names() -> impl Iterator<Item = String> {
        let places = (0..PLACES).flat_map(|place| [member_name(place), control_name(place)]);
        places.chain((0..PLANES).map(plane_name))
    }

    /// What a process has logged.
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.log_file(name)).unwrap_or_default()
    }

    fn tail(&self, name: &str, count: usize) -> String {
        let log = self.log(name);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    /// Lines that no node may log, whatever happens to it, but for those that a fault brings with it.
    pub fn errors(&self, is_expected: impl Fn(&str, &str) -> bool) -> Vec<String> {
        let nodes = Places::names().filter(|name| !name.starts_with('m'));
        nodes
            .flat_map(|name| {
                let log = self.log(&name);
                let bad = |line: &&str| line.contains("ERROR") || line.contains("panicked");
                let bad = log.lines().filter(bad).filter(|line| !is_expected(&name, line));
                bad.map(|line| format!("{name}: {line}")).collect::<Vec<_>>()
            })
            .collect()
    }

    /// The memory of all processes, in KiB, as the system counts what is theirs alone and their part of what is shared.
    pub fn memory_kib(&self) -> u64 {
        let of = |running: &Running| {
            let path = format!("/proc/{}/smaps_rollup", running.id());
            let text = std::fs::read_to_string(path).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with("Pss:"));
            line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
        };
        self.running.values().map(of).sum::<u64>()
    }

    /// etcd's members as a ledger's configuration, all of them.
    pub fn etcd_config(&self) -> hf_config::node::EtcdConfig {
        hf_config::node::EtcdConfig {
            endpoints: (0..PLACES).map(etcd_client).collect(),
            prefix: "/holdfast/".to_owned(),
            login: None,
            tls: None,
        }
    }
}

impl Drop for Places {
    /// A run that fails shows what the nodes had to say.
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in Places::names() {
                eprintln!("-- the end of {name}'s log:\n{}", self.tail(&name, 8));
            }
            if std::env::var_os("HF_KEEP").is_some() {
                let kept = std::env::temp_dir().join(format!("holdfast-kept-{}", std::process::id()));
                output(Command::new("cp").arg("-r").arg(self.folder()).arg(&kept));
                eprintln!("-- logs and files are kept in {}", kept.display());
            }
        }
        self.running.clear();
        if let Some(place) = self.special.small_disk {
            output(Command::new("umount").arg("--lazy").arg(self.disk(place)));
        }
    }
}

/// Removes the folders and mounts of processes that are gone.
fn remove_orphans() {
    let Ok(entries) = std::fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let maker = name.strip_prefix(FOLDER).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if maker.is_some_and(|maker| !Path::new(&format!("/proc/{maker}")).exists()) {
            for place in 0..PLACES {
                // Most have none.
                output(
                    Command::new("umount")
                        .arg("--lazy")
                        .arg(entry.path().join(place_name(place)).join("disk")),
                );
            }
            let _ = std::fs::remove_dir_all(entry.path()); // what cannot be removed does no harm
        }
    }
}

/// How long something took.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = Instant::now();
    let done = work();
    (done, begun.elapsed())
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
