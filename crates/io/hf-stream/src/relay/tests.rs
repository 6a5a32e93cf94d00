use std::future::pending;
use std::rc::Rc;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{LocalSet, spawn_local};

use super::*;

const LONG: Duration = Duration::from_secs(20);

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Runs it beside the tasks that it spawns.
fn play(story: impl Future<Output = ()>) {
    LocalSet::new().block_on(&runtime(), async { tokio::time::timeout(LONG, story).await.expect("in time") });
}

async fn pair() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (client, listener.accept().await.unwrap().0)
}

/// What a relay between sockets came to, and its meter.
struct Running {
    client: TcpStream,
    endpoint: TcpStream,
    meter: Rc<Meter>,
    ended: tokio::task::JoinHandle<Relayed>,
}

async fn relaying(idle: Duration, first_up: &[u8], cut: impl Future<Output = ()> + 'static) -> Running {
    let (client, first) = pair().await;
    let (endpoint, second) = pair().await;
    let meter = Rc::new(Meter::default());
    let ended = spawn_local({
        let (meter, first_up) = (meter.clone(), first_up.to_vec());
        async move {
            let relaying = Relaying { first_up, ..Relaying::new(idle, &meter) };
            relay_tcp(first, second, relaying, cut).await
        }
    });
    Running { client, endpoint, meter, ended }
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at % 251) as u8).collect()
}

#[test]
fn half_closed_connections_work() {
    play(async {
        let Running { mut client, mut endpoint, ended, .. } = relaying(LONG, b"first ", pending()).await;
        client.write_all(b"question").await.unwrap();
        client.shutdown().await.unwrap();
        let mut got = String::new();
        endpoint.read_to_string(&mut got).await.unwrap();
        assert_eq!(got, "first question");
        endpoint.write_all(b"answer").await.unwrap();
        drop(endpoint);
        got.clear();
        client.read_to_string(&mut got).await.unwrap();
        assert_eq!(got, "answer");
        let relayed = ended.await.unwrap();
        assert!(matches!(relayed.ended, End::Finished), "{relayed:?}");
        assert_eq!((relayed.up_bytes, relayed.down_bytes), (14, 6));
    });
}

#[test]
fn much_goes_whole_both_ways_at_once() {
    play(async {
        let all = bytes(20 << 20);
        let Running { client, endpoint, meter, ended } = relaying(LONG, b"", pending()).await;
        let mut tasks = Vec::new();
        for stream in [client, endpoint] {
            let (mut read, mut write) = stream.into_split();
            let all = all.clone();
            let want = all.clone();
            tasks.push(spawn_local(async move {
                write.write_all(&all).await.unwrap();
                write.shutdown().await.unwrap();
            }));
            tasks.push(spawn_local(async move {
                let mut got = Vec::new();
                read.read_to_end(&mut got).await.unwrap();
                assert!(got == want, "{} bytes came of {}", got.len(), want.len());
            }));
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert!(matches!(ended.await.unwrap().ended, End::Finished));
        assert_eq!((meter.up_bytes(), meter.down_bytes()), (20 << 20, 20 << 20));
    });
}

#[test]
fn who_reads_slowly_is_sent_slowly() {
    play(async {
        let Running { client, mut endpoint, .. } = relaying(LONG, b"", pending()).await;
        let all = bytes(64 << 10);
        let mut sent = 0;
        // Nobody reads. So many turns would carry gigabytes.
        for _ in 0..20_000 {
            sent += client.try_write(&all).unwrap_or(0);
            tokio::task::yield_now().await;
        }
        assert!(sent < 100 << 20, "{sent} bytes were taken that nobody wanted");
        drop(client);
        let mut got = Vec::new();
        endpoint.read_to_end(&mut got).await.unwrap();
        assert_eq!(got.len(), sent);
    });
}

#[test]
fn a_reset_is_passed_on_as_one() {
    play(async {
        let Running { mut client, mut endpoint, ended, .. } = relaying(LONG, b"", pending()).await;
        endpoint.write_all(b"half an ans").await.unwrap();
        let mut got = [0; 11];
        client.read_exact(&mut got).await.unwrap();
        reset(&endpoint);
        drop(endpoint);
        let error = client.read(&mut got).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        let relayed = ended.await.unwrap();
        assert!(matches!(relayed.ended, End::SecondBroke(_)), "{relayed:?}");
    });
}

#[test]
fn a_cut_ends_it_at_once() {
    play(async {
        let (tell, told) = tokio::sync::oneshot::channel::<()>();
        let cut = async move { drop(told.await) };
        let Running { mut client, ended, .. } = relaying(LONG, b"", cut).await;
        tell.send(()).unwrap();
        assert_eq!(client.read(&mut [0; 9]).await.unwrap(), 0);
        assert!(matches!(ended.await.unwrap().ended, End::Cut));
    });
}

/// Streams in memory, in virtual time.
fn in_memory(story: impl AsyncFnOnce(DuplexStream, DuplexStream, tokio::task::JoinHandle<Relayed>)) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let (client, first) = tokio::io::duplex(1_000);
        let (endpoint, second) = tokio::io::duplex(10);
        let ended = spawn_local(async move {
            let meter = Meter::default();
            relay(first, second, Relaying::new(Duration::from_secs(10), &meter), pending()).await
        });
        story(client, endpoint, ended).await;
    });
}

#[test]
fn silence_ends_it_and_a_byte_puts_that_off() {
    in_memory(async |mut client, mut endpoint, ended| {
        let began = Instant::now();
        for _ in 0..3 {
            tokio::time::sleep(Duration::from_secs(8)).await;
            client.write_all(b"x").await.unwrap();
            assert_eq!(endpoint.read_u8().await.unwrap(), b'x');
        }
        let relayed = ended.await.unwrap();
        assert!(matches!(relayed.ended, End::Idle), "{relayed:?}");
        let took = began.elapsed().as_secs();
        assert_eq!((took, relayed.up_bytes), (34, 3));
    });
}

#[test]
fn a_peer_that_takes_nothing_counts_as_silence() {
    in_memory(async |mut client, _endpoint, ended| {
        client.write_all(&bytes(900)).await.unwrap();
        let relayed = ended.await.unwrap();
        assert!(matches!(relayed.ended, End::Idle), "{relayed:?}");
        assert_eq!(relayed.up_bytes, 10, "no more than the peer's buffer holds");
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever is written in whatever pieces comes out the same on the other side, and its end behind it.
    #[test]
    fn nothing_is_lost_or_added(up in proptest::collection::vec(1..70_000_usize, 0..6), down in proptest::collection::vec(1..70_000_usize, 0..6)) {
        play(async {
            let Running { client, endpoint, ended, .. } = relaying(LONG, b"", pending()).await;
            let mut tasks = Vec::new();
            for (stream, ours, theirs) in [(client, &up, &down), (endpoint, &down, &up)] {
                let (mut read, mut write) = stream.into_split();
                let (ours, theirs) = (ours.clone(), theirs.iter().sum::<usize>());
                tasks.push(spawn_local(async move {
                    let all = bytes(ours.iter().sum());
                    let mut rest = &all[..];
                    for piece in ours {
                        write.write_all(&rest[..piece]).await.unwrap();
                        rest = &rest[piece..];
                        tokio::task::yield_now().await;
                    }
                }));
                tasks.push(spawn_local(async move {
                    let mut got = Vec::new();
                    read.read_to_end(&mut got).await.unwrap();
                    assert!(got == bytes(theirs), "{} bytes came of {theirs}", got.len());
                }));
            }
            for task in tasks {
                task.await.unwrap();
            }
            assert!(matches!(ended.await.unwrap().ended, End::Finished));
        });
    }
}
