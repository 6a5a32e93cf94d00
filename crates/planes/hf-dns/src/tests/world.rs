//! A running server over a small estate, and an asker.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hf_clock::Clock;
use hf_config::estate::EstateBundle;
use hf_config::node::DnsConfig;
use hf_control::Intent;
use hf_health::{Verdict, Verdicts};
use hf_model::{Revision, Timestamp, ZoneId};
use hf_snapshot::Snapshot;
use hf_telemetry::Activity;
use hickory_proto::op::Message;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::{ColdInputs, Counters, Inputs, Names, Settings, bind};

const ESTATE: &str = r#"
[[region]]
id = "eu"
[[zone]]
id = "eu-az1"
region = "eu"
[[zone]]
id = "eu-az2"
region = "eu"
[[health_check]]
name = "web"
kind = "tcp"
[[pool]]
name = "web"
health_check = "web"
endpoints = [
  { address = "10.0.1.1:80", zone = "eu-az1" },
  { address = "10.0.2.1:80", zone = "eu-az2" },
]
[[hosted_zone]]
name = "example.test."
file = "example.test.zone"
[[record]]
name = "www.example.test."
type = "A"
ttl = "5s"
answer = { pool = "web" }
choose = ["open"]
"#;

/// The stamp of everything in these tests.
pub const NOW: Timestamp = Timestamp(1_000);

/// A snapshot of the estate in which the first endpoint has this verdict. `many.example.test.` has 60 addresses.
pub fn snapshot(first: Verdict) -> Arc<Snapshot> {
    numbered(1, first)
}

/// The same with a number of its own.
pub fn numbered(number: u64, first: Verdict) -> Arc<Snapshot> {
    let mut zone = "$ORIGIN example.test.\n@ 60 IN SOA ns hostmaster 1 2 3 4 5\n@ 60 IN NS ns\n".to_owned();
    zone.extend((0..60).map(|last| format!("many 60 IN A 10.9.0.{last}\n")));
    let files = [("example.test.zone".to_owned(), zone)].into();
    let bundle = EstateBundle { toml: ESTATE.to_owned(), files };
    let estate = hf_config::read_estate("estate.toml", &bundle).unwrap();
    let mut verdicts = Verdicts::unknown(2);
    verdicts.of[0] = first;
    let intent =
        Intent { revision: Revision(3), estate_revision: Revision(3), estate: bundle, ..Intent::default() };
    Arc::new(Snapshot::build(number, NOW, Arc::new(intent), Arc::new(estate), Vec::new(), verdicts))
}

/// A server that runs until it is told to stop.
pub struct Server {
    pub address: SocketAddr,
    pub snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    pub activity: Arc<Activity>,
    pub counters: Arc<Counters>,
    pub names: Names,
    pub in_force: watch::Receiver<u64>,
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

impl Server {
    pub async fn start(first: Option<Arc<Snapshot>>) -> Server {
        Server::start_at("127.0.0.1:0", first).await
    }

    pub async fn start_at(listen: &str, first: Option<Arc<Snapshot>>) -> Server {
        Server::start_with(listen, first, Settings::default()).await
    }

    pub async fn start_with(listen: &str, first: Option<Arc<Snapshot>>, settings: Settings) -> Server {
        let server = Server::start_inputs(listen, first.clone(), settings, ColdInputs::default()).await;
        if first.is_some() {
            server.until(|message| message.response_code != hickory_proto::op::ResponseCode::ServFail).await;
        }
        server
    }

    /// With a cold path of one's own; whether it answers is not waited for.
    pub async fn start_cold(
        listen: &str,
        first: Arc<Snapshot>,
        settings: Settings,
        cold: ColdInputs,
    ) -> Server {
        Server::start_inputs(listen, Some(first), settings, cold).await
    }

    async fn start_inputs(
        listen: &str,
        first: Option<Arc<Snapshot>>,
        settings: Settings,
        cold: ColdInputs,
    ) -> Server {
        let bound = bind(&DnsConfig::on(vec![listen.parse().unwrap()])).await.unwrap();
        let address = bound.local_addresses()[0];
        let (counters, names) = (bound.counters(), bound.names());
        let in_force = bound.in_force();
        let activity = Arc::new(Activity::default());
        let (snapshots, receiver) = watch::channel(first.clone());
        let (stop, stopped) = watch::channel(false);
        let inputs = Inputs {
            snapshots: receiver,
            clock: Clock::manual(NOW),
            activity: activity.clone(),
            own_zone: Some(ZoneId::new("eu-az1").unwrap()),
            settings,
            geography: hf_geo::Geography::default(),
            cold,
        };
        let running = tokio::spawn(bound.run(inputs, stopped));
        Server { address, snapshots, activity, counters, names, in_force, stop, running }
    }

    /// Asks for `example.test. SOA` until the answer is as wanted.
    pub async fn until(&self, wanted: impl Fn(&Message) -> bool) {
        self.until_for(&query("example.test.", 6), wanted).await;
    }

    /// Sends a query until the answer is as wanted.
    pub async fn until_for(&self, query: &[u8], wanted: impl Fn(&Message) -> bool) {
        let asking = async { while !wanted(&self.udp(query).await) {} };
        tokio::time::timeout(Duration::from_secs(10), asking).await.expect("the answer changes in time");
    }

    /// Waits until something is so.
    pub async fn until_so(&self, is_so: impl Fn() -> bool) {
        let waiting = async {
            while !is_so() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), waiting).await.expect("it becomes so in time");
    }

    /// One message there and one back.
    pub async fn udp(&self, message: &[u8]) -> Message {
        decoded(&self.udp_after(&[], message).await)
    }

    /// Sends messages that get no reply, then one that does: its reply is the first to come back.
    pub async fn udp_after(&self, silent: &[&[u8]], message: &[u8]) -> Vec<u8> {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(self.address).await.unwrap();
        for silent in silent {
            socket.send(silent).await.unwrap();
        }
        socket.send(message).await.unwrap();
        let mut buffer = vec![0; 65_535];
        let received = tokio::time::timeout(Duration::from_secs(10), socket.recv(&mut buffer));
        let len = received.await.expect("a reply comes").unwrap();
        buffer.truncate(len);
        buffer
    }

    pub async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Stops it and waits until its ports are closed.
    pub async fn stop(self) {
        self.stop.send(true).unwrap();
        self.running.await.unwrap();
    }
}

/// Writes messages in one go, then reads as many replies.
pub async fn converse(stream: &mut TcpStream, messages: &[&[u8]]) -> Vec<Message> {
    let framed: Vec<u8> = messages
        .iter()
        .flat_map(|message| (message.len() as u16).to_be_bytes().into_iter().chain(message.iter().copied()))
        .collect();
    stream.write_all(&framed).await.unwrap();
    let mut replies = Vec::new();
    for _ in messages {
        let len = stream.read_u16().await.unwrap();
        let mut reply = vec![0; usize::from(len)];
        stream.read_exact(&mut reply).await.unwrap();
        replies.push(decoded(&reply));
    }
    replies
}

pub fn decoded(bytes: &[u8]) -> Message {
    Message::from_vec(bytes).unwrap_or_else(|why| panic!("{why}: {bytes:02x?}"))
}

/// The bytes of a question's name, type and class.
pub fn question(name: &str, rtype: u16) -> Vec<u8> {
    let mut bytes = Vec::new();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(label.len() as u8);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend_from_slice(&rtype.to_be_bytes());
    bytes.extend_from_slice(&[0, 1]);
    bytes
}

/// A message with these flags and counts.
pub fn message(flags: u16, counts: [u16; 4], body: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0x4d, 0x2a];
    bytes.extend(flags.to_be_bytes());
    bytes.extend(counts.iter().flat_map(|count| count.to_be_bytes()));
    bytes.extend(body.concat());
    bytes
}

pub fn query(name: &str, rtype: u16) -> Vec<u8> {
    message(0, [1, 0, 0, 0], &[&question(name, rtype)])
}

/// An OPT record: payload size, version, flags.
pub fn opt(payload: u16, version: u8, flags: u16) -> Vec<u8> {
    let [high, low] = payload.to_be_bytes();
    let [flags_high, flags_low] = flags.to_be_bytes();
    vec![0, 0, 41, high, low, 0, version, flags_high, flags_low, 0, 0]
}
