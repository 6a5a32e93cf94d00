//! An endpoint that trusts nobody: it keeps every head that it is sent, byte for byte, and complains of whatever has two readings.
//!
//! Its parser is written for this alone and shares nothing with the balancer's: what both read alike is likely to be what everybody reads.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

/// One request as it came.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Method and target.
    pub asked: String,
    /// The whole head.
    pub head: String,
    /// Why it should not have come.
    pub complaints: Vec<String>,
}

/// The endpoint; its threads end with the test.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Recorder {
    /// Listens.
    pub fn start(at: SocketAddr) -> Recorder {
        let listener = TcpListener::bind(at).unwrap_or_else(|error| panic!("{at}: {error}"));
        let recorder = Recorder::default();
        let all = recorder.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let one = all.clone();
                std::thread::spawn(move || one.serve(&stream));
            }
        });
        recorder
    }

    /// What came since the last question.
    pub fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Ends where the balancer closes, or where it is not understood.
    fn serve(&self, mut stream: &TcpStream) {
        let _ = stream.set_nodelay(true);
        let mut reader = BufReader::new(stream);
        while let Some(head) = read_head(&mut reader) {
            let (seen, body) = look(&head);
            let is_bad = !seen.complaints.is_empty();
            let is_head = seen.asked.starts_with("HEAD ");
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
            if is_bad || pass_body(&mut reader, &body).is_none() {
                return;
            }
            let text = if is_head { "" } else { "ok" };
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{text}");
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
    }
}

/// Up to the empty line; a line may end as it likes, so that what is wrong can be told.
fn read_head(reader: &mut impl std::io::BufRead) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    loop {
        let before = head.len();
        if reader.read_until(b'\n', &mut head).ok()? == 0 {
            return None;
        }
        if matches!(&head[before..], b"\n" | b"\r\n") {
            return Some(head);
        }
    }
}

enum Body {
    Length(u64),
    Chunks,
}

fn look(head: &[u8]) -> (Seen, Body) {
    let text = String::from_utf8_lossy(head).into_owned();
    let mut complaints = Vec::new();
    if text.replace("\r\n", "").contains(['\r', '\n', '\0']) {
        complaints.push("a bare CR or LF, or a NUL".to_owned());
    }
    let mut lines = text.split("\r\n");
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let asked = match words.as_slice() {
        [method, target, "HTTP/1.1"] if target.starts_with('/') || *target == "*" => {
            format!("{method} {target}")
        }
        _ => {
            complaints.push(format!("request line {words:?}"));
            words.join(" ")
        }
    };
    let (mut lengths, mut codings, mut hosts) = (Vec::new(), Vec::new(), 0);
    for line in lines.filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        if name.is_empty()
            || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
        {
            complaints.push(format!("line {line:?}"));
        }
        match name.to_ascii_lowercase().as_str() {
            "content-length" => lengths.push(value.trim().to_owned()),
            "transfer-encoding" => codings.push(value.trim().to_owned()),
            "host" => hosts += 1,
            "connection" | "keep-alive" | "proxy-connection" | "te" | "upgrade"
                if value.trim() != "trailers" =>
            {
                complaints.push(format!("belongs to the client's connection: {line:?}"));
            }
            _ => {}
        }
    }
    if hosts != 1 {
        complaints.push(format!("{hosts} Host fields"));
    }
    let body = match (lengths.as_slice(), codings.as_slice()) {
        ([], []) => Body::Length(0),
        ([], [coding]) if coding == "chunked" => Body::Chunks,
        ([length], []) if length.bytes().all(|byte| byte.is_ascii_digit()) => {
            Body::Length(length.parse().unwrap_or_else(|_| {
                complaints.push(format!("length {length:?}"));
                0
            }))
        }
        _ => {
            complaints.push(format!("lengths {lengths:?}, codings {codings:?}"));
            Body::Length(0)
        }
    };
    (Seen { asked, head: text, complaints }, body)
}

fn pass_body(reader: &mut impl std::io::BufRead, body: &Body) -> Option<()> {
    if let Body::Length(length) = *body {
        return (std::io::copy(&mut reader.take(length), &mut std::io::sink()).ok()? == length).then_some(());
    }
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let size = u64::from_str_radix(line.strip_suffix("\r\n")?.split(';').next()?, 16).ok()?;
        if size == 0 {
            return read_head(reader).map(drop);
        }
        std::io::copy(&mut reader.take(size + 2), &mut std::io::sink()).ok()?;
    }
}
