//! Messages between nodes: what goes out, what comes in, and their payloads.
//!
//! 1. Intent is passed on by whoever has it, so that a data plane that starts while control is dead learns it from its
//!    neighbours. Tables, reports, what balancers observe and what consumers say are not: they count only from the node that they are about. A checker or
//!    node is seen by those that it is connected with.
//! 2. An intent's payload begins with its revision: who has that one already need not read the rest.
//! 3. A long intent goes without its base (estate and board), which changes rarely; whoever lacks it asks (`bases`).
//! 4. What goes out is made once for all connections.
//!
//! Not here: which intent wins (`hf-node`), framing (`frame`).

use std::sync::Arc;
use std::time::Duration;

use hf_config::node::Role;
use hf_control::Intent;
use hf_health::Table;
use hf_model::{Digest, NodeId, Revision, ZoneId};
use hf_telemetry::{MeasuredLatency, Second};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::bases::{Bases, Split};
use crate::break_glass::{SignedBreakGlass, decode_list, encode_list};
use crate::consumers::{Told, decode_consumers, encode_consumers};
use crate::frame::{self, Kind};
use crate::observed::{decode_latencies, decode_second, encode_latencies, encode_second};
use crate::report::{NodeReport, ReportError, decode_report, encode_report};

/// What a node tells all others; a new value replaces the old one, however far a connection has come with it.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// The newest intent that it has, from wherever.
    pub intent: Option<Arc<Intent>>,
    /// What its checker sees, if it has one.
    pub table: Option<Arc<Table>>,
    /// What it says of itself.
    pub report: NodeReport,
    /// All break-glass acts that it knows.
    pub break_glass: Vec<SignedBreakGlass>,
    /// The newest second as its balancer saw it, if it has one.
    pub second: Option<Arc<Second>>,
    /// How far its balancer's clients are.
    pub latencies: Option<Arc<[MeasuredLatency]>>,
    /// What it heard of consumers of zone status, with the role `status`.
    pub consumers: Option<Arc<Told>>,
}

impl Outgoing {
    /// A report and nothing else.
    pub fn only(report: NodeReport) -> Outgoing {
        Outgoing {
            intent: None,
            table: None,
            report,
            break_glass: Vec::new(),
            second: None,
            latencies: None,
            consumers: None,
        }
    }
}

/// Who is at the other end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Its id.
    pub node: NodeId,
    /// Where it runs, if it says so.
    pub zone: Option<ZoneId>,
    /// What it does.
    pub roles: Vec<Role>,
    /// The version of its program.
    pub version: String,
}

/// What came, and from whom.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Who sent it.
    pub from: Arc<Peer>,
    /// What.
    pub message: Message,
}

/// What came.
#[derive(Clone, Debug)]
pub enum Message {
    /// The sender has this revision. The intent itself is there only when it is newer than ours, or another one of our revision.
    Intent {
        /// Its revision.
        revision: Revision,
        /// The intent, when it is news.
        intent: Option<Arc<Intent>>,
    },
    /// What the sender's checker sees.
    Table(Table),
    /// What the sender says of itself.
    Report(Box<NodeReport>),
    /// Break-glass acts that the sender knows; not verified.
    BreakGlass(Vec<SignedBreakGlass>),
    /// One second as the sender's balancer saw it.
    Second(Arc<Second>),
    /// How far the clients of the sender's balancer are.
    Latencies(Arc<[MeasuredLatency]>),
    /// What the sender heard of consumers of zone status.
    Consumers(Box<Told>),
}

impl Message {
    /// The revision that the sender is known to have by this.
    pub fn sender_has(&self) -> Option<Revision> {
        match self {
            Message::Intent { revision, .. } => Some(*revision),
            Message::Report(report) => Some(report.revision),
            Message::Table(_)
            | Message::BreakGlass(_)
            | Message::Second(_)
            | Message::Latencies(_)
            | Message::Consumers(_) => None,
        }
    }
}

/// The first message of each side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Its id.
    pub node: String,
    /// Where it runs, if it says so.
    pub zone: Option<String>,
    /// What it does.
    pub roles: Vec<String>,
    /// The version of its program.
    pub version: String,
    /// Drawn anew by each process: tells a connection to oneself from two nodes of one name.
    pub nonce: u64,
    /// How often it sends; its silence is judged by that.
    pub beat_ms: u64,
}

impl Hello {
    /// As a frame. JSON: fields can be added without a new version of the protocol.
    pub fn encode(&self) -> Vec<u8> {
        let payload = serde_json::to_vec(self).expect("plain data always has a JSON form");
        frame::encode(Kind::Hello, &payload).expect("a hello is short")
    }

    /// From a payload, with the beat as a length of time within the bounds of node files.
    pub fn decode(payload: &[u8]) -> Result<(Peer, u64, Duration), String> {
        let hello: Hello = serde_json::from_slice(payload).map_err(|error| error.to_string())?;
        let peer = Peer {
            node: NodeId::new(&hello.node).map_err(|error| error.to_string())?,
            zone: hello.zone.as_deref().map(ZoneId::new).transpose().map_err(|error| error.to_string())?,
            roles: Role::ALL
                .into_iter()
                .filter(|role| hello.roles.iter().any(|name| name == role.as_str()))
                .collect(),
            version: hello.version.chars().filter(|c| !c.is_control()).take(64).collect(),
        };
        Ok((peer, hello.nonce, Duration::from_millis(hello.beat_ms.clamp(50, 10_000))))
    }
}

/// [`Outgoing`] as frames, shared by all connections.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    /// The newest intent and its revision; of a long one the head.
    pub intent: Option<(Revision, Arc<[u8]>)>,
    /// The base that this head names, and its name.
    pub base: Option<(Digest, Arc<[u8]>)>,
    /// The checker's table.
    pub table: Option<Arc<[u8]>>,
    /// The report.
    pub report: Option<Arc<[u8]>>,
    /// The break-glass acts.
    pub break_glass: Option<Arc<[u8]>>,
    /// The newest second.
    pub second: Option<Arc<[u8]>>,
    /// The latencies.
    pub latencies: Option<Arc<[u8]>>,
    /// What was heard of consumers.
    pub consumers: Option<Arc<[u8]>>,
    /// Grows when the report has news that others wait for: another snapshot or revision in force.
    pub report_news: u64,
}

impl Frames {
    /// Goes on from `last` to `next`. `intent` is [`intent_frames`] of the intent, where it is another than before.
    pub fn renew(&mut self, last: Option<&Outgoing>, next: &Outgoing, intent: Option<IntentFrames>) {
        if let (Some(said), Some(made)) = (&next.intent, intent) {
            self.intent = Some((said.revision, made.frame));
            self.base = made.base;
        }
        if last.is_none_or(|last| last.table != next.table) {
            self.table = next.table.as_ref().and_then(|table| match hf_codec::encode_table(table) {
                Ok(payload) => sealed(Kind::Table, &payload),
                Err(error) => unsent(Kind::Table, &error),
            });
        }
        if last.is_none_or(|last| last.break_glass != next.break_glass) {
            self.break_glass = sealed(Kind::BreakGlass, &encode_list(&next.break_glass));
        }
        let is_same =
            |said: Option<&Outgoing>, of: fn(&Outgoing) -> Option<*const ()>| said.map(of) == Some(of(next));
        if !is_same(last, |out| out.second.as_ref().map(|second| Arc::as_ptr(second).cast())) {
            self.second =
                next.second.as_ref().and_then(|second| sealed(Kind::Second, &encode_second(second)));
        }
        if !is_same(last, |out| out.latencies.as_ref().map(|all| Arc::as_ptr(all).cast())) {
            self.latencies =
                next.latencies.as_ref().and_then(|all| sealed(Kind::Latencies, &encode_latencies(all)));
        }
        if !is_same(last, |out| out.consumers.as_ref().map(|told| Arc::as_ptr(told).cast())) {
            self.consumers =
                next.consumers.as_ref().and_then(|told| sealed(Kind::Consumers, &encode_consumers(told)));
        }
        if last.is_none_or(|last| last.report != next.report) {
            self.report = sealed(Kind::Report, &encode_report(&next.report));
            let news = |report: &NodeReport| (report.snapshot_number, report.revision);
            let is_news = last.is_none_or(|last| news(&last.report) != news(&next.report));
            self.report_news += u64::from(is_news);
        }
    }
}

/// The intent of `next`, if it is another than that of `last`: then its frame is to be made.
pub fn new_intent<'a>(last: Option<&Outgoing>, next: &'a Outgoing) -> Option<&'a Arc<Intent>> {
    let said = last.and_then(|last| last.intent.as_ref());
    next.intent.as_ref().filter(|intent| said.is_none_or(|old| !Arc::ptr_eq(old, intent)))
}

/// An intent as frames.
#[derive(Clone, Debug)]
pub struct IntentFrames {
    /// Its revision, then all of it; of a long one the head.
    pub frame: Arc<[u8]>,
    /// The base that the head names, and its name.
    pub base: Option<(Digest, Arc<[u8]>)>,
}

/// An intent as one frame: its revision, then all of it.
pub fn intent_frame(intent: &Intent) -> Option<Arc<[u8]>> {
    match hf_codec::encode_intent(intent) {
        Ok(body) => behind_revision(Kind::Intent, intent.revision, &body),
        Err(error) => unsent(Kind::Intent, &error),
    }
}

/// An intent as it travels: in one frame, or its head where it is long.
pub fn intent_frames(intent: &Intent, bases: &Bases) -> Option<IntentFrames> {
    match bases.split(intent) {
        Ok(None) => Some(IntentFrames { frame: intent_frame(intent)?, base: None }),
        Ok(Some(Split { base, head })) => Some(IntentFrames {
            frame: behind_revision(Kind::IntentHead, intent.revision, &head)?,
            base: Some((base.digest(), sealed(Kind::IntentBase, base.bytes())?)),
        }),
        Err(error) => unsent(Kind::Intent, &error),
    }
}

fn behind_revision(kind: Kind, revision: Revision, body: &[u8]) -> Option<Arc<[u8]>> {
    let mut payload = Vec::with_capacity(8 + body.len());
    payload.extend_from_slice(&revision.0.to_be_bytes());
    payload.extend_from_slice(body);
    sealed(kind, &payload)
}

/// Turns every [`Outgoing`] into frames until its sender is gone.
pub async fn encode_all(
    mut outgoing: watch::Receiver<Outgoing>,
    frames: watch::Sender<Frames>,
    bases: Arc<Bases>,
) {
    let mut last: Option<Outgoing> = None;
    loop {
        let next = outgoing.borrow_and_update().clone();
        let mut made = frames.borrow().clone();
        let intent = match new_intent(last.as_ref(), &next) {
            Some(intent) => encode_intent(intent.clone(), bases.clone()).await,
            None => None,
        };
        made.renew(last.as_ref(), &next, intent);
        last = Some(next);
        frames.send_replace(made);
        if outgoing.changed().await.is_err() {
            return;
        }
    }
}

/// Off the runtime's threads: an estate of 16 MiB takes a while to write and to hash.
async fn encode_intent(intent: Arc<Intent>, bases: Arc<Bases>) -> Option<IntentFrames> {
    let made = tokio::task::spawn_blocking(move || intent_frames(&intent, &bases));
    made.await.expect("encoding intent does not panic")
}

fn sealed(kind: Kind, payload: &[u8]) -> Option<Arc<[u8]>> {
    match frame::encode(kind, payload) {
        Some(bytes) => Some(bytes.into()),
        None => unsent(kind, &format_args!("{} bytes, at most {} travel", payload.len(), kind.len_max())),
    }
}

fn unsent<T>(kind: Kind, problem: &dyn std::fmt::Display) -> Option<T> {
    tracing::error!(?kind, %problem, "a message cannot be sent to the other nodes; they keep the one before");
    None
}

/// What became of a payload.
#[derive(Debug)]
pub enum Read {
    /// A message.
    Message(Message),
    /// Something that only a newer program can read: nodes of two versions run side by side during an upgrade.
    Newer(String),
    /// Not right; its connection ends.
    Wrong(String),
}

impl Read {
    pub(crate) fn of_codec(error: &hf_codec::CodecError) -> Read {
        if matches!(error, hf_codec::CodecError::Newer { .. }) {
            Read::Newer(error.to_string())
        } else {
            Read::Wrong(error.to_string())
        }
    }

    fn of_report(error: &ReportError) -> Read {
        match error {
            ReportError::Version(_) => Read::Newer(error.to_string()),
            ReportError::Bad(_) => Read::Wrong(error.to_string()),
        }
    }

    fn of_node(about: &NodeId, from: &Peer, message: Message) -> Read {
        if *about == from.node {
            Read::Message(message)
        } else {
            Read::Wrong(format!("it speaks for another node, `{about}`"))
        }
    }
}

/// Reads a payload off the runtime's threads, where it may be long.
pub async fn decode(kind: Kind, payload: Vec<u8>, from: &Peer, known: Revision) -> Read {
    if kind != Kind::Intent || revision_of(&payload).is_none_or(|revision| revision <= known) {
        return read(kind, &payload, from, known);
    }
    let read = tokio::task::spawn_blocking(move || read_intent(&payload, known, hf_codec::decode_intent));
    read.await.expect("decoding intent does not panic")
}

/// Reads a payload. An intent up to revision `known` is not read further than that.
pub fn read(kind: Kind, payload: &[u8], from: &Peer, known: Revision) -> Read {
    match kind {
        Kind::Hello => Read::Wrong("a second hello".to_owned()),
        Kind::Intent => read_intent(payload, known, hf_codec::decode_intent),
        // What is in two parts needs memory of the connection: `bases`.
        Kind::IntentHead | Kind::IntentBase | Kind::AskBase => {
            Read::Wrong("a part of an intent alone".to_owned())
        }
        Kind::Table => match hf_codec::decode_table(payload) {
            Ok(table) => Read::of_node(&table.checker.clone(), from, Message::Table(table)),
            Err(error) => Read::of_codec(&error),
        },
        Kind::Report => match decode_report(payload) {
            Ok(report) => Read::of_node(&report.node.clone(), from, Message::Report(Box::new(report))),
            Err(error) => Read::of_report(&error),
        },
        Kind::BreakGlass => match decode_list(payload) {
            Ok(list) => Read::Message(Message::BreakGlass(list)),
            Err(error) => Read::Wrong(error.to_string()),
        },
        Kind::Second => match decode_second(payload) {
            Ok(second) => Read::Message(Message::Second(Arc::new(second))),
            Err(error) => Read::of_report(&error),
        },
        Kind::Latencies => match decode_latencies(payload) {
            Ok(all) => Read::Message(Message::Latencies(all.into())),
            Err(error) => Read::of_report(&error),
        },
        Kind::Consumers => match decode_consumers(payload) {
            Ok(told) => Read::Message(Message::Consumers(Box::new(told))),
            Err(error) => Read::of_report(&error),
        },
    }
}

/// Whether an intent's payload has the revision of ours and another content: two ledgers, or one that was put back from a copy.
/// Equal intents have equal bytes.
pub fn is_rival(payload: &[u8], ours: &Frames) -> bool {
    let Some((revision, frame)) = &ours.intent else { return false };
    revision_of(payload) == Some(*revision) && !frame.ends_with(payload)
}

/// The revision that an intent's payload begins with.
pub(crate) fn revision_of(payload: &[u8]) -> Option<Revision> {
    payload.first_chunk::<8>().map(|head| Revision(u64::from_be_bytes(*head)))
}

/// Reads an intent, or the head of one, behind its revision; not if that is known.
pub(crate) fn read_intent(
    payload: &[u8],
    known: Revision,
    decode: impl FnOnce(&[u8]) -> Result<Intent, hf_codec::CodecError>,
) -> Read {
    let Some(revision) = revision_of(payload) else {
        return Read::Wrong("an intent without a revision".to_owned());
    };
    if revision <= known {
        return Read::Message(Message::Intent { revision, intent: None });
    }
    match decode(&payload[8..]) {
        Ok(intent) if intent.revision == revision => {
            Read::Message(Message::Intent { revision, intent: Some(Arc::new(intent)) })
        }
        Ok(intent) => {
            Read::Wrong(format!("an intent of revision {} that says it is {revision}", intent.revision))
        }
        Err(error) => Read::of_codec(&error),
    }
}
