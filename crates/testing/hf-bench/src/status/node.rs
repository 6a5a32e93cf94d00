//! A node with zone status, and shifts on it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::link::Link;
use crate::process::Program;
use crate::{Told, cores, cpu, kept, pace};

const READY: Duration = Duration::from_mins(1);
const ESTATE: &str = "[[region]]\nid = \"home\"\n\
    [[zone]]\nid = \"az0\"\nregion = \"home\"\n[[zone]]\nid = \"az1\"\nregion = \"home\"\n[[zone]]\nid = \"az2\"\nregion = \"home\"\n";

/// One node.
pub struct Node {
    program: Program,
    folder: PathBuf,
    link: Rc<Link>,
    api: SocketAddr,
    /// Where it is asked.
    pub status: SocketAddr,
}

impl Node {
    /// Starts it on core 0, with room for so many watchers, and waits until it answers.
    pub fn start(link: &Rc<Link>, holdfast: &Path, folder: &Path, watchers: usize) -> Told<Node> {
        let write = |name: &str, text: &str| {
            std::fs::write(folder.join(name), text).map_err(|error| format!("{name}: {error}"))
        };
        let [api, feed, status] = link.at_servers(|| free_ports(link.server()))??;
        write("estate.toml", ESTATE)?;
        let listen = |section: &str, at: SocketAddr| format!("[{section}]\nlisten = \"{at}\"\n");
        let node = format!(
            "[node]\nid = \"bench\"\nzone = \"az0\"\ndata_dir = \"data\"\nroles = [\"control\", \"status\"]\nestate = \"estate.toml\"\n{}{}{}watchers = {watchers}\n",
            listen("api", api),
            listen("feed", feed),
            listen("status", status),
        );
        write("node.toml", &node)?;
        let arguments =
            vec!["serve".to_owned(), "-c".to_owned(), folder.join("node.toml").display().to_string()];
        let program = super::start_on_core_0(link, holdfast, arguments, folder.join("node.log"))?;
        let node = Node { program, folder: folder.to_owned(), link: link.clone(), api, status };
        let began = Instant::now();
        while !node.token().is_some_and(|_| node.answers()) {
            if began.elapsed() > READY {
                return Err(format!("a node is not ready after {READY:?}: {}", node.program.last_words()));
            }
            pace::pause(Duration::from_millis(50));
        }
        Ok(node)
    }

    fn answers(&self) -> bool {
        use std::io::{Read as _, Write as _};
        let ask = || {
            let mut stream = TcpStream::connect(self.status)?;
            stream.write_all(b"GET /status/az0 HTTP/1.0\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok::<_, std::io::Error>(answer)
        };
        ask().is_ok_and(|answer| answer.starts_with("HTTP/1.1 200"))
    }

    fn token(&self) -> Option<String> {
        let text = std::fs::read_to_string(self.folder.join("data/operator.token")).ok()?;
        Some(text.trim().to_owned())
    }

    /// Its process; 0 while it does not run.
    pub fn pid(&self) -> u32 {
        self.program.pid().unwrap_or_default()
    }

    /// What its thread of zone status has run so far.
    pub fn ran(&self) -> Duration {
        cpu::ran_named(self.pid(), "status")
    }

    /// Kills it.
    pub fn kill(&mut self) {
        self.program.kill();
    }

    /// Starts it again, where it was.
    pub fn start_again(&mut self) -> Told<()> {
        let Node { link, program, .. } = self;
        link.at_servers(|| cores::on_core_0(|| program.start_again()))??
    }
}

/// Starts a shift on each; later rounds give it a new end, which is as new to all who watch.
pub fn shift_all(nodes: &[Node], round: usize) -> Told<()> {
    // The API listens on loopback there.
    nodes.first().map_or(Ok(()), |first| first.link.at_servers(|| shift_each(nodes, round))?)
}

fn shift_each(nodes: &[Node], round: usize) -> Told<()> {
    let length = 30 + round;
    each(nodes, |node| {
        if round == 0 {
            let body = format!("{{\"zone\":\"az1\",\"for\":\"{length}m\",\"reason\":\"a benchmark\"}}");
            return Ok(("/v1/shifts".to_owned(), body));
        }
        Ok((format!("/v1/shifts/{}/extend", node.shift()?), format!("{{\"for\":\"{length}m\"}}")))
    })
}

impl Node {
    fn shift(&self) -> Told<String> {
        use std::io::{Read as _, Write as _};
        let told = |error: std::io::Error| format!("{}: {error}", self.status);
        let mut stream = TcpStream::connect(self.status).map_err(told)?;
        stream.write_all(b"GET /status/az1 HTTP/1.0\r\n\r\n").map_err(told)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(told)?;
        let id = answer.split_once("\"reason\":\"").and_then(|(_, rest)| rest.split(' ').next());
        id.map(str::to_owned).ok_or_else(|| format!("no shift: {answer}"))
    }
}

fn each(nodes: &[Node], question: impl Fn(&Node) -> Told<(String, String)>) -> Told<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("a runtime: {error}"))?;
    let mut asked = Vec::new();
    for node in nodes {
        let (path, body) = question(node)?;
        asked.push((node.api, node.token().unwrap_or_default(), path, body));
    }
    runtime.block_on(async {
        let all = asked.into_iter().map(|(api, token, path, body)| {
            tokio::spawn(async move {
                let mut api = kept::Api::connect(api, token).await?;
                api.post(&path, body.into()).await.map(drop)
            })
        });
        for one in all.collect::<Vec<_>>() {
            one.await.map_err(|error| error.to_string())??;
        }
        Ok(())
    })
}

/// Ports that are free at this moment: two of loopback, and one of where watchers come to.
fn free_ports(open_at: IpAddr) -> Told<[SocketAddr; 3]> {
    let told = |error: std::io::Error| format!("a free port: {error}");
    let bind = |at: IpAddr| TcpListener::bind((at, 0)).map_err(told);
    let own = IpAddr::from(Ipv4Addr::LOCALHOST);
    // All are held until all are known: otherwise two could be one.
    let all = [bind(own)?, bind(own)?, bind(open_at)?];
    let [one, two, three] = &all;
    Ok([one.local_addr().map_err(told)?, two.local_addr().map_err(told)?, three.local_addr().map_err(told)?])
}
