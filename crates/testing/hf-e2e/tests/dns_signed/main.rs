//! Signed zones of a running node, judged by validators that are not ours: delv, unbound, ldns-verify-zone, dnsviz, zonemaster.

mod judges;
mod node;
mod zonemaster;

use std::process::Command;

use hf_e2e::process::{Running, holdfast, output};
use hf_e2e::wait_for;
use hf_e2e::world::DEADLINE;
use node::Signed;

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
