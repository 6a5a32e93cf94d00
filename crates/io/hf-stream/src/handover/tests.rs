use std::net::{TcpListener, TcpStream};

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

fn pair() -> (Channel, Channel) {
    let (one, other) = UnixStream::pair().unwrap();
    (Channel::over(one, PATIENCE).unwrap(), Channel::over(other, PATIENCE).unwrap())
}

#[test]
fn a_listener_goes_over_with_those_who_wait_in_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = TcpStream::connect(address).unwrap();
    waiting.write_all(b"before").unwrap();
    let (old, new) = pair();
    old.send(7, b"words", &[listener.as_fd(), listener.as_fd()]).unwrap();
    drop(listener);
    let message = new.receive().unwrap();
    assert_eq!((message.kind, message.bytes.as_slice(), message.sockets.len()), (7, &b"words"[..], 2));
    let taken = TcpListener::from(message.sockets.into_iter().next().unwrap());
    let mut got = [0; 6];
    taken.accept().unwrap().0.read_exact(&mut got).unwrap();
    assert_eq!(&got, b"before");
    TcpStream::connect(address).unwrap();
}

#[test]
fn messages_keep_their_borders_and_order() {
    let (old, new) = pair();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let long = vec![b'x'; 100_000];
    let sockets = vec![listener.as_fd(); SOCKETS_MAX];
    std::thread::scope(|scope| {
        scope.spawn(|| {
            old.send(1, b"", &[]).unwrap();
            old.send(2, &long, &sockets).unwrap();
            old.send(3, b"end", &[]).unwrap();
        });
        for (kind, length, count) in [(1, 0, 0), (2, 100_000, SOCKETS_MAX), (3, 3, 0)] {
            let message = new.receive().unwrap();
            assert_eq!((message.kind, message.bytes.len(), message.sockets.len()), (kind, length, count));
        }
    });
    drop(old);
    assert_eq!(new.receive().unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    new.wait_for_end().unwrap();
}

#[test]
fn what_is_beyond_the_bounds_is_refused_on_both_sides() {
    let (old, new) = pair();
    assert!(old.send(1, &vec![0; BYTES_MAX + 1], &[]).is_err());
    (&old.0).write_all(&[1, 0, 0xff, 0, 0, 0]).unwrap();
    assert_eq!(new.receive().unwrap_err().kind(), io::ErrorKind::InvalidData);
    (&old.0).write_all(&[1, 3, 0, 0, 0, 0]).unwrap();
    assert_eq!(new.receive().unwrap_err().kind(), io::ErrorKind::InvalidData);
}

#[test]
fn a_door_is_for_its_user_and_replaces_a_dead_one() {
    let dir = std::env::temp_dir().join(format!("hf-stream-door-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("door.sock");
    drop(Door::open(&path).unwrap());
    assert!(Channel::call(&path, PATIENCE).is_err(), "nobody listens any more");
    let door = Door::open(&path).unwrap();
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let calling = std::thread::spawn(move || Channel::call(&path, PATIENCE).unwrap().send(1, b"hello", &[]));
    let called = Channel::over(door.listener().unwrap().accept().unwrap().0, PATIENCE).unwrap();
    assert_eq!(called.receive().unwrap().bytes, b"hello");
    calling.join().unwrap().unwrap();
    std::fs::remove_dir_all(&dir).unwrap();
}
