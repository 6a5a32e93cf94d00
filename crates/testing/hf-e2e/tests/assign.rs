//! Sessions that are told their place: two places with a balancer each, an assigner of its own and one beside a place's balancer, and curl as the
//! client, which follows redirects and keeps cookies as browsers do.
//!
//! What only this can show: that what assigners say and what balancers check agree over processes, through a shift and the death of an assigner.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use hf_e2e::process::{Running, holdfast, must, output};
use hf_e2e::wait_for;
use hf_e2e::world::DEADLINE;

/// Under which sessions begin, and every assigner is reached.
const NAME: &str = "chat.example.test";
const ASK_PORT: u16 = 7603;
/// 32 bytes, the same on every node.
const KEY: &str = "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n";

/// The nodes: one of each place, and one that does nothing but assign.
const EU: usize = 0;
const US: usize = 1;
const ASK: usize = 2;
const NODES: [(&str, &str, &str); 3] = [
    ("eu", "az-eu", "\"control\", \"checker\", \"balancer\""),
    ("us", "az-us", "\"checker\", \"balancer\", \"assign\""),
    ("ask", "az-eu", "\"assign\""),
];

struct World {
    folder: tempfile::TempDir,
    running: Vec<Option<Running>>,
}

fn address(node: usize) -> String {
    format!("127.93.{}.{}", 1 + node, 1 + std::process::id() % 250)
}

/// Where a place's clients go.
fn place(node: usize) -> String {
    format!("http://{}:{}", address(node), 8_080 + node)
}

impl World {
    fn start() -> World {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut world = World { folder, running: Vec::new() };
        world.write("estate.toml", &estate(endpoint("eu"), endpoint("us")));
        write_key(&world.path("tickets.key"));
        for (at, (id, zone, roles)) in NODES.into_iter().enumerate() {
            let own = address(at);
            let peers: Vec<String> = (0..at).map(|peer| format!("\"{}:7602\"", address(peer))).collect();
            let estate = if at == EU { "estate = \"estate.toml\"\n" } else { "" };
            world.write(
                &format!("{id}.toml"),
                &format!(
                    "[node]\nid = \"{id}\"\nzone = \"{zone}\"\ndata_dir = \"data-{id}\"\nroles = [{roles}]\nbeat = \"200ms\"\n\
                     peers = [{}]\n{estate}[api]\nlisten = \"{own}:7600\"\n[feed]\nlisten = \"{own}:7602\"\n\
                     [assign]\nlisten = \"{own}:{ASK_PORT}\"\n[balancer]\naddress = \"{own}\"\nticket_key_file = \"tickets.key\"\n",
                    peers.join(", ")
                ),
            );
            let mut serve = Command::new(holdfast());
            serve.args(["serve", "-c"]).arg(world.path(&format!("{id}.toml")));
            let running = Running::start(serve, &world.path(&format!("{id}.log")));
            world.running.push(Some(running));
        }
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    fn logs(&self) -> String {
        NODES
            .iter()
            .map(|(id, ..)| std::fs::read_to_string(self.path(&format!("{id}.log"))).unwrap_or_default())
            .collect()
    }

    /// The command line, with the operator's token.
    fn command(&self, arguments: &[&str]) -> String {
        let token =
            std::fs::read_to_string(self.path("data-eu/operator.token")).expect("the node made a token");
        let mut command = Command::new(holdfast());
        command.args(["--endpoint", &format!("http://{}:7600", address(EU))]).args(arguments);
        must(command.env("HOLDFAST_TOKEN", token.trim()).env("NO_COLOR", "1"))
    }

    /// One request of a session; a session is its cookies. Assigners are known by both of their addresses, as DNS tells them.
    fn curl(&self, session: &str, follow: Follow, url: &str) -> Told {
        let jar = self.path(&format!("{session}.cookies"));
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "10", "--max-redirs", "4"]);
        curl.args([
            "-w",
            "\n%{http_code} %{num_redirects} %{url_effective}\n%header{holdfast-ticket-refused}",
        ]);
        curl.arg("--resolve").arg(format!("{NAME}:{ASK_PORT}:{},{}", address(ASK), address(US)));
        curl.arg("-b").arg(&jar).arg("-c").arg(&jar);
        if follow == Follow::Redirects {
            curl.arg("-L");
        }
        let told = output(curl.arg(url));
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        let mut lines = text.rsplitn(3, '\n');
        let refused = lines.next().unwrap_or_default().to_owned();
        let figures = lines.next().unwrap_or_default().to_owned();
        let mut figures = figures.split(' ').map(str::to_owned);
        let mut figure = || figures.next().unwrap_or_default();
        let (status, redirects, url) = (figure(), figure(), figure());
        let body = lines.next().unwrap_or_default().to_owned();
        Told {
            status,
            redirects,
            url,
            refused,
            body,
            problem: String::from_utf8_lossy(&told.stderr).into_owned(),
        }
    }

    /// The place that one assigner tells a client without a ticket.
    fn asked(&self, node: usize) -> Result<String, String> {
        let url = format!("http://{}:{ASK_PORT}/assign?service=chat", address(node));
        let told = self.curl("nobody", Follow::Nothing, &url);
        let answer: serde_json::Value = serde_json::from_str(&told.body).map_err(|_| format!("{told:?}"))?;
        answer["url"].as_str().map(str::to_owned).ok_or_else(|| format!("{told:?}"))
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Follow {
    Redirects,
    Nothing,
}

/// What came of a request.
#[derive(Debug)]
struct Told {
    status: String,
    redirects: String,
    url: String,
    /// Why its ticket was refused, in the last answer.
    refused: String,
    body: String,
    /// What curl complains of.
    problem: String,
}

impl Told {
    fn is(&self, body: &str, redirects: &str) -> bool {
        self.problem.is_empty() && self.status == "200" && self.body == body && self.redirects == redirects
    }
}

fn write_key(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, KEY).expect("the key");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
}

fn estate(eu: SocketAddr, us: SocketAddr) -> String {
    let pool = |at: usize, endpoint: SocketAddr| {
        let (name, zone, _) = NODES[at];
        format!(
            "[[pool]]\nname = \"{name}\"\nlisten = \"0.0.0.0:{}\"\nhealth_check = \"up\"\nassigned = \"chat\"\n\
             endpoints = [{{ address = \"{endpoint}\", zone = \"{zone}\" }}]\n",
            8_080 + at
        )
    };
    format!(
        "[[region]]\nid = \"eu\"\nlocation = {{ latitude = 51.5, longitude = 0.0 }}\n\
         [[region]]\nid = \"us\"\nlocation = {{ latitude = 38.9, longitude = -77.4 }}\n\
         [[zone]]\nid = \"az-eu\"\nregion = \"eu\"\nnetworks = [\"127.0.0.0/8\"]\n[[zone]]\nid = \"az-us\"\nregion = \"us\"\n\
         [[health_check]]\nname = \"up\"\nkind = \"tcp\"\ninterval = \"200ms\"\ntimeout = \"100ms\"\n{}{}\
         [[hosted_zone]]\nname = \"example.test.\"\n\
         [[record]]\nname = \"{NAME}.\"\ntype = \"A\"\nchoose = [\"open\", \"near\", \"take 1\"]\n\
         answers = [{{ pool = \"eu\", region = \"eu\" }}, {{ pool = \"us\", region = \"us\" }}]\n\
         [[assignment]]\nservice = \"chat\"\nrecord = \"{NAME}.\"\nask_at = \"http://{NAME}:{ASK_PORT}\"\nhosts = [\"{NAME}\"]\n\
         places = [{{ pool = \"eu\", url = \"{}\" }}, {{ pool = \"us\", url = \"{}\" }}]\n",
        pool(EU, eu),
        pool(US, us),
        place(EU),
        place(US),
    )
}

/// Answers every request with its name and the target that it saw.
fn endpoint(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(&stream, name));
        }
    });
    address
}

fn answer(stream: &TcpStream, name: &str) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let (mut line, mut first) = (String::new(), None);
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            first.get_or_insert_with(|| line.clone());
        }
        let first = first.unwrap_or_default();
        let body = format!("{name} {}", first.split(' ').nth(1).unwrap_or_default());
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        (&*stream).write_all(reply.as_bytes())?;
    }
}

#[test]
fn a_session_stays_at_its_place_until_that_closes() {
    let mut world = World::start();
    for node in [US, ASK] {
        wait_for("the assigner tells the near place", DEADLINE, || match world.asked(node) {
            Ok(url) if url == place(EU) => Ok(()),
            Ok(url) => Err(url),
            Err(problem) => Err(format!("{problem}\n{}", world.logs())),
        });
    }
    let begin = format!("http://{NAME}:{ASK_PORT}/room?a=b");
    let (in_eu, in_us) = (format!("{}/room", place(EU)), format!("{}/room", place(US)));

    // A session begins: one redirect, and no endpoint sees its ticket.
    wait_for("the place takes sessions", DEADLINE, || {
        let told = world.curl("first", Follow::Redirects, &begin);
        if told.is("eu /room?a=b", "1") { Ok(()) } else { Err(format!("{told:?}\n{}", world.logs())) }
    });
    // From then on it goes straight there.
    let told = world.curl("first", Follow::Nothing, &in_eu);
    assert!(told.is("eu /room", "0"), "{told:?}");
    // Nobody else does, and its ticket is no good elsewhere.
    let told = world.curl("second", Follow::Nothing, &in_eu);
    assert_eq!((told.status.as_str(), told.refused.as_str()), ("307", "missing"), "{told:?}");
    let told = world.curl("second", Follow::Redirects, &in_eu);
    assert!(told.is("eu /room", "2"), "{told:?}");

    // Its place closes: its ticket is refused there, and the session goes to the other place by itself.
    let start = ["shift", "start", "az-eu", "--for", "10m", "--reason", "test", "--override-floor", "eu"];
    let shift = world.command(&[&start[..], &["-o", "json"]].concat());
    let shift: serde_json::Value = serde_json::from_str(&shift).expect("-o json prints JSON");
    let told = world.curl("first", Follow::Nothing, &in_eu);
    assert_eq!((told.status.as_str(), told.refused.as_str()), ("307", "place-closed"), "{told:?}");
    let told = world.curl("first", Follow::Redirects, &in_eu);
    assert!(told.is("us /room", "2"), "{told:?}");

    // It stays there when its old place is back; new sessions begin at that.
    world.command(&["shift", "cancel", shift["id"].as_str().expect("an id")]);
    let told = world.curl("first", Follow::Nothing, &in_us);
    assert!(told.is("us /room", "0"), "{told:?}");
    let told = world.curl("third", Follow::Redirects, &begin);
    assert!(told.is("eu /room?a=b", "1"), "{told:?}");

    // An assigner dies. The other one says the same, and clients come to it by its other address.
    world.running[ASK].take().expect("it runs").kill();
    assert_eq!(world.asked(US), Ok(place(EU)));
    let told = world.curl("fourth", Follow::Redirects, &begin);
    assert!(told.is("eu /room?a=b", "1"), "{told:?}");
    assert!(told.url.starts_with(&in_eu), "{told:?}");

    let logs = world.logs();
    assert!(!logs.contains("ERROR") && !logs.contains("panicked"), "{logs}");
}
