//! The world of the table: the three zones of [`World`], a pool for each fault, and the means to break its endpoints.
//!
//! 1. Endpoints are `balancer/faulty.py`, a process in each zone, each endpoint with an address of its own; those with a clock are processes of their own.
//! 2. nftables drop by address and port, so that a black hole is one for its own zone's balancer, too.
//! 3. Names are served by knotd in the control node's namespace, disks are small file systems, certificates openssl's.
//!
//! Not here: what is decided (`failures`).

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::cell::{Cell, ENDPOINTS, Fault, Scope};
use super::files::{all, checks, endpoint, listen, make_certificates, pool, socket};
use super::seen::Seer;
use crate::clock;
use crate::estate::{self, CONTROL, ZONES, address};
use crate::load::{Load, python, script};
use crate::netns::enter;
use crate::process::{Running, must, output};
use crate::wait::wait_for;
use crate::world::{DEADLINE, World};

/// Where knotd listens.
const DNS_PORT: u16 = 5_300;
/// Requests a second, of all pools that have some, in all zones.
const RATE_PER_POOL: u32 = 75;

/// Addresses that requests come from.
const CLIENTS: u32 = 30;

/// The running world.
pub struct FaultyWorld {
    load: Option<Load>,
    running: Vec<Running>,
    knot: std::cell::RefCell<Option<Running>>,
    mounts: Vec<PathBuf>,
    faults: Vec<Fault>,
    world: World,
}

impl FaultyWorld {
    /// Builds and starts it with the pools of these faults and checks with this time-out (those of `half` and `loss` have their own), and waits until
    /// all is well. Moves this thread into the control node's namespace.
    ///
    /// # Panics
    ///
    /// Without root, or one of the programs.
    pub fn start(faults: &[Fault], timeout: Duration) -> FaultyWorld {
        let world = World::build();
        for (zone, _, address) in all() {
            world.network.add_address(zone, &address);
        }
        let mut made = FaultyWorld {
            load: None,
            running: Vec::new(),
            knot: std::cell::RefCell::default(),
            mounts: Vec::new(),
            faults: faults.to_vec(),
            world,
        };
        made.write_files(timeout);
        made.start_endpoints();
        made.start_knot();
        made.world.start_node("control");
        for zone in ZONES {
            made.world.start_node(zone);
        }
        made.world.wait_until_serving();
        made.advise();
        made.start_load();
        enter(&made.world.network, "control");
        made.await_well();
        made
    }

    /// The faults that have a pool.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// One who asks the control node; in the thread that started the world.
    pub fn seer(&self) -> Seer {
        let token = self.world.place("control").join("data/operator.token");
        Seer::new(&std::fs::read_to_string(token).expect("the node has made it"))
    }

    fn folder(&self) -> PathBuf {
        self.world.folder().join("faulty")
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder().join(name);
        std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    fn write_files(&mut self, timeout: Duration) {
        for name in ["broken", "tls", "knot/db"] {
            std::fs::create_dir_all(self.folder().join(name)).expect("a folder of our own");
        }
        let now = UNIX_EPOCH.elapsed().expect("a clock after 1970").as_secs();
        self.write("credential", &format!("{} {}", now - 60, now + 3_600));
        make_certificates(&self.folder().join("tls"));
        let root = self.world.folder();
        std::fs::copy(self.folder().join("tls/ca.pem"), root.join("services-ca.pem")).expect("it was made");
        for (_, _, address) in all() {
            clock::set(&self.clock_of(&address), 0);
            if self.faults.contains(&Fault::Disk) {
                let disk = self.folder().join("disk").join(&address);
                std::fs::create_dir_all(&disk).expect("a folder");
                must(Command::new("mount").args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"]).arg(&disk));
                self.mounts.push(disk);
            }
        }
        let text: String = self.faults.iter().map(|fault| pool(*fault)).collect();
        let text = estate::estate() + &checks(timeout) + &text;
        std::fs::write(root.join("estate.toml"), text).expect("the estate file");
        let sources = format!("\n[sources]\nresolvers = [\"{CONTROL}:{DNS_PORT}\"]\n");
        let node = root.join("control/node.toml");
        std::fs::write(node, estate::control_node() + &sources).expect("the node file");
        self.write_names(&[]);
    }

    fn clock_of(&self, address: &str) -> PathBuf {
        self.folder().join(format!("clock-{address}"))
    }

    /// The zone with the names of all endpoints but these.
    fn write_names(&self, without: &[(&'static str, u32)]) {
        let now = UNIX_EPOCH.elapsed().expect("a clock after 1970").as_millis() / 100 % 4_000_000_000;
        let mut text = format!(
            "$ORIGIN svc.test.\n$TTL 1\n@ SOA ns hostmaster {now} 5 2 600 1\n@ NS ns\nns A {CONTROL}\n"
        );
        for (zone, number, address) in all() {
            text.push_str(&format!("_dns._tcp SRV 0 0 {} {zone}-{number}\n", Fault::Dns.port()));
            if !without.contains(&(zone, number)) {
                text.push_str(&format!("{zone}-{number} A {address}\n"));
            }
        }
        // As a whole: the server may read at any moment.
        self.write("knot/zone.new", &text);
        let place = |name: &str| self.folder().join("knot").join(name);
        std::fs::rename(place("zone.new"), place("zone")).expect("one folder");
        if let Some(knot) = &*self.knot.borrow() {
            let id = Pid::from_raw(i32::try_from(knot.id()).expect("a process id"));
            kill(id, Signal::SIGHUP).expect("knotd lives");
        }
    }

    fn start_knot(&self) {
        if !self.faults.contains(&Fault::Dns) {
            return;
        }
        let folder = self.folder().join("knot").display().to_string();
        self.write(
            "knot/knot.conf",
            &format!(
                "server:\n    listen: {CONTROL}@{DNS_PORT}\n    rundir: \"{folder}\"\n    user: root:root\nlog:\n  - target: stderr\n    any: info\n\
                 database:\n    storage: \"{folder}/db\"\nzone:\n  - domain: svc.test.\n    file: \"{folder}/zone\"\n    journal-content: none\n    zonefile-load: whole\n"
            ),
        );
        // `ip netns exec` becomes knotd, so that its id is ours to signal.
        let mut command = self.world.network.command("control", "knotd");
        command.arg("-c").arg(self.folder().join("knot/knot.conf"));
        *self.knot.borrow_mut() = Some(Running::start(command, &self.folder().join("knot.log")));
    }

    fn start_endpoints(&mut self) {
        let name = |fault: Fault, address: &str| format!("{}@{}", fault.pool(), socket(fault, address));
        let has_clock = self.faults.contains(&Fault::Clock);
        for zone in ZONES {
            let mut command = self.world.network.command(zone, python());
            command.arg(script("faulty.py")).arg(self.folder());
            for fault in self.faults.iter().filter(|fault| **fault != Fault::Clock) {
                command.args((0..ENDPOINTS).map(|number| name(*fault, &endpoint(zone, number))));
            }
            let log = self.folder().join(format!("{zone}.log"));
            self.running.push(Running::start(command, &log));
        }
        for (zone, _, address) in all().filter(|_| has_clock) {
            let mut command = self.world.network.command(zone, "env");
            command.args(clock::arguments(&self.clock_of(&address))).arg(python());
            command.arg(script("faulty.py")).arg(self.folder()).arg(name(Fault::Clock, &address));
            self.running.push(Running::start(command, &self.folder().join(format!("clock-{address}.log"))));
        }
        for running in &mut self.running {
            wait_for("endpoints to listen", DEADLINE, || {
                let text = running.text();
                if text.contains("ready") { Ok(()) } else { Err(text) }
            });
        }
    }

    /// Sets autoshift to advise. It wants to know first who would say that a practice run hurts.
    fn advise(&self) {
        for fault in &self.faults {
            let resource = format!("pool/{}", fault.pool());
            for words in [
                &["practice", "configure", &resource, "--outcome-alarm", "health-check:web"][..],
                &["autoshift", "advise", &resource],
            ] {
                self.cli(words).unwrap_or_else(|error| panic!("{error}"));
            }
        }
    }

    fn start_load(&mut self) {
        let busy = self.faults.iter().filter(|fault| fault.has_requests());
        let places: Vec<String> = busy
            .flat_map(|fault| ZONES.map(|zone| format!("{}:{}", address(zone), listen(*fault))))
            .collect();
        let pools = u32::try_from(places.len() / ZONES.len()).expect("a few");
        if pools == 0 {
            return;
        }
        // Many clients: the detector leaves out the two with most faults, lest one client make a zone.
        let sources: Vec<String> = (0..CLIENTS).map(|client| format!("10.77.201.{}", 1 + client)).collect();
        for source in &sources {
            self.world.network.add_address("client", source);
        }
        self.load = Some(Load::start_from(&self.world, pools * RATE_PER_POOL, &places, false, &sources));
    }

    fn await_well(&self) {
        let seer = self.seer();
        let count = u32::try_from(all().count()).expect("a dozen");
        wait_for("all pools to be well", DEADLINE, || {
            let now = seer.look();
            let is_well = |fault: &&Fault| {
                let pool = &now[fault.pool()];
                pool.is_well() && (pool.serving, pool.of) == (count, count)
            };
            let bad = self.faults.iter().find(|fault| !is_well(fault));
            bad.map_or(Ok(()), |fault| Err(format!("{fault:?}: {:?}", now[fault.pool()])))
        });
    }

    /// Breaks a cell's endpoints, or mends them.
    ///
    /// # Panics
    ///
    /// When that cannot be done.
    pub fn set(&self, cell: Cell, broken: bool) {
        let endpoints = cell.endpoints();
        match cell.fault {
            Fault::BlackHole => self.drop_packets(cell, broken, "drop"),
            Fault::Loss => self.drop_packets(cell, broken, "numgen random mod 100 < 30 drop"),
            Fault::Dns => self.set_names(cell, broken),
            Fault::Disk | Fault::Clock => {
                for (zone, number) in endpoints {
                    let address = endpoint(zone, number);
                    if cell.fault == Fault::Clock {
                        clock::set(&self.clock_of(&address), if broken { 7_200 } else { 0 });
                    } else {
                        fill(&self.folder().join("disk").join(address).join("filler"), broken);
                    }
                }
            }
            _ => {
                let how = if (cell.fault, cell.scope) == (Fault::Half, Scope::One) {
                    "every second"
                } else {
                    "all"
                };
                for (zone, number) in endpoints {
                    let name = format!("broken/{}@{}", cell.fault.pool(), endpoint(zone, number));
                    if broken {
                        self.write(&name, how);
                    } else {
                        std::fs::remove_file(self.folder().join(name)).expect("it was broken");
                    }
                }
            }
        }
    }

    fn drop_packets(&self, cell: Cell, broken: bool, how: &str) {
        let table = format!("inet {}", cell.fault.pool());
        for zone in ZONES {
            let hit = cell.endpoints().into_iter().filter(|(of, _)| *of == zone);
            let addresses: Vec<String> = hit.map(|(zone, number)| endpoint(zone, number)).collect();
            if addresses.is_empty() {
                continue;
            }
            let mut rules = format!("add table {table}\ndelete table {table}\n");
            if broken {
                let (to, port) = (addresses.join(", "), cell.fault.port());
                rules.push_str(&format!(
                    "table {table} {{ chain in {{ type filter hook input priority 0; ip daddr {{ {to} }} tcp dport {port} {how}; }}; }}"
                ));
            }
            must(self.world.network.command(zone, "nft").arg(rules));
        }
    }

    fn set_names(&self, cell: Cell, broken: bool) {
        match (cell.scope, broken) {
            (Scope::All, true) => drop(self.knot.borrow_mut().take()),
            (Scope::All, false) => self.start_knot(),
            (_, true) => self.write_names(&cell.endpoints()),
            (_, false) => self.write_names(&[]),
        }
    }

    /// Runs `holdfast` beside the control node.
    ///
    /// # Errors
    ///
    /// What it said when it ended badly.
    pub fn cli(&self, words: &[&str]) -> Result<(), String> {
        let told = self.world.cli(words);
        let error = String::from_utf8_lossy(&told.stderr);
        if told.status.success() { Ok(()) } else { Err(format!("holdfast {}: {error}", words.join(" "))) }
    }

    /// Fails when a node has logged an error.
    pub fn assert_no_errors(&self) {
        self.world.assert_no_errors();
    }
}

impl Drop for FaultyWorld {
    fn drop(&mut self) {
        self.load = None;
        self.running.clear();
        for mount in &self.mounts {
            // One that is still in use goes when nobody uses it any more.
            output(Command::new("umount").arg("-l").arg(mount));
        }
    }
}

/// Takes all the room of a file system, or gives it back.
fn fill(file: &Path, full: bool) {
    if !full {
        std::fs::remove_file(file).expect("it was full");
        return;
    }
    // Until it refuses: how much goes in is the file system's business.
    let block = [0_u8; 4_096];
    let mut filler = std::fs::File::create(file).expect("the disk is there");
    while std::io::Write::write_all(&mut filler, &block).is_ok() {}
}
