//! Updates as they should not be, over both ways: each gets the answer that its RFC has for it, none gets to the ledger, and a good one does all the while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hf_config::estate::EstateBundle;
use hf_control::Intent;
use hf_health::Verdicts;
use hf_model::{DnsName, Revision, WireName};
use hf_snapshot::Snapshot;
use hf_wire::records::Record;
use hf_wire::tsig::{Algorithm, Key, Keys, TsigError, Verifier, sign_request};
use hf_wire::{Rcode, update};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::world::{NOW, Server};
use crate::{Answering, ColdInputs, Settings, UpdateRequest, Updates};

const ESTATE: &str = r#"
[[region]]
id = "eu"
[[zone]]
id = "eu-az1"
region = "eu"
[[hosted_zone]]
name = "example.test."
file = "example.test.zone"
updates = [{ key = "acme.", names = ["*.example.test."] }]
"#;

/// The server's clock.
const NOW_S: u64 = NOW.0 / 1_000;

/// Takes every update, and counts them.
#[derive(Default)]
struct Taken(AtomicUsize);

impl Updates for Taken {
    fn update(&self, _: UpdateRequest) -> Answering {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::ready(Rcode::NO_ERROR))
    }
}

fn snapshot() -> Arc<Snapshot> {
    let zone = "$ORIGIN example.test.\n@ 60 IN SOA ns hostmaster 1 2 3 4 5\n@ 60 IN NS ns\n".to_owned();
    let files: BTreeMap<_, _> = [("example.test.zone".to_owned(), zone)].into();
    let bundle = EstateBundle { toml: ESTATE.to_owned(), files };
    let estate = hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|why| panic!("{why}"));
    let intent =
        Intent { revision: Revision(3), estate_revision: Revision(3), estate: bundle, ..Intent::default() };
    Arc::new(Snapshot::build(1, NOW, Arc::new(intent), Arc::new(estate), Vec::new(), Verdicts::unknown(0)))
}

fn name(text: &str) -> WireName {
    WireName::from(&DnsName::new(text).unwrap())
}

fn key() -> Key {
    Key::new(&name("acme."), Algorithm::HmacSha256, b"a secret of some length")
}

/// An update of so many TXT records, each of so many bytes.
fn update_of(count: usize, bytes: usize) -> Vec<u8> {
    let text = [&[bytes as u8][..], &vec![b'x'; bytes]].concat();
    let record = |at| Record {
        name: name(&format!("r{at}.example.test.")),
        rtype: 16,
        class: 1,
        ttl: 60,
        rdata: text.clone(),
    };
    let changes: Vec<Record> = (0..count).map(record).collect();
    update::write(7, &name("example.test."), &[], &changes).expect("it fits into a message")
}

fn signed(mut message: Vec<u8>, at_s: u64) -> (Vec<u8>, Verifier) {
    let verifier = sign_request(&Arc::new(key()), &mut message, at_s);
    (message, verifier)
}

fn rcode(reply: &[u8]) -> u8 {
    reply[3] & 15
}

async fn over_tcp(server: &Server, message: &[u8]) -> Vec<u8> {
    let asked = async {
        let mut stream = server.tcp().await;
        stream.write_u16(message.len() as u16).await.unwrap();
        stream.write_all(message).await.unwrap();
        let mut reply = vec![0; usize::from(stream.read_u16().await.unwrap())];
        stream.read_exact(&mut reply).await.unwrap();
        reply
    };
    tokio::time::timeout(Duration::from_secs(20), asked).await.expect("a reply comes")
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_updates_are_answered_and_go_no_further() {
    let taken = Arc::new(Taken::default());
    let updates: Arc<dyn Updates> = taken.clone();
    let cold = ColdInputs { keys: Keys::new([key()]), updates: Some(updates), ..ColdInputs::default() };
    let server = Server::start_cold("127.0.0.1:0", snapshot(), Settings::default(), cold).await;
    server.until(|reply| !reply.answers.is_empty()).await;

    // A clock that is off by more than five minutes, before and behind: NOTAUTH and BADTIME, signed, with our time in it.
    for at_s in [NOW_S + 301, NOW_S + 86_400] {
        let (late, mut verifier) = signed(update_of(1, 9), at_s);
        let mut reply = server.udp_after(&[], &late).await;
        assert_eq!(rcode(&reply), 9, "NOTAUTH");
        assert_eq!(verifier.verify(&mut reply, at_s), Err(TsigError::Refused(18)), "BADTIME");
        let (late, mut verifier) = signed(update_of(1, 9), at_s);
        let mut reply = over_tcp(&server, &late).await;
        assert_eq!((rcode(&reply), verifier.verify(&mut reply, at_s)), (9, Err(TsigError::Refused(18))));
    }

    // Too many records, too many bytes: REFUSED, before they are read.
    let (many, mut verifier) = signed(update_of(1_001, 1), NOW_S);
    let mut reply = over_tcp(&server, &many).await;
    assert_eq!((rcode(&reply), verifier.verify(&mut reply, NOW_S)), (5, Ok(())));
    let mut long = update_of(130, 200);
    // Our writer stops before: one record more, by hand.
    let data = vec![b'x'; update::BYTES_MAX - long.len()];
    long[8..10].copy_from_slice(&131_u16.to_be_bytes());
    long.extend_from_slice(name("r.example.test.").as_wire());
    long.extend_from_slice(&[0, 16, 0, 1, 0, 0, 0, 60]);
    long.extend_from_slice(&(data.len() as u16).to_be_bytes());
    long.extend_from_slice(&data);
    let (long, mut verifier) = signed(long, NOW_S);
    let mut reply = over_tcp(&server, &long).await;
    assert_eq!((rcode(&reply), verifier.verify(&mut reply, NOW_S)), (5, Ok(())));

    // Not signed, and of a zone that is not ours.
    assert_eq!(rcode(&server.udp_after(&[], &update_of(1, 9)).await), 5, "REFUSED");
    let elsewhere = update::write(7, &name("elsewhere.test."), &[], &[]).unwrap();
    assert_eq!(rcode(&over_tcp(&server, &signed(elsewhere, NOW_S).0).await), 9, "NOTAUTH");
    assert_eq!(taken.0.load(Ordering::Relaxed), 0);

    // As large as they may be, and off by five minutes.
    for (message, at_s) in [(update_of(1_000, 1), NOW_S), (update_of(1, 9), NOW_S + 300)] {
        let (good, mut verifier) = signed(message, at_s);
        let mut reply = over_tcp(&server, &good).await;
        assert_eq!((rcode(&reply), verifier.verify(&mut reply, at_s)), (0, Ok(())));
    }
    assert_eq!(taken.0.load(Ordering::Relaxed), 2);
    server.stop().await;
}
