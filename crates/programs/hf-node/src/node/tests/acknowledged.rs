//! What a shift's acknowledgement says: at the node that gave it no answer of DNS names the zone any more.

use std::io::{ErrorKind, IoSliceMut};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use nix::time::{ClockId, clock_gettime};

use super::*;

const ESTATE: &str = r#"
[[region]]
id = "r"
[[zone]]
id = "a"
region = "r"
[[zone]]
id = "b"
region = "r"
[[health_check]]
name = "up"
kind = "tcp"
[[pool]]
name = "web"
health_check = "up"
return_over = "0s"
endpoints = [
  { address = "10.0.1.1:80", zone = "a" },
  { address = "10.0.2.1:80", zone = "b" },
]
[[hosted_zone]]
name = "example.test."
[[record]]
name = "www.example.test."
type = "A"
answer = { pool = "web" }
choose = ["open"]
"#;

const ROUNDS: usize = 20;
/// Queries under way at each socket.
const WINDOW: usize = 48;
/// Answers that are looked at after an acknowledgement, at least.
const AFTER: u64 = 500;

/// Asks without a pause.
struct Asking {
    address: SocketAddr,
    stop: AtomicBool,
    answered: AtomicU64,
    /// Of these, those that name zone a.
    named: AtomicU64,
}

impl Asking {
    /// When answers that name zone a came, by the kernel's stamp in the moment that the server sent them.
    fn run(&self) -> Vec<Duration> {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).unwrap();
        let name = WireName::from(&hf_model::DnsName::new("www.example.test.").unwrap());
        let query = address_query(7, &name, Family::V4);
        let mut came = Vec::new();
        while !self.stop.load(Ordering::Relaxed) {
            for _ in 0..WINDOW {
                socket.send(&query).unwrap();
            }
            for _ in 0..WINDOW {
                // One that was lost is not waited for.
                let Some((at, names_it)) = answer(&socket) else { break };
                self.answered.fetch_add(1, Ordering::Relaxed);
                if names_it {
                    self.named.fetch_add(1, Ordering::Relaxed);
                    came.push(at);
                }
            }
        }
        came
    }

    async fn until(&self, count: &AtomicU64, more: u64) {
        let wanted = count.load(Ordering::Relaxed) + more;
        let waiting = async {
            while count.load(Ordering::Relaxed) < wanted {
                tokio::task::yield_now().await;
            }
        };
        within(waiting).await;
    }
}

fn answer(socket: &UdpSocket) -> Option<(Duration, bool)> {
    let (mut buffer, mut space) = ([0; 512], nix::cmsg_space!(nix::sys::time::TimeSpec));
    let mut places = [IoSliceMut::new(&mut buffer)];
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut places, Some(&mut space), MsgFlags::empty());
    let message = match message.map_err(std::io::Error::from) {
        Ok(message) => message,
        Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => return None,
        Err(why) => panic!("{why}"),
    };
    let stamp = message.cmsgs().unwrap().find_map(|part| match part {
        ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
        _ => None,
    });
    let len = message.bytes;
    let names_it = buffer[..len].windows(4).any(|bytes| bytes == [10, 0, 1, 1]);
    Some((stamp.expect("the kernel stamps what comes"), names_it))
}

/// By the clock that the kernel stamps by, as fine as it does.
fn since_1970() -> Duration {
    clock_gettime(ClockId::CLOCK_REALTIME).unwrap().into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_answer_names_the_zone_after_a_shift_is_acknowledged() {
    let world = World::new().await;
    std::fs::write(world.dir.path().join("estate.toml"), ESTATE).unwrap();
    let node = world.start(&in_world("n1", &[Role::Control, Role::Dns], &[])).await;
    until_report(&node, "n1", |report| report.revision >= Revision(1)).await;
    let client = world.client(&node, "n1");
    let asking = Arc::new(Asking {
        address: node.addresses().dns[0],
        stop: AtomicBool::new(false),
        answered: AtomicU64::new(0),
        named: AtomicU64::new(0),
    });
    let threads: Vec<_> = (0..3)
        .map(|_| {
            let asking = asking.clone();
            std::thread::spawn(move || asking.run())
        })
        .collect();
    // The kernel begins to stamp a moment after it was asked to; what it has not stamped counts as come when it is read.
    asking.until(&asking.answered, 4 * AFTER).await;
    // From each acknowledgement to the end of its shift.
    let mut left = Vec::new();
    for _ in 0..ROUNDS {
        asking.until(&asking.named, 1).await;
        let started = client.start_shift(&shift("a")).await.unwrap();
        let from = since_1970();
        // A node so busy that its planes took too long says so in its answer.
        let is_obeyed = started.acknowledged.iter().any(|word| word.node == "n1" && word.applied);
        asking.until(&asking.answered, AFTER).await;
        if is_obeyed {
            left.push((from, since_1970()));
        }
        client.cancel_shift(&started.id, None).await.unwrap();
    }
    asking.stop.store(true, Ordering::Relaxed);
    let named = threads.into_iter().flat_map(|thread| thread.join().unwrap());
    let late: Vec<Duration> = named
        .filter_map(|at| {
            left.iter()
                .find(|(from, until)| (*from..*until).contains(&at))
                .map(|(from, _)| at.saturating_sub(*from))
        })
        .collect();
    assert!(late.is_empty(), "{late:?} after the acknowledgement, of {} shifts", left.len());
    assert!(
        left.len() > ROUNDS / 2,
        "of {ROUNDS} shifts only {} were in force when they were answered",
        left.len()
    );
    node.stop().await.unwrap();
}
