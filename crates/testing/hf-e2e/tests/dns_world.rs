//! Our DNS role beside Knot, NSD and BIND: as their primary and their secondary, for `nsupdate`, `dig -y` and `kdig +tls`.
//!
//! What only this can show: that others read our transfers, signatures and updates as we mean them, and we theirs.
//! `HF_DNS_CHANGES` says how many random changes the chain goes through; the nightly run asks for 10,000.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hf_clock::Clock;
use hf_config::estate::EstateBundle;
use hf_config::node::{DnsConfig, DnsTls};
use hf_control::Intent;
use hf_dns::{Answering, ColdInputs, DotTls, Inputs, Settings, UpdateRequest, Updates};
use hf_dns::{HostedConfig, HostedStore};
use hf_e2e::process::{Running, output};
use hf_e2e::wait_for;
use hf_health::Verdicts;
use hf_model::{DnsName, Revision, Timestamp, WireName};
use hf_snapshot::Snapshot;
use hf_telemetry::Activity;
use hf_wire::Rcode;
use hf_wire::tsig::{Algorithm, Key, Keys};
use tokio::sync::watch;

const DEADLINE: Duration = Duration::from_mins(1);

/// The base64 of the secret below.
const SECRET: &str = "b25lIHNlY3JldCBvZiB0aGlydHktdHdvIGJ5dGVzISE=";
const SECRET_BYTES: &[u8] = b"one secret of thirty-two bytes!!";

const ESTATE: &str = r#"
[[region]]
id = "eu"
[[zone]]
id = "eu-az1"
region = "eu"
[[health_check]]
name = "web"
kind = "tcp"
[[pool]]
name = "web"
health_check = "web"
endpoints = [{ address = "10.0.1.1:80", zone = "eu-az1" }]
"#;

const STEERED: &str = r#"
[[record]]
name = "www.example.test."
type = "A"
ttl = "5s"
answer = { pool = "web" }
choose = ["open"]
"#;

fn keys() -> Keys {
    let name = WireName::from(&DnsName::new("xfer.").expect("a name"));
    Keys::new([Key::new(&name, Algorithm::HmacSha256, SECRET_BYTES)])
}

fn snapshot(rest: &str, zone_file: Option<String>, number: u64) -> Arc<Snapshot> {
    let files = zone_file.map(|text| ("example.test.zone".to_owned(), text)).into_iter().collect();
    let bundle = EstateBundle { toml: format!("{ESTATE}{rest}"), files };
    let estate = hf_config::read_estate("estate.toml", &bundle).unwrap_or_else(|why| panic!("{why}"));
    let revision = Revision(number);
    let intent = Intent { revision, estate_revision: revision, estate: bundle, ..Intent::default() };
    let (intent, estate) = (Arc::new(intent), Arc::new(estate));
    Arc::new(Snapshot::build(number, Timestamp(number), intent, estate, Vec::new(), Verdicts::unknown(1)))
}

/// Our role in this process.
struct Ours {
    address: SocketAddr,
    tls: Option<SocketAddr>,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    store: HostedStore,
    runtime: tokio::runtime::Runtime,
    _stop: watch::Sender<bool>,
}

impl Ours {
    fn start(
        folder: &Path,
        first: Arc<Snapshot>,
        updates: Option<Arc<dyn Updates>>,
        tls: Option<DnsTls>,
    ) -> Ours {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        let store = HostedStore::open(HostedConfig {
            data_dir: folder.to_path_buf(),
            zone_dir: None,
            keys: keys(),
            clock: Clock::system(),
        });
        let mut config = DnsConfig::on(vec!["127.0.0.1:0".parse().expect("an address")]);
        let dot = tls.as_ref().map(|tls| DotTls::load(tls).expect("a certificate"));
        config.tls = tls;
        let bound = runtime.block_on(hf_dns::bind(&config)).expect("free ports");
        let (snapshots, receiver) = watch::channel(Some(first));
        let (stop, stopped) = watch::channel(false);
        let (address, tls) = (bound.local_addresses()[0], bound.tls_addresses().first().copied());
        let inputs = Inputs {
            snapshots: receiver,
            clock: Clock::system(),
            activity: Arc::new(Activity::default()),
            own_zone: None,
            settings: Settings::default(),
            geography: hf_geo::Geography::default(),
            cold: ColdInputs { keys: keys(), hosted: Some(store.clone()), updates, tls: dot },
        };
        runtime.spawn(bound.run(inputs, stopped));
        Ours { address, tls, snapshots, store, runtime, _stop: stop }
    }

    fn serial(&self) -> Option<u32> {
        self.store.report().first().and_then(|report| report.serial)
    }
}

/// A port that was free a moment ago, over UDP and TCP.
fn free_port() -> u16 {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    taken.local_addr().expect("it is bound").port()
}

fn write(path: PathBuf, text: &str) -> PathBuf {
    std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path
}

/// What dig prints, with our key.
fn dig(port: u16, arguments: &[&str]) -> String {
    let key = format!("hmac-sha256:xfer:{SECRET}");
    let port = port.to_string();
    let mut command = Command::new("dig");
    command.args([
        "@127.0.0.1",
        "-p",
        &port,
        "-y",
        &key,
        "+time=2",
        "+tries=1",
        "+noall",
        "+answer",
        "+nocmd",
    ]);
    String::from_utf8_lossy(&output(command.args(arguments)).stdout).into_owned()
}

fn dig_serial(port: u16) -> Result<u32, String> {
    let told = dig(port, &["example.test.", "SOA", "+short"]);
    told.split_whitespace().nth(2).and_then(|serial| serial.parse().ok()).ok_or(format!("it says {told:?}"))
}

/// All records of the zone, each as its fields.
fn axfr(port: u16) -> BTreeSet<String> {
    let told = dig(port, &["example.test.", "AXFR"]);
    let lines = told.lines().filter(|line| !line.starts_with(';') && !line.is_empty());
    lines
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .filter(|line| !line.contains(" TSIG "))
        .collect()
}

fn knot(folder: &Path, port: u16, zone: &str) -> Running {
    let config = format!(
        "server:\n    listen: 127.0.0.1@{port}\n    rundir: \"{folder}\"\n    user: root:root\nlog:\n  - target: stderr\n    any: info\n\
         database:\n    storage: \"{folder}/db\"\nkey:\n  - id: xfer.\n    algorithm: hmac-sha256\n    secret: {SECRET}\n{zone}",
        folder = folder.display()
    );
    std::fs::create_dir_all(folder.join("db")).expect("a folder for the journal");
    let config = write(folder.join("knot.conf"), &config);
    let mut command = Command::new("knotd");
    command.arg("-c").arg(config);
    Running::start(command, &folder.join("knot.log"))
}

fn nsd(folder: &Path, port: u16, primary: SocketAddr) -> Running {
    let (address, primary_port) = (primary.ip(), primary.port());
    let config = format!(
        "server:\n  ip-address: 127.0.0.1@{port}\n  username: \"\"\n  zonesdir: \"{f}\"\n  database: \"\"\n  pidfile: \"{f}/nsd.pid\"\n  xfrdfile: \"{f}/xfrd.state\"\n\
         \x20 zonelistfile: \"{f}/zone.list\"\n  xfrdir: \"{f}\"\n  verbosity: 2\n  server-count: 1\n  xfrd-reload-timeout: 0\nremote-control:\n  control-enable: no\n\
         key:\n  name: \"xfer.\"\n  algorithm: hmac-sha256\n  secret: \"{SECRET}\"\nzone:\n  name: \"example.test.\"\n  request-xfr: {address}@{primary_port} xfer.\n\
         \x20 allow-notify: 127.0.0.1 xfer.\n  provide-xfr: 127.0.0.1 xfer.\n  min-retry-time: 1\n",
        f = folder.display()
    );
    let config = write(folder.join("nsd.conf"), &config);
    let mut command = Command::new("nsd");
    command.args(["-d", "-c"]).arg(config);
    Running::start(command, &folder.join("nsd.log"))
}

fn named(folder: &Path, port: u16, primary: SocketAddr) -> Running {
    let (address, primary_port) = (primary.ip(), primary.port());
    let config = format!(
        "options {{ directory \"{f}\"; listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; pid-file \"{f}/named.pid\";\n\
         session-keyfile \"{f}/session.key\"; notify no; dnssec-validation no; min-retry-time 1; min-refresh-time 1; }};\ncontrols {{ }};\n\
         key \"xfer.\" {{ algorithm hmac-sha256; secret \"{SECRET}\"; }};\n\
         zone \"example.test\" {{ type secondary; file \"example.test.copy\"; primaries {{ {address} port {primary_port} key \"xfer.\"; }};\n\
         allow-notify {{ key \"xfer.\"; }}; allow-transfer {{ key \"xfer.\"; }}; }};\n",
        f = folder.display()
    );
    let config = write(folder.join("named.conf"), &config);
    let mut command = Command::new("named");
    command.args(["-g", "-c"]).arg(config);
    Running::start(command, &folder.join("named.log"))
}

/// A few random records over a fixed frame; the same number gives the same records.
fn random_zone(serial: u32) -> String {
    let mut state = u64::from(serial).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut text = format!(
        "$ORIGIN example.test.\n$TTL 60\n@ SOA ns hostmaster {serial} 5 2 600 60\n@ NS ns\n@ NS ns2\nns A 192.0.2.1\nns2 A 192.0.2.2\n@ MX 10 mail\nmail A 192.0.2.3\n"
    );
    for host in 0..40 {
        if next(4) > 0 {
            text.push_str(&format!("h{host} {} A 192.0.2.{}\n", 60 + next(3) * 60, next(250)));
        }
        if next(8) == 0 {
            text.push_str(&format!("deep.er.h{host} TXT \"{}\" \"two\"\n", next(1_000)));
        }
        if next(9) == 0 {
            text.push_str(&format!("_svc._tcp.h{host} SRV 1 2 {} mail\n", next(60_000)));
        }
    }
    if next(2) == 0 {
        text.push_str("*.wild CNAME mail\nsub NS ns.sub\nns.sub A 192.0.2.9\n");
    }
    text
}

#[test]
fn knot_nsd_and_bind_stay_in_step_with_us() {
    let changes: u32 = std::env::var("HF_DNS_CHANGES").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
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
    let running = [
        ("knot", knot(&place("knot"), ports[0], &zone)),
        ("nsd", nsd(&place("nsd"), ports[1], primary)),
        ("bind", named(&place("bind"), ports[2], primary)),
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

#[test]
fn we_follow_knot_while_nsupdate_changes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = folder.path().join("knot");
    std::fs::create_dir_all(&place).expect("a folder");
    let (port, first) = (free_port(), random_zone(1));
    write(place.join("example.test.zone"), &first);
    let estate = format!(
        "[[hosted_zone]]\nname = \"example.test.\"\nprimaries = [{{ address = \"127.0.0.1:{port}\", key = \"xfer.\" }}]\ntransfers = [{{ key = \"xfer.\" }}]\n"
    );
    let data = folder.path().join("ours");
    let ours = Ours::start(&data, snapshot(&estate, None, 1), None, None);
    let zone = format!(
        "remote:\n  - id: ours\n    address: 127.0.0.1@{}\n    key: xfer.\nacl:\n  - id: all\n    key: xfer.\n    action: [transfer, update]\n\
         zone:\n  - domain: example.test.\n    storage: \"{}\"\n    notify: ours\n    acl: all\n    zonefile-load: difference\n",
        ours.address.port(),
        place.display()
    );
    let primary = knot(&place, port, &zone);
    wait_for("the first transfer", DEADLINE, || ours.serial().ok_or_else(|| primary.text()));
    for number in 0..20 {
        let script = format!(
            "server 127.0.0.1 {port}\nzone example.test.\nkey hmac-sha256:xfer {SECRET}\nupdate add new{number}.example.test. 60 A 192.0.2.{number}\n\
             update delete h{number}.example.test.\nsend\n"
        );
        let script = write(folder.path().join("nsupdate"), &script);
        let told = output(Command::new("nsupdate").arg(script));
        assert!(told.status.success(), "{}{}", String::from_utf8_lossy(&told.stderr), primary.text());
        wait_for("our copy", DEADLINE, || {
            let theirs = dig_serial(port)?;
            if ours.serial() == Some(theirs) {
                Ok(())
            } else {
                Err(format!("{:?} of {theirs}", ours.serial()))
            }
        });
    }
    wait_for("the same records", DEADLINE, || {
        let (theirs, has) = (axfr(port), axfr(ours.address.port()));
        if theirs == has { Ok(()) } else { Err(format!("{:?}", theirs.symmetric_difference(&has))) }
    });
    // The primary dies; a new process has the copy from its disk.
    let serial = ours.serial();
    primary.kill();
    ours.runtime.shutdown_background();
    let again = Ours::start(&data, snapshot(&estate, None, 1), None, None);
    wait_for("the copy", DEADLINE, || {
        let told = dig_serial(again.address.port())?;
        if Some(told) == serial { Ok(()) } else { Err(format!("{told}")) }
    });
    again.runtime.shutdown_background();
}

/// Takes every update and keeps it.
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
    wait_for("our answers", DEADLINE, || dig_serial(ours.address.port()));
    let nsupdate = |secret: &str, zone: &str, lines: &str, tcp: bool| {
        let port = ours.address.port();
        let text =
            format!("server 127.0.0.1 {port}\nzone {zone}\nkey hmac-sha256:xfer {secret}\n{lines}\nsend\n");
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
    let tls = DnsTls {
        listen: vec!["127.0.0.1:0".parse().expect("an address")],
        certificate: certificate.clone(),
        key: key.clone(),
    };
    let estate = "[[hosted_zone]]\nname = \"example.test.\"\nfile = \"example.test.zone\"\n";
    let first = snapshot(estate, Some(random_zone(1)), 1);
    let ours = Ours::start(&folder.path().join("ours"), first, None, Some(tls));
    let port = ours.tls.expect("a listener").port().to_string();
    let kdig = |name: &str| {
        let ca = format!("+tls-ca={}", certificate.display());
        let host = format!("+tls-host={name}");
        let told = output(Command::new("kdig").args([
            "@127.0.0.1",
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
