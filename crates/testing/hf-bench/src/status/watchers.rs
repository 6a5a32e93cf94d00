//! A process of watchers: Server-Sent Events over sockets of its own, told of by two kinds of lines.
//!
//! A line `joined` or `told` comes when every watcher has connected and read something, or has read a table that is new; behind it stand two numbers for each of
//! them, in microseconds of the monotonic clock, which is one for all processes: when it came out at their end of the link, and when it was read. Between the two is what the one core
//! that all watchers share here takes; 50,000 watchers elsewhere have as many.

use std::io::{BufRead as _, BufReader, IoSliceMut, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd as _, RawFd};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};
use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::LocalOptions;
use tokio::sync::{Semaphore, mpsc};

use super::link;
use crate::Told;

/// Watchers from one address: below what a node takes from one, and what an address has in ports.
const PER_ADDRESS: usize = 4_000;
/// Connections that are begun at once.
const AT_ONCE: usize = 1_024;
/// After one that failed.
const AGAIN: Duration = Duration::from_millis(20);

/// The clock that all processes of a machine share.
pub fn monotonic() -> Duration {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every Linux has this clock");
    Duration::new(now.tv_sec().unsigned_abs(), now.tv_nsec() as u32)
}

/// As many files as the system allows; how many those are.
pub fn raise_files() -> Told<usize> {
    let (_, most) = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(now, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most).map(|()| (now, most)))
        .map_err(|error| format!("the limit of open files: {error}"))?;
    Ok(usize::try_from(most).unwrap_or(usize::MAX))
}

/// When something came to a watcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Came {
    /// Out at its end of the link: the kernel notes it before it sets the packet aside for the core that takes it in.
    pub arrived: Duration,
    /// To itself.
    pub read: Duration,
}

impl Came {
    /// After that moment.
    pub fn since(self, moment: Duration) -> Came {
        let [arrived, read] = [self.arrived, self.read].map(|at| at.saturating_sub(moment));
        Came { arrived, read }
    }
}

/// A process of watchers.
pub struct Watchers {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Watchers {
    /// Starts it on this thread's core.
    pub fn start(program: Option<&Path>, node: SocketAddr, watchers: usize, number: usize) -> Told<Watchers> {
        let told = |error: std::io::Error| format!("a process of watchers: {error}");
        let program = program.map_or_else(std::env::current_exe, |program| Ok(program.to_owned()));
        let mut command = Command::new(program.map_err(told)?);
        command.args(["--watch", &node.to_string(), "--watchers", &watchers.to_string()]);
        command.args(["--number", &number.to_string()]);
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(told)?;
        let lines = BufReader::new(child.stdout.take().ok_or("it has no output")?);
        Ok(Watchers { child, lines })
    }

    /// When each came, once all have.
    pub fn joined(&mut self) -> Told<Vec<Came>> {
        self.line("joined")
    }

    /// When each read a new table, once all have.
    pub fn told(&mut self) -> Told<Vec<Came>> {
        self.line("told")
    }

    fn line(&mut self, kind: &str) -> Told<Vec<Came>> {
        let mut line = String::new();
        self.lines.read_line(&mut line).map_err(|error| format!("watchers: {error}"))?;
        let mut words = line.split_whitespace();
        if words.next() != Some(kind) {
            return Err(format!("watchers said {:?}, not {kind}", line.chars().take(80).collect::<String>()));
        }
        let read = |word: &str| {
            let (arrived, read) = word.split_once('/').ok_or_else(|| format!("{word:?}"))?;
            let at = |text: &str| text.parse().map(Duration::from_micros).map_err(|_| format!("{word:?}"));
            Ok(Came { arrived: at(arrived)?, read: at(read)? })
        };
        words.map(read).collect()
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        // It may have ended by itself: gone is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

enum News {
    Joined,
    Told,
}

/// Watches there until it is killed.
///
/// # Errors
///
/// Without a runtime.
pub fn watch(node: SocketAddr, watchers: usize, number: u8) -> Told<()> {
    raise_files()?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    runtime.map_err(|error| format!("a runtime: {error}"))?.block_on(async {
        let (news_to, mut news) = mpsc::unbounded_channel();
        let at_once = Rc::new(Semaphore::new(AT_ONCE));
        for at in 0..watchers {
            let from = link::source(node.ip(), number, 1 + (at / PER_ADDRESS) as u8);
            tokio::task::spawn_local(one(node, from, at_once.clone(), news_to.clone()));
        }
        let (mut joined, mut told) = (Vec::new(), Vec::new());
        while let Some((kind, at)) = news.recv().await {
            let (name, list) = match kind {
                News::Joined => ("joined", &mut joined),
                News::Told => ("told", &mut told),
            };
            list.push(at);
            if list.len() == watchers {
                let word = |came: Came| format!("{}/{}", came.arrived.as_micros(), came.read.as_micros());
                let words: Vec<String> = list.drain(..).map(word).collect();
                let mut out = std::io::stdout().lock();
                writeln!(out, "{name} {}", words.join(" ")).map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    })
}

async fn one(
    node: SocketAddr,
    from: Ipv4Addr,
    at_once: Rc<Semaphore>,
    news: mpsc::UnboundedSender<(News, Came)>,
) {
    loop {
        let _ = connected(node, from, &at_once, &news).await; // it comes again, whyever it went
        tokio::time::sleep(AGAIN).await;
    }
}

async fn connected(
    node: SocketAddr,
    from: Ipv4Addr,
    at_once: &Semaphore,
    news: &mpsc::UnboundedSender<(News, Came)>,
) -> std::io::Result<()> {
    let (stream, came) = {
        let _turn = at_once.acquire().await;
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((from, 0)))?;
        let mut stream: TcpStream = socket.connect(node).await?;
        setsockopt(&stream, sockopt::ReceiveTimestampns, &true)?;
        stream.write_all(b"GET /watch HTTP/1.1\r\nhost: bench\r\n\r\n").await?;
        // Until the table is there: else more would wait at the node than it can see.
        let came = table(&stream).await?.ok_or(std::io::ErrorKind::ConnectionRefused)?;
        (stream, came)
    };
    let _ = news.send((News::Joined, came)); // whoever counts lives as long
    loop {
        if let Some(came) = table(&stream).await? {
            let _ = news.send((News::Told, came));
        }
    }
}

/// Reads what comes next; when it came, if a table is in it. Messages come in one piece on one machine.
async fn table(stream: &TcpStream) -> std::io::Result<Option<Came>> {
    let fd = stream.as_raw_fd();
    let mut bytes = [0; 4_096];
    let (len, arrived) = stream.async_io(Interest::READABLE, || receive(fd, &mut bytes)).await?;
    if len == 0 {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    let is_table = bytes[..len].split(|byte| *byte == b'\n').any(|line| line == b"event: table");
    let read = monotonic();
    Ok(is_table.then(|| Came { arrived: arrived.map_or(read, |at| since_boot(at, read)), read }))
}

/// Reads, and asks the kernel when it came.
fn receive(fd: RawFd, bytes: &mut [u8]) -> std::io::Result<(usize, Option<TimeSpec>)> {
    let mut told = nix::cmsg_space!(TimeSpec);
    let mut parts = [IoSliceMut::new(bytes)];
    let message = recvmsg::<()>(fd, &mut parts, Some(&mut told), MsgFlags::MSG_DONTWAIT)?;
    let at = message.cmsgs()?.find_map(|told| match told {
        ControlMessageOwned::ScmTimestampns(at) => Some(at),
        _ => None,
    });
    Ok((message.bytes, at))
}

/// The kernel's wall time as time of the monotonic clock, where `read` is now.
fn since_boot(at: TimeSpec, read: Duration) -> Duration {
    let wall = clock_gettime(ClockId::CLOCK_REALTIME).map_or(Duration::ZERO, Duration::from);
    read.saturating_sub(wall.saturating_sub(Duration::from(at)))
}
