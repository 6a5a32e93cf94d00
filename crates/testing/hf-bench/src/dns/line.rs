//! One connection to a node's API that never waits: the thread that asks for names also asks here, so that there is one clock and no wake-up.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::{Told, pace};

/// A longer answer is none that this bench asks for.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The connection; one question at a time.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    token: String,
    stream: TcpStream,
    came: Vec<u8>,
}

impl Line {
    /// Connects.
    pub fn connect(address: SocketAddr, token: String) -> Told<Line> {
        let told = |error: std::io::Error| format!("{address}: {error}");
        let stream = TcpStream::connect(address).map_err(told)?;
        stream.set_nodelay(true).map_err(told)?;
        stream.set_nonblocking(true).map_err(told)?;
        Ok(Line { address, token, stream, came: Vec::new() })
    }

    /// Sends a question, such as `POST` `/v1/shifts`.
    pub fn ask(&mut self, method: &str, path: &str, body: &str) -> Told<()> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            self.token,
            body.len()
        );
        self.came.clear();
        // It is far shorter than what the kernel takes at once from a connection with nothing under way.
        self.stream.write_all(request.as_bytes()).map_err(|error| format!("{}{path}: {error}", self.address))
    }

    /// The answer's body, once it has come.
    pub fn answer(&mut self) -> Told<Option<String>> {
        let mut bytes = [0; 4_096];
        let told = |why: &str| format!("{}: {why}", self.address);
        match self.stream.read(&mut bytes) {
            Ok(0) => return Err(told("the connection ended before the answer")),
            Ok(len) => self.came.extend_from_slice(&bytes[..len]),
            Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(why) => return Err(told(&why.to_string())),
        }
        if self.came.len() > ANSWER_BYTES_MAX {
            return Err(told("an answer is too long"));
        }
        let Some((status, body)) = whole(&self.came) else { return Ok(None) };
        if status.starts_with('2') { Ok(Some(body)) } else { Err(told(&format!("{status}: {body}"))) }
    }

    /// Asks and waits.
    pub fn call(&mut self, method: &str, path: &str, body: &str) -> Told<String> {
        self.ask(method, path, body)?;
        loop {
            if let Some(answer) = self.answer()? {
                return Ok(answer);
            }
            pace::pause(std::time::Duration::from_millis(1));
        }
    }
}

/// Status and body of an answer that has come as a whole.
fn whole(came: &[u8]) -> Option<(String, String)> {
    let end = came.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&came[..end]).to_ascii_lowercase();
    let status = head.lines().next()?.split_once(' ')?.1.to_owned();
    let len = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let len = len.and_then(|len| len.trim().parse::<usize>().ok()).unwrap_or_default();
    let body = came.get(end + 4..)?.get(..len)?;
    Some((status, String::from_utf8_lossy(body).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_when_it_is_whole() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(whole(text), Some(("200 ok".to_owned(), "{}".to_owned())));
        for len in 0..text.len() {
            assert_eq!(whole(&text[..len]), None);
        }
    }
}
