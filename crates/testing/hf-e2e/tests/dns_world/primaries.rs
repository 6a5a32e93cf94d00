//! Knot, NSD and BIND as our primaries: AXFR first, then IXFR, told by NOTIFY, all with TSIG.
//!
//! 1. Each primary's zone is changed at random, many times: Knot's and BIND's by `nsupdate`, NSD's by its master file.
//! 2. Every so often we must have the serial and, record by record, the zone of the primary; what we pass on is compared, not what we think.
//! 3. After the first transfer the steps are enough: the primary's own log must say that it gave us IXFR.
//! 4. When the primary is gone, a new process of ours still has the copy.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use hf_e2e::process::{Running, output};
use hf_e2e::wait_for;
use nix::sys::signal::Signal;

use super::changes;
use super::ours::{DEADLINE, Ours, SECRET, snapshot};
use super::peers::{Draw, axfr, dig_serial, knot, named, nsd, own_named, own_server, random_zone, write};

/// Somebody else's server, whose zone is changed.
struct Primary {
    place: PathBuf,
    at: SocketAddr,
    running: Running,
}

impl Primary {
    fn serial(&self) -> u32 {
        wait_for("the primary's serial", DEADLINE, || dig_serial(self.at))
    }

    /// Some additions and deletions in one update.
    fn update(&self, number: u32) {
        let mut draw = Draw::new(number);
        let (ip, port) = (self.at.ip(), self.at.port());
        let mut script = format!("server {ip} {port}\nzone example.test.\nkey hmac-sha256:xfer {SECRET}\n");
        for _ in 0..=draw.below(5) {
            let (name, last) = (draw.below(60), draw.below(250));
            let line = match draw.below(9) {
                0 => format!("delete h{name}.example.test."),
                1 => format!("delete h{name}.example.test. A"),
                2 => format!("add deep.er.h{name}.example.test. 120 TXT \"{last}\" \"two words\""),
                3 => format!("add _svc._tcp.h{name}.example.test. 60 SRV 1 2 {last} mail.example.test."),
                4 => format!("delete deep.er.h{name}.example.test."),
                5 => format!("add *.w{name}.example.test. 60 CNAME h{last}.example.test."),
                6 => format!("delete *.w{name}.example.test."),
                7 => format!("add sub{name}.example.test. 60 NS ns.h{name}.example.test."),
                _ => format!("add h{name}.example.test. {} A 192.0.2.{last}", 60 + last % 3),
            };
            script.push_str(&format!("update {line}\n"));
        }
        let script = write(self.place.join("nsupdate"), &(script + "send\n"));
        let told = output(Command::new("nsupdate").arg(script));
        let text = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(told.status.success(), "{text}{}", self.running.text());
    }

    /// Another master file.
    fn rewrite(&self, number: u32) {
        let new = self.place.join("new");
        write(new.clone(), &random_zone(number + 1));
        std::fs::rename(new, self.place.join("example.test.zone")).expect("one folder");
        self.running.signal(Signal::SIGHUP);
        wait_for("the primary to read its file", DEADLINE, || match dig_serial(self.at) {
            Ok(serial) if serial == number + 1 => Ok(()),
            told => Err(format!("{told:?}; {}", self.running.text())),
        });
    }
}

/// `start` runs a primary at an address that tells us; `change` changes its zone; `gave_steps` stands in its log when it has given IXFR.
fn check(
    at: SocketAddr,
    start: fn(&Path, SocketAddr, SocketAddr) -> Running,
    change: fn(&Primary, u32),
    often: u32,
    gave_steps: &str,
) {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("primary");
    std::fs::create_dir_all(&place).expect("a folder");
    write(place.join("example.test.zone"), &random_zone(1));
    let estate = format!(
        "[[hosted_zone]]\nname = \"example.test.\"\nprimaries = [{{ address = \"{at}\", key = \"xfer.\" }}]\ntransfers = [{{ key = \"xfer.\" }}]\n"
    );
    let data = folder.path().join("ours");
    let ours = Ours::start(&data, snapshot(&estate, None, 1), None, None);
    let primary = Primary { running: start(&place, at, ours.address), place, at };
    wait_for("the first transfer", DEADLINE, || ours.serial().ok_or_else(|| primary.running.text()));
    let in_step = |change: u32| {
        let serial = primary.serial();
        wait_for("our copy", DEADLINE, || match ours.serial() {
            Some(own) if own == serial => Ok(()),
            own => Err(format!("{own:?} instead of {serial} after {change} changes")),
        });
        wait_for("the same records", DEADLINE, || {
            let (theirs, has) = (axfr(at), axfr(ours.address));
            assert!(theirs.len() > 5, "{theirs:?}");
            let differ: Vec<_> = theirs.symmetric_difference(&has).collect();
            if differ.is_empty() { Ok(()) } else { Err(format!("after {change} changes: {differ:?}")) }
        });
    };
    let changes = changes(often);
    for number in 1..=changes {
        change(&primary, number);
        if number % 10 == 0 || number == changes {
            in_step(number);
        }
    }
    let log = primary.running.text();
    assert!(log.contains(gave_steps), "no IXFR in {log}");
    let (serial, records) = (ours.serial(), axfr(ours.address));
    primary.running.kill();
    ours.runtime.shutdown_background();
    let again = Ours::start(&data, snapshot(&estate, None, 1), None, None);
    wait_for("the copy", DEADLINE, || {
        let told = dig_serial(again.address)?;
        if Some(told) == serial { Ok(()) } else { Err(format!("{told}")) }
    });
    assert_eq!(axfr(again.address), records);
    again.runtime.shutdown_background();
}

#[test]
fn we_follow_knot_while_nsupdate_changes_it() {
    let start = |place: &Path, at: SocketAddr, ours: SocketAddr| {
        let zone = format!(
            "remote:\n  - id: ours\n    address: {}@{}\n    key: xfer.\nacl:\n  - id: all\n    key: xfer.\n    action: [transfer, update]\n\
             zone:\n  - domain: example.test.\n    storage: \"{}\"\n    notify: ours\n    acl: all\n    zonefile-load: difference\n",
            ours.ip(),
            ours.port(),
            place.display()
        );
        knot(place, at, &zone)
    };
    check(own_server(), start, Primary::update, 60, "IXFR, outgoing");
}

#[test]
fn we_follow_bind_while_nsupdate_changes_it() {
    let start = |place: &Path, at: SocketAddr, ours: SocketAddr| {
        let zone = format!(
            "type primary; file \"example.test.zone\"; allow-update {{ key \"xfer.\"; }}; allow-transfer {{ key \"xfer.\"; }};\n\
             notify explicit; notify-delay 0; also-notify {{ {} port {} key \"xfer.\"; }};",
            ours.ip(),
            ours.port()
        );
        named(place, at, &zone)
    };
    check(own_named(), start, Primary::update, 60, "IXFR started");
}

#[test]
fn we_follow_nsd_while_its_master_file_changes() {
    let start = |place: &Path, at: SocketAddr, ours: SocketAddr| {
        let zone = format!(
            "  zonefile: \"example.test.zone\"\n  notify: {}@{} xfer.\n  provide-xfr: 127.0.0.1 xfer.\n\
             \x20 store-ixfr: yes\n  create-ixfr: yes\n  ixfr-number: 50\n",
            ours.ip(),
            ours.port()
        );
        nsd(place, at, &zone)
    };
    check(own_server(), start, Primary::rewrite, 40, "IXFR");
}
