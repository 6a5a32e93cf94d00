//! etcd's members, one in each place: real ones, over plain HTTP within the namespaces.
//!
//! Needs `etcd` and `etcdctl` (Debian: etcd-server, etcd-client); `./test` installs them.
//!
//! Not here: when they are killed and filled anew (`faults`).

use std::path::Path;
use std::process::Command;

use super::layout::{CLIENT, PLACES, etcd_client, etcd_peer, member_name};
use super::{DEADLINE, Places};
use crate::process::output;
use crate::wait::wait_for;

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

/// The members as one of them tells: a line for each with ID, whether it was started, NAME, PEERS, CLIENTS, LEARNER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List(String);

impl List {
    /// The id of the member in a place.
    pub fn id_of(&self, place: usize) -> Option<String> {
        // One that was never started has no name, but every member has its own peer address.
        let line = self.0.lines().find(|line| line.split(", ").nth(3) == Some(&etcd_peer(place)))?;
        line.split(", ").next().map(str::to_owned)
    }
}

fn others(place: usize) -> Vec<usize> {
    (1..PLACES).map(|step| (place + step) % PLACES).collect()
}

impl Places {
    fn etcdctl(&self, places: &[usize], arguments: &[&str]) -> Command {
        let endpoints: Vec<String> = places.iter().map(|place| etcd_client(*place).to_string()).collect();
        let mut command = self.network.command(CLIENT, "etcdctl");
        command.env("ETCDCTL_API", "3").args(["--dial-timeout=1s", "--command-timeout=3s"]);
        command.arg(format!("--endpoints={}", endpoints.join(","))).args(arguments);
        command
    }

    /// Puts a member in the place of one whose data are gone; afterwards the new one may be started.
    pub fn replace_member(&self, place: usize) {
        self.remove_member(place);
        self.add_member(place);
        self.wait_until_known(place);
    }

    /// Takes a member out of the cluster, for good: its id never comes back.
    pub fn remove_member(&self, place: usize) {
        wait_for(&format!("etcd to let {} go", member_name(place)), DEADLINE, || {
            let (at, list) = self.any_list(place)?;
            let Some(id) = list.id_of(place) else { return Ok(()) };
            self.ask(at, &["member", "remove", &id])?;
            Err("it was there a moment ago".to_owned())
        });
    }

    /// Takes a new member into the cluster where one was removed. Nothing runs for it yet.
    pub fn add_member(&self, place: usize) {
        let what = format!("etcd to take {} in", member_name(place));
        wait_for(&what, DEADLINE, || self.try_to_add_member(place));
    }

    /// Tries it once: etcd refuses while a member has not been connected to all others for 5 s.
    ///
    /// # Errors
    ///
    /// What etcd said.
    pub fn try_to_add_member(&self, place: usize) -> Result<(), String> {
        let (at, list) = self.any_list(place)?;
        if list.id_of(place).is_some() {
            return Ok(());
        }
        let (name, peers) = (member_name(place), format!("--peer-urls={}", etcd_peer(place)));
        self.ask(at, &["member", "add", &name, &peers]).map(drop)
    }

    /// Until all others know the newest member of a place. One that begins with nothing takes its own id from the first of them that answers,
    /// and believes it: from one that is behind it would take the removed id, be turned away by the rest, and never come back by itself.
    pub fn wait_until_known(&self, place: usize) {
        let what = format!("all members to know the new {}", member_name(place));
        wait_for(&what, DEADLINE, || self.is_known(place));
    }

    /// Whether all others know it now.
    ///
    /// # Errors
    ///
    /// Who does not answer, or what they say.
    pub fn is_known(&self, place: usize) -> Result<(), String> {
        let id = |at| Ok::<_, String>(self.list(at)?.id_of(place));
        let ids = others(place).into_iter().map(id).collect::<Result<Vec<_>, _>>()?;
        let is_one = ids[0].is_some() && ids.iter().all(|id| *id == ids[0]);
        if is_one { Ok(()) } else { Err(format!("they name it {ids:?}")) }
    }

    /// The first of the others, from this place on, who answers, and the members by it.
    fn any_list(&self, place: usize) -> Result<(usize, List), String> {
        let mut complaints = Vec::new();
        for at in others(place) {
            match self.list(at) {
                Ok(list) => return Ok((at, list)),
                Err(complaint) => complaints.push(complaint),
            }
        }
        Err(complaints.join("; "))
    }

    /// The members by one of them, and no older than this call. A member lists what it has applied, however far behind it is (etcd 3.4); a read
    /// that all agree on comes first, which it answers only when it has applied all that was committed before, changes of members too.
    fn list(&self, at: usize) -> Result<List, String> {
        self.ask(at, &["get", "any"])?;
        self.list_however_old(at)
    }

    /// The members by one of them, which may be behind.
    ///
    /// # Errors
    ///
    /// When it does not answer.
    pub fn list_however_old(&self, at: usize) -> Result<List, String> {
        self.ask(at, &["member", "list"]).map(List)
    }

    fn ask(&self, at: usize, arguments: &[&str]) -> Result<String, String> {
        let told = output(&mut self.etcdctl(&[at], arguments));
        if told.status.success() {
            return Ok(String::from_utf8_lossy(&told.stdout).into_owned());
        }
        Err(format!("{}: {}", member_name(at), String::from_utf8_lossy(&told.stderr)))
    }

    /// Until every member holds the same, by etcd's own digest of all that it keeps at one revision.
    pub fn members_hold_the_same(&self) {
        let all: Vec<usize> = (0..PLACES).collect();
        wait_for("etcd's members to hold the same", DEADLINE, || {
            let text = self.ask(0, &["get", "/holdfast/head", "-w", "json"])?;
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
