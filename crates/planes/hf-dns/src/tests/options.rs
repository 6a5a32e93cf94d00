//! What our OPT record says to a worker's askers, and what one network may have.

use hf_config::node::RateLimit;
use hf_health::Verdict;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::world::{Server, message, question, snapshot};
use crate::Settings;

const A: u16 = 1;

/// A query with these options.
fn asked(name: &str, options: &[(u16, &[u8])]) -> Vec<u8> {
    let mut data = Vec::new();
    for (code, value) in options {
        data.extend(code.to_be_bytes());
        data.extend((value.len() as u16).to_be_bytes());
        data.extend(*value);
    }
    let len = (data.len() as u16).to_be_bytes();
    let record = [&[0, 0, 41, 4, 0xd0, 0, 0, 0, 0][..], &len, &data].concat();
    message(0, [1, 0, 0, 1], &[&question(name, A), &record])
}

/// The options of a reply that ends with its OPT record, whose data is so long.
fn options(reply: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let at = reply.windows(5).rposition(|window| window == [0, 0, 41, 4, 0xd0]).expect("an OPT record");
    let mut data = &reply[at + 11..];
    let mut found = Vec::new();
    while let Some((head, rest)) = data.split_first_chunk::<4>() {
        let (value, next) = rest.split_at(usize::from(u16::from_be_bytes([head[2], head[3]])));
        found.push((u16::from_be_bytes([head[0], head[1]]), value.to_vec()));
        data = next;
    }
    found
}

async fn over_tcp(server: &Server, message: &[u8]) -> Vec<u8> {
    let mut stream = server.tcp().await;
    stream.write_all(&(message.len() as u16).to_be_bytes()).await.unwrap();
    stream.write_all(message).await.unwrap();
    let mut reply = vec![0; usize::from(stream.read_u16().await.unwrap())];
    stream.read_exact(&mut reply).await.unwrap();
    reply
}

#[tokio::test]
async fn options_are_answered_on_every_way_and_beside_odd_ones() {
    let settings = Settings { nsid: b"ns1".to_vec(), ..Settings::default() };
    let server = Server::start_with("127.0.0.1:0", Some(snapshot(Verdict::Healthy)), settings).await;
    let subnet = [0, 1, 24, 0, 192, 0, 2];
    let cookie = [7; 8];
    let good: [(u16, &[u8]); 3] = [(3, b""), (8, &subnet), (10, &cookie)];
    let by_stream = options(&over_tcp(&server, &asked("www.example.test.", &good)).await);
    // A record that nobody asked for makes a message odd, and is passed over.
    let mut odd = asked("www.example.test.", &good);
    odd[11] = 2;
    let behind_question = 12 + question("www.example.test.", A).len();
    odd.splice(behind_question..behind_question, [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 192, 0, 2, 1]);
    let by_datagram = options(&server.udp_after(&[], &odd).await);
    for found in [by_stream, by_datagram] {
        let of = |code| found.iter().find(|(own, _)| *own == code).map(|(_, value)| value.clone()).unwrap();
        assert_eq!((of(3), of(8)), (b"ns1".to_vec(), subnet.to_vec()), "{found:?}");
        assert_eq!(&of(10)[..8], cookie);
    }
    let names = server.names.report();
    assert_eq!(names[0].answers, 2, "{names:?}");
    server.stop().await;
}

#[tokio::test]
async fn options_are_answered_where_they_are_asked_for() {
    let settings = Settings { nsid: b"ns1".to_vec(), ..Settings::default() };
    let server = Server::start_with("127.0.0.1:0", Some(snapshot(Verdict::Healthy)), settings).await;
    let nothing = server.udp_after(&[], &asked("www.example.test.", &[])).await;
    assert_eq!(options(&nothing), []);
    let subnet = [0, 1, 24, 0, 192, 0, 2];
    let all =
        server.udp_after(&[], &asked("www.example.test.", &[(3, b""), (8, &subnet), (10, &[7; 8])])).await;
    let found = options(&all);
    let of = |code| found.iter().find(|(own, _)| *own == code).map(|(_, value)| value.clone());
    assert_eq!(of(3).unwrap(), b"ns1");
    // This chain does not ask where the client is: the scope is 0.
    assert_eq!(of(8).unwrap(), subnet);
    let cookie = of(10).unwrap();
    assert_eq!((cookie.len(), &cookie[..8]), (24, &[7; 8][..]));
    let again = server.udp_after(&[], &asked("www.example.test.", &[(10, &cookie)])).await;
    assert_eq!(options(&again), [(10, cookie)]);
    let elsewhere = server.udp_after(&[], &asked("www.example.net.", &[])).await;
    assert_eq!(options(&elsewhere), [(15, vec![0, 20])]);
    server.stop().await;
}

#[tokio::test]
async fn a_network_over_its_limit_is_sent_to_tcp_unless_its_cookie_is_good() {
    let settings = Settings {
        rate_limit: Some(RateLimit { per_second: 100, slip: 1, v4_bits: 24, v6_bits: 56 }),
        ..Settings::default()
    };
    let server = Server::start_with("127.0.0.1:0", Some(snapshot(Verdict::Healthy)), settings).await;
    let first = server.udp_after(&[], &asked("www.example.test.", &[(10, &[7; 8])])).await;
    let (_, cookie) = options(&first).pop().unwrap();
    // The clock stands still: no bucket of any worker fills again.
    let asked_plainly = asked("www.example.test.", &[]);
    server.until_for(&asked_plainly, |reply| reply.metadata.truncation && reply.answers.is_empty()).await;
    for _ in 0..200 {
        let reply = server.udp(&asked("www.example.test.", &[(10, &cookie)])).await;
        assert_eq!(reply.answers.len(), 2);
    }
    let counted = server.counters.report();
    assert!(counted.slipped >= 1 && counted.limited == 0, "{counted:?}");
    server.stop().await;
}
