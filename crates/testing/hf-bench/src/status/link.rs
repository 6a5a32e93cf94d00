//! Where servers and watchers stand to one another: over the loopback device, or over a link between two network namespaces.
//!
//! 1. Over loopback the kernel does the receiver's half of the work on the sender's core: it takes a packet in, finds the socket and wakes the reader before
//!    the sender's call returns. Between machines that half is the other machine's.
//! 2. A link is two namespaces with a pair of virtual interfaces between them. What comes out of an end is taken in on the core of those who live there
//!    (receive packet steering): what watchers are sent on core 1, what they send, their acknowledgements too, on core 0.
//! 3. Nothing of the host is changed: interfaces, addresses, routes and steering are those of the two namespaces, which are gone with the benchmark. That needs root.
//!
//! Not here: cores of processes (`cores`).

use std::fs::File;
use std::net::{IpAddr, Ipv4Addr};

use crate::Told;
use crate::netns::{self, Pair, enter, ip};

const SERVER: &str = "10.93.0.1/30";
const WATCHERS: &str = "10.93.0.2/30";
/// From which watchers come, each process of them from addresses of its own.
const SOURCES: &str = "10.94.0.0/16";

/// The way between servers and watchers.
pub struct Link {
    /// None: over loopback, where this program is.
    between: Option<Between>,
}

/// Namespaces to enter.
struct Between {
    servers: File,
    watchers: File,
    /// Where this program was.
    before: File,
    _both: Pair,
}

impl Link {
    /// Over loopback.
    pub fn loopback() -> Link {
        Link { between: None }
    }

    /// Over a link of its own; this thread, and what it starts from now on, is on the watchers' side of it.
    ///
    /// # Errors
    ///
    /// Without root, or where the kernel lacks one of the means.
    pub fn new() -> Told<Link> {
        let namespaces = Pair::new("hfs", [SERVER, WATCHERS])?;
        let [server, watchers] = &namespaces.names;
        let way = WATCHERS.trim_end_matches("/30");
        ip(&["-n", server, "route", "add", SOURCES, "via", way])?;
        ip(&["-n", watchers, "route", "add", "local", SOURCES, "dev", "lo"])?;
        steer(server, netns::SERVERS, 0)?;
        steer(watchers, netns::CLIENTS, 1)?;
        let [servers, watchers] = namespaces.open()?;
        let between = Between { servers, watchers, before: netns::current()?, _both: namespaces };
        enter(&between.watchers)?;
        Ok(Link { between: Some(between) })
    }

    /// Whether it is one of its own.
    pub fn is_own(&self) -> bool {
        self.between.is_some()
    }

    /// Where servers listen for watchers and polls.
    pub fn server(&self) -> IpAddr {
        if self.is_own() { Ipv4Addr::new(10, 93, 0, 1) } else { Ipv4Addr::LOCALHOST }.into()
    }

    /// Runs something with this thread on the servers' side, so that a process that is started there stays there.
    pub fn at_servers<T>(&self, work: impl FnOnce() -> T) -> Told<T> {
        let Some(between) = &self.between else { return Ok(work()) };
        enter(&between.servers)?;
        let made = work();
        enter(&between.watchers)?;
        Ok(made)
    }

    /// Segments of TCP that servers had to send again so far, for want of an acknowledgement in time.
    pub fn resent(&self) -> Told<u64> {
        let read = || std::fs::read_to_string("/proc/thread-self/net/snmp");
        let text = self.at_servers(read)?.map_err(|error| format!("/proc/thread-self/net/snmp: {error}"))?;
        Ok(resent_in(&text))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        if let Some(between) = &self.between {
            // It was there before, so it may be there again.
            let _ = enter(&between.before);
        }
    }
}

/// The address that some watchers of a process come from, where the node is at `node`.
pub fn source(node: IpAddr, process: u8, part: u8) -> Ipv4Addr {
    if node.is_loopback() {
        Ipv4Addr::new(127, 1, process, part)
    } else {
        Ipv4Addr::new(10, 94, process, part)
    }
}

/// Has what comes out of this interface taken in on this core.
fn steer(namespace: &str, interface: &str, core: u8) -> Told<()> {
    let write = format!("echo {} > /sys/class/net/{interface}/queues/rx-0/rps_cpus", 1 << core);
    // `ip netns exec` has the namespace's own /sys.
    ip(&["netns", "exec", namespace, "sh", "-c", &write])
}

/// `RetransSegs` of `/proc/net/snmp`: a line of names, and a line of figures below it.
fn resent_in(snmp: &str) -> u64 {
    let mut lines = snmp.lines().filter(|line| line.starts_with("Tcp:")).map(str::split_whitespace);
    let (Some(mut names), Some(mut figures)) = (lines.next(), lines.next()) else { return 0 };
    let at = names.position(|name| name == "RetransSegs");
    at.and_then(|at| figures.nth(at)?.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_again_is_found_by_its_name() {
        let snmp = "Ip: Forwarding\nIp: 1\nTcp: OutSegs RetransSegs InErrs\nTcp: 900 7 1\nUdp: OutDatagrams\nUdp: 3\n";
        assert_eq!(resent_in(snmp), 7);
        assert_eq!(resent_in(""), 0);
    }

    #[test]
    fn watchers_come_from_where_the_node_can_answer() {
        let from = |node: &str| source(node.parse().unwrap(), 2, 3).to_string();
        assert_eq!([from("127.0.0.1"), from("10.93.0.1")], ["127.1.2.3", "10.94.2.3"]);
    }
}
