//! Two network namespaces with a link between them: one for servers, one for those who ask them. Nothing of the host is changed; needs root.

use std::fs::File;
use std::process::{Command, Stdio};

use nix::sched::{CloneFlags, setns};

use crate::Told;

/// The servers' end of the link.
pub const SERVERS: &str = "s0";
/// The other end.
pub const CLIENTS: &str = "c0";

/// The namespaces; gone when it is dropped.
#[derive(Debug)]
pub struct Pair {
    /// The servers', the clients'.
    pub names: [String; 2],
}

impl Pair {
    /// Makes them, with these addresses (`10.92.0.1/24`) at the servers' end and at the other. Their names begin with `prefix`.
    ///
    /// # Errors
    ///
    /// Without root, or where the kernel lacks one of the means.
    pub fn new(prefix: &str, addresses: [&str; 2]) -> Told<Pair> {
        let pair = Pair { names: ["srv", "cli"].map(|end| format!("{prefix}{}-{end}", std::process::id())) };
        let [servers, clients] = &pair.names;
        ip(&["netns", "add", servers])?;
        ip(&["netns", "add", clients])?;
        ip(&[
            "-n", servers, "link", "add", SERVERS, "type", "veth", "peer", "name", CLIENTS, "netns", clients,
        ])?;
        for ((name, interface), address) in
            [(servers, SERVERS), (clients, CLIENTS)].into_iter().zip(addresses)
        {
            ip(&["-n", name, "addr", "add", address, "dev", interface])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
            ip(&["-n", name, "link", "set", interface, "up"])?;
        }
        Ok(pair)
    }

    /// Both, to be entered.
    ///
    /// # Errors
    ///
    /// When one of them cannot be opened.
    pub fn open(&self) -> Told<[File; 2]> {
        let open = |name: &str| {
            let path = format!("/run/netns/{name}");
            File::open(&path).map_err(|error| format!("{path}: {error}"))
        };
        Ok([open(&self.names[0])?, open(&self.names[1])?])
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for name in &self.names {
            // What cannot be deleted is gone.
            let _ = ip(&["netns", "delete", name]);
        }
    }
}

/// The namespace that this thread is in.
///
/// # Errors
///
/// What the system says.
pub fn current() -> Told<File> {
    let path = "/proc/thread-self/ns/net";
    File::open(path).map_err(|error| format!("{path}: {error}"))
}

/// Puts this thread into a namespace, and what it starts from now on.
///
/// # Errors
///
/// Without root.
pub fn enter(namespace: &File) -> Told<()> {
    setns(namespace, CloneFlags::CLONE_NEWNET)
        .map_err(|error| format!("cannot enter a network namespace: {error}; it needs root"))
}

/// Runs `ip`.
///
/// # Errors
///
/// What it says.
pub fn ip(arguments: &[&str]) -> Told<()> {
    let output = Command::new("ip").args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("cannot run ip: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("`ip {}`: {}; it needs root", arguments.join(" "), said.trim()))
}
