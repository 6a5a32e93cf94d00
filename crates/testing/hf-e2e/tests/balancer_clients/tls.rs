//! openssl's client against the balancer's certificates: by name, replaced while connections go on, and a bad file that changes nothing.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use hf_e2e::process::{must, output};
use hf_e2e::wait_for;
use hf_e2e::world::DEADLINE;

use super::node::Node;
use super::recorder::Recorder;

const POOLS: &str = "[[pool]]\nname = \"web\"\nlisten = \"0.0.0.0:8443\"\ntls = true\nendpoints = [{ address = \"ADDRESS:9001\", zone = \"az1\" }]\n";
const CERTIFICATES: &str = "certificates = [{ certificate = \"www.pem\", key = \"www.key\" }, { certificate = \"api.pem\", key = \"api.key\" }]";

/// Writes a certificate for a name; `issue` tells one from the next.
fn certificate(folder: &Path, file: &str, name: &str, issue: &str) {
    let (pem, key) = (folder.join(format!("{file}.pem")), folder.join(format!("{file}.key")));
    let mut command = Command::new("openssl");
    command.args([
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "30",
    ]);
    command.args([
        "-subj",
        &format!("/CN={name}/O={issue}"),
        "-addext",
        &format!("subjectAltName=DNS:{name}"),
    ]);
    must(command.arg("-keyout").arg(key).arg("-out").arg(pem));
}

/// The subject of the certificate that a client is shown.
fn shown(node: &Node, more: &[&str]) -> String {
    let mut command = Command::new("openssl");
    let told = output(command.args(["s_client", "-connect", &node.at(8443).to_string()]).args(more));
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("subject="));
    line.map_or_else(|| format!("none: {}", String::from_utf8_lossy(&told.stderr)), ToOwned::to_owned)
}

/// A client with its connection open.
struct Open(Child, BufReader<std::process::ChildStdout>);

impl Open {
    fn start(node: &Node) -> Open {
        let mut command = Command::new("openssl");
        command.args([
            "s_client",
            "-quiet",
            "-servername",
            "www.test",
            "-connect",
            &node.at(8443).to_string(),
        ]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        Open(child, out)
    }

    fn ask(&mut self) {
        let stdin = self.0.stdin.as_mut().expect("its input");
        stdin.write_all(b"GET / HTTP/1.1\r\nHost: www.test\r\n\r\n").expect("the connection is open");
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(self.1.read_line(&mut head).expect("text"), 0, "ended after {head:?}");
        }
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        std::io::Read::read_exact(&mut self.1, &mut [0; 2]).expect("the body");
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn certificates_are_chosen_by_name_and_replaced_under_open_connections() {
    let node = Node::start(7, POOLS, CERTIFICATES, 8443, |folder| {
        certificate(folder, "www", "www.test", "one");
        certificate(folder, "api", "api.test", "one");
    });
    let _recorder = Recorder::start(node.at(9001));
    let folder = node.path("");
    for (more, want) in [
        (&["-servername", "www.test"][..], "www.test"),
        (&["-servername", "api.test"], "api.test"),
        (&["-servername", "API.TEST"], "api.test"),
        (&["-servername", "other.test"], "www.test"),
        (&["-noservername"], "www.test"),
        (&["-servername", "api.test", "-tls1_2"], "api.test"),
        (&["-servername", "api.test", "-tls1_3"], "api.test"),
    ] {
        let subject = shown(&node, more);
        assert!(subject.contains(&format!("CN = {want}")), "{more:?}: {subject}");
    }
    let old = shown(&node, &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"]);
    assert!(old.starts_with("none"), "TLS 1.1 is served: {old}");
    for (offered, want) in [("h2,http/1.1", "h2"), ("http/1.1", "http/1.1")] {
        let mut command = Command::new("openssl");
        let told = must(command.args(["s_client", "-connect", &node.at(8443).to_string(), "-alpn", offered]));
        assert!(told.contains(&format!("ALPN protocol: {want}")), "{told}");
    }

    let mut open = Open::start(&node);
    open.ask();
    certificate(&folder, "www", "www.test", "two");
    wait_for("the new certificate", DEADLINE, || {
        let subject = shown(&node, &["-servername", "www.test"]);
        if subject.contains("O = two") { Ok(()) } else { Err(subject) }
    });
    open.ask();
    assert!(shown(&node, &["-servername", "api.test"]).contains("O = one"));

    // A key that is none, then another's: the old pair stays, and the log says so.
    for bad in ["nonsense\n".to_owned(), std::fs::read_to_string(folder.join("api.key")).expect("a key")] {
        let (said, www) = (node.log().len(), folder.join("www.key"));
        let good = std::fs::read_to_string(&www).expect("the key");
        std::fs::write(&www, bad).expect("a bad key");
        wait_for("the log to say so", DEADLINE, || {
            let log = node.log()[said..].to_owned();
            if log.contains("www.key") || log.contains("www.pem") { Ok(()) } else { Err(log) }
        });
        let subject = shown(&node, &["-servername", "www.test"]);
        assert!(subject.contains("O = two"), "{subject}");
        open.ask();
        std::fs::write(&www, good).expect("the key");
    }
    certificate(&folder, "www", "www.test", "three");
    wait_for("the next good certificate", DEADLINE, || {
        let subject = shown(&node, &["-servername", "www.test"]);
        if subject.contains("O = three") { Ok(()) } else { Err(subject) }
    });
    open.ask();
    assert!(!node.log().contains("panicked"), "{}", node.log());
    drop(open);
}
