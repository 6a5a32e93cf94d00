//! Knot and BIND as secondaries that are told of their zones by our catalog alone (RFC 9432).

use std::net::SocketAddr;

use hf_e2e::process::Running;
use hf_e2e::wait_for;

use super::ours::{DEADLINE, Ours, snapshot};
use super::peers::{dig, knot, named_with, own_named, own_server};

/// An estate with these hosted zones and a catalog of them.
fn estate(members: &[&str], notify: &str) -> String {
    let shared = format!("transfers = [{{ key = \"xfer.\" }}]\nnotify = [{notify}]\n");
    let mut text = format!("[[hosted_zone]]\nname = \"catalog.test.\"\ncatalog = \"all\"\n{shared}");
    for name in members {
        text.push_str(&format!("[[hosted_zone]]\nname = \"{name}\"\n{shared}"));
        for (owner, kind, value) in
            [(String::new(), "NS", format!("ns.{name}")), ("ns.".to_owned(), "A", "192.0.2.53".to_owned())]
        {
            text.push_str(&format!(
                "[[record]]\nname = \"{owner}{name}\"\ntype = \"{kind}\"\nvalues = [\"{value}\"]\n"
            ));
        }
    }
    text
}

/// What the catalog tells: its serial, and its members with their labels.
fn told(primary: SocketAddr) -> (u32, Vec<String>) {
    wait_for("the catalog", DEADLINE, || {
        let told = dig(primary, &["catalog.test.", "AXFR"]);
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        let is_of = |words: &[String], wanted: &str| words.get(3).is_some_and(|kind| kind == wanted);
        let records = told.lines().filter(|line| !line.starts_with(';')).map(words);
        let lines: Vec<Vec<String>> =
            records.filter(|words| !words.is_empty() && !is_of(words, "TSIG")).collect();
        // A transfer that broke off lacks the SOA at its end, and some members.
        let is_whole = lines.len() > 1 && lines.first() == lines.last();
        let soa = lines.first().filter(|words| is_whole && is_of(words, "SOA"));
        let serial = soa.and_then(|words| words.get(6)?.parse().ok());
        let members = lines.iter().filter(|words| is_of(words, "PTR"));
        let mut members: Vec<String> = members.map(|words| format!("{} {}", words[0], words[4])).collect();
        members.sort();
        serial.map(|serial| (serial, members)).ok_or(told)
    })
}

/// Waits until this secondary answers for some hosted zones, and not for others.
fn wait_until(name: &str, peer: &Running, at: SocketAddr, serves: &[&str], not: &[&str]) {
    let log = || peer.text().lines().rev().take(15).collect::<Vec<_>>().join("\n");
    for member in serves {
        wait_for(&format!("{name} to serve {member}"), DEADLINE, || {
            let told = dig(at, &[&format!("ns.{member}"), "A", "+short"]);
            if told.trim() == "192.0.2.53" {
                Ok(())
            } else {
                Err(format!("{told:?}; its log, newest first:\n{}", log()))
            }
        });
    }
    for member in not {
        wait_for(&format!("{name} to have dropped {member}"), DEADLINE, || {
            let told = dig(at, &[&format!("ns.{member}"), "A", "+comments"]);
            if told.contains("status: REFUSED") {
                Ok(())
            } else {
                Err(format!("{told:?}; its log, newest first:\n{}", log()))
            }
        });
    }
}

#[test]
fn knot_and_bind_serve_what_our_catalog_tells_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let peers = [own_server(), own_named()];
    let notify: Vec<_> =
        peers.iter().map(|peer| format!("{{ address = \"{peer}\", key = \"xfer.\" }}")).collect();
    let notify = notify.join(", ");
    let first = snapshot(&estate(&["one.test.", "two.test."], &notify), None, 1);
    let ours = Ours::start(&folder.path().join("ours"), first, None, None);
    let place = |name: &str| {
        let place = folder.path().join(name);
        std::fs::create_dir_all(&place).expect("a folder");
        place
    };
    let (address, port) = (ours.address.ip(), ours.address.port());
    let knot_place = place("knot");
    let knot_zone = format!(
        "remote:\n  - id: ours\n    address: {address}@{port}\n    key: xfer.\nacl:\n  - id: notified\n    address: 127.0.0.1\n    key: xfer.\n    action: notify\n\
         template:\n  - id: member\n    master: ours\n    acl: notified\n    storage: \"{place}\"\n    retry-min-interval: 1s\n\
         zone:\n  - domain: catalog.test.\n    master: ours\n    acl: notified\n    storage: \"{place}\"\n    retry-min-interval: 1s\n\
         \x20   catalog-role: interpret\n    catalog-template: member\n",
        place = knot_place.display()
    );
    let primaries = format!("{{ {address} port {port} key \"xfer.\"; }}");
    let bind_options = format!(
        "catalog-zones {{ zone \"catalog.test\" default-primaries {primaries} zone-directory \"{}\" min-update-interval 1; }};",
        place("bind").display()
    );
    let bind_zone = format!(
        "zone \"catalog.test\" {{ type secondary; file \"catalog.test.copy\"; primaries {primaries}; allow-notify {{ key \"xfer.\"; }}; }};"
    );
    let running = [
        ("knot", knot(&knot_place, peers[0], &knot_zone)),
        ("bind", named_with(&place("bind"), peers[1], &bind_options, &bind_zone)),
    ];
    let secondaries = || running.iter().zip(peers).map(|((name, peer), at)| (*name, peer, at));
    for (name, peer, at) in secondaries() {
        wait_until(name, peer, at, &["one.test.", "two.test."], &["three.test."]);
    }
    let (serial, members) = told(ours.address);
    assert_eq!(members.len(), 2, "{members:?}");

    let next = snapshot(&estate(&["three.test.", "two.test."], &notify), None, 2);
    ours.snapshots.send_replace(Some(next));
    for (name, peer, at) in secondaries() {
        wait_until(name, peer, at, &["two.test.", "three.test."], &["one.test."]);
    }
    let (later, members_later) = told(ours.address);
    assert!(later > serial, "{later} after {serial}");
    let kept: Vec<_> = members.iter().filter(|member| members_later.contains(member)).collect();
    assert_eq!(kept.len(), 1, "who stays keeps its label: {members:?}, then {members_later:?}");
    assert!(kept[0].ends_with(" two.test."), "{kept:?}");
    drop(running);
    ours.runtime.shutdown_background();
}
