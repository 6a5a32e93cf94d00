//! What the role says of itself: once a snapshot is said to be in force, no answer is of one before it.

use std::io::{ErrorKind, IoSliceMut, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use hf_health::Verdict;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use nix::time::{ClockId, clock_gettime};

use super::world::{Server, numbered, query};

/// Changes of what is in force.
const CHANGES: u64 = 60;
/// Answers from one change to the next, at least.
const BETWEEN: u64 = 400;
/// Queries under way at each UDP socket: with all of them its worker's batches are full.
const WINDOW: usize = 48;
const DEADLINE: Duration = Duration::from_mins(1);

/// When an answer came, by the kernel's stamp in the moment that the server sent it, and whether it names the endpoint.
type Came = (Duration, bool);

/// By the clock that the kernel stamps by, as fine as it does.
fn since_1970() -> Duration {
    clock_gettime(ClockId::CLOCK_REALTIME).unwrap().into()
}

/// Reads once: how many bytes, and the kernel's stamp; none of both while nothing comes.
fn read(socket: &impl AsRawFd, buffer: &mut [u8]) -> Option<(usize, Duration)> {
    let mut space = nix::cmsg_space!(nix::sys::time::TimeSpec);
    let mut places = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::empty();
    let message = match recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut places, Some(&mut space), flags) {
        Ok(message) => message,
        Err(why)
            if matches!(std::io::Error::from(why).kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
        {
            return None;
        }
        Err(why) => panic!("{why}"),
    };
    let stamp = message.cmsgs().unwrap().find_map(|part| match part {
        ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
        _ => None,
    });
    Some((message.bytes, stamp.expect("the kernel stamps what comes")))
}

fn names_it(answer: &[u8]) -> bool {
    answer.windows(4).any(|bytes| bytes == [10, 0, 1, 1])
}

struct Asking {
    address: SocketAddr,
    stop: AtomicBool,
    answered: AtomicU64,
}

impl Asking {
    fn is_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }

    fn over_udp(&self) -> Vec<Came> {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).unwrap();
        let (query, mut buffer, mut came) = (query("www.example.test.", 1), [0; 512], Vec::new());
        while self.is_on() {
            for _ in 0..WINDOW {
                socket.send(&query).unwrap();
            }
            for _ in 0..WINDOW {
                // One that was lost is not waited for.
                let Some((len, at)) = read(&socket, &mut buffer) else { break };
                came.push((at, names_it(&buffer[..len])));
                self.answered.fetch_add(1, Ordering::Relaxed);
            }
        }
        came
    }

    /// One at a time: the stamp is that of the last bytes.
    fn over_tcp(&self) -> Vec<Came> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_nodelay(true).unwrap();
        setsockopt(&stream, sockopt::ReceiveTimestampns, &true).unwrap();
        let query = query("www.example.test.", 1);
        let framed = [&(query.len() as u16).to_be_bytes()[..], &query].concat();
        let (mut buffer, mut came) = ([0; 512], Vec::new());
        while self.is_on() {
            stream.write_all(&framed).unwrap();
            let mut have = 0;
            let at = loop {
                let Some((len, at)) = read(&stream, &mut buffer[have..]) else { continue };
                assert!(len > 0, "the connection stays");
                have += len;
                if have >= 2 && have == 2 + usize::from(u16::from_be_bytes([buffer[0], buffer[1]])) {
                    break at;
                }
            };
            came.push((at, names_it(&buffer[..have])));
        }
        came
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_is_of_before_what_is_said_to_be_in_force() {
    let mut server = Server::start(Some(numbered(1, Verdict::Healthy))).await;
    let asking = Arc::new(Asking {
        address: server.address,
        stop: AtomicBool::new(false),
        answered: AtomicU64::new(0),
    });
    let start = |how: fn(&Asking) -> Vec<Came>| {
        let asking = asking.clone();
        std::thread::spawn(move || how(&asking))
    };
    let all: Vec<_> =
        [Asking::over_udp, Asking::over_udp, Asking::over_udp, Asking::over_tcp, Asking::over_tcp]
            .map(|how| start(how))
            .into();
    // The kernel begins to stamp a moment after it was asked to; what it has not stamped counts as come when it is read.
    server.until_so(|| asking.answered.load(Ordering::Relaxed) >= 4 * BETWEEN).await;
    // Of each change: when it was said to be in force, when the next one began, and whether the endpoint is named meanwhile.
    let mut spans = Vec::new();
    for number in 2..2 + CHANGES {
        let is_in = number % 2 == 1;
        let verdict = if is_in { Verdict::Healthy } else { Verdict::Unhealthy };
        server.snapshots.send_replace(Some(numbered(number, verdict)));
        let said = tokio::time::timeout(DEADLINE, server.in_force.wait_for(|said| *said >= number));
        said.await.expect("it comes into force in time").unwrap();
        let from = since_1970();
        let enough = asking.answered.load(Ordering::Relaxed) + BETWEEN;
        server.until_so(|| asking.answered.load(Ordering::Relaxed) >= enough).await;
        spans.push((from, since_1970(), is_in));
    }
    asking.stop.store(true, Ordering::Relaxed);
    let answers = all.into_iter().map(|thread| thread.join().unwrap());
    let (mut judged, mut wrong) = ([0; 2], Vec::new());
    for (way, came) in answers.enumerate() {
        for (at, names_it) in came {
            let Some((from, _, is_in)) = spans.iter().find(|(from, until, _)| (*from..*until).contains(&at))
            else {
                continue;
            };
            judged[usize::from(way >= 3)] += 1;
            if names_it != *is_in {
                wrong.push((way, at.saturating_sub(*from)));
            }
        }
    }
    assert_eq!(wrong, [], "of {judged:?} answers over UDP and TCP: by which way, how long after");
    assert!(judged[0] as u64 > CHANGES * BETWEEN / 4 && judged[1] > 0, "{judged:?}");
    server.stop().await;
}
