//! The feed: frames and messages from other nodes, or from whatever talks there instead.
//!
//! The input is read as frames, and its rest behind the first byte as the payload of a frame of that kind: no fuzzer finds a
//! checksum.
//!
//! 1. Off a connection and in one piece a frame reads the same.
//! 2. A message that reads, sent on, is received as the same message.
//! 3. A node speaks for itself only.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use hf_feed::consumers::encode_consumers;
use hf_feed::observed::{encode_latencies, encode_second};
use hf_feed::protocol::{Bases, Hello, Intake, Kind, Read, decode, encode, intent_frame, read, read_frame};
use hf_feed::{Message, Peer, decode_report, encode_report};
use hf_model::{NodeId, Revision};
use tokio::runtime::{Builder, Runtime};

use crate::roundtrip;

const KINDS: [Kind; 11] = Kind::ALL;

thread_local! {
    static RUNTIME: RefCell<Runtime> =
        RefCell::new(Builder::new_current_thread().enable_time().build().expect("a runtime"));
}

pub(crate) fn check(data: &[u8]) {
    frames(data);
    let Some((first, payload)) = data.split_first() else { return };
    let kind = KINDS[usize::from(*first) % KINDS.len()];
    let Some(bytes) = encode(kind, payload) else { return };
    assert_eq!(decode(&bytes).ok(), Some((kind, payload)));
    frames(&bytes);
    hello(payload);
    let report = |report: &_| Ok::<_, std::convert::Infallible>(encode_report(report));
    roundtrip::check(payload, decode_report, report);
    message(kind, payload);
    parts(data);
}

/// Parts of intents, in any order.
fn parts(data: &[u8]) {
    let mut intake = Intake::new(Arc::new(Bases::default()));
    for piece in data.split(|byte| *byte == 0xff) {
        for kind in [Kind::IntentHead, Kind::IntentBase, Kind::AskBase] {
            let _ = intake.take(kind, piece, &sender(&[]), Revision(3));
        }
    }
}

/// Reads a stream frame by frame.
fn frames(mut stream: &[u8]) {
    loop {
        let mut rest = stream;
        let came =
            RUNTIME.with_borrow(|runtime| runtime.block_on(read_frame(&mut rest, Duration::from_secs(1))));
        let Ok((kind, payload)) = came else { return };
        let len = stream.len() - rest.len();
        let whole = decode(&stream[..len]).expect("what a connection takes for a frame is one");
        assert_eq!(whole, (kind, payload.as_slice()));
        assert_eq!(encode(kind, &payload).as_deref(), Some(&stream[..len]), "one form for each frame");
        stream = rest;
    }
}

fn hello(payload: &[u8]) {
    let Ok((peer, nonce, beat)) = Hello::decode(payload) else { return };
    assert!((50..=10_000).contains(&beat.as_millis()), "{beat:?}");
    assert!(!peer.version.contains(char::is_control) && peer.version.chars().count() <= 64, "{peer:?}");
    let said = Hello {
        node: peer.node.to_string(),
        zone: peer.zone.as_ref().map(ToString::to_string),
        roles: peer.roles.iter().map(|role| role.as_str().to_owned()).collect(),
        version: peer.version.clone(),
        nonce,
        beat_ms: beat.as_millis() as u64,
    };
    let frame = said.encode();
    let (kind, payload) = decode(&frame).expect("our own frame");
    assert_eq!((kind, Hello::decode(payload)), (Kind::Hello, Ok((peer, nonce, beat))));
}

fn message(kind: Kind, payload: &[u8]) {
    let known = Revision(3);
    let from = sender(payload);
    let Read::Message(message) = read(kind, payload, &from, known) else { return };
    if matches!(message, Message::Table(_) | Message::Report(_)) {
        let other = Peer { node: NodeId::new("another-node").expect("a node id"), ..from.clone() };
        let is_other = other.node != from.node;
        assert!(!is_other || matches!(read(kind, payload, &other, known), Read::Wrong(_)), "{message:?}");
    }
    let frame = match &message {
        Message::Intent { revision, intent } => {
            assert_eq!(*revision > known, intent.is_some(), "only news is read");
            intent.as_ref().and_then(|intent| intent_frame(intent))
        }
        Message::Table(table) => sent(Kind::Table, &hf_codec::encode_table(table).expect("it was read")),
        Message::Report(report) => sent(Kind::Report, &encode_report(report)),
        Message::Second(second) => sent(Kind::Second, &encode_second(second)),
        Message::Latencies(all) => sent(Kind::Latencies, &encode_latencies(all)),
        Message::Consumers(told) => sent(Kind::Consumers, &encode_consumers(told)),
        Message::BreakGlass(list) => sent(Kind::BreakGlass, &hf_feed::break_glass::encode_list(list)),
    };
    let Some(frame) = frame else { return };
    let (again, payload) = decode(&frame).expect("our own frame");
    assert_eq!(again, kind);
    let Read::Message(received) = read(kind, payload, &from, known) else {
        panic!("what was received cannot be sent on: {message:?}");
    };
    assert_eq!(format!("{received:?}"), format!("{message:?}"));
}

fn sent(kind: Kind, payload: &[u8]) -> Option<std::sync::Arc<[u8]>> {
    encode(kind, payload).map(Into::into)
}

/// Whom the payload is about, or some node.
fn sender(payload: &[u8]) -> Peer {
    let node = hf_codec::decode_table(payload).map(|table| table.checker).ok();
    let node = node.or_else(|| decode_report(payload).ok().map(|report| report.node));
    let node = node.unwrap_or_else(|| NodeId::new("n").expect("a node id"));
    Peer { node, zone: None, roles: Vec::new(), version: String::new() }
}
