//! What others need to tell as many: a program that does nothing but send, and nginx with Nchan.
//!
//! 1. Each has as many processes on core 0 as there were nodes, and as many watchers of the same kind on core 1, once the nodes are gone.
//! 2. The message has the bytes that the node's has. What is counted is what is counted of the node: until the kernel has it at a watcher's socket.
//! 3. The bare one is the floor: nobody who sends over the kernel's sockets can take less of a core. It neither hears its watchers nor knows of
//!    one that is slow.
//!
//! Not here: watchers (`watchers`), the node (`node`).

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::watchers::{self, Watchers};
use super::{BETWEEN, Options};
use crate::figures::Spread;
use crate::process::Program;
use crate::{Told, cpu, pace};

/// For a process to listen.
const READY: Duration = Duration::from_secs(20);
const NGINX: &str = "/usr/sbin/nginx";
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// What telling all costs a peer.
pub struct Pushed {
    /// Until the kernel has it at each watcher's socket.
    pub arrived: Spread,
    /// Processor time for each.
    pub us: f64,
}

/// One process of a peer.
struct Peer {
    program: Program,
    address: SocketAddr,
}

/// A table of the node at this address, as it sends it to those who watch: one event, with the blank line behind it.
pub fn message(node: SocketAddr) -> Told<String> {
    let told = |error: std::io::Error| format!("{node}: {error}");
    let mut stream = TcpStream::connect(node).map_err(told)?;
    stream.write_all(b"GET /watch HTTP/1.1\r\nhost: bench\r\n\r\n").map_err(told)?;
    let (mut text, mut bytes) = (String::new(), [0; 4_096]);
    loop {
        let len = stream.read(&mut bytes).map_err(told)?;
        text.push_str(&String::from_utf8_lossy(&bytes[..len]));
        // Behind the last blank line stands what has not come whole.
        let whole = text.split_once("\r\n\r\n").and_then(|(_, body)| body.rsplit_once("\n\n"));
        let table = |event: &&str| event.lines().any(|line| line == "event: table");
        if let Some(event) = whole.and_then(|(events, _)| events.split("\n\n").find(table)) {
            return Ok(format!("{event}\n\n"));
        }
        if len == 0 {
            return Err(format!("{node}: no table came: {text}"));
        }
    }
}

/// The program that does nothing but send.
pub fn bare(options: &Options, folder: &Path, nodes: usize, each: usize, message: &str) -> Told<Pushed> {
    let program = options.program.clone().map_or_else(std::env::current_exe, Ok);
    let program = program.map_err(|error| format!("this program's own path: {error}"))?;
    let file = folder.join("message");
    std::fs::write(&file, message).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut peers = Vec::new();
    for number in 0..nodes {
        let address = free_port()?;
        let arguments = ["--send", &file.display().to_string(), "--watch", &address.to_string()];
        let log = folder.join(format!("bare-{number}.log"));
        peers.push(Peer::start(&program, arguments.map(str::to_owned).to_vec(), log, address)?);
    }
    pushed(options, &peers, each, |_| String::new())
}

/// nginx with Nchan; none where one of them is not installed.
pub fn nchan(
    options: &Options,
    folder: &Path,
    nodes: usize,
    each: usize,
    message: &str,
) -> Told<Option<Pushed>> {
    if ![NGINX, NCHAN].iter().all(|path| Path::new(path).is_file()) {
        return Ok(None);
    }
    let data = message.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or(message).to_owned();
    let publish = move |round: usize| format!("{data}{round:02}");
    let mut peers = Vec::new();
    for number in 0..nodes {
        let own = folder.join(format!("nchan-{number}"));
        let address = free_port()?;
        let told = |error: std::io::Error| format!("{}: {error}", own.display());
        std::fs::create_dir_all(&own).map_err(told)?;
        let at = own.display();
        let connections = each + 256;
        let config = format!(
            "load_module {NCHAN};\n\
             daemon off; master_process off; worker_processes 1; pid {at}/pid; error_log {at}/error.log;\n\
             worker_rlimit_nofile {connections};\n\
             events {{ worker_connections {connections}; }}\n\
             http {{ access_log off; nchan_max_reserved_memory 256m;\n\
             client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
             server {{ listen {address};\n\
             location = /watch {{ nchan_subscriber eventsource; nchan_channel_id table; nchan_subscriber_first_message newest; }}\n\
             location = /push {{ nchan_publisher; nchan_channel_id table; nchan_message_buffer_length 1; }} }} }}\n"
        );
        std::fs::write(own.join("nginx.conf"), config).map_err(told)?;
        let arguments = vec!["-c".to_owned(), own.join("nginx.conf").display().to_string()];
        let peer = Peer::start(Path::new(NGINX), arguments, own.join("log"), address)?;
        // Who comes is told the newest message, as by us.
        tell(std::slice::from_ref(&peer), &publish(0))?;
        peers.push(peer);
    }
    pushed(options, &peers, each, publish).map(Some)
}

fn pushed(options: &Options, peers: &[Peer], each: usize, message: impl Fn(usize) -> String) -> Told<Pushed> {
    let mut groups = Vec::new();
    for (number, peer) in peers.iter().enumerate() {
        let mut group = Watchers::start(options.program.as_deref(), peer.address, each, number)?;
        group.joined().map_err(|error| format!("{error}; {}", peer.program.last_words()))?;
        groups.push(group);
    }
    let ran = || peers.iter().filter_map(|peer| peer.program.pid()).map(cpu::ran).sum::<Duration>();
    let (before, mut arrived) = (ran(), Vec::new());
    for round in 0..options.shifts {
        let asked = watchers::monotonic();
        tell(peers, &message(round + 1))?;
        for group in &mut groups {
            arrived.extend(group.told()?.into_iter().map(|came| came.arrived.saturating_sub(asked)));
        }
        pace::pause(BETWEEN);
    }
    let us = ran().saturating_sub(before).as_secs_f64() * 1e6 / arrived.len().max(1) as f64;
    Ok(Pushed { arrived: Spread::of(arrived), us })
}

/// Has each of them tell all its watchers; all are asked before one is waited for.
fn tell(peers: &[Peer], body: &str) -> Told<()> {
    let mut asked = Vec::new();
    for Peer { address, .. } in peers {
        let told = |error: std::io::Error| format!("{address}: {error}");
        let mut stream = TcpStream::connect(address).map_err(told)?;
        write!(
            stream,
            "POST /push HTTP/1.1\r\nhost: bench\r\nconnection: close\r\nx-eventsource-event: table\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .map_err(told)?;
        asked.push((address, stream));
    }
    for (address, mut stream) in asked {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(|error| format!("{address}: {error}"))?;
        if !answer.starts_with("HTTP/1.1 20") {
            return Err(format!("{address}: {answer}"));
        }
    }
    Ok(())
}

impl Peer {
    fn start(path: &Path, arguments: Vec<String>, log: PathBuf, address: SocketAddr) -> Told<Peer> {
        let program = super::start_on_core_0(path, arguments, log)?;
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            if began.elapsed() > READY {
                return Err(format!(
                    "{} does not answer after {READY:?}: {}",
                    path.display(),
                    program.last_words()
                ));
            }
            pace::pause(Duration::from_millis(20));
        }
        Ok(Peer { program, address })
    }
}

/// Sends what is in the file to each that comes with a `GET`, and again to all with each `POST`, until it is killed.
///
/// # Errors
///
/// Without the file or the port.
pub fn send(file: &Path, address: SocketAddr) -> Told<()> {
    watchers::raise_files()?;
    let told = |error: std::io::Error| format!("{address}: {error}");
    let message = std::fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
    // As many may wait as come at once.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).map_err(told)?;
    socket.bind(&address.into()).map_err(told)?;
    socket.listen(4_096).map_err(told)?;
    let listener = TcpListener::from(socket);
    let mut watching: Vec<TcpStream> = Vec::new();
    let mut first = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n".to_vec();
    first.extend_from_slice(&message);
    loop {
        let (mut stream, _) = listener.accept().map_err(told)?;
        let mut asked = [0; 1_024];
        // Who goes without a word was only looking whether somebody is here.
        let Ok(len @ 1..) = stream.read(&mut asked) else { continue };
        if asked[..len].starts_with(b"GET") {
            stream.set_nodelay(true).map_err(told)?;
            stream.write_all(&first).map_err(told)?;
            stream.set_nonblocking(true).map_err(told)?;
            watching.push(stream);
            continue;
        }
        for mut one in &watching {
            let sent = one.write(&message).map_err(told)?;
            if sent < message.len() {
                return Err(format!("{address}: a watcher took {sent} bytes of {}", message.len()));
            }
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").map_err(told)?;
    }
}

fn free_port() -> Told<SocketAddr> {
    let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|port| port.local_addr());
    port.map_err(|error| format!("a free port: {error}"))
}
