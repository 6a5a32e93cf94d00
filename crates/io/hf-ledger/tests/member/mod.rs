//! Real etcd for tests: members on free ports of an own loopback address, with their data in a directory that goes away.
//!
//! Needs `etcd` and `etcdctl` (Debian: etcd-server, etcd-client); `./test` installs them.

#![allow(clippy::unwrap_used, dead_code)] // helpers of tests; each test file uses its part

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use hf_config::node::EtcdConfig;
use hf_ledger::{EtcdLedger, Ledger, Pace};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

/// A cluster of etcd.
pub struct Cluster {
    pub members: Vec<Member>,
    pub directory: TempDir,
}

/// One member, running or not. Killed when dropped.
pub struct Member {
    pub client: SocketAddr,
    arguments: Vec<String>,
    log: PathBuf,
    child: Option<Child>,
}

/// An address of this process alone: no other test's socket is given a port of it while a member does not run.
pub fn own_address() -> IpAddr {
    let [_, high, middle, low] = std::process::id().to_be_bytes();
    IpAddr::from([127, high | 0x40, middle, low])
}

/// Ports that are free now; held until all are known, so that they differ.
fn free_ports(count: usize) -> Vec<u16> {
    let held: Vec<_> = (0..count).map(|_| TcpListener::bind((own_address(), 0)).unwrap()).collect();
    held.iter().map(|listener| listener.local_addr().unwrap().port()).collect()
}

impl Cluster {
    /// Starts `count` members and waits until they answer.
    pub async fn start(count: usize) -> Cluster {
        Cluster::start_with(count, "http", &[]).await
    }

    /// The same with more arguments. `scheme` is that of the clients' port.
    pub async fn start_with(count: usize, scheme: &str, more: &[String]) -> Cluster {
        Cluster::start_in(tempfile::tempdir().unwrap(), count, scheme, more).await
    }

    /// The same with files that are there already.
    pub async fn start_in(directory: TempDir, count: usize, scheme: &str, more: &[String]) -> Cluster {
        let (own, ports) = (own_address(), free_ports(2 * count));
        let (clients, peers) = ports.split_at(count);
        let all: Vec<String> =
            peers.iter().enumerate().map(|(at, port)| format!("m{at}=http://{own}:{port}")).collect();
        let member = |at: usize| {
            let (client, peer) = (format!("{scheme}://{own}:{}", clients[at]), peers[at]);
            let peer = format!("http://{own}:{peer}");
            let data = directory.path().join(format!("m{at}"));
            let mut arguments: Vec<String> = [
                ("name", format!("m{at}")),
                ("data-dir", data.display().to_string()),
                ("listen-client-urls", client.clone()),
                ("advertise-client-urls", client),
                ("listen-peer-urls", peer.clone()),
                ("initial-advertise-peer-urls", peer),
                ("initial-cluster", all.join(",")),
                ("heartbeat-interval", "50".to_owned()),
                ("election-timeout", "300".to_owned()),
            ]
            .into_iter()
            .flat_map(|(name, value)| [format!("--{name}"), value])
            .collect();
            arguments.extend_from_slice(more);
            Member {
                client: SocketAddr::new(own, clients[at]),
                arguments,
                log: directory.path().join(format!("m{at}.log")),
                child: None,
            }
        };
        let members: Vec<Member> = (0..count).map(member).collect();
        let mut cluster = Cluster { members, directory };
        cluster.members.iter_mut().for_each(Member::start);
        for member in &cluster.members {
            member.answers().await;
        }
        cluster
    }

    pub fn config(&self) -> EtcdConfig {
        EtcdConfig {
            endpoints: self.members.iter().map(|member| member.client).collect(),
            prefix: "/holdfast/".to_owned(),
            login: None,
            tls: None,
        }
    }

    /// A ledger that knows all members, and that can be read. Its calls wait long, for tests of anything but time.
    pub async fn ledger(&self) -> EtcdLedger {
        self.ledger_at(patient()).await
    }

    pub async fn ledger_at(&self, pace: Pace) -> EtcdLedger {
        let ledger = EtcdLedger::open_at_pace(&self.config(), pace).unwrap();
        until("the cluster has a leader", async || ledger.barrier().await.is_ok()).await;
        ledger
    }

    /// What `etcdctl` says at the first member that runs.
    pub fn etcdctl(&self, arguments: &[&str]) -> String {
        let member = self.members.iter().find(|member| member.child.is_some()).unwrap();
        etcdctl(&[&["--endpoints", &member.client.to_string()], arguments].concat())
    }

    /// All keys under a prefix.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        let found = self.etcdctl(&["get", "--prefix", "--keys-only", prefix]);
        found.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

/// The usual pace, but for calls that wait long: on a busy machine etcd takes more than the usual second for a few megabytes.
pub fn patient() -> Pace {
    Pace { call: Duration::from_secs(10), ..Pace::default() }
}

/// A ledger that may be unreadable; its calls wait long.
pub fn open(config: &EtcdConfig) -> EtcdLedger {
    EtcdLedger::open_at_pace(config, patient()).unwrap()
}

/// Runs `etcdctl`; it has to go well.
pub fn etcdctl(arguments: &[&str]) -> String {
    let output = Command::new("etcdctl")
        .env("ETCDCTL_API", "3")
        .args(arguments)
        .output()
        .expect("etcdctl is there; ./test installs Debian's etcd-client");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

impl Member {
    /// Starts it, with the data that it has.
    pub fn start(&mut self) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        let child = Command::new("etcd")
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("etcd is there; ./test installs Debian's etcd-server");
        self.child = Some(child);
    }

    /// Kills it, at once.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops its execution, or lets it go on: alive and silent.
    pub fn pause(&self, stop: bool) {
        let pid = Pid::from_raw(self.child.as_ref().unwrap().id().try_into().unwrap());
        kill(pid, if stop { Signal::SIGSTOP } else { Signal::SIGCONT }).unwrap();
    }

    async fn answers(&self) {
        until("etcd listens", async || tokio::net::TcpStream::connect(self.client).await.is_ok()).await;
    }

    /// What it said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let newest: Vec<&str> = log.lines().rev().take(20).collect();
            eprintln!("etcd at {} said last, newest first:\n{}", self.client, newest.join("\n"));
        }
        self.kill();
    }
}

/// Waits for a condition, 30 s at most.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < deadline, "not within 30 s: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
