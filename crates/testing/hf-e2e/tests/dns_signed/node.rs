//! A running node with a signed zone.

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
pub struct Signed {
    pub folder: tempfile::TempDir,
    pub address: String,
    _node: Running,
}

impl Signed {
    pub fn start(number: u8, algorithm: &str) -> Signed {
        let address = format!("127.78.{number}.{}", 1 + std::process::id() % 250);
        Signed::start_on(address, &[], ZONE, algorithm)
    }

    /// On `address` and these others, with this master file. The others are asked on port 53, by who insists on it.
    pub fn start_on(address: String, others: &[&str], zone: &str, algorithm: &str) -> Signed {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let listen: Vec<String> = std::iter::once(format!("\"{address}:5300\""))
            .chain(others.iter().map(|other| format!("\"{other}:53\"")))
            .collect();
        let listen = listen.join(", ");
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect(name);
        write(
            "node.toml",
            &format!(
                "[node]\nid = \"lone\"\nzone = \"az1\"\ndata_dir = \"data\"\nroles = [\"control\", \"dns\"]\nestate = \"estate.toml\"\n\n\
                 [api]\nlisten = \"{address}:7600\"\n[feed]\nlisten = \"{address}:7602\"\n[dns]\nlisten = [{listen}]\nseal_file = \"seal.key\"\n"
            ),
        );
        write("estate.toml", &ESTATE.replace("ALGORITHM", algorithm));
        write("signed.test.zone", zone);
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

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub fn dig(&self, arguments: &[&str]) -> String {
        let server = format!("@{}", self.address);
        let answer =
            output(Command::new("dig").args([&server, "-p", "5300", "+time=2", "+tries=2"]).args(arguments));
        String::from_utf8_lossy(&answer.stdout).into_owned()
    }

    pub fn cli(&self, arguments: &[&str]) -> String {
        let token = std::fs::read_to_string(self.path("data/operator.token")).unwrap_or_default();
        must(
            Command::new(holdfast())
                .args(arguments)
                .env("HOLDFAST_ENDPOINTS", format!("http://{}:7600", self.address))
                .env("HOLDFAST_TOKEN", token.trim()),
        )
    }

    pub fn dnssec(&self, what: &str, more: &[&str]) -> String {
        self.cli(&[&["dnssec", what, "signed.test."], more].concat())
    }

    pub fn enable(&self) {
        let seal = self.path("seal.key").display().to_string();
        let told = self.dnssec("enable", &["--seal-file", &seal]);
        assert!(told.contains("signed.test. is signed"), "{told}");
        wait_for("signatures", DEADLINE, || {
            let answer = self.dig(&["+dnssec", "DNSKEY", "signed.test."]);
            if answer.contains("RRSIG") { Ok(()) } else { Err(answer) }
        });
    }

    /// What the registrar is told: the DS records.
    pub fn ds(&self) -> Vec<String> {
        self.dnssec("ds", &[]).lines().map(str::to_owned).collect()
    }

    /// Validates with delv, from these DS records on; gives all that it says.
    pub fn delv(&self, ds: &[String], name: &str, rtype: &str) -> String {
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
    pub fn validates(&self, ds: &[String], name: &str, rtype: &str) {
        let told = self.delv(ds, name, rtype);
        assert!(
            told.contains("fully validated"),
            "{name} {rtype}: {told}\n{}",
            self.dig(&["+dnssec", name, rtype])
        );
    }

    /// One question of each kind.
    #[track_caller]
    pub fn everything_validates(&self, ds: &[String]) {
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
