//! AF_XDP on a virtual link between two namespaces: only a kernel can show that its program is taken, what it passes on, and that it goes.

#![allow(clippy::unwrap_used)] // helpers of tests, which clippy.toml does not see as tests

use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use hf_datagram::{Datagrams, Xdp, XdpMode};
use hf_e2e::netns::{Network, enter};
use hf_e2e::process::must;
use hf_e2e::wait_for;

const DEADLINE: Duration = Duration::from_secs(20);
const SERVER: &str = "10.91.0.1";
const SERVER_V6: &str = "fd91::1";
const PORT: u16 = 5300;

/// A server's and a client's namespace.
fn network() -> Network {
    let mut network = Network::new();
    network.add("dns", SERVER);
    network.add("client", "10.91.0.2");
    for (name, address) in [("dns", SERVER_V6), ("client", "fd91::2")] {
        // "nodad": the address may be used at once.
        let add = ["-6", "addr", "add", &format!("{address}/64"), "dev", "eth0", "nodad"];
        must(network.command(name, "ip").args(add));
    }
    network
}

/// Runs something on a thread inside a namespace.
fn inside<T: Send + 'static>(
    network: &Arc<Network>,
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let network = network.clone();
    std::thread::spawn(move || {
        enter(&network, name);
        work()
    })
}

/// Answers by AF_XDP until it is told to stop: the datagram back, its first byte turned into `X`.
struct Server {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    running: JoinHandle<()>,
}

impl Server {
    fn start(network: &Arc<Network>, mode: XdpMode) -> Server {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (stopped, count) = (stop.clone(), answered.clone());
        let (ready, is_ready) = mpsc::channel();
        let running = inside(network, "dns", move || {
            let listen = [SERVER, SERVER_V6].map(|ip| SocketAddr::new(ip.parse().unwrap(), PORT));
            let mut opened = Xdp::open("eth0", &[0], mode, &listen).unwrap();
            ready.send(()).unwrap();
            while !stopped.load(Ordering::Relaxed) {
                let mut answer = |query: &[u8], _, reply: &mut [u8]| {
                    count.fetch_add(1, Ordering::Relaxed);
                    reply[..query.len()].copy_from_slice(query);
                    reply[0] = b'X';
                    query.len()
                };
                opened[0].turn(Duration::from_millis(20), &mut answer).unwrap();
            }
            assert_eq!(opened[0].dropped(), 0);
        });
        is_ready.recv_timeout(DEADLINE).expect("AF_XDP opens");
        Server { stop, answered, running }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.running.join().unwrap();
    }
}

fn client(network: &Arc<Network>, server: &str, port: u16) -> UdpSocket {
    let server: IpAddr = server.parse().unwrap();
    let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
    let socket = inside(network, "client", move || UdpSocket::bind((any, 0)).unwrap()).join().unwrap();
    socket.connect((server, port)).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    socket
}

/// What comes back; nothing within two seconds is nothing.
fn ask(socket: &UdpSocket, query: &[u8]) -> Option<Vec<u8>> {
    socket.send(query).unwrap();
    let mut got = vec![0; 2_000];
    let len = socket.recv(&mut got).ok()?;
    got.truncate(len);
    Some(got)
}

fn has_program(network: &Network) -> bool {
    let shown = must(network.command("dns", "ip").args(["-d", "link", "show", "dev", "eth0"]));
    shown.contains("prog/xdp")
}

fn check(mode: XdpMode) {
    let network = Arc::new(network());
    let stack = inside(&network, "dns", || {
        [PORT, PORT + 1].map(|port| {
            let socket = UdpSocket::bind((SERVER, port)).unwrap();
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            socket
        })
    });
    let [same_port, other_port] = stack.join().unwrap();
    let server = Server::start(&network, mode);
    assert!(has_program(&network));

    // Queries of both families and many lengths; the client's kernel verifies the checksums of the replies.
    let mut asked = 0;
    for address in [SERVER, SERVER_V6] {
        let socket = client(&network, address, PORT);
        // The first may wait for the stacks to find each other.
        wait_for("the first reply", DEADLINE, || {
            asked += 1;
            ask(&socket, b"hello").filter(|got| got == b"Xello").ok_or("none".to_owned())
        });
        for len in (1..=1_232).step_by(97) {
            let query: Vec<u8> = (0..len).map(|at| b'a' + (at % 26) as u8).collect();
            let got = ask(&socket, &query).unwrap_or_else(|| panic!("no reply to {len} bytes"));
            assert_eq!((got.len(), got[0], &got[1..]), (len, b'X', &query[1..]));
            asked += 1;
        }
    }
    assert_eq!(server.answered.load(Ordering::Relaxed), asked);

    // Many at once, more than a batch.
    let socket = client(&network, SERVER, PORT);
    for _ in 0..200 {
        socket.send(b"burst").unwrap();
    }
    for _ in 0..200 {
        assert_eq!(socket.recv(&mut [0; 10]).unwrap(), 5);
    }

    // The stack keeps its own: other ports, fragments, TCP; and ARP, without which nothing above would have come.
    let other = client(&network, SERVER, PORT + 1);
    other.send(b"other").unwrap();
    assert_eq!(other_port.recv(&mut [0; 10]).unwrap(), 5);
    let fragments = client(&network, SERVER, PORT);
    fragments.send(&[7; 3_000]).unwrap();
    assert_eq!(same_port.recv(&mut [0; 4_000]).unwrap(), 3_000);
    // Many datagrams in one piece, as a neighbour's kernel passes them on: in the driver they come one by one, behind it the stack cuts them.
    let segments = client(&network, SERVER, PORT);
    nix::sys::socket::setsockopt(&segments, nix::sys::socket::sockopt::UdpGsoSegment, &100).unwrap();
    assert_eq!(segments.send(&[9; 2_000]).unwrap(), 2_000);
    for _ in 0..20 {
        let mut got = [0; 200];
        match mode {
            XdpMode::Native => assert_eq!((segments.recv(&mut got).unwrap(), got[0]), (100, b'X')),
            XdpMode::Generic => assert_eq!((same_port.recv(&mut got).unwrap(), got[0]), (100, 9)),
        }
    }
    let streams = inside(&network, "dns", || TcpListener::bind((SERVER, PORT)).unwrap()).join().unwrap();
    inside(&network, "client", || TcpStream::connect((SERVER, PORT)).unwrap()).join().unwrap();
    streams.accept().unwrap();

    // Without us, all goes to the stack again.
    server.stop();
    assert!(!has_program(&network));
    let socket = client(&network, SERVER, PORT);
    socket.send(b"after").unwrap();
    assert_eq!(same_port.recv(&mut [0; 10]).unwrap(), 5);
}

#[test]
fn answers_go_past_the_stack_in_the_driver() {
    check(XdpMode::Native);
}

#[test]
fn answers_go_past_the_stack_behind_the_driver() {
    check(XdpMode::Generic);
}

#[test]
fn a_queue_that_is_not_there_is_told_and_leaves_nothing_behind() {
    let network = Arc::new(network());
    let told = inside(&network, "dns", || {
        let listen = [SocketAddr::new(SERVER.parse().unwrap(), PORT)];
        Xdp::open("eth0", &[900], XdpMode::Native, &listen).unwrap_err().to_string()
    });
    let told = told.join().unwrap();
    assert!(told.starts_with("AF_XDP on `eth0` failed (binding to a queue)"), "{told}");
    assert!(!has_program(&network));
}
