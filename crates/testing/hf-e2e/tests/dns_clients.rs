//! What clients are told of clocks, connections and certificates by a running node: kdig with a wrong clock, dig over TCP, kdig over TLS while the
//! certificate's files change.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

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
name = "told.test."
transfers = [{ key = "acme." }]
serial = "time"
[[record]]
name = "www.told.test."
type = "A"
answer = { pool = "web" }
"#;

const SECRET: &str = "b25lIHNlY3JldCBvZiB0aGlydHktdHdvIGJ5dGVzISE=";

struct Node {
    folder: tempfile::TempDir,
    address: String,
    running: Running,
}

impl Node {
    /// `more` stands at the end of `[dns]`; `prepare` makes the files that it names.
    fn start(number: u8, more: &str, prepare: impl FnOnce(&tempfile::TempDir)) -> Node {
        let folder = tempfile::tempdir().expect("a folder");
        let address = format!("127.81.{number}.{}", 1 + std::process::id() % 250);
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("our own folder");
        write("estate.toml", ESTATE);
        write("acme.secret", SECRET);
        std::fs::set_permissions(folder.path().join("acme.secret"), std::fs::Permissions::from_mode(0o600))
            .expect("it is ours");
        write(
            "node.toml",
            &format!(
                "[node]\nid = \"told\"\nzone = \"az1\"\ndata_dir = \"data\"\nroles = [\"control\", \"dns\"]\nestate = \"estate.toml\"\n\
                 [api]\nlisten = \"{address}:7600\"\n[feed]\nlisten = \"{address}:7602\"\n[dns]\nlisten = \"{address}:5300\"\n\
                 tsig_keys = [{{ name = \"acme.\", secret_file = \"acme.secret\" }}]\n{}\n",
                more.replace("ADDRESS", &address)
            ),
        );
        prepare(&folder);
        let mut command = Command::new(holdfast());
        command.args(["serve", "-c"]).arg(folder.path().join("node.toml"));
        let running = Running::start(command, &folder.path().join("log"));
        let node = Node { folder, address, running };
        wait_for("an answer", DEADLINE, || {
            let told = node.dig(&["+short", "www.told.test"]);
            if told.trim() == "192.0.2.1" { Ok(()) } else { Err(told + &node.running.text()) }
        });
        node
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn dig(&self, arguments: &[&str]) -> String {
        let server = format!("@{}", self.address);
        let told =
            output(Command::new("dig").args([&server, "-p", "5300", "+time=2", "+tries=2"]).args(arguments));
        String::from_utf8_lossy(&told.stdout).into_owned()
    }
}

#[test]
fn a_clock_that_is_wrong_is_told_our_time() {
    let node = Node::start(1, "", |_| {});
    let kdig = |ahead: &str| {
        let mut kdig = Command::new("faketime");
        kdig.args(["-f", ahead, "kdig", &format!("@{}", node.address), "-p", "5300", "+timeout=5"]);
        let told = output(kdig.args(["-y", &format!("hmac-sha256:acme:{SECRET}"), "www.told.test"]));
        String::from_utf8_lossy(&told.stdout).into_owned()
    };
    for ahead in ["+20m", "-20m"] {
        let told = kdig(ahead);
        assert!(told.contains("status: BADTIME"), "{ahead}: {told}");
        // Six bytes of time, by which the client may set its clock (RFC 8945 5.2.3), and no answer.
        assert!(told.contains(" BADTIME 6 ") && told.contains("ANSWER: 0"), "{ahead}: {told}");
    }
    // Within the 300 seconds that are allowed.
    let told = kdig("+2m");
    assert!(told.contains("status: NOERROR") && told.contains("192.0.2.1"), "{told}");
}

#[test]
fn who_asks_for_keepalive_is_told_how_long_a_connection_lives() {
    let node = Node::start(2, "", |_| {});
    let told = node.dig(&["+tcp", "+keepalive", "www.told.test"]);
    assert!(told.contains("TCP KEEPALIVE: 10.0 secs"), "{told}");
    // Never unasked, and never over UDP (RFC 7828 3.2.1, 3.3.2).
    for unasked in [&["+tcp", "www.told.test"][..], &["+keepalive", "www.told.test"]] {
        let told = node.dig(unasked);
        assert!(told.contains("192.0.2.1") && !told.contains("KEEPALIVE"), "{told}");
    }
    // The connection outlives an answer, and does not outlive its time.
    let mut stream = TcpStream::connect((node.address.as_str(), 5300)).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE.max(Duration::from_secs(30)))).expect("a time-out");
    let query = b"\0\x1f\0\x07\0\0\0\x01\0\0\0\0\0\0\x03www\x04told\x04test\0\0\x01\0\x01";
    for _ in 0..3 {
        stream.write_all(query).expect("it is open");
        let mut len = [0; 2];
        stream.read_exact(&mut len).expect("an answer");
        let mut reply = vec![0; usize::from(u16::from_be_bytes(len))];
        stream.read_exact(&mut reply).expect("the whole answer");
        assert_eq!((reply[..2].as_ref(), reply[7]), (&[0, 7][..], 1));
    }
    assert_eq!(stream.read(&mut [0; 1]).expect("the node closes it"), 0);
}

/// A certificate for a name, and its key.
fn issue(certificate: &PathBuf, key: &PathBuf, name: &str) {
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]);
    openssl.args(["-subj", &format!("/CN={name}"), "-addext", &format!("subjectAltName=DNS:{name}")]);
    must(openssl.arg("-keyout").arg(key).arg("-out").arg(certificate));
}

#[test]
fn a_bad_certificate_keeps_the_one_before_in_force() {
    let tls = "tls = { listen = \"ADDRESS:8530\", certificate = \"cert.pem\", key = \"key.pem\" }";
    let node = Node::start(3, tls, |folder| {
        let place = |name: &str| folder.path().join(name);
        issue(&place("cert.pem"), &place("key.pem"), "one.test");
        std::fs::copy(place("cert.pem"), place("one.pem")).expect("a copy for the client");
    });
    let kdig = |authority: &str, name: &str| {
        let mut kdig = Command::new("kdig");
        kdig.args([&format!("@{}", node.address), "-p", "8530", "+tls", "+timeout=5", "www.told.test"]);
        kdig.arg(format!("+tls-ca={}", node.path(authority).display())).arg(format!("+tls-host={name}"));
        String::from_utf8_lossy(&output(&mut kdig).stdout).into_owned()
    };
    let told_of = |text: &str| node.running.text().matches(text).count();
    let is_answered = |told: &str| told.contains("192.0.2.1");
    let told = kdig("one.pem", "one.test");
    assert!(is_answered(&told), "{told}{}", node.running.text());

    // No key; no certificate; a pair that does not fit.
    let other = tempfile::tempdir().expect("a folder");
    let (other_certificate, other_key) = (other.path().join("cert.pem"), other.path().join("key.pem"));
    issue(&other_certificate, &other_key, "two.test");
    let read = |path: &PathBuf| std::fs::read(path).expect("a file of ours");
    let good = [("cert.pem", read(&node.path("cert.pem"))), ("key.pem", read(&node.path("key.pem")))];
    let bad =
        [("key.pem", b"no key".to_vec()), ("cert.pem", Vec::new()), ("cert.pem", read(&other_certificate))];
    for (count, (file, bytes)) in bad.into_iter().enumerate() {
        for (name, bytes) in &good {
            std::fs::write(node.path(name), bytes).expect("our own folder");
        }
        std::fs::write(node.path(file), bytes).expect("our own folder");
        wait_for("the node to say so", DEADLINE, || {
            if told_of("the one of before stays") > count { Ok(()) } else { Err(node.running.text()) }
        });
        let told = kdig("one.pem", "one.test");
        assert!(is_answered(&told), "{file}: {told}{}", node.running.text());
    }

    // A good pair then counts, without a restart.
    std::fs::copy(&other_certificate, node.path("cert.pem")).expect("our own folder");
    std::fs::copy(&other_key, node.path("key.pem")).expect("our own folder");
    wait_for("the new certificate", DEADLINE, || {
        let told = kdig("cert.pem", "two.test");
        if is_answered(&told) { Ok(()) } else { Err(told) }
    });
    assert!(!is_answered(&kdig("one.pem", "one.test")), "the old one is gone");
}
