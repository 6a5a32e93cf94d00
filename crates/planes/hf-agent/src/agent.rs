//! The server of HAProxy's agent checks.
//!
//! 1. One line in, one line out, and the connection is closed. A connection has [`PATIENCE`] in all and [`LINE_MAX`] bytes.
//! 2. At most [`CONNECTIONS`] at a time; more wait in the system's queue, and none of them keeps its place for long.
//! 3. What is not understood, or not in the estate, is answered with an empty line, which changes nothing in HAProxy; the log says why, once a
//!    minute. Before the first snapshot the connection is closed without a word, which changes nothing either. So is one whose line does not end,
//!    in time or before the other side goes, and the log says that the newline is missing. The board hears nothing of it: that HAProxy heard nothing.
//! 4. Each answer tells the board of consumers which revision this HAProxy heard for this line; one that asks no more becomes silent.
//!
//! Not here: lines and words (`words`), what is so (`answer`).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hf_api::serve::stopped;
use hf_clock::Clock;
use hf_config::node::AwayWord;
use hf_consumers::{Acts, ConsumerKind, ConsumerName, InstanceId, Told};
use hf_snapshot::Snapshot;
use hf_telemetry::Consumers;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch::Receiver;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::answer::Answers;
use crate::seldom::Seldom;
use crate::words::{Asked, LINE_MAX, NotEnded, read, say};

pub use hf_api::serve::BindError;

/// Connections at a time.
const CONNECTIONS: usize = 512;
/// For a line to arrive and its answer to leave.
const PATIENCE: Duration = Duration::from_secs(2);
/// After the system could not accept a connection until the next attempt.
const PAUSE: Duration = Duration::from_millis(100);

/// What an agent needs.
#[derive(Debug)]
pub struct AgentConfig {
    /// Where HAProxy asks.
    pub listen: SocketAddr,
    /// What is said of what is away.
    pub away: AwayWord,
    /// The node's snapshots.
    pub snapshots: Receiver<Option<Arc<Snapshot>>>,
    /// Where it is told what HAProxy heard.
    pub consumers: Consumers,
    /// The node's clock.
    pub clock: Clock,
}

/// An agent with its port open.
#[derive(Debug)]
pub struct Agent {
    listener: TcpListener,
    address: SocketAddr,
    desk: Arc<Desk>,
}

/// What every connection needs.
#[derive(Debug)]
struct Desk {
    config: AgentConfig,
    answers: Answers,
    seldom: Seldom,
}

impl Agent {
    /// Opens the port.
    pub async fn bind(config: AgentConfig) -> Result<Agent, BindError> {
        let problem = |source| BindError { what: "haproxy.agent_listen", address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(problem)?;
        let address = listener.local_addr().map_err(problem)?;
        let desk = Desk { config, answers: Answers::default(), seldom: Seldom::default() };
        Ok(Agent { listener, address, desk: Arc::new(desk) })
    }

    /// The address, with the port that port 0 became.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `shutdown` becomes true.
    pub async fn run(self, mut shutdown: Receiver<bool>) {
        let mut running = JoinSet::new();
        loop {
            tokio::select! {
                () = stopped(&mut shutdown) => return,
                Some(_) = running.join_next(), if !running.is_empty() => {}
                accepted = self.listener.accept(), if running.len() < CONNECTIONS => match accepted {
                    Ok((stream, from)) => {
                        let desk = self.desk.clone();
                        running.spawn(async move { desk.attend(stream, from.ip()).await });
                    }
                    Err(error) => {
                        if self.desk.seldom.is_due("accept") {
                            warn!(%error, "an agent check could not be accepted; look at the limit of open files");
                        }
                        sleep(PAUSE).await;
                    }
                },
            }
        }
    }
}

impl Desk {
    async fn attend(&self, stream: TcpStream, from: IpAddr) {
        let (mut line, mut filled) = ([0; LINE_MAX], 0);
        // Who is too slow, or breaks off, asks again.
        let is_late = timeout(PATIENCE, self.serve(stream, from, &mut line, &mut filled)).await.is_err();
        let has_ended = filled == line.len() || line[..filled].contains(&b'\n');
        if !has_ended && (is_late || filled > 0) {
            self.complain(&NotEnded::of(&line[..filled]).to_string(), from);
        }
    }

    /// Answers one line, which comes into `line` as far as `filled`.
    async fn serve(
        &self,
        mut stream: TcpStream,
        from: IpAddr,
        line: &mut [u8; LINE_MAX],
        filled: &mut usize,
    ) -> io::Result<()> {
        let end = loop {
            let count = stream.read(&mut line[*filled..]).await?;
            *filled += count;
            if let Some(end) = line[..*filled].iter().position(|byte| *byte == b'\n') {
                break end;
            }
            if count == 0 {
                return Ok(());
            }
            if *filled == line.len() {
                break *filled;
            }
        };
        let Some(snapshot) = self.config.snapshots.borrow().clone() else { return Ok(()) };
        let answer = match read(&line[..end]) {
            Ok(asked) => self.answer(&snapshot, &asked, from),
            Err(problem) => {
                self.complain(&problem.to_string(), from);
                "\n".to_owned()
            }
        };
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    }

    fn answer(&self, snapshot: &Arc<Snapshot>, asked: &Asked<'_>, from: IpAddr) -> String {
        let told = match self.answers.to(snapshot, asked.about, &asked.question) {
            Ok(told) => told,
            Err(problem) => {
                self.complain(&problem.to_string(), from);
                return "\n".to_owned();
            }
        };
        if let (Ok(name), Ok(instance)) =
            (ConsumerName::new(&name(from, asked)), InstanceId::new(&instance(asked)))
        {
            self.config.consumers.tell(Told {
                name,
                instance,
                kind: ConsumerKind::HaproxyAgent,
                zone: None,
                revision: Some(snapshot.intent.revision),
                acts: Acts::of(snapshot.acts()),
                // It asks, and never says what it still serves.
                running: None,
                at: self.config.clock.now(),
            });
        }
        say(&told, self.config.away)
    }

    fn complain(&self, problem: &str, from: IpAddr) {
        if self.seldom.is_due(problem) {
            warn!(%from, %problem, "an agent check is not answered; HAProxy keeps what it has");
        }
    }
}

/// A HAProxy by its own name, or else by its address.
fn name(from: IpAddr, asked: &Asked<'_>) -> String {
    let mut name = match asked.process {
        Some(process) => plain(process),
        None => format!("haproxy-{}", plain(&from.to_canonical().to_string())),
    };
    name.truncate(64);
    name
}

/// A server line by its question, and by its own name if it has one.
fn instance(asked: &Asked<'_>) -> String {
    let mut id = plain(asked.about);
    if let Some(asker) = asked.asker {
        id = format!("{}.{id}", plain(asker));
    }
    id.truncate(64);
    id
}

/// Letters, digits and what may stand between them.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '.' || c == '_' { c } else { '-' }).collect()
}

#[cfg(test)]
mod tests;
