//! One process of a node after another, under load: by `--takeover`, by SIGUSR2 as `systemctl reload` sends it, and with a socket of
//! the service manager. Only the built program shows it: processes, signals, descriptors that cross between them.
//!
//! The clients are strict: a new connection that is refused, reset or cut before its answer is a failure. One that was kept may be
//! closed between two requests, as HTTP has it, and is opened again.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use hf_e2e::process::{Running, holdfast};
use hf_e2e::wait_for;
use hf_e2e::world::DEADLINE;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A node with all that a balancer needs, in a folder and at an address of its own.
struct Node {
    folder: tempfile::TempDir,
    address: String,
    notify: UnixDatagram,
}

impl Node {
    fn new(number: u8, http: SocketAddr, echo: SocketAddr) -> Node {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = format!("127.78.{number}.{}", 1 + std::process::id() % 250);
        let node = format!(
            "[node]\nid = \"lone\"\nzone = \"az1\"\ndata_dir = \"data\"\nroles = [\"control\", \"balancer\"]\nestate = \"estate.toml\"\n\
             [api]\nlisten = \"{address}:7600\"\n[feed]\nlisten = \"{address}:7602\"\n[balancer]\naddress = \"{address}\"\ndrain = \"10s\"\n"
        );
        let estate = format!(
            "[[region]]\nid = \"home\"\n[[zone]]\nid = \"az1\"\nregion = \"home\"\n\
             [[pool]]\nname = \"web\"\nlisten = \"0.0.0.0:8080\"\nendpoints = [{{ address = \"{http}\", zone = \"az1\" }}]\n\
             [[pool]]\nname = \"echo\"\nprotocol = \"tcp\"\nlisten = \"0.0.0.0:8081\"\nendpoints = [{{ address = \"{echo}\", zone = \"az1\" }}]\n"
        );
        std::fs::write(folder.path().join("node.toml"), node).expect("the node file");
        std::fs::write(folder.path().join("estate.toml"), estate).expect("the estate file");
        let notify = UnixDatagram::bind(folder.path().join("notify")).expect("a socket to be told at");
        notify.set_read_timeout(Some(DEADLINE)).expect("a deadline");
        Node { folder, address, notify }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn at(&self, port: u16) -> SocketAddr {
        format!("{}:{port}", self.address).parse().expect("an address")
    }

    fn start(&self, more: &[&str]) -> Running {
        let mut command = Command::new(holdfast());
        command.args(["serve", "-c"]).arg(self.path("node.toml")).args(more);
        self.run(command)
    }

    fn run(&self, mut command: Command) -> Running {
        command.env("NOTIFY_SOCKET", self.path("notify"));
        Running::start(command, &self.path("log"))
    }

    /// Waits until the service manager is told this, and gives the whole of it.
    fn told(&self, what: &str) -> String {
        let mut buffer = [0; 512];
        let log = || std::fs::read_to_string(self.path("log")).unwrap_or_default();
        loop {
            let count =
                self.notify.recv(&mut buffer).unwrap_or_else(|error| panic!("{what}: {error}\n{}", log()));
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            if text.contains(what) {
                return text;
            }
        }
    }

    /// The log has nothing that would wake anybody.
    fn nothing_went_wrong(&self) {
        let log = std::fs::read_to_string(self.path("log")).unwrap_or_default();
        assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
    }
}

/// A process that is not our child: ended with the test.
struct Stranger(Pid);

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = kill(self.0, Signal::SIGKILL);
    }
}

/// Answers every HTTP request with "ok", on as many connections as come.
fn http_server() -> SocketAddr {
    server(|stream| {
        let mut reader = BufReader::new(stream.try_clone()?);
        loop {
            let mut line = String::new();
            while line != "\r\n" {
                line.clear();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
            }
            (&stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
        }
    })
}

/// Sends back what it hears.
fn echo_server() -> SocketAddr {
    server(|mut stream| {
        let mut buffer = [0; 1_024];
        loop {
            match stream.read(&mut buffer)? {
                0 => return Ok(()),
                count => stream.write_all(&buffer[..count])?,
            }
        }
    })
}

fn server(serve: fn(TcpStream) -> std::io::Result<()>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = stream.set_nodelay(true);
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Clients that ask until they are told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    failures: Arc<Mutex<Vec<String>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    fn start(http: SocketAddr, echo: SocketAddr) -> Load {
        let mut load = Load {
            stop: Arc::default(),
            answered: Arc::default(),
            failures: Arc::default(),
            threads: Vec::new(),
        };
        for _ in 0..3 {
            load.client(move |_| ask(&mut connect(http)?, true).map(drop));
            load.client(move |kept| ask_kept(kept, http));
            load.client(move |_| exchange(&mut connect(echo)?));
        }
        load
    }

    fn client(&mut self, act: impl Fn(&mut Option<TcpStream>) -> Result<(), String> + Send + 'static) {
        let (stop, answered, failures) = (self.stop.clone(), self.answered.clone(), self.failures.clone());
        self.threads.push(std::thread::spawn(move || {
            let mut kept = None;
            while !stop.load(Ordering::Relaxed) {
                match act(&mut kept) {
                    Ok(()) => drop(answered.fetch_add(1, Ordering::Relaxed)),
                    Err(error) => failures.lock().unwrap_or_else(PoisonError::into_inner).push(error),
                }
            }
        }));
    }

    /// Lets so many more be answered.
    fn more(&self, count: u64) {
        let until = self.answered.load(Ordering::Relaxed) + count;
        wait_for("answers", DEADLINE, || {
            let answered = self.answered.load(Ordering::Relaxed);
            if answered >= until {
                Ok(())
            } else {
                Err(format!("{answered} of {until}: {:?}", self.failed()))
            }
        });
    }

    fn failed(&self) -> Vec<String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All were answered.
    fn end(mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.join().expect("a client does not panic");
        }
        assert_eq!(
            self.failed(),
            Vec::<String>::new(),
            "of {} answered",
            self.answered.load(Ordering::Relaxed)
        );
    }
}

fn connect(to: SocketAddr) -> Result<TcpStream, String> {
    let stream = TcpStream::connect(to).map_err(|error| format!("connect: {error}"))?;
    let _ = stream.set_nodelay(true);
    stream.set_read_timeout(Some(DEADLINE)).map_err(|error| error.to_string())?;
    Ok(stream)
}

/// One request; whether the connection may be kept. An error with an empty text: it ended without a byte.
fn ask(stream: &mut TcpStream, close: bool) -> Result<bool, String> {
    let wish = if close { "connection: close\r\n" } else { "" };
    let request = format!("GET / HTTP/1.1\r\nhost: web.test\r\n{wish}\r\n");
    let sent = stream.write_all(request.as_bytes());
    let mut got = Vec::new();
    let mut buffer = [0; 1_024];
    while !got.ends_with(b"\r\n\r\nok") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) if got.is_empty() && !close => return Err(String::new()),
            Ok(0) => return Err(format!("ended after {}; sent {sent:?}", String::from_utf8_lossy(&got))),
            Ok(count) => got.extend_from_slice(&buffer[..count]),
            Err(error) => return Err(format!("read: {error}; sent {sent:?}")),
        }
    }
    let text = String::from_utf8_lossy(&got);
    if !text.starts_with("HTTP/1.1 200") {
        return Err(text.into_owned());
    }
    Ok(!text.to_ascii_lowercase().contains("connection: close"))
}

fn ask_kept(kept: &mut Option<TcpStream>, to: SocketAddr) -> Result<(), String> {
    if let Some(mut stream) = kept.take() {
        match ask(&mut stream, false) {
            Ok(may_keep) => {
                *kept = may_keep.then_some(stream);
                return Ok(());
            }
            // Closed between two requests.
            Err(nothing) if nothing.is_empty() => {}
            Err(error) => return Err(error),
        }
    }
    let mut stream = connect(to)?;
    let may_keep = ask(&mut stream, false).map_err(|error| format!("new connection: {error}"))?;
    *kept = may_keep.then_some(stream);
    Ok(())
}

fn exchange(stream: &mut TcpStream) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("echo: {error}");
    stream.write_all(b"hello").map_err(failed)?;
    stream.shutdown(std::net::Shutdown::Write).map_err(failed)?;
    let mut got = String::new();
    stream.read_to_string(&mut got).map_err(failed)?;
    if got == "hello" { Ok(()) } else { Err(format!("echo: {got:?}")) }
}

fn wait_for_end(mut process: Running) {
    let log = process.log.clone();
    let status = wait_for("the old process to end", Duration::from_secs(20), || {
        process.ended().ok_or_else(|| std::fs::read_to_string(&log).unwrap_or_default())
    });
    assert!(status.success(), "{status}");
}

#[test]
fn nobody_notices_that_one_process_follows_another() {
    let node = Node::new(1, http_server(), echo_server());
    let mut old = node.start(&[]);
    node.told("READY=1");
    let (http, echo) = (node.at(8080), node.at(8081));
    wait_for("the balancer", DEADLINE, || {
        ask(&mut connect(http)?, true)?;
        exchange(&mut connect(echo)?)
    });
    // A session that is open all the time: its process lets it finish.
    let load = Load::start(http, echo);
    load.more(100);
    for _ in 0..3 {
        let mut session = connect(echo).expect("a session");
        session.write_all(b"before").expect("it goes out");
        let mut got = [0; 6];
        session.read_exact(&mut got).expect("it comes back");
        let new = node.start(&["--takeover"]);
        let told = node.told("READY=1");
        assert!(told.contains(&format!("MAINPID={}", new.id())), "{told}");
        load.more(200);
        session.write_all(b"during").expect("an open session goes on");
        session.read_exact(&mut got).expect("in its old process");
        assert_eq!(&got, b"during");
        drop(session);
        wait_for_end(std::mem::replace(&mut old, new));
        load.more(200);
    }
    load.end();
    node.nothing_went_wrong();
    // Without the word it is refused: another process runs on the folder.
    let mut second = node.start(&[]);
    let status = wait_for("its refusal", DEADLINE, || second.ended().ok_or_else(|| second.text()));
    assert!(
        !status.success() && second.text().contains("another node runs on this folder"),
        "{}",
        second.text()
    );
}

#[test]
fn a_signal_starts_the_program_anew_and_a_failed_one_changes_nothing() {
    let node = Node::new(2, http_server(), echo_server());
    let old = node.start(&[]);
    node.told("READY=1");
    let (http, echo) = (node.at(8080), node.at(8081));
    wait_for("the balancer", DEADLINE, || ask(&mut connect(http)?, true).map(drop));
    let load = Load::start(http, echo);
    load.more(100);
    let by_signal = Pid::from_raw(i32::try_from(old.id()).expect("a process id"));

    // The new process finds a node file that it cannot read.
    let good = std::fs::read_to_string(node.path("node.toml")).expect("the node file");
    std::fs::write(node.path("node.toml"), "nonsense").expect("a bad node file");
    kill(by_signal, Signal::SIGUSR2).expect("a signal");
    node.told("RELOADING=1");
    node.told("READY=1");
    load.more(100);
    std::fs::write(node.path("node.toml"), good).expect("the node file");

    kill(by_signal, Signal::SIGUSR2).expect("a signal");
    let told = node.told("MAINPID=");
    let new = told.trim_start_matches("MAINPID=").lines().next().and_then(|pid| pid.parse().ok());
    let new = Stranger(Pid::from_raw(new.unwrap_or_else(|| panic!("{told}"))));
    wait_for_end(old);
    load.more(200);

    // And one that is told to stop lets its clients finish.
    load.end();
    let mut session = connect(echo).expect("a session");
    session.write_all(b"before").expect("it goes out");
    let mut got = [0; 6];
    session.read_exact(&mut got).expect("it comes back");
    kill(new.0, Signal::SIGTERM).expect("a signal");
    node.told("STOPPING=1");
    wait_for("the listener to close", DEADLINE, || match TcpStream::connect(echo) {
        Err(_) => Ok(()),
        Ok(_) => Err("it is open".to_owned()),
    });
    session.write_all(b"after!").expect("an open session goes on");
    session.read_exact(&mut got).expect("until it ends");
    assert_eq!(&got, b"after!");
}

#[test]
fn a_listener_of_the_service_manager_is_used_and_its_queue_is_kept() {
    let node = Node::new(3, http_server(), echo_server());
    // Opens the port as a service manager would, tells us so, and becomes the node.
    let manager = "import os, socket, sys\n\
        s = socket.create_server((sys.argv[1], 8080))\n\
        os.dup2(s.fileno(), 3)\n\
        os.set_inheritable(3, True)\n\
        open(sys.argv[2], 'w').close()\n\
        os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='web')\n\
        while os.path.exists(sys.argv[2]): os.sched_yield()\n\
        os.execv(sys.argv[3], sys.argv[3:])\n";
    let mut command = Command::new("python3");
    command.args(["-c", manager, &node.address]).arg(node.path("open"));
    command.arg(holdfast()).args(["serve", "-c"]).arg(node.path("node.toml"));
    let _running = node.run(command);
    wait_for("the manager's socket", DEADLINE, || {
        if node.path("open").exists() { Ok(()) } else { Err("not yet".to_owned()) }
    });
    // A client that comes before the node does waits in the queue.
    let mut early = connect(node.at(8080)).expect("the manager's socket takes it");
    std::fs::remove_file(node.path("open")).expect("the manager goes on");
    assert_eq!(ask(&mut early, true), Ok(false));
    node.told("READY=1");
    node.nothing_went_wrong();
}
