//! The whole way down from a root of our own making: `zonemaster-cli` and `dnsviz` find our zone by themselves.
//!
//! One namespace has a root, a top-level domain and reverse names (NSD), and our node on two addresses of each family, all on port 53 and all public by
//! their numbers: zonemaster calls anything else an error. It asks nobody else; that there is no Internet costs it only which network each address
//! belongs to, which it passes over.

use std::path::Path;
use std::process::Command;

use hf_e2e::netns::{Network, enter};
use hf_e2e::process::{Running, must, output};
use hf_e2e::wait_for;
use hf_e2e::world::DEADLINE;

use super::judges::grok;
use super::node::Signed;

/// As zonemaster would have the numbers of a SOA.
const ZONE: &str = "\
$TTL 3600
@ IN SOA ns1.signed.test. hostmaster.signed.test. 1 14400 3600 1209600 300
@ IN NS ns1.signed.test.
@ IN NS ns2.signed.test.
@ IN MX 10 mail.signed.test.
@ IN TXT \"v=spf1 -all\"
ns1 IN A 45.1.0.1
ns1 IN AAAA 2a01:1::1
ns2 IN A 46.1.0.1
ns2 IN AAAA 2a02:1::1
mail IN A 45.1.0.25
alias IN CNAME www
*.wild IN A 192.0.2.99
";

const OURS: [&str; 4] = ["45.1.0.1", "46.1.0.1", "[2a01:1::1]", "[2a02:1::1]"];
const ROOT: &str = "44.1.0.1";
const ROOT_V6: &str = "2a00:1::1";

const ROOT_ZONE: &str = "\
$TTL 86400
. SOA a.root. hostmaster.root. 1 14400 3600 1209600 300
. NS a.root.
a.root. A 44.1.0.1
a.root. AAAA 2a00:1::1
test. NS a.root.
1.0.1.45.in-addr.arpa. PTR ns1.signed.test.
1.0.1.46.in-addr.arpa. PTR ns2.signed.test.
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.1.0.a.2.ip6.arpa. PTR ns1.signed.test.
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.2.0.a.2.ip6.arpa. PTR ns2.signed.test.
";

const TEST_ZONE: &str = "\
$TTL 86400
test. SOA a.root. hostmaster.root. 1 14400 3600 1209600 300
test. NS a.root.
signed.test. NS ns1.signed.test.
signed.test. NS ns2.signed.test.
ns1.signed.test. A 45.1.0.1
ns1.signed.test. AAAA 2a01:1::1
ns2.signed.test. A 46.1.0.1
ns2.signed.test. AAAA 2a02:1::1
";

/// The root and what is below it, as far as there is anything.
fn root(folder: &Path, ds: &[String]) -> Running {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).expect("our own folder");
    write("root.zone", ROOT_ZONE);
    write("test.zone", &format!("{TEST_ZONE}{}\n", ds.join("\n")));
    let here = folder.display();
    write(
        "nsd.conf",
        &format!(
            "server:\n  ip-address: {ROOT}@53\n  ip-address: {ROOT_V6}@53\n  username: \"\"\n  zonesdir: \"{here}\"\n  database: \"\"\n  pidfile: \"{here}/nsd.pid\"\n\
             \x20 xfrdfile: \"{here}/xfrd\"\n  zonelistfile: \"{here}/zonelist\"\n  server-count: 1\nremote-control:\n  control-enable: no\n\
             zone:\n  name: \".\"\n  zonefile: root.zone\nzone:\n  name: \"test.\"\n  zonefile: test.zone\n"
        ),
    );
    let mut command = Command::new("nsd");
    command.args(["-d", "-c"]).arg(folder.join("nsd.conf"));
    let running = Running::start(command, &folder.join("nsd.log"));
    wait_for("the root", DEADLINE, || {
        // That nobody listens yet is a bad end of dig.
        let asked =
            output(Command::new("dig").args([&format!("@{ROOT}"), "+norecurse", "DS", "signed.test."]));
        let told = String::from_utf8_lossy(&asked.stdout).into_owned();
        if told.contains("NOERROR") && told.contains(" DS ") || told.contains("\tDS\t") {
            Ok(())
        } else {
            Err(told)
        }
    });
    running
}

#[test]
fn zonemaster_and_dnsviz_come_down_from_the_root_without_complaint() {
    let mut network = Network::new();
    network.add("dns", "10.78.53.1");
    enter(&network, "dns");
    let addresses = [ROOT, ROOT_V6, OURS[0], OURS[1], "2a01:1::1", "2a02:1::1"];
    for address in addresses {
        let bits = if address.contains(':') { 128 } else { 32 };
        must(Command::new("ip").args(["addr", "add", &format!("{address}/{bits}"), "dev", "lo", "nodad"]));
    }
    let node = Signed::start_on("127.78.53.1".to_owned(), &OURS, ZONE, "ecdsa-p256-sha256");
    node.enable();
    let folder = tempfile::tempdir().expect("a folder");
    let root = root(folder.path(), &node.ds());

    let hints = folder.path().join("hints");
    std::fs::write(
        &hints,
        format!(". 3600000 NS a.root.\na.root. 3600000 A {ROOT}\na.root. 3600000 AAAA {ROOT_V6}\n"),
    )
    .expect("the hints");
    let mut zonemaster = Command::new("zonemaster-cli");
    zonemaster.args(["--no-progress", "--level", "INFO", "--show-testcase", "--locale", "C", "--hints"]);
    let told = must(zonemaster.arg(&hints).arg("signed.test"));
    for level in [" WARNING ", " ERROR ", " CRITICAL ", " NOTICE "] {
        let complaints: Vec<&str> = told.lines().filter(|line| line.contains(level)).collect();
        assert!(complaints.is_empty(), "{complaints:#?}\n{told}");
    }
    // It came as far as there is to go: every module had something good to say.
    for module in [
        "BASIC02",
        "ADDRESS02",
        "CONSISTENCY06",
        "DNSSEC10",
        "DELEGATION07",
        "NAMESERVER09",
        "SYNTAX08",
        "ZONE10",
    ] {
        assert!(told.contains(module), "{module} is missing: {told}");
    }

    let (probed, anchors) = (folder.path().join("probed.json"), folder.path().join("anchors"));
    std::fs::write(&anchors, node.dig(&["+noall", "+answer", "DNSKEY", "signed.test."])).expect("the anchor");
    let dnsviz = || {
        let mut probe = Command::new("dnsviz");
        probe.args(["probe", "-A", "-E", "-a", ".", "-x", &format!(".+:a.root={ROOT}"), "-o"]).arg(&probed);
        let names =
            ["signed.test", "www.signed.test", "alias.signed.test", "x.wild.signed.test", "nope.signed.test"];
        must(probe.args(names));
        grok(&probed, &anchors, "warning")
    };
    assert_eq!(dnsviz(), "");
    // With a DS record of another key above, it sees that.
    root.kill();
    let other: Vec<String> = node.ds().iter().map(|ds| ds.replace(" 13 2 ", " 13 2 00")).collect();
    let other: Vec<String> = other.iter().map(|ds| ds[..ds.len() - 2].to_owned()).collect();
    let _root = self::root(folder.path(), &other);
    let told = dnsviz();
    assert!(told.contains("\"errors\""), "{told}");
}
