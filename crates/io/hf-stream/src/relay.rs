//! Bytes both ways between two streams until both sides are done.
//!
//! 1. All relays of a thread read into one buffer of [`BUFFER_BYTES`]; what the other side does not take at once is kept
//!    apart, at most that much for each way, and nothing more is read for it: who reads slowly is sent slowly.
//! 2. One side's end is passed on as an end, and the other way goes on: half-closed connections work.
//! 3. No byte either way for [`Relaying::idle`] ends it. One timer a relay, moved only when it fires: a byte costs no timer work.
//! 4. Between two TCP sockets a way with much to carry goes through a pipe (`splice(2)`, [`pipes`]) and is never copied into
//!    this process; without a free pipe it is copied.
//! 5. One relay moves so much in a turn and no more, so that one with much to carry does not keep the others waiting.
//! 6. A connection that one side reset is reset on the other side, too: a cut stream must not look like a finished one.
//!
//! Not here: whom to connect, when to cut (the caller's `cut`).

mod pipes;
mod way;

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use way::{Broken, Carried, Carrier};

/// The buffer that all relays of a thread share. A larger one gains nothing: sockets give this much at a time.
pub const BUFFER_BYTES: usize = 64 << 10;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; BUFFER_BYTES].into_boxed_slice());
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the first stream to the second: from client to endpoint.
    Up,
    /// From the second to the first.
    Down,
}

/// What a relay needs to know.
#[derive(Debug)]
pub struct Relaying<'a> {
    /// How long nothing may come from either side.
    pub idle: Duration,
    /// What was already read from the first stream and belongs to the second: it goes first.
    pub first_up: Vec<u8>,
    /// What was already read from the second stream and belongs to the first.
    pub first_down: Vec<u8>,
    /// Where bytes are counted while they go.
    pub meter: &'a Meter,
}

impl<'a> Relaying<'a> {
    /// Nothing read before.
    pub fn new(idle: Duration, meter: &'a Meter) -> Self {
        Relaying { idle, first_up: Vec::new(), first_down: Vec::new(), meter }
    }
}

/// Counts the bytes of one relay; can be read while it runs, and after it was dropped.
#[derive(Default)]
pub struct Meter {
    up_bytes: Cell<u64>,
    down_bytes: Cell<u64>,
    tell: Option<Box<dyn Fn(Way, u64)>>,
}

impl Meter {
    /// Tells of bytes as they go, too.
    pub fn telling(tell: impl Fn(Way, u64) + 'static) -> Self {
        Meter { tell: Some(Box::new(tell)), ..Meter::default() }
    }

    /// Bytes that the second stream took.
    pub fn up_bytes(&self) -> u64 {
        self.up_bytes.get()
    }

    /// Bytes that the first stream took.
    pub fn down_bytes(&self) -> u64 {
        self.down_bytes.get()
    }

    fn add(&self, way: Way, count: usize) {
        let count = count as u64;
        let counter = match way {
            Way::Up => &self.up_bytes,
            Way::Down => &self.down_bytes,
        };
        counter.set(counter.get() + count);
        if let Some(tell) = &self.tell {
            tell(way, count);
        }
    }
}

impl std::fmt::Debug for Meter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Meter({} up, {} down)", self.up_bytes.get(), self.down_bytes.get())
    }
}

/// How a relay ended.
#[derive(Debug)]
pub struct Relayed {
    /// Bytes that the second stream took.
    pub up_bytes: u64,
    /// Bytes that the first stream took.
    pub down_bytes: u64,
    /// Why it ended.
    pub ended: End,
}

/// Why a relay ended.
#[derive(Debug)]
pub enum End {
    /// Both sides said that they are done.
    Finished,
    /// Nothing came for too long.
    Idle,
    /// The caller cut it.
    Cut,
    /// The first stream broke.
    FirstBroke(io::Error),
    /// The second stream broke.
    SecondBroke(io::Error),
}

/// Relays between any two streams until both are done, one breaks, nothing comes for too long, or `cut` is ready.
///
/// Both are closed when it ends.
pub async fn relay<A, B>(
    first: A,
    second: B,
    relaying: Relaying<'_>,
    cut: impl Future<Output = ()>,
) -> Relayed
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    run(&mut Plain(first), &mut Plain(second), relaying, cut).await
}

/// As [`relay`], between streams that may be sockets, and then through pipes where that pays.
pub async fn relay_tcp<A: Stream, B: Stream>(
    mut first: A,
    mut second: B,
    relaying: Relaying<'_>,
    cut: impl Future<Output = ()>,
) -> Relayed {
    let relayed = run(&mut first, &mut second, relaying, cut).await;
    let whole = match relayed.ended {
        // Only a reset; a client that left in the middle also leaves unread bytes, and the kernel resets then by itself.
        End::FirstBroke(_) => second.socket(),
        End::SecondBroke(_) => first.socket(),
        End::Finished | End::Idle | End::Cut => None,
    };
    if let Some(socket) = whole {
        reset(socket);
    }
    relayed
}

/// Makes the coming close a reset.
fn reset(stream: &TcpStream) {
    // A connection that is gone already needs none.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}

/// A stream, and the socket that it is if it is nothing else.
pub trait Stream: AsyncRead + AsyncWrite + Unpin {
    /// The socket whose bytes are the stream's own; none where they are enciphered on the way, or kept.
    fn socket(&self) -> Option<&TcpStream>;
}

impl Stream for TcpStream {
    fn socket(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

/// Any other stream.
struct Plain<T>(T);

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for Plain<T> {
    fn socket(&self) -> Option<&TcpStream> {
        None
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Plain<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut tokio::io::ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Plain<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

async fn run<A: Stream, B: Stream>(
    first: &mut A,
    second: &mut B,
    relaying: Relaying<'_>,
    cut: impl Future<Output = ()>,
) -> Relayed {
    let Relaying { idle, first_up, first_down, meter } = relaying;
    let mut up = Carrier::new(first_up);
    let mut down = Carrier::new(first_down);
    let mut quiet = Quiet { idle, since: Instant::now() };
    let mut timer = pin!(tokio::time::sleep(idle));
    let mut cut = pin!(cut);
    let ended = poll_fn(|cx| {
        if cut.as_mut().poll(cx).is_ready() {
            return Poll::Ready(End::Cut);
        }
        let went_up = up.poll(cx, first, second, |count| meter.add(Way::Up, count));
        let went_down = down.poll(cx, second, first, |count| meter.add(Way::Down, count));
        let (up_moved, up_done) = match (went_up, &went_down) {
            (Ok(Carried { moved, done }), _) => (moved, done),
            // The second stream had said all and closed, without reading to the end: its right.
            (Err(Broken::Sink(_)), Ok(Carried { done: true, .. })) => return Poll::Ready(End::Finished),
            (Err(broken), _) => return Poll::Ready(broken.end(Way::Up)),
        };
        let (down_moved, down_done) = match went_down {
            Ok(Carried { moved, done }) => (moved, done),
            Err(broken) => return Poll::Ready(broken.end(Way::Down)),
        };
        if up_done && down_done {
            return Poll::Ready(End::Finished);
        }
        quiet.poll(cx, timer.as_mut(), up_moved || down_moved)
    })
    .await;
    Relayed { up_bytes: meter.up_bytes(), down_bytes: meter.down_bytes(), ended }
}

/// How long nothing has come.
struct Quiet {
    idle: Duration,
    since: Instant,
}

impl Quiet {
    fn poll(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>, moved: bool) -> Poll<End> {
        if moved {
            self.since = Instant::now();
        }
        while timer.as_mut().poll(cx).is_ready() {
            let until = self.since + self.idle;
            if Instant::now() >= until {
                return Poll::Ready(End::Idle);
            }
            timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}
