//! Network namespaces joined by one bridge.
//!
//! Their names carry the process that made them. What a run that was killed has left, the next one removes. Whoever still runs in one when
//! its test is over fails the test: it would hold ports, files and locks for those that follow.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::family::{is_running, kill_all, told};
use crate::process::{must, output};
use crate::wait::observe_for;

/// For those who were told to end, before they count as left behind.
const GOING: Duration = Duration::from_secs(2);
/// Between two looks at them.
const LOOK: Duration = Duration::from_millis(20);

/// Namespaces on a bridge; all are deleted when it is dropped. Nobody may run in them any more by then.
#[derive(Debug)]
pub struct Network {
    prefix: String,
    names: Vec<String>,
}

impl Network {
    /// A bridge with nobody on it. Names carry our process id, so that runs beside one another do not meet.
    ///
    /// # Panics
    ///
    /// Without root or iproute2.
    pub fn new() -> Network {
        remove_orphans();
        let network = Network { prefix: format!("hf{}", std::process::id()), names: Vec::new() };
        let hub = network.hub();
        ip(&["netns", "add", &hub]);
        ip(&["-n", &hub, "link", "add", "br0", "type", "bridge"]);
        ip(&["-n", &hub, "link", "set", "br0", "up"]);
        network
    }

    fn hub(&self) -> String {
        format!("{}-hub", self.prefix)
    }

    fn full(&self, name: &str) -> String {
        format!("{}-{name}", self.prefix)
    }

    /// Adds a namespace with one address of 10.0.0.0/8, such as `10.77.1.1`.
    pub fn add(&mut self, name: &str, address: &str) {
        let full = self.full(name);
        let hub = self.hub();
        ip(&["netns", "add", &full]);
        ip(&["-n", &full, "link", "set", "lo", "up"]);
        ip(&["-n", &full, "link", "add", "eth0", "type", "veth", "peer", "name", name, "netns", &hub]);
        ip(&["-n", &hub, "link", "set", name, "master", "br0", "up"]);
        ip(&["-n", &full, "addr", "add", &format!("{address}/8"), "dev", "eth0"]);
        ip(&["-n", &full, "link", "set", "eth0", "up"]);
        self.names.push(name.to_owned());
    }

    /// Gives a namespace one more address.
    pub fn add_address(&self, name: &str, address: &str) {
        ip(&["-n", &self.full(name), "addr", "add", &format!("{address}/8"), "dev", "eth0"]);
    }

    /// Drops what comes in from these addresses, and nothing else any more: with none, all comes in. Said in one namespace it is a cut of one
    /// way, said in both a cut of both. What was connected stays so and hears nothing, as behind a dead switch.
    pub fn deaf_to(&self, name: &str, addresses: &[String]) {
        let mut rules = "add table inet cut\ndelete table inet cut\n".to_owned();
        if !addresses.is_empty() {
            let from = addresses.join(", ");
            rules.push_str(&format!(
                "table inet cut {{ chain in {{ type filter hook input priority 0; ip saddr {{ {from} }} drop; }}; }}"
            ));
        }
        must(self.command(name, "nft").arg(rules));
    }

    /// A command that will run inside a namespace.
    pub fn command(&self, name: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.full(name)]).arg(program);
        command
    }

    /// Drops all that comes in or goes out, silently: a black hole. Inside the namespace everything works.
    pub fn black_hole(&self, name: &str) {
        let rules = "add table inet hole
            add chain inet hole in { type filter hook input priority 0; }
            add chain inet hole out { type filter hook output priority 0; }
            add rule inet hole in iifname \"eth0\" drop
            add rule inet hole out oifname \"eth0\" drop";
        must(self.command(name, "nft").arg(rules));
    }

    /// Ends the black hole.
    pub fn heal(&self, name: &str) {
        must(self.command(name, "nft").args(["delete", "table", "inet", "hole"]));
    }

    /// Takes the link down (as seen from the zone) or up again.
    pub fn link(&self, name: &str, up: bool) {
        ip(&["-n", &self.full(name), "link", "set", "eth0", if up { "up" } else { "down" }]);
    }
}

impl Default for Network {
    fn default() -> Self {
        Network::new()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let mut left = Vec::new();
        for name in self.names.iter().map(|name| self.full(name)).chain([self.hub()]) {
            wait_until_empty(&name);
            left.extend(end_all_in(&name));
            // What cannot be deleted is gone already.
            output(Command::new("ip").args(["netns", "delete", &name]));
        }
        if !std::thread::panicking() {
            assert!(left.is_empty(), "the test is over, and these still ran: {}", left.join("; "));
        }
    }
}

/// Who runs in a namespace, but this process.
fn running_in(name: &str) -> Vec<u32> {
    let listed = output(Command::new("ip").args(["netns", "pids", name]));
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    let numbers = listed.lines().filter_map(|line| line.trim().parse::<u32>().ok());
    numbers.filter(|number| *number != std::process::id() && is_running(*number)).collect()
}

/// Gives those a moment who were told to end and are about to.
fn wait_until_empty(name: &str) {
    let end = Instant::now() + GOING;
    while !running_in(name).is_empty() && Instant::now() < end {
        observe_for(LOOK);
    }
}

/// Kills who runs in a namespace, but this process; who they were.
fn end_all_in(name: &str) -> Vec<String> {
    let running = running_in(name);
    let left = running.iter().map(|process| told(*process)).collect();
    kill_all(&running);
    left
}

/// Moves this thread, and all that it starts from now on, into a namespace.
///
/// # Panics
///
/// Without root, or when there is no such namespace.
pub fn enter(network: &Network, name: &str) {
    let path = Path::new("/run/netns").join(network.full(name));
    let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    nix::sched::setns(file, nix::sched::CloneFlags::CLONE_NEWNET).expect("root may enter a namespace");
}

/// Removes the namespaces of processes that are gone, and whoever they left in them.
fn remove_orphans() {
    let Ok(entries) = std::fs::read_dir("/run/netns") else { return };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let maker = name.strip_prefix("hf").and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if maker.is_some_and(|maker| !Path::new(&format!("/proc/{maker}")).exists()) {
            end_all_in(&name);
            output(Command::new("ip").args(["netns", "delete", &name]));
        }
    }
}

fn ip(arguments: &[&str]) {
    must(Command::new("ip").args(arguments));
}
