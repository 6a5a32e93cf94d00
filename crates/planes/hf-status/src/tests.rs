//! On real sockets, in one thread; time is virtual where something waits.

use std::future::Future;
use std::io::{Read as _, Write as _};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use hf_model::Revision;
use hf_telemetry::{StatusEvent, StatusTotals};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch::{Sender, channel};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{self, Message};

use super::*;
use crate::testing::{NOW, hosted, open, open_at, shift, shifted, snapshot_of};

/// A role on a real socket.
struct Running {
    address: SocketAddr,
    snapshots: Sender<Option<Arc<Snapshot>>>,
    consumers: Consumers,
    counts: Arc<StatusCounts>,
    stop: Sender<bool>,
    task: JoinHandle<()>,
}

async fn running(first: Option<Arc<Snapshot>>) -> Running {
    running_with(first, Limits::default()).await
}

async fn running_with(first: Option<Arc<Snapshot>>, limits: Limits) -> Running {
    let (snapshots, receiver) = channel(first);
    let (stop, shutdown) = channel(false);
    let (consumers, counts) = (Consumers::default(), Arc::<StatusCounts>::default());
    let clock = Clock::manual(NOW);
    let bound = bind("127.0.0.1:0".parse().unwrap(), receiver, clock, consumers.clone()).await.unwrap();
    let bound = bound.with_limits(limits).with_counts(counts.clone());
    let address = bound.address();
    Running { address, snapshots, consumers, counts, stop, task: spawn_local(bound.run_here(shutdown)) }
}

async fn here<T>(story: impl Future<Output = T>) -> T {
    LocalSet::new().run_until(story).await
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn watcher(&self, query: &str) -> Watcher {
        let url = format!("ws://{}/watch{query}", self.address);
        tokio_tungstenite::connect_async(url).await.unwrap().0
    }

    async fn ask(&self, request: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(hosted(request).as_bytes()).await.unwrap();
        stream
    }

    async fn tag(&self) -> String {
        let mut stream = self.ask("GET /status HTTP/1.1\r\nconnection: close\r\n\r\n").await;
        let answer = rest_of(&mut stream).await;
        let tag = answer.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
        tag.trim_matches('"').to_owned()
    }
}

type Watcher = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<TcpStream>>;

async fn rest_of(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    String::from_utf8(bytes).unwrap()
}

/// Reads until these words have come.
async fn until(stream: &mut TcpStream, words: &str) -> String {
    let mut text = String::new();
    while !text.contains(words) {
        let mut bytes = [0; 4096];
        let len = stream.read(&mut bytes).await.unwrap();
        assert!(len > 0, "it ended before {words:?}: {text}");
        text += std::str::from_utf8(&bytes[..len]).unwrap();
    }
    text
}

async fn message(watcher: &mut Watcher) -> serde_json::Value {
    loop {
        let message = timeout(Duration::from_mins(1), watcher.next()).await.unwrap().unwrap().unwrap();
        match message {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {} // the library answers with its next step
            other => panic!("{other:?}"),
        }
    }
}

async fn states(watcher: &mut Watcher) -> String {
    let table = message(watcher).await;
    if table["kind"] == "beat" {
        return format!("beat {}", table["tag"].as_str().unwrap());
    }
    assert_eq!(table["kind"], "table");
    let zones = table["zones"].as_array().unwrap().iter();
    let told =
        zones.map(|zone| format!("{}={}", zone["zone"].as_str().unwrap(), zone["state"].as_str().unwrap()));
    told.collect::<Vec<_>>().join(" ")
}

/// The next table; beats come when they are due, at any time.
async fn next_table(watcher: &mut Watcher) -> String {
    loop {
        let told = states(watcher).await;
        if !told.starts_with("beat") {
            return told;
        }
    }
}

#[tokio::test]
async fn it_answers_from_a_thread_of_its_own_when_all_else_is_gone() {
    let (snapshots, receiver) = channel(Some(shifted()));
    let (stop, shutdown) = channel(false);
    let (clock, consumers) = (Clock::manual(NOW), Consumers::default());
    let bound = bind("127.0.0.1:0".parse().unwrap(), receiver, clock, consumers).await.unwrap();
    let address = bound.address();
    let task = tokio::spawn(bound.with_limits(Limits::default()).run(shutdown));
    drop(snapshots);
    for _ in 0..2 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /closed/a HTTP/1.0\r\n\r\n").await.unwrap();
        assert!(rest_of(&mut stream).await.starts_with("HTTP/1.1 200 OK"));
    }
    stop.send_replace(true);
    task.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_watcher_hears_the_table_each_change_and_the_end() {
    here(async {
        let running = running(Some(open())).await;
        let mut watcher = running.watcher("").await;
        let mut of_pool = running.watcher("?resource=pool/api").await;
        assert_eq!(next_table(&mut watcher).await, "a=open b=open c=open");
        assert_eq!(next_table(&mut of_pool).await, "a=open b=open");
        // A revision that changes nothing is no change.
        running.snapshots.send_replace(Some(open_at(8)));
        running.snapshots.send_replace(Some(shifted()));
        assert_eq!(next_table(&mut watcher).await, "a=away b=open c=open");
        assert_eq!(next_table(&mut of_pool).await, "a=away b=open");
        running.stop.send_replace(true);
        for watcher in [&mut watcher, &mut of_pool] {
            let last = watcher.next().await.unwrap().unwrap();
            assert!(matches!(&last, Message::Close(Some(why)) if u16::from(why.code) == 1001), "{last:?}");
        }
        drop((watcher, of_pool));
        running.task.await.unwrap();
    })
    .await;
}

/// 300 are several turns of a walk; the next change is there before it is over.
#[tokio::test]
async fn a_stream_of_changes_reaches_the_last_of_many_and_polls_are_answered_meanwhile() {
    here(async {
        let running = running(Some(open())).await;
        let mut watchers = Vec::new();
        for _ in 0..300 {
            let mut watcher = running.ask("GET /watch HTTP/1.1\r\n\r\n").await;
            until(&mut watcher, "event: table").await;
            watchers.push(watcher);
        }
        let (first, last) = (watchers.remove(0), watchers.pop().unwrap());
        let changes = running.snapshots.clone();
        let stream = spawn_local(async move {
            let mut is_away = false;
            loop {
                is_away = !is_away;
                changes.send_replace(Some(if is_away { shifted() } else { open() }));
                yield_now().await;
            }
        });
        let story = async {
            for mut one in [first, last] {
                until(&mut one, "event: table").await;
                until(&mut one, "event: table").await;
            }
            let mut poll = running.ask("GET /status/b HTTP/1.1\r\nconnection: close\r\n\r\n").await;
            assert!(rest_of(&mut poll).await.starts_with("HTTP/1.1 200 OK"));
        };
        timeout(Duration::from_secs(30), story).await.expect("somebody is passed over");
        stream.abort();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_watcher_hears_a_beat_every_ten_seconds_and_resumes_by_its_tag() {
    here(async {
        let running = running(Some(shifted())).await;
        let tag = running.tag().await;
        let mut watcher = running.watcher("").await;
        assert_eq!(states(&mut watcher).await, "a=away b=open c=open");
        let beat = format!("beat {tag}");
        assert_eq!(states(&mut watcher).await, beat);
        let begin = Instant::now();
        for _ in 0..3 {
            assert_eq!(states(&mut watcher).await, beat);
        }
        let each = begin.elapsed() / 3;
        assert!(each.abs_diff(watchers::BEAT) < Duration::from_millis(500), "{each:?}");
        let mut resumed = running.watcher(&format!("?after={tag}")).await;
        assert_eq!(states(&mut resumed).await, beat);
        running.snapshots.send_replace(Some(open()));
        assert_eq!(states(&mut resumed).await, "a=open b=open c=open");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn events_are_for_who_has_no_websocket() {
    here(async {
        let running = running(Some(open())).await;
        let mut stream = running.ask("GET /watch?resource=pool/web HTTP/1.1\r\n\r\n").await;
        let first = until(&mut stream, "\n\n").await;
        assert!(first.contains("content-type: text/event-stream"), "{first}");
        until(&mut stream, "\"kind\":\"beat\"").await;
        running.snapshots.send_replace(Some(shifted()));
        let table = until(&mut stream, "event: table").await;
        assert!(table.contains("id: "), "{table}");
        running.stop.send_replace(true);
        rest_of(&mut stream).await;
        running.task.await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_long_poll_ends_with_a_change_or_its_time() {
    here(async {
        let running = running(Some(open())).await;
        let tag = running.tag().await;
        let ask = format!("GET /status?wait=20 HTTP/1.1\r\nif-none-match: \"{tag}\"\r\n\r\n");
        let begin = Instant::now();
        let mut stream = running.ask(&ask).await;
        let answer = until(&mut stream, "\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 304 "), "{answer}");
        assert!(begin.elapsed() >= Duration::from_secs(20), "{:?}", begin.elapsed());
        // The same connection again, with a question behind it that waits for its turn.
        let both = hosted(&format!("{ask}GET /status/a HTTP/1.1\r\n\r\n"));
        stream.write_all(both.as_bytes()).await.unwrap();
        let begin = Instant::now();
        tokio::time::sleep(Duration::from_secs(3)).await;
        running.snapshots.send_replace(Some(open_at(9)));
        tokio::time::sleep(Duration::from_secs(3)).await;
        running.snapshots.send_replace(Some(shifted()));
        let answers = until(&mut stream, "\"age_ms\"").await;
        assert!(answers.starts_with("HTTP/1.1 200 ") && answers.contains("HTTP/1.1 500 "), "{answers}");
        assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    })
    .await;
}

#[tokio::test]
async fn a_long_poll_is_answered_when_the_node_stops() {
    here(async {
        let running = running(Some(open())).await;
        let ask = "GET /status/b?wait=60&consumer=x&instance=y HTTP/1.1\r\nif-none-match: *\r\n\r\n";
        let mut stream = running.ask(ask).await;
        // It waits from the moment in which it was heard of.
        let heard = async {
            while running.consumers.told().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        timeout(Duration::from_secs(30), heard).await.unwrap();
        running.stop.send_replace(true);
        let answer = rest_of(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 304 ") && answer.contains("connection: close"), "{answer}");
        running.task.await.unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_or_half_a_request_is_let_go() {
    here(async {
        let running = running(Some(open())).await;
        for begun in ["", "GET /sta", "POST /acknowledge HTTP/1.1\r\ncontent-length: 5\r\n\r\n{}"] {
            let begin = Instant::now();
            let mut stream = running.ask(begun).await;
            assert_eq!(rest_of(&mut stream).await, "");
            assert!(begin.elapsed() >= Duration::from_secs(30), "{:?}", begin.elapsed());
        }
    })
    .await;
}

#[tokio::test]
async fn requests_in_one_piece_or_in_many_are_answered_in_turn() {
    here(async {
        let running = running(Some(open())).await;
        let body = r#"{"consumer":"orders","instance":"o-1","revision":7}"#;
        let requests = format!(
            "GET /status/a HTTP/1.1\r\n\r\nPOST /acknowledge HTTP/1.1\r\ncontent-length: {}\r\n\r\n{body}GET /nowhere HTTP/1.1\r\nconnection: close\r\n\r\n",
            body.len()
        );
        let mut whole = running.ask(&requests).await;
        let mut slowly = running.connect().await;
        for byte in hosted(&requests).as_bytes() {
            slowly.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        for stream in [&mut whole, &mut slowly] {
            let answers = rest_of(stream).await;
            let statuses: Vec<&str> =
                answers.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
            assert_eq!(statuses, ["200", "204", "404"], "{answers}");
        }
        assert_eq!(running.consumers.told().len(), 1);
        let mut waits = running
            .ask("POST /acknowledge HTTP/1.1\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
            .await;
        assert!(until(&mut waits, "\r\n\r\n").await.starts_with("HTTP/1.1 100 "));
        waits.write_all(b"{}").await.unwrap();
        assert!(until(&mut waits, "\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
    })
    .await;
}

#[tokio::test]
async fn what_is_no_request_is_answered_and_ends() {
    here(async {
        let running = running(Some(open())).await;
        for (bytes, status) in [
            ("\x16\x03\x01\x02\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", 411),
            ("POST /acknowledge HTTP/1.1\r\ncontent-length: 5000\r\n\r\n", 413),
            ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        ] {
            let mut stream = running.ask(bytes).await;
            let answer = rest_of(&mut stream).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        }
        assert_eq!(running.counts.totals().of(StatusEvent::PollRefused), 4);
    })
    .await;
}

#[tokio::test]
async fn a_watcher_says_what_it_applied() {
    here(async {
        let running = running(Some(open())).await;
        let tag = running.tag().await;
        let mut watcher = running.watcher("?consumer=orders&instance=o-1&kind=worker").await;
        next_table(&mut watcher).await;
        watcher.send(Message::text("{\"consumer\":1}")).await.unwrap();
        let refused = message(&mut watcher).await;
        assert_eq!(refused["kind"], "refused");
        let word =
            format!(r#"{{"consumer":"orders","instance":"o-1","kind":"worker","tag":"{tag}","revision":7}}"#);
        watcher.send(Message::text(word)).await.unwrap();
        // Together: only the last one is answered.
        watcher.feed(Message::Ping("w".into())).await.unwrap();
        watcher.send(Message::Ping("x".into())).await.unwrap();
        loop {
            // Behind what came before it.
            if let Message::Pong(same) = watcher.next().await.unwrap().unwrap() {
                assert_eq!(&same[..], b"x");
                break;
            }
        }
        assert_eq!(running.consumers.told()[0].revision, Some(Revision(7)));
    })
    .await;
}

#[tokio::test]
async fn a_watcher_that_breaks_the_protocol_is_told_how() {
    here(async {
        let running = running(Some(shifted())).await;
        for (bad, code) in [
            (Message::text("x".repeat(frames::MESSAGE_BYTES_MAX + 1)), 1009),
            (Message::binary(vec![1]), 1003),
        ] {
            let mut watcher = running.watcher("").await;
            states(&mut watcher).await;
            watcher.send(bad).await.unwrap();
            let end = watcher.next().await.unwrap().unwrap();
            assert!(matches!(&end, Message::Close(Some(why)) if u16::from(why.code) == code), "{end:?}");
        }
        let mut watcher = running.watcher("").await;
        states(&mut watcher).await;
        watcher.close(None).await.unwrap();
        let end = watcher.next().await.unwrap().unwrap();
        assert!(matches!(end, Message::Close(_)), "{end:?}");
    })
    .await;
}

/// So many zones that a few tables fill what the system holds for a connection.
fn wide(is_away: bool) -> Arc<Snapshot> {
    let zone = |at: u32| {
        let aliases: Vec<String> = (0..4).map(|of| format!("\"other-name-{of}-{at}\"")).collect();
        format!("[[zone]]\nid = \"z{at}\"\nregion = \"r\"\naliases = [{}]\n", aliases.join(","))
    };
    let zones: String = (0..250).map(zone).collect();
    snapshot_of(&format!("[[region]]\nid = \"r\"\n{zones}"), 0, |intent, _| {
        if is_away {
            intent.shifts.push(shift("z0", "everything", 30));
        }
    })
}

/// A client that hardly takes anything; a blocking one, so that nothing reads behind its back.
fn lazy(address: SocketAddr, request: &str) -> std::net::TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    socket.connect(&address.into()).unwrap();
    let mut stream = std::net::TcpStream::from(socket);
    stream.write_all(hosted(request).as_bytes()).unwrap();
    stream
}

#[tokio::test(start_paused = true)]
async fn a_watcher_that_does_not_read_is_dropped_and_holds_nobody_up() {
    here(async {
        let running = running(Some(wide(false))).await;
        let upgrade = "GET /watch HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let slow = [lazy(running.address, "GET /watch HTTP/1.1\r\n\r\n"), lazy(running.address, upgrade)];
        let mut good = running.watcher("").await;
        states(&mut good).await;
        for round in 0..12 {
            running.snapshots.send_replace(Some(wide(round % 2 == 0)));
            let told = next_table(&mut good).await;
            assert_eq!(told.starts_with("z0=away"), round % 2 == 0);
        }
        // Beyond its patience; the good one goes on.
        let begin = Instant::now();
        while begin.elapsed() < Limits::default().message_time * 3 {
            states(&mut good).await;
        }
        for mut stream in slow {
            stream.set_nonblocking(false).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            let mut all = Vec::new();
            // An end, orderly or not; a time-out would say that it was not dropped.
            if let Err(error) = stream.read_to_end(&mut all) {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "it was not dropped: {error}");
            }
            assert!(!all.is_empty(), "it was told nothing");
            assert!(all.len() < 12 * 40_000, "it was not told all: {}", all.len());
        }
        states(&mut good).await;
    })
    .await;
}

/// The events of a stream, or the frames of a server, as far as they came: kind of event or of frame, and text.
fn events_of(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text = std::str::from_utf8(bytes).unwrap();
    let of = |event: &str| {
        let line = |name: &str| event.lines().find_map(|line| Some(line.strip_prefix(name)?.to_owned()));
        Some((line("event: ")?, line("data: ")?.into_bytes()))
    };
    text.split_inclusive("\n\n").filter(|event| event.ends_with("\n\n")).filter_map(of).collect()
}

fn frames_of(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4;
    let (mut rest, mut frames) = (&bytes[head..], Vec::new());
    while let [opcode, len, ..] = *rest {
        let (begin, len) = match len {
            126 => (4, usize::from(u16::from_be_bytes([rest[2], rest[3]]))),
            127 => panic!("longer than any table here"),
            len => (2, usize::from(len)),
        };
        frames.push((format!("{opcode:x}"), rest[begin..begin + len].to_vec()));
        rest = &rest[begin + len..];
    }
    frames
}

#[tokio::test]
async fn a_slow_watcher_reads_why_it_was_dropped_and_resumes_by_its_tag() {
    here(async {
        let running = running(Some(wide(false))).await;
        let upgrade = "GET /watch HTTP/1.1\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        let slow = [lazy(running.address, "GET /watch HTTP/1.1\r\n\r\n"), lazy(running.address, upgrade)];
        let mut good = running.watcher("").await;
        next_table(&mut good).await;
        for round in 0..11 {
            running.snapshots.send_replace(Some(wide(round % 2 == 0)));
            next_table(&mut good).await;
        }
        // They are slow by now, and their connections are not cut yet.
        tokio::time::pause();
        tokio::time::sleep(Limits::default().message_time + Duration::from_secs(1)).await;
        // What they were sent must not change any more, for all that they missed.
        running.snapshots.send_replace(Some(wide(false)));
        tokio::time::resume();
        let mut all = Vec::new();
        for stream in slow {
            stream.set_nonblocking(true).unwrap();
            let mut bytes = Vec::new();
            TcpStream::from_std(stream).unwrap().read_to_end(&mut bytes).await.unwrap();
            all.push(bytes);
        }
        let events = events_of(&all[0]);
        let (kind, reason) = events.last().unwrap();
        let reason = String::from_utf8_lossy(reason);
        assert_eq!((kind.as_str(), reason.contains("too slow: ")), ("dropped", true), "{reason}");
        assert!(events[..events.len() - 1].iter().all(|(kind, _)| kind == "table"), "no beats behind it");
        let frames = frames_of(&all[1]);
        let (kind, close) = frames.last().unwrap();
        assert_eq!((kind.as_str(), &close[..2]), ("88", &1013_u16.to_be_bytes()[..]));
        assert!(String::from_utf8_lossy(&close[2..]).starts_with("too slow: "));

        // It comes back with what it heard last, and hears what it missed.
        let last: serde_json::Value = serde_json::from_slice(&events[events.len() - 2].1).unwrap();
        let last = last["tag"].as_str().unwrap().to_owned();
        let now = running.tag().await;
        let mut again = running.watcher(&format!("?after={last}")).await;
        let told = states(&mut again).await;
        if last == now {
            assert_eq!(told, format!("beat {now}"));
        } else {
            assert!(told.starts_with("z0=open"), "{told}");
        }
        let totals = running.counts.totals();
        assert_eq!((totals.of(StatusEvent::EndSlow), totals.of(StatusEvent::EndGone)), (2, 0));
    })
    .await;
}

#[tokio::test]
async fn a_watcher_that_reads_late_hears_the_newest_table_whole() {
    here(async {
        let running = running(Some(wide(false))).await;
        let stream = lazy(running.address, "GET /watch HTTP/1.1\r\n\r\n");
        let mut good = running.watcher("").await;
        next_table(&mut good).await;
        for round in 0..11 {
            running.snapshots.send_replace(Some(wide(round % 2 == 0)));
            next_table(&mut good).await;
        }
        stream.set_nonblocking(true).unwrap();
        let mut late = TcpStream::from_std(stream).unwrap();
        let mut text = String::new();
        loop {
            let mut bytes = vec![0; 1 << 16];
            let len = late.read(&mut bytes).await.unwrap();
            assert!(len > 0, "it was dropped");
            text += std::str::from_utf8(&bytes[..len]).unwrap();
            // The last table of all, and it is whole.
            let last = text.rfind("event: table").map_or("", |at| &text[at..]);
            if last.contains("\"state\":\"away\"") && last.ends_with("\n\n") {
                break;
            }
        }
        for event in text.split("data: ").skip(1) {
            let data = event.lines().next().unwrap();
            serde_json::from_str::<serde_json::Value>(data).expect("each event is whole");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_reads_its_first_table_late_has_it_whole_and_the_newest_behind_it() {
    here(async {
        let running = running(Some(wide(false))).await;
        // Answers before it fill the way: nothing of the table goes out with the head.
        let asks = "GET /status HTTP/1.1\r\n\r\n".repeat(3);
        let stream = lazy(running.address, &format!("{asks}GET /watch HTTP/1.1\r\n\r\n"));
        let mut good = running.watcher("").await;
        next_table(&mut good).await;
        running.snapshots.send_replace(Some(wide(true)));
        next_table(&mut good).await;
        stream.set_nonblocking(true).unwrap();
        let mut late = TcpStream::from_std(stream).unwrap();
        let mut text = String::new();
        while !(text.contains("\"state\":\"away\"") && text.ends_with("\n\n")) {
            let mut bytes = vec![0; 1 << 16];
            let len = late.read(&mut bytes).await.unwrap();
            assert!(len > 0, "it was dropped");
            text += std::str::from_utf8(&bytes[..len]).unwrap();
        }
        for data in text.lines().filter_map(|line| line.strip_prefix("data: ")) {
            serde_json::from_str::<serde_json::Value>(data).expect("each event is whole");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_good_bye_elsewhere_is_not_undone_by_a_connection_that_is_still_open() {
    here(async {
        let running = running(Some(open())).await;
        let mut watcher = running.watcher("?consumer=orders&instance=o-1&kind=worker").await;
        states(&mut watcher).await;
        assert_eq!(running.consumers.told().len(), 1);
        let body = r#"{"consumer":"orders","instance":"o-1","gone":true}"#;
        let mut gone = running
            .ask(&format!(
                "POST /acknowledge HTTP/1.1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ))
            .await;
        assert!(rest_of(&mut gone).await.starts_with("HTTP/1.1 204 "));
        // Beats with pings come and are answered.
        for _ in 0..3 {
            states(&mut watcher).await;
        }
        watcher.send(Message::Ping("x".into())).await.unwrap();
        while !matches!(watcher.next().await.unwrap().unwrap(), Message::Pong(_)) {}
        assert!(running.consumers.told().is_empty());
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_happens_is_counted() {
    here(async {
        let running = running_with(Some(open()), Limits { watchers_max: 2, ..Limits::default() }).await;
        let mut socket = running.watcher("").await;
        next_table(&mut socket).await;
        let mut events = running.ask("GET /watch HTTP/1.1\r\n\r\n").await;
        until(&mut events, "event: table").await;
        let mut third = running.ask("GET /watch HTTP/1.1\r\nconnection: close\r\n\r\n").await;
        assert!(rest_of(&mut third).await.starts_with("HTTP/1.1 503 "));
        running.snapshots.send_replace(Some(shifted()));
        until(&mut events, "event: table").await;
        next_table(&mut socket).await;
        running.tag().await;
        socket.close(None).await.unwrap();
        let is_counted = |totals: &StatusTotals| {
            totals.of(StatusEvent::EndClosed) == 1
                && (totals.load.event_watchers, totals.load.websocket_watchers) == (1, 0)
        };
        while !is_counted(&running.counts.totals()) {
            tokio::time::sleep(Duration::from_millis(10)).await; // virtual: counted with the next tick
        }
        let totals = running.counts.totals();
        assert_eq!((totals.watchers_limit, totals.of(StatusEvent::EndSlow)), (2, 0));
        assert_eq!((totals.of(StatusEvent::Table), totals.push.count()), (4, 2));
        assert_eq!((totals.of(StatusEvent::FullWatchers), totals.of(StatusEvent::PollTold)), (1, 1));
        assert!(totals.bytes_in > 200 && totals.bytes_out > 1_000, "{totals:?}");
    })
    .await;
}

#[tokio::test]
async fn who_is_not_let_in_is_told_so() {
    here(async {
        let limits = Limits { watchers_max: 100, connections_per_address_max: 1, ..Limits::default() };
        let running = running_with(Some(open()), limits).await;
        let mut watcher = running.watcher("").await;
        states(&mut watcher).await;
        let mut second = running.ask("GET /status HTTP/1.1\r\n\r\n").await;
        let answer = rest_of(&mut second).await;
        assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: "), "{answer}");
        assert!(answer.contains("from your address"), "{answer}");
        let totals = running.counts.totals();
        assert_eq!((totals.of(StatusEvent::FullAddress), totals.of(StatusEvent::PollRefused)), (1, 0));
        let url = format!("ws://{}/watch", running.address);
        let error = tokio_tungstenite::connect_async(&url).await.unwrap_err();
        assert!(matches!(&error, tungstenite::Error::Http(answer) if answer.status() == 503), "{error}");
        drop(watcher);
        let mut again = Vec::new();
        while !again.starts_with(b"HTTP/1.1 200 ") {
            again.clear();
            let mut stream = running.ask("GET /status HTTP/1.1\r\nconnection: close\r\n\r\n").await;
            let _ = stream.read_to_end(&mut again).await; // its place is free a moment later
        }
    })
    .await;
}

#[tokio::test]
async fn a_taken_port_is_said() {
    here(async {
        let running = running(None).await;
        let (_snapshots, receiver) = channel(None);
        let taken = bind(running.address, receiver, Clock::manual(NOW), Consumers::default()).await;
        let error = taken.unwrap_err();
        assert!(error.to_string().starts_with("status_listen: cannot listen on 127.0.0.1:"), "{error}");
    })
    .await;
}
