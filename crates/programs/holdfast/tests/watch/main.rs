//! The client library and `holdfast watch` against real planes of zone status, over real sockets: cut off, of two minds, deaf.
//!
//! Not here: every case of the majority (`holdfast-client`), whole nodes (`hf-e2e`).

#![allow(clippy::unwrap_used)] // all of it is a test

mod checks;
mod planes;
mod sidecar;

use std::sync::atomic::Ordering;
use std::time::Duration;

use holdfast_client::{Holdfast, Kind};

use crate::planes::{DEADLINE, Plane, deaf_to_polls, deaf_to_push, until};

async fn planes(says: &[bool]) -> Vec<Plane> {
    let mut all = Vec::new();
    for is_away in says {
        all.push(Plane::start(*is_away).await);
    }
    all
}

fn asks(all: &[Plane]) -> holdfast_client::Builder {
    Holdfast::builder().endpoints(all.iter().map(Plane::url))
}

#[tokio::test]
async fn three_places_say_closed_one_open_one_is_cut_off() {
    let all = planes(&[true, false, true, true]).await;
    // It takes connections and never says a word: a place behind a cut link.
    let cut_off = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", cut_off.local_addr().unwrap());
    let holdfast = asks(&all).endpoint(url).start().unwrap();
    until("zone a is closed", || !holdfast.is_open("a")).await;
    until("four speak", || holdfast.zones().speaking() == 4).await;
    assert!(!holdfast.is_open("aa") && holdfast.is_open("b"));
    let zones = holdfast.zones();
    let told = zones.get("a").unwrap();
    assert_eq!((told.source.as_str(), told.reason.is_empty()), ("shift", false));
}

#[tokio::test]
async fn two_against_two_and_one_gone_keep_the_last_state() {
    for was_away in [false, true] {
        let mut all = planes(&[was_away; 5]).await;
        let holdfast = asks(&all).start().unwrap();
        until("five speak", || holdfast.zones().speaking() == 5).await;
        assert_eq!(holdfast.is_open("a"), !was_away);
        let mut changes = holdfast.watch();
        all[0].say(!was_away);
        all[1].say(!was_away);
        drop(all.pop());
        until("four speak", || holdfast.zones().speaking() == 4).await;
        assert_eq!(holdfast.is_open("a"), !was_away);
        all[2].say(!was_away);
        let turned = changes.wait_for(|zones| zones.is_open("a") == was_away);
        tokio::time::timeout(DEADLINE, turned).await.expect("three of four decide").unwrap();
    }
}

#[tokio::test]
async fn a_change_is_pushed_to_everybody_who_listens() {
    let all = planes(&[false, false, false]).await;
    let mut builder = Holdfast::builder();
    let mut ways = Vec::new();
    for plane in &all {
        let (address, streams) = deaf_to_polls(plane.address).await;
        builder = builder.endpoint(format!("http://{address}"));
        ways.push(streams);
    }
    let holdfast = builder.start().unwrap();
    until("all streams are well", || holdfast.endpoints().iter().all(|one| one.speaks && one.is_pushed))
        .await;
    let opened = || ways.iter().map(|streams| streams.load(Ordering::Relaxed)).collect::<Vec<_>>();
    let before = opened();
    for plane in &all {
        plane.say(true);
    }
    until("zone a is closed", || !holdfast.is_open("a")).await;
    // No poll comes through, and a stream that is opened anew would begin with the state: on the same streams, it was pushed.
    assert_eq!(opened(), before);
}

#[tokio::test]
async fn an_instance_that_is_deaf_to_push_acts_by_polls_within_the_heartbeat() {
    let plane = Plane::start(false).await;
    let (address, deafen) = deaf_to_push(plane.address).await;
    let holdfast = Holdfast::builder()
        .endpoint(format!("http://{address}"))
        .heartbeat(Duration::from_secs(5))
        .start()
        .unwrap();
    until("the stream is well", || holdfast.endpoints()[0].is_pushed).await;
    deafen.send_replace(true);
    plane.say(true);
    until("it is noticed", || !holdfast.is_open("a")).await;
}

#[tokio::test]
async fn what_a_consumer_has_applied_and_in_hand_stands_on_the_board() {
    let plane = Plane::start(false).await;
    let holdfast = Holdfast::builder()
        .endpoint(plane.url())
        .consumer("orders-worker", Kind::Worker)
        .instance("one")
        .zone("aa")
        .start()
        .unwrap();
    let revision = || plane.told("one").and_then(|told| told.revision).map(|revision| revision.0);
    let running = || plane.told("one").and_then(|told| told.running?.values().next().copied());
    until("it is acknowledged", || revision() == Some(7)).await;
    assert!(plane.told("one").is_some_and(|told| told.running.is_none()), "it has never said what runs");
    let gate = holdfast.gate("aa");
    let in_hand = gate.pass().await;
    plane.say(true);
    tokio::time::timeout(DEADLINE, in_hand.must_give_back()).await.expect("it is to be given back");
    until("one message is in hand", || running() == Some(1)).await;
    drop(in_hand);
    until("nothing is in hand", || revision() == Some(8) && running() == Some(0)).await;
    holdfast.close().await;
    until("it has said good-bye", || plane.told("one").is_none()).await;
}
