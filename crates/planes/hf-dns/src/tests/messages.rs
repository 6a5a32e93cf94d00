//! What a message gets.

use hf_health::Verdict;
use hickory_proto::op::{Message, ResponseCode};

use super::world::{Server, converse, decoded, message, opt, query, question, snapshot};

const A: u16 = 1;
const SOA: u16 = 6;

async fn server() -> Server {
    Server::start(Some(snapshot(Verdict::Healthy))).await
}

/// The addresses of the answer section, in order of their number.
fn addresses(reply: &Message) -> Vec<String> {
    let mut found: Vec<String> = reply.answers.iter().map(|record| record.data.to_string()).collect();
    found.sort();
    found
}

#[tokio::test]
async fn udp_and_tcp_give_the_same_answer() {
    let server = server().await;
    let udp = server.udp(&query("www.example.test.", A)).await;
    assert_eq!(addresses(&udp), ["10.0.1.1", "10.0.2.1"]);
    assert!(udp.metadata.authoritative && !udp.metadata.truncation && udp.edns.is_none());
    assert!(udp.answers.iter().all(|record| record.ttl == 5));
    let tcp = converse(&mut server.tcp().await, &[&query("www.example.test.", A)]).await;
    assert_eq!(addresses(&tcp[0]), addresses(&udp));
    server.stop().await;
}

#[tokio::test]
async fn the_case_of_the_question_comes_back() {
    let server = server().await;
    let asked = query("wWw.eXaMpLe.TeSt.", A);
    let reply = server.udp_after(&[], &asked).await;
    assert_eq!(reply[12..asked.len()], asked[12..]);
    assert_eq!(decoded(&reply).answers.len(), 2);
    server.stop().await;
}

#[tokio::test]
async fn many_queries_on_one_connection_are_answered_in_order() {
    let server = server().await;
    let mut stream = server.tcp().await;
    let asked = [query("www.example.test.", A), query("nope.example.test.", A), query("example.test.", SOA)];
    for _ in 0..2 {
        let replies = converse(&mut stream, &[&asked[0], &asked[1], &asked[2]]).await;
        let codes: Vec<_> = replies.iter().map(|reply| (reply.response_code, reply.answers.len())).collect();
        assert_eq!(
            codes,
            [(ResponseCode::NoError, 2), (ResponseCode::NXDomain, 0), (ResponseCode::NoError, 1)]
        );
    }
    server.stop().await;
}

#[tokio::test]
async fn what_does_not_fit_is_cut_and_asked_again_over_tcp() {
    let server = server().await;
    let plain = query("many.example.test.", A);
    let sized =
        |payload| message(0, [1, 0, 0, 1], &[&question("many.example.test.", A), &opt(payload, 0, 0)]);
    for (asked, answers) in [(&plain, 0), (&sized(1005), 0), (&sized(1006), 60), (&sized(1232), 60)] {
        let reply = server.udp(asked).await;
        assert_eq!((reply.answers.len(), reply.metadata.truncation), (answers, answers == 0));
    }
    let tcp = converse(&mut server.tcp().await, &[&plain]).await;
    assert_eq!((tcp[0].answers.len(), tcp[0].metadata.truncation), (60, false));
    assert_eq!(server.counters.report().truncated, 2);
    server.stop().await;
}

#[tokio::test]
async fn edns_is_answered_by_edns() {
    let server = server().await;
    let asked = |version, flags| {
        message(0, [1, 0, 0, 1], &[&question("example.test.", SOA), &opt(4096, version, flags)])
    };
    for (version, flags, code) in [
        (0, 0, ResponseCode::NoError),
        (0, 0x8000, ResponseCode::NoError),
        (0, 0x0040, ResponseCode::NoError),
        (1, 0, ResponseCode::BADVERS),
        (255, 0x8000, ResponseCode::BADVERS),
    ] {
        let reply = server.udp(&asked(version, flags)).await;
        assert_eq!(u16::from(reply.response_code), u16::from(code));
        let edns = reply.edns.as_ref().unwrap();
        assert_eq!((edns.version(), edns.max_payload()), (0, 1232));
        assert_eq!((edns.flags().dnssec_ok, edns.flags().z), (flags == 0x8000, 0));
        assert_eq!(reply.answers.len(), usize::from(code == ResponseCode::NoError));
    }
    server.stop().await;
}

#[tokio::test]
async fn what_cannot_be_answered_gets_its_error() {
    let server = server().await;
    let soa = question("example.test.", SOA);
    let check = async |asked: Vec<u8>, code: ResponseCode| {
        let reply = server.udp(&asked).await;
        assert_eq!((reply.response_code, reply.metadata.id), (code, 0x4d2a), "{asked:02x?}");
        let again = converse(&mut server.tcp().await, &[&asked]).await;
        assert_eq!(again[0].response_code, code);
    };
    check(message(0, [0; 4], &[]), ResponseCode::FormErr).await;
    check(message(0, [2, 0, 0, 0], &[&soa, &soa]), ResponseCode::FormErr).await;
    check(message(0, [1, 0, 0, 0], &[&soa[..7]]), ResponseCode::FormErr).await;
    check(message(0, [1, 0, 0, 0], &[b"\xc0\x0c\0\x01\0\x01"]), ResponseCode::FormErr).await;
    check(message(0, [1, 0, 0, 2], &[&soa, &opt(512, 0, 0), &opt(512, 0, 0)]), ResponseCode::FormErr).await;
    check(message(0, [1, 0, 0, 1], &[&soa]), ResponseCode::FormErr).await;
    check(message(0x7800, [0; 4], &[]), ResponseCode::NotImp).await;
    check(message(0x2000, [1, 0, 0, 0], &[&soa]), ResponseCode::NotAuth).await;
    check(query("example.net.", A), ResponseCode::Refused).await;
    check(query("example.test.", 252), ResponseCode::Refused).await;
    let mut chaos = query("version.bind.", 16);
    *chaos.last_mut().unwrap() = 3;
    check(chaos, ResponseCode::Refused).await;
    server.stop().await;
}

#[tokio::test]
async fn silence_for_what_is_no_query() {
    let server = server().await;
    let before = server.counters.report();
    let silent: [&[u8]; 3] =
        [b"", b"short", &message(0x8000, [1, 0, 0, 0], &[&question("example.test.", SOA)])];
    let reply = server.udp_after(&silent, &query("www.example.test.", A)).await;
    assert_eq!(decoded(&reply).answers.len(), 2);
    let after = server.counters.report();
    assert_eq!((after.ignored - before.ignored, after.udp - before.udp), (3, 4));
    server.stop().await;
}

#[tokio::test]
async fn a_connection_that_sends_no_query_is_closed() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = server().await;
    for sent in [&b"\0\0"[..], b"\0\x05short"] {
        let mut stream = server.tcp().await;
        stream.write_all(sent).await.unwrap();
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    }
    server.stop().await;
}
