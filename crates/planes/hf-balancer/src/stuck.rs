//! Answers that their clients do not take: they end, too.
//!
//! A body is asked for its next piece only when there is room for it. So a client that reads nothing would keep an endpoint's connection for as long as it
//! likes, whatever has become of the endpoint meanwhile. One that reads slowly lets a piece go out bit by bit, which the piece itself tells (`piece`).
//!
//! 1. Where the endpoint's connection was cut (its zone was left and `drain` has passed), a client has [`LAST_CALL`] to take what is on its way to it. Then
//!    its connection of HTTP/1.1 is cut. Of HTTP/2 the stream is ended; the connection as well if it takes no byte, as then nothing on it is taken.
//! 2. A stream of HTTP/2 whose client lets it send nothing for `body_idle` is ended. The same on HTTP/1.1, and where a socket takes no byte, is looked after by
//!    `client_io`.
//!
//! Not here: clients that take what they get (`alone`, `body`), endpoints that fall silent (`body`), clients of a listener that goes (`departure`).

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::Executor;
use tokio::time::Instant;

use crate::client_state::ConnectionState;
use crate::kept::Open;

/// How long a client may take for what is on its way to it.
pub const LAST_CALL: Duration = Duration::from_secs(1);

/// The end of an answer that is stuck.
type End = Pin<Box<dyn Future<Output = ()>>>;

/// Waits until `open` was cut for [`LAST_CALL`]; for ever if it ends otherwise.
async fn last_call(open: Weak<Open>) {
    match open.upgrade() {
        Some(open) => open.cut_off().await,
        None => std::future::pending().await,
    }
    tokio::time::sleep(LAST_CALL).await;
}

/// Whether the answer on a connection of HTTP/1.1 is stuck.
#[derive(Default)]
pub struct Stuck(Option<End>);

impl Stuck {
    /// Ready when the connection is to be cut. `open` carries the answer. Costs nothing while the client takes what it gets.
    pub fn poll(
        &mut self,
        open: &RefCell<Weak<Open>>,
        state: &ConnectionState,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if !(state.is_busy() && state.is_writing()) {
            self.0 = None;
            return Poll::Pending;
        }
        self.0.get_or_insert_with(|| Box::pin(last_call(open.borrow().clone()))).as_mut().poll(cx)
    }
}

/// An answer on a stream of HTTP/2, seen by its body and by who drives the stream.
#[derive(Debug)]
pub struct Streaming {
    open: Weak<Open>,
    state: Arc<ConnectionState>,
    body_idle: Duration,
    asked: Cell<u32>,
    moved_at: Cell<Instant>,
    awaits_endpoint: Cell<bool>,
}

thread_local! {
    /// What the stream that is driven just now has begun to answer.
    static BEGUN: RefCell<Option<Rc<Streaming>>> = const { RefCell::new(None) };
}

impl Streaming {
    /// An answer that begins, told to who drives its stream.
    pub fn begin(open: &Rc<Open>, state: &Arc<ConnectionState>, body_idle: Duration) -> Rc<Self> {
        let streaming = Rc::new(Streaming {
            open: Rc::downgrade(open),
            state: state.clone(),
            body_idle,
            asked: Cell::new(0),
            moved_at: Cell::new(Instant::now()),
            awaits_endpoint: Cell::new(false),
        });
        BEGUN.replace(Some(streaming.clone()));
        streaming
    }

    /// The body was asked for its next piece, and has it or awaits it.
    pub fn asked(&self, awaits_endpoint: bool) {
        self.asked.set(self.asked.get().wrapping_add(1));
        self.awaits_endpoint.set(awaits_endpoint);
    }

    /// Bytes of it went out.
    pub fn moved(&self) {
        let now = Instant::now();
        self.moved_at.set(now);
        self.state.moved(now);
    }

    /// Waits until it has been stuck for too long.
    async fn end(self: Rc<Self>) {
        let idle = async {
            let mut since = Instant::now();
            loop {
                tokio::time::sleep_until(since + self.body_idle).await;
                let moved_at = self.moved_at.get();
                if moved_at > since {
                    since = moved_at;
                } else if self.state.is_writing() {
                    since = Instant::now();
                } else {
                    return;
                }
            }
        };
        tokio::select! {
            () = last_call(self.open.clone()) => {}
            () = idle => {}
        }
    }
}

/// Runs the tasks of a connection's requests on this worker.
#[derive(Clone, Copy, Debug)]
pub struct OnWorker;

impl<F: Future<Output = ()> + 'static> Executor<F> for OnWorker {
    fn execute(&self, stream: F) {
        tokio::task::spawn_local(drive(stream));
    }
}

/// Drives one stream to its end, or until its answer has been stuck for too long.
async fn drive(stream: impl Future<Output = ()>) {
    let mut stream = pin!(stream);
    let mut streaming: Option<Rc<Streaming>> = None;
    let (mut asked, mut end) = (0, None::<End>);
    poll_fn(|cx| {
        let polled = stream.as_mut().poll(cx);
        if let Some(begun) = BEGUN.take() {
            streaming = Some(begun);
        }
        let Some(streaming) = streaming.as_ref().filter(|_| polled.is_pending()) else { return polled };
        if streaming.awaits_endpoint.get() || asked != streaming.asked.get() {
            asked = streaming.asked.get();
            end = None;
        }
        if streaming.awaits_endpoint.get() {
            return Poll::Pending;
        }
        let ended = end.get_or_insert_with(|| Box::pin(streaming.clone().end())).as_mut().poll(cx);
        if ended.is_ready() {
            tracing::debug!("an answer was ended: its client does not take it");
            if streaming.state.is_writing() {
                streaming.state.cut();
            }
        }
        ended
    })
    .await;
}
