//! Knot, NSD and BIND as our secondaries: AXFR, IXFR, NOTIFY with TSIG.

use hf_e2e::wait_for;

use crate::changes;
use crate::ours::{DEADLINE, Ours, STEERED, snapshot};
use crate::peers::{axfr, dig_serial, free_port, knot, named, nsd, random_zone};

#[test]
fn knot_nsd_and_bind_stay_in_step_with_us() {
    let changes = changes(200);
    let folder = tempfile::tempdir().expect("a folder");
    let ports = [free_port(), free_port(), free_port()];
    let notify: Vec<_> =
        ports.iter().map(|port| format!("{{ address = \"127.0.0.1:{port}\", key = \"xfer.\" }}")).collect();
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
        ("knot", knot(&place("knot"), ports[0], &zone)),
        ("nsd", nsd(&place("nsd"), ports[1], &nsd_zone)),
        ("bind", named(&place("bind"), ports[2], &bind_zone)),
    ];
    let in_step = || {
        let serial = wait_for("our own serial", DEADLINE, || dig_serial(primary.port()));
        for ((name, peer), port) in running.iter().zip(ports) {
            wait_for(&format!("{name} to have serial {serial}"), DEADLINE, || {
                let log = || peer.text().lines().rev().take(12).collect::<Vec<_>>().join("\n");
                match dig_serial(port) {
                    Ok(has) if has == serial => Ok(()),
                    told => Err(format!("{told:?}; its log, newest first:\n{}", log())),
                }
            });
            let (theirs, expected) = (axfr(port), axfr(primary.port()));
            assert!(expected.len() > 10, "{expected:?}");
            assert_eq!(theirs, expected, "{name} at serial {serial}");
        }
    };
    in_step();
    assert!(
        axfr(primary.port()).contains("www.example.test. 5 IN A 10.0.1.1"),
        "a steered name as its answer"
    );
    for change in 2..=changes {
        let before = dig_serial(primary.port());
        ours.snapshots.send_replace(Some(snapshot(&hosted, Some(random_zone(change)), u64::from(change))));
        // So that many versions are told, not one.
        wait_for("our own version", DEADLINE, || match dig_serial(primary.port()) {
            told if told.is_ok() && told != before => Ok(()),
            told => Err(format!("{told:?}")),
        });
        if change % 50 == 0 || change == changes {
            in_step();
        }
    }
    drop(running);
    ours.runtime.shutdown_background();
}
