//! One stream of one client, from its first request to its end.
//!
//! 1. What is new is sent as soon as the client takes it; before each message the newest resources are looked at again, so that a slow client skips
//!    what is over.
//! 2. Before the node has a snapshot a stream waits: nothing is never told for lack of knowledge.
//! 3. A stop of the node ends streams with UNAVAILABLE: clients keep what they have and go to another node.
//! 4. What it makes us keep comes out of one budget for all; the stream that asks for more than is left is ended.
//!
//! Not here: connections (`server`), who else is the same client (`clients`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use hf_api::serve::stopped;
use hf_clock::Clock;
use http::{Method, StatusCode};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::budget::{Budget, Share, Spent};
use crate::caller::Caller;
use crate::clients::{Clients, Present};
use crate::complaints::Complaints;
use crate::grpc::{self, Code, ReadError, Reader, SendError, Writer};
use crate::messages::Node;
use crate::resources::{Kind, Resources};
use crate::service::Service;
use crate::session::{Refusal, Refused, Request, Response, Session, Word};

/// For the end of a stream to be read that is known to have ended.
const END_KNOWN_WITHIN: Duration = Duration::from_secs(1);

/// What all streams share.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The newest resources; none before the first snapshot.
    pub resources: watch::Receiver<Option<Arc<Resources>>>,
    /// Who is here, and what the board is told of them.
    pub clients: Clients,
    /// What the log was told of them.
    pub complaints: Complaints,
    /// Memory for what they make us keep.
    pub budget: Budget,
    /// For a client to take anything of what it is sent.
    pub stalled_after: Duration,
    /// When.
    pub clock: Clock,
    /// Streams that may still be opened.
    pub room: Arc<Semaphore>,
    /// True: all streams end.
    pub shutdown: watch::Receiver<bool>,
}

/// Answers one call. `heartbeats` changes whenever the client's connection has answered one.
pub async fn serve(
    request: http::Request<RecvStream>,
    respond: SendResponse<Bytes>,
    peer: SocketAddr,
    heartbeats: watch::Receiver<()>,
    shared: Shared,
) {
    let is_grpc = |value: &http::HeaderValue| {
        let rest = value.as_bytes().strip_prefix(b"application/grpc");
        rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';')))
    };
    if request.method() != Method::POST
        || !request.headers().get(http::header::CONTENT_TYPE).is_some_and(is_grpc)
    {
        return grpc::refuse_http(respond, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let Some(service) = Service::of(request.uri().path()) else {
        let what =
            "no such call; ADS, CDS, EDS, LDS and RDS of version 3 are here, each as a stream and in delta";
        return grpc::refuse(respond, Code::Unimplemented, what);
    };
    let Ok(_place) = shared.room.clone().try_acquire_owned() else {
        let what = "this node has as many xDS streams as it takes; ask another node, or share streams (ADS)";
        return grpc::refuse(respond, Code::ResourceExhausted, what);
    };
    let Ok(writer) = Writer::begin(respond, shared.stalled_after) else { return };
    let stream = Stream {
        service,
        session: Session::new(service.only),
        reader: Reader::new(request.into_body(), shared.budget.share()),
        client: None,
        kept: shared.budget.share(),
        settled: None,
        asks_more: false,
        peer,
        shared,
    };
    stream.run(writer, heartbeats).await;
}

struct Stream {
    service: Service,
    session: Session,
    reader: Reader,
    /// Whose it is, once it has said so.
    client: Option<Present>,
    /// What it makes us keep.
    kept: Share,
    /// For these there was nothing to tell.
    settled: Option<Arc<Resources>>,
    /// It asked for more than before, and has not been told all of it yet.
    asks_more: bool,
    peer: SocketAddr,
    shared: Shared,
}

/// Why a stream is ended by us for what a client asks.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("this node has no memory for more names of clients; ask for fewer, or ask another node")]
    NoMemory,
}

/// There is no room for what a client makes us keep.
struct NoMemory;

/// Why a client is not told what is new.
enum Unsent {
    Broken(SendError),
    NoMemory,
}

impl From<NoMemory> for Ended {
    fn from(NoMemory: NoMemory) -> Ended {
        Ended::NoMemory
    }
}

impl From<NoMemory> for Unsent {
    fn from(NoMemory: NoMemory) -> Unsent {
        Unsent::NoMemory
    }
}

impl From<SendError> for Unsent {
    fn from(error: SendError) -> Unsent {
        Unsent::Broken(error)
    }
}

impl Stream {
    async fn run(mut self, mut writer: Writer, mut heartbeats: watch::Receiver<()>) {
        let mut shutdown = self.shared.shutdown.clone();
        let mut sign_of_life = false;
        loop {
            match self.bring_up_to_date(&mut writer).await {
                Ok(()) => {}
                Err(Unsent::Broken(SendError::Stalled)) => return self.complain_of_stall(),
                Err(Unsent::Broken(SendError::Gone)) => return self.look_for_farewell().await,
                Err(Unsent::NoMemory) => {
                    let ended = Ended::NoMemory;
                    debug!(peer = %self.peer, %ended, "an xDS stream is to be told what there is no memory for");
                    return writer.end(code_of(&ended), &ended.to_string());
                }
            }
            self.tell(sign_of_life);
            sign_of_life = false;
            tokio::select! {
                biased; // a stop is said before anything that follows from it
                () = stopped(&mut shutdown) => {
                    return writer.end(Code::Unavailable, "this node stops; what you have stays good, ask another node");
                }
                read = next(&mut self.reader, self.service.delta) => match read {
                    Ok(Some(request)) => if let Err(ended) = self.take(request) {
                        debug!(peer = %self.peer, %ended, "an xDS stream asks for what it cannot have");
                        return writer.end(code_of(&ended), &ended.to_string());
                    },
                    Ok(None) => {
                        self.farewell();
                        return writer.end(Code::Ok, "");
                    }
                    Err(error) => {
                        if error.is_farewell() {
                            self.farewell();
                        }
                        debug!(peer = %self.peer, %error, "an xDS stream ends");
                        return writer.end(error.code(), &error.to_string());
                    }
                },
                changed = self.shared.resources.changed() => if changed.is_err() {
                    // The node is stopping.
                    return writer.end(Code::Unavailable, "this node stops; what you have stays good, ask another node");
                },
                // Without a sender the connection is gone, and the reader tells.
                Ok(()) = heartbeats.changed() => sign_of_life = true,
            }
        }
    }

    /// Rule 1.
    async fn bring_up_to_date(&mut self, writer: &mut Writer) -> Result<(), Unsent> {
        loop {
            let Some(newest) = self.shared.resources.borrow_and_update().clone() else { return Ok(()) };
            if !self.session.is_due() && self.settled.as_ref().is_some_and(|of| Arc::ptr_eq(of, &newest)) {
                return Ok(());
            }
            let Some(response) = self.session.next(&newest) else {
                self.settled = Some(newest);
                self.hold()?;
                self.asks_more = false;
                return Ok(());
            };
            // What it is told is kept, to tell changes by.
            self.hold()?;
            match response {
                Response::World(response) => writer.send(&response).await?,
                Response::Delta(response) => writer.send(&response).await?,
            }
        }
    }

    /// Takes what it makes us keep by now out of the budget. Only who asked for more is refused: when the world changes, as when a zone is left, all are
    /// told more at once, and to end their streams then would keep them from the very news.
    fn hold(&mut self) -> Result<(), NoMemory> {
        match self.kept.hold(self.session.bytes()) {
            Err(Spent) if self.asks_more => Err(NoMemory),
            _ => Ok(()),
        }
    }

    fn take(&mut self, mut request: Request) -> Result<(), Ended> {
        let node = match &mut request {
            Request::World(request) => &mut request.node,
            Request::Delta(request) => &mut request.node,
        };
        let caller =
            self.client.is_none().then(|| Caller::of(node.as_ref().unwrap_or(&Node::default()), self.peer));
        let before = self.session.bytes();
        let word = self.session.take(request)?;
        // What only answers an answer asks for nothing, unless it names more on the way.
        self.asks_more |= word.is_none() || self.session.bytes() > before;
        self.hold()?;
        if let Some(caller) = caller {
            debug!(peer = %self.peer, consumer = %caller.name(), instance = %caller.instance(), "an xDS client has come");
            self.client = Some(self.shared.clients.come(caller));
        }
        if let Some(Word::Refused(refusal)) = word {
            self.complain_of_refusal(&refusal);
        }
        Ok(())
    }

    /// What a client says of its refusal is for who runs it: it goes on with what it had, maybe in a zone that was evacuated.
    fn complain_of_refusal(&self, refusal: &Refusal) {
        let Some(client) = &self.client else { return };
        let caller = client.caller();
        let what = refusal.kind.map_or("types that we do not have", Kind::word);
        let about = (caller.name().clone(), caller.instance().clone(), what);
        let Some(unsaid) = self.shared.complaints.count(about, self.shared.clock.now()) else { return };
        let Refusal { names, others, is_overtaken, why, .. } = refusal;
        warn!(
            consumer = %caller.name(), instance = %caller.instance(), peer = %self.peer, what, ?names, others, is_overtaken, why, unsaid,
            "an xDS client refuses what it was told, and goes on with what it had"
        );
    }

    fn complain_of_stall(&self) {
        let Some(client) = &self.client else { return };
        let caller = client.caller();
        let about = (caller.name().clone(), caller.instance().clone(), "taking nothing");
        let Some(unsaid) = self.shared.complaints.count(about, self.shared.clock.now()) else { return };
        warn!(
            consumer = %caller.name(), instance = %caller.instance(), peer = %self.peer, unsaid,
            "an xDS client takes nothing of what it is sent and is dropped; it may come again"
        );
    }

    fn tell(&self, sign_of_life: bool) {
        let Some(client) = &self.client else { return };
        let zone = client.caller().zone().map(|zone| {
            let resources = self.shared.resources.borrow();
            let known = resources.as_ref().and_then(|of| Some(of.estate().zone(of.zone(zone)?).id.clone()));
            known.unwrap_or_else(|| zone.clone())
        });
        client.tell(zone, self.session.applied(), sign_of_life);
    }

    /// The client is gone while we spoke: on purpose?
    async fn look_for_farewell(&mut self) {
        // What it said before comes first; then the end, which is known.
        while let Ok(read) = timeout(END_KNOWN_WITHIN, next(&mut self.reader, self.service.delta)).await {
            match read {
                Ok(Some(_)) => {}
                Ok(None) => return self.farewell(),
                Err(error) if error.is_farewell() => return self.farewell(),
                Err(_) => return,
            }
        }
    }

    fn farewell(&mut self) {
        if let Some(client) = self.client.take() {
            client.farewell();
        }
    }
}

async fn next(reader: &mut Reader, delta: bool) -> Result<Option<Request>, ReadError> {
    Ok(if delta {
        reader.next().await?.map(Request::Delta)
    } else {
        reader.next().await?.map(Request::World)
    })
}

fn code_of(ended: &Ended) -> Code {
    match ended {
        Ended::Refused(
            Refused::NoType | Refused::OtherType { .. } | Refused::LongType { .. } | Refused::LongName { .. },
        ) => Code::InvalidArgument,
        Ended::Refused(Refused::TooMany) | Ended::NoMemory => Code::ResourceExhausted,
    }
}
