//! `ldns-verify-zone` over all that we answer, and `dnsviz` over how we answer.
//!
//! 1. There is no signed zone to be had from us: signatures are not transferred (`docs/dns.md`). So the zone is put together from answers:
//!    each name, each type, with signatures and denials.
//! 2. Of what ldns says about that, the chain of NSEC records is passed over: in compact denial (RFC 9824) each record points right behind
//!    its own name, and aliases and delegations have theirs only where they deny. Everything else is an error.
//! 3. dnsviz may have neither errors nor warnings, and must have called every answer secure.
//! 4. Both are shown to see what is wrong: a changed record, another trust anchor.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use hf_e2e::process::{must, output};

use super::node::Signed;

const NAMES: &str = "@ ns1 mail alias far *.wild wild a.b.ent b.ent ent old x.new new _sip._tcp _tcp svc www *.many many child secure \
                     az1.web.pool az2.web.pool az3.web.pool web.pool pool";
const TYPES: &str = "A AAAA NS SOA MX TXT CNAME DNAME SRV HTTPS DS DNSKEY CDS CDNSKEY NSEC";

/// All that is answered, as a master file; with denials, but for those at names that stand in for others.
fn answered(node: &Signed) -> String {
    let mut records = BTreeSet::new();
    // Addresses of name servers below a cut are in no answer.
    records.insert("ns1.child.signed.test. 300 IN A 192.0.2.53".to_owned());
    records.insert("ns1.secure.signed.test. 300 IN A 192.0.2.54".to_owned());
    for label in NAMES.split_whitespace() {
        let name = if label == "@" { "signed.test.".to_owned() } else { format!("{label}.signed.test.") };
        let mut arguments = vec!["+dnssec", "+noall", "+answer", "+authority", "+norecurse", "+nosplit"];
        arguments.extend(TYPES.split_whitespace().flat_map(|rtype| [name.as_str(), rtype]));
        for line in node.dig(&arguments).lines().filter(|line| !line.starts_with(';')) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let is_about_it = fields.first().is_some_and(|owner| owner.eq_ignore_ascii_case(&name));
            // With a "no", the SOA comes with the shorter TTL of negative answers.
            let kind = if fields.get(3) == Some(&"RRSIG") { fields.get(4) } else { fields.get(3) };
            if is_about_it && !(kind == Some(&"SOA") && fields[1] == "60") {
                records.insert(line.replace('\t', " "));
            }
        }
    }
    records.into_iter().map(|record| record + "\n").collect()
}

/// What ldns says of this zone, without the chain.
fn ldns(node: &Signed, zone: &str) -> Vec<String> {
    let (file, keys) = (node.path("answered.zone"), node.path("answered.keys"));
    std::fs::write(&file, zone).expect("the zone");
    let is_key = |line: &&str| line.split_whitespace().nth(3) == Some("DNSKEY");
    std::fs::write(&keys, zone.lines().filter(is_key).map(|key| format!("{key}\n")).collect::<String>())
        .expect("the keys");
    let told = output(Command::new("ldns-verify-zone").arg("-k").arg(&keys).arg(&file));
    let told = format!("{}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert!(
        told.contains("There were errors in the zone"),
        "it reads the zone, and there is no chain: {told}"
    );
    let is_chain = |line: &&str| {
        line.ends_with("points to the wrong next owner name") || line.contains("there is no NSEC(3) for")
    };
    let is_result = |line: &&str| line.starts_with("There were errors") || line.ends_with("All OK");
    told.lines().filter(|line| !is_chain(line) && !is_result(line)).map(str::to_owned).collect()
}

#[test]
fn ldns_finds_every_signature_right() {
    for (number, algorithm) in [(6, "ecdsa-p256-sha256"), (7, "ed25519")] {
        let node = Signed::start(number, algorithm);
        node.enable();
        let zone = answered(&node);
        let signatures = zone.lines().filter(|line| line.contains(" RRSIG ")).count();
        assert!(signatures > 40, "{zone}");
        assert_eq!(ldns(&node, &zone), Vec::<String>::new(), "{zone}");
        let bent = zone.replace("A 192.0.2.25\n", "A 192.0.2.26\n");
        let told = ldns(&node, &bent).join("\n");
        assert!(told.contains("Bogus DNSSEC signature") && told.contains("mail.signed.test."), "{told}");
    }
}

/// Names of every kind: steered, aliases, wildcards, below a DNAME, zonal, not there, with nothing but names below.
const SEEN: &str = "signed.test www.signed.test alias.signed.test x.wild.signed.test x.y.wild.signed.test a.many.signed.test far.signed.test \
                    x.old.signed.test _sip._tcp.signed.test svc.signed.test az1.web.pool.signed.test nope.signed.test b.ent.signed.test pool.signed.test";

/// Debian's dnsviz asks its drawing library for a version in a place where it no longer is, though `grok` draws nothing.
const DNSVIZ: &str = "import runpy, types, pygraphviz
pygraphviz.release = types.SimpleNamespace(version='1.10')
runpy.run_path('/usr/bin/dnsviz', run_name='__main__')";

/// dnsviz's account of what was probed, down to `level`; nothing when there is nothing to say.
pub fn grok(probed: &Path, anchors: &Path, level: &str) -> String {
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", DNSVIZ, "grok", "-P", "-l", level, "-t"]).arg(anchors).arg("-r").arg(probed);
    must(&mut command)
}

/// Everything that it calls by a status, each once.
fn statuses(told: &str) -> BTreeSet<String> {
    let status =
        |line: &str| line.trim().strip_prefix("\"status\": \"")?.split('"').next().map(str::to_owned);
    told.lines().filter_map(status).collect()
}

#[test]
fn dnsviz_has_nothing_to_say_against_us() {
    for (number, algorithm) in [(8, "ecdsa-p256-sha256"), (9, "ed25519")] {
        let node = Signed::start(number, algorithm);
        node.enable();
        let (probed, anchors) = (node.path("probed.json"), node.path("anchors.zone"));
        let key = node.dig(&["+noall", "+answer", "DNSKEY", "signed.test."]);
        std::fs::write(&anchors, &key).expect("the trust anchor");
        let ds = node.ds().remove(0);
        let ds = ds.split(" DS ").nth(1).expect("a DS record");
        let mut probe = Command::new("dnsviz");
        // With `-E` it also tries what EDNS may bring: versions, options, flags, sizes.
        probe
            .args(["probe", "-A", "-4", "-E", "-a", "signed.test", "-R", "A,AAAA,TXT,MX,DNAME,SRV,HTTPS,CDS"])
            .args(["-x", &format!("signed.test+:ns1.signed.test={}:5300", node.address)])
            .args(["-N", &format!("signed.test:ns1.signed.test={}", node.address)])
            .args(["-D", &format!("signed.test:{ds}"), "-o"])
            .arg(&probed)
            .args(SEEN.split_whitespace());
        must(&mut probe);
        assert_eq!(grok(&probed, &anchors, "warning"), "", "{algorithm}");
        let told = grok(&probed, &anchors, "info");
        assert!(told.matches("\"SECURE\"").count() > 100, "{told}");
        assert_eq!(statuses(&told), ["NOERROR", "SECURE", "VALID"].map(str::to_owned).into(), "{told}");
        let other = key.replace("257 3 1", "256 3 1");
        assert_ne!(other, key);
        std::fs::write(&anchors, other).expect("another trust anchor");
        let told = grok(&probed, &anchors, "info");
        assert!(!told.contains("\"SECURE\""), "{told}");
    }
}
