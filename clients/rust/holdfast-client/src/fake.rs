//! A status endpoint for tests: speaks as much HTTP/1.1 as the client asks for, and misbehaves as it is told.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// For a condition to come about.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// How it treats streams of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// As it should: a table on every change, and beats.
    Well,
    /// The first table, and then nothing ever: the connection stands.
    Deaf,
    /// Beats with the newest tag, but no table after the first.
    BeatsOnly,
    /// The first table with a `retry` of so many milliseconds, and then the end.
    Short(u64),
    /// None: 404.
    None,
}

/// What it says and how.
#[derive(Clone, Debug)]
pub struct Says {
    /// Away or not, by zone.
    pub zones: BTreeMap<String, bool>,
    pub revision: u64,
    pub stream: Stream,
    /// Answers to `/status` and `/watch` are this instead, if it is there.
    pub instead: Option<(u16, String)>,
    /// Acknowledgements are taken in only when this is over; a good-bye at once.
    pub is_slow: bool,
}

/// What it heard.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    pub requests: Vec<String>,
    pub acknowledged: Vec<String>,
}

pub struct Fake {
    pub address: SocketAddr,
    pub says: watch::Sender<Says>,
    pub heard: Arc<Mutex<Heard>>,
    task: AbortHandle,
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn json(says: &Says) -> (String, String) {
    let zones: Vec<String> = says
        .zones
        .iter()
        .map(|(id, is_away)| {
            let state = if *is_away { "away" } else { "open" };
            format!(
                r#"{{"zone":"{id}","aliases":["{id}-alias"],"resource":"everything","state":"{state}","source":"shift","reason":"a test","until_ms":null,"held":false,"revision":{}}}"#,
                says.revision
            )
        })
        .collect();
    let tag = format!("{:016x}", says.zones.values().fold(1_u64, |sum, is| sum << 1 | u64::from(*is)));
    let table = format!(
        r#"{{"tag":"{tag}","revision":{},"snapshot":1,"made_at_ms":1,"zones":[{}]}}"#,
        says.revision,
        zones.join(",")
    );
    (tag, table)
}

impl Fake {
    /// One that says this of zone `a`, and that `b` is open.
    pub async fn start(is_away: bool) -> Fake {
        let zones = BTreeMap::from([("a".to_owned(), is_away), ("b".to_owned(), false)]);
        let says = watch::Sender::new(Says {
            zones,
            revision: 1,
            stream: Stream::Well,
            instead: None,
            is_slow: false,
        });
        let heard = Arc::new(Mutex::new(Heard::default()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (told, hears) = (says.clone(), heard.clone());
        let task = tokio::spawn(async move {
            let mut open = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                open.spawn(serve(stream, told.clone(), hears.clone()));
            }
        });
        Fake { address, says, heard, task: task.abort_handle() }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it says this of zone `a`.
    pub fn say(&self, is_away: bool) {
        self.says.send_modify(|says| {
            says.zones.insert("a".to_owned(), is_away);
            says.revision += 1;
        });
    }

    pub fn heard(&self) -> Heard {
        self.heard.lock().unwrap().clone()
    }
}

async fn serve(mut stream: TcpStream, says: watch::Sender<Says>, heard: Arc<Mutex<Heard>>) {
    loop {
        let Some((head, body)) = read(&mut stream).await else { return };
        let line = head.lines().next().unwrap_or_default().to_owned();
        heard.lock().unwrap().requests.push(head.clone());
        let now = says.borrow().clone();
        if line.starts_with("POST /acknowledge") {
            if !body.contains(r#""gone":true"#) {
                let _ = says.subscribe().wait_for(|says| !says.is_slow).await;
            }
            heard.lock().unwrap().acknowledged.push(body);
            if stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.is_err() {
                return;
            }
            continue;
        }
        let (tag, table) = json(&now);
        let answer = match &now.instead {
            Some((status, text)) => answer(*status, "x-test: 1\r\n", text),
            None if line.starts_with("GET /watch") && now.stream != Stream::None => {
                let resumes = head.to_ascii_lowercase().contains(&format!("last-event-id: {tag}"));
                let _ = events(&mut stream, says.subscribe(), resumes).await;
                return;
            }
            None if line.starts_with("GET /status") => {
                let headers = format!("etag: \"{tag}\"\r\ncontent-type: application/json\r\n");
                if head.to_ascii_lowercase().contains(&format!("if-none-match: \"{tag}\"")) {
                    format!("HTTP/1.1 304 Not Modified\r\n{headers}\r\n")
                } else {
                    answer(200, &headers, &table)
                }
            }
            None => answer(404, "", "{}"),
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} Test\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

/// Chunked, as the real one may or may not be: until the client goes.
async fn events(
    stream: &mut TcpStream,
    mut says: watch::Receiver<Says>,
    mut resumes: bool,
) -> std::io::Result<()> {
    stream
        .write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        )
        .await?;
    let mut is_first = true;
    let mut told = None;
    loop {
        let now = says.borrow_and_update().clone();
        let (tag, table) = json(&now);
        let is_new = told.as_ref() != Some(&tag);
        let text = match now.stream {
            Stream::Well if is_new && !resumes => format!("id: {tag}\nevent: table\ndata: {table}\n\n"),
            Stream::Well | Stream::BeatsOnly if !is_first || resumes => {
                format!("event: beat\ndata: {{\"tag\":\"{tag}\",\"revision\":1,\"age_ms\":5}}\n\n")
            }
            Stream::Short(retry) if is_first => format!("retry: {retry}\nevent: table\ndata: {table}\n\n"),
            Stream::Short(_) => return Ok(()),
            _ if is_first => format!("event: table\ndata: {table}\n\n"),
            Stream::None => return Ok(()),
            _ => String::new(),
        };
        told = Some(tag);
        (is_first, resumes) = (false, false);
        if !text.is_empty() {
            stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await?;
        }
        let mut gone = [0; 1];
        tokio::select! {
            _ = says.changed() => {}
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
            read = stream.read(&mut gone) => if read? == 0 { return Ok(()) },
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
            let length = head.to_ascii_lowercase().lines().find_map(|line| {
                line.strip_prefix("content-length:").and_then(|value| value.trim().parse::<usize>().ok())
            });
            let wanted = at + 4 + length.unwrap_or(0);
            if bytes.len() >= wanted {
                return Some((head, String::from_utf8_lossy(&bytes[at + 4..wanted]).into_owned()));
            }
        }
        let mut piece = [0; 4_096];
        let count = stream.read(&mut piece).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&piece[..count]);
    }
}

/// A place where nobody listens, for as long as the socket is kept: nobody else can be given its port.
pub fn nobody() -> (TcpSocket, String) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    (socket, url)
}

/// Waits until `is_so`, with a deadline.
pub async fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = tokio::time::Instant::now() + DEADLINE;
    while !is_so() {
        assert!(tokio::time::Instant::now() < end, "waited {DEADLINE:?} until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
