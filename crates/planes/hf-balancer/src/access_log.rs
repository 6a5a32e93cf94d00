//! One line of JSON for each request that was answered, in a file or on standard output.
//!
//! 1. A worker never waits for the disk: lines go over a queue of [`QUEUE`] lines to a thread of their own. What does not fit is lost, and the next
//!    line says how many were.
//! 2. A file that was renamed or removed is opened anew within a second: that is how logs are rotated.
//! 3. Tickets of sessions are left out: whoever reads one could use it.
//! 4. A line is written when the head of the answer goes out; what has no readable request is not here.
//!
//! Not here: who writes where (the node's file), events of the program itself (`tracing`).

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use hf_assign::carried::query_with;
use hf_model::Timestamp;
use http::{HeaderValue, Method, Request, StatusCode, Uri, Version};
use tokio::time::Instant;

/// Lines that wait to be written.
const QUEUE: usize = 8_192;
/// Between two looks at whether the file is still the one of its name.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where lines go; all clones are one.
#[derive(Clone, Debug)]
pub struct AccessLog {
    lines: SyncSender<String>,
    lost: Arc<AtomicU64>,
}

impl AccessLog {
    /// To the end of a file.
    pub fn to_file(path: PathBuf) -> io::Result<AccessLog> {
        let file = open(&path)?;
        Self::start(Sink::File { path, file: BufWriter::new(file) })
    }

    /// To standard output.
    pub fn to_stdout() -> io::Result<AccessLog> {
        Self::start(Sink::Stdout)
    }

    fn start(mut sink: Sink) -> io::Result<AccessLog> {
        let (lines, queue) = sync_channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = lost.clone();
        std::thread::Builder::new()
            .name("hf-access-log".to_owned())
            .spawn(move || write_all(&mut sink, &queue, &counted))?;
        Ok(AccessLog { lines, lost })
    }

    /// Hands a line over, or counts it as lost.
    pub fn tell(&self, line: String) {
        if self.lines.try_send(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

enum Sink {
    Stdout,
    File { path: PathBuf, file: BufWriter<File> },
}

impl Sink {
    fn write(&mut self, line: &str) -> io::Result<()> {
        match self {
            Sink::Stdout => writeln!(io::stdout().lock(), "{line}"),
            Sink::File { file, .. } => writeln!(file, "{line}"),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let Sink::File { path, file } = self else { return io::stdout().lock().flush() };
        file.flush()?;
        let known = file.get_ref().metadata()?.ino();
        if std::fs::metadata(&*path).map(|found| found.ino()).ok() != Some(known) {
            *file = BufWriter::new(open(path)?);
        }
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

/// Writes until nobody can send a line any more.
fn write_all(sink: &mut Sink, queue: &Receiver<String>, lost: &AtomicU64) {
    let mut is_failing = false;
    loop {
        let wrote = match queue.recv_timeout(LOOK_EVERY) {
            Ok(line) => {
                let dropped = lost.swap(0, Ordering::Relaxed);
                let note = (dropped > 0).then(|| format!("{{\"lost\":{dropped}}}"));
                let mut lines = note.into_iter().chain([line]).chain(queue.try_iter().take(QUEUE));
                lines.try_for_each(|line| sink.write(&line)).and_then(|()| sink.flush())
            }
            Err(RecvTimeoutError::Timeout) => sink.flush(),
            Err(RecvTimeoutError::Disconnected) => return,
        };
        match wrote {
            Ok(()) => is_failing = false,
            Err(error) if !is_failing => {
                is_failing = true;
                tracing::error!(%error, "the access log cannot be written; lines are lost until it can");
            }
            Err(_) => {}
        }
    }
}

/// What a line tells of a request, taken before it goes anywhere.
#[derive(Debug)]
pub struct Asked {
    began: Instant,
    method: Method,
    uri: Uri,
    host: Option<HeaderValue>,
    version: Version,
}

impl Asked {
    /// Of `request`.
    pub fn of<B>(request: &Request<B>) -> Self {
        Asked {
            began: Instant::now(),
            method: request.method().clone(),
            uri: request.uri().clone(),
            host: request.headers().get(http::header::HOST).cloned(),
            version: request.version(),
        }
    }

    /// The line, once the answer's head is known.
    pub fn line(&self, now: Timestamp, client: IpAddr, status: StatusCode) -> String {
        let host = self.host.as_ref().and_then(|host| host.to_str().ok()).unwrap_or_default();
        let query = query_with(self.uri.query(), None);
        format!(
            "{{\"at_ms\":{},\"client\":\"{client}\",\"method\":{},\"host\":{},\"target\":{},\"version\":\"{:?}\",\"status\":{},\"head_us\":{}}}",
            now.0,
            quoted(self.method.as_str()),
            quoted(host),
            quoted(&format!("{}{query}", self.uri.path())),
            self.version,
            status.as_u16(),
            self.began.elapsed().as_micros(),
        )
    }
}

/// As a string of JSON.
pub fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> String {
        let request =
            Request::builder().uri("/a?b=c&holdfast-ticket=x").header("host", "a\"\\b").body(()).unwrap();
        let line = Asked::of(&request).line(Timestamp(5), "192.0.2.1".parse().unwrap(), StatusCode::OK);
        line.split_once(",\"head_us\"").unwrap().0.to_owned()
    }

    #[test]
    fn a_line_is_json_whatever_was_asked_for() {
        assert_eq!(
            line(),
            r#"{"at_ms":5,"client":"192.0.2.1","method":"GET","host":"a\"\\b","target":"/a?b=c","version":"HTTP/1.1","status":200"#
        );
        assert_eq!(quoted("a\nb"), r#""a\u000ab""#);
    }

    /// Reads the file until it is as wanted.
    fn wait_for(path: &Path, want: &str) {
        let began = std::time::Instant::now();
        loop {
            let found = std::fs::read_to_string(path).unwrap_or_default();
            if found == want {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{found:?}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_file_that_was_renamed_is_opened_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let log = AccessLog::to_file(path.clone()).unwrap();
        log.tell("one".to_owned());
        wait_for(&path, "one\n");
        std::fs::rename(&path, folder.path().join("access.log.1")).unwrap();
        wait_for_open(&path);
        log.tell("two".to_owned());
        wait_for(&path, "two\n");
    }

    fn wait_for_open(path: &Path) {
        let began = std::time::Instant::now();
        while !path.exists() {
            assert!(began.elapsed() < Duration::from_secs(20), "it was not opened");
            std::thread::yield_now();
        }
    }
}
