//! Knot, NSD and BIND as our secondaries: AXFR, IXFR, NOTIFY with TSIG.

use hf_e2e::wait_for;

use super::changes;
use super::ours::{DEADLINE, Ours, STEERED, snapshot};
use super::peers::{axfr, dig_serial, knot, named, nsd, own_named, own_server, random_zone};

#[test]
fn knot_nsd_and_bind_stay_in_step_with_us() {
    let changes = changes(200);
    let folder = tempfile::tempdir().expect("a folder");
    let peers = [own_server(), own_server(), own_named()];
    let notify: Vec<_> =
        peers.iter().map(|peer| format!("{{ address = \"{peer}\", key = \"xfer.\" }}")).collect();
    let hosted = format!(
        "[[hosted_zone]]\nname = \"example.test.\"\nfile = \"example.test.zone\"\nserial = \"time\"\ntransfers = [{{ key = \"xfer.\" }}]\nnotify = [{}]\n{STEERED}",
        notify.join(", ")
    );
    let ours =
        Ours::start(&folder.path().join("ours"), snapshot(&hosted, Some(random_zone(1)), 1), None, None);
    let place = |name: &str| {
        let place = folder.path().join(name);
        std::fs::create_dir_all(&place).expect("a folder");
        place
    };
    let primary = ours.address;
    // A serial that is the time is given with the first version; until then the SOA shows the snapshot's.
    let settled = || {
        wait_for("the serial that we transfer to be the one that we show", DEADLINE, || {
            let (shown, records) = (dig_serial(primary)?, axfr(primary));
            let soa = format!(" SOA ns.example.test. hostmaster.example.test. {shown} ");
            let is_settled = records.iter().any(|record| record.contains(&soa));
            if is_settled { Ok(shown) } else { Err(format!("it shows {shown} and gives {records:?}")) }
        })
    };
    settled();
    let zone = format!(
        "remote:\n  - id: ours\n    address: {}@{}\n    key: xfer.\nacl:\n  - id: notified\n    address: 127.0.0.1\n    key: xfer.\n    action: [notify, transfer]\n\
         zone:\n  - domain: example.test.\n    master: ours\n    acl: notified\n    storage: \"{}\"\n    retry-min-interval: 1s\n",
        primary.ip(),
        primary.port(),
        place("knot").display()
    );
    let (address, port) = (primary.ip(), primary.port());
    let nsd_zone = format!(
        "  request-xfr: {address}@{port} xfer.\n  allow-notify: 127.0.0.1 xfer.\n  provide-xfr: 127.0.0.1 xfer.\n  min-retry-time: 1\n"
    );
    let bind_zone = format!(
        "type secondary; file \"example.test.copy\"; primaries {{ {address} port {port} key \"xfer.\"; }};\n\
         allow-notify {{ key \"xfer.\"; }}; allow-transfer {{ key \"xfer.\"; }};"
    );
    let running = [
        ("knot", knot(&place("knot"), peers[0], &zone)),
        ("nsd", nsd(&place("nsd"), peers[1], &nsd_zone)),
        ("bind", named(&place("bind"), peers[2], &bind_zone)),
    ];
    let in_step = || {
        let serial = settled();
        for ((name, peer), at) in running.iter().zip(peers) {
            wait_for(&format!("{name} to have serial {serial}"), DEADLINE, || {
                let log = || peer.text().lines().rev().take(12).collect::<Vec<_>>().join("\n");
                match dig_serial(at) {
                    Ok(has) if has == serial => Ok(()),
                    told => Err(format!("{told:?}; its log, newest first:\n{}", log())),
                }
            });
            let (theirs, expected) = (axfr(at), axfr(primary));
            assert!(expected.len() > 10, "{expected:?}");
            assert_eq!(theirs, expected, "{name} at serial {serial}");
        }
    };
    in_step();
    assert!(axfr(primary).contains("www.example.test. 5 IN A 10.0.1.1"), "a steered name as its answer");
    for change in 2..=changes {
        let before = wait_for("our own serial", DEADLINE, || dig_serial(primary));
        ours.snapshots.send_replace(Some(snapshot(&hosted, Some(random_zone(change)), u64::from(change))));
        // So that many versions are told, not one.
        wait_for("our own version", DEADLINE, || match dig_serial(primary) {
            Ok(serial) if serial != before => Ok(()),
            told => Err(format!("{told:?}")),
        });
        if change % 50 == 0 || change == changes {
            in_step();
        }
    }
    drop(running);
    ours.runtime.shutdown_background();
}
