//! What telling as many watchers takes without a node: bare servers in its place, in the same run, over the same way and with the same bytes.
//!
//! 1. A bare server is one thread that takes watchers, answers each with the table, and on `/tell` walks over all with one `send` each. Nothing is looked up, compared
//!    or kept; who does not take it at once is passed over. What is left is what the kernel takes, and a node cannot be faster on this machine.
//! 2. There are as many of them as nodes, each with as many watchers, on the nodes' core.
//! 3. The bytes are what a node sends to a watcher that has just come: its table, as it is pushed.
//!
//! Not here: watchers (`watchers`), the link (`link`).

use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::socket::{MsgFlags, send};

use super::link::Link;
use super::watchers::{self, Came, Watchers};
use super::{BETWEEN, Options, start_on_core_0};
use crate::process::Program;
use crate::{Told, cpu, pace};

/// For a server to answer.
const READY: Duration = Duration::from_secs(20);
/// Of a question or an answer; a table is some hundred bytes.
const LENGTH_MAX: usize = 64 << 10;
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// What came out.
pub struct Figures {
    /// When each was told, since the question.
    pub told: Vec<Came>,
    /// Processor time of the servers meanwhile.
    pub used: Duration,
}

/// The table as a node sends it to one that watches, once it has room for one.
pub fn message(node: SocketAddr) -> Told<Vec<u8>> {
    let began = Instant::now();
    loop {
        match first_table(node) {
            Err(_) if began.elapsed() < READY => pace::pause(Duration::from_millis(20)),
            done => return done,
        }
    }
}

fn first_table(node: SocketAddr) -> Told<Vec<u8>> {
    let told = |error: std::io::Error| format!("{node}: {error}");
    let mut stream = TcpStream::connect(node).map_err(told)?;
    stream.set_read_timeout(Some(READY)).map_err(told)?;
    stream.write_all(b"GET /watch HTTP/1.1\r\nhost: bench\r\n\r\n").map_err(told)?;
    let mut came = Vec::new();
    loop {
        if let Some(event) = event_in(&came) {
            return Ok(event.to_vec());
        }
        let mut part = [0; 4_096];
        let len = stream.read(&mut part).map_err(told)?;
        if len == 0 || came.len() > LENGTH_MAX {
            return Err(format!("{node}: no table came: {:?}", String::from_utf8_lossy(&came)));
        }
        came.extend_from_slice(&part[..len]);
    }
}

/// The event with a table, once all of it is there.
fn event_in(came: &[u8]) -> Option<&[u8]> {
    let find = |what: &[u8], from: usize| {
        came.get(from..)?.windows(what.len()).position(|window| window == what).map(|at| at + from)
    };
    let body = find(b"\r\n\r\n", 0)? + 4;
    let named = find(b"event: table", body)?;
    // Its lines may begin before its name.
    let begin =
        came[body..named].windows(2).rposition(|window| window == b"\n\n").map_or(body, |at| body + at + 2);
    Some(&came[begin..find(b"\n\n", named)? + 2])
}

/// Has bare servers tell as many watchers as often as the nodes did.
pub fn told(
    link: &Link,
    options: &Options,
    counts: (usize, usize),
    message: &[u8],
    folder: &Path,
) -> Told<Figures> {
    let (count, each) = counts;
    let file = folder.join("message");
    fs::write(&file, message).map_err(|error| format!("{}: {error}", file.display()))?;
    let own = options.program.clone().map_or_else(std::env::current_exe, Ok);
    let own = own.map_err(|error| format!("this program: {error}"))?;
    let (mut servers, mut groups) = (Vec::new(), Vec::new());
    for number in 0..count {
        let free = || TcpListener::bind((link.server(), 0)).and_then(|port| port.local_addr());
        let at = link.at_servers(free)?.map_err(|error| format!("a free port: {error}"))?;
        let arguments =
            ["--tell", &at.to_string(), "--message", &file.display().to_string()].map(str::to_owned);
        let log = folder.join(format!("bare-{number}.log"));
        let server = start_on_core_0(link, &own, arguments.to_vec(), log)?;
        wait_for(&server, at)?;
        let mut group = Watchers::start(options.program.as_deref(), at, each, number)?;
        group.joined()?;
        servers.push((server, at));
        groups.push(group);
    }
    let ran = || servers.iter().filter_map(|(server, _)| server.pid()).map(cpu::ran).sum::<Duration>();
    let ran_before = ran();
    let mut told = Vec::new();
    for _ in 0..options.shifts {
        pace::pause(BETWEEN);
        let asked = watchers::monotonic();
        let open = servers.iter().map(|(_, at)| ask(*at)).collect::<Told<Vec<_>>>()?;
        for group in &mut groups {
            told.extend(group.told()?.into_iter().map(|came| came.since(asked)));
        }
        drop(open);
    }
    Ok(Figures { told, used: ran().saturating_sub(ran_before) })
}

/// Has it tell all; the connection is what it was asked over.
fn ask(at: SocketAddr) -> Told<TcpStream> {
    let begin = || {
        let mut stream = TcpStream::connect(at)?;
        stream.write_all(b"GET /tell HTTP/1.1\r\nhost: bench\r\n\r\n")?;
        Ok(stream)
    };
    begin().map_err(|error: std::io::Error| format!("{at}: {error}"))
}

fn wait_for(server: &Program, at: SocketAddr) -> Told<()> {
    let began = Instant::now();
    while TcpStream::connect(at).is_err() {
        if began.elapsed() > READY {
            return Err(format!("a bare server does not answer: {}", server.last_words()));
        }
        pace::pause(Duration::from_millis(20));
    }
    Ok(())
}

/// Serves there until it is killed.
///
/// # Errors
///
/// Where it cannot listen, or the message cannot be read.
pub fn tell(at: SocketAddr, message: &Path) -> Told<()> {
    watchers::raise_files()?;
    let message = fs::read(message).map_err(|error| format!("{}: {error}", message.display()))?;
    let listener = TcpListener::bind(at).map_err(|error| format!("{at}: {error}"))?;
    let mut all: Vec<TcpStream> = Vec::new();
    loop {
        let Ok((stream, _)) = listener.accept() else { continue };
        match question(&stream).as_deref() {
            Ok("GET /watch") => {
                if (&stream).write_all(&[HEAD, &message].concat()).is_ok() {
                    all.push(stream);
                }
            }
            Ok("GET /tell") => {
                for watcher in &all {
                    // One that does not take it is passed over: whoever counts waits for it, and sees.
                    let _ =
                        send(watcher.as_raw_fd(), &message, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL);
                }
            }
            // Somebody who looks whether it is there.
            Ok(_) | Err(_) => {}
        }
    }
}

/// The method and the path.
fn question(mut stream: &TcpStream) -> std::io::Result<String> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(READY))?;
    let mut came = Vec::new();
    while !came.windows(4).any(|window| window == b"\r\n\r\n") {
        let mut part = [0; 1_024];
        let len = stream.read(&mut part)?;
        if len == 0 || came.len() > LENGTH_MAX {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        came.extend_from_slice(&part[..len]);
    }
    let text = String::from_utf8_lossy(&came);
    Ok(text.split(' ').take(2).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_found_once_it_is_whole() {
        let all =
            b"HTTP/1.1 200 OK\r\na: b\r\n\r\nretry: 3000\n\nid: 7\nevent: table\ndata: {}\n\n: beat\n\n";
        let whole = b"id: 7\nevent: table\ndata: {}\n\n";
        assert_eq!(event_in(all), Some(&whole[..]));
        let end = all.len() - b": beat\n\n".len();
        assert_eq!(event_in(&all[..end]), Some(&whole[..]));
        assert!((0..end).all(|len| event_in(&all[..len]).is_none()));
    }
}
