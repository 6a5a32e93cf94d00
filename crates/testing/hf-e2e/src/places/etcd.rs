//! etcd's members, one in each place: real ones, over plain HTTP within the namespaces.
//!
//! Needs `etcd` and `etcdctl` (Debian: etcd-server, etcd-client); `./test` installs them.
//!
//! Not here: when they are killed and filled anew (`faults`).

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Places;
use super::layout::{CLIENT, PLACES, etcd_client, etcd_peer, member_name};
use crate::process::{must, output};
use crate::wait::wait_for;

/// How long a change of members may take: etcd refuses one for some seconds after another.
const MEMBERS: Duration = Duration::from_secs(30);

/// Whether a member begins a new cluster or joins the one that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joins {
    /// With the data that it has, or as one of the first.
    Founder,
    /// Anew, in the place of one that was lost.
    Existing,
}

/// The arguments of a member.
pub fn arguments(place: usize, data: &Path, joins: Joins) -> Vec<String> {
    let client = format!("http://{}", etcd_client(place));
    let all: Vec<String> = (0..PLACES).map(|at| format!("{}={}", member_name(at), etcd_peer(at))).collect();
    let state = if joins == Joins::Existing { "existing" } else { "new" };
    [
        ("name", member_name(place)),
        ("data-dir", data.display().to_string()),
        ("listen-client-urls", client.clone()),
        ("advertise-client-urls", client),
        ("listen-peer-urls", etcd_peer(place)),
        ("initial-advertise-peer-urls", etcd_peer(place)),
        ("initial-cluster", all.join(",")),
        ("initial-cluster-state", state.to_owned()),
        ("initial-cluster-token", "holdfast".to_owned()),
        ("pre-vote", "true".to_owned()),
        ("heartbeat-interval", "50".to_owned()),
        ("election-timeout", "500".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| format!("--{name}={value}"))
    .collect()
}

impl Places {
    fn etcdctl(&self, places: &[usize], arguments: &[&str]) -> Command {
        let endpoints: Vec<String> = places.iter().map(|place| etcd_client(*place).to_string()).collect();
        let mut command = self.network.command(CLIENT, "etcdctl");
        command.env("ETCDCTL_API", "3").args(["--dial-timeout=1s", "--command-timeout=3s"]);
        command.arg(format!("--endpoints={}", endpoints.join(","))).args(arguments);
        command
    }

    /// Puts a member in the place of one whose data are gone: the old one is taken out first.
    pub fn replace_member(&self, place: usize) {
        let others: Vec<usize> = (0..PLACES).filter(|other| *other != place).collect();
        let name = member_name(place);
        wait_for(&format!("etcd to let {name} go"), MEMBERS, || {
            let list = output(&mut self.etcdctl(&others, &["member", "list"]));
            if !list.status.success() {
                return Err(String::from_utf8_lossy(&list.stderr).into_owned());
            }
            // ID, started, NAME, PEERS, CLIENTS, LEARNER
            let text = String::from_utf8_lossy(&list.stdout).into_owned();
            let member = text.lines().find(|line| line.split(", ").nth(2) == Some(&name));
            let Some(id) = member.and_then(|line| line.split(',').next()) else { return Ok(()) };
            let removed = output(&mut self.etcdctl(&others, &["member", "remove", id]));
            Err(String::from_utf8_lossy(&removed.stderr).into_owned())
        });
        let peers = format!("--peer-urls={}", etcd_peer(place));
        wait_for(&format!("etcd to take {name} in"), MEMBERS, || {
            let list = output(&mut self.etcdctl(&others, &["member", "list"]));
            if String::from_utf8_lossy(&list.stdout).contains(&etcd_peer(place)) {
                return Ok(());
            }
            let added = output(&mut self.etcdctl(&others, &["member", "add", &name, &peers]));
            Err(String::from_utf8_lossy(&added.stderr).into_owned())
        });
    }

    /// Until every member holds the same, by etcd's own digest of all that it keeps at one revision.
    pub fn members_hold_the_same(&self) {
        let all: Vec<usize> = (0..PLACES).collect();
        wait_for("etcd's members to hold the same", MEMBERS, || {
            let text = must(&mut self.etcdctl(&[0], &["get", "/holdfast/head", "-w", "json"]));
            let head: serde_json::Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
            let revision = format!("--rev={}", head["header"]["revision"]);
            let hashes = output(&mut self.etcdctl(&all, &["endpoint", "hashkv", &revision]));
            if !hashes.status.success() {
                return Err(String::from_utf8_lossy(&hashes.stderr).into_owned());
            }
            let text = String::from_utf8_lossy(&hashes.stdout).into_owned();
            let mut digests: Vec<&str> = text.lines().filter_map(|line| line.split(", ").nth(1)).collect();
            digests.dedup();
            if digests.len() == 1 && text.lines().count() == PLACES { Ok(()) } else { Err(text) }
        });
    }

    /// The place of etcd's leader, if somebody knows it.
    pub fn leader(&self) -> Option<usize> {
        (0..PLACES).find(|place| {
            let status = output(&mut self.etcdctl(&[*place], &["endpoint", "status", "-w", "json"]));
            let told: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap_or_default();
            let status = &told[0]["Status"];
            status["leader"].as_u64().is_some_and(|leader| leader != 0)
                && status["leader"] == status["header"]["member_id"]
        })
    }
}
