//! Signed zones of a running node, judged by validators that are not ours: delv, unbound, ldns-verify-zone, dnsviz.

use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
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
[[zone]]
id = "az2"
region = "home"
[[zone]]
id = "az3"
region = "home"
[[pool]]
name = "web"
protocol = "http"
min_zones = 1
endpoints = [
  { address = "192.0.2.1:80", zone = "az1" },
  { address = "192.0.2.2:80", zone = "az2" },
  { address = "192.0.2.3:80", zone = "az3", weight = 3 },
  { address = "[2001:db8::1]:80", zone = "az1" },
]
[[hosted_zone]]
name = "signed.test."
file = "signed.test.zone"
dnssec = { algorithm = "ALGORITHM" }
[[record]]
name = "www.signed.test."
type = "A"
ttl = "1s"
answer = { pool = "web" }
choose = ["open", "weighted", "take 2"]
[[record]]
name = "*.many.signed.test."
type = "A"
ttl = "1s"
answer = { pool = "web" }
choose = ["open", "shuffle", "take 1"]
"#;

const ZONE: &str = "\
$TTL 300
@ IN SOA ns1.signed.test. Hostmaster.signed.test. 1 3600 600 86400 60
@ IN NS NS1.signed.test.
@ IN MX 10 Mail.signed.test.
@ IN TXT \"v=spf1 -all\"
ns1 IN A 127.0.0.1
mail IN A 192.0.2.25
alias IN CNAME www
far IN CNAME deep.wild
*.wild IN TXT \"from the wildcard\"
*.wild IN A 192.0.2.99
a.b.ent IN TXT \"below empty names\"
old IN DNAME new
x.new IN A 192.0.2.77
_sip._tcp IN SRV 1 2 5060 Mail.signed.test.
svc IN HTTPS 1 . alpn=h2
child IN NS ns1.child
ns1.child IN A 192.0.2.53
secure IN NS ns1.secure
secure IN DS 4711 13 2 0000000000000000000000000000000000000000000000000000000000000001
ns1.secure IN A 192.0.2.54
";

/// A node with a signed zone, on an address of its own.
struct Signed {
    folder: tempfile::TempDir,
    address: String,
    _node: Running,
}

impl Signed {
    fn start(number: u8, algorithm: &str) -> Signed {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let address = format!("127.78.{number}.{}", 1 + std::process::id() % 250);
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect(name);
        write(
            "node.toml",
            &format!(
                "[node]\nid = \"lone\"\nzone = \"az1\"\ndata_dir = \"data\"\nroles = [\"control\", \"dns\"]\nestate = \"estate.toml\"\n\n\
                 [api]\nlisten = \"{address}:7600\"\n[feed]\nlisten = \"{address}:7602\"\n[dns]\nlisten = \"{address}:5300\"\nseal_file = \"seal.key\"\n"
            ),
        );
        write("estate.toml", &ESTATE.replace("ALGORITHM", algorithm));
        write("signed.test.zone", ZONE);
        let mut options = std::fs::OpenOptions::new();
        let options = options.write(true).create_new(true).mode(0o600);
        let mut seal = options.open(folder.path().join("seal.key")).expect("the seal file");
        std::io::Write::write_all(&mut seal, b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n")
            .expect("its bytes");
        let mut command = Command::new(holdfast());
        command.args(["serve", "-c"]).arg(folder.path().join("node.toml"));
        let node = Running::start(command, &folder.path().join("log"));
        let signed = Signed { folder, address, _node: node };
        wait_for("the zone", DEADLINE, || {
            let answer = signed.dig(&["+short", "SOA", "signed.test."]);
            if answer.contains("ns1.signed.test.") {
                Ok(())
            } else {
                Err(format!("{answer}{}", signed.log()))
            }
        });
        signed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn dig(&self, arguments: &[&str]) -> String {
        let server = format!("@{}", self.address);
        let answer =
            output(Command::new("dig").args([&server, "-p", "5300", "+time=2", "+tries=2"]).args(arguments));
        String::from_utf8_lossy(&answer.stdout).into_owned()
    }

    fn cli(&self, arguments: &[&str]) -> String {
        let token = std::fs::read_to_string(self.path("data/operator.token")).unwrap_or_default();
        must(
            Command::new(holdfast())
                .args(arguments)
                .env("HOLDFAST_ENDPOINTS", format!("http://{}:7600", self.address))
                .env("HOLDFAST_TOKEN", token.trim()),
        )
    }

    fn dnssec(&self, what: &str, more: &[&str]) -> String {
        self.cli(&[&["dnssec", what, "signed.test."], more].concat())
    }

    fn enable(&self) {
        let seal = self.path("seal.key").display().to_string();
        let told = self.dnssec("enable", &["--seal-file", &seal]);
        assert!(told.contains("signed.test. is signed"), "{told}");
        wait_for("signatures", DEADLINE, || {
            let answer = self.dig(&["+dnssec", "DNSKEY", "signed.test."]);
            if answer.contains("RRSIG") { Ok(()) } else { Err(answer) }
        });
    }

    /// What the registrar is told: the DS records.
    fn ds(&self) -> Vec<String> {
        self.dnssec("ds", &[]).lines().map(str::to_owned).collect()
    }

    /// Validates with delv, from these DS records on; gives all that it says.
    fn delv(&self, ds: &[String], name: &str, rtype: &str) -> String {
        let mut anchors = String::from("trust-anchors {\n");
        for ds in ds {
            let fields: Vec<&str> = ds.split_whitespace().collect();
            anchors.push_str(&format!(
                "  \"{}\" static-ds {} {} {} \"{}\";\n",
                fields[0], fields[3], fields[4], fields[5], fields[6]
            ));
        }
        anchors.push_str("};\n");
        let file = self.path("anchors");
        std::fs::write(&file, anchors).expect("the anchors");
        let told = output(
            Command::new("delv")
                .arg(format!("@{}", self.address))
                .args(["-p", "5300", "+root=signed.test", "-a"])
                .arg(&file)
                .args([name, rtype]),
        );
        format!("{}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr))
    }

    #[track_caller]
    fn validates(&self, ds: &[String], name: &str, rtype: &str) {
        let told = self.delv(ds, name, rtype);
        assert!(
            told.contains("fully validated"),
            "{name} {rtype}: {told}\n{}",
            self.dig(&["+dnssec", name, rtype])
        );
    }

    /// One question of each kind.
    #[track_caller]
    fn everything_validates(&self, ds: &[String]) {
        for (name, rtype) in [
            ("signed.test.", "SOA"),
            ("signed.test.", "DNSKEY"),
            ("signed.test.", "CDS"),
            ("signed.test.", "MX"),
            ("www.signed.test.", "A"),
            ("alias.signed.test.", "A"),
            ("x.wild.signed.test.", "TXT"),
            ("x.y.wild.signed.test.", "TXT"),
            ("a.many.signed.test.", "A"),
            ("far.signed.test.", "A"),
            ("x.old.signed.test.", "A"),
            ("_sip._tcp.signed.test.", "SRV"),
            ("svc.signed.test.", "HTTPS"),
            ("az1.web.pool.signed.test.", "A"),
            ("az1.web.pool.signed.test.", "AAAA"),
            ("secure.signed.test.", "DS"),
        ] {
            self.validates(ds, name, rtype);
        }
        for (name, rtype) in [
            ("nope.signed.test.", "A"),
            ("deep.nope.signed.test.", "A"),
            ("mail.signed.test.", "TXT"),
            ("www.signed.test.", "TXT"),
            ("b.ent.signed.test.", "A"),
            ("x.wild.signed.test.", "MX"),
            ("child.signed.test.", "DS"),
            ("pool.signed.test.", "A"),
        ] {
            let told = self.delv(ds, name, rtype);
            assert!(told.contains("negative response, fully validated"), "{name} {rtype}: {told}");
        }
    }
}

#[test]
fn every_kind_of_answer_validates_with_both_algorithms() {
    for (number, algorithm) in [(1, "ecdsa-p256-sha256"), (2, "ed25519")] {
        let node = Signed::start(number, algorithm);
        node.enable();
        let ds = node.ds();
        assert_eq!(ds.len(), 1);
        node.everything_validates(&ds);
        // A name that does not exist is told as such to who does not validate, and compactly to who does (RFC 9824).
        assert!(node.dig(&["nope.signed.test.", "A"]).contains("NXDOMAIN"));
        let compact = node.dig(&["+dnssec", "nope.signed.test.", "A"]);
        assert!(compact.contains("NOERROR") && compact.contains("TYPE128"), "{compact}");
        // Over TCP, where large answers are asked for again, alike.
        for (name, rtype) in
            [("signed.test.", "DNSKEY"), ("www.signed.test.", "A"), ("nope.signed.test.", "A")]
        {
            let answer = node.dig(&["+tcp", "+dnssec", name, rtype]);
            assert!(answer.contains("RRSIG"), "{answer}");
        }
        // Referrals: signed DS, or the proof that there is none.
        let referral = node.dig(&["+dnssec", "+norecurse", "www.secure.signed.test.", "A"]);
        assert!(referral.contains("RRSIG\tDS"), "{referral}");
        let referral = node.dig(&["+dnssec", "+norecurse", "www.child.signed.test.", "A"]);
        assert!(referral.contains("NSEC\t") && referral.contains("RRSIG\tNSEC"), "{referral}");
        assert!(!node.log().contains(" ERROR "), "{}", node.log());
    }
}

#[test]
fn steered_answers_validate_before_during_and_after_a_shift() {
    let node = Signed::start(3, "ecdsa-p256-sha256");
    node.enable();
    let ds = node.ds();
    let ask = |without: Option<&str>| {
        for _ in 0..12 {
            let told = node.delv(&ds, "www.signed.test.", "A");
            assert!(told.contains("fully validated"), "{told}");
            if let Some(without) = without {
                assert!(!told.contains(without), "{told}");
            }
        }
    };
    ask(None);
    node.cli(&["shift", "start", "az2", "--for", "5m", "--reason", "end-to-end test"]);
    ask(Some("192.0.2.2"));
    let shifts = node.cli(&["-o", "json", "shift", "list"]);
    let id =
        shifts.split("\"id\": \"").nth(1).and_then(|rest| rest.split('"').next()).expect("the shift's id");
    node.cli(&["shift", "cancel", id]);
    ask(None);
}

#[test]
fn a_roll_over_validates_at_every_step() {
    let node = Signed::start(4, "ecdsa-p256-sha256");
    node.enable();
    let old = node.ds();
    let seal = node.path("seal.key").display().to_string();
    node.everything_validates(&old);
    node.dnssec("roll", &["--seal-file", &seal]);
    assert_eq!(node.ds(), old, "a published key is not for the parent yet");
    node.everything_validates(&old);
    let refused = output(
        Command::new(holdfast())
            .args(["dnssec", "roll", "signed.test."])
            .env("HOLDFAST_ENDPOINTS", format!("http://{}:7600", node.address)),
    );
    assert_eq!(refused.status.code(), Some(1), "it has to wait for caches");
    node.dnssec("roll", &["--force"]);
    let both = node.ds();
    assert_eq!(both.len(), 2);
    let new: Vec<String> = both.iter().filter(|ds| !old.contains(ds)).cloned().collect();
    for parent in [&old, &both, &new] {
        node.everything_validates(parent);
    }
    node.dnssec("roll", &["--force", "--ds-published"]);
    assert_eq!(node.ds(), new);
    for parent in [&old, &both, &new] {
        node.everything_validates(parent);
    }
    node.dnssec("roll", &["--force"]);
    node.everything_validates(&new);
    let told = node.dnssec("status", &[]);
    assert!(told.contains("next: nothing"), "{told}");
    // To another algorithm, which signs all from the day that it is published.
    let estate = std::fs::read_to_string(node.path("estate.toml")).expect("the estate");
    std::fs::write(node.path("estate.toml"), estate.replace("ecdsa-p256-sha256", "ed25519"))
        .expect("the estate");
    wait_for("the new algorithm", DEADLINE, || {
        let keys = node.cli(&["-o", "json", "dnssec", "status", "signed.test."]);
        let told = keys.split("\"dnssec\":").nth(1).unwrap_or_default().to_owned();
        if told.contains("\"algorithm\": 15") { Ok(()) } else { Err(told) }
    });
    node.dnssec("roll", &["--seal-file", &seal]);
    node.everything_validates(&new);
    let answer = node.dig(&["+dnssec", "mail.signed.test.", "A"]);
    assert_eq!(answer.matches("RRSIG\tA ").count(), 2, "{answer}");
}

#[test]
fn a_validating_resolver_marks_answers_as_authentic() {
    let node = Signed::start(5, "ecdsa-p256-sha256");
    node.enable();
    let anchor = node.ds().remove(0);
    let config = format!(
        "server:\n  interface: {0}\n  port: 5399\n  access-control: 127.0.0.0/8 allow\n  do-not-query-localhost: no\n  do-daemonize: no\n  use-syslog: no\n  \
         username: \"\"\n  chroot: \"\"\n  directory: \"{1}\"\n  pidfile: \"{1}/unbound.pid\"\n  module-config: \"validator iterator\"\n  \
         trust-anchor: \"{anchor}\"\n  local-zone: \"test.\" nodefault\n  aggressive-nsec: yes\nremote-control:\n  control-enable: no\n\
         stub-zone:\n  name: \"signed.test.\"\n  stub-addr: {0}@5300\n",
        node.address,
        node.folder.path().display()
    );
    std::fs::write(node.path("unbound.conf"), config).expect("the resolver's file");
    let mut command = Command::new("unbound");
    command.arg("-c").arg(node.path("unbound.conf"));
    let resolver = Running::start(command, &node.path("unbound.log"));
    let server = format!("@{}", node.address);
    let ask = |name: &str, rtype: &str| {
        let answer =
            output(Command::new("dig").args([&server, "-p", "5399", "+dnssec", "+time=3", name, rtype]));
        String::from_utf8_lossy(&answer.stdout).into_owned()
    };
    wait_for("the resolver", DEADLINE, || {
        let answer = ask("signed.test.", "SOA");
        if answer.contains("NOERROR") { Ok(()) } else { Err(format!("{answer}{}", resolver.text())) }
    });
    for (name, rtype) in [
        ("signed.test.", "DNSKEY"),
        ("www.signed.test.", "A"),
        ("alias.signed.test.", "A"),
        ("q.wild.signed.test.", "TXT"),
        ("x.y.wild.signed.test.", "A"),
        ("b.many.signed.test.", "A"),
        ("far.signed.test.", "A"),
        ("x.old.signed.test.", "A"),
        ("nope.signed.test.", "A"),
        ("mail.signed.test.", "TXT"),
        ("b.ent.signed.test.", "TXT"),
        ("a.b.ent.signed.test.", "TXT"),
        ("child.signed.test.", "DS"),
        ("az3.web.pool.signed.test.", "A"),
    ] {
        let answer = ask(name, rtype);
        let flags = answer.lines().find(|line| line.contains("flags:")).unwrap_or_default();
        assert!(flags.contains(" ad"), "{name} {rtype}: {answer}{}", resolver.text());
    }
}
