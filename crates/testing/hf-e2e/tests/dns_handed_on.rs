//! Dynamic updates that come to a DNS node without the ledger: it hands them to the control node, and both answer with what they brought.
//!
//! What only this can show: the two nodes' certificates, the access file and the codes of RFC 2136 on the whole way there and back.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use hf_e2e::process::{Running, holdfast, must, output};
use hf_e2e::wait_for;
use hf_e2e::world::DEADLINE;

const ESTATE: &str = r#"
[[region]]
id = "home"
[[zone]]
id = "az1"
region = "home"
[[pool]]
name = "web"
endpoints = [{ address = "192.0.2.1:80", zone = "az1" }]
[[hosted_zone]]
name = "moved.test."
file = "moved.test.zone"
serial = "time"
updates = [{ key = "acme.", names = ["*.moved.test."], types = ["TXT"] }]
[[record]]
name = "www.moved.test."
type = "A"
answer = { pool = "web" }
"#;

const ZONE: &str = "$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n";
const SECRET: &str = "b25lIHNlY3JldCBvZiB0aGlydHktdHdvIGJ5dGVzISE=";
const OTHER_SECRET: &str = "YW5vdGhlciBzZWNyZXQgdGhhdCBpcyBhcyBsb25nLi4=";

/// A control node and one that only answers DNS, each on an address of its own.
struct Pair {
    folder: tempfile::TempDir,
    addresses: [String; 2],
}

const NAMES: [&str; 2] = ["control", "dns-1"];

impl Pair {
    fn new() -> Pair {
        let folder = tempfile::tempdir().expect("a folder");
        let last = 1 + std::process::id() % 250;
        let pair = Pair { folder, addresses: [1, 2].map(|net| format!("127.80.{net}.{last}")) };
        let certs = pair.path("certs");
        must(Command::new(holdfast()).args(["cert", "authority"]).arg(&certs));
        write(&pair.path("estate.toml"), ESTATE);
        write(&pair.path("moved.test.zone"), ZONE);
        write(&pair.path("acme.secret"), SECRET);
        for (name, own) in NAMES.iter().zip(&pair.addresses) {
            let mut node = Command::new(holdfast());
            must(node.args(["cert", "node", name, "--address", own, "--folder"]).arg(&certs));
            std::fs::create_dir_all(pair.path(name)).expect("a folder");
            let file = |kind: &str| format!("../certs/{name}.{kind}");
            let rest = if *name == "control" {
                "roles = [\"control\", \"dns\"]\nestate = \"../estate.toml\"\n".to_owned()
            } else {
                format!("roles = [\"dns\"]\npeers = [\"{}:7602\"]\n", pair.addresses[0])
            };
            write(
                &pair.path(name).join("node.toml"),
                &format!(
                    "[node]\nid = \"{name}\"\nzone = \"az1\"\ndata_dir = \"data\"\nbeat = \"200ms\"\n{rest}\n\
                     [api]\nlisten = \"{own}:7600\"\ntls = {{ certificate = \"{certificate}\", key = \"{key}\", client_ca = \"../certs/ca.pem\" }}\n\
                     [feed]\nlisten = \"{own}:7602\"\n[dns]\nlisten = \"{own}:5300\"\ntsig_keys = [{{ name = \"acme.\", secret_file = \"../acme.secret\" }}]\n\
                     [tls]\nca = \"../certs/ca.pem\"\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n",
                    certificate = file("pem"),
                    key = file("key"),
                ),
            );
        }
        pair
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, name: &str) -> Running {
        let mut command = Command::new(holdfast());
        command.args(["serve", "-c"]).arg(self.path(name).join("node.toml"));
        Running::start(command, &self.path(name).join("log"))
    }

    /// What a node answers.
    fn txt(&self, node: usize, name: &str) -> String {
        let server = format!("@{}", self.addresses[node]);
        let told = output(
            Command::new("dig").args([&server, "-p", "5300", "+short", "+time=2", "+tries=1", name, "TXT"]),
        );
        String::from_utf8_lossy(&told.stdout).trim().to_owned()
    }

    /// Both answer so.
    fn both_answer(&self, name: &str, wanted: &str) {
        for node in [0, 1] {
            wait_for(&format!("{name} at {}", NAMES[node]), DEADLINE, || match self.txt(node, name) {
                told if told == wanted => Ok(()),
                told => Err(told),
            });
        }
    }

    /// `nsupdate` at the node without the ledger: an error, or nothing.
    fn update(&self, secret: &str, lines: &str, over: &[&str]) -> Result<(), String> {
        let text = format!(
            "server {} 5300\nzone moved.test.\nkey hmac-sha256:acme {secret}\n{lines}\nsend\n",
            self.addresses[1]
        );
        let script = self.path("script");
        write(&script, &text);
        let told = output(Command::new("nsupdate").args(over).args(["-t", "30"]).arg(script));
        if told.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&told.stderr).into_owned()) }
    }
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_some_and(|kind| kind == "secret") {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    }
}

#[test]
fn an_update_to_a_node_without_the_ledger_is_answered_by_both() {
    let pair = Pair::new();
    let control = pair.start("control");
    let dns = pair.start("dns-1");
    let logs = || format!("{}\n{}", control.text(), dns.text());
    for node in [0, 1] {
        wait_for("an answer", DEADLINE, || {
            let server = format!("@{}", pair.addresses[node]);
            let told =
                output(Command::new("dig").args([&server, "-p", "5300", "+short", "SOA", "moved.test."]));
            let told = String::from_utf8_lossy(&told.stdout).into_owned();
            if told.contains("hostmaster") { Ok(()) } else { Err(told + &logs()) }
        });
    }
    let add = "update add _acme-challenge.moved.test. 60 TXT \"first\"";

    // The certificate alone is no leave to change anything.
    let told = pair.update(SECRET, add, &[]).expect_err("it has no role yet");
    assert!(told.contains("SERVFAIL"), "{told}{}", logs());
    assert_eq!(pair.txt(0, "_acme-challenge.moved.test."), "");

    let mut access = Command::new(holdfast());
    access.args(["access", "-c"]).arg(pair.path("control").join("node.toml"));
    must(access.args(["add", "dns-1", "--role", "update", "--certificate-name", "dns-1"]));
    // The access file counts within a second; until then the answer is to ask again.
    wait_for("the update to be taken", DEADLINE, || {
        pair.update(SECRET, add, &[]).map_err(|why| format!("{why}{}", logs()))
    });
    pair.both_answer("_acme-challenge.moved.test.", "\"first\"");
    pair.update(SECRET, "update add two.moved.test. 60 TXT \"over TCP\"", &["-v"]).expect("over TCP, too");
    pair.both_answer("two.moved.test.", "\"over TCP\"");

    // What is refused there is told here with its own code, and changes nothing.
    let add_three = "update add three.moved.test. 60 TXT \"no\"";
    for (secret, lines, code) in [
        (SECRET, format!("prereq yxdomain nowhere.moved.test.\n{add_three}"), "NXDOMAIN"),
        (SECRET, format!("prereq nxdomain two.moved.test.\n{add_three}"), "YXDOMAIN"),
        (SECRET, format!("prereq nxrrset two.moved.test. TXT\n{add_three}"), "YXRRSET"),
        (SECRET, "update add three.moved.test. 60 A 192.0.2.3".to_owned(), "REFUSED"),
        (
            SECRET,
            "update add www.moved.test. 60 TXT \"steered\"\nupdate delete moved.test. NS".to_owned(),
            "REFUSED",
        ),
        (OTHER_SECRET, add_three.to_owned(), "BADSIG"),
    ] {
        let told = pair.update(secret, &lines, &[]).expect_err("it must be refused");
        assert!(told.contains(code), "{lines}: {told}{}", logs());
    }
    pair.update(SECRET, "prereq yxrrset two.moved.test. TXT\nupdate delete two.moved.test. TXT", &[])
        .expect("a prerequisite that holds");
    pair.both_answer("two.moved.test.", "");
    pair.both_answer("three.moved.test.", "");

    // Without a control node nothing can be changed, and everything is answered as before.
    control.kill();
    let told = pair.update(SECRET, add_three, &[]).expect_err("nobody can take it");
    assert!(told.contains("SERVFAIL"), "{told}");
    assert_eq!(pair.txt(1, "_acme-challenge.moved.test."), "\"first\"");
    let control = pair.start("control");
    wait_for("the update to be taken", DEADLINE, || {
        pair.update(SECRET, add_three, &[]).map_err(|why| format!("{why}{}", control.text()))
    });
    pair.both_answer("three.moved.test.", "\"no\"");
}
