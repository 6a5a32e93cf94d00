//! dnstap: each query with its answer, told to a Unix socket or into a file as it happens.
//!
//! 1. Workers put copies into a queue of [`QUEUE`] places that exists from the start: telling allocates nothing and never waits. When it
//!    is full, or a socket is not read, the answer is given all the same and the telling is left out and counted.
//! 2. A thread of its own writes. A socket that is not there is tried again every second.
//! 3. One frame for an answer to a query, whatever way it came: `AUTH_RESPONSE` with the query and the response. Updates, transfers and NOTIFY are
//!    not told; they are in the log.
//!
//! Source: dnstap.proto and the frame streams of dnstap.info.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use hf_config::node::DnstapSink;
use hf_model::Timestamp;
use tracing::{info, warn};

use crate::requests::Via;

mod frames;

/// Answers that may wait to be written: 2 KiB each.
const QUEUE: usize = 1_024;

/// Query and reply together; what is longer is told without its bytes.
const BYTES_MAX: usize = 2_000;

/// Between two tries to reach a socket, and at most between an answer and its being written.
const PACE: Duration = Duration::from_secs(1);

/// A reader that takes nothing for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// What is told of one answer.
struct Told {
    from: SocketAddr,
    via: Via,
    at: Timestamp,
    query_len: u16,
    reply_len: u16,
    bytes: [u8; BYTES_MAX],
}

/// A worker's end of the queue.
#[derive(Clone, Debug)]
pub(crate) struct Tap(SyncSender<Told>);

impl Tap {
    /// Tells of an answer; says whether there was room.
    pub(crate) fn tell(&self, from: SocketAddr, via: Via, at: Timestamp, query: &[u8], reply: &[u8]) -> bool {
        let mut told = Told { from, via, at, query_len: 0, reply_len: 0, bytes: [0; BYTES_MAX] };
        let end = query.len() + reply.len();
        if end <= BYTES_MAX {
            told.bytes[..query.len()].copy_from_slice(query);
            told.bytes[query.len()..end].copy_from_slice(reply);
            (told.query_len, told.reply_len) = (query.len() as u16, reply.len() as u16);
        }
        self.0.try_send(told).is_ok()
    }
}

/// Starts the thread that writes. It ends when every [`Tap`] is dropped.
pub(crate) fn start(sink: DnstapSink, identity: Vec<u8>) -> io::Result<(Tap, JoinHandle<()>)> {
    let (sender, queue) = sync_channel(QUEUE);
    let writing = std::thread::Builder::new().name("dns-tap".to_owned()).spawn(move || {
        let mut is_told = false;
        loop {
            match write_all(&sink, &identity, &queue) {
                Ok(()) => return,
                Err(why) if !is_told => {
                    warn!(%why, "dnstap cannot be written; trying again every second");
                    is_told = true;
                }
                Err(_) => {}
            }
            // What was put there meanwhile is old by the next try.
            if wait_and_forget(&queue) {
                return;
            }
        }
    })?;
    Ok((Tap(sender), writing))
}

/// Empties the queue once after a pause. Says whether nobody is left to fill it.
fn wait_and_forget(queue: &Receiver<Told>) -> bool {
    std::thread::park_timeout(PACE);
    loop {
        match queue.try_recv() {
            Ok(_) => {}
            Err(std::sync::mpsc::TryRecvError::Empty) => return false,
            Err(std::sync::mpsc::TryRecvError::Disconnected) => return true,
        }
    }
}

/// Opens the place and writes until nobody tells any more, or until it fails.
fn write_all(sink: &DnstapSink, identity: &[u8], queue: &Receiver<Told>) -> io::Result<()> {
    match sink {
        DnstapSink::File(path) => {
            // Appending to a stream that was closed would not be a stream.
            let file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
            let mut out = BufWriter::new(file);
            frames::start(&mut out)?;
            write_queue(&mut out, identity, queue)?;
            frames::stop(&mut out)
        }
        DnstapSink::Socket(path) => {
            let mut stream = UnixStream::connect(path)?;
            stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
            stream.set_read_timeout(Some(WRITE_TIMEOUT))?;
            frames::agree(&mut stream)?;
            info!(path = %path.display(), "dnstap is read");
            let mut out = BufWriter::new(stream.try_clone()?);
            frames::start(&mut out)?;
            write_queue(&mut out, identity, queue)?;
            frames::stop(&mut out)?;
            frames::finish(&mut stream)
        }
    }
}

fn write_queue(out: &mut impl Write, identity: &[u8], queue: &Receiver<Told>) -> io::Result<()> {
    let mut frame = Vec::with_capacity(BYTES_MAX + 256);
    loop {
        match queue.recv_timeout(PACE) {
            Ok(told) => {
                let (query, rest) = told.bytes.split_at(usize::from(told.query_len));
                let reply = &rest[..usize::from(told.reply_len)];
                frames::encode(&mut frame, identity, (told.from, told.via), told.at, query, reply);
                frames::data(out, &frame)?;
            }
            Err(RecvTimeoutError::Timeout) => out.flush()?,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
