//! `nsupdate` to us (RFC 2136).

use std::process::Command;
use std::sync::{Arc, Mutex};

use hf_dns::{Answering, UpdateRequest, Updates};
use hf_e2e::process::output;
use hf_e2e::wait_for;
use hf_wire::Rcode;

use super::ours::{DEADLINE, Ours, SECRET, snapshot};
use super::peers::{dig_serial, random_zone, write};

#[derive(Default)]
struct Taken(Mutex<Vec<UpdateRequest>>);

impl Updates for Taken {
    fn update(&self, request: UpdateRequest) -> Answering {
        self.0.lock().expect("no test panics while it holds it").push(request);
        Box::pin(std::future::ready(Rcode::NO_ERROR))
    }
}

#[test]
fn nsupdate_is_understood_and_judged() {
    let folder = tempfile::tempdir().expect("a folder");
    let estate = "[[hosted_zone]]\nname = \"example.test.\"\nfile = \"example.test.zone\"\nupdates = [{ key = \"xfer.\", names = [\"*.example.test.\"] }]\n";
    let taken = Arc::new(Taken::default());
    let ours = Ours::start(
        &folder.path().join("ours"),
        snapshot(estate, Some(random_zone(1)), 1),
        Some(taken.clone()),
        None,
    );
    wait_for("our answers", DEADLINE, || dig_serial(ours.address));
    let nsupdate = |secret: &str, zone: &str, lines: &str, tcp: bool| {
        let (ip, port) = (ours.address.ip(), ours.address.port());
        let text = format!("server {ip} {port}\nzone {zone}\nkey hmac-sha256:xfer {secret}\n{lines}\nsend\n");
        let script = write(folder.path().join("nsupdate"), &text);
        let mut command = Command::new("nsupdate");
        if tcp {
            command.arg("-v");
        }
        let told = output(command.arg(script));
        (told.status.success(), String::from_utf8_lossy(&told.stderr).into_owned())
    };
    let lines = "prereq nxdomain new.example.test.\nprereq yxrrset example.test. SOA\nupdate add new.example.test. 60 TXT \"a b\"\nupdate delete old.example.test. A";
    for tcp in [false, true] {
        let (done, told) = nsupdate(SECRET, "example.test.", lines, tcp);
        assert!(done, "{told}");
    }
    let all = taken.0.lock().expect("nobody panicked").clone();
    assert_eq!((all.len(), all[0].prerequisites.len(), all[0].changes.len()), (2, 2, 2));
    assert_eq!((all[0].key.as_str(), all[0].hosted_zone.as_str()), ("xfer.", "example.test."));
    let (done, told) = nsupdate("d3Jvbmcgc2VjcmV0IGluZGVlZA==", "example.test.", lines, false);
    assert!(!done && told.contains("BADSIG"), "{told}");
    let (done, told) = nsupdate(SECRET, "example.org.", lines, false);
    assert!(!done && told.contains("NOTAUTH"), "{told}");
    assert_eq!(taken.0.lock().expect("nobody panicked").len(), 2);
    ours.runtime.shutdown_background();
}
