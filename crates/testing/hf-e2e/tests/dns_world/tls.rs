//! DNS over TLS, and a certificate that changes.

use std::process::Command;

use hf_config::node::DnsTls;
use hf_e2e::process::output;
use hf_e2e::wait_for;

use super::ours::{DEADLINE, Ours, snapshot};
use super::peers::{own_server, random_zone};

#[test]
fn kdig_speaks_tls_to_us_and_the_certificate_may_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let issue = |name: &str| {
        let made = output(
            Command::new("openssl")
                .args([
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                    "-nodes",
                    "-days",
                    "2",
                ])
                .args(["-subj", &format!("/CN={name}"), "-addext", &format!("subjectAltName=DNS:{name}")])
                .arg("-keyout")
                .arg(&key)
                .arg("-out")
                .arg(&certificate),
        );
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    issue("one.test");
    let tls = DnsTls { listen: vec![own_server()], certificate: certificate.clone(), key: key.clone() };
    let estate = "[[hosted_zone]]\nname = \"example.test.\"\nfile = \"example.test.zone\"\n";
    let first = snapshot(estate, Some(random_zone(1)), 1);
    let ours = Ours::start(&folder.path().join("ours"), first, None, Some(tls));
    let tls = ours.tls.expect("a listener");
    let (at, port) = (format!("@{}", tls.ip()), tls.port().to_string());
    let kdig = |name: &str| {
        let ca = format!("+tls-ca={}", certificate.display());
        let host = format!("+tls-host={name}");
        let told = output(Command::new("kdig").args([
            &at,
            "-p",
            &port,
            "+tls",
            &ca,
            &host,
            "+time=2",
            "example.test.",
            "SOA",
        ]));
        String::from_utf8_lossy(&told.stdout).into_owned()
    };
    let told = wait_for("an answer over TLS", DEADLINE, || {
        let told = kdig("one.test");
        if told.contains("hostmaster.example.test.") { Ok(told) } else { Err(told) }
    });
    assert!(told.contains("PADDING"), "{told}");
    assert!(told.contains("Received 468 B"), "{told}");
    let good_key = std::fs::read(&key).expect("the key");
    // A pair that does not fit: the one of before stays.
    std::fs::write(&key, "no key").expect("the key is ours");
    issue("two.test");
    wait_for("the new certificate", DEADLINE, || {
        let told = kdig("two.test");
        if told.contains("hostmaster.example.test.") { Ok(()) } else { Err(told) }
    });
    assert_ne!(good_key, std::fs::read(&key).expect("the key"));
    ours.runtime.shutdown_background();
}
