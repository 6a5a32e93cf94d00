//! AF_XDP against our own sockets, over a virtual link between two network namespaces.

use std::path::Path;
use std::process::{Command, Stdio};

use super::cases::{Case, Start, rounds};
use super::content::Content;
use super::load::{Queries, Wanted};
use super::report::Row;
use super::servers::Server;
use super::{Options, Told};

const SERVER: [u8; 4] = [10, 92, 0, 1];
const CLIENT: &str = "10.92.0.2/24";
const PORT: u16 = 17_300;

/// Two namespaces and their link; gone when it is dropped.
struct Link {
    names: [String; 2],
}

impl Link {
    fn new() -> Told<Link> {
        let names = ["srv", "cli"].map(|end| format!("hfb{}-{end}", std::process::id()));
        let link = Link { names };
        let [server, client] = &link.names;
        ip(&["netns", "add", server])?;
        ip(&["netns", "add", client])?;
        ip(&["-n", server, "link", "add", "s0", "type", "veth", "peer", "name", "c0", "netns", client])?;
        let own = format!("{}.{}.{}.{}/24", SERVER[0], SERVER[1], SERVER[2], SERVER[3]);
        for (name, interface, address) in [(server, "s0", own.as_str()), (client, "c0", CLIENT)] {
            ip(&["-n", name, "addr", "add", address, "dev", interface])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
            ip(&["-n", name, "link", "set", interface, "up"])?;
        }
        Ok(link)
    }

    /// What runs a program on the server's side.
    fn wrap(&self) -> Vec<String> {
        ["ip", "netns", "exec", &self.names[0]].map(str::to_owned).to_vec()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for name in &self.names {
            // What cannot be deleted is gone.
            let _ = ip(&["netns", "delete", name]);
        }
    }
}

/// Measures both ways, each beside the echo over sockets.
pub fn measure(options: &Options, holdfast: &Path) -> Told<Vec<Row>> {
    let link = Link::new()?;
    let path = format!("/run/netns/{}", link.names[1]);
    let namespace = std::fs::File::open(&path).map_err(|error| format!("{path}: {error}"))?;
    let own = std::fs::File::open("/proc/thread-self/ns/net").map_err(|error| error.to_string())?;
    let enter = |namespace: &std::fs::File| {
        nix::sched::setns(namespace, nix::sched::CloneFlags::CLONE_NEWNET)
            .map_err(|error| format!("cannot enter a network namespace: {error}"))
    };
    let content = Content::Small(1_000);
    let queries = Queries::new(b'h', content.zone(), content.names(), &[1, 28], false);
    let mut rows = Vec::new();
    let ways = [
        ("holdfast", ""),
        ("holdfast-skb", "[dns.xdp]\ninterface = \"s0\"\nqueues = [0]\nmode = \"generic\"\n"),
        ("holdfast-xdp", "[dns.xdp]\ninterface = \"s0\"\nqueues = [0]\nmode = \"native\"\n"),
    ];
    for (name, more) in ways {
        let folder = tempfile::tempdir().map_err(|error| format!("a temporary folder: {error}"))?;
        let wrap = link.wrap();
        let mut servers: Vec<Start<'_>> = Vec::new();
        if more.is_empty() {
            let echo = Server::echo(&wrap, (SERVER, PORT).into(), folder.path())?;
            servers.push(Box::new(move || Ok(Some(echo))));
        }
        let at = ((SERVER, PORT + 1).into(), content);
        let node = Server::holdfast(name, &wrap, holdfast, at, more, folder.path())?;
        servers.push(Box::new(move || Ok(Some(node))));
        enter(&namespace)?;
        let measured = rounds(&Case::Xdp.to_string(), servers, &queries, Wanted::Records, options);
        enter(&own)?;
        rows.extend(measured?);
    }
    // Over sockets it was measured beside the echo; the others by the median of that echo.
    if let Some(floor) = rows.first().map(|row| row.us_per_answer[0]) {
        for row in &mut rows[2..] {
            row.ratio = row.us_per_answer[0] / floor.max(1e-9);
        }
    }
    Ok(rows)
}

fn ip(arguments: &[&str]) -> Told<()> {
    let status = Command::new("ip").args(arguments).stdin(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`ip {}` ended with {status}; it needs root", arguments.join(" "))),
        Err(error) => Err(format!("cannot run ip: {error}")),
    }
}
