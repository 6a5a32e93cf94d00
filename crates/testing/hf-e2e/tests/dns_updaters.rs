//! Programs that update DNS by RFC 2136 with TSIG, at a node in a namespace of its own: lego and certbot get certificates by dns-01 from an ACME server
//! (pebble) that asks our node for the TXT records; what external-dns and cert-manager send is replayed.
//!
//! What only this can show: that those who are told to trust us with their challenges need no option that a BIND would not need. lego and certbot are
//! the real programs, and pebble refuses a challenge whose record it does not find. external-dns and cert-manager are not to be had as packages:
//! `updaters/replay.py` sends what their sources send, laid out as the library does that they and lego share.
//!
//! Needs lego and pebble (Debian), certbot with its plugin and dnspython (`target/updaters`): `./test` installs them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hf_e2e::netns::Network;
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
name = "acme.test."
file = "acme.test.zone"
serial = "time"
transfers = [{ key = "kubernetes." }]
updates = [
  { key = "acme.", names = ["*.acme.test."], types = ["TXT"] },
  { key = "lego.", names = ["*.acme.test."], types = ["TXT"] },
  { key = "kubernetes.", names = ["*.apps.acme.test."] },
]
[[record]]
name = "web.apps.acme.test."
type = "A"
ttl = "5s"
answer = { pool = "web" }
"#;

const SECRET: &str = "b25lIHNlY3JldCBvZiB0aGlydHktdHdvIGJ5dGVzISE=";
const WRONG: &str = "YW5vdGhlciBzZWNyZXQgdGhhdCBpcyBhcyBsb25nLi4=";

const NODE: &str = "10.91.0.1";
const AUTHORITY: &str = "10.91.0.2";
const CLIENT: &str = "10.91.0.3";

/// A node with the ledger and DNS on port 53, and a machine of whoever updates it.
///
/// The node goes before the network that it runs in.
struct Updated {
    node: Running,
    network: Network,
    folder: tempfile::TempDir,
}

impl Updated {
    fn start() -> Updated {
        let folder = tempfile::tempdir().expect("a folder");
        let mut network = Network::new();
        for (name, address) in [("node", NODE), ("authority", AUTHORITY), ("client", CLIENT)] {
            network.add(name, address);
        }
        let path = |name: &str| folder.path().join(name);
        let certs = path("certs");
        must(Command::new(holdfast()).args(["cert", "authority"]).arg(&certs));
        for (name, address) in [("node", NODE), ("acme", AUTHORITY)] {
            let mut command = Command::new(holdfast());
            must(command.args(["cert", "node", name, "--address", address, "--folder"]).arg(&certs));
        }
        write(&path("estate.toml"), ESTATE);
        write(&path("acme.test.zone"), &zone());
        write(&path("tsig.secret"), SECRET);
        write(
            &path("node.toml"),
            &format!(
                "[node]\nid = \"node\"\nzone = \"az1\"\ndata_dir = \"data\"\nroles = [\"control\", \"dns\"]\nestate = \"estate.toml\"\n\
                 [api]\nlisten = \"127.0.0.1:7600\"\n[feed]\nlisten = \"127.0.0.1:7602\"\n[dns]\nlisten = \"{NODE}:53\"\n\
                 tls = {{ listen = \"{NODE}:853\", certificate = \"certs/node.pem\", key = \"certs/node.key\" }}\n\
                 tsig_keys = [\n  {{ name = \"acme.\", secret_file = \"tsig.secret\" }},\n  \
                 {{ name = \"lego.\", algorithm = \"hmac-sha512\", secret_file = \"tsig.secret\" }},\n  \
                 {{ name = \"kubernetes.\", secret_file = \"tsig.secret\" }},\n]\n"
            ),
        );
        let mut command = network.command("node", holdfast());
        command.args(["serve", "-c"]).arg(path("node.toml"));
        let node = Running::start(command, &path("node.log"));
        let updated = Updated { node, network, folder };
        wait_for("an answer", DEADLINE, || match updated.dig("acme.test.", "SOA") {
            told if told.contains("hostmaster") => Ok(()),
            told => Err(told + &updated.node.text()),
        });
        updated
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn dig(&self, name: &str, rtype: &str) -> String {
        let server = format!("@{NODE}");
        let mut dig = self.network.command("client", "dig");
        let told = output(dig.args([&server, "+short", "+time=2", "+tries=1", name, rtype]));
        String::from_utf8_lossy(&told.stdout).trim().to_owned()
    }

    /// An ACME server that asks our node, and the certificate of who signs what it gives.
    fn authority(&self) -> (Running, PathBuf) {
        let config = format!(
            r#"{{"pebble": {{"listenAddress": "{AUTHORITY}:14000", "managementListenAddress": "{AUTHORITY}:15000", "certificate": "certs/acme.pem",
            "privateKey": "certs/acme.key", "httpPort": 5002, "tlsPort": 5001, "ocspResponderURL": "", "externalAccountBindingRequired": false}}}}"#
        );
        write(&self.path("pebble.json"), &config);
        let mut command = self.network.command("authority", "pebble");
        command.args(["-config", "pebble.json", "-dnsserver", &format!("{NODE}:53")]);
        // Every challenge is looked at, at once.
        command.env("PEBBLE_VA_NOSLEEP", "1").env("PEBBLE_AUTHZREUSE", "0").current_dir(self.folder.path());
        let pebble = Running::start(command, &self.path("pebble.log"));
        let root = self.path("root.pem");
        wait_for("the ACME server", DEADLINE, || {
            let mut curl = self.network.command("client", "curl");
            curl.args(["-sSf", "--cacert"]).arg(self.path("certs/ca.pem")).arg("-o").arg(&root);
            let told = output(curl.arg(format!("https://{AUTHORITY}:15000/roots/0")));
            if told.status.success() { Ok(()) } else { Err(words(&told) + &pebble.text()) }
        });
        (pebble, root)
    }

    /// A command on the client's machine whose resolver is our node, as it asks for name servers by name.
    fn command(&self, program: &Path) -> Command {
        let resolver = self.path("resolv.conf");
        write(&resolver, &format!("nameserver {NODE}\n"));
        // `ip netns exec` has given it mounts of its own.
        let script = "mount --bind \"$0\" /etc/resolv.conf && exec \"$@\"";
        let mut command = self.network.command("client", "sh");
        command.args(["-c", script]).arg(resolver).arg(program).current_dir(self.folder.path());
        command
    }

    fn lego(&self, key: &str, secret: &str) -> Output {
        let mut lego = self.command(Path::new("lego"));
        lego.args([
            "--server",
            &format!("https://{AUTHORITY}:14000/dir"),
            "--email",
            "ops@acme.test",
            "--accept-tos",
        ]);
        lego.args(["--domains", "www.acme.test", "--domains", "*.www.acme.test"]);
        lego.args(["--dns", "rfc2136", "--path", "lego", "run"]);
        lego.env("LEGO_CA_CERTIFICATES", self.path("certs/ca.pem"))
            .env("RFC2136_NAMESERVER", NODE)
            .env("RFC2136_TSIG_ALGORITHM", "hmac-sha512.")
            .env("RFC2136_TSIG_KEY", key)
            .env("RFC2136_TSIG_SECRET", secret)
            .env("RFC2136_POLLING_INTERVAL", "1")
            .env("RFC2136_SEQUENCE_INTERVAL", "1");
        output(&mut lego)
    }

    fn certbot(&self, host: &str, secret: &str, sign_query: bool) -> Output {
        let credentials = format!(
            "dns_rfc2136_server = {NODE}\ndns_rfc2136_port = 53\ndns_rfc2136_name = acme.\ndns_rfc2136_secret = {secret}\n\
             dns_rfc2136_algorithm = HMAC-SHA256\ndns_rfc2136_sign_query = {sign_query}\n"
        );
        write(&self.path("certbot.secret"), &credentials);
        let mut certbot = self.command(&installed("certbot"));
        certbot.args([
            "certonly",
            "--non-interactive",
            "--agree-tos",
            "-m",
            "ops@acme.test",
            "--dns-rfc2136",
        ]);
        certbot.args([
            "--server",
            &format!("https://{AUTHORITY}:14000/dir"),
            "--dns-rfc2136-credentials",
            "certbot.secret",
        ]);
        certbot.args(["--config-dir", "certbot", "--work-dir", "certbot/work", "--logs-dir", "certbot/logs"]);
        certbot.args(["--dns-rfc2136-propagation-seconds", "1", "-d", host, "-d", &format!("*.{host}")]);
        output(certbot.env("REQUESTS_CA_BUNDLE", self.path("certs/ca.pem")))
    }

    /// The certificate is the authority's, for the host and what is below it, and nothing is left of its challenges.
    fn must_have(&self, certificate: &str, root: &Path, host: &str) {
        let certificate = self.path(certificate);
        let mut verify = Command::new("openssl");
        verify.args(["verify", "-CAfile"]).arg(root).arg("-untrusted").arg(&certificate).arg(&certificate);
        must(&mut verify);
        let mut names = Command::new("openssl");
        let told = must(names.args(["x509", "-noout", "-ext", "subjectAltName", "-in"]).arg(&certificate));
        for name in [format!("DNS:{host}"), format!("DNS:*.{host}")] {
            assert!(told.split([',', '\n', ' ']).any(|one| one == name), "{name} in {told}");
        }
        assert_eq!(self.dig(&format!("_acme-challenge.{host}."), "TXT"), "");
    }

    fn replay(&self, program: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("updaters/replay.py");
        let mut python = self.network.command("client", installed("python"));
        python.arg(script).args([program, "--server", NODE, "--secret", SECRET, "--ca"]);
        let told = output(python.arg(self.path("certs/ca.pem")).env("PYTHONDONTWRITEBYTECODE", "1"));
        assert!(told.status.success(), "{}{}", words(&told), self.node.text());
    }

    /// Nobody was to be woken.
    fn must_be_quiet(&self) {
        let text = self.node.text();
        assert!(!text.contains("ERROR"), "{text}");
    }
}

/// One with enough in it for several messages of a transfer, and a challenge that is the estate's.
fn zone() -> String {
    format!(
        "$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A {NODE}\n_acme-challenge.taken TXT \"declared\"\n\
         $GENERATE 1-600 filler$ TXT \"{}\"\n",
        "longer than most".repeat(14)
    )
}

fn installed(program: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/updaters/bin").join(program);
    assert!(path.exists(), "{} is not there; `./test` installs it", path.display());
    path
}

fn words(told: &Output) -> String {
    [&told.stdout, &told.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat()
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if path.extension().is_some_and(|kind| kind == "secret") {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
    }
}

/// Two challenges at one name, one after the other: lego deletes what is at the name and adds its own in one message.
#[test]
fn lego_gets_a_certificate() {
    let updated = Updated::start();
    let (pebble, root) = updated.authority();
    let told = updated.lego("lego", SECRET);
    assert!(told.status.success(), "{}{}{}", words(&told), pebble.text(), updated.node.text());
    updated.must_have("lego/certificates/www.acme.test.crt", &root, "www.acme.test");

    for (key, secret, code) in [
        ("lego", WRONG, "bad authentication"),
        // This key signs with another algorithm.
        ("acme", SECRET, "bad authentication"),
        ("nobody", SECRET, "bad authentication"),
    ] {
        let told = updated.lego(key, secret);
        let text = words(&told);
        assert!(!told.status.success() && text.contains(code), "{key}: {text}");
        assert_eq!(updated.dig("_acme-challenge.www.acme.test.", "TXT"), "");
    }
    updated.must_be_quiet();
}

/// Both challenges are there at once, and each is deleted by itself. It can sign its questions for the zone, too.
#[test]
fn certbot_gets_a_certificate() {
    let updated = Updated::start();
    let (pebble, root) = updated.authority();
    for (host, sign_query) in [("www.acme.test", false), ("web.apps.acme.test", true)] {
        let told = updated.certbot(host, SECRET, sign_query);
        assert!(told.status.success(), "{}{}{}", words(&told), pebble.text(), updated.node.text());
        updated.must_have(&format!("certbot/live/{host}/fullchain.pem"), &root, host);
    }
    // What the estate declares beside a challenge is refused, and so is a wrong secret.
    let told = updated.certbot("taken.acme.test", SECRET, false);
    assert!(!told.status.success() && words(&told).contains("REFUSED"), "{}", words(&told));
    assert_eq!(updated.dig("_acme-challenge.taken.acme.test.", "TXT"), "\"declared\"");
    let told = updated.certbot("other.acme.test", WRONG, false);
    assert!(!told.status.success(), "{}", words(&told));
    assert_eq!(updated.dig("_acme-challenge.other.acme.test.", "TXT"), "");
    updated.must_be_quiet();
}

#[test]
fn what_external_dns_sends_is_done() {
    let updated = Updated::start();
    updated.replay("external-dns");
    updated.must_be_quiet();
}

#[test]
fn what_cert_manager_sends_is_done() {
    let updated = Updated::start();
    updated.replay("cert-manager");
    updated.must_be_quiet();
}
