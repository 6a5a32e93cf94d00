//! One way of a relay: reads, writes, keeps what was not taken, goes over to a pipe and back.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use rustix::pipe::{SpliceFlags, splice};
use tokio::io::{Interest, ReadBuf};
use tokio::net::TcpStream;

use super::pipes::Pipe;
use super::{BUFFER, End, Stream, Way};

/// Reads of one turn; then the others have theirs.
const READS_PER_TURN: u32 = 8;

/// What one splice asks for.
const SPLICE_BYTES: usize = 256 << 10;

/// A read or splice that brings as much says that there is much to carry; less says that there is not, or no more.
///
/// Measured for 64 KiB exchanges: splicing from 16 KiB on costs 0.8 of copying all.
const MUCH_BYTES: usize = 16 << 10;

/// The state of one way.
#[derive(Debug)]
pub struct Carrier {
    /// What was read and not yet taken, from `taken` on. Freed when it was.
    kept: Vec<u8>,
    taken: usize,
    /// Held only while it moves bytes.
    pipe: Option<Pipe>,
    /// Whether the last bytes came in such a number that a pipe is worth it.
    much: bool,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// The source is done; what is kept goes out, then the sink is told.
    Ending,
    Done,
}

/// What a turn brought.
#[derive(Clone, Copy, Debug)]
pub struct Carried {
    /// Whether a byte came or went.
    pub moved: bool,
    /// Whether this way is done.
    pub done: bool,
}

/// Which end of a way broke.
#[derive(Debug)]
pub enum Broken {
    Source(io::Error),
    Sink(io::Error),
}

impl Broken {
    pub fn end(self, way: Way) -> End {
        match (self, way) {
            (Broken::Source(error), Way::Up) | (Broken::Sink(error), Way::Down) => End::FirstBroke(error),
            (Broken::Sink(error), Way::Up) | (Broken::Source(error), Way::Down) => End::SecondBroke(error),
        }
    }
}

/// What one step of a turn came to.
enum Step {
    /// Go on.
    Again,
    /// Nothing more without waiting; the waker is set.
    Wait,
}

impl Carrier {
    /// `first` goes before all that will be read.
    pub fn new(first: Vec<u8>) -> Self {
        Carrier { kept: first, taken: 0, pipe: None, much: false, phase: Phase::Open }
    }

    /// Carries what there is to carry; `count` is told what the sink took.
    pub fn poll<S: Stream, T: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut S,
        sink: &mut T,
        count: impl Fn(usize),
    ) -> Result<Carried, Broken> {
        let mut turn = Turn { moved: false, reads: 0, count };
        while self.phase != Phase::Done {
            if turn.reads >= READS_PER_TURN {
                cx.waker().wake_by_ref();
                break;
            }
            let step = if self.taken < self.kept.len() {
                self.write_kept(cx, sink, &mut turn)?
            } else if self.has_pipe(source, sink) {
                self.through_pipe(cx, source, sink, &mut turn)?
            } else if self.phase == Phase::Ending {
                self.end(cx, sink)?
            } else {
                self.copy(cx, source, sink, &mut turn)?
            };
            if matches!(step, Step::Wait) {
                break;
            }
        }
        Ok(Carried { moved: turn.moved, done: self.phase == Phase::Done })
    }

    /// Whether the next step goes through a pipe: takes one when there is much to carry.
    fn has_pipe<S: Stream, T: Stream>(&mut self, source: &S, sink: &T) -> bool {
        if self.pipe.is_none() && self.much && self.phase == Phase::Open {
            let between_sockets = source.socket().is_some() && sink.socket().is_some();
            self.pipe = between_sockets.then(Pipe::take).flatten();
            self.much = self.pipe.is_some();
        }
        self.pipe.is_some()
    }

    fn write_kept<T: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut T,
        turn: &mut Turn<impl Fn(usize)>,
    ) -> Result<Step, Broken> {
        match Pin::new(&mut *sink).poll_write(cx, &self.kept[self.taken..]) {
            Poll::Pending => return Ok(Step::Wait),
            Poll::Ready(wrote) => {
                let count = wrote.and_then(no_zero).map_err(Broken::Sink)?;
                turn.went(count);
                self.taken += count;
            }
        }
        if self.taken == self.kept.len() {
            self.kept = Vec::new();
            self.taken = 0;
            return flush(cx, sink);
        }
        Ok(Step::Again)
    }

    /// One read into the thread's buffer, and the write of it.
    fn copy<S: Stream, T: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut S,
        sink: &mut T,
        turn: &mut Turn<impl Fn(usize)>,
    ) -> Result<Step, Broken> {
        BUFFER.with_borrow_mut(|buffer| {
            let mut into = ReadBuf::new(buffer);
            match Pin::new(&mut *source).poll_read(cx, &mut into) {
                Poll::Pending => {
                    // A slow flush of a stream with a buffer of its own goes on here.
                    flush(cx, sink)?;
                    return Ok(Step::Wait);
                }
                Poll::Ready(read) => read.map_err(Broken::Source)?,
            }
            turn.reads += 1;
            let read = into.filled();
            if read.is_empty() {
                self.phase = Phase::Ending;
                return Ok(Step::Again);
            }
            turn.moved = true;
            let taken = match Pin::new(&mut *sink).poll_write(cx, read) {
                Poll::Pending => 0,
                Poll::Ready(wrote) => wrote.and_then(no_zero).map_err(Broken::Sink)?,
            };
            turn.went(taken);
            if taken < read.len() {
                self.kept = read[taken..].to_vec();
                return Ok(Step::Again);
            }
            self.much = read.len() >= MUCH_BYTES;
            flush(cx, sink)
        })
    }

    /// One step through the pipe: out of it while it holds something, else into it.
    fn through_pipe<S: Stream, T: Stream>(
        &mut self,
        cx: &mut Context<'_>,
        source: &S,
        sink: &T,
        turn: &mut Turn<impl Fn(usize)>,
    ) -> Result<Step, Broken> {
        let (Some(pipe), Some(source), Some(sink)) = (&mut self.pipe, source.socket(), sink.socket()) else {
            unreachable!("only a way between sockets takes a pipe")
        };
        if pipe.held > 0 {
            let moved = poll_splice(cx, sink, Interest::WRITABLE, || {
                let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
                splice(&pipe.ends().out, None, sink, None, pipe.held, flags)
            });
            let count = match moved {
                Poll::Pending => return Ok(Step::Wait),
                Poll::Ready(wrote) => wrote.and_then(no_zero).map_err(Broken::Sink)?,
            };
            pipe.held -= count;
            turn.went(count);
            if pipe.held == 0 && !self.much {
                self.pipe = None;
            }
            return Ok(Step::Again);
        }
        let moved = poll_splice(cx, source, Interest::READABLE, || {
            let flags = SpliceFlags::MOVE | SpliceFlags::NONBLOCK;
            splice(source, None, &pipe.ends().into, None, SPLICE_BYTES, flags)
        });
        match moved {
            Poll::Pending => {
                // Nobody waits with an empty pipe in hand.
                self.pipe = None;
                return Ok(Step::Wait);
            }
            Poll::Ready(read) => {
                let count = read.map_err(Broken::Source)?;
                pipe.held = count;
                turn.reads += 1;
                self.much = count >= MUCH_BYTES;
                if count == 0 {
                    self.phase = Phase::Ending;
                    self.pipe = None;
                } else {
                    turn.moved = true;
                }
            }
        }
        Ok(Step::Again)
    }

    fn end<T: Stream>(&mut self, cx: &mut Context<'_>, sink: &mut T) -> Result<Step, Broken> {
        match Pin::new(sink).poll_shutdown(cx) {
            Poll::Pending => Ok(Step::Wait),
            Poll::Ready(Err(error)) if error.kind() != io::ErrorKind::NotConnected => {
                Err(Broken::Sink(error))
            }
            Poll::Ready(_) => {
                self.phase = Phase::Done;
                Ok(Step::Again)
            }
        }
    }
}

fn flush<T: Stream>(cx: &mut Context<'_>, sink: &mut T) -> Result<Step, Broken> {
    if sink.socket().is_none() {
        // What flushes slowly does so in its own time: the next turn goes on with it.
        if let Poll::Ready(Err(error)) = Pin::new(sink).poll_flush(cx) {
            return Err(Broken::Sink(error));
        }
    }
    Ok(Step::Again)
}

/// What a turn has done so far.
struct Turn<F> {
    moved: bool,
    reads: u32,
    count: F,
}

impl<F: Fn(usize)> Turn<F> {
    fn went(&mut self, count: usize) {
        if count > 0 {
            self.moved = true;
            (self.count)(count);
        }
    }
}

fn no_zero(count: usize) -> io::Result<usize> {
    if count == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(count) }
}

/// Splices when `socket` is ready, as a read or write would.
fn poll_splice(
    cx: &mut Context<'_>,
    socket: &TcpStream,
    interest: Interest,
    splice: impl Fn() -> rustix::io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        let ready =
            if interest.is_readable() { socket.poll_read_ready(cx) } else { socket.poll_write_ready(cx) };
        match ready {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(ready) => ready?,
        }
        match socket.try_io(interest, || splice().map_err(io::Error::from)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return Poll::Ready(done),
        }
    }
}
