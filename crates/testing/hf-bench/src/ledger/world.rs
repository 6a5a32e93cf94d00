//! The processes: etcd's members, control nodes, data planes; each at an address of its own in 127.0.0.0/8.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_api::{ApplyEstate, Client};
use hf_config::node::EtcdConfig;
use hf_ledger::{EtcdLedger, Ledger};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::bare;
use crate::Told;
use crate::kept::{Api, Member};
use crate::process::Program;

/// Places: each has a member of etcd and a control node.
pub const PLACES: usize = 5;
/// How long anything may take to be ready.
const READY: Duration = Duration::from_mins(1);

/// Which ledger the control nodes have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Five control nodes over five members.
    Etcd,
    /// One control node with a file.
    Embedded,
}

/// All processes of one estate.
#[derive(Debug)]
pub struct World {
    /// etcd's members; none with the embedded ledger.
    pub members: Vec<Program>,
    /// Control nodes.
    pub controls: Vec<Program>,
    /// Data planes.
    pub planes: Vec<Program>,
    holdfast: PathBuf,
    net: Net,
    folder: TempDir,
    /// The data of the planes, in memory where that can be: twenty machines would have disks of their own, and do not wait for etcd's.
    planes_folder: TempDir,
}

/// 127.A.B.y: A and B are this process's, so that two runs do not meet.
#[derive(Clone, Copy, Debug)]
struct Net([u8; 3]);

impl Net {
    fn of(engine: Engine) -> Net {
        let pid = std::process::id();
        Net([127, 64 + (pid % 128) as u8, 2 * (pid / 128 % 128) as u8 + u8::from(engine == Engine::Embedded)])
    }

    fn at(self, host: usize, port: u16) -> SocketAddr {
        let Net([a, b, c]) = self;
        SocketAddr::from((Ipv4Addr::new(a, b, c, u8::try_from(host).expect("fewer than 256")), port))
    }

    fn member(self, at: usize) -> SocketAddr {
        self.at(1 + at, 2379)
    }

    fn peer(self, at: usize) -> SocketAddr {
        self.at(1 + at, 2380)
    }

    fn control(self, at: usize, port: u16) -> SocketAddr {
        self.at(11 + at, port)
    }

    fn plane(self, at: usize, port: u16) -> SocketAddr {
        self.at(31 + at, port)
    }
}

fn temporary(folder: &Path) -> Told<TempDir> {
    let made = tempfile::Builder::new().prefix("hf-bench-").tempdir_in(folder);
    made.map_err(|error| format!("a temporary folder in {}: {error}", folder.display()))
}

impl World {
    /// Starts members and control nodes, and waits until each control node has read its ledger.
    pub async fn start(holdfast: &Path, folder: &Path, engine: Engine) -> Told<World> {
        let memory = Path::new("/dev/shm");
        let planes_folder = temporary(if memory.is_dir() { memory } else { folder })?;
        let mut world = World {
            members: Vec::new(),
            controls: Vec::new(),
            planes: Vec::new(),
            holdfast: holdfast.to_owned(),
            net: Net::of(engine),
            folder: temporary(folder)?,
            planes_folder,
        };
        let net = world.net;
        let places = if engine == Engine::Etcd { PLACES } else { 1 };
        if engine == Engine::Etcd {
            for at in 0..PLACES {
                world.members.push(world.start_member(at)?);
            }
        }
        for at in 0..places {
            let ledger = match engine {
                Engine::Embedded => String::new(),
                Engine::Etcd => world.etcd_of(at),
            };
            // One token for all: the first node makes it.
            let access = if at == 0 { "" } else { "access = \"control-0/access.toml\"\n" };
            let text = format!(
                "[node]\nid = \"control-{at}\"\nroles = [\"control\"]\ndata_dir = \"control-{at}\"\n\
                 [api]\nlisten = \"{}\"\n{access}[feed]\nlisten = \"{}\"\n{ledger}",
                net.control(at, 7600),
                net.control(at, 7602)
            );
            let node = world.start_node(&format!("control-{at}"), &text)?;
            world.controls.push(node);
            let deadline = Instant::now() + READY;
            while let Err(problem) = world.token() {
                world.wait(deadline, &world.controls[at], &problem).await?;
            }
        }
        for at in 0..places {
            let deadline = Instant::now() + READY;
            while let Err(problem) = world.revision_at(at).await {
                world.wait(deadline, &world.controls[at], &problem).await?;
            }
        }
        Ok(world)
    }

    fn start_member(&self, at: usize) -> Told<Program> {
        let (client, peer) =
            (format!("http://{}", self.net.member(at)), format!("http://{}", self.net.peer(at)));
        let all: Vec<String> = (0..PLACES).map(|at| format!("m{at}=http://{}", self.net.peer(at))).collect();
        let name = format!("m{at}");
        let arguments = [
            ("name", name.clone()),
            ("data-dir", self.path(&name).display().to_string()),
            ("listen-client-urls", client.clone()),
            ("advertise-client-urls", client),
            ("listen-peer-urls", peer.clone()),
            ("initial-advertise-peer-urls", peer),
            ("initial-cluster", all.join(",")),
            ("heartbeat-interval", super::report::HEARTBEAT_MS.to_string()),
            ("election-timeout", super::report::ELECTION_MS.to_string()),
            ("pre-vote", "true".to_owned()),
        ];
        let arguments = arguments.map(|(name, value)| format!("--{name}={value}")).to_vec();
        Program::start(Path::new("etcd"), arguments, self.path(&format!("{name}.log")))
    }

    /// The nearest member first.
    fn etcd_of(&self, at: usize) -> String {
        let members = (0..PLACES).map(|step| format!("\"http://{}\"", self.net.member((at + step) % PLACES)));
        format!("[ledger]\nengine = \"etcd\"\nendpoints = [{}]\n", members.collect::<Vec<_>>().join(", "))
    }

    fn start_node(&self, name: &str, text: &str) -> Told<Program> {
        let file = self.path(&format!("{name}.toml"));
        std::fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))?;
        let arguments = ["serve", "-c"].map(str::to_owned).into_iter().chain([file.display().to_string()]);
        Program::start(&self.holdfast, arguments.collect(), self.path(&format!("{name}.log")))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Starts data planes that serve DNS and zone status, each connected with every control node; waits until all are where the ledger is.
    pub async fn start_planes(&mut self, count: usize) -> Told<()> {
        let peers: Vec<String> =
            (0..self.controls.len()).map(|at| format!("\"{}\"", self.net.control(at, 7602))).collect();
        for at in 0..count {
            let net = self.net;
            let text = format!(
                "[node]\nid = \"plane-{at}\"\nzone = \"{}\"\nroles = [\"dns\", \"status\"]\ndata_dir = \"{}\"\n\
                 peers = [{}]\n[api]\nlisten = \"{}\"\n[status]\nlisten = \"{}\"\n[feed]\nlisten = \"{}\"\n[dns]\nlisten = \"{}\"\n",
                ["a", "b", "c"][at % 3],
                self.planes_folder.path().join(format!("plane-{at}")).display(),
                peers.join(", "),
                net.plane(at, 7600),
                net.plane(at, 7601),
                net.plane(at, 7602),
                net.plane(at, 5300)
            );
            let plane = self.start_node(&format!("plane-{at}"), &text)?;
            self.planes.push(plane);
        }
        for at in 0..count {
            let client = Client::new(vec![format!("http://{}", self.net.plane(at, 7600))], None);
            let client = client.map_err(|error| error.to_string())?;
            let (deadline, wanted) = (Instant::now() + READY, self.revision_at(0).await?);
            while client.status().await.map_or(0, |status| status.revision) < wanted {
                self.wait(deadline, &self.planes[at], "it does not obey the ledger's newest revision")
                    .await?;
            }
        }
        Ok(())
    }

    /// Puts an estate in force, and waits until every control node knows of it.
    pub async fn apply(&self, toml: &str) -> Told<()> {
        let estate = ApplyEstate { toml: toml.to_owned(), ..ApplyEstate::default() };
        let deadline = Instant::now() + READY;
        let revision = loop {
            match self.client_of(0)?.apply_estate(&estate).await {
                Ok(done) => break done.revision,
                Err(error) => self.wait(deadline, &self.controls[0], &error.to_string()).await?,
            }
        };
        for at in 0..self.controls.len() {
            while self.revision_at(at).await? < revision {
                self.wait(deadline, &self.controls[at], "it does not know the estate").await?;
            }
        }
        Ok(())
    }

    async fn wait(&self, deadline: Instant, who: &Program, problem: &str) -> Told<()> {
        if Instant::now() > deadline {
            return Err(format!("not ready in {} s: {problem}\n{}", READY.as_secs(), who.last_words()));
        }
        sleep(Duration::from_millis(50)).await;
        Ok(())
    }

    /// The newest revision that a control node knows.
    async fn revision_at(&self, at: usize) -> Told<u64> {
        let controls = self.client_of(at)?.controls(false).await;
        controls.map(|controls| controls.revision).map_err(|error| error.to_string())
    }

    fn token(&self) -> Told<String> {
        let path = self.path("control-0").join("operator.token");
        let token = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(token.trim().to_owned())
    }

    fn client_of(&self, at: usize) -> Told<Client> {
        let endpoint = format!("http://{}", self.net.control(at, 7600));
        Client::new(vec![endpoint], Some(self.token()?)).map_err(|error| error.to_string())
    }

    /// A client as an operator has it: all control nodes, one token.
    pub fn operator(&self) -> Told<Client> {
        let endpoints = (0..self.controls.len()).map(|at| format!("http://{}", self.net.control(at, 7600)));
        Client::new(endpoints.collect(), Some(self.token()?)).map_err(|error| error.to_string())
    }

    /// A kept connection to each control node.
    pub async fn apis(&self) -> Told<Vec<Api>> {
        let mut apis = Vec::new();
        for at in 0..self.controls.len() {
            apis.push(Api::connect(self.net.control(at, 7600), self.token()?).await?);
        }
        Ok(apis)
    }

    /// Our engine for etcd at each place, under a prefix of its own; the nearest member first.
    pub async fn engines(&self) -> Told<Vec<EtcdLedger>> {
        let mut engines = Vec::new();
        for at in 0..self.members.len() {
            let endpoints = (0..PLACES).map(|step| self.net.member((at + step) % PLACES)).collect();
            let config =
                EtcdConfig { endpoints, prefix: "/bench-engine/".to_owned(), login: None, tls: None };
            let engine = EtcdLedger::open(&config).map_err(|error| error.to_string())?;
            engine.barrier().await.map_err(|error| error.to_string())?;
            engines.push(engine);
        }
        Ok(engines)
    }

    /// A kept connection to a member.
    pub async fn member(&self, at: usize) -> Told<Member> {
        Member::connect(self.net.member(at)).await
    }

    /// The member that leads.
    pub async fn leader(&self) -> Told<usize> {
        let deadline = Instant::now() + READY;
        loop {
            for at in 0..self.members.len() {
                if let Ok(mut member) = self.member(at).await
                    && let Ok(true) = bare::leads(&mut member).await
                {
                    return Ok(at);
                }
            }
            self.wait(deadline, &self.members[0], "no leader").await?;
        }
    }

    /// Starts a place again, and waits until its member follows and its control node has all of the ledger.
    pub async fn revive(&mut self, at: usize) -> Told<()> {
        self.members[at].start_again()?;
        self.controls[at].start_again()?;
        let deadline = Instant::now() + READY;
        loop {
            let follows = match self.member(at).await {
                Ok(mut member) => bare::put(&mut member, "bench/alive").await,
                Err(problem) => Err(problem),
            };
            match follows {
                Ok(()) => break,
                Err(problem) => self.wait(deadline, &self.members[at], &problem).await?,
            }
        }
        while let Err(problem) = self.revision_at(at).await {
            self.wait(deadline, &self.controls[at], &problem).await?;
        }
        Ok(())
    }

    /// Where a plane pushes zone status.
    pub fn watch_url(&self, plane: usize) -> String {
        format!("ws://{}/watch", self.net.plane(plane, 7601))
    }

    /// Process ids.
    pub fn pids(programs: &[Program]) -> Vec<u32> {
        programs.iter().filter_map(Program::pid).collect()
    }
}
