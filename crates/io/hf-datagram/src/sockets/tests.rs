use super::*;

const WAIT: Duration = Duration::from_secs(10);

fn pair(listen: &str) -> (Sockets, UdpSocket) {
    let served = UdpSocket::bind(listen).unwrap();
    let asker = UdpSocket::bind((served.local_addr().unwrap().ip(), 0)).unwrap();
    asker.connect(served.local_addr().unwrap()).unwrap();
    asker.set_read_timeout(Some(WAIT)).unwrap();
    (Sockets::new(served, 1_232).unwrap(), asker)
}

/// Sends the datagram back, its first byte turned.
fn echo(query: &[u8], reply: &mut [u8]) -> usize {
    let len = query.len().min(reply.len());
    reply[..len].copy_from_slice(&query[..len]);
    if let Some(first) = reply[..len].first_mut() {
        *first = !*first;
    }
    len
}

#[test]
fn every_datagram_gets_its_own_reply_over_both_families() {
    for listen in ["127.0.0.1:0", "[::1]:0"] {
        let (mut served, asker) = pair(listen);
        for round in 0..3_u8 {
            let count = 3 * BATCH;
            for at in 0..count {
                asker.send(&[at as u8, round, 7]).unwrap();
            }
            let mut came = 0;
            while came < count {
                came += served
                    .turn(WAIT, &mut |query, from, reply| {
                        assert_eq!(from, asker.local_addr().unwrap());
                        echo(query, reply)
                    })
                    .unwrap();
            }
            for at in 0..count {
                let mut got = [0; 10];
                assert_eq!(asker.recv(&mut got).unwrap(), 3);
                assert_eq!(got[..3], [!(at as u8), round, 7]);
            }
        }
        assert_eq!(served.dropped(), 0);
    }
}

#[test]
fn all_datagrams_of_a_turn_are_seen_before_the_first_is_answered() {
    let (mut served, asker) = pair("127.0.0.1:0");
    let seen = std::cell::RefCell::new(Vec::new());
    let answered = std::cell::RefCell::new(Vec::new());
    let mut turn = || {
        let mut ahead = |queries: &mut dyn Iterator<Item = &[u8]>| {
            assert_eq!(answered.borrow().len(), seen.borrow().len(), "in the middle of a turn");
            seen.borrow_mut().extend(queries.map(<[u8]>::to_vec));
        };
        let mut answer = |query: &[u8], _, reply: &mut [u8]| {
            answered.borrow_mut().push(query.to_vec());
            echo(query, reply)
        };
        served.turn_ahead(WAIT, &mut ahead, &mut answer).unwrap()
    };
    // One alone is answered and not looked at before.
    asker.send(b"alone").unwrap();
    assert_eq!(turn(), 1);
    assert!(seen.take().is_empty());
    assert_eq!(answered.take(), [b"alone"]);
    let sent = [&b"one"[..], b"", b"three"];
    for datagram in sent {
        asker.send(datagram).unwrap();
    }
    assert_eq!(turn(), 3);
    assert_eq!(seen.take(), sent);
    assert_eq!(answered.take(), sent);
}

#[test]
fn no_reply_where_none_is_wanted_and_a_long_datagram_is_cut() {
    let (mut served, asker) = pair("127.0.0.1:0");
    asker.send(b"").unwrap();
    asker.send(&[1; 3]).unwrap();
    asker.send(&[2; 9_000]).unwrap();
    let mut lengths = Vec::new();
    while lengths.len() < 3 {
        served
            .turn(WAIT, &mut |query, _, reply| {
                lengths.push(query.len());
                if query.len() == 3 { 0 } else { echo(query, reply) }
            })
            .unwrap();
    }
    assert_eq!(lengths, [0, 3, DATAGRAM_BYTES_MAX]);
    let mut got = [0; 2_000];
    assert_eq!(asker.recv(&mut got).unwrap(), 1_232);
}

#[test]
fn without_datagrams_a_turn_ends_in_time() {
    let (mut served, _asker) = pair("127.0.0.1:0");
    for wait in [Duration::ZERO, Duration::from_millis(5), Duration::from_millis(5)] {
        assert_eq!(served.turn(wait, &mut |_, _, _| unreachable!("nothing was sent")).unwrap(), 0);
    }
}

#[test]
fn a_reply_that_cannot_be_sent_is_counted_and_the_next_ones_go() {
    let served = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = served.local_addr().unwrap();
    let mut served = Sockets::new(served, 65_600).unwrap();
    let asker = UdpSocket::bind("127.0.0.1:0").unwrap();
    asker.set_read_timeout(Some(WAIT)).unwrap();
    for mark in 0..3 {
        asker.send_to(&[mark], address).unwrap();
    }
    let mut came = 0;
    while came < 3 {
        // The second reply is longer than any datagram.
        let mut answer = |query: &[u8], _, reply: &mut [u8]| match query {
            [1] => reply.len(),
            query => echo(query, reply),
        };
        came += served.turn(WAIT, &mut answer).unwrap();
    }
    assert_eq!(served.dropped(), 1);
    let mut got = [0; 10];
    assert_eq!((asker.recv(&mut got).unwrap(), got[0]), (1, !0));
    assert_eq!((asker.recv(&mut got).unwrap(), got[0]), (1, !2));
}
