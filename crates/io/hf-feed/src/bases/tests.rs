//! Two nodes and what goes between them, without sockets.

use std::sync::Arc;

use hf_control::{Intent, Pin};
use hf_model::{NodeId, Revision};

use super::*;
use crate::frame::decode;
use crate::message::{IntentFrames, intent_frames};

fn peer() -> Peer {
    Peer { node: NodeId::new("other").unwrap(), zone: None, roles: vec![], version: String::new() }
}

fn long(revision: u64) -> Intent {
    let mut intent = Intent { revision: Revision(revision), ..Intent::default() };
    intent.estate.toml = "# a comment\n".repeat(20_000);
    intent
}

struct Receiver(Intake);

impl Receiver {
    fn new(bases: &Arc<Bases>) -> Self {
        Receiver(Intake::new(bases.clone()))
    }

    fn take(&mut self, frame: &[u8], known: u64) -> String {
        let (kind, payload) = decode(frame).unwrap();
        show(self.0.take(kind, payload, &peer(), Revision(known)))
    }

    fn beat(&mut self) -> String {
        self.0.on_beat(Revision(0)).map_or("nothing".to_owned(), show)
    }
}

fn show(taken: Taken) -> String {
    match taken {
        Taken::Read(Read::Message(Message::Intent { revision, intent })) => match intent {
            Some(intent) => format!("intent {revision} with {} bytes", intent.estate.toml.len()),
            None => format!("known {revision}"),
        },
        Taken::Read(other) => format!("{other:?}"),
        Taken::Ask(_) => "ask".to_owned(),
        Taken::Asked(_) => "asked".to_owned(),
        Taken::Waits(revision) => format!("waits, sender has {revision}"),
        Taken::PassedOver => "passed over".to_owned(),
    }
}

fn sent(intent: &Intent) -> (Vec<u8>, Vec<u8>) {
    let IntentFrames { frame, base } = intent_frames(intent, &Bases::default()).unwrap();
    (frame.to_vec(), base.unwrap().1.to_vec())
}

#[tokio::test(start_paused = true)]
async fn a_base_is_asked_for_once_and_serves_every_head_on_it() {
    let bases = Arc::default();
    let mut one = Receiver::new(&bases);
    let (head, base) = sent(&long(7));
    assert_eq!(one.take(&head, 0), "ask");
    assert_eq!(one.beat(), "nothing");
    assert_eq!(one.take(&base, 0), "intent 7 with 240000 bytes");
    assert_eq!(one.take(&sent(&long(8)).0, 7), "intent 8 with 240000 bytes");
    assert_eq!(one.take(&head, 8), "known 7");
    // A change of the estate is another base.
    let mut other = long(9);
    other.estate.toml.push('#');
    assert_eq!(one.take(&sent(&other).0, 8), "ask");
    assert_eq!(one.take(&sent(&other).1, 8), "intent 9 with 240001 bytes");
}

#[tokio::test(start_paused = true)]
async fn of_two_connections_one_asks_and_the_other_takes_over_when_nothing_comes() {
    let bases = Arc::default();
    let (mut one, mut two) = (Receiver::new(&bases), Receiver::new(&bases));
    let (head, base) = sent(&long(7));
    assert_eq!(one.take(&head, 0), "ask");
    assert_eq!(two.take(&head, 0), "waits, sender has 7");
    assert_eq!(two.beat(), "nothing");
    tokio::time::advance(ASK_ELSEWHERE).await;
    assert_eq!(two.beat(), "ask");
    assert_eq!(one.beat(), "nothing");
    assert_eq!(two.take(&base, 0), "intent 7 with 240000 bytes");
    assert_eq!(one.beat(), "intent 7 with 240000 bytes");
    assert_eq!(one.beat(), "nothing");
}

#[test]
fn what_nobody_asked_for_is_passed_over() {
    let bases = Arc::default();
    let mut one = Receiver::new(&bases);
    let (head, base) = sent(&long(7));
    assert_eq!(one.take(&base, 0), "passed over");
    let mut other = long(7);
    other.estate.toml.push('#');
    assert_eq!(one.take(&head, 0), "ask");
    assert_eq!(one.take(&sent(&other).1, 0), "passed over");
    assert_eq!(one.take(&base, 0), "intent 7 with 240000 bytes");
}

#[test]
fn a_short_intent_travels_whole() {
    let intent = Intent { revision: Revision(3), ..Intent::default() };
    let made = intent_frames(&intent, &Bases::default()).unwrap();
    assert!(made.base.is_none());
    assert_eq!(decode(&made.frame).unwrap().0, Kind::Intent);
}

#[test]
fn a_turn_costs_what_it_changes() {
    let (head, base) = sent(&long(7));
    assert!(head.len() < 1_000, "{}", head.len());
    assert!(base.len() > 240_000);
    let pinned = Intent { pins: Vec::<Pin>::new(), ..long(8) };
    assert_eq!(sent(&pinned).1, base);
}
