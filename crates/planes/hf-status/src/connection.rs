//! One connection, from its first byte until it ends or watches.
//!
//! 1. Bytes are read to where all connections have them read; what is not used yet is the only thing that a connection holds, and it is bounded.
//! 2. Requests that came together are answered together, in their order.
//! 3. A request is whole [`PATIENCE`] after the last answer, or the connection ends; an answer is taken within the message time.
//! 4. A connection that begins to watch becomes a smaller task (`watchers`): most of the memory of this one is given back. Its first message goes out
//!    with the head, from the bytes that all share.
//!
//! Not here: what is answered (`answer`).

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use crate::answer::{self, End, Then, Wait, Watch};
use crate::bounds::{Admitted, Full};
use crate::request::{BODY_BYTES_MAX, HEAD_BYTES_MAX, Request};
use crate::shared::{Asker, Shared};
use crate::watchers;

/// For a request to arrive, idle time before it included.
const PATIENCE: Duration = Duration::from_secs(30);
/// For one who is not let in to say what it wants, so that it hears the answer.
const REFUSED_PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of answers after which no further one is put to them before they are sent: who does not read has that and one answer kept for it.
const TOGETHER_BYTES: usize = 4 << 10;
/// Bytes that a connection may have sent ahead.
const HELD_BYTES_MAX: usize = HEAD_BYTES_MAX + BODY_BYTES_MAX;

/// The other side is gone, or must be: nothing more can be said.
struct Gone;

impl From<io::Error> for Gone {
    fn from(_: io::Error) -> Gone {
        Gone
    }
}

impl From<tokio::time::error::Elapsed> for Gone {
    fn from(_: tokio::time::error::Elapsed) -> Gone {
        Gone
    }
}

/// Serves a connection until it ends; one that watches goes on by itself.
pub async fn serve(shared: Rc<Shared>, stream: TcpStream, admitted: Admitted) {
    let mut connection =
        Connection::new(shared, stream, Asker { source: admitted.source(), since: Instant::now() });
    // Whose connection breaks knows it.
    if let Ok(Some(watch)) = connection.run().await {
        let Connection { shared, stream, held, .. } = connection;
        spawn_local(watchers::watch(shared, stream, watch, &held, admitted));
    }
}

/// Says to one who is not let in why.
pub async fn refuse(shared: Rc<Shared>, stream: TcpStream, why: Full) {
    let nobody = Asker { source: std::net::Ipv4Addr::UNSPECIFIED.into(), since: Instant::now() };
    let mut connection = Connection::new(shared, stream, nobody);
    // What it asked does not matter, but an answer before the question would be lost.
    if let Ok(Ok(())) = timeout(REFUSED_PATIENCE, connection.read()).await {
        let mut answer = Vec::new();
        answer::end(&connection.shared, End::Full(why), &mut answer);
        let _ = connection.stream.try_write(&answer); // it goes either way
    }
}

struct Connection {
    shared: Rc<Shared>,
    stream: TcpStream,
    asker: Asker,
    held: Vec<u8>,
    /// Whether the request that is held was told to go on.
    has_continued: bool,
}

impl Connection {
    fn new(shared: Rc<Shared>, stream: TcpStream, asker: Asker) -> Connection {
        Connection { shared, stream, asker, held: Vec::new(), has_continued: false }
    }

    async fn run(&mut self) -> Result<Option<Watch>, Gone> {
        loop {
            let deadline = Instant::now() + PATIENCE;
            let mut then = loop {
                if let Some(then) = self.answer_held().await? {
                    break then;
                }
                let shared = self.shared.clone();
                if shared.stops.get() {
                    return Ok(None);
                }
                tokio::select! {
                    read = timeout_at(deadline, self.read()) => read??,
                    () = shared.stopping.notified() => return Ok(None),
                }
            };
            if let Then::Wait(wait) = then {
                then = self.wait(wait).await?;
            }
            match then {
                Then::Next | Then::Wait(_) => {}
                Then::Close => return Ok(None),
                Then::Watch(watch) => return Ok(Some(watch)),
            }
        }
    }

    /// Reads what comes next.
    async fn read(&mut self) -> Result<(), Gone> {
        poll_fn(|context| self.poll_read(context)).await
    }

    /// By `poll_read`, which knows after a short read that no more is there; `try_read` would have to ask the system again.
    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        let mut scratch = self.shared.scratch.borrow_mut();
        let room = (HELD_BYTES_MAX + 1 - self.held.len().min(HELD_BYTES_MAX)).min(scratch.len());
        let mut into = ReadBuf::new(&mut scratch[..room]);
        match Pin::new(&mut self.stream).poll_read(context, &mut into) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(())) if !into.filled().is_empty() => {
                self.shared.counts.received(into.filled().len());
                self.held.extend_from_slice(into.filled());
                Poll::Ready(Ok(()))
            }
            Poll::Ready(_) => Poll::Ready(Err(Gone)),
        }
    }

    /// Answers the whole requests that are held. What follows; none while more must be read.
    async fn answer_held(&mut self) -> Result<Option<Then>, Gone> {
        let mut used = 0;
        let mut then = None;
        let unsent = {
            let mut out = self.shared.out.borrow_mut();
            out.clear();
            while out.len() < TOGETHER_BYTES {
                let bytes = &self.held[used..];
                let (request, head_len) = match Request::read(bytes) {
                    Ok(Some(found)) => found,
                    Ok(None) => break,
                    Err(bad) => {
                        answer::end(&self.shared, End::BadRequest(bad), &mut out);
                        then = Some(Then::Close);
                        break;
                    }
                };
                let len = head_len + request.body_len;
                let Some(body) = bytes.get(head_len..len) else {
                    if request.expects_continue && !self.has_continued {
                        self.has_continued = true;
                        out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                    }
                    break;
                };
                let follows = answer::answer(&self.shared, self.asker, &request, body, &mut out);
                used += len;
                self.has_continued = false;
                let goes_on = matches!(follows, Then::Next);
                then = Some(follows);
                if !goes_on {
                    break;
                }
            }
            match &mut then {
                Some(Then::Watch(watch)) => self.send_with_first(&out, watch)?,
                _ => self.send_now(&out)?,
            }
        };
        self.held.drain(..used);
        if self.held.is_empty() {
            self.held = Vec::new();
        }
        self.send(unsent).await?;
        Ok(then)
    }

    /// Waits for a change; reads meanwhile, so that it sees the other side go.
    async fn wait(&mut self, wait: Wait) -> Result<Then, Gone> {
        let shared = self.shared.clone();
        let ends = Instant::now() + wait.length;
        let then = loop {
            let changed = wait.channel.changed.notified();
            let mut changed = std::pin::pin!(changed);
            changed.as_mut().enable();
            let mut answer = Vec::new();
            if let Some(then) = wait.answer_change(&shared, &mut answer) {
                break (then, answer);
            }
            let is_over = tokio::select! {
                biased;
                () = shared.stopping.notified() => true,
                () = changed => false,
                () = sleep_until(ends) => true,
                read = self.read() => {
                    read?;
                    if self.held.len() > HELD_BYTES_MAX {
                        return Err(Gone);
                    }
                    false
                }
            };
            if is_over {
                let then = wait.answer_over(&shared, &mut answer);
                break (then, answer);
            }
        };
        let (then, answer) = then;
        let unsent = self.send_now(&answer)?;
        self.send(unsent).await?;
        Ok(then)
    }

    /// Sends what could not be sent at once.
    async fn send(&self, unsent: Vec<u8>) -> Result<(), Gone> {
        let mut at = 0;
        let deadline = Instant::now() + self.shared.bounds.limits().message_time;
        while at < unsent.len() {
            timeout_at(deadline, self.stream.writable()).await??;
            match self.stream.try_write(&unsent[at..]) {
                Ok(len) => {
                    self.shared.counts.sent(len);
                    at += len;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => return Err(Gone),
            }
        }
        Ok(())
    }

    /// Sends as much as goes at once; the rest.
    fn send_now(&self, bytes: &[u8]) -> Result<Vec<u8>, Gone> {
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        let sent = taken(self.stream.try_write(bytes))?;
        self.shared.counts.sent(sent);
        Ok(bytes[sent..].to_vec())
    }

    /// Sends answers and, behind them, the first message of one that watches, as much as goes at once; the rest of the answers.
    fn send_with_first(&self, answers: &[u8], watch: &mut Watch) -> Result<Vec<u8>, Gone> {
        let parts = [IoSlice::new(answers), IoSlice::new(&watch.first)];
        let sent = taken(self.stream.try_write_vectored(&parts))?;
        self.shared.counts.sent(sent);
        let of_answers = sent.min(answers.len());
        let of_first = sent - of_answers;
        watch.is_begun = of_first > 0;
        // It stays shared: nobody has a copy of what it does not take.
        watch.first = watch.first.slice(of_first..);
        Ok(answers[of_answers..].to_vec())
    }
}

/// How much went; nothing, where there is no room.
fn taken(sent: io::Result<usize>) -> Result<usize, Gone> {
    match sent {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        sent => Ok(sent?),
    }
}
