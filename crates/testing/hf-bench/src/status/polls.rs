//! Questions over kept connections, and the processor time that answering takes.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::link::Link;
use crate::figures::Spread;
use crate::{Told, cores, cpu, pace};

/// What polls cost.
pub struct Polls {
    /// Answers.
    pub per_second: f64,
    /// Processor time of one.
    pub us: f64,
    /// Bytes of a body.
    pub body_len: usize,
}

/// Asks for the whole answer each time.
pub fn load(
    address: SocketAddr,
    path: &str,
    connections: usize,
    length: Duration,
    ran: impl Fn() -> Duration,
) -> Told<Polls> {
    asked(address, &format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n"), connections, length, ran)
}

/// Asks with a tag that is still the newest.
pub fn load_known(
    address: SocketAddr,
    path: &str,
    connections: usize,
    length: Duration,
    ran: impl Fn() -> Duration,
) -> Told<Polls> {
    let question = format!("GET {path} HTTP/1.1\r\nhost: bench\r\nif-none-match: *\r\n\r\n");
    asked(address, &question, connections, length, ran)
}

fn asked(
    address: SocketAddr,
    question: &str,
    connections: usize,
    length: Duration,
    ran: impl Fn() -> Duration,
) -> Told<Polls> {
    let told = |error: std::io::Error| format!("{address}: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(told)?;
    runtime.block_on(async {
        let (before, began) = (ran(), Instant::now());
        let all: Vec<_> = (0..connections)
            .map(|_| tokio::spawn(one(address, question.to_owned(), began + length)))
            .collect();
        let (mut answers, mut body_len) = (0_u64, 0);
        for one in all {
            let (count, len) = one.await.map_err(|error| error.to_string())?.map_err(told)?;
            answers += count;
            body_len = len;
        }
        let (took, used) = (began.elapsed(), ran().saturating_sub(before));
        let count = answers as f64;
        Ok(Polls {
            per_second: (count / took.as_secs_f64()).round(),
            us: used.as_secs_f64() * 1e6 / count.max(1.0),
            body_len,
        })
    })
}

async fn one(address: SocketAddr, question: String, ends: Instant) -> std::io::Result<(u64, usize)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut count, mut body_len) = (0, 0);
    let mut bytes = vec![0; 16 << 10];
    while Instant::now() < ends {
        let len = answer(&mut stream, &question, &mut bytes).await?;
        body_len = body_of(&bytes[..len]);
        count += 1;
    }
    Ok((count, body_len))
}

/// Asks, and reads the whole answer; its length.
async fn answer(stream: &mut TcpStream, question: &str, bytes: &mut [u8]) -> std::io::Result<usize> {
    stream.write_all(question.as_bytes()).await?;
    let (mut len, mut whole) = (0, None);
    while whole.is_none_or(|whole| len < whole) {
        let more = stream.read(&mut bytes[len..]).await?;
        if more == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        len += more;
        whole = whole.or_else(|| whole_len(&bytes[..len]));
    }
    Ok(len)
}

/// Polls at a rate of their own, whatever else goes on.
pub struct Paced(std::thread::JoinHandle<Told<(u64, Duration, Spread)>>);

impl Paced {
    /// Begins: so many questions a second to all of these together, each over its kept connections, each at its time whether the last one was answered or not.
    pub fn begin(
        addresses: Vec<SocketAddr>,
        per_second: usize,
        connections: usize,
        length: Duration,
    ) -> Paced {
        Paced(std::thread::spawn(move || {
            // It has little to do, and would otherwise wait for those who read what is pushed.
            cores::come_first();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| format!("a runtime: {error}"))?;
            runtime.block_on(all_paced(&addresses, per_second, connections, length))
        }))
    }

    /// Waits for the end: how many a second were answered, and how long after it was due each was; a millisecond of that is the timer's.
    pub fn end(self) -> Told<(f64, Spread)> {
        let (count, took, spread) = self.0.join().map_err(|_| "polls ended in a panic".to_owned())??;
        Ok(((count as f64 / took.as_secs_f64()).round(), spread))
    }
}

async fn all_paced(
    addresses: &[SocketAddr],
    per_second: usize,
    connections: usize,
    length: Duration,
) -> Told<(u64, Duration, Spread)> {
    let began = Instant::now();
    let every = Duration::from_secs_f64(connections as f64 / per_second.max(1) as f64);
    let one = |at: usize| {
        let first = began + every * at as u32 / connections as u32;
        tokio::spawn(one_paced(addresses[at % addresses.len()], first, every, began + length))
    };
    let mut took = Vec::new();
    for one in (0..connections).map(one).collect::<Vec<_>>() {
        let of_one = one.await.map_err(|error| error.to_string())?;
        took.extend(of_one.map_err(|error| format!("a poll: {error}"))?);
    }
    Ok((took.len() as u64, began.elapsed(), Spread::of(took)))
}

async fn one_paced(
    address: SocketAddr,
    first: Instant,
    every: Duration,
    ends: Instant,
) -> std::io::Result<Vec<Duration>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (mut due, mut took, mut bytes) = (first, Vec::new(), vec![0; 16 << 10]);
    while due < ends {
        tokio::time::sleep_until(due.into()).await;
        answer(&mut stream, "GET /status/az0 HTTP/1.1\r\nhost: bench\r\n\r\n", &mut bytes).await?;
        took.push(due.elapsed());
        due += every;
    }
    Ok(took)
}

fn head_len(bytes: &[u8]) -> Option<usize> {
    Some(bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4)
}

fn whole_len(bytes: &[u8]) -> Option<usize> {
    let head = head_len(bytes)?;
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let line =
        text.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
    Some(head + line.unwrap_or_default())
}

fn body_of(bytes: &[u8]) -> usize {
    bytes.len() - head_len(bytes).unwrap_or_default()
}

/// The same of nginx with a file of this length; none where it is not installed.
pub fn nginx(
    link: &Link,
    folder: &Path,
    body_len: usize,
    connections: usize,
    length: Duration,
) -> Told<Option<Polls>> {
    let path = Path::new("/usr/sbin/nginx");
    if !path.is_file() {
        return Ok(None);
    }
    let told = |error: std::io::Error| format!("nginx: {error}");
    let free = || TcpListener::bind((link.server(), 0)).and_then(|port| port.local_addr());
    let port = link.at_servers(free)?.map_err(told)?;
    let own = folder.join("nginx");
    std::fs::create_dir_all(&own).map_err(told)?;
    std::fs::write(own.join("file"), "x".repeat(body_len)).map_err(told)?;
    let at = own.display();
    let config = format!(
        "daemon off; master_process off; worker_processes 1; pid {at}/pid; error_log {at}/error.log;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; open_file_cache max=10; default_type application/json;\n\
         client_body_temp_path {at}/body; proxy_temp_path {at}/proxy; fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;\n\
         server {{ listen {port}; root {at}; }} }}\n"
    );
    std::fs::write(own.join("nginx.conf"), config).map_err(told)?;
    let arguments = vec!["-c".to_owned(), own.join("nginx.conf").display().to_string()];
    let program = super::start_on_core_0(link, path, arguments, own.join("log"))?;
    let pid = program.pid().ok_or("nginx does not run")?;
    let began = Instant::now();
    while std::net::TcpStream::connect(port).is_err() {
        if began.elapsed() > Duration::from_secs(20) {
            return Err(format!("nginx does not answer: {}", program.last_words()));
        }
        pace::pause(Duration::from_millis(20));
    }
    load(port, "/file", connections, length, || cpu::ran(pid)).map(Some)
}
