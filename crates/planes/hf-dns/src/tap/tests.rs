use std::os::unix::net::UnixListener;

use prost::Message as _;

use super::frames::{Dnstap, read_control};
use super::*;

const READY: u32 = 4;
const START: u32 = 2;
const STOP: u32 = 3;

fn read_data(stream: &mut impl io::Read) -> Dnstap {
    let mut len = [0; 4];
    stream.read_exact(&mut len).unwrap();
    let mut content = vec![0; u32::from_be_bytes(len) as usize];
    stream.read_exact(&mut content).unwrap();
    Dnstap::decode(&content[..]).unwrap()
}

fn check(told: &Dnstap, port: u32) {
    assert_eq!((told.kind, told.identity.as_deref()), (1, Some(&b"ns1"[..])));
    let message = told.message.as_ref().unwrap();
    assert_eq!((message.kind, message.socket_family, message.socket_protocol), (2, Some(1), Some(1)));
    assert_eq!(
        (message.query_address.as_deref(), message.query_port),
        (Some(&[192, 0, 2, 1][..]), Some(port))
    );
    assert_eq!((message.query_time_sec, message.query_time_nsec), (Some(7), Some(500_000_000)));
    assert_eq!(message.query_message.as_deref(), Some(&b"query"[..]));
    assert_eq!(message.response_message.as_deref(), Some(&b"reply"[..]));
}

fn tell(tap: &Tap, port: u16) -> bool {
    tap.tell(SocketAddr::from(([192, 0, 2, 1], port)), Via::Udp, Timestamp(7_500), b"query", b"reply")
}

#[test]
fn a_reader_of_the_socket_gets_every_answer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tap.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let (tap, writing) = start(DnstapSink::Socket(path), b"ns1".to_vec()).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    let (ready, fields) = read_control(&mut stream).unwrap();
    assert_eq!(ready, READY);
    let accept = [&[0, 0, 0, 0, 0, 0, 0, fields.len() as u8 + 4, 0, 0, 0, 1][..], &fields].concat();
    stream.write_all(&accept).unwrap();
    assert_eq!(read_control(&mut stream).unwrap().0, START);
    (1..=3).for_each(|port| assert!(tell(&tap, port)));
    drop(tap);
    (1..=3).for_each(|port| check(&read_data(&mut stream), port));
    assert_eq!(read_control(&mut stream).unwrap().0, STOP);
    stream.write_all(&[0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 5]).unwrap();
    writing.join().unwrap();
}

#[test]
fn a_file_has_a_whole_stream() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tap");
    let (tap, writing) = start(DnstapSink::File(path.clone()), b"ns1".to_vec()).unwrap();
    assert!(tell(&tap, 9));
    assert!(tap.tell(
        SocketAddr::from(([192, 0, 2, 1], 9)),
        Via::Udp,
        Timestamp(0),
        &[0; 1_500],
        &[0; 1_500]
    ));
    drop(tap);
    writing.join().unwrap();
    let mut file = std::fs::File::open(path).unwrap();
    assert_eq!(read_control(&mut file).unwrap().0, START);
    check(&read_data(&mut file), 9);
    let long = read_data(&mut file).message.unwrap();
    assert_eq!((long.query_message, long.response_message), (None, None));
    assert_eq!(read_control(&mut file).unwrap().0, STOP);
}

#[test]
fn with_nobody_to_read_telling_never_waits() {
    let folder = tempfile::tempdir().unwrap();
    let (tap, writing) = start(DnstapSink::Socket(folder.path().join("none")), Vec::new()).unwrap();
    let told = (0..3 * QUEUE).filter(|_| tell(&tap, 1)).count();
    assert!((QUEUE..3 * QUEUE).contains(&told), "{told}");
    writing.thread().unpark();
    drop(tap);
    writing.join().unwrap();
}
