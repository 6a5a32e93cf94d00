//! What answers probes, and the least that a probe can be: a loop that connects, asks, reads and resets, one after the other.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;

use super::Case;
use crate::{Told, cores, cpu};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nuser-agent: holdfast-bench\r\naccept: */*\r\nconnection: close\r\n\r\n";
const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok";

/// Connections that wait to be taken, as far as the system allows (`net.core.somaxconn`).
const BACKLOG: u32 = 4_096;

/// Answers whatever is asked at this address until it is killed, on one thread. Who connects and does not ask keeps nobody waiting. The port is printed
/// on a line: 0 asks for a free one.
///
/// # Errors
///
/// When the address cannot be had.
pub fn respond(address: SocketAddr) -> Told<()> {
    let told = |error: std::io::Error| format!("{address}: {error}");
    // As the node does: none of its probes is to wait for a file of ours.
    getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, most)| setrlimit(Resource::RLIMIT_NOFILE, most, most))
        .map_err(|error| format!("the limit of open files: {error}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(told)?;
    runtime.block_on(async {
        let socket = TcpSocket::new_v4().map_err(told)?;
        socket.set_reuseaddr(true).map_err(told)?;
        socket.bind(address).map_err(told)?;
        let listener = socket.listen(BACKLOG).map_err(told)?;
        println!("{}", listener.local_addr().map_err(told)?.port());
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(answer(stream))),
                // It ended early, or there are no files left until others end: let them.
                Err(_) => tokio::task::yield_now().await,
            }
        }
    })
}

/// One that ended early is the checker's finding.
async fn answer(mut stream: tokio::net::TcpStream) {
    let mut request = [0; 2_048];
    if stream.read(&mut request).await.is_ok_and(|len| len > 0) {
        let _ = stream.write_all(ANSWER).await;
    }
}

/// Probes in a loop for so many seconds, and prints the microseconds of this process for one.
///
/// # Errors
///
/// When nobody answers.
pub fn bare(what: Case, port: u16, length_s: u64) -> Told<()> {
    let (began, length) = (Instant::now(), Duration::from_secs(length_s));
    let own = std::process::id();
    let mut answer = [0; 2_048];
    let (mut count, ran) = (0_u32, cpu::ran(own));
    while began.elapsed() < length {
        for _ in 0..100 {
            count += 1;
            let [_, a, b, c] = count.to_be_bytes();
            let address = SocketAddr::from((Ipv4Addr::new(127, 1 + a, b, c), port));
            let told = |error: std::io::Error| format!("{address}: {error}");
            let mut stream = TcpStream::connect(address).map_err(told)?;
            SockRef::from(&stream).set_linger(Some(Duration::ZERO)).map_err(told)?;
            if what == Case::Http {
                stream.write_all(REQUEST).map_err(told)?;
                if stream.read(&mut answer).map_err(told)? != ANSWER.len() {
                    return Err(format!("{address} did not answer in one piece"));
                }
            }
        }
    }
    println!("{}", cpu::ran(own).saturating_sub(ran).as_secs_f64() * 1e6 / f64::from(count));
    Ok(())
}

/// [`bare`] in a process of its own on core 0.
pub fn measure(own: &Path, what: Case, port: u16, length_s: u64) -> Told<f64> {
    let what = if what == Case::Http { "http" } else { "tcp" };
    let mut command = Command::new(own);
    command.args(["--bare", what, "--port", &port.to_string(), "--length-s", &length_s.to_string()]);
    let output = cores::on_core_0(|| command.stdin(Stdio::null()).stderr(Stdio::inherit()).output())?;
    let output = output.map_err(|error| format!("cannot run {}: {error}", own.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().map_err(|_| format!("the bare loop said {text:?}"))
}
